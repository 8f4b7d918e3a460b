//! From an action to what it would change, or why it may not; nothing changes here.

use minijinja::{Value as Context, value::Serde};
use serde_json::Value;
use smallvec::SmallVec;

use super::{ActionProblem, Episode, Outcome, ProblemKind, StepError, call::Unanswered, scope::Changes};
use crate::{
    model::{Cells, ColumnKind, Row},
    scenario::{
        action::{Form, Intent, Proposal},
        tools::ToolFailure,
    },
};

/// What a step is about to do.
#[derive(Default)]
pub(super) struct Resolved {
    /// Decisions, by row.
    pub(super) rows: SmallVec<[(usize, Cells); 1]>,
    /// Decisions and calls that may not be made.
    pub(super) invalid: u32,
    /// The tool that is called, by position.
    pub(super) tool: Option<usize>,
    /// Hidden fields that become visible: row and column.
    pub(super) reveals: Vec<(usize, usize)>,
    pub(super) outcome: Outcome,
    pub(super) changes: Changes,
    /// The action with its defaults, where something reads it.
    pub(super) action: Option<Box<Value>>,
}

impl Episode {
    /// Finds what an action is about to do; refuses what the pack refuses, before anything changes.
    pub(super) fn intend(&self, action: &Value, intent: Intent<'_>) -> Result<Resolved, StepError> {
        match intent {
            Intent::Decide(proposals) => {
                let mut resolved = self.resolve(proposals)?;
                let kept = self.keeps_actions || !self.pack.action.effects.is_empty();
                if kept {
                    self.act(action.clone(), &mut resolved)?;
                }
                Ok(resolved)
            }
            Intent::Act(values) => {
                let mut resolved = Resolved::default();
                self.act(Value::Object(values), &mut resolved)?;
                Ok(resolved)
            }
            Intent::List => Ok(Resolved { outcome: Outcome::Listed, ..Resolved::default() }),
            Intent::Call(call) => match self.answer(&call) {
                Ok(resolved) => Ok(resolved),
                Err(Unanswered::Broken(text)) => Err(StepError::Failed(text)),
                Err(Unanswered::Failed(failure)) if self.pack.action.form == Form::Tools => Ok(Resolved {
                    invalid: 1,
                    outcome: Outcome::called(call.name, Err(failure)),
                    ..Resolved::default()
                }),
                Err(Unanswered::Failed(ToolFailure { problems, .. })) if !problems.is_empty() => {
                    Err(StepError::Invalid(problems))
                }
                Err(Unanswered::Failed(failure)) => Err(StepError::Failed(failure.message)),
            },
        }
    }

    /// Adds what an action does besides deciding.
    fn act(&self, action: Value, resolved: &mut Resolved) -> Result<(), StepError> {
        let effects = &self.pack.action.effects;
        if !effects.is_empty() {
            let scope = self.scope([("action", Context::from(Serde(&action)))]);
            resolved.changes = self.changes(effects, &scope).map_err(StepError::Failed)?;
        }
        if self.keeps_actions {
            resolved.action = Some(Box::new(action));
        }
        Ok(())
    }

    /// Finds the rows that proposals are about; refuses what the pack refuses, before anything changes.
    fn resolve(&self, proposals: SmallVec<[Proposal<'_>; 1]>) -> Result<Resolved, StepError> {
        let declaration = &self.pack.action.declaration;
        let mut resolved = Resolved { rows: SmallVec::with_capacity(proposals.len()), ..Resolved::default() };
        let mut problems = Vec::new();
        let mut entries = SmallVec::<[usize; 8]>::with_capacity(proposals.len());
        for (at, proposal) in proposals.into_iter().enumerate() {
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
                    resolved.rows.push((row, self.in_play(proposal.cells)));
                }
                None if declaration.refuse_unknown => problems.push(self.item_problem(at, proposal.item, row)),
                None => resolved.invalid += 1,
            }
        }
        problems.extend(self.rank_problems(&entries, &resolved.rows));
        if problems.is_empty() { Ok(resolved) } else { Err(StepError::Invalid(problems)) }
    }

    /// Drops the cells whose `when` is not met.
    fn in_play(&self, cells: Cells) -> Cells {
        let mut row = Row { cells };
        let columns = self.pack.decisions.iter().enumerate();
        // All are judged before one is dropped, for one may be another's `when`.
        let dropped: SmallVec<[usize; 8]> =
            columns.filter(|(at, column)| row.cells[*at].is_some() && !row.in_play(column)).map(|(at, _)| at).collect();
        for at in dropped {
            row.cells[at] = None;
        }
        row.cells
    }

    /// Finds ranks that two rows would have once all decisions are made, so that one action may swap two ranks.
    fn rank_problems(&self, entries: &[usize], decided: &[(usize, Cells)]) -> Vec<ActionProblem> {
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

    pub(super) fn item_problem(&self, entry: usize, id: Option<&str>, row: Option<usize>) -> ActionProblem {
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
