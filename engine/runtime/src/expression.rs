//! Expressions: what a pack computes from an action, the state and its data.
//!
//! An expression is written as inside of `{{ }}`, and its value keeps its type. It is kept as a template of the pack that
//! sets `value`, so that it is parsed once.

use std::{collections::HashSet, sync::LazyLock};

use minijinja::{Environment, Error, ErrorKind, Value as Context};
use serde_json::Value;

use crate::model::Column;

/// The maximum number of bytes of a value, as JSON.
const MAX_BYTES: usize = 1024 * 1024;
/// The maximum number of seconds that an action may ask to wait.
pub const MAX_WAIT: f64 = 3_600.0;

/// An expression, by the name of its template.
#[derive(Debug, Clone)]
pub struct Expression {
    name: String,
}

/// What an action or a call does besides answering.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// Gives the text for which it fails.
    pub fail: Option<Expression>,
    /// What it sets: the state, and the expression.
    pub set: Vec<(Column, Expression)>,
    /// Gives the seconds to wait.
    pub wait: Option<Expression>,
}

impl Effects {
    /// Whether it does nothing.
    pub fn is_empty(&self) -> bool {
        self.fail.is_none() && self.set.is_empty() && self.wait.is_none()
    }
}

impl Expression {
    /// Adds an expression to an engine under a name.
    pub fn add(engine: &mut Environment<'static>, name: String, text: &str) -> Result<Self, Error> {
        // Alone first, so that a text which only makes sense inside of the statement is refused.
        engine.compile_expression_owned(text.to_owned())?;
        engine.add_template_owned(name.clone(), format!("{{% set value = ({text}) %}}"))?;
        Ok(Self { name })
    }

    /// Whether it reads no name, and so always has one value.
    pub fn reads_nothing(&self, engine: &Environment<'static>) -> bool {
        engine.get_template(&self.name).is_ok_and(|template| names_read(template.source()).is_empty())
    }

    /// Its value among some names.
    pub fn eval(&self, engine: &Environment<'static>, scope: &Context) -> Result<Value, Error> {
        let captured = engine.get_template(&self.name)?.render_captured(scope.clone())?;
        let value = captured.state().lookup("value").filter(|value| !value.is_undefined());
        let value = value.ok_or_else(|| Error::new(ErrorKind::UndefinedError, "it has no value"))?;
        let json = serde_json::to_value(&value)
            .map_err(|error| Error::new(ErrorKind::BadSerialization, format!("it cannot be written: {error}")))?;
        if json.to_string().len() > MAX_BYTES {
            return Err(Error::new(ErrorKind::InvalidOperation, "its value is too large"));
        }
        Ok(json)
    }

    /// Its value, made to fit; the error of `fit` says what was expected.
    pub fn eval_as(
        &self,
        engine: &Environment<'static>,
        scope: &Context,
        fit: impl FnOnce(Value) -> Result<Value, String>,
    ) -> Result<Value, String> {
        let value = self.eval(engine, scope).map_err(|error| words(&error))?;
        let shown = shown(&value);
        fit(value).map_err(|expected| format!("it gives `{shown}`, not {expected}"))
    }

    /// Its value as a number; `true` is 1 and `false` is 0.
    pub fn number(&self, engine: &Environment<'static>, scope: &Context) -> Result<f64, String> {
        let value = self.eval(engine, scope).map_err(|error| words(&error))?;
        let number = value.as_f64().or_else(|| value.as_bool().map(|flag| f64::from(u8::from(flag))));
        number.ok_or_else(|| format!("it gives `{}`, not a number", shown(&value)))
    }

    /// Its value as a text, or nothing when it is null.
    pub fn text(&self, engine: &Environment<'static>, scope: &Context) -> Result<Option<String>, String> {
        match self.eval(engine, scope).map_err(|error| words(&error))? {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            other => Err(format!("it gives `{}`, not a text or `none`", shown(&other))),
        }
    }
}

/// What a template reads, as dotted names such as `vary.thing.word`; nothing of a text that does not parse.
pub fn names_read(template: &str) -> HashSet<String> {
    static PARSER: LazyLock<Environment<'static>> = LazyLock::new(Environment::new);
    let read = |text: &str| PARSER.template_from_str(text).map(|template| template.undeclared_variables(true));
    // The library passes over what is sliced: `a.b[:1]` reads what `a.b['' ~ 1]` does.
    let plain = without_slices(template).and_then(|text| read(&text).ok());
    plain.or_else(|| read(template).ok()).unwrap_or_default()
}

/// A template that reads the same names and slices nothing, where it may slice something.
fn without_slices(template: &str) -> Option<String> {
    if !template.contains('[') || !template.contains(':') {
        return None;
    }
    let mut text = String::with_capacity(template.len() + 16);
    // The open brackets of the tag at hand, and the quote that its text ends with.
    let mut open: Vec<char> = Vec::new();
    let (mut inside, mut quote) = (false, None);
    let mut signs = template.chars().peekable();
    while let Some(sign) = signs.next() {
        let next = signs.peek().copied();
        match (quote, sign) {
            (Some(_), '\\') => {
                text.push(sign);
                text.extend(signs.next());
                continue;
            }
            (Some(end), _) => quote = (end != sign).then_some(end),
            (None, '{') if !inside && matches!(next, Some('{' | '%')) => {
                inside = true;
                text.push(sign);
                text.extend(signs.next());
                continue;
            }
            (None, '}' | '%') if inside && open.is_empty() && next == Some('}') => inside = false,
            (None, '"' | '\'') if inside => quote = Some(sign),
            (None, '(' | '[' | '{') if inside => open.push(sign),
            (None, ')' | ']' | '}') if inside => {
                open.pop();
                if sign == ']' && text.trim_end().ends_with('~') {
                    text.push_str("''");
                }
            }
            (None, ':') if inside && open.last() == Some(&'[') => {
                text.push_str(if text.trim_end().ends_with(['[', '~']) { "''~" } else { "~" });
                continue;
            }
            (None, _) => {}
        }
        text.push(sign);
    }
    Some(text)
}

/// The message of an error of the template engine, in one line.
pub fn words(error: &Error) -> String {
    let kind = error.kind().to_string();
    if error.kind() == ErrorKind::OutOfFuel {
        return "it takes too many steps".to_owned();
    }
    error.detail().map_or(kind.clone(), |detail| format!("{kind}: {detail}"))
}

/// The beginning of a value, for messages.
pub fn shown(value: &Value) -> String {
    let text = value.to_string();
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sliced_is_read() {
        for (template, names) in [
            ("{{ phrase.trip[:1] | upper }}{{ phrase.trip[1:] }}", "phrase.trip"),
            ("{{ a.b[c.d:e.f:2] }} {{ g[::2] }} {{ h[i[:1]:j] }}", "a.b c.d e.f g h i j"),
            ("[x:y] {{ 'a[b:c]' ~ {'k': d[1:][:2]}['k'] }} {% if e[:f] %}{{ [g, h][1:] }}{% endif %}", "d e f g h"),
            ("{{ '\\'[' ~ a[:1] }} {% set b = {'c': {'d': e}} %}{{ b[:1] }} [1:2] {{ f }}", "a e f"),
            ("{{ a['x:y'] }} {{ b[1] }}", "a b"),
        ] {
            let mut read: Vec<String> = names_read(template).into_iter().collect();
            read.sort();
            // A name may be read as a whole and in part.
            read.dedup_by(|a, b| a.split('.').next() == Some(b.as_str()));
            assert_eq!(read.join(" "), names, "{template}");
        }
    }
}
