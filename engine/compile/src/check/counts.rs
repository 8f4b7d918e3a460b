//! Fields that count other items of the episode: what they declare, and how far they go.

use std::cell::Cell;

use casebook_runtime::{
    expression::names_read,
    model::{Column, read_duration},
    names::list,
    scenario::counts::{Count, Earlier},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Content, Document, Environment, FieldSpec, Formula, Kind, OtherItems},
};
use indexmap::IndexMap;

use super::{Documents, sight::fields_of};
use crate::rules::{self, Scope};

/// What counts may read.
pub(super) struct Counter<'a> {
    root: &'a Document,
    spec: &'a Environment,
    fields: &'a [Column],
    /// How many regular expressions the pack has so far.
    regexes: &'a Cell<usize>,
    /// Whether each field is a count, or computed of one.
    late: Vec<bool>,
}

impl<'a> Counter<'a> {
    pub(super) fn new(
        (root, spec): (&'a Document, &'a Environment),
        fields: &'a [Column],
        regexes: &'a Cell<usize>,
    ) -> Self {
        let mut late: Vec<bool> = Vec::with_capacity(fields.len());
        for (_, field) in spec.item.iter().flat_map(|item| &item.fields) {
            let reads = |Formula(text): &Formula| {
                let names = names_read(&format!("{{{{ {text} }}}}"));
                let above = fields.iter().zip(&late).filter(|(_, late)| **late);
                above
                    .into_iter()
                    .any(|(column, _)| names.iter().any(|name| name.split('.').next() == Some(column.name.as_str())))
            };
            let is_late = field.count.is_some() || field.derive.as_ref().is_some_and(reads);
            late.push(is_late);
        }
        Self { root, spec, fields, regexes, late }
    }

    /// Compiles the count of a field; every problem goes to the report.
    pub(super) fn compile(&self, at: usize, written: &OtherItems, report: &mut Report) -> Option<Count> {
        let before = report.errors();
        let pointer = format!("/item/fields/{}/count", self.fields[at].name);
        let same = self.same(&pointer, written, at, report);
        let condition = written.condition.as_ref().and_then(|condition| {
            let place = format!("{pointer}/where");
            let lists = IndexMap::new();
            let scope =
                Scope { document: self.root, columns: self.fields, hidden: None, lists: &lists, regexes: self.regexes };
            let predicate = rules::compile(scope, &place, condition, report);
            let mut named = Vec::new();
            fields_of(&place, &condition.0, &mut named);
            for (place, name) in named {
                self.refuse_late((&place, true), ("where", name), at, report);
            }
            predicate
        });
        let earlier = self.earlier(&pointer, written, at, report);
        if self.fields[at].visible {
            self.check_shown(at, self.read(&pointer, written, earlier), report);
        } else {
            self.check_read_from(at, self.read(&pointer, written, earlier), report);
        }
        (report.errors() == before).then_some(Count { of: at, same, condition, earlier })
    }

    /// The fields of `same`.
    fn same(&self, pointer: &str, written: &OtherItems, at: usize, report: &mut Report) -> Vec<usize> {
        let mut same: Vec<usize> = Vec::new();
        for (below, name) in written.same.iter().flat_map(spec::Names::places) {
            let place = format!("{pointer}/same{below}");
            let Some(found) = self.find(&place, name, |_| true, report) else { continue };
            let kind = self.fields[found].kind;
            if self.refuse_late((&place, false), ("same", name), at, report) {
                continue;
            }
            let finding = if matches!(kind, ValueType::List | ValueType::Set | ValueType::Object) {
                let message = format!("`same` cannot compare `{name}`: each value is {}", with_article(kind));
                self.root
                    .at(Code::BadDeclaration, place, message)
                    .hint("name a field with one value, or `derive` one from it")
            } else if same.contains(&found) {
                self.root
                    .at(Code::DuplicateName, place, format!("the field `{name}` appears twice"))
                    .hint("remove one of the two")
            } else {
                same.push(found);
                continue;
            };
            report.push(finding);
        }
        same
    }

    /// What `before` and `within` say.
    fn earlier(&self, pointer: &str, written: &OtherItems, at: usize, report: &mut Report) -> Option<Earlier> {
        let is_moment = |column: &Column| column.kind == ValueType::Timestamp;
        let within = written.within.as_ref().map(|text| (text, read_duration(text)));
        let within = match within {
            Some((text, Err(expected))) => {
                let place = format!("{pointer}/within");
                let finding = self.root.at(Code::BadValue, place, format!("`{text}` is not a length of time"));
                let expected = if is_too_long(text) { "a length of time below 292,000,000 years" } else { expected };
                let finding = finding.label(format!("expected {expected}"));
                report.push(finding.hint("write a length of time such as `48h`"));
                return None;
            }
            Some((text, Ok(length))) if length <= 0 => {
                let message = format!("no item is earlier by at most `{text}`");
                report.push(
                    self.root
                        .at(Code::OutOfBounds, format!("{pointer}/within"), message)
                        .hint("write a length of time above 0, such as `48h`"),
                );
                return None;
            }
            Some((_, Ok(length))) => Some(length),
            None => None,
        };
        if let Some(name) = &written.before {
            let place = format!("{pointer}/before");
            let found = self.find(&place, name, is_moment, report)?;
            if !is_moment(&self.fields[found]) {
                let message =
                    format!("`before` compares moments, and `{name}` is {}", with_article(self.fields[found].kind));
                let moments = self.fields.iter().filter(|column| is_moment(column)).map(|column| column.name.as_str());
                report.push(self.root.at(Code::BadDeclaration, place, message).maybe_hint(suggest("", moments)));
                return None;
            }
            if self.refuse_late((&place, false), ("before", name), at, report) {
                return None;
            }
            return Some(Earlier { field: found, within });
        }
        within?;
        let moments: Vec<usize> = (0..self.fields.len()).filter(|at| is_moment(&self.fields[*at])).collect();
        let (message, hint) = match moments.as_slice() {
            [only] => return Some(Earlier { field: *only, within }),
            [] => (
                "`within` compares moments, and items have no field of type `timestamp`".to_owned(),
                "add a field with `type: timestamp`, or remove `within`".to_owned(),
            ),
            [first, ..] => (
                "`within` does not say which field it compares: items have several of type `timestamp`".to_owned(),
                format!("add one of them, such as `before: {}`", self.fields[*first].name),
            ),
        };
        report.push(self.root.at_key(Code::BadDeclaration, format!("{pointer}/within"), message).hint(hint));
        None
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|column| column.name == name)
    }

    /// The position of a field that a count names.
    fn find(&self, place: &str, name: &str, suits: impl Fn(&Column) -> bool, report: &mut Report) -> Option<usize> {
        let found = self.position(name);
        if found.is_none() {
            let names = self.fields.iter().filter(|column| suits(column)).map(|column| column.name.as_str());
            let finding = self.root.at(Code::UnknownName, place, format!("items have no field `{name}`"));
            report.push(finding.maybe_hint(suggest(name, names)));
        }
        found
    }

    /// Refuses a field that is only known once items were counted.
    fn refuse_late(
        &self,
        (place, is_key): (&str, bool),
        (key, name): (&str, &str),
        own: usize,
        report: &mut Report,
    ) -> bool {
        let Some(found) = self.position(name).filter(|at| self.late[*at]) else { return false };
        let (code, message) = if found == own {
            (Code::Cycle, format!("`{name}` cannot count items by its own value"))
        } else if self.fields[found].counted {
            (Code::Cycle, format!("`{key}` reads `{name}`, which is a count itself"))
        } else {
            (Code::Cycle, format!("`{key}` reads `{name}`, which is computed from a count"))
        };
        let finding = if is_key { self.root.at_key(code, place, message) } else { self.root.at(code, place, message) };
        report.push(finding.hint("items are counted by fields that do not depend on counts: name one of those"));
        true
    }

    /// The fields that a count reads, each with its place; how many of the places, which are the first, are keys.
    fn read<'w>(
        &'w self,
        pointer: &str,
        written: &'w OtherItems,
        earlier: Option<Earlier>,
    ) -> (Vec<(String, &'w str)>, usize) {
        let mut read: Vec<(String, &str)> = Vec::new();
        if let Some(condition) = &written.condition {
            fields_of(&format!("{pointer}/where"), &condition.0, &mut read);
        }
        let keys = read.len();
        let same = written.same.iter().flat_map(spec::Names::places);
        read.extend(same.map(|(below, name)| (format!("{pointer}/same{below}"), name)));
        let moment = earlier.map(|earlier| self.fields[earlier.field].name.as_str());
        let key = if written.before.is_some() { "before" } else { "within" };
        read.extend(moment.map(|name| (format!("{pointer}/{key}"), name)));
        (read, keys)
    }

    /// Warns of `read_from` of a hidden count that leaves out a visible field: it says by which fields agents count.
    fn check_read_from(&self, at: usize, (read, _): (Vec<(String, &str)>, usize), report: &mut Report) {
        let own = &self.fields[at].name;
        let field = |name: &str| self.spec.item.as_ref().and_then(|item| item.fields.get(name));
        let Some(named) = field(own).map(|field| &field.read_from).filter(|named| !named.is_empty()) else { return };
        let mut left_out: Vec<&str> = read.into_iter().map(|(_, name)| name).collect();
        left_out.retain(|name| field(name).is_some_and(|field| field.visible) && !named.iter().any(|one| one == name));
        left_out.dedup();
        if let Some(fields) = list(&left_out) {
            let message = format!("`{own}` counts by {fields}, which `read_from` leaves out");
            report.push(
                self.root
                    .at_key(Code::Unseen, format!("/item/fields/{own}/read_from"), message)
                    .hint(format!("add {fields} to `read_from`")),
            );
        }
    }

    /// Refuses a visible count by hidden fields, unless agents are meant to read those there.
    fn check_shown(&self, at: usize, (read, keys): (Vec<(String, &str)>, usize), report: &mut Report) {
        let own = &self.fields[at].name;
        let fields = |name: &str| self.spec.item.as_ref().and_then(|item| item.fields.get(name));
        let is_hidden = |field: &FieldSpec| !field.visible && !field.read_from.iter().any(|one| one == own);
        for (at, (place, hidden)) in read.into_iter().enumerate() {
            if fields(hidden).is_some_and(is_hidden) {
                let message = format!("the visible field `{own}` counts items by the hidden field `{hidden}`");
                let (code, root) = (Code::HiddenField, self.root);
                let finding = if at < keys { root.at_key(code, place, message) } else { root.at(code, place, message) };
                report.push(finding.hint(format!(
                    "set `visible: false` for `{own}`, or add `{own}` to the `read_from` of `{hidden}` if agents are meant \
                     to read it there"
                )));
            }
        }
    }
}

/// The name of a type with its article.
fn with_article(kind: ValueType) -> String {
    let name = kind.name();
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {name}")
}

/// Whether a length of time has a number that is beyond every one.
fn is_too_long(text: &str) -> bool {
    !text.contains('.') && text.split(|sign: char| !sign.is_ascii_digit()).any(|digits| digits.len() > 12)
}

/// Checks that the other keys of a field suit its count.
pub(super) fn check_keys(root: &Document, name: &str, field: &FieldSpec, report: &mut Report) {
    if field.count.is_none() {
        return;
    }
    let pointer = format!("/item/fields/{name}");
    let declared = &field.declared;
    if declared.kind.is_some_and(|kind| kind != ValueType::Integer) {
        report.push(
            root.at(
                Code::BadDeclaration,
                format!("{pointer}/type"),
                format!("`{name}` counts items: it is an integer"),
            )
            .hint("write `type: integer`"),
        );
    }
    let others = [
        ("derive", field.derive.is_some(), "a field is computed or counted, not both"),
        ("template", field.template.is_some(), "it counts items, so that no item has a template for it"),
        ("optional", field.optional, "a count always has a value, 0 where there is nothing to count"),
        ("min", declared.min.is_some(), "the least count is 0"),
        ("max", declared.max.is_some(), "the greatest count follows from the tasks"),
    ];
    for (key, _, why) in others.into_iter().filter(|(_, there, _)| *there) {
        report.push(
            root.at_key(
                Code::BadDeclaration,
                format!("{pointer}/{key}"),
                format!("`{key}` does not go with the count `{name}`: {why}"),
            )
            .hint(format!("remove `{key}`")),
        );
    }
}

/// The greatest count of any episode: all other items of the largest one. Nothing where something of that cannot be read.
pub(super) fn greatest(documents: &Documents<'_>) -> Option<i64> {
    largest(documents).map(|items| items.saturating_sub(1).max(0))
}

/// The number of items of the largest episode; nothing where something of that cannot be read.
fn largest(documents: &Documents<'_>) -> Option<i64> {
    if documents.broken() {
        return None;
    }
    let of = |document: &Document| {
        let Content::Task(task) = &document.content else { return None };
        let parts = task.inbox.as_ref()?.parts();
        parts.into_iter().map(|(_, part)| largest_part(part, documents)).sum::<Option<i64>>()
    };
    documents.of(Kind::Task).map(of).collect::<Option<Vec<_>>>()?.into_iter().max()
}

fn largest_part(part: &spec::InboxPart, documents: &Documents<'_>) -> Option<i64> {
    match part {
        spec::InboxPart::Inbox(name) => match &documents.find(Kind::Inbox, name)?.content {
            Content::Inbox(inbox) => i64::try_from(inbox.items.len()).ok(),
            _ => None,
        },
        spec::InboxPart::Drawn(drawn) => match (&drawn.items, drawn.draw) {
            (Some(spec::Count::Fixed(items)), _) => Some(i64::from(*items)),
            (Some(spec::Count::Drawn(range)), _) => Some(range.to),
            (None, draw) => draw.map(i64::from),
        },
    }
}
