//! Calls of tools: as actions of an episode, by name, and on an episode of their own.

use std::sync::Arc;

use minijinja::{Value as Context, value::Serde};
use serde_json::{Map, Value, json};

use super::{ActionProblem, Episode, Outcome, PathPart, ProblemKind, Step, StepError, resolve::Resolved, scope::Fault};
use crate::{
    expression::words,
    model::Datum,
    names::nearest,
    number::is_near,
    rules::Facts,
    scenario::{
        Pack,
        action::Form,
        parameter::{Parameter, filled},
        templates::ItemView,
        tools::{Answer, Answered, Call, FailureKind, Reply, Tool, ToolFailure},
    },
};

/// What an agent reads when the environment fails; the rest may hold what is right.
pub const FAILED: &str = "the environment failed at this step; see the server's log for the reason";

/// The result of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Called {
    /// The action that the call was, to be kept with the others, and its step; none when nothing was done.
    pub taken: Option<(Value, Step)>,
    /// What was answered, or why not.
    pub outcome: Result<Answered, ToolFailure>,
}

/// Why a call is not answered.
pub(super) enum Unanswered {
    /// It may not be made, or the tool fails; agents see the reason.
    Failed(ToolFailure),
    /// A plugin broke: an error of the episode, never an answer.
    Broken(String),
}

impl From<ToolFailure> for Unanswered {
    fn from(failure: ToolFailure) -> Self {
        Self::Failed(failure)
    }
}

impl Called {
    fn refused(failure: ToolFailure) -> Self {
        Self { taken: None, outcome: Err(failure) }
    }
}

impl Pack {
    /// Calls a tool on an episode that is begun for it and ends with it: of the task that the seed picks.
    pub fn call_once(self: &Arc<Self>, name: &str, arguments: &Map<String, Value>, seed: u64) -> Called {
        let Some(task) = self.pick(None, seed) else {
            return Called::refused(ToolFailure::execution(format!("`{}` has no task", self.name)));
        };
        match Episode::reset(self, &task, seed) {
            Ok(mut episode) => episode.call(name, arguments),
            Err(error) => Called::refused(ToolFailure::execution(error.to_string())),
        }
    }
}

impl Episode {
    /// Calls a tool, or sends the action by the name that it has as a tool; a step of the episode like any other.
    pub fn call(&mut self, name: &str, arguments: &Map<String, Value>) -> Called {
        let pack = Arc::clone(&self.pack);
        let is_tool = pack.action.tools.iter().any(|tool| tool.card.name == name);
        if !is_tool && !pack.cards.iter().any(|card| card.name == name) {
            return Called::refused(unknown(&pack, name));
        }
        let action = if is_tool {
            json!({ "type": "call_tool", "tool_name": name, "arguments": arguments })
        } else {
            Value::Object(arguments.clone())
        };
        match self.step(&action) {
            Ok(step) => {
                let outcome = match &self.outcome {
                    Outcome::Called(made) => made.outcome.clone(),
                    Outcome::Failed(cause) => Err(ToolFailure::broken(FAILED.to_owned(), cause.to_string())),
                    _ => Ok(self.seen()),
                };
                Called { taken: Some((action, step)), outcome }
            }
            Err(StepError::Invalid(mut problems)) => {
                // The agent gave the arguments alone.
                for problem in problems.iter_mut().filter(|_| is_tool) {
                    if problem.path.first() == Some(&PathPart::Key("arguments".into())) {
                        problem.path.remove(0);
                    }
                }
                Called::refused(invalid(name, problems))
            }
            Err(StepError::Broken(cause)) => Called::refused(ToolFailure::broken(FAILED.to_owned(), cause)),
            Err(error) => Called::refused(ToolFailure::execution(error.to_string())),
        }
    }

    /// What the last step's tool answered.
    pub fn answered(&self) -> Option<&Answered> {
        match &self.outcome {
            Outcome::Called(made) => made.outcome.as_ref().ok(),
            _ => None,
        }
    }

    /// The tool that the last step called, by name, and why it failed where it did.
    pub fn called(&self) -> Option<(&str, Option<&str>)> {
        match &self.outcome {
            Outcome::Called(made) => {
                Some((&made.name, made.outcome.as_ref().err().map(|failure| failure.message.as_str())))
            }
            _ => None,
        }
    }

    /// The observation, and whether the episode is over: what an agent is answered that acts by calling a tool.
    fn seen(&self) -> Answered {
        let mut text = String::from("{");
        self.write_observation(&mut text);
        text.push('}');
        let observation: Value = serde_json::from_str(&text).unwrap_or_default();
        Answered::new(json!({ "observation": observation, "done": self.done }))
    }

    /// Finds what a tool answers; nothing changes yet.
    pub(super) fn answer(&self, call: &Call<'_>) -> Result<Resolved, Unanswered> {
        let pack = &self.pack;
        let Some(at) = call.tool else { return Err(unknown(pack, call.name).into()) };
        let tool = &pack.action.tools[at];
        let problem = |path: &str, message: String, input: Value| {
            let path = path.split('/').map(|key| PathPart::Key(key.to_owned())).collect();
            ActionProblem { kind: ProblemKind::Conflict, path, message, input, limit: None }
        };
        if pack.action.form == Form::Tools {
            check(tool, call)?;
        }
        let called = self.steps.iter().filter(|step| step.tool == Some(at)).count();
        if let Some(limit) = tool.limit.filter(|limit| called >= *limit as usize) {
            let times = if limit == 1 { "once".to_owned() } else { format!("{limit} times") };
            let message = format!("the tool `{}` answers {times} an episode", tool.card.name);
            let problems = vec![problem("tool_name", message.clone(), tool.card.name.as_str().into())];
            return Err(ToolFailure { kind: FailureKind::ExecutionError, message, problems, cause: None }.into());
        }
        if let Some(budget) = self.task.budget {
            let spent = self.spent() + tool.cost;
            if spent > budget && !is_near(spent, budget) {
                let (cost, left) = (tool.cost, self.budget_left());
                let message =
                    format!("the tool `{}` costs {cost}, and {left} is left of the budget of {budget}", tool.card.name);
                let problems = vec![problem("tool_name", message.clone(), tool.card.name.as_str().into())];
                return Err(ToolFailure { kind: FailureKind::ExecutionError, message, problems, cause: None }.into());
            }
        }
        let mut row = None;
        if let Some((argument, _)) = &tool.item {
            let id = call.arguments.and_then(|arguments| arguments.get(argument)).and_then(Value::as_str);
            row = match id {
                None => self.first_open(),
                Some(id) => self.items.iter().position(|item| item.id == id),
            };
            if row.is_none() {
                let refused = self.item_problem(0, id, None);
                let problems = vec![problem(&format!("arguments/{argument}"), refused.message.clone(), refused.input)];
                let kind = FailureKind::InvalidArgs;
                return Err(ToolFailure { kind, message: refused.message, problems, cause: None }.into());
            }
        }
        let mut arguments = call.arguments.cloned().unwrap_or_default();
        arguments.extend(filled(&tool.parameters, call.arguments));
        let answer = match &tool.reply {
            Reply::Answers(answers) => self.choose(answers, tool, row, &arguments),
            _ => None,
        };
        let own = tool.reveals.iter().chain(answer.iter().flat_map(|answer| &answer.reveals));
        let reveals: Vec<(usize, usize)> =
            row.into_iter().flat_map(|row| own.clone().map(move |field| (row, *field))).collect();
        let more = reveals.iter().map(|(_, field)| *field);
        let revealed: Vec<usize> = row.into_iter().flat_map(|row| self.revealed_of(row)).chain(more).collect();
        let view = row.map(|row| {
            Context::from_object(ItemView {
                item: Arc::clone(&self.items[row]),
                fields: Arc::clone(&pack.fields),
                revealed: revealed.clone(),
            })
        });
        let scope = self.scope([("arguments", Context::from(Serde(&arguments))), ("item", view.into())]);
        let failed = |error: String| {
            let public = format!("the tool `{}` failed", tool.card.name);
            let cause = format!("{public}: {error}");
            ToolFailure::broken(public, cause)
        };
        let changes = self.changes(&tool.effects, &scope).map_err(|fault| match fault {
            Fault::Told(text) => ToolFailure::execution(format!("the tool `{}` failed: {text}", tool.card.name)),
            Fault::Broken(text) => failed(text),
        })?;
        let text = |template: &str| {
            let text = pack.templates.get_template(template).and_then(|template| template.render(&scope));
            text.map(Value::from).map_err(|error| failed(words(&error)))
        };
        let value = match &tool.reply {
            Reply::Text(template) => text(template)?,
            Reply::Answers(_) => answer.map_or(Ok(Value::Null), |answer| text(&answer.template))?,
            Reply::Value(expression, kind) => expression
                .eval_as(&pack.templates, &scope, |value| crate::value::ValueType::fit_any(*kind, value))
                .map_err(failed)?,
            Reply::Plugin(computed) => {
                self.compute(&tool.card.name, computed, &arguments, (row, &revealed)).map_err(Unanswered::Broken)?
            }
        };
        Ok(Resolved {
            tool: Some(at),
            about: row,
            reveals,
            outcome: Outcome::called(call.name, Ok(Answered::new(value))),
            changes,
            ..Resolved::default()
        })
    }
}

impl Episode {
    /// The first of some answers whose condition matches the item and the arguments.
    fn choose<'a>(
        &self,
        answers: &'a [Answer],
        tool: &Tool,
        row: Option<usize>,
        arguments: &Map<String, Value>,
    ) -> Option<&'a Answer> {
        let given = |one: &Parameter| Datum::read(&one.column, arguments.get(one.name())?).ok();
        let mut fields: Vec<Option<Datum>> = tool.parameters.iter().map(given).collect();
        fields.extend(row.into_iter().flat_map(|row| self.items[row].fields.iter().cloned()));
        let facts = Facts { fields: &fields, clock: self.task.clock };
        answers.iter().find(|answer| answer.when.as_ref().is_none_or(|when| when.matches(facts)))
    }
}

/// Checks the arguments of a call whose action's schema says nothing of them.
fn check(tool: &Tool, call: &Call<'_>) -> Result<(), ToolFailure> {
    let given = Value::Object(call.arguments.cloned().unwrap_or_default());
    if tool.validator.is_valid(&given) {
        return Ok(());
    }
    let mut found = tool.validator.problems(&given, &|_| tool.parameters.iter().map(Parameter::name).collect());
    for problem in &mut found {
        problem.path.insert(0, PathPart::Key("arguments".into()));
    }
    Err(invalid(&tool.card.name, found))
}

/// A failure for arguments that do not fit.
fn invalid(name: &str, problems: Vec<ActionProblem>) -> ToolFailure {
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| match problem.path.last() {
            Some(PathPart::Key(key)) if !problem.message.contains(&format!("`{key}`")) => {
                format!("`{key}` {}", problem.message)
            }
            _ => problem.message.clone(),
        })
        .collect();
    let message = format!("the arguments of `{name}` do not fit: {}", texts.join("; "));
    ToolFailure { kind: FailureKind::InvalidArgs, message, problems, cause: None }
}

fn unknown(pack: &Pack, name: &str) -> ToolFailure {
    let near = nearest(name, pack.cards.iter().map(|card| card.name.as_str()));
    let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    let message = format!("there is no tool `{name}`{near}");
    let problem = ActionProblem {
        kind: ProblemKind::NotAllowed,
        path: vec![PathPart::Key("tool_name".into())],
        message: message.clone(),
        input: name.into(),
        limit: None,
    };
    ToolFailure { kind: FailureKind::ToolNotFound, message, problems: vec![problem], cause: None }
}
