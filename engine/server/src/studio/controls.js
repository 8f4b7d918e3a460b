// Controls made from schemas, and groups of them.

import { el, inline, rich, words } from "./values.js";

export const typesOf = (schema) => [schema.type ?? []].flat().filter((type) => type !== "null");

/** Whether a property names an item. */
export const namesItem = (schema) => schema["x-item"] === true;

/** Tells whether an `if` of a schema holds, as far as `enum`, `const` and `required` say. */
function holds(condition, value) {
  const fits = ([name, part]) =>
    !(name in value) || (part.enum ?? ("const" in part ? [part.const] : [value[name]])).includes(value[name]);
  return Object.entries(condition.properties ?? {}).every(fits) && (condition.required ?? []).every((name) => name in value);
}

/** The names that an object must have, given what it holds so far. */
function requiredOf(schema, value) {
  const extra = (schema.allOf ?? [])
    .filter((part) => part.if && holds(part.if, value))
    .flatMap((part) => part.then?.required ?? []);
  return new Set([...(schema.required ?? []), ...extra]);
}

/** Reads JSON; what is none goes to the server as a text, which says what it wants instead. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Whether a list can be written with an entry on each line. */
const isPlainList = ({ items = {} }) => typesOf(items).length === 1 && ["string", "integer", "number"].includes(typesOf(items)[0]);

/** Reads a list that has an entry on each line; `[]` is the empty one. */
function entriesOf(text, { items }) {
  if (text.trim() === "[]") return [];
  const written = text.split("\n").filter((line) => line.trim() !== "");
  return typesOf(items)[0] === "string" ? written : written.map(parsed);
}

/** A list of the values of a set; the first entry stands for none of them, which is not the same as nothing chosen. */
function choices(values, common) {
  const none = el("option", { value: "" }, "none of them");
  const options = values.map((value) => el("option", { value: inline(value) }, inline(value)));
  const input = el("select", { ...common, multiple: true, size: Math.min(values.length + 1, 6) }, none, options);
  const read = () => {
    const chosen = values.filter((_, at) => options[at].selected);
    return chosen.length || none.selected ? chosen : undefined;
  };
  const write = (value) => {
    none.selected = Array.isArray(value) && value.length === 0;
    options.forEach((option, at) => (option.selected = Array.isArray(value) && value.includes(values[at])));
  };
  return { input, read, write };
}

/** Makes the control of one property; `read` gives `undefined` when nothing is filled in. */
function control(name, schema, label) {
  const types = typesOf(schema);
  const usual = schema.default === undefined || schema.default === null ? null : inline(schema.default);
  const common = { name, "aria-label": label, title: schema.description };
  const select = (pairs) =>
    el(
      "select",
      common,
      el("option", { value: "" }, usual === null ? "choose …" : `${usual} unless chosen`),
      pairs.map(([value, text]) => el("option", { value }, text)),
    );
  const filled = (input, parse) => ({
    input,
    read: () => (input.value.trim() === "" && !input.validity.badInput ? undefined : parse(input.value)),
  });
  if (schema.enum) {
    const values = schema.enum.filter((value) => value !== null);
    return filled(select(values.map((value) => [inline(value), inline(value)])), (text) =>
      values.find((value) => inline(value) === text),
    );
  }
  if (types.includes("boolean"))
    return filled(
      select([
        ["true", "yes"],
        ["false", "no"],
      ]),
      (text) => text === "true",
    );
  if (types.includes("integer") || types.includes("number")) {
    const bounds = { min: schema.minimum, max: schema.maximum, step: types.includes("integer") ? 1 : "any" };
    const range = schema.minimum !== undefined && schema.maximum !== undefined ? `${schema.minimum}–${schema.maximum}` : null;
    const hint = [range, usual !== null && `${usual} unless given`].filter(Boolean).join(", ");
    return filled(el("input", { ...common, ...bounds, type: "number", placeholder: hint || null }), (text) =>
      text === "" ? null : Number(text),
    );
  }
  if (types.includes("string")) {
    const short = namesItem(schema) || (schema.maxLength ?? Infinity) <= 200;
    const shape = { ...common, maxlength: schema.maxLength, autocomplete: "off", placeholder: usual };
    return filled(short ? el("input", shape) : el("textarea", { ...shape, rows: 2 }), (text) => text);
  }
  if (types.includes("array") && schema.uniqueItems && schema.items?.enum) return choices(schema.items.enum, common);
  if (types.includes("array") && isPlainList(schema))
    return filled(el("textarea", { ...common, rows: 2, placeholder: "one a line; [] for none" }), (text) => entriesOf(text, schema));
  return filled(el("textarea", { ...common, rows: 2, placeholder: "JSON", class: "code" }), parsed);
}

/** The controls of one object, required ones first; `skip` leaves properties out. */
export class Group {
  constructor(schema, { skip = [], labelOf = words } = {}) {
    this.schema = schema;
    this.fields = new Map();
    const required = new Set(schema.required ?? []);
    const names = Object.keys(schema.properties ?? {}).filter((name) => name !== "metadata" && !skip.includes(name));
    names.sort((a, b) => required.has(b) - required.has(a));
    for (const name of names) {
      const { input, read, write } = control(name, schema.properties[name], labelOf(name));
      const optional = el("span", { class: "optional" }, "optional");
      const error = el("span", { class: "field-error", hidden: true });
      this.fields.set(name, { input, read, write, optional, error });
      input.addEventListener("input", () => {
        this.complain(name, "");
        this.mark();
      });
    }
    this.mark();
  }

  read() {
    const entries = [...this.fields].map(([name, field]) => [name, field.read()]);
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }

  /** Fills in what was read before. */
  fill(values) {
    for (const [name, { input, write }] of this.fields) {
      const value = values?.[name];
      const list = Array.isArray(value) && isPlainList(this.schema.properties[name]);
      if (write) write(value);
      else if (value === undefined) input.value = "";
      else if (list) input.value = value.length ? value.join("\n") : "[]";
      else if (typeof value === "boolean") input.value = String(value);
      else input.value = typeof value === "object" ? JSON.stringify(value) : inline(value);
    }
    this.mark();
  }

  /** Shows which properties are required as things stand. */
  mark() {
    const required = requiredOf(this.schema, this.read());
    for (const [name, { input, optional }] of this.fields) {
      optional.hidden = required.has(name);
      input.setAttribute("aria-required", String(required.has(name)));
    }
  }

  /** Puts a message at a control; an empty one takes it away. */
  complain(name, message) {
    const field = this.fields.get(name);
    if (!field) return false;
    field.error.replaceChildren(...rich(message));
    field.error.hidden = message === "";
    field.input.setAttribute("aria-invalid", String(message !== ""));
    return true;
  }

  calm() {
    for (const name of this.fields.keys()) this.complain(name, "");
  }

  /** A label around each control. */
  labels() {
    return [...this.fields].map(([name, { input, optional, error }]) => {
      const { description } = this.schema.properties[name];
      const about = description ? el("small", {}, rich(description)) : null;
      return el("label", {}, el("span", { class: "name" }, words(name), optional), input, about, error);
    });
  }

  clear() {
    for (const { input, write } of this.fields.values()) write ? write() : (input.value = "");
    this.calm();
    this.mark();
  }
}
