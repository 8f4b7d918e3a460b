// The page of the studio: a person chooses an environment, plays an episode and sees what each reward is made of.
// It knows no environment: forms come from action schemas, tables from observations. Data goes in as text, never as markup.

import { bear, call, isLocked, onLocked, Refusal, token } from "./requests.js";
import { showReload } from "./reloads.js";
import { el, plural, showError } from "./values.js";
import { View } from "./view.js";

const POLL_MS = 3000;

const page = Object.fromEntries(
  ["environments", "environments-note", "server-state", "main", "reload", "token-form", "token", "forget-token", "lost"].map((id) => [
    id,
    document.getElementById(id),
  ]),
);
const views = new Map();
let chosen = null;
let generation = null;
/** The environment of a link that leads to none. */
let lost = null;

/** Keeps the choice in the address, so that a link leads to the same episode. */
function remember(view) {
  if (view.environment.name !== chosen) return;
  const parts = [chosen, view.task.value, view.seed.value.trim()].map(encodeURIComponent).join("/").replace(/\/+$/, "");
  history.replaceState(null, "", `#${parts}`);
}

/** What the address leads to; a part that is not encoded as it should be stands for itself. */
function recalled() {
  const decoded = (part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  };
  const [name, task, seed] = location.hash.slice(1).split("/").map(decoded);
  return { name, task, seed };
}

/** Whether the page was loaded again, and not opened by a link. */
const isReload = () => performance.getEntriesByType("navigation")[0]?.type === "reload";

/** Notes whether a link leads nowhere, and says so. */
function follow(name) {
  lost = name && !views.has(name) ? name : null;
  showError(page.lost, lost ? [`The link leads to the environment \`${lost}\`, which this server does not have.`] : []);
}

function choose(name, wanted, again) {
  chosen = name;
  follow(name);
  const view = views.get(name);
  if (page.main.firstElementChild !== view.node) page.main.replaceChildren(view.node);
  for (const button of page.environments.querySelectorAll("button"))
    button.ariaCurrent = button.dataset.testid === `env-${name}` ? "true" : null;
  if (view.tasks.length === 0 || wanted) view.load(wanted, again);
  else remember(view);
}

/** Reads the environments again, and the tasks of those that were looked at. */
async function refresh(wanted) {
  const environments = await call("envs");
  page.environments.replaceChildren(
    ...environments.map(({ name, title, tasks }) => {
      const count = Array.isArray(tasks) ? tasks.length : tasks;
      const button = el(
        "button",
        { type: "button", "data-testid": `env-${name}` },
        el("b", {}, title || name),
        el("span", {}, `${name} · ${plural(count, "task")}`),
      );
      button.addEventListener("click", () => choose(name));
      return el("li", {}, button);
    }),
  );
  page.environments.removeAttribute("aria-busy");
  page["environments-note"].textContent = "This server has no environments.";
  page["environments-note"].hidden = environments.length > 0;
  for (const environment of environments) {
    const view = views.get(environment.name);
    if (!view) views.set(environment.name, new View(environment, remember));
    else {
      view.update(environment);
      if (view.tasks.length) view.load();
    }
  }
  const names = environments.map(({ name }) => name);
  const next = [wanted?.name, chosen, names[0]].find((name) => names.includes(name));
  if (wanted) follow(wanted.name);
  if (lost && names.includes(lost)) choose(lost, recalled());
  // A link that leads nowhere opens nothing else in its place.
  else if (next && !lost) choose(next, next === wanted?.name ? wanted : undefined, wanted && isReload());
}

/** Asks what is loaded; a new generation is taken over, a rejected one is told. */
async function poll() {
  try {
    const status = await call("reload");
    if (status.generation !== generation) {
      await refresh(generation === null ? recalled() : undefined);
      generation = status.generation;
    }
    for (const view of views.values()) view.compare(generation);
    page["token-form"].hidden = true;
    page["forget-token"].hidden = !token();
    const loaded = status.loaded_at ? `, loaded ${new Date(status.loaded_at).toLocaleTimeString()}` : "";
    announce(`Generation ${generation}${loaded}`, "");
    showReload(page.reload, status, poll);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (isLocked(error)) return;
    announce("The server cannot be reached; trying again.", "bad");
    if (generation === null) page["environments-note"].textContent = error.message;
  }
}

/** Asks for a token: there is none, nobody has it, or its principal may not do what was asked. */
function askForToken(refusal) {
  const why = { 401: token() ? "Nobody has this token." : "This server asks for a token." }[refusal.status];
  const form = page["token-form"];
  form.querySelector("[data-ref=why]").textContent = why ?? `With this token, ${refusal.message}; the orchestrator may.`;
  announce("Locked", "");
  page["environments-note"].textContent = "A token is needed.";
  if (!form.hidden) return;
  form.hidden = false;
  page.token.focus();
}

function announce(text, kind) {
  if (page["server-state"].textContent !== text) page["server-state"].textContent = text;
  page["server-state"].className = kind;
}

async function pollAgain() {
  try {
    if (!document.hidden) await poll();
  } finally {
    setTimeout(pollAgain, POLL_MS);
  }
}

onLocked(askForToken);
page["token-form"].addEventListener("submit", (event) => {
  event.preventDefault();
  bear(page.token.value.trim());
  page.token.value = "";
  poll();
});
page["forget-token"].addEventListener("click", () => {
  bear("");
  location.reload();
});
addEventListener("hashchange", () => {
  const wanted = recalled();
  follow(wanted.name);
  if (wanted.name && !lost) choose(wanted.name, wanted);
});
document.addEventListener("visibilitychange", () => document.hidden || poll());
pollAgain();
