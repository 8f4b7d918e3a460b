// Parts of a view: tables of items, the open item, the cells of the trace, actions as Python.

import { breakable, el, headline, inline, isLong, isObject, number, plural, prose, rich, signed, words } from "./values.js";

/** Decisions up to so many are shown; more are counted first. */
export const FEW = 4;

/** Rows up to so many are found by looking. */
const FEW_ROWS = 20;

/** All that an item says, to be searched. */
export const textOf = (item) => Object.values(item).map(inline).join("\n").toLowerCase();

/** A field that shows those rows alone that hold every word that is typed; null where there are few. */
export function searchBox(what, rows, text, note) {
  if (rows.length <= FEW_ROWS) return null;
  const count = el("span", { class: "count", role: "status" });
  const input = el("input", { type: "search", "data-testid": "search", "aria-label": `Search ${what}`, placeholder: `Search ${what}`, autocomplete: "off" });
  const filter = () => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) row.node.hidden = !wanted.every((word) => row.text.includes(word));
    const shown = rows.filter(({ node }) => !node.hidden).length;
    count.textContent = wanted.length ? `${shown} of ${rows.length}` : "";
    note(input.value);
  };
  input.value = text;
  input.addEventListener("input", filter);
  // Within a form, Enter would send it.
  input.addEventListener("keydown", (event) => event.key === "Enter" && !event.ctrlKey && !event.metaKey && event.preventDefault());
  filter();
  return el("div", { class: "search" }, input, count);
}

/** A table of items; long texts are cut to a line and read in the reader. */
export function itemTable(name, items, open, openId, search) {
  const keys = [...new Set(items.flatMap((item) => Object.keys(item)))].filter((key) => key !== "id");
  const long = new Set(keys.filter((key) => items.some((item) => isLong(item[key]))));
  const head = el(
    "tr",
    {},
    ["id", ...keys].map((key) => el("th", { scope: "col", class: long.has(key) ? "long" : null }, words(key))),
  );
  const rows = items.map((item) => {
    const button = el(
      "button",
      { type: "button", class: "link", "data-item": item.id, "aria-label": `Open ${item.id}` },
      item.id,
    );
    button.addEventListener("click", () => open(item.id, true));
    const cells = keys.map((key) => {
      const text = inline(item[key]);
      const kind = long.has(key) ? "long" : text.length <= 24 && !text.includes(" ") ? "word" : null;
      return el("td", { class: kind, "data-label": words(key) }, el("span", {}, breakable(text)));
    });
    const node = el("tr", { "aria-current": item.id === openId ? "true" : null }, el("th", { scope: "row" }, button), cells);
    return { node, text: textOf(item) };
  });
  const box = searchBox(words(name), rows, search.get(name) ?? "", (text) => search.set(name, text));
  const title = el("h3", {}, words(name), el("span", { class: "count" }, String(items.length)));
  return el(
    "section",
    { class: "items", "aria-label": words(name) },
    ...[title, box].filter(Boolean),
    el("table", {}, el("thead", {}, head), el("tbody", {}, rows.map(({ node }) => node))),
  );
}

/** One item, large. */
export function itemPage(item, isCurrent) {
  const fields = Object.entries(item).filter(([key]) => key !== "id");
  const title = headline(item);
  const short = fields.filter(([, value]) => !isLong(value) && value !== title);
  const facts = short.map(([key, value]) => el("div", {}, el("dt", {}, words(key)), el("dd", {}, breakable(inline(value)))));
  const texts = fields.filter(([, value]) => isLong(value) && value !== title).map(([key, value]) => prose(value, words(key)));
  const id = el("p", { class: "item-id" }, item.id, isCurrent ? el("span", { class: "tag" }, "current") : null);
  return [id, el("h3", {}, title || item.id), facts.length ? el("dl", {}, facts) : null, ...texts].filter(Boolean);
}

export function rewardCell(value, scale) {
  const size = Math.min(Math.abs(value ?? 0) / scale, 1) * 50;
  const fill = el("span", { class: value < 0 ? "fill bad" : "fill good" });
  fill.style.left = `${value < 0 ? 50 - size : 50}%`;
  fill.style.width = `${size}%`;
  return el(
    "td",
    { class: "reward", "data-label": "reward" },
    el("b", { class: value < 0 ? "bad" : value > 0 ? "good" : null }, signed(value)),
    el("span", { class: "bar", "aria-hidden": "true" }, fill),
  );
}

export function componentRows(components, depth = 0) {
  return Object.entries(components).flatMap(([name, value]) => {
    if (isObject(value))
      return [el("div", { class: "nested" }, el("dt", {}, words(name)), el("dd")), ...componentRows(value, depth + 1)];
    const text = typeof value === "number" ? number(value).replace("-", "−") : inline(value);
    const row = el("div", { class: Number(text) === 0 ? "zero" : null }, el("dt", {}, words(name)), el("dd", {}, text));
    row.style.paddingInlineStart = `${depth}em`;
    return [row];
  });
}

/** A score's tree: what each node adds, and the items that cost it something. */
export function scoreTree(part) {
  const figure = (value) => (value === null || value === undefined ? "–" : number(value).replace("-", "−"));
  const more = [
    part.weight === undefined ? "" : ` × ${figure(part.weight)}`,
    part.times === undefined ? "" : ` × ${figure(part.times)}`,
    part.adds === null || part.adds === undefined ? "" : ` adds ${figure(part.adds)}`,
  ];
  const items = (part.items ?? []).map(({ item, value, reason }) =>
    el("li", {}, el("b", {}, item), ` ${figure(value)}: `, rich(reason)),
  );
  if (part.more_items) items.push(el("li", {}, `and ${plural(part.more_items, "more item")}`));
  const below = [...items, ...(part.parts ?? []).map(scoreTree)];
  return el(
    "li",
    { class: part.value === null ? "idle" : null },
    el("span", { class: "label" }, words(part.name ?? part.grader)),
    ` ${figure(part.value)}${more.join("")}`,
    part.reason ? el("span", { class: "note" }, ` ${part.reason}`) : null,
    below.length ? el("ul", {}, below) : null,
  );
}

function decisionRow({ item, field, decided, expected, rule, because }) {
  const known = expected !== null && expected !== undefined;
  const right = JSON.stringify(decided) === JSON.stringify(expected);
  const mark = known
    ? el(
        "span",
        { class: right ? "mark good" : "mark bad", role: "img", "aria-label": right ? "right" : "wrong" },
        right ? "✓" : "✗",
      )
    : el("span", { class: "mark" }, "·");
  const said = el(
    "span",
    {},
    el("b", {}, item),
    ` ${words(field)} `,
    el("code", {}, inline(decided)),
    known && !right ? [" expected ", el("code", {}, inline(expected))] : [],
  );
  const why =
    rule || because
      ? el("span", { class: "why" }, rule ? el("code", { class: "rule" }, rule) : null, because ? ` ${because}` : "")
      : null;
  return el("li", {}, mark, el("span", {}, said, why));
}

export function decisionCount(decisions) {
  const wrong = decisions.filter(
    ({ decided, expected }) => JSON.stringify(decided) !== JSON.stringify(expected ?? decided),
  ).length;
  return `${plural(decisions.length, "decision")}, ${wrong === 0 ? "all right" : `${wrong} not as expected`}`;
}

export function decisionList(decisions) {
  const list = el("ul", { class: "decisions" }, decisions.map(decisionRow));
  return decisions.length <= FEW ? list : el("details", { open: true }, el("summary", {}, decisionCount(decisions)), list);
}

/** What a tool answered, or why it did not; nothing where none was called. */
export function outcomeOf({ tool_name: tool, result, error }) {
  if (tool === undefined) return null;
  if (error) return { failed: true, text: error.message ?? inline(error) };
  return { failed: false, text: result?.content?.map(({ text }) => text).join("\n") ?? inline(result) };
}

/** The fields of an observation, large: where there are no items, they are what there is to read. */
export function fieldPage(entries) {
  if (entries.length === 0) return [el("p", { class: "note" }, "There is nothing to see yet.")];
  return entries.map(([name, value]) =>
    el("section", {}, el("h4", {}, words(name)), isLong(value) ? prose(value) : valueNode(value)),
  );
}

/** Any value: maps and lists of maps as indented JSON, all else as text. */
function valueNode(value) {
  const nested = isObject(value) || (Array.isArray(value) && value.some((each) => typeof each === "object"));
  return nested ? el("pre", {}, JSON.stringify(value, null, 2)) : el("p", {}, inline(value));
}

/** What was done, shortly: choices first, long texts folded. */
export function actionSummary(action, list, key) {
  if ("tool_name" in action) {
    const given = actionSummary(action.arguments ?? {});
    return el("div", {}, el("code", {}, action.tool_name), given);
  }
  const entries = Object.entries(action).filter(([name]) => name !== list);
  const part = ([name, value]) =>
    isLong(value)
      ? el("details", {}, el("summary", {}, words(name)), prose(value))
      : el("span", { class: "pair" }, el("span", { class: "label" }, words(name)), " ", inline(value));
  const single = el("div", { class: "pairs" }, entries.map(part));
  if (!list || !(list in action)) return single;
  const rows = action[list].map((row) =>
    el(
      "li",
      {},
      el("b", {}, inline(row[key])),
      " ",
      Object.entries(row)
        .filter(([name]) => name !== key)
        .map(([, value]) => inline(value))
        .join(" · "),
    ),
  );
  return el(
    "div",
    {},
    el("details", {}, el("summary", {}, `${plural(rows.length, "row")}`), el("ul", { class: "sent" }, rows)),
    entries.length ? single : null,
  );
}

/** Writes a value as Python, on several lines when it is long. */
export function python(value, indent = "") {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  const parts = (pad) =>
    Array.isArray(value)
      ? value.map((each) => python(each, pad))
      : Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}: ${python(each, pad)}`);
  const flat = open + parts("").join(", ") + close;
  if (indent.length + flat.length < 88 && !flat.includes("\n")) return flat;
  return `${open}\n${parts(inner)
    .map((part) => `${inner}${part},\n`)
    .join("")}${indent}${close}`;
}
