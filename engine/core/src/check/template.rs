//! Templates, with their errors at the author's own lines.

use minijinja::{Environment, Error, ErrorKind, Value};

use crate::{
    diagnostic::{Code, Diagnostic, Hint, Report, nearest, suggest},
    expression::words,
    spec::Document,
};

/// The filters that a hint may propose.
const FILTERS: &[&str] = &[
    "abs",
    "batch",
    "bool",
    "capitalize",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
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
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// Renders a text that stands at a JSON pointer, once; a text without template syntax is returned as it is.
pub(super) fn render(
    engine: &Environment<'_>,
    document: &Document,
    pointer: &str,
    text: &str,
    context: &Value,
    report: &mut Report,
) -> Option<String> {
    if !crate::scenario::templates::is_template(text) {
        return Some(text.to_owned());
    }
    match engine.render_str(text, context) {
        Ok(text) => Some(text),
        Err(error) => {
            report.push(explain(document, pointer, ("template", text), context, &error));
            None
        }
    }
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
    let problem = match engine.add_template_owned(name.to_owned(), text.to_owned()) {
        Ok(()) => engine.get_template(name).and_then(|template| template.render(sample)).err(),
        Err(error) => Some(error),
    };
    if let Some(error) = problem {
        report.push(explain(document, pointer, ("template", text), sample, &error));
        return None;
    }
    Some(())
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
    let mut diagnostic = document.at(Code::BadTemplate, pointer, format!("the {what} does not work: {}", words(error)));
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
        ErrorKind::OutOfFuel => "the template runs for too long, or makes too long a text",
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            let detail = error.detail().unwrap_or_default();
            let near = detail.split_whitespace().nth(1).and_then(|written| nearest(written, FILTERS.iter().copied()));
            return near.filter(|_| error.kind() == ErrorKind::UnknownFilter).map_or_else(
                || "check the name; what exists is in the documentation of minijinja".into(),
                |near| format!("did you mean `{near}`?").into(),
            );
        }
        ErrorKind::SyntaxError
            if ["end of input", "end of variable block"].iter().any(|end| words(error).contains(end)) =>
        {
            "close what was opened: `{{` with `}}`, `{% if ... %}` with `{% endif %}`"
        }
        _ => "write `{% raw %}{{ ... }}{% endraw %}` for braces that are text",
    };
    text.into()
}

/// The names that a template may have meant where it reads one that does not exist.
fn misspelt(template: &str, context: &Value) -> Option<Hint> {
    if template.contains("{%") {
        // Statements bring names of their own.
        return None;
    }
    let expressions = template.split("{{").skip(1).filter_map(|rest| rest.split("}}").next());
    for expression in expressions {
        let path =
            expression.trim_start().split(|sign: char| !sign.is_alphanumeric() && !"_.-".contains(sign)).next()?;
        let mut value = context.clone();
        for name in path.split('.') {
            let found = value.get_item(&Value::from(name)).ok().filter(|found| !found.is_undefined());
            let Some(found) = found else {
                let names: Vec<String> = value.try_iter().ok()?.map(|name| name.to_string()).collect();
                return suggest(name, names.iter().map(String::as_str));
            };
            value = found;
        }
    }
    None
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
