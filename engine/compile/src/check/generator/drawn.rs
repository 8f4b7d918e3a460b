//! What a task draws, tried with its rules.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use casebook_runtime::{
    items::Law,
    model::Item,
    names::list,
    rules::{CompiledRule, Test},
    scenario::{
        TaskLevel, Variants,
        generator::{
            Cast, Drawn, Fault, Generator, InboxPart, Plan, Source, Subset, Way, World,
            distribution::parts,
            plan::{REACH, Survey, Unreached},
        },
    },
    settings::SplitType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    source::SourceFile,
    spec::{self, Content, Document, Kind},
};

use super::{digest, levels, place, slots::count};
use crate::check::{Documents, Parts, inbox, template, truth::sources, vary};

/// Items that are drawn at load to find what fails.
const SAMPLES: usize = 100;
/// Those at a level that a reset may choose.
const LEVEL_SAMPLES: usize = 20;

/// The items of a task: those of its inboxes, where the items of an episode come from, and some that are drawn.
#[derive(Default)]
pub(in crate::check) struct TaskItems {
    pub(in crate::check) listed: Vec<Variants>,
    pub(in crate::check) parts: Vec<InboxPart>,
    pub(in crate::check) samples: Vec<Arc<Item>>,
    /// Where they come from at each level that a reset may choose.
    pub(in crate::check) levels: Vec<TaskLevel>,
    /// Whether something is missing that was refused elsewhere.
    broken: bool,
}

/// Compiles what a task's `inbox` says.
pub(in crate::check) fn parts_of_task(
    document: &Document,
    (spec, vary): (&spec::Task, &vary::Values),
    source: &spec::InboxSource,
    clock: Option<i64>,
    parts: &Parts<'_>,
    report: &mut Report,
) -> Option<TaskItems> {
    let before = report.errors();
    let mut items = TaskItems::default();
    for (pointer, part) in source.parts() {
        let task = Task { document, spec, vary, clock, parts, tells: true };
        match part {
            spec::InboxPart::Inbox(name) => {
                let range = task.inbox(name, &pointer, &mut items.listed, report);
                items.broken |= range.is_none();
                items.parts.extend(range.map(InboxPart::Listed));
            }
            spec::InboxPart::Drawn(drawn) => task.drawn(&pointer, drawn, &mut items, report),
        }
    }
    let mut ids: Vec<&str> = items.listed.iter().filter_map(|one| Some(one.forms.first()?.id.as_str())).collect();
    ids.sort_unstable();
    if let Some(twice) = ids.array_windows().find_map(|[one, next]| (one == next).then_some(one)) {
        report.push(
            document
                .at(Code::DuplicateName, "/inbox", format!("two items of the task have the id `{twice}`"))
                .hint("rename one of the two, or name an inbox once"),
        );
    }
    let least = |part: &InboxPart| match part {
        InboxPart::Listed(range) => i64::try_from(range.len()).unwrap_or(i64::MAX),
        InboxPart::Some(_, draw) => i64::try_from(*draw).unwrap_or(i64::MAX),
        InboxPart::Drawn(drawn) => drawn.count.first,
    };
    let sound = report.errors() == before && !items.broken;
    if sound && !items.parts.is_empty() && items.parts.iter().all(|part| least(part) <= 0) {
        report.push(
            document
                .at(Code::BadValue, "/inbox", "an episode of the task can be without items, so nothing can be decided")
                .hint("let it draw one item or more"),
        );
    }
    if report.errors() == before && !items.broken {
        items.levels =
            levels::of_task(&Task { document, spec, vary, clock, parts, tells: false }, source, &items, report);
    }
    (report.errors() == before && !items.broken).then_some(items)
}

pub(super) struct Task<'a, 'p> {
    pub(super) document: &'a Document,
    spec: &'a spec::Task,
    vary: &'a vary::Values,
    clock: Option<i64>,
    pub(super) parts: &'a Parts<'p>,
    /// Whether what is found is reported.
    tells: bool,
}

impl Task<'_, '_> {
    /// Adds the items of an inbox; returns their positions.
    fn inbox(
        &self,
        name: &str,
        pointer: &str,
        listed: &mut Vec<Variants>,
        report: &mut Report,
    ) -> Option<std::ops::Range<usize>> {
        let found = self.parts.documents.find(Kind::Inbox, name).map(|found| (found, &found.content));
        let Some((found, Content::Inbox(inbox))) = found else {
            self.parts.documents.missing(Kind::Inbox, name, self.document, pointer, report);
            return None;
        };
        let items = inbox::items(found, inbox, (self.document, self.vary), self.clock, self.parts, report)?;
        let start = listed.len();
        listed.extend(items);
        Some(start..listed.len())
    }

    fn drawn(&self, pointer: &str, spec: &spec::DrawnItems, items: &mut TaskItems, report: &mut Report) {
        let alone: [(&str, bool, bool); 5] = [
            ("items", spec.items.is_some(), spec.generate.is_some()),
            ("level", spec.level.is_some(), spec.generate.is_some()),
            ("mix", !spec.mix.is_empty(), spec.generate.is_some()),
            ("draw", spec.draw.is_some(), spec.from.is_some()),
            ("from", spec.from.is_some(), spec.draw.is_some()),
        ];
        let before = report.errors();
        for (key, there, may) in alone {
            if there && !may {
                let with = match key {
                    "draw" => "from",
                    "from" => "draw",
                    _ => "generate",
                };
                report.push(
                    self.document
                        .at_key(
                            Code::BadDeclaration,
                            format!("{pointer}/{key}"),
                            format!("`{key}` is only valid with `{with}`"),
                        )
                        .hint(format!("add `{with}:`, or remove `{key}`")),
                );
            }
        }
        match (&spec.generate, &spec.from) {
            (Some(_), Some(_)) => report.push(
                self.document
                    .at_key(
                        Code::BadDeclaration,
                        format!("{pointer}/from"),
                        "`generate` and `from` are mutually exclusive",
                    )
                    .hint("write two parts: `inbox: [{ generate: ... }, { draw: ..., from: ... }]`"),
            ),
            (None, None) if report.errors() == before => report.push(
                self.document
                    .at(Code::MissingKey, pointer, "the part does not say where its items come from")
                    .hint("add `generate:` with `items:`, or `draw:` with `from:`"),
            ),
            (Some(generators), None) if report.errors() == before => {
                self.generated(pointer, spec, generators, items, report);
            }
            (None, Some(name)) if report.errors() == before => {
                let Some(range) = self.inbox(name, &format!("{pointer}/from"), &mut items.listed, report) else {
                    return;
                };
                let draw = spec.draw.unwrap_or_default() as usize;
                if draw > range.len() {
                    report.push(
                        self.document
                            .at(
                                Code::BadValue,
                                format!("{pointer}/draw"),
                                format!("the inbox `{name}` has {} items, and {draw} are drawn", range.len()),
                            )
                            .hint("lower `draw`"),
                    );
                }
                items.parts.push(InboxPart::Some(range, draw));
            }
            _ => {}
        }
    }

    pub(super) fn generated(
        &self,
        pointer: &str,
        spec: &spec::DrawnItems,
        generators: &spec::Generators,
        items: &mut TaskItems,
        report: &mut Report,
    ) {
        let Some(number) = &spec.items else {
            report.push(
                self.document
                    .at_key(
                        Code::MissingKey,
                        format!("{pointer}/generate"),
                        "the task does not say how many items it draws",
                    )
                    .hint("add `items:` with a number, or a range such as `{ from: 4, to: 8 }`"),
            );
            return;
        };
        let grid = count(self.document, &format!("{pointer}/items"), number, report);
        let named: Vec<(String, &str, f64)> = match generators {
            spec::Generators::One(name) => vec![(format!("{pointer}/generate"), name.as_str(), 1.0)],
            spec::Generators::Weights(weights) => weights
                .iter()
                .map(|(name, weight)| (format!("{pointer}/generate/{name}"), name.as_str(), *weight))
                .collect(),
        };
        let mut made = Vec::new();
        for (place, name, weight) in named {
            if let Some(source) = self.source((pointer, &place), name, parts(weight), spec, items, report) {
                made.push(source);
            } else {
                items.broken = true;
            }
        }
        if let Some(count) = grid.filter(|_| !made.is_empty()) {
            items.parts.push(InboxPart::Drawn(Drawn { count, sources: made }));
        }
    }

    /// A generator as the task uses it, tried.
    fn source(
        &self,
        (pointer, place): (&str, &str),
        name: &str,
        weight: u64,
        spec: &spec::DrawnItems,
        items: &mut TaskItems,
        report: &mut Report,
    ) -> Option<Source> {
        let Some(document) = self.parts.documents.find(Kind::Generator, name) else {
            self.parts.documents.missing(Kind::Generator, name, self.document, place, report);
            return None;
        };
        let Content::Generator(written) = &document.content else { return None };
        if let Some(level) = spec.level.as_ref().filter(|level| !written.levels.contains_key(*level)) {
            report.push(
                self.document
                    .at(
                        Code::UnknownName,
                        format!("{pointer}/level"),
                        format!("the generator `{name}` has no level `{level}`"),
                    )
                    .maybe_hint(suggest(level, written.levels.keys().map(String::as_str))),
            );
            return None;
        }
        let generator = Arc::clone(self.parts.generators.get(&(name.to_owned(), spec.level.clone()))?);
        let declared = self.parts.environment.splits.get(&self.spec.split).copied();
        let kind = declared.or_else(|| SplitType::named(&self.spec.split)).unwrap_or(SplitType::Validation);
        let mix = self.mix(pointer, name, spec, (&generator, kind == SplitType::Test), report)?;
        let needs_clock =
            |slot: &casebook_runtime::scenario::generator::Slot| matches!(slot.way, Way::Moment { relative: true, .. });
        // One that cannot be read is reported where it is written.
        if self.clock.is_none() && self.spec.clock.is_some() {
            return None;
        }
        if self.clock.is_none() && generator.slots.slots.iter().any(needs_clock) {
            report.push(
                self.document
                    .at(
                        Code::NoClock,
                        "",
                        format!(
                            "the generator `{name}` draws moments before or after the clock, and the task has none"
                        ),
                    )
                    .hint(super::super::task::ADD_CLOCK),
            );
            return None;
        }
        let cast = Cast { generator, test: kind == SplitType::Test, mix };
        if !self.parts.sound {
            // What rules say is open as long as some are wrong.
            return None;
        }
        if self.parts.untried {
            return Some(Source { weight, cast, plan: Arc::default() });
        }
        let law_sources = sources(self.parts);
        let law = Law { decisions: &self.parts.decisions, sources: &law_sources, clock: self.clock };
        let world = World { fields: &self.parts.fields, derived: &self.parts.derived, law };
        let tried = Tried {
            generator: document.digest.clone(),
            level: spec.level.clone(),
            clock: self.clock,
            test: cast.test,
            mix: cast.mix.clone(),
        };
        // Tasks that use a generator in the same way share its plan.
        let mut source = Source { weight, cast, plan: Arc::default() };
        if let Some(trial) = self.parts.plans.borrow().tried.get(&tried) {
            source.plan = Arc::clone(&trial.plan);
            if trial.told || !self.tells {
                items.samples.extend(trial.samples.iter().cloned());
                return Some(source);
            }
        }
        let site =
            Site { document, spec: written, level: spec.level.as_deref(), test: source.cast.test, task: self.document };
        let (found, findings) = (report.errors(), report.diagnostics.len());
        let (samples, faults) = if self.tells {
            source.plan = self.plan(&source.cast, &tried, site, &world, report)?;
            source.sample(self.clock, &world, SAMPLES)
        } else {
            let free = Source { plan: Arc::new(OnceLock::from(Plan::default())), ..source.clone() };
            free.sample(self.clock, &world, LEVEL_SAMPLES)
        };
        site.report(self.parts, Survey { faults, unreached: Vec::new() }, report);
        if report.errors() > found {
            return None;
        }
        let samples: Vec<Arc<Item>> = samples.into_iter().map(Arc::new).collect();
        items.samples.extend(samples.iter().cloned());
        let faulty = report.diagnostics.len() > findings;
        let trial = Trial { plan: Arc::clone(&source.plan), samples, faulty, told: self.tells };
        self.parts.plans.borrow_mut().tried.insert(tried, trial);
        Some(source)
    }

    /// How draws of a generator are steered, learned once for all uses that do not differ in what steers them. Nothing where
    /// trial draws failed, which is reported at the first use.
    fn plan(
        &self,
        cast: &Cast,
        tried: &Tried,
        site: Site<'_>,
        world: &World<'_>,
        report: &mut Report,
    ) -> Option<Arc<OnceLock<Plan>>> {
        let (mut use_of, mut cast) = (tried.clone(), cast.clone());
        let base = self.parts.generators.get(&(site.spec.name.clone(), None))?;
        let needs = Plan::needs(base, world);
        let replaced = site.level.and_then(|level| site.spec.levels.get(level));
        let asks = |of: &Generator| (of.cover, of.boundary > 0, of.conflicts > 0);
        let level_steers = replaced.is_some_and(|level| {
            asks(base) != asks(&cast.generator) || needs.has_any(level.slots.keys(), level.phrases.keys())
        });
        if !level_steers {
            use_of.level = None;
            cast.generator = Arc::clone(base);
        }
        use_of.test = cast.test && (level_steers || needs.differ_by_split());
        cast.test = use_of.test;
        if let Some(known) = self.parts.plans.borrow().learned.get(&use_of) {
            return known.plan.clone();
        }
        let (plan, mut survey) = Plan::new(&cast, self.clock, world);
        if !survey.unreached.is_empty() && !cast.mix.is_empty() {
            // What the mix of a task leaves out is meant.
            let whole = Cast { mix: Vec::new(), ..cast };
            let unreached = Plan::new(&whole, self.clock, world).1.unreached;
            survey.unreached.retain(|one| unreached.contains(one));
        }
        let (found, findings) = (report.errors(), report.diagnostics.len());
        Site { level: use_of.level.as_deref(), test: use_of.test, ..site }.report(self.parts, survey, report);
        let plan = (report.errors() == found).then(|| Arc::new(OnceLock::from(plan)));
        let learned = Learned { plan: plan.clone(), faulty: report.diagnostics.len() > findings };
        self.parts.plans.borrow_mut().learned.insert(use_of, learned);
        plan
    }

    /// The weights that the task gives to values of slots.
    fn mix(
        &self,
        pointer: &str,
        name: &str,
        spec: &spec::DrawnItems,
        (generator, test): (&casebook_runtime::scenario::generator::Generator, bool),
        report: &mut Report,
    ) -> Option<Vec<(String, Vec<u64>)>> {
        let before = report.errors();
        let mut mix = Vec::new();
        for (slot, weights) in &spec.mix {
            let path = format!("{pointer}/mix/{slot}");
            let picks = generator.slots.slots.iter().zip(generator.slots.names.iter());
            let choices = picks.clone().find(|(_, known)| *known == slot).and_then(|(slot, _)| match &slot.way {
                Way::Pick(choices) => Some(choices),
                _ => None,
            });
            let Some(choices) = choices else {
                let known = picks.filter(|(slot, _)| matches!(slot.way, Way::Pick(_))).map(|(_, name)| name.as_str());
                report.push(
                    self.document
                        .at_key(
                            Code::UnknownName,
                            path,
                            format!("the generator `{name}` has no slot `{slot}` with `pick`"),
                        )
                        .maybe_hint(suggest(slot, known)),
                );
                continue;
            };
            let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let values: Vec<String> = choices.iter().map(|choice| text(&choice.cell.json)).collect();
            for value in weights.keys().filter(|value| !values.contains(value)) {
                report.push(
                    self.document
                        .at_key(
                            Code::UnknownName,
                            format!("{path}/{value}"),
                            format!("the slot `{slot}` never picks `{value}`"),
                        )
                        .maybe_hint(suggest(value, values.iter().map(String::as_str))),
                );
            }
            for (value, _) in weights.iter().filter(|(_, weight)| **weight < 0.0) {
                report.push(
                    self.document
                        .at(Code::OutOfBounds, format!("{path}/{value}"), "a weight must be at least 0")
                        .hint("write 0 for a value that is never picked"),
                );
            }
            if weights.values().all(|weight| *weight == 0.0) {
                report.push(
                    self.document
                        .at(
                            Code::BadValue,
                            path.as_str(),
                            format!("no value of `{slot}` has a weight, so none is picked"),
                        )
                        .hint("give one of them a weight above 0"),
                );
            }
            let (other, side) = if test { (Subset::Train, "training") } else { (Subset::Test, "tests") };
            let here = choices.iter().zip(&values).filter(|(choice, _)| choice.subset != other);
            let left: Vec<&str> = here.map(|(_, value)| value.as_str()).collect();
            let is_named = |value: &&str| weights.get(*value).is_some_and(|weight| *weight > 0.0);
            if report.errors() == before && !left.iter().any(is_named) {
                let side = format!("keeps them for {side}");
                let message =
                    format!("no value of `{slot}` that the mix names is drawn in this split: `hold_out` {side}");
                report.push(
                    self.document
                        .at_key(Code::BadValue, path.as_str(), message)
                        .hint(format!("name one of {}, or remove the line", list(&left).unwrap_or_default())),
                );
            }
            let weight = |value: &String| weights.get(value).copied().map_or(0, parts);
            mix.push((slot.clone(), values.iter().map(weight).collect()));
        }
        (report.errors() == before).then_some(mix)
    }
}

/// The plans of generators as tasks use them.
#[derive(Debug, Default)]
pub(in crate::check) struct Plans {
    /// A digest of what plans depend on besides the generator and its task.
    law: String,
    tried: HashMap<Tried, Trial>,
    /// The same of what plans were learned for: the level and the split only where those steer draws.
    learned: HashMap<Tried, Learned>,
}

/// How a task uses a generator: all that its plan depends on, besides the rules and what items are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Tried {
    /// The digest of the generator.
    generator: String,
    level: Option<String>,
    clock: Option<i64>,
    test: bool,
    mix: Vec<(String, Vec<u64>)>,
}

/// What trying a generator gave.
#[derive(Debug)]
struct Trial {
    plan: Arc<OnceLock<Plan>>,
    /// Items that it draws.
    samples: Vec<Arc<Item>>,
    /// Whether there were findings.
    faulty: bool,
    /// Whether it was tried whole and those were reported; a level that a reset may choose is only drawn some items at.
    told: bool,
}

/// What learning to steer gave.
#[derive(Debug)]
struct Learned {
    /// Nothing where trial draws failed.
    plan: Option<Arc<OnceLock<Plan>>>,
    /// Whether there were findings.
    faulty: bool,
}

impl Plans {
    /// Those that still hold for the documents of a pack and had no findings, which have to be reported again.
    pub(in crate::check) fn under(mut self, documents: &Documents<'_>, data: &[&SourceFile]) -> Self {
        let law = digest(documents.digest_of(&[Kind::Environment, Kind::Rules]), data);
        if law == self.law {
            let here = |digest: &str| documents.of(Kind::Generator).any(|document| document.digest == digest);
            self.tried.retain(|tried, trial| !trial.faulty && here(&tried.generator));
            self.learned.retain(|tried, learned| !learned.faulty && here(&tried.generator));
            self
        } else {
            Self { law, ..Self::default() }
        }
    }
}

/// What helps where a rule is not reached that reads a clock on a wall.
const UNSTEERED: &str = "nothing steers draws towards weekdays, times of day and calendars: let a slot draw such moments more often, \
     or another one less that a rule before it asks for";

/// A generator whose trial is reported.
#[derive(Clone, Copy)]
struct Site<'a> {
    document: &'a Document,
    spec: &'a spec::Generator,
    level: Option<&'a str>,
    /// Whether the task draws only what is held out.
    test: bool,
    task: &'a Document,
}

impl Site<'_> {
    fn report(&self, parts: &Parts<'_>, survey: Survey, report: &mut Report) {
        let task = self.task.content.name();
        let sound = survey.faults.is_empty();
        let level = self.level.map(|level| format!(" at the level `{level}`")).unwrap_or_default();
        let label = format!("drawn for the task `{task}`{level}");
        for Fault { pointer, message, .. } in survey.faults {
            let pointer = place(self.spec, self.level, &pointer);
            let hint = template::unknown_filter(&message).unwrap_or_else(|| {
                "cover what the slots can draw, or narrow them; `casebook sample` shows items".to_owned()
            });
            // A whole phrase begins with its first text, which is not to blame.
            let is_whole = pointer.rsplit('/').nth(1) == Some("phrases");
            let finding = if is_whole {
                self.document.at_key(Code::FailedDraw, pointer, message)
            } else {
                self.document.at(Code::FailedDraw, pointer, message)
            };
            report.push(finding.label(label.as_str()).hint(hint));
        }
        // Draws that fail reach nothing, whatever the slots can draw.
        for one in survey.unreached.iter().filter(|_| sound) {
            self.unreached(parts, one, &label, report);
        }
    }

    /// Reports a goal that was never met: a rule where it is written, anything else at the generator.
    fn unreached(&self, parts: &Parts<'_>, one: &Unreached, label: &str, report: &mut Report) {
        let name = &self.spec.name;
        let key = |key: &str| match self.level {
            Some(level) if self.document.value.pointer(&format!("/levels/{level}/{key}")).is_some() => {
                format!("/levels/{level}/{key}")
            }
            _ => format!("/{key}"),
        };
        let reach = if self.test && !self.spec.hold_out.is_empty() {
            "let a slot take what the rule asks for; what is drawn for a test is only what `hold_out` keeps from training"
        } else {
            "let a slot take what the rule asks for"
        };
        let (pointer, message, hint) = match one {
            Unreached::Rule(rules, at) => {
                let Some(rule) = parts.rules.get(rules).and_then(|set| set.rules.get(*at)) else { return };
                let Some(document) = parts.documents.find(Kind::Rules, rules) else { return };
                let id = &rule.reason.id;
                let message = format!("no item of the generator `{name}` reached the rule `{id}` in {REACH} draws");
                let finding = document.at(Code::OutOfReach, rule_pointer(document, id), message);
                let hint = if reads_clock_on_wall(rule) { UNSTEERED } else { reach };
                report.push(finding.label(label).hint(hint));
                return;
            }
            Unreached::Default(rules) => (
                key("cover"),
                format!("the default of `{rules}` was not reached in {REACH} draws"),
                "let slots take what no rule asks for, or remove the default",
            ),
            Unreached::Conflict => (
                key("conflicts"),
                format!("no item that several rules match came up in {REACH} draws"),
                "remove `conflicts`, or let slots take what several rules ask for",
            ),
            Unreached::Boundary => (
                key("boundary"),
                "no rule has a threshold that a slot can be at".to_owned(),
                "remove `boundary`, or make a field of a slot with `number`, `integer`, `duration` or `time`: `{ slot: ... }`",
            ),
        };
        report.push(self.document.at_key(Code::OutOfReach, pointer, message).label(label).hint(hint));
    }
}

/// Whether a rule asks for weekdays, times of day or dates of a calendar.
fn reads_clock_on_wall(rule: &CompiledRule) -> bool {
    let mut tests = Vec::new();
    std::iter::once(&rule.when).chain(&rule.except).for_each(|condition| condition.tests(&mut tests));
    tests.iter().any(|(_, test)| matches!(test, Test::Wall(..)))
}

/// Where a rule is written.
fn rule_pointer(rules: &Document, id: &str) -> String {
    let Content::Rules(spec) = &rules.content else { return String::new() };
    let at = spec.rules.iter().flatten().position(|rule| rule.id == id);
    at.map(|at| format!("/rules/{at}/id")).unwrap_or_default()
}
