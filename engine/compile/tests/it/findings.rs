//! `rules/*.case`: the rules of the small pack replaced, and the whole of what is found about them.
//!
//! `UPDATE_EXPECT=1 cargo test -p casebook-compile` writes the expectations anew; read what changed.

use std::{env, fs, path::PathBuf};

use casebook_analysis::testing;
use casebook_compile::check::{compile, prove};
use casebook_syntax::{
    diagnostic::Report,
    source::{self, SourceSet},
};

use super::packs;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\n";

fn cases() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(packs::tests().join("rules"))
        .expect("the cases")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    paths
}

/// Fields that the small pack has where rules name them.
const FIELDS: [&str; 5] = [
    "wait: { type: duration, optional: true }",
    "years: { type: integer, optional: true }",
    "seats: { type: integer, optional: true, min: 1, max: 9, examples: [4] }",
    "site: { type: url, optional: true }",
    "note: { type: text, optional: true, examples: [A red boat, \"\"] }",
];

fn named(rules: &str, field: &str) -> bool {
    field.split_once(':').is_some_and(|(name, _)| rules.contains(&format!("{name}:")))
}

/// The small pack with other rules; those that decide a `team` find it in the pack, where `queue` is `answer`.
fn files_with(rules: &str) -> Vec<(String, String)> {
    let mut files = packs::desk();
    for (name, text) in &mut files {
        if name == "rules.yaml" {
            *text = format!("{HEAD}{rules}");
        }
        if name == "environment.yaml" && rules.contains("team:") {
            let team = "team: { type: enum, values: [day, night], when: { queue: answer }, truth: { rules: routing } }";
            *text = text.replace("  order: { type: rank", &format!("  {team}\n  order: {{ type: rank"));
            *text = text.replace("    why: { type", "    team: { decides: team }\n    why: { type");
        }
        for field in FIELDS.iter().filter(|field| name == "environment.yaml" && named(rules, field)) {
            *text = text.replace("    tags: {", &format!("    {field}\n    tags: {{"));
        }
    }
    files
}

fn sources(files: &[(String, String)]) -> SourceSet {
    source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())))
}

fn desk_with(rules: &str) -> SourceSet {
    sources(&files_with(rules))
}

/// What is found about rules, and what is left open.
fn found(rules: &str) -> String {
    let proved = prove(&desk_with(rules));
    let mut report = Report::default();
    let broken = proved.report.diagnostics.iter().find(|finding| finding.code.text() < "CB500");
    assert!(broken.is_none(), "{broken:?}");
    report.extend(proved.report.diagnostics.into_iter().filter(|finding| finding.code.text().starts_with("CB6")));
    let mut text = report.render(false);
    for (_, unknown) in proved.proof.unknown {
        text.push_str(&format!("unknown: {}: {}\n", unknown.question, unknown.why));
    }
    if text.is_empty() { "nothing\n".to_owned() } else { text }
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
fn every_set_of_rules_has_its_findings() {
    let update = env::var_os("UPDATE_EXPECT").is_some();
    let (mut ran, mut wrong) = (0, Vec::new());
    for path in cases().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "case")) {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let found = found(&fs::read_to_string(&path).expect("a case"));
        let expected = path.with_extension("expected");
        if fs::read_to_string(&expected).ok().as_deref() != Some(&found) {
            wrong.push(format!("{name} gives\n{found}"));
            if update {
                fs::write(&expected, found).expect("written");
            }
        }
        ran += 1;
    }
    assert!(ran >= 80, "only {ran} cases ran");
    assert!(wrong.is_empty(), "{} of {ran} cases differ from their expectation:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_expectation_has_its_case() {
    for path in cases() {
        assert!(path.with_extension("case").is_file(), "{} has no case", path.display());
    }
}

#[test]
fn a_witness_can_be_pasted_into_a_test() {
    let mut pasted = 0;
    for path in cases().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "case")) {
        let mut files = files_with(&fs::read_to_string(&path).expect("a case"));
        let witnesses: Vec<String> =
            prove(&sources(&files)).report.diagnostics.into_iter().filter_map(|finding| finding.witness).collect();
        if witnesses.is_empty() {
            continue;
        }
        let test = "apiVersion: casebook/v1\nkind: Test\nname: pasted\nrules:\n";
        let text = format!("{test}{}", witnesses.concat());
        files.push(("pasted.yaml".to_owned(), text.clone()));
        let report = prove(&sources(&files)).report;
        let about = report.diagnostics.iter().find(|finding| finding.path.ends_with("pasted.yaml"));
        assert!(about.is_none(), "{}: {about:?}\n{text}", path.display());
        pasted += witnesses.len();
    }
    assert!(pasted >= 40, "only {pasted} witnesses");
}

/// What the test runner says of the witnesses of some rules, pasted into a test.
fn run_pasted(rules: &str, witnesses: &[String]) -> Vec<String> {
    let mut files = files_with(rules);
    let test = "apiVersion: casebook/v1\nkind: Test\nname: pasted\nrules:\n";
    files.push(("pasted.yaml".to_owned(), format!("{test}{}", witnesses.concat())));
    let mut compiled = compile(&sources(&files), 1);
    if compiled.catalog.is_none() {
        // The small pack's own items are not decided by all rules: labels say what they come to, and a clock when.
        let team = if rules.contains("team:") { ["\n      team: day", ", team: day"] } else { ["", ""] };
        let why = "override: Somebody has said so.\n    labels:";
        for (name, text) in &mut files {
            match name.as_str() {
                "inbox.yaml" => {
                    *text =
                        text.replace("labels: { order", &format!("{why} {{ queue: answer{}, order", team[1])).replace(
                            "labels:\n      order",
                            &format!("{why}\n      queue: answer{}\n      order", team[0]),
                        );
                }
                "task.yaml" => text.push_str("clock: 2026-01-05T09:00:00Z\n"),
                _ => {}
            }
        }
        compiled = compile(&sources(&files), 1);
    }
    let report = compiled.report.render(false);
    let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
    let outcome = testing::run(&catalog.packs()[0], "pasted");
    assert!(outcome.cases.len() >= witnesses.len(), "{witnesses:?}");
    outcome.cases.into_iter().filter(|case| !case.passed).flat_map(|case| case.details).collect()
}

#[test]
fn a_pasted_witness_comes_out_as_the_finding_says() {
    let (mut ran, mut contradictions) = (0, 0);
    for path in cases().into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "case")) {
        let rules = fs::read_to_string(&path).expect("a case");
        let report = prove(&desk_with(&rules)).report;
        let broken = report.errors() > 0;
        // Rules that contradict each other cannot be played; where the first one decides, its answer is as told.
        let first = rules.replacen("hit: unique", "hit: first", 1).replacen("hit: collect", "hit: first", 1);
        let first = if first.contains("hit: first") { first } else { format!("hit: first\n{first}") };
        let found = report.diagnostics.into_iter().filter(|one| one.code.text() == "CB603" || !broken);
        let (overlaps, others): (Vec<_>, Vec<_>) =
            found.filter_map(|one| Some((one.code.text() == "CB603", one.witness?))).partition(|(overlap, _)| *overlap);
        let [overlaps, others] = [overlaps, others].map(|all| all.into_iter().map(|(_, one)| one).collect::<Vec<_>>());
        for (rules, witnesses, count) in [(&rules, others, &mut ran), (&first, overlaps, &mut contradictions)]
            .into_iter()
            .filter(|(_, all, _)| !all.is_empty())
        {
            let failed = run_pasted(rules, &witnesses);
            assert!(failed.is_empty(), "{}: {failed:?}\n{}", path.display(), witnesses.concat());
            *count += witnesses.len();
        }
    }
    assert!(ran >= 40 && contradictions >= 14, "only {ran} and {contradictions} witnesses");
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
    assert!(clean.proof.unknown.is_empty(), "{:?}", clean.proof.unknown);
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
    root.get("decision")?.as_mapping()?.iter().find_map(|(name, decision)| {
        let values = decision.get("values")?.as_sequence()?;
        let values: Vec<String> = values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        (values.len() > 1).then(|| Some((field.clone(), name.as_str()?.to_owned(), values)))?
    })
}
