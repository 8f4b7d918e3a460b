//! Built-in agents without understanding.

use casebook_runtime::{
    policy,
    record::{Trajectory, play},
};
use serde_json::Value;

use crate::packs;

/// What an agent plays in the small pack.
fn played(name: &str) -> Trajectory {
    let catalog = packs::catalog(&packs::desk());
    let pack = &catalog.packs()[0];
    let agent = policy::find(pack, name).unwrap_or_else(|| panic!("{name}"));
    play(&agent, &pack.tasks()[0], 0).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn entries(played: &Trajectory) -> &Vec<Value> {
    played.actions[0]["decisions"].as_array().expect("entries")
}

#[test]
fn the_first_and_the_longest_of_everything_are_sent() {
    let first = played("first_listed");
    assert!(entries(&first).iter().all(|one| one["queue"] == entries(&first)[0]["queue"]), "{:?}", first.actions);
    let longest = played("longest");
    let queue = entries(&longest)[0]["queue"].as_str().expect("a queue").to_owned();
    let catalog = packs::catalog(&packs::desk());
    let values = &catalog.packs()[0].decisions()[0].values;
    assert!(values.iter().all(|value| value.len() <= queue.len()), "{queue} {values:?}");
    assert!(first.score < 0.9 && longest.score < 0.9, "{} {}", first.score, longest.score);
}

#[test]
fn what_is_invalid_decides_nothing_right_but_for_the_first_item() {
    let invalid = played("invalid");
    assert!(invalid.score <= 0.5, "{}", invalid.score);
    let rewards: f64 = invalid.steps.iter().map(|step| step.reward).sum();
    let oracle: f64 = played("oracle").steps.iter().map(|step| step.reward).sum();
    assert!(rewards < oracle, "{rewards} {oracle}");
}

#[test]
fn agents_are_functions_of_the_episode() {
    for name in ["longest", "first_listed", "label_probe", "pump", "invalid", "memoriser", "hill_climber"] {
        assert_eq!(played(name).actions, played(name).actions, "{name}");
    }
}

#[test]
fn going_back_and_forth_is_tried_on_every_item_but_the_last() {
    let files = packs::desk_files_with("environment.yaml", "shape: batch\n  list: decisions", "shape: single");
    let catalog = packs::catalog(&files);
    let pack = &catalog.packs()[0];
    let agent = policy::find(pack, "pump").expect("it is built in");
    let played = play(&agent, &pack.tasks()[0], 0).unwrap_or_else(|error| panic!("{error}"));
    let named: Vec<&str> = played.actions.iter().filter_map(|action| action["ticket"].as_str()).collect();
    let distinct: std::collections::BTreeSet<&str> = named.iter().copied().collect();
    assert!(distinct.len() > 1 && named.len() > 2 && named[0] == named[1] && named[1] != named[2], "{named:?}");
}
