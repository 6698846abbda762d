/* SPDX-License-Identifier: Apache-2.0 */
/* Shows openapi.json as a page. Nothing is loaded from elsewhere, and text enters the page only as
 * text: the policy of the page allows no more. */
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const WHOLE_MAX = 2 ** 32 - 1;
let api;

/* element("p", {class: "soft"}, "text", child, ...) */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/* Text with `code` in it. */
function prose(text, name = "p", attributes = {}) {
  const made = element(name, attributes);
  (text || "").split("`").forEach((part, i) => {
    made.append(i % 2 ? element("code", {}, part) : part);
  });
  return made;
}

/* What a local reference stands for. */
function resolve(thing) {
  for (let depth = 0; thing && thing.$ref && depth < 8; depth++) {
    thing = thing.$ref.slice(2).split("/").reduce((at, step) => at && at[step], api);
  }
  return thing || {};
}

function nameOf(reference) {
  return reference.split("/").pop();
}

function typeText(schema) {
  if (schema.$ref) {
    const whole = resolve(schema);
    return whole.properties ? nameOf(schema.$ref) : typeText(whole);
  }
  const options = schema.oneOf || schema.anyOf || schema.allOf;
  if (options) {
    return options.map(typeText).join(" or ");
  }
  if (schema.type === "array") {
    return "list of " + typeText(schema.items || {});
  }
  const type = Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type || "any";
  return schema.format ? `${type} (${schema.format})` : type;
}

function limitsText(schema) {
  const parts = [];
  if (schema.examples) parts.push("like " + schema.examples[0]);
  if (schema.enum) parts.push("one of " + schema.enum.join(", "));
  if (schema.const !== undefined) parts.push("always " + schema.const);
  if (schema.minLength > 1) parts.push("at least " + schema.minLength + " characters");
  if (schema.maxLength !== undefined) parts.push("at most " + schema.maxLength + " characters");
  /* What every number of its type keeps is not worth a word. */
  if (schema.minimum > 0) parts.push("at least " + schema.minimum);
  if (schema.maximum < WHOLE_MAX) parts.push("at most " + schema.maximum);
  if (schema.maxItems !== undefined) parts.push("at most " + schema.maxItems + " items");
  if (schema.maxProperties !== undefined) parts.push("at most " + schema.maxProperties + " pairs");
  return parts.join("; ");
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", {scope: "col"}, text)));
  return element("div", {class: "table"},
    element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows)));
}

function fieldRow(name, required, schema, description) {
  const whole = resolve(schema);
  const limits = limitsText(whole.type === "array" ? {...resolve(whole.items), ...whole} : whole);
  return element("tr", {},
    element("td", {}, element("code", {}, name),
      required ? element("span", {class: "required"}, "required") : null),
    element("td", {class: "soft"}, typeText(schema)),
    element("td", {}, prose(description || whole.description, "span"),
      limits ? element("div", {class: "soft"}, limits) : null));
}

/* The fields of an object, and in folds those of the objects within. */
function schemaView(reference, seen = []) {
  const schema = resolve(reference);
  const view = element("div");
  if (schema.type === "array") {
    return schemaView(schema.items || {}, seen);
  }
  const properties = Object.entries(schema.properties || {});
  if (properties.length === 0) {
    view.append(element("p", {class: "soft"}, typeText(schema) + " " + limitsText(schema)));
    return view;
  }
  const required = schema.required || [];
  view.append(table(["Field", "Type", "Meaning"], properties.map(([name, property]) =>
    fieldRow(name, required.includes(name), property, property.description))));
  for (const [, property] of properties) {
    const inner = property.$ref || (property.items && property.items.$ref);
    if (inner && !seen.includes(inner) && resolve({$ref: inner}).properties) {
      view.append(element("details", {},
        element("summary", {}, "Fields of ", element("code", {}, nameOf(inner))),
        schemaView({$ref: inner}, [...seen, inner])));
    }
  }
  return view;
}

function codeBlock(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return element("pre", {tabindex: "0"}, element("code", {}, text));
}

function parametersView(parameters) {
  return table(["Parameter", "Type", "Meaning"], parameters.map((given) => {
    const p = resolve(given);
    const row = fieldRow(p.name, p.required, p.schema || {}, p.description);
    row.children[0].append(element("div", {class: "soft"}, p.in));
    return row;
  }));
}

function exampleOf(content) {
  if (content.example !== undefined) {
    return content.example;
  }
  const first = Object.values(content.examples || {})[0];
  return first && resolve(first).value;
}

function curlText(method, path, operation) {
  const sent = operation.requestBody ? Object.values(operation.requestBody.content)[0] : null;
  const keyed = (operation.parameters || []).some((p) => resolve(p).name === "Idempotency-Key");
  const lines = [`curl -X ${method.toUpperCase()} ${location.origin}${path}`];
  if (operation.security && operation.security.length > 0) {
    lines.push("-H \"Authorization: Bearer $TOKEN\"");
  }
  if (keyed) {
    lines.push("-H \"Idempotency-Key: $(uuidgen)\"");
  }
  const body = sent && exampleOf(sent);
  if (body) {
    lines.push("-H \"Content-Type: application/json\"");
    lines.push(`-d '${JSON.stringify(body, null, 2)}'`);
  }
  return lines.join(" \\\n  ");
}

/* A mark that shows the address of a place, to copy it or to go there. */
function placeLink(id, about) {
  return element("a", {class: "place", href: "#" + id, "aria-label": "Link to " + about}, "#");
}

function heading(level, id, text) {
  return element("h" + level, {id}, text, " ", placeLink(id, text));
}

function errorLinks(text) {
  const made = element("span");
  (text || "").split("`").forEach((part, i) => {
    const code = i % 2 === 1;
    made.append(code ? element("a", {href: "#error-" + part}, element("code", {}, part)) : part);
  });
  return made;
}

function headersView(headers) {
  return table(["Header", "Type", "Meaning"], Object.entries(headers).map(([name, given]) => {
    const header = resolve(given);
    return fieldRow(name, false, header.schema || {}, header.description);
  }));
}

function responsesView(id, responses) {
  const view = element("div");
  const refusals = [];
  for (const [status, given] of Object.entries(responses)) {
    const response = resolve(given);
    const content = Object.values(response.content || {})[0];
    if (Number(status) >= 400) {
      refusals.push(element("tr", {}, element("td", {}, element("code", {}, status)),
        element("td", {}, errorLinks(response.description))));
      continue;
    }
    view.append(heading(3, `${id}-${status}`, `Answer ${status}`), prose(response.description));
    if (content) {
      const example = exampleOf(content);
      if (example !== undefined) view.append(codeBlock(example));
      view.append(element("details", {}, element("summary", {}, "Fields of the answer"),
        schemaView(content.schema || {})));
    }
    if (response.headers) {
      view.append(element("details", {}, element("summary", {}, "Headers of the answer"),
        headersView(response.headers)));
    }
  }
  if (refusals.length > 0) {
    view.append(heading(3, id + "-refusals", "Refusals"), table(["Status", "Codes"], refusals));
  }
  return view;
}

/* Built when it is opened first: the description is large. */
function operationBody(method, path, operation) {
  const id = "op-" + operation.operationId;
  const body = element("div", {}, prose(operation.description));
  const scopes = (operation.security || []).flatMap((rule) => Object.values(rule).flat());
  if (scopes.length > 0) {
    body.append(element("p", {}, "Scope ",
      ...scopes.map((scope) => element("span", {class: "scope"}, scope))));
  }
  if ((operation.parameters || []).length > 0) {
    body.append(heading(3, id + "-parameters", "Parameters"), parametersView(operation.parameters));
  }
  const content = operation.requestBody && Object.values(operation.requestBody.content)[0];
  if (content) {
    body.append(heading(3, id + "-body", "Body"), schemaView(content.schema || {}));
  }
  body.append(heading(3, id + "-example", "Example"), codeBlock(curlText(method, path, operation)));
  body.append(responsesView(id, operation.responses || {}));
  return body;
}

function operationView(method, path, operation) {
  const id = "op-" + operation.operationId;
  const refused = operation.deprecated ? " refused" : "";
  const view = element("details", {class: "operation" + refused, id},
    element("summary", {},
      element("span", {class: "method " + method.toUpperCase()}, method.toUpperCase()),
      element("code", {}, path), element("span", {class: "about"}, operation.summary || ""),
      placeLink(id, operation.summary || path)));
  view.makeBody = () => operationBody(method, path, operation);
  view.addEventListener("toggle", () => {
    if (view.open && view.children.length === 1) view.append(view.makeBody());
  });
  return view;
}

function operationsByTag() {
  const tags = new Map((api.tags || []).map((tag) => [tag.name, []]));
  for (const [path, methods] of Object.entries(api.paths || {})) {
    for (const method of METHODS.filter((name) => methods[name])) {
      const tag = (methods[method].tags || ["other"])[0];
      tags.set(tag, [...(tags.get(tag) || []), {method, path, operation: methods[method]}]);
    }
  }
  return [...tags].filter(([, list]) => list.length > 0);
}

function errorsView() {
  const examples = Object.entries((api.components || {}).examples || {});
  const problems = examples.map(([name, example]) => [name, resolve(example).value || {}])
    .filter(([, value]) => value.code && value.status >= 400)
    .sort(([, a], [, b]) => a.status - b.status || a.code.localeCompare(b.code));
  const rows = problems.map(([, problem]) => element("tr", {id: "error-" + problem.code},
    element("td", {}, element("code", {}, problem.code)),
    element("td", {}, String(problem.status)),
    element("td", {}, element("strong", {}, problem.title || ""), element("br"),
      problem.detail || "")));
  return rows.length === 0 ? null : element("section", {},
    heading(2, "errors", "Errors"),
    prose("Every refusal is a problem (RFC 9457) with one of these codes and changes nothing."),
    table(["Code", "Status", "Meaning"], rows));
}

function navigation(groups, hasErrors) {
  const links = document.getElementById("links");
  for (const [tag, list] of groups) {
    const top = element("h2", {}, element("a", {href: "#tag-" + tag}, tag));
    links.append(top, element("ul", {}, ...list.map((item) =>
      element("li", {}, element("a", {href: "#op-" + item.operation.operationId,
        title: item.path},
        element("span", {class: "method " + item.method.toUpperCase()},
          item.method.toUpperCase()), item.operation.summary || item.path)))));
  }
  links.append(element("h2", {}, "Reference"), element("ul", {},
    hasErrors ? element("li", {}, element("a", {href: "#errors"}, "Errors")) : null,
    element("li", {}, element("a", {href: "openapi.json"}, "openapi.json"))));
}

/* Opens what the address names: an operation, or one that has the place in its body, which is built
 * then. The keyboard goes on from there. */
function follow() {
  const id = decodeURIComponent(location.hash.slice(1));
  for (const view of document.querySelectorAll("details.operation")) {
    if (id !== view.id && !id.startsWith(view.id + "-")) continue;
    if (view.children.length === 1) view.append(view.makeBody());
    view.open = true;
  }
  const target = document.getElementById(id);
  if (!target) return;
  target.scrollIntoView();
  const first = target.querySelector("summary") || target;
  if (first === target) target.tabIndex = -1;
  first.focus({preventScroll: true});
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (item) => words.every((word) =>
    (item.textContent + (item.title || "")).toLowerCase().includes(word));
  for (const item of document.querySelectorAll("#links li a")) {
    item.parentElement.hidden = !matches(item);
  }
  for (const row of document.querySelectorAll("tr[id^=error-]")) {
    row.hidden = !matches(row);
  }
  for (const view of document.querySelectorAll("details.operation")) {
    view.hidden = !matches(view.firstElementChild);
  }
  for (const head of document.querySelectorAll("#links h2")) {
    head.hidden = !head.nextElementSibling.querySelector("li:not([hidden])");
  }
  for (const section of document.querySelectorAll("main section.tag")) {
    section.hidden = !section.querySelector("details.operation:not([hidden])");
  }
}

function show(description) {
  api = description;
  const content = document.getElementById("content");
  document.getElementById("title").textContent = api.info.title;
  document.getElementById("version").textContent = api.info.version;
  document.title = api.info.title + ": API";
  content.replaceChildren();
  (api.info.description || "").split("\n\n").forEach((part) => content.append(prose(part)));
  const groups = operationsByTag();
  for (const [tag, list] of groups) {
    const about = (api.tags || []).find((known) => known.name === tag);
    content.append(element("section", {class: "tag"}, heading(2, "tag-" + tag, tag),
      about && about.description ? prose(about.description, "p", {class: "soft"}) : null,
      ...list.map((item) => operationView(item.method, item.path, item.operation))));
  }
  const errors = errorsView();
  if (errors) content.append(errors);
  navigation(groups, errors !== null);
  follow();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
}

/* Where the window is narrow the index lies over the page. */
function openIndex(open) {
  document.getElementById("index").classList.toggle("open", open);
  document.getElementById("menu").setAttribute("aria-expanded", String(open));
}

/* Whoever has opened it is in it; it is gone once they are elsewhere, or with Escape. */
function startIndex() {
  const index = document.getElementById("index");
  const menu = document.getElementById("menu");
  menu.addEventListener("click", () => {
    openIndex(!index.classList.contains("open"));
    if (index.classList.contains("open")) document.getElementById("filter").focus();
  });
  index.addEventListener("click", (event) => {
    if (event.target.closest("a")) openIndex(false);
  });
  document.getElementById("content").addEventListener("focusin", () => openIndex(false));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && index.classList.contains("open")) {
      openIndex(false);
      menu.focus();
    }
  });
}

function start() {
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.getElementById("theme").addEventListener("click", () =>
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  document.getElementById("filter").addEventListener("input", (event) =>
    filter(event.target.value));
  startIndex();
  addEventListener("hashchange", follow);
  fetch("openapi.json").then((answer) => {
    if (!answer.ok) throw new Error("status " + answer.status);
    return answer.json();
  }).then(show).catch((error) => {
    const state = element("p", {class: "bad", role: "alert"},
      "The description could not be loaded (" + error.message + "). ",
      element("a", {href: "openapi.json"}, "openapi.json"));
    document.getElementById("content").replaceChildren(state);
  });
}

start();
