//! Audit trails: nothing sensitive leaks, and no change of a line goes unseen.

use std::sync::Arc;

use casebook_runtime::{episode::Episode, policy, record, scenario::Pack};
use casebook_trail::{Chain, EpisodeId, MASK, Verifier, entries as entries_of, lost, read_seal, taken_back};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::packs;

const ID: EpisodeId<'_> = EpisodeId { id: "e-1", policy: Some("oracle"), forked_from: None };
/// The noon of a day.
const NOON: i64 = 1_767_268_800_000;

/// The entries of an episode that the oracle plays.
fn entries(pack: &Arc<Pack>) -> Vec<String> {
    let policy = policy::find(pack, "oracle").expect("it is built in");
    let mut all = Vec::new();
    let mut watch = |episode: &Episode, action: &Value, step: &casebook_runtime::episode::Step| {
        let drafts = entries_of(episode, (action, step), ID, NOON).expect("it is graded");
        all.extend(drafts.into_iter().map(casebook_trail::Draft::finish));
    };
    record::play_watched(&policy, &pack.tasks()[0], (3, &Map::new()), &mut watch).expect("it plays");
    all
}

fn read(entry: &str) -> Value {
    serde_json::from_str(entry).expect("JSON")
}

#[test]
fn an_entry_tells_who_decided_what_by_which_rule() {
    let pack = packs::desk_with("rubric.yaml", "round: 4", "round: 4");
    let all: Vec<Value> = entries(&pack).iter().map(|entry| read(entry)).collect();
    assert_eq!(all.len(), 3);
    let paid = all.iter().find(|entry| entry["item"]["id"] == "t-4").expect("the item");
    assert_eq!(paid["time"], "2026-01-01T12:00:00Z");
    assert_eq!((&paid["episode"], &paid["environment"]), (&json!("e-1"), &json!("desk")));
    assert_eq!((&paid["policy"], &paid["generation"]), (&json!("oracle"), &json!(1)));
    let queue = &paid["decisions"][0];
    assert_eq!(
        (&queue["decided"], &queue["expected"], &queue["right"]),
        (&json!("answer"), &json!("answer"), &json!(true))
    );
    assert_eq!(
        queue["source"],
        json!({ "kind": "rule", "rules": "routing", "id": "R-PAID", "path": "rules.yaml", "line": 11 })
    );
    assert_eq!(paid["decisions"][2]["source"], json!({ "kind": "label", "path": "inbox.yaml", "line": 8 }));
    for digest in [&paid["digests"]["pack"], &paid["digests"]["rules"]["routing"], &paid["digests"]["rubric"]] {
        assert_eq!(digest.as_str().map(str::len), Some(64), "{paid}");
    }
    let other = all.iter().find(|entry| entry["item"]["id"] == "t-9").expect("the item");
    assert_eq!(other["decisions"][0]["source"], json!({ "kind": "default", "rules": "routing" }));
}

#[test]
fn rules_on_trial_that_match_are_told_and_decide_nothing() {
    let pack = packs::desk_with(
        "rules.yaml",
        "  - id: R-PAID",
        "  - { id: R-TRY, when: { tier: paid }, then: { queue: close }, mode: test }\n  - id: R-PAID",
    );
    let all: Vec<Value> = entries(&pack).iter().map(|entry| read(entry)).collect();
    let paid = all.iter().find(|entry| entry["item"]["id"] == "t-4").expect("the item");
    assert_eq!(
        paid["trials"],
        json!([{ "rules": "routing", "id": "R-TRY", "then": { "queue": "close" }, "changes": ["queue"] }])
    );
    assert_eq!(paid["decisions"][0]["expected"], "answer");
    let free = all.iter().find(|entry| entry["item"]["id"] == "t-9").expect("the item");
    assert_eq!(free["trials"], json!([]));
}

#[test]
fn a_sensitive_field_shows_neither_its_value_nor_whether_it_has_one() {
    let pack =
        packs::desk_with("environment.yaml", "secret: { type: text, ", "secret: { type: text, sensitive: true, ");
    for entry in entries(&pack) {
        assert!(!entry.contains("canary-7731"), "{entry}");
        assert_eq!(read(&entry)["item"]["fields"]["secret"], MASK, "{entry}");
    }
}

/// What an entry tells of an item whose sensitive field holds a text, and whose reply repeats it as told.
fn told(secret: &str, reply: &str) -> String {
    let quoted = |text: &str| serde_json::to_string(text).expect("JSON");
    let mut files =
        packs::desk_files_with("environment.yaml", "secret: { type: text, ", "secret: { type: text, sensitive: true, ");
    for (_, text) in files.iter_mut().filter(|(name, _)| name == "inbox.yaml") {
        *text = text
            .replace("canary-7731", &quoted(secret))
            .replace("\"Hello Ada, we are sorry that your {{ vary.thing.word }} is late.\"", &quoted(reply));
    }
    let pack = Arc::clone(&packs::catalog(&files).packs()[0]);
    let all: Vec<Value> = entries(&pack).iter().map(|entry| read(entry)).collect();
    let entry = all.iter().find(|entry| entry["item"]["id"] == "t-4").expect("the item");
    entry["decisions"].to_string()
}

#[test]
fn a_short_secret_with_signs_and_one_with_decomposed_accents_are_masked() {
    let told = |secret: &str, reply: &str| told(secret, reply).contains(reply);
    assert!(!told("C++", "Hello, we know C++ well."));
    assert!(!told("#7", "Hello, you are #7."));
    assert!(told("7x", "Hello, you are 17x."));
    assert!(!told("Ren\u{e9}e", "Hello Rene\u{301}e."));
    assert!(!told("Rene\u{301}e", "Hello Ren\u{e9}e."));
}

#[test]
fn a_secret_is_masked_however_its_blanks_and_letters_are_written() {
    for written in [
        "Noë Salo",
        "NOË SALO",
        "Noe\u{308} Salo",
        "Noë  Salo",
        "Noë\nSalo",
        "Noë\r\n\tSalo",
        "Noë\u{a0}Salo",
        "Noë\u{3000}Salo",
        "No\u{ad}ë Salo",
        "Noë\u{ad}Salo",
        "Noë\u{200b} Salo",
        "Noë_Salo",
        "Noë-Salo",
        "Noë, Salo",
        "NoëSalo",
        "xNoë Salox",
        "\u{ff2e}oë Salo",
        "Noe\u{ad}\u{308} \u{1d412}alo",
    ] {
        let entry = told("Noë Salo", &format!("Dear {written}, we are sorry."));
        assert!(
            entry.contains("Dear *** we are sorry")
                || entry.contains("***, we are sorry")
                || entry.contains("***x, we"),
            "{written:?}: {entry}"
        );
        assert!(!entry.to_lowercase().contains("salo"), "{written:?}: {entry}");
    }
    // What stands around it stays as it was written.
    let entry = told("Noë Salo", "Dear\u{a0}\u{a0}Noë\nSalo,\u{a0}sorry \u{2026} E\u{301}");
    assert!(entry.contains("Dear\u{a0}\u{a0}***,\u{a0}sorry \u{2026} E\u{301}"), "{entry}");
}

#[test]
fn a_secret_is_its_words_whatever_signs_it_has() {
    for (secret, written) in [
        ("Jean-Luc Moreau", "Jean Luc Moreau"),
        ("Jean-Luc Moreau", "JeanLuc Moreau"),
        ("Jean-Luc Moreau", "jean.luc_moreau"),
        ("O'Neil, Pat", "ONeil Pat"),
        ("(Lea) Sorel", "Lea   --  Sorel"),
        ("+41 44-668 18 00", "+41 44 668 18 00"),
        ("+41 44-668 18 00", "+41 (44) 6681800"),
        ("+41 44-668 18 00", "41446681800"),
        ("0446681800", "044 668 18 00"),
        ("4929 1234 5678 9010", "4929123456789010"),
        ("4711", "4'711"),
        ("Q-482", "Q482"),
        ("Q-482", "q 482"),
        ("K-7", "k/7"),
        ("pat.oneil@mail.example", "pat . oneil (at) mail"),
    ] {
        let entry = told(secret, &format!("Dear {written}, we are sorry."));
        let masked = !entry.contains(written);
        // What leaves out a word is another text.
        assert_eq!(masked, !written.contains("(at)"), "{secret:?} as {written:?}: {entry}");
        assert_eq!(entry.contains(MASK), masked, "{secret:?} as {written:?}: {entry}");
    }
    for (secret, written) in [
        ("Jean-Luc Moreau", "Jean and Luc Moreau"),
        ("Jean-Luc Moreau", "Je an Luc Moreau"),
        ("4711", "47 11"),
        ("K-7", "bank 7"),
        ("K-7", "K-71"),
        ("C++", "C, and more"),
        ("0446681800", "044 668 18 01"),
    ] {
        let reply = format!("Dear {written}, we are sorry.");
        let entry = told(secret, &reply);
        assert!(entry.contains(&reply), "{secret:?} in {written:?}: {entry}");
    }
}

/// A secret of some words, and the same words with other signs and blanks between them.
fn respelt() -> impl Strategy<Value = (String, String)> {
    let sign = prop_oneof![3 => Just(" ".to_owned()), 1 => "[-–_.,;:/'+#* \u{a0}]{1,3}"];
    let other = prop_oneof![1 => Just(String::new()), 3 => "[-–_.,;:/'+#*()! \u{a0}\u{ad}\n]{1,12}"];
    let word = prop_oneof![4 => "[A-Za-zÄéö]{4,7}", 1 => "[0-9]{3,6}"];
    (word, proptest::collection::vec((sign, other, prop_oneof![4 => "[A-Za-zÄéö]{1,7}", 1 => "[0-9]{1,6}"]), 0..4))
        .prop_map(|(first, rest)| {
            let (mut secret, mut written) = (first.clone(), first);
            for (sign, other, word) in rest {
                secret.push_str(&format!("{sign}{word}"));
                written.push_str(&format!("{other}{word}"));
            }
            (secret, written)
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// A secret is masked under any replacement, insertion and removal of signs and blanks between its words.
    #[test]
    fn a_secret_is_masked_with_any_signs_between_its_words((secret, written) in respelt(), upper: bool) {
        let written = if upper { written.to_uppercase() } else { written };
        let entry = told(&secret, &format!("Hello <{written}> bye."));
        let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>().to_lowercase();
        let reply: Value = serde_json::from_str(&entry).expect("JSON");
        let reply = reply.as_array().expect("decisions").iter().find_map(|one| one["decided"].as_str().filter(|text| text.starts_with("Hello")));
        let reply = reply.expect("the reply");
        prop_assert!(reply.contains(MASK), "{secret:?} as {written:?}: {reply:?}");
        prop_assert!(!letters(reply).contains(&letters(&secret)), "{secret:?} as {written:?}: {reply:?}");
    }

    /// A text without the words of a secret stays as it was written.
    #[test]
    fn a_text_without_a_secret_is_not_touched((secret, _) in respelt(), text in "[xyz7XYZ ,.;:_-]{0,30}") {
        let secret = secret.replace(['x', 'y', 'z', '7', 'X', 'Y', 'Z'], "q");
        let reply = format!("Yzx {text} zyx.");
        let entry = told(&secret, &reply);
        prop_assert!(entry.contains(&serde_json::to_string(&reply).expect("JSON")), "{secret:?}: {entry}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a sensitive field holds stands nowhere in what an entry tells of the item and the decisions.
    #[test]
    fn masks_never_leak(secret in "[A-Za-zÄöüß0-9._@ -]{4,24}", before in "[a-z ]{0,9}", upper in any::<bool>()) {
        let secret = secret.trim().to_owned();
        prop_assume!(secret.chars().count() >= 4);
        let repeated = if upper { secret.to_uppercase() } else { secret.clone() };
        let title = serde_json::to_string(&format!("{before}{repeated} is late")).expect("JSON");
        let reply = serde_json::to_string(&format!("Hello, {before}{repeated}, we are sorry.")).expect("JSON");
        let held = serde_json::to_string(&secret).expect("JSON");
        let mut files = packs::desk_files_with("environment.yaml", "secret: { type: text, ", "secret: { type: text, sensitive: true, ");
        for (name, text) in &mut files {
            if name == "inbox.yaml" {
                *text = text
                    .replace("\"My {{ vary.thing.word }} is late\"", &title)
                    .replace("canary-7731", &held)
                    .replace("[sorry, \"{{ vary.thing.word }}\"]", "[sorry]")
                    .replace("\"Hello Ada, we are sorry that your {{ vary.thing.word }} is late.\"", &reply);
            }
            if name == "task.yaml" {
                *text = text.replace("vary:\n  thing: { one_of: [{ word: parcel }, { word: letter }] }\n", "");
            }
        }
        let pack = Arc::clone(&packs::catalog(&files).packs()[0]);
        let all: Vec<Value> = entries(&pack).iter().map(|entry| read(entry)).collect();
        let entry = all.iter().find(|entry| entry["item"]["id"] == "t-4").expect("the item");
        let told = format!("{} {}", entry["item"]["fields"], entry["decisions"]);
        prop_assert!(!told.to_lowercase().contains(&secret.to_lowercase()), "{secret}: {told}");
        prop_assert!(told.contains(MASK));
    }

    /// One change of any line is found: a byte, a line that is gone, put in twice, or moved. Only the end of a trail can
    /// be cut off unseen, unless its head is known.
    #[test]
    fn every_mutation_is_found(count in 2_usize..9, at in any::<prop::sample::Index>(), how in 0_u8..5, byte in any::<prop::sample::Index>(), to in 0x20_u8..0x7f) {
        let lines = trail(count);
        let at = at.index(count);
        let mut changed = lines.clone();
        match how {
            0 => {
                let byte = byte.index(changed[at].len());
                prop_assume!(changed[at].as_bytes()[byte] != to);
                let mut bytes = changed[at].clone().into_bytes();
                bytes[byte] = to;
                changed[at] = String::from_utf8(bytes).expect("ASCII");
            }
            1 => {
                prop_assume!(at + 1 < count);
                changed.remove(at);
            }
            2 => {
                prop_assume!(at + 1 < count);
                changed.swap(at, at + 1);
            }
            3 => changed.insert(at, lines[at].clone()),
            _ => {
                // Whoever knows how seals are made may write a line anew, and all that is sealed after it gives him away.
                prop_assume!(at + 1 < count);
                changed[at] = forged(&lines, at);
            }
        }
        let findings = verify(&changed);
        prop_assert!(!findings.is_empty(), "{how} at {at} of {count}");
        prop_assert!(verify(&lines).is_empty());
    }
}

/// A trail of some entries.
fn trail(count: usize) -> Vec<String> {
    let mut chain = Chain::default();
    (0..count).map(|at| chain.seal(&format!("{{\"event\":\"decision\",\"step\":{at}}}"))).collect()
}

/// A line with another entry and a seal that fits it.
fn forged(lines: &[String], at: usize) -> String {
    let before = match at {
        0 => Chain::default(),
        at => {
            let seal = read_seal(&lines[at - 1]).expect("a seal");
            Chain::after(casebook_trail::Link { number: seal.number, hash: seal.hash })
        }
    };
    before.clone().seal("{\"event\":\"decision\",\"step\":999}")
}

fn verify(lines: &[String]) -> Vec<String> {
    let mut verifier = Verifier::default();
    lines.iter().flat_map(|line| verifier.line(line)).map(|wrong| wrong.to_string()).collect()
}

#[test]
fn findings_say_what_happened() {
    let lines = trail(5);
    let mut gone = lines.clone();
    gone.drain(1..3);
    assert_eq!(verify(&gone), ["entries 2 to 3 are missing before this line"]);
    let mut edited = lines.clone();
    edited[2] = edited[2].replace("\"step\":2", "\"step\":7");
    assert_eq!(verify(&edited), ["entry 3 was changed: its hash does not fit"]);
    let mut noise = lines.clone();
    noise[3] = "{}".to_owned();
    assert_eq!(verify(&noise), ["this is not a line of an audit trail, or its end was changed"]);
    let mut rewritten = lines.clone();
    rewritten[1] = forged(&lines, 1);
    assert_eq!(verify(&rewritten), ["entry 3 names another line before it: that one was replaced"]);
    let mut verifier = Verifier::default();
    lines[..3].iter().for_each(|line| drop(verifier.line(line)));
    assert_eq!(verifier.last().number, 3, "an end that was cut off shows only in the head");
}

#[test]
fn what_is_no_decision_is_an_entry_as_well() {
    let pack = packs::desk_with("rubric.yaml", "round: 4", "round: 4");
    let episode = Episode::reset(&pack, &pack.tasks()[0], 1).expect("it starts");
    let back = read(&taken_back(&episode, 2, ID, NOON).finish());
    assert_eq!((&back["event"], &back["step"], &back["episode"]), (&json!("taken_back"), &json!(2), &json!("e-1")));
    let gap = read(&lost(7, NOON).finish());
    assert_eq!((&gap["event"], &gap["entries"]), (&json!("lost"), &json!(7)));
}

/// What is sensitive, in a pack in which agents may ask before they decide.
const ASKING: &str = "apiVersion: casebook/v1
kind: Environment
name: claims
version: 1.0.0
description: Claims.
item:
  noun: claim
  fields:
    holder: { type: text, sensitive: true }
    sum: { type: integer, sensitive: true }
decision:
  answer: { type: enum, values: [take, refuse], truth: { rules: weight } }
action:
  shape: single
  properties: { answer: { decides: answer, required: true } }
tools:
  ask:
    description: Asks.
    arguments: { about: { type: text, required: true }, sum: { type: integer } }
    result: Nobody knows.
observation:
  claims: { items: pending }
---
apiVersion: casebook/v1
kind: Rules
name: weight
rules:
  - { id: R-LARGE, when: { sum: { gt: 2000 } }, then: { answer: refuse } }
default: { answer: take }
---
apiVersion: casebook/v1
kind: Rubric
name: right
reward: { sum: [{ name: step, grader: exact, field: answer }] }
score: { grader: exact, field: answer }
---
apiVersion: casebook/v1
kind: Inbox
name: counter
items:
  - { id: c-1, fields: { holder: Ines Aalto, sum: 4711 } }
---
apiVersion: casebook/v1
kind: Task
name: claims-counter
difficulty: 1
split: train
inbox: counter
max_steps: 3
instructions: Decide.
";

/// The entry of a step that decides no item.
fn entry_of(episode: &mut Episode, name: &str, arguments: &Value) -> String {
    let called = episode.call(name, arguments.as_object().expect("a map"));
    let (action, step) = called.taken.expect("a step");
    let drafts = entries_of(episode, (&action, &step), ID, NOON).expect("it is graded");
    assert_eq!(drafts.len(), 1);
    drafts.into_iter().map(casebook_trail::Draft::finish).collect()
}

#[test]
fn a_call_of_a_tool_is_an_entry_and_repeats_nothing_sensitive() {
    let pack = Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), ASKING.to_owned())]).packs()[0]);
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 1).expect("it starts");
    let entry = read(&entry_of(&mut episode, "ask", &json!({ "about": "ines aalto, sum 4711?", "sum": 4711 })));
    assert_eq!((&entry["event"], &entry["step"], &entry["tool"]), (&json!("action"), &json!(1), &json!("ask")));
    let arguments = json!({ "about": "***, sum ***?", "sum": MASK });
    assert_eq!((&entry["action"]["arguments"], &entry["error"]), (&arguments, &Value::Null));
    assert_eq!((&entry["done"], &entry["score"], &entry["reward"]), (&json!(false), &json!(0.0), &json!(0.0)));
    assert!(entry["digests"]["rules"]["weight"].is_string() && entry.get("item").is_none(), "{entry}");
}

#[test]
fn an_action_of_an_environment_without_items_is_an_entry() {
    let pack = packs::itemless("tools");
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 1).expect("it starts");
    let sum = read(&entry_of(&mut episode, "add", &json!({ "a": 40 })));
    assert_eq!((&sum["tool"], &sum["error"], &sum["score"]), (&json!("add"), &Value::Null, &json!(1.0)));
    let failed = read(&entry_of(&mut episode, "fail", &json!({ "why": "because" })));
    assert_eq!(
        (&failed["tool"], &failed["error"], &failed["step"]),
        (&json!("fail"), &json!("the tool `fail` failed: because"), &json!(2))
    );

    let echo = packs::itemless("echo");
    let mut episode = Episode::reset(&echo, &echo.tasks()[0], 1).expect("it starts");
    let action = json!({ "message": "hello" });
    let step = episode.step(&action).expect("a step");
    let drafts = entries_of(&episode, (&action, &step), ID, NOON).expect("it is graded");
    let told = read(&drafts.into_iter().map(casebook_trail::Draft::finish).collect::<String>());
    assert_eq!((&told["event"], &told["action"]), (&json!("action"), &action));
    assert!(told.get("tool").is_none(), "{told}");
}
