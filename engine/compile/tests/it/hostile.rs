//! Files made to take all time or all memory there is: each of these tests shows, by ending, that they cannot.

use std::fmt::Write as _;

use casebook_compile::check::{Compiled, compile};
use casebook_runtime::episode::Episode;
use casebook_syntax::{diagnostic::Code, source};

use super::packs;

fn checked(files: &[(String, String)]) -> Compiled {
    let compiled =
        compile(&source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str()))), 1);
    // Rendering is part of what must end.
    assert!(compiled.report.render(false).len() < 1 << 30);
    compiled
}

/// The codes that the small pack gives with one more file, each once.
fn codes_with(text: String) -> Vec<Code> {
    let mut files = packs::desk();
    files.push(("zz.yaml".to_owned(), text));
    codes(&files)
}

/// The codes that the small pack gives with one text of one file replaced, each once.
fn codes_edited(file: &str, from: &str, to: &str) -> Vec<Code> {
    codes(&packs::desk_files_with(file, from, to))
}

fn codes(files: &[(String, String)]) -> Vec<Code> {
    let mut codes: Vec<Code> = checked(files).report.diagnostics.iter().map(|finding| finding.code).collect();
    codes.sort();
    codes.dedup();
    codes
}

fn repeated(count: usize, line: impl FnMut(usize) -> String) -> String {
    (0..count).map(line).collect()
}

const POLICY: &str = "apiVersion: casebook/v1\nkind: Policy\nname: other\ndefault: { queue: close }\n";

#[test]
fn a_long_text_that_many_aliases_repeat() {
    // 2 MB written, 200 GB unfolded.
    let text = "x".repeat(1_000_000);
    assert_eq!(codes_with(format!("a: &a {text}\nb: [{}]", "*a,".repeat(200_000))), [Code::TooManyNodes]);
}

#[test]
fn anchors_within_anchors() {
    // Every anchor keeps a copy of what it holds: 50 copies of 200,000 values.
    let (open, close): (String, String) = (repeated(50, |at| format!("&a{at} [")), "]".repeat(50));
    assert_eq!(codes_with(format!("a: {open}{}{close}", "1,".repeat(200_000))), [Code::TooManyNodes]);
}

#[test]
fn a_map_of_very_many_keys() {
    let keys = repeated(200_000, |at| format!("k{at}: 1\n"));
    assert_eq!(codes_with(format!("{POLICY}{keys}")), [Code::UnknownKey]);
}

#[test]
fn a_key_that_stands_very_many_times() {
    assert_eq!(codes_with(format!("{POLICY}{}", "name: x\n".repeat(50_000))), [Code::DuplicateKey]);
}

#[test]
fn very_many_documents() {
    assert_eq!(codes_with("---\n".repeat(400_000)), [Code::TooManyNodes]);
}

#[test]
fn very_many_items_each_with_a_mistake() {
    let items = repeated(8_000, |at| format!("  - {{ id: i{at}, fields: {{ titel: x }} }}\n"));
    let codes = codes_with(format!("apiVersion: casebook/v1\nkind: Inbox\nname: many\nitems:\n{items}"));
    assert_eq!(codes, [Code::MissingKey, Code::UnknownName]);
}

#[test]
fn very_many_mistakes_on_one_line() {
    let items = repeated(4_000, |at| format!("{{ id: i{at}, fields: {{ titel: x }} }},"));
    let codes = codes_with(format!("apiVersion: casebook/v1\nkind: Inbox\nname: many\nitems: [{items}]"));
    assert_eq!(codes, [Code::MissingKey, Code::UnknownName]);
}

#[test]
fn very_many_ranks_and_ids() {
    let items = repeated(20_000, |at| {
        format!("  - {{ id: i{at}, fields: {{ title: x, from: a@b.example, tier: free }}, labels: {{ order: 1 }} }}\n")
    });
    let mut files = packs::desk_files_with("environment.yaml", "min: 1, max: 9", "min: 1");
    for (name, text) in &mut files {
        if name == "inbox.yaml" {
            text.push_str(&items);
        }
    }
    assert!(codes(&files).contains(&Code::BadRanks));
}

#[test]
fn line_ends_within_what_is_pointed_at() {
    for text in [
        "a: [\r\r\r\r",
        "a:\r\r\r\r\r",
        "\r\r\r\r\r:",
        "a: \"\r\r\r\r\r\n",
        "\u{1}\r\r\r\r",
        "a: &x\r\r\r\r\r",
        "\r\r\r[\r\r\r\r",
        "- a\r\r\r\r\rb: *c\r\r\r\r\r\r",
        "a: !t\r\r\r\r\r\n",
        "%\r\r\r\r\r",
    ] {
        let set = source::from_texts("any", [("any.yaml", text)]);
        assert!(compile(&set, 1).report.render(false).contains("any.yaml"), "{text:?}");
    }
}

#[test]
fn very_many_unknown_names() {
    let known = repeated(3000, |at| format!("  list{at}: [x.example]\n"));
    let rules = repeated(600, |at| {
        format!("  - {{ when: {{ from: {{ domain_in: lits{at} }} }}, decide: {{ queue: close }} }}\n")
    });
    assert_eq!(codes_with(format!("{POLICY}rules:\n{rules}lists:\n{known}")), [Code::UnknownName]);
}

#[test]
fn a_name_of_very_many_letters() {
    let long = "x".repeat(200_000);
    assert_eq!(codes_edited("task.yaml", "inbox: monday", &format!("inbox: {long}")), [Code::UnknownName]);
    assert_eq!(codes_edited("rules.yaml", "hit: unique", &format!("hit: {long}")), [Code::NotAllowed]);
    assert_eq!(codes_edited("rules.yaml", "hit: unique", &format!("? {long}\n: unique")), [Code::UnknownKey]);
}

#[test]
fn an_enum_of_very_many_values() {
    // A table of every pair would take terabytes.
    let values = repeated(300_000, |at| format!("v{at},"));
    let mut files = packs::desk_files_with(
        "environment.yaml",
        "[answer, forward, close]",
        &format!("[answer, forward, close, {values}]"),
    );
    for (_, text) in &mut files {
        *text = text.replace("grader: exact", "grader: matrix");
    }
    assert_eq!(codes(&files), [Code::OutOfBounds]);
}

#[test]
fn very_many_fields() {
    let fields = repeated(20_000, |at| format!("    f{at}: {{ type: text }}\n"));
    assert_eq!(codes_edited("environment.yaml", "    tier:", &format!("{fields}    tier:")), [Code::OutOfBounds]);
}

#[test]
fn more_forms_than_a_number_can_count() {
    // 2^64 forms: a product that wraps round would be 0.
    let vary = repeated(64, |at| format!("  n{at}x: {{ one_of: [{{ word: a }}, {{ word: b }}] }}\n"));
    let uses = repeated(64, |at| format!("{{{{ vary.n{at}x.word }}}}"));
    let mut files = packs::desk_files_with("task.yaml", "vary:\n", &format!("vary:\n{vary}"));
    for (_, text) in &mut files {
        *text = text.replace("title: Refund please", &format!("title: \"{uses}\""));
    }
    assert_eq!(codes(&files), [Code::BadDeclaration]);
}

#[test]
fn many_tasks_of_one_large_inbox() {
    // Each task has its own forms of every item: 200 tasks, 500 items, 2 forms, 5 KB each.
    let items = repeated(500, |at| {
        let body = "long ".repeat(1000);
        format!(
            "  - {{ id: i{at}, fields: {{ title: \"{{{{ vary.thing.word }}}} {body}\", from: a@b.example, tier: free }}, labels: {{ order: {} }} }}\n",
            at + 1
        )
    });
    let mut tasks = String::new();
    let desk = packs::desk();
    let task = &desk.iter().find(|(name, _)| name == "task.yaml").expect("a task").1;
    for at in 0..200 {
        let _ = write!(
            tasks,
            "---\n{}",
            task.replace("name: monday", &format!("name: t{at}")).replace("inbox: monday", "inbox: many")
        );
    }
    let mut files = packs::desk_files_with("environment.yaml", "min: 1, max: 9", "min: 1");
    files.push(("many.yaml".to_owned(), format!("apiVersion: casebook/v1\nkind: Inbox\nname: many\nitems:\n{items}")));
    files.push(("tasks.yaml".to_owned(), tasks));
    assert!(codes(&files).contains(&Code::TooLarge));
}

#[test]
fn references_in_a_long_chain() {
    let nodes = repeated(20_000, |at| format!("    - {{ name: n{at}, weight: 0, ref: n{} }}\n", at + 1));
    let last = "    - { name: n20000, weight: 0, grader: completion }\n";
    assert_eq!(
        codes_edited("rubric.yaml", "  weighted_sum:\n", &format!("  weighted_sum:\n{nodes}{last}")),
        [Code::TooManyNodes]
    );
}

#[test]
fn very_many_large_regular_expressions() {
    let rules = repeated(3000, |at| {
        format!("  - {{ when: {{ title: {{ matches: 'x{at}' }} }}, decide: {{ queue: close }} }}\n")
    });
    assert_eq!(codes_with(format!("{POLICY}rules:\n{rules}")), [Code::TooManyNodes]);
    assert_eq!(
        codes_with(format!(
            "{POLICY}rules: [{{ when: {{ title: {{ matches: '(\\w{{99}}){{99}}' }} }}, decide: {{ queue: close }} }}]"
        )),
        [Code::BadRegex]
    );
}

#[test]
fn templates_that_grow() {
    let doubled = "{% set a = 'xxxxxxxx' %}".to_owned() + &"{% set a = a ~ a %}".repeat(60) + "{{ a }}";
    let nested = "{% for a in ['xxxxxxxx'] %}".to_owned()
        + &repeated(20, |_| "{% for a in [a ~ a ~ a ~ a ~ a ~ a ~ a ~ a] %}".to_owned())
        + &"{% endfor %}".repeat(21);
    let filtered = "{{ 'xx'".to_owned() + &" | replace('x', 'xxxxxxxx')".repeat(20) + " }}";
    let quoted = "{{ '\"'".to_owned() + &" | tojson".repeat(60) + " }}";
    let recursive = "{% macro m(a) %}{{ m(a ~ a) }}{% endmacro %}{{ m('xxxxxxxx') }}".to_owned();
    let looped = "{% for a in range(9000) %}{{ rules.routing.policy }}{% endfor %}".repeat(40);
    let multiplied = "{{ 'xxxxxxxxxx' * 9999999 }}".to_owned();
    for template in [doubled, nested, filtered, quoted, recursive, looped, multiplied] {
        let codes = codes_edited("task.yaml", "{{ rubric.weights }}", &template);
        assert_eq!(codes, [Code::BadTemplate], "{template}");
    }
}

#[test]
fn what_a_parser_likes_least() {
    for text in [
        "- ".repeat(200_000),
        "[".repeat(200_000),
        "{".repeat(200_000),
        "? ".repeat(200_000),
        "a: ".repeat(200_000),
        "\"".to_owned() + &"\\n".repeat(200_000),
        "'".to_owned() + &"x\n".repeat(200_000),
        "a: |\n".to_owned() + &" \n".repeat(200_000) + "b",
        "&a ".repeat(100_000),
        "!t ".repeat(100_000),
        "%X\n".repeat(100_000),
        "# c\n".repeat(200_000),
        "\u{85}\u{2028}\r".repeat(100_000),
        "*".repeat(200_000),
        "\0".repeat(1000),
        "\u{feff}".repeat(1000),
        "a:\n".to_owned() + &repeated(2000, |at| " ".repeat(at + 1) + "a:\n"),
        "x ".repeat(500_000) + ": y",
        repeated(100_000, |_| "- - -\n".to_owned()),
    ] {
        let start: String = text.chars().take(20).collect();
        assert!(!codes_with(text).is_empty(), "{start:?}");
    }
}

#[test]
fn a_sound_pack_of_a_thousand_items_is_no_attack() {
    let items = repeated(1000, |at| {
        format!(
            "  - {{ id: i{at}, fields: {{ title: \"A {{{{ vary.thing.word }}}}\", from: a@b.example, tier: free }}, labels: {{ order: {} }} }}\n",
            at + 4
        )
    });
    let mut files = packs::desk_files_with("environment.yaml", "min: 1, max: 9", "min: 1");
    for (name, text) in &mut files {
        if name == "inbox.yaml" {
            text.push_str(&items);
        }
    }
    let catalog = packs::catalog(&files);
    let pack = &catalog.packs()[0];
    assert_eq!(pack.tasks()[0].items(), 1003);
    assert!(Episode::reset(pack, &pack.tasks()[0], 0).expect("a start").score().is_ok());
}
