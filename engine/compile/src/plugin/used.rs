//! An offer of a plugin as a document of a pack uses it.

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    names::list,
    plugin::{Operation, Parts, Plugin, Section, naming},
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::Document,
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

/// The plugins that an environment declares, by name; `None` for one that was refused.
pub(crate) type Declared = IndexMap<String, Option<Arc<Plugin>>>;

/// What a document says about the offer that it uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use<'a> {
    /// The plugin's name.
    pub(crate) plugin: &'a str,
    /// The offer's name; may be left out where there is one of the kind.
    pub(crate) offer: Option<&'a str>,
}

/// Finds the offer of a kind that is used at a place, by its position, and checks the parameters; the pointer leads to what
/// holds `plugin`, `use` and `with`.
pub(crate) fn used(
    (document, pointer): (&Document, &str),
    plugins: &Declared,
    operation: Operation,
    given: Use<'_>,
    report: &mut Report,
) -> Option<(Arc<Plugin>, usize)> {
    let Some(plugin) = plugins.get(given.plugin) else {
        let names = plugins.keys().map(String::as_str);
        let hint = suggest(given.plugin, names)
            .unwrap_or_else(|| format!("add `{}:` to the environment's `plugins:`", given.plugin).into());
        let message = format!("the environment has no plugin `{}`", given.plugin);
        report.push(document.at(Code::UnknownName, format!("{pointer}/plugin"), message).hint(hint));
        return None;
    };
    // One that was refused is told of where it is declared.
    let plugin = plugin.clone()?;
    let at = find((document, pointer), &plugin, operation, given, report)?;
    let found =
        document.check_part(&format!("{pointer}/with"), plugin.description.offers_of(operation)[at].parameters());
    let sound = found.is_empty();
    report.extend(found);
    sound.then_some((plugin, at))
}

fn find(
    (document, pointer): (&Document, &str),
    plugin: &Plugin,
    operation: Operation,
    given: Use<'_>,
    report: &mut Report,
) -> Option<usize> {
    let noun = operation.noun();
    let offers = plugin.description.offers_of(operation);
    let names: Vec<&str> = offers.iter().map(|offer| offer.name()).collect();
    match given.offer {
        _ if names.is_empty() => {
            let kinds = Operation::ALL.iter().filter(|one| !plugin.description.offers_of(**one).is_empty());
            let kinds: Vec<String> = kinds.map(|one| format!("{}s", one.noun())).collect();
            let message = format!("the plugin `{}` offers no {noun}", given.plugin);
            report.push(
                document
                    .at(Code::BadPluginUse, format!("{pointer}/plugin"), message)
                    .hint(format!("it offers {}", kinds.join(" and "))),
            );
            None
        }
        None if names.len() == 1 => Some(0),
        None => {
            let message = format!("the plugin `{}` offers several {noun}s", given.plugin);
            report.push(
                document
                    .at(Code::MissingKey, format!("{pointer}/plugin"), message)
                    .hint(format!("add `use:` with one of {}", list(&names).unwrap_or_default())),
            );
            None
        }
        Some(name) => {
            let at = names.iter().position(|known| *known == name);
            if at.is_none() {
                let message = format!("the plugin `{}` has no {noun} `{name}`", given.plugin);
                report.push(
                    document.at(Code::UnknownName, format!("{pointer}/use"), message).maybe_hint(suggest(name, names)),
                );
            }
            at
        }
    }
}

/// Checks the parameters that name fields of items.
pub(crate) fn check_fields(
    (document, pointer): (&Document, &str),
    with: &Map<String, Value>,
    parameters: &Value,
    fields: &[&Column],
    report: &mut Report,
) {
    for (name, types) in naming(parameters, "x-field") {
        let Some(field) = with.get(name).and_then(Value::as_str) else { continue };
        let place = format!("{pointer}/with/{name}");
        match fields.iter().find(|column| column.name == field) {
            None => {
                let known = fields.iter().map(|column| column.name.as_str());
                report.push(
                    document
                        .at(Code::UnknownName, place, format!("items have no field `{field}` that the plugin may read"))
                        .maybe_hint(suggest(field, known)),
                );
            }
            Some(column) if !types.is_empty() && !types.contains(&column.kind.name()) => report.push(
                document
                    .at(Code::BadPluginUse, place, format!("the field `{field}` is of type `{}`", column.kind.name()))
                    .label(format!("expected a field of the type {}", list(&types).unwrap_or_default()))
                    .hint("name one that suits the plugin"),
            ),
            Some(_) => {}
        }
    }
}

/// Checks that the pack has what a plugin reads by name, among the names and types of a section.
pub(crate) fn check_reads(
    (document, pointer): (&Document, &str),
    plugin: &str,
    (section, parts): (Section, Option<&Parts>),
    known: &[(&str, &str)],
    report: &mut Report,
) {
    for (name, types) in parts.into_iter().flat_map(Parts::named) {
        let found = known.iter().find(|(other, _)| *other == name);
        let section = if section == Section::Hidden { "hidden fields" } else { section.name() };
        let types: Vec<&str> = types.iter().map(String::as_str).collect();
        let (message, hint) = match found {
            None => (
                format!("the plugin `{plugin}` reads `{name}` of the {section}, which does not exist"),
                list(&names(known)).map_or_else(
                    || "the pack has none that the plugin may read".to_owned(),
                    |names| format!("what may be read of it: {names}"),
                ),
            ),
            Some((_, kind)) if !types.is_empty() && !types.contains(kind) => (
                format!("the plugin `{plugin}` reads `{name}` of the {section}, which is of type `{kind}`"),
                format!("it needs one of the type {}", list(&types).unwrap_or_default()),
            ),
            Some(_) => continue,
        };
        report.push(document.at(Code::BadPluginUse, format!("{pointer}/plugin"), message).hint(hint));
    }
}

fn names<'a>(known: &[(&'a str, &str)]) -> Vec<&'a str> {
    known.iter().map(|(name, _)| *name).collect()
}
