//! Test documents: names, values, and that each asserts something.

use std::sync::Arc;

use casebook_runtime::{
    json::Name,
    model::{Datum, ProblemKind, read_moment},
    names::list,
    rules::RuleSet,
    scenario::{
        BUILT_IN_POLICIES, OPTIONAL_POLICIES, Task,
        action::ActionModel,
        observation::{INSTRUCTIONS, Part},
        optional_policies,
        parameter::LEVEL,
        suite::{
            AlwaysProblem, EpisodeCase, Expectation, Measure, NumberTest, Player, Probe, ProbeCase, RuleCase, Site,
            Suite, answerable,
        },
        tasks::find_task,
    },
};
use casebook_syntax::{
    diagnostic::{Code, Hint, Report, suggest},
    spec::{self, Content, Document, Kind},
};
use serde_json::{Map, Value};

use super::{Parts, action::check_taken, observation::ANSWERS, task::ADD_CLOCK};
use crate::{column, rubric};

pub(super) fn compile(
    document: &Document,
    spec: &spec::Test,
    parts: &Parts<'_>,
    tasks: &[Arc<Task>],
    (action, observation): (Option<&ActionModel>, &[(Name, Part)]),
    report: &mut Report,
) -> Option<Suite> {
    let before = report.errors();
    let checker = Checker { document, spec, parts, tasks, action, observation };
    if spec.rules.is_empty() && spec.episodes.is_empty() && spec.probes.is_empty() && spec.coverage.is_none() {
        report.push(
            document
                .at_key(Code::EmptyTest, "/name", format!("the test `{}` asserts nothing", spec.name))
                .hint("add `rules:`, `episodes:`, `probes:` or `coverage:`"),
        );
    }
    let rules = spec.rules.iter().enumerate().filter_map(|(at, case)| checker.rule_case(at, case, report)).collect();
    let episodes =
        spec.episodes.iter().enumerate().filter_map(|(at, case)| checker.episode_case(at, case, report)).collect();
    let mut probes = Vec::new();
    for (name, test) in &spec.probes {
        let pointer = format!("/probes/{}", name.replace('~', "~0").replace('/', "~1"));
        let demand = checker.demand(&pointer, test, report);
        if let Some(probe) = checker.probe(&pointer, true, name, report) {
            let (score, total, reason) = demand?;
            let case = ProbeCase { probe, score, total, reason, site: checker.site(&pointer) };
            checker.ceiling(&pointer, &case, report);
            probes.push(case);
        }
    }
    let demands = spec.coverage.clone().unwrap_or_default();
    let demands = [demands.rules, demands.outcomes, demands.graders, demands.cells];
    let coverage = Measure::ALL
        .into_iter()
        .zip(demands)
        .filter_map(|(measure, share)| {
            Some((measure, share?.0, checker.site(&format!("/coverage/{}", measure.name()))))
        })
        .collect();
    (report.errors() == before).then(|| Suite { name: spec.name.clone(), rules, episodes, probes, coverage })
}

struct Checker<'a> {
    document: &'a Document,
    spec: &'a spec::Test,
    parts: &'a Parts<'a>,
    tasks: &'a [Arc<Task>],
    action: Option<&'a ActionModel>,
    observation: &'a [(Name, Part)],
}

impl Checker<'_> {
    fn site(&self, pointer: &str) -> Site {
        let (path, line) = self.document.line(pointer);
        Site { path, line }
    }

    fn moment(&self, pointer: &str, text: &str, report: &mut Report) -> Option<i64> {
        match read_moment(text) {
            Ok(moment) => Some(moment),
            Err(expected) => {
                let message = format!("`{text}` is not a moment");
                report.push(self.document.at(Code::BadValue, pointer, message).label(format!("expected {expected}")));
                None
            }
        }
    }

    fn rule_case(&self, at: usize, case: &spec::RuleCase, report: &mut Report) -> Option<RuleCase> {
        let pointer = format!("/rules/{at}");
        let before = report.errors();
        let of = self.rules_of(&pointer, case, report);
        let clock = match (&case.clock, &self.spec.clock) {
            (Some(text), _) => self.moment(&format!("{pointer}/clock"), text, report),
            (None, Some(text)) => self.moment("/clock", text, report),
            (None, None) => None,
        };
        let mut fields = vec![None; self.parts.fields.len()];
        for (name, value) in &case.given {
            let path = format!("{pointer}/given/{name}");
            if let Some(at) = self.parts.fields.iter().position(|column| column.name == *name) {
                fields[at] = column::read(&self.parts.fields[at], self.document, Code::BadValue, &path, value, report);
            } else {
                let names = self.parts.fields.iter().map(|column| column.name.as_str());
                report.push(
                    self.document
                        .at_key(Code::UnknownName, path, format!("items have no field `{name}`"))
                        .maybe_hint(suggest(name, names)),
                );
            }
        }
        self.check_counts(&pointer, &fields, report);
        for (at, problem) in self.parts.derived.complete(&self.parts.fields, &case.given, &mut fields) {
            let name = &self.parts.fields[at].name;
            report.push(
                self.document
                    .at(Code::BadValue, format!("{pointer}/given"), format!("`{name}` does not fit: {problem}"))
                    .hint(format!("leave out `{name}`, or change the fields that it is computed from")),
            );
        }
        let mut expect = case.expect.clone();
        let by = expect.shift_remove("by").map(|by| match by {
            Value::Array(list) => list.iter().map(plain).collect(),
            one => vec![plain(&one)],
        });
        let place = format!("{pointer}/expect");
        let expect = self.decisions(&place, &expect, report);
        let of = of?;
        let rules = self.parts.rules.get(&of)?;
        let decides = |at: &usize| {
            let says = |then: &[(usize, Datum)]| then.iter().any(|(column, _)| column == at);
            says(&rules.default) || rules.rules.iter().any(|rule| says(&rule.then)) || self.is_computed(*at)
        };
        for (at, _) in expect.iter().filter(|(at, _)| !decides(at)) {
            let name = &self.parts.decisions[*at].name;
            report.push(
                self.document
                    .at_key(Code::BadValue, format!("{place}/{name}"), format!("no rule of `{of}` decides `{name}`"))
                    .hint("remove it; a case under `episodes` can show what is right by a label"),
            );
        }
        for id in by.iter().flatten().filter(|id| *id != "default") {
            if !rules.rules.iter().any(|rule| rule.reason.id == *id) {
                let ids = rules.rules.iter().map(|rule| rule.reason.id.as_str()).chain(["default"]);
                report.push(
                    self.document
                        .at(Code::UnknownName, format!("{place}/by"), format!("`{of}` has no rule `{id}`"))
                        .maybe_hint(suggest(id, ids)),
                );
            }
        }
        if clock.is_none() && case.clock.is_none() && self.spec.clock.is_none() && rules.needs_clock().is_some() {
            // One clock of the document is enough for all of its cases.
            let message = format!("the rules `{of}` read the clock, and neither this case nor the document has one");
            let finding = self.document.at(Code::NoClock, &pointer, message).hint(ADD_CLOCK);
            let whole = self.document.place("").1;
            let is_told = |told: &casebook_syntax::diagnostic::Diagnostic| {
                told.code == finding.code
                    && told.path == finding.path
                    && told.message == finding.message
                    && whole.contains(&told.span.start)
            };
            if !report.diagnostics.iter().any(is_told) {
                report.push(finding);
            }
        }
        let name = case.name.clone().unwrap_or_else(|| {
            let given = Value::Object(case.given.clone()).to_string();
            given.chars().take(60).collect()
        });
        (report.errors() == before).then(|| RuleCase { name, site: self.site(&pointer), of, clock, fields, expect, by })
    }

    /// Warns of counts that no item of any episode has.
    fn check_counts(&self, pointer: &str, fields: &[Option<Datum>], report: &mut Report) {
        let Some(greatest) = self.parts.derived.greatest_count() else { return };
        let columns = self.parts.fields.iter().zip(fields).filter(|(column, _)| column.counted);
        for (column, field) in columns {
            let (name, Some(Datum::Integer(value))) = (&column.name, field) else { continue };
            if *value > greatest {
                let message = format!("no item can have `{name}: {value}`: no episode has so many other items");
                let place = format!("{pointer}/given/{name}");
                report.push(
                    self.document
                        .at(Code::NoEffect, place, message)
                        .hint(format!("write at most {greatest}, or let a task have more items")),
                );
            }
        }
    }

    /// The name of the rules that a case asks.
    fn rules_of(&self, pointer: &str, case: &spec::RuleCase, report: &mut Report) -> Option<String> {
        if let Some(name) = &case.of {
            if self.parts.documents.find(Kind::Rules, name).is_none() {
                let place = format!("{pointer}/of");
                self.parts.documents.missing(Kind::Rules, name, self.document, &place, report);
                return None;
            }
            return Some(name.clone());
        }
        match self.parts.documents.names(Kind::Rules).as_slice() {
            // What a case asks may be in rules that could not be read.
            names if self.parts.documents.some_lost(Kind::Rules) || self.parts.rules.len() < names.len() => None,
            [only] => Some((*only).to_owned()),
            names => {
                let (by, named) = self.asked(&case.expect);
                let (meant, able) = (self.sets_of(&named, &by), self.sets_of(&named, &[]));
                let is_known = |id: &String| {
                    self.parts.rules.values().any(|set| set.rules.iter().any(|rule| rule.reason.id == *id))
                };
                // Which rules are asked does not matter where formulas alone decide; a rule that there is not is reported with
                // those of the ones that can be meant.
                match (meant.as_slice(), able.as_slice()) {
                    ([only], _) => return Some((*only).to_owned()),
                    ([], [only]) if !by.iter().any(is_known) => return Some((*only).to_owned()),
                    ([any, ..], _) if named.is_empty() && by.is_empty() => return Some((*any).to_owned()),
                    _ => {}
                }
                let (message, names) = if meant.is_empty() {
                    ("no rules of the pack decide all that the case expects", names)
                } else {
                    ("several rules decide what the case expects", &*meant)
                };
                let names = list(names).unwrap_or_else(|| "the pack's rules".into());
                let split = if meant.is_empty() { "write a case for each set of rules, or " } else { "" };
                let hint = format!("{split}add `of:`, one of {names}");
                report.push(self.document.at(Code::MissingKey, pointer, message).hint(hint));
                None
            }
        }
    }

    /// The rules that a case names, and the decisions that it expects of rules.
    fn asked(&self, expect: &Map<String, Value>) -> (Vec<String>, Vec<usize>) {
        let by = match expect.get("by") {
            Some(Value::Array(ids)) => ids.iter().map(plain).collect(),
            by => by.map(plain).into_iter().collect(),
        };
        let column = |name: &String| self.parts.decisions.iter().position(|column| column.name == *name);
        (by, expect.keys().filter_map(column).filter(|at| !self.is_computed(*at)).collect())
    }

    /// The sets of rules that decide some decisions, and have some rules.
    fn sets_of(&self, named: &[usize], by: &[String]) -> Vec<&str> {
        let decides = |rules: &RuleSet| {
            let thens = rules.rules.iter().map(|rule| &rule.then).chain([&rules.default]);
            let columns: Vec<usize> = thens.flatten().map(|(column, _)| *column).collect();
            named.iter().all(|at| columns.contains(at))
                && by.iter().all(|id| id == "default" || rules.rules.iter().any(|rule| rule.reason.id == *id))
        };
        self.parts.rules.iter().filter(|(_, rules)| decides(rules)).map(|(name, _)| name.as_str()).collect()
    }

    /// Which tasks a family has, where a name is of a family and none of its tasks.
    fn beyond_family(&self, name: &str) -> Option<String> {
        let (family, _) = name.rsplit_once('/')?;
        find_task(self.tasks, family)?.range()
    }

    fn decisions(&self, pointer: &str, given: &Map<String, Value>, report: &mut Report) -> Vec<(usize, Datum)> {
        rubric::decision_values(self.document, pointer, given, &self.parts.decisions, report)
            .into_iter()
            .filter_map(|(column, mut values)| Some((column, values.pop()?)))
            .collect()
    }

    fn episode_case(&self, at: usize, case: &spec::EpisodeCase, report: &mut Report) -> Option<EpisodeCase> {
        let pointer = format!("/episodes/{at}");
        let before = report.errors();
        let found = find_task(self.tasks, &case.task);
        let task = found.as_ref();
        let written = |name: &str| self.parts.documents.find(Kind::Task, name).is_some();
        // Of a family with errors of its own, no task is known.
        let of_broken_family = || {
            let family = case.task.rsplit_once('/').map(|(family, _)| family);
            family.is_some_and(|family| written(family) && find_task(self.tasks, family).is_none())
        };
        let place = format!("{pointer}/task");
        if let Some(range) = self.beyond_family(&case.task).filter(|_| task.is_none()) {
            let message = format!("there is no task `{}`", case.task);
            report.push(self.document.at(Code::UnknownName, &place, message).hint(range));
        } else if task.is_none() && !written(&case.task) && !of_broken_family() {
            self.parts.documents.missing(Kind::Task, &case.task, self.document, &place, report);
        }
        self.arguments(&format!("{pointer}/arguments"), &case.arguments, report);
        let player = match (&case.play, &case.policy) {
            (Some(actions), None) => Some(Player::Actions(actions.clone())),
            (None, Some(name)) => self.probe(&format!("{pointer}/policy"), false, name, report).map(Player::Policy),
            (given, _) => {
                let (message, hint) = if given.is_some() {
                    ("the episode is played by `play` and by `policy`", "keep one of the two")
                } else {
                    ("nothing says how the episode is played", "add `play:` with actions, or `policy:`")
                };
                report.push(self.document.at(Code::BadDeclaration, &pointer, message).hint(hint));
                None
            }
        };
        for (at, action) in case.play.iter().flatten().enumerate() {
            let last = case.play.as_ref().is_some_and(|play| at + 1 == play.len());
            if !(last && case.expect.refused.is_some()) {
                let place = format!("{pointer}/play/{at}");
                // Where what is invalid costs, a test may show what it costs.
                if let Some(model) = self.action.filter(|model| !model.declaration.penalizes) {
                    let hint = "fix it, or put the words of the refusal into `refused` under `expect`";
                    check_taken(self.document, &place, action, (model, &self.parts.decisions), hint, report);
                }
            }
        }
        let expect = self.expectation(&format!("{pointer}/expect"), &case.expect, task, report);
        (report.errors() == before).then_some(())?;
        task?;
        Some(EpisodeCase {
            name: case.name.clone().unwrap_or_else(|| format!("{} with seed {}", case.task, case.seed)),
            site: self.site(&pointer),
            task: case.task.clone(),
            seed: case.seed,
            arguments: case.arguments.clone(),
            player: player?,
            expect: expect?,
        })
    }

    /// Checks what a reset is given.
    fn arguments(&self, pointer: &str, given: &Map<String, Value>, report: &mut Report) {
        let model = &self.parts.reset;
        let known = || model.parameters.iter().map(casebook_runtime::scenario::parameter::Parameter::name);
        for problem in model.validator.problems(&Value::Object(given.clone()), &|_| known().collect()) {
            let name = problem.path.first().map(ToString::to_string).unwrap_or_default();
            // Which levels there are is known once every task is.
            let is_open =
                self.parts.documents.broken() || self.parts.documents.of(Kind::Task).count() > self.tasks.len();
            let declared = !model.has_levels && known().any(|name| name == LEVEL);
            if name == LEVEL && is_open && !declared {
                continue;
            }
            let place = format!("{pointer}/{name}");
            let finding = match problem.kind {
                ProblemKind::UnknownKey => self
                    .document
                    .at_key(Code::UnknownName, place, format!("a reset takes no argument `{name}`"))
                    .maybe_hint(suggest(&name, known())),
                ProblemKind::Missing => self
                    .document
                    .at(Code::MissingKey, pointer, format!("a reset must be given `{name}`"))
                    .hint(format!("add `{name}:` under `arguments`")),
                _ => self
                    .document
                    .at(Code::BadValue, place, format!("`{name}` {}", problem.message))
                    .hint("fix it; `reset` in the environment lists what it takes"),
            };
            report.push(finding);
        }
    }

    fn expectation(
        &self,
        pointer: &str,
        spec: &spec::EpisodeExpectation,
        task: Option<&Arc<Task>>,
        report: &mut Report,
    ) -> Option<Expectation> {
        let number = |key: &str, test: &Option<spec::NumberTest>, report: &mut Report| match test {
            None => Some(None),
            Some(test) => self.number(&format!("{pointer}/{key}"), test, report).map(Some),
        };
        let mut components = Vec::new();
        for (name, test) in &spec.components {
            let place = format!("{pointer}/components/{name}");
            let known: Vec<&str> = task.map(|task| task.rubric.names().collect()).unwrap_or_default();
            if task.is_some() && !known.contains(&name.as_str()) {
                report.push(
                    self.document
                        .at_key(Code::UnknownName, &place, format!("the rubric has no node `{name}`"))
                        .maybe_hint(suggest(name, known)),
                );
            }
            components.extend(self.number(&place, test, report).map(|test| (name.clone(), test)));
        }
        let (answers, first) = match self.parts.environment.action {
            None => (ANSWERS, Some(INSTRUCTIONS)),
            Some(_) => (&[][..], None),
        };
        for name in spec.observation.keys() {
            let known = || self.observation.iter().map(|(name, _)| &**name).chain(answers.iter().copied()).chain(first);
            if !known().any(|known| known == name) {
                let known = known();
                report.push(
                    self.document
                        .at_key(
                            Code::UnknownName,
                            format!("{pointer}/observation/{name}"),
                            format!("observations have no field `{name}`"),
                        )
                        .maybe_hint(suggest(name, known)),
                );
            }
        }
        let rewards = match &spec.rewards {
            None => None,
            Some(tests) => {
                let place = |at: usize| format!("{pointer}/rewards/{at}");
                Some(
                    tests
                        .iter()
                        .enumerate()
                        .map(|(at, test)| self.number(&place(at), test, report))
                        .collect::<Option<Vec<_>>>()?,
                )
            }
        };
        Some(Expectation {
            score: number("score", &spec.score, report)?,
            total: number("return", &spec.total, report)?,
            rewards,
            components,
            done: spec.done,
            steps: number("steps", &spec.steps, report)?,
            refused: spec.refused.clone(),
            observation: spec.observation.clone(),
        })
    }

    /// Reads a demand on a number; one that nothing can meet is an error.
    /// What is demanded of an agent: its score, its return, and a reason.
    fn demand(
        &self,
        pointer: &str,
        test: &spec::ProbeTest,
        report: &mut Report,
    ) -> Option<(NumberTest, Option<NumberTest>, Option<String>)> {
        let bounds = match test {
            spec::ProbeTest::Equal(score) => return Some((NumberTest::Equal(*score), None, None)),
            spec::ProbeTest::Bounds(bounds) => bounds,
        };
        let spec::ProbeBounds { eq, gt, gte, lt, lte, total, reason } = bounds.clone();
        let score = spec::NumberTest::Bounds(spec::NumberBounds { eq, gt, gte, lt, lte });
        let score = self.number(pointer, &score, report);
        let total = total.map(|total| self.number(&format!("{pointer}/return"), &total, report));
        let reason = reason.filter(|reason| !reason.trim().is_empty());
        Some((score?, total.map_or(Some(None), |total| total.map(Some))?, reason))
    }

    /// Reports a score above the ceiling of a built-in agent that no reason explains.
    fn ceiling(&self, pointer: &str, case: &ProbeCase, report: &mut Report) {
        let own = |name: &str| self.parts.documents.find(Kind::Policy, name).is_some();
        let (Some(ceiling), Some(most)) = (case.probe.ceiling(own), case.score.most()) else { return };
        if most > ceiling && case.reason.is_none() {
            let name = case.probe.name();
            let message = format!("`{name}` may score {most}, but its ceiling is {ceiling}, and no `reason` raises it");
            let hint = format!("allow at most {ceiling}, or add `reason:` with why it may score more");
            report.push(self.document.at(Code::RaisedCeiling, pointer, message).hint(hint));
        }
    }

    fn number(&self, pointer: &str, test: &spec::NumberTest, report: &mut Report) -> Option<NumberTest> {
        let bounds = match test {
            spec::NumberTest::Equal(number) => return Some(NumberTest::Equal(*number)),
            spec::NumberTest::Bounds(bounds) => bounds,
        };
        if let Some(number) = bounds.eq {
            return Some(NumberTest::Equal(number));
        }
        let low = bounds.gt.map(|bound| (bound, false)).or(bounds.gte.map(|bound| (bound, true)));
        let high = bounds.lt.map(|bound| (bound, false)).or(bounds.lte.map(|bound| (bound, true)));
        if let (Some((low, _)), Some((high, _))) = (low, high)
            && low > high
        {
            report.push(
                self.document
                    .at(Code::OutOfBounds, pointer, format!("no number is above {low} and below {high}"))
                    .hint("swap the two bounds"),
            );
            return None;
        }
        Some(NumberTest::Between(low, high))
    }

    /// Whether an expression says what is right, also one with an error of its own.
    fn is_computed(&self, decision: usize) -> bool {
        let decision = self.parts.environment.decision.values().nth(decision);
        decision.and_then(|one| one.truth.as_ref()).is_some_and(|truth| truth.value.is_some())
    }

    /// Reads the name of an agent; `key` says whether the name is a key or a value.
    fn probe(&self, pointer: &str, key: bool, name: &str, report: &mut Report) -> Option<Probe> {
        if let Some(found) = Probe::always(&self.parts.decisions, name) {
            return match found {
                Ok(probe) => Some(probe),
                Err(problem) => self.no_answer(pointer, key, &problem, report),
            };
        }
        let optional: Vec<&str> = optional_policies(&self.parts.decisions, self.plants()).collect();
        if BUILT_IN_POLICIES.contains(&name)
            || optional.contains(&name)
            || self.parts.documents.find(Kind::Policy, name).is_some()
        {
            return Some(Probe::Policy(name.to_owned()));
        }
        let documents = &self.parts.documents;
        if documents.may_be_lost(Kind::Policy, name) || OPTIONAL_POLICIES.contains(&name) && documents.broken() {
            return None;
        }
        let known = BUILT_IN_POLICIES.into_iter().chain(optional).chain(self.parts.documents.names(Kind::Policy));
        let hint = suggest(name, known.chain(["always(...)"]));
        self.at(pointer, key, Code::UnknownName, format!("there is no agent `{name}`"), hint, report)
    }

    /// Whether a task plants instructions, which the policy `obey` obeys.
    fn plants(&self) -> bool {
        let plants = |document: &Document| matches!(&document.content, Content::Task(task) if task.plant.is_some());
        self.parts.documents.of(Kind::Task).any(plants)
    }

    /// Reports the name of an agent with one answer that none can give.
    fn no_answer(&self, pointer: &str, key: bool, problem: &AlwaysProblem, report: &mut Report) -> Option<Probe> {
        let decisions = &self.parts.decisions;
        let choices = || answerable(decisions).map(|(_, column)| column);
        let (code, message, hint) = match problem {
            AlwaysProblem::NoDecision(name) => {
                let hint = suggest(name, choices().map(|column| column.name.as_str()));
                (Code::UnknownName, problem.to_string(), hint)
            }
            AlwaysProblem::NoValue(at, value) => {
                let known = decisions[*at].values.iter().map(String::as_str);
                let message = format!("`{}` has no value `{value}`", decisions[*at].name);
                (Code::BadValue, message, suggest(value, known))
            }
            AlwaysProblem::NoSuchValue(value) => {
                let known = choices().flat_map(|column| column.values.iter().map(String::as_str));
                (Code::BadValue, problem.to_string(), suggest(value, known))
            }
            AlwaysProblem::Several(value, first) => {
                let hint = Some(format!("write `always({first}={value})`").into());
                (Code::BadValue, problem.to_string(), hint)
            }
        };
        self.at(pointer, key, code, message, hint, report)
    }

    fn at(
        &self,
        pointer: &str,
        key: bool,
        code: Code,
        message: String,
        hint: Option<Hint>,
        report: &mut Report,
    ) -> Option<Probe> {
        let finding =
            if key { self.document.at_key(code, pointer, message) } else { self.document.at(code, pointer, message) };
        report.push(finding.maybe_hint(hint));
        None
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
