//! Pieces of JSON, appended to a text.

use serde_json::Value;

/// Appends a text.
pub fn push_text(out: &mut String, text: &str) {
    let odd = |byte: &u8| !(0x20..0x80).contains(byte) || matches!(byte, b'"' | b'\\');
    // Counted instead of looked for, so that many bytes are looked at at once.
    if text.bytes().filter(odd).count() == 0 {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Appends a number as `serde_json` writes it: a whole one stays a float, and what JSON cannot say becomes null.
pub fn push_number(out: &mut String, number: f64) {
    if number.is_finite() {
        out.push_str(zmij::Buffer::new().format_finite(number));
    } else {
        out.push_str("null");
    }
}

/// Appends a whole number.
pub fn push_integer(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_floats_and_are_json() {
        for (number, text) in [(1.0, "1.0"), (0.25, "0.25"), (-0.3, "-0.3"), (1e-9, "1e-9"), (f64::NAN, "null")] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, text);
            assert!(serde_json::from_str::<Value>(&out).is_ok());
        }
    }

    #[test]
    fn texts_are_what_the_library_makes_of_them() {
        for text in ["", "plain", "a \"b\"", "back\\slash", "line\nbreak", "ä", "\u{1}", "\u{2028}", "\u{7f}"] {
            let mut out = String::new();
            push_text(&mut out, text);
            assert_eq!(out, Value::from(text).to_string());
        }
    }
}
