//! States and reset arguments that nothing reads.

use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::Kind,
};
use serde_json::Value;

use super::Parts;

/// Warns of hidden states and of reset arguments that nothing reads; what is misspelt elsewhere would only seem unread.
pub(super) fn check(parts: &Parts<'_>, report: &mut Report) {
    let environment = parts.environment;
    // A plugin may read all of the state.
    if !environment.plugins.is_empty() {
        return;
    }
    let mut texts = Vec::new();
    for kind in [Kind::Environment, Kind::Task, Kind::Rubric, Kind::Policy] {
        parts.documents.of(kind).for_each(|document| collect(&document.value, &mut texts));
    }
    let is_read = |section: &str, name: &str| {
        let reads = |text: &str| {
            let begins = |at: usize| !text[..at].ends_with(is_word);
            text.match_indices(section).any(|(at, _)| begins(at) && reads(&text[at + section.len()..], name))
        };
        texts.iter().any(|text| reads(text))
    };
    let hidden = environment.state.iter().filter(|(_, state)| !state.visible).map(|(name, _)| ("state", "state", name));
    let arguments = environment.reset.iter().flat_map(|reset| reset.arguments.keys());
    let arguments = arguments.map(|name| ("reset/arguments", "reset", name));
    for (place, section, name) in hidden.chain(arguments).filter(|(_, section, name)| !is_read(section, name)) {
        let what = if section == "state" { "state" } else { "reset argument" };
        report.push(
            parts
                .root
                .at_key(Code::NoEffect, format!("/{place}/{name}"), format!("nothing reads the {what} `{name}`"))
                .hint(format!("read it as `{section}.{name}` in an expression or a template, or remove it")),
        );
    }
}

/// Whether what is behind a section's name reads one part of it, or the section as a whole.
fn reads(behind: &str, name: &str) -> bool {
    match behind.strip_prefix('.') {
        Some(rest) => rest.strip_prefix(name).is_some_and(|rest| !rest.starts_with(is_word)),
        None => !behind.starts_with(is_word),
    }
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// The texts of a document.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.contains("state") || text.contains("reset") => texts.push(text),
        Value::Array(list) => list.iter().for_each(|value| collect(value, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}
