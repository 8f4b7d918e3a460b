//! What the language can say beyond one document: overlays, tables, dates, collected decisions.

use std::fs;

use casebook_analysis::testing;
use casebook_compile::check::compile;
use casebook_syntax::source;
use proptest::prelude::*;
use tempfile::TempDir;

use super::packs;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\n";

/// The small pack on disk, beside one that extends it.
fn beside(overlay: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for (name, text) in packs::desk() {
        fs::create_dir_all(folder.path().join("desk")).expect("a folder");
        fs::write(folder.path().join("desk").join(name), text).expect("written");
    }
    fs::create_dir_all(folder.path().join("hard")).expect("a folder");
    fs::write(folder.path().join("hard/pack.yaml"), overlay).expect("written");
    folder
}

const HARD: &str = "apiVersion: casebook/v1\nkind: Environment\nname: hard\nextends: ../desk\nversion: 2.0.0\n---\n\
    apiVersion: casebook/v1\nkind: Rules\nname: routing\nextends: routing\nlists: { friends: [] }\n";

#[test]
fn a_pack_takes_over_what_it_does_not_say() {
    let folder = beside(HARD);
    let compiled = compile(&source::read(&[folder.path().to_path_buf()]), 1);
    let report = compiled.report.render(false);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
    let (desk, hard) = (catalog.pack("desk").expect("desk"), catalog.pack("hard").expect("hard"));
    assert_eq!((hard.version(), desk.version()), ("2.0.0", "1.0.0"));
    assert_eq!(hard.tasks().len(), desk.tasks().len());
    assert_eq!(hard.observation_schema()["properties"], desk.observation_schema()["properties"]);
    assert_ne!(hard.digest(), desk.digest());
    assert_eq!(compiled.documents, 8, "what is taken over is not counted twice");
    // Without friends `t-9`, which was closed, is forwarded.
    let right = |pack| {
        let policy = casebook_runtime::policy::find(pack, "oracle").expect("the oracle");
        casebook_runtime::record::play(&policy, &pack.tasks()[0], 0).expect("played").actions[0].to_string()
    };
    assert_eq!(right(desk).matches("forward").count() + 1, right(hard).matches("forward").count());
}

#[test]
fn a_change_of_the_extended_pack_changes_the_hash() {
    let folder = beside(HARD);
    let only = [folder.path().join("hard")];
    let before = source::read(&only);
    let rules = folder.path().join("desk/rules.yaml");
    fs::write(&rules, fs::read_to_string(&rules).expect("a text").replace("100", "101")).expect("written");
    let after = source::read(&only);
    assert_ne!(before.hash(), after.hash());
    assert!(after.folders().iter().any(|watched| watched.ends_with("desk")), "{:?}", after.folders());
}

#[test]
fn packs_that_extend_each_other_are_refused() {
    let folder = beside(HARD);
    let environment = folder.path().join("desk/environment.yaml");
    let text =
        fs::read_to_string(&environment).expect("a text").replace("name: desk\n", "name: desk\nextends: ../hard\n");
    fs::write(&environment, text).expect("written");
    let compiled = compile(&source::read(&[folder.path().join("hard")]), 1);
    let report = compiled.report.render(false);
    assert!(compiled.catalog.is_none() && report.contains("CB303"), "{report}");
}

#[test]
fn a_mistake_in_the_extended_pack_is_told_at_its_own_line() {
    let folder = beside(HARD);
    let rules = folder.path().join("desk/rules.yaml");
    fs::write(&rules, fs::read_to_string(&rules).expect("a text").replace("amount", "amuont")).expect("written");
    let compiled = compile(&source::read(&[folder.path().join("hard")]), 1);
    let first = &compiled.report.diagnostics[0];
    assert!(first.path.ends_with("desk/rules.yaml") && first.line == 7, "{}", compiled.report.render(false));
}

/// The pack with other rules, and a test about them.
fn judged(rules: &str, test: &str) -> testing::Outcome {
    let mut files = packs::desk_files_with("rules.yaml", "", "");
    files.retain(|(name, _)| name != "rules.yaml");
    files.push(("rules.yaml".into(), format!("{HEAD}{rules}")));
    files.push(("tests.yaml".into(), format!("apiVersion: casebook/v1\nkind: Test\nname: cases\n{test}")));
    let task = files.iter_mut().find(|(name, _)| name == "task.yaml").expect("the task");
    task.1 = task.1.replace("max_steps: 4", "max_steps: 4\nclock: 2026-01-05T12:00:00Z");
    testing::run(&packs::catalog(&files).packs()[0], "cases")
}

fn assert_passes(outcome: &testing::Outcome) {
    for case in &outcome.cases {
        assert!(case.passed, "{}: {:#?}", case.name, case.details);
    }
    assert!(!outcome.cases.is_empty());
}

#[test]
fn dates_are_read_against_the_clock() {
    let rules = "hit: first\nrules:\n\
        \x20 - { id: R-OLD, when: { tier: paid }, then: { queue: close }, until: 2026-01-01 }\n\
        \x20 - { id: R-NEW, when: { tier: paid }, then: { queue: answer }, from: 2026-01-01, until: 2026-02-01T00:00:00Z }\n\
        default: { queue: forward }\n";
    let case = |clock: &str, queue: &str, by: &str| {
        format!("  - {{ clock: {clock}, given: {{ tier: paid }}, expect: {{ queue: {queue}, by: {by} }} }}\n")
    };
    let cases = [
        case("2025-12-31T23:59:59Z", "close", "R-OLD"),
        case("2026-01-01", "answer", "R-NEW"),
        case("2026-01-31T23:59:59Z", "answer", "R-NEW"),
        case("2026-02-01", "forward", "default"),
    ];
    assert_passes(&judged(rules, &format!("rules:\n{}", cases.concat())));
}

#[test]
fn ages_are_read_against_the_clock() {
    let rules = "hit: first\nrules:\n\
        \x20 - { id: R-LATE, when: { opened: { older_than: 2h } }, then: { queue: forward } }\n\
        \x20 - { id: R-FRESH, when: { opened: { within: 30m } }, then: { queue: answer } }\n\
        \x20 - { id: R-SOON, when: { opened: { ahead: 1h } }, then: { queue: forward } }\n\
        default: { queue: close }\n";
    let case =
        |opened: &str, by: &str| format!("  - {{ given: {{ opened: \"{opened}\" }}, expect: {{ by: {by} }} }}\n");
    let cases = [
        case("2026-01-05T09:59:59Z", "R-LATE"),
        case("2026-01-05T10:00:00Z", "default"),
        case("2026-01-05T11:30:00Z", "R-FRESH"),
        case("2026-01-05T12:00:00Z", "R-FRESH"),
        case("2026-01-05T12:00:01Z", "R-SOON"),
        case("2026-01-05T13:00:00Z", "R-SOON"),
        case("2026-01-05T13:00:01Z", "default"),
    ];
    assert_passes(&judged(rules, &format!("clock: 2026-01-05T12:00:00Z\nrules:\n{}", cases.concat())));
}

#[test]
fn collected_rules_add_up() {
    let rules = "hit: collect\nrules:\n\
        \x20 - { id: R-QUEUE, when: { tier: paid }, then: { queue: answer } }\n\
        \x20 - { id: R-SAME, when: { amount: { gt: 5 } }, then: { queue: answer, order: 3 } }\n\
        default: { queue: close, order: 1 }\n";
    let test = "rules:\n\
        \x20 - { given: { tier: paid }, expect: { queue: answer, order: 1, by: [R-QUEUE, default] } }\n\
        \x20 - { given: { tier: paid, amount: 6 }, expect: { queue: answer, order: 3, by: [R-QUEUE, R-SAME] } }\n\
        \x20 - { given: { tier: free }, expect: { queue: close, order: 1, by: default } }\n";
    // Ranks come from labels in this pack; the rules decide about them only here.
    assert_passes(&judged(rules, test));
}

#[test]
fn a_rule_on_trial_decides_nothing_and_is_reported() {
    let rules = "hit: first\nrules:\n\
        \x20 - { id: R-TRIAL, when: { tier: free }, then: { queue: forward }, mode: test }\n\
        \x20 - { id: R-PAID, when: { tier: paid }, then: { queue: answer } }\n\
        default: { queue: close }\n";
    let outcome = judged(rules, "rules:\n  - { given: { tier: free }, expect: { queue: close, by: default } }\n");
    assert_passes(&outcome);
    let trial = &outcome.trials[0];
    assert_eq!((trial.items.len(), trial.changes.len()), (2, 2), "{trial:?}");
}

#[test]
fn a_failed_case_tells_every_condition() {
    let rules = "hit: first\nrules:\n\
        \x20 - id: R-MONEY\n    when: { amount: { gte: 100 }, any: [{ tier: paid }, { not: { title: { contains: gift } } }] }\n    \
        except: { from: { domain_in: friends } }\n    then: { queue: forward }\n\
        \x20 - { id: R-PAID, when: { tier: paid }, then: { queue: answer } }\n\
        default: { queue: close }\nlists: { friends: [partner.example] }\n";
    let test = "rules:\n  - name: a large gift\n    \
        given: { amount: 99, tier: free, title: A gift, from: a@partner.example }\n    \
        expect: { queue: forward, by: R-MONEY }\n";
    let outcome = judged(rules, test);
    let case = &outcome.cases[0];
    assert!(!case.passed);
    assert_eq!(
        case.details.join("\n"),
        "queue should be `forward`, but the default decides `close`\n\
         it should be decided by `R-MONEY`, but `default` decides\n\
         \x20 `R-MONEY` does not match\n\
         \x20   no  amount is at least 100 (it is 99)\n\
         \x20   no  one of\n\
         \x20     no  tier is paid (it is `free`)\n\
         \x20     no  not\n\
         \x20       yes title contains \"gift\"\n\
         \x20   except, which holds:\n\
         \x20     yes the domain of from, or a domain above it, is in the list `friends`"
    );
    assert_eq!((case.path.as_deref(), case.line), (Some(std::path::Path::new("desk/tests.yaml")), Some(5)));
}

/// A condition that a row of a table can say.
fn condition() -> impl Strategy<Value = String> {
    let number = prop_oneof![Just("gte"), Just("gt"), Just("lt"), Just("lte")];
    let amount = (number, 0..300_i32).prop_map(|(operator, bound)| format!("amount: {{ {operator}: {bound} }}"));
    let between = (0..100_i32, 100..300_i32).prop_map(|(low, high)| format!("amount: {{ between: [{low}, {high}] }}"));
    let exists = any::<bool>().prop_map(|there| format!("amount: {{ exists: {there} }}"));
    let tier = prop_oneof![Just("free"), Just("paid"), Just("[free, paid]")].prop_map(|tier| format!("tier: {tier}"));
    let title = prop_oneof![
        Just("title: { contains_any: [refund, \"late | lost\"] }"),
        Just("title: { starts_with: \">= 5\" }"),
        Just("title: { contains: \"1..2\" }"),
        Just("title: \"-\""),
    ]
    .prop_map(str::to_owned);
    let from = Just("from: { domain_in: friends }".to_owned());
    prop_oneof![amount, between, exists, tier, title, from]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Rules, exported as a table and read again, are the same rules.
    #[test]
    fn a_table_says_what_the_rules_said(conditions in proptest::collection::vec((condition(), condition()), 1..6)) {
        let rules: Vec<String> = conditions
            .iter()
            .enumerate()
            .map(|(at, (when, except))| {
                format!("  - {{ id: R-{at}, when: {{ {when} }}, except: {{ {except} }}, then: {{ queue: forward }}, because: \"No. {at}\" }}\n")
            })
            .collect();
        let tail = "default: { queue: close }\nlists: { friends: [partner.example] }\n";
        let list = format!("{HEAD}hit: first\nrules:\n{}{tail}", rules.concat());
        let parsed: casebook_syntax::spec::Rules = serde_yaml::from_str(&list).expect("rules");
        let table = casebook_compile::rules::to_table(&parsed.rules.expect("a list")).expect("a table");
        let rows: Vec<String> = table
            .iter()
            .map(|row| format!("  - {}\n", serde_json::to_string(row).expect("JSON")))
            .collect();
        let table = format!("{HEAD}hit: first\ntable:\n{}{tail}", rows.concat());
        let policy = |text: &str| {
            let mut files = packs::desk();
            files.retain(|(name, _)| name != "rules.yaml");
            files.push(("rules.yaml".into(), text.to_owned()));
            let outline = casebook_analysis::outline::of(&packs::catalog(&files).packs()[0]);
            outline["rules"].clone()
        };
        prop_assert_eq!(policy(&list), policy(&table), "{}", table);
    }
}
