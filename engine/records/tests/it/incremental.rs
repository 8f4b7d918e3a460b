//! Versions of a pack that grade one after the other in memory give what each gives from scratch.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_compile::check::Checker;
use casebook_records::{Filter, Records, Regrader, Store, Versions, Work, regrade_all};
use casebook_runtime::{
    record::{Details, Played, Recording},
    scenario::{Catalog, Pack},
};
use casebook_syntax::source;
use proptest::prelude::*;
use tempfile::TempDir;

use super::played::{catalog, play};

/// Changes of `email-ops`, each of which fits alone: a file, and what is there with what replaces it.
const EDITS: &[(&str, &[(&str, &str)])] = &[
    ("rubric.yaml", &[("weight: 0.55", "weight: 0.4"), ("weight: 0.25", "weight: 0.4")]),
    ("rubric.yaml", &[("clip: [-1, 1]", "clip: [-0.2, 0.3]")]),
    ("rubric.yaml", &[("above: 0\n", "above: 0.6\n")]),
    ("rubric.yaml", &[("round: 4", "round: 1")]),
    ("rubric.yaml", &[("each: -0.3", "each: -0.7")]),
    ("rubric.yaml", &[("none: 1\n", "none: 0.5\n")]),
    ("rubric-desk.yaml", &[("weight: 0.75", "weight: 0.5"), ("weight: 0.25\n", "weight: 0.5\n")]),
    ("rules.yaml", &[("topic: payment", "topic: [payment, newsletter]")]),
    ("rules.yaml", &[("because: Legal", "because: All legal")]),
    ("rules.yaml", &[("topic: [account, access, billing]", "topic: [account, access]")]),
    ("rules.yaml", &[("hit: unique", "# a comment moves every line\nhit: unique")]),
    ("tasks/hard.yaml", &[("max_steps: 12", "max_steps: 9")]),
    ("tasks/easy.yaml", &[("difficulty: 1", "difficulty: 1.5")]),
    ("policies/baseline.yaml", &[("kind: Policy", "kind: Policy # the same")]),
    ("environment.yaml", &[("version: ", "version: 9.")]),
];

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() { copy(&path, &target) } else { fs::copy(&path, target).map(drop).expect("copied") }
    }
}

/// A pack of which files change.
struct Edited {
    folder: TempDir,
    checker: Checker,
}

impl Edited {
    fn new() -> Self {
        let folder = TempDir::new().expect("a folder");
        let edited = Self { folder, checker: Checker::with_plugins(None) };
        edited.write(&[false; EDITS.len()]);
        edited
    }

    fn root() -> PathBuf {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/records");
        root.join("scenarios/email-ops")
    }

    fn write(&self, edits: &[bool]) {
        let pack = self.folder.path().join("pack");
        copy(&Self::root(), &pack);
        for ((file, changes), _) in EDITS.iter().zip(edits).filter(|(_, is_made)| **is_made) {
            let path = pack.join(file);
            let mut text = fs::read_to_string(&path).expect("a text");
            for (from, to) in *changes {
                assert!(text.contains(from), "`{from}` is not in {file}");
                text = text.replacen(from, to, 1);
            }
            fs::write(path, text).expect("written");
        }
    }

    /// The pack with some edits.
    fn with(&mut self, edits: &[bool]) -> Catalog {
        self.write(edits);
        let compiled = self.checker.compile(&source::read(&[self.folder.path().join("pack")]), 1);
        compiled.catalog.unwrap_or_else(|| panic!("{edits:?}: {}", compiled.report.render(false)))
    }
}

fn recorded(store: &Store, pack: &Arc<Pack>) -> usize {
    let mut lines = String::new();
    let mut count = 0;
    for task in 0..pack.tasks().len() {
        for seed in 0..3 {
            for policy in ["oracle", "random", "oracle_minus_one", "nothing"] {
                let recording: Recording = play(pack, (task, seed), policy, Details::default());
                lines += &(serde_json::to_string(&recording).expect("JSON") + "\n");
                count += 1;
            }
        }
    }
    fs::write(store.root().join("wal/1-1.jsonl"), lines).expect("written");
    store.compact().expect("compacted");
    count
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn grading_version_after_version_is_the_same_as_from_scratch(
        versions in prop::collection::vec(prop::collection::vec(prop::bool::weighted(0.15), EDITS.len()), 2..5),
    ) {
        let folder = TempDir::new().expect("a folder");
        let store = Store::create(folder.path()).expect("a store");
        let first = catalog("scenarios/email-ops");
        recorded(&store, &first.packs()[0]);
        let records = Records::Store(store);
        let mut regrader = Regrader::read(&records, &Filter::default()).expect("read");
        let mut edited = Edited::new();
        for edits in versions {
            let now = edited.with(&edits);
            let versions = Versions { against: &now, played_with: Some(&first) };
            regrader.grade(versions);
            let report = regrader.report(versions, 3).expect("a report");
            let scratch = regrade_all(&records, &Filter::default(), versions, 3).expect("graded");
            prop_assert!(report == scratch, "{edits:?} gives something else than from scratch");
        }
    }
}

#[test]
fn only_what_a_change_reaches_is_played_or_graded_again() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    let mut edited = Edited::new();
    let first = edited.with(&[false; EDITS.len()]);
    let count = recorded(&store, &first.packs()[0]);
    let mut regrader = Regrader::read(&Records::Store(store), &Filter::default()).expect("read");
    let mut grade = |names: &[&str]| {
        let edits: Vec<bool> =
            EDITS.iter().map(|(_, changes)| names.iter().any(|name| changes[0].0.contains(name))).collect();
        let now = edited.with(&edits);
        regrader.grade(Versions { against: &now, played_with: Some(&first) })
    };
    let work = |untouched, rescored, played| Work { untouched, rescored, played };
    // Three of the six tasks draw their items.
    let (desk, one) = (count / 2, count / 6);
    assert_eq!(grade(&[]), work(0, 0, count), "the first version plays all");
    assert_eq!(grade(&[]), work(count, 0, 0));
    assert_eq!(grade(&["clip: [-1, 1]"]), work(desk, count - desk, 0), "a rubric of three tasks");
    assert_eq!(grade(&["each: -0.3"]), work(desk, count - desk, 0), "and what a grader gives");
    assert_eq!(grade(&[]), work(desk, count - desk, 0));
    // Drawn items are not kept, so that nobody knows whether another rule reaches them.
    assert_eq!(grade(&["because: Legal"]), work(count - desk, 0, desk), "no item is judged in another way");
    assert_eq!(grade(&["difficulty: 1"]), work(count - desk - one, 0, desk + one), "one task, and the rules are back");
}

#[test]
fn an_episode_that_is_kept_is_graded_as_it_was_played() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the crate is in engine/records");
    let folders =
        |path: &str| fs::read_dir(root.join(path)).expect("packs").map(|entry| entry.expect("an entry").path());
    let mut compared = 0;
    // Every feature has a recipe.
    for folder in folders("docs/cookbook").chain(folders("scenarios/conformance")) {
        let compiled = Checker::with_plugins(None).compile(&source::read(&[folder]), 1);
        // A pack with plugins has no host here.
        let Some(catalog) = compiled.catalog else { continue };
        // Answers of language models are inputs, with which actions have to be played.
        for pack in catalog.packs().iter().filter(|pack| !pack.hears()) {
            for (task, policy) in (0..pack.tasks().len()).flat_map(|task| [(task, "oracle"), (task, "random")]) {
                for seed in 0..2 {
                    let recording = play(pack, (task, seed), policy, Details::default());
                    let (grades, kept) = Played::play(pack, &recording, None).expect("it plays");
                    let name = format!("{} {}", pack.name(), recording.trajectory.task);
                    let kept = kept.unwrap_or_else(|| panic!("{name}: nothing is kept"));
                    assert_eq!(kept.grade(pack, &recording, None), Some(grades), "{name}");
                    compared += 1;
                }
            }
        }
    }
    assert!(compared > 100, "only {compared} episodes");
}

#[test]
fn episodes_that_are_added_are_graded_and_no_others() {
    let folder = TempDir::new().expect("a folder");
    let store = Store::create(folder.path()).expect("a store");
    let first = catalog("scenarios/email-ops");
    let pack = &first.packs()[0];
    let count = recorded(&store, pack);
    let records = Records::Store(store.clone());
    let stamp = records.stamp();
    let mut regrader = Regrader::read(&records, &Filter::default()).expect("read");
    let versions = Versions { against: &first, played_with: None };
    regrader.grade(versions);
    assert_eq!((records.stamp() == stamp, regrader.read_more(&Filter::default()).expect("read")), (true, 0));
    // One in a log and one that is known, then both as Parquet.
    let line = |seed| {
        let recording: Recording = play(pack, (0, seed), "random", Details::default());
        serde_json::to_string(&recording).expect("JSON") + "\n"
    };
    fs::write(store.root().join("wal/2-2.jsonl"), line(0) + &line(77)).expect("written");
    assert_ne!(records.stamp(), stamp);
    assert_eq!(regrader.read_more(&Filter::default()).expect("read"), 1);
    assert_eq!(regrader.grade(versions), Work { untouched: count, rescored: 0, played: 1 });
    store.compact().expect("compacted");
    assert_eq!(regrader.read_more(&Filter::default()).expect("read"), 0);
    let scratch = regrade_all(&records, &Filter::default(), versions, 3).expect("graded");
    assert!(regrader.report(versions, 3).expect("a report") == scratch);
}
