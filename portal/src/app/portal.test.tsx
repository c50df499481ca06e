/** The whole portal against the fake admin API, as a person uses it. */
import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { FAKE_LOGIN, type FakeAdminApi, createFakeAdminApi } from "../../dev/fake-admin-api";
import { EMPTY_WORLD } from "../../dev/fake-data";
import { App, createPortal } from "./App";

let fake: FakeAdminApi;

function open(path: string) {
  globalThis.history.replaceState(null, "", path);
  const portal = createPortal();
  render(<App portal={portal} />);
  return portal;
}

async function signIn() {
  await userEvent.type(await screen.findByLabelText("E-mail"), FAKE_LOGIN.email);
  await userEvent.type(screen.getByLabelText("Password"), FAKE_LOGIN.password);
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
}

beforeEach(() => {
  fake = createFakeAdminApi();
  vi.stubGlobal("fetch", (request: Request) => fake.handle(request));
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe("signing in", () => {
  it("asks for it first and returns to the page that was asked for", async () => {
    open("/calls?model=demo");
    await signIn();
    expect(await screen.findByRole("heading", { name: "Calls" })).toBeTruthy();
    expect(globalThis.location.search).toContain("model=demo");
  });

  it("says that the password is wrong without saying which", async () => {
    open("/");
    await userEvent.type(await screen.findByLabelText("E-mail"), FAKE_LOGIN.email);
    await userEvent.type(screen.getByLabelText("Password"), "wrong");
    await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
    expect((await screen.findByRole("alert")).textContent).toBe("E-mail or password is wrong.");
  });

  it("comes back to the same page when the session expires", async () => {
    fake.signIn();
    open("/calls?model=demo");
    await screen.findByRole("table", { name: "Calls" });
    fake.expireSession();
    expect(await screen.findByText(/session has ended/)).toBeTruthy();
    await signIn();
    await screen.findByRole("table", { name: "Calls" });
    expect(globalThis.location.pathname + globalThis.location.search).toBe("/calls?model=demo");
  });
});

describe("people without a platform role", () => {
  it("start with the usage of their tenant and see no page of the platform", async () => {
    fake.signIn();
    fake.setPermissions([]);
    open("/");
    expect(await screen.findByRole("heading", { name: "Your usage" })).toBeTruthy();
    const main = within(screen.getByRole("navigation", { name: "Main" }));
    expect(main.getAllByRole("link").map((link) => link.textContent)).toEqual([
      "Your usage",
      "Your keys",
      "Your team",
      "Your alerts",
    ]);
    expect(await screen.findByRole("table", { name: "Usage by model" })).toBeTruthy();
  });

  it("make a personal key of their own and can revoke no other", async () => {
    fake.signIn();
    fake.setPermissions([]);
    open("/my/keys");
    await screen.findByRole("table", { name: "Keys" });
    expect(screen.queryByRole("button", { name: /^Revoke/ })).toBeNull();
    await userEvent.click(screen.getByRole("button", { name: "Create key" }));
    const dialog = screen.getByRole("dialog");
    await userEvent.type(within(dialog).getByLabelText("Name"), "notebook");
    await userEvent.click(within(dialog).getByRole("button", { name: "Create key" }));
    expect((await screen.findByTestId("api-key-secret")).textContent).toMatch(/^sk-[A-Za-z0-9]{48}$/);
    await userEvent.click(screen.getByRole("button", { name: "I have copied it" }));
    expect(await screen.findByRole("button", { name: "Revoke notebook" })).toBeTruthy();
  });

  it("join by a link, with a password that is long enough", async () => {
    fake.setPermissions([]);
    open(`/invitation#omgi_${"x".repeat(43)}`);
    expect(await screen.findByRole("heading", { name: "Join Research" })).toBeTruthy();
    await userEvent.type(screen.getByLabelText("Name"), "New Person");
    await userEvent.type(screen.getByLabelText("Password"), "short");
    await userEvent.click(screen.getByRole("button", { name: "Join" }));
    expect(screen.getByLabelText("Password").getAttribute("aria-invalid")).toBe("true");
    await userEvent.type(screen.getByLabelText("Password"), " but then longer");
    await userEvent.click(screen.getByRole("button", { name: "Join" }));
    expect(await screen.findByRole("heading", { name: "Your usage" })).toBeTruthy();
  });
});

describe("API keys", () => {
  it("shows a new secret once, with a curl line, and never again", async () => {
    fake.signIn();
    open("/api-keys");
    await screen.findByRole("table", { name: "API keys" });
    await userEvent.click(screen.getByRole("button", { name: "Create key" }));
    const dialog = screen.getByRole("dialog");
    await userEvent.type(within(dialog).getByLabelText("Name"), "nightly job");
    await waitFor(() =>
      expect(within(dialog).getByRole("button", { name: "Create key" })).toHaveProperty("disabled", false),
    );
    await userEvent.click(within(dialog).getByRole("button", { name: "Create key" }));
    const secret = (await screen.findByTestId("api-key-secret")).textContent ?? "";
    expect(secret).toMatch(/^sk-[A-Za-z0-9]{48}$/);
    expect((await screen.findByLabelText("Try it")).textContent).toContain(`Bearer ${secret}`);
    await userEvent.click(screen.getByRole("button", { name: "I have copied it" }));
    expect(await screen.findByText("nightly job")).toBeTruthy();
    expect(document.body.textContent).not.toContain(secret);
  });

  it("revokes only after asking", async () => {
    fake.signIn();
    open("/api-keys");
    await userEvent.click(await screen.findByRole("button", { name: "Revoke query rewriting" }));
    const key = fake.world.keys.find(({ name }) => name === "query rewriting");
    expect(key?.status).toBe("active");
    await userEvent.click(screen.getByRole("button", { name: "Revoke key" }));
    await waitFor(() => expect(key?.status).toBe("revoked"));
    await waitFor(() => expect(screen.queryByRole("button", { name: "Revoke query rewriting" })).toBeNull());
  });
});

describe("the live list", () => {
  it("puts a call on top by itself and opens its details", async () => {
    fake.signIn();
    open("/calls");
    const table = await screen.findByRole("table", { name: "Calls" });
    fake.addCall();
    const newest = fake.world.calls[0];
    await waitFor(() => expect(table.querySelector("tbody tr")?.getAttribute("data-call")).toBe(newest?.id));
    await userEvent.click(within(table).getAllByRole("button", { name: /^Details of the call/ })[0] as HTMLElement);
    expect(within(screen.getByRole("dialog")).getByText(newest?.id ?? "")).toBeTruthy();
  });
});

describe("permissions", () => {
  it("hides what the session may not do", async () => {
    fake.setPermissions(["usage:read", "api_keys:read", "catalog:read"]);
    fake.signIn();
    open("/api-keys");
    await screen.findByRole("table", { name: "API keys" });
    expect(screen.queryByRole("button", { name: "Create key" })).toBeNull();
    expect(screen.queryByRole("button", { name: /^Revoke/ })).toBeNull();
    expect(screen.queryByRole("link", { name: "Tenants" })).toBeNull();
  });

  it("says so on a page that may not be read", async () => {
    fake.setPermissions(["usage:read"]);
    fake.signIn();
    open("/tenants");
    expect(await screen.findByText("You have no access to this page")).toBeTruthy();
  });
});

describe("empty and failing", () => {
  it("says what to do when there is nothing yet", async () => {
    fake = createFakeAdminApi(EMPTY_WORLD());
    fake.signIn();
    open("/models");
    expect(await screen.findByText("The catalog is empty")).toBeTruthy();
    expect(screen.getAllByRole("button", { name: "Add model" }).length).toBeGreaterThan(0);
  });

  it("shows the API's own words for a refusal and tries again when asked", async () => {
    fake.signIn();
    let broken = true;
    vi.stubGlobal("fetch", (request: Request) =>
      broken && request.url.includes("/admin/tenants")
        ? Promise.resolve(
            Response.json({ error: { message: "No rights here.", type: "x", code: null } }, { status: 403 }),
          )
        : fake.handle(request),
    );
    open("/tenants");
    expect(await screen.findByText("No rights here.")).toBeTruthy();
    broken = false;
    await userEvent.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("table", { name: "Tenants" })).toBeTruthy();
  });
});

it("keeps the error of a live list on screen until it is asked to try again, and then goes on polling", async () => {
  fake.signIn();
  let asked = 0;
  let broken = true;
  vi.stubGlobal("fetch", (request: Request) => {
    if (!request.url.includes("/usage/calls")) return fake.handle(request);
    asked += 1;
    return broken ? Promise.resolve(new Response("a proxy's page", { status: 502 })) : fake.handle(request);
  });
  open("/calls");
  const retry = await screen.findByRole("button", { name: "Try again" });
  const askedBefore = asked;
  await new Promise((resolve) => setTimeout(resolve, 2500));
  expect(asked).toBe(askedBefore);
  broken = false;
  await userEvent.click(retry);
  await screen.findByRole("table", { name: "Calls" });
  const loaded = asked;
  await waitFor(() => expect(asked).toBeGreaterThan(loaded));
});
