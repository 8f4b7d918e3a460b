//! Actions, arguments and states held to a schema, with every problem as one of an action.

use casebook_runtime::{
    model::{ActionProblem, PathPart, ProblemKind},
    names::nearest,
    number::{EXACT_FLOAT, Number},
    scenario::validator::Validator,
};
use casebook_syntax::schema_error::{MAX_MISMATCHES, Mismatch, MismatchKind, Schema};
use serde_json::{Value, json};

#[derive(Debug)]
struct Compiled(Schema);

/// Compiles a schema; the error is the library's word about it.
pub(crate) fn validator(schema: &Value) -> Result<Box<dyn Validator>, String> {
    Ok(Box::new(Compiled(Schema::new(schema)?)))
}

impl Validator for Compiled {
    fn is_valid(&self, value: &Value) -> bool {
        self.0.is_valid(value) && self.inexact(value).is_empty()
    }

    fn problems<'a>(&self, value: &Value, names: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
        let problems = self.0.mismatches(value).into_iter().flat_map(|one| explain(one, names));
        problems.chain(self.inexact(value)).take(MAX_MISMATCHES).collect()
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
        let lost = self.0.mismatches(&fractions).into_iter().filter_map(|one| {
            let whole = matches!(one.kind, MismatchKind::Type(_));
            let input = value.pointer(&one.pointer).filter(|input| whole && is_inexact(input))?.clone();
            let path = parts(&one.pointer);
            Some(if input.is_f64() {
                let message = "must be written without a point and an exponent, so that it keeps all of its digits";
                let limit = Some(("type", "integer".into()));
                ActionProblem { kind: ProblemKind::Type, path, message: message.to_owned(), input, limit }
            } else {
                let message = format!("must be at most {}", i64::MAX);
                let limit = Some(("maximum", i64::MAX.into()));
                ActionProblem { kind: ProblemKind::OutOfBounds, path, message, input, limit }
            })
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

fn explain<'a>(mismatch: Mismatch, known: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem> {
    let mut path = parts(&mismatch.pointer);
    let mut message = mismatch.wanted();
    let input = mismatch.found;
    let (kind, limit) = match mismatch.kind {
        MismatchKind::UnknownKeys(keys) => {
            let names = known(!path.is_empty());
            let problem = |key: String| {
                let near = nearest(&key, names.iter().copied());
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                let message = format!("there is no property `{key}`{near}");
                let input = input.get(&key).cloned().unwrap_or_default();
                let path = path.iter().cloned().chain([PathPart::Key(key)]).collect();
                ActionProblem { kind: ProblemKind::UnknownKey, path, message, input, limit: None }
            };
            return keys.into_iter().map(problem).collect();
        }
        MismatchKind::MissingKey(key) => {
            message = format!("`{key}` is required");
            path.push(PathPart::Key(key));
            (ProblemKind::Missing, None)
        }
        MismatchKind::Type(types) => {
            let wanted = types.into_iter().find(|name| *name != "null").unwrap_or("null");
            (ProblemKind::Type, Some(("type", wanted.into())))
        }
        MismatchKind::Choice(values) => {
            let names = values.iter().filter_map(Value::as_str);
            if let Some(near) = input.as_str().and_then(|written| nearest(written, names)) {
                message = format!("{message}; did you mean `{near}`?");
            }
            (ProblemKind::NotAllowed, Some(("enum", values.into())))
        }
        MismatchKind::Constant(value) => (ProblemKind::NotAllowed, Some(("enum", json!([value])))),
        MismatchKind::Bound(keyword, limit) => (ProblemKind::OutOfBounds, Some((keyword, limit))),
        MismatchKind::Never | MismatchKind::Pattern | MismatchKind::Other => (ProblemKind::Conflict, None),
    };
    vec![ActionProblem { kind, path, message, input, limit }]
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
