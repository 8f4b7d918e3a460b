//! JSON held to a schema, with every problem in the words of an action.

use casebook_runtime::{
    model::{ActionProblem, PathPart, ProblemKind},
    names::nearest,
    number::{EXACT_FLOAT, Number},
    scenario::validator::Validator,
};
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::{Value, json};

/// The maximum number of problems that are reported of one value.
const MAX_PROBLEMS: usize = 100;

#[derive(Debug)]
struct Compiled(jsonschema::Validator);

/// Compiles a schema; the error is the library's word about it.
pub(crate) fn validator(schema: &Value) -> Result<Box<dyn Validator>, String> {
    let compiled = jsonschema::draft202012::new(schema).map_err(|error| error.to_string())?;
    Ok(Box::new(Compiled(compiled)))
}

impl Validator for Compiled {
    fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value) && self.inexact(value).is_empty()
    }

    fn problems<'a>(&self, value: &Value, names: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
        let problems = self.0.iter_errors(value).flat_map(|error| explain(&error, names));
        problems.chain(self.inexact(value)).take(MAX_PROBLEMS).collect()
    }
}

impl Compiled {
    /// The whole numbers that no value of the type `integer` is: those that were written with a point or an exponent and
    /// are too large for that, so that a digit may be lost, and those beyond the greatest one.
    ///
    /// A schema takes them for whole numbers; with a fraction in their place it says where it wants whole ones.
    fn inexact(&self, value: &Value) -> Vec<ActionProblem> {
        if !has_inexact(value) {
            return Vec::new();
        }
        let mut fractions = value.clone();
        replace_inexact(&mut fractions);
        let lost = self.0.iter_errors(&fractions).filter_map(|error| {
            let path = error.instance_path().to_string();
            let whole = matches!(error.kind(), ValidationErrorKind::Type { .. });
            let input = value.pointer(&path).filter(|input| whole && is_inexact(input))?.clone();
            if !input.is_f64() {
                let message = format!("must be at most {}", i64::MAX);
                let limit = Some(("maximum", i64::MAX.into()));
                return Some(ActionProblem {
                    kind: ProblemKind::OutOfBounds,
                    path: parts(&path),
                    message,
                    input,
                    limit,
                });
            }
            let message =
                "must be written without a point and an exponent, so that it keeps all of its digits".to_owned();
            let limit = Some(("type", "integer".into()));
            Some(ActionProblem { kind: ProblemKind::Type, path: parts(&path), message, input, limit })
        });
        lost.collect()
    }
}

/// Whether a number is a float from which on a float represents several whole numbers, or beyond the greatest integer.
fn is_inexact(value: &Value) -> bool {
    let Value::Number(number) = value else { return false };
    let least = Number::from(EXACT_FLOAT).to_f64();
    if number.is_f64() { number.as_f64().is_some_and(|float| float.abs() >= least) } else { !number.is_i64() }
}

fn has_inexact(value: &Value) -> bool {
    match value {
        Value::Array(list) => list.iter().any(has_inexact),
        Value::Object(map) => map.values().any(has_inexact),
        value => is_inexact(value),
    }
}

fn replace_inexact(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(replace_inexact),
        Value::Object(map) => map.values_mut().for_each(replace_inexact),
        value if is_inexact(value) => *value = json!(0.5),
        _ => {}
    }
}

/// A JSON pointer, part by part.
fn parts(pointer: &str) -> Vec<PathPart> {
    let part = |part: &str| {
        part.parse().map_or_else(|_| PathPart::Key(part.replace("~1", "/").replace("~0", "~")), PathPart::Index)
    };
    pointer.split('/').skip(1).map(part).collect()
}

fn explain<'a>(error: &ValidationError<'_>, known: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
    let path = parts(&error.instance_path().to_string());
    let input = error.instance().as_ref().clone();
    let problem =
        |kind, message: String, limit| ActionProblem { kind, path: path.clone(), message, input: input.clone(), limit };
    let bound = |keyword, limit: Value, words: &str| {
        let message = format!("{words} {limit}");
        problem(ProblemKind::OutOfBounds, message, Some((keyword, limit)))
    };
    vec![match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            return unexpected
                .iter()
                .map(|key| {
                    let mut path = path.clone();
                    path.push(PathPart::Key(key.clone()));
                    let names: Vec<&str> = known(path.len() > 1);
                    let near = nearest(key, names.iter().copied())
                        .map(|near| format!(", did you mean `{near}`?"))
                        .unwrap_or_default();
                    ActionProblem {
                        kind: ProblemKind::UnknownKey,
                        path,
                        message: format!("there is no property `{key}`{near}"),
                        input: input.get(key).cloned().unwrap_or_default(),
                        limit: None,
                    }
                })
                .collect();
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            let mut path = path.clone();
            path.push(PathPart::Key(key.to_owned()));
            ActionProblem {
                kind: ProblemKind::Missing,
                path,
                message: format!("`{key}` is required"),
                input: input.clone(),
                limit: None,
            }
        }
        ValidationErrorKind::Type { kind } => {
            let names: Vec<&str> = match kind {
                TypeKind::Single(one) => vec![one.as_str()],
                TypeKind::Multiple(many) => many.iter().map(jsonschema::JsonType::as_str).collect(),
            };
            let wanted = names.into_iter().find(|name| *name != "null").unwrap_or("null");
            problem(ProblemKind::Type, format!("must be of type {wanted}"), Some(("type", wanted.into())))
        }
        ValidationErrorKind::Enum { options } => {
            let names: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let near = input
                .as_str()
                .and_then(|written| nearest(written, names.iter().copied()))
                .map(|near| format!("; did you mean `{near}`?"));
            let message = format!("must be one of {}{}", names.join(", "), near.unwrap_or_default());
            problem(ProblemKind::NotAllowed, message, Some(("enum", names.into())))
        }
        ValidationErrorKind::MinLength { limit } => {
            bound("minLength", (*limit).into(), "the least number of characters is")
        }
        ValidationErrorKind::MaxLength { limit } => {
            bound("maxLength", (*limit).into(), "the greatest number of characters is")
        }
        ValidationErrorKind::MinItems { limit } => bound("minItems", (*limit).into(), "the least number of entries is"),
        ValidationErrorKind::MaxItems { limit } => {
            bound("maxItems", (*limit).into(), "the greatest number of entries is")
        }
        ValidationErrorKind::Minimum { limit } => bound("minimum", limit.clone(), "must be at least"),
        ValidationErrorKind::Maximum { limit } => bound("maximum", limit.clone(), "must be at most"),
        ValidationErrorKind::Constant { expected_value } => {
            let message = format!("must be {expected_value}");
            problem(ProblemKind::NotAllowed, message, Some(("enum", json!([expected_value]))))
        }
        _ => problem(ProblemKind::Conflict, error.to_string(), None),
    }]
}

#[cfg(test)]
mod tests {
    use casebook_runtime::model::PathPart;
    use serde_json::{Value, json};

    use super::validator;

    #[test]
    fn whole_numbers_that_lost_a_digit_are_refused_where_whole_ones_are_wanted() {
        let whole = json!({ "type": "integer" });
        let properties = json!({ "n": whole, "x": { "type": "number" }, "all": { "type": "array", "items": whole } });
        let validator = validator(&json!({ "type": "object", "properties": properties })).expect("a schema");
        for good in [
            "{\"n\": 9007199254740993}",
            "{\"n\": 4.0}",
            "{\"n\": 9007199254740991.0, \"x\": 9007199254740993.0}",
            "{\"x\": 1e300, \"all\": [-9223372036854775808]}",
            "{\"x\": 18446744073709551615, \"n\": 9223372036854775807}",
        ] {
            assert!(validator.is_valid(&serde_json::from_str::<Value>(good).expect("JSON")), "{good}");
        }
        for (bad, path) in [
            ("{\"n\": 9007199254740993.0}", vec![PathPart::Key("n".to_owned())]),
            ("{\"n\": -1e16}", vec![PathPart::Key("n".to_owned())]),
            ("{\"n\": 9223372036854775808}", vec![PathPart::Key("n".to_owned())]),
            ("{\"x\": 1e300, \"all\": [1, 1e17]}", vec![PathPart::Key("all".to_owned()), PathPart::Index(1)]),
        ] {
            let value: Value = serde_json::from_str(bad).expect("JSON");
            assert!(!validator.is_valid(&value), "{bad}");
            let problems = validator.problems(&value, &|_| Vec::new());
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert_eq!(problems[0].path, path, "{bad}");
        }
    }
}
