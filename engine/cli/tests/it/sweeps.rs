//! Values of a rubric that vary, tried on recorded episodes.

use std::fs;

use crate::{
    records::played,
    shell::{PACK, casebook, code, finds, json, root, stderr, stdout, succeeds},
};

const SWEEP: [&str; 4] = ["sweep", "pack/rubric.yaml", "--records", "store"];

#[test]
fn settings_are_tried_as_if_they_were_written() {
    let folder = played();
    let varied = ["--vary", "score.correctness.weight=0.35,0.55", "--vary", "score.gate.above=0,0.2,0.9"];
    let order = ["--order", "oracle>oracle_minus_one>random", "--format", "json"];
    let report = json(&casebook(folder.path(), &[&SWEEP[..], &varied, &order].concat()));
    let settings = report["settings"].as_array().expect("a list");
    assert_eq!(settings.len(), 6);
    assert_eq!(report["varied"][0]["written"], 0.55);
    // As it is written: the fourth.
    assert_eq!(settings[3]["means"], report["as_written"]["means"]);
    assert!(settings[3]["misses"].as_array().is_some_and(Vec::is_empty), "{}", settings[3]);
    let regraded = |rubric: &str| {
        fs::write(folder.path().join("pack/rubric.yaml"), rubric).expect("written");
        json(&casebook(folder.path(), &["regrade", "store", "--against", "pack", "--format", "json"]))
    };
    let written = fs::read_to_string(root().join(PACK).join("rubric.yaml")).expect("a text");
    // The other weights share what is left of 1, as they did before.
    let weights =
        [("0.55", 0.35), ("0.25", 0.65 * 0.25 / 0.45), ("0.15", 0.65 * 0.15 / 0.45), ("0.05", 0.65 * 0.05 / 0.45)];
    let changed = weights
        .iter()
        .fold(written.clone(), |text, (from, to)| text.replace(&format!("weight: {from}"), &format!("weight: {to}")));
    let report = regraded(&changed.replace("above: 0\n", "above: 0.2\n"));
    let ranks = report["environments"][0]["ranks"]["policies"].as_array().expect("a list");
    for (one, rank) in settings[1]["means"].as_array().expect("a list").iter().zip(ranks) {
        assert_eq!(one[0], rank[0]);
        let (one, rank) = (one[1].as_f64().expect("a mean"), rank[2].as_f64().expect("a mean"));
        assert!((one - rank).abs() < 1e-4, "{one} {rank}");
    }
    fs::write(folder.path().join("pack/rubric.yaml"), written).expect("written");
}

#[test]
fn a_table_a_plot_and_exit_codes_say_what_fits() {
    let folder = played();
    let varied = ["--vary", "score.correctness.weight=0.3..1.1/0.4", "--no-probes", "--plot", "sweep.svg"];
    let told = succeeds(folder.path(), &[&SWEEP[..], &varied, &["--order", "oracle>random"]].concat());
    assert!(told.starts_with("24 episodes\nscore.correctness.weight"), "{told}");
    assert!(told.contains("not tried: the weights add up to 1.1"), "{told}");
    assert!(told.contains("\n2 of 3 settings fit\nthe widest margin, "), "{told}");
    assert!(told.ends_with("wrote `sweep.svg`\n"), "{told}");
    let plot = fs::read_to_string(folder.path().join("sweep.svg")).expect("a plot");
    assert!(plot.contains(">score.correctness.weight (as written: 0.55)<") && plot.matches("<polyline").count() == 3);
    // What the other files of a pack are called does not matter.
    fs::rename(folder.path().join("pack/environment.yaml"), folder.path().join("pack/pack.yaml")).expect("renamed");
    let wrong = finds(folder.path(), &[&SWEEP[..], &varied[..3], &["--order", "random>oracle"]].concat());
    assert!(wrong.contains("misses order") && wrong.contains("\n0 of 3 settings fit\n"), "{wrong}");
    // Rounded to whole numbers, both policies get full marks, and a trainer would learn nothing.
    let round = ["--vary", "round=0,2", "--policy", "oracle", "--policy", "oracle_minus_one", "--format", "json"];
    let report = json(&casebook(folder.path(), &[&SWEEP[..], &round].concat()));
    assert_eq!(report["settings"][0]["misses"], serde_json::json!(["gradient"]), "{report}");
    assert_eq!((&report["settings"][0]["gradient"], &report["fitting"]), (&0.0.into(), &1.into()), "{report}");
}

#[test]
fn what_changes_nothing_and_lines_that_cannot_be_read_are_findings() {
    let folder = played();
    // No step of email-ops earns more than 1.
    let output = casebook(folder.path(), &[&SWEEP[..], &["--vary", "reward.clip.1=1,2", "--no-probes"]].concat());
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert!(stderr(&output).contains("`reward.clip.1` changes neither a score nor a reward"), "{}", stderr(&output));
    // A component of the rewards changes those alone, which are shown then.
    let path = "reward.decision_quality.correct";
    let told = casebook(folder.path(), &[&SWEEP[..], &["--vary", &format!("{path}=0.1,0.6"), "--no-probes"]].concat());
    assert!(stdout(&told).contains("oracle rewards"), "{} {}", stdout(&told), stderr(&told));
    let lines = folder.path().join("lines.jsonl");
    let exported = casebook(folder.path(), &["records", "export", "store", "--to", "jsonl", "--out", "lines.jsonl"]);
    assert_eq!(code(&exported), 0);
    let text = fs::read_to_string(&lines).expect("lines");
    fs::write(&lines, format!("{text}garbage\n")).expect("written");
    let varied = ["--vary", "score.correctness.weight=0.35,0.55", "--no-probes"];
    let output =
        casebook(folder.path(), &[&["sweep", "pack/rubric.yaml", "--records", "lines.jsonl"][..], &varied].concat());
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("lines.jsonl:25: not a recording"), "{}", stderr(&output));
}

#[test]
fn what_cannot_vary_is_refused_with_a_hint() {
    let folder = played();
    let refused = |more: &[&str]| {
        let output = casebook(folder.path(), &[&SWEEP[..], more].concat());
        (code(&output), stderr(&output))
    };
    let (exit, told) = refused(&["--vary", "score.corectness.weight=0.1,0.2", "--vary", "reward.mode=sum,3"]);
    assert_eq!(exit, 2, "{told}");
    assert!(told.contains("no `corectness`; did you mean `correctness`?"), "{told}");
    assert!(told.contains("`reward.mode` is \"sum\"; 3 is of another kind"), "{told}");
    let (exit, told) = refused(&["--vary", "score.correctness.weight=0.1,0.2", "--order", "oracle>randon"]);
    assert!(exit == 1 && told.contains("of the policy `randon`; did you mean `random`?"), "{told}");
    let (exit, told) = refused(&["--vary", "score.correctness.weight=0.1", "--task", "nothing"]);
    assert!(exit == 1 && told.contains("no episode of `store` has the task `nothing`"), "{told}");
    let output = casebook(folder.path(), &["sweep", "none.yaml", "--records", "store", "--vary", "a=1"]);
    assert!(code(&output) == 1 && stderr(&output).contains("there is no file `none.yaml`"), "{}", stderr(&output));
    let output = casebook(folder.path(), &["sweep", "pack/rules.yaml", "--records", "store", "--vary", "a=1"]);
    assert!(stderr(&output).contains("holds no documents with `kind: Rubric`"), "{}", stderr(&output));
}
