//! One episode: a pure fold over actions.
//!
//! Its state is a function of the pack, the task, the seed and the actions so far. A clone is a fork; playing the same
//! actions again is a replay; there is no other mechanism for either.
//!
//! | File | What it does |
//! |---|---|
//! | `start.rs` | how it begins |
//! | `resolve.rs` | from an action to what it would change, or why it may not |
//! | `again.rs` | steps taken again without reading their actions |
//! | `call.rs` | calls of tools, and what they answer |
//! | `compute.rs` | what plugins answer to calls |
//! | `scope.rs` | what templates and expressions read |
//! | `observe.rs` | observations, logs, feedback, reasons |
//! | `breakdown.rs` | a reward explained |
//! | `score.rs` | a score explained |
//! | `world.rs` | the clock, and items that come later |

mod again;
mod breakdown;
mod call;
mod compute;
mod resolve;
mod scope;
mod score;
mod start;
mod observe;
mod world;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use smallvec::SmallVec;

use crate::settings::{Counter, Explain, ItemsSelection, OnFailure, RewardMode};
pub use again::Intent;
pub use breakdown::{Breakdown, Noted};
pub use call::{Called, FAILED};
pub use observe::render;
use resolve::Resolved;
pub use score::{ItemScore, ScorePart};
pub use start::{Before, ResetError};
pub use world::MILLION;
use world::World;

pub use crate::model::{ActionProblem, Judged, PathPart, ProblemKind};
use crate::{
    model::{Datum, Item, Row, StepFacts},
    plugin::Inputs,
    rubric::{Components, GraderError, Scores, View},
    scenario::{
        Pack, Task,
        action::Form,
        observation::Part,
        tools::{Answered, ToolFailure},
    },
};

/// A running or finished episode. A clone is a fork.
#[derive(Debug, Clone)]
pub struct Episode {
    /// The pack it was started with, kept until its end.
    pack: Arc<Pack>,
    task: Arc<Task>,
    seed: u64,
    /// What the reset was given, defaults included.
    arguments: Arc<Map<String, Value>>,
    items: Vec<Arc<Item>>,
    rows: Vec<Row>,
    steps: Vec<StepFacts>,
    scores: Scores,
    /// The score after the last step, where something needs it.
    score: f64,
    best: f64,
    /// Hidden fields that tools have made visible: row and column.
    revealed: Vec<(usize, usize)>,
    /// What it remembers, by name.
    state: Map<String, Value>,
    /// Whether something reads the last action.
    keeps_actions: bool,
    /// The last action with its defaults, where something reads it.
    action: Option<Box<Value>>,
    /// The result of the last step.
    outcome: Outcome,
    /// The values of the rubric's expressions.
    values: Vec<f64>,
    /// The parts of the observation that are templates or expressions, as JSON.
    parts: Vec<String>,
    /// The instructions as a JSON string, where they depend on the arguments.
    instructions: Option<String>,
    /// The lines of each log, as JSON strings with commas between them.
    logs: SmallVec<[String; 1]>,
    done: bool,
    /// Whether a step may fail when a part of it is done: an expression, a template or a plugin fails.
    can_fail_halfway: bool,
    /// The clock and the items that come later, where the task has some or an action took time.
    world: Option<Box<World>>,
    /// Answers of plugins that are not pure functions.
    inputs: Inputs,
}

/// Why a step fails that failed when it was played before.
const AGAIN: &str = "it failed when it was played before";

/// The result of a step besides decisions.
#[derive(Debug, Clone, Default)]
enum Outcome {
    /// Nothing; also before the first.
    #[default]
    None,
    /// The tools were listed.
    Listed,
    /// A tool was called.
    Called(Box<Made>),
    /// The environment failed, and the step counts all the same; says why, for authors.
    Failed(Box<str>),
    /// The action was invalid, and the step counts all the same; says why, for the agent.
    Invalid(Box<str>),
    /// Decisions of the action were invalid, and count as nothing; says why, for the agent.
    Void(Box<str>),
}

/// A call of a tool that was made.
#[derive(Debug, Clone)]
struct Made {
    /// The tool's name.
    name: String,
    outcome: Result<Answered, ToolFailure>,
}

impl Outcome {
    fn called(name: &str, outcome: Result<Answered, ToolFailure>) -> Self {
        Self::Called(Box::new(Made { name: name.to_owned(), outcome }))
    }

    /// What an observation shows of it where the tools are the actions.
    fn parts(&self, pack: &Pack) -> Vec<(&'static str, Value)> {
        match self {
            Self::Failed(_) if pack.action.form != Form::Tools => Vec::new(),
            Self::Failed(_) => {
                let failure = ToolFailure::execution(FAILED.to_owned());
                vec![("tool_name", Value::Null), ("result", Value::Null), ("error", failure.to_json())]
            }
            Self::None | Self::Invalid(_) | Self::Void(_) => Vec::new(),
            Self::Listed => vec![("tools", pack.tools_listing())],
            Self::Called(made) => vec![
                ("tool_name", made.name.as_str().into()),
                ("result", made.outcome.as_ref().map_or(Value::Null, Answered::to_json)),
                ("error", made.outcome.as_ref().err().map_or(Value::Null, ToolFailure::to_json)),
            ],
        }
    }
}

/// What one step did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// The reward, finite.
    pub reward: f64,
    /// Whether the episode ended with this step.
    pub done: bool,
    /// The reward explained; `None` where the pack does not show it (yet).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub breakdown: Option<Box<Breakdown>>,
    /// The episode's score in [0, 1]; only when done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The seconds for which the pack asks the agent to be kept waiting before it is answered; from 0 to 3,600. Nothing
    /// waits here: whoever serves the episode does.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait: f64,
}

/// A step that was refused; the episode is unchanged.
#[derive(Debug, Clone, PartialEq)]
pub enum StepError {
    /// The episode has ended.
    Done,
    /// The action does not fit; every problem of it.
    Invalid(Vec<ActionProblem>),
    /// The action itself failed, as the pack says.
    Failed(String),
    /// The environment failed: a grader, a plugin or an expression. The text names it and its place in the pack; it is for
    /// authors and never for agents, since it may hold what is right.
    Broken(String),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("the episode is done; reset to start another"),
            Self::Broken(text) | Self::Failed(text) => f.write_str(text),
            Self::Invalid(problems) => write!(f, "the action was refused: {}", placed(problems)),
        }
    }
}

impl StepError {
    /// Why the action costs a step.
    fn reason(&self) -> String {
        let Self::Invalid(problems) = self else { return self.to_string() };
        format!("the action was invalid: {}", placed(problems))
    }
}

/// Problems as one sentence, each with its place unless it names that itself.
fn placed(problems: &[ActionProblem]) -> String {
    let texts = problems.iter().map(|problem| {
        let path: Vec<String> = problem.path.iter().map(ToString::to_string).collect();
        let named = path.is_empty() || problem.message.contains(&format!("`{}`", path[path.len() - 1]));
        if named { problem.message.clone() } else { format!("`{}`: {}", path.join("."), problem.message) }
    });
    texts.collect::<Vec<_>>().join("; ")
}

impl Episode {
    /// Takes an action. One that is refused, or that fails, changes nothing.
    pub fn step(&mut self, action: &Value) -> Result<Step, StepError> {
        if self.done {
            return Err(StepError::Done);
        }
        // What failed when this was played fails again, whatever a program would answer now.
        let known = self.penalizes() && self.inputs.failed(self.steps.len());
        let taken = if known { Err(StepError::Broken(AGAIN.into())) } else { self.whole(|next| next.take(action)) };
        self.settle_failure(taken)
    }

    /// Whether an action would be refused. Where the environment fails it is not the action's fault, and that is not hidden.
    pub fn refuses(&self, action: &Value) -> bool {
        !matches!(self.clone().step(action), Ok(_) | Err(StepError::Broken(_)))
    }

    /// Whether a step in which the environment fails counts.
    fn penalizes(&self) -> bool {
        self.pack.on_failure == OnFailure::Penalize
    }

    /// Lets a step count that was refused or that failed, where the pack says so.
    fn settle_failure(&mut self, taken: Result<Step, StepError>) -> Result<Step, StepError> {
        let at = self.steps.len();
        match taken {
            Err(StepError::Broken(cause)) if self.penalizes() => {
                let failed = Resolved { invalid: 1, outcome: Outcome::Failed(cause.into()), ..Resolved::default() };
                self.whole(|next| {
                    let step = next.commit(failed)?;
                    next.inputs.note_failure(at);
                    Ok(step)
                })
            }
            Err(error @ (StepError::Invalid(_) | StepError::Failed(_))) if self.pack.action.declaration.penalizes => {
                let outcome = Outcome::Invalid(error.reason().into());
                let slip = Resolved { invalid: 1, outcome, ..Resolved::default() };
                self.whole(|next| next.commit(slip))
            }
            taken => taken,
        }
    }

    /// Works on a copy, which takes the episode's place when the work is whole. Where a step cannot fail halfway there is
    /// no copy: what is refused has changed nothing yet.
    fn whole(&mut self, work: impl FnOnce(&mut Self) -> Result<Step, StepError>) -> Result<Step, StepError> {
        if !self.can_fail_halfway {
            return work(self);
        }
        let mut next = self.clone();
        let step = work(&mut next)?;
        *self = next;
        Ok(step)
    }

    fn take(&mut self, action: &Value) -> Result<Step, StepError> {
        let resolved = self.prepare(action)?;
        self.commit(resolved)
    }

    /// Finds what an action is about to do; nothing changes yet.
    fn prepare(&self, action: &Value) -> Result<Resolved, StepError> {
        let intent = self.pack.action.read(action, &self.pack.decisions).map_err(StepError::Invalid)?;
        self.intend(action, intent)
    }

    /// The pack it was started with, kept until its end.
    pub fn pack(&self) -> &Arc<Pack> {
        &self.pack
    }

    /// The task.
    pub fn task(&self) -> &Arc<Task> {
        &self.task
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What the reset was given, defaults included; empty where the pack declares no arguments.
    pub fn arguments(&self) -> &Map<String, Value> {
        &self.arguments
    }

    /// Steps taken.
    pub fn steps(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    /// Whether it has ended.
    pub fn done(&self) -> bool {
        self.done
    }

    /// Why the last step failed, or its tool, where that is not for the agent to read.
    pub fn hidden_failure(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Called(made) => made.outcome.as_ref().err().and_then(|failure| failure.cause.as_deref()),
            Outcome::Failed(cause) => Some(cause),
            _ => None,
        }
    }

    /// Answers of plugins that are not pure functions: with the actions, all that is needed to play it again.
    pub fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    /// The score of the episode as it stands, in [0, 1].
    pub fn score(&self) -> Result<f64, GraderError> {
        self.task.rubric.score(&self.scores, &self.view())
    }

    /// Explains the last step in full, also what the pack hides from agents: for graders and records, never for agents.
    pub fn explain(&self) -> Result<Breakdown, GraderError> {
        let score_tree = if self.done { Some(Box::new(self.score_tree()?)) } else { None };
        Ok(Breakdown { score_tree, ..self.breakdown(self.done)? })
    }

    /// The values of the score's named nodes as they stand.
    pub fn score_parts(&self) -> Result<Components, GraderError> {
        self.task.rubric.score_parts(&self.scores, &self.view())
    }

    /// The reward's components, each added up over the steps.
    pub fn component_sums(&self) -> impl Iterator<Item = (&str, f64)> {
        let sum = |at: usize| self.steps.iter().filter_map(|step| step.components.get(at)).sum();
        self.task.rubric.component_names().iter().enumerate().map(move |(at, name)| (&**name, sum(at)))
    }

    /// The values of all graders as they stand, by node.
    pub fn grader_values(&self) -> Result<Vec<(usize, f64)>, GraderError> {
        let view = self.view();
        let rubric = &self.task.rubric;
        rubric.graders().map(|leaf| Ok((leaf.node, rubric.value_of(leaf.node, &self.scores, &view)?))).collect()
    }

    /// The pairs of right and actual value of one decision, as the table stands.
    pub fn pairs(&self, column: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.items.iter().zip(&self.rows).filter_map(move |(item, row)| {
            match (&item.truth[column].value, row.cell(column)) {
                (Some(Datum::Choice(right)), Some(Datum::Choice(actual))) => Some((*right, *actual)),
                _ => None,
            }
        })
    }

    /// The items, in listing order.
    pub fn items(&self) -> &[Arc<Item>] {
        &self.items
    }

    /// Whether a tool was called about a row; one that is about no item, since the last decision.
    pub fn was_called(&self, tool: usize, row: usize) -> bool {
        if self.pack.action.tools[tool].item.is_some() {
            return self.steps.iter().any(|step| step.tool == Some(tool) && step.about == Some(row));
        }
        self.steps.iter().rev().take_while(|step| step.touched.is_empty()).any(|step| step.tool == Some(tool))
    }

    /// The fields of a row that its agent sees; the others are absent.
    pub fn seen_fields(&self, row: usize) -> Vec<Option<Datum>> {
        let revealed: SmallVec<[usize; 4]> = self.revealed_of(row).collect();
        let fields = self.items[row].shown().iter().zip(self.pack.fields.iter()).enumerate();
        fields.map(|(at, (value, column))| value.clone().filter(|_| column.visible || revealed.contains(&at))).collect()
    }

    /// The rows without a decision.
    pub fn open_rows(&self) -> impl Iterator<Item = usize> + '_ {
        self.rows.iter().enumerate().filter(|(_, row)| !row.is_decided()).map(|(at, _)| at)
    }

    /// Every item with its row.
    pub fn table(&self) -> impl Iterator<Item = (&Arc<Item>, &Row)> {
        self.items.iter().zip(&self.rows)
    }

    /// Its items, those included that may still come.
    pub fn all_items(&self) -> impl Iterator<Item = &Arc<Item>> {
        self.items.iter().chain(self.world.iter().flat_map(|world| world.waiting()))
    }

    /// Its state, with what is hidden from its agent.
    pub fn memory(&self) -> &Map<String, Value> {
        &self.state
    }

    /// The items that the last step decided, with their rows.
    pub fn touched(&self) -> impl Iterator<Item = (&Arc<Item>, &Row)> {
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        touched.iter().map(|row| (&self.items[*row], &self.rows[*row]))
    }

    fn view(&self) -> View<'_> {
        View {
            decisions: &self.pack.decisions,
            pools: &self.pack.keyword_pools,
            items: &self.items,
            rows: &self.rows,
            steps: &self.steps,
            values: &self.values,
            has_items: self.pack.has_items,
            expected: World::expected(self.world.as_deref()),
            clock: self.task.clock,
            budget: self.task.budget,
            inputs: &self.inputs,
        }
    }

    fn first_open(&self) -> Option<usize> {
        self.open_rows().next()
    }

    fn selected(&self, selection: ItemsSelection) -> impl Iterator<Item = usize> + '_ {
        self.rows
            .iter()
            .enumerate()
            .filter(move |(_, row)| selection == ItemsSelection::All || !row.is_decided())
            .map(|(at, _)| at)
    }

    fn counter(&self, counter: Counter) -> usize {
        match counter {
            Counter::Steps => self.steps.len(),
            Counter::MaxSteps => self.task.max_steps as usize,
            Counter::Items => self.rows.len(),
            Counter::Pending => self.open_rows().count(),
            Counter::Decided => self.rows.len() - self.open_rows().count(),
            Counter::Accepted => self.steps.last().map_or(0, |step| step.touched.len()),
            Counter::Minutes => self.minutes() as usize,
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rounded down, and not negative"
            )]
            Counter::BudgetLeft => self.budget_left() as usize,
        }
    }

    fn needs_score(&self) -> bool {
        self.task.rubric.scores_steps() || self.pack.observation.iter().any(|(_, part)| matches!(part, Part::Score))
    }

    /// Does what was resolved and grades it.
    fn commit(&mut self, resolved: Resolved) -> Result<Step, StepError> {
        let was_complete = self.is_complete();
        let minutes = self.pass(&resolved);
        let mut facts = StepFacts { invalid: resolved.invalid, minutes, tool: resolved.tool, ..StepFacts::default() };
        facts.void = resolved.void.into_boxed_slice();
        facts.about = resolved.about;
        facts.cost = resolved.tool.and_then(|tool| self.pack.action.tools.get(tool)).map_or(0.0, |tool| tool.cost);
        self.outcome = resolved.outcome;
        self.action = resolved.action;
        self.revealed.extend(resolved.reveals);
        self.state.extend(resolved.changes.state);
        for (row, cells) in resolved.rows {
            self.rows[row] = Row { cells };
            facts.touched.push(row);
        }
        self.steps.push(facts);
        self.follow_up();
        let mut step = self.settle(was_complete).map_err(StepError::Broken)?;
        step.wait = resolved.changes.wait;
        self.write_logs();
        Ok(step)
    }

    /// Grades the step that was just made, and makes its result.
    fn settle(&mut self, was_complete: bool) -> Result<Step, String> {
        let over = match &self.pack.done {
            None => false,
            Some(done) => {
                let value = done.number(&self.pack.templates, &self.scope_after());
                value.map_err(|error| format!("`done` does not work: {error}"))? != 0.0
            }
        };
        let last = self.steps.len() >= self.task.max_steps as usize;
        let complete = over || self.is_complete();
        let endless = !self.pack.has_items && self.pack.done.is_none();
        if let Some(facts) = self.steps.last_mut() {
            facts.completed = complete && !was_complete || last && endless;
            facts.ran_out = last && !complete && !endless;
        }
        self.values = self.evaluate()?;
        self.grade().map_err(|error| error.to_string())?;
        let step = self.measure(complete || last).map_err(|error| error.to_string())?;
        if !step.done {
            self.welcome();
        }
        self.parts = self.make_parts()?;
        Ok(step)
    }

    /// Whether every item is decided and none is to come; never where there are none.
    fn is_complete(&self) -> bool {
        self.pack.has_items && self.first_open().is_none() && World::expected(self.world.as_deref()).is_empty()
    }

    /// The values of the rubric's expressions as they stand.
    fn evaluate(&self) -> Result<Vec<f64>, String> {
        if !self.task.rubric.has_expressions() {
            return Ok(Vec::new());
        }
        // An action that decides about no item earns nothing by an expression.
        let idle = matches!(self.outcome, Outcome::Invalid(_))
            || self.steps.last().is_none_or(|step| {
                self.pack.action.form == Form::Decisions && step.tool.is_none() && step.touched.is_empty()
            });
        let scope = self.scope_after();
        self.task.rubric.evaluate(&self.pack.templates, &scope, idle)
    }

    /// Brings the row graders up to date with the rows that the last step changed.
    fn grade(&mut self) -> Result<(), GraderError> {
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        let view = View {
            decisions: &self.pack.decisions,
            pools: &self.pack.keyword_pools,
            items: &self.items,
            rows: &self.rows,
            steps: &self.steps,
            values: &self.values,
            has_items: self.pack.has_items,
            expected: World::expected(self.world.as_deref()),
            clock: self.task.clock,
            budget: self.task.budget,
            inputs: &self.inputs,
        };
        self.task.rubric.update(&mut self.scores, &view, touched)
    }

    /// Reward, score and breakdown of the step that was just made.
    fn measure(&mut self, done: bool) -> Result<Step, GraderError> {
        let components = self.task.rubric.components(&self.scores, &self.view())?;
        let rubric = &self.task.rubric;
        if let Some(step) = self.steps.last_mut() {
            step.components = components;
        }
        let now = if done || self.needs_score() { self.score()? } else { self.score };
        let tells = match rubric.explain {
            Explain::Step => true,
            Explain::End => done,
            Explain::Never => false,
        };
        let components = self.steps.last().map(|step| step.components.as_slice()).unwrap_or_default();
        let reward = rubric.reward(components, self.score, self.best, now, done);
        let breakdown = if tells {
            let score_tree = if done { Some(Box::new(self.told_score()?)) } else { None };
            Some(Box::new(Breakdown { score_tree, ..self.breakdown(done)? }))
        } else {
            None
        };
        self.score = now;
        self.best = self.best.max(now);
        self.done = done;
        Ok(Step { reward, done, breakdown, score: done.then_some(now), wait: 0.0 })
    }

    /// The named parts of the last step's reward: its components where it is a sum, else the parts of the score.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn reward_parts(&self) -> Result<Components, GraderError> {
        let rubric = &self.task.rubric;
        match self.steps.last() {
            Some(step) if rubric.mode == RewardMode::Sum => {
                Ok(Components::of(rubric.component_names(), &step.components))
            }
            None if rubric.mode == RewardMode::Sum => Ok(Components::default()),
            _ => rubric.score_parts(&self.scores, &self.view()),
        }
    }

    fn breakdown(&self, done: bool) -> Result<Breakdown, GraderError> {
        let rubric = &self.task.rubric;
        let components = self.reward_parts()?;
        let touched = self.steps.last().map(|step| step.touched.as_slice()).unwrap_or_default();
        let all: Vec<usize>;
        let rows = if rubric.explain == Explain::End && done {
            all = (0..self.rows.len()).collect();
            &all
        } else {
            touched
        };
        let mut decisions = SmallVec::new();
        for row in rows {
            decisions.extend(self.judge(*row));
        }
        let notes = self.notes(rows)?;
        let mut reason = self.reason(&decisions);
        for note in notes.iter().filter_map(|note| note.reason.as_deref()) {
            reason = format!("{reason} {note}").into();
        }
        Ok(Breakdown { reason, components, decisions, notes, score_tree: None })
    }

    /// What plugins say about some rows, and about the episode.
    fn notes(&self, rows: &[usize]) -> Result<Vec<Noted>, GraderError> {
        let notes = self.task.rubric.notes(&self.scores, &self.view(), rows)?;
        let noted = notes.into_iter().map(|(grader, row, note)| Noted {
            grader: grader.to_owned(),
            item: row.map(|row| self.items[row].id.clone()),
            reason: note.reason,
            parts: note.parts.into_iter().map(|(name, value)| (name, value.into())).collect(),
        });
        Ok(noted.collect())
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}
