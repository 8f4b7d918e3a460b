//! What agents can read of the slots of a generator: hidden fields that a visible one shows, hidden fields of which no text
//! says anything although it should, and what nothing reads.

use std::collections::{BTreeMap, BTreeSet};

use casebook_runtime::{
    expression::names_read,
    names::list,
    scenario::templates::{reads, sole_expression},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Alternative, Document, Slot},
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{Builder, reads_phrase};
use crate::check::sight::fields_of;

/// Texts that a finding quotes.
const QUOTED: usize = 3;

/// What of a generator something reads, on any level.
#[derive(Debug, Default)]
pub(super) struct Used {
    slots: BTreeSet<String>,
    phrases: BTreeSet<String>,
    pools: BTreeSet<String>,
}

impl Used {
    fn names(&mut self, names: impl IntoIterator<Item = String>) {
        for name in names {
            match reads_phrase(&name) {
                Some(phrase) => self.phrases.insert(phrase.to_owned()),
                None => self.slots.insert(root(&name).to_owned()),
            };
        }
    }

    fn condition(&mut self, when: Option<&spec::Condition>) {
        self.slots.extend(when.into_iter().flat_map(asked).map(|name| root(&name).to_owned()));
    }

    fn slot(&mut self, slot: &Slot) {
        self.condition(slot.when.as_ref());
        self.names(slot.compute.iter().flat_map(|text| names_of_expression(text)));
        self.pools.extend(slot.from.clone());
        slot.of.values().for_each(|inner| self.slot(inner));
    }

    /// Reports the slots, phrases and pools of a generator that nothing reads.
    pub(super) fn report(&self, document: &Document, spec: &spec::Generator, report: &mut Report) {
        let parts: [(&str, Vec<&String>, &BTreeSet<String>, &str); 3] = [
            (
                "slot",
                spec.slots.keys().collect(),
                &self.slots,
                "read it in a field, a phrase or another slot, or remove it; a name that begins with `_` may stay unread",
            ),
            (
                "phrase",
                spec.phrases.keys().collect(),
                &self.phrases,
                "read it in a field or another phrase, or remove it",
            ),
            ("pool", spec.pools.keys().collect(), &self.pools, "let a slot draw from it (`from: NAME`), or remove it"),
        ];
        for (noun, names, used, hint) in parts {
            for name in names.into_iter().filter(|name| !used.contains(*name) && !name.starts_with('_')) {
                let message = format!("nothing uses the {noun} `{name}`");
                let finding = document.at_key(Code::Unused, format!("/{noun}s/{name}"), message);
                report.push(finding.hint(hint.replace("NAME", name)));
            }
        }
    }
}

/// A text that a field can have, with its place.
struct Text<'a> {
    pointer: String,
    words: &'a str,
    when: Option<&'a spec::Condition>,
    /// The slots that it reads, as dotted names, and the phrases.
    slots: Vec<String>,
    phrases: BTreeSet<String>,
}

impl<'a> Text<'a> {
    fn new(pointer: String, text: &'a str, when: Option<&'a spec::Condition>) -> Self {
        let (mut slots, mut phrases) = (Vec::new(), BTreeSet::new());
        let mut names: Vec<String> = reads(text).into_iter().collect();
        names.sort_unstable();
        for name in names {
            match reads_phrase(&name) {
                Some(phrase) => _ = phrases.insert(phrase.to_owned()),
                None => slots.push(name),
            }
        }
        Self { pointer, words: text, when, slots, phrases }
    }
}

/// A generator of which one level is read.
struct Reading<'a> {
    spec: &'a spec::Generator,
    slots: &'a IndexMap<&'a str, &'a Slot>,
    /// The texts of each phrase.
    phrases: BTreeMap<&'a str, Vec<Text<'a>>>,
}

impl Builder<'_, '_> {
    /// Checks what agents can read of slots, and adds what is read to `used`.
    pub(super) fn check_reading(
        &self,
        slots: &IndexMap<&str, &Slot>,
        phrases: &IndexMap<&str, &spec::Phrase>,
        used: &mut Used,
        report: &mut Report,
    ) {
        let texts = phrases.iter().map(|(name, phrase)| (*name, self.texts(name, phrase)));
        let reading = Reading { spec: self.spec, slots, phrases: texts.collect() };
        reading.note(used);
        let Some(item) = &self.parts.environment.item else { return };
        let is_made = |field: &spec::FieldSpec| field.derive.is_some() || field.count.is_some();
        for (name, field) in item.fields.iter().filter(|(_, field)| !field.visible && !is_made(field)) {
            for (shown, other) in item.fields.iter().filter(|(_, other)| other.visible && !is_made(other)) {
                reading.check_shown(self.document, (name, field), (shown, other), report);
            }
            // What is computed of the item can say anything of it.
            let computed = |from: &String| item.fields.get(from).is_some_and(is_made);
            if !field.read_from.iter().any(computed) {
                reading.check_told(self.document, name, field, report);
            }
        }
    }

    /// The texts of a phrase, each with its place.
    fn texts<'a>(&'a self, name: &str, phrase: &'a spec::Phrase) -> Vec<Text<'a>> {
        let pointer = self.place(&format!("/phrases/{name}"));
        let text = |pointer: String, one: &'a Alternative| Text::new(pointer, one.text(), one.when());
        let below = if matches!(phrase, spec::Phrase::One(_)) { pointer.clone() } else { format!("{pointer}/say") };
        let own = phrase.alternatives().iter().enumerate().map(|(at, one)| {
            let below = format!("{below}/{at}");
            text(if matches!(one, Alternative::Text(_)) { below } else { format!("{below}/say") }, one)
        });
        let read = self.read_phrases.get(name).into_iter().flatten().map(|one| text(format!("{pointer}/file"), one));
        read.chain(own).collect()
    }
}

impl Reading<'_> {
    /// Adds all that is read.
    fn note(&self, used: &mut Used) {
        self.spec.fields.values().for_each(|value| used.names(names_of(value)));
        for label in self.spec.labels.values() {
            match label {
                spec::Label::Value(value) => used.names(names_of(value)),
                spec::Label::Detail(detail) => {
                    detail.value.iter().for_each(|value| used.names(names_of(value)));
                    detail.reference.iter().for_each(|text| used.names(reads(text)));
                    let ways = detail.keywords.iter().flat_map(|keyword| keyword.ways().map(|(_, way)| way));
                    ways.for_each(|way| used.names(reads(way)));
                }
            }
        }
        for text in self.phrases.values().flatten() {
            used.names(text.slots.iter().cloned());
            used.phrases.extend(text.phrases.iter().cloned());
            used.condition(text.when);
        }
        self.slots.values().for_each(|slot| used.slot(slot));
        self.spec.pools.values().flat_map(|pool| pool.slots.values()).for_each(|slot| used.slot(slot));
    }

    /// Warns where a visible field shows the slot of a hidden one that is not meant to be read there.
    fn check_shown(
        &self,
        document: &Document,
        (name, field): (&str, &spec::FieldSpec),
        (shown, other): (&str, &spec::FieldSpec),
        report: &mut Report,
    ) {
        let source = |name: &str| self.spec.fields.get(name).and_then(plain_source);
        let (Some(slot), Some(value)) = (source(name), self.spec.fields.get(shown)) else { return };
        let meant = field.read_from.iter().any(|one| one == shown);
        let leak = |pointer: &str, read: &str| {
            let message =
                format!("the visible field `{shown}` shows the hidden field `{name}`: it reads the slot `{read}`");
            document.at(Code::Shown, pointer, message).hint(cure(name, shown))
        };
        if let Some(read) = source(shown) {
            report.extend((!meant && self.gives(read, slot)).then(|| leak(&format!("/fields/{shown}"), read)));
            return;
        }
        let Value::String(text) = value else { return };
        let text = Text::new(format!("/fields/{shown}"), text, None);
        let word_for_word = field.declared.kind == Some(ValueType::Enum) && other.declared.kind != field.declared.kind;
        for one in self.texts_of(&text) {
            let Some(read) = one.slots.iter().find(|read| self.gives(read, slot)) else { continue };
            // A text with a condition on the slot, or on what that is computed from, says it on purpose.
            let own = self.made_of(slot);
            if one.when.is_some_and(|when| asked(when).iter().any(|asked| own.contains(root(asked)))) {
                continue;
            }
            if !meant {
                report.push(leak(&one.pointer, read));
            } else if word_for_word && prints(one.words, slot) {
                let message = format!("the text gives the hidden field `{name}` word for word");
                report.push(document.at(Code::Shown, &one.pointer, message).hint(format!(
                    "describe it in words, or say for which values it is meant: `when: {{ {slot}: [...] }}`"
                )));
            }
        }
    }

    /// A text and all those of the phrases that it may be made of.
    fn texts_of<'b>(&'b self, first: &'b Text<'b>) -> Vec<&'b Text<'b>> {
        let (mut all, mut seen, mut at) = (vec![first], BTreeSet::new(), 0);
        while let Some(next) = all.get(at).copied() {
            for phrase in &next.phrases {
                if seen.insert(phrase.as_str()) {
                    all.extend(self.phrases.get(phrase.as_str()).into_iter().flatten());
                }
            }
            at += 1;
        }
        all
    }

    /// Whether what is read is a slot or part of it, or shows nothing but it.
    fn gives(&self, read: &str, slot: &str) -> bool {
        let is_part = read.strip_prefix(slot).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let is_shown = || {
            let names = self.slots.get(root(read)).map(|slot| shown_by(slot)).unwrap_or_default();
            // Slots read only those above them.
            !names.is_empty() && names.iter().all(|name| root(name) != root(read) && self.gives(name, slot))
        };
        is_part || is_shown()
    }

    /// Checks that the texts from which agents are to read a hidden field say something about it.
    fn check_told(&self, document: &Document, name: &str, field: &spec::FieldSpec, report: &mut Report) {
        let Some(value) = self.spec.fields.get(name).filter(|_| !field.read_from.is_empty()) else { return };
        let names = names_of(value);
        // A value that is made of texts itself can be anywhere in them.
        if names.is_empty() || names.iter().any(|name| reads_phrase(name).is_some()) {
            return;
        }
        let about = About::new(self, &names);
        let made: Vec<&Value> = field.read_from.iter().filter_map(|from| self.spec.fields.get(from)).collect();
        if made.iter().any(|value| !value.is_string() && names_of(value).iter().any(|name| about.is_about(name))) {
            return;
        }
        let texts = made.into_iter().filter_map(Value::as_str);
        let texts: Vec<Text<'_>> = texts.map(|text| Text::new(String::new(), text, None)).collect();
        let from = list(&field.read_from.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        let at = |message: String| document.at_key(Code::Untold, format!("/fields/{name}"), message);
        if !texts.iter().any(|text| about.tells_at_times(text, &mut BTreeSet::new())) {
            let slot = names.iter().map(|name| root(name)).min().unwrap_or_default();
            let message = format!("agents are to read `{name}` from {from}, and nothing in it depends on `{slot}`");
            report.push(at(message).hint(format!(
                "let a phrase of {from} say it, with texts for each value (`when: {{ {slot}: ... }}`), or remove \
                 `read_from`"
            )));
        } else if !texts.iter().any(|text| about.tells(text, &BTreeSet::new())) {
            let mut silent = Vec::new();
            texts.iter().for_each(|text| about.silent(text, &mut BTreeSet::new(), &mut silent));
            if silent.is_empty() {
                return;
            }
            let mut seen = BTreeSet::new();
            silent.retain(|(phrase, text, _)| seen.insert((phrase.clone(), text.trim())));
            let more = silent.len().saturating_sub(QUOTED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let quoted = silent.iter().take(QUOTED).map(|(phrase, text, is_shared)| {
                let also = if *is_shared { ", which stands for several values" } else { "" };
                format!("`{}` (of `{phrase}`{also})", short(text))
            });
            let quoted = quoted.collect::<Vec<_>>().join(", ");
            let message =
                format!("agents are to read `{name}` from {from}, and some texts leave it open: {quoted}{more}");
            report.push(at(message).hint("give each text a condition on it, and each value texts of its own"));
        }
    }

    /// A slot and all that it is computed from.
    fn made_of(&self, name: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([root(name).to_owned()]);
        let mut open = vec![root(name).to_owned()];
        while let Some(next) = open.pop() {
            let compute = self.slots.get(next.as_str()).and_then(|slot| slot.compute.as_ref());
            for name in compute.iter().flat_map(|text| names_of_expression(text)) {
                let name = root(&name).to_owned();
                if all.insert(name.clone()) {
                    open.push(name);
                }
            }
        }
        all
    }
}

/// What texts say about a hidden field.
struct About<'a> {
    reading: &'a Reading<'a>,
    /// Its slot, and what that is computed from.
    strict: BTreeSet<String>,
    /// The same with the slots on which it depends whether there is a value.
    wide: BTreeSet<String>,
}

impl<'a> About<'a> {
    fn new(reading: &'a Reading<'a>, names: &[String]) -> Self {
        let strict: BTreeSet<String> = names.iter().flat_map(|name| reading.made_of(name)).collect();
        let conditions = strict.iter().filter_map(|name| reading.slots.get(name.as_str())?.when.as_ref());
        let more: Vec<String> = conditions.flat_map(asked).flat_map(|name| reading.made_of(&name)).collect();
        let wide = strict.iter().cloned().chain(more).collect();
        Self { reading, strict, wide }
    }

    fn is_about(&self, name: &str) -> bool {
        self.reading.made_of(name).iter().any(|part| self.strict.contains(part))
    }

    fn asks(&self, text: &Text<'_>, slots: &BTreeSet<String>) -> bool {
        text.when.is_some_and(|when| self.condition_asks(&when.0, slots))
    }

    /// Whether a condition depends on it in every draw.
    fn condition_asks(&self, condition: &Map<String, Value>, slots: &BTreeSet<String>) -> bool {
        condition.iter().any(|(key, value)| match (key.as_str(), value) {
            ("any", Value::Array(parts)) => {
                parts.iter().filter_map(Value::as_object).all(|part| self.condition_asks(part, slots))
            }
            ("all", Value::Array(parts)) => {
                parts.iter().filter_map(Value::as_object).any(|part| self.condition_asks(part, slots))
            }
            ("not", Value::Object(part)) => self.condition_asks(part, slots),
            (name, value) => {
                let one = Map::from_iter([(name.to_owned(), value.clone())]);
                let is_about = |name: &str| slots.contains(root(name)) || self.is_about(name);
                asked(&spec::Condition(one)).iter().any(|name| is_about(name)) && !self.takes_all(name, value)
            }
        })
    }

    /// Whether a condition lists every value that its slot can have.
    fn takes_all(&self, name: &str, value: &Value) -> bool {
        let slot = self.reading.slots.get(name).filter(|slot| slot.when.is_none());
        let listed = value.get("in").unwrap_or(value).as_array();
        let (Some(choices), Some(listed)) = (slot.and_then(|slot| slot.pick.as_ref()), listed) else { return false };
        let drawn = choices.weighted();
        drawn.iter().filter(|(_, weight)| *weight > 0.0).all(|(value, _)| value.is_string() && listed.contains(value))
    }

    /// Whether a text depends on it in some draws.
    fn tells_at_times(&self, text: &Text<'_>, seen: &mut BTreeSet<String>) -> bool {
        text.slots.iter().any(|name| self.is_about(name))
            || text.phrases.iter().any(|phrase| self.phrase_tells_at_times(phrase, seen))
    }

    fn phrase_tells_at_times(&self, phrase: &str, seen: &mut BTreeSet<String>) -> bool {
        seen.insert(phrase.to_owned())
            && self.texts(phrase).iter().any(|one| self.asks(one, &self.strict) || self.tells_at_times(one, seen))
    }

    /// Whether a text depends on it in every draw. Where two phrases say something, they may say it together.
    fn tells(&self, text: &Text<'_>, above: &BTreeSet<String>) -> bool {
        let at_times = |phrase: &&String| self.phrase_tells_at_times(phrase, &mut BTreeSet::new());
        text.slots.iter().any(|name| self.is_about(name))
            || text.phrases.iter().any(|phrase| self.phrase_tells(phrase, above))
            || text.phrases.iter().filter(at_times).count() > 1
    }

    fn phrase_tells(&self, phrase: &str, above: &BTreeSet<String>) -> bool {
        let texts = self.texts(phrase);
        let mut above = above.clone();
        !texts.is_empty()
            && above.insert(phrase.to_owned())
            && texts.iter().all(|one| self.text_tells(phrase, one, &above))
    }

    fn text_tells(&self, phrase: &str, one: &Text<'_>, above: &BTreeSet<String>) -> bool {
        self.asks(one, &self.wide) && !self.is_shared(phrase, one) || self.tells(one, above)
    }

    /// Whether the same words stand for another value as well.
    fn is_shared(&self, phrase: &str, one: &Text<'_>) -> bool {
        let own = |text: &Text<'_>| -> Map<String, Value> {
            let conditions = text.when.into_iter().flat_map(|when| when.0.iter());
            let own = conditions.filter(|(name, _)| self.strict.contains(root(name)));
            own.map(|(name, value)| (name.clone(), value.clone())).collect()
        };
        let mine = own(one);
        let is_other = |other: &Text<'_>| {
            let others = own(other);
            other.words.trim() == one.words.trim() && !others.is_empty() && others != mine
        };
        !mine.is_empty() && self.texts(phrase).iter().any(is_other)
    }

    /// The texts that say nothing about it, in the phrases that say something at times.
    fn silent<'b>(&'b self, text: &Text<'_>, seen: &mut BTreeSet<String>, found: &mut Vec<(String, &'b str, bool)>) {
        for phrase in &text.phrases {
            if !self.phrase_tells_at_times(phrase, &mut BTreeSet::new()) || !seen.insert(phrase.clone()) {
                continue;
            }
            for one in self.texts(phrase).iter().filter(|one| !self.text_tells(phrase, one, &BTreeSet::new())) {
                let before = found.len();
                self.silent(one, seen, found);
                if found.len() == before {
                    found.push((phrase.clone(), one.words, self.is_shared(phrase, one)));
                }
            }
        }
    }

    fn texts(&self, phrase: &str) -> &[Text<'a>] {
        self.reading.phrases.get(phrase).map(Vec::as_slice).unwrap_or_default()
    }
}

/// How a leak is closed, or declared.
fn cure(hidden: &str, shown: &str) -> String {
    format!("leave it out, or add `{shown}` to the `read_from` of `{hidden}` if agents are meant to read it there")
}

/// The slot, or the part of one, that a field is.
pub(super) fn plain_source(value: &Value) -> Option<&str> {
    match value {
        Value::Object(map) => map.get("slot")?.as_str(),
        Value::String(text) => sole_expression(text).map(str::trim).filter(|text| is_path(text)),
        _ => None,
    }
}

/// Whether a template prints a slot as it is.
fn prints(text: &str, slot: &str) -> bool {
    text.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")).any(|(inside, _)| inside.trim() == slot)
}

fn is_path(text: &str) -> bool {
    !text.starts_with("phrase.")
        && text.split('.').all(|part| {
            part.starts_with(|sign: char| sign.is_alphabetic() || sign == '_')
                && part.chars().all(|sign| sign.is_alphanumeric() || sign == '_')
        })
}

/// The dotted names that the source of a field reads.
fn names_of(value: &Value) -> Vec<String> {
    match value {
        Value::Object(map) => map.get("slot").and_then(Value::as_str).map(str::to_owned).into_iter().collect(),
        Value::String(text) => reads(text).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The dotted names that an expression reads.
pub(super) fn names_of_expression(text: &str) -> Vec<String> {
    names_read(&format!("{{{{ {text} }}}}")).into_iter().collect()
}

/// The slots that a slot shows to whoever sees it: those that it is computed from, and those of a condition where the value
/// without it is none of those with it.
fn shown_by(slot: &Slot) -> Vec<String> {
    let computed = slot.compute.iter().flat_map(|text| names_of_expression(text));
    let Some(when) = &slot.when else { return computed.collect() };
    let otherwise = slot.otherwise.as_ref();
    let is_told_apart = match &slot.pick {
        Some(choices) => !choices.weighted().iter().any(|(value, _)| Some(value) == otherwise),
        None => otherwise.is_none(),
    };
    match (is_told_apart, &slot.compute) {
        (true, _) => asked(when),
        (false, Some(_)) => computed.chain(asked(when)).collect(),
        (false, None) => Vec::new(),
    }
}

/// The names that a condition asks for.
fn asked(when: &spec::Condition) -> Vec<String> {
    let mut named = Vec::new();
    fields_of("", &when.0, &mut named);
    named.into_iter().map(|(_, name)| name.to_owned()).collect()
}

fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The beginning of a text.
fn short(text: &str) -> String {
    const LONGEST: usize = 40;
    let text = text.trim();
    if text.chars().count() <= LONGEST {
        text.to_owned()
    } else {
        text.chars().take(LONGEST).collect::<String>() + "..."
    }
}
