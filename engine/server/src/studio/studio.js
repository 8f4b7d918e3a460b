// The page: pick an environment and a task, play an episode, see each reward's parts and the rule behind it.
// Everything the server says goes in as text, never as markup.

const $ = (id) => document.getElementById(id);
const state = { environment: null, tasks: [], schema: null, session: null, done: true, total: 0, actions: [], observation: null };

/** Makes an element: attributes by name, `text` for its text, listeners by `on...`. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Asks the server; an answer that is not 2xx becomes an error that says what the server said. */
async function ask(path, body, headers = {}) {
  const post = body !== undefined;
  let answer;
  try {
    // Without cookies, so that two tabs of one browser have a session each.
    answer = await fetch(path, post
      ? { method: "POST", credentials: "omit", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) }
      : { credentials: "omit" });
  } catch {
    throw new Error("the server does not answer; is it still running?");
  }
  const text = await answer.text();
  let value = null;
  try { value = JSON.parse(text); } catch { /* told below */ }
  if (!answer.ok) throw new Error(explain(value) ?? `the server answered ${answer.status}`);
  return value;
}

/** Puts an error body into lines. */
function explain(value) {
  const detail = value?.detail;
  if (typeof detail === "string") return detail;
  if (!Array.isArray(detail)) return null;
  return detail.map((entry) => `${entry.loc.filter((part) => part !== "body").join(" / ") || "action"}: ${entry.msg}`).join("\n");
}

const words = (name) => name.replaceAll("_", " ");
const base = () => `/envs/${encodeURIComponent(state.environment.name)}`;

async function begin() {
  try {
    const environments = await ask("/envs");
    $("notice").hidden = true;
    $("environments").replaceChildren(...environments.map((environment) => make("li", {},
      make("button", { type: "button", "data-testid": `env-${environment.name}`, onclick: () => choose(environment) },
        environment.title, make("small", { text: `${environment.name} ${environment.version}` })))));
    if (environments.length > 0) await choose(environments[0]);
    else $("notice").textContent = "No environment is served.";
  } catch (error) {
    $("notice").hidden = false;
    $("notice").textContent = error.message;
  }
  watchReload();
}

async function choose(environment) {
  state.environment = environment;
  for (const button of $("environments").querySelectorAll("button")) {
    button.setAttribute("aria-current", String(button.dataset.testid === `env-${environment.name}`));
  }
  const { tasks, action_schema: schema } = await ask(`${base()}/tasks`);
  Object.assign(state, { tasks, schema, session: null, done: true });
  $("title").textContent = environment.title;
  $("description").textContent = environment.description;
  $("task").replaceChildren(...tasks.map((task) => make("option", { value: task.id, text: `${task.id}: ${task.title}` })));
  aboutTask();
  $("setup").hidden = false;
  $("play").hidden = true;
}

function aboutTask() {
  const task = state.tasks.find((one) => one.id === $("task").value);
  $("about-task").textContent = task
    ? `${task.description} ${task.items} items, at most ${task.max_steps} steps, difficulty ${task.difficulty}, split ${task.split}.`
    : "";
}

async function start(event) {
  event?.preventDefault();
  const button = $("start-form").querySelector("button");
  button.disabled = true;
  try {
    const headers = state.session ? { "x-session-id": state.session } : {};
    const answer = await ask(`${base()}/reset`, { task_id: $("task").value, seed: Number($("seed").value) }, headers);
    Object.assign(state, { session: answer.metadata.session_id, done: false, total: 0, actions: [] });
    $("outcome").replaceChildren();
    $("trace").replaceChildren(make("tr", { class: "empty" }, make("td", { colspan: "5", text: "No step yet." })));
    $("play").hidden = false;
    $("notice").hidden = true;
    show(answer.observation);
    $("action-form").querySelector("select, input, textarea")?.focus({ preventScroll: false });
  } catch (error) {
    $("notice").hidden = false;
    $("notice").textContent = error.message;
  } finally {
    button.disabled = false;
  }
}

/** Shows an observation: the item in hand, the form for it, and everything else below. */
function show(observation) {
  state.observation = observation;
  const current = Object.entries(observation).find(([name, value]) => isItem(value) && name !== "metadata");
  $("current").replaceChildren(...(current ? [card(current[1])] : []));
  const parts = Object.entries(observation).filter(([name]) => name !== "metadata" && name !== current?.[0]);
  const short = parts.filter(([, value]) => value === null || typeof value !== "object" && !isLong(value));
  const facts = short.map(([name, value]) => make("div", {}, make("dt", { class: "quiet", text: words(name) }), make("dd", { text: plain(value) })));
  $("observation").replaceChildren(
    make("dl", { class: "facts" }, ...facts),
    ...parts.filter((part) => !short.includes(part)).flatMap(([name, value]) => [make("h3", { text: words(name) }), view(value)]));
  $("action-form").hidden = state.done;
  if (!state.done) form(observation);
  python();
}

const isItem = (value) => value !== null && typeof value === "object" && !Array.isArray(value) && "id" in value;
const isLong = (value) => typeof value === "string" && value.length > 60;

function card(item) {
  const rows = Object.entries(item).flatMap(([name, value]) => [make("dt", { text: words(name) }), make("dd", { text: plain(value) })]);
  return make("div", { class: "card" }, make("dl", {}, ...rows));
}

function plain(value) {
  if (value === null || value === undefined) return "none";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function view(value) {
  if (Array.isArray(value) && value.length > 0 && value.every(isItem)) return items(value);
  if (Array.isArray(value)) return make("p", { text: value.length > 0 ? value.map(plain).join(", ") : "none" });
  return make("p", { text: plain(value), style: "white-space: pre-wrap" });
}

function items(list) {
  const names = Object.keys(list[0]);
  const head = make("tr", {}, ...names.map((name) => make("th", { text: words(name) })));
  const rows = list.map((item) => make("tr", {}, ...names.map((name) => isLong(item[name])
    ? make("td", { class: "long" }, make("div", { text: item[name], tabindex: "0" }))
    : make("td", { class: name === "id" ? "id" : undefined, text: plain(item[name]) }))));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

/** The property of the action that holds a list of decisions, if it has one. */
function listProperty() {
  return Object.entries(state.schema.properties).find(([, schema]) => schema.type === "array" && schema.items?.properties);
}

/** Makes the form from the action's schema. What was typed for an item that is still there stays. */
function form(observation) {
  const list = listProperty();
  if (!list) {
    $("fields").replaceChildren(...properties(state.schema).map(([name, schema, required]) => {
      const field = input(name, schema, required);
      return make("label", {}, words(name) + (required ? "" : " (optional)"), field,
        ...(schema.description ? [make("span", { class: "hint", text: schema.description })] : []));
    }));
    return;
  }
  const [, { items: schema }] = list;
  const inbox = Object.values(observation).find((value) => Array.isArray(value) && value.length > 0 && value.every(isItem)) ?? [];
  const columns = properties(schema);
  const id = columns.find(([name]) => name.endsWith("id"))?.[0] ?? columns[0][0];
  const shown = Object.keys(inbox[0] ?? {}).find((name) => name === "subject" || name === "title");
  const kept = new Map([...$("fields").querySelectorAll("tr[data-item]")].map((row) => [row.dataset.item, row]));
  const rows = inbox.map((item, at) => kept.get(item.id) ?? make("tr", { "data-item": item.id },
    make("td", {}, make("strong", { text: item.id }), ...(shown ? [make("div", { class: "quiet", text: item[shown] })] : [])),
    ...columns.filter(([name]) => name !== id).map(([name, column, required]) =>
      make("td", {}, input(name, column, required, { label: `${words(name)} of ${item.id}`, at })))));
  const head = make("tr", {}, make("th", { text: words(id) }), ...columns.filter(([name]) => name !== id).map(([name]) => make("th", { text: words(name) })));
  $("fields").replaceChildren(make("div", { class: "scroll" }, make("table", { "data-id": id }, make("thead", {}, head), make("tbody", {}, ...rows))));
}

/** Properties of a schema, required ones first. */
function properties(schema) {
  const required = new Set(schema.required ?? []);
  return Object.entries(schema.properties)
    .filter(([name]) => name !== "metadata")
    .map(([name, property]) => [name, property, required.has(name)])
    .sort((a, b) => Number(b[2]) - Number(a[2]));
}

function input(name, schema, required, { label, at = 0 } = {}) {
  const types = [schema.type].flat();
  const common = { name, required, "aria-label": label, "data-kind": types[0] };
  if (schema.enum) {
    const values = schema.enum.filter((value) => value !== null);
    const empty = required ? [] : [make("option", { value: "", text: "" })];
    return make("select", common, ...empty, ...values.map((value) => make("option", { value, text: value })));
  }
  if (types[0] === "boolean") return make("select", common, ...["", "true", "false"].map((value) => make("option", { value, text: value })));
  if (types[0] === "integer" || types[0] === "number") {
    const value = schema.maximum && schema.type === "integer" ? at + 1 : schema.minimum ?? 0;
    return make("input", { ...common, type: "number", min: schema.minimum, max: schema.maximum, step: types[0] === "integer" ? 1 : "any", value });
  }
  const long = !name.endsWith("id") && !name.endsWith("name");
  return long ? make("textarea", { ...common, rows: "2", maxlength: schema.maxLength }) : make("input", { ...common, type: "text", placeholder: required ? undefined : "the current one" });
}

/** Reads what was typed; fields left empty are left out. */
function read(scope) {
  const action = {};
  for (const field of scope.querySelectorAll("[name]")) {
    if (field.value === "") continue;
    const kind = field.dataset.kind;
    action[field.name] = kind === "integer" || kind === "number" ? Number(field.value) : kind === "boolean" ? field.value === "true" : field.value;
  }
  return action;
}

async function send(event) {
  event.preventDefault();
  const list = listProperty();
  const table = $("fields").querySelector("table");
  const action = list
    ? { [list[0]]: [...table.querySelectorAll("tr[data-item]")].map((row) => ({ [table.dataset.id]: row.dataset.item, ...read(row) })) }
    : read($("fields"));
  const button = $("submit");
  const error = $("form-error");
  button.disabled = true;
  error.hidden = true;
  try {
    const answer = await ask(`${base()}/step`, { action }, { "x-session-id": state.session });
    state.done = answer.done;
    state.total += answer.reward;
    state.actions.push(action);
    trace(action, answer);
    if (answer.done) finish(answer);
    show(answer.observation);
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
  } finally {
    button.disabled = false;
  }
}

const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`;
const tone = (value) => (value < 0 ? "bad" : value > 0 ? "good" : "");

function trace(action, { reward, info }) {
  const number = state.actions.length;
  const bar = make("span", { class: "bar" }, make("i", { style: `width: ${Math.min(100, Math.abs(reward) * 100)}%` }));
  const parts = Object.entries(info.components ?? {}).map(([name, value]) => make("li", {}, make("span", { text: words(name) }),
    make("span", { class: tone(value), text: typeof value === "number" ? signed(value) : plain(value) })));
  const row = make("tr", { "data-testid": "trace-row" },
    make("td", { class: "number", text: String(number) }),
    make("td", { class: "long" }, make("div", { text: summary(action), tabindex: "0" })),
    make("td", { class: `number ${tone(reward)}` }, signed(reward), bar),
    make("td", {}, parts.length > 0 ? make("ul", { class: "parts" }, ...parts) : make("span", { class: "quiet", text: "told at the end" })),
    make("td", {}, ...reasons(info)));
  $("trace").querySelector(".empty")?.remove();
  $("trace").append(row);
}

function reasons({ reason, decisions }) {
  if (!decisions || decisions.length === 0) return [make("span", { class: reason ? "" : "quiet", text: reason || "told at the end" })];
  return decisions.map(({ item, field, decided, expected, rule, because }) => {
    const right = JSON.stringify(decided) === JSON.stringify(expected);
    const verdict = right ? `${item}: ${field} ${plain(expected)} is right` : `${item}: ${field} should be ${plain(expected)}, not ${plain(decided)}`;
    return make("div", {}, make("span", { class: right ? "good" : "bad", text: verdict }),
      ...(rule ? [" ", make("span", { class: "rule", text: rule })] : []),
      ...(because ? [make("div", { class: "quiet", text: because })] : []));
  });
}

function summary(action) {
  const list = listProperty();
  const entries = list ? action[list[0]] : [action];
  return entries.map((entry) => Object.values(entry).map(plain).join(" · ")).join("\n") || "nothing";
}

function finish({ info }) {
  $("outcome").replaceChildren(
    make("span", {}, "score ", make("b", { "data-testid": "score", text: info.score.toFixed(4) })),
    make("span", { class: "quiet", text: `${state.actions.length} steps, total reward ${signed(state.total)}` }),
    make("button", { type: "button", text: "Play again", onclick: start }),
    make("button", { type: "button", text: "Another seed", onclick: () => { $("seed").value = String(Number($("seed").value) + 1); start(); } }));
  $("outcome").scrollIntoView({ block: "nearest" });
}

/** The same episode for the stock client. */
function python() {
  const { task_id: task, seed } = state.observation.metadata;
  const literal = (value) => JSON.stringify(value).replaceAll(/\b(true|false|null)\b(?=([^"]*"[^"]*")*[^"]*$)/g, (word) => ({ true: "True", false: "False", null: "None" })[word]);
  const steps = state.actions.map((action) => `    result = env.step(${literal(action)})`);
  $("python").textContent = [
    "# pip install openenv==0.10.0",
    "from openenv import GenericEnvClient",
    "",
    `with GenericEnvClient(base_url="${location.origin}${base()}").sync() as env:`,
    `    result = env.reset(task_id=${literal(task)}, seed=${seed})`,
    ...steps,
    "    print(result.reward, result.done, result.metadata)",
  ].join("\n");
}

/** Asks now and then what became of the last save. */
async function watchReload() {
  try {
    const { generation, rejected } = await ask("/reload");
    $("generation").textContent = `generation ${generation}`;
    $("reload").hidden = !rejected;
    $("reload").querySelector("pre").textContent = rejected?.text ?? "";
  } catch (error) {
    $("generation").textContent = error.message;
  }
  setTimeout(watchReload, 2000);
}

$("task").addEventListener("change", aboutTask);
$("start-form").addEventListener("submit", start);
$("action-form").addEventListener("submit", send);
$("copy").addEventListener("click", async () => {
  await navigator.clipboard?.writeText($("python").textContent);
  $("copy").textContent = "Copied";
  setTimeout(() => { $("copy").textContent = "Copy"; }, 1500);
});
begin();
