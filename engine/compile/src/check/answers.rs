//! Answers of a tool by rules: conditions over the arguments of a call and the fields of its item.

use casebook_runtime::{
    model::Column,
    scenario::{
        parameter::Parameter,
        tools::{Answer, Reply},
    },
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{Document, ToolAnswer, ToolSpec},
};
use indexmap::IndexMap;
use minijinja::Environment as Engine;

use super::{scope::Names, template, tools};
use crate::rules::{self, Scope};

/// The answers of a tool while they are compiled.
pub(super) struct Site<'a> {
    pub(super) root: &'a Document,
    /// Where the answers are.
    pub(super) pointer: &'a str,
    /// The tool's name.
    pub(super) tool: &'a str,
    pub(super) spec: &'a ToolSpec,
    /// Whether a call is about an item.
    pub(super) about_item: bool,
    pub(super) fields: &'a [Column],
    /// What every call reveals.
    pub(super) reveals: &'a [usize],
    /// The arguments that have a type.
    pub(super) given: &'a [Parameter],
    pub(super) names: &'a Names,
}

impl Site<'_> {
    pub(super) fn compile(
        &self,
        answers: &[ToolAnswer],
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Option<Reply> {
        let before = report.errors();
        self.check_names(report);
        let columns = self.columns();
        let mut made = Vec::with_capacity(answers.len());
        for (at, answer) in answers.iter().enumerate() {
            made.extend(self.answer(at, answer, &columns, engine, report));
        }
        self.check_last(answers, report);
        (report.errors() == before).then_some(Reply::Answers(made))
    }

    /// What conditions read: the arguments, and the fields of the item if there is one.
    fn columns(&self) -> Vec<Column> {
        let fields = if self.about_item { self.fields } else { &[] };
        self.given.iter().map(|one| &one.column).chain(fields).cloned().collect()
    }

    /// Refuses arguments that have the name of a field, for a condition could mean either.
    fn check_names(&self, report: &mut Report) {
        for argument in self.given.iter().filter(|_| self.about_item) {
            let name = argument.name();
            if self.fields.iter().any(|column| column.name == name) {
                report.push(
                    self.root
                        .at_key(
                            Code::DuplicateName,
                            format!("/tools/{}/arguments/{name}", self.tool),
                            format!("conditions of `answers` could mean the argument or the field `{name}`"),
                        )
                        .hint("rename the argument"),
                );
            }
        }
    }

    fn answer(
        &self,
        at: usize,
        answer: &ToolAnswer,
        columns: &[Column],
        engine: &mut Engine<'static>,
        report: &mut Report,
    ) -> Option<Answer> {
        let pointer = format!("{}/{at}", self.pointer);
        let lists = IndexMap::new();
        let scope = Scope { document: self.root, columns, hidden: None, lists: &lists, regexes: &self.names.regexes };
        if answer.when.is_some() && columns.is_empty() {
            report.push(
                self.root
                    .at_key(
                        Code::BadDeclaration,
                        format!("{pointer}/when"),
                        "the condition has nothing to read: the tool has no arguments",
                    )
                    .hint("add `arguments:`, such as `question: { type: text, required: true }`"),
            );
            return None;
        }
        let when = answer.when.as_ref().map(|when| rules::compile(scope, &format!("{pointer}/when"), when, report));
        let reveals = tools::reveals(self.root, &pointer, &answer.reveals, self.fields, report);
        let seen: Vec<usize> = self.reveals.iter().chain(&reveals).copied().collect();
        let sample = tools::sample(self.spec, self.about_item, (self.fields, &seen), self.given, self.names);
        let name = format!("tool:{}:{at}", self.tool);
        template::add(engine, &name, self.root, &format!("{pointer}/say"), &answer.say, &sample, report)?;
        Some(Answer { when: when.map_or(Some(None), |when| when.map(Some))?, template: name, reveals })
    }

    /// Checks that some answer is left when no condition matches, and that it is the last one.
    fn check_last(&self, answers: &[ToolAnswer], report: &mut Report) {
        let last = answers.len().saturating_sub(1);
        match answers.iter().position(|answer| answer.when.is_none()) {
            Some(at) if at == last => {}
            Some(at) => report.push(
                self.root
                    .at(
                        Code::BadDeclaration,
                        format!("{}/{}", self.pointer, at + 1),
                        "this answer is never given: the one above has no condition",
                    )
                    .hint("move the answer without `when` to the end"),
            ),
            None => report.push(
                self.root
                    .at_key(Code::MissingKey, self.pointer, "nothing says what is answered if no condition matches")
                    .hint("add a last answer without `when`, such as `- say: I do not understand the question.`"),
            ),
        }
    }
}
