//! What a word is: the table in `docs/language.md`, and texts at random held against a plain reading of the definition.

use std::fs;

use casebook_runtime::{
    model::{Datum, Matching, Text},
    rules::Facts,
    settings::Hit,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class};
use unicode_segmentation::UnicodeSegmentation;

use super::{
    packs,
    proofs::{Compiler, Made},
};

/// The column of free texts in the small worlds.
const SUBJECT: usize = 4;

const MATCHINGS: [Matching; 4] = [
    Matching { whole_words: true, case_sensitive: false },
    Matching { whole_words: true, case_sensitive: true },
    Matching { whole_words: false, case_sensitive: false },
    Matching { whole_words: false, case_sensitive: true },
];

/// Whether a condition on the subject holds for a text.
fn holds(compiler: &Compiler, condition: &Value, text: &str) -> bool {
    let made = Made {
        when: json!({ "subject": condition }),
        except: None,
        then: vec![(0, Datum::Choice(0))],
        trial: false,
        valid: (None, None),
    };
    let set = compiler.set(&[made], Hit::First, None);
    let mut fields = vec![None; compiler.fields.len()];
    fields[SUBJECT] = Some(Datum::text(text));
    set.rules[0].matches(Facts { fields: &fields, clock: None })
}

#[test]
fn the_table_in_the_docs_is_so() {
    let docs = fs::read_to_string(packs::scenarios().join("../docs/language.md")).expect("the docs");
    let (_, section) = docs.split_once("\n## What is a word\n").expect("the section");
    let section = section.split_once("\n## ").map_or(section, |(section, _)| section);
    let compiler = Compiler::new();
    let mut seen = 0;
    for row in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [condition, texts, others] = cells[..] else { panic!("{row}") };
        let code = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let condition: Value = serde_yaml::from_str(&format!("{{ {} }}", code(condition)[0])).expect("a condition");
        for (cell, wanted) in [(texts, true), (others, false)] {
            for text in code(cell) {
                let text: String = serde_json::from_str(&format!("\"{}\"", text.replace('"', "\\\""))).expect("a text");
                assert_eq!(holds(&compiler, &condition, &text), wanted, "{condition} and {text:?}: {row}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen} examples");
}

/// Pieces of texts: letters that fold and compose, signs, blanks, marks, scripts without spaces, what nobody sees.
fn piece() -> impl Strategy<Value = &'static str> {
    let letters = prop::sample::select(vec![
        "a", "b", "A", "B", "k", "K", "\u{212a}", "s", "ſ", "ß", "ẞ", "ss", "fi", "ﬁ", "é", "e\u{301}", "É", "e", "σ",
        "ς", "Σ", "İ", "i", "ı", "ñ", "n\u{303}", "Å", "\u{212b}", "ŉ", "ǰ", "ΐ", "ᾳ", "1", "5", "00", "ａ", "Ａ",
        "５", "𝐚", "x",
    ]);
    let signs = prop::sample::select(vec![
        "+",
        "#",
        "$",
        "%",
        "&",
        "-",
        ".",
        ":",
        ",",
        "'",
        "’",
        "´",
        "\"",
        "“",
        "—",
        "−",
        "[",
        "]",
        "/",
        "@",
        "_",
        "…",
        "！",
        "™",
        "👍",
        "👍🏽",
        "👩\u{200d}🚀",
        "👩",
        "🚀",
        "__",
        "🇩🇪",
        "🇧🇩",
        "🇪",
        "🏽",
        "\u{301}",
        "\u{327}",
        "\u{345}",
    ]);
    let blanks = prop::sample::select(vec![" ", "  ", "\n", "\u{a0}", "\u{3000}", "\t"]);
    let scripts = prop::sample::select(vec![
        "漢",
        "字",
        "か",
        "カ",
        "タ",
        "ﾊ\u{ff9f}",
        "パ",
        "ก",
        "ไท",
        "한",
        "국",
        "\u{1112}\u{1161}\u{11ab}",
        "ש",
        "ب",
        "क",
        "\u{93f}",
        "क्ष",
        "ี",
        "กำ",
        "ক",
        "\u{9c7}",
        "\u{9be}",
    ]);
    let unseen = prop::sample::select(vec!["\u{ad}", "\u{200b}", "\u{200d}", "\u{feff}", "\u{fe0f}"]);
    prop_oneof![6 => letters, 4 => signs, 4 => blanks, 2 => scripts, 1 => unseen]
}

fn text(most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..most).prop_map(|pieces| pieces.concat())
}

/// A text, and one that may stand in it.
fn pair() -> impl Strategy<Value = (String, String)> {
    let apart = (text(12), text(4));
    let within = (text(5), text(4), text(5)).prop_map(|(a, b, c)| (format!("{a}{b}{c}"), b));
    prop_oneof![apart, within]
}

/// Whether a text stands in another one at a byte, read off the definition.
fn stands(form: &str, needle: &str, at: usize, whole_words: bool) -> bool {
    let edge = |at: usize| {
        let (before, behind) = form.split_at(at);
        if before.is_empty() || behind.is_empty() || before.ends_with(' ') || behind.starts_with(' ') {
            return true;
        }
        let splits_mark = behind.starts_with(|c| canonical_combining_class(c) != 0)
            || !behind.is_char_boundary(1) && form.grapheme_indices(true).all(|(start, _)| start != at);
        let splits_word = form.split_word_bound_indices().any(|(start, word)| {
            let inside = start < at && at < start + word.len();
            // A colon ends a word, and what Unicode does not call a word cannot be divided.
            inside && word.chars().any(|c| c.is_alphanumeric() || c == '_') && {
                let colon = |(own, _): (usize, &str)| at == start + own || at == start + own + 1;
                let after = word[..at - start].trim_end_matches(|c| canonical_combining_class(c) != 0);
                !word.match_indices(':').any(colon) && !after.ends_with(':')
            }
        });
        !(splits_mark || whole_words && splits_word)
    };
    !needle.is_empty() && form[at..].starts_with(needle) && edge(at) && edge(at + needle.len())
}

/// What the three text operators say, by the definition: holds, starts, ends.
fn reference(text: &Text, needle: &Text, matching: Matching) -> [bool; 3] {
    let [text, needle] = [text, needle].map(|text| if matching.case_sensitive { text.exact() } else { text.folded() });
    let places = || (0..=text.len()).filter(|at| text.is_char_boundary(*at));
    let at = |at: usize| stands(text, needle, at, matching.whole_words);
    [places().any(at), at(0), places().any(|place| place + needle.len() == text.len() && at(place))]
}

fn operators(text: &Text, needle: &Text, matching: Matching) -> [bool; 3] {
    [text.holds(needle, matching), text.starts_with(needle, matching), text.ends_with(needle, matching)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_stands_in_itself_alone_and_between_blanks(needle in text(6)) {
        let one = Text::new(&needle);
        prop_assume!(!one.is_empty());
        let between = Text::new(&format!("x {needle} y"));
        for matching in MATCHINGS {
            prop_assert_eq!(operators(&one, &one, matching), [true; 3]);
            prop_assert!(between.holds(&one, matching), "{:?} {:?}", needle, matching);
        }
        prop_assert!(between.find(&one).next().is_some());
    }

    #[test]
    fn every_normal_form_of_unicode_is_the_same_text(raw in text(12)) {
        let one = Text::new(&raw);
        for other in [raw.nfc().collect::<String>(), raw.nfd().collect()] {
            let other = Text::new(&other);
            prop_assert_eq!(one.exact(), other.exact());
            prop_assert_eq!(one.folded(), other.folded());
            prop_assert!(one == other);
        }
        for form in [one.exact(), one.folded()] {
            prop_assert!(form == form.trim() && !form.contains("  "));
            let again = Text::new(form);
            prop_assert_eq!(again.folded(), one.folded());
        }
        let exact = Text::new(one.exact());
        prop_assert_eq!(exact.exact(), one.exact());
        let folded = Text::new(one.folded());
        prop_assert_eq!(folded.exact(), one.folded());
    }

    #[test]
    fn whole_words_are_parts_and_the_same_spelling_is_the_same_whatever_its_case((raw, needle) in pair()) {
        let (text, needle) = (Text::new(&raw), Text::new(&needle));
        let [words, spelt_words, parts, spelt_parts] =
            MATCHINGS.map(|matching| operators(&text, &needle, matching));
        let implies = |a: [bool; 3], b: [bool; 3]| (0..3).all(|at| !a[at] || b[at]);
        prop_assert!(implies(words, parts) && implies(spelt_words, spelt_parts));
        prop_assert!(implies(spelt_words, words) && implies(spelt_parts, parts));
    }

    #[test]
    fn operators_are_what_the_definition_says((raw, needle) in pair()) {
        let (text, needle) = (Text::new(&raw), Text::new(&needle));
        for matching in MATCHINGS {
            prop_assert_eq!(operators(&text, &needle, matching), reference(&text, &needle, matching));
        }
        let words = reference(&text, &needle, Matching::WORDS);
        prop_assert_eq!(text.find(&needle).next().is_some(), words[0]);
    }
}

/// A test of a text with what it says by the definition.
fn drawn() -> impl Strategy<Value = (String, Vec<String>, usize)> {
    let operator = prop::sample::select(vec!["contains_any", "contains_all", "starts_with", "ends_with", "eq"]);
    (operator, prop::collection::vec(text(4), 1..3), 0..4_usize).prop_map(|(operator, needles, matching)| {
        let filled = |needle: String| if Text::new(&needle).is_empty() { "a".to_owned() } else { needle };
        (operator.to_owned(), needles.into_iter().map(filled).collect(), matching)
    })
}

fn expected(text: &Text, (operator, needles, matching): &(String, Vec<String>, usize)) -> bool {
    let matching = MATCHINGS[*matching];
    let mut needles = needles.iter().map(|needle| Text::new(needle));
    let mut first = || needles.next().expect("a needle");
    match operator.as_str() {
        "contains_any" => needles.any(|needle| reference(text, &needle, matching)[0]),
        "contains_all" => needles.all(|needle| reference(text, &needle, matching)[0]),
        "starts_with" => reference(text, &first(), matching)[1],
        "ends_with" => reference(text, &first(), matching)[2],
        _ if matching.case_sensitive => first().exact() == text.exact(),
        _ => first().folded() == text.folded(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn many_rules_and_one_decide_by_the_definition(
        tests in prop::collection::vec(drawn(), 8..30),
        texts in prop::collection::vec(text(10), 1..10),
    ) {
        let compiler = Compiler::new();
        let made: Vec<Made> = tests.iter().map(|(operator, needles, matching)| {
            let operand = if operator.starts_with("contains") { json!(needles) } else { json!(needles[0]) };
            let Matching { whole_words, case_sensitive } = MATCHINGS[*matching];
            let mut condition = json!({ operator: operand, "case_sensitive": case_sensitive });
            if operator != "eq" {
                condition["whole_words"] = whole_words.into();
            }
            Made {
                when: json!({ "subject": condition }),
                except: None,
                then: vec![(0, Datum::Choice(0))],
                trial: false,
                valid: (None, None),
            }
        }).collect();
        let set = compiler.set(&made, Hit::First, None);
        let needles = tests.iter().flat_map(|(_, needles, _)| needles).map(|needle| format!("x {needle} y"));
        for raw in texts.iter().cloned().chain(needles) {
            let text = Text::new(&raw);
            let mut fields = vec![None; compiler.fields.len()];
            fields[SUBJECT] = Some(Datum::text(&raw));
            let facts = Facts { fields: &fields, clock: None };
            let wanted: Vec<usize> = (0..tests.len()).filter(|at| expected(&text, &tests[*at])).collect();
            let plain: Vec<usize> = (0..tests.len()).filter(|at| set.rules[*at].matches(facts)).collect();
            prop_assert_eq!(&plain, &wanted, "{:?}", raw);
            let decided = set.decide(facts).expect("no conflict");
            let first = decided.first().and_then(|one| one.rule).map(|rule| rule.reason.id.clone());
            prop_assert_eq!(first, wanted.first().map(|at| format!("R{at}")), "{:?}", raw);
        }
    }
}

/// `not` and `ne` hold for a field that is not there, by one rule, by many, and in what is proved.
#[test]
fn a_field_that_is_not_there_is_not_equal_to_anything() {
    let compiler = Compiler::new();
    let absent = vec![None; compiler.fields.len()];
    let facts = Facts { fields: &absent, clock: None };
    let made =
        |when: Value| Made { when, except: None, then: vec![(0, Datum::Choice(0))], trial: false, valid: (None, None) };
    for (when, wanted) in [
        (json!({ "note": { "ne": "red" } }), true),
        (json!({ "note": { "ne": "red", "exists": true } }), false),
        (json!({ "not": { "note": "red" } }), true),
        (json!({ "ratio": { "ne": 1 } }), true),
        (json!({ "urgent": { "ne": true } }), true),
        (json!({ "note": { "eq": "red" } }), false),
        (json!({ "note": { "in": ["red"] } }), false),
        (json!({ "ratio": { "lt": 5 } }), false),
        (json!({ "note": { "matches": "^$" } }), false),
    ] {
        for count in [1, 12] {
            let set = compiler.set(&vec![made(when.clone()); count], Hit::First, None);
            assert_eq!(!set.decide(facts).expect("no conflict").is_empty(), wanted, "{when}, {count} rules");
        }
    }
}
