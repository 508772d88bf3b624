// Renders the OpenAPI document of this server; everything shown is put in as text, never as markup.

const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const code = (text) => element("code", {}, text);

const anchor = (text) => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");

const nameOf = (reference) => reference.split("/").at(-1);

function kindOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return nameOf(schema.$ref);
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" or ");
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(", ");
  if (schema.type === "array") return `list of ${kindOf(schema.items) || "anything"}`;
  if (schema.type === "object" && schema.additionalProperties) return `object of ${kindOf(schema.additionalProperties)}`;
  return [schema.format ?? schema.type, ...limitsOf(schema)].filter(Boolean).join(", ");
}

function limitsOf(schema) {
  const words = { minimum: "at least", maximum: "at most", minLength: "at least", maxLength: "at most" };
  return Object.entries(words)
    .filter(([key]) => schema[key] !== undefined)
    .map(([key, word]) => `${word} ${schema[key]}${key.endsWith("Length") ? " characters" : ""}`);
}

function table(headings, rows) {
  const head = element("tr", {}, ...headings.map((heading) => element("th", { scope: "col" }, heading)));
  return element("table", {}, element("thead", {}, head),
    element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, cell))))));
}

function shape(schema, schemas, seen = new Set()) {
  const parts = [];
  const inner = schema.anyOf ?? [schema.items ?? schema.additionalProperties ?? schema];
  for (const option of inner) {
    if (!option || typeof option !== "object") continue;
    if (!option.$ref) {
      if (option.anyOf || option.items) parts.push(...shape(option, schemas, seen));
      continue;
    }
    const name = nameOf(option.$ref);
    const found = schemas[name];
    if (seen.has(name) || !found?.properties) continue;
    seen.add(name);
    const required = new Set(found.required ?? []);
    parts.push(element("p", {}, code(name)));
    parts.push(table(["Field", "Kind", "Meaning"], Object.entries(found.properties).map(([field, property]) => [
      code(field + (required.has(field) ? "" : "?")), kindOf(property), property.description ?? ""])));
    for (const property of Object.values(found.properties)) parts.push(...shape(property, schemas, seen));
  }
  return parts;
}

function operation(method, path, described, schemas) {
  const body = element("div", {});
  if (described.description) body.append(element("p", {}, described.description));
  if (described.parameters?.length) {
    body.append(element("h4", {}, "Parameters"), table(["Name", "Where", "Kind", "Meaning"],
      described.parameters.map((parameter) => [code(parameter.name), parameter.in, kindOf(parameter.schema),
        parameter.description ?? parameter.schema.description ?? ""])));
  }
  const asked = described.requestBody?.content["application/json"]?.schema;
  if (asked) body.append(element("h4", {}, "Body"), ...shape(asked, schemas));
  body.append(element("h4", {}, "Answers"), table(["Status", "Meaning", "Form"],
    Object.entries(described.responses).map(([status, response]) => [code(status), response.description,
      Object.entries(response.content ?? {}).map(([type, { schema }]) => `${type}: ${kindOf(schema)}`).join("; ")])));
  const [done] = Object.values(described.responses).filter((response) => response.content?.["application/json"]);
  if (done) body.append(...shape(done.content["application/json"].schema, schemas));
  const label = element("summary", {}, element("span", { class: "method" }, method.toUpperCase()), code(path),
    element("span", { class: "muted" }, ` ${described.summary}`));
  return element("details", { id: described.operationId }, label, body);
}

function show(description) {
  const about = document.getElementById("about");
  about.textContent = `${description.info.description} Every path below begins with ${description.servers[0].url}.`;
  const contents = document.getElementById("contents");
  const operations = document.getElementById("operations");
  for (const { name } of description.tags) {
    contents.append(element("a", { href: `#${anchor(name)}` }, name));
    const part = element("section", {}, element("h2", { id: anchor(name) }, name));
    for (const [path, methods] of Object.entries(description.paths)) {
      for (const [method, described] of Object.entries(methods)) {
        if (described.tags.includes(name)) {
          part.append(operation(method, path, described, description.components.schemas));
        }
      }
    }
    operations.append(part);
  }
  document.getElementById("filter").addEventListener("input", (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const details of operations.querySelectorAll("details")) {
      details.hidden = !details.textContent.toLowerCase().includes(wanted);
    }
  });
  /* The part named in the address did not exist yet when the browser looked for it. */
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target) {
    if (target.localName === "details") target.open = true;
    target.scrollIntoView();
  }
}

try {
  const answer = await fetch("/api/v1/openapi.json");
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  show(await answer.json());
} catch (error) {
  document.getElementById("about").textContent =
    `The description could not be loaded: ${error.message}. Reload the page once the server is reachable.`;
}
