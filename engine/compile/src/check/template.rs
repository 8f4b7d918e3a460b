//! Templates, with their errors at the author's own lines.

use casebook_runtime::{
    expression::words,
    names::{list, list_all, nearest},
    scenario::templates::{WRITTEN, as_written, is_template, reads, sole_expression},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Hint, Report, suggest},
    spec::Document,
};
use minijinja::{Environment, Error, ErrorKind, Value, value::ValueKind};
use serde_json::Value as Json;

use super::trial::{MAYBE, Site};

/// The filters that a hint may propose.
const FILTERS: &[&str] = &[
    "abs",
    "batch",
    "bool",
    "capitalize",
    "date",
    "days_until",
    "default",
    "dictsort",
    "each",
    "first",
    "fixed",
    "float",
    "format",
    "groupby",
    "hours",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "listed",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "sentence",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "thousands",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// The tests behind `is` that a hint may propose.
const TESTS: &[&str] = &[
    "boolean", "defined", "even", "false", "float", "in", "integer", "iterable", "lower", "mapping", "none", "number",
    "odd", "sequence", "string", "true", "upper",
];

/// The functions that a hint may propose.
const FUNCTIONS: &[&str] = &["dict", "namespace", "range"];

/// Renders a text that stands at a JSON pointer, once; a text without template syntax is returned as it is.
pub(super) fn render(
    engine: &Environment<'_>,
    document: &Document,
    pointer: &str,
    text: &str,
    context: &Value,
    report: &mut Report,
) -> Option<String> {
    if !is_template(text) {
        return Some(text.to_owned());
    }
    let written = context.get_attr(WRITTEN).is_ok_and(|written| !written.is_undefined());
    let template = if written { as_written(text) } else { text.into() };
    match engine.render_str(&template, context) {
        Ok(text) => Some(text),
        Err(error) => {
            report.push(explain(document, pointer, ("template", text), context, &error));
            None
        }
    }
}

/// The result of a template of an item.
pub(super) enum Filled {
    /// A value.
    Value(Json),
    /// Nothing: it is one expression, and that is null.
    Absent,
}

/// Renders a text of an item; one that is one expression keeps its type where it is `typed`, and null is nothing.
pub(super) fn fill(
    engine: &Environment<'_>,
    document: &Document,
    pointer: &str,
    (text, typed): (&str, bool),
    context: &Value,
    report: &mut Report,
) -> Option<Filled> {
    if !is_template(text) {
        return Some(Filled::Value(text.into()));
    }
    if let Some(expression) = sole_expression(text) {
        let value = engine.compile_expression(expression).and_then(|expression| expression.eval(context));
        let value =
            value.and_then(
                |value| {
                    if value.is_undefined() { Err(Error::from(ErrorKind::UndefinedError)) } else { Ok(value) }
                },
            );
        match value {
            Ok(value) if value.is_none() => return Some(Filled::Absent),
            Ok(value) if typed => {
                return serde_json::to_value(&value).ok().map(Filled::Value);
            }
            Ok(value) if matches!(value.kind(), ValueKind::Seq | ValueKind::Map) => {
                let kind = if value.kind() == ValueKind::Seq { "a list" } else { "a map" };
                report.push(
                    document
                        .at(Code::BadTemplate, pointer, format!("the template gives {kind}, where a text is expected"))
                        .hint("join it, such as `{{ vary.tags | join(', ') }}`; a field of type `list` that is one template takes a whole list"),
                );
                return None;
            }
            Ok(_) => {}
            Err(error) => {
                report.push(explain(document, pointer, ("template", text), context, &error));
                return None;
            }
        }
    }
    let filled = Json::from(render(engine, document, pointer, text, context, report)?);
    let again = |names: &Value| engine.render_str(text, names).map(Json::from).map_err(|error| fails(&error));
    // What prints as its author wrote it is not printed by the engine.
    let own = again(context).ok().filter(|own| *own == filled);
    let site = Site { document, pointer, what: "template", template: text };
    if let Some(found) = own.and_then(|own| site.misprinted(context, &own, again)) {
        report.push(found);
        return None;
    }
    Some(Filled::Value(filled))
}

/// Adds a template that episodes will render, and tries it once.
pub(super) fn add(
    engine: &mut Environment<'static>,
    name: &str,
    document: &Document,
    pointer: &str,
    text: &str,
    sample: &Value,
    report: &mut Report,
) -> Option<()> {
    let added = engine.add_template_owned(name.to_owned(), text.to_owned());
    let render = |names: &Value| engine.get_template(name).and_then(|template| template.render(names));
    let problem = match added.and_then(|()| render(sample)) {
        Ok(rendered) => {
            Site { document, pointer, what: "template", template: text }
                .find(sample, &rendered.into(), |names| render(names).map(Json::from).map_err(|error| fails(&error)))
        }
        Err(error) => Some(explain(document, pointer, ("template", text), sample, &error)),
    };
    let works = problem.is_none();
    report.extend(problem);
    works.then_some(())
}

/// What happens where an expression or a template does not work, in words.
pub(super) fn fails(error: &Error) -> String {
    format!("fails: {}", words(error))
}

/// Reports a name that a template reads and that does not exist, where nothing fails for it: in front of `default`, in `is
/// defined`, or on a way that the sample does not take.
pub(super) fn check_names(document: &Document, pointer: &str, text: &str, context: &Value, report: &mut Report) {
    report.extend(misspelt_name(&Site { document, pointer, what: "template", template: text }, context));
}

/// The same for a template or an expression.
pub(super) fn misspelt_name(site: &Site<'_>, context: &Value) -> Option<Diagnostic> {
    let maybe: Vec<String> = names_at(context, MAYBE).unwrap_or_default();
    let (path, name, exists) = names(site.template).iter().find_map(|name| {
        let root = name.split('.').next().unwrap_or(name);
        let made_here = FUNCTIONS.contains(&root) || site.template.contains(&format!("set {root}"));
        // Below the second name is what a pack computes, except for its data.
        let depth = if root == "data" { usize::MAX } else { 2 };
        // What has no name at all, such as `reset` without arguments, is asked for on purpose; data is written by the author.
        let found = absent(name, depth, context).filter(|(.., exists)| !exists.is_empty() || root == "data");
        found.filter(|(path, ..)| !made_here && !maybe.contains(path))
    })?;
    let message = format!("the {} reads `{path}`, which does not exist", site.what);
    let hint = offer(&name, &exists).or_else(|| Some("write it under `data` of the environment".into()));
    Some(site.document.at(Code::BadTemplate, site.pointer, message).maybe_hint(hint))
}

/// The names that a sample lists under a name; none where it has no such list.
fn names_at(context: &Value, name: &str) -> Option<Vec<String>> {
    let listed = context.get_attr(name).ok().filter(|listed| !listed.is_undefined())?;
    Some(listed.try_iter().ok()?.map(|name| name.to_string()).collect())
}

/// Says what is wrong with a template that does not parse.
pub(super) fn broken(document: &Document, pointer: &str, template: &str, error: &Error) -> Diagnostic {
    explain(document, pointer, ("template", template), &Value::UNDEFINED, error)
}

/// Says what is wrong with an expression.
pub(super) fn explain_expression(
    document: &Document,
    pointer: &str,
    text: &str,
    context: &Value,
    error: &Error,
) -> Diagnostic {
    let what = ("expression", format!("{{{{ {text} }}}}"));
    explain(document, pointer, (what.0, &what.1), context, error)
}

fn explain(
    document: &Document,
    pointer: &str,
    (what, template): (&str, &str),
    context: &Value,
    error: &Error,
) -> Diagnostic {
    let unknown = error.kind() == ErrorKind::UndefinedError || words(error).contains("undefined");
    let message = match missing(template, context).filter(|_| unknown) {
        Some((path, ..)) => format!("the {what} reads `{path}`, which does not exist"),
        None => match unknown_part(error) {
            Some((part, name)) => format!("the {what} uses the {part} `{name}`, which does not exist"),
            None => format!("the {what} fails: {}", words(error)),
        },
    };
    let mut diagnostic = document.at(Code::BadTemplate, pointer, message);
    let (file, span) = document.place(pointer);
    let text = &file.text[span.clone()];
    // The lines of a literal block are the template's.
    let before = file.text[..span.start].trim_end();
    let literal = ["|", "|-", "|+"].iter().any(|mark| before.ends_with(mark));
    if literal
        && let Some(line) = error.line()
        && let Some((start, found)) = line_of(text, line.saturating_sub(1))
    {
        let indent = found.len() - found.trim_start().len();
        diagnostic = Diagnostic::new(
            Code::BadTemplate,
            file,
            span.start + start + indent..span.start + start + found.trim_end().len(),
            diagnostic.message,
        )
        .at(pointer);
    }
    diagnostic.hint(cure(what, template, context, error))
}

fn cure(what: &str, template: &str, context: &Value, error: &Error) -> Hint {
    let text = match error.kind() {
        ErrorKind::InvalidOperation if what == "expression" => {
            return misspelt(template, context)
                .unwrap_or_else(|| "check the names and their types; filters such as `| int` convert".into());
        }
        ErrorKind::SyntaxError if what == "expression" => {
            "write it as inside of `{{ }}`, with every bracket and quote closed"
        }
        ErrorKind::UndefinedError => {
            return misspelt(template, context).unwrap_or_else(|| {
                "check the name; a template reads what its place offers, and no hidden field".into()
            });
        }
        ErrorKind::InvalidOperation if words(error).contains("null") => {
            "leave the field out by making it one expression, or write `| default('...')` behind the name"
        }
        ErrorKind::OutOfFuel => "the template runs for too long, or makes too long a text",
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            let (_, name) = unknown_part(error).unwrap_or_default();
            let known = match error.kind() {
                ErrorKind::UnknownFilter => FILTERS,
                ErrorKind::UnknownTest => TESTS,
                _ => FUNCTIONS,
            };
            let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`? "));
            let known = list(known).unwrap_or_default();
            return format!("{}what exists: {known}", near.unwrap_or_default()).into();
        }
        ErrorKind::UnknownMethod => "write it as a filter, such as `{{ name | upper }}`; values have no methods",
        ErrorKind::SyntaxError
            if ["end of input", "end of variable block"].iter().any(|end| words(error).contains(end)) =>
        {
            "close what was opened: `{{` with `}}`, `{% if ... %}` with `{% endif %}`"
        }
        _ => "write `{% raw %}{{ ... }}{% endraw %}` for braces that are text",
    };
    text.into()
}

/// What to do about a filter that a generator does not have, by the engine's word about it.
pub(super) fn unknown_filter(message: &str) -> Option<String> {
    let name = message.split_once("filter ")?.1.split_once(" is unknown")?.0.split_whitespace().last()?;
    let near =
        nearest(name, FILTERS.iter().copied()).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    Some(format!("{near}the filters are {}", list_all(FILTERS)))
}

/// The filter, test or function that an error says is unknown: what it is, and its name.
fn unknown_part(error: &Error) -> Option<(&'static str, &str)> {
    let part = match error.kind() {
        ErrorKind::UnknownFilter => "filter",
        ErrorKind::UnknownTest => "test",
        ErrorKind::UnknownFunction => "function",
        _ => return None,
    };
    let said = error.detail()?.strip_suffix(" is unknown")?;
    Some((part, said.split_whitespace().last()?))
}

/// What does not exist among some names: the dotted name up to there, its last part, and what exists in that place.
type Missing = (String, String, Vec<String>);

/// What a template reads and what does not exist among its names.
fn missing(template: &str, context: &Value) -> Option<Missing> {
    let may_lack = |name: &&String| {
        let behind = template.split_once(name.as_str()).map_or("", |(_, behind)| behind.trim_start());
        let behind = behind.strip_prefix('|').map_or(behind, str::trim_start);
        ["default", "d(", "is "].iter().any(|word| behind.starts_with(word))
    };
    names(template).iter().filter(|name| !may_lack(name)).find_map(|name| absent(name, usize::MAX, context))
}

/// The dotted names that a template reads, in the order in which they are written.
fn names(template: &str) -> Vec<String> {
    let mut names: Vec<String> = reads(template).into_iter().collect();
    names.sort_by_key(|name| (template.find(name.as_str()).unwrap_or(usize::MAX), name.clone()));
    names
}

/// What of the first parts of a dotted name does not exist.
fn absent(name: &str, depth: usize, context: &Value) -> Option<Missing> {
    let mut value = context.clone();
    let mut path = String::new();
    for part in name.split('.').take(depth) {
        let found = value.get_item(&Value::from(part)).ok().filter(|found| !found.is_undefined());
        let separator = if path.is_empty() { "" } else { "." };
        path = format!("{path}{separator}{part}");
        let Some(found) = found else {
            // What is no map has no names to offer: the value is to blame, not the name.
            let exists = (value.kind() == ValueKind::Map).then(|| value.try_iter().ok()).flatten()?;
            let exists = exists.map(|name| name.to_string()).filter(|name| !name.contains("__"));
            return Some((path, part.to_owned(), exists.collect()));
        };
        value = found;
    }
    None
}

/// What exists where a template reads what does not.
fn misspelt(template: &str, context: &Value) -> Option<Hint> {
    let (_, name, exists) = missing(template, context)?;
    offer(&name, &exists)
}

/// The name that was meant, or those that exist.
pub(super) fn offer(name: &str, exists: &[String]) -> Option<Hint> {
    let names: Vec<&str> = exists.iter().map(String::as_str).collect();
    suggest(name, names.iter().copied()).or_else(|| list(&names).map(|names| format!("what exists: {names}").into()))
}

fn line_of(text: &str, line: usize) -> Option<(usize, &str)> {
    let mut start = 0;
    for (at, found) in text.split_inclusive('\n').enumerate() {
        if at == line {
            return Some((start, found));
        }
        start += found.len();
    }
    None
}
