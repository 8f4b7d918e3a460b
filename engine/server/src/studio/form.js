// Forms made from action schemas: single controls, and a table for a batch.

import { lines } from "./requests.js";
import { el, headline, inline, rich, words } from "./values.js";

const typesOf = (schema) => [schema.type ?? []].flat().filter((type) => type !== "null");
const namesItem = (name, schema) => /(^|_)id$/.test(name) && typesOf(schema).includes("string") && !schema.enum;

/** The property that holds a batch: a list of objects. */
const batchOf = (schema) =>
  Object.entries(schema.properties ?? {}).find(([, part]) => typesOf(part).includes("array") && part.items?.properties)?.[0];

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

/** Makes the control of one property; `read` gives `undefined` when nothing is filled in. */
function control(name, schema, label) {
  const types = typesOf(schema);
  const common = { name, "aria-label": label, title: schema.description };
  const select = (pairs) =>
    el(
      "select",
      common,
      el("option", { value: "" }, "choose …"),
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
    const hint = schema.minimum !== undefined && schema.maximum !== undefined ? `${schema.minimum}–${schema.maximum}` : null;
    return filled(el("input", { ...common, ...bounds, type: "number", placeholder: hint }), (text) =>
      text === "" ? null : Number(text),
    );
  }
  if (types.includes("string")) {
    const short = namesItem(name, schema) || (schema.maxLength ?? Infinity) <= 200;
    const shape = { ...common, maxlength: schema.maxLength, autocomplete: "off" };
    return filled(short ? el("input", shape) : el("textarea", { ...shape, rows: 2 }), (text) => text);
  }
  return filled(el("textarea", { ...common, rows: 2, placeholder: "JSON", class: "code" }), parsed);
}

/** The controls of one object, required ones first; `skip` leaves properties out. */
class Group {
  constructor(schema, { skip = [], labelOf = words } = {}) {
    this.schema = schema;
    this.fields = new Map();
    const required = new Set(schema.required ?? []);
    const names = Object.keys(schema.properties ?? {}).filter((name) => name !== "metadata" && !skip.includes(name));
    names.sort((a, b) => required.has(b) - required.has(a));
    for (const name of names) {
      const { input, read } = control(name, schema.properties[name], labelOf(name));
      const optional = el("span", { class: "optional" }, "optional");
      const error = el("span", { class: "field-error", hidden: true });
      this.fields.set(name, { input, read, optional, error });
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

  clear() {
    for (const { input } of this.fields.values()) input.value = "";
    this.calm();
    this.mark();
  }
}

/** A batch: a table with a row for every item, of which the changed ones are sent. */
class Batch {
  constructor(schema, open) {
    this.schema = schema;
    this.open = open;
    this.rows = new Map();
    const names = Object.keys(schema.properties);
    const plain = (name) => typesOf(schema.properties[name]).includes("string") && !schema.properties[name].enum;
    this.key = names.find((name) => namesItem(name, schema.properties[name])) ?? (schema.required ?? []).find(plain) ?? names[0];
    const kinds = { SELECT: "choice", INPUT: "number", TEXTAREA: "text" };
    const columns = [...new Group(schema, { skip: [this.key] }).fields].map(([name, { input }]) => [name, kinds[input.tagName]]);
    const heads = [[this.key, "item"], ...columns].map(([name, kind]) =>
      el("th", { scope: "col", "data-kind": kind }, words(name)),
    );
    this.body = el("tbody");
    this.node = el("table", { class: "batch" }, el("thead", {}, el("tr", {}, heads)), this.body);
  }

  /** Follows the items: new ones get a row, vanished ones lose theirs, what was typed stays. */
  follow(items) {
    const kept = new Map(items.map((item) => [item.id, this.rows.get(item.id) ?? this.row(item)]));
    if ([...kept.keys()].join("\n") !== [...this.rows.keys()].join("\n"))
      this.body.replaceChildren(...[...kept.values()].map((row) => row.node));
    this.rows = kept;
  }

  row(item) {
    const group = new Group(this.schema, { skip: [this.key], labelOf: (name) => `${words(name)} of ${item.id}` });
    const state = el("span", { class: "row-state" });
    const button = el("button", { type: "button", class: "link" }, el("b", {}, item.id), " ", headline(item));
    const cells = [...group.fields].map(([name, { input, optional, error }]) =>
      el("td", { "data-label": words(name) }, input, optional, error),
    );
    const node = el("tr", {}, el("th", { scope: "row" }, button, state), cells);
    const row = { id: item.id, group, state, node, sent: null };
    node.addEventListener("focusin", () => this.open(item.id));
    node.addEventListener("input", () => this.mark(row));
    return row;
  }

  mark(row, note) {
    row.state.textContent =
      note ?? (row.sent === null ? "" : JSON.stringify(row.group.read()) === row.sent ? "decided" : "changed, not sent");
  }

  /** The rows that say something new; the order is the order in which they are sent. */
  changed() {
    const filled = [...this.rows.values()].map((row) => ({ row, value: row.group.read() }));
    return filled.filter(({ row, value }) => Object.keys(value).length > 0 && JSON.stringify(value) !== row.sent);
  }

  accept(changed, step) {
    for (const { row, value } of changed) {
      row.sent = JSON.stringify(value);
      row.group.calm();
      this.mark(row, `decided in step ${step}`);
    }
  }
}

/** The form of an action: single controls, and a batch when the schema has one. */
export class ActionForm {
  constructor(schema, open) {
    const list = batchOf(schema);
    this.list = list;
    this.batch = list ? new Batch(schema.properties[list].items, open) : null;
    this.group = new Group(schema, { skip: list ? [list] : [] });
    this.target = [...this.group.fields].find(([name]) => namesItem(name, schema.properties[name]))?.[1].input ?? null;
    this.choices = el("datalist", { id: `items-${crypto.getRandomValues(new Uint32Array(1))[0]}` });
    this.target?.setAttribute("list", this.choices.id);
    const labels = [...this.group.fields].map(([name, { input, optional, error }]) =>
      el(
        "label",
        {},
        el("span", { class: "name" }, words(name), optional),
        input,
        schema.properties[name].description ? el("small", {}, rich(schema.properties[name].description)) : null,
        error,
      ),
    );
    this.nodes = [this.batch?.node ?? null, ...labels, this.choices].filter(Boolean);
  }

  follow(items, current) {
    this.batch?.follow(items);
    this.choices.replaceChildren(...items.map((item) => el("option", { value: item.id }, headline(item))));
    if (this.target) this.target.placeholder = current ? current.id : "";
  }

  /** What is to be sent; throws when there is nothing to send. */
  read() {
    this.pending = this.batch?.changed() ?? [];
    if (this.batch && this.pending.length === 0)
      throw new Error("nothing to send: fill at least one row, or change one that was sent");
    const entries = this.pending.map(({ row, value }) => ({ [this.batch.key]: row.id, ...value }));
    return { ...(this.list ? { [this.list]: entries } : {}), ...this.group.read() };
  }

  accepted(step) {
    if (this.batch) this.batch.accept(this.pending, step);
    this.group.clear();
  }

  /** Puts every entry of a refusal at its control, and returns the lines for the form itself. */
  refuse(error) {
    if (!Array.isArray(error.detail)) return lines(error);
    let first = null;
    const texts = error.detail.map(({ loc = [], msg }) => {
      const path = loc[0] === "body" ? loc.slice(1) : loc;
      const row = path[0] === this.list ? this.pending[path[1]]?.row : null;
      const [group, name] = row ? [row.group, path[2]] : [this.group, path[0]];
      if (group.complain(name, msg)) first ??= group.fields.get(name).input;
      return [row?.id, name && words(name)].filter(Boolean).join(", ") + `: ${msg}`;
    });
    first?.focus();
    return texts;
  }

  calm() {
    this.group.calm();
    for (const row of this.batch?.rows.values() ?? []) row.group.calm();
  }

  focus() {
    const row = this.batch && [...this.batch.rows.values()].find((each) => each.sent === null);
    (row?.group ?? this.group).fields.values().next().value?.input.focus({ preventScroll: true });
  }
}
