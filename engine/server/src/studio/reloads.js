// What is loaded, beside it: errors that keep a change out, a change that is held, warnings, and the generations before.

import { call } from "./requests.js";
import { el, plural, showError } from "./values.js";

/** What was shown last, so that a banner that somebody reads is not drawn again. */
let shown = "";

/** Shows an answer of `/reload`; `again` is called after what is loaded was replaced. */
export function showReload(node, status, again) {
  const text = JSON.stringify(status);
  if (text === shown) return;
  shown = text;
  const parts = [rejected(status), held(status, again), warned(status), before(status, again)].filter(Boolean);
  const open = node.querySelector("[data-testid=history]")?.open;
  node.replaceChildren(...parts);
  if (open) node.querySelector("[data-testid=history]")?.setAttribute("open", "");
}

function rejected({ rejected: found, generation, outcome }) {
  if (!found) return null;
  const text = (found.text ?? found.diagnostics.map(({ message }) => message).join("\n")).trimEnd();
  const count = found.diagnostics.length;
  const findings = count ? ` (${plural(count, "finding")})` : "";
  const title =
    outcome === "rejected"
      ? `The last change was rejected${findings}; generation ${generation} goes on.`
      : `Some packs have errors${findings}; their last version without errors goes on, if there is one.`;
  return el("section", { class: "banner", role: "alert", "data-testid": "reload-banner" }, folded(title, text, true));
}

function held({ candidate, signed, controls, generation }, again) {
  if (!candidate) return null;
  const title = `A change of ${candidate.changed.join(", ")} is held; generation ${generation} goes on.`;
  const apply = replacing("Apply it", "apply", { digest: candidate.digest }, { signed, controls }, again);
  const warnings = candidate.warnings.length ? folded(plural(candidate.warnings.length, "warning"), lines(candidate.warnings)) : null;
  return el("section", { class: "banner held", role: "status", "data-testid": "held-banner" }, el("p", {}, title), apply, warnings);
}

function warned({ warnings }) {
  if (!warnings?.length) return null;
  const title = `${plural(warnings.length, "warning")} about what is loaded`;
  return el("section", { class: "banner warned", "data-testid": "warnings-banner" }, folded(title, lines(warnings)));
}

function before({ history, signed, controls }, again) {
  if (!(history?.length > 1)) return null;
  const last = history.length - 1;
  const entries = history.map((one, at) => {
    const why = one.of ? `rollback to ${one.of}` : one.origin;
    const who = one.approver ? `, signed off by ${one.approver}` : "";
    const text = `Generation ${one.generation}, ${why} at ${new Date(one.loaded_at).toLocaleTimeString()}${who}, ${one.digest.slice(0, 12)}`;
    const back = at === last ? null : replacing("Go back to it", "rollback", { generation: one.generation }, { signed, controls }, again);
    return el("li", {}, text, back);
  });
  const list = el("ol", { reversed: true }, entries.reverse());
  return el("section", { class: "banner warned" }, el("details", { "data-testid": "history" }, el("summary", {}, "Generations"), list));
}

/** A button that replaces what is loaded, beside the name of who signs it off where that is wanted. */
function replacing(label, path, body, { signed, controls }, again) {
  if (!controls) return null;
  const name = signed ? el("input", { "aria-label": "Who signs it off", placeholder: "Who signs it off", required: true, maxlength: 200 }) : null;
  const problem = el("div", { class: "error", role: "alert", hidden: true });
  const form = el("form", { class: "replacing" }, name, el("button", { "data-testid": path }, label), problem);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await call(`reload/${path}`, { body: name ? { ...body, approver: name.value } : body });
      again();
    } catch (error) {
      showError(problem, [error.message]);
    }
  });
  return form;
}

function folded(title, text, open = false) {
  return el("details", { open }, el("summary", {}, title), el("pre", { tabindex: 0 }, text));
}

const lines = (findings) =>
  findings.map(({ path, line, column, code, message }) => `${path}:${line}:${column}: ${code}: ${message}`).join("\n");
