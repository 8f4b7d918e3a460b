//! Rules as plain prose, for instructions and pages.

use serde_json::{Map, Value};

use crate::spec::{Condition, Rules};

/// Writes rules as sentences, one a line, in their order.
pub fn policy_text(rules: &Rules) -> String {
    let mut lines: Vec<String> = rules
        .rules
        .iter()
        .map(|rule| {
            let mut line = format!("- When {}", condition(&rule.when));
            if let Some(except) = &rule.except {
                line.push_str(&format!(", except when {}", condition(except)));
            }
            line.push_str(&format!(": {}.", outcome(&rule.then)));
            if let Some(because) = &rule.because {
                line.push_str(&format!(" {because}"));
            }
            line
        })
        .collect();
    if let Some(default) = &rules.default {
        lines.push(format!("- In every other case: {}.", outcome(default)));
    }
    if lines.len() > 2 && rules.hit == crate::spec::Hit::First {
        lines.insert(0, "The first line that matches decides.".to_owned());
    }
    lines.join("\n")
}

fn outcome(then: &Map<String, Value>) -> String {
    join(then.iter().map(|(name, value)| format!("{name} is {}", plain(value))).collect(), "and")
}

fn condition(condition: &Condition) -> String {
    clauses(&condition.0)
}

fn clauses(map: &Map<String, Value>) -> String {
    let parts = map
        .iter()
        .map(|(key, value)| match (key.as_str(), value) {
            ("any", Value::Array(list)) => format!("({})", join(list.iter().map(nested).collect(), "or")),
            ("all", Value::Array(list)) => format!("({})", join(list.iter().map(nested).collect(), "and")),
            ("not", value) => format!("not ({})", nested(value)),
            (field, Value::Object(operators)) => {
                join(operators.iter().filter_map(|(name, value)| operator(field, name, value)).collect(), "and")
            }
            (field, Value::Array(list)) => format!("{field} is {}", join(list.iter().map(plain).collect(), "or")),
            (field, value) => format!("{field} is {}", plain(value)),
        })
        .collect();
    join(parts, "and")
}

fn nested(value: &Value) -> String {
    value.as_object().map(clauses).unwrap_or_default()
}

fn operator(field: &str, name: &str, value: &Value) -> Option<String> {
    let values = || match value {
        Value::Array(list) => join(list.iter().map(plain).collect(), "or"),
        Value::String(list) => format!("in the list `{list}`"),
        other => plain(other),
    };
    Some(match name {
        "eq" => format!("{field} is {}", plain(value)),
        "ne" => format!("{field} is not {}", plain(value)),
        "in" => format!("{field} is {}", values()),
        "gt" => format!("{field} is more than {}", plain(value)),
        "gte" => format!("{field} is at least {}", plain(value)),
        "lt" => format!("{field} is less than {}", plain(value)),
        "lte" => format!("{field} is at most {}", plain(value)),
        "between" => {
            let bounds: Vec<String> = value.as_array().into_iter().flatten().map(plain).collect();
            format!("{field} lies between {}", bounds.join(" and "))
        }
        "contains" => format!("{field} contains \"{}\"", plain(value)),
        "contains_any" => format!("{field} contains {}", values()),
        "contains_all" => format!(
            "{field} contains {}",
            value.as_array().map(|list| join(list.iter().map(plain).collect(), "and")).unwrap_or_default()
        ),
        "starts_with" => format!("{field} starts with \"{}\"", plain(value)),
        "ends_with" => format!("{field} ends with \"{}\"", plain(value)),
        "matches" => format!("{field} matches /{}/", plain(value)),
        "domain_in" => format!("the domain of {field} is {}", values()),
        "exists" => format!("{field} is {}", if value == &Value::Bool(true) { "given" } else { "not given" }),
        "case_sensitive" if value == &Value::Bool(true) => "upper and lower case differ".to_owned(),
        "whole_words" if value == &Value::Bool(false) => "parts of words count".to_owned(),
        _ => return None,
    })
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(mut parts: Vec<String>, word: &str) -> String {
    match parts.len() {
        0 => String::new(),
        1 => parts.remove(0),
        _ => {
            let last = parts.pop().unwrap_or_default();
            format!("{} {word} {last}", parts.join(", "))
        }
    }
}
