//! Tables: a text stays the text that was written, whatever it looks like, and rules survive the way through a table.

use std::path::Path;

use casebook_analysis::testing;
use casebook_compile::{check::compile, rules};
use casebook_runtime::json as strictly;
use casebook_syntax::{
    diagnostic::Report,
    sheet,
    source::{self, SourceFile},
    spec::{self, Content, Document, Kind, Rule},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::packs;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\n";
const TAIL: &str = "default: { queue: close }\nlists: { friends: [partner.example] }\n";

/// Texts that YAML, JSON, spreadsheets or cells read as something else.
const ODD: &[&str] = &[
    "007",
    "1.10",
    "1e3",
    "0x1F",
    "0o17",
    "+5",
    "-5",
    "1_000",
    "True",
    "FALSE",
    "null",
    "~",
    "yes",
    "2026-01-01",
    ".inf",
    ".nan",
    "",
    "-",
    " - ",
    "\"",
    "\"\"",
    "\"-\"",
    "'",
    "=1+1",
    "'=1+1",
    "''@x",
    "@cmd",
    "+a",
    "-a",
    "\t=x",
    "\t0",
    " {",
    " leading",
    "trailing ",
    "a | b",
    "a|b",
    "6\" | 8\"",
    "\"a\" | \"b\"",
    "\"whole\"",
    "1..2",
    "..",
    ">= 5",
    "!= x",
    "<b>",
    "a, b; c",
    "two\nlines",
    "cr\rlf\r\n",
    "a: b",
    "# no",
    "[x]",
    "{x}",
    "ask first -",
    "why ?",
    "a #b",
    "%TAG",
    "&a",
    "*a",
    "`",
    "\\",
    "\u{feff}x",
    "x\u{2028}y",
    "x\u{2029}y",
    "x\u{85}y",
    "\u{7f}",
    "é",
    "e\u{301}",
    "日本",
    "🗂️",
    "sep=;",
];

pub(crate) fn text() -> impl Strategy<Value = String> {
    let signs = prop::sample::select("ab0 1.,;|\"'=+-@\t\n\r<>!é\u{2028}\u{feff}#:[]{}~\\".chars().collect::<Vec<_>>());
    prop_oneof![
        prop::sample::select(ODD).prop_map(str::to_owned),
        prop::collection::vec(signs, 0..8).prop_map(String::from_iter),
        ".{0,6}",
    ]
}

/// A condition of texts, numbers and everything else that a row can hold.
fn condition() -> impl Strategy<Value = Map<String, Value>> {
    let switches = (any::<Option<bool>>(), any::<Option<bool>>());
    let title = prop_oneof![
        text().prop_map(|text| json!(text)),
        prop::collection::vec(text(), 2..4).prop_map(|list| json!(list)),
        (text(), text(), text(), switches).prop_map(|(a, b, c, (whole, case))| {
            let mut operators = Map::from_iter([("contains".to_owned(), json!(a)), ("ne".to_owned(), json!(b))]);
            operators.insert("contains_any".to_owned(), json!([c]));
            operators.extend(whole.map(|whole| ("whole_words".to_owned(), json!(whole))));
            operators.extend(case.map(|case| ("case_sensitive".to_owned(), json!(case))));
            operators.into()
        }),
        text().prop_map(|text| json!({ "in": [text] })),
        (text(), text()).prop_map(|(a, b)| json!({ "in": [a, b], "starts_with": a, "ends_with": b })),
    ];
    let from = prop_oneof![
        Just(json!({ "domain_in": "friends" })),
        Just(json!({ "domain_in": ["friends"] })),
        text().prop_map(|text| json!({ "contains_all": [text, "x"] })),
    ];
    let amount = prop_oneof![
        any::<i32>().prop_map(|number| json!(number)),
        any::<i32>().prop_map(|number| json!({ "in": [number] })),
        (-9..9_i32, 9..99_i32).prop_map(|(low, high)| json!({ "between": [low, high] })),
        any::<bool>().prop_map(|there| json!({ "exists": there })),
        any::<f32>().prop_filter("finite", |one| one.is_finite()).prop_map(|one| json!({ "gte": one, "lt": 1e9 })),
    ];
    let opened = prop_oneof![
        Just(json!({ "between": ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"] })),
        Just(json!({ "older_than": "2h" })),
        Just(json!({ "ahead": "2h 30m" })),
        text().prop_map(|text| json!({ "within": text, "gte": "2026-01-01T00:00:00Z" })),
    ];
    let tier = prop_oneof![Just(json!("free")), Just(json!(["free", "paid"])), Just(json!({ "ne": "paid" }))];
    let field = |name: &'static str, value: BoxedStrategy<Value>| {
        prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value)))
    };
    let parts = (
        field("title", title.boxed()),
        field("from", from.boxed()),
        field("amount", amount.boxed()),
        field("opened", opened.boxed()),
        field("tier", tier.boxed()),
    );
    parts.prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect())
}

fn rule() -> impl Strategy<Value = Value> {
    let id = text().prop_filter("an id says something", |id| !id.is_empty());
    let when = condition().prop_filter("a condition says something", |when| !when.is_empty());
    let parts = (id, when, prop::option::of(condition()), text(), prop::option::of(text()), text());
    parts.prop_map(|(id, when, except, reply, because, until)| {
        let mut rule = json!({ "id": id, "when": when, "then": { "queue": "answer", "reply": reply } });
        if let Some(except) = except.filter(|except| !except.is_empty()) {
            rule["except"] = json!(except);
        }
        if let Some(because) = because {
            rule["because"] = json!(because);
            rule["until"] = json!(until.trim());
            rule["severity"] = json!("high");
        }
        rule
    })
}

/// The one document of a text.
pub(crate) fn document(text: &str) -> Document {
    let mut report = Report::default();
    let file = SourceFile::new("rules.yaml".as_ref(), text);
    let mut drafts = spec::read(&file, &mut Vec::new(), &mut report);
    assert_eq!((drafts.len(), report.errors()), (1, 0), "{}\n{text}", report.render(false));
    let document = drafts.remove(0).finish(&mut report);
    document.unwrap_or_else(|_| panic!("{}\n{text}", report.render(false)))
}

/// What the rules of a document say, whichever way they are written.
pub(crate) fn said(document: &Document) -> Vec<Value> {
    let catalog = packs::catalog(&packs::desk());
    let pack = &catalog.packs()[0];
    let Content::Rules(spec) = &document.content else { panic!("no rules") };
    let mut report = Report::default();
    let written = rules::written(document, spec, pack.fields(), pack.decisions(), &mut report);
    assert_eq!(report.errors(), 0, "{}", report.render(false));
    written.iter().map(|one| same(&one.rule)).collect()
}

/// A rule in the one form of those that say the same.
pub(crate) fn same(rule: &Rule) -> Value {
    let mut value = serde_json::to_value(rule).expect("JSON");
    for part in ["when", "except"] {
        for (_, test) in value[part].as_object_mut().into_iter().flatten() {
            let operators = match test.take() {
                Value::Object(map) => map,
                Value::Array(list) => Map::from_iter([("in".to_owned(), list.into())]),
                one => Map::from_iter([("eq".to_owned(), one)]),
            };
            let mut sorted: Vec<_> = operators.into_iter().collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            *test = Value::Object(sorted.into_iter().collect());
        }
    }
    serde_json::from_str(&value.to_string()).expect("JSON")
}

/// A document whose rules are a list of JSON values.
pub(crate) fn listed(rules: &[Value]) -> String {
    format!("{HEAD}rules: {}\n{TAIL}", serde_json::to_string(rules).expect("JSON"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Rules with any texts, written as a table and read again, are the same rules.
    #[test]
    fn rules_of_any_texts_survive_a_table(list in prop::collection::vec(rule(), 1..4)) {
        let written = document(&listed(&list));
        let table = rules::export(&written).expect("a table");
        let text = format!("{HEAD}table: {}\n{TAIL}", serde_json::to_string(&table).expect("JSON"));
        let again = document(&text);
        prop_assert_eq!(said(&again), said(&written), "{}", text);
        prop_assert_eq!(rules::export(&again).expect("a table"), table, "a table is exported as it stands");
    }
}

/// The rule that decides about a title, by a table of bare cells.
#[test]
fn a_bare_cell_of_a_text_column_is_the_text_that_is_written() {
    let table = "table:\n  - [id, title, then queue, then reply]\n  - [007, 007, answer, 1.10]\n  - [R-B, 1.10, forward, -]\n  \
                 - [R-C, 1e3 | 0x1F, forward, -]\n  - [R-D, True, forward, \"-\"]\n  - [R-E, \" x\", answer, \" y\"]\n"
        .replace(", -]", ", \"-\"]");
    let document = document(&format!("{HEAD}{table}{TAIL}"));
    let said = said(&document);
    let titles: Vec<&Value> = said.iter().map(|rule| &rule["when"]["title"]).collect();
    assert_eq!(
        titles,
        [
            &json!({ "eq": "007" }),
            &json!({ "eq": "1.10" }),
            &json!({ "in": ["1e3", "0x1F"] }),
            &json!({ "eq": "True" }),
            &json!({ "eq": " x" })
        ]
    );
    assert_eq!((&said[0]["id"], &said[0]["then"]["reply"]), (&json!("007"), &json!("1.10")));
    assert_eq!(said[4]["then"]["reply"], " y");
    let exported = rules::export(&document).expect("a table");
    assert_eq!(exported[1], ["007", "007", "answer", "1.10"]);
    assert_eq!((exported[4][1].as_str(), exported[5][1].as_str()), ("True", " x"));

    let mut files = packs::desk();
    files.retain(|(name, _)| name != "rules.yaml" && name != "tests.yaml");
    files.push(("rules.yaml".into(), format!("{HEAD}{table}{TAIL}")));
    let given = |title: &str| format!("given: {{ title: \"{title}\", from: a@b.example, tier: free }}");
    let test = format!(
        "apiVersion: casebook/v1\nkind: Test\nname: texts\nrules:\n  - {{ {}, expect: {{ by: \"007\" }} }}\n  \
         - {{ {}, expect: {{ by: default }} }}\n  - {{ {}, expect: {{ by: default }} }}\n",
        given("007"),
        given("7"),
        given("1.1")
    );
    files.push(("tests.yaml".into(), test));
    let outcome = testing::run(&packs::catalog(&files).packs()[0], "texts");
    let failed: Vec<_> = outcome.cases.iter().filter(|case| !case.passed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn numbers_and_truths_of_cells_are_read_as_yaml_and_spreadsheets_write_them() {
    let table = "table:\n  - [id, amount, amount exists, title contains, title case_sensitive, title whole_words, then queue]\n  \
                 - [R-1, \"007\", \"-\", Hi, \"TRUE\", \"False\", answer]\n  - [R-2, \"-\", \"FALSE\", \"-\", \"-\", \"-\", answer]\n  \
                 - [R-3, -5..0x1F, TRUE, \"-\", \"-\", \"-\", answer]\n";
    let said = said(&document(&format!("{HEAD}{table}{TAIL}")));
    assert_eq!(
        said[0]["when"],
        json!({ "amount": { "eq": 7 }, "title": { "case_sensitive": true, "contains": "Hi", "whole_words": false } })
    );
    assert_eq!(said[1]["when"], json!({ "amount": { "exists": false } }));
    assert_eq!(said[2]["when"], json!({ "amount": { "between": [-5, 31], "exists": true } }));
}

#[test]
fn maps_lists_and_fields_with_the_names_of_columns_are_exported_as_columns() {
    let table = "table:\n  - [id, amount, tier, then queue]\n  - [R-1, { gte: 5, lt: 9 }, [free, paid], answer]\n  \
                 - [R-2, 3, \"-\", answer]\n";
    let document = document(&format!("{HEAD}{table}{TAIL}"));
    let rows = rules::export(&document).expect("a table");
    assert_eq!(rows[0], ["id", "amount", "amount gte", "amount lt", "tier", "then queue"]);
    assert_eq!(rows[1], ["R-1", "-", "5", "9", "free | paid", "answer"]);
    let rule = json!({ "id": "R", "when": { "severity": "high", "id": "x" }, "then": { "queue": "answer" }, "severity": "low" });
    let rule: Rule = serde_json::from_value(rule).expect("a rule");
    let rows = rules::to_table(&[rule]).expect("a table");
    assert_eq!(rows[0], ["id", "when severity", "when id", "then queue", "severity"]);
    assert_eq!(rows[1], ["R", "high", "x", "answer", "low"]);
}

/// The rows of a table after a way through a CSV file.
fn through_csv(rows: &[rules::Row]) -> Vec<rules::Row> {
    let guarded: Vec<rules::Row> =
        rows.iter().map(|row| row.iter().map(|cell| sheet::guarded(cell)).collect()).collect();
    for cell in guarded.iter().flatten().filter(|cell| *cell != "-" && cell.parse::<f64>().is_err()) {
        assert!(!cell.starts_with(['=', '+', '@', '\t', '\r']), "{cell}");
        assert!(!cell.starts_with('-') || cell.contains(".."), "{cell}");
    }
    let read = sheet::read(&sheet::write(&guarded)).expect("a table");
    assert_eq!(read.problems, []);
    let cells = |row: Vec<String>| row.iter().map(|cell| sheet::unguarded(cell).to_owned()).collect();
    std::iter::once(read.names).chain(read.rows.into_iter().map(|row| cells(row.cells))).collect()
}

/// Rules, exported as CSV and imported into their own document, are the same rules, and exported as the same CSV.
fn survive_csv(text: &str) {
    let old = document(text);
    let rows = rules::export(&old).expect("a table");
    let read = through_csv(&rows);
    assert_eq!(read, rows);
    let new = rules::with_table(&old, &read).unwrap_or_else(|problem| panic!("{problem}\n{text}"));
    let new = document(&new);
    assert_eq!(said(&new), said(&old), "{text}\n{}", new.file().text);
    assert_eq!(rules::export(&new).expect("a table"), rows, "{}", new.file().text);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the texts, and whichever way the document is written: lines, brackets, JSON, a table.
    #[test]
    fn rules_of_any_texts_survive_csv(list in prop::collection::vec(rule(), 1..4)) {
        let whole = json!({
            "apiVersion": "casebook/v1", "kind": "Rules", "name": "routing", "hit": "first", "rules": list,
            "default": { "queue": "close" }, "lists": { "friends": ["partner.example"] },
        });
        survive_csv(&listed(&list));
        survive_csv(&whole.to_string());
        survive_csv(&serde_json::to_string_pretty(&whole).expect("JSON").replace('\n', "\r\n"));
        survive_csv(&spec::write::document(&whole));
    }

    /// Every value is written as YAML that reads back as the same value; beyond 2^53 a number with zeros behind its point is
    /// read as a whole one.
    #[test]
    fn values_survive_yaml(texts in prop::collection::vec(text(), 1..6), number: i64, fraction: f32) {
        let map: Map<String, Value> = texts.iter().map(|text| (format!("k{text}"), json!([text, { "in": text }]))).collect();
        let value = json!({ "apiVersion": "casebook/v1", "kind": "Rules", "name": "x", "list": [[texts], [], {}, null, true],
            "number": number, "fraction": if fraction.abs() < 9e15 { fraction } else { 0.5 }, "map": map });
        let text = spec::write::document(&value);
        let file = SourceFile::new("x.yaml".as_ref(), &text);
        let mut report = Report::default();
        let drafts = spec::read(&file, &mut Vec::new(), &mut report);
        prop_assert_eq!(report.errors(), 0, "{}\n{}", report.render(false), text);
        prop_assert_eq!(drafts[0].canonical(), spec::order::canonical(Kind::Rules, &value), "{}", text);
    }

    #[test]
    fn a_table_survives_csv(cells in prop::collection::vec(prop::collection::vec(text(), 3), 0..4)) {
        let names: Vec<String> = ["id", "a b", "x"].map(str::to_owned).into();
        let rows: Vec<Vec<String>> = std::iter::once(names).chain(cells).collect();
        let read = sheet::read(&sheet::write(&rows)).expect("a table");
        let filled = |row: &&Vec<String>| row.iter().any(|cell| !cell.is_empty());
        let wanted: Vec<&Vec<String>> = rows[1..].iter().filter(filled).collect();
        prop_assert_eq!(read.rows.iter().map(|row| &row.cells).collect::<Vec<_>>(), wanted);
        for cell in rows.iter().flatten() {
            let guarded = sheet::guarded(cell);
            prop_assert_eq!(sheet::unguarded(&guarded), cell);
        }
    }

    /// What another reader finds in the same text; it only takes more.
    #[test]
    fn a_table_is_read_as_another_reader_reads_it(text in "[ab,;\"\r\n ]{0,24}") {
        let text = format!("id,b\n{text}");
        let Ok(read) = sheet::read(&text) else { return Ok(()) };
        let mut other = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let rows = other.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>());
        let wanted: Vec<Vec<String>> =
            rows.filter(|row| row.len() == 2 && row.iter().any(|cell| !cell.is_empty())).collect();
        prop_assert_eq!(read.rows.into_iter().map(|row| row.cells).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_table_tells_each_problem_with_its_line() {
    let problems = |text: &str| match sheet::read(text) {
        Ok(sheet) => sheet.problems.iter().map(|one| format!("{}: {}", one.line, one.message)).collect::<Vec<_>>(),
        Err(problems) => problems.iter().map(|one| format!("{}: {}", one.line, one.message)).collect(),
    };
    for (text, wanted) in [
        ("id,b\nR,\"x\nS,y\nT,z\n", &["2: this line opens a quote that is never closed"][..]),
        ("id,b\r\nR,\"x\r\ny\"\r\n\r\nS,\"y\r\n", &["5: this line opens a quote that is never closed"]),
        ("id,b\nR,\"x\" y\n", &["2: a text follows the quote that closes its cell; write a quote within a cell twice"]),
        ("id,b\nR, \"x\"\n", &["2: blanks before a quote; remove them, or put the whole cell in quotes"]),
        (
            "\n\nid,b, id ,b\nR,1,2,3\n",
            &[
                "3: the column `id` appears twice, as column 1 and 3",
                "3: the column `b` appears twice, as column 2 and 4",
            ],
        ),
        ("id,,b\nR,1,2\n", &["1: column 2 has no name"]),
        (
            "id,b\r\nR\r\n\r\nS,1,2\r\n",
            &["2: the row has 1 cell, the first line 2 cells", "4: the row has 3 cells, the first line 2 cells"],
        ),
        ("\n \n", &["2: the first line names the columns, and there is none"]),
        ("\n , \nR,1\n", &["2: column 1 has no name", "2: column 2 has no name"]),
        ("", &["1: the first line names the columns, and there is none"]),
    ] {
        assert_eq!(problems(text), wanted, "{text:?}");
    }
}

#[test]
fn marks_separators_line_ends_and_empty_rows_of_spreadsheets_are_read() {
    for text in [
        "\u{feff}id;b;;\r\nR;\"x;y\";;\r\n;;;\r\nS;z,;;\r\n",
        "id\tb\nR\tx;y\n\n\t\nS\tz,",
        "\"id\",\" b \"\rR,x;y\rS,\"z,\"",
    ] {
        let sheet = sheet::read(text).unwrap_or_else(|problems| panic!("{problems:?} {text:?}"));
        assert_eq!(sheet.names, ["id", "b"], "{text:?}");
        let cells: Vec<&[String]> = sheet.rows.iter().map(|row| row.cells.as_slice()).collect();
        assert_eq!(cells, [["R", "x;y"], ["S", "z,"]], "{text:?}");
    }
    let lines = |text: &str| sheet::read(text).expect("a table").rows.iter().map(|row| row.line).collect::<Vec<_>>();
    assert_eq!(lines("id,b\r\n1,a\r\n2,\"b\r\nb\"\r\n\r\n3,c\r\n"), [2, 3, 6]);
    assert_eq!(lines("id,b\n\n\n1,\"a\n\"\"\n\"\n2,b"), [4, 7]);
}

#[test]
fn comments_stay_with_their_rules_and_everything_else_as_it_is() {
    let old = "# above\napiVersion: casebook/v1 # v\nkind: Rules\nname: routing\nrules: # all\n  # on the first\n  - id: R-1\n    \
               when: { title: \"a # b\" } # why\n    then: { queue: answer }\n  # on the second\n  - { id: R-2, when: { tier: paid }, \
               then: { queue: forward } } # last\n# the rest\ndefault: { queue: close } # end\n";
    let rows = [["id", "title", "tier", "then queue"], ["R-2", "-", "paid", "answer"], ["R-3", "no", "-", "close"]];
    let rows: Vec<rules::Row> = rows.map(|row| row.map(str::to_owned).into()).into();
    let new = rules::with_table(&document(old), &rows).expect("a text");
    assert_eq!(
        new,
        "# above\napiVersion: casebook/v1 # v\nkind: Rules\nname: routing\ntable:\n  # all\n  # on the first\n  # why\n  \
         - [id, title, tier, then queue]\n  # on the second\n  # last\n  - [R-2, \"-\", paid, answer]\n  - [R-3, \"no\", \"-\", close]\n# the rest\ndefault: { queue: close } # end\n"
    );
    let again = rules::with_table(&document(&new), &rows).expect("a text");
    assert_eq!(again, new);
    let json = r#"{"apiVersion": "casebook/v1", "kind": "Rules", "name": "routing", "table": [["id", "then queue"], ["R", "answer"]], "hit": "first"}"#;
    let new = rules::with_table(&document(json), &rows).expect("a text");
    let value: Value = serde_json::from_str(&new).expect("JSON stays JSON");
    assert_eq!((&value["table"][1][2], &value["hit"]), (&json!("paid"), &json!("first")), "{new}");
    let flow = "{ apiVersion: casebook/v1, kind: Rules, name: routing, hit: first,\n  rules: [ { id: R, then: { queue: answer }, \
                when: { tier: paid } } ] } # end\n";
    let new = rules::with_table(&document(flow), &rows).expect("a text");
    assert_eq!(said(&document(&new)).len(), 2, "{new}");
    for bare in ["name: routing\n", "name: routing # only this\n", "name: routing"] {
        let new = rules::with_table(&document(&format!("apiVersion: casebook/v1\nkind: Rules\n{bare}")), &rows)
            .expect("a text");
        assert_eq!(said(&document(&new)).len(), 2, "{new}");
    }
    let odd = "apiVersion: casebook/v1\nkind: Rules\nname: routing\n? rules\n: - { id: R, then: { queue: answer }, when: { tier: paid } }\n";
    if let Ok(new) = rules::with_table(&document(odd), &rows) {
        assert_eq!(said(&document(&new)).len(), 2, "{new}");
    }
}

#[test]
fn every_rule_set_that_is_shipped_survives_csv() {
    let mut count = 0;
    for folder in [packs::scenarios(), packs::scenarios().join("../docs/cookbook"), packs::tests().join("packs")] {
        for pack in source::read(&[folder]).packs {
            for file in &pack.files {
                let drafts = spec::read(file, &mut Vec::new(), &mut Report::default());
                let documents = drafts.iter().filter(|draft| draft.kind == Kind::Rules && draft.extends().is_none());
                let documents: Vec<Document> =
                    documents.filter_map(|draft| draft.finish(&mut Report::default()).ok()).collect();
                let [one] = documents.as_slice() else { continue };
                let Ok(rows) = rules::export(one) else { continue };
                let text = rules::with_table(one, &through_csv(&rows)).unwrap_or_else(|problem| panic!("{problem}"));
                assert_eq!(outline(&file.path, None), outline(&file.path, Some(&text)), "{text}");
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count}");
}

/// What the rules of a pack say, a file of it with another text; nothing where the pack cannot be read without plugins.
fn outline(path: &Path, text: Option<&str>) -> Option<Value> {
    let mut sources = source::read(&[path.to_path_buf()]);
    sources.change(&|file| text.filter(|_| *file.path == *path).map(str::to_owned));
    let compiled = compile(&sources, 1);
    let catalog = compiled.catalog?;
    let mut rules = casebook_analysis::outline::of(&catalog.packs()[0])["rules"].clone();
    rules.as_array_mut()?.iter_mut().for_each(sort_conditions);
    Some(rules)
}

/// Sorts what the sentences of some rules ask for: in a table, the columns give it an order.
fn sort_conditions(rules: &mut Value) {
    rules.as_object_mut().expect("a map").remove("policy");
    for rule in rules["rules"].as_array_mut().expect("a list") {
        let sentence = rule["sentence"].as_str().expect("a text");
        let (conditions, rest) = sentence.split_once(": ").expect("conditions, and what follows");
        let mut words: Vec<&str> =
            conditions.split([' ', ',']).filter(|word| !["", "and", "When", "when"].contains(word)).collect();
        words.sort_unstable();
        rule["sentence"] = json!([words, rest]);
    }
}

#[test]
fn a_dash_at_the_end_of_a_text_in_brackets_is_read() {
    let text = "apiVersion: casebook/v1\nkind: Rules\nname: routing\ntable:\n  - [id, title, then queue, because]\n  \
                - [R-1, ask first -, answer, a - b -] # [x -]\n  - [R-2, \"quoted -, too\", close, or\n     not -]\n  \
                - [R-é, -x -, close, é -]\nlists: { friends: [a.example], x: [b.example -] }\n";
    let document = document(text);
    let said = said(&document);
    assert_eq!((&said[0]["when"]["title"]["eq"], &said[0]["because"]), (&json!("ask first -"), &json!("a - b -")));
    assert_eq!((&said[1]["when"]["title"]["eq"], &said[1]["because"]), (&json!("quoted -, too"), &json!("or not -")));
    assert_eq!((&said[2]["when"]["title"]["eq"], &said[2]["because"]), (&json!("-x -"), &json!("é -")));
    let (_, span) = document.place("/table/3/3");
    assert_eq!(&text[span], "é -");
    for wrong in ["[a, -]", "[-, a]", "{ a: - }", "[a, &x -]", "[a # b\n -]", "[ask first -, {a: -}]"] {
        let file = SourceFile::new("x.yaml".as_ref(), &format!("a: {wrong}\n"));
        let mut report = Report::default();
        spec::read(&file, &mut Vec::new(), &mut report);
        assert!(report.render(false).contains("CB101"), "{wrong}: {}", report.render(false));
    }
}

#[test]
fn a_key_that_stands_twice_is_no_json() {
    assert_eq!(
        strictly::strict(r#"{"a": 1, "b": {"c": [], "c": 2}}"#).expect_err("no JSON"),
        "the key `c` appears twice (column 27)"
    );
    assert_eq!(strictly::strict(r#"{"a": 1e400}"#).expect_err("no JSON"), "number out of range (column 11)");
    let value =
        strictly::strict(r#"{"a": [null, true, -1, 18446744073709551615, 0.1, "x\u0000"], "": {}}"#).expect("JSON");
    assert_eq!(value, json!({ "a": [null, true, -1, 18_446_744_073_709_551_615_u64, 0.1, "x\0"], "": {} }));
}
