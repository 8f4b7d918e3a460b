//! Faults of expressions and templates: another number, or another operator.

use std::ops::Range;

/// An expression or a template with one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// What was there.
    pub(super) old: String,
    /// What is there instead.
    pub(super) new: String,
    /// The whole text.
    pub(super) text: String,
}

/// Operators and words, each with the one that stands for it in a fault.
const OTHERS: [(&str, &str); 15] = [
    ("==", "!="),
    ("!=", "=="),
    ("<=", "<"),
    (">=", ">"),
    ("<", "<="),
    (">", ">="),
    ("+", "-"),
    ("-", "+"),
    ("*", "/"),
    ("/", "*"),
    ("and", "or"),
    ("or", "and"),
    ("true", "false"),
    ("false", "true"),
    ("not ", ""),
];

/// The faults of an expression.
pub(super) fn of_expression(text: &str) -> Vec<Fault> {
    faults(text, 0..text.len())
}

/// The faults of what a template computes.
pub(super) fn of_template(text: &str) -> Vec<Fault> {
    let mut all = Vec::new();
    for (open, close) in [("{{", "}}"), ("{%", "%}")] {
        for (at, _) in text.match_indices(open) {
            let begin = at + open.len();
            let end = text[begin..].find(close).map_or(text.len(), |end| begin + end);
            all.extend(faults(text, begin..end));
        }
    }
    all
}

fn faults(text: &str, range: Range<usize>) -> Vec<Fault> {
    let places = tokens(text, range);
    let with = |place: &Range<usize>, new: String| Fault {
        old: text[place.clone()].trim().to_owned(),
        text: format!("{}{new}{}", &text[..place.start], &text[place.end..]),
        new,
    };
    places.iter().filter_map(|place| Some(with(place, other(&text[place.clone()])?))).collect()
}

/// What stands for a number, an operator or a word in a fault.
fn other(token: &str) -> Option<String> {
    if token.starts_with(|c: char| c.is_ascii_digit()) {
        let places = token.split_once('.').map_or(0, |(_, places)| places.len());
        let step = 10_f64.powi(-i32::try_from(places).ok()?);
        return Some(format!("{:.places$}", token.parse::<f64>().ok()? + step));
    }
    OTHERS.iter().find(|(old, _)| *old == token).map(|(_, new)| (*new).to_owned())
}

/// Numbers, operators and words outside of texts; a sign is none of them.
fn tokens(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let (mut all, mut at) = (Vec::new(), range.start);
    // Whether a value stands before the place, so that `-` takes something from it.
    let mut is_behind_value = false;
    while at < range.end {
        let rest = &text[at..range.end];
        let Some(first) = rest.chars().next() else { break };
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match first {
            '\'' | '"' => end_of_text(rest, first),
            '0'..='9' => {
                let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                all.push(at..at + length);
                length
            }
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                let is_not = &rest[..length] == "not" && rest[length..].starts_with(' ');
                // Without the word the blank behind it goes as well, but `not in` is one operator.
                if is_not && !is_behind_value {
                    all.push(at..at + length + 1);
                } else {
                    all.push(at..at + length);
                }
                length
            }
            _ => {
                let is_pair = ["==", "!=", "<=", ">=", "//", "**"].iter().any(|pair| rest.starts_with(pair));
                let length = if is_pair { 2 } else { first.len_utf8() };
                // Behind the last value `-` belongs to the braces.
                if is_behind_value && !rest[length..].trim().is_empty() {
                    all.push(at..at + length);
                }
                length
            }
        };
        let token = &text[at..at + length];
        if !token.trim().is_empty() {
            is_behind_value = !["and", "or", "not", "if", "else", "in", "is"].contains(&token)
                && token.ends_with(|c: char| is_word(c) || matches!(c, ')' | ']' | '}' | '\'' | '"'));
        }
        at += length;
    }
    all
}

/// Where a text in quotation marks ends.
fn end_of_text(rest: &str, mark: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == mark => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(all: Vec<Fault>) -> Vec<String> {
        all.into_iter().map(|fault| fault.text).collect()
    }

    #[test]
    fn each_number_and_operator_is_one_fault() {
        assert_eq!(texts(of_expression("a.x2 * 1.50 - b")), ["a.x2 / 1.50 - b", "a.x2 * 1.51 - b", "a.x2 * 1.50 + b"]);
        assert_eq!(
            texts(of_expression("not a and b >= 3")),
            ["a and b >= 3", "not a or b >= 3", "not a and b > 3", "not a and b >= 4"]
        );
        // A sign and what stands in a text are none; neither are `not in`, `//` and a filter.
        assert_eq!(texts(of_expression("-a | default('x + 1')")), Vec::<String>::new());
        assert_eq!(texts(of_expression("a not in b // c")), Vec::<String>::new());
    }

    #[test]
    fn only_what_a_template_computes_has_faults() {
        assert_eq!(
            texts(of_template("1 + 1 = {{- a + 1 -}} {% if b == 'or' %}x{% endif %}")),
            [
                "1 + 1 = {{- a - 1 -}} {% if b == 'or' %}x{% endif %}",
                "1 + 1 = {{- a + 2 -}} {% if b == 'or' %}x{% endif %}",
                "1 + 1 = {{- a + 1 -}} {% if b != 'or' %}x{% endif %}",
            ]
        );
    }
}
