//! Tables: a text stays the text that was written, whatever it looks like, and rules survive the way through a table.

use casebook_core::{
    audit,
    diagnostic::Report,
    rules,
    source::SourceFile,
    spec::{self, Content, Document, Rule},
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
    let outcome = audit::run(&packs::catalog(&files).packs()[0], "texts");
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
