//! Texts, what they read, and that none reads itself.

use casebook_runtime::{
    rules::Predicate,
    scenario::generator::{Alternative, Phrase, Subset, distribution::parts},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::Builder;

impl Builder<'_, '_> {
    pub(super) fn phrases(&mut self, specs: &IndexMap<&str, &spec::Phrase>, report: &mut Report) -> Vec<Phrase> {
        let mut phrases = Vec::with_capacity(specs.len());
        let before = report.errors();
        for (name, spec) in specs {
            let plain = format!("/phrases/{name}");
            let pointer = self.place(&plain);
            self.check_name(&pointer, name, report);
            let (below, several) = match spec {
                spec::Phrase::One(_) => (pointer.clone(), None),
                spec::Phrase::Several(several) => {
                    let one = spec::Count::Fixed(1);
                    let times = several.times.as_ref().unwrap_or(&one);
                    let grid = super::slots::count(self.document, &format!("{pointer}/times"), times, report);
                    let join = several.join.clone().unwrap_or_else(|| " ".to_owned());
                    (format!("{pointer}/say"), grid.map(|grid| (grid, join)))
                }
            };
            let mut alternatives = Vec::new();
            let mut read = Vec::new();
            if let spec::Phrase::Several(spec::SeveralPhrases { file: Some(file), .. }) = spec {
                read = self.texts_of(&format!("{pointer}/file"), file, report);
            }
            if spec.alternatives().is_empty() && read.is_empty() && report.errors() == before {
                report.push(
                    self.document
                        .at_key(Code::MissingKey, &pointer, "the phrase has no text to choose")
                        .hint("add `say:` with a list of texts, or `file:`"),
                );
            }
            for (number, one) in read.iter().enumerate() {
                // Findings point at the name of the file; the template tells its row.
                let place = format!("{pointer}/file");
                let text = self.template(&place, format!("{place}#{number}"), one.text(), report);
                let when = match one.when() {
                    None => Some(None),
                    Some(when) => self.condition(&place, when, self.columns.len(), report).map(Some),
                };
                if let (Some(text), Some(when)) = (text, when) {
                    alternatives.push(Alternative { text, weight: parts(one.weight()), when, subset: Subset::All });
                }
            }
            self.read_phrases.insert((*name).to_owned(), read);
            for (at, one) in spec.alternatives().iter().enumerate() {
                let place = format!("{below}/{at}");
                let text_place = match one {
                    spec::Alternative::Text(_) => place.clone(),
                    spec::Alternative::Detail(_) => format!("{place}/say"),
                };
                let when = match one.when() {
                    None => Some(None),
                    Some(when) => self.condition(&format!("{place}/when"), when, self.columns.len(), report).map(Some),
                };
                let text = self.template(&text_place, text_place.clone(), one.text(), report);
                if let (Some(text), Some(when)) = (text, when) {
                    alternatives.push(Alternative { text, weight: parts(one.weight()), when, subset: Subset::All });
                }
            }
            phrases.push(Phrase { alternatives, several });
        }
        if report.errors() == before {
            self.check_circles(&phrases, report);
        }
        phrases
    }

    /// The texts that a data file holds: `say`, and if there are such columns `weight` and `when`.
    ///
    /// Every other column is a slot: a cell is its value, or several with `|` between them; an empty one is any.
    fn texts_of(&self, pointer: &str, file: &str, report: &mut Report) -> Vec<spec::Alternative> {
        let Some(entries) = self.entries_of(pointer, file, report) else { return Vec::new() };
        let mut texts = Vec::with_capacity(entries.len());
        for (at, entry) in entries.into_iter().enumerate() {
            let made = alternative(entry);
            match made {
                Ok(text) => texts.push(text),
                Err(error) => {
                    let message = format!("entry {} of `{file}` is not a text to choose: {error}", at + 1);
                    report.push(self.document.at(Code::BadValue, pointer, message).hint("give it a column `say`"));
                }
            }
        }
        texts
    }

    /// Refuses phrases that read themselves.
    fn check_circles(&self, phrases: &[Phrase], report: &mut Report) {
        let mut done = vec![false; phrases.len()];
        for start in 0..phrases.len() {
            let mut path = Vec::new();
            if visit(start, phrases, &mut done, &mut path) {
                let names: Vec<&str> = path.iter().map(|at| self.phrase_names[*at].as_str()).collect();
                let pointer = self.place(&format!("/phrases/{}", self.phrase_names[path[0]]));
                report.push(
                    self.document
                        .at_key(Code::Cycle, pointer, format!("the phrase `{}` reads itself", names[0]))
                        .label(format!("by way of {}", names.join(", ")))
                        .hint("let one of them read other phrases"),
                );
                return;
            }
        }
    }

    /// Compiles a condition over the first columns.
    pub(super) fn condition(
        &self,
        pointer: &str,
        condition: &spec::Condition,
        columns: usize,
        report: &mut Report,
    ) -> Option<Predicate> {
        let lists = IndexMap::new();
        let scope = crate::rules::Scope {
            document: self.document,
            columns: &self.columns[..columns],
            hidden: None,
            lists: &lists,
            regexes: &self.parts.regexes,
        };
        crate::rules::compile(scope, pointer, condition, report)
    }

    /// Checks the name of a slot, phrase or pool: templates read it.
    pub(super) fn check_name(&self, pointer: &str, name: &str, report: &mut Report) {
        let sound = name.starts_with(|sign: char| sign.is_ascii_alphabetic() || sign == '_')
            && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_');
        if !sound || ["phrase", "truth", "rule"].contains(&name) {
            report.push(
                self.document
                    .at_key(Code::BadName, pointer, format!("`{name}` cannot be a name here"))
                    .hint("templates read it: use letters, digits and `_`, and not `phrase`, `truth` or `rule`"),
            );
        }
    }
}

/// Follows what a phrase reads; returns whether it comes back, and the way.
fn visit(at: usize, phrases: &[Phrase], done: &mut [bool], path: &mut Vec<usize>) -> bool {
    if let Some(start) = path.iter().position(|one| *one == at) {
        path.drain(..start);
        return true;
    }
    if done[at] {
        return false;
    }
    path.push(at);
    for next in phrases[at].alternatives.iter().flat_map(|one| &one.text.phrases) {
        if visit(*next, phrases, done, path) {
            return true;
        }
    }
    path.pop();
    done[at] = true;
    false
}

/// A text to choose, as a data file holds it.
fn alternative(entry: Value) -> Result<spec::Alternative, String> {
    let Value::Object(map) = entry else {
        return entry
            .as_str()
            .map(|text| spec::Alternative::Text(text.to_owned()))
            .ok_or("it is not a text".to_owned());
    };
    let mut detail = Map::new();
    let mut when = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "say" => {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                detail.insert(key, text.into());
            }
            "weight" if value == "" => {}
            "when" if value.is_object() => when.extend(value.as_object().cloned().unwrap_or_default()),
            "weight" => {
                detail.insert(key, value);
            }
            _ if value == "" || value.is_null() => {}
            _ => {
                let cell = |text: &str| casebook_syntax::spec::plain_scalar(text.trim());
                let wanted = match &value {
                    Value::String(text) if text.contains('|') => text.split('|').map(cell).collect(),
                    Value::String(text) => cell(text),
                    other => other.clone(),
                };
                when.insert(key, wanted);
            }
        }
    }
    if !when.is_empty() {
        detail.insert("when".to_owned(), Value::Object(when));
    }
    serde_json::from_value(Value::Object(detail)).map(spec::Alternative::Detail).map_err(|error| error.to_string())
}
