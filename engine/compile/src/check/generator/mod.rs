//! Generators: slots, pools, phrases, fields and labels, each level on its own.
//!
//! | file | what |
//! |---|---|
//! | `slots.rs` | how values are drawn |
//! | `samples.rs` | some of what slots can draw, with which expressions are tried |
//! | `pools.rs` | entities from files, from lists, or made |
//! | `phrases.rs` | texts, what they read, and that none reads itself |
//! | `hold_out.rs` | what is kept from training |
//! | `reading.rs` | what agents can read of hidden fields, and what nothing reads |
//! | `drawn.rs` | what a task draws, tried with its rules |
//! | `levels.rs` | the same at each level that a reset may choose |

mod drawn;
mod hold_out;
mod levels;
mod phrases;
mod pools;
mod reading;
mod samples;
mod slots;

use std::{collections::HashMap, sync::Arc};

use casebook_runtime::{
    model::{Column, Datum},
    names::{list, nearest},
    scenario::{
        generator::{Coverage, FieldSource, Generator, LabelSource, SlotList, Template, TemplateBody, Typed, Way},
        templates::{is_template, item_engine, reads, sole_expression},
    },
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report, suggest},
    source::SourceFile,
    spec::{self, Content, Document, Kind, Label},
};
use indexmap::IndexMap;
use minijinja::{Environment as Engine, Value as Context, value::Serde};
use serde_json::Value;

pub(super) use drawn::{Plans, TaskItems, parts_of_task};
pub(super) use levels::add_argument;
use reading::plain_source;

use super::{
    Parts, comparisons,
    forms::keeps_type,
    inbox::{how_made, key_of},
    lines::Lines,
};

/// What templates may call.
const GLOBALS: [&str; 4] = ["dict", "namespace", "range", "loop"];

/// The generators of a pack, by name and level; the level without a name is the generator itself.
pub(crate) type Generators = HashMap<(String, Option<String>), Arc<Generator>>;

/// What texts of labels read besides slots and phrases.
const JUDGED: [&str; 2] = ["truth", "rule"];
/// The constants of the environment; a slot may have the name.
const DATA: &str = "data";

/// A generator of which one level is compiled.
pub(super) struct Builder<'a, 'p> {
    pub(super) document: &'a Document,
    pub(super) spec: &'a spec::Generator,
    pub(super) level: Option<(&'a str, &'a spec::Level)>,
    pub(super) parts: &'a Parts<'p>,
    pub(super) data: &'a [&'a SourceFile],
    pub(super) engine: Engine<'static>,
    /// The slots of items, with what conditions read of them.
    pub(super) columns: Vec<Column>,
    pub(super) slot_names: Vec<String>,
    pub(super) phrase_names: Vec<String>,
    /// The texts of phrases that data files hold.
    pub(super) read_phrases: HashMap<String, Vec<spec::Alternative>>,
    /// Values that the slots so far can have, by slot.
    pub(super) samples: Vec<(String, Vec<serde_json::Value>)>,
    /// Maps of such values of the slots that were compiled last.
    pub(super) sampled: Vec<serde_json::Value>,
    /// The same of the pools that are made of slots.
    pub(super) made: HashMap<String, Vec<serde_json::Value>>,
}

/// Generators that were compiled last and had no findings.
#[derive(Debug, Default)]
pub(super) struct Built {
    /// The environment under which they were.
    root: Option<Written>,
    /// The digest of the data files.
    data: String,
    made: Vec<BuiltOne>,
}

/// What a document says, and the files that say it: those of the documents that it extends as well.
#[derive(Debug, PartialEq)]
struct Written {
    digest: String,
    files: Vec<SourceFile>,
}

impl Written {
    fn of(document: &Document) -> Self {
        let files = std::iter::once(document.file()).chain(document.bases()).cloned().collect();
        Self { digest: document.digest.clone(), files }
    }
}

/// A generator with its levels.
#[derive(Debug)]
struct BuiltOne {
    written: Written,
    levels: Generators,
    /// The regular expressions that it took.
    regexes: usize,
}

/// Compiles every generator with each of its levels; every problem goes to the report.
pub(super) fn compile_all(
    parts: &Parts<'_>,
    data: &[&SourceFile],
    kept: &mut Built,
    report: &mut Report,
) -> Generators {
    let data_digest = digest(String::new(), data);
    let mut known = std::mem::take(kept);
    let root = Some(Written::of(parts.root));
    if known.data != data_digest || known.root != root {
        known.made.clear();
    }
    (kept.root, kept.data) = (root, data_digest);
    let mut all = Generators::new();
    for document in parts.documents.of(Kind::Generator) {
        let Content::Generator(spec) = &document.content else { continue };
        if parts.environment.item.is_none() {
            report.push(
                document
                    .at(Code::BadDeclaration, "/kind", "the environment has no items, so nothing can be generated")
                    .hint("remove the generator, or declare `item` and `decision` in the environment"),
            );
            continue;
        }
        let levels = spec.levels.iter().map(|(name, level)| Some((name.as_str(), level)));
        let written = Written::of(document);
        if let Some(at) = known.made.iter().position(|one| one.written == written) {
            let one = known.made.swap_remove(at);
            all.extend(one.levels.iter().map(|(key, made)| (key.clone(), Arc::clone(made))));
            parts.regexes.set(parts.regexes.get() + one.regexes);
            kept.made.push(one);
            continue;
        }
        let (before, mut used, mut sides) = (report.errors(), reading::Used::default(), hold_out::Sides::default());
        let (first, mut behind_base) = (report.diagnostics.len(), 0);
        let (mut own, regexes) = (Generators::new(), parts.regexes.get());
        for level in std::iter::once(None).chain(levels) {
            let key = (spec.name.clone(), level.map(|(name, _)| name.to_owned()));
            let from = report.diagnostics.len();
            let made = Builder::new(document, spec, level, parts, data).build(&mut used, &mut sides, report);
            match level {
                Some((name, _)) => name_level(name, &mut report.diagnostics[first..], (behind_base, from - first)),
                None => behind_base = report.diagnostics.len() - first,
            }
            own.extend(made.map(|made| (key, Arc::new(made))));
        }
        // What is misspelt elsewhere would only seem unused.
        if report.errors() == before {
            used.report(document, spec, report);
        }
        all.extend(own.iter().map(|(key, made)| (key.clone(), Arc::clone(made))));
        // Findings are reported again.
        if report.diagnostics.len() == first {
            let regexes = parts.regexes.get() - regexes;
            kept.made.push(BuiltOne { written, levels: own, regexes });
        }
    }
    all
}

/// Names a level in its findings about what it shares with the generator, where those of the generator itself, which are the first
/// ones, do not have them.
fn name_level(level: &str, found: &mut [Diagnostic], (base, from): (usize, usize)) {
    let (before, own) = found.split_at_mut(from);
    for finding in own.iter_mut().filter(|finding| !finding.pointer.starts_with("/levels/")) {
        let is_same = |other: &Diagnostic| other.pointer == finding.pointer && other.message == finding.message;
        if !before[..base].iter().any(is_same) {
            finding.message.push_str(&format!(" at the level `{level}`"));
        }
    }
}

/// Where what a generator says stands: at the level that replaces it, or at the generator.
pub(super) fn place(spec: &spec::Generator, level: Option<&str>, pointer: &str) -> String {
    let mut names = pointer.trim_start_matches('/').split('/');
    let (Some(part), Some(name)) = (names.next(), names.next()) else { return pointer.to_owned() };
    match level.and_then(|level| Some((level, spec.levels.get(level)?))) {
        Some((level, replaced))
            if part == "slots" && replaced.slots.contains_key(name)
                || part == "phrases" && replaced.phrases.contains_key(name) =>
        {
            format!("/levels/{level}{pointer}")
        }
        _ => pointer.to_owned(),
    }
}

impl<'a, 'p> Builder<'a, 'p> {
    fn new(
        document: &'a Document,
        spec: &'a spec::Generator,
        level: Option<(&'a str, &'a spec::Level)>,
        parts: &'a Parts<'p>,
        data: &'a [&'a SourceFile],
    ) -> Self {
        let mut engine = item_engine();
        engine.add_global(DATA, parts.derived.data().clone());
        let (columns, slot_names, phrase_names) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            document,
            spec,
            level,
            parts,
            data,
            engine,
            columns,
            slot_names,
            phrase_names,
            read_phrases: HashMap::new(),
            samples: Vec::new(),
            sampled: Vec::new(),
            made: HashMap::new(),
        }
    }

    fn place(&self, pointer: &str) -> String {
        place(self.spec, self.level.map(|(name, _)| name), pointer)
    }

    fn build(
        mut self,
        used: &mut reading::Used,
        sides: &mut hold_out::Sides,
        report: &mut Report,
    ) -> Option<Generator> {
        let before = report.errors();
        let (document, spec) = (self.document, self.spec);
        self.check_level(report);
        if spec.ids.as_ref().is_some_and(|ids| is_template(&ids.prefix)) {
            report.push(
                document
                    .at(Code::NoEffect, "/ids/prefix", "braces in `prefix` stay as they are, since it is plain text")
                    .hint("write the letters themselves"),
            );
        }
        let pools = self.pools(report);
        let specs = self.slot_specs();
        let list = self.slots("/slots", &specs, &pools, report);
        self.columns.clone_from(&list.columns);
        self.slot_names = list.names.to_vec();
        let phrase_specs = self.phrase_specs();
        self.phrase_names = phrase_specs.keys().map(|name| (*name).to_owned()).collect();
        let phrases = self.phrases(&phrase_specs, report);
        let fields = self.fields(report);
        self.check_grids(&list, &fields, report);
        let labels = self.labels(report);
        if report.errors() == before {
            self.check_reading(&specs, &phrase_specs, used, report);
        }
        let level = self.level.map(|(_, level)| level);
        let share = |own: Option<spec::Share>, level: Option<spec::Share>| level.or(own).map_or(0, millionths);
        let boundary = share(spec.boundary, level.and_then(|level| level.boundary));
        let conflicts = share(spec.conflicts, level.and_then(|level| level.conflicts));
        if boundary + conflicts > 1_000_000 {
            let replaced = self.level.and_then(|(name, level)| {
                let key = level.boundary.map(|_| "boundary").or(level.conflicts.map(|_| "conflicts"))?;
                Some(format!("/levels/{name}/{key}"))
            });
            report.push(
                document
                    .at_key(
                        Code::BadValue,
                        replaced.unwrap_or_else(|| "/boundary".to_owned()),
                        "`boundary` and `conflicts` come to more than 100%",
                    )
                    .hint("lower one of the two; each of them is a share of all items"),
            );
        }
        let cover = level.and_then(|level| level.cover).or(spec.cover).map(|cover| match cover {
            spec::Cover::Rules => Coverage::Rules,
            spec::Cover::Outcomes => Coverage::Outcomes,
        });
        if let (Some(_), 1_000_000) = (cover, boundary + conflicts) {
            let level = self.level.filter(|(_, level)| level.cover.is_some());
            let pointer = level.map_or_else(|| "/cover".to_owned(), |(name, _)| format!("/levels/{name}/cover"));
            report.push(
                document
                    .at_key(Code::NoEffect, pointer, "`cover` steers no item: `boundary` and `conflicts` come to 100%")
                    .hint("lower one of the two; what they leave is drawn by `cover`"),
            );
        }
        let mut generator = Generator {
            name: spec.name.clone(),
            pools,
            slots: list,
            phrases,
            phrase_names: self.phrase_names.clone().into(),
            judged_names: JUDGED.map(str::to_owned).into(),
            fields,
            labels,
            prefix: spec.ids.as_ref().map(|ids| ids.prefix.clone()).unwrap_or_default(),
            id_length: spec.ids.as_ref().and_then(|ids| ids.length).unwrap_or(6) as usize,
            engine: self.engine,
            boundary,
            conflicts,
            cover,
        };
        hold_out::divide((document, spec), &phrase_specs, &self.read_phrases, &mut generator, sides, report);
        (report.errors() == before).then_some(generator)
    }

    /// Checks that a level replaces what there is.
    fn check_level(&self, report: &mut Report) {
        let Some((level, replaced)) = self.level else { return };
        let known: [(&str, Vec<&String>, Vec<&String>); 2] = [
            ("slots", replaced.slots.keys().collect(), self.spec.slots.keys().collect()),
            ("phrases", replaced.phrases.keys().collect(), self.spec.phrases.keys().collect()),
        ];
        for (part, names, exist) in known {
            for name in names.into_iter().filter(|name| !exist.contains(name)) {
                let noun = part.trim_end_matches('s');
                report.push(
                    self.document
                        .at_key(
                            Code::UnknownName,
                            format!("/levels/{level}/{part}/{name}"),
                            format!("the generator has no {noun} `{name}` to replace"),
                        )
                        .maybe_hint(suggest(name, exist.iter().map(|name| name.as_str()))),
                );
            }
        }
    }

    fn slot_specs(&self) -> IndexMap<&'a str, &'a spec::Slot> {
        let replaced = self.level.map(|(_, level)| &level.slots);
        let slot = |(name, slot): (&'a String, &'a spec::Slot)| {
            (name.as_str(), replaced.and_then(|slots| slots.get(name)).unwrap_or(slot))
        };
        self.spec.slots.iter().map(slot).collect()
    }

    fn phrase_specs(&self) -> IndexMap<&'a str, &'a spec::Phrase> {
        let replaced = self.level.map(|(_, level)| &level.phrases);
        let phrase = |(name, phrase): (&'a String, &'a spec::Phrase)| {
            (name.as_str(), replaced.and_then(|phrases| phrases.get(name)).unwrap_or(phrase))
        };
        self.spec.phrases.iter().map(phrase).collect()
    }

    /// The sources of the pack's fields.
    fn fields(&mut self, report: &mut Report) -> Vec<Option<FieldSource>> {
        let fields = Arc::clone(&self.parts.fields);
        for name in self.spec.fields.keys().filter(|name| !fields.iter().any(|column| column.name == **name)) {
            report.push(
                self.document
                    .at_key(Code::UnknownName, format!("/fields/{name}"), format!("items have no field `{name}`"))
                    .maybe_hint(suggest(name, fields.iter().map(|column| column.name.as_str()))),
            );
        }
        let unknown = self.spec.fields.keys().filter(|name| !fields.iter().any(|column| column.name == **name));
        let unknown: Vec<&str> = unknown.map(String::as_str).collect();
        let mut sources = Vec::with_capacity(fields.len());
        for column in fields.iter() {
            let pointer = format!("/fields/{}", column.name);
            sources.push(match self.spec.fields.get(&column.name) {
                Some(_) if column.is_made() => {
                    report.push(
                        self.document
                            .at_key(Code::BadValue, pointer, format!("`{}` is {}", column.name, how_made(column)))
                            .hint(format!("remove it from the generator, or `{}` from the field", key_of(column))),
                    );
                    None
                }
                Some(value) => self.source(&pointer, value, column, report),
                None if column.optional || column.is_made() => None,
                // It is there, misspelt.
                None if nearest(&column.name, unknown.iter().copied()).is_some() => None,
                None => {
                    report.push(
                        self.document
                            .at_key(Code::MissingKey, "/fields", format!("the generator makes no `{}`", column.name))
                            .hint(format!("add `{}:`, or declare the field with `optional: true`", column.name)),
                    );
                    None
                }
            });
        }
        sources
    }

    /// Checks that a field can have the least and the greatest number of the slot that it shows.
    fn check_grids(&self, list: &SlotList, fields: &[Option<FieldSource>], report: &mut Report) {
        for (column, source) in self.parts.fields.iter().zip(fields) {
            let Some(FieldSource::Slot(at, path)) = source else { continue };
            let Way::Number(grid, unit) = &list.slots[*at].way else { continue };
            let ends = [grid.first, grid.last()].map(|number| unit.json(number));
            let refused = ends.iter().find_map(|end| Some((end, Datum::read(column, end).err()?)));
            if let Some((end, expected)) = refused.filter(|_| path.is_empty()) {
                let name = &list.names[*at];
                let message =
                    format!("the slot `{name}` draws `{end}`, and the field `{}` cannot be that", column.name);
                let finding = self.document.at(Code::BadValue, self.place(&format!("/slots/{name}")), message);
                report.push(
                    finding.label(format!("expected {expected}")).hint("draw from a range that the field allows"),
                );
            }
        }
    }

    /// How a value of a column is made.
    fn source(&mut self, pointer: &str, value: &Value, column: &Column, report: &mut Report) -> Option<FieldSource> {
        match value {
            Value::Object(map) if map.len() == 1 && map.contains_key("slot") => {
                let pointer = format!("{pointer}/slot");
                let Some(path) = map["slot"].as_str() else {
                    report.push(
                        self.document
                            .at(Code::BadValue, pointer, "`slot` names a slot")
                            .hint("write the name of a slot, such as `{ slot: amount }`"),
                    );
                    return None;
                };
                self.slot_path(&pointer, path, report)
            }
            Value::String(text) if is_template(text) => {
                let template = self.template(pointer, pointer.to_owned(), text, report)?;
                let Some(expression) = sole_expression(text) else { return Some(FieldSource::Text(template, None)) };
                let plain = expression.trim().split('.').all(|part| {
                    part.starts_with(|sign: char| sign.is_alphabetic() || sign == '_')
                        && part.chars().all(|sign| sign.is_alphanumeric() || sign == '_')
                });
                let first = expression.trim().split('.').next().unwrap_or_default();
                if plain && !column.kind.is_text() && self.slot_names.iter().any(|name| name == first) {
                    return self.slot_path(pointer, expression.trim(), report);
                }
                let name = format!("value:{pointer}");
                let added = self.engine.add_template_owned(name.clone(), format!("{{% set value = ({expression}) %}}"));
                added.is_ok().then(|| FieldSource::Text(template, Some(Typed { name, keeps: keeps_type(column.kind) })))
            }
            constant => {
                crate::column::read(column, self.document, Code::BadValue, pointer, constant, report)?;
                Some(FieldSource::Constant(constant.clone()))
            }
        }
    }

    fn slot_path(&self, pointer: &str, path: &str, report: &mut Report) -> Option<FieldSource> {
        let mut names = path.split('.');
        let first = names.next().unwrap_or_default();
        let Some(at) = self.slot_names.iter().position(|name| name == first) else {
            report.push(
                self.document
                    .at(Code::UnknownName, pointer, format!("the generator has no slot `{first}`"))
                    .maybe_hint(suggest(first, self.slot_names.iter().map(String::as_str))),
            );
            return None;
        };
        let known: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let is_known = |known: &&str| *known == path || path.starts_with(&format!("{known}.")) && *known != first;
        let parts: Vec<&str> = known.iter().copied().filter(|known| known.starts_with(&format!("{first}."))).collect();
        if path != first && !parts.is_empty() && !parts.iter().any(is_known) {
            report.push(
                self.document
                    .at(Code::UnknownName, pointer, format!("the slot `{first}` has no part `{path}`"))
                    .maybe_hint(suggest(path, parts)),
            );
            return None;
        }
        Some(FieldSource::Slot(at, names.map(str::to_owned).collect()))
    }

    /// The labels of the pack's decisions.
    fn labels(&mut self, report: &mut Report) -> Vec<Option<LabelSource>> {
        let decisions = Arc::clone(&self.parts.decisions);
        for name in self.spec.labels.keys().filter(|name| !decisions.iter().any(|column| column.name == **name)) {
            report.push(
                self.document
                    .at_key(Code::UnknownName, format!("/labels/{name}"), format!("there is no decision `{name}`"))
                    .maybe_hint(suggest(name, decisions.iter().map(|column| column.name.as_str()))),
            );
        }
        let lines = Lines::new(self.document);
        let mut labels = Vec::with_capacity(decisions.len());
        for column in decisions.iter() {
            let pointer = format!("/labels/{}", column.name);
            let Some(label) = self.spec.labels.get(&column.name) else {
                labels.push(None);
                continue;
            };
            let place = lines.of(&pointer);
            let mut source = LabelSource { value: None, keywords: Vec::new(), reference: None, place };
            match label {
                Label::Value(value) => source.value = self.source(&pointer, value, column, report),
                Label::Detail(detail) => {
                    super::forms::check_detail(self.document, &pointer, column.kind, detail, report);
                    if let Some(value) = &detail.value {
                        source.value = self.source(&format!("{pointer}/value"), value, column, report);
                    }
                    for (at, keyword) in detail.keywords.iter().enumerate() {
                        let mut ways = Vec::new();
                        for (below, way) in keyword.ways() {
                            let path = format!("{pointer}/keywords/{at}{below}");
                            ways.extend(self.template(&path, path.clone(), way, report));
                        }
                        source.keywords.push(ways);
                    }
                    if let Some(reference) = &detail.reference {
                        let path = format!("{pointer}/reference");
                        source.reference = self.template(&path, path.clone(), reference, report);
                    }
                }
            }
            labels.push(Some(source));
        }
        labels
    }

    /// A text over slots and phrases; `name` is its own among the generator's templates.
    fn template(&mut self, pointer: &str, name: String, text: &str, report: &mut Report) -> Option<Template> {
        let body = TemplateBody::of(text, name.clone());
        if let TemplateBody::Named(_) = body {
            if let Err(error) = self.engine.add_template_owned(name, text.to_owned()) {
                report.push(super::template::broken(self.document, pointer, text, &error));
                return None;
            }
            if !self.check_reads(pointer, text, report) {
                return None;
            }
            let check = |names| {
                let names = Context::from(Serde(names));
                comparisons::check_template(self.document, pointer, text, (&names, &[]))
            };
            if let Some(found) = comparisons::always(text, self.sampled.iter().map(check)) {
                report.push(found);
                return None;
            }
        }
        let read = reads(text);
        let phrases = self.phrase_names.iter().enumerate();
        let phrases = phrases.filter(|(_, name)| read.iter().any(|read| reads_phrase(read) == Some(name.as_str())));
        Some(Template { body, phrases: phrases.map(|(at, _)| at).collect(), pointer: pointer.to_owned() })
    }

    /// What a text reads of the entries of a list that they do not have.
    fn misread_entries(&self, pointer: &str, text: &str) -> Option<Diagnostic> {
        let lists = self.slot_specs().into_iter().filter(|(_, slot)| !slot.of.is_empty());
        lists.into_iter().find_map(|(name, slot)| {
            let known: Vec<&str> = slot.of.keys().map(String::as_str).collect();
            super::attributes::unknown(self.document, pointer, text, (name, &known))
        })
    }

    /// Whether a name is that of the environment's constants.
    pub(super) fn is_data(&self, name: &str) -> bool {
        name == DATA && !self.parts.environment.data.is_empty() && !self.slot_names.iter().any(|slot| slot == DATA)
    }

    /// What exists where a dotted name reads a part of a slot, or a right decision, that does not exist.
    pub(super) fn misread_part(&self, name: &str) -> Option<(String, Vec<String>)> {
        let mut parts = name.split('.');
        let (first, part) = (parts.next()?, parts.next()?);
        let known: Vec<String> = if JUDGED.contains(&first) {
            self.parts.decisions.iter().map(|column| column.name.clone()).collect()
        } else if self.is_data(first) {
            self.parts.environment.data.keys().cloned().collect()
        } else {
            let slot =
                self.slot_specs().get(first).copied().filter(|slot| slot.pick.is_some() || slot.from.is_some())?;
            let of = slot.otherwise.iter().filter_map(Value::as_object).flat_map(|map| map.keys().cloned());
            let columns = self.columns.iter().filter_map(|column| column.name.strip_prefix(first)?.strip_prefix('.'));
            let columns = columns.map(|rest| rest.split('.').next().unwrap_or(rest).to_owned());
            columns.chain(of).collect()
        };
        (!known.is_empty() && !known.iter().any(|one| one == part)).then(|| (part.to_owned(), known))
    }

    /// Checks the names that a template reads; returns whether all of them exist.
    fn check_reads(&self, pointer: &str, text: &str, report: &mut Report) -> bool {
        let mut names: Vec<String> = reads(text).into_iter().collect();
        names.sort_by_key(|name| (text.find(name.as_str()).unwrap_or(usize::MAX), name.clone()));
        let mut sound = true;
        let mut refuse = |message: String, hint: Option<casebook_syntax::diagnostic::Hint>| {
            sound = false;
            report.push(self.document.at(Code::BadTemplate, pointer, message).maybe_hint(hint));
        };
        for name in &names {
            let first = name.split('.').next().unwrap_or_default();
            if name == "phrase" {
                refuse(
                    "the template reads `phrase` as a whole".to_owned(),
                    Some("name one, such as `phrase.opening`".into()),
                );
            } else if let Some(phrase) = reads_phrase(name) {
                if !self.phrase_names.iter().any(|known| known == phrase) {
                    let known = self.phrase_names.iter().map(String::as_str);
                    refuse(
                        format!("the template reads `phrase.{phrase}`, which does not exist"),
                        suggest(phrase, known),
                    );
                }
            } else if !(self.slot_names.iter().any(|known| known == first)
                || GLOBALS.contains(&first)
                || self.is_data(first)
                || pointer.starts_with("/labels/") && JUDGED.contains(&first))
            {
                let known: Vec<&str> = self.slot_names.iter().map(String::as_str).collect();
                let hint = if self.phrase_names.iter().any(|known| known == first) {
                    Some(format!("write `phrase.{first}`").into())
                } else {
                    suggest(first, known.iter().copied())
                        .or_else(|| list(&known).map(|names| format!("what exists: {names}").into()))
                };
                refuse(format!("the template reads `{first}`, which is not a slot"), hint);
            } else if let Some((part, known)) = self.misread_part(name) {
                refuse(
                    format!("the template reads `{name}`, which does not exist"),
                    suggest(&part, known.iter().map(String::as_str)),
                );
            }
        }
        if let Some(found) = self.misread_entries(pointer, text) {
            report.push(found);
            return false;
        }
        sound
    }
}

/// The phrase that a dotted name reads.
fn reads_phrase(name: &str) -> Option<&str> {
    name.strip_prefix("phrase.").map(|rest| rest.split('.').next().unwrap_or(rest))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
fn millionths(share: spec::Share) -> u64 {
    (share.0 * 1e6).round() as u64
}

/// A digest together with those of data files.
pub(super) fn digest(digest: String, data: &[&SourceFile]) -> String {
    if data.is_empty() {
        return digest;
    }
    let all: Vec<String> = std::iter::once(digest).chain(data.iter().map(|file| file.digest())).collect();
    casebook_runtime::hash::sha256(all.join("\n").as_bytes())
}
