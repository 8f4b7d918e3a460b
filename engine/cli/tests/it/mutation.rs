//! Small faults in packs, and the tests that notice them.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::shell::{casebook, code, edit, json, stderr, stdout, succeeds};

/// A folder with a new pack in `scenarios/pack`.
fn new_pack() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    succeeds(folder.path(), &["new", "pack"]);
    folder
}

/// What `mutate` says about the pack: the share, and each mutant's file, change and fate.
fn mutated(folder: &TempDir, more: &[&str]) -> (f64, Vec<(String, String, String)>) {
    let mut args = vec!["mutate", "scenarios/pack", "--format", "json"];
    args.extend(more);
    let output = casebook(folder.path(), &args);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let pack = &json(&output)["packs"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mutants = pack["mutants"].as_array().expect("mutants").iter();
    let told = mutants.map(|one| (text(&one["path"]), text(&one["change"]), text(&one["fate"]))).collect();
    (pack["share"].as_f64().expect("a share"), told)
}

#[test]
fn the_tests_that_are_proposed_notice_their_mutants() {
    let folder = new_pack();
    let tests = folder.path().join("tests.yaml");
    let only = ["--only", "rubric", "--write-tests", tests.to_str().expect("UTF-8")];
    let (before, survivors) = mutated(&folder, &only);
    fs::copy(&tests, folder.path().join("scenarios/pack/tests-of-mutants.yaml")).expect("they can be used");
    let proposed = fs::read_to_string(&tests).expect("tests").matches("notices that").count();
    let (after, remaining) = mutated(&folder, &only[..2]);
    let of = |all: &[(String, String, String)], fate: &str| all.iter().filter(|one| one.2 == fate).count();
    assert_eq!(survivors.len(), remaining.len());
    assert!(proposed > 3 && after > before, "{proposed} {before} {after}");
    assert!(of(&remaining, "survived") <= of(&survivors, "survived") - proposed, "{remaining:?}");
    // A weight that nobody would notice is among them.
    let weights = |all: &[(String, String, String)]| all.iter().filter(|one| one.1.starts_with("the weights")).count();
    assert!(weights(&survivors) > 0, "{survivors:?}");
}

#[test]
fn a_fault_of_rules_is_shown_by_a_case_that_the_proofs_find() {
    let folder = new_pack();
    let tests = folder.path().join("tests.yaml");
    let only = ["--only", "rules", "--write-tests", tests.to_str().expect("UTF-8")];
    let (before, mutants) = mutated(&folder, &only);
    let changes: Vec<&str> = mutants.iter().map(|one| one.1.as_str()).collect();
    for change in ["the rule `R-MONEY` is dropped", "the entry `phishing` is dropped", "0 becomes 1"] {
        assert!(changes.contains(&change), "{changes:?}");
    }
    assert!(before < 1.0, "{mutants:?}");
    fs::copy(&tests, folder.path().join("scenarios/pack/tests-of-mutants.yaml")).expect("they can be used");
    let (after, mutants) = mutated(&folder, &only[..2]);
    assert!((after - 1.0).abs() < 1e-9, "{mutants:?}");
}

#[test]
fn tests_are_added_to_those_that_were_written_and_replace_no_other_file() {
    let folder = new_pack();
    let rules = folder.path().join("scenarios/pack/rules.yaml");
    let before = fs::read_to_string(&rules).expect("rules");
    let mutate = |file: &Path| {
        let args = ["mutate", "--only", "rubric", "--write-tests", file.to_str().expect("UTF-8")];
        casebook(folder.path(), &args)
    };
    let refused = mutate(&rules);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("exists and was not written by `mutate`"), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(&rules).expect("rules"), before);
    let file = folder.path().join("scenarios/pack/mutants.yaml");
    let said = stderr(&mutate(&file));
    assert!(said.contains(" cases to `"), "{said}");
    let first = fs::read_to_string(&file).expect("tests");
    // One of them is lost, and is found again.
    let (kept, _) = first.rsplit_once("\n  - ").expect("several cases");
    fs::write(&file, format!("{kept}\n")).expect("written");
    let said = stderr(&mutate(&file));
    assert!(said.contains("wrote 1 case to `"), "{said}");
    let second = fs::read_to_string(&file).expect("tests");
    assert!(second.starts_with(kept) && second.contains("name: mutants-2"), "{second}");
    succeeds(folder.path(), &["test"]);
    assert!(stderr(&mutate(&file)).contains("there is no test to write"));
    assert_eq!(fs::read_to_string(&file).expect("tests"), second);
    // Why a gate fails stands where its log is looked at.
    let gate = casebook(folder.path(), &["mutate", "--only", "rubric", "--at-least", "100"]);
    assert_eq!(code(&gate), 1);
    assert!(stderr(&gate).contains("tests notice less than 100 % of the mutants of `pack`"), "{}", stderr(&gate));
}

#[test]
fn a_golden_file_notices_numbers_that_no_case_states() {
    let folder = new_pack();
    let test = |more: &[&str]| casebook(folder.path(), &[&["test"], more].concat());
    let (before, _) = mutated(&folder, &["--only", "rubric"]);
    let said = stdout(&test(&["--update"]));
    assert!(said.starts_with("wrote scenarios/pack/golden.csv: "), "{said}");
    let (after, mutants) = mutated(&folder, &["--only", "rubric"]);
    assert!(after > before + 0.2, "{before} {after} {mutants:?}");
    // What is as it was is not written again.
    assert!(!stdout(&test(&["--update"])).contains("wrote"));
    let rubric = folder.path().join("scenarios/pack/rubric.yaml");
    edit(&rubric, "weight: 0.7", "weight: 0.6");
    edit(&rubric, "weight: 0.2", "weight: 0.3");
    let output = test(&[]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("FAIL golden golden.csv: scores and returns"), "{said}");
    assert!(said.contains("by `random`: score "), "{said}");
    assert!(said.contains("`casebook test --update` writes the new figures"), "{said}");
    assert_eq!(code(&test(&["--filter", "golden"])), 1);
    let said = stdout(&test(&["--update"]));
    assert!(said.contains(" -> ") && said.contains(" 0 failed"), "{said}");
    // A file that nobody can read is no file that agrees.
    fs::write(folder.path().join("scenarios/pack/golden.csv"), "task,seed\nx,1\n").expect("written");
    let output = test(&[]);
    assert!(stdout(&output).contains("`golden.csv` cannot be read"), "{}", stdout(&output));
    assert_eq!(code(&output), 1);
    assert_eq!(code(&casebook(folder.path(), &["mutate", "scenarios/pack"])), 1);
}

/// Rules in a table, and documents that take over others, have faults as well.
#[test]
fn tables_and_heirs_are_mutated() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    fs::write(
        pack.join("rules.yaml"),
        "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\ntable:\n\
         \x20 - [id, plan, amount, then queue]\n\
         \x20 - [R-SECURITY, free, \"-\", security]\n\
         \x20 - [R-MONEY, paid, \">= 40\", refund]\n\
         default: { queue: answer }\n",
    )
    .expect("written");
    fs::write(
        pack.join("tuesday.yaml"),
        "apiVersion: casebook/v1\nkind: Task\nname: tuesday\nextends: demo\nmax_steps: 7\n"
            .replace("demo", &first_task(&pack)),
    )
    .expect("written");
    fs::write(
        pack.join("test.yaml"),
        "apiVersion: casebook/v1\nkind: Test\nname: none\nrules:\n  - given: { subject: x, body: x, plan: paid, amount: 50 }\n    \
         expect: { queue: refund, by: R-MONEY }\n",
    )
    .expect("written");
    let (_, mutants) = mutated(&folder, &["--only", "rules", "--only", "task"]);
    let changes: Vec<&str> = mutants.iter().map(|one| one.1.as_str()).collect();
    for change in [
        "the rule `R-MONEY` is dropped",
        ">= 40 becomes >= 41",
        "refund becomes security",
        "answer becomes refund",
        "7 becomes 8",
    ] {
        assert!(changes.contains(&change), "{change}: {changes:?}");
    }
}

/// Each kind of document has faults of its own.
#[test]
fn constants_formulas_orders_days_and_bindings_are_mutated() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    let environment = pack.join("environment.yaml");
    edit(&environment, "item:\n", "data: { limit: 40, strict: true }\nitem:\n");
    edit(
        &environment,
        "    amount:",
        "    large: { type: boolean, visible: false, derive: amount is not none and amount * 2 >= data.limit }\n    amount:",
    );
    // What is derived reads fields above it.
    let text = fs::read_to_string(&environment).expect("a file");
    let line = text.lines().find(|line| line.contains("derive:")).expect("a line").to_owned();
    let text = text.replace(&format!("{line}\n"), "").replace("\ndecision:", &format!("{line}\n\ndecision:"));
    let place = "  place: { type: rank, min: 1, max: 9, truth: { order_by: [-amount, plan] } }\n";
    let text = text.replace("  reply:\n    type", &format!("{place}  reply:\n    type"));
    let text = text.replace("    reply: { decides", "    place: { decides: place }\n    reply: { decides");
    let tool = "tools:\n  look_up:\n    description: Asks.\n    arguments: { ticket_id: { item: true, default: current } }\n    answers:\n      \
                - { when: { amount: { gte: 30 } }, say: much }\n      - { when: { plan: paid }, say: little }\n      \
                - { say: nothing }\n";
    fs::write(&environment, text.replace("\nobservation:", &format!("\n{tool}\nobservation:"))).expect("written");
    edit(&pack.join("rules.yaml"), "  - id: R-MONEY\n", "  - id: R-MONEY\n    from: 2026-01-28\n    severity: low\n");
    edit(&pack.join("rubric.yaml"), "grader: exact, field: queue", "grader: exact, field: queue, weigh: severity");
    let rubric = fs::read_to_string(pack.join("rubric.yaml")).expect("a rubric");
    fs::write(pack.join("other.yaml"), rubric.replace("name: desk", "name: other")).expect("written");
    edit(&pack.join("task.yaml"), "max_steps", "rubric: desk\nclock: 2026-02-01T09:00:00Z\nmax_steps");
    edit(&pack.join("test.yaml"), "name: routing\n", "name: routing\nclock: 2026-02-01T09:00:00Z\n");
    let checked = casebook(folder.path(), &["check"]);
    assert_eq!(code(&checked), 0, "{}{}", stdout(&checked), stderr(&checked));
    let (_, mutants) = mutated(&folder, &[]);
    let changes: Vec<&str> = mutants.iter().map(|one| one.1.as_str()).collect();
    for change in [
        "40 becomes 41",
        "true becomes false",
        "`*` becomes `/` in the expression",
        "`2` becomes `3` in the expression",
        "`and` becomes `or` in the expression",
        "`>=` becomes `>` in the expression",
        "-amount becomes amount",
        "plan becomes -plan",
        "the order by `plan` is dropped",
        "the answer `much` is dropped",
        "30 becomes 31",
        "2026-01-28 becomes 2026-01-27",
        "low becomes normal",
        "desk becomes other",
        "2026-02-01T09:00:00Z becomes 2026-02-02T09:00:00Z",
        "shuffled becomes listed",
    ] {
        assert!(changes.contains(&change), "{change}: {changes:?}");
    }
}

/// What generators draw is changed where rules or graders depend on it.
#[test]
fn draws_are_mutated_as_far_as_they_decide() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    fs::write(
        pack.join("generator.yaml"),
        "apiVersion: casebook/v1\nkind: Generator\nname: more\nslots:\n\
         \x20 plan: { pick: { free: 3, paid: 1 } }\n\
         \x20 number: { integer: { from: 100, to: 999 } }\n\
         \x20 amount: { integer: { from: 0, to: 90 } }\n\
         fields:\n\
         \x20 subject: My order\n\
         \x20 body: It has not come.\n\
         \x20 sender: \"kim{{ number }}@customer.example\"\n\
         \x20 plan: { slot: plan }\n\
         \x20 amount: { slot: amount }\n\
         boundary: 20%\n",
    )
    .expect("written");
    edit(&pack.join("task.yaml"), "inbox: monday", "inbox: [monday, { generate: more, items: 4 }]");
    edit(&pack.join("task.yaml"), "max_steps: 6", "max_steps: 9");
    edit(&pack.join("test.yaml"), "steps: 3", "steps: 7");
    let (_, mutants) = mutated(&folder, &["--only", "generator"]);
    let changes: Vec<&str> = mutants.iter().map(|one| one.1.as_str()).collect();
    for change in ["3 becomes 6", "1 becomes 2", "90 becomes 99", "20% becomes 30%"] {
        assert!(changes.contains(&change), "{change}: {changes:?}");
    }
    // No rule looks at senders.
    assert!(!changes.iter().any(|change| change.starts_with("999") || change.starts_with("100")), "{changes:?}");
}

/// What cannot change any score is told apart from what no test notices.
#[test]
fn a_mutant_that_means_the_same_does_not_count() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    edit(
        &pack.join("task.yaml"),
        "max_steps",
        "weights: { right_queue: 0.6, good_reply: 0.2, everything_done: 0.2 }\nmax_steps",
    );
    let (share, mutants) = mutated(&folder, &["--only", "rubric"]);
    let weights = |all: &[(String, String, String)]| -> Vec<String> {
        all.iter().filter(|one| one.1.starts_with("the weights")).map(|one| one.2.clone()).collect()
    };
    assert_eq!(weights(&mutants), ["same", "same"], "{mutants:?}");
    let counted = mutants.iter().filter(|one| one.2 == "killed" || one.2 == "survived").count();
    let killed = mutants.iter().filter(|one| one.2 == "killed").count();
    #[expect(clippy::cast_precision_loss, reason = "a few")]
    let expected = killed as f64 / counted as f64;
    assert!((share - expected).abs() < 1e-9, "{share} {expected}");
    // A rule that an earlier one always covers.
    edit(
        &pack.join("rules.yaml"),
        "    when: { plan: paid, amount: { gt: 0 } }",
        "    when: { any: [{ plan: paid, amount: { gt: 0 } }, { plan: paid, amount: { gt: 5 } }] }",
    );
    let (_, mutants) = mutated(&folder, &["--only", "rules"]);
    let fate = mutants.iter().find(|one| one.1 == "5 becomes 6").map(|one| one.2.as_str());
    assert_eq!(fate, Some("same"), "{mutants:?}");
    let said = stdout(&casebook(folder.path(), &["mutate", "--only", "rules", "--all"]));
    assert!(said.contains("5 becomes 6: cannot be noticed: the rules decide the same about every item"), "{said}");
}

/// What is proposed is as short as it can be.
#[test]
fn a_proposed_episode_has_only_the_actions_that_matter() {
    let folder = new_pack();
    let said = stdout(&casebook(folder.path(), &["mutate", "--only", "rubric"]));
    let plays = said.lines().filter_map(|line| line.split_once("play: [")).map(|(_, rest)| rest);
    let lengths: Vec<usize> = plays.map(|play| play.matches("queue: ").count()).collect();
    assert!(!lengths.is_empty() && lengths.iter().all(|length| *length <= 2), "{lengths:?} {said}");
}

/// The name of the pack's task.
fn first_task(pack: &std::path::Path) -> String {
    let text = fs::read_to_string(pack.join("task.yaml")).expect("a task");
    text.lines().find_map(|line| line.strip_prefix("name: ")).expect("a name").to_owned()
}

#[test]
fn a_pack_whose_tests_fail_or_miss_is_refused() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    let output = casebook(folder.path(), &["mutate", "scenarios/pack", "--only", "rubric", "--at-least", "100"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let output = casebook(folder.path(), &["mutate", "scenarios/pack", "--only", "inboxes"]);
    assert_eq!(code(&output), 2, "{}", stderr(&output));
    edit(&pack.join("test.yaml"), "queue: refund, by: R-MONEY", "queue: answer, by: R-MONEY");
    let output = casebook(folder.path(), &["mutate", "scenarios/pack"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("fails without a mutant"), "{}", stderr(&output));
    fs::remove_file(pack.join("test.yaml")).expect("it goes");
    let output = casebook(folder.path(), &["mutate", "scenarios/pack"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("has no test"), "{}", stderr(&output));
}

/// A watching process that ends with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_change_tries_again_the_mutants_that_it_reaches() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    let mut watching = Watching(
        Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(["mutate", "scenarios/pack", "--watch"])
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts"),
    );
    let mut lines = BufReader::new(watching.0.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    // How many were tried, and how many are as before; what went wrong instead.
    let mut round = || {
        let mut next = || lines.by_ref().take_while(|line| !line.starts_with("waiting")).collect::<Vec<String>>();
        let mut said = next();
        // A file that is being written is empty for a moment.
        while said.iter().any(|line| line.contains("holds no document")) {
            said = next();
        }
        let counts = said.iter().find_map(|line| {
            let (tried, rest) = line.split_once(" mutants tried, ").or_else(|| line.split_once(" mutant tried, "))?;
            Some((tried.parse::<usize>().ok()?, rest.split(' ').next()?.parse::<usize>().ok()?))
        });
        (counts, said.join("\n"))
    };
    let (Some((all, 0)), _) = round() else { panic!("nothing is known at first") };
    let (_, mutants) = mutated(&folder, &["--only", "rules"]);
    edit(&pack.join("rules.yaml"), "because: A stolen account cannot wait.", "because: It cannot wait.");
    let (counts, said) = round();
    assert_eq!(counts, Some((mutants.len(), all - mutants.len())), "{said}");
    // Those that a test of this document noticed, and those that no test noticed.
    edit(&pack.join("test.yaml"), "rewards: [-0.3], components: { loops: -0.3 }, done", "rewards: [-0.3], done");
    let (counts, said) = round();
    assert!(counts.is_some_and(|(tried, kept)| tried > 0 && kept > 0 && tried + kept == all), "{counts:?} {said}");
    // While a test fails nothing is tried, and what is known stays.
    edit(&pack.join("test.yaml"), "queue: refund, by: R-MONEY", "queue: answer, by: R-MONEY");
    let (counts, said) = round();
    assert!(counts.is_none() && said.contains("fails without a mutant"), "{said}");
    edit(&pack.join("test.yaml"), "queue: answer, by: R-MONEY", "queue: refund, by: R-MONEY");
    let (counts, said) = round();
    assert_eq!(counts, Some((0, all)), "{said}");
}

/// What is shown after a few actions notices what no score does.
#[test]
fn the_time_of_an_arrival_is_noticed_by_what_waits() {
    let folder = new_pack();
    let pack = folder.path().join("scenarios/pack");
    edit(&pack.join("task.yaml"), "max_steps: 6", "max_steps: 9\narrivals:\n  - { item: t-103, step: 2 }");
    let told = stdout(&casebook(folder.path(), &["mutate", "scenarios/pack", "--only", "task"]));
    assert!(told.contains("2 becomes 3") && told.contains("expect: { observation: {"), "{told}");
}
