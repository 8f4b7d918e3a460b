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
  scoreTree,
} from "./parts.js";
import { forget, goesOn, keep, kept, playAgain } from "./kept.js";
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
    this.searches = new Map();
    /** The task of a link that leads to none. */
    this.lost = null;
    this.setup.addEventListener("submit", (event) => this.start(event));
    this.form.addEventListener("submit", (event) => this.step(event));
    this.form.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
    this.task.addEventListener("change", () => {
      this.lost = null;
      showError(this.startError, []);
      this.describe();
    });
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

  /** Reads the tasks; `wanted` is what a link leads to, `again` whether the page was loaded again. */
  async load(wanted, again) {
    let answer;
    try {
      answer = await call(`${this.path}/tasks`);
    } catch (error) {
      this.taskAbout.textContent = "The tasks could not be loaded.";
      showError(this.startError, lines(error));
      return;
    }
    const first = this.tasks.length === 0;
    // What a link leads to is looked for again when the tasks have changed.
    const linked = wanted?.task || this.lost;
    const chosen = linked || this.task.value;
    this.tasks = answer.tasks;
    this.forms = answer.forms;
    this.resetSchema = answer.reset_schema;
    this.task.replaceChildren(
      ...this.tasks.map(({ id, title }) => el("option", { value: id }, title && title !== id ? `${title} (${id})` : id)),
    );
    const known = this.tasks.some(({ id }) => id === chosen);
    if (known) this.task.value = chosen;
    this.task.disabled = this.startButton.disabled = this.tasks.length === 0;
    showError(this.startError, []);
    this.lost = linked && !known ? linked : null;
    if (this.lost) {
      // The address stays as it is, and no other task stands for the one that is not there.
      this.task.selectedIndex = -1;
      this.readArguments(this.schemaOf(undefined));
      this.taskAbout.textContent = "";
      const text = `The link leads to the task \`${this.lost}\`, which \`${this.environment.name}\` does not have; choose another one.`;
      showError(this.startError, [text]);
      return;
    }
    if (wanted?.task) this.seed.value = wanted.seed ?? "";
    const saved = first ? kept(this.environment.name) : null;
    const meant = again || !wanted?.task || (saved?.task === wanted.task && saved.seed === (wanted.seed ?? saved.seed));
    if (saved && meant) await this.resume(saved);
    this.describe();
  }

  /** Goes on with the episode that was kept: as the server still has it, else played again. */
  async resume(saved) {
    let told = "The episode goes on";
    try {
      if (!saved.done && !(await goesOn(this.path, saved))) {
        const again = await playAgain(this.path, saved);
        saved = this.replayed(saved, again);
        told = this.toldOf(again);
      }
    } catch (error) {
      // A server that is busy or away may have it later.
      const refused = [400, 404, 409, 422].includes(error.status);
      if (refused) forget(this.environment.name);
      const text = `The episode that this page played cannot go on: ${lines(error).join("; ")}`;
      showError(this.startError, [refused ? text : `${text}. Load the page again to try once more.`]);
      return;
    }
    if (this.play) return;
    this.seed.value = saved.seed;
    if (this.tasks.some(({ id }) => id === saved.task)) this.task.value = saved.task;
    this.describe();
    this.given.fill(saved.given);
    this.begin({ observation: saved.observation }, saved.seed, saved);
    for (const step of saved.steps) {
      this.play.steps.push(step);
      this.writeTrace();
    }
    this.feedback.textContent = `${told}: ${saved.task}, seed ${saved.seed}, ${plural(saved.steps.length, "step")} so far.`;
    this.writeSnippet();
    if (saved.done) this.finish(saved.score);
    keep(this.environment.name, this.play);
  }

  /** What was kept, with what came of it when it was played again. */
  replayed(saved, { begun, session, episode, generation, digest, answers }) {
    const last = answers.at(-1) ?? begun;
    const steps = answers.map(({ observation, reward, info = {} }, at) => {
      return { action: saved.steps[at].action, reward, info, outcome: outcomeOf(observation) };
    });
    const score = last.info?.score ?? last.observation.metadata?.score;
    const total = steps.reduce((sum, { reward }) => sum + (reward ?? 0), 0);
    const { observation, done = false } = last;
    return { ...saved, session, episode, generation, digest, steps, total, done, score, observation };
  }

  toldOf({ same }) {
    return same
      ? "The server had ended the episode; it was played again"
      : "The server had ended the episode; it was played again on changed rules, and its rewards differ";
  }

  /** What a reset of a task may be given: a level only where the task has some. */
  schemaOf(task) {
    const { level, ...others } = this.resetSchema?.properties ?? {};
    if (!level || !task?.levels) return this.resetSchema;
    const properties = task.levels.length ? { ...others, level: { ...level, enum: task.levels } } : others;
    return { ...this.resetSchema, properties };
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
    this.readArguments(this.schemaOf(task));
    const facts = task && [
      task.items && (task.min_items < task.items ? `${task.min_items} to ${task.items} items` : plural(task.items, "item")),
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
      keep(this.environment.name, this.play);
    }).catch((error) => {
      for (const { loc, msg } of Array.isArray(error.detail) ? error.detail : []) this.given.complain(loc.at(-1), msg);
      showError(this.startError, lines(error));
    });
  }

  begin({ observation }, seed, saved = {}) {
    const { session_id, task_id: task, episode_id, generation, digest } = observation.metadata;
    const { session = session_id, episode = episode_id, total = 0, done = false } = saved;
    const given = saved.given ?? this.given.read();
    const itemFields = new Set();
    this.play = { session, episode, task, seed, given, generation, digest, steps: [], total, done, open: null, itemFields, observation };
    this.searches.clear();
    this.action = new ActionForm(this.forms, (id) => this.openItem(id));
    this.fields.replaceChildren(...this.action.nodes);
    this.fields.disabled = this.submit.disabled = false;
    this.stage.dataset.shape = this.action.batch ? "batch" : "single";
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
      const answer = await this.take(play, body);
      if (play === this.play) this.stepped(action, answer);
    }).catch((error) => {
      // Only a step whose answer was lost may be sent again as the same one.
      if (error.status !== 0) this.unanswered = null;
      showError(this.formError, this.action.refuse(error));
    });
  }

  /** Takes a step; where the server has ended the episode meanwhile, it is played again first. */
  async take(play, body) {
    const send = () => call(`${this.path}/step`, { body, session: play.session });
    try {
      return await send();
    } catch (error) {
      if (error.status !== 404) throw error;
      const again = await playAgain(this.path, play);
      if (!again.same) throw new Error(`${lines(error).join("; ")}. Played again on changed rules, its rewards differ; start another one.`);
      Object.assign(play, { session: again.session, episode: again.episode, generation: again.generation, digest: again.digest });
      return send();
    }
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
    play.observation = observation;
    play.score = info.score ?? observation.metadata?.score;
    keep(this.environment.name, play);
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
    if (done) this.finish(play.score);
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
      ...this.tables.map(([name, list]) => itemTable(name, list, (each, by) => this.openItem(each, by), id, this.searches)),
    );
    if (focused) this.items.querySelector(`[data-item="${CSS.escape(id)}"]`)?.focus();
  }

  writeTrace() {
    const { steps } = this.play;
    const { reward, info, action, outcome } = steps.at(-1);
    const { list, batch } = this.action.wayOf(action);
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
      info.score_tree
        ? el("details", { class: "score-tree" }, el("summary", {}, "How the score comes about"), el("ul", {}, scoreTree(info.score_tree)))
        : null,
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
