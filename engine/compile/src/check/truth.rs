//! What is right about an item: its labels, and what rules decide where they say nothing.
//!
//! A decision with `when` has a truth only where it counts: where the truth of the decisions that it depends on meets it.

use std::sync::Arc;

use casebook_runtime::{
    items::{Flaw, Law, Source},
    model::{Column, Datum, Item, Origin, TruthCell},
    rules::Conflict,
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Report},
    spec::Truth,
};

use super::{Parts, forms::Maker};

/// Where the truth of each decision of a pack comes from.
pub(super) fn sources<'a>(parts: &'a Parts<'_>) -> Vec<Source<'a>> {
    let source = |(at, column): (usize, &Column)| {
        let decision = parts.environment.decision.get(&column.name);
        match decision.and_then(|decision| decision.truth.as_ref()) {
            // A formula that was refused would only seem to say nothing.
            Some(Truth { value: Some(_), .. }) if !parts.derived.has_truth(at) => Source::Refused,
            None | Some(Truth { value: Some(_), .. }) => Source::Labels,
            Some(Truth { order_by: Some(_), .. }) => Source::Ranking,
            Some(Truth { rules, .. }) => {
                let whole = rules.as_ref().filter(|rules| !parts.broken_rules.contains(rules));
                let rules = whole.and_then(|rules| parts.rules.get(rules));
                rules.map_or(Source::Refused, |set| Source::Rules(set))
            }
        }
    };
    parts.decisions.iter().enumerate().map(source).collect()
}

impl Maker<'_> {
    /// Settles what is right about the item; every flaw goes to the report.
    pub(super) fn apply_rules(&self, fields: &[Option<Datum>], truth: &mut [TruthCell], report: &mut Report) {
        let sources = sources(self.parts);
        let law = Law { decisions: &self.parts.decisions, sources: &sources, clock: self.clock };
        for flaw in law.settle(fields, truth, self.item.reason.as_deref()) {
            report.push(self.explain(&flaw, truth));
        }
    }

    /// The finding about a flaw.
    pub(super) fn explain(&self, flaw: &Flaw<'_>, truth: &[TruthCell]) -> Diagnostic {
        let id = &self.item.id;
        let name = |column: usize| &self.parts.decisions[column].name;
        let at_item = |code, message| self.document.at(code, &self.pointer, message);
        match flaw {
            Flaw::Unlabelled(column) => {
                at_item(Code::NoTruth, format!("nothing says what `{}` is right for the item `{id}`", name(*column)))
                    .hint(format!(
                        "add `{}:` under `labels:`, or `truth: {{ rules: ... }}` to the decision",
                        name(*column)
                    ))
            }
            Flaw::Conflict(Conflict(first, second)) => at_item(
                Code::Overlap,
                format!(
                    "the rules `{}` and `{}` both match the item `{id}` and differ",
                    first.reason.id, second.reason.id
                ),
            )
            .hint("narrow one of the two, or set `hit: first`"),
            Flaw::Silent(column, rules) => at_item(
                Code::NoTruth,
                format!("no rule of `{}` decides `{}` for the item `{id}`", rules.name, name(*column)),
            )
            .hint("add a rule, a `default`, or a label"),
            Flaw::Contradiction(column, value, reason) => {
                let decision = &self.parts.decisions[*column];
                let label = truth[*column].value.as_ref().map(|label| plain(label, decision)).unwrap_or_default();
                let by = reason.map_or_else(
                    || "the default of the rules".to_owned(),
                    |reason| format!("the rule `{}`", reason.id),
                );
                let message = format!("the label says `{label}`, {by} says `{}`", plain(value, decision));
                self.document
                    .at(Code::Contradiction, format!("{}/labels/{}", self.pointer, decision.name), message)
                    .hint("remove the label, or add `override:` with the reason")
            }
        }
    }

    /// Warns of labels of decisions that count in no form of the item, and of a reason for no difference.
    pub(super) fn check_idle_labels(&self, forms: &[Arc<Item>], report: &mut Report) {
        // What broken rules decide is open.
        if sources(self.parts).iter().any(|source| matches!(source, Source::Refused)) {
            return;
        }
        let overridden = |cell: &TruthCell| matches!(cell.origin, Origin::Override(..));
        if self.item.reason.is_some() && !forms.iter().any(|form| form.truth.iter().any(overridden)) {
            report.push(
                self.document
                    .at_key(
                        Code::NoEffect,
                        format!("{}/override", self.pointer),
                        format!("`override` has no effect: no label of `{}` differs from the rules", self.item.id),
                    )
                    .hint("remove it"),
            );
        }
        for (at, decision) in self.parts.decisions.iter().enumerate() {
            let labelled = self.item.labels.contains_key(&decision.name) && !decision.when.is_empty();
            if !labelled || forms.iter().any(|form| form.truth[at].origin != Origin::Nowhere) {
                continue;
            }
            let names: Vec<&str> =
                decision.when.iter().map(|(other, _)| self.parts.decisions[*other].name.as_str()).collect();
            let message = format!(
                "the label of `{}` has no effect: what is right for `{}` leaves `{0}` out",
                decision.name,
                names.join("`, `")
            );
            report.push(
                self.document
                    .at_key(Code::NoEffect, format!("{}/labels/{}", self.pointer, decision.name), message)
                    .hint("remove it, or change what brings the decision into play"),
            );
        }
    }
}

fn plain(datum: &Datum, column: &Column) -> String {
    let value = datum.to_json(column);
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
