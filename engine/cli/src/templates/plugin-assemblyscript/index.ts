/** Makes words from random numbers. */
import { answer, entries, get, input, quote } from "./casebook";
import { DESCRIPTION } from "./description";

export { casebook_alloc } from "./casebook";

const CONSONANTS = "bdfglmnprst";
const VOWELS = "aeiou";

export function casebook_describe(): u64 {
  return answer(DESCRIPTION);
}

export function casebook_fill(at: usize, length: u32): u64 {
  const call = input(at, length);
  const random = entries(get(call, ["random"]));
  const syllables = I32.parseInt(get(call, ["parameters", "syllables"]));
  let word = "";
  for (let i = 0; i < 2 * syllables; i++) {
    const letters = i % 2 ? VOWELS : CONSONANTS;
    word += letters.charAt((U32.parseInt(random[i]) % (letters.length as u32)) as i32);
  }
  return answer(`{"value":${quote(word)}}`);
}
