//! Plugins whose answers cannot be computed again: what they say is an input of the episode.
//!
//! The host here has one program: it answers another number each time. Where it is away it is known by its description alone.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use casebook_analysis::comparison::records;
use casebook_compile::check::Checker;
use casebook_runtime::{
    episode::{Before, Episode},
    plugin::{Guest, Heard, Host, Inputs, Limits, Operation, Program, Refusal},
    policy,
    record::{Recording, Verdict, play, regrade, replay, retell},
    scenario::{Catalog, Pack},
};
use casebook_syntax::source::{self, SourceSet};
use serde_json::{Map, Value, json};

use super::packs;

/// What the script is, as the pack's digest has it.
const SCRIPT: &str = "the first version";

#[derive(Debug)]
struct Dice {
    away: bool,
}

#[derive(Debug)]
struct Die {
    description: String,
    away: bool,
    thrown: AtomicU64,
}

impl Host for Dice {
    fn load(&self, _: &[u8], _: Limits) -> Result<Arc<dyn Guest>, String> {
        Err("there are programs alone".into())
    }

    fn start(&self, program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        let text = program.description.as_deref().ok_or(Refusal::NotAllowed)?;
        let description = String::from_utf8_lossy(text).into_owned();
        Ok(Arc::new(Die { description, away: self.away, thrown: AtomicU64::new(0) }))
    }
}

impl Guest for Die {
    fn describe(&self) -> Result<String, String> {
        Ok(self.description.clone())
    }

    #[expect(clippy::cast_precision_loss, reason = "it is not thrown so often")]
    fn call(&self, _: Operation, input: &str) -> Result<String, String> {
        if self.away || input.contains("boom") {
            return Err("is away".into());
        }
        let thrown = self.thrown.fetch_add(1, Ordering::Relaxed);
        // Digits that only an exact reading keeps.
        let value = (thrown as f64 * 0.618_033_988_749_894_9).fract();
        Ok(json!({ "value": value, "reason": format!("Throw {thrown}.") }).to_string())
    }

    fn records(&self) -> bool {
        true
    }

    fn runs(&self) -> bool {
        !self.away
    }

    fn fuel_of(&self, _: Operation, _: &str) -> Result<u64, String> {
        Err("has no fuel".into())
    }
}

/// The small pack with a die that grades every item, and another one for the episode; together they weigh 0.1.
fn set(script: &str, weight: f64) -> SourceSet {
    let grader = |name: &str, per: &str| {
        json!({
            "name": name, "summary": "A throw.", "per": per, "reads": ["item", "decision", "steps"],
            "examples": [{ "name": "one", "input": {}, "output": {} }],
        })
    };
    let description = json!({
        "name": "die", "version": "1.0.0", "summary": "A die.", "deterministic": false,
        "graders": [grader("row", "item"), grader("whole", "episode")],
    });
    let die = "plugins:\n  die: { file: plugins/die.py, version: \"1\", process: { description: plugins/die.json } }\n";
    let graders = format!(
        "score:\n  weighted_sum:\n    - {{ name: luck, weight: {weight:.2}, grader: plugin, plugin: die, use: row }}\n    \
         - {{ name: fate, weight: {:.2}, grader: plugin, plugin: die, use: whole }}",
        0.1 - weight
    );
    let mut files = packs::desk();
    for (name, from, to) in [
        ("environment.yaml", "observation:", format!("{die}observation:")),
        ("rubric.yaml", "weight: 0.2, grader: rank", "weight: 0.1, grader: rank".to_owned()),
        ("rubric.yaml", "score:\n  weighted_sum:", graders),
    ] {
        let (_, text) = files.iter_mut().find(|(file, _)| file == name).expect("the file");
        assert!(text.contains(from), "{name} does not hold {from}");
        *text = text.replacen(from, &to, 1);
    }
    let texts = files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let description = description.to_string();
    let modules = [("plugins/die.py", script.as_bytes()), ("plugins/die.json", description.as_bytes())];
    source::from_texts("desk", texts).with_modules(modules)
}

fn catalog(away: bool, script: &str, weight: f64) -> Catalog {
    let compiled = Checker::with_plugins(Some(Arc::new(Dice { away }))).compile(&set(script, weight), 1);
    let report = compiled.report.render(false);
    compiled.catalog.unwrap_or_else(|| panic!("{report}"))
}

fn pack(catalog: &Catalog) -> &Arc<Pack> {
    &catalog.packs()[0]
}

/// Records one episode of a policy, as a line of a file.
fn record(pack: &Arc<Pack>, name: &str, seed: u64) -> String {
    let policy = policy::find(pack, name).expect("a policy");
    let trajectory = play(&policy, &pack.tasks()[0], seed).expect("it is played");
    serde_json::to_string(&Recording::new(pack, name, trajectory)).expect("JSON")
}

fn read(line: &str) -> Recording {
    serde_json::from_str(line).expect("a recording")
}

fn action(ticket: &str, reply: &str) -> Value {
    let order = if ticket == "t-4" { 1 } else { 2 };
    json!({ "decisions": [{ "ticket": ticket, "queue": "answer", "reply": reply, "order": order }] })
}

#[test]
fn what_was_answered_is_played_again_without_who_answered() {
    let (here, away) = (catalog(false, SCRIPT, 0.05), catalog(true, SCRIPT, 0.05));
    assert_eq!(pack(&here).digest(), pack(&away).digest());
    for seed in 0..20 {
        for name in ["oracle", "random", "nothing"] {
            let line = record(pack(&here), name, seed);
            let recording = read(&line);
            assert!(!recording.trajectory.inputs.is_empty(), "{line}");
            assert_eq!(replay(&away, &recording), Ok(Verdict::Agrees), "{name} {seed}");
            let again = regrade(pack(&away), &recording, None).expect("nothing is asked");
            assert_eq!(again, recording.trajectory, "{name} {seed}");
            assert_eq!(serde_json::to_string(&Recording::new(pack(&away), name, again)).expect("JSON"), line);
            // Another play of the same actions is another episode.
            assert_ne!(record(pack(&here), name, seed), line);
        }
    }
}

#[test]
fn a_changed_rubric_asks_anew_only_what_the_record_does_not_hold() {
    let (here, away) = (catalog(false, SCRIPT, 0.05), catalog(true, SCRIPT, 0.05));
    let recording = read(&record(pack(&here), "oracle", 3));
    let heavier = catalog(true, SCRIPT, 0.06);
    let graded = regrade(pack(&heavier), &recording, None).expect("the same is asked");
    assert_eq!(graded.inputs, recording.trajectory.inputs);
    assert_ne!(graded.score.to_bits(), recording.trajectory.score.to_bits());

    let (other_here, other_away) =
        (catalog(false, "the second version", 0.05), catalog(true, "the second version", 0.05));
    let error = regrade(pack(&other_away), &recording, None).expect_err("another plugin must answer itself");
    assert!(error.contains("the plugin `die` 1.0.0 is away"), "{error}");
    assert!(regrade(pack(&other_here), &recording, None).is_ok());
    match replay(&other_here, &recording).expect("it is played") {
        Verdict::Differs(text) => {
            assert!(text.contains("was called with an input that is not in the record"), "{text}");
        }
        verdict => panic!("{verdict:?}"),
    }
    let compared = records(pack(&away), pack(&other_away), &recording);
    assert!(compared.old.is_some() && compared.new.is_none(), "{compared:?}");
    assert!(compared.problems[0].contains("the plugin `die` 1.0.0 is away"), "{compared:?}");
}

#[test]
fn a_question_is_asked_once_at_each_step() {
    let here = catalog(false, SCRIPT, 0.05);
    let mut episode = Episode::reset(pack(&here), &pack(&here).tasks()[0], 0).expect("it starts");
    let before = episode.score().expect("a score");
    assert_eq!(episode.score().expect("a score").to_bits(), before.to_bits());
    episode.step(&action("t-4", "hello")).expect("a step");
    let (score, told) = (episode.score().expect("a score"), episode.explain().expect("a breakdown"));
    assert_eq!(episode.score().expect("a score").to_bits(), score.to_bits());
    assert_eq!(episode.explain().expect("a breakdown"), told);
    let heard = episode.inputs().heard();
    let fork = episode.clone();
    episode.step(&action("t-7", "hello")).expect("a step");
    assert!(episode.score().is_ok());
    assert!(episode.inputs().heard().len() > heard.len());
    assert_eq!(fork.inputs().heard(), heard);
    assert_eq!(episode.inputs().until(1), heard);
    assert_eq!(episode.inputs().until(0).len(), 1, "{heard:?}");
}

#[test]
fn a_step_that_fails_leaves_nothing_heard() {
    let here = catalog(false, SCRIPT, 0.05);
    let mut episode = Episode::reset(pack(&here), &pack(&here).tasks()[0], 0).expect("it starts");
    episode.step(&action("t-4", "hello")).expect("a step");
    let heard = episode.inputs().heard();
    assert!(episode.step(&action("t-7", "boom")).is_err());
    assert!(episode.step(&json!({ "decisions": 3 })).is_err());
    assert_eq!(episode.inputs().heard(), heard);
}

#[test]
fn a_step_that_failed_and_counts_fails_again_when_it_is_replayed() {
    let penalized = |away: bool| {
        let mut set = set(SCRIPT, 0.05);
        let root = "observation:\n";
        set.change(&|file| {
            let text = file
                .path
                .ends_with("environment.yaml")
                .then(|| file.text.replacen(root, &format!("on_failure: penalize\n{root}"), 1))?;
            assert!(text.contains("penalize"), "{text}");
            Some(text)
        });
        let compiled = Checker::with_plugins(Some(Arc::new(Dice { away }))).compile(&set, 1);
        let report = compiled.report.render(false);
        compiled.catalog.unwrap_or_else(|| panic!("{report}"))
    };
    let (here, away) = (penalized(false), penalized(true));
    let mut episode = Episode::reset(pack(&here), &pack(&here).tasks()[0], 0).expect("it starts");
    let actions = vec![action("t-4", "boom"), action("t-4", "hello"), action("t-7", "boom"), action("t-7", "hello")];
    let steps: Vec<_> = actions.iter().map(|action| episode.step(action).expect("it counts")).collect();
    assert_eq!(episode.steps(), 4);
    assert!(steps[0].reward < steps[1].reward, "{steps:?}");
    let told = retell(&episode, actions).expect("a time");
    let line = serde_json::to_string(&Recording::new(pack(&here), "oracle", told)).expect("JSON");
    let recording = read(&line);
    // The plugin would answer differently by now, and where it is away it would fail at every step.
    for catalog in [&here, &away] {
        assert_eq!(replay(catalog, &recording), Ok(Verdict::Agrees));
        let again = regrade(pack(catalog), &recording, None).expect("nothing is asked");
        assert_eq!(serde_json::to_string(&Recording::new(pack(catalog), "oracle", again)).expect("JSON"), line);
    }
}

#[test]
fn an_episode_is_told_again_as_it_was() {
    let here = catalog(false, SCRIPT, 0.05);
    let actions = vec![action("t-4", "hello"), action("t-7", "hello")];
    let mut episode = Episode::reset(pack(&here), &pack(&here).tasks()[0], 0).expect("it starts");
    let rewards: Vec<f64> = actions.iter().map(|action| episode.step(action).expect("a step").reward).collect();
    let told = retell(&episode, actions).expect("a time");
    assert_eq!(told.steps.iter().map(|step| step.reward).collect::<Vec<_>>(), rewards);
    assert_eq!(told.score.to_bits(), episode.score().expect("a score").to_bits());
    let heard = episode.inputs().heard();
    assert!(heard.iter().all(|one| told.inputs.contains(one)), "{heard:?} {:?}", told.inputs);
}

#[test]
fn what_was_heard_later_does_not_answer_earlier() {
    let here = catalog(false, SCRIPT, 0.05);
    let away = catalog(true, SCRIPT, 0.05);
    let recording = read(&record(pack(&here), "oracle", 0));
    let mut heard: Vec<Heard> = recording.trajectory.inputs.clone();
    for one in heard.iter_mut().filter(|one| one.step > 0) {
        one.step += 1;
    }
    let task = &pack(&away).tasks()[0];
    let before = Before { inputs: Inputs::sealed(heard), ..Before::default() };
    let mut episode = Episode::start_again(pack(&away), task, 0, &Map::new(), before).expect("it starts");
    let step = episode.step(&recording.trajectory.actions[0]).map(drop).map_err(|error| error.to_string());
    assert!(step.is_err_and(|error| error.contains("is not in the record")));
}
