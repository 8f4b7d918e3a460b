//! Scores explained: a tree adds up to its score, every loss has a reason, and agents see no files.

use std::sync::Arc;

use casebook_compile::check::compile;
use casebook_runtime::{
    episode::{Episode, ScorePart},
    policy,
    record::{self, Recording, Verdict},
    scenario::{Pack, Task},
};
use casebook_syntax::source;
use serde_json::Map;

use super::packs;

/// The most that a score may lie from its tree: it is rounded, and sums of floats are not exact.
const NEAR: f64 = 1e-6;

/// Checks a node and all below it; `places` says whether files and lines are to be there.
fn hold(part: &ScorePart, places: bool, at: &str) {
    assert_eq!(part.place.is_some(), places, "{at}: {part:?}");
    if let (Some(adds), "weighted_sum" | "add" | "mean") = (part.adds, part.grader.as_str()) {
        let sum: f64 = part.parts.iter().filter_map(|part| part.adds).sum();
        assert!((sum - adds).abs() < NEAR, "{at}: the parts add {sum}, not {adds}: {part:#?}");
    }
    assert!(part.value.is_some() || part.reason.is_some(), "{at}: {part:?}");
    for item in &part.items {
        assert!(!item.reason.is_empty(), "{at}: {item:?}");
        assert!(places || item.place.is_none(), "{at}: {item:?}");
    }
    part.parts.iter().for_each(|part| hold(part, places, at));
}

fn play(pack: &Arc<Pack>, task: &Arc<Task>, name: &str, seed: u64) {
    let at = format!("{} {} {name} {seed}", pack.name(), task.name());
    let Some(policy) = policy::find(pack, name) else { panic!("{at}: no such policy") };
    let mut episode = Episode::start(pack, task, seed, &Map::new()).unwrap_or_else(|error| panic!("{at}: {error}"));
    while !episode.done()
        && let Some(action) = policy.act(&episode)
    {
        let step = episode.step(&action).unwrap_or_else(|error| panic!("{at}: {error}"));
        let tree = episode.score_tree().expect("a tree");
        hold(&tree, true, &at);
        let (score, value) = (episode.score().expect("a score"), tree.value.expect("a value").clamp(0.0, 1.0));
        let round = task.rubric.round.map_or(0.0, |places| 0.5 / 10_f64.powi(i32::try_from(places).expect("few")));
        assert!((score - value).abs() <= round + NEAR, "{at}: {score} is not {value}");
        let told = step.breakdown.as_ref().and_then(|told| told.score_tree.as_ref());
        assert!(told.is_none() || step.done, "{at}: the tree is told before the end");
        if let Some(told) = told {
            hold(told, false, &at);
        }
        let explained = episode.explain().expect("a breakdown");
        assert_eq!(explained.score_tree.as_deref(), step.done.then_some(&tree), "{at}");
    }
}

#[test]
fn a_tree_adds_up_to_its_score_and_gives_reasons() {
    for pack in packs::every() {
        for task in pack.tasks().iter().take(4) {
            let own = pack.policies.keys().map(String::as_str);
            for name in ["oracle", "nothing", "random"].into_iter().chain(own) {
                (0..2).for_each(|seed| play(&pack, task, name, seed));
            }
        }
    }
}

#[test]
fn a_record_agrees_wherever_its_pack_is_read_from() {
    let files = packs::desk();
    let read_from = |root: &str| {
        let set = source::from_texts(root, files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
        compile(&set, 1).catalog.expect("a catalog")
    };
    let (here, there) = (read_from("desk"), read_from("elsewhere/desk"));
    let pack = &here.packs()[0];
    let random = policy::find(pack, "random").expect("a policy");
    let played = record::play(&random, &pack.tasks()[0], 7).expect("an episode");
    let told = played.steps.last().and_then(|step| step.breakdown.as_ref()).expect("it is explained");
    let places =
        |part: &ScorePart| part.parts.iter().flat_map(|part| &part.items).filter_map(|item| item.place.clone()).count();
    assert!(told.score_tree.as_deref().is_some_and(|tree| places(tree) > 0), "the tree names files");
    let again = &there.packs()[0];
    let random = policy::find(again, "random").expect("a policy");
    let elsewhere = record::play(&random, &again.tasks()[0], 7).expect("an episode");
    assert_eq!(serde_json::to_string(&played).ok(), serde_json::to_string(&elsewhere).ok(), "every byte");
    assert_eq!(record::replay(&there, &Recording::new(pack, "random", played)), Ok(Verdict::Agrees));
}

#[test]
fn a_tree_that_was_changed_does_not_agree() {
    let files = packs::desk();
    let set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let catalog = compile(&set, 1).catalog.expect("a catalog");
    let pack = &catalog.packs()[0];
    let policy = |name: &str| policy::find(pack, name).expect("a policy");
    let verdict = |name: &str, change: &dyn Fn(&mut ScorePart)| {
        let mut played = record::play(&policy(name), &pack.tasks()[0], 7).expect("an episode");
        let last = played.steps.last_mut().and_then(|step| step.breakdown.as_mut());
        let tree = last.map_or(&mut played.score_tree, |told| &mut told.score_tree);
        change(tree.as_deref_mut().expect("a tree"));
        record::replay(&catalog, &Recording::new(pack, name, played)).expect("it plays")
    };
    for name in ["random", "nothing"] {
        let differs = |change: &dyn Fn(&mut ScorePart)| matches!(verdict(name, change), Verdict::Differs(_));
        assert_eq!(verdict(name, &|_| {}), Verdict::Agrees, "{name}");
        assert!(differs(&|tree| tree.parts[0].adds = Some(0.99)), "{name}");
        assert!(differs(&|tree| tree.parts[0].reason = Some("made up".into())), "{name}");
        assert!(differs(&|tree| tree.parts.truncate(1)), "{name}");
    }
    // A comment above moves lines, and says nothing else.
    let moved = verdict("random", &|tree| tree.parts[0].place = Some("rubric.yaml:99".into()));
    assert!(matches!(&moved, Verdict::AgreesButForPlaces(text) if text.contains("rubric.yaml:99")), "{moved:?}");
}
