// The view of one environment: its tasks, the episode that is played in it, and its trace.

import { Group } from "./controls.js";
import { ActionForm } from "./form.js";
import {
  actionSummary,
  componentRows,
  decisionCount,
  decisionList,
  FEW,
  fieldPage,
  itemPage,
  itemTable,
  outcomeOf,
  python,
  rewardCell,
} from "./parts.js";
import { BASE, call, lines, token } from "./requests.js";
import {
  el,
  inline,
  isItem,
  isItems,
  isLong,
  number,
  plural,
  prose,
  randomId,
  randomSeed,
  rich,
  showError,
  signed,
  words,
} from "./values.js";

/** How the stock client bears a token; the page shows its own to nobody. */
const TOKEN_HEADER = ', headers={"Authorization": "Bearer TOKEN"}';

/** One environment: its tasks, the episode that is played in it, and its trace. Kept while others are looked at. */
export class View {
  constructor(environment, remember) {
    this.remember = remember;
    this.node = document.querySelector("#environment-view").content.firstElementChild.cloneNode(true);
    for (const node of this.node.querySelectorAll("[data-ref]")) this[node.dataset.ref] = node;
    this.tasks = [];
    this.play = null;
    this.setup.addEventListener("submit", (event) => this.start(event));
    this.form.addEventListener("submit", (event) => this.step(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.task.addEventListener("change", () => this.describe());
    this.seed.addEventListener("input", () => this.describe());
    this.again.addEventListener("click", () => this.restart(this.play.seed));
    this.another.addEventListener("click", () => this.restart(randomSeed()));
    this.copy.addEventListener("click", () => this.copySnippet());
    this.update(environment);
  }

  /** Takes what the server says about the environment now. */
  update(environment) {
    this.environment = environment;
    this.path = `envs/${encodeURIComponent(environment.name)}`;
    this.title.textContent = environment.title || environment.name;
    this.description.textContent = environment.description;
    this.facts.replaceChildren(
      el("code", {}, environment.name),
      ` version ${environment.version} · digest `,
      el("code", { title: environment.digest }, environment.digest.slice(0, 12)),
    );
  }

  async load(wanted) {
    let answer;
    try {
      answer = await call(`${this.path}/tasks`);
    } catch (error) {
      this.taskAbout.textContent = "The tasks could not be loaded.";
      showError(this.startError, lines(error));
      return;
    }
    const chosen = wanted?.task || this.task.value;
    this.tasks = answer.tasks;
    this.forms = answer.forms;
    this.readArguments(answer.reset_schema);
    this.task.replaceChildren(
      ...this.tasks.map(({ id, title }) => el("option", { value: id }, title && title !== id ? `${title} (${id})` : id)),
    );
    if (this.tasks.some(({ id }) => id === chosen)) this.task.value = chosen;
    if (wanted?.seed) this.seed.value = wanted.seed;
    this.task.disabled = this.startButton.disabled = this.tasks.length === 0;
    showError(this.startError, []);
    this.describe();
  }

  /** Makes the controls of what a reset is given; what was typed stays as long as they are the same. */
  readArguments(schema) {
    if (JSON.stringify(schema) === JSON.stringify(this.given?.schema)) return;
    this.given = new Group(schema);
    this.argumentFields.replaceChildren(...this.given.labels());
    this.argumentFields.hidden = this.given.fields.size === 0;
  }

  describe() {
    const task = this.tasks.find(({ id }) => id === this.task.value);
    const facts = task && [
      task.items && plural(task.items, "item"),
      task.max_steps && `at most ${plural(task.max_steps, "step")}`,
      task.difficulty && `difficulty ${inline(task.difficulty)}`,
      task.split,
    ];
    this.taskAbout.textContent = task
      ? [task.description, facts.filter(Boolean).join(" · ")].filter(Boolean).join(" ")
      : "This environment has no tasks.";
    this.writeSnippet();
    this.remember(this);
  }

  /** Says so when the episode is of another generation than the server's. */
  compare(current) {
    this.older.hidden = !this.play || this.play.generation === current;
    const verb = this.play?.done ? "was played on" : "goes on with";
    this.older.textContent = `This episode ${verb} generation ${this.play?.generation}; new ones start with ${current}.`;
  }

  restart(seed) {
    this.task.value = this.play.task;
    this.seed.value = seed;
    this.setup.requestSubmit();
  }

  /** Resets: in the session that the view has, or in a new one. */
  async start(event) {
    event.preventDefault();
    if (this.busy) return;
    showError(this.startError, []);
    const typed = this.seed.value.trim() || randomSeed();
    const seed = Number.isSafeInteger(Number(typed)) ? Number(typed) : typed;
    this.given.calm();
    const body = { ...this.given.read(), task_id: this.task.value, seed };
    await this.during(this.startButton, async () => {
      const reset = (session) => call(`${this.path}/reset`, { body, session });
      const gone = (error) => (error.status === 404 && this.play ? reset() : Promise.reject(error));
      const answer = await reset(this.play?.session).catch(gone);
      this.seed.value = typed;
      this.begin(answer, typed);
    }).catch((error) => {
      for (const { loc, msg } of Array.isArray(error.detail) ? error.detail : []) this.given.complain(loc.at(-1), msg);
      showError(this.startError, lines(error));
    });
  }

  begin({ observation }, seed) {
    const { session_id: session, task_id: task, generation } = observation.metadata;
    this.play = { session, task, seed, generation, steps: [], total: 0, done: false, open: null, itemFields: new Set() };
    this.action = new ActionForm(this.forms, (id) => this.openItem(id));
    this.fields.replaceChildren(...this.action.nodes);
    this.fields.disabled = this.submit.disabled = false;
    this.stage.dataset.shape = this.action.batch ? "batch" : "single";
    this.play.given = this.given.read();
    this.empty.hidden = this.scorePanel.hidden = this.trace.hidden = true;
    this.episode.hidden = this.stage.hidden = this.form.hidden = false;
    this.rows.replaceChildren();
    this.episode.after(this.trace);
    showError(this.formError, []);
    this.feedback.textContent = `Episode started: ${task}, seed ${seed}, generation ${generation}.`;
    this.show(observation);
    this.describe();
    this.action.focus();
    this.episode.scrollIntoView({ block: "nearest" });
  }

  async step(event) {
    event.preventDefault();
    if (this.busy || !this.play || this.play.done) return;
    const play = this.play;
    this.action.calm();
    showError(this.formError, []);
    await this.during(this.submit, async () => {
      const action = this.action.read();
      const body = { action, request_id: this.requestId(action) };
      const answer = await call(`${this.path}/step`, { body, session: play.session });
      if (play === this.play) this.stepped(action, answer);
    }).catch((error) => {
      // Only a step whose answer was lost may be sent again as the same one.
      if (error.status !== 0) this.unanswered = null;
      showError(this.formError, this.action.refuse(error));
    });
  }

  /** The id of a step: that of the last one if it is the same and its answer was lost, so that it does not count twice. */
  requestId(action) {
    const text = JSON.stringify(action);
    if (this.unanswered?.text !== text) this.unanswered = { text, id: randomId() };
    return this.unanswered.id;
  }

  stepped(action, { observation, reward, done, info = {} }) {
    const play = this.play;
    this.unanswered = null;
    const outcome = outcomeOf(observation);
    play.steps.push({ action, reward, info, outcome });
    play.total += reward ?? 0;
    play.done = done;
    play.open = null;
    this.action.accepted(play.steps.length);
    this.writeTrace();
    const reason = info.decisions?.length > FEW ? decisionCount(info.decisions) : info.reason;
    this.feedback.replaceChildren(
      `Step ${play.steps.length}: `,
      el("b", { class: reward < 0 ? "bad" : reward > 0 ? "good" : null }, signed(reward)),
      " ",
      ...(outcome ? [el("span", { class: outcome.failed ? "bad" : null }, outcome.text)] : rich(reason ?? "")),
    );
    this.show(observation);
    this.writeSnippet();
    if (done) this.finish(info.score ?? observation.metadata?.score);
    else {
      this.action.focus();
      if (this.stage.getBoundingClientRect().top < 0) this.stage.scrollIntoView();
    }
  }

  finish(score) {
    const { steps, total, task, seed, generation } = this.play;
    this.score.textContent = typeof score === "number" ? number(score) : "none";
    this.scoreNote.replaceChildren(
      `Total reward `,
      el("b", {}, signed(total)),
      ` in ${plural(steps.length, "step")} · ${task}, seed ${seed}, generation ${generation}.`,
    );
    this.fields.disabled = this.submit.disabled = true;
    this.stage.hidden = !this.action.batch;
    this.scorePanel.hidden = false;
    this.scorePanel.after(this.trace);
    this.scorePanel.focus({ preventScroll: true });
    this.scorePanel.scrollIntoView();
  }

  /** Runs a request with its button held, one at a time. */
  async during(button, work) {
    this.busy = true;
    button.setAttribute("aria-busy", "true");
    try {
      await work();
    } finally {
      this.busy = false;
      button.removeAttribute("aria-busy");
    }
  }

  /** Shows an observation by the shapes of its fields. */
  show({ metadata, ...fields }) {
    const entries = Object.entries(fields).filter(([name]) => !["reward", "done"].includes(name));
    const tables = entries.filter(([, value]) => isItems(value));
    const texts = entries.filter(([, value]) => isLong(value));
    const lone = entries.filter(([, value]) => isItem(value));
    for (const [name] of [...tables, ...lone]) this.play.itemFields.add(name);
    // Without items what is observed is what there is to read.
    this.plain = this.play.itemFields.size === 0 && !this.action.ways.some(({ target, batch }) => target || batch);
    this.counters.hidden = this.texts.hidden = this.plain;
    this.reader.ariaLabel = this.plain ? "Observation" : "Open item";
    const rest = entries.filter(([name, value]) => !this.plain && !isLong(value) && !this.play.itemFields.has(name));
    this.tables = tables;
    this.current = lone[0]?.[1] ?? null;
    this.counters.replaceChildren(
      ...rest.map(([name, value]) =>
        el("div", { class: Array.isArray(value) ? "list" : null }, el("dt", {}, words(name)), el("dd", {}, inline(value))),
      ),
    );
    const shut = new Set([...this.texts.querySelectorAll("details:not([open])")].map((node) => node.dataset.name));
    this.texts.replaceChildren(
      ...(this.plain ? [] : texts).map(([name, value]) =>
        el("details", { class: "text", "data-name": name, open: !shut.has(name) }, el("summary", {}, words(name)), prose(value)),
      ),
    );
    const items = [
      ...new Map(
        [...tables.flatMap(([, list]) => list), ...lone.map(([, item]) => item)].map((item) => [item.id, item]),
      ).values(),
    ];
    this.known = new Map(items.map((item) => [item.id, item]));
    this.action.follow(items, this.current);
    if (this.plain) {
      const outcome = outcomeOf(fields);
      const told = outcome && [fields.tool_name, outcome.text];
      const others = entries.filter(([name]) => !outcome || !["tool_name", "result", "error"].includes(name));
      this.reader.replaceChildren(...fieldPage([told, ...others].filter(Boolean)));
      this.reader.classList.toggle("failed", outcome?.failed ?? false);
      return;
    }
    this.openItem((this.known.get(this.play.open) ?? this.current ?? items[0])?.id);
  }

  /** Opens an item in the reader; `chosen` also makes it the one that a single action is about. */
  openItem(id, chosen = false) {
    if (chosen && this.action.target) this.action.target.value = this.current?.id === id ? "" : id;
    if (this.play.open === id && this.reader.dataset.item === id && !chosen) return;
    this.play.open = id;
    this.reader.dataset.item = id ?? "";
    const item = this.known.get(id);
    this.reader.replaceChildren(
      ...(item
        ? itemPage(item, item === this.current || item.id === this.current?.id)
        : [el("p", { class: "note" }, "Nothing is open.")]),
    );
    this.reader.scrollTop = 0;
    const focused = this.items.contains(document.activeElement);
    this.items.replaceChildren(
      ...this.tables.map(([name, list]) => itemTable(name, list, (each, by) => this.openItem(each, by), id)),
    );
    if (focused) this.items.querySelector(`[data-item="${CSS.escape(id)}"]`)?.focus();
  }

  writeTrace() {
    const { steps } = this.play;
    const { reward, info, action, outcome } = steps.at(-1);
    const { list, batch } = this.action.way;
    const parts = [
      outcome &&
        el(
          "p",
          { class: "outcome" },
          el("span", { class: outcome.failed ? "bad" : "label" }, outcome.failed ? "failed: " : "answered: "),
          outcome.text,
        ),
      info.reason && !info.decisions?.length ? el("p", {}, rich(info.reason)) : null,
      info.decisions?.length ? decisionList(info.decisions) : null,
      Object.keys(info.components ?? {}).length ? el("dl", { class: "components" }, componentRows(info.components)) : null,
    ].filter(Boolean);
    this.rows.append(
      el(
        "tr",
        { "data-testid": "trace-row" },
        el("th", { scope: "row", "data-label": "step" }, String(steps.length)),
        el("td", { "data-label": "action" }, actionSummary(action, list, batch?.key)),
        rewardCell(reward, Math.max(1, Math.abs(reward ?? 0))),
        el("td", { "data-label": "why" }, parts.length ? parts : el("p", { class: "note" }, "No breakdown at this step.")),
      ),
    );
    this.trace.hidden = false;
  }

  writeSnippet() {
    const seed = /^\d+$/.test(this.seed.value.trim()) ? `, seed=${this.seed.value.trim()}` : "";
    const same = this.play && this.play.task === this.task.value && this.play.seed === this.seed.value.trim();
    const steps = (same ? this.play.steps : []).map(
      ({ action }) => `    result = env.step(${python(action, "    ")})\n    print(result.reward, result.done)`,
    );
    const given = Object.entries((same ? this.play.given : this.given?.read()) ?? {});
    const more = given.map(([name, value]) => `, ${name}=${python(value)}`).join("");
    const base = new URL(this.path, BASE).href;
    this.snippet.textContent = [
      "from openenv import GenericEnvClient",
      "",
      `with GenericEnvClient(base_url=${JSON.stringify(base)}${token() ? TOKEN_HEADER : ""}).sync() as env:`,
      `    result = env.reset(task_id=${JSON.stringify(this.task.value)}${seed}${more})`,
      ...(steps.length ? steps : ["    print(result.observation)"]),
    ].join("\n");
  }

  async copySnippet() {
    getSelection().selectAllChildren(this.snippet);
    const copied =
      (await navigator.clipboard?.writeText(this.snippet.textContent).then(
        () => true,
        () => false,
      )) || document.execCommand("copy");
    this.copy.textContent = copied ? "Copied" : "Press Ctrl C";
    setTimeout(() => (this.copy.textContent = "Copy"), 1500);
  }
}
