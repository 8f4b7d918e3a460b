//! Items that come later, budgets, and the clock that runs.

use casebook_runtime::{
    episode::MILLION,
    model::read_duration,
    rubric::Rubric,
    scenario::{Arrivals, Cause, Later, Variants, generator::InboxPart},
    settings::Counter,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};
use serde_json::{Map, Value};

use super::{Parts, generator::TaskItems};
use crate::rubric;

/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;

/// The items of a task that come later: each by its id, and those that come one by one.
pub(super) fn compile(
    document: &Document,
    spec: &spec::Task,
    items: &TaskItems,
    parts: &Parts<'_>,
    report: &mut Report,
) -> (Vec<Later>, Option<Arrivals>) {
    let drawn = items.parts.iter().any(|part| matches!(part, InboxPart::Drawn(_)));
    let items = items.listed.as_slice();
    let mut stream = None;
    let mut site = Site { document, items, parts, report: &mut *report, later: Vec::new() };
    for (at, arrival) in spec.arrivals.iter().enumerate() {
        let pointer = format!("/arrivals/{at}");
        if arrival.share.is_none() && arrival.item.is_some() {
            site.arrival(&pointer, arrival);
            continue;
        }
        let first = stream.is_none();
        let made = site.stream(&pointer, arrival);
        if first {
            stream = made;
        } else {
            site.report.push(
                document
                    .at(Code::BadDeclaration, pointer, "`arrivals` has two entries with `share`")
                    .hint("keep one of them; it is about all items that come one by one"),
            );
        }
    }
    for (at, follow_up) in spec.follow_ups.iter().enumerate() {
        site.follow_up(&format!("/follow_ups/{at}"), follow_up);
    }
    let later = site.later;
    check_causes(document, spec, &later, report);
    check_ranks(document, spec, parts, report);
    if !later.is_empty() && later.len() == items.len() && !drawn {
        report.push(
            document
                .at_key(Code::BadDeclaration, "/inbox", "every item comes later, so the episode begins with none")
                .hint("leave an item out of `arrivals` and `follow_ups`"),
        );
    }
    (later, stream)
}

struct Site<'a, 'b> {
    document: &'a Document,
    items: &'a [Variants],
    parts: &'a Parts<'b>,
    report: &'a mut Report,
    later: Vec<Later>,
}

impl Site<'_, '_> {
    fn arrival(&mut self, pointer: &str, arrival: &spec::Arrival) {
        let given = [("every", arrival.every.is_some()), ("gaps", arrival.gaps.is_some())];
        for (key, _) in given.into_iter().filter(|(_, there)| *there) {
            self.only_with_share(pointer, key);
        }
        if arrival.every.is_some() {
            return;
        }
        let cause = match (arrival.step, &arrival.after) {
            (Some(step), None) => Some(Cause::Steps(step)),
            (None, Some(after)) => self.minutes(&format!("{pointer}/after"), after).map(Cause::Minutes),
            _ => {
                self.report.push(
                    self.document
                        .at(Code::BadDeclaration, pointer, "an item comes after a `step`, or `after` a time")
                        .hint("write one of the two, such as `step: 3` or `after: 30m`"),
                );
                None
            }
        };
        self.add(pointer, arrival.item.as_deref().unwrap_or_default(), cause);
    }

    fn only_with_share(&mut self, pointer: &str, key: &str) {
        self.report.push(
            self.document
                .at_key(Code::BadDeclaration, format!("{pointer}/{key}"), format!("`{key}` is only valid with `share`"))
                .hint("an `item` comes after a `step`, or `after` a time"),
        );
    }

    /// Items that come one by one.
    fn stream(&mut self, pointer: &str, arrival: &spec::Arrival) -> Option<Arrivals> {
        let (Some(share), Some(every), None, None, None) =
            (arrival.share, &arrival.every, &arrival.item, arrival.step, &arrival.after)
        else {
            self.report.push(
                self.document
                    .at(Code::BadDeclaration, pointer, "an arrival is an `item`, or a `share` with `every`")
                    .hint("write `{ item: ..., after: 30m }` or `{ share: 50%, every: 20m }`"),
            );
            return None;
        };
        let steps = steps_of(every);
        let gap = match steps {
            Some(number) => number,
            None => whole_minutes(every).filter(|minutes| *minutes <= 10_080),
        };
        let path = format!("{pointer}/every");
        if gap.is_none() {
            let finding = self.document.at(Code::BadValue, path, format!("`{every}` is not a time between two items"));
            self.report
                .push(finding.label("expected whole minutes such as `20m`, up to a week, or steps such as `2 steps`"));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
        let share = (share.0 * 1e6).round() as u64;
        let poisson = arrival.gaps == Some(spec::Gaps::Poisson);
        gap.map(|every| Arrivals { share, every, steps: steps.is_some(), poisson })
    }

    fn follow_up(&mut self, pointer: &str, follow_up: &spec::FollowUp) {
        let followed = self.find(&format!("{pointer}/of"), &follow_up.of);
        let when: Map<String, Value> =
            follow_up.when.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let errors = self.report.errors();
        let when = rubric::decision_values(
            self.document,
            &format!("{pointer}/when"),
            &when,
            &self.parts.decisions,
            self.report,
        );
        let sound = self.report.errors() == errors;
        let minutes = match &follow_up.after {
            Some(after) => self.minutes(&format!("{pointer}/after"), after),
            None => Some(0),
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the schema keeps it from 0 to 1")]
        let chance = (follow_up.chance.unwrap_or(1.0) * f64::from(MILLION)).round() as u32;
        let cause = followed.zip(minutes).filter(|_| sound);
        let cause = cause.map(|(_, minutes)| Cause::Decision { of: follow_up.of.clone(), when, minutes, chance });
        self.add(pointer, &follow_up.item, cause);
    }

    /// Adds an item that comes for a cause, unless something is wrong with the one or the other.
    fn add(&mut self, pointer: &str, id: &str, cause: Option<Cause>) {
        let path = format!("{pointer}/item");
        if self.find(&path, id).is_none() {
            return;
        }
        if self.later.iter().any(|later| later.item == id) {
            self.report.push(
                self.document
                    .at(Code::DuplicateName, path, format!("the item `{id}` comes twice"))
                    .hint("name each item once in `arrivals` and `follow_ups`"),
            );
            return;
        }
        self.later.extend(cause.map(|cause| Later { item: id.to_owned(), cause }));
    }

    /// The position of an item of the inbox.
    fn find(&mut self, path: &str, id: &str) -> Option<usize> {
        let ids = || self.items.iter().filter_map(|item| item.forms.first()).map(|item| item.id.as_str());
        let found = ids().position(|known| known == id);
        if found.is_none() {
            let finding = self.document.at(Code::UnknownName, path, format!("the inbox has no item `{id}`"));
            self.report.push(finding.maybe_hint(suggest(id, ids())));
        }
        found
    }

    /// Whole minutes.
    fn minutes(&mut self, path: &str, text: &str) -> Option<u32> {
        let minutes = whole_minutes(text);
        if minutes.is_none() {
            let finding = self.document.at(Code::BadValue, path, format!("`{text}` is not a number of minutes"));
            self.report.push(finding.label("expected whole minutes such as `30m` or `1h 30m`"));
        }
        minutes
    }
}

/// A number of steps such as `2 steps`: none inside where it is written like one and is none.
#[expect(clippy::option_option, reason = "a text may be something else, or wrong")]
pub(super) fn steps_of(text: &str) -> Option<Option<u32>> {
    let number = text.strip_suffix(" steps").or_else(|| text.strip_suffix(" step"))?;
    Some(number.trim().parse().ok().filter(|number| (1..=10_000).contains(number)))
}

/// A length of time in minutes, if it is a whole number of them.
pub(super) fn whole_minutes(text: &str) -> Option<u32> {
    let length = read_duration(text).ok().filter(|length| *length > 0 && length % MINUTE == 0)?;
    u32::try_from(length / MINUTE).ok()
}

/// Refuses items that wait for each other, and so would never come.
fn check_causes(document: &Document, spec: &spec::Task, later: &[Later], report: &mut Report) {
    let followed = |name: &str| {
        later.iter().find(|one| one.item == name).and_then(|one| match &one.cause {
            Cause::Decision { of, .. } => Some(of.as_str()),
            _ => None,
        })
    };
    for (at, follow_up) in spec.follow_ups.iter().enumerate() {
        let mut next = followed(&follow_up.item);
        let mut seen = 0;
        while let Some(of) = next.filter(|of| *of != follow_up.item && seen <= later.len()) {
            next = followed(of);
            seen += 1;
        }
        if next == Some(follow_up.item.as_str()) {
            report.push(
                document
                    .at(
                        Code::BadDeclaration,
                        format!("/follow_ups/{at}/of"),
                        format!("the item `{}` never comes: it waits for itself", follow_up.item),
                    )
                    .hint("let it follow an item that is there, or that comes by itself"),
            );
        }
    }
}

/// Refuses ranks that follow from the items of an episode where those are not all there: a new item would change the rank of
/// one that is decided.
fn check_ranks(document: &Document, spec: &spec::Task, parts: &Parts<'_>, report: &mut Report) {
    let key = if spec.arrivals.is_empty() { "/follow_ups" } else { "/arrivals" };
    let ranked = parts.rankings.first().map(|ranking| &parts.decisions[ranking.decision].name);
    if let Some(rank) = ranked.filter(|_| !spec.arrivals.is_empty() || !spec.follow_ups.is_empty()) {
        let message = format!("items cannot come later: the right `{rank}` follows from the items that are there");
        let hint = format!(
            "let every item be there at the start; or write the ranks as labels of the items, and leave `order_by` out of `{rank}`"
        );
        report.push(document.at_key(Code::BadDeclaration, key, message).hint(hint));
    }
}

/// Checks that a task has what its rubric and its observation read, and nothing that has no effect.
pub(super) fn check_dynamics(
    document: &Document,
    spec: &spec::Task,
    rubric: &Rubric,
    parts: &Parts<'_>,
    report: &mut Report,
) {
    let environment = parts.environment;
    let shows = |counter: Counter| environment.observation.values().any(|part| part.counter == Some(counter));
    let name = &rubric.name;
    if spec.budget.is_some() && environment.tools.is_empty() {
        report.push(
            document
                .at_key(Code::NoEffect, "/budget", "`budget` has no effect: the environment has no tools")
                .hint("remove it"),
        );
    }
    if spec.budget.is_none() {
        let reader = match (rubric.has("budget"), shows(Counter::BudgetLeft)) {
            (true, _) => Some(format!("the rubric `{name}` grades the budget")),
            (false, true) => Some("the observation shows `budget_left`".to_owned()),
            (false, false) => None,
        };
        if let Some(reader) = reader {
            let message = format!("{reader}, and the task has none");
            report.push(document.at(Code::MissingKey, "", message).hint("add `budget:` with a number such as `60`"));
        }
    }
    if rubric.has("deadline") {
        if spec.clock.is_none() {
            let message = format!("the rubric `{name}` grades deadlines, and the task has no clock");
            report.push(document.at(Code::NoClock, "", message).hint(super::task::ADD_CLOCK));
        }
        let takes_time = environment.action.as_ref().is_some_and(|action| action.minutes.is_some())
            || environment.tools.values().any(|tool| tool.minutes.is_some());
        if !takes_time {
            let message = format!("the rubric `{name}` grades deadlines, and no action takes time");
            report.push(document.at(Code::MissingKey, "", message).hint("add `minutes:` to the action, or to a tool"));
        }
    }
}
