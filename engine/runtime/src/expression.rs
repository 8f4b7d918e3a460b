//! Expressions: what a pack computes from an action, the state and its data.
//!
//! An expression is written as inside of `{{ }}`, and its value keeps its type. It is kept as a template of the pack that
//! sets `value`, so that it is parsed once.

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
        engine.get_template(&self.name).is_ok_and(|template| template.undeclared_variables(false).is_empty())
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
