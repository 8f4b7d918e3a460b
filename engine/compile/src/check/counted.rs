//! Items that count each other: those of a task that are the same with every seed are settled when the pack is loaded, the others
//! are tried with some seeds.

use std::{collections::HashSet, sync::Arc};

use casebook_runtime::{
    items::Law,
    model::{Datum, Item},
    scenario::{
        Task,
        drafts::{Draft, settle},
        generator::{self, InboxPart, World},
        templates::item_engine,
    },
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{Content, Document, Kind},
};

use minijinja::Environment as Engine;

use super::{Parts, forms::Maker, generator::TaskItems, lines::Lines, truth::sources};

/// Seeds with which a task is tried whose items are not the same with each.
const TRIED: u64 = 32;

/// Settles the listed items of a task among each other.
///
/// Where the task has no others, and each has one form, they are what every episode has: problems are reported, and no reset
/// settles them again. Otherwise that is what they are until one does.
pub(super) fn settle_listed(items: &mut TaskItems, clock: Option<i64>, parts: &Parts<'_>, report: &mut Report) {
    let sources = sources(parts);
    let law = Law { decisions: &parts.decisions, sources: &sources, clock };
    let world = World { fields: &parts.fields, derived: &parts.derived, law };
    let is_whole = items.parts.iter().all(|part| matches!(part, InboxPart::Listed(_)))
        && items.listed.iter().all(|one| one.drafts.len() == 1);
    let engine = item_engine();
    let rounds = items.listed.iter().map(|one| one.drafts.len()).max().unwrap_or_default();
    for round in 0..rounds {
        let form = |count: usize| if round < count { round } else { 0 };
        let mut drafts: Vec<Draft> =
            items.listed.iter().map(|one| one.drafts[form(one.drafts.len())].clone()).collect();
        let problems = settle(&mut drafts, &world);
        if is_whole {
            for (at, problem) in &problems {
                with_maker(&items.sites[*at], (&engine, clock), parts, |maker| {
                    report.push(maker.explain_problem(problem, &drafts[*at].truth));
                });
            }
        }
        for (one, draft) in items.listed.iter_mut().zip(drafts) {
            if round < one.drafts.len() {
                one.forms[round] = Arc::new(draft.into_item(&world));
            }
        }
    }
    for (at, one) in items.listed.iter_mut().enumerate() {
        if is_whole {
            one.drafts.clear();
        }
        with_maker(&items.sites[at], (&engine, clock), parts, |maker| maker.check_idle_labels(&one.forms, report));
    }
}

/// Tries a task whose items a reset settles: what fails is reported at the item, or at the generator.
pub(super) fn try_task(document: &Document, task: &Task, parts: &Parts<'_>, report: &mut Report) {
    if !parts.counts() || !parts.sound || !is_open(task) {
        return;
    }
    let sources = sources(parts);
    let law = Law { decisions: &parts.decisions, sources: &sources, clock: task.clock };
    let world = World { fields: &parts.fields, derived: &parts.derived, law };
    let mut told = HashSet::new();
    for seed in 0..TRIED {
        let Err(failure) = generator::items(task, seed, &world, None) else { continue };
        let whole = failure.to_string();
        let name = document.content.name();
        let label = format!("in the task `{name}` with the seed {seed}");
        let finding = match (&failure.item, &failure.generator) {
            (Some(id), _) => {
                let Some((inbox, at)) = find(id, document, parts) else { continue };
                let message = format!("the item `{id}` cannot be judged in some episodes: {}", failure.fault.message);
                inbox.at(Code::FailedDraw, format!("/items/{at}"), message)
            }
            (None, Some(name)) => {
                let Some(of) = parts.documents.find(Kind::Generator, name) else { continue };
                of.at(Code::FailedDraw, failure.fault.pointer.clone(), failure.fault.message.clone())
            }
            (None, None) => continue,
        };
        if told.insert(whole) {
            let hint = "its counts depend on the other items of the episode: let the rules cover every number";
            report.push(finding.label(label).hint(hint));
        }
    }
}

/// Warns of counts that nothing uses, and of those that are 0 for every item.
pub(super) fn check(parts: &Parts<'_>, tasks: &[Arc<Task>], report: &mut Report) {
    // What a task that was refused would count is open.
    let is_whole = tasks.len() == parts.documents.of(Kind::Task).count();
    for count in parts.derived.counts() {
        let column = &parts.fields[count.of];
        let pointer = format!("/item/fields/{}/count", column.name);
        let is_counted = |item: &Arc<Item>| matches!(item.fields[count.of], Some(Datum::Integer(1..)));
        let mut known = tasks.iter().flat_map(|task| task.known_items());
        if is_whole && !known.any(is_counted) && !tasks.iter().any(|task| draws(task, parts).iter().any(is_counted)) {
            let message = format!("`{}` is 0 for every item: no item has another one to count", column.name);
            let hint = if count.same.is_empty() {
                "ask for less, or remove the field"
            } else {
                "let `same` name fields whose value several items of an episode share, ask for less, or remove the field"
            };
            report.push(parts.root.at_key(Code::NoEffect, pointer.clone(), message).hint(hint));
        }
        if !column.visible && !is_read(&column.name, parts) {
            let message = format!("nothing reads the count `{}`, and agents do not see it", column.name);
            report.push(
                parts
                    .root
                    .at_key(Code::Unused, format!("/item/fields/{}", column.name), message)
                    .hint("use it in a rule or an expression, make it visible, or remove it"),
            );
        }
    }
}

/// Items of some episodes of a task that a reset settles.
fn draws(task: &Task, parts: &Parts<'_>) -> Vec<Arc<Item>> {
    if !is_open(task) {
        return Vec::new();
    }
    let sources = sources(parts);
    let law = Law { decisions: &parts.decisions, sources: &sources, clock: task.clock };
    let world = World { fields: &parts.fields, derived: &parts.derived, law };
    (0..TRIED).filter_map(|seed| generator::items(task, seed, &world, None).ok()).flatten().collect()
}

/// Whether a document of the pack names a field, besides the field's own declaration.
fn is_read(name: &str, parts: &Parts<'_>) -> bool {
    let holds = |document: &Document| {
        let mut value = serde_json::Value::clone(&document.value);
        if document.content.kind() == Kind::Environment
            && let Some(fields) = value.pointer_mut("/item/fields").and_then(serde_json::Value::as_object_mut)
        {
            fields.shift_remove(name);
        }
        let text = value.to_string();
        let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
        text.match_indices(name)
            .any(|(at, _)| !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word))
    };
    let kinds = [Kind::Environment, Kind::Rules, Kind::Rubric, Kind::Task, Kind::Policy];
    kinds.into_iter().flat_map(|kind| parts.documents.of(kind)).any(holds)
}

/// Whether a reset settles the items of a task.
fn is_open(task: &Task) -> bool {
    task.is_drawn() || task.items.iter().any(|one| !one.drafts.is_empty())
}

/// The inbox of a task's item, and its position there.
fn find<'a>(id: &str, task: &Document, parts: &Parts<'a>) -> Option<(&'a Document, usize)> {
    let Content::Task(spec) = &task.content else { return None };
    let inboxes = spec.inbox.iter().flat_map(|source| source.inboxes());
    let mut inboxes = inboxes.filter_map(|name| parts.documents.find(Kind::Inbox, name));
    inboxes.find_map(|document| match &document.content {
        Content::Inbox(inbox) => Some((document, inbox.items.iter().position(|item| item.id == id)?)),
        _ => None,
    })
}

/// Makes what explains the item that is written at a place.
fn with_maker(
    (inbox, at): &(String, usize),
    (engine, clock): (&Engine<'static>, Option<i64>),
    parts: &Parts<'_>,
    then: impl FnOnce(&Maker<'_>),
) {
    let Some(document) = parts.documents.find(Kind::Inbox, inbox) else { return };
    let Content::Inbox(spec) = &document.content else { return };
    let lines = Lines::new(document);
    let (pointer, item) = (format!("/items/{at}"), &spec.items[*at]);
    then(&Maker { document, lines: &lines, pointer, item, parts, engine, lenient: false, clock });
}
