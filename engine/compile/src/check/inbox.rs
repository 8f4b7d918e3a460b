//! Inboxes: their items, by name and together.

use std::collections::{HashMap, HashSet};

use casebook_runtime::{
    model::{Column, Datum},
    names::nearest,
    scenario::{Variants, templates::item_engine},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{Content, Document, Inbox, InboxItem, Kind},
};
use minijinja::Value as Context;

use super::{
    Parts,
    forms::{MAX_FORMS, Maker, check_plain},
    lines::Lines,
    vary::Values,
};

/// The maximum number of bytes of all items in every form, for every task.
const MAX_BYTES: usize = 512 * 1024 * 1024;

/// Makes the items of a task's inbox; the findings about it are reported once for any number of tasks.
pub(super) fn items(
    document: &Document,
    inbox: &Inbox,
    task: (&Document, &Values),
    clock: Option<i64>,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<Vec<Variants>> {
    let before = report.errors();
    let mut seen = HashSet::new();
    let (engine, lines) = (item_engine(), Lines::new(document));
    let mut items = Vec::new();
    check_plain(document, inbox, parts, report);
    for (at, item) in inbox.items.iter().enumerate() {
        let pointer = format!("/items/{at}");
        if !seen.insert(item.id.as_str()) {
            report.push(
                document
                    .at(Code::DuplicateName, format!("{pointer}/id"), format!("two items have the id `{}`", item.id))
                    .hint("rename one of the two"),
            );
        }
        let sound = report.errors();
        check_names(document, &pointer, item, parts, report);
        if report.errors() == sound {
            let maker = Maker { document, lines: &lines, pointer, item, parts, engine: &engine, lenient: false, clock };
            items.extend(maker.variants(task, report));
        }
        if parts.bytes.get() > MAX_BYTES {
            let limit = MAX_BYTES / 1024 / 1024;
            let message = format!("the items of all tasks, in every form, take more than {limit} MiB");
            report.push(
                task.0.at(Code::TooLarge, "/inbox", message).hint("use smaller inboxes, fewer tasks, or let less vary"),
            );
            return None;
        }
    }
    (report.errors() == before).then_some(())?;
    check_ranks(document, &items, task, parts, report);
    (report.errors() == before).then_some(items)
}

/// Checks the inboxes that no task plays, as far as that goes without knowing what varies.
pub(super) fn check_unplayed(parts: &Parts<'_>, report: &mut Report) {
    let engine = item_engine();
    let tasks = parts.documents.of(Kind::Task).filter_map(|task| match &task.content {
        Content::Task(task) => task.inbox.as_ref(),
        _ => None,
    });
    let inboxes: HashSet<&str> = tasks.flat_map(|source| source.inboxes()).collect();
    for document in parts.documents.of(Kind::Inbox) {
        let played = inboxes.contains(document.content.name());
        let Content::Inbox(inbox) = &document.content else { continue };
        let lines = Lines::new(document);
        if !played {
            check_plain(document, inbox, parts, report);
        }
        for (at, item) in inbox.items.iter().enumerate().filter(|_| !played) {
            let pointer = format!("/items/{at}");
            check_names(document, &pointer, item, parts, report);
            let maker =
                Maker { document, lines: &lines, pointer, item, parts, engine: &engine, lenient: true, clock: None };
            maker.form(&Context::from(()), report);
        }
    }
}

fn check_names(document: &Document, pointer: &str, item: &InboxItem, parts: &Parts<'_>, report: &mut Report) {
    for name in item.fields.keys() {
        if !parts.fields.iter().any(|column| column.name == *name) {
            let names =
                parts.fields.iter().map(|column| column.name.as_str()).filter(|name| !item.fields.contains_key(*name));
            report.push(
                document
                    .at_key(
                        Code::UnknownName,
                        format!("{pointer}/fields/{name}"),
                        format!("items have no field `{name}`"),
                    )
                    .maybe_hint(document.comma(&format!("{pointer}/fields"), name).or_else(|| suggest(name, names))),
            );
        }
    }
    for column in parts.fields.iter().filter(|column| column.is_made() && item.fields.contains_key(&column.name)) {
        report.push(
            document
                .at_key(
                    Code::BadValue,
                    format!("{pointer}/fields/{}", column.name),
                    format!("`{}` is {}, and the item `{}` gives it", column.name, how_made(column), item.id),
                )
                .hint(format!("remove it from the item, or `{}` from the field", key_of(column))),
        );
    }
    for (at, decision) in parts.decisions.iter().enumerate() {
        let name = &decision.name;
        let ranked = parts.rankings.iter().any(|ranking| ranking.decision == at);
        if item.labels.contains_key(name) && (ranked || parts.derived.has_truth(at)) {
            let key = if ranked { "order_by" } else { "value" };
            report.push(
                document
                    .at_key(
                        Code::BadValue,
                        format!("{pointer}/labels/{name}"),
                        format!(
                            "the right `{name}` follows from `{key}`, and the item `{}` has a label for it",
                            item.id
                        ),
                    )
                    .hint("remove the label"),
            );
        }
    }
    let unknown = |name: &&str| !parts.fields.iter().any(|column| column.name == **name);
    for column in parts
        .fields
        .iter()
        .filter(|column| !column.optional && !column.is_made() && !item.fields.contains_key(&column.name))
    {
        if nearest(&column.name, item.fields.keys().map(String::as_str).filter(unknown)).is_some() {
            // It is there, misspelt; the finding about the unknown field says so.
            continue;
        }
        report.push(
            document
                .at_key(
                    Code::MissingKey,
                    format!("{pointer}/fields"),
                    format!("the item `{}` has no `{}`", item.id, column.name),
                )
                .hint(format!("add `{}:`, or declare the field with `optional: true`", column.name)),
        );
    }
    for name in item.labels.keys() {
        if !parts.decisions.iter().any(|column| column.name == *name) {
            let names = parts.decisions.iter().map(|column| column.name.as_str());
            report.push(
                document
                    .at_key(
                        Code::UnknownName,
                        format!("{pointer}/labels/{name}"),
                        format!("there is no decision `{name}`"),
                    )
                    .maybe_hint(document.comma(&format!("{pointer}/labels"), name).or_else(|| suggest(name, names))),
            );
        }
    }
}

/// How a field is made that no item gives.
pub(super) fn how_made(column: &Column) -> &'static str {
    if column.counted { "counted" } else { "computed" }
}

/// The key that says so.
pub(super) fn key_of(column: &Column) -> &'static str {
    if column.counted { "count" } else { "derive" }
}

/// Ranks must be 1 to n, each once, where items have them, in every draw.
fn check_ranks(
    document: &Document,
    items: &[Variants],
    (task, vary): (&Document, &Values),
    parts: &Parts<'_>,
    report: &mut Report,
) {
    for (at, column) in parts.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Rank) {
        let varies =
            |item: &&Variants| item.forms.iter().any(|form| form.truth[at].value != item.forms[0].truth[at].value);
        let mut drawn: Vec<usize> = items.iter().filter(varies).flat_map(|item| item.uses.iter().copied()).collect();
        drawn.sort_unstable();
        drawn.dedup();
        let total = drawn.iter().fold(1_usize, |total, name| total.saturating_mul(vary[*name].len()));
        if total > MAX_FORMS {
            let message = format!("the ranks of `{}` vary in more than {MAX_FORMS} ways", column.name);
            report.push(
                task.at_key(Code::BadDeclaration, "/vary", message).hint("let fewer things vary that ranks depend on"),
            );
            continue;
        }
        let before = report.errors();
        for number in 0..total {
            let mut rest = number;
            let draw: HashMap<usize, usize> = drawn
                .iter()
                .map(|name| {
                    let count = vary[*name].len();
                    let value = rest % count;
                    rest /= count;
                    (*name, value)
                })
                .collect();
            let form = |item: &Variants| {
                let drawn = |name: &usize| (vary[*name].len(), draw.get(name).copied().unwrap_or_default());
                item.uses.iter().map(drawn).fold(0, |form, (count, value)| form * count + value)
            };
            let ranks: Vec<(usize, i64)> = items
                .iter()
                .enumerate()
                .filter_map(|(row, item)| match item.forms.get(form(item))?.truth[at].value {
                    Some(Datum::Integer(rank)) => Some((row, rank)),
                    _ => None,
                })
                .collect();
            check_drawn_ranks(document, &column.name, items, &ranks, report);
            if report.errors() > before {
                break;
            }
        }
    }
}

/// The same for the ranks of one draw, by the position of their items.
fn check_drawn_ranks(document: &Document, name: &str, items: &[Variants], ranks: &[(usize, i64)], report: &mut Report) {
    let count = i64::try_from(ranks.len()).unwrap_or(i64::MAX);
    let free = (1..=count).find(|rank| ranks.iter().all(|(_, taken)| taken != rank));
    let cure = |rule: &str| free.map_or(rule.to_owned(), |free| format!("{rule}; nothing has the rank `{free}`"));
    let mut holders = HashMap::new();
    for (row, rank) in ranks {
        let pointer = format!("/items/{row}/labels/{name}");
        let holder = *holders.entry(rank).or_insert(row);
        if holder != row {
            let other = &items[*holder].forms[0].id;
            report.push(
                document
                    .at(Code::BadRanks, pointer, format!("the rank {rank} is taken by `{other}`"))
                    .hint(cure("every item has its own rank")),
            );
        } else if !(1..=count).contains(rank) {
            report.push(
                document
                    .at(
                        Code::BadRanks,
                        pointer,
                        format!("the rank {rank} leaves a gap: {count} items have the ranks 1 to {count}"),
                    )
                    .hint(cure("renumber the ranks without gaps")),
            );
        }
    }
}
