//! From an action to what it would change, or why it may not; nothing changes here.

use minijinja::{Value as Context, value::Serde};
use serde_json::{Value, json};
use smallvec::SmallVec;

use super::{
    ActionProblem, Episode, Outcome, ProblemKind, StepError,
    call::Unanswered,
    scope::{Changes, Fault},
};
use crate::{
    model::{Cells, Datum, counting},
    scenario::{
        action::{Form, Intent, Proposal, Role},
        tools::ToolFailure,
    },
    value::ValueType,
};

/// What a step is about to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Resolved {
    /// Decisions, by row.
    pub(super) rows: SmallVec<[(usize, Cells); 1]>,
    /// Decisions and calls that may not be made.
    pub(super) invalid: u32,
    /// What those decisions would have been.
    pub(super) void: Vec<Cells>,
    /// The entries of the action that decide something, by position.
    pub(super) entries: SmallVec<[usize; 1]>,
    /// The tool that is called, by position.
    pub(super) tool: Option<usize>,
    /// The row that the call is about.
    pub(super) about: Option<usize>,
    /// Hidden fields that become visible: row and column.
    pub(super) reveals: Vec<(usize, usize)>,
    pub(super) outcome: Outcome,
    pub(super) changes: Changes,
    /// The action with its defaults, where something reads it.
    pub(super) action: Option<Box<Value>>,
}

impl Resolved {
    /// Whether it only asks for the list of the tools.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.outcome, Outcome::Listed)
    }
}

impl Episode {
    /// Finds what an action is about to do; refuses what the pack refuses, before anything changes.
    pub(super) fn intend(&self, action: &Value, intent: Intent<'_>) -> Result<Resolved, StepError> {
        match intent {
            Intent::Decide(proposals) => {
                let mut resolved = self.resolve(proposals)?;
                let kept = self.keeps_actions || !self.pack.action.effects.is_empty();
                if kept {
                    let action = self.completed(action, &resolved);
                    self.act(action, &mut resolved)?;
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
                Err(Unanswered::Broken(text)) => Err(StepError::Broken(text)),
                Err(Unanswered::Failed(failure)) if self.pack.action.form == Form::Tools => Ok(Resolved {
                    invalid: 1,
                    outcome: Outcome::called(call.name, Err(failure)),
                    ..Resolved::default()
                }),
                Err(Unanswered::Failed(ToolFailure { problems, .. })) if !problems.is_empty() => {
                    Err(StepError::Invalid(problems))
                }
                Err(Unanswered::Failed(ToolFailure { cause: Some(cause), .. })) => Err(StepError::Broken(cause)),
                Err(Unanswered::Failed(failure)) => Err(StepError::Failed(failure.message)),
            },
        }
    }

    /// An action as expressions read it: with the item that it means, with defaults, and of a batch what decides something.
    fn completed(&self, action: &Value, resolved: &Resolved) -> Value {
        let declaration = &self.pack.action.declaration;
        let complete = |entry: &Value, row: Option<usize>| {
            let whole = declaration.properties.iter().map(|property| {
                let given = entry.get(&property.name).filter(|value| !value.is_null()).cloned();
                let value = given.unwrap_or_else(|| match (property.role, &property.parameter) {
                    (Role::Item, _) => row.map_or(Value::Null, |row| self.items[row].id.as_str().into()),
                    (_, Some(parameter)) => parameter.default.clone().unwrap_or_default(),
                    _ => Value::Null,
                });
                (property.name.clone(), value)
            });
            Value::Object(whole.collect())
        };
        let rows = resolved.rows.iter().map(|(row, _)| *row);
        match &declaration.list {
            None => complete(action, rows.into_iter().next()),
            Some(list) => {
                let entries = resolved.entries.iter().zip(rows);
                let entries: Vec<Value> =
                    entries.map(|(at, row)| complete(&action[list.as_str()][*at], Some(row))).collect();
                json!({ list.as_str(): entries })
            }
        }
    }

    /// Adds what an action does besides deciding; one that decides about no item does nothing.
    fn act(&self, action: Value, resolved: &mut Resolved) -> Result<(), StepError> {
        let effects = &self.pack.action.effects;
        let idle = self.pack.action.form == Form::Decisions && resolved.rows.is_empty();
        if !effects.is_empty() && !idle {
            let item = self.item_view(resolved.rows.first().map(|(row, _)| *row));
            let scope = self.scope([("action", Context::from(Serde(&action))), ("item", item)]);
            resolved.changes = self.changes(effects, &scope).map_err(|fault| match fault {
                Fault::Told(text) => StepError::Failed(text),
                Fault::Broken(text) => StepError::Broken(text),
            })?;
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
        let mut reasons: Vec<String> = Vec::new();
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
                    resolved.entries.push(at);
                    resolved.rows.push((row, self.in_play(proposal.cells)));
                }
                None if declaration.refuse_unknown => problems.push(self.item_problem(at, proposal.item, row)),
                None => {
                    resolved.invalid += 1;
                    reasons.push(self.item_problem(at, proposal.item, row).message);
                    resolved.void.push(self.in_play(proposal.cells));
                }
            }
        }
        if !reasons.is_empty() {
            resolved.outcome = Outcome::Void(reasons.join("; ").into());
        }
        problems.extend(self.rank_problems(&resolved.entries, &resolved.rows));
        if problems.is_empty() { Ok(resolved) } else { Err(StepError::Invalid(problems)) }
    }

    /// Drops the cells whose `when` is not met.
    fn in_play(&self, mut cells: Cells) -> Cells {
        let decisions = &self.pack.decisions;
        if decisions.iter().all(|column| column.when.is_empty()) {
            return cells;
        }
        let holds = |other: usize, values: &[Datum]| {
            Some(cells[other].as_ref().is_some_and(|cell| values.iter().any(|one| one.says(cell))))
        };
        let counts = counting(decisions, holds);
        for (cell, counts) in cells.iter_mut().zip(counts) {
            if !counts {
                *cell = None;
            }
        }
        cells
    }

    /// Finds ranks that two rows would have once all decisions are made, so that one action may swap two ranks.
    fn rank_problems(&self, entries: &[usize], decided: &[(usize, Cells)]) -> Vec<ActionProblem> {
        let mut problems = Vec::new();
        for (at, column) in self.pack.decisions.iter().enumerate().filter(|(_, column)| column.kind == ValueType::Rank)
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
                let near = crate::names::nearest(id, self.items.iter().map(|item| item.id.as_str()));
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
