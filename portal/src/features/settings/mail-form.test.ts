import { describe, expect, it } from "vitest";

import type { AlertSettings } from "@/api/types";

import { bodyOf, errorsIn, formOf } from "./mail-form";

const SETTINGS: AlertSettings = {
  smtp: {
    host: "smtp.example.com",
    port: 465,
    security: "tls",
    username: "gateway",
    password_set: true,
    from_address: "gateway@example.com",
    timeout_seconds: 7,
  },
  webhook_timeout_seconds: 3,
  max_retries: 2,
};

describe("the mail server", () => {
  it("keeps its password, and what the form does not show", () => {
    const { smtp, ...rest } = bodyOf(formOf(SETTINGS), SETTINGS);
    expect(smtp).not.toHaveProperty("password");
    expect(smtp).toMatchObject({ host: "smtp.example.com", port: 465, timeout_seconds: 7 });
    expect(rest).toEqual({ webhook_timeout_seconds: 3, max_retries: 2 });
  });

  it("gets another password, and none with nobody to use it", () => {
    expect(bodyOf({ ...formOf(SETTINGS), password: "new" }, SETTINGS).smtp).toHaveProperty("password", "new");
    expect(bodyOf({ ...formOf(SETTINGS), username: "" }, SETTINGS).smtp).toMatchObject({
      username: null,
      password: null,
    });
  });

  it("is refused field by field", () => {
    const form = { ...formOf({ ...SETTINGS, smtp: null }), port: "70000", password: "x" };
    expect(Object.keys(errorsIn(form)).toSorted()).toEqual(["from", "host", "port", "username"]);
    expect(errorsIn(formOf(SETTINGS))).toEqual({});
  });
});
