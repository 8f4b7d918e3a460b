/**
 * For plugins of Casebook in AssemblyScript. The interface is described in docs/plugins.md.
 *
 * A plugin exports `casebook_alloc`, which stands here, `casebook_describe`, and a function for each operation that it offers:
 *
 *     export { casebook_alloc } from "./casebook";
 *     export function casebook_tool(at: usize, length: u32): u64 {
 *       const text = textOf(get(input(at, length), ["arguments", "text"]));
 *       return text == null ? refuse("there is no text") : answer(`{"value":${text.length}}`);
 *     }
 *
 * Memory is never given back: every call has an instance of its own.
 */

/** Where the host writes an input of that many bytes. */
export function casebook_alloc(length: u32): usize {
  return heap.alloc(length);
}

/** The input of a call. */
export function input(at: usize, length: u32): string {
  return String.UTF8.decodeUnsafe(at, length);
}

/** Answers with JSON. */
export function answer(json: string): u64 {
  const bytes = String.UTF8.encode(json);
  return ((changetype<usize>(bytes) as u64) << 32) | (bytes.byteLength as u64);
}

/** Says why there is no answer. */
export function refuse(why: string): u64 {
  return answer(`{"error":${quote(why)}}`);
}

/** A text as JSON. */
export function quote(text: string): string {
  let json = '"';
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code == 34 || code == 92) json += "\\" + text.charAt(at);
    else if (code < 32) json += "\\u" + code.toString(16).padStart(4, "0");
    else json += text.charAt(at);
  }
  return json + '"';
}

/** The value at the end of some keys, as it was written; empty when it is not there. */
export function get(json: string, keys: string[]): string {
  let found = json.trim();
  for (let at = 0; at < keys.length; at++) found = member(found, keys[at]);
  return found;
}

/** The entries of a list, as they were written. */
export function entries(json: string): string[] {
  const found: string[] = [];
  if (!json.startsWith("[")) return found;
  let at = 1;
  while (at < json.length) {
    const end = skip(json, at);
    const entry = json.substring(at, end).trim();
    if (entry.length) found.push(entry);
    at = end + 1;
  }
  return found;
}

/** A value as a text; null when it is none. */
export function textOf(json: string): string | null {
  if (json.length < 2 || json.charCodeAt(0) != 34) return null;
  let text = "";
  for (let at = 1; at < json.length - 1; at++) {
    if (json.charCodeAt(at) != 92) {
      text += json.charAt(at);
      continue;
    }
    const escape = json.charAt(++at);
    if (escape == "u") {
      text += String.fromCharCode(I32.parseInt(json.substring(at + 1, at + 5), 16));
      at += 4;
    } else if (escape == "n") text += "\n";
    else if (escape == "t") text += "\t";
    else if (escape == "r") text += "\r";
    else if (escape == "b") text += "\b";
    else if (escape == "f") text += "\f";
    else text += escape;
  }
  return text;
}

function member(map: string, key: string): string {
  if (!map.startsWith("{")) return "";
  let at = 1;
  while (at < map.length) {
    const colon = skip(map, at);
    const end = skip(map, colon + 1);
    if (textOf(map.substring(at, colon).trim()) == key) return map.substring(colon + 1, end).trim();
    at = end + 1;
  }
  return "";
}

/** The comma, colon or bracket behind the value that begins here. */
function skip(json: string, from: i32): i32 {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code == 34) {
      for (at++; at < json.length && json.charCodeAt(at) != 34; at++) if (json.charCodeAt(at) == 92) at++;
    } else if (code == 123 || code == 91) depth++;
    else if (code == 125 || code == 93) {
      if (depth-- == 0) return at;
    } else if ((code == 44 || code == 58) && depth == 0) return at;
  }
  return json.length;
}
