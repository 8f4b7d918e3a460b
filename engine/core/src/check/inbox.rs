//! Items in every form, with their truth.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use minijinja::{Environment as Engine, Value as Context, context, value::Serde};
use serde_json::{Map, Value};

use super::{Parts, lines::Lines, template, vary::Values};
use crate::{
    diagnostic::{Code, Report, nearest, suggest},
    model::{ColumnKind, Datum, Item, Origin, Text, TruthCell},
    rules::{Conflict, Facts},
    scenario::{Variants, templates::is_template},
    spec::{Content, Document, Inbox, InboxItem, Kind, Label, LabelDetail},
};

/// Forms of one item at the most.
const MAX_FORMS: usize = 256;
/// Bytes of all items in every form, for every task, at the most.
const MAX_BYTES: usize = 512 * 1024 * 1024;

/// Makes the items of a task's inbox; the findings about it are reported once, whatever the number of tasks.
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
    let (engine, lines) = (crate::scenario::templates::engine(), Lines::new(document));
    let mut items = Vec::new();
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
    check_ranks(document, &items, parts, report);
    (report.errors() == before).then_some(items)
}

/// Checks the inboxes that no task plays, as far as that goes without knowing what varies.
pub(super) fn check_unplayed(parts: &Parts<'_>, report: &mut Report) {
    let engine = crate::scenario::templates::engine();
    let tasks = parts.documents.of(Kind::Task).filter_map(|task| match &task.content {
        Content::Task(task) => task.inbox.as_deref(),
        _ => None,
    });
    let inboxes: HashSet<&str> = tasks.collect();
    for document in parts.documents.of(Kind::Inbox) {
        let played = inboxes.contains(document.content.name());
        let Content::Inbox(inbox) = &document.content else { continue };
        let lines = Lines::new(document);
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
                    .maybe_hint(suggest(name, names)),
            );
        }
    }
    let unknown = |name: &&str| !parts.fields.iter().any(|column| column.name == **name);
    for column in parts.fields.iter().filter(|column| !column.optional && !item.fields.contains_key(&column.name)) {
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
                    .maybe_hint(suggest(name, names)),
            );
        }
    }
}

/// Ranks must be 1 to n, each once, where items have them.
fn check_ranks(document: &Document, items: &[Variants], parts: &Parts<'_>, report: &mut Report) {
    for (at, column) in parts.decisions.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::Rank) {
        let ranks: Vec<(usize, i64)> = items
            .iter()
            .enumerate()
            .filter_map(|(row, item)| match item.forms.first()?.truth[at].value {
                Some(Datum::Integer(rank)) => Some((row, rank)),
                _ => None,
            })
            .collect();
        let count = i64::try_from(ranks.len()).unwrap_or(i64::MAX);
        let free = (1..=count).find(|rank| ranks.iter().all(|(_, taken)| taken != rank));
        let cure = |rule: &str| free.map_or(rule.to_owned(), |free| format!("{rule}; nothing has the rank `{free}`"));
        let mut holders = HashMap::new();
        for (row, rank) in &ranks {
            let pointer = format!("/items/{row}/labels/{}", column.name);
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
}

struct Maker<'a> {
    document: &'a Document,
    lines: &'a Lines<'a>,
    pointer: String,
    item: &'a InboxItem,
    parts: &'a Parts<'a>,
    engine: &'a Engine<'static>,
    /// Whether templates stay as they are, and what only a task can tell is left unchecked.
    lenient: bool,
    /// The task's clock.
    clock: Option<i64>,
}

impl Maker<'_> {
    fn variants(&self, (task_document, vary): (&Document, &Values), report: &mut Report) -> Option<Variants> {
        let before = report.errors();
        let texts = self.texts();
        let uses: Vec<usize> = vary
            .keys()
            .enumerate()
            .filter(|(_, name)| texts.iter().any(|text| text.contains(name.as_str())))
            .map(|(at, _)| at)
            .collect();
        let counts: Vec<usize> = uses.iter().map(|at| vary[*at].len()).collect();
        let total = counts.iter().fold(1_usize, |total, count| total.saturating_mul(*count));
        if total > MAX_FORMS {
            report.push(
                task_document
                    .at_key(
                        Code::BadDeclaration,
                        "/vary",
                        format!("the item `{}` would have more than {MAX_FORMS} forms", self.item.id),
                    )
                    .hint("let fewer things vary within one item"),
            );
            return None;
        }
        let mut forms = Vec::with_capacity(total);
        for number in 0..total {
            let mut rest = number;
            let mut drawn = Map::new();
            for (index, at) in uses.iter().enumerate().rev() {
                if let Some((name, values)) = vary.get_index(*at) {
                    drawn.insert(name.clone(), values[rest % counts[index]].clone());
                    rest /= counts[index];
                }
            }
            let form = self.form(&context! { vary => Context::from(Serde(Value::Object(drawn))) }, report)?;
            self.parts.bytes.set(self.parts.bytes.get() + bytes_of(&form));
            forms.push(Arc::new(form));
        }
        (report.errors() == before).then_some(Variants { uses, forms })
    }

    /// The texts of the item that are templates.
    fn texts(&self) -> Vec<&str> {
        let fields = self.item.fields.values().filter_map(Value::as_str);
        let labels = self
            .item
            .labels
            .values()
            .filter_map(|label| if let Label::Detail(detail) = label { Some(detail) } else { None });
        let labels =
            labels.flat_map(|detail| detail.keywords.iter().map(String::as_str).chain(detail.reference.as_deref()));
        fields.chain(labels).filter(|text| is_template(text)).collect()
    }

    fn form(&self, context: &Context, report: &mut Report) -> Option<Item> {
        let before = report.errors();
        let mut fields = Vec::with_capacity(self.parts.fields.len());
        let mut visible = Map::new();
        visible.insert("id".into(), self.item.id.as_str().into());
        for column in self.parts.fields.iter() {
            let pointer = format!("{}/fields/{}", self.pointer, column.name);
            let value = match self.item.fields.get(&column.name) {
                Some(Value::String(text)) => Some(Value::String(self.render(&pointer, text, context, report)?)),
                other => other.cloned(),
            };
            let known = value.as_ref().filter(|value| !self.lenient || !value.as_str().is_some_and(is_template));
            let datum = known.and_then(|value| column.read(self.document, Code::BadValue, &pointer, value, report));
            if column.visible {
                visible.extend(value.map(|value| (column.name.clone(), value)));
            }
            fields.push(datum);
        }
        let mut truth: Vec<TruthCell> =
            (0..self.parts.decisions.len()).map(|column| self.label(column, context, report)).collect();
        (report.errors() == before).then_some(())?;
        if !self.lenient {
            self.apply_rules(&fields, &mut truth, report);
        }
        (report.errors() == before).then(|| Item {
            id: self.item.id.clone(),
            json: Value::Object(visible).to_string(),
            fields,
            truth,
        })
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
        if let Some(value) = value {
            cell.value = decision.read(self.document, Code::BadValue, &value_pointer, value, report);
        }
        if let Some(detail) = detail {
            self.label_text(&pointer, decision.kind, detail, context, &mut cell, report);
        }
        cell.origin = Origin::Label(self.lines.of(&pointer));
        cell
    }

    fn label_text(
        &self,
        pointer: &str,
        kind: ColumnKind,
        detail: &LabelDetail,
        context: &Context,
        cell: &mut TruthCell,
        report: &mut Report,
    ) {
        if kind != ColumnKind::Text {
            for (key, there) in [("keywords", !detail.keywords.is_empty()), ("reference", detail.reference.is_some())] {
                if there {
                    report.push(
                        self.document
                            .at_key(
                                Code::BadValue,
                                format!("{pointer}/{key}"),
                                format!("`{key}` goes with a decision of type `text`"),
                            )
                            .hint(format!("remove `{key}`")),
                    );
                }
            }
            return;
        }
        let mut seen = HashSet::new();
        for (at, keyword) in detail.keywords.iter().enumerate() {
            let path = format!("{pointer}/keywords/{at}");
            let Some(keyword) = self.render(&path, keyword, context, report) else { continue };
            let text = Text::new(&keyword);
            if text.is_empty() {
                report.push(
                    self.document
                        .at(Code::DeadKeyword, path, format!("the keyword `{keyword}` is empty: it can never match"))
                        .hint("write a word or a phrase"),
                );
            } else if !seen.insert(text.folded().to_owned()) {
                report.push(
                    self.document
                        .at(Code::DuplicateName, path, format!("the keyword `{keyword}` stands twice"))
                        .hint("remove one of the two"),
                );
            }
            cell.keywords.push(text);
        }
        if let Some(reference) = &detail.reference {
            cell.reference = self.render(&format!("{pointer}/reference"), reference, context, report);
        }
    }

    /// Fills what labels leave open from the rules, and compares what they say both.
    fn apply_rules(&self, fields: &[Option<Datum>], truth: &mut [TruthCell], report: &mut Report) {
        for (column, decision) in self.parts.decisions.iter().enumerate() {
            let named = self.parts.environment.decision.get(&decision.name).and_then(|spec| spec.truth.as_ref());
            let Some(truth_source) = named else {
                self.check_label(column, truth, report);
                continue;
            };
            let Some(rules) = self.parts.rules.get(&truth_source.rules) else { continue };
            let facts = Facts { fields, clock: self.clock };
            let decided = match rules.decide(facts) {
                Ok(decided) => decided.into_iter().find(|one| one.column == column),
                Err(Conflict(first, second)) => {
                    report.push(
                        self.document
                            .at(
                                Code::Overlap,
                                &self.pointer,
                                format!(
                                    "the rules `{}` and `{}` both match the item `{}` and differ",
                                    first.reason.id, second.reason.id, self.item.id
                                ),
                            )
                            .hint("narrow one of the two, or set `hit: first`"),
                    );
                    continue;
                }
            };
            let reason = decided.as_ref().and_then(|one| one.rule).map(|rule| &rule.reason);
            let value = decided.as_ref().map(|one| one.value.clone());
            let pointer = format!("{}/labels/{}", self.pointer, decision.name);
            match (&truth[column].value, value) {
                (Some(label), Some(value)) if *label != value && self.item.reason.is_some() => {
                    let reason = self.item.reason.as_deref().unwrap_or_default();
                    truth[column].origin = Origin::Override(reason.into(), self.lines.of(&pointer));
                }
                (Some(label), Some(value)) if *label != value => report.push(
                    self.document
                        .at(
                            Code::Contradiction,
                            pointer,
                            format!(
                                "the label says `{}`, the rules say `{}`",
                                plain(label, decision),
                                plain(&value, decision)
                            ),
                        )
                        .hint("remove the label, or add `override:` with the reason"),
                ),
                (Some(_), _) => {}
                (None, None) => report.push(
                    self.document
                        .at(
                            Code::NoTruth,
                            &self.pointer,
                            format!(
                                "no rule of `{}` decides `{}` for the item `{}`",
                                rules.name, decision.name, self.item.id
                            ),
                        )
                        .hint("add a rule, a `default`, or a label"),
                ),
                (None, value) => {
                    truth[column].origin = if reason.is_some() { Origin::Rule } else { Origin::Default };
                    truth[column].value = value;
                    truth[column].rule = reason.cloned();
                }
            }
        }
    }

    fn check_label(&self, column: usize, truth: &[TruthCell], report: &mut Report) {
        let decision = &self.parts.decisions[column];
        if decision.kind != ColumnKind::Text && !truth[column].is_known() && decision.when.is_empty() {
            report.push(
                self.document
                    .at(
                        Code::NoTruth,
                        &self.pointer,
                        format!("nothing says what `{}` is right for the item `{}`", decision.name, self.item.id),
                    )
                    .hint(format!(
                        "add `{}:` under `labels:`, or `truth: {{ rules: ... }}` to the decision",
                        decision.name
                    )),
            );
        }
    }

    fn render(&self, pointer: &str, text: &str, context: &Context, report: &mut Report) -> Option<String> {
        if self.lenient {
            return Some(text.to_owned());
        }
        template::render(self.engine, self.document, pointer, text, context, report)
    }
}

/// About how many bytes an item takes: its texts, and what it takes without any.
fn bytes_of(item: &Item) -> usize {
    let fields = item.fields.iter().flatten().map(|datum| match datum {
        Datum::Text(text) => text.raw.len(),
        Datum::List(texts) => texts.iter().map(|text| text.raw.len()).sum(),
        _ => 0,
    });
    let truth = item.truth.iter().map(|cell| {
        cell.keywords.iter().map(|text| text.raw.len()).sum::<usize>() + cell.reference.as_ref().map_or(0, String::len)
    });
    size_of::<Item>() + item.json.len() + fields.chain(truth).sum::<usize>()
}

fn plain(datum: &Datum, column: &crate::model::Column) -> String {
    let value = datum.to_json(column);
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
