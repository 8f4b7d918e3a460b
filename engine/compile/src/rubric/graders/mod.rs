//! Graders as written to graders that run: one line each in [`build`], a file for those that take more.

mod close;
mod deadline;
mod judge;
mod matrix;
mod plugin;
mod steps;
mod text_shape;
mod tool_calls;

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    names::list,
    plugin::Judge,
    rubric::{
        RowGrader, WholeGrader,
        graders::{
            BalancedAccuracy, Budget, Collateral, Completion, Efficiency, Exact, Injection, InvalidActions,
            JudgeGrader, KeywordLimits, Keywords, Overlap, RankCorrelation, Share, Unfinished,
        },
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};

use crate::plugin::Declared;

/// A grader, ready to run.
pub(super) enum Built {
    Row(Arc<dyn RowGrader>),
    Whole(Arc<dyn WholeGrader>),
    Judge(Arc<JudgeGrader>),
}

impl Built {
    fn row(grader: impl RowGrader + 'static) -> Self {
        Self::Row(Arc::new(grader))
    }

    fn whole(grader: impl WholeGrader + 'static) -> Self {
        Self::Whole(Arc::new(grader))
    }
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
    /// Who is asked where language models grade.
    pub judge: &'a Judge,
    /// Whether it is part of the reward, not of the score.
    pub reward: bool,
    /// Whether an action decides about one item, once.
    pub single: bool,
}

/// Builds a grader from what was written.
pub(super) fn build(grader: &spec::Grader, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    use spec::Grader as G;
    match grader {
        G::Exact(params) => {
            let column = site.decision(&params.field, &[], report)?;
            Some(Built::row(Exact { column, weigh: params.weigh }))
        }
        G::Close(params) => close::build(params, site, report),
        G::SetF1(params) => {
            let column = site.decision(&params.field, &[ValueType::Set], report)?;
            Some(Built::row(Overlap { column, measure: Share::F1 }))
        }
        G::Jaccard(params) => {
            let column = site.decision(&params.field, &[ValueType::Set], report)?;
            Some(Built::row(Overlap { column, measure: Share::Jaccard }))
        }
        G::Matrix(params) => matrix::build(params, site, report),
        G::Near(params) => matrix::build_near(params, site, report),
        G::RankCorrelation(params) => {
            let kinds = [ValueType::Rank, ValueType::Integer, ValueType::Number];
            let column = site.decision(&params.field, &kinds, report)?;
            site.only_in_score("rank_correlation", report)?;
            Some(Built::whole(RankCorrelation { column, method: params.method }))
        }
        G::Keywords(params) => {
            let column = site.decision(&params.field, &[ValueType::Text], report)?;
            let spec::Keywords { each, most, none, min_characters, limits, .. } = params;
            let spec::KeywordLimits { words, density, foreign, copied } = *limits;
            let limits = KeywordLimits { words, density, foreign, copied };
            let visible = site.fields.iter().enumerate().filter(|(_, field)| field.visible).map(|(at, _)| at).collect();
            let (each, most, none, min_characters) = (*each, *most, *none, *min_characters);
            Some(Built::row(Keywords { column, each, most, none, min_characters, limits, visible }))
        }
        G::Length(params) => text_shape::build_length(params, site, report),
        G::Phrases(params) => text_shape::build_phrases(params, site, report),
        G::BalancedAccuracy(params) => {
            let column = site.decision(&params.field, &[ValueType::Enum], report)?;
            site.only_in_score("balanced_accuracy", report)?;
            Some(Built::whole(BalancedAccuracy { column, classes: site.decisions[column].values.len() }))
        }
        G::Completion(params) => Some(Built::whole(Completion(params.value))),
        G::Unfinished(params) => Some(Built::whole(Unfinished(params.value))),
        G::InvalidActions(params) => Some(Built::whole(InvalidActions(params.each))),
        G::ToolCalls(params) => tool_calls::build(params, site, report),
        G::Budget(params) => {
            site.needs_tools(report)?;
            Some(Built::whole(Budget(params.value)))
        }
        G::Deadline(params) => deadline::build(params, site, report),
        G::Efficiency(params) => {
            site.only_in_score("efficiency", report)?;
            site.needs_best_steps(params.best_steps, report)?;
            Some(Built::whole(Efficiency(params.best_steps)))
        }
        G::Collateral(params) => {
            let column = site.decision(&params.field, &[ValueType::Enum], report)?;
            let value = |(at, name): (usize, &String)| {
                site.value(column, name, format!("{}/values/{at}", site.pointer), &mut *report)
            };
            let values: Vec<Option<usize>> = params.values.iter().enumerate().map(value).collect();
            let values: Vec<usize> = values.into_iter().collect::<Option<_>>()?;
            Some(Built::row(Collateral { column, values }))
        }
        G::Injection(_) => Some(Built::row(Injection)),
        G::Judge(params) => judge::build(params, site, report),
        G::PluginGrader(params) => plugin::build(params, site, report),
        G::Steps(params) => steps::build(params, site, report),
        // The rubric keeps what it computes, and makes it.
        G::Expression(_) => None,
    }
}

impl Site<'_> {
    /// Refuses a grader of calls where there is nothing to call.
    fn needs_tools(&self, report: &mut Report) -> Option<()> {
        if self.tools.is_empty() {
            report.push(
                self.document
                    .at(Code::BadGrader, format!("{}/grader", self.pointer), "the environment has no tools to call")
                    .hint("add `tools:` to the environment, or remove this grader"),
            );
        }
        (!self.tools.is_empty()).then_some(())
    }

    /// Refuses a grader of steps where nothing says how few are enough.
    fn needs_best_steps(&self, given: Option<u32>, report: &mut Report) -> Option<()> {
        if given.is_none() && self.decisions.is_empty() {
            let message = "nothing says how few steps are enough: the environment has no items";
            report.push(
                self.document
                    .at(Code::BadGrader, format!("{}/grader", self.pointer), message)
                    .hint("add `best_steps:` with a number such as `4`"),
            );
            return None;
        }
        Some(())
    }

    /// Finds the decision that a grader is about and checks its type.
    fn decision(&self, name: &str, kinds: &[ValueType], report: &mut Report) -> Option<usize> {
        self.decision_at(format!("{}/field", self.pointer), name, kinds, report)
    }

    /// Finds the decision that is named at a place, and checks its type.
    fn decision_at(&self, path: String, name: &str, kinds: &[ValueType], report: &mut Report) -> Option<usize> {
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
