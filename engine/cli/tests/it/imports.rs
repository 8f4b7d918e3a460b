//! `casebook import`: items from files, through a plugin of the pack.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::shell::{code, copy, root, stderr, stdout};

/// A copy of the recipe without its inbox, which a task plays all the same.
fn pack() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join("docs/cookbook/imported-rows"), &folder.path().join("pack"));
    fs::remove_file(folder.path().join("pack/complaints.yaml")).expect("removed");
    folder
}

/// Imports a table; returns standard output, standard error and the exit code.
fn import(folder: &Path, table: &str, more: &[&str]) -> (String, String, i32) {
    fs::write(folder.join("complaints.csv"), table).expect("written");
    let mut args = vec!["import", "pack", "complaints.csv"];
    args.extend(more);
    let output = crate::shell::casebook(folder, &args);
    (stdout(&output), stderr(&output), code(&output))
}

const RIGHT: &[&str] = &[
    "--with",
    "rows",
    "--set",
    r#"numbers=["amount"]"#,
    "--set",
    r#"booleans=["urgent"]"#,
    "--set",
    r#"labels=["queue"]"#,
];

fn recipe(file: &str) -> String {
    fs::read_to_string(root().join("docs/cookbook/imported-rows").join(file)).expect("a file of the recipe")
}

#[test]
fn the_inbox_of_the_recipe_is_what_its_command_makes() {
    let folder = pack();
    let (output, error, code) = import(folder.path(), &recipe("complaints.csv"), RIGHT);
    assert_eq!(code, 0, "{output}{error}");
    assert!(output.starts_with("wrote 3 items to "), "{output}");
    let made = fs::read_to_string(folder.path().join("pack/complaints.yaml")).expect("an inbox");
    assert_eq!(made, recipe("complaints.yaml"));

    let (_, error, code) = import(folder.path(), &recipe("complaints.csv"), RIGHT);
    assert_eq!((code, error.contains("exists already; nothing was written")), (1, true), "{error}");
    let again = [RIGHT, &["--replace"]].concat();
    let (output, error, code) = import(folder.path(), "id,subject,urgent,queue\nc-9,Hm,true,send\n", &again);
    assert_eq!(code, 0, "{output}{error}");
    let made = fs::read_to_string(folder.path().join("pack/complaints.yaml")).expect("an inbox");
    assert!(made.contains("c-9") && !made.contains("c-1"), "{made}");
}

#[test]
fn every_problem_is_told_by_item_and_field_and_nothing_is_written() {
    let folder = pack();
    let table = "id,subject,amount,urgent,queue\nc-1,A,a lot,true,replace\nc-2,B,2,perhaps,repair\n,C,3,false,send\n";
    let (_, error, code) = import(folder.path(), table, RIGHT);
    let wanted = [
        "error: item 1 (`c-1`), `fields/amount`: `amount` cannot be `a lot` (expected a number)",
        "error: item 2 (`c-2`), `fields/urgent`:",
        "error: item 2 (`c-2`), `labels/queue`:",
        "error: item 3 (``), `id`:",
        "error: nothing was written to `",
    ];
    for line in wanted {
        assert!(error.contains(line), "no `{line}` in\n{error}");
    }
    assert_eq!(code, 1);
    assert!(!folder.path().join("pack/complaints.yaml").exists());

    let (_, error, _) = import(folder.path(), "id,subject,urgent,queue\nc-1,A,true,send\nc-1,B,true,send\n", RIGHT);
    assert!(error.contains("item 2 has the id `c-1`, which an earlier one has"), "{error}");
}

#[test]
fn what_the_importer_or_its_use_cannot_be_is_told() {
    let folder = pack();
    let table = recipe("complaints.csv");
    for (table, more, says) in [
        (table.as_str(), &["--with", "rwos"][..], "the environment has no plugin `rwos`"),
        (&table, &["--with", "rows:cvs"], "there is no importer `cvs`; did you mean `csv`?"),
        (&table, &["--with", "rows", "--set", "separator=:"], "the parameters of `csv` do not fit: `separator`"),
        (&table, &["--with", "rows", "--out", "elsewhere.yaml"], "is not a `.yaml` file in the pack's folder"),
        ("name\nx\n", &["--with", "rows"], "refused: no column of the first row has the name that `id` says"),
        ("id,subject\n", &["--with", "rows"], "holds no item"),
        ("id,subject\nc-1\n", &["--with", "rows"], "a row has another number of cells than the first one"),
    ] {
        let (output, error, code) = import(folder.path(), table, more);
        assert_eq!((code, error.contains(says)), (1, true), "{more:?}: {output}{error}");
    }
    let (_, error, code) = import(folder.path(), "\u{0}", &["--with", "rows", "--set", "id=a"]);
    assert_eq!(code, 1, "{error}");
    fs::write(folder.path().join("bytes.csv"), [0xff, 0xfe]).expect("written");
    let output = crate::shell::casebook(folder.path(), &["import", "pack", "bytes.csv", "--with", "rows"]);
    assert!(stderr(&output).contains("`bytes.csv` is not UTF-8 text: byte 0 does not belong"), "{}", stderr(&output));

    copy(&root().join("docs/cookbook/check-digits"), &folder.path().join("other"));
    let output = crate::shell::casebook(folder.path(), &["import", "other", "bytes.csv", "--with", "checksum"]);
    let error = stderr(&output);
    assert!(error.contains("the plugin `checksum` offers no importer; it offers tools"), "{error}");
}
