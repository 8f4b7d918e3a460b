//! Language models that judge: what they are asked, and what they may answer.
//!
//! A judge is asked as a program is that grades, and its answers are inputs of an episode as those of a program are. Since
//! nothing but the request decides an answer, one that is known holds at every step, in every episode and every version of a
//! pack that asks the same.

use std::{collections::HashMap, sync::Arc};

use indexmap::IndexMap;
use serde_json::{Value, json};

use super::{Guest, Inputs, Operation, inputs::Question};
use crate::json;

/// The name under which records keep what judges answered.
pub(super) const JUDGE: &str = "judge";
/// The maximum number of characters of a reason that are kept.
pub const MAX_REASON: usize = 500;
/// Characters of a question's key that messages show.
const SHOWN: usize = 12;

/// What a judge may answer: one of some choices, or a score from 0 to 1 if there are none.
#[derive(Debug, Clone, Default)]
pub struct Scale {
    /// The value of each choice.
    pub choices: IndexMap<String, f64>,
}

/// What a judge answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What the answer is worth.
    pub value: f64,
    /// The choice, where there are some.
    pub choice: Option<String>,
    /// Why, in a sentence.
    pub reason: Option<String>,
}

impl Scale {
    /// The key of an answer that holds what the judge says: a choice, or a score.
    pub fn key(&self) -> &'static str {
        if self.choices.is_empty() { "score" } else { "choice" }
    }

    /// JSON Schema of an answer.
    pub fn schema(&self) -> Value {
        let key = self.key();
        let values = if self.choices.is_empty() {
            json!({ "type": "number", "minimum": 0, "maximum": 1 })
        } else {
            json!({ "type": "string", "enum": self.choices.keys().collect::<Vec<_>>() })
        };
        // What is reasoned first decides better.
        json!({
            "type": "object",
            "properties": { "reason": { "type": "string" }, key: values },
            "required": ["reason", key],
            "additionalProperties": false,
        })
    }

    /// What a model is asked: a request for a completion, as `OpenAI` has it.
    pub fn request(&self, model: &str, prompt: &str) -> String {
        let what = if self.choices.is_empty() {
            "`score`, a number from 0 to 1".to_owned()
        } else {
            let names: Vec<String> = self.choices.keys().map(|name| format!("`{name}`")).collect();
            format!("`choice`, one of {}", names.join(", "))
        };
        let how = format!(
            "You are a grader. Answer with one JSON object and nothing else: `reason`, one or two sentences, and then {what}."
        );
        json!({
            "model": model,
            "temperature": 0,
            "messages": [{ "role": "system", "content": how }, { "role": "user", "content": prompt }],
            "response_format": {
                "type": "json_schema",
                "json_schema": { "name": "grade", "strict": true, "schema": self.schema() },
            },
        })
        .to_string()
    }

    /// Reads an answer; the error continues a sentence that begins with the grader.
    ///
    /// # Errors
    ///
    /// When it is not an answer that the schema allows.
    pub fn read(&self, text: &str) -> Result<Verdict, String> {
        let answer = json::strict(text).map_err(|problem| format!("got invalid JSON from its model: {problem}"))?;
        let reason = answer.get("reason").and_then(Value::as_str);
        let reason = reason.map(|reason| reason.trim().chars().take(MAX_REASON).collect::<String>());
        let reason = reason.filter(|reason| !reason.is_empty());
        let given = &answer[self.key()];
        if self.choices.is_empty() {
            let score = given.as_f64().filter(|score| (0.0..=1.0).contains(score));
            let value =
                score.ok_or_else(|| format!("got the score {given} from its model, not a number from 0 to 1"))?;
            return Ok(Verdict { value, choice: None, reason });
        }
        let found = given.as_str().and_then(|name| self.choices.get_key_value(name));
        let (choice, value) = found.ok_or_else(|| {
            format!("got the choice {given} from its model, where it may choose among {}", self.names())
        })?;
        Ok(Verdict { value: *value, choice: Some(choice.clone()), reason })
    }

    /// The choices in words.
    pub fn names(&self) -> String {
        let names: Vec<String> = self.choices.keys().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    }
}

/// The key of a request: SHA-256 over the model, the prompt and the schema, in hex.
pub fn question_key(request: &str) -> String {
    question(0, request).hash()
}

fn question(step: usize, request: &str) -> Question<'_> {
    let operation = Operation::Grade.name();
    Question { step, plugin: JUDGE, digest: JUDGE, operation, input: request, timeless: true }
}

/// Answers that judges gave before, by the keys of the requests.
#[derive(Debug, Clone, Default)]
pub struct Answers(HashMap<String, String>);

impl Answers {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(String, String)> for Answers {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(answers: T) -> Self {
        Self(answers.into_iter().collect())
    }
}

/// Who is asked: the pack's own answers first, then a model.
#[derive(Debug, Clone, Default)]
pub struct Judge {
    /// What the pack knows.
    pub answers: Arc<Answers>,
    /// What asks models, if any may be asked.
    pub guest: Option<Arc<dyn Guest>>,
}

impl Judge {
    /// Asks within an episode in which so many steps have been taken; the error continues a sentence that begins with the
    /// grader.
    ///
    /// # Errors
    ///
    /// When nobody can answer, or the answer does not fit.
    pub fn ask_within(&self, request: &str, scale: &Scale, moment: (&Inputs, usize)) -> Result<Verdict, String> {
        let (inputs, step) = moment;
        inputs.answer(question(step, request), || self.ask_now(request), |text| scale.read(text))
    }

    /// Asks outside of an episode.
    ///
    /// # Errors
    ///
    /// When nobody can answer, or the answer does not fit.
    pub fn ask(&self, request: &str, scale: &Scale) -> Result<Verdict, String> {
        self.ask_now(request).and_then(|text| scale.read(&text))
    }

    fn ask_now(&self, request: &str) -> Result<String, String> {
        let key = question_key(request);
        match (self.answers.0.get(&key), &self.guest) {
            (Some(answer), _) => Ok(answer.clone()),
            (None, Some(guest)) => {
                guest.call(Operation::Grade, request).map_err(|problem| format!("failed: {problem}"))
            }
            (None, None) => Err(format!(
                "has no answer to the prompt `{}`, and asks no model: pass `--judge URL`, or `casebook test --update --judge \
                 URL` to keep answers in the pack",
                &key[..SHOWN]
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(choices: &[(&str, f64)]) -> Scale {
        Scale { choices: choices.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect() }
    }

    #[test]
    fn answers_that_fit_are_read() {
        let verdict = scale(&[]).read(r#"{"reason": " Clear. ", "score": 0.25}"#);
        assert_eq!(verdict, Ok(Verdict { value: 0.25, choice: None, reason: Some("Clear.".into()) }));
        let verdict = scale(&[("good", 1.0), ("poor", -0.5)]).read(r#"{"choice": "poor"}"#);
        assert_eq!(verdict, Ok(Verdict { value: -0.5, choice: Some("poor".into()), reason: None }));
    }

    #[test]
    fn answers_that_do_not_fit_are_errors() {
        for text in
            ["", "[]", "{}", r#"{"score": 1.5}"#, r#"{"score": "1"}"#, r#"{"score": null}"#, r#"{"choice": "good"}"#]
        {
            assert!(scale(&[]).read(text).is_err(), "{text}");
        }
        for text in [r#"{"choice": "Good"}"#, r#"{"score": 1}"#, r#"{"choice": 1}"#] {
            assert!(scale(&[("good", 1.0)]).read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_value_of_a_choice_is_not_part_of_the_question() {
        let key = |choices: &[(&str, f64)], prompt| question_key(&scale(choices).request("judge-1", prompt));
        assert_eq!(key(&[("good", 1.0)], "a"), key(&[("good", 0.5)], "a"));
        assert_ne!(key(&[("good", 1.0)], "a"), key(&[("fine", 1.0)], "a"));
        assert_ne!(key(&[], "a"), key(&[], "b"));
    }
}
