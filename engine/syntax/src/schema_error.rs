//! What of a value does not fit a JSON Schema: the same words for a file, an action and a plugin's parameters.
//!
//! The only module that knows the schema validator.

use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::Value;

/// The maximum number of mismatches that are reported of one value.
pub const MAX_MISMATCHES: usize = 100;

/// A compiled JSON Schema, draft 2020-12.
#[derive(Debug)]
pub struct Schema(jsonschema::Validator);

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    ///
    /// The library's words about why it is not a schema.
    pub fn new(schema: &Value) -> Result<Self, String> {
        jsonschema::draft202012::new(schema).map(Self).map_err(|error| error.to_string())
    }

    /// Returns whether a value fits.
    pub fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value)
    }

    /// Every mismatch of a value, at most [`MAX_MISMATCHES`].
    pub fn mismatches(&self, value: &Value) -> Vec<Mismatch> {
        self.0.iter_errors(value).take(MAX_MISMATCHES).map(|error| Mismatch::new(&error)).collect()
    }
}

/// One place of a value that does not fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// What does not fit there.
    pub kind: MismatchKind,
    /// Where in the value: a JSON pointer.
    pub pointer: String,
    /// What is there.
    pub found: Value,
    /// The part of the schema that says otherwise: a JSON pointer, its keyword last.
    pub schema_pointer: String,
    /// The library's own sentence.
    said: String,
}

/// Kinds of mismatch.
#[derive(Debug, Clone, PartialEq)]
pub enum MismatchKind {
    /// Keys that the schema does not know.
    UnknownKeys(Vec<String>),
    /// A required key that is not there.
    MissingKey(String),
    /// A value of another type; the names of JSON Schema of those that fit.
    Type(Vec<&'static str>),
    /// None of the values that are allowed.
    Choice(Vec<Value>),
    /// Not the one value that is allowed.
    Constant(Value),
    /// Too short, long, small, large, few or many, by the keyword of JSON Schema that says so and its limit.
    Bound(&'static str, Value),
    /// Nothing may be here.
    Never,
    /// A text of another form.
    Pattern,
    /// Anything else.
    Other,
}

impl Mismatch {
    fn new(error: &ValidationError<'_>) -> Self {
        let bound = |keyword, limit: u64| MismatchKind::Bound(keyword, limit.into());
        let kind = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                MismatchKind::UnknownKeys(unexpected.clone())
            }
            ValidationErrorKind::Required { property } => {
                MismatchKind::MissingKey(property.as_str().unwrap_or_default().to_owned())
            }
            ValidationErrorKind::Type { kind } => MismatchKind::Type(match kind {
                TypeKind::Single(one) => vec![one.as_str()],
                TypeKind::Multiple(many) => many.iter().map(jsonschema::JsonType::as_str).collect(),
            }),
            ValidationErrorKind::Enum { options } => {
                MismatchKind::Choice(options.as_array().cloned().unwrap_or_default())
            }
            ValidationErrorKind::Constant { expected_value } => MismatchKind::Constant(expected_value.as_ref().clone()),
            ValidationErrorKind::MinLength { limit } => bound("minLength", *limit),
            ValidationErrorKind::MaxLength { limit } => bound("maxLength", *limit),
            ValidationErrorKind::MinItems { limit } => bound("minItems", *limit),
            ValidationErrorKind::MaxItems { limit } => bound("maxItems", *limit),
            ValidationErrorKind::MinProperties { limit } => bound("minProperties", *limit),
            ValidationErrorKind::MaxProperties { limit } => bound("maxProperties", *limit),
            ValidationErrorKind::Minimum { limit } => MismatchKind::Bound("minimum", limit.clone()),
            ValidationErrorKind::Maximum { limit } => MismatchKind::Bound("maximum", limit.clone()),
            ValidationErrorKind::FalseSchema => MismatchKind::Never,
            ValidationErrorKind::Pattern { .. } => MismatchKind::Pattern,
            _ => MismatchKind::Other,
        };
        Self {
            kind,
            pointer: error.instance_path().to_string(),
            found: error.instance().as_ref().clone(),
            schema_pointer: error.schema_path().to_string(),
            said: error.to_string(),
        }
    }

    /// What the schema wants, as words that follow the name of the value: `must be at least 1`.
    pub fn wanted(&self) -> String {
        match &self.kind {
            MismatchKind::UnknownKeys(keys) => format!("has no key `{}`", keys.join("`, `")),
            MismatchKind::MissingKey(key) => format!("needs `{key}`"),
            MismatchKind::Type(types) => format!("must be {}", type_names(types)),
            MismatchKind::Choice(values) => {
                format!("must be one of {}", values.iter().map(plain).collect::<Vec<_>>().join(", "))
            }
            MismatchKind::Constant(value) => format!("must be `{}`", plain(value)),
            MismatchKind::Bound(keyword, limit) => bound_words(keyword, limit),
            MismatchKind::Never => "is not allowed here".to_owned(),
            MismatchKind::Pattern | MismatchKind::Other => format!("does not fit: {}", self.said),
        }
    }
}

/// A text without quotes, and anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Types of JSON Schema in words; null stands for what is left out and is not named.
pub fn type_names(types: &[&str]) -> String {
    let words: Vec<&str> = types
        .iter()
        .filter(|name| **name != "null" || types.len() == 1)
        .map(|name| match *name {
            "object" => "a map",
            "array" => "a list",
            "string" => "a text",
            "integer" => "a whole number",
            "number" => "a number",
            "boolean" => "`true` or `false`",
            other => other,
        })
        .collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn bound_words(keyword: &str, limit: &Value) -> String {
    let (one, many) = match keyword {
        "minLength" | "maxLength" => ("character", "characters"),
        "minItems" | "maxItems" => ("entry", "entries"),
        "minProperties" | "maxProperties" => ("key", "keys"),
        "minimum" => return format!("must be at least {}", limit_text(limit)),
        _ => return format!("must be at most {}", limit_text(limit)),
    };
    let noun = if limit.as_u64() == Some(1) { one } else { many };
    let words = if keyword.starts_with("min") { "needs at least" } else { "may have at most" };
    format!("{words} {limit} {noun}")
}

/// A limit as an author would write it.
pub fn limit_text(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Schema;

    #[test]
    fn every_kind_of_mismatch_is_told_in_words() {
        let text = json!({ "type": ["string", "null"], "minLength": 2, "maxLength": 3 });
        let list = json!({ "type": "array", "minItems": 1, "maxItems": 2 });
        let map = json!({ "type": "object", "minProperties": 1, "maxProperties": 2, "required": ["a"] });
        for (schema, value, wanted) in [
            (&text, json!(5), "must be a text"),
            (&text, json!("a"), "needs at least 2 characters"),
            (&text, json!("abcd"), "may have at most 3 characters"),
            (&list, json!([]), "needs at least 1 entry"),
            (&list, json!([1, 2, 3]), "may have at most 2 entries"),
            (&map, json!({ "b": 1, "c": 2 }), "needs `a`"),
            (&map, json!({ "a": 1, "b": 1, "c": 2 }), "may have at most 2 keys"),
            (&json!({ "minimum": 1.0 }), json!(0.5), "must be at least 1"),
            (&json!({ "maximum": 1.5 }), json!(2), "must be at most 1.5"),
            (&json!({ "enum": ["a", "b", 1] }), json!("c"), "must be one of a, b, 1"),
            (&json!({ "const": "a" }), json!("c"), "must be `a`"),
            (
                &json!({ "type": ["integer", "boolean", "null"] }),
                json!("c"),
                "must be `true` or `false` or a whole number",
            ),
            (&json!({ "properties": { "a": {} }, "additionalProperties": false }), json!({ "x": 1 }), "has no key `x`"),
            (&json!(false), json!(1), "is not allowed here"),
        ] {
            let schema = Schema::new(schema).expect("a schema");
            let found = schema.mismatches(&value);
            assert_eq!(found.iter().map(super::Mismatch::wanted).collect::<Vec<_>>(), [wanted], "{value}");
        }
    }
}
