//! JSON held to a schema, with every problem in the words of an action.

use casebook_runtime::{
    model::{ActionProblem, PathPart, ProblemKind},
    names::nearest,
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
        self.0.is_valid(value)
    }

    fn problems<'a>(&self, value: &Value, names: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
        self.0.iter_errors(value).flat_map(|error| explain(&error, names)).take(MAX_PROBLEMS).collect()
    }
}

fn explain<'a>(error: &ValidationError<'_>, known: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
    let path: Vec<PathPart> = error
        .instance_path()
        .to_string()
        .split('/')
        .skip(1)
        .map(|part| {
            part.parse().map_or_else(|_| PathPart::Key(part.replace("~1", "/").replace("~0", "~")), PathPart::Index)
        })
        .collect();
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
