//! The graders: one file each, one line each in [`build`].

mod balanced_accuracy;
mod completion;
mod exact;
mod expression;
mod invalid_actions;
mod keywords;
mod matrix;
mod plugin;
mod rank_correlation;
mod steps;
mod text_shape;
mod tool_calls;
mod unfinished;

use std::sync::Arc;

use casebook_runtime::names::list;
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};
pub(super) use expression::build as expression;
pub use keywords::KeywordPool;

use super::{RowGrader, WholeGrader};
use crate::{
    model::{Column, ColumnKind},
    plugin::Declared,
};

/// A grader, ready to run.
pub(super) enum Built {
    Row(Arc<dyn RowGrader>),
    Whole(Arc<dyn WholeGrader>),
}

/// Where a grader stands while it is built.
pub(super) struct Site<'a> {
    pub document: &'a Document,
    pub pointer: &'a str,
    pub decisions: &'a [Column],
    /// The fields of items.
    pub fields: &'a Arc<[Column]>,
    /// The names of the reward's components.
    pub components: &'a [String],
    /// The names of the environment's tools.
    pub tools: &'a [String],
    /// The environment's plugins; `None` for one that was refused.
    pub plugins: &'a Declared,
    /// Whether it stands in the reward, not in the score.
    pub reward: bool,
    /// Whether an action decides about one item, once.
    pub single: bool,
}

/// Builds a grader from what was written.
pub(super) fn build(grader: &spec::Grader, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    use spec::Grader as G;
    match grader {
        G::Exact(params) => exact::build(params, site, report),
        G::Matrix(params) => matrix::build(params, site, report),
        G::Near(params) => matrix::build_near(params, site, report),
        G::RankCorrelation(params) => rank_correlation::build(params, site, report),
        G::Keywords(params) => keywords::build(params, site, report),
        G::Length(params) => text_shape::build_length(params, site, report),
        G::Phrases(params) => text_shape::build_phrases(params, site, report),
        G::BalancedAccuracy(params) => balanced_accuracy::build(params, site, report),
        G::Completion(params) => Some(completion::build(params)),
        G::Unfinished(params) => Some(unfinished::build(params)),
        G::InvalidActions(params) => Some(invalid_actions::build(params)),
        G::ToolCalls(params) => tool_calls::build(params, site, report),
        G::PluginGrader(params) => plugin::build(params, site, report),
        G::Steps(params) => steps::build(params, site, report),
        // The rubric keeps what it computes, and makes it.
        G::Expression(_) => None,
    }
}

impl Site<'_> {
    /// Finds the decision that a grader is about and checks its type.
    fn decision(&self, name: &str, kinds: &[ColumnKind], report: &mut Report) -> Option<usize> {
        self.decision_at(format!("{}/field", self.pointer), name, kinds, report)
    }

    /// Finds the decision that is named at a place, and checks its type.
    fn decision_at(&self, path: String, name: &str, kinds: &[ColumnKind], report: &mut Report) -> Option<usize> {
        let Some(at) = self.decisions.iter().position(|column| column.name == name) else {
            let names = self.decisions.iter().map(|column| column.name.as_str());
            report.push(
                self.document
                    .at(Code::UnknownName, path, format!("there is no decision `{name}`"))
                    .maybe_hint(suggest(name, names)),
            );
            return None;
        };
        let kind = self.decisions[at].kind;
        if !kinds.is_empty() && !kinds.contains(&kind) {
            let wanted: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
            let suited: Vec<&str> = self
                .decisions
                .iter()
                .filter(|column| kinds.contains(&column.kind))
                .map(|column| column.name.as_str())
                .collect();
            let cure = list(&suited).map_or_else(
                || "remove it, or use another grader".to_owned(),
                |names| format!("name one that suits the grader: {names}"),
            );
            let several = if wanted.len() > 1 { "one of the types" } else { "the type" };
            report.push(
                self.document
                    .at(Code::BadGrader, path, format!("the decision `{name}` is of type `{}`", kind.name()))
                    .label(format!("expected a decision of {several} {}", list(&wanted).unwrap_or_default()))
                    .hint(cure),
            );
            return None;
        }
        Some(at)
    }

    /// Finds a value of a decision.
    fn value(&self, decision: usize, name: &str, path: String, report: &mut Report) -> Option<usize> {
        let column = &self.decisions[decision];
        let found = column.values.iter().position(|value| value == name);
        if found.is_none() {
            report.push(
                self.document
                    .at_key(Code::UnknownName, path, format!("`{}` has no value `{name}`", column.name))
                    .maybe_hint(suggest(name, column.values.iter().map(String::as_str))),
            );
        }
        found
    }

    /// Refuses a grader that only makes sense over a whole episode.
    fn only_in_score(&self, grader: &str, report: &mut Report) -> Option<()> {
        if self.reward {
            report.push(
                self.document
                    .at(
                        Code::BadGrader,
                        format!("{}/grader", self.pointer),
                        format!("`{grader}` looks at the whole episode and cannot reward a single step"),
                    )
                    .hint("move it under `score`, or set `mode: best_so_far` so that the score itself is the reward"),
            );
            return None;
        }
        Some(())
    }
}
