//! Rules as people and agents read them, in two versions: their sentences, reasons, severity, mode and dates.

use std::borrow::Cow;

use casebook_compile::{
    check::Ruled,
    rules::{self, References, sentence},
};
use casebook_runtime::{model::Column, settings::Hit};
use casebook_syntax::{
    diagnostic::Report,
    spec::{self, Content, Document, Kind, Mode, Rule},
};
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    documents::{Change, Difference, Head},
    tree::Found,
};

/// The rules of one document as they are written, whether as a list or as a table.
pub(super) struct Texts<'a> {
    spec: &'a spec::Rules,
    fields: &'a [Column],
    rules: IndexMap<String, Cow<'a, Rule>>,
}

impl<'a> Texts<'a> {
    /// The rules of a pack that have a name.
    pub(super) fn of(ruled: &'a Ruled, name: &str) -> Option<Self> {
        let document = documents(ruled).find(|document| document.content.name() == name)?;
        let Content::Rules(spec) = &document.content else { return None };
        let written =
            rules::written(document, spec, &ruled.fields, &ruled.decisions, &mut Report::default()).into_iter();
        Some(Self { spec, fields: &ruled.fields, rules: written.map(|one| (one.rule.id.clone(), one.rule)).collect() })
    }

    /// A rule as agents read it, without its reason.
    pub(super) fn sentence(&self, id: &str) -> Option<String> {
        let rule = self.rules.get(id)?;
        Some(sentence(
            &Rule { because: None, ..Rule::clone(rule) },
            References { lists: &self.spec.lists, fields: self.fields },
        ))
    }

    /// What is decided when no rule matches, in words.
    pub(super) fn default(&self) -> Option<String> {
        let pairs: Vec<String> =
            self.spec.default.iter().flatten().map(|(name, value)| format!("{name} is {}", plain(value))).collect();
        (!pairs.is_empty()).then(|| format!("In every other case: {}.", pairs.join(" and ")))
    }

    /// What happens when several rules match.
    pub(super) const fn hit(&self) -> &'static str {
        match self.spec.hit {
            Hit::Unique => "unique",
            Hit::First => "first",
            Hit::Collect => "collect",
        }
    }

    /// The rules that are part of the policy text, in their order.
    fn enforced(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values().map(Cow::as_ref).filter(|rule| rule.mode == Mode::Enforce)
    }
}

fn documents(ruled: &Ruled) -> impl Iterator<Item = &Document> {
    ruled.documents.iter().map(|document| &**document).filter(|document| document.content.kind() == Kind::Rules)
}

/// The rules of one name that a version edits, by id, in the order of the new version; none for the default.
pub(super) fn edited(old: &Ruled, new: &Ruled, name: &str) -> Vec<Option<String>> {
    let (Some(before), Some(after)) = (Texts::of(old, name), Texts::of(new, name)) else { return Vec::new() };
    let same = |id: &String| {
        before.rules.get(id).zip(after.rules.get(id)).is_some_and(|(a, b)| a.mode == b.mode)
            && before.sentence(id) == after.sentence(id)
    };
    // Where the first rule decides, the place of one counts; a rule stands elsewhere where those before it are others.
    let place = |texts: &Texts<'_>, id: &String| -> Vec<String> {
        let others = texts.rules.keys().take_while(|other| *other != id);
        others.filter(|other| before.rules.contains_key(*other) && after.rules.contains_key(*other)).cloned().collect()
    };
    let ordered = [&before, &after].iter().any(|texts| texts.spec.hit == Hit::First)
        && !before
            .rules
            .keys()
            .filter(|id| after.rules.contains_key(*id))
            .eq(after.rules.keys().filter(|id| before.rules.contains_key(*id)));
    let moved = |id: &String| {
        ordered && {
            let (mut a, mut b) = (place(&before, id), place(&after, id));
            a.sort_unstable();
            b.sort_unstable();
            a != b
        }
    };
    let ids = after.rules.keys().chain(before.rules.keys().filter(|id| !after.rules.contains_key(*id)));
    let mut all: Vec<Option<String>> = ids.filter(|id| !same(id) || moved(id)).cloned().map(Some).collect();
    all.extend((before.default() != after.default()).then_some(None));
    all
}

/// What rules contain besides what they decide, where the two versions differ.
pub(super) fn differences(old: &Ruled, new: &Ruled) -> Vec<Difference> {
    let mut all = Vec::new();
    for document in documents(new) {
        let name = document.content.name();
        let (Some(before), Some(after)) = (Texts::of(old, name), Texts::of(new, name)) else { continue };
        for (id, rule) in &after.rules {
            if let Some(known) = before.rules.get(id) {
                of_rule(name, known, rule, &mut all);
            }
        }
        policy(name, &before, &after, &mut all);
    }
    all
}

fn of_rule(set: &str, before: &Rule, after: &Rule, all: &mut Vec<Difference>) {
    let subject = format!("rule `{}` of `{set}`", after.id);
    let on_trial = before.mode == Mode::Test && after.mode == Mode::Test;
    let mut add = |head: Head, key: &str, old: Option<Value>, new: Option<Value>| {
        if old == new {
            return;
        }
        let change = match (&old, &new) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        };
        let found = Found { key: key.to_owned(), change, old, new };
        let difference = Difference::new(head, subject.clone(), found);
        // What is on trial stands in no policy text and beside no score.
        all.push(Difference { counts: difference.counts && !on_trial, ..difference });
    };
    let text = |text: &Option<String>| text.clone().map(Value::String);
    add(Head::Reasons, "because", text(&before.because), text(&after.because));
    add(Head::Severity, "severity", json(before.severity), json(after.severity));
    add(Head::Mode, "mode", json(before.mode), json(after.mode));
    add(Head::Dates, "from", text(&before.from), text(&after.from));
    add(Head::Dates, "until", text(&before.until), text(&after.until));
}

/// What agents read otherwise although no rule was edited: the order of the lines.
fn policy(set: &str, before: &Texts<'_>, after: &Texts<'_>, all: &mut Vec<Difference>) {
    let both = |own: &Texts<'_>, other: &Texts<'_>| -> Vec<String> {
        let kept = |rule: &&Rule| other.rules.get(&rule.id).is_some_and(|other| other.mode == Mode::Enforce);
        own.enforced().filter(kept).map(|rule| rule.id.clone()).collect()
    };
    // A rule that is written as before may be read otherwise where a field is declared otherwise.
    let written = |rule: &Rule| json((&rule.when, &rule.except, &rule.then, &rule.from, &rule.until, rule.mode));
    for rule in after.enforced().filter(|_| before.spec.lists == after.spec.lists) {
        let (old, new) = (before.sentence(&rule.id), after.sentence(&rule.id));
        let same = before.rules.get(&rule.id).is_some_and(|known| written(known) == written(rule));
        if same && old != new {
            let (old, new) = (old.map(Value::String), new.map(Value::String));
            let found = Found { key: String::new(), change: Change::Changed, old, new };
            all.push(Difference::new(Head::PolicyText, format!("rule `{}` of `{set}`", rule.id), found));
        }
    }
    let (old, new) = (both(before, after), both(after, before));
    if old != new && after.spec.hit != Hit::First {
        let list = |ids: Vec<String>| Some(Value::from(ids));
        let found = Found { key: "order".to_owned(), change: Change::Reordered, old: list(old), new: list(new) };
        all.push(Difference::new(Head::PolicyText, format!("rules `{set}`"), found));
    }
}

fn json(value: impl serde::Serialize) -> Option<Value> {
    serde_json::to_value(value).ok()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
