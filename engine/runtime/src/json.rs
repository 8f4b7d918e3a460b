//! Pieces of JSON, appended to a text, and JSON without a key that appears twice.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, map::Entry};

/// A name; made once, and shared by everything that writes its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Name {
    text: Arc<str>,
    /// The text before its value.
    key: Arc<str>,
}

impl Name {
    /// Makes a name of a text.
    pub fn new(text: &str) -> Self {
        let mut key = String::new();
        push_text(&mut key, text);
        key.push(':');
        Self { text: text.into(), key: key.into() }
    }

    /// The text before its value: the name and a colon.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

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

/// Appends a text that `write` appends to what there is; nothing where it cannot.
pub fn push_written(out: &mut String, write: impl FnOnce(&mut String) -> Option<()>) -> Option<()> {
    let before = out.len();
    out.push('"');
    let begin = out.len();
    if write(out).is_none() {
        out.truncate(before);
        return None;
    }
    if is_plain(&out.as_bytes()[begin..]) {
        out.push('"');
    } else {
        let text = out.split_off(begin);
        out.truncate(before);
        push_text(out, &text);
    }
    Some(())
}

/// Whether a text needs no escapes; may be false for some that need none.
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
    // The most frequent number of all.
    if number.to_bits() == 0 {
        out.push_str("0.0");
    } else if number.is_finite() {
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
        for (number, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.25, "0.25"),
            (-0.3, "-0.3"),
            (1e-9, "1e-9"),
            (f64::NAN, "null"),
        ] {
            let mut out = String::new();
            push_number(&mut out, number);
            assert_eq!(out, text);
            assert!(serde_json::from_str::<Value>(&out).is_ok());
        }
    }

    #[test]
    fn whole_numbers_keep_their_digits_or_are_refused() {
        for text in [
            "18446744073709551615",
            "-9223372036854775808",
            "1e29",
            "-1.5e+30",
            "123456789012345678901234567890.5",
            r#"{"a\\":"123456789012345678901234567890","b":[1,2]}"#,
            r#"["\" 123456789012345678901234567890", 1]"#,
        ] {
            assert!(strict(text).is_ok(), "{text}: {:?}", strict(text));
            assert_eq!(keeps_digits(text.as_bytes()), Ok(()), "{text}");
        }
        for (text, column, number) in [
            (r#"{"é":123456789012345678901234567891}"#, 6, "123456789012345678901234567891"),
            ("[1, -9223372036854775809]", 5, "-9223372036854775809"),
            ("18446744073709551616", 1, "18446744073709551616"),
        ] {
            assert_eq!(too_large(text), Some((column, number)), "{text}");
            // Wherever it stands among the bytes that are looked at.
            for blanks in 0..40 {
                let text = format!("{}{text}{}", " ".repeat(blanks), " ".repeat(blanks));
                assert!(keeps_digits(text.as_bytes()).is_err(), "{text}");
            }
            assert!(strict(text).is_err_and(|error| error.contains("too large")), "{text}");
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
                    push_written(&mut out, |out| {
                        out.push_str(&text);
                        Some(())
                    });
                    assert_eq!(out, Value::from(text).to_string().repeat(2));
                }
            }
        }
    }
}

/// Reads JSON in which no key of a map appears twice; the error says what is wrong and in which column.
pub fn strict(text: &str) -> Result<Value, String> {
    keeps_digits(text.as_bytes())?;
    serde_json::from_str::<Strict>(text).map(|Strict(value)| value).map_err(|error| problem(text, &error))
}

/// Finds a whole number of more than 64 bits in JSON, which would lose its last digits; the error names it.
pub fn keeps_digits(json: &[u8]) -> Result<(), String> {
    if !has_many_digits(json) {
        return Ok(());
    }
    let Some((column, number)) = str::from_utf8(json).ok().and_then(too_large) else { return Ok(()) };
    Err(format!(
        "`{number}` is too large for a number that keeps all of its digits; put quotes around it, for a text (column {column})"
    ))
}

/// Whether as many digits stand together somewhere as the least number of more than 64 bits has.
fn has_many_digits(json: &[u8]) -> bool {
    const DIGITS: usize = 19;
    // So many bytes hold one of every nineteenth, and few texts need a look at more than these.
    let digits =
        |bytes: &mut dyn Iterator<Item = &u8>| bytes.take(DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    let mut looked = (DIGITS - 1..json.len()).step_by(DIGITS);
    looked.any(|at| {
        json[at].is_ascii_digit() && digits(&mut json[..at].iter().rev()) + digits(&mut json[at..].iter()) >= DIGITS
    })
}

/// A whole number of more than 64 bits, which would lose its last digits: the column where it begins, and its text.
fn too_large(text: &str) -> Option<(usize, &str)> {
    let mut rest = text;
    loop {
        // What is in quotes is a text.
        let at = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit())?;
        rest = &rest[at..];
        if let Some(inside) = rest.strip_prefix('"') {
            let mut escaped = false;
            let end = inside.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            })?;
            rest = &inside[end + 1..];
            continue;
        }
        let end = rest.find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c))).unwrap_or(rest.len());
        let number = &rest[..end];
        let whole = number.strip_prefix('-').unwrap_or(number).bytes().all(|byte| byte.is_ascii_digit());
        if whole && number != "-" && number.parse::<i64>().is_err() && number.parse::<u64>().is_err() {
            return Some((text[..text.len() - rest.len()].chars().count() + 1, number));
        }
        rest = &rest[end..];
    }
}

/// The message of an error about a text; about one line with the column alone, since its reader knows the line.
pub fn problem(text: &str, error: &serde_json::Error) -> String {
    let said = error.to_string();
    let (what, _) = said.rsplit_once(" at line ").unwrap_or((&said, ""));
    if text.contains('\n') { said } else { format!("{what} (column {})", error.column()) }
}

/// A value in which no key of a map appears twice.
#[derive(Debug)]
pub struct Strict(pub Value);

/// A map in which no key of a map appears twice.
#[derive(Debug)]
pub struct StrictMap(pub Map<String, Value>);

impl<'de> Deserialize<'de> for StrictMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_map(StrictVisitor)? {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(D::Error::custom("expected a map")),
        }
    }
}

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Strict(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match values.entry(key) {
                Entry::Occupied(entry) => {
                    return Err(A::Error::custom(format_args!("the key `{}` appears twice", entry.key())));
                }
                Entry::Vacant(entry) => {
                    let Strict(value) = map.next_value()?;
                    entry.insert(value);
                }
            }
        }
        Ok(values.into())
    }
}
