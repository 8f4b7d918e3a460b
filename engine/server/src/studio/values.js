// Elements, and values as text. Data goes in as text, never as markup.

const LONG_TEXT = 72;

/** Makes an element; children that are no nodes become text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
export const isItem = (value) => isObject(value) && "id" in value;
export const isItems = (value) => Array.isArray(value) && value.length > 0 && value.every(isItem);
export const isLong = (value) => typeof value === "string" && (value.length > LONG_TEXT || value.trim().includes("\n"));
export const words = (name) => String(name).replaceAll("_", " ");
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
export const randomId = () => [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(16)).join("-");
export const randomSeed = () => String(crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000);

/** Writes a number with two to four decimal places, or none when it is whole and not `fixed`. */
export function number(value, fixed = true) {
  if (!fixed && Number.isInteger(value)) return String(value);
  return (Math.round(value * 1e4) / 1e4 + 0).toLocaleString("en", {
    minimumFractionDigits: 2,
    maximumFractionDigits: 4,
    useGrouping: false,
  });
}

/** Writes a reward with its sign. */
export function signed(value) {
  if (typeof value !== "number") return "none";
  const text = number(Math.abs(value));
  if (Number(text) === 0) return text;
  return (value < 0 ? "−" : "+") + text;
}

/** Writes any value on one line. */
export function inline(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (typeof value === "number") return number(value, false);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length ? value.map(inline).join(", ") : "none";
  return JSON.stringify(value);
}

/** Text that may break after an `@` or a slash. */
export const breakable = (text) => text.split(/(?<=[@/])/).flatMap((part) => [part, el("wbr")]);

/** Text in which backticks mark code. */
export const rich = (text) =>
  String(text)
    .split("`")
    .map((part, index) => (index % 2 ? el("code", {}, part) : part));

/** A long text; lines that were only wrapped to fit a file are joined again. */
export const prose = (text, label) =>
  el("div", { class: "prose", "aria-label": label }, text.trim().replace(/([^\n]{69}[^\n.!?:;])\n(?=\p{L})/gu, "$1 "));

/** The field that names an item best for a reader: the first short text that reads like words. */
export function headline(item) {
  const texts = Object.entries(item).filter(([key, value]) => key !== "id" && typeof value === "string" && value.trim() !== "");
  const named = texts.find(([key]) => /^(title|subject|name|summary|headline)$/.test(key));
  return (named ?? texts.find(([, value]) => value.includes(" ") && !isLong(value)) ?? texts[0])?.[1] ?? "";
}

export function showError(node, texts) {
  node.hidden = texts.length === 0;
  node.replaceChildren(...texts.map((text) => el("p", {}, rich(text))));
}
