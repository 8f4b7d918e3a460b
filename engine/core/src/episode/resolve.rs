//! From an action to what it would change, or why it may not; nothing changes here.

use std::sync::Arc;

use minijinja::{Value as Context, context, value::Serde};
use serde_json::Value;

use super::{ActionProblem, Episode, PathPart, ProblemKind, StepError, tell::render};
use crate::{
    model::{ColumnKind, Datum, Row},
    scenario::{action::Proposal, templates::ItemView, tools::Call},
};

/// Decisions that a step is about to make, and those that it may not.
pub(super) struct Resolved {
    pub(super) rows: Vec<(usize, Vec<Option<Datum>>)>,
    pub(super) invalid: u32,
    pub(super) call: Option<Answer>,
}

/// What a tool is about to answer.
pub(super) struct Answer {
    pub(super) tool: usize,
    pub(super) reveals: Vec<(usize, usize)>,
    pub(super) result: String,
}

impl Episode {
    /// Finds the rows that proposals are about; refuses what the pack refuses, before anything changes.
    pub(super) fn resolve(&self, proposals: &[Proposal<'_>]) -> Result<Resolved, StepError> {
        let declaration = &self.pack.action.declaration;
        let mut resolved = Resolved { rows: Vec::with_capacity(proposals.len()), invalid: 0, call: None };
        let mut problems = Vec::new();
        let mut entries = Vec::with_capacity(proposals.len());
        for (at, proposal) in proposals.iter().enumerate() {
            let row = match proposal.item {
                None => self.first_open(),
                Some(id) => self.items.iter().position(|item| item.id == id),
            };
            let open = row.filter(|row| {
                let again = resolved.rows.iter().any(|(other, _)| other == row);
                !again && (declaration.revise || !self.rows[*row].is_decided())
            });
            match open {
                Some(row) => {
                    entries.push(at);
                    resolved.rows.push((row, self.in_play(&proposal.cells)));
                }
                None if declaration.refuse_unknown => problems.push(self.item_problem(at, proposal.item, row)),
                None => resolved.invalid += 1,
            }
        }
        problems.extend(self.rank_problems(&entries, &resolved.rows));
        if problems.is_empty() { Ok(resolved) } else { Err(StepError::Invalid(problems)) }
    }

    /// Finds what a tool answers; nothing changes yet.
    pub(super) fn answer(&self, call: &Call<'_>) -> Result<Resolved, Box<ActionProblem>> {
        let tool = &self.pack.action.tools[call.tool];
        let problem = |path: &str, message: String, input: Value| {
            let path = path.split('/').map(|key| PathPart::Key(key.to_owned())).collect();
            Box::new(ActionProblem { kind: ProblemKind::Conflict, path, message, input, limit: None })
        };
        let called = self.steps.iter().filter(|step| step.tool == Some(call.tool)).count();
        if let Some(limit) = tool.limit.filter(|limit| called >= *limit as usize) {
            let message = format!("the tool `{}` answers {limit} times an episode", tool.name);
            return Err(problem("tool_name", message, tool.name.as_str().into()));
        }
        let mut row = None;
        if let Some((argument, _)) = &tool.item {
            row = match call.item {
                None => self.first_open(),
                Some(id) => self.items.iter().position(|item| item.id == id),
            };
            if row.is_none() {
                let refused = self.item_problem(0, call.item, None);
                return Err(problem(&format!("arguments/{argument}"), refused.message, refused.input));
            }
        }
        let reveals: Vec<(usize, usize)> =
            row.into_iter().flat_map(|row| tool.reveals.iter().map(move |field| (row, *field))).collect();
        let view = row.map(|row| {
            let more = reveals.iter().map(|(_, field)| *field);
            Context::from_object(ItemView {
                item: Arc::clone(&self.items[row]),
                fields: Arc::clone(&self.pack.fields),
                revealed: self.revealed_of(row).chain(more).collect(),
            })
        });
        let arguments = Context::from(Serde(Value::Object(call.arguments.cloned().unwrap_or_default())));
        let result = render(&self.pack, &tool.template, context! { item => view, arguments });
        Ok(Resolved { rows: Vec::new(), invalid: 0, call: Some(Answer { tool: call.tool, reveals, result }) })
    }

    /// Drops the cells whose `when` is not met.
    fn in_play(&self, cells: &[Option<Datum>]) -> Vec<Option<Datum>> {
        let row = Row { cells: cells.to_vec() };
        self.pack
            .decisions
            .iter()
            .zip(cells)
            .map(|(column, cell)| cell.clone().filter(|_| row.in_play(column)))
            .collect()
    }

    /// Finds ranks that two rows would have once all decisions are made, so that one action may swap two ranks.
    fn rank_problems(&self, entries: &[usize], decided: &[(usize, Vec<Option<Datum>>)]) -> Vec<ActionProblem> {
        let mut problems = Vec::new();
        for (at, column) in self.pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::Rank)
        {
            for (number, (row, cells)) in decided.iter().enumerate() {
                let Some(rank) = &cells[at] else { continue };
                let earlier =
                    decided[..number].iter().find(|(_, other)| other[at].as_ref() == Some(rank)).map(|(row, _)| *row);
                let kept = || {
                    let untouched = |other: &usize| decided.iter().all(|(row, _)| row != other);
                    (0..self.rows.len()).filter(untouched).find(|other| self.rows[*other].cell(at) == Some(rank))
                };
                if let Some(holder) = earlier.or_else(kept).filter(|holder| holder != row) {
                    let input = rank.to_json(column);
                    problems.push(ActionProblem {
                        kind: ProblemKind::Conflict,
                        path: self.pack.action.path(entries[number], self.pack.action.property_of(at)),
                        message: format!(
                            "the rank {input} is taken by `{}`; every {} has its own",
                            self.items[holder].id, self.pack.noun
                        ),
                        input,
                        limit: None,
                    });
                }
            }
        }
        problems
    }

    fn item_problem(&self, entry: usize, id: Option<&str>, row: Option<usize>) -> ActionProblem {
        let noun = &self.pack.noun;
        let message = match (id, row) {
            (Some(id), Some(_)) => format!("the {noun} `{id}` has been decided"),
            (Some(id), None) => {
                let near = crate::diagnostic::nearest(id, self.items.iter().map(|item| item.id.as_str()));
                format!(
                    "there is no {noun} `{id}`{}",
                    near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
                )
            }
            (None, _) => format!("no {noun} is open"),
        };
        ActionProblem {
            kind: ProblemKind::Conflict,
            path: self.pack.action.path(entry, self.pack.action.item_property()),
            message,
            input: id.map_or(Value::Null, Value::from),
            limit: None,
        }
    }
}
