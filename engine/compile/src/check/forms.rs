//! One item in every form that a task can give it: its texts rendered, its fields read.
//!
//! A field is a template only where the environment says so; labels always are.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use casebook_runtime::{
    items,
    model::{Column, Datum, Item, Keyword, Origin, Text, TruthCell},
    names::nearest,
    scenario::{
        Variants,
        drafts::{Draft, Problem},
        templates::{WRITTEN, is_template, reads, reads_vary, sole_expression},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    source::PackSource,
    spec::{Content, Document, Inbox, InboxItem, Label, LabelDetail},
};
use minijinja::{Environment as Engine, Value as Context, value::Serde};
use serde_json::{Map, Value};

use super::{
    Parts, documents,
    lines::Lines,
    template::{self, Filled},
    vary::Values,
};
use crate::column;

/// The maximum number of forms of one item.
pub(super) const MAX_FORMS: usize = 256;

/// Makes one item.
pub(super) struct Maker<'a> {
    pub(super) document: &'a Document,
    pub(super) lines: &'a Lines<'a>,
    /// The pointer to the item.
    pub(super) pointer: String,
    pub(super) item: &'a InboxItem,
    pub(super) parts: &'a Parts<'a>,
    pub(super) engine: &'a Engine<'static>,
    /// Whether templates stay as they are, and what depends on a task is left unchecked.
    pub(super) lenient: bool,
    /// The task's clock.
    pub(super) clock: Option<i64>,
}

impl Maker<'_> {
    /// The item in every form.
    pub(super) fn variants(
        &self,
        (task_document, vary): (&Document, &Values),
        report: &mut Report,
    ) -> Option<Variants> {
        let before = report.errors();
        let uses = self.uses(vary);
        let counts: Vec<usize> = uses.iter().map(|at| vary[*at].len()).collect();
        let total = counts.iter().fold(1_usize, |total, count| total.saturating_mul(*count));
        if total > MAX_FORMS {
            let names: Vec<String> = uses
                .iter()
                .filter_map(|at| vary.get_index(*at).map(|(name, values)| format!("`{name}` ({})", values.len())))
                .collect();
            report.push(
                task_document
                    .at_key(
                        Code::BadDeclaration,
                        "/vary",
                        format!("the item `{}` would have more than {MAX_FORMS} forms", self.item.id),
                    )
                    .label(format!("it reads {}", names.join(", ")))
                    .hint("let fewer things vary within one item"),
            );
            return None;
        }
        let (mut forms, mut drafts) = (Vec::with_capacity(total), Vec::new());
        for number in 0..total {
            let mut rest = number;
            let (mut drawn, mut written) = (Map::new(), Map::new());
            for (index, at) in uses.iter().enumerate().rev() {
                if let Some((name, values)) = vary.get_index(*at) {
                    let varied = &values[rest % counts[index]];
                    drawn.insert(name.clone(), varied.value.clone());
                    written.insert(name.clone(), varied.written.clone());
                    rest /= counts[index];
                }
            }
            let mut names = BTreeMap::from([("vary", Context::from(Serde(Value::Object(drawn.clone()))))]);
            if drawn != written {
                names.insert(WRITTEN, Context::from(Serde(Value::Object(written))));
            }
            let names = Context::from(names);
            let form = if self.parts.counts() {
                // What is right about it is settled once all items of the task are known.
                let draft = self.draft(&names, report)?;
                drafts.push(draft.clone());
                self.assemble(draft)
            } else {
                self.form(&names, report)?
            };
            let kept = if self.parts.counts() { 2 } else { 1 };
            self.parts.bytes.set(self.parts.bytes.get() + kept * bytes_of(&form));
            forms.push(Arc::new(form));
        }
        self.check_reads(vary, report);
        self.check_shown(report);
        if !self.parts.counts() {
            self.check_idle_labels(&forms, report);
        }
        (report.errors() == before).then_some(Variants { uses, forms, drafts })
    }

    /// The things that vary in the item, by position; all of them where a template reads `vary` as a whole.
    fn uses(&self, vary: &Values) -> Vec<usize> {
        let read: HashSet<String> = self.templates().into_iter().flat_map(|(_, text)| reads(text)).collect();
        let is_read = |name: &str| {
            let whole = format!("vary.{name}");
            let below = format!("{whole}.");
            read.iter().any(|read| read == "vary" || *read == whole || read.starts_with(&below))
        };
        vary.keys().enumerate().filter(|(_, name)| is_read(name)).map(|(at, _)| at).collect()
    }

    /// Reports what templates read of things that vary and no value of them has, where nothing fails for it.
    fn check_reads(&self, vary: &Values, report: &mut Report) {
        for (pointer, text) in self.templates() {
            let mut names: Vec<String> = reads(text).into_iter().collect();
            names.sort_unstable();
            for name in names {
                let mut parts = name.split('.');
                let (Some("vary"), Some(thing)) = (parts.next(), parts.next()) else { continue };
                let below: Vec<&str> = parts.collect();
                let exists: Vec<String> = match vary.get(thing) {
                    // Another task may let it vary.
                    None if nearest(thing, vary.keys().map(String::as_str)).is_none() => continue,
                    None => vary.keys().cloned().collect(),
                    Some(values) if values.iter().any(|one| has_path(&one.value, &below)) => continue,
                    Some(values) => {
                        let keys = values.iter().filter_map(|one| one.value.as_object()).flat_map(|map| map.keys());
                        keys.cloned().collect::<BTreeSet<_>>().into_iter().collect()
                    }
                };
                let last = below.first().copied().unwrap_or(thing);
                report.push(
                    self.document
                        .at(Code::BadTemplate, &pointer, format!("the template reads `{name}`, which does not exist"))
                        .maybe_hint(template::offer(last, &exists)),
                );
            }
        }
    }

    /// Warns where a visible field reads the thing that varies which a hidden one is, and is not meant to.
    fn check_shown(&self, report: &mut Report) {
        let Some(item) = &self.parts.environment.item else { return };
        let spec_of = |name: &str| item.fields.get(name).filter(|field| field.template == Some(true));
        for (hidden, value) in &self.item.fields {
            let Some(field) = spec_of(hidden).filter(|field| !field.visible) else { continue };
            let Some(thing) = value.as_str().and_then(sole_expression).map(str::trim) else { continue };
            let meant = |shown: &String| field.read_from.contains(shown);
            for (shown, value) in self.item.fields.iter().filter(|(shown, _)| !meant(shown)) {
                let text = value.as_str().filter(|_| spec_of(shown).is_some_and(|field| field.visible));
                if text.is_some_and(|text| reads(text).contains(thing)) {
                    let message =
                        format!("the visible field `{shown}` shows the hidden field `{hidden}`: it reads `{thing}`");
                    let pointer = format!("{}/fields/{shown}", self.pointer);
                    report.push(self.document.at(Code::Shown, pointer, message).hint(format!(
                        "leave it out, or add `{shown}` to the `read_from` of `{hidden}` if agents are meant to read it there"
                    )));
                }
            }
        }
    }

    /// The texts of the item that are templates, each with its place.
    fn templates(&self) -> Vec<(String, &str)> {
        let mut texts = Vec::new();
        for (name, value) in &self.item.fields {
            if self.declared(name) == Some(true) {
                collect_at(format!("{}/fields/{name}", self.pointer), value, &mut texts);
            }
        }
        for (name, label) in &self.item.labels {
            let pointer = format!("{}/labels/{name}", self.pointer);
            match label {
                Label::Value(value) => collect_at(pointer, value, &mut texts),
                Label::Detail(detail) => {
                    for (at, keyword) in detail.keywords.iter().enumerate() {
                        let ways = keyword.ways();
                        texts
                            .extend(ways.map(|(below, way)| (format!("{pointer}/keywords/{at}{below}"), way.as_str())));
                    }
                    texts.extend(detail.reference.iter().map(|text| (format!("{pointer}/reference"), text.as_str())));
                    if let Some(value) = &detail.value {
                        collect_at(format!("{pointer}/value"), value, &mut texts);
                    }
                }
            }
        }
        texts.retain(|(_, text)| is_template(text));
        texts
    }

    /// What the environment says about a field being a template.
    fn declared(&self, field: &str) -> Option<bool> {
        self.parts.environment.item.as_ref()?.fields.get(field)?.template
    }

    /// The item with what one draw gives it.
    pub(super) fn form(&self, context: &Context, report: &mut Report) -> Option<Item> {
        let mut draft = self.draft(context, report)?;
        let before = report.errors();
        if !self.lenient {
            self.judge(&draft.values, &mut draft.truth, report);
            self.apply_rules(&draft.fields, &mut draft.truth, report);
        }
        (report.errors() == before).then(|| self.assemble(draft))
    }

    fn assemble(&self, draft: Draft) -> Item {
        items::assemble(&self.item.id, &self.parts.fields, draft.values, draft.fields, draft.truth)
    }

    /// The same without what rules say about it, and without what follows from other items.
    fn draft(&self, context: &Context, report: &mut Report) -> Option<Draft> {
        let before = report.errors();
        let mut fields = Vec::with_capacity(self.parts.fields.len());
        let mut values = Vec::with_capacity(self.parts.fields.len());
        for column in self.parts.fields.iter() {
            let pointer = format!("{}/fields/{}", self.pointer, column.name);
            let Some(value) = self.field(&pointer, column, context, report) else {
                fields.push(None);
                values.push(None);
                continue;
            };
            let open = self.lenient && self.declared(&column.name) == Some(true);
            let known = value.as_ref().filter(|value| !open || !holds_template(value));
            let datum =
                known.and_then(|value| column::read(column, self.document, Code::BadValue, &pointer, value, report));
            fields.push(datum);
            values.push(value);
        }
        if !self.lenient && report.errors() == before {
            self.derive(&mut values, &mut fields, report);
        }
        let truth: Vec<TruthCell> =
            (0..self.parts.decisions.len()).map(|column| self.label(column, context, report)).collect();
        let (id, reason) = (self.item.id.clone(), self.item.reason.clone());
        (report.errors() == before).then_some(Draft { id, values, fields, truth, reason })
    }

    /// Computes the derived fields that do not depend on other items.
    fn derive(&self, values: &mut [Option<Value>], fields: &mut [Option<Datum>], report: &mut Report) {
        let derived = &self.parts.derived;
        for (at, problem) in derived.fill_some(&self.parts.fields, |at| !derived.is_late(at), values, fields) {
            report.push(self.uncomputed(at, &problem));
        }
    }

    /// The finding about a field that cannot be computed.
    fn uncomputed(&self, at: usize, problem: &str) -> Diagnostic {
        let name = &self.parts.fields[at].name;
        self.document
            .at(
                Code::BadTemplate,
                &self.pointer,
                format!("`{name}` of the item `{}` cannot be computed: {problem}", self.item.id),
            )
            .hint(format!(
                "change the item, or `derive` of the field `{name}`; an omitted field is null: `paid | default(0)`"
            ))
    }

    /// The finding about a right value that cannot be computed.
    fn unjudged(&self, at: usize, problem: &str) -> Diagnostic {
        let name = &self.parts.decisions[at].name;
        self.document
            .at(
                Code::BadTemplate,
                &self.pointer,
                format!("the right `{name}` of the item `{}` cannot be computed: {problem}", self.item.id),
            )
            .hint(format!("change the item, or `truth` of the decision `{name}`"))
    }

    /// The finding about a draft that does not become an item.
    pub(super) fn explain_problem(&self, problem: &Problem<'_>, truth: &[TruthCell]) -> Diagnostic {
        match problem {
            Problem::Field(at, problem) => self.uncomputed(*at, problem),
            Problem::Truth(at, problem) => self.unjudged(*at, problem),
            Problem::Flaw(flaw) => self.explain(flaw, truth),
        }
    }

    /// Computes what is right where an expression says so.
    fn judge(&self, values: &[Option<Value>], truth: &mut [TruthCell], report: &mut Report) {
        let columns = (&*self.parts.fields, &*self.parts.decisions);
        for (at, problem) in self.parts.derived.judge(columns, values, truth) {
            report.push(self.unjudged(at, &problem));
        }
    }

    /// The value of a field, none where the item lacks it; nothing when a problem was reported.
    #[expect(clippy::option_option, reason = "a problem and an absent value are different answers")]
    fn field(&self, pointer: &str, column: &Column, context: &Context, report: &mut Report) -> Option<Option<Value>> {
        let Some(value) = self.item.fields.get(&column.name) else { return Some(None) };
        match self.declared(&column.name) {
            Some(true) => match self.fill(pointer, value, Some(column), context, report)? {
                Filled::Absent if !column.optional => {
                    report.push(
                        self.document
                            .at(
                                Code::MissingKey,
                                pointer,
                                format!("the item `{}` has no `{}` where this is null", self.item.id, column.name),
                            )
                            .hint("give every value under `vary` something there, or declare the field with `optional: true`"),
                    );
                    None
                }
                Filled::Absent => Some(None),
                Filled::Value(value) => Some(Some(value)),
            },
            Some(false) | None => Some(Some(value.clone())),
        }
    }

    /// Renders what of a value is a template; of some types one expression keeps its type.
    fn fill(
        &self,
        pointer: &str,
        value: &Value,
        column: Option<&Column>,
        context: &Context,
        report: &mut Report,
    ) -> Option<Filled> {
        match value {
            Value::String(text) if !self.lenient => {
                let typed = column.is_some_and(|column| keeps_type(column.kind));
                template::fill(self.engine, self.document, pointer, (text, typed), context, report)
            }
            Value::Array(entries) => {
                let mut filled = Vec::with_capacity(entries.len());
                let of = column.and_then(|column| column.of.as_deref());
                for (at, entry) in entries.iter().enumerate() {
                    match self.fill(&format!("{pointer}/{at}"), entry, of, context, report)? {
                        Filled::Value(entry) => filled.push(entry),
                        Filled::Absent => {}
                    }
                }
                Some(Filled::Value(Value::Array(filled)))
            }
            Value::Object(map) => {
                let mut filled = Map::new();
                for (key, value) in map {
                    let place = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                    let property = column.and_then(|column| column.properties.iter().find(|one| one.name == *key));
                    if let Filled::Value(value) = self.fill(&place, value, property, context, report)? {
                        filled.insert(key.clone(), value);
                    }
                }
                Some(Filled::Value(Value::Object(filled)))
            }
            other => Some(Filled::Value(other.clone())),
        }
    }

    fn label(&self, column: usize, context: &Context, report: &mut Report) -> TruthCell {
        let decision = &self.parts.decisions[column];
        let pointer = format!("{}/labels/{}", self.pointer, decision.name);
        let mut cell = TruthCell::default();
        let (value, detail, value_pointer) = match self.item.labels.get(&decision.name) {
            None => return cell,
            Some(Label::Value(value)) => (Some(value), None, pointer.clone()),
            Some(Label::Detail(detail)) => (detail.value.as_ref(), Some(detail), format!("{pointer}/value")),
        };
        let filled = value.and_then(|value| self.fill(&value_pointer, value, Some(decision), context, report));
        if let Some(Filled::Value(value)) = filled
            && !(self.lenient && holds_template(&value))
        {
            cell.value = column::read(decision, self.document, Code::BadValue, &value_pointer, &value, report);
        } else if detail.is_none() {
            // A label that is null says nothing.
            return cell;
        }
        if let Some(detail) = detail {
            self.label_text(&pointer, decision, detail, context, &mut cell, report);
        }
        cell.origin = Origin::Label(self.lines.of(&pointer));
        cell
    }

    fn label_text(
        &self,
        pointer: &str,
        decision: &Column,
        detail: &LabelDetail,
        context: &Context,
        cell: &mut TruthCell,
        report: &mut Report,
    ) {
        check_detail(self.document, pointer, decision.kind, detail, report);
        if decision.kind != ValueType::Text {
            return;
        }
        let text_of = |path: &str, text: &str, report: &mut Report| match self.fill(
            path,
            &Value::from(text),
            None,
            context,
            report,
        )? {
            Filled::Value(Value::String(text)) => Some(text),
            _ => None,
        };
        let mut seen = HashSet::new();
        for (at, keyword) in detail.keywords.iter().enumerate() {
            let mut ways = Vec::new();
            for (below, way) in keyword.ways() {
                let path = format!("{pointer}/keywords/{at}{below}");
                let Some(way) = text_of(&path, way, report) else { continue };
                let text = Text::new(&way);
                if text.is_empty() {
                    report.push(
                        self.document
                            .at(Code::DeadKeyword, path, format!("the keyword `{way}` is empty: it can never match"))
                            .hint("write a word or a phrase"),
                    );
                } else if !seen.insert(text.folded().to_owned()) {
                    report.push(
                        self.document
                            .at(Code::DuplicateName, path, format!("the keyword `{way}` appears twice"))
                            .hint("remove one of the two"),
                    );
                }
                ways.push(text);
            }
            cell.keywords.extend(Keyword::of(ways));
        }
        if let Some(reference) = &detail.reference {
            let pointer = format!("{pointer}/reference");
            cell.reference = text_of(&pointer, reference, report);
            if let Some(reference) = &cell.reference {
                self.check_length(pointer, decision, reference, report);
            }
        }
    }

    /// Refuses a text that no agent may send.
    fn check_length(&self, pointer: String, decision: &Column, text: &str, report: &mut Report) {
        let Some(most) = decision.lengths.1 else { return };
        let length = text.chars().count();
        if length > most as usize {
            report.push(
                self.document
                    .at(
                        Code::BadValue,
                        pointer,
                        format!(
                            "no agent may send this: it has {length} characters, and `{}` at most {most}",
                            decision.name
                        ),
                    )
                    .hint(format!("shorten it, or raise the `max_length` of the decision `{}`", decision.name)),
            );
        }
    }
}

/// Refuses texts that read `vary` in fields of which nothing says that they are templates; the first of each field.
pub(super) fn check_plain(document: &Document, inbox: &Inbox, parts: &Parts<'_>, report: &mut Report) {
    let undeclared = parts.environment.item.iter().flat_map(|item| &item.fields);
    for (name, _) in undeclared.filter(|(_, field)| field.template.is_none()) {
        let reads = |(_, item): &(usize, &InboxItem)| {
            let mut texts = Vec::new();
            item.fields.get(name).into_iter().for_each(|value| collect(value, &mut texts));
            texts.into_iter().any(reads_vary)
        };
        let Some((at, _)) = inbox.items.iter().enumerate().find(reads) else { continue };
        report.push(
            document
                .at(
                    Code::BadTemplate,
                    format!("/items/{at}/fields/{name}"),
                    format!("this reads `vary`, and the field `{name}` is not a template"),
                )
                .hint(format!(
                    "add `template: true` to the field `{name}` of the environment, or `template: false` if the braces are text"
                )),
        );
    }
}

/// Refuses what only labels of texts have.
pub(super) fn check_detail(
    document: &Document,
    pointer: &str,
    kind: ValueType,
    detail: &LabelDetail,
    report: &mut Report,
) {
    if kind == ValueType::Text {
        return;
    }
    for (key, there) in [("keywords", !detail.keywords.is_empty()), ("reference", detail.reference.is_some())] {
        if there {
            report.push(
                document
                    .at_key(
                        Code::BadValue,
                        format!("{pointer}/{key}"),
                        format!("`{key}` is only valid for a decision of type `text`"),
                    )
                    .hint(format!("remove `{key}`")),
            );
        }
    }
}

/// The names of the fields that a pack declares as templates.
pub fn template_fields(source: &PackSource) -> HashSet<String> {
    let read = documents::read(source, &mut documents::Cache::default(), &mut Report::default());
    let environments = read.all.iter().filter_map(|document| match &document.content {
        Content::Environment(environment) => environment.item.as_ref(),
        _ => None,
    });
    let fields = environments.flat_map(|item| &item.fields);
    fields.filter(|(_, field)| field.template == Some(true)).map(|(name, _)| name.clone()).collect()
}

/// Whether a template that is one expression keeps its type in a column; texts are written by the template.
pub(super) const fn keeps_type(kind: ValueType) -> bool {
    kind.is_number() || kind.is_list() || matches!(kind, ValueType::Boolean | ValueType::Object)
}

/// The texts of a value, however deep, each with its place.
fn collect_at<'a>(pointer: String, value: &'a Value, texts: &mut Vec<(String, &'a str)>) {
    match value {
        Value::String(text) => texts.push((pointer, text)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(at, value)| collect_at(format!("{pointer}/{at}"), value, texts));
        }
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| collect_at(format!("{pointer}/{key}"), value, texts));
        }
        _ => {}
    }
}

/// Whether a value has something at a path; what is below a text or a list is not looked at.
fn has_path(value: &Value, path: &[&str]) -> bool {
    match (path, value) {
        ([first, rest @ ..], Value::Object(map)) => map.get(*first).is_some_and(|value| has_path(value, rest)),
        ([_, ..], Value::Null) => false,
        _ => true,
    }
}

/// The texts of a value, however deep.
fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(list) => list.iter().for_each(|value| collect(value, texts)),
        Value::Object(map) => map.values().for_each(|value| collect(value, texts)),
        _ => {}
    }
}

fn holds_template(value: &Value) -> bool {
    let mut texts = Vec::new();
    collect(value, &mut texts);
    texts.into_iter().any(is_template)
}

/// About how many bytes an item takes: its texts, and what it takes without any.
fn bytes_of(item: &Item) -> usize {
    let fields = item.fields.iter().flatten().map(|datum| match datum {
        Datum::Text(text) => text.raw.len(),
        Datum::List(texts) => texts.iter().map(|text| text.raw.len()).sum(),
        Datum::Nested(nested) => nested.value().to_string().len(),
        _ => 0,
    });
    let truth = item.truth.iter().map(|cell| {
        cell.keywords.iter().flat_map(Keyword::ways).map(|way| way.raw.len()).sum::<usize>()
            + cell.reference.as_ref().map_or(0, String::len)
    });
    size_of::<Item>() + item.json.len() + fields.chain(truth).sum::<usize>()
}
