//! CSV and other tables on their way in and out: `table`, `rules trial --items`, `import`, `docs`, and marks before texts.

use std::{fs, path::Path};

use tempfile::TempDir;

use crate::shell::{self, casebook, code, copy, finds, root, stderr, stdout, succeeds};

const RULES: &str = "scenarios/desk/rules.yaml";

/// A folder with a new pack `desk`, whose rules are a list with any texts.
fn pack(rules: &str) -> TempDir {
    let folder = TempDir::new().expect("a folder");
    succeeds(folder.path(), &["new", "desk"]);
    let text = format!(
        "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\n{rules}default: {{ queue: answer }}\n"
    );
    fs::write(folder.path().join(RULES), text).expect("written");
    fs::remove_file(folder.path().join("scenarios/desk/test.yaml")).expect("removed");
    folder
}

const ODD: &str = "rules:\n  \
    - { id: \"007\", when: { subject: \"007\" }, then: { queue: refund }, because: \"=1+1\" }\n  \
    - { id: R-1, when: { subject: { in: [\"1.10\", \"1e3\", \" lead\", \"6\\\" | 8\\\"\"] } }, then: { queue: refund }, because: \"-\" }\n  \
    - { id: R-2, when: { subject: { contains: \"@x\", case_sensitive: true, whole_words: false } }, then: { queue: refund } }\n  \
    - { id: R-3, when: { amount: { between: [-5, 10] } }, then: { queue: refund }, because: \"two\\nlines\" }\n";

fn write(folder: &TempDir, name: &str, text: impl AsRef<[u8]>) {
    fs::write(folder.path().join(name), text).expect("written");
}

fn rules(folder: &TempDir) -> String {
    fs::read_to_string(folder.path().join(RULES)).expect("the rules")
}

#[test]
fn texts_survive_an_export_and_an_import() {
    let folder = pack(ODD);
    let csv = succeeds(folder.path(), &["table", "export", RULES]);
    assert!(csv.contains("\n007,007,") && csv.contains(",'=1+1\n") && csv.contains(",\"\"\"-\"\"\"\n"), "{csv}");
    write(&folder, "rules.csv", &csv);
    copy(&folder.path().join("scenarios/desk"), &folder.path().join("before"));
    let said = succeeds(folder.path(), &["table", "import", "rules.csv", RULES]);
    assert!(said.contains("wrote 4 rules to "), "{said}");
    let text = rules(&folder);
    assert!(text.contains("  - [\"007\", \"007\", ") && !text.contains("\nrules:"), "{text}");
    assert_eq!(succeeds(folder.path(), &["table", "export", RULES]), csv);
    let said = succeeds(folder.path(), &["rules", "diff", "before", "scenarios/desk"]);
    assert!(!said.contains("R-1"), "{said}");
}

#[test]
fn tables_of_spreadsheets_are_read() {
    let folder = pack(ODD);
    for (name, csv) in [
        (
            "a.csv",
            "\u{feff}id;subject contains;subject case_sensitive;then queue;\r\nR-1;\"Hi; you\";TRUE;refund;\r\n;;;;\r\n",
        ),
        ("b.tsv", "id\tsubject contains\tsubject case_sensitive\tthen queue\nR-1\tHi; you\tTrue\trefund\n"),
    ] {
        write(&folder, name, csv);
        succeeds(folder.path(), &["table", "import", name, RULES]);
        let exported = succeeds(folder.path(), &["table", "export", RULES]).to_lowercase();
        assert_eq!(exported, "id,subject contains,subject case_sensitive,then queue\nr-1,hi; you,true,refund\n");
    }
}

/// A table that lost a column is still a table; the import says the result of its rules.
#[test]
fn an_import_reports_the_warnings_that_it_brings() {
    let folder = pack(
        "rules:\n  - { id: R-1, when: { amount: { gte: 9 } }, then: { queue: refund } }\n  - { id: R-2, when: { amount: { gte: 1 } }, then: { queue: answer } }\n",
    );
    let csv = succeeds(folder.path(), &["table", "export", RULES]);
    write(&folder, "same.csv", csv);
    let same = casebook(folder.path(), &["table", "import", "same.csv", RULES]);
    assert_eq!((code(&same), stderr(&same)), (0, String::new()));
    write(&folder, "lost.csv", "id,then queue\nR-1,refund\nR-2,answer\n");
    let lost = casebook(folder.path(), &["table", "import", "lost.csv", RULES]);
    assert!(code(&lost) == 0 && stdout(&lost).contains("wrote 2 rules"), "{lost:?}");
    assert!(stderr(&lost).contains("warning[CB602]") && stderr(&lost).contains("R-2"), "{lost:?}");
}

#[test]
fn a_table_that_cannot_be_relied_on_changes_nothing() {
    let folder = pack(ODD);
    let before = rules(&folder);
    for (csv, says) in [
        (
            &b"id,subject,then queue\nR-1,\"x,refund\nR-2,y,refund\n"[..],
            "in.csv:2: this line opens a quote that is never closed",
        ),
        (b"id,subject,then queue,then queue\nR-1,x,refund,answer\n", "in.csv:1: the column `then queue` appears twice"),
        (b"id,subject,then queue\nR-1,x,refund,y\n\nR-2,y\n", "in.csv:4: the row has 2 cells, the first line 3 cells"),
        (b"id,subject,then queue\nR-1,\xff,refund\n", "in.csv:2: not UTF-8 text"),
        (b"\xff\xfei\0d\0", "UTF-16"),
        (b"id,subject,then queue\n", "at least one rule"),
        (b"id,subject,when subject,then queue\nR-1,x,y,refund\n", "the column `when subject` appears twice"),
        (b"id,subject case_sensitive,then queue\nR-1,yes,refund\n", "the cell cannot be `yes`"),
    ] {
        write(&folder, "in.csv", csv);
        let output = casebook(folder.path(), &["table", "import", "in.csv", RULES]);
        let said = stderr(&output);
        // What is no text cannot be read at all.
        assert_eq!(code(&output), if says.contains("UTF-") { 3 } else { 1 }, "{said}");
        assert!(said.contains(says), "no `{says}` in\n{said}");
        assert_eq!(rules(&folder), before);
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("scenarios/desk")).expect("the pack").flatten().collect();
    assert!(left.iter().all(|entry| !entry.file_name().to_string_lossy().starts_with('.')), "{left:?}");
}

#[cfg(unix)]
#[test]
fn numbers_that_may_be_two_numbers_are_refused() {
    let folder = pack(ODD);
    let before = rules(&folder);
    for (csv, told) in [
        ("id,amount gte,then queue\nR-1,1.23457E+11,refund\n", "drops its last digits"),
        ("id,amount,then queue\nR-1,>= 1.23457E+11,refund\n", "drops its last digits"),
        (
            "id;amount gte;then queue\nR-0;5;refund\nR-1;250.000;refund\n",
            "a.csv:3: in the column `amount gte`: `250.000` may be 250000 or 250",
        ),
        (
            "id;amount;then queue\nR-1;1.250..9.000;refund\n",
            "a.csv:2: in the column `amount`: `1.250` may be 1250 or 1.25",
        ),
        (
            "id;opened older_than;then queue\nR-1;1.000h;refund\n",
            "a.csv:2: in the column `opened older_than`: `1.000` may be 1000 or 1",
        ),
    ] {
        write(&folder, "a.csv", csv);
        let output = casebook(folder.path(), &["table", "import", "a.csv", RULES]);
        assert_eq!(code(&output), 1, "{csv}");
        assert!(stderr(&output).contains(told), "{csv}: {}", stderr(&output));
        assert_eq!(rules(&folder), before, "{csv}");
    }
    for csv in [
        "id,amount gte,then queue\nR-1,250.000,refund\n",
        "id;amount gte;because;then queue\nR-1;0.125;More than 1.000.;refund\n",
    ] {
        write(&folder, "a.csv", csv);
        succeeds(folder.path(), &["table", "import", "a.csv", RULES]);
    }
}

#[test]
fn what_sample_writes_can_be_tried() {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join("scenarios/claims"), &folder.path().join("claims"));
    let sample = ["sample", "claims", "--task", "claims-train", "--seeds", "0..2"];
    let rules = fs::read_dir(folder.path().join("claims")).expect("a folder").flatten().map(|entry| entry.path());
    let holds = |path: &std::path::PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("kind: Rules"));
    let rules = rules.into_iter().find(holds).expect("rules").display().to_string();
    for (name, flags) in [("s.csv", ["--csv", ""]), ("s.jsonl", ["--format", "json"])] {
        let flags: Vec<&str> = flags.into_iter().filter(|flag| !flag.is_empty()).collect();
        write(&folder, name, succeeds(folder.path(), &[&sample[..], &flags].concat()));
        let clock = "2026-10-05T13:00:00Z";
        let output = casebook(folder.path(), &["rules", "trial", &rules, "claims", "--items", name, "--clock", clock]);
        assert_eq!(stderr(&output).matches(name).count(), 0, "{}", stderr(&output));
        assert!(stdout(&output).contains("items"), "{}", stdout(&output));
    }
}

#[test]
fn an_import_keeps_links_and_permissions() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = pack(ODD);
    let (path, elsewhere) = (folder.path().join(RULES), folder.path().join("scenarios/desk/real.txt"));
    fs::rename(&path, &elsewhere).expect("moved");
    fs::set_permissions(&elsewhere, fs::Permissions::from_mode(0o640)).expect("set");
    symlink(&elsewhere, &path).expect("linked");
    write(&folder, "in.csv", "id,subject,then queue\nR-9,x,refund\n");
    succeeds(folder.path(), &["table", "import", "in.csv", RULES]);
    assert!(fs::symlink_metadata(&path).expect("a link").is_symlink());
    assert_eq!(fs::metadata(&elsewhere).expect("a file").permissions().mode() & 0o777, 0o640);
    assert!(rules(&folder).contains("R-9"));
}

/// What `rules trial` finds wrong with the rows of a file.
fn trial(folder: &Path, name: &str, text: &str) -> String {
    fs::write(folder.join(name), text).expect("written");
    let output = casebook(folder, &["rules", "trial", RULES, "scenarios/desk", "--items", name]);
    stdout(&output) + &stderr(&output)
}

#[test]
fn rows_of_items_are_told_with_the_lines_on_which_they_begin() {
    let folder = pack(ODD);
    let head = "id,subject,body,sender,plan,amount";
    let crlf = format!(
        "{head}\r\n1,a,b,a@x.example,free,x\r\n2,\"b\r\nb\",b,a@x.example,free,y\r\n\r\n3,c,b,a@x.example,free,z\r\n"
    );
    let said = trial(folder.path(), "crlf.csv", &crlf);
    for line in ["crlf.csv:2: `amount`", "crlf.csv:3: `amount`", "crlf.csv:6: `amount`"] {
        assert!(said.contains(line), "no `{line}` in\n{said}");
    }
    let said = trial(folder.path(), "twice.csv", "id,subject,subject\n1,a,b\n");
    assert!(said.contains("twice.csv:1: the column `subject` appears twice"), "{said}");
    let said = trial(folder.path(), "open.csv", "id,subject\n1,a\n2,\"b\n3,c\n");
    assert!(said.contains("open.csv:3: this line opens a quote that is never closed"), "{said}");
    let said = trial(folder.path(), "twice.jsonl", "\n{\"subject\": \"a\", \"plan\": \"free\", \"subject\": \"b\"}\n");
    assert!(said.contains("twice.jsonl:2: not JSON: the key `subject` appears twice"), "{said}");
}

#[test]
fn a_mark_before_a_text_is_no_part_of_it() {
    let folder = pack("rules:\n  - { id: R, when: { amount: 1 }, then: { queue: refund } }\n");
    let text = |path: &str| fs::read_to_string(folder.path().join(path)).expect("a text");
    let item = "\u{feff}{\"id\": \"1\", \"subject\": \"a\", \"body\": \"b\", \"sender\": \"a@x.example\", \"plan\": \"free\"}\n";
    let said = trial(folder.path(), "items.jsonl", item);
    assert!(said.contains("1 of files") && !said.contains("could not be read"), "{said}");
    succeeds(folder.path(), &["run", "scenarios/desk", "--policy", "oracle", "--record", "run.jsonl"]);
    let recorded = text("run.jsonl");
    write(&folder, "run.jsonl", format!("\u{feff}{recorded}"));
    assert!(succeeds(folder.path(), &["replay", "run.jsonl", "scenarios/desk"]).contains("every byte agrees"));
    for name in ["environment.yaml", "rules.yaml", "inbox.yaml"] {
        let path = format!("scenarios/desk/{name}");
        let old = text(&path);
        write(
            &folder,
            &path,
            format!("\u{feff}{}", old.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")),
        );
    }
    succeeds(folder.path(), &["check", "scenarios/desk"]);
}

#[test]
fn an_importer_tells_tables_that_cannot_be_relied_on_and_writes_any_text() {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join("docs/cookbook/imported-rows"), &folder.path().join("pack"));
    let import = |table: &str| {
        fs::write(folder.path().join("complaints.csv"), table).expect("written");
        let args = ["import", "pack", "complaints.csv", "--with", "rows", "--replace", "--set", "numbers=[\"amount\"]"];
        let more = ["--set", "booleans=[\"urgent\"]", "--set", "labels=[\"queue\"]"];
        let output = casebook(folder.path(), &[&args[..], &more[..]].concat());
        (code(&output), stdout(&output) + &stderr(&output))
    };
    for (table, says) in [
        ("id,subject,urgent,queue,subject\nc-1,a,true,send,b\n", "line 1: the column `subject` appears twice"),
        ("id,subject,urgent,queue\nc-1,\"a,true,send\nc-2,b,true,send\n", "line 2: a quote is opened and never closed"),
        (
            "id,subject,urgent,queue\r\nc-1,\"a\r\n\",true,send\r\nc-2,\"b\"x,true,send\r\n",
            "line 4: a text follows the quote",
        ),
        ("id,subject,urgent,queue\n\nc-1,b,true\n", "line 3: a row has another number of cells"),
    ] {
        let (code, said) = import(table);
        assert!(code == 1 && said.contains(says), "no `{says}` in\n{said}");
    }
    let texts = [
        "one\u{2028}two",
        "one\u{2029}two",
        "a\u{85}b",
        "\u{feff}x",
        "bell\u{7}",
        " lead",
        "007",
        "a: b",
        "# x",
        "two\nlines",
        "{{ x }}",
    ];
    let rows: Vec<String> =
        texts.iter().enumerate().map(|(at, text)| format!("c-{at};\"{text}\";TRUE;send\r\n")).collect();
    let (code, said) = import(&format!("\u{feff}id;subject;urgent;queue\r\n{}", rows.concat()));
    assert_eq!(code, 0, "{said}");
    let made = fs::read_to_string(folder.path().join("pack/complaints.yaml")).expect("an inbox");
    assert!(made.contains("\"one\\u2028two\"") && made.contains("subject: \"007\""), "{made}");
    assert!(made.contains("subject: \"{{ x }}\"") && made.contains("\"bell\\u0007\""), "{made}");
    fs::remove_file(folder.path().join("pack/tests.yaml")).expect("removed");
    succeeds(folder.path(), &["check", "pack"]);
}

#[test]
fn a_bar_in_an_id_stays_in_its_cell() {
    let folder = pack(
        "rules:\n  - { id: \"R|1\", when: { subject: \"a\\\\|b\" }, then: { queue: refund }, because: \"`x`\" }\n",
    );
    let page = succeeds(folder.path(), &["docs", "scenarios/desk"]);
    let row = page.lines().find(|line| line.starts_with("| `R")).expect("a row");
    assert!(row.starts_with("| `R\\|1` | When subject is \"a\\\\\\\\\\|b\": queue is refund. `x` |"), "{row}");
}

#[test]
fn quotes_keep_the_text_that_was_written() {
    let folder = pack("rules:\n  - { id: R, when: { subject: 1.10 }, then: { queue: refund }, because: 0x1F }\n");
    assert!(finds(folder.path(), &["check"]).contains("put quotes around it: `\"0x1F\"`"));
    succeeds(folder.path(), &["check", "--fix"]);
    assert!(
        rules(&folder).contains("{ subject: \"1.10\" }, then: { queue: refund }, because: \"0x1F\" }"),
        "{}",
        rules(&folder)
    );
    shell::edit(&folder.path().join(RULES), "refund", "refund");
}
