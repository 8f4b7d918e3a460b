//! Closing brackets in the column of the key that opened them, which people write and the formatter prints:
//!
//! ```yaml
//! list: [
//!   "one",
//! ]
//! ```
//!
//! The parser takes them behind a text without quotes and refuses them behind others. Where it stops at one, it reads the file
//! again with blanks in the place of the line break before the bracket.

/// Whether the parser stopped at a line that is not indented enough.
pub(super) fn is_refused(info: &str) -> bool {
    info == "invalid indentation"
}

/// A text of as many characters, in which the bracket at a character is on the line above; none where there is no bracket alone
/// at the beginning of a line, or a comment would swallow it.
pub(super) fn stand_in(text: &str, character: usize) -> Option<String> {
    let at = text.char_indices().nth(character)?.0;
    let before = &text[..at];
    let above = before.trim_end_matches(' ');
    let line = above.strip_suffix('\n')?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let last = line.rsplit('\n').next().unwrap_or(line);
    if !text[at..].starts_with([']', '}']) || has_comment(last) {
        return None;
    }
    Some(format!("{line}{}{}", " ".repeat(at - line.len()), &text[at..]))
}

/// Whether a line has a comment: a `#` behind a blank, outside of quotes.
fn has_comment(line: &str) -> bool {
    let (mut quote, mut before) = (None, ' ');
    for sign in line.chars() {
        match quote {
            Some(end) if sign == end => quote = None,
            None if sign == '#' && before.is_whitespace() => return true,
            // A quote that is written twice goes on.
            None if matches!(sign, '"' | '\'') && (" \t[{,:".contains(before) || before == sign) => quote = Some(sign),
            _ => {}
        }
        before = sign;
    }
    false
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::{source::SourceFile, spec::tree};

    /// What a text says, or what is wrong with it.
    fn read(text: &str) -> Result<Value, String> {
        let (trees, problems, _) = tree::parse(&SourceFile::new(Path::new("a.yaml"), text));
        if let Some(problem) = problems.first() {
            return Err(problem.message.clone());
        }
        Ok(trees.first().map(tree::Tree::to_value).unwrap_or_default())
    }

    /// A list in the lines that the formatter gives it.
    fn lines(entries: &[String], indent: usize, newline: &str) -> String {
        let blank = " ".repeat(indent);
        let entries: Vec<String> = entries.iter().map(|entry| format!("{blank}  {entry},{newline}")).collect();
        format!("[{newline}{}{blank}]{newline}", entries.concat())
    }

    proptest! {
        #[test]
        fn a_list_says_the_same_on_one_line_and_on_several(
            texts in prop::collection::vec("[a-z#\\]}, é-]{1,60}", 1..6), quotes in prop::collection::vec(0..3, 6),
            indent in 0_usize..6, windows in any::<bool>()
        ) {
            let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
            let quoted: Vec<String> = texts.iter().zip(&quotes).map(|(text, quote)| match quote {
                0 if plain(text) => text.clone(),
                1 => format!("'{text}'"),
                _ => format!("\"{text}\""),
            }).collect();
            let newline = if windows { "\r\n" } else { "\n" };
            let blank = " ".repeat(indent);
            let list = lines(&quoted, indent + 2, newline);
            let text = format!("top:{newline}{blank}  one: {list}{blank}  two: {list}{blank}  last: 1{newline}");
            let said = read(&text);
            let values: Vec<Value> = texts.iter().zip(&quotes).map(|(text, quote)| {
                // Only what stands without quotes is read as something else than a text.
                if *quote == 0 && plain(text) { tree::plain_scalar(text) } else { text.as_str().into() }
            }).collect();
            prop_assert_eq!(said, Ok(json!({ "top": { "one": values, "two": values, "last": 1 } })), "{}", text);
        }

        #[test]
        fn any_text_is_read_to_an_end(text in "([a-z]|: |[\"'\\[\\]{},#-]|\n|\r\n| ){0,80}") {
            let _ = read(&text);
        }
    }

    #[test]
    fn texts_of_several_lines_keep_their_brackets() {
        let text = "a: |\n  [\n  ]\nb: [\n  \"one\",\n]\nc:\n  - {\n    \"k\": 'v'\n  }\n";
        assert_eq!(read(text), Ok(json!({ "a": "[\n]\n", "b": ["one"], "c": [{ "k": "v" }] })));
        // A bracket behind a comment stays where it is.
        assert!(read("b: [\n  \"one\" # last\n]\n").is_err());
    }
}
