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
        if !sound || name == "phrase" {
            report.push(
                self.document
                    .at_key(Code::BadName, pointer, format!("`{name}` cannot be a name here"))
                    .hint("templates read it: use letters, digits and `_`, and not `phrase`"),
            );
        }
    }
}

/// Follows what a phrase reads; tells whether it comes back, and the way.
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
