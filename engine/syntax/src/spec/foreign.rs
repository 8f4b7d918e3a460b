//! Words that other languages have for operators and keys, and what to write here.
//!
//! A word that means exactly what an operator means can be replaced by a program. One that is near in letters and far in
//! meaning gets a sentence instead.

use serde_json::Value;

use crate::diagnostic::Hint;

/// Operators, with the words that mean the same.
const SPELLINGS: [(&str, &[&str]); 21] = [
    ("eq", &["=", "==", "===", "is", "equals", "equal", "equal_to", "same_as"]),
    (
        "ne",
        &["!=", "!==", "<>", "neq", "not_eq", "not_equal", "not_equals", "not_equal_to", "is_not", "isnt", "unequal"],
    ),
    (
        "gt",
        &[
            ">",
            "above",
            "over",
            "more_than",
            "greater",
            "greater_than",
            "higher_than",
            "exceeds",
            "after",
            "later_than",
        ],
    ),
    (
        "gte",
        &[
            ">=",
            "=>",
            "≥",
            "ge",
            "geq",
            "gt_e",
            "gt_eq",
            "min",
            "minimum",
            "at_least",
            "atleast",
            "from",
            "since",
            "greater_or_equal",
            "greater_than_or_equal",
            "not_less_than",
            "no_less_than",
        ],
    ),
    ("lt", &["<", "below", "under", "less", "less_than", "lower_than", "fewer_than", "before", "earlier_than"]),
    (
        "lte",
        &[
            "<=",
            "=<",
            "≤",
            "le",
            "leq",
            "lt_e",
            "lt_eq",
            "max",
            "maximum",
            "at_most",
            "atmost",
            "up_to",
            "less_or_equal",
            "less_than_or_equal",
            "not_more_than",
            "no_more_than",
        ],
    ),
    ("in", &["one_of", "is_in", "in_list", "is_one_of", "among"]),
    ("between", &["range", "in_range", "within_range"]),
    ("matches", &["match", "regex", "regexp", "pattern", "matches_regex"]),
    ("starts_with", &["startswith", "begins_with", "prefix"]),
    ("ends_with", &["endswith", "suffix"]),
    ("contains_any", &["contains_one_of", "contains_some"]),
    ("has_any", &["has_one_of", "has_some"]),
    ("every", &["each", "for_all"]),
    ("only", &["subset_of"]),
    ("weekday", &["weekdays", "day_of_week", "dow"]),
    ("time_of_day", &["hours", "between_hours"]),
    ("calendar", &["dates", "holidays"]),
    ("zone", &["tz", "timezone", "time_zone"]),
    // Of declarations.
    ("min", &["minimum", "gte", "ge", "at_least"]),
    ("max", &["maximum", "lte", "le", "at_most"]),
];

/// Words for which there is no one operator, with what to write.
const NOTES: [(&[&str], &str); 7] = [
    (
        &["newer_than", "younger_than", "newer", "younger", "in_last", "in_the_last", "within_last", "last"],
        "write `within`, such as `within: 48h`: at most so long before the clock, and not after it",
    ),
    (
        &["within_next", "in_next", "in_the_next", "next", "due_in", "due_within", "in_future", "future", "upcoming"],
        "write `ahead`, such as `ahead: 48h`: at most so long after the clock, and not before it",
    ),
    (&["until", "till", "to"], "write `lt`, or `lte` if the bound itself is meant as well"),
    (
        &["is_null", "null", "missing", "absent", "is_missing", "is_empty", "empty", "defined", "is_set", "present"],
        "write `exists: true` for an item that has the field, and `exists: false` for one that has not",
    ),
    (
        &["has", "have", "includes", "include", "holds"],
        "write `contains` for a text or a list of texts, `has_any: [...]` for a set, and `some: { ... }` for a list of \
         objects",
    ),
    (&["length", "size", "len"], "write `count`, such as `count: { gte: 2 }`, for the entries of a list or set"),
    (
        &["xor", "and", "or"],
        "conditions that must all hold are written into one map; list those of which one must hold under `any`, next to the fields",
    ),
];

/// What to write in place of a word that is not an operator, for a field and with what is written behind the word.
///
/// The operators are those that are possible at the place: a count has fewer than a field.
pub fn foreign_operator(word: &str, field: &str, operand: &Value, operators: &[&str]) -> Option<Hint> {
    let plain = word.trim().trim_start_matches('$').to_lowercase().replace(['-', ' '], "_");
    let itself = || operators.iter().copied().find(|operator| *operator == plain);
    if let Some(operator) = itself().or_else(|| spelling(&plain, operators)) {
        return Some(Hint::from(format!("write `{operator}`")).replacing(word, operator));
    }
    // Others are about a field alone.
    if !operators.contains(&"older_than") {
        return None;
    }
    if plain == "not" {
        return Some(match operand {
            Value::String(_) | Value::Number(_) | Value::Bool(_) => Hint::from("write `ne`").replacing(word, "ne"),
            _ => denied(field, &brief(operand)),
        });
    }
    if let Some(mut operator) = denied_operator(&plain, operators) {
        if operator == "contains" && operand.is_array() {
            operator.push_str("_any");
        }
        return Some(denied(field, &format!("{{ {operator}: {} }}", brief(operand))));
    }
    let hint = match (plain.as_str(), operand) {
        ("any" | "all", Value::Object(_)) => {
            let operator = if plain == "any" { "some" } else { "every" };
            format!("for the entries of a list write `{operator}`; `{plain}` lists conditions, next to the fields")
        }
        ("any" | "any_of" | "all" | "all_of", _) => {
            let which = plain.trim_end_matches("_of");
            let one = if which == "any" { ", `in` for one value out of several" } else { "" };
            format!("write `has_{which}` for a set, `contains_{which}` for a text or a list{one}")
        }
        _ => NOTES.iter().find(|(words, _)| words.contains(&plain.as_str()))?.1.to_owned(),
    };
    Some(hint.into())
}

/// What to write in place of a key that is not one here, and says the opposite of one: `hidden` of `visible`.
pub(super) fn foreign_key(word: &str, operand: &Value, known: &[&str]) -> Option<Hint> {
    let knows = |key: &str| known.contains(&key);
    let on = operand.as_bool() != Some(false);
    let hint = match word.to_lowercase().as_str() {
        "hidden" | "secret" | "private" | "invisible" if knows("visible") && on => {
            "write `visible: false`, which hides it from agents"
        }
        "hidden" | "secret" | "private" | "invisible" if knows("visible") => {
            "remove it: agents see it unless it has `visible: false`"
        }
        "required" | "mandatory" if knows("optional") && on => {
            "remove it: it is required unless it has `optional: true`"
        }
        "required" | "mandatory" if knows("optional") => "write `optional: true`",
        "nullable" if knows("optional") && on => "write `optional: true`",
        "enabled" | "active" | "disabled" | "inactive" if knows("mode") && knows("then") => {
            "write `mode: test` for a rule that decides nothing yet, and no `mode` for one that decides"
        }
        _ => return None,
    };
    Some(hint.into())
}

/// What to write for a word that other languages have for one of the possible values: the name of a type, or a setting.
pub(super) fn foreign_word(word: &str, known: &[&str]) -> Option<Hint> {
    const WORDS: [(&str, &[&str]); 16] = [
        ("text", &["string", "str", "char", "varchar"]),
        ("number", &["float", "double", "decimal", "real", "money"]),
        ("integer", &["int", "long", "uint"]),
        ("boolean", &["bool", "flag", "bit"]),
        ("timestamp", &["date", "datetime", "date-time", "moment", "time"]),
        ("duration", &["interval", "timespan", "timedelta"]),
        ("enum", &["choice", "select", "category"]),
        ("list", &["array", "sequence", "tuple"]),
        ("object", &["map", "dict", "struct", "record"]),
        ("collect", &["all", "every", "any"]),
        ("first", &["priority", "first_match", "top", "ordered"]),
        ("low", &["minor", "trivial"]),
        ("normal", &["medium", "moderate", "default"]),
        ("high", &["major", "severe", "important"]),
        ("critical", &["urgent", "blocker", "fatal", "highest"]),
        ("shuffled", &["random", "shuffle", "randomized"]),
    ];
    let wanted = word.to_lowercase();
    let name = WORDS.iter().find(|(name, words)| known.contains(name) && words.contains(&wanted.as_str()))?.0;
    let hint = Hint::from(format!("write `{name}`"));
    // What a setting means exactly is for its author to see.
    Some(if known.contains(&"text") { hint.replacing(word, name) } else { hint })
}

fn spelling(word: &str, operators: &[&str]) -> Option<&'static str> {
    let means = |(operator, words): &&(&str, &[&str])| operators.contains(operator) && words.contains(&word);
    SPELLINGS.iter().find(means).map(|(operator, _)| *operator)
}

/// The operator that a word denies, such as `domain_in` of `domain_not_in`.
fn denied_operator(word: &str, operators: &[&str]) -> Option<String> {
    const NEGATIONS: [&str; 9] = ["not", "no", "none", "never", "isnt", "without", "doesnt", "nin", "notin"];
    const IDLE: [&str; 3] = ["does", "is", "of"];
    let (bang, bare) = word.strip_prefix('!').map_or((false, word), |bare| (true, bare));
    let parts: Vec<&str> = bare.split('_').filter(|part| !part.is_empty()).collect();
    let is_denied = bang || parts.iter().any(|part| NEGATIONS.contains(part));
    let kept: Vec<&str> =
        parts.iter().copied().filter(|part| !NEGATIONS.contains(part) && !IDLE.contains(part)).collect();
    let rest = kept.join("_");
    let operator = match rest.as_str() {
        "" if parts.iter().any(|part| matches!(*part, "nin" | "notin" | "none")) => "in",
        "has" | "have" => "has_any",
        "contain" | "includes" | "include" => "contains",
        "in" | "domain_in" | "contains" | "contains_any" | "contains_all" | "has_any" | "has_all" | "only"
        | "between" | "matches" | "starts_with" | "ends_with" | "older_than" | "within" | "ahead" | "calendar"
        | "weekday" | "time_of_day" => &rest,
        "domain" => "domain_in",
        "exists" => "exists",
        other => spelling(other, operators)?,
    };
    is_denied.then(|| operator.to_owned())
}

fn denied(field: &str, condition: &str) -> Hint {
    format!("write `not: {{ {field}: {condition} }}` next to the fields, or put `{field}: {condition}` under the rule's `except`")
        .into()
}

/// A short value as it is written in a document, else dots.
pub(super) fn brief(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Array(entries) if entries.iter().all(|entry| !entry.is_array() && !entry.is_object()) => {
            let entries: Vec<String> = entries.iter().map(brief).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(map) if map.values().all(|value| !value.is_object()) => {
            let entries: Vec<String> = map.iter().map(|(key, value)| format!("{key}: {}", brief(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => "...".to_owned(),
        plain => plain.to_string(),
    };
    if text.chars().count() > LONGEST || text.contains('\n') { "...".to_owned() } else { text }
}
