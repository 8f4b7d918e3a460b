//! A tree against its kind's schema: every mismatch, at its place.
//!
//! With `scenario::action` the only module that knows the schema validator.

use std::sync::OnceLock;

use casebook_runtime::names::{list, nearest};
use jsonschema::{
    Validator,
    error::{TypeKind, ValidationError, ValidationErrorKind},
};
use serde_json::Value;

use super::{
    Kind, Tree, comma,
    document::{located, written},
    schema,
    tree::Place,
};
use crate::{
    diagnostic::{Code, Diagnostic, Hint, did_you_mean},
    source::SourceFile,
};

/// The maximum number of problems that are reported of one document.
const MAX_PROBLEMS: usize = 100;

struct Compiled {
    schema: Value,
    validator: Validator,
}

pub(super) fn validate(files: &[SourceFile], tree: &Tree, value: &Value, kind: Kind) -> Vec<Diagnostic> {
    let Some(compiled) = compiled(kind) else {
        return vec![Diagnostic::new(
            Code::Shape,
            &files[0],
            tree.value_place("").span,
            format!("the schema of `{kind}` does not compile; this is our fault"),
        )];
    };
    if compiled.validator.is_valid(value) {
        return Vec::new();
    }
    let context = Context { files, tree, value, schema: &compiled.schema, above: "" };
    compiled.validator.iter_errors(value).flat_map(|error| context.explain(&error)).take(MAX_PROBLEMS).collect()
}

/// The part of a document at a pointer against a schema that the document does not bring itself.
pub(super) fn validate_part(
    files: &[SourceFile],
    tree: &Tree,
    value: &Value,
    pointer: &str,
    schema: &Value,
) -> Vec<Diagnostic> {
    let empty = Value::Object(serde_json::Map::new());
    let part = value.pointer(pointer).unwrap_or(&empty);
    let Ok(validator) = jsonschema::draft202012::new(schema) else { return Vec::new() };
    let context = Context { files, tree, value, schema, above: pointer };
    validator.iter_errors(part).flat_map(|error| context.explain(&error)).take(MAX_PROBLEMS).collect()
}

/// Says what is wrong with a schema.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    jsonschema::draft202012::new(schema).map(|_| ()).map_err(|error| error.to_string())
}

/// What of a value does not fit a schema, in words.
pub fn misfits(schema: &Value, value: &Value) -> Vec<String> {
    let Ok(validator) = jsonschema::draft202012::new(schema) else { return Vec::new() };
    validator
        .iter_errors(value)
        .map(|error| match error.instance_path().as_str() {
            "" => error.to_string(),
            path => format!("`{}`: {error}", path.trim_start_matches('/')),
        })
        .collect()
}

/// Returns whether a value fits a schema.
pub fn fits(schema: &Value, value: &Value) -> bool {
    jsonschema::draft202012::new(schema).is_ok_and(|validator| validator.is_valid(value))
}

fn compiled(kind: Kind) -> Option<&'static Compiled> {
    static ALL: OnceLock<Vec<(Kind, Option<Compiled>)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        Kind::ALL
            .iter()
            .map(|kind| {
                let schema = schema::schema_of(*kind);
                let validator = jsonschema::draft202012::new(&schema).ok();
                (*kind, validator.map(|validator| Compiled { schema, validator }))
            })
            .collect()
    });
    all.iter().find(|(known, _)| *known == kind).and_then(|(_, compiled)| compiled.as_ref())
}

/// The keys of a rubric that hold other nodes.
const CONTAINERS: [&str; 9] = ["weighted_sum", "add", "product", "min", "mean", "sequential", "all", "gate", "ref"];

struct Context<'a> {
    /// The document's own file, then those that it extends.
    files: &'a [SourceFile],
    tree: &'a Tree,
    value: &'a Value,
    schema: &'a Value,
    /// The pointer to the part that the schema is about.
    above: &'a str,
}

impl Context<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of mistake")]
    fn explain(&self, error: &ValidationError<'_>) -> Vec<Diagnostic> {
        let pointer = format!("{}{}", self.above, error.instance_path());
        let what = name_of(&pointer);
        let at =
            |code, message: String| self.finding(code, self.tree.value_place(&pointer), message).at(pointer.clone());
        let written = written(self.tree, &pointer, error.instance());
        let found = describe(error.instance(), &written);
        let one = match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                if let Some(finding) = self.missing_grader(error, &pointer, unexpected) {
                    return vec![finding];
                }
                return unexpected
                    .iter()
                    .take(MAX_PROBLEMS)
                    .filter_map(|key| self.unknown_key(error, &pointer, key))
                    .collect();
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                let known = self.known_keys(error);
                let present = error.instance().as_object().into_iter().flat_map(|map| map.keys());
                let unknown = present.map(String::as_str).filter(|present| !known.iter().any(|one| one == present));
                if nearest(key, unknown).is_some() {
                    // It is there, misspelt; the finding about the unknown key says so.
                    return Vec::new();
                }
                let hint = self.describe_key(error, key).map(|text| format!("add `{key}:` ({text})"));
                self.finding(Code::MissingKey, self.head_of(&pointer), format!("{what} needs `{key}`"))
                    .at(pointer.clone())
                    .hint(hint.unwrap_or_else(|| format!("add `{key}:`")))
            }
            ValidationErrorKind::Type { kind } => {
                if let Some(finding) = self.misspelt_any(&pointer, error.instance()) {
                    return vec![finding];
                }
                let wanted = types(kind);
                let cut = pointer.rsplit_once('/').filter(|_| error.instance().is_null()).and_then(|(above, key)| {
                    let key = key.replace("~1", "/").replace("~0", "~");
                    comma::cut(self.files, self.tree, self.value, above, &key)
                });
                at(Code::WrongType, format!("{what} must be {wanted}, not {found}"))
                    .label(format!("expected {wanted}"))
                    .maybe_hint(
                        cut.map(|cut| format!("give it a value, or {}", cut.hint).into())
                            .or_else(|| self.cut_number(&pointer, kind, error.instance()))
                            .or_else(|| self.needless_dash(&pointer, error.instance()))
                            .or_else(|| self.unit_lost(error, &written))
                            .or_else(|| type_hint(kind, error.instance(), &written)),
                    )
            }
            ValidationErrorKind::Enum { options } => {
                let names: Vec<&str> = options.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                at(Code::NotAllowed, format!("{what} cannot be `{written}`"))
                    .label(format!("expected one of {}", list(&names).unwrap_or_default()))
                    .maybe_hint(if !error.instance().is_string() && names.contains(&&*written) {
                        Some(Hint::quoting(&written))
                    } else if pointer.ends_with("/grader") && CONTAINERS.contains(&&*written) {
                        Some(format!("a container is a key: write `{written}:` in place of `grader: {written}`").into())
                    } else {
                        did_you_mean(&written, names)
                    })
            }
            ValidationErrorKind::Constant { expected_value } => at(
                Code::NotAllowed,
                format!(
                    "{what} must be `{}`",
                    expected_value.as_str().map_or_else(|| expected_value.to_string(), str::to_owned)
                ),
            ),
            ValidationErrorKind::MinLength { limit } => {
                at(Code::OutOfBounds, format!("{what} needs at least {}", count(*limit, "character", "characters")))
                    .hint("write something")
            }
            ValidationErrorKind::MaxLength { limit } => {
                at(Code::OutOfBounds, format!("{what} may have at most {}", count(*limit, "character", "characters")))
                    .hint("shorten it")
            }
            ValidationErrorKind::MinItems { limit } => {
                at(Code::OutOfBounds, format!("{what} needs at least {}", count(*limit, "entry", "entries")))
                    .hint("add an entry, or remove the key")
            }
            ValidationErrorKind::MaxItems { limit } => {
                at(Code::OutOfBounds, format!("{what} may have at most {}", count(*limit, "entry", "entries")))
                    .hint("remove some of them")
            }
            ValidationErrorKind::MinProperties { limit } => {
                at(Code::OutOfBounds, format!("{what} needs at least {}", count(*limit, "key", "keys")))
                    .hint("add a key")
            }
            ValidationErrorKind::MaxProperties { limit } => {
                at(Code::OutOfBounds, format!("{what} may have at most {}", count(*limit, "key", "keys")))
                    .hint(if *limit == 1 { "keep one of them" } else { "remove some of them" })
            }
            ValidationErrorKind::Minimum { limit } => {
                at(Code::OutOfBounds, format!("{what} must be at least {}", number(limit)))
                    .label(format!("is {found}"))
                    .hint(format!("write `{}` or more", number(limit)))
            }
            ValidationErrorKind::Maximum { limit } => {
                // Where a share may be written, so many percent are meant.
                let share =
                    self.schema_of(error).and_then(|schema| schema.get("pattern")?.as_str()?.strip_suffix("%$"));
                let percent = error.instance().as_f64().filter(|one| share.is_some() && (1.0..=100.0).contains(one));
                at(Code::OutOfBounds, format!("{what} must be at most {}", number(limit)))
                    .label(format!("is {found}"))
                    .hint(
                        percent.map_or_else(
                            || format!("write `{}` or less", number(limit)),
                            |one| format!("write `{one}%`"),
                        ),
                    )
            }
            ValidationErrorKind::FalseSchema => self
                .finding(Code::UnknownKey, self.tree.key_place(&pointer), format!("{what}is not allowed here"))
                .at(pointer.clone()),
            ValidationErrorKind::Pattern { .. } => {
                at(Code::BadValue, format!("{what} cannot be `{}`", error.instance().as_str().unwrap_or_default()))
                    .maybe_hint(self.description(error))
            }
            _ => at(Code::Shape, format!("{what} does not fit: {error}")).maybe_hint(self.description(error)),
        };
        vec![one]
    }

    /// What to do about a number that a comma has cut, such as `1,240` in a list in brackets.
    fn cut_number(&self, pointer: &str, kind: &TypeKind, found: &Value) -> Option<Hint> {
        if !found.is_number() || !types(kind).contains("a text") {
            return None;
        }
        let (file, span) = located(self.files, self.tree.value_place(pointer));
        let part = |c: char| c.is_ascii_digit() || ",.".contains(c);
        let start = file.text[..span.start].trim_end_matches(part).len();
        let end = span.end + file.text[span.end..].find(|c| !part(c)).unwrap_or_default();
        let text = file.text[start..end].trim_matches(',');
        let mut groups = text.split(',').skip(1).peekable();
        let grouped = groups.peek().is_some()
            && groups.all(|group| group.split('.').next().is_some_and(|whole| whole.len() == 3));
        grouped.then(|| {
            format!("put quotes around the whole number: `\"{text}\"`; without them a comma begins another entry")
                .into()
        })
    }

    /// What to do about a number where a length with a unit is expected, such as `10` for `10m`.
    fn unit_lost(&self, error: &ValidationError<'_>, written: &str) -> Option<Hint> {
        let example = self.schema_of(error)?.get("examples")?.get(0)?.as_str()?;
        let is_length = example.starts_with(|sign: char| sign.is_ascii_digit()) && example.ends_with(['s', 'm', 'h']);
        let hint = format!("write it with its unit, such as `{written}m` or `{written}h`");
        (is_length && error.instance().is_number()).then(|| hint.into())
    }

    /// What to do about the entry of a list that is a map in lines, such as `- keywords: [...]` in place of a map.
    fn needless_dash(&self, pointer: &str, found: &Value) -> Option<Hint> {
        let is_entry = pointer.rsplit('/').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        let (file, span) = located(self.files, self.tree.value_place(pointer));
        let dashed = file.text[..span.start].trim_end().ends_with('-');
        (is_entry && dashed && found.is_object())
            .then(|| "write one value; or, if a map is meant, `key: value` lines without `- `".into())
    }

    fn unknown_key(&self, error: &ValidationError<'_>, pointer: &str, key: &str) -> Option<Diagnostic> {
        let cut = comma::cut(self.files, self.tree, self.value, pointer, key);
        if cut.as_ref().is_some_and(|cut| !cut.first) {
            // It is told with the first part of the text.
            return None;
        }
        let path = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
        let known = self.known_keys(error);
        let present = self.value.pointer(pointer).and_then(Value::as_object);
        let free: Vec<&str> = known
            .iter()
            .map(String::as_str)
            .filter(|name| {
                // What an extended document says may be said again.
                let here = |name: &str| self.tree.key_place(&format!("{pointer}/{name}")).file;
                present.is_none_or(|map| !map.contains_key(*name)) || here(name) != here(key)
            })
            .collect();
        let grader = present.and_then(|map| map.get("grader")).filter(|_| key != "grader");
        let message = match grader.and_then(Value::as_str) {
            Some(grader) => format!("the grader `{grader}` has no key `{key}`"),
            None => format!("{} has no key `{key}`", name_of(pointer)),
        };
        let hint = match (key.split_once(':'), did_you_mean(key, free.iter().copied())) {
            _ if cut.is_some() => cut?.hint.into(),
            (Some((word, value)), _) if known.iter().any(|name| name == word) => {
                format!("put a space after the colon: `{word}: {value}`").into()
            }
            (_, Some(near)) => near,
            _ => list(&free)
                .map_or_else(|| "remove it".into(), |names| format!("remove it; allowed keys: {names}").into()),
        };
        Some(self.finding(Code::UnknownKey, self.tree.key_place(&path), message).at(path).hint(hint))
    }

    /// A list of conditions under a key that is none of those that hold conditions.
    fn misspelt_any(&self, pointer: &str, found: &Value) -> Option<Diagnostic> {
        let (path, _) = pointer.rsplit_once('/')?;
        let (above, key) = path.rsplit_once('/')?;
        let conditions = ["/when", "/except", "/any/", "/all/"].iter().any(|part| above.contains(part));
        let near = nearest(key, ["any", "all"]).filter(|near| conditions && found.is_object() && *near != key)?;
        let message = format!("{} has no key `{key}` with a list of conditions", name_of(above));
        let finding = self.finding(Code::UnknownKey, self.tree.key_place(path), message);
        Some(finding.at(path).maybe_hint(did_you_mean(key, [near])))
    }

    /// A node whose keys only make sense with a grader, which is misspelt or not there: one finding instead of many.
    fn missing_grader(&self, error: &ValidationError<'_>, pointer: &str, unexpected: &[String]) -> Option<Diagnostic> {
        const GRADER: &str = "grader";
        let known = self.known_keys(error);
        let present = error.instance().as_object()?;
        let container = |key: &&String| !["name", "weight", "times"].contains(&key.as_str()) && known.contains(key);
        if !known.iter().any(|key| key == "weighted_sum") || present.contains_key(GRADER) {
            return None;
        }
        let near = unexpected
            .iter()
            .find(|key| nearest(key, [GRADER]).is_some() && nearest(key, known.iter().map(String::as_str)).is_none());
        if let Some(key) = near {
            let path = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
            let message = format!("{} has no key `{key}`", name_of(pointer));
            let finding = self.finding(Code::UnknownKey, self.tree.key_place(&path), message);
            return Some(finding.at(path).maybe_hint(did_you_mean(key, [GRADER])));
        }
        let misspelt = |key: &&String| {
            let nodes = present
                .get(*key)
                .is_some_and(|value| value.is_object() || value.pointer("/0").is_some_and(Value::is_object));
            nodes && nearest(key, known.iter().map(String::as_str)).is_some()
        };
        if present.keys().any(|key| container(&key)) || unexpected.iter().any(|key| misspelt(&key)) {
            return None;
        }
        let message = format!("{} is neither a grader nor a container", name_of(pointer));
        let finding = self.finding(Code::MissingKey, self.head_of(pointer), message);
        let names = list(&known.iter().map(String::as_str).skip(2).collect::<Vec<_>>()).unwrap_or_default();
        Some(finding.at(pointer).hint(format!("add `grader:` with a grader's name, or one of {names}")))
    }

    /// The keys that the failing part of the schema knows.
    fn known_keys(&self, error: &ValidationError<'_>) -> Vec<String> {
        self.properties(error).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    /// What the failing part of the schema says that it wants.
    /// The schema that a value does not fit.
    fn schema_of(&self, error: &ValidationError<'_>) -> Option<&Value> {
        let path = error.schema_path().to_string();
        let (parent, _) = path.rsplit_once('/')?;
        self.schema.pointer(parent)
    }

    fn description(&self, error: &ValidationError<'_>) -> Option<String> {
        let text = self.schema_of(error)?.get("description")?.as_str()?;
        Some(lower_first(text.split("\n\n").next()?.replace('\n', " ").trim_end_matches('.')))
    }

    fn describe_key(&self, error: &ValidationError<'_>, key: &str) -> Option<String> {
        let property = self.properties(error)?.get(key)?;
        let text = property.get("description").and_then(Value::as_str)?;
        let first = text.split("\n\n").next()?.replace('\n', " ");
        Some(lower_first(first.trim_end_matches('.')))
    }

    fn properties(&self, error: &ValidationError<'_>) -> Option<&serde_json::Map<String, Value>> {
        let path = error.schema_path().to_string();
        let (parent, _) = path.rsplit_once('/')?;
        let parent = parent.strip_suffix("/required").unwrap_or(parent);
        self.schema.pointer(parent)?.get("properties")?.as_object()
    }

    fn finding(&self, code: Code, place: Place, message: String) -> Diagnostic {
        let (file, span) = located(self.files, place);
        Diagnostic::new(code, file, span, message)
    }

    /// Where a missing key is reported: the map's own key, or its first line.
    fn head_of(&self, pointer: &str) -> Place {
        let place = self.tree.value_place(pointer);
        if !pointer.is_empty() {
            let key = self.tree.key_place(pointer);
            if key != place {
                return key;
            }
        }
        let (file, span) = located(self.files, place.clone());
        let length = file.text[span.clone()].lines().next().map_or(0, str::len);
        Place { file: place.file, span: span.start..span.start + length }
    }
}

fn lower_first(text: &str) -> String {
    text.get(..1).map_or_else(|| text.to_owned(), |start| format!("{}{}", start.to_lowercase(), &text[1..]))
}

fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A bound as an author would write it.
fn number(limit: &Value) -> String {
    let text = limit.to_string();
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// What a message calls the value at a pointer.
fn name_of(pointer: &str) -> String {
    let mut parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.pop() {
        None => "the document".to_owned(),
        Some(last) if last.bytes().all(|byte| byte.is_ascii_digit()) => {
            let owner = parts.iter().rev().find(|part| !part.bytes().all(|byte| byte.is_ascii_digit()));
            let number = last.parse::<usize>().map_or(0, |at| at + 1);
            owner.map_or_else(|| format!("entry {number}"), |owner| format!("entry {number} of `{owner}`"))
        }
        Some(last) => format!("`{}`", last.replace("~1", "/").replace("~0", "~")),
    }
}

/// What a message calls a value, which is written so.
pub(super) fn describe(value: &Value, written: &str) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => format!("`{written}`"),
        Value::Number(_) => format!("the number `{written}`"),
        Value::String(text) if text.chars().count() > 40 => "a text".to_owned(),
        Value::String(text) => format!("the text `{text}`"),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
    }
}

fn types(kind: &TypeKind) -> String {
    let names: Vec<&str> = match kind {
        TypeKind::Single(one) => vec![one.as_str()],
        TypeKind::Multiple(many) => many.iter().map(jsonschema::JsonType::as_str).collect(),
    };
    let words: Vec<&str> = names
        .iter()
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

fn type_hint(kind: &TypeKind, found: &Value, written: &str) -> Option<Hint> {
    let wants = |name: &str| match kind {
        TypeKind::Single(one) => one.as_str() == name,
        TypeKind::Multiple(many) => many.iter().any(|one| one.as_str() == name),
    };
    Some(match found {
        Value::Null => "give it a value, or remove the key".into(),
        Value::Number(_) | Value::Bool(_) if wants("string") => Hint::quoting(written),
        Value::String(text) if wants("boolean") => match text.to_lowercase().as_str() {
            "yes" | "on" => Hint::from("write `true`").instead_of(text, "true"),
            "no" | "off" => Hint::from("write `false`").instead_of(text, "false"),
            _ => return None,
        },
        Value::String(text) if (wants("number") || wants("integer")) && text.trim().parse::<f64>().is_ok() => {
            format!("write it without quotes: `{}`", text.trim()).into()
        }
        Value::String(text) if wants("array") && text.ends_with(']') => "open the list with `[`".into(),
        Value::String(text) if wants("object") && text.ends_with('}') => "open the map with `{`".into(),
        Value::Object(_) if wants("array") => {
            "begin each entry with `- `, or put the entries in brackets: `[...]`".into()
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) if wants("object") => {
            "write a map, such as `{ key: value }`".into()
        }
        Value::Array(_) if wants("object") => {
            "write `key: value` lines without `- `, or put them in braces: `{ ... }`".into()
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) if wants("array") => {
            Hint::from("put brackets around it: `[...]`").instead_of(written, format!("[{written}]"))
        }
        Value::Array(_) => "write one value, without brackets or `- `".into(),
        Value::Object(_) => "write one value, without braces and keys".into(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) if wants("integer") => {
            "write a whole number, such as `1`".into()
        }
        Value::String(_) | Value::Bool(_) if wants("number") => "write a number, such as `0.5`".into(),
        Value::String(_) | Value::Number(_) if wants("boolean") => "write `true` or `false`".into(),
        _ => return None,
    })
}
