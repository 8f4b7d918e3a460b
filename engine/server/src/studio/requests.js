// Requests to the server that the page came from, and how refusals read.

export const BASE = new URL("..", import.meta.url);

/** An answer that is not a success; `detail` is the server's text or its list of entries. */
export class Refusal extends Error {
  constructor(status, detail) {
    super(typeof detail === "string" ? detail : `the server answered ${status}`);
    this.status = status;
    this.detail = detail;
  }
}

/** Where the token is kept: in this tab, until it is closed. */
const TOKEN = "casebook-token";

/** The token that requests bear; `null` when there is none. */
export const token = () => sessionStorage.getItem(TOKEN);

/** Bears a token from now on; an empty one is forgotten, with all that was played with it. */
export function bear(text) {
  if (text) sessionStorage.setItem(TOKEN, text);
  else sessionStorage.clear();
}

/** Whether the server wants a token, or another one. */
export const isLocked = (error) => error instanceof Refusal && (error.status === 401 || error.status === 403);

/** Told of every refusal for want of a token. */
let whenLocked = () => {};
export const onLocked = (listener) => (whenLocked = listener);

/** Calls the server. No cookies: two tabs are two sessions. */
export async function call(path, { body, session } = {}) {
  const headers = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (session) headers["x-session-id"] = session;
  if (token()) headers.authorization = `Bearer ${token()}`;
  const options = {
    method: body === undefined ? "GET" : "POST",
    headers,
    body: body && JSON.stringify(body),
    credentials: "omit",
    cache: "no-store",
  };
  let response;
  try {
    response = await fetch(new URL(path, BASE), options);
  } catch {
    throw new Refusal(0, "the server cannot be reached; what was typed is kept");
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const refusal = new Refusal(response.status, answer?.detail ?? `the server answered ${response.status}`);
  if (isLocked(refusal)) whenLocked(refusal);
  throw refusal;
}

/** Tells an error as lines of text. */
export function lines(error) {
  if (!(error instanceof Refusal) || !Array.isArray(error.detail)) return [error.message];
  return error.detail.map((entry) => `${(entry.loc ?? []).join(" › ")}: ${entry.msg}`);
}
