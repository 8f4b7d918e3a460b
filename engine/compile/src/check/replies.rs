//! Whether labels of texts and the graders that measure those texts fit together.
//!
//! A grader of texts only looks at items whose label says what to look for, so that a missing label lets any text pass. A
//! reference is a model answer, which earns all that a text can.

use std::{collections::HashSet, slice, sync::Arc};

use casebook_runtime::{
    model::{Datum, Item, Row, Text, counting},
    names::list,
    plugin::Inputs,
    rubric::{KeywordPool, View},
    scenario::Task,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Content, Document, Kind},
};

use super::Parts;

/// Where a label stands, or is missing.
struct Site<'a> {
    parts: &'a Parts<'a>,
    pools: &'a [KeywordPool],
    task: &'a Task,
    document: &'a Document,
    pointer: String,
    /// Where a missing label is reported.
    id: String,
    /// The decision.
    column: usize,
}

/// Warns of texts that are graded and have no label, and of references that do not get full marks; once for each label.
pub(super) fn check(parts: &Parts<'_>, tasks: &[Arc<Task>], pools: &[KeywordPool], report: &mut Report) {
    let mut told = HashSet::new();
    for task in tasks {
        let columns = task.rubric.graded_texts();
        if columns.is_empty() {
            continue;
        }
        let written = parts.documents.find(Kind::Task, &task.name).and_then(|document| match &document.content {
            Content::Task(spec) => spec.inbox.as_ref(),
            _ => None,
        });
        let Some(source) = written else { continue };
        if let spec::InboxSource::Part(spec::InboxPart::Inbox(name)) = source
            && let Some(document) = parts.documents.find(Kind::Inbox, name)
        {
            for (at, item) in task.items.iter().enumerate() {
                for column in &columns {
                    let place = (document.content.name(), at, *column);
                    if told.contains(&place) {
                        continue;
                    }
                    let pointer = format!("/items/{at}");
                    let (id, column) = (format!("{pointer}/id"), *column);
                    let site = Site { parts, pools, task, document, pointer, id, column };
                    if item.forms.iter().any(|form| site.check(form, report)) {
                        told.insert(place);
                    }
                }
            }
        }
        // Of several generators it is open which one made a sample.
        if let [name] = source.generators().as_slice()
            && let Some(document) = parts.documents.find(Kind::Generator, name)
        {
            for column in &columns {
                let place = (document.content.name(), usize::MAX, *column);
                let (pointer, id) = (String::new(), "/fields".to_owned());
                let site = Site { parts, pools, task, document, pointer, id, column: *column };
                if !told.contains(&place) && task.samples.iter().any(|item| site.check(item, report)) {
                    told.insert(place);
                }
            }
        }
    }
}

impl Site<'_> {
    /// Checks one form of an item; returns whether there was something to report.
    fn check(&self, item: &Arc<Item>, report: &mut Report) -> bool {
        let truth = &item.truth[self.column];
        match &truth.reference {
            Some(reference) => self.check_reference(item, reference, report),
            None if !truth.wants_text() && self.counts(item) => {
                self.unlabelled(item, report);
                true
            }
            None => false,
        }
    }

    /// Whether what is right for an item surely brings the text into play.
    fn counts(&self, item: &Item) -> bool {
        let decisions = &self.parts.decisions;
        let value = |at: usize| item.truth[at].value.as_ref();
        let known = decisions[self.column].when.iter().all(|(other, _)| value(*other).is_some());
        known && counting(decisions, |other, values| Some(values.contains(value(other)?)))[self.column]
    }

    fn unlabelled(&self, item: &Item, report: &mut Report) {
        let decision = &self.parts.decisions[self.column];
        let message = format!(
            "the item `{}` has no label for `{}`, which is graded by its label: any text passes",
            item.id, decision.name
        );
        let because = decision.when.first().and_then(|(other, _)| {
            let column = &self.parts.decisions[*other];
            let value = item.truth[*other].value.as_ref()?.to_json(column);
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let rule = item.truth[*other].rule.as_ref();
            let by = rule.map(|rule| format!(" (by the rule `{}`)", rule.id)).unwrap_or_default();
            Some(format!("`{}` is `{value}`{by}, so `{}` counts", column.name, decision.name))
        });
        let finding = self
            .document
            .at(Code::Unlabelled, &self.id, message)
            .hint(format!("add `{}:` with `keywords` or a `reference` under `labels:`", decision.name));
        report.push(match because {
            Some(because) => finding.label(because),
            None => finding,
        });
    }

    /// Grades a reference as the task's graders grade a text.
    fn check_reference(&self, item: &Arc<Item>, reference: &str, report: &mut Report) -> bool {
        let text = Arc::new(Text::new(reference));
        let mut row = Row { cells: item.truth.iter().map(|truth| truth.value.clone()).collect() };
        row.cells[self.column] = Some(Datum::Text(Arc::clone(&text)));
        let view = View {
            decisions: &self.parts.decisions,
            pools: self.pools,
            items: slice::from_ref(item),
            rows: slice::from_ref(&row),
            steps: &[],
            values: &[],
            has_items: true,
            expected: &[],
            clock: None,
            budget: None,
            inputs: &Inputs::default(),
        };
        let marks = self.task.rubric.marks_of_text(&view, self.column);
        let Some(short) = marks.into_iter().find(|marks| marks.value + 1e-9 < marks.most) else { return false };
        let decision = &self.parts.decisions[self.column].name;
        let missing: Vec<&str> = item.truth[self.column]
            .keywords
            .iter()
            .filter(|keyword| !keyword.is_in(&text))
            .map(|keyword| keyword.text.raw.as_str())
            .collect();
        let hint = match list(&missing).filter(|_| short.by_keywords) {
            Some(missing) => format!("a reference gets full marks: write {missing} into it"),
            None => format!(
                "a reference gets full marks: rewrite it so that it meets what `{}` asks for at `{}` of the rubric `{}`",
                short.name, short.pointer, self.task.rubric.name
            ),
        };
        let round = |value: f64| (value * 1e4).round() / 1e4;
        let message = format!(
            "the reference of `{decision}` for the item `{}` gets {} of {} from the grader `{}`",
            item.id,
            round(short.value),
            round(short.most),
            short.name
        );
        let pointer = format!("{}/labels/{decision}/reference", self.pointer);
        report.push(self.document.at(Code::WeakReference, pointer, message).hint(hint));
        true
    }
}
