//! What templates and expressions are tried with besides one sample: values that an agent leaves out, names that do not exist
//! although nothing fails, and values that would be printed in the template engine's own words.

use casebook_runtime::{expression::shown, scenario::templates};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic},
    spec::{Document, Formula},
};
use minijinja::{Value as Context, value::Serde};
use serde_json::Value;

use super::template;

/// Under this name a sample lists what an agent may leave out, as dotted names.
pub(super) const OPTIONAL: &str = "names__optional";
/// Under this name it lists names that are there only now and then.
pub(super) const MAYBE: &str = "names__maybe";

/// Where a template or an expression is written.
pub(super) struct Site<'a> {
    pub(super) document: &'a Document,
    pub(super) pointer: &'a str,
    /// What it is: `template` or `expression`.
    pub(super) what: &'static str,
    /// Its text, in the form of a template.
    pub(super) template: &'a str,
}

impl Site<'_> {
    /// Finds what is wrong with something that works with a sample; `eval` gives its value among other names, or a sentence
    /// about it such as `fails: ...`.
    pub(super) fn find(
        &self,
        sample: &Context,
        value: &Value,
        eval: impl Fn(&Context) -> Result<Value, String>,
    ) -> Option<Diagnostic> {
        template::misspelt_name(self, sample)
            .or_else(|| self.misprinted(sample, value, &eval))
            .or_else(|| self.left_out(sample, &eval))
    }

    /// Finds what does not work where an agent leaves something out.
    pub(super) fn left_out(
        &self,
        sample: &Context,
        eval: impl Fn(&Context) -> Result<Value, String>,
    ) -> Option<Diagnostic> {
        let paths = paths(sample);
        let all = (paths.len() > 1).then_some(paths.as_slice());
        for left_out in paths.chunks(1).chain(all) {
            let names: Vec<String> =
                left_out.iter().map(|path| format!("`{}`", path.rsplit('.').next().unwrap_or(path))).collect();
            let names = names.join(", ");
            let without = without(sample, left_out);
            let found = match eval(&without) {
                Err(problem) => {
                    let hint = format!(
                        "what is left out is null: write `| default(...)` behind it or `... if {} is not none \
                         else ...`, or give it `required: true` or a `default`",
                        left_out[0]
                    );
                    Some(self.at(format!("without {names} the {} {problem}", self.what)).hint(hint))
                }
                Ok(value) => self.misprinted(&without, &value, &eval),
            };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Finds a null or a truth value that is part of a text as the engine writes it, such as `None`.
    pub(super) fn misprinted(
        &self,
        sample: &Context,
        value: &Value,
        eval: impl Fn(&Context) -> Result<Value, String>,
    ) -> Option<Diagnostic> {
        let text = value.to_string().to_lowercase();
        for (printed, own, plain) in
            [(Value::Null, "None", ""), (true.into(), "True", "true"), (false.into(), "False", "false")]
        {
            if !text.contains(&own.to_lowercase()) {
                continue;
            }
            let with = |word: &str| eval(&replaced(sample, &printed, word));
            // It gives what it gives for the engine's word, and something else for another text.
            if with(own).as_ref() == Ok(value) && with(plain).as_ref() != Ok(value) {
                return Some(self.misprint(&printed, value));
            }
        }
        // What is computed is no value of the sample.
        let [null, yes, no] = ["None", "True", "False"].map(|own| self.is_from_nowhere(own, sample, value));
        let printed = [(null, Value::Null), (yes, true.into()), (no, false.into())].into_iter().find(|(is, _)| *is)?.1;
        Some(self.misprint(&printed, value))
    }

    /// Whether a word of the engine appears in a text that neither the author nor the sample has it for.
    fn is_from_nowhere(&self, own: &str, sample: &Context, value: &Value) -> bool {
        let text = value.to_string();
        let is_word = |(at, _): (usize, &str)| {
            !text[..at].ends_with(char::is_alphabetic) && !text[at + own.len()..].starts_with(char::is_alphabetic)
        };
        text.match_indices(own).any(is_word)
            && !self.template.contains(own)
            && !serde_json::to_string(sample).is_ok_and(|sample| sample.contains(own))
    }

    fn misprint(&self, printed: &Value, value: &Value) -> Diagnostic {
        let hint = if printed.is_null() {
            "write `| default('')` behind what may be null"
        } else {
            "write a text such as `'yes' if ... else 'no'`"
        };
        self.at(format!("the {} prints `{printed}` as a text: `{}`", self.what, shown(value))).hint(hint)
    }

    fn at(&self, message: String) -> Diagnostic {
        self.document.at(Code::BadTemplate, self.pointer, message)
    }
}

/// The sample that remains where `fail` lets an action or a call pass: what it refuses to do without need not be tried.
pub(super) fn behind(sample: Context, fail: Option<&Formula>) -> Context {
    let Some(Formula(text)) = fail else { return sample };
    let engine = templates::engine();
    let Ok(fail) = engine.compile_expression(text) else { return sample };
    let refuses = |path: &String| {
        let without = without(&sample, std::slice::from_ref(path));
        fail.eval(without).is_ok_and(|value| value.as_str().is_some())
    };
    let kept: Vec<String> = paths(&sample).into_iter().filter(|path| !refuses(path)).collect();
    with(&sample, OPTIONAL, Context::from(kept))
}

/// What an agent may leave out.
fn paths(sample: &Context) -> Vec<String> {
    let listed = sample.get_attr(OPTIONAL).ok().and_then(|listed| listed.try_iter().ok());
    listed.into_iter().flatten().map(|path| path.to_string()).collect()
}

/// The sample without what stands at some dotted names.
fn without(sample: &Context, paths: &[String]) -> Context {
    let mut sample = sample.clone();
    for path in paths {
        let (root, rest) = path.split_once('.').unwrap_or((path, ""));
        let mut value = serde_json::to_value(sample.get_attr(root).unwrap_or_default()).unwrap_or_default();
        if let Some(found) = value.pointer_mut(&format!("/{}", rest.replace('.', "/"))) {
            *found = Value::Null;
        }
        sample = with(&sample, root, Context::from(Serde(&value)));
    }
    sample
}

/// The sample with another value for one name.
fn with(sample: &Context, name: &str, value: Context) -> Context {
    let names = sample.try_iter().into_iter().flatten();
    let mut all: std::collections::BTreeMap<String, Context> =
        names.filter_map(|name| Some((name.to_string(), sample.get_item(&name).ok()?))).collect();
    all.insert(name.to_owned(), value);
    Context::from(all)
}

/// The sample with a word for each value of a kind.
fn replaced(sample: &Context, old: &Value, word: &str) -> Context {
    fn replace(value: &mut Value, old: &Value, word: &str) {
        match value {
            value if value == old => *value = word.into(),
            Value::Array(list) => list.iter_mut().for_each(|value| replace(value, old, word)),
            Value::Object(map) => map.values_mut().for_each(|value| replace(value, old, word)),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(sample).unwrap_or_default();
    replace(&mut value, old, word);
    Context::from(Serde(&value))
}
