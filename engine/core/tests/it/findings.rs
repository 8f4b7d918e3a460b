//! `rules/*.case`: the rules of the small pack replaced, and the whole of what is found about them.
//!
//! `UPDATE_EXPECT=1 cargo test -p casebook-core` writes the expectations anew; read what changed.

use std::{env, fs, path::PathBuf};

use casebook_core::{
    check::{compile, prove},
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
    let rules: Vec<String> = (0..201)
        .map(|at| format!("  - {{ id: R-{at}, when: {{ amount: {at} }}, then: {{ queue: answer }} }}\n"))
        .collect();
    let set = desk_with(&format!("rules:\n{}default: {{ queue: close }}\n", rules.concat()));
    assert_eq!(compile(&set, 1).proof.questions, 0);
    assert!(prove(&set).proof.questions > 200);
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
