//! Questions and answers, as lines of JSON.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// The maximum number of characters of a text of a process that are shown.
const SHOWN: usize = 200;

/// Writes a question; the input is JSON.
pub(super) fn question(id: u64, operation: &str, input: &str) -> Vec<u8> {
    let mut line = Vec::with_capacity(input.len() + operation.len() + 32);
    line.extend_from_slice(format!("{{\"id\":{id},\"{operation}\":").as_bytes());
    // A line's end may stand between the tokens of JSON and nowhere within them.
    line.extend(input.bytes().map(|byte| if byte == b'\n' || byte == b'\r' { b' ' } else { byte }));
    line.extend_from_slice(b"}\n");
    line
}

/// The result of a question.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The answer, as it was written.
    Answer(String),
    /// The process refused, and why.
    Refusal(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    id: u64,
    #[serde(borrow)]
    ok: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<Cow<'a, str>>,
}

/// Reads the answer to a question; the error continues a sentence that begins with the plugin.
pub(super) fn answer(line: &[u8], id: u64) -> Result<Reply, String> {
    let text = std::str::from_utf8(line).map_err(|_| "returned text that is not UTF-8")?;
    let read: Line<'_> = serde_json::from_str(text).map_err(|error| {
        format!("answered `{}`, which is not an answer ({error}); `{{\"id\": {id}, \"ok\": ...}}` is one", shown(text))
    })?;
    if read.id != id {
        return Err(format!("answered question {}, where question {id} was asked", read.id));
    }
    match (read.ok, read.error) {
        (Some(ok), None) => Ok(Reply::Answer(ok.get().to_owned())),
        (None, Some(error)) => Ok(Reply::Refusal(shown(&error))),
        _ => Err(format!("answered `{}`; an answer has either `ok` or `error`", shown(text))),
    }
}

/// The beginning of a text, without what would break a line.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String =
        text.trim().chars().take(SHOWN).map(|one| if one.is_control() { ' ' } else { one }).collect();
    if text.trim().chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_one_line() {
        let line = question(3, "grade", "{\n \"a\": \"x\\ny\" }");
        assert_eq!(String::from_utf8_lossy(&line), "{\"id\":3,\"grade\":{  \"a\": \"x\\ny\" }}\n");
    }

    #[test]
    fn an_answer_is_given_as_it_was_written() {
        let told = answer(br#"{"id": 3, "ok": {"value": 0.10, "b" :1}}"#, 3);
        assert_eq!(told, Ok(Reply::Answer(r#"{"value": 0.10, "b" :1}"#.into())));
        assert_eq!(answer(br#"{"id":3,"error":"no \"such\" word"}"#, 3), Ok(Reply::Refusal("no \"such\" word".into())));
    }

    #[test]
    fn an_invalid_answer_is_reported() {
        for (line, says) in [
            ("", "which is not an answer"),
            ("7", "which is not an answer"),
            (r#"{"id":1,"ok":NaN}"#, "which is not an answer"),
            (r#"{"id":1}"#, "either `ok` or `error`"),
            (r#"{"id":1,"ok":1,"error":"x"}"#, "either `ok` or `error`"),
            (r#"{"id":1,"ok":1,"more":2}"#, "unknown field `more`"),
            (r#"{"id":2,"ok":1}"#, "answered question 2, where question 1 was asked"),
        ] {
            let error = answer(line.as_bytes(), 1).expect_err(line);
            assert!(error.contains(says), "{line}: {error}");
        }
        assert!(answer(b"{\"id\":1,\"ok\":\"\xff\"}", 1).expect_err("bytes").contains("UTF-8"));
    }
}
