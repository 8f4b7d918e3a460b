//! A tree against its kind's schema: every mismatch, at its place and with what to do about it.

use std::sync::OnceLock;

use casebook_runtime::names::{list, list_all, nearest};
use serde_json::Value;

use super::{
    Kind, Tree, comma,
    document::{located, written},
    foreign::{brief, foreign_key, foreign_operator, foreign_word},
    schema,
    tree::Place,
};
use crate::{
    diagnostic::{Code, Diagnostic, Hint, did_you_mean},
    schema_error::{MAX_MISMATCHES, Mismatch, MismatchKind, Schema, limit_text, type_names},
    source::SourceFile,
};

struct Compiled {
    schema: Value,
    validator: Schema,
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
    context.explain_all(&compiled.validator.mismatches(value))
}

/// What of a document does not fit the schema of its kind.
pub(super) fn mismatches(value: &Value, kind: Kind) -> Vec<Mismatch> {
    let Some(compiled) = compiled(kind) else { return Vec::new() };
    if compiled.validator.is_valid(value) { Vec::new() } else { compiled.validator.mismatches(value) }
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
    let Ok(validator) = Schema::new(schema) else { return Vec::new() };
    let context = Context { files, tree, value, schema, above: pointer };
    context.explain_all(&validator.mismatches(part))
}

fn compiled(kind: Kind) -> Option<&'static Compiled> {
    static ALL: OnceLock<Vec<(Kind, Option<Compiled>)>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        Kind::ALL
            .iter()
            .map(|kind| {
                let schema = schema::schema_of(*kind);
                let validator = Schema::new(&schema).ok();
                (*kind, validator.map(|validator| Compiled { schema, validator }))
            })
            .collect()
    });
    all.iter().find(|(known, _)| *known == kind).and_then(|(_, compiled)| compiled.as_ref())
}

/// Words that other languages have for keys of this one.
const MEANT: [(&str, &str); 18] = [
    ("if", "when"),
    ("condition", "when"),
    ("conditions", "when"),
    ("unless", "except"),
    ("decide", "then"),
    ("decision", "then"),
    ("outcome", "then"),
    ("reason", "because"),
    ("why", "because"),
    ("text", "say"),
    ("otherwise", "else"),
    ("probability", "weight"),
    ("options", "values"),
    ("choices", "values"),
    ("ident", "id"),
    ("identifier", "id"),
    ("uuid", "id"),
    ("to", "until"),
];

/// Whether a pointer leads to an entry of a list with a name.
fn is_entry_of(pointer: &str, list: &str) -> bool {
    pointer.rsplit('/').nth(1) == Some(list)
}

/// Whether a word that is not a key stands for one.
fn means(word: &str, key: &str) -> bool {
    MEANT.contains(&(word, key))
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
    fn explain_all(&self, mismatches: &[Mismatch]) -> Vec<Diagnostic> {
        // Which values are possible says which type they have; of nothing at all it is enough that a value is missing.
        let is_told = |one: &&Mismatch| {
            let at_same = |is: fn(&MismatchKind) -> bool| {
                mismatches.iter().any(|other| is(&other.kind) && other.pointer == one.pointer)
            };
            match one.kind {
                MismatchKind::Type(_) => {
                    one.found.is_null() || !at_same(|kind| matches!(kind, MismatchKind::Choice(_)))
                }
                MismatchKind::Choice(_) => {
                    !one.found.is_null() || !at_same(|kind| matches!(kind, MismatchKind::Type(_)))
                }
                _ => true,
            }
        };
        mismatches.iter().filter(is_told).flat_map(|one| self.explain(one)).take(MAX_MISMATCHES).collect()
    }

    fn explain(&self, error: &Mismatch) -> Vec<Diagnostic> {
        let pointer = format!("{}{}", self.above, error.pointer);
        let what = name_of(&pointer);
        let found = &error.found;
        let at = |code| {
            let message = format!("{what} {}", error.wanted());
            self.finding(code, self.tree.value_place(&pointer), message).at(pointer.clone())
        };
        let written = written(self.tree, &pointer, found);
        vec![match &error.kind {
            MismatchKind::UnknownKeys(unexpected) => {
                if let Some(finding) = self.missing_grader(error, &pointer, unexpected) {
                    return vec![finding];
                }
                return unexpected
                    .iter()
                    .take(MAX_MISMATCHES)
                    .filter_map(|key| self.unknown_key(error, &pointer, key))
                    .collect();
            }
            MismatchKind::MissingKey(key) => {
                let known = self.known_keys(error);
                let present = found.as_object().into_iter().flat_map(|map| map.keys());
                let unknown = present.map(String::as_str).filter(|present| !known.iter().any(|one| one == present));
                if nearest(key, unknown.clone()).is_some() || unknown.clone().any(|word| means(word, key)) {
                    // It is there, misspelt; the finding about the unknown key says so.
                    return Vec::new();
                }
                let hint = self.describe_key(error, key).map(|text| format!("add `{key}:` ({text})"));
                self.finding(Code::MissingKey, self.head_of(&pointer), format!("{what} {}", error.wanted()))
                    .at(pointer.clone())
                    .hint(hint.unwrap_or_else(|| format!("add `{key}:`")))
            }
            MismatchKind::Type(types) => return vec![self.wrong_type(error, &pointer, types, &written)],
            MismatchKind::Choice(values) => {
                let names: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                self.finding(Code::NotAllowed, self.tree.value_place(&pointer), format!("{what} cannot be `{written}`"))
                    .at(pointer.clone())
                    .label(format!("expected one of {}", list(&names).unwrap_or_default()))
                    .maybe_hint(if !found.is_string() && names.contains(&&*written) {
                        Some(Hint::quoting(&written))
                    } else if pointer.ends_with("/grader") && CONTAINERS.contains(&&*written) {
                        Some(format!("a container is a key: write `{written}:` in place of `grader: {written}`").into())
                    } else {
                        foreign_word(&written, &names).or_else(|| did_you_mean(&written, names))
                    })
            }
            MismatchKind::Constant(_) => at(Code::NotAllowed),
            MismatchKind::Bound(keyword @ ("minimum" | "maximum"), limit) => {
                let side = if *keyword == "minimum" { "more" } else { "less" };
                // Where a share may be written, so many percent are meant.
                let pattern = self.schema_of(error).and_then(|schema| schema.get("pattern")?.as_str());
                let share = *keyword == "maximum" && pattern.is_some_and(|pattern| pattern.ends_with("%$"));
                let percent = found.as_f64().filter(|one| share && (1.0..=100.0).contains(one));
                let limit = format!("write `{}` or {side}", limit_text(limit));
                at(Code::OutOfBounds)
                    .label(format!("is {}", describe(found, &written)))
                    .hint(percent.map_or(limit, |one| format!("write `{one}%`")))
            }
            MismatchKind::Bound("minProperties", _) => {
                // Other maps take names of the pack's own.
                let closed = |schema: &&Value| schema.get("additionalProperties") == Some(&Value::Bool(false));
                let known = self.schema_of(error).filter(closed).map_or_else(Vec::new, |_| self.known_keys(error));
                let free: Vec<&str> =
                    known.iter().map(String::as_str).filter(|key| found.get(*key).is_none()).collect();
                let allowed = list(&free).map(|names| format!("; allowed keys: {names}")).unwrap_or_default();
                at(Code::OutOfBounds).hint(format!("add a key{allowed}"))
            }
            MismatchKind::Bound(keyword, limit) => at(Code::OutOfBounds).hint(match *keyword {
                "minLength" => "write something",
                "maxLength" => "shorten it",
                "minItems" => "add an entry, or remove the key",
                _ if *limit == 1 => "keep one of them",
                _ => "remove some of them",
            }),
            MismatchKind::Never => {
                let message = format!("{what} {}", error.wanted());
                self.finding(Code::UnknownKey, self.tree.key_place(&pointer), message).at(pointer.clone())
            }
            MismatchKind::Pattern => {
                let message = format!("{what} cannot be `{}`", found.as_str().unwrap_or_default());
                self.finding(Code::BadValue, self.tree.value_place(&pointer), message)
                    .at(pointer.clone())
                    .maybe_hint(self.form(error))
            }
            MismatchKind::Other => at(Code::Shape).maybe_hint(self.description(error)),
        }]
    }

    fn wrong_type(&self, error: &Mismatch, pointer: &str, types: &[&str], written: &str) -> Diagnostic {
        if let Some(finding) = self.misspelt_any(pointer, &error.found) {
            return finding;
        }
        let wanted = type_names(types);
        let cut = pointer.rsplit_once('/').filter(|_| error.found.is_null()).and_then(|(above, key)| {
            let key = key.replace("~1", "/").replace("~0", "~");
            comma::cut(self.files, self.tree, self.value, above, &key)
        });
        let found = describe(&error.found, written);
        let message = format!("{} must be {wanted}, not {found}", name_of(pointer));
        self.finding(Code::WrongType, self.tree.value_place(pointer), message)
            .at(pointer)
            .label(format!("expected {wanted}"))
            .maybe_hint(
                cut.map(|cut| format!("give it a value, or {}", cut.hint).into())
                    .or_else(|| self.cut_number(pointer, types, &error.found))
                    .or_else(|| self.needless_dash(pointer, &error.found))
                    .or_else(|| self.unit_lost(error, written))
                    .or_else(|| self.year_alone(error, written))
                    .or_else(|| part_meant(types, &error.found))
                    .or_else(|| self.map_meant(pointer, types, error, written))
                    .or_else(|| {
                        let is_scalar = !error.found.is_null() && !error.found.is_array() && !error.found.is_object();
                        let form = self.form(error).filter(|_| is_scalar && !self.fits_as_text(error, written))?;
                        Some(form.into())
                    })
                    .or_else(|| type_hint(pointer, types, &error.found, written)),
            )
    }

    /// What to do about a number that a comma has cut, such as `1,240` in a list in brackets.
    fn cut_number(&self, pointer: &str, types: &[&str], found: &Value) -> Option<Hint> {
        if !found.is_number() || !types.contains(&"string") {
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
    fn unit_lost(&self, error: &Mismatch, written: &str) -> Option<Hint> {
        let example = self.schema_of(error)?.get("examples")?.get(0)?.as_str()?;
        let is_length = example.starts_with(|sign: char| sign.is_ascii_digit()) && example.ends_with(['s', 'm', 'h']);
        let hint = format!("write it with its unit, such as `{written}m` or `{written}h`");
        (is_length && error.found.is_number()).then(|| hint.into())
    }

    /// What to do about a year where a day is expected, such as `2027` for `2027-01-01`.
    fn year_alone(&self, error: &Mismatch, written: &str) -> Option<Hint> {
        let example = self.schema_of(error)?.get("examples")?.get(0)?.as_str()?;
        let dated = example.len() >= 10 && example.split('-').count() >= 3 && example[..4].parse::<u16>().is_ok();
        let year = error.found.is_u64() && written.len() == 4;
        let day = format!("{written}{}", example.get(4..)?);
        (dated && year).then(|| format!("write the whole date, such as `{day}`").into())
    }

    /// What to write for a value that is alone where a map is expected, from the map that its schema shows.
    fn map_meant(&self, pointer: &str, types: &[&str], error: &Mismatch, written: &str) -> Option<Hint> {
        let is_plain = error.found.is_string() || error.found.is_number() || error.found.is_boolean();
        if !is_plain || !types.contains(&"object") || written.ends_with('}') {
            return None;
        }
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let is_whole = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some((from, to)) = written.split_once("..").filter(|(from, to)| is_whole(from) && is_whole(to)) {
            return Some(format!("write `{key}: {{ from: {from}, to: {to} }}`").into());
        }
        // Of a declaration the type is what people write alone, and of a map of one key its value.
        let schema = self.schema_of(error)?;
        let first = match key {
            "truth" => Some("rules"),
            _ if self.known_of(schema).iter().any(|known| known == "type") => Some("type"),
            _ => None,
        };
        if let Some(first) = first.filter(|_| error.found.is_string()) {
            return Some(format!("write a map: `{key}: {{ {first}: {written} }}`").into());
        }
        if matches!(key, "then" | "default") {
            return Some(format!("name the decision: `{key}: {{ DECISION: {written} }}`").into());
        }
        let example = schema.get("examples")?.get(0)?.as_object()?;
        let parts: Vec<String> = example.iter().map(|(key, value)| format!("{key}: {}", brief(value))).collect();
        Some(format!("write a map, such as `{key}: {{ {} }}`", parts.join(", ")).into())
    }

    /// The keys that a part of the schema knows.
    fn known_of(&self, schema: &Value) -> Vec<String> {
        let named =
            schema.get("$ref").and_then(Value::as_str).and_then(|name| self.schema.pointer(name.strip_prefix('#')?));
        let properties = named.unwrap_or(schema).get("properties").and_then(Value::as_object);
        properties.map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    /// What to do about the entry of a list that is a map in lines, such as `- keywords: [...]` in place of a map.
    fn needless_dash(&self, pointer: &str, found: &Value) -> Option<Hint> {
        let is_entry = pointer.rsplit('/').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        let (file, span) = located(self.files, self.tree.value_place(pointer));
        let dashed = file.text[..span.start].trim_end().ends_with('-');
        (is_entry && dashed && found.is_object())
            .then(|| "write one value; or, if a map is meant, `key: value` lines without `- `".into())
    }

    fn unknown_key(&self, error: &Mismatch, pointer: &str, key: &str) -> Option<Diagnostic> {
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
        let operand = present.and_then(|map| map.get(key)).unwrap_or(&Value::Null);
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let meant = || {
            let meant = free.iter().find(|name| means(key, name))?;
            Some(Hint::from(format!("write `{meant}:`")).replacing(key, *meant))
        };
        let foreign = || foreign_operator(key, field, operand, &free).or_else(|| foreign_key(key, operand, &free));
        let hint = match (key.split_once(':'), did_you_mean(key, free.iter().copied())) {
            _ if cut.is_some() => cut?.hint.into(),
            (Some((word, value)), _) if known.iter().any(|name| name == word) => {
                format!("put a space after the colon: `{word}: {value}`").into()
            }
            (_, near) => foreign().or_else(meant).or(near).unwrap_or_else(|| {
                if known.iter().any(|name| name == "older_than") {
                    format!("the operators are {}", list_all(&free)).into()
                } else if let Some(home) = self.home_of(error, key) {
                    format!("write it under `{home}`").into()
                } else {
                    let allowed = list(&free).map(|names| format!("; allowed keys: {names}")).unwrap_or_default();
                    format!("remove it{allowed}").into()
                }
            }),
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
    fn missing_grader(&self, error: &Mismatch, pointer: &str, unexpected: &[String]) -> Option<Diagnostic> {
        const GRADER: &str = "grader";
        let known = self.known_keys(error);
        let present = error.found.as_object()?;
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
    fn known_keys(&self, error: &Mismatch) -> Vec<String> {
        self.properties(error).map(|map| map.keys().cloned().collect()).unwrap_or_default()
    }

    /// The one key next to an unknown one whose map knows it, such as `inbox` for the `level` of a task.
    fn home_of(&self, error: &Mismatch, key: &str) -> Option<String> {
        let mut homes = self.properties(error)?.iter().filter(|(_, schema)| self.takes(schema, key, 0));
        let (home, _) = homes.next()?;
        homes.next().is_none().then(|| home.clone())
    }

    /// Whether a map that fits a schema may have a key.
    fn takes(&self, schema: &Value, key: &str, depth: usize) -> bool {
        const DEEPEST: usize = 4;
        let named =
            schema.get("$ref").and_then(Value::as_str).and_then(|name| self.schema.pointer(name.strip_prefix('#')?));
        let listed = ["anyOf", "oneOf", "allOf"].iter().filter_map(|all| schema.get(all)?.as_array()).flatten();
        let parts = listed.chain(named).chain(schema.get("then"));
        schema.pointer("/properties").is_some_and(|properties| properties.get(key).is_some())
            || depth < DEEPEST && parts.into_iter().any(|part| self.takes(part, key, depth + 1))
    }

    /// The schema that a value does not fit.
    fn schema_of(&self, error: &Mismatch) -> Option<&Value> {
        let (parent, _) = error.schema_pointer.rsplit_once('/')?;
        self.schema.pointer(parent)
    }

    /// Whether what was written fits once it is a text in quotes.
    fn fits_as_text(&self, error: &Mismatch, written: &str) -> bool {
        let Some(part) = self.schema_of(error).filter(|part| part.get("pattern").is_some()) else { return true };
        Schema::new(part).is_ok_and(|schema| schema.is_valid(&written.into()))
    }

    /// The form of a text that does not fit, by an example and by what it is.
    fn form(&self, error: &Mismatch) -> Option<String> {
        let example = self.schema_of(error)?.get("examples").and_then(|all| all.get(0)?.as_str());
        let description = self.description(error);
        match (example, description) {
            (Some(example), Some(description)) if !description.contains(example) => {
                Some(format!("write it as in `{example}`: {description}"))
            }
            (Some(example), None) => Some(format!("write it as in `{example}`")),
            (_, description) => description,
        }
    }

    /// What the failing part of the schema says that it wants.
    fn description(&self, error: &Mismatch) -> Option<String> {
        let text = self.schema_of(error)?.get("description")?.as_str()?;
        Some(lower_first(text.split("\n\n").next()?.replace('\n', " ").trim_end_matches('.')))
    }

    fn describe_key(&self, error: &Mismatch, key: &str) -> Option<String> {
        let property = self.properties(error)?.get(key)?;
        let text = property.get("description").and_then(Value::as_str)?;
        let first = text.split("\n\n").next()?.replace('\n', " ");
        Some(lower_first(first.trim_end_matches('.')))
    }

    fn properties(&self, error: &Mismatch) -> Option<&serde_json::Map<String, Value>> {
        let (parent, _) = error.schema_pointer.rsplit_once('/')?;
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

/// What to do about an empty value at a JSON pointer.
pub fn about_nothing(pointer: &str) -> &'static str {
    let last = pointer.rsplit('/').next().unwrap_or_default();
    let is_entry = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    if is_entry { "give it a value, or remove the entry" } else { "give it a value, or remove the key" }
}

/// What to write for so many percent where a number is expected.
fn part_meant(types: &[&str], found: &Value) -> Option<Hint> {
    let percent: f64 = found.as_str()?.trim().strip_suffix('%')?.trim_end().parse().ok()?;
    types.contains(&"number").then(|| format!("write the part of 1: `{}`", percent / 100.0).into())
}

fn type_hint(pointer: &str, types: &[&str], found: &Value, written: &str) -> Option<Hint> {
    let wants = |name: &str| types.contains(&name);
    Some(match found {
        Value::Null => about_nothing(pointer).into(),
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
        Value::Object(_) if pointer.contains("/when") && is_entry_of(pointer, "or") => {
            "for conditions of which one must hold, write `any` in place of `or`".into()
        }
        Value::Object(_) if pointer.contains("/when") && is_entry_of(pointer, "and") => {
            "write conditions that must all hold into one map, without `and`".into()
        }
        Value::Object(_) => "write one value, without braces and keys".into(),
        Value::String(_) | Value::Bool(_) | Value::Number(_) if wants("integer") => {
            "write a whole number, such as `1`".into()
        }
        Value::String(_) | Value::Bool(_) if wants("number") => "write a number, such as `0.5`".into(),
        Value::String(_) | Value::Number(_) if wants("boolean") => "write `true` or `false`".into(),
        _ => return None,
    })
}
