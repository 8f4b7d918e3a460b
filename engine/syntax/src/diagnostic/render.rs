//! Findings for people: the source line, a caret and a hint.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Diagnostic, Report, Severity};

/// The maximum number of characters of one source line that are shown.
const MAX_LINE: usize = 400;

pub(super) fn render(report: &Report, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        text.push_str(&render_one(&renderer, diagnostic));
        text.push_str("\n\n");
    }
    text
}

fn render_one(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.text());
    let path = diagnostic.path.to_string_lossy();
    let (excerpt, first_line, span) = excerpt(diagnostic);
    let mut group = if excerpt.trim().is_empty() {
        Group::with_title(title).element(
            annotate_snippets::Origin::path(path.as_ref()).line(diagnostic.line).char_column(diagnostic.column),
        )
    } else {
        let mut annotation = AnnotationKind::Primary.span(span);
        if let Some(label) = &diagnostic.label {
            annotation = annotation.label(label);
        }
        Group::with_title(title)
            .element(Snippet::source(excerpt).line_start(first_line).path(path.as_ref()).annotation(annotation))
    };
    if let Some(hint) = &diagnostic.hint {
        group = group.element(Level::HELP.message(hint));
    }
    if let Some(witness) = &diagnostic.witness {
        group = group.element(Level::NOTE.message(format!("this case shows it:\n{}", witness.trim_end())));
    }
    renderer.render(&[group])
}

/// The line that the finding begins on, cut when it is very long, and the place within it.
fn excerpt(diagnostic: &Diagnostic) -> (String, usize, std::ops::Range<usize>) {
    let text = &diagnostic.text;
    let start = diagnostic.span.start;
    let mut from = start.saturating_sub(MAX_LINE / 2);
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    from = text[from..start].rfind('\n').map_or(from, |at| from + at + 1);
    let mut to = (from + MAX_LINE).clamp(start, text.len());
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    to = text[start..to].find('\n').map_or(to, |at| start + at);
    let end = diagnostic.span.end.clamp(start, to.max(start));
    let end = if end == start { (start + 1).min(to) } else { end };
    let end = (start..=end).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
    let shown = text[from..to].trim_end_matches('\r');
    // A place within the ends of line that were cut off is shown behind the last character.
    let span = (start - from).min(shown.len())..(end - from).min(shown.len());
    (shown.to_owned(), diagnostic.line, span)
}
