//! What a text means that stands where a number, a length of time or an operator is expected.

use casebook_syntax::spec::plain_scalar;
use serde_json::{Number, Value};

/// The number that a text is with its signs of grouping, its thousands or its unit: `250_000`, `1.500,00`, `250k`, `250000 EUR`.
pub(crate) fn number(text: &str) -> Option<Number> {
    let text = text.trim().trim_start_matches('+');
    let figures = text.trim_end_matches(|sign: char| sign.is_alphabetic() || "€$£%".contains(sign));
    let unit = &text[figures.len()..];
    let is_currency =
        |unit: &str| "€$£".contains(unit) || unit.len() == 3 && unit.bytes().all(|letter| letter.is_ascii_uppercase());
    let times = match unit {
        "" => 1,
        "k" | "K" => 1_000,
        "%" => return None,
        // Letters at the figures may be figures that are misspelt.
        unit if figures.ends_with(' ') || is_currency(unit) => 1,
        _ => return None,
    };
    let plain = figures_alone(figures.trim());
    let number = if times == 1 { plain } else { plain.parse::<i64>().ok()?.checked_mul(times)?.to_string() };
    match serde_json::from_str::<Value>(&number).ok()? {
        Value::Number(number) => Some(number),
        _ => None,
    }
}

/// A number without its signs of grouping, its decimals behind a point.
///
/// Where points and commas come together, the last of them is before the decimals. A comma alone groups thousands where three
/// figures follow it, as in English.
fn figures_alone(text: &str) -> String {
    let plain: String = text.chars().filter(|sign| !matches!(sign, '_' | '\'' | ' ')).collect();
    let decimal = match (plain.rfind('.'), plain.rfind(',')) {
        (Some(point), Some(comma)) => Some(point.max(comma)),
        (Some(point), None) => Some(point).filter(|_| plain.matches('.').count() == 1),
        (None, Some(comma)) => Some(comma).filter(|_| plain.matches(',').count() == 1 && plain.len() != comma + 4),
        (None, None) => None,
    };
    let sign = |(at, sign): (usize, char)| match sign {
        _ if Some(at) == decimal => Some('.'),
        '.' | ',' => None,
        sign => Some(sign),
    };
    plain.char_indices().filter_map(sign).collect()
}

/// What to do about a number as a spreadsheet shows a long one.
pub(crate) const WRITE_ALL_DIGITS: &str =
    "a spreadsheet writes a long number so and drops its last digits; write all of them";

/// Whether a text is a number with the exponent that spreadsheets write, such as `1.23457E+11`.
pub(crate) fn is_of_a_spreadsheet(text: &str) -> bool {
    text.contains("E+") && plain_scalar(text.trim()).is_number()
}

/// What to write for a length of time in days or weeks, or without a unit, such as `30 days`.
pub(crate) fn length(text: &str) -> Option<String> {
    let text = text.trim();
    let figures = text.trim_end_matches(|sign: char| !sign.is_ascii_digit());
    let count: u32 = figures.parse().ok()?;
    let hours = match text[figures.len()..].trim() {
        "d" | "day" | "days" => 24,
        "w" | "week" | "weeks" => 24 * 7,
        "" => return Some(format!("write it with its unit, such as `{count}h`")),
        _ => return None,
    };
    Some(format!("write `{}h`", u64::from(count) * hours))
}

/// What to write in a condition for a value with an operator before it, such as `> 250000` or `!spam`.
pub(crate) fn comparison(text: &str) -> Option<String> {
    const SIGNS: [(&str, &str); 10] = [
        (">=", "gte"),
        ("=>", "gte"),
        ("<=", "lte"),
        ("=<", "lte"),
        ("!=", "ne"),
        ("<>", "ne"),
        (">", "gt"),
        ("<", "lt"),
        ("!", "ne"),
        ("=", "eq"),
    ];
    let text = text.trim();
    let (rest, operator) = SIGNS.iter().find_map(|(sign, operator)| Some((text.strip_prefix(sign)?, operator)))?;
    let operand = rest.trim_start_matches('=').trim();
    let operand = number(operand).map_or_else(|| operand.to_owned(), |number| number.to_string());
    (!operand.is_empty()).then(|| format!("write an operator: `{{ {operator}: {operand} }}`"))
}

/// What to write in a condition for a formula of another field, such as `value * 1.1`.
pub(crate) fn formula(text: &str, fields: &[&str]) -> Option<String> {
    let bare = text.trim().trim_start_matches("{{").trim_end_matches("}}").trim();
    let bare = bare.strip_prefix("item.").unwrap_or(bare);
    let end = bare.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(bare.len());
    let field = fields.iter().find(|field| **field == &bare[..end])?;
    let rest = bare[end..].trim();
    if rest.is_empty() {
        return Some(format!("for another field write `{{ field: {field} }}`"));
    }
    let amount = rest[1..].trim();
    let amount = number(amount).map_or_else(|| amount.to_owned(), |number| number.to_string());
    let part = match rest.as_bytes()[0] {
        b'*' => format!("times: {amount}"),
        b'+' => format!("plus: {amount}"),
        b'-' => format!("plus: -{amount}"),
        _ => {
            return Some(format!(
                "for another field write `{{ field: {field} }}`, with `times` and `plus` where needed"
            ));
        }
    };
    Some(format!("for another field write `{{ field: {field}, {part} }}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_with_what_people_write_around_them() {
        for (text, expected) in [
            ("250_000", Some("250000")),
            ("1,240.50", Some("1240.50")),
            ("250k", Some("250000")),
            ("250000 EUR", Some("250000")),
            ("250000EUR", Some("250000")),
            ("500,00", Some("500.00")),
            ("2,5", Some("2.5")),
            ("1.500,00", Some("1500.00")),
            ("1.500.000", Some("1500000")),
            ("1'500", Some("1500")),
            ("5OO", None),
            ("$5", None),
            ("45%", None),
            ("many", None),
        ] {
            assert_eq!(number(text).map(|number| number.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn lengths_are_written_in_hours() {
        assert_eq!(length("30 days").as_deref(), Some("write `720h`"));
        assert_eq!(length("90d").as_deref(), Some("write `2160h`"));
        assert_eq!(length("2 weeks").as_deref(), Some("write `336h`"));
        assert_eq!(length("48").as_deref(), Some("write it with its unit, such as `48h`"));
        assert_eq!(length("1 month"), None);
    }

    #[test]
    fn formulas_and_signs_become_operators() {
        assert_eq!(comparison("> 250_000").as_deref(), Some("write an operator: `{ gt: 250000 }`"));
        assert_eq!(comparison("!spam").as_deref(), Some("write an operator: `{ ne: spam }`"));
        assert_eq!(comparison("spam"), None);
        for text in ["value * 1.1", "{{ value * 1.1 }}", "item.value*1.1"] {
            let hint = formula(text, &["value"]);
            assert_eq!(hint.as_deref(), Some("for another field write `{ field: value, times: 1.1 }`"), "{text}");
        }
        assert_eq!(formula("valu * 1.1", &["value"]), None);
    }
}
