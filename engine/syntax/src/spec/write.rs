//! Values as YAML that reads back as the same values.
//!
//! A text is without quotes where every reader of YAML takes it for that text; else it is in double quotes, with
//! every sign escaped that is not printed or that some reader takes for the end of a line.

use std::fmt::Write as _;

use serde_json::Value;

use super::plain_scalar;

/// Words that readers of YAML 1.1 take for `true`, `false` and nothing.
const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

/// A value as a document of lines.
pub fn document(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// A text as an entry of a list in brackets; numbers and truths that are written as JSON writes them stand without quotes.
pub fn entry(text: &str) -> String {
    if is_canonical(text) { text.to_owned() } else { within_a_line(text) }
}

/// A number, truth, text or nothing that may stand wherever a value may, also in brackets.
pub fn inline(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), within_a_line)
}

fn within_a_line(text: &str) -> String {
    if is_plain(text) && text.chars().all(in_brackets) && !text.contains(" -") { text.to_owned() } else { quoted(text) }
}

/// A text as an entry of a list in JSON.
pub fn json_entry(text: &str) -> String {
    if is_canonical(text) { text.to_owned() } else { quoted(text) }
}

/// A text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            sign if is_special(sign) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(sign));
            }
            sign => quoted.push(sign),
        }
    }
    quoted.push('"');
    quoted
}

/// Signs that YAML does not print, or that some readers take for the end of a line.
fn is_special(sign: char) -> bool {
    sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Signs of keys without quotes; others pass for a slip, as in `then { queue: close }`.
fn in_keys(sign: char) -> bool {
    sign.is_alphanumeric() || "_-.".contains(sign)
}

fn in_brackets(sign: char) -> bool {
    sign.is_alphanumeric() || " ._@/+-".contains(sign)
}

/// Whether a text is a number or truth as JSON writes it.
fn is_canonical(text: &str) -> bool {
    let value = serde_json::from_str::<Value>(text).ok().filter(|value| value.is_number() || value.is_boolean());
    value.map(|value| value.to_string()).is_some_and(|written| written == text)
}

/// Whether a text of one line can stand without quotes.
fn is_plain(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
        && text.trim_end() == text
        && !text.contains(is_special)
        && !text.contains(": ")
        && !text.ends_with(':')
        && !text.contains(" #")
        && !WORDS.contains(&text.to_lowercase().as_str())
        && plain_scalar(text).as_str() == Some(text)
}

/// Whether a text can stand as lines behind a bar.
fn is_literal(text: &str) -> bool {
    text.contains('\n')
        && !text.contains(|sign| is_special(sign) && sign != '\n')
        && !text.starts_with(char::is_whitespace)
        && !text.ends_with("\n\n")
        && text.lines().all(|line| line.trim_end() == line)
}

/// Writes a map or list in lines of their own; anything else on the line that was begun.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 || text.ends_with('\n') {
                    text.extend(std::iter::repeat_n(' ', indent));
                }
                text.push_str(&if is_plain(key) && key.chars().all(in_keys) { key.clone() } else { quoted(key) });
                text.push(':');
                nested(value, indent + 2, text);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            for (at, value) in list.iter().enumerate() {
                if at > 0 || text.ends_with('\n') {
                    text.extend(std::iter::repeat_n(' ', indent));
                }
                text.push_str("- ");
                block(value, indent + 2, text);
            }
        }
        value => scalar(value, indent, text),
    }
}

/// Writes what is after a key.
fn nested(value: &Value, indent: usize, text: &mut String) {
    let below = match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    };
    text.push(if below { '\n' } else { ' ' });
    block(value, indent, text);
}

fn scalar(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::String(said) if is_literal(said) => {
            text.push_str(if said.ends_with('\n') { "|\n" } else { "|-\n" });
            for line in said.lines() {
                if !line.is_empty() {
                    text.extend(std::iter::repeat_n(' ', indent));
                    text.push_str(line);
                }
                text.push('\n');
            }
            return;
        }
        Value::String(said) if is_plain(said) => text.push_str(said),
        Value::String(said) => text.push_str(&quoted(said)),
        value => text.push_str(&value.to_string()),
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_quoted_where_some_reader_takes_it_otherwise() {
        let written = ["no", "7", "a - b", "~", "", "null"].map(|text| inline(&Value::from(text)));
        assert_eq!(written, ["\"no\"", "\"7\"", "\"a - b\"", "\"~\"", "\"\"", "\"null\""]);
        assert_eq!([inline(&Value::from("a senior")), inline(&Value::from(0.5))], ["a senior", "0.5"]);
        assert_eq!(["7", "no"].map(entry), ["7", "\"no\""]);
    }
}
