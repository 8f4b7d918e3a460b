//! The commands of those who own rules: what a change means, what candidates do, why an item is decided, what was decided.

use std::{fs, process::Command};

use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, json, root, stderr, stdout};

/// A folder with the pack twice, as `old` and as `new` with one text of its rules replaced.
fn twice(from: &str, to: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    for name in ["old", "new"] {
        copy(&root().join(PACK), &folder.path().join(name));
    }
    edit(&folder.path().join("new/rules.yaml"), from, to);
    folder
}

/// A change that moves one topic from one rule to another.
fn moved() -> TempDir {
    let folder = twice("when: { topic: [account, access, billing] }", "when: { topic: [account, access] }");
    edit(&folder.path().join("new/rules.yaml"), "when: { topic: payment }", "when: { topic: [payment, billing] }");
    folder
}

#[test]
fn a_refactoring_that_agents_read_alike_changes_nothing() {
    let folder =
        twice("when: { topic: [legal, compliance] }", "when: { all: [{ topic: { in: [legal, compliance] } }] }");
    let alike = twice("when: { topic: [legal, compliance] }", "when: { topic: { in: [legal, compliance] } }");
    let output = casebook(alike.path(), &["rules", "diff", "old", "new"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("nothing changes that an agent or a score can notice"), "{}", stdout(&output));
    // The policy text is another one, which an agent may follow otherwise, although every decision is the same.
    let output = casebook(folder.path(), &["rules", "diff", "old", "new"]);
    assert_eq!(code(&output), 1, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("moves no item (proved); the policy text changes"), "{}", stdout(&output));
}

#[test]
fn items_whose_rank_changes_are_told() {
    let folder = TempDir::new().expect("a folder");
    for name in ["old", "new"] {
        copy(&root().join("docs/cookbook/order-by"), &folder.path().join(name));
    }
    edit(&folder.path().join("new/pack.yaml"), "order_by: [-fault, due]", "order_by: [fault, due]");
    let output = casebook(folder.path(), &["rules", "diff", "old", "new"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("4 compared, 2 changes"), "{text}");
    assert!(text.contains("repairs-shop/b-2: turn 1 by order -> 4 by order"), "{text}");
}

#[test]
fn a_change_is_told_by_kind_item_and_recorded_score() {
    let folder = moved();
    let run = casebook(folder.path(), &["run", "old", "--record", "before.jsonl"]);
    assert_eq!(code(&run), 0, "{}", stderr(&run));
    let output =
        casebook(folder.path(), &["rules", "diff", "old", "new", "--records", "before.jsonl", "--format", "json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let told = json(&output);
    assert_eq!(told["changed"], true);
    let pack = &told["packs"][0];
    let change = &pack["rules"][0]["edits"][0]["changes"][0];
    assert_eq!((&change["old"]["by"][0], &change["new"]["by"][0]), (&"R-SUPPORT".into(), &"R-MONEY".into()));
    assert_eq!(change["complete"], true);
    assert!(change["witnesses"].as_array().is_some_and(|all| !all.is_empty() && all.len() <= 3), "{change}");
    assert!(change["witnesses"][0]["case"].as_str().is_some_and(|case| case.contains("by: R-MONEY")), "{change}");
    let items = pack["items"]["changes"].as_array().expect("items");
    assert!(!items.is_empty() && items.iter().all(|item| item["new"] == "escalate"), "{items:?}");
    let records = pack["records"].as_array().expect("records");
    assert_eq!(records.len(), 6);
    assert!(records.iter().any(|record| record["new"].as_f64() < record["old"].as_f64()), "{records:?}");

    let human = stdout(&casebook(folder.path(), &["rules", "diff", "old", "new", "--records", "before.jsonl"]));
    for words in [
        "moves items from action respond to action escalate",
        "where the rule decides and topic is billing",
        "items of the inboxes:",
        "score otherwise",
    ] {
        assert!(human.contains(words), "{words}: {human}");
    }
    let markdown = stdout(&casebook(folder.path(), &["rules", "diff", "old", "new", "--format", "markdown"]));
    assert!(markdown.starts_with("## Rules") && markdown.contains("| change | items |"), "{markdown}");
    let zero = casebook(folder.path(), &["rules", "diff", "old", "new", "--exit-zero"]);
    assert_eq!(code(&zero), 0);
}

#[test]
fn a_sign_off_lets_just_its_change_pass() {
    let folder = moved();
    let gate = ["rules", "diff", "old", "new", "--signed", "sign-off.json"];
    assert_eq!(code(&casebook(folder.path(), &gate)), 3, "there is none yet");
    let signing =
        ["rules", "diff", "old", "new", "--sign-off", "sign-off.json", "--by", "Rosa", "--reason", "as agreed"];
    assert_eq!(code(&casebook(folder.path(), &signing)), 0);
    let passed = casebook(folder.path(), &gate);
    assert_eq!(code(&passed), 0, "{}", stderr(&passed));
    assert!(stdout(&passed).contains("signed off by Rosa: as agreed"));
    edit(&folder.path().join("sign-off.json"), "Rosa", "Someone");
    let forged = casebook(folder.path(), &gate);
    assert_eq!(code(&forged), 1);
    assert!(stderr(&forged).contains("was changed after it was written"), "{}", stderr(&forged));
    edit(&folder.path().join("sign-off.json"), "Someone", "Rosa");
    edit(&folder.path().join("new/rules.yaml"), "topic: security", "topic: [security, product]");
    let later = casebook(folder.path(), &gate);
    assert_eq!(code(&later), 1);
    assert!(stderr(&later).contains("another new version of `email-ops`"), "{}", stderr(&later));
    let half = casebook(folder.path(), &["rules", "diff", "old", "new", "--sign-off", "x.json"]);
    assert_eq!(code(&half), 2, "a sign-off needs a name and a reason");
}

#[test]
fn a_file_of_rules_stands_in_for_those_of_a_pack() {
    let folder = moved();
    fs::create_dir(folder.path().join("drafts")).expect("a folder");
    fs::copy(folder.path().join("new/rules.yaml"), folder.path().join("drafts/rules.yaml")).expect("copied");
    let lost = casebook(folder.path(), &["rules", "diff", "old", "drafts/rules.yaml"]);
    assert_eq!(code(&lost), 2);
    assert!(stderr(&lost).contains("name the pack of its rules with `--pack`"), "{}", stderr(&lost));
    let args = ["rules", "diff", "old", "drafts/rules.yaml", "--pack", "old", "--format", "json"];
    let told = json(&casebook(folder.path(), &args));
    assert_eq!(told["packs"][0]["rules"][0]["edits"][0]["changes"][0]["new"]["by"][0], "R-MONEY");
    let same = casebook(folder.path(), &["rules", "diff", "new", "drafts/rules.yaml", "--pack", "new"]);
    assert_eq!(code(&same), 0, "{}{}", stdout(&same), stderr(&same));
}

#[test]
fn versions_may_be_revisions_of_git() {
    let folder = moved();
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).current_dir(folder.path()).output().expect("git runs");
        assert!(output.status.success(), "{}", stderr(&output));
    };
    fs::rename(folder.path().join("new"), folder.path().join("later")).expect("moved");
    fs::rename(folder.path().join("old"), folder.path().join("pack")).expect("moved");
    git(&["init", "--quiet"]);
    git(&["add", "pack"]);
    git(&["-c", "user.name=Rosa", "-c", "user.email=rosa@rules.example", "commit", "--quiet", "-m", "first"]);
    copy(&folder.path().join("later"), &folder.path().join("pack"));
    let output = casebook(folder.path(), &["rules", "diff", "HEAD:pack", "pack", "--format", "json"]);
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    assert_eq!(json(&output)["packs"][0]["rules"][0]["standing"], "changed");
    let same = casebook(folder.path(), &["rules", "diff", "HEAD:pack", "HEAD:pack"]);
    assert_eq!(code(&same), 0, "{}{}", stdout(&same), stderr(&same));
    // A path starts at the root of the repository, or with `./` and `../` at this folder, as git reads it; the folder
    // need not be in the revision.
    fs::create_dir(folder.path().join("notes")).expect("a folder");
    for (here, side) in [
        ("pack", "HEAD:pack"),
        ("pack", "HEAD:pack/"),
        ("pack", "HEAD:"),
        ("pack", "HEAD:."),
        ("pack", "HEAD:./"),
        ("pack", "HEAD:.."),
        ("pack", "HEAD:./rules.yaml/.."),
        ("notes", "HEAD:pack"),
        ("notes", "HEAD:../pack"),
    ] {
        let output = casebook(&folder.path().join(here), &["rules", "diff", side, "HEAD:pack"]);
        assert_eq!(code(&output), 0, "{here}, {side}: {}{}", stdout(&output), stderr(&output));
    }
    for (here, side, words) in [
        ("pack", "HEAD:rules.yaml", "write `HEAD:./rules.yaml` for the one in this folder"),
        ("pack", "HEAD:../../pack", "`HEAD` has no pack at `../../pack`"),
        ("pack", "HEAD:/", "`HEAD` has no pack at `/`"),
    ] {
        let output = casebook(&folder.path().join(here), &["rules", "diff", side, "HEAD:pack"]);
        assert_eq!(code(&output), 2, "{here}, {side}: {}", stdout(&output));
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    for (side, words) in [
        ("NOPE:pack", "git knows no revision `NOPE`"),
        ("HEAD:nope", "`HEAD` has no pack at `nope`"),
        ("nope", "there is no `nope`"),
    ] {
        let output = casebook(folder.path(), &["rules", "diff", side, "pack"]);
        assert_eq!(code(&output), 2);
        assert!(stderr(&output).contains(words), "{}", stderr(&output));
    }
    let status =
        Command::new("git").args(["status", "--porcelain"]).current_dir(folder.path()).output().expect("git runs");
    assert!(!stdout(&status).contains("D  "), "the repository's own index is left as it is: {}", stdout(&status));
}

#[test]
fn a_candidate_is_tried_on_inboxes_files_and_records() {
    let folder = moved();
    fs::write(
        folder.path().join("march.csv"),
        "id,subject,body,sender,priority,topic\n\
         a,Invoice,Please explain,ana@home.example,low,billing\n\
         b,Password,Locked out,bo@home.example,low,account\n\
         c,Strange,row,cy@home.example,low,nonsense\n\
         d,Short,row\n",
    )
    .expect("written");
    fs::write(
        folder.path().join("april.jsonl"),
        "{\"topic\":\"billing\"}\n\
         {\"subject\":\"Bill\",\"colour\":\"red\"}\nnot json\n\n",
    )
    .expect("written");
    assert_eq!(code(&casebook(folder.path(), &["run", "old", "--record", "before.jsonl"])), 0);
    let args =
        ["rules", "trial", "new/rules.yaml", "old", "--items", "march.csv", "april.jsonl", "--records", "before.jsonl"];
    let output = casebook(folder.path(), &args);
    let (out, err) = (stdout(&output), stderr(&output));
    assert_eq!(code(&output), 1, "rows that cannot be read are told: {out}{err}");
    for words in [
        "march.csv:4: `topic` cannot be `nonsense`",
        "march.csv:5: the row has 3 cells",
        "april.jsonl:2: items have no field `colour`",
        "april.jsonl:2: `topic` is missing, and rules read it",
        "april.jsonl:3: not JSON",
    ] {
        assert!(err.contains(words), "{words}: {err}");
    }
    assert!(!err.contains("`sender` is missing"), "no rule reads it: {err}");
    assert!(out.contains("4 rows could not be read"), "{out}");
    assert!(out.contains("action respond by R-SUPPORT -> action escalate by R-MONEY"), "{out}");
    let told = json(&casebook(folder.path(), &[&args[..], &["--format", "json"]].concat()));
    assert_eq!((&told["file_items"], &told["lost_rows"]), (&3.into(), &4.into()));
    let items = told["trials"][0]["items"].as_array().expect("items");
    let changed: Vec<&str> = items
        .iter()
        .filter(|item| item["item"].as_str().is_some_and(|name| name.contains("csv") || name.contains("jsonl")))
        .filter(|item| item["changes"].as_array().is_some_and(|changes| !changes.is_empty()))
        .filter_map(|item| item["item"].as_str())
        .collect();
    assert_eq!(changed, ["a (march.csv:2)", "april.jsonl:1"]);
    assert!(told["records"].as_array().is_some_and(|records| records.len() == 6), "{}", told["records"]);
    let markdown =
        stdout(&casebook(folder.path(), &["rules", "trial", "new/rules.yaml", "old", "--format", "markdown"]));
    assert!(markdown.contains("| decided by | now | candidate |"), "{markdown}");
    let stranger = folder.path().join("stranger.yaml");
    fs::copy(folder.path().join("new/rules.yaml"), &stranger).expect("copied");
    edit(&stranger, "name: routing", "name: routin");
    let output = casebook(folder.path(), &["rules", "trial", "stranger.yaml", "old"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("did you mean `routing`?"), "{}", stderr(&output));
}

#[test]
fn a_trial_of_nothing_or_of_one_item_twice_does_not_pass() {
    let folder = moved();
    let head = "id,subject,body,sender,priority,topic\n";
    let row = |id: &str| format!("{id},Invoice,Why,ana@home.example,low,billing\n");
    fs::write(folder.path().join("empty.jsonl"), "\n").expect("written");
    fs::write(folder.path().join("empty.csv"), head).expect("written");
    fs::write(folder.path().join("head.csv"), "id,subject,subject\na,b,c\n").expect("written");
    fs::write(folder.path().join("twice.csv"), format!("{head}{}{}", row("a"), row("a"))).expect("written");
    fs::write(folder.path().join("once.csv"), format!("{head}{}{}", row("a"), row("b"))).expect("written");
    let trial =
        |flag: &str, file: &str| casebook(folder.path(), &["rules", "trial", "new/rules.yaml", "old", flag, file]);
    assert_eq!(code(&trial("--items", "once.csv")), 0);
    for (flag, file, expected) in [
        ("--items", "empty.jsonl", "empty.jsonl:1: there is no item in this file"),
        ("--items", "empty.csv", "empty.csv:1: there is no item in this file"),
        ("--items", "head.csv", "head.csv:1: the column `subject` appears twice, as column 2 and 3"),
        ("--items", "twice.csv", "twice.csv:3: the id `a` appears twice, first in line 2"),
        ("--records", "empty.jsonl", "empty.jsonl:1: there is no recorded episode in this file"),
    ] {
        let output = trial(flag, file);
        assert_eq!(code(&output), 1, "{file}: {}", stderr(&output));
        assert!(stderr(&output).contains(expected), "{file}: {}", stderr(&output));
    }
}

#[test]
fn an_item_is_explained_rule_by_rule() {
    let output =
        casebook(&root(), &["explain-item", PACK, "--item", "m-3320", "--decided", "{\"action\":\"archive\"}"]);
    let told = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    for words in [
        "by the rule R-MONEY (scenarios/email-ops/rules.yaml:11)",
        "decided `archive`: wrong",
        "R-MONEY decides",
        "yes topic is payment",
        "do not match: R-LEGAL",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains('\u{1b}'), "colours are for terminals");
    let output = casebook(&root(), &["explain-item", PACK, "--given", "{\"topic\":\"product\"}", "--format", "json"]);
    let told = json(&output);
    assert_eq!(told["decisions"][0]["source"], serde_json::json!({ "kind": "default", "rules": "routing" }));
    let wrong = casebook(&root(), &["explain-item", PACK, "--given", "{\"topc\":\"product\",\"priority\":3}"]);
    assert_eq!(code(&wrong), 2);
    assert!(stderr(&wrong).contains("did you mean `topic`?") && stderr(&wrong).contains("`priority` cannot be `3`"));
    let unknown = casebook(&root(), &["explain-item", PACK, "--item", "m-332"]);
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("there is no item `m-332`"), "{}", stderr(&unknown));
}

#[test]
fn a_trail_is_written_by_runs_and_verified_with_file_and_line() {
    let folder = TempDir::new().expect("a folder");
    let pack = root().join(PACK);
    let pack = pack.to_str().expect("UTF-8");
    let run = ["run", pack, "--audit", "audit.jsonl", "--audit-max-bytes", "9000"];
    assert_eq!(code(&casebook(folder.path(), &run)), 0);
    assert_eq!(code(&casebook(folder.path(), &run)), 0);
    let whole = casebook(folder.path(), &["trail", "verify", "audit.jsonl", "--format", "json"]);
    assert_eq!(code(&whole), 0, "{}", stdout(&whole));
    let told = json(&whole);
    assert!(told["files"].as_array().is_some_and(|files| files.len() > 2), "{told}");
    let head = told["head"]["hash"].as_str().expect("a hash").to_owned();

    let anchored = casebook(folder.path(), &["trail", "verify", "audit.jsonl", "--head", &head]);
    assert!(stdout(&anchored).contains("with 0 entries behind it"), "{}", stdout(&anchored));
    let aside = folder.path().join("audit.jsonl.000002");
    let text = fs::read_to_string(&aside).expect("a text");
    fs::write(&aside, text.replacen("\"right\":true", "\"right\":null", 1)).expect("written");
    let changed = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&changed), 1);
    assert!(stdout(&changed).contains("audit.jsonl.000002:1: entry"), "{}", stdout(&changed));
    fs::write(&aside, &text).expect("written");

    // What a chain alone cannot show: its end, cut off at a line.
    let last = folder.path().join("audit.jsonl");
    let text = fs::read_to_string(&last).expect("a text");
    let cut = text.trim_end().rfind('\n').map_or(0, |at| at + 1);
    fs::write(&last, &text[..cut]).expect("written");
    let sealed = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&sealed), 1);
    assert!(stdout(&sealed).contains("its end was cut off"), "{}", stdout(&sealed));
    fs::remove_file(folder.path().join("audit.jsonl.head")).expect("removed");
    let blind = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&blind), 0);
    assert!(stderr(&blind).contains("cannot show that its end was cut off"), "{}", stderr(&blind));
    let anchored = casebook(folder.path(), &["trail", "verify", "audit.jsonl", "--head", &head]);
    assert_eq!(code(&anchored), 1, "{}", stdout(&anchored));

    // Older files that are gone leave a gap, unless the end of what was archived is known.
    let first = folder.path().join("audit.jsonl.000001");
    let archived = fs::read_to_string(&first).expect("a text");
    fs::remove_file(first).expect("removed");
    let gap = casebook(folder.path(), &["trail", "verify", "audit.jsonl"]);
    assert_eq!(code(&gap), 1);
    assert!(stdout(&gap).contains("are missing before this line"), "{}", stdout(&gap));
    let end = archived.lines().last().and_then(casebook_trail::read_seal).expect("a seal").hash;
    let known = casebook(folder.path(), &["trail", "verify", "audit.jsonl", "--after", &end]);
    assert_eq!(code(&known), 0, "{}", stdout(&known));
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_whose_trail_cannot_be_written_fails() {
    let output = casebook(&root(), &["run", PACK, "--task", "email-triage-easy", "--audit", "/dev/full"]);
    assert_eq!(code(&output), 3);
    assert!(stderr(&output).contains("entries of the audit trail are lost"), "{}", stderr(&output));
}

#[test]
fn rules_on_trial_are_counted_in_runs() {
    let output = casebook(&root(), &["run", "docs/cookbook/trial"]);
    let told = "on trial: `R-CAPS` of posts/board matched 1 of the decided items and would change 1";
    assert!(stdout(&output).contains(told), "{}", stdout(&output));
    let json = json(&casebook(&root(), &["run", "docs/cookbook/trial", "--format", "json"]));
    assert_eq!(json["trials"][0]["id"], "R-CAPS");
}
