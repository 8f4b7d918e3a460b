//! Pieces of JSON, appended to a text.

use serde_json::Value;

/// Appends a text.
pub fn push_text(out: &mut String, text: &str) {
    if is_plain(text.as_bytes()) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

/// Whether a text needs no escapes; some that need none are not told apart.
fn is_plain(text: &[u8]) -> bool {
    // Eight bytes at one time: the highest bit of each is set in what is odd, see `Hacker's Delight`, section 6-1.
    const EACH: u64 = u64::MAX / 0xff;
    let below = |bytes: u64, bound: u8| bytes.wrapping_sub(EACH * u64::from(bound)) & !bytes;
    let odd = |bytes: u64| {
        let quote = below(bytes ^ (EACH * u64::from(b'"')), 1);
        let backslash = below(bytes ^ (EACH * u64::from(b'\\')), 1);
        (bytes | below(bytes, 0x20) | quote | backslash) & (EACH * 0x80)
    };
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [b' '; 8];
    last[..rest.len()].copy_from_slice(rest);
    words.iter().fold(odd(u64::from_ne_bytes(last)), |all, word| all | odd(u64::from_ne_bytes(*word))) == 0
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
        for length in [0, 1, 7, 8, 9, 16, 31] {
            for at in 0..=length {
                for odd in (0..=0xff_u8).map(char::from).chain(['\u{2028}', '😀']) {
                    let text = format!(
                        "{}{odd}{}",
                        "~ !#[]z0".repeat(4).get(..at).unwrap_or_default(),
                        "x".repeat(length - at)
                    );
                    let mut out = String::new();
                    push_text(&mut out, &text);
                    assert_eq!(out, Value::from(text).to_string());
                }
            }
        }
    }
}
