//! What authors run: `new`, `check --fix`, `test`, `fmt`, `docs`, `table`, `explain`.

use std::{fs, process::Command};

use tempfile::TempDir;

use crate::shell::{self, casebook, code, finds, root, stderr, stdout, succeeds};

/// A folder with a new pack `desk` in it.
pub(crate) fn new_pack() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    succeeds(folder.path(), &["new", "desk"]);
    folder
}

/// Replaces a text of a file of the new pack.
pub(crate) fn edit(folder: &TempDir, file: &str, from: &str, to: &str) {
    shell::edit(&folder.path().join("scenarios/desk").join(file), from, to);
}

/// A new pack in a folder of another name.
pub(crate) fn pack_in(folder: &TempDir, path: &str) {
    shell::copy(&folder.path().join("scenarios/desk"), &folder.path().join(path));
}

#[test]
fn every_template_passes_everything_at_once() {
    for template in ["single", "batch", "tools", "actions"] {
        let folder = TempDir::new().expect("a folder");
        let said = succeeds(folder.path(), &["new", "night-desk", "--template", template]);
        assert!(said.contains("next: casebook check scenarios/night-desk"), "{said}");
        assert!(said.contains("wrote schemas/*.schema.json"), "{said}");
        let again = succeeds(folder.path(), &["new", "day-desk", "--template", template]);
        assert!(!again.contains("schema"), "the schemas are there: {again}");
        fs::remove_dir_all(folder.path().join("scenarios/day-desk")).expect("removed");
        succeeds(folder.path(), &["check", "--strict"]);
        succeeds(folder.path(), &["test"]);
        succeeds(folder.path(), &["fmt", "--check"]);
        succeeds(folder.path(), &["schema", "--check"]);
        let pack = folder.path().join("scenarios/night-desk");
        for entry in fs::read_dir(&pack).expect("the pack") {
            let path = entry.expect("an entry").path();
            let text = fs::read_to_string(&path).expect("a text");
            if let Some(schema) =
                text.lines().next().and_then(|line| line.strip_prefix("# yaml-language-server: $schema="))
            {
                assert!(pack.join(schema).is_file(), "{} names {schema}", path.display());
            } else {
                assert!(path.ends_with("README.md"), "{} has no modeline", path.display());
            }
        }
    }
}

#[test]
fn new_writes_over_nothing_and_takes_no_odd_name() {
    let folder = new_pack();
    assert!(finds(folder.path(), &["new", "desk"]).contains("exists already"));
    let output = casebook(folder.path(), &["new", "My Desk"]);
    assert_eq!((code(&output), stderr(&output).contains("cannot be a name")), (2, true));
}

#[test]
fn fix_mends_what_a_machine_may_and_keeps_comments() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "    because: A stolen account", "    becuase: A stolen account # why");
    edit(&folder, "rules.yaml", "then: { queue: refund }", "then: { queue: 'refnud' }");
    edit(&folder, "rubric.yaml", "grader: completion", "grader: compeltion");
    edit(&folder, "task.yaml", "title: Monday morning", "title: 12");
    edit(&folder, "rules.yaml", "    then: { queue: security }", "\t\tthen: { queue: security }");
    let said = finds(folder.path(), &["check"]);
    assert!(said.contains("`casebook check --fix` fixes"), "{said}");
    let said = succeeds(folder.path(), &["check", "--fix"]);
    assert!(said.contains("fixed 5 findings"), "{said}");
    let text = fs::read_to_string(folder.path().join("scenarios/desk/rules.yaml")).expect("the rules");
    assert!(text.contains("because: A stolen account # why") || text.contains("because: A stolen account"), "{text}");
    assert!(text.contains("queue: 'refund'"), "the quotes stay: {text}");
    succeeds(folder.path(), &["test"]);
}

#[test]
fn strict_makes_warnings_fail() {
    let folder = new_pack();
    fs::copy(folder.path().join("scenarios/desk/inbox.yaml"), folder.path().join("scenarios/desk/other.yaml"))
        .expect("copied");
    edit(&folder, "other.yaml", "name: monday", "name: tuesday");
    assert!(succeeds(folder.path(), &["check"]).contains("0 errors, 1 warning"));
    finds(folder.path(), &["check", "--strict"]);
}

#[test]
fn a_score_that_misses_its_bounds_names_graders_and_items() {
    let folder = new_pack();
    fs::write(
        folder.path().join("scenarios/desk/more.yaml"),
        "apiVersion: casebook/v1\nkind: Test\nname: more\nprobes:\n  always(refund): { gte: 0.9 }\n  oracle: { lte: 0.5 }\n\
         episodes:\n  - name: idle\n    task: desk-monday\n    policy: nothing\n    expect: { score: 1 }\n",
    )
    .expect("written");
    let said = finds(folder.path(), &["test"]);
    for part in [
        "desk-monday: 0.3333, should be at least 0.9\n         the grader `right_queue` gives 0.3333: `t-103` 0.0000, `t-101` 0.0000\n",
        "desk-monday: 1.0000, should be at most 0.5\n         the grader `right_queue` gives 1.0000: `t-102` 1.0000, `t-103` 1.0000, `t-101` 1.0000\n",
        "the score is 0, should be 1\n       the grader `right_queue` gives 0.0000: `t-102` 0.0000, `t-103` 0.0000, `t-101` 0.0000\n",
        "the grader `everything_done` gives 0.0000\n",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_decision_without_a_right_value_is_explained() {
    let folder = new_pack();
    let explain = ["explain-item", "--decided", r#"{"reply":"Yes"}"#, "--item"];
    let said = succeeds(folder.path(), &[&explain[..], &["t-102"]].concat());
    let nothing = "reply: no right value, no rule decides it and the item has no label for it\n  decided `Yes`: nothing to compare it with";
    assert!(said.contains(nothing), "{said}");
    let said = succeeds(folder.path(), &[&explain[..], &["t-101"]].concat());
    assert!(said.contains("reply: no single right value, by the item's label"), "{said}");
    assert!(said.contains("decided `Yes`: not compared with one value; graders score it by the label"), "{said}");
}

#[test]
fn an_item_that_a_seed_does_not_draw_is_told_from_one_that_does_not_exist() {
    let explain = ["explain-item", "docs/cookbook/repeated-complaints", "--task", "complaints-some", "--item"];
    let missing = (1..=8).map(|at| format!("m-{at}")).find_map(|id| {
        let output = casebook(&root(), &[&explain[..], &[&id, "--seed", "1"]].concat());
        (code(&output) == 2).then(|| stderr(&output))
    });
    let missing = missing.expect("it draws 4 of 8");
    assert!(missing.starts_with("error: the task `complaints-some` does not draw `m-"), "{missing}");
    let told = missing.split_once(" with the seed 1, but `m-").is_some_and(|(_, told)| told.contains("; `--seed "));
    assert!(told && missing.ends_with("` draws it\n"), "{missing}");
}

#[test]
fn an_item_that_is_given_needs_the_clock_that_its_rules_read() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "    severity: critical", "    severity: critical\n    from: 2026-01-01");
    edit(&folder, "task.yaml", "inbox: monday", "inbox: monday\nclock: 2026-02-01T00:00:00Z");
    fs::remove_file(folder.path().join("scenarios/desk/test.yaml")).expect("its cases have no clock");
    let given = r#"{"subject":"Hi","body":"x","sender":"ines@customer.example","plan":"free"}"#;
    let output = casebook(folder.path(), &["explain-item", "--given", given]);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    let expected = "the rule `R-SECURITY` reads the clock; give the moment with `--clock`";
    assert!(stderr(&output).contains(expected), "{}", stderr(&output));
}

#[test]
fn a_failing_case_tells_what_matched_and_why() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "amount: { gt: 0 }", "amount: { gt: 100 }");
    let said = finds(folder.path(), &["test"]);
    for part in [
        "FAIL rule routing: a refund for a paying customer (scenarios/desk/test.yaml:",
        "queue should be `refund`, but the default decides `answer`",
        "`R-MONEY` does not match",
        "yes plan is paid",
        "no  amount is more than 100 (it is 48)",
        "missing: `R-MONEY` of `routing` never decided",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
}

#[test]
fn a_pack_without_tests_and_a_filter_that_finds_nothing_fail() {
    let folder = new_pack();
    assert!(finds(folder.path(), &["test", "--filter", "no such case"]).contains("no case matches"));
    assert!(succeeds(folder.path(), &["test", "--filter", "stolen"]).contains("1 passed, 0 failed"));
    fs::remove_file(folder.path().join("scenarios/desk/test.yaml")).expect("removed");
    assert!(finds(folder.path(), &["test"]).contains("the pack `desk` has no test"));
}

#[test]
fn every_command_takes_a_bare_file_name_and_a_path_with_a_colon() {
    let folder = new_pack();
    pack_in(&folder, "a:b");
    for pack in ["scenarios/desk", "a:b"] {
        let pack = folder.path().join(pack);
        for command in [
            &["check"][..],
            &["test"],
            &["fmt", "--check"],
            &["docs"],
            &["table", "export"],
            &["rules", "check"],
            &["run"],
            &["explain-item", "--given", "{}"],
            &["plugin", "list"],
            &["plugin", "lock"],
        ] {
            let with = |file: &str| {
                let output = casebook(&pack, &[command, &[file]].concat());
                (code(&output), stdout(&output), stderr(&output))
            };
            assert_eq!(with("rules.yaml"), with("./rules.yaml"), "{command:?}");
            assert_ne!(with("rules.yaml").0, 3, "{command:?}");
        }
    }
    let said = succeeds(folder.path(), &["check", "a:b"]);
    assert!(said.contains(" in 1 pack"), "{said}");
    succeeds(folder.path(), &["check", &folder.path().join("a:b/rules.yaml").display().to_string()]);
    // A file may lie deeper than its pack's folder, which is where the command runs.
    fs::create_dir(folder.path().join("a:b/more")).expect("a folder");
    fs::rename(folder.path().join("a:b/rules.yaml"), folder.path().join("a:b/more/rules.yaml")).expect("moved");
    succeeds(&folder.path().join("a:b"), &["check", "more/rules.yaml"]);
    // Only the variable is separated.
    let by_variable = |packs: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_casebook"));
        let output = command.arg("check").env("CASEBOOK_PACKS", packs).current_dir(folder.path()).output();
        let output = output.expect("casebook runs");
        (code(&output), stdout(&output) + &stderr(&output))
    };
    pack_in(&folder, "second");
    edit(&folder, "../../second/environment.yaml", "name: desk", "name: second");
    let (ended, said) = by_variable("scenarios/desk:second:");
    assert!(ended == 0 && said.contains("in 2 packs"), "{said}");
    assert_eq!(by_variable("a:b").0, 1);
    let (ended, said) = by_variable("");
    assert!(ended == 0 && said.contains("in 1 pack"), "a variable that is set to nothing: {said}");
    let output = casebook(folder.path(), &["check", ""]);
    assert_eq!((code(&output), stderr(&output).contains("a PACK cannot be an empty text")), (2, true));
    // Where the command runs there may be a pack that only has to be named.
    for inside in ["scenarios", "scenarios/desk"] {
        let said = finds(&folder.path().join(inside), &["check"]);
        assert!(said.contains("this folder, `.`, is one of them"), "{inside}: {said}");
        succeeds(&folder.path().join(inside), &["check", "."]);
    }
    shell::copy(&folder.path().join("second"), &folder.path().join("scenarios/desk/inner"));
    let said = finds(folder.path(), &["check"]);
    assert!(said.contains("move `scenarios/desk/inner` next to it"), "{said}");
}

#[test]
fn commands_that_compile_nothing_say_what_cannot_be_read() {
    let folder = new_pack();
    fs::write(folder.path().join("notes.txt"), "kind: Rules\n").expect("written");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for command in [&["check"][..], &["test"], &["fmt"], &["plugin", "lock"], &["plugin", "list"], &["rules", "check"]]
    {
        for (path, said) in [
            ("nowhere", "there is no file or folder `nowhere`"),
            ("empty", "there is no pack in `empty`"),
            ("notes.txt", "`notes.txt` is not a file that a pack reads"),
        ] {
            let told = finds(folder.path(), &[command, &[path]].concat());
            assert!(told.contains(said) && told.contains("help: "), "{command:?} {path}: {told}");
        }
    }
    for command in [&["table", "export", "nowhere"][..], &["import", "nowhere", "x.csv", "--with", "x"]] {
        let told = finds(folder.path(), command);
        assert!(told.contains("there is no file or folder `nowhere`"), "{command:?}: {told}");
    }
    let told = finds(folder.path(), &["table", "export", "scenarios/desk/README.md"]);
    assert!(told.contains("name a file with `kind: Rules`: `scenarios/desk/rules.yaml`"), "{told}");
    let told = finds(folder.path(), &["check", "empty"]);
    assert!(told.contains("casebook new"), "{told}");
}

#[test]
fn commands_that_a_message_suggests_work_where_they_are_read() {
    let folder = new_pack();
    edit(&folder, "rules.yaml", "then: { queue: refund }", "then: { queue: refnud }");
    pack_in(&folder, "my packs/it's");
    let said = finds(folder.path(), &["check", "my packs/it's"]);
    let line = said.lines().find(|line| line.contains("--fix")).expect("a suggestion");
    let command = line.split('`').nth(1).expect("a command").strip_prefix("casebook ").expect("ours");
    let shell = format!("\"$0\" {command}");
    let mut bash = Command::new("bash");
    let output = bash.args(["-c", &shell, env!("CARGO_BIN_EXE_casebook")]).current_dir(folder.path()).output();
    assert_eq!(code(&output.expect("bash runs")), 0, "{line}");
    assert!(finds(folder.path(), &["check"]).contains("`casebook check --fix` fixes"));
    let said = finds(folder.path(), &["schema", "--check", "--out", "my schemas"]);
    assert!(said.contains("cannot be read; run `casebook schema --out 'my schemas'`"), "{said}");
}

#[test]
fn fmt_annotates_what_it_would_change_and_says_why_it_cannot() {
    let folder = new_pack();
    succeeds(folder.path(), &["fmt", "--check", "--format", "github"]);
    edit(&folder, "rules.yaml", "id: R-MONEY", "id:   R-MONEY");
    let text = fs::read_to_string(folder.path().join("scenarios/desk/rules.yaml")).expect("a text");
    let line = text.lines().position(|line| line.contains("R-MONEY")).expect("a line") + 1;
    let said = finds(folder.path(), &["fmt", "--check", "--format", "github"]);
    let expected = format!(
        "::error file=scenarios/desk/rules.yaml,line={line},endLine={line},title=fmt::not formatted; run `casebook fmt scenarios/desk/rules.yaml`"
    );
    assert_eq!(said.trim_end(), expected);
    fs::write(folder.path().join("scenarios/desk/broken.yaml"), "kind: [\n").expect("written");
    let said = finds(folder.path(), &["fmt", "--check", "--format", "github"]);
    assert!(said.contains("::error file=scenarios/desk/broken.yaml,line=1,"), "{said}");
    let said = finds(folder.path(), &["fmt", "--check"]);
    assert!(said.contains("CB101") && said.contains("broken.yaml:1:7"), "{said}");
}

#[test]
fn fmt_keeps_the_order_that_an_alias_needs() {
    let folder = new_pack();
    let path = folder.path().join("scenarios/desk/rules.yaml");
    let text = fs::read_to_string(&path).expect("a text");
    let rest = text.lines().find(|line| line.starts_with("default:")).expect("a default").to_owned();
    let anchored = rest.replacen("default: ", "default: &rest ", 1);
    let mut moved = text.replace(&format!("{rest}\n"), "").replacen("rules:\n", &format!("{anchored}\nrules:\n"), 1);
    moved.push_str("# the end\n");
    let aliased = moved.replacen("then: { queue: refund }", "then: *rest", 1);
    assert_ne!(moved, aliased);
    fs::write(&path, &aliased).expect("written");
    let said = succeeds(folder.path(), &["fmt"]);
    assert!(!said.contains("cannot"), "{said}");
    let formatted = fs::read_to_string(&path).expect("a text");
    assert!(formatted.find("&rest") < formatted.find("*rest"), "{formatted}");
    succeeds(folder.path(), &["fmt", "--check"]);
}

#[test]
fn fmt_lays_out_and_says_the_same() {
    let folder = new_pack();
    let text = "kind: Policy\n# First.\nname:   first\napiVersion: casebook/v1\ndefault:   {queue: answer,\n  reply: \"Hello\"}   # always\n";
    let path = folder.path().join("scenarios/desk/first.yaml");
    fs::write(&path, text).expect("written");
    let said = finds(folder.path(), &["fmt", "--check"]);
    assert!(said.contains("would format scenarios/desk/first.yaml"), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("a text"), text, "`--check` writes nothing");
    let before = succeeds(folder.path(), &["docs"]);
    succeeds(folder.path(), &["fmt"]);
    let laid_out = fs::read_to_string(&path).expect("a text");
    assert_eq!(
        laid_out,
        "apiVersion: casebook/v1\nkind: Policy\n# First.\nname: first\ndefault: { queue: answer, reply: \"Hello\" } # always\n"
    );
    succeeds(folder.path(), &["fmt", "--check"]);
    assert_eq!(succeeds(folder.path(), &["docs"]), before, "the digest is that of what is said");
    fs::write(&path, "kind: [\n").expect("written");
    assert!(finds(folder.path(), &["fmt"]).contains("cannot be formatted"));
}

#[test]
fn fmt_formats_around_white_space_that_is_part_of_a_value() {
    let folder = new_pack();
    let path = folder.path().join("scenarios/desk/first.yaml");
    let text = |gap: &str, lines: &str| {
        format!("apiVersion: casebook/v1\nkind: Policy\nname:{gap}first\ndefault:\n  queue: answer\n  reply: {lines}")
    };
    let block_scalars = [
        "|\n    one \n    two\n",
        "|\n    one\n      \n    two\n",
        "|-\n    one \u{a0}\n    \u{3000}\n    two\t\n",
        ">\n    one \n      two \n     \n    three\n",
        "|2\n    one \n     \n    two\n",
    ];
    for lines in block_scalars {
        fs::write(&path, text("   ", lines)).expect("written");
        let before = succeeds(folder.path(), &["docs"]);
        assert!(
            finds(folder.path(), &["fmt", "--check"]).contains("would format scenarios/desk/first.yaml"),
            "{lines:?}"
        );
        succeeds(folder.path(), &["fmt"]);
        assert_eq!(fs::read_to_string(&path).expect("a text"), text(" ", lines), "{lines:?}");
        assert_eq!(succeeds(folder.path(), &["docs"]), before, "{lines:?}");
    }
}

#[test]
fn fmt_breaks_long_lists_however_their_entries_are_quoted() {
    let folder = new_pack();
    let path = folder.path().join("scenarios/desk/second.yaml");
    let word = |quote: &str, letter: &str| format!("{quote}{}{quote}", letter.repeat(50));
    for quotes in [["\"", "\""], ["", "\""], ["\"", ""], ["'", "'"], ["", ""]] {
        let list = format!("[{}, {}, c]", word(quotes[0], "a"), word(quotes[1], "b"));
        let text = format!(
            "apiVersion: casebook/v1\nkind: Inbox\nname: second\nitems:\n  - id: s-1\n    fields:\n      one: {list}\n      \
             two: {list}\n      map: {{ a: {list}, b: {list} }}\n"
        );
        fs::write(&path, &text).expect("written");
        succeeds(folder.path(), &["fmt"]);
        let formatted = fs::read_to_string(&path).expect("a text");
        assert!(formatted.lines().all(|line| line.len() <= 120), "{formatted}");
        assert_eq!(formatted.matches(&"a".repeat(50)).count(), 4, "{formatted}");
        succeeds(folder.path(), &["fmt", "--check"]);
    }
}

#[test]
fn a_fix_is_made_in_one_place_or_not_at_all() {
    let folder = TempDir::new().expect("a folder");
    let pack = folder.path().join("pack");
    fs::create_dir(&pack).expect("a folder");
    let maker = |value: &str, text: &str| {
        format!(
            "apiVersion: casebook/v1\nkind: Generator\nname: dogs\nslots:\n  kind: {{ pick: [{value}, small] }}\nphrases:\n  look:\n    \
             - {{ say: A pony, when: {{ kind: large }} }}\n    - {{ say: A horse, when: {{ kind: large }} }}\n    \
             - {{ say: A mouse, when: {{ kind: small }} }}\nfields: {{ about: '{text}', size: {{ slot: kind }} }}\n"
        )
    };
    let rest = "apiVersion: casebook/v1\nkind: Environment\nname: kennel\nversion: 1.0.0\ndescription: Dogs.\nitem:\n  noun: dog\n  \
         fields:\n    about: { type: text }\n    size: { type: enum, values: [small, large], visible: false, read_from: [about] }\n\
         decision: { home: { type: enum, values: [flat, farm], truth: { rules: homes } } }\n\
         action: { properties: { home: { decides: home } } }\nobservation: { dogs: { items: pending } }\n---\n\
         apiVersion: casebook/v1\nkind: Rules\nname: homes\nrules: [{ id: H, when: { size: large }, then: { home: farm } }]\n\
         default: { home: flat }\n---\napiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: { mode: improvement }\n\
         score: { grader: exact, field: home }\n---\napiVersion: casebook/v1\nkind: Task\nname: dogs\ndifficulty: 1\nsplit: train\n\
         max_steps: 5\ninbox: { generate: dogs, items: 4 }\ninstructions: Decide.\n";
    fs::write(pack.join("pack.yaml"), rest).expect("written");
    let write = |text: String| fs::write(pack.join("maker.yaml"), text).expect("written");
    // The value of the slot is wrong, and the texts that ask for the right one stay.
    write(maker("lagre", "{{ phrase.look }}"));
    let said = finds(folder.path(), &["check", "pack"]);
    assert!(said.contains("1 error") && said.contains("`lagre` is not a value of the field `size`"), "{said}");
    let said = succeeds(folder.path(), &["check", "pack", "--fix"]);
    assert!(said.contains("fixed 1 finding"), "{said}");
    assert_eq!(fs::read_to_string(pack.join("maker.yaml")).expect("a text"), maker("large", "{{ phrase.look }}"));
    // Two places ask for a value that a slot is not known to have: which of the three is wrong is not known.
    let size = "size: \"{{ kind | replace('lagre', 'large') }}\"";
    write(maker("lagre", "{{ phrase.look }}").replace("size: { slot: kind }", size));
    let before = fs::read_to_string(pack.join("maker.yaml")).expect("a text");
    let said = finds(folder.path(), &["check", "pack", "--fix"]);
    assert!(said.contains("did you mean `lagre`?") && !said.contains("fixed"), "{said}");
    assert_eq!(fs::read_to_string(pack.join("maker.yaml")).expect("a text"), before);
}

#[test]
fn a_file_among_very_many_is_not_read_with_all_of_them() {
    let folder = TempDir::new().expect("a folder");
    let file = |name: String, text: &str| fs::write(folder.path().join(name), text).expect("written");
    file("mine.yaml".to_owned(), "apiVersion: casebook/v1\nkind: Environment\nname: mine\n");
    (0..300).for_each(|at| file(format!("other-{at}.yaml"), "name: something else\n"));
    let said = finds(folder.path(), &["check", "mine.yaml"]);
    assert!(
        said.contains("error[CB002]: `mine.yaml` is read with the pack in `.`, which holds more than 256 YAML files"),
        "{said}"
    );
    assert!(said.contains("name that folder if all of it is the pack") && !said.contains("other-1"), "{said}");
    // Named, the folder is read.
    assert!(finds(folder.path(), &["check", "."]).contains("other-1.yaml"));
}

#[test]
fn fmt_names_what_it_cannot_format() {
    let folder = new_pack();
    let path = folder.path().join("scenarios/desk/first.yaml");
    let deep = "kind: Policy\nname:   first\napiVersion: casebook/v1\ndefault:\n        queue: answer\n        reply: |1\n          one\n";
    fs::write(&path, deep).expect("written");
    for arguments in [&["fmt", "--check"][..], &["fmt"]] {
        let said = finds(folder.path(), arguments);
        assert!(said.contains("`scenarios/desk/first.yaml` cannot be formatted: `default/reply` would"), "{said}");
        assert!(!said.contains("every file is formatted"), "{said}");
    }
    assert_eq!(fs::read_to_string(&path).expect("a text"), deep, "nothing is half formatted");
    let unknown = "apiVersion: casebook/v1\nkind: Polcy\nname:   first\n";
    fs::write(&path, unknown).expect("written");
    let said = finds(folder.path(), &["fmt", "--check"]);
    assert!(said.contains("first.yaml:2:7") && said.contains("cannot be formatted"), "{said}");
}

#[test]
fn a_table_goes_to_csv_and_back() {
    let folder = new_pack();
    edit(
        &folder,
        "rules.yaml",
        "{ any: [{ subject: { contains_any: [signed in, password, phishing] } }, { body: { contains: sign-in } }] }",
        "{ subject: { contains_any: [signed in, password, phishing] } }",
    );
    let rules = "scenarios/desk/rules.yaml";
    let csv = succeeds(folder.path(), &["table", "export", rules]);
    assert_eq!(
        csv,
        "id,subject contains_any,plan,amount gt,then queue,because,severity\n\
         R-SECURITY,signed in | password | phishing,-,-,security,A stolen account cannot wait.,critical\n\
         R-MONEY,-,paid,0,refund,Only the refund team can send money.,-\n"
    );
    fs::write(folder.path().join("rules.csv"), csv.replace("paid,0", "paid,20")).expect("written");
    let said = succeeds(folder.path(), &["table", "import", "rules.csv", rules]);
    assert!(said.contains("wrote 2 rules"), "{said}");
    let text = fs::read_to_string(folder.path().join(rules)).expect("the rules");
    assert!(
        text.contains("table:\n") && !text.contains("\nrules:") && text.contains("default: { queue: answer }"),
        "{text}"
    );
    succeeds(folder.path(), &["test"]);
    succeeds(folder.path(), &["fmt", "--check"]);
    assert_eq!(succeeds(folder.path(), &["table", "export", rules]), csv.replace("paid,0", "paid,20"));
    // A table with a mistake leaves the file as it is.
    fs::write(folder.path().join("rules.csv"), csv.replace("refund", "refnud")).expect("written");
    let said = finds(folder.path(), &["table", "import", "rules.csv", rules]);
    assert!(said.contains("did you mean `refund`?") && said.contains("nothing was written"), "{said}");
    // The mistake is shown where it was made.
    assert!(said.contains("rules.csv:3:18") && said.contains("in the column `then queue`"), "{said}");
    assert!(said.contains("R-MONEY,-,paid,0,refnud") && !said.contains("rules.yaml:"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join(rules)).expect("the rules"), text);
}

#[test]
fn a_rule_that_no_row_can_say_is_told() {
    let folder = new_pack();
    let said = finds(folder.path(), &["table", "export", "scenarios/desk/rules.yaml"]);
    assert!(said.contains("the rule `R-SECURITY` has `any`, which a row of a table cannot hold"), "{said}");
    let text = fs::read_to_string(folder.path().join("scenarios/desk/rules.yaml")).expect("a text");
    let (line, column) =
        text.lines().enumerate().find_map(|(at, line)| Some((at + 1, line.find("any: [")? + 1))).expect("a line");
    assert!(said.contains(&format!("scenarios/desk/rules.yaml:{line}:{column}: the rule")), "{said}");
    // Every rule that no row can hold is named at once.
    edit(&folder, "rules.yaml", "{ plan: paid, amount: { gt: 0 } }", "{ not: { plan: free }, amount: { gt: 0 } }");
    let said = finds(folder.path(), &["table", "export", "scenarios/desk/rules.yaml"]);
    assert!(said.contains("`R-SECURITY` has `any`") && said.contains("`R-MONEY` has `not`"), "{said}");
}

#[test]
fn fmt_leaves_the_rows_of_a_table_on_their_lines() {
    let folder = new_pack();
    let path = folder.path().join("scenarios/desk/first.yaml");
    let wide = vec!["\"-\""; 40].join(", ");
    let text = |gap: &str| {
        let row = wide.replace(", ", &format!(",{gap}"));
        format!(
            "apiVersion: casebook/v1\nkind: Rules\nname: first\ntable:\n  # The columns.\n  - [id, then queue]\n  - [{row}]\n  \
             - [\n      R-{},\n      answer,\n    ]\n",
            "X".repeat(120)
        )
    };
    fs::write(&path, text("   ")).expect("written");
    let said = succeeds(folder.path(), &["fmt"]);
    assert!(said.contains("formatted scenarios/desk/first.yaml"), "{said}");
    assert_eq!(fs::read_to_string(&path).expect("a text"), text(" "));
}

#[test]
fn every_code_is_explained() {
    let folder = TempDir::new().expect("a folder");
    let list = succeeds(folder.path(), &["explain"]);
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(codes.len() > 30, "{list}");
    for code in codes {
        let said = succeeds(folder.path(), &["explain", code]);
        assert!(said.contains("## Wrong") && said.contains("## Right"), "{code}: {said}");
    }
    succeeds(folder.path(), &["explain", "cb201"]);
    let output = casebook(folder.path(), &["explain", "CB2011"]);
    assert_eq!((code(&output), stderr(&output).contains("did you mean `CB201`?")), (2, true), "{}", stderr(&output));
}

#[test]
fn docs_tell_policy_items_scoring_and_tasks() {
    let folder = new_pack();
    let said = succeeds(folder.path(), &["docs", "--out", "pages"]);
    assert!(said.contains("wrote pages/desk.md"), "{said}");
    let page = fs::read_to_string(folder.path().join("pages/desk.md")).expect("the page");
    for part in [
        "# Support tickets",
        "| `plan` | enum: free, paid |",
        "| `R-MONEY` | When plan is paid and amount is more than 0: queue is refund.",
        "| critical |",
        "```mermaid\nflowchart LR",
        "right_queue<br/>exact of queue",
        "-->|0.7|",
        "| `desk-monday` | 1.0 | train | 3 | 6 |",
        "> - In every other case: queue is answer.",
    ] {
        assert!(page.contains(part), "no `{part}` in\n{page}");
    }
}
