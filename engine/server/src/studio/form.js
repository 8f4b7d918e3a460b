// Forms made from the schemas of the ways to act: single controls, and a table for a batch.

import { Group, namesItem, typesOf } from "./controls.js";
import { searchBox, textOf } from "./parts.js";
import { lines } from "./requests.js";
import { el, headline, rich, words } from "./values.js";

/** The property that holds a batch: a list of objects. */
const batchOf = (schema) =>
  Object.entries(schema.properties ?? {}).find(([, part]) => typesOf(part).includes("array") && part.items?.properties)?.[0];

/** A batch: a table with a row for every item, of which the changed ones are sent. */
class Batch {
  constructor(schema, open) {
    this.schema = schema;
    this.open = open;
    this.rows = new Map();
    const names = Object.keys(schema.properties);
    const plain = (name) => typesOf(schema.properties[name]).includes("string") && !schema.properties[name].enum;
    this.key = names.find((name) => namesItem(schema.properties[name])) ?? (schema.required ?? []).find(plain) ?? names[0];
    const kinds = { SELECT: "choice", INPUT: "number", TEXTAREA: "text" };
    const columns = [...new Group(schema, { skip: [this.key] }).fields].map(([name, { input }]) => [name, kinds[input.tagName]]);
    const heads = [[this.key, "item"], ...columns].map(([name, kind]) =>
      el("th", { scope: "col", "data-kind": kind }, words(name)),
    );
    this.body = el("tbody");
    this.table = el("table", { class: "batch" }, el("thead", {}, el("tr", {}, heads)), this.body);
    this.node = el("div", {}, this.table);
    this.search = "";
  }

  /** Follows the items: new ones get a row, vanished ones lose theirs, what was typed stays. */
  follow(items) {
    const kept = new Map(items.map((item) => [item.id, this.rows.get(item.id) ?? this.row(item)]));
    if ([...kept.keys()].join("\n") !== [...this.rows.keys()].join("\n"))
      this.body.replaceChildren(...[...kept.values()].map((row) => row.node));
    this.rows = kept;
    const rows = [...kept.values()].map(({ node, text }) => ({ node, text }));
    const box = searchBox("the rows", rows, this.search, (text) => (this.search = text));
    this.node.replaceChildren(...[box, this.table].filter(Boolean));
  }

  row(item) {
    const group = new Group(this.schema, { skip: [this.key], labelOf: (name) => `${words(name)} of ${item.id}` });
    const state = el("span", { class: "row-state" });
    const button = el("button", { type: "button", class: "link" }, el("b", {}, item.id), " ", headline(item));
    const cells = [...group.fields].map(([name, { input, optional, error }]) =>
      el("td", { "data-label": words(name) }, input, optional, error),
    );
    const node = el("tr", {}, el("th", { scope: "row" }, button, state), cells);
    const row = { id: item.id, group, state, node, sent: null, text: textOf(item) };
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

/** One way to act: single controls, and a batch when the schema has one; a tool's are its arguments. */
class Way {
  constructor({ name, title, description, tool, schema }, open) {
    this.name = title || words(name);
    this.description = tool ? description : null;
    this.tool = tool;
    this.list = batchOf(schema);
    this.batch = this.list ? new Batch(schema.properties[this.list].items, open) : null;
    this.group = new Group(schema, { skip: this.list ? [this.list] : [] });
    this.target = [...this.group.fields].find(([field]) => namesItem(schema.properties[field]))?.[1].input ?? null;
    this.nodes = [this.batch?.node ?? null, ...this.group.labels()].filter(Boolean);
  }
}

/** The form of an action: one of several ways to act, each with controls of its own. */
export class ActionForm {
  constructor(forms, open) {
    this.choices = el("datalist", { id: `items-${crypto.getRandomValues(new Uint32Array(1))[0]}` });
    this.ways = forms.map((form) => new Way(form, open));
    for (const { target } of this.ways) target?.setAttribute("list", this.choices.id);
    this.body = el("div", { class: "way" });
    this.choice = el(
      "select",
      { "data-testid": "tool", "aria-label": "What to do" },
      this.ways.map(({ name }, at) => el("option", { value: at }, name)),
    );
    this.choice.addEventListener("change", () => this.turnTo(this.ways[this.choice.value]));
    const several = this.ways.length > 1;
    this.nodes = [several ? el("label", {}, el("span", { class: "name" }, "what to do"), this.choice) : null, this.body, this.choices];
    this.nodes = this.nodes.filter(Boolean);
    this.turnTo(this.ways[0]);
  }

  get batch() {
    return this.way.batch;
  }

  get target() {
    return this.way.target;
  }

  turnTo(way) {
    this.way = way;
    const about = way.description ? el("p", { class: "note" }, rich(way.description)) : null;
    const bare = way.nodes.length === 0 ? el("p", { class: "note" }, "It takes no arguments.") : null;
    this.body.replaceChildren(...[about, bare, ...way.nodes].filter(Boolean));
  }

  follow(items, current) {
    this.choices.replaceChildren(...items.map((item) => el("option", { value: item.id }, headline(item))));
    for (const { batch, target } of this.ways) {
      batch?.follow(items);
      if (target) target.placeholder = current ? current.id : "";
    }
  }

  /** What is to be sent; throws when there is nothing to send. */
  read() {
    const { batch, list, group, tool } = this.way;
    if (tool) return { tool_name: tool, arguments: group.read() };
    this.pending = batch?.changed() ?? [];
    if (batch && this.pending.length === 0)
      throw new Error("nothing to send: fill at least one row, or change one that was sent");
    const entries = this.pending.map(({ row, value }) => ({ [batch.key]: row.id, ...value }));
    return { ...(list ? { [list]: entries } : {}), ...group.read() };
  }

  accepted(step) {
    if (this.batch) this.batch.accept(this.pending ?? [], step);
    this.way.group.clear();
  }

  /** The way in which an action was taken. */
  wayOf({ tool_name: tool }) {
    return this.ways.find((way) => (way.tool ?? undefined) === tool) ?? this.way;
  }

  /** Puts every entry of a refusal at its control, and returns the lines for the form itself. */
  refuse(error) {
    if (!Array.isArray(error.detail)) return lines(error);
    const { list, tool } = this.way;
    let first = null;
    const texts = error.detail.map(({ loc = [], msg }) => {
      const path = loc.slice(loc[0] === "body" ? 1 : 0).slice(tool && loc.includes("arguments") ? 1 : 0);
      const row = path[0] === list ? this.pending[path[1]]?.row : null;
      const [group, name] = row ? [row.group, path[2]] : [this.way.group, path[0]];
      if (group.complain(name, msg)) first ??= group.fields.get(name).input;
      return [row?.id, name && words(name)].filter(Boolean).join(", ") + `: ${msg}`;
    });
    first?.focus();
    return texts;
  }

  calm() {
    this.way.group.calm();
    for (const row of this.batch?.rows.values() ?? []) row.group.calm();
  }

  focus() {
    const row = this.batch && [...this.batch.rows.values()].find((each) => each.sent === null);
    const field = (row?.group ?? this.way.group).fields.values().next().value;
    (field?.input ?? this.choice).focus({ preventScroll: true });
  }
}
