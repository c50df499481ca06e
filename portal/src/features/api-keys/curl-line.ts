/** The ready curl line of a new key. */

/** One argument of a POSIX shell: nothing in it is expanded. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

export function curlLine(baseUrl: string, secret: string, model: string): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Say hello." }], stream: true });
  return [
    `curl -N ${quoted(`${baseUrl}/v1/chat/completions`)} \\`,
    `  -H ${quoted(`Authorization: Bearer ${secret}`)} \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${quoted(body)}`,
  ].join("\n");
}

/** The model of the example: one the tenant may call, and that is switched on; null when there is none. */
export function exampleModel(
  catalog: readonly { alias: string; enabled: boolean }[],
  allowed: readonly string[] | null,
): string | null {
  const usable = catalog.find((model) => model.enabled && (allowed === null || allowed.includes(model.alias)));
  return usable?.alias ?? null;
}
