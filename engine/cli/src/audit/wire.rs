//! Episodes played over a socket, with every answer.

use casebook_analysis::audit::{Answer, Finding, Place, leaks};
use casebook_runtime::{episode::Episode, policy, record::play, scenario::Pack};
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::client::{Client, Session};

/// What of an answer names the session rather than the episode.
const OWN: [&str; 4] = ["episode_id", "session_id", "generation", "group"];

/// What is to be played.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) place: Place,
    /// What the reset is given besides seed and id.
    pub(crate) options: Map<String, Value>,
    pub(crate) seed: u64,
    pub(crate) actions: Vec<Value>,
    /// Who plays so.
    pub(crate) agent: String,
}

/// One message and its answer.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) kind: &'static str,
    pub(crate) answer: Value,
}

/// An episode that was played.
#[derive(Debug)]
pub(crate) struct Played {
    pub(crate) plan: Plan,
    pub(crate) episode_id: String,
    pub(crate) exchanges: Vec<Exchange>,
    /// `GET /sessions/{id}/grade` by the grader after the first and the last step; nothing where that is refused.
    pub(crate) grades: Vec<Value>,
    /// Hidden values that answers held.
    pub(crate) leaks: Vec<Finding>,
    /// Why it broke off.
    pub(crate) broken: Option<String>,
}

impl Plan {
    /// What a policy of a pack plays in a task; nothing where it cannot.
    pub(crate) fn of(pack: &Arc<Pack>, name: &str, task: &str, seed: u64) -> Option<Self> {
        let found = pack.find_task(task)?;
        let played = play(&policy::find(pack, name)?, &found, seed).ok()?;
        let options = json!({ "task_id": task }).as_object().cloned().unwrap_or_default();
        let place = Place::episode(pack.name(), task, seed);
        Some(Self { place, options, seed, actions: played.actions, agent: name.to_owned() })
    }

    /// Reads a runtime plan of OpenEnv.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let plan: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let actions = plan["actions"].as_array().filter(|actions| !actions.is_empty());
        let actions = actions.ok_or("it has no `actions`")?.clone();
        let seed = plan["reset"]["seed"].as_u64().ok_or("`reset.seed` is not a number from 0")?;
        let options = plan["reset"]["options"].as_object().cloned().unwrap_or_default();
        Ok(Self { place: Place { seed: Some(seed), ..Place::default() }, options, seed, actions, agent: "plan".into() })
    }
}

/// Plays a plan in a session of its own. `pack` is given where what is hidden is known.
pub(crate) fn drive(client: &Client, plan: &Plan, id: &str, pack: Option<&Arc<Pack>>) -> Played {
    let mut driver = Driver::new(plan, id, pack);
    let whole = client.open().and_then(|mut session| {
        driver.begin(&mut session).and_then(|()| {
            for (at, action) in plan.actions.iter().enumerate() {
                if driver.done() {
                    break;
                }
                driver.step(&mut session, action)?;
                if at == 0 || at + 1 == plan.actions.len() || driver.done() {
                    driver.grade(client);
                }
            }
            Ok(())
        })
    });
    driver.played.broken = whole.err();
    driver.played
}

/// Plays a plan step by step.
pub(crate) struct Driver {
    pub(crate) played: Played,
    /// The same episode, played here.
    mirror: Option<Episode>,
}

impl Driver {
    pub(crate) fn new(plan: &Plan, id: &str, pack: Option<&Arc<Pack>>) -> Self {
        let mirror = pack.and_then(|pack| {
            let task = pack.find_task(plan.options.get("task_id")?.as_str()?)?;
            Episode::reset(pack, &task, plan.seed).ok()
        });
        let played = Played {
            plan: plan.clone(),
            episode_id: id.to_owned(),
            exchanges: Vec::new(),
            grades: Vec::new(),
            leaks: Vec::new(),
            broken: None,
        };
        Self { played, mirror }
    }

    /// Sends a message; its answer is searched for what is hidden.
    pub(crate) fn ask(
        &mut self,
        session: &mut Session,
        kind: &'static str,
        data: Option<&Value>,
    ) -> Result<(), String> {
        let text = session.ask(kind, data)?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| format!("`{kind}`: not JSON: {error}"))?;
        if let Some(mirror) = &self.mirror {
            let what = match (kind, answer["type"].as_str()) {
                (_, Some("error")) => "the error",
                ("state", _) => "the state",
                _ => "the observation",
            };
            self.played.leaks.extend(leaks(mirror, Answer { what, text: &text }));
        }
        let error = (answer["type"] == "error").then(|| format!("`{kind}` was refused: {}", answer["data"]["message"]));
        self.played.exchanges.push(Exchange { kind, answer });
        error.map_or(Ok(()), Err)
    }

    pub(crate) fn begin(&mut self, session: &mut Session) -> Result<(), String> {
        let mut reset = self.played.plan.options.clone();
        reset.insert("seed".into(), self.played.plan.seed.into());
        reset.insert("episode_id".into(), self.played.episode_id.as_str().into());
        self.ask(session, "reset", Some(&reset.into()))?;
        self.ask(session, "state", None)
    }

    pub(crate) fn step(&mut self, session: &mut Session, action: &Value) -> Result<(), String> {
        // What a step shows of the items that it decides is no secret any more.
        if let Some(mirror) = &mut self.mirror {
            let _ = mirror.step(action);
        }
        self.ask(session, "step", Some(action))?;
        self.ask(session, "state", None)
    }

    pub(crate) fn done(&self) -> bool {
        self.played.is_done()
    }

    fn grade(&mut self, client: &Client) {
        let answer = client.request(
            hyper::Method::GET,
            &format!("/sessions/{}/grade", self.played.episode_id),
            client.credentials.grader.as_deref(),
            None,
        );
        if let Ok(answer) = answer
            && answer.is_ok()
        {
            self.played.grades.push(answer.json());
        }
    }
}

impl Played {
    /// Whether the episode ended.
    pub(crate) fn is_done(&self) -> bool {
        self.observations().last().is_some_and(|last| last["done"] == true)
    }

    /// The data of the answers to the reset and the steps.
    pub(crate) fn observations(&self) -> impl Iterator<Item = &Value> {
        self.exchanges.iter().filter(|one| one.kind != "state").map(|one| &one.answer["data"])
    }

    /// The states after the reset and after each step.
    pub(crate) fn states(&self) -> impl Iterator<Item = &Value> {
        self.exchanges.iter().filter(|one| one.kind == "state").map(|one| &one.answer["data"])
    }

    /// Everything that was answered, without the names of session and episode.
    pub(crate) fn answers(&self) -> Vec<String> {
        self.exchanges.iter().map(|one| without_names(&one.answer).to_string()).collect()
    }
}

fn without_names(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, _)| !OWN.contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), without_names(value))).collect::<Map<_, _>>().into()
        }
        Value::Array(list) => list.iter().map(without_names).collect(),
        other => other.clone(),
    }
}
