//! Templates, with their errors at the author's own lines.

use minijinja::{Environment, Error, ErrorKind, Value};

use crate::{
    diagnostic::{Code, Diagnostic, Report},
    spec::Document,
};

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
            report.push(explain(document, pointer, &error));
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
        report.push(explain(document, pointer, &error));
        return None;
    }
    Some(())
}

fn explain(document: &Document, pointer: &str, error: &Error) -> Diagnostic {
    let mut diagnostic =
        document.at(Code::BadTemplate, pointer, format!("the template does not work: {}", message(error)));
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
    let hint = match error.kind() {
        ErrorKind::UndefinedError => "check the name; a template reads what its place offers, and no hidden field",
        ErrorKind::OutOfFuel => "the template runs for too long, or makes too long a text",
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => {
            "check the name; what exists is in the documentation of minijinja"
        }
        ErrorKind::SyntaxError if message(error).contains("end of input") => {
            "close what was opened: `{{` with `}}`, `{% if ... %}` with `{% endif %}`"
        }
        _ => "write `{% raw %}{{ ... }}{% endraw %}` for braces that are text",
    };
    diagnostic.hint(hint)
}

fn message(error: &Error) -> String {
    let detail = error.detail().map(str::to_owned);
    let kind = error.kind().to_string();
    if error.kind() == ErrorKind::OutOfFuel {
        return "it takes too many steps".to_owned();
    }
    detail.map_or(kind.clone(), |detail| format!("{kind}: {detail}"))
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
