//! Requests for completions to an endpoint that speaks as `OpenAI` does, made again where it refuses for now.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    http::{Endpoint, NoAnswer},
    output::count,
};

/// The longest wait until a request is made again, in seconds.
const LONGEST: f64 = 60.0;
/// Bytes of an answer that a message shows.
const SHORT: usize = 200;

/// An endpoint, and how often it is asked again.
#[derive(Debug)]
pub(crate) struct Completions {
    endpoint: Endpoint,
    retries: u32,
    /// Whether it has answered anything yet.
    has_answered: AtomicBool,
    pub(crate) counts: Counts,
}

/// What asking took so far.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: AtomicUsize,
    pub(crate) retries: AtomicUsize,
    pub(crate) cached: AtomicUsize,
}

/// Why there is no completion.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The endpoint cannot be reached and never answered, so that asking it anything else is of no use.
    Unreachable(String),
    /// This request has no answer.
    NoCompletion(String),
}

impl Completions {
    /// An endpoint at an address such as `http://127.0.0.1:8080/v1`, whose token is in a variable.
    ///
    /// # Errors
    ///
    /// When it is not an address that can be reached.
    pub(crate) fn new(url: &str, key_env: &str, seconds: f64, retries: u32) -> Result<Self, String> {
        let token = std::env::var(key_env).ok().filter(|token| !token.is_empty());
        let endpoint = Endpoint::new(url, token, Duration::from_secs_f64(seconds))?;
        Ok(Self { endpoint, retries, has_answered: AtomicBool::new(false), counts: Counts::default() })
    }

    /// Asks for a completion and reads it; what cannot be read is asked for again.
    ///
    /// # Errors
    ///
    /// When the endpoint cannot be reached, refuses, or has given nothing that can be read after some tries.
    pub(crate) fn ask<T>(
        &self,
        runtime: &Runtime,
        body: &str,
        read: impl Fn(Value) -> Result<T, String>,
    ) -> Result<T, Problem> {
        let mut attempt = 0;
        loop {
            self.counts.requests.fetch_add(1, Ordering::Relaxed);
            let (problem, wait) = match self.endpoint.post(runtime, "/chat/completions", body.to_owned()) {
                Ok(answer) => {
                    self.has_answered.store(true, Ordering::Relaxed);
                    let is_passing = matches!(answer.status, 408 | 409 | 425 | 429 | 500..);
                    if answer.status == 200 {
                        match completion(&answer.text).and_then(&read) {
                            Ok(value) => return Ok(value),
                            Err(problem) => (problem, None),
                        }
                    } else {
                        let problem = format!("status {}: {}", answer.status, short(&answer.text));
                        if !is_passing {
                            return Err(Problem::NoCompletion(format!("the endpoint refuses: {problem}")));
                        }
                        (problem, answer.retry_after)
                    }
                }
                Err(NoAnswer::Unreachable(problem)) if !self.has_answered.load(Ordering::Relaxed) => {
                    return Err(Problem::Unreachable(format!("the endpoint cannot be reached: {problem}")));
                }
                Err(NoAnswer::Unreachable(problem) | NoAnswer::Broken(problem)) => (problem, None),
            };
            if attempt == self.retries {
                let requests = count(attempt as usize + 1, "request");
                return Err(Problem::NoCompletion(format!("no answer after {requests}: {problem}")));
            }
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
            // Half a second, then twice as long each time, or as long as the endpoint asks for.
            let back_off = 0.5 * 2.0_f64.powi(i32::try_from(attempt).unwrap_or(i32::MAX));
            thread::sleep(Duration::from_secs_f64(wait.unwrap_or(back_off).clamp(0.0, LONGEST)));
            attempt += 1;
        }
    }
}

fn completion(text: &str) -> Result<Value, String> {
    let read = serde_json::from_str::<Value>(text).ok().filter(|value| value["choices"][0]["message"].is_object());
    read.ok_or_else(|| format!("the answer is not a completion: {}", short(text)))
}

/// The text of a message, which some endpoints give in parts.
pub(crate) fn text_of(content: &Value) -> Cow<'_, str> {
    match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<String>().into(),
        content => content.as_str().unwrap_or_default().into(),
    }
}

/// The JSON object of a text, which may be in a fence or among words; of several the last one, for words come before it that
/// weigh others. A brace of a word, such as `{x}`, begins none; one that is cut off leaves nothing.
pub(crate) fn object(text: &str) -> Option<Value> {
    objects(text)?.pop()
}

/// The JSON objects of a text, in their order; nothing where one is cut off.
pub(crate) fn objects(text: &str) -> Option<Vec<Value>> {
    let (mut rest, mut all) = (text, Vec::new());
    while let Some(begin) = rest.find('{') {
        rest = &rest[begin..];
        let inner = rest[1..].trim_start();
        if !inner.starts_with(['"', '}']) {
            rest = &rest[1..];
            continue;
        }
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        all.push(values.next()?.ok()?);
        rest = &rest[values.byte_offset()..];
    }
    Some(all)
}

/// The beginning of a text, for messages.
pub(crate) fn short(text: &str) -> String {
    let text = text.trim();
    if text.len() <= SHORT {
        return text.to_owned();
    }
    format!("{}...", &text[..text.floor_char_boundary(SHORT)])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_are_found_in_texts() {
        for text in [
            "{\"a\":1}",
            " {\"a\":1}\n",
            "```json\n{\"a\":1}\n```",
            "I choose {\"a\":1}, as it is right.",
            "<think>maybe {dry} or {\"b\":2}</think>\n{\"a\":1}",
            "{\"a\":1} {well}",
        ] {
            assert_eq!(object(text), Some(json!({ "a": 1 })), "{text}");
        }
        for text in ["", "[1]", "{\"a\":", "} {", "none", "{\"b\":{\"a\":1}", "{\"a\":1} {\"a\":"] {
            assert_eq!(object(text), None, "{text}");
        }
    }
}
