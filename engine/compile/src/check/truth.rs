//! What is right about an item: its labels, and what rules decide where they say nothing.
//!
//! A decision with `when` has a truth only where it counts: where the truth of the decisions that it depends on meets it.

use std::sync::Arc;

use casebook_runtime::{
    model::{Column, ColumnKind, Datum, Item, Origin, RuleReason, TruthCell, counting},
    rules::{Conflict, Facts, RuleSet},
};
use casebook_syntax::diagnostic::{Code, Report};

use super::forms::Maker;

/// What rules say about one decision of an item.
enum Ruled<'a> {
    /// No rules decide it.
    Unruled,
    /// They say nothing.
    Silent(&'a RuleSet),
    /// They decide it; without a rule by their default.
    Decided(&'a Datum, Option<&'a Arc<RuleReason>>),
    /// Two of them differ.
    Conflict(Conflict<'a>),
}

impl Maker<'_> {
    /// Fills what labels leave open from the rules, compares what they say both, and drops what does not count.
    pub(super) fn apply_rules(&self, fields: &[Option<Datum>], truth: &mut [TruthCell], report: &mut Report) {
        let decisions = &self.parts.decisions;
        let facts = Facts { fields, clock: self.clock };
        let ruled: Vec<Option<Ruled<'_>>> = (0..decisions.len()).map(|column| self.ruled(column, facts)).collect();
        let value = |at: usize| {
            truth[at].value.as_ref().or(match &ruled[at] {
                Some(Ruled::Decided(value, _)) => Some(*value),
                _ => None,
            })
        };
        let counts = counting(decisions, |other, values| Some(values.contains(value(other)?)));
        for ((column, ruled), counts) in ruled.into_iter().enumerate().zip(counts) {
            match ruled {
                _ if !counts => truth[column] = TruthCell::default(),
                Some(ruled) => self.settle(column, ruled, &mut truth[column], report),
                // The rules were refused.
                None => {}
            }
        }
    }

    /// What rules say about a decision; nothing where the rules could not be compiled.
    fn ruled<'a>(&'a self, column: usize, facts: Facts<'_>) -> Option<Ruled<'a>> {
        let decision = self.parts.environment.decision.get(&self.parts.decisions[column].name);
        let Some(source) = decision.and_then(|decision| decision.truth.as_ref()) else { return Some(Ruled::Unruled) };
        let rules = self.parts.rules.get(&source.rules)?;
        Some(match rules.decide(facts) {
            Err(conflict) => Ruled::Conflict(conflict),
            Ok(decided) => match decided.into_iter().find(|one| one.column == column) {
                Some(one) => Ruled::Decided(one.value, one.rule.map(|rule| &rule.reason)),
                None => Ruled::Silent(rules),
            },
        })
    }

    /// Settles the truth of a decision that counts.
    #[expect(clippy::needless_pass_by_value, reason = "what the rules say is used up here")]
    fn settle(&self, column: usize, ruled: Ruled<'_>, cell: &mut TruthCell, report: &mut Report) {
        let decision = &self.parts.decisions[column];
        let (value, reason) = match ruled {
            Ruled::Unruled => return self.check_label(decision, cell, report),
            Ruled::Conflict(Conflict(first, second)) => {
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
                return;
            }
            Ruled::Silent(_) if cell.value.is_some() => return,
            Ruled::Silent(rules) => {
                report.push(
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
                );
                return;
            }
            Ruled::Decided(value, reason) => (value, reason),
        };
        let pointer = format!("{}/labels/{}", self.pointer, decision.name);
        match &cell.value {
            None => {
                cell.origin = if reason.is_some() { Origin::Rule } else { Origin::Default };
                cell.value = Some(value.clone());
                cell.rule = reason.cloned();
            }
            Some(label) if label.says(value) => {}
            Some(label) => match &self.item.reason {
                Some(why) => cell.origin = Origin::Override(why.as_str().into(), self.lines.of(&pointer)),
                None => report.push(
                    self.document
                        .at(
                            Code::Contradiction,
                            pointer,
                            format!(
                                "the label says `{}`, {} says `{}`",
                                plain(label, decision),
                                reason.map_or_else(
                                    || "the default of the rules".to_owned(),
                                    |reason| format!("the rule `{}`", reason.id)
                                ),
                                plain(value, decision)
                            ),
                        )
                        .hint("remove the label, or add `override:` with the reason"),
                ),
            },
        }
    }

    fn check_label(&self, decision: &Column, cell: &TruthCell, report: &mut Report) {
        if decision.kind != ColumnKind::Text && !cell.is_known() && decision.when.is_empty() {
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

    /// Warns of labels of decisions that count in no form of the item, and of a reason for no difference.
    pub(super) fn check_idle_labels(&self, forms: &[Arc<Item>], report: &mut Report) {
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
