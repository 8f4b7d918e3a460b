//! Findings about rules: how many there may be, what they do to coverage, and how they are written as JSON.

use casebook_analysis::testing;
use casebook_compile::check::{compile, prove};
use casebook_syntax::source::{self, SourceSet};
use serde_json::json;

use super::packs;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\n";

/// The small pack with other rules.
fn files_with(rules: &str) -> Vec<(String, String)> {
    let mut files = packs::desk();
    for (_, text) in files.iter_mut().filter(|(name, _)| name == "rules.yaml") {
        *text = format!("{HEAD}{rules}");
    }
    files
}

fn sources(files: &[(String, String)]) -> SourceSet {
    source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

fn desk_with(rules: &str) -> SourceSet {
    sources(&files_with(rules))
}

#[test]
fn very_many_rules_are_asked_about_on_demand() {
    let rules: Vec<String> = (0..1001)
        .map(|at| format!("  - {{ id: R-{at}, when: {{ amount: {at} }}, then: {{ queue: answer }} }}\n"))
        .collect();
    let set = desk_with(&format!("rules:\n{}default: {{ queue: close }}\n", rules.concat()));
    assert_eq!(compile(&set, 1).proof.questions, 0);
    assert!(prove(&set).proof.questions > 1000);
}

#[test]
fn coverage_says_which_rules_no_test_can_cover() {
    let rules = "hit: unique\nrules:\n  \
        - { id: WIDE, when: { tier: paid }, then: { queue: answer } }\n  \
        - { id: NARROW, when: { tier: paid, amount: { gt: 5 } }, then: { queue: answer } }\n  \
        - { id: DEAD, when: { amount: { gt: 5, lt: 3 } }, then: { queue: answer } }\n  \
        - { id: OPEN, when: { tier: free, amount: { gt: 5 } }, then: { queue: forward } }\n\
        default: { queue: close }\n";
    let mut files = files_with(rules);
    let test = "apiVersion: casebook/v1\nkind: Test\nname: covering\nrules:\n  \
        - { given: { tier: paid, amount: 9 }, expect: { queue: answer } }\n";
    files.push(("covering.yaml".to_owned(), test.to_owned()));
    let compiled = compile(&sources(&files), 1);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{}", compiled.report.render(false)));
    let outcome = testing::run(&catalog.packs()[0], "covering");
    let missing = |name: &str| {
        let measure = outcome.coverage.iter().find(|one| one.measure == name).expect("a measure");
        measure.missing.clone()
    };
    let decided = [
        "`NARROW` of `routing` never decided: `WIDE` before it takes every item that it matches (CB602)",
        "`DEAD` of `routing` never decided: no item can match it (CB601)",
        "`OPEN` of `routing` never decided",
    ];
    assert_eq!(missing("rules"), decided);
    assert!(
        missing("outcomes").contains(&"`DEAD` of `routing` never matched: no item can match it (CB601)".to_owned())
    );
    assert!(missing("outcomes").contains(&"`OPEN` of `routing` never matched".to_owned()));
}

/// Two rules more, which contradict each other for every item.
#[test]
fn a_contradiction_planted_in_each_shipped_pack_is_found() {
    let shipped = source::read(&[packs::scenarios()]);
    let clean = prove(&shipped);
    assert!(clean.report.diagnostics.is_empty(), "{}", clean.report.render(false));
    // What a field is computed from is not followed; nothing else may be without an answer.
    let computed = |why: &str| why.starts_with("a computed field is compared");
    let other: Vec<_> = clean.proof.unknown.iter().filter(|(_, unknown)| !computed(unknown.why)).collect();
    assert!(other.is_empty(), "{other:?}");
    let mut planted = 0;
    for pack in &shipped.packs {
        let Some((field, name, values)) = pack.files.iter().find_map(|file| choices(&file.text)) else { continue };
        let rules = format!(
            "apiVersion: casebook/v1\nkind: Rules\nname: planted\nrules:\n  \
             - {{ id: ONE, when: {{ {field}: {{ exists: true }} }}, then: {{ {name}: {} }} }}\n  \
             - {{ id: TWO, when: {{ {field}: {{ exists: true }} }}, then: {{ {name}: {} }} }}\n",
            values[0], values[1]
        );
        let mut set = shipped.clone();
        set.packs.retain(|other| other.root == pack.root);
        set.packs[0].files.push(source::SourceFile::new(&pack.root.join("planted.yaml"), &rules));
        let report = prove(&set).report;
        let told = report.diagnostics.iter().any(|finding| finding.code.text() == "CB603" && finding.witness.is_some());
        assert!(told, "{}", report.render(false));
        planted += 1;
    }
    assert!(planted >= 2, "only {planted} packs");
}

/// A field, and a decision with two of its values, of an environment.
fn choices(text: &str) -> Option<(String, String, Vec<String>)> {
    let documents: Vec<serde_yaml::Value> =
        text.split("\n---\n").filter_map(|document| serde_yaml::from_str(document).ok()).collect();
    let root = documents.iter().find(|root: &&serde_yaml::Value| root.get("decision").is_some())?;
    let field = root.get("item")?.get("fields")?.as_mapping()?.keys().next()?.as_str()?.to_owned();
    let decisions = root.get("decision")?.as_mapping()?.iter();
    let mut enums =
        decisions.filter(|(_, decision)| decision.get("type").and_then(|kind| kind.as_str()) == Some("enum"));
    enums.find_map(|(name, decision)| {
        let values = decision.get("values")?.as_sequence()?;
        let values: Vec<String> = values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        (values.len() > 1).then(|| Some((field.clone(), name.as_str()?.to_owned(), values)))?
    })
}

#[test]
fn findings_serialise_with_code_place_and_hint() {
    let files = packs::desk_files_with("rules.yaml", "because:", "becuase:");
    let text = serde_json::to_value(compile(&sources(&files), 1).report).expect("JSON");
    assert_eq!(
        text["diagnostics"][0],
        json!({
            "code": "CB201", "severity": "error", "message": "entry 1 of `rules` has no key `becuase`",
            "path": "desk/rules.yaml", "line": 10, "column": 5, "end_line": 10, "end_column": 12,
            "pointer": "/rules/0/becuase", "hint": "did you mean `because`?",
            "fix": { "start": 198, "end": 205, "text": "because" },
        })
    );
}
