//! Built-in agents that are right except for one thing.

use casebook_runtime::{
    policy,
    record::{Trajectory, play},
};

use crate::packs;

fn played(name: &str, seed: u64) -> Trajectory {
    let catalog = packs::catalog(&packs::desk());
    let pack = &catalog.packs()[0];
    let agent = policy::find(pack, name).unwrap_or_else(|| panic!("{name}"));
    play(&agent, &pack.tasks()[0], seed).unwrap_or_else(|error| panic!("{name} {seed}: {error}"))
}

/// What is decided about an item.
fn decided<'a>(played: &'a Trajectory, item: &str) -> &'a serde_json::Value {
    let entries = played.actions[0]["decisions"].as_array().expect("entries");
    entries.iter().find(|entry| entry["ticket"] == item).expect("the item")
}

#[test]
fn one_wrong_decision_is_about_the_first_item() {
    for seed in 0..8 {
        let (right, slip) = (played("oracle", seed), played("oracle_minus_one", seed));
        let entries = |of: &Trajectory| of.actions[0]["decisions"].as_array().expect("entries").clone();
        let wrong: Vec<usize> = (0..3).filter(|at| entries(&right)[*at] != entries(&slip)[*at]).collect();
        assert_eq!(wrong, [0], "{seed}");
        assert_ne!(entries(&right)[0]["queue"], entries(&slip)[0]["queue"]);
        // A text that nothing is right about is neutral, and one that does not count any more is left out.
        assert_eq!(entries(&slip)[0]["queue"] == "answer", entries(&slip)[0].get("reply").is_some(), "{seed}");
        assert!(slip.score < right.score, "{seed}: {} {}", slip.score, right.score);
    }
}

#[test]
fn texts_are_the_keywords_of_the_pack_or_those_of_the_item() {
    let (keywords, echo) = (played("keywords", 0), played("echo", 0));
    assert_eq!(decided(&keywords, "t-4")["reply"], "letter, parcel, sorry");
    let own = decided(&echo, "t-4")["reply"].as_str().expect("a text").to_owned();
    assert!(own.starts_with("My ") && own.contains("is late"), "{own}");
    assert!(!own.contains("canary-7731"), "a hidden field: {own}");
    // The graders of replies tell them from a reply.
    let right = played("oracle", 0).score;
    assert!(keywords.score < right && echo.score < right, "{} {} {right}", keywords.score, echo.score);
}

#[test]
fn a_policy_of_the_pack_takes_the_place_of_one_of_the_same_name() {
    let files: Vec<(String, String)> = packs::desk()
        .into_iter()
        .map(|(name, text)| {
            (name, text.replace("name: words", "name: echo").replace("baseline: words", "baseline: echo"))
        })
        .collect();
    let catalog = packs::catalog(&files);
    let pack = &catalog.packs()[0];
    assert_eq!(policy::names(pack).iter().filter(|name| *name == "echo").count(), 1);
    assert!(!policy::find(pack, "echo").expect("there is one").knows_what_is_right());
    assert!(policy::find(pack, "keywords").expect("it is built in").knows_what_is_right());
}

#[test]
fn a_wrong_decision_has_all_that_an_action_needs() {
    // What is forwarded needs a team, which nothing is right about elsewhere.
    let team = "  team: { type: enum, values: [north, south], required: true, when: { queue: forward }, truth: { rules: routing } }\n";
    let mut files = packs::desk_files_with("environment.yaml", "action:\n", &format!("{team}action:\n"));
    for (file, from, to) in [
        ("environment.yaml", "    why:", "    team: { decides: team }\n    why:"),
        ("rules.yaml", "{ queue: forward }", "{ queue: forward, team: south }"),
    ] {
        let (_, text) = files.iter_mut().find(|(name, _)| name == file).expect("the file");
        *text = text.replace(from, to);
    }
    let catalog = packs::catalog(&files);
    let pack = &catalog.packs()[0];
    let agent = policy::find(pack, "oracle_minus_one").expect("it is built in");
    let forwarded = (0..8).any(|seed| {
        let played = play(&agent, &pack.tasks()[0], seed).unwrap_or_else(|error| panic!("{seed}: {error}"));
        let first = &played.actions[0]["decisions"][0];
        assert_eq!(first["queue"] == "forward", first.get("team").is_some(), "{seed}: {first}");
        first["queue"] == "forward"
    });
    assert!(forwarded, "no ticket is forwarded by mistake");
}
