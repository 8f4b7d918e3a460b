//! Findings for people: the source line, a caret and a hint.

use std::collections::HashMap;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use super::{Code, Diagnostic, Report, Severity};

/// The maximum number of characters of one source line that are shown.
const MAX_LINE: usize = 400;

/// The maximum number of findings of one kind that are shown: one cause often has thousands.
const MAX_ALIKE: usize = 10;

pub(super) fn render(report: &Report, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut all: HashMap<(Code, String), usize> = HashMap::new();
    for diagnostic in &report.diagnostics {
        *all.entry(kind(diagnostic)).or_default() += 1;
    }
    let mut shown: HashMap<(Code, String), usize> = HashMap::new();
    let mut text = String::new();
    for diagnostic in &report.diagnostics {
        let kind = kind(diagnostic);
        let count = all.get(&kind).copied().unwrap_or_default();
        let known = shown.entry(kind).or_default();
        *known += 1;
        // A line about a single one would be as long as the finding is useful.
        if *known <= MAX_ALIKE || count == MAX_ALIKE + 1 {
            text.push_str(&render_one(&renderer, diagnostic));
            text.push_str("\n\n");
        }
        if *known == MAX_ALIKE && count > MAX_ALIKE + 1 {
            let more = count - MAX_ALIKE;
            let title = format!("and {more} more like it; the output as JSON has all of them");
            let note = Group::with_title(Level::NOTE.secondary_title(&title));
            text.push_str(&renderer.render(&[note]));
            text.push_str("\n\n");
        }
    }
    text
}

/// What findings of one kind have in common: the code, and the message without what it quotes and counts.
fn kind(diagnostic: &Diagnostic) -> (Code, String) {
    let words = diagnostic.message.split('`').step_by(2);
    let words = words.map(|words| words.replace(|c: char| c.is_ascii_digit(), ""));
    (diagnostic.code, words.collect::<Vec<_>>().join("`"))
}

fn render_one(renderer: &Renderer, diagnostic: &Diagnostic) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.text());
    let path = diagnostic.path.to_string_lossy();
    let (excerpt, first_line, span) = excerpt(diagnostic);
    // The renderer counts columns from where a long line is cut.
    let place = |column: usize| format!("{path}:{first_line}:{column}");
    let (counted, real) = (place(excerpt[..span.start].chars().count() + 1), place(diagnostic.column));
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
    renderer.render(&[group]).replacen(&counted, &real, 1)
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
