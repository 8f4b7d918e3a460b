//! What the answers of a server show.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use casebook_analysis::audit::{BAR, Finding, Level, Manifest, Outcome, Place};
use casebook_runtime::{
    record::{Recording, Verdict, replay},
    scenario::{Catalog, Pack},
};
use casebook_syntax::schema_error::Schema;
use serde_json::{Map, Value, json};

use super::{
    client::Client,
    containment,
    wire::{Driver, Plan, Played, drive},
};

/// Mismatches of an observation that are reported.
const MISMATCHES: usize = 3;

/// The agents whose episodes are played twice.
const REPEATED: [&str; 3] = ["oracle", "random", "plan"];

/// A server with one environment of it, and what was played there.
pub(crate) struct Subject<'a> {
    pub(crate) client: &'a Client,
    /// How findings name it where there is no pack.
    pub(crate) name: &'a str,
    /// The pack, where it is at hand.
    pub(crate) pack: Option<&'a Arc<Pack>>,
    /// What is declared for this environment.
    pub(crate) manifest: Option<&'a Manifest>,
    /// How long the server took to start, where it was started for this.
    pub(crate) started: Option<Duration>,
    pub(crate) plays: Vec<Played>,
}

pub(crate) type Outcomes = Vec<(&'static str, Outcome)>;
type Run = fn(&Subject<'_>) -> Outcome;

const CHECKS: &[(&str, Run)] = &[
    ("runtime.startup", startup),
    ("runtime.reward_well_formed", rewards),
    ("runtime.rubric_introspectable", rubric),
    ("runtime.observation_schema", observations),
    ("runtime.state_contract", states),
    ("runtime.reward_attribution", attribution),
    ("runtime.tool_declaration_accuracy", tools),
    ("runtime.task_declaration_accuracy", tasks),
    ("runtime.seed_control", seeds),
    ("runtime.episode_determinism", determinism),
    ("runtime.network_policy", network),
    ("runtime.host_containment", containment::host),
    ("runtime.resource_bounds", containment::bounds),
    ("runtime.episode_isolation", isolation),
    ("runtime.oracle_containment", containment::oracle),
];

/// Checks that read what was played, so that without actions they cannot run.
const NEED_ACTIONS: [&str; 6] = [
    "runtime.reward_well_formed",
    "runtime.rubric_introspectable",
    "runtime.observation_schema",
    "runtime.state_contract",
    "runtime.reward_attribution",
    "runtime.episode_determinism",
];

/// Checks of what a manifest declares.
pub(crate) const OF_MANIFEST: [&str; 2] = ["runtime.tool_declaration_accuracy", "runtime.task_declaration_accuracy"];

const NO_ACTIONS: &str = "no actions are known; name the pack, or give a runtime plan with `--plan FILE`";
const UNDECLARED: &str = "nothing is declared for this environment";

/// The outcomes of an environment.
pub(crate) struct Ran {
    pub(crate) outcomes: Outcomes,
    /// What answers show of hidden values.
    pub(crate) leakage: Outcome,
    /// The ids of the episodes that ended, and what was played there.
    pub(crate) ended: Vec<(String, Plan)>,
}

/// Plays what is planned, and runs the checks whose id is wanted.
pub(crate) fn run(mut subject: Subject<'_>, plans: &[Plan], wanted: &dyn Fn(&str) -> bool) -> Ran {
    let begin = Instant::now();
    let named = |at: usize| format!("audit-{}-{at}", subject.name);
    subject.plays =
        plans.iter().enumerate().map(|(at, plan)| drive(subject.client, plan, &named(at), subject.pack)).collect();
    let mut playing = begin.elapsed();
    let mut leaks: Vec<Finding> = subject.plays.iter().flat_map(|play| play.leaks.clone()).collect();
    for (at, plan) in subject.one_of_each().into_iter().enumerate() {
        leaks.extend(leaks_of_an_error(&subject, plan, &format!("audit-{}-error-{at}", subject.name)));
    }
    let mut seen = BTreeSet::new();
    leaks.retain(|leak| seen.insert(leak.to_string()));
    let answers: usize = subject.plays.iter().map(|play| play.exchanges.len()).sum();
    let leakage =
        Outcome::looked(format!("`{}`: searched {answers} answers for hidden values", subject.name)).with(leaks);
    let mut outcomes = Outcomes::new();
    // A package declares the tools and tasks of one environment.
    let applies = |id: &str| wanted(id) && (subject.manifest.is_some() || !OF_MANIFEST.contains(&id));
    for (id, run) in CHECKS.iter().filter(|(id, _)| applies(id)) {
        let begin = Instant::now();
        let outcome =
            if plans.is_empty() && NEED_ACTIONS.contains(id) { Outcome::skip(NO_ACTIONS) } else { run(&subject) };
        outcomes.push((*id, Outcome { took: begin.elapsed() + std::mem::take(&mut playing), ..outcome }));
    }
    let ended = subject.plays.iter().filter(|play| play.broken.is_none() && play.is_done());
    let ended = ended.map(|play| (play.episode_id.clone(), play.plan.clone())).collect();
    Ran { outcomes, leakage, ended }
}

/// The hidden values in the answer to an action that does not fit.
fn leaks_of_an_error(subject: &Subject<'_>, plan: &Plan, id: &str) -> Vec<Finding> {
    let mut driver = Driver::new(plan, id, subject.pack);
    if let Ok(mut session) = subject.client.open()
        && driver.begin(&mut session).is_ok()
    {
        // An answer that refuses it is what was asked for.
        let _ = driver.ask(&mut session, "step", Some(&json!({ "no_such_key": "no such value" })));
    }
    driver.played.leaks
}

/// The outcomes of all checks of this level that are wanted, where there is no server.
pub(crate) fn failed(reason: &str, wanted: &dyn Fn(&str) -> bool) -> Outcomes {
    let checks = BAR.iter().filter(|check| check.level == Level::Runtime && wanted(check.id));
    let outcome = |id: &str| {
        let text = format!("the server does not answer: {reason}");
        if id == "runtime.startup" {
            Outcome::default().with([Finding::new(Place::default(), text)])
        } else {
            Outcome::skip(text)
        }
    };
    checks.map(|check| (check.id, outcome(check.id))).collect()
}

impl Subject<'_> {
    /// Where something is, that is about no episode.
    pub(crate) fn place(&self) -> Place {
        self.pack.map_or_else(Place::default, |pack| Place::pack(pack.name()))
    }

    /// The outcome of a check of every episode; one that broke off is a finding.
    fn each(&self, mut check: impl FnMut(&Played, &mut Vec<Finding>)) -> Outcome {
        let steps: usize = self.plays.iter().map(|play| play.observations().count().saturating_sub(1)).sum();
        let mut findings = Vec::new();
        for play in &self.plays {
            if let Some(reason) = &play.broken {
                let text = format!("the episode of `{}` broke off: {reason}", play.plan.agent);
                findings.push(Finding::new(play.plan.place.clone(), text));
            }
            check(play, &mut findings);
        }
        findings.dedup();
        let note = format!("`{}`: {} episodes over /ws with {steps} steps", self.name, self.plays.len());
        Outcome::looked(note).with(findings)
    }

    /// One plan for each task.
    fn one_of_each(&self) -> Vec<&Plan> {
        let mut seen = BTreeSet::new();
        self.plays.iter().map(|play| &play.plan).filter(|plan| seen.insert(plan.place.task.clone())).collect()
    }
}

fn startup(subject: &Subject<'_>) -> Outcome {
    let at = |text: String| Finding::new(subject.place(), text);
    let mut findings = Vec::new();
    match subject.client.get("/health") {
        Ok(answer) if answer.is_ok() && answer.json()["status"] == "healthy" => {}
        Ok(answer) => findings
            .push(at(format!("GET /health answers {} {}", answer.status, answer.text)).expected("200 and `healthy`")),
        Err(error) => findings.push(at(error)),
    }
    match subject.client.get("/metadata") {
        Ok(answer) if answer.json()["name"].is_string() && answer.json()["description"].is_string() => {}
        Ok(answer) => findings
            .push(at(format!("GET /metadata answers {}", answer.status)).expected("a `name` and a `description`")),
        Err(error) => findings.push(at(error)),
    }
    let outcome = Outcome::looked("asked /health and /metadata").with(findings);
    match subject.started {
        Some(took) => outcome.measured("started_s", took.as_secs_f64()),
        None => outcome,
    }
}

fn rewards(subject: &Subject<'_>) -> Outcome {
    let range = subject.manifest.map(|manifest| manifest.validation.reward.range);
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    let outcome = subject.each(|play, findings| {
        let mut wrong = Vec::new();
        for (at, data) in play.observations().enumerate() {
            match &data["reward"] {
                Value::Null if at == 0 => {}
                Value::Number(number) => {
                    let number = number.as_f64().unwrap_or(f64::NAN);
                    (least, most) = (least.min(number), most.max(number));
                    let outside = range.filter(|(low, high)| !(*low..=*high).contains(&number));
                    let expected = |(low, high)| format!("from {low} to {high}");
                    wrong.extend(outside.map(|range| (at, number.to_string(), expected(range))));
                }
                other => wrong.push((at, other.to_string(), "a number".to_owned())),
            }
        }
        if let Some((at, is, expected)) = wrong.first() {
            let more = wrong.len() - 1;
            let more = if more > 0 { format!(", and {more} more are like it") } else { String::new() };
            let text = format!("`{}`: the reward of step {at} is {is}{more}", play.plan.agent);
            findings.push(Finding::new(play.plan.place.clone(), text).expected(expected.clone()));
        }
    });
    if least <= most { outcome.measured(subject.name, json!([least, most])) } else { outcome }
}

fn rubric(subject: &Subject<'_>) -> Outcome {
    if subject.plays.iter().all(|play| play.grades.is_empty()) {
        return Outcome::skip(format!("`{}` shows no grade to this client; set CASEBOOK_GRADER_TOKEN", subject.name));
    }
    subject.each(|play, findings| {
        let Some(last) = play.grades.last() else { return };
        let mut named = 0;
        let problem = match &last["score_tree"] {
            Value::Object(tree) => unlisted(tree, "", &mut named),
            _ => Some("the grade has no tree of the score's parts".to_owned()),
        };
        let has_parts = last["score_tree"].get("parts").is_some();
        let unnamed = || (has_parts && named == 0).then(|| "no part of the score has a name".to_owned());
        findings.extend(problem.or_else(unnamed).map(|text| Finding::new(play.plan.place.clone(), text)));
    })
}

/// Why the parts of a tree cannot be listed by their paths, as RFC 004 lists them: the names from the root with dots between, the
/// place among its siblings for a part without a name. Counts those with a name.
fn unlisted(tree: &Map<String, Value>, path: &str, named: &mut usize) -> Option<String> {
    let of =
        |path: &str| if path.is_empty() { "the score".to_owned() } else { format!("the part `{path}` of the score") };
    if !tree.get("grader").is_some_and(Value::is_string) || !tree.contains_key("value") {
        return Some(format!("{} has no grader and value", of(path)));
    }
    let mut known = BTreeSet::new();
    let parts = tree.get("parts").and_then(Value::as_array).into_iter().flatten().enumerate();
    for (at, part) in parts.filter_map(|(at, part)| Some((at, part.as_object()?))) {
        let name = part.get("name").and_then(Value::as_str);
        *named += usize::from(name.is_some());
        let name = name.map_or_else(|| at.to_string(), str::to_owned);
        if !known.insert(name.clone()) {
            return Some(format!("{} has two parts `{name}`", of(path)));
        }
        let path = if path.is_empty() { name } else { format!("{path}.{name}") };
        if let Some(problem) = unlisted(part, &path, named) {
            return Some(problem);
        }
    }
    None
}

fn attribution(subject: &Subject<'_>) -> Outcome {
    if subject.plays.iter().all(|play| play.grades.is_empty()) {
        return Outcome::skip(format!("`{}` shows no grade to this client; set CASEBOOK_GRADER_TOKEN", subject.name));
    }
    subject.each(|play, findings| {
        for grade in &play.grades {
            let components = grade["breakdown"]["components"].as_object();
            if components.is_none_or(|parts| parts.is_empty() || parts.values().any(|part| !part.is_number())) {
                let text = format!("the reward of step {} is not divided among named components", grade["step_count"]);
                findings.push(Finding::new(play.plan.place.clone(), text));
                break;
            }
        }
    })
}

fn observations(subject: &Subject<'_>) -> Outcome {
    let schemas = match subject.client.get("/schema") {
        Ok(answer) if answer.is_ok() => answer.json(),
        Ok(answer) => return Outcome::error(format!("GET /schema answers {}", answer.status)),
        Err(error) => return Outcome::error(error),
    };
    let remote = ["observation", "reset_observation"].into_iter().filter(|part| refers_elsewhere(&schemas[*part]));
    let remote: Vec<Finding> = remote
        .map(|part| Finding::new(subject.place(), format!("the schema `{part}` refers to another document")))
        .collect();
    let first =
        if schemas["reset_observation"].is_object() { &schemas["reset_observation"] } else { &schemas["observation"] };
    let (first, later) = match (Schema::new(first), Schema::new(&schemas["observation"])) {
        (Ok(first), Ok(later)) => (first, later),
        (Err(error), _) | (_, Err(error)) => {
            return Outcome::default()
                .with([Finding::new(subject.place(), format!("/schema is not a schema: {error}"))]);
        }
    };
    let outcome = subject.each(|play, findings| {
        for (at, data) in play.observations().enumerate().filter(|(_, data)| data["observation"].is_object()) {
            let mut whole = data["observation"].clone();
            whole["reward"] = data["reward"].clone();
            whole["done"] = data["done"].clone();
            let schema = if at == 0 { &first } else { &later };
            for mismatch in schema.mismatches(&whole).into_iter().take(MISMATCHES) {
                let text = format!("the observation after step {at} does not fit its schema at `{}`", mismatch.pointer);
                findings.push(Finding::new(play.plan.place.clone(), text));
            }
        }
    });
    outcome.with(remote)
}

fn refers_elsewhere(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.iter().any(|(key, value)| {
            key == "$ref" && value.as_str().is_some_and(|to| !to.starts_with('#')) || refers_elsewhere(value)
        }),
        Value::Array(list) => list.iter().any(refers_elsewhere),
        _ => false,
    }
}

fn states(subject: &Subject<'_>) -> Outcome {
    subject.each(|play, findings| {
        let place = || play.plan.place.clone();
        for (at, state) in play.states().enumerate() {
            if state["episode_id"] != play.episode_id.as_str() {
                let text = format!("the state after step {at} has the episode id {}", state["episode_id"]);
                findings.push(Finding::new(place(), text).expected(format!("`{}`", play.episode_id)));
            }
            if state["step_count"] != at {
                let text = format!("the state after step {at} counts {} steps", state["step_count"]);
                findings.push(Finding::new(place(), text).expected(at.to_string()));
            }
        }
    })
}

fn tools(subject: &Subject<'_>) -> Outcome {
    let Some(manifest) = subject.manifest else { return Outcome::skip(UNDECLARED) };
    let declared: BTreeSet<String> = manifest.validation.capabilities.declared_tools.iter().cloned().collect();
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let answer = match subject.client.post("/mcp", &request) {
        Ok(answer) => answer.json(),
        Err(error) => return Outcome::error(error),
    };
    let Some(listed) = answer["result"]["tools"].as_array() else {
        return Outcome::error(format!("`tools/list` answers {answer}"));
    };
    let listed: BTreeSet<String> = listed.iter().filter_map(|tool| tool["name"].as_str()).map(str::to_owned).collect();
    let extra = listed.difference(&declared).map(|name| format!("the tool `{name}` is offered and not declared"));
    let missing = declared.difference(&listed).map(|name| format!("the tool `{name}` is declared and not offered"));
    let findings = extra.chain(missing).map(|text| Finding::new(subject.place(), text));
    let names: Vec<&String> = listed.iter().collect();
    Outcome::looked("asked `tools/list`").measured("tools", json!(names)).with(findings)
}

fn tasks(subject: &Subject<'_>) -> Outcome {
    let Some(manifest) = subject.manifest else { return Outcome::skip(UNDECLARED) };
    let declared = &manifest.validation.capabilities.declared_task_count;
    let name = match subject.client.get("/list_environments").map(|answer| answer.json()) {
        Ok(Value::Array(names)) if names.first().is_some_and(Value::is_string) => {
            let own = |name: &&Value| name.as_str().is_some_and(|name| name.eq_ignore_ascii_case(subject.name));
            names.iter().find(own).or(names.first()).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Ok(other) => return Outcome::error(format!("`/list_environments` answers {other}")),
        Err(error) => return Outcome::error(error),
    };
    let splits = subject.client.get(&format!("/{name}/splits")).map(|answer| answer.json()).unwrap_or_default();
    let mut findings = Vec::new();
    let mut counted = serde_json::Map::new();
    for split in splits.as_array().into_iter().flatten().filter_map(|split| split["name"].as_str()) {
        let answer = subject.client.post(&format!("/{name}/num_tasks"), &json!({ "split": split }));
        let count = answer.map(|answer| answer.json()["num_tasks"].clone()).unwrap_or_default();
        match declared.get(split) {
            Some(expected) if count == *expected => {}
            Some(expected) => {
                findings.push(format!("the split `{split}` has {count} tasks and {expected} are declared"));
            }
            None if declared.is_empty() => {}
            None => findings.push(format!("the split `{split}` has {count} tasks and is not declared")),
        }
        counted.insert(split.to_owned(), count);
    }
    findings.extend(
        declared
            .keys()
            .filter(|split| !counted.contains_key(*split))
            .map(|split| format!("there is no split `{split}`, which is declared")),
    );
    let findings = findings.into_iter().map(|text| Finding::new(subject.place(), text));
    Outcome::looked("asked the Task API").measured("tasks", counted).with(findings)
}

fn seeds(subject: &Subject<'_>) -> Outcome {
    let asked: Vec<(Place, serde_json::Map<String, Value>)> = if subject.plays.is_empty() {
        vec![(subject.place(), serde_json::Map::new())]
    } else {
        subject.one_of_each().iter().map(|plan| (plan.place.clone(), plan.options.clone())).collect()
    };
    let mut findings = Vec::new();
    let mut same = Vec::new();
    for (at, (place, options)) in asked.iter().enumerate() {
        let mut seen = BTreeSet::new();
        for seed in [3_u64, 1_000_003] {
            let plan = Plan {
                place: place.clone(),
                options: options.clone(),
                seed,
                actions: Vec::new(),
                agent: "reset".into(),
            };
            let played = drive(subject.client, &plan, &format!("audit-{}-seed-{at}-{seed}", subject.name), None);
            if let Some(reason) = played.broken {
                findings.push(Finding::new(place.clone(), format!("seed {seed}: {reason}")));
                continue;
            }
            let metadata = played.observations().next().map(|data| data["observation"]["metadata"]["seed"].clone());
            let state = played.states().next().map(|state| state["seed"].clone());
            let echoed = [metadata, state].into_iter().flatten().any(|echo| echo == seed);
            let data = played.observations().next().map(|data| data["observation"].clone()).unwrap_or_default();
            let shown: serde_json::Map<String, Value> = data
                .as_object()
                .into_iter()
                .flatten()
                .filter(|(key, _)| *key != "metadata")
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            seen.insert(Value::Object(shown).to_string());
            if !echoed {
                let text = format!("neither the metadata of the reset nor the state has the seed {seed}");
                findings.push(Finding::new(Place { seed: None, ..place.clone() }, text));
            }
        }
        if seen.len() == 1 {
            same.push(place.task.clone().unwrap_or_default());
        }
    }
    let mut outcome = Outcome::looked(format!("`{}`: reset each task with two seeds", subject.name)).with(findings);
    if !same.is_empty() {
        outcome.notes.push(format!("`{}`: the seed changes nothing in {}", subject.name, same.join(", ")));
    }
    outcome
}

fn determinism(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut again = 0;
    let is_wanted = |play: &Played| play.broken.is_none() && REPEATED.contains(&play.plan.agent.as_str());
    for (at, play) in subject.plays.iter().enumerate().filter(|(_, play)| is_wanted(play)) {
        let second = drive(subject.client, &play.plan, &format!("audit-{}-again-{at}", subject.name), None);
        again += 1;
        if let Some((step, (first, second))) = difference(play, &second) {
            let text =
                format!("the same seed and actions give another answer: message {step} was {first}, then {second}");
            findings.push(Finding::new(play.plan.place.clone(), text));
        }
    }
    Outcome::looked(format!("`{}`: played {again} episodes twice", subject.name)).with(findings)
}

fn difference(first: &Played, second: &Played) -> Option<(usize, (String, String))> {
    let (first, second) = (first.answers(), second.answers());
    if first.len() != second.len() {
        return Some((
            first.len().min(second.len()),
            (format!("{} answers", first.len()), format!("{} answers", second.len())),
        ));
    }
    first.into_iter().zip(second).enumerate().find(|(_, (a, b))| a != b)
}

fn network(subject: &Subject<'_>) -> Outcome {
    let declared = subject.manifest.map(|manifest| format!("{:?}", manifest.validation.network.mode));
    let declared = declared.map(|mode| format!(" ({mode} is declared)")).unwrap_or_default();
    Outcome::skip(format!(
        "a process cannot see the network of the container that it will run in{declared}; `openenv validate .` starts one"
    ))
}

/// Two sessions of one task, step by step in turn: the first must not notice the other one.
fn isolation(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    let plans = subject.one_of_each();
    if plans.is_empty() {
        return Outcome::skip(NO_ACTIONS);
    }
    for (at, plan) in plans.iter().enumerate() {
        let Some(alone) =
            subject.plays.iter().find(|play| play.plan.place == plan.place && play.plan.agent == plan.agent)
        else {
            continue;
        };
        if alone.broken.is_some() {
            continue;
        }
        let id = |name: &str| format!("audit-{}-{name}-{at}", subject.name);
        let (mut one, mut other) = (Driver::new(plan, &id("one"), None), Driver::new(plan, &id("other"), None));
        let both = subject.client.open().and_then(|first| Ok((first, subject.client.open()?)));
        let played = both.and_then(|(mut first, mut second)| {
            one.begin(&mut first)?;
            other.begin(&mut second)?;
            for (at, action) in plan.actions.iter().enumerate() {
                if one.done() {
                    break;
                }
                one.step(&mut first, action)?;
                // The other one takes the last action first: it is refused, or changes what would be shared.
                let reversed = &plan.actions[plan.actions.len() - 1 - at];
                let _ = other.step(&mut second, reversed);
            }
            Ok(())
        });
        if let Err(error) = played {
            findings.push(Finding::new(plan.place.clone(), format!("next to another session: {error}")));
        } else if let Some((step, (first, second))) = difference(alone, &one.played) {
            let text = format!("next to another session message {step} was answered with {second} instead of {first}");
            findings.push(Finding::new(plan.place.clone(), text));
        }
    }
    Outcome::looked(format!("`{}`: two sessions of each task in turn", subject.name)).with(findings)
}

/// What the server wrote down: every episode that ended, with the same actions, so that it plays again.
pub(crate) fn record(path: &Path, catalog: &Catalog, pack: &Arc<Pack>, ended: &[(String, Plan)]) -> Outcome {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return Outcome::error(format!("`{}` cannot be read: {error}", path.display())),
    };
    let lines: Vec<Recording> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let mut findings = Vec::new();
    for (id, plan) in ended {
        let at = |text: String| Finding::new(plan.place.clone(), text);
        let Some(line) = lines.iter().find(|line| line.episode_id.as_deref() == Some(id)) else {
            findings.push(at("the episode ended and is not in the record".into()));
            continue;
        };
        if line.trajectory.actions.as_slice() != &plan.actions[..plan.actions.len().min(line.trajectory.actions.len())]
        {
            findings.push(at("the record has other actions than those that were taken".into()));
        }
        match replay(catalog, line) {
            Ok(Verdict::Agrees) => {}
            Ok(Verdict::Differs(text) | Verdict::AgreesButForPlaces(text)) | Err(text) => {
                findings.push(at(format!("the record plays otherwise: {text}")));
            }
            Ok(Verdict::AgreesUnderOtherDigest) => {
                findings.push(at("the record is of another version of the pack".into()));
            }
        }
    }
    let note = format!("`{}`: compared {} episodes that ended with the server's record", pack.name(), ended.len());
    if ended.is_empty() { Outcome::skip(format!("{note}: none ended")) } else { Outcome::looked(note).with(findings) }
}
