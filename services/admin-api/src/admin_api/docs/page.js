// Draws /openapi.json, and sends what is filled in. Everything is put into the page as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function resolve(schema, api) {
  const path = schema?.$ref?.replace("#/", "").split("/");
  return path ? path.reduce((part, key) => part[key], api) : (schema ?? {});
}

/** A value that has the schema's shape, to start from. */
function example(schema, api, depth = 0) {
  const plain = resolve(schema, api);
  if (depth > 6) return null;
  if (plain.default !== undefined) return plain.default;
  if (plain.enum) return plain.enum[0];
  if (plain.const !== undefined) return plain.const;
  if (plain.anyOf) return example(plain.anyOf.find((each) => each.type !== "null") ?? plain.anyOf[0], api, depth + 1);
  if (plain.type === "array") return [example(plain.items, api, depth + 1)];
  if (plain.type === "object" || plain.properties) {
    const fields = Object.entries(plain.properties ?? {});
    return Object.fromEntries(fields.map(([name, field]) => [name, example(field, api, depth + 1)]));
  }
  if (plain.type === "integer" || plain.type === "number") return plain.minimum ?? 0;
  if (plain.type === "boolean") return true;
  return plain.format === "date-time" ? "2030-01-01T00:00:00Z" : (plain.type ?? "");
}

function block(value) {
  return element("pre", { textContent: typeof value === "string" ? value : JSON.stringify(value, null, 2) });
}

async function send(method, path, inputs, body, output) {
  let address = path;
  const query = new URLSearchParams();
  for (const { parameter, field } of inputs) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURI(field.value));
    else if (parameter.in === "query" && field.value !== "") query.append(parameter.name, field.value);
  }
  if (query.size > 0) address += `?${query}`;
  const options = { method: method.toUpperCase(), credentials: "same-origin" };
  if (body) Object.assign(options, { body: body.value, headers: { "content-type": "application/json" } });
  try {
    const reply = await fetch(address, options);
    const text = await reply.text();
    let shown = text;
    try {
      shown = JSON.stringify(JSON.parse(text), null, 2);
    } catch {
      // Not JSON: shown as it came.
    }
    output.replaceChildren(element("h3", { textContent: `${reply.status} ${reply.statusText}` }), block(shown));
  } catch (error) {
    output.replaceChildren(element("h3", { textContent: "No answer" }), block(String(error)));
  }
}

function drawOperation(api, path, method, operation) {
  const content = element("div", { className: "body" });
  const description = operation.description ?? operation.summary;
  if (description) content.append(element("p", { textContent: description }));
  const inputs = (operation.parameters ?? [])
    .filter((parameter) => parameter.in === "path" || parameter.in === "query")
    .map((parameter) => ({ parameter, field: element("input", { required: parameter.required }) }));
  const form = element("form");
  for (const { parameter, field } of inputs) {
    const name = element("code", {}, parameter.name);
    if (parameter.required) name.append(element("span", { textContent: " *" }));
    const label = element("label", {}, name, field);
    if (parameter.description) label.append(element("small", { textContent: parameter.description }));
    form.append(label);
  }
  const wanted = operation.requestBody?.content?.["application/json"]?.schema;
  let body = null;
  if (wanted) {
    body = element("textarea", { value: JSON.stringify(example(wanted, api), null, 2), spellcheck: false });
    body.setAttribute("aria-label", "Body");
    form.append(element("h3", { textContent: "Body" }), body);
  }
  const output = element("div");
  output.setAttribute("aria-live", "polite");
  form.append(element("button", { textContent: "Send" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(method, path, inputs, body, output);
  });
  content.append(form, output);
  for (const [status, reply] of Object.entries(operation.responses)) {
    const schema = reply.content?.["application/json"]?.schema;
    content.append(element("h3", { textContent: `Reply ${status} ${reply.description ?? ""}` }));
    if (schema) content.append(block(example(schema, api)));
  }
  return element(
    "details",
    { id: operation.operationId },
    element(
      "summary",
      {},
      element("span", { className: `method ${method}`, textContent: method.toUpperCase() }),
      element("code", { textContent: path }),
      element("span", { className: "what", textContent: operation.summary ?? "" }),
    ),
    content,
  );
}

function draw(api) {
  document.title = api.info.title;
  document.getElementById("title").textContent = api.info.title;
  document.getElementById("description").textContent = api.info.description ?? "";
  const sections = new Map();
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((each) => operations[each])) {
      const tag = operations[method].tags?.[0] ?? "other";
      if (!sections.has(tag)) sections.set(tag, element("section", {}, element("h2", { textContent: tag })));
      sections.get(tag).append(drawOperation(api, path, method, operations[method]));
    }
  }
  document.getElementById("operations").replaceChildren(...sections.values());
}

async function showSession() {
  const reply = await fetch("/admin/auth/session", { credentials: "same-origin" });
  const text = reply.ok ? `Signed in as ${(await reply.json()).user.email}.` : "Not signed in: start with login.";
  document.getElementById("session").textContent = text;
}

const api = await (await fetch("/openapi.json")).json();
draw(api);
void showSession();
