//! Properties of list entries that filters name in quotes, such as `mass` in `packages | sum(attribute='mass')`: the engine of
//! templates takes one that no entry has for nothing, and adds up to 0.

use casebook_runtime::{expression::names_read, model::Column};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, suggest},
    spec::Document,
};

/// Filters that read a property of each entry.
const READERS: [&str; 9] = ["sum", "map", "sort", "groupby", "selectattr", "rejectattr", "min", "max", "unique"];
/// Filters behind which the entries are the same.
const KEEPERS: [&str; 9] =
    ["selectattr", "rejectattr", "sort", "unique", "reverse", "list", "select", "reject", "slice"];

/// Reports a property that a filter reads of a list whose entries have none of that name.
pub(super) fn check(document: &Document, pointer: &str, text: &str, fields: &[Column]) -> Option<Diagnostic> {
    let lists = fields.iter().filter_map(|column| {
        let of = column.of.as_ref().filter(|of| !of.properties.is_empty())?;
        Some((column.name.as_str(), of.properties.iter().map(|one| one.name.as_str()).collect::<Vec<_>>()))
    });
    lists.into_iter().find_map(|(list, known)| unknown(document, pointer, text, (list, &known)))
}

/// The same of one list, with the properties that its entries have.
pub(super) fn unknown(
    document: &Document,
    pointer: &str,
    text: &str,
    (list, known): (&str, &[&str]),
) -> Option<Diagnostic> {
    let is_name = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '.';
    for (at, _) in text.match_indices(list) {
        let (before, behind) = (&text[..at], &text[at + list.len()..]);
        if before.ends_with(|sign: char| is_name(sign) || sign == '\'' || sign == '"') || behind.starts_with(is_name) {
            continue;
        }
        let is_unknown = |name: &String| !known.contains(&name.split('.').next().unwrap_or(name));
        if let Some(name) = attributes(behind).into_iter().find(is_unknown) {
            let message =
                format!("the expression reads `{name}` of the entries of `{list}`, which have no such property");
            let finding = document.at(Code::BadTemplate, pointer, message);
            return Some(finding.maybe_hint(suggest(&name, known.iter().copied())));
        }
    }
    None
}

/// The properties that a chain of filters names, as long as each has the same entries.
fn attributes(mut text: &str) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(rest) = text.trim_start().strip_prefix('|') {
        let rest = rest.trim_start();
        let end = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
        let (filter, rest) = rest.split_at(end);
        let (arguments, behind) = rest.strip_prefix('(').and_then(split_at_end).unwrap_or(("", rest));
        if READERS.contains(&filter) {
            let by_place = ["selectattr", "rejectattr", "groupby"].contains(&filter);
            let first = arguments.split(',').next().unwrap_or_default().trim();
            let named =
                arguments.split(',').find_map(|one| one.trim().strip_prefix("attribute")?.trim().strip_prefix('='));
            let name = named.or((by_place && !first.contains('=')).then_some(first)).map(str::trim);
            found.extend(name.and_then(quoted).map(str::to_owned));
        }
        if filter == "each" {
            // The expression is about each entry, and reads its properties.
            let names = quoted(arguments.trim()).map(|inside| names_read(&format!("{{{{ {inside} }}}}")));
            let mut names: Vec<String> = names.into_iter().flatten().collect();
            names.sort_unstable();
            found.extend(names);
        }
        if !KEEPERS.contains(&filter) {
            break;
        }
        text = behind;
    }
    found
}

/// What is before the bracket that closes a list of arguments, and what is behind it.
fn split_at_end(text: &str) -> Option<(&str, &str)> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, sign) in text.char_indices() {
        match (quote, sign) {
            (Some(open), _) if open == sign => quote = None,
            (None, '\'' | '"') => quote = Some(sign),
            (None, '(') => depth += 1,
            (None, ')') if depth == 0 => return Some((&text[..at], &text[at + 1..])),
            (None, ')') => depth -= 1,
            _ => {}
        }
    }
    None
}

/// A text in quotes.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|sign| ['\'', '"'].contains(sign))?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inside.is_empty() && !inside.contains(quote)).then_some(inside)
}
