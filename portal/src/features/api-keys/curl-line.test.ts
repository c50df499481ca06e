import { execFileSync } from "node:child_process";

import { describe, expect, it } from "vitest";

import { curlLine, exampleModel } from "./curl-line";

/** What a real shell makes of the line: the arguments that curl would get. */
function argumentsOf(line: string): string[] {
  const script = line.replace(/^curl /, "printf '%s\\0' ");
  return execFileSync("sh", ["-c", script], { encoding: "utf8" }).split("\0").slice(0, -1);
}

describe("curlLine", () => {
  it("reaches curl as address, key and a JSON body", () => {
    const args = argumentsOf(curlLine("http://127.0.0.1:8090", "sk-abc", "demo"));
    expect(args).toContain("http://127.0.0.1:8090/v1/chat/completions");
    expect(args).toContain("Authorization: Bearer sk-abc");
    expect(JSON.parse(args.at(-1) ?? "")).toMatchObject({ model: "demo", stream: true });
  });

  it("does not let a model's name out of its quotes", () => {
    const name = `it's $(id) "quoted" \\ here`;
    expect(JSON.parse(argumentsOf(curlLine("http://h", "sk-a", name)).at(-1) ?? "")).toMatchObject({ model: name });
  });
});

describe("exampleModel", () => {
  const catalog = [
    { alias: "off", enabled: false },
    { alias: "first", enabled: true },
    { alias: "second", enabled: true },
  ];
  it("is one that is enabled and allowed", () => {
    expect(exampleModel(catalog, null)).toBe("first");
    expect(exampleModel(catalog, ["second", "off"])).toBe("second");
    expect(exampleModel(catalog, [])).toBeNull();
  });
});
