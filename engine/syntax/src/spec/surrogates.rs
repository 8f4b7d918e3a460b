//! Characters beyond the first 65,536 as JSON escapes them: as a pair of surrogates, such as `\ud83d\udc4d`.
//!
//! YAML 1.2 takes all of JSON, but the parser refuses each half of a pair. It reads another sign in the place of their
//! backslashes, and the pairs are joined in what was read.

/// The length of one half: a backslash, `u` and four digits.
const HALF: usize = 6;

/// A text of as many characters, and the sign in it that stands for the backslashes of pairs; none without a pair.
pub(super) fn stand_in(text: &str) -> Option<(String, char)> {
    let mut pairs = text.match_indices("\\u").map(|(at, _)| at).filter(|at| is_pair(text, *at)).peekable();
    pairs.peek()?;
    let sign = ('\u{e000}'..='\u{f8ff}').find(|sign| !text.contains(*sign))?;
    let (mut changed, mut from) = (String::with_capacity(text.len()), 0);
    for at in pairs.flat_map(|at| [at, at + HALF]) {
        changed.push_str(&text[from..at]);
        changed.push(sign);
        from = at + 1;
    }
    changed.push_str(&text[from..]);
    Some((changed, sign))
}

/// A scalar that was read with a sign in the place of backslashes: only in double quotes are they escapes.
pub(super) fn read(text: &str, sign: char, double_quoted: bool) -> String {
    if !double_quoted {
        return text.replace(sign, "\\");
    }
    let mut parts = text.split(sign);
    let mut read = parts.next().unwrap_or_default().to_owned();
    while let (Some(high), Some(low)) = (parts.next(), parts.next()) {
        let unit = |half: &str| u16::from_str_radix(half.get(1..HALF - 1)?, 16).ok();
        let units = unit(high).into_iter().chain(unit(low));
        read.extend(char::decode_utf16(units).map(|pair| pair.unwrap_or(char::REPLACEMENT_CHARACTER)));
        read.push_str(low.get(HALF - 1..).unwrap_or_default());
    }
    read
}

/// Whether a backslash begins a pair, and is not itself escaped.
fn is_pair(text: &str, at: usize) -> bool {
    let before = text[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
    let half = |at: usize, range: std::ops::RangeInclusive<u16>| {
        let digits = text.get(at..at + HALF).and_then(|half| half.strip_prefix("\\u"));
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).is_some_and(|unit| range.contains(&unit))
    };
    before % 2 == 0 && half(at, 0xd800..=0xdbff) && half(at + HALF, 0xdc00..=0xdfff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_joined_in_double_quotes_alone() {
        let text = r"a\ud83d\udc4db\ud83c\udfff";
        let (changed, sign) = stand_in(&text.replace(r"\\", r"\")).expect("two pairs");
        assert_eq!(read(&changed, sign, true), "a\u{1f44d}b\u{1f3ff}");
        assert_eq!(read(&changed, sign, false), r"a\ud83d\udc4db\ud83c\udfff");
        for none in [r"\\ud83d\udc4d", r"\ud83d", r"\udc4d\ud83d", r"\ud83d \udc4d", r"\u+83d\udc4d", r"\u00e9\u00e8"] {
            assert_eq!(stand_in(none), None, "{none}");
        }
    }
}
