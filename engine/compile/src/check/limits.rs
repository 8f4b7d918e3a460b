//! Numbers of tasks with which a limit, an arrival or a grader decides nothing.

use casebook_runtime::{
    model::Datum,
    rubric::{Node, Rubric},
    scenario::{Arrivals, Cause, Later},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, Document},
};
use serde_json::Value;

use super::{Parts, generator::TaskItems};

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// What the cost of a call is where a tool does not say.
const COST: f64 = 1.0;

/// Warns of what can never happen in a task, and of what always does.
pub(super) fn check(
    document: &Document,
    spec: &spec::Task,
    (rubric, clock): (&Rubric, Option<i64>),
    (items, later): (&TaskItems, &(Vec<Later>, Option<Arrivals>)),
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let mut site = Site { document, spec, parts, report };
    site.budget(rubric);
    site.efficiency(rubric);
    site.arrivals();
    site.deadlines(rubric, clock, items, &later.0);
}

struct Site<'a, 'b> {
    document: &'a Document,
    spec: &'a spec::Task,
    parts: &'a Parts<'b>,
    report: &'a mut Report,
}

impl Site<'_, '_> {
    fn warn(&mut self, path: impl Into<String>, message: String, hint: &str) {
        self.report.push(self.document.at(Code::Pointless, path, message).hint(hint));
    }

    /// Tools that are dearer than the whole budget, and a budget that is never spent.
    fn budget(&mut self, rubric: &Rubric) {
        let Some(budget) = self.spec.budget else { return };
        let parts = self.parts;
        let costs = parts.environment.tools.iter().map(|(name, tool)| (name, tool.cost.unwrap_or(COST)));
        let dear: Vec<(&String, f64)> = costs.filter(|(_, cost)| *cost > budget).collect();
        for (name, cost) in &dear {
            let message =
                format!("the tool `{name}` costs {cost}, more than the whole `budget`: it can never be called");
            self.warn("/budget", message, "raise `budget`, or let the tool cost less");
        }
        if budget <= 0.0 && rubric.has("budget") {
            let message =
                format!("the grader `budget` of `{}` always gives the same: nothing can be spent", rubric.name);
            self.warn("/budget", message, "write a number above 0, or give the grader the weight 0 in this task");
        }
    }

    /// A best number of steps that nobody can exceed.
    fn efficiency(&mut self, rubric: &Rubric) {
        let best = |node: &Node| node.params.get("best_steps").and_then(Value::as_u64);
        let all = rubric.nodes.iter().filter(|node| node.what == "efficiency").filter_map(best);
        for best in all.filter(|best| *best >= u64::from(self.spec.max_steps)).collect::<Vec<_>>() {
            let message = format!(
                "`best_steps` of `{}` is {best}, and the task ends after {}: no episode takes too many steps",
                rubric.name, self.spec.max_steps
            );
            self.warn("/max_steps", message, "raise `max_steps`, or write fewer `best_steps`");
        }
    }

    /// Arrivals that are never due before the steps have run out.
    fn arrivals(&mut self) {
        let (spec, environment) = (self.spec, self.parts.environment);
        let own = environment.action.as_ref().and_then(|action| action.minutes);
        let slowest =
            environment.tools.values().map(|tool| tool.minutes).chain([own]).flatten().max().unwrap_or_default();
        let steps = spec.max_steps;
        let minutes = u64::from(slowest) * u64::from(steps);
        let hint = "it comes only if no other item is open; let it come earlier, or raise `max_steps`";
        let whole = |text: Option<&String>| text.and_then(|text| super::later::whole_minutes(text));
        for (at, arrival) in spec.arrivals.iter().enumerate() {
            let pointer = format!("/arrivals/{at}");
            if arrival.share.is_some_and(|share| share.0 <= 0.0) {
                let message = "`share` has no effect: no item comes later".to_owned();
                self.report.push(
                    self.document
                        .at(Code::NoEffect, format!("{pointer}/share"), message)
                        .hint("write a share above 0, such as `50%`, or remove the entry"),
                );
            }
            if let Some(step) = arrival.step.filter(|step| *step >= steps) {
                let message =
                    format!("the item comes after {}, and the task ends after {steps}", counted(step, "step"));
                self.warn(format!("{pointer}/step"), message, hint);
            }
            // With an item, `every` is refused elsewhere.
            let gap = arrival.every.as_ref().filter(|_| arrival.share.is_some());
            let every = gap.and_then(|every| super::later::steps_of(every)).flatten();
            if let Some(every) = every.filter(|every| *every >= steps) {
                let message =
                    format!("the first item comes after {}, and the task ends after {steps}", counted(every, "step"));
                self.warn(format!("{pointer}/every"), message, hint);
            }
            for (key, text) in [("after", arrival.after.as_ref()), ("every", gap)] {
                if let Some(after) = whole(text).filter(|after| u64::from(*after) > minutes) {
                    let message = format!(
                        "the item comes after {}, and the steps of the task take at most {minutes}",
                        counted(after, "minute")
                    );
                    self.warn(format!("{pointer}/{key}"), message, hint);
                }
            }
        }
    }

    /// Items that come after their own deadline.
    fn deadlines(&mut self, rubric: &Rubric, clock: Option<i64>, items: &TaskItems, later: &[Later]) {
        let Some(clock) = clock else { return };
        let field = |node: &Node| {
            let name = node.field()?.to_owned();
            let at = self.parts.fields.iter().position(|column| column.name == name)?;
            Some((at, name))
        };
        let fields: Vec<(usize, String)> =
            rubric.nodes.iter().filter(|node| node.what == "deadline").filter_map(field).collect();
        let own = self.parts.environment.action.as_ref().and_then(|action| action.minutes).unwrap_or_default();
        for (at, name) in fields {
            for one in later {
                let Cause::Minutes(after) = one.cause else { continue };
                let soonest = clock + (i64::from(after) + i64::from(own)) * MINUTE;
                let forms = items.listed.iter().flat_map(|item| &item.forms).filter(|form| form.id == one.item);
                let is_late = |datum: &Option<Datum>| matches!(datum, Some(Datum::Integer(due)) if *due < soonest);
                let late = forms.map(|form| is_late(&form.fields[at])).collect::<Vec<_>>();
                let place = self.spec.arrivals.iter().position(|arrival| arrival.item.as_deref() == Some(&*one.item));
                if let Some(place) = place.filter(|_| !late.is_empty() && late.iter().all(|late| *late)) {
                    let message =
                        format!("the item `{}` comes so late that nobody can decide it by its `{name}`", one.item);
                    self.warn(format!("/arrivals/{place}/after"), message, "let it come earlier, or give it more time");
                }
            }
        }
    }
}

/// A number of things.
fn counted(number: u32, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
