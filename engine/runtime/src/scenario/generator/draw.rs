//! An item: its slots, phrases, fields and labels.

use std::sync::Arc;

use minijinja::Value as Context;
use serde_json::Value;

use super::{
    Cell, FieldSource, LabelSource, TemplateBody,
    context::Names,
    inbox::Drawing,
    phrases::Phrases,
    plan::{Goal, Plan},
    slots::{Lean, Pinned, Slots, Upright, evaluate},
};
use crate::{
    items::{self, Flaw, Law},
    model::{Column, Datum, Item, Keyword, Origin, Text, TruthCell, counting},
    rules::Facts,
    scenario::{
        Task,
        derived::Derived,
        drafts::{Draft, Problem},
        random::Stream,
    },
};

/// The maximum number of draws for one item.
const TRIES: usize = 64;

/// What items are made for.
#[derive(Debug)]
pub struct World<'a> {
    /// The fields of the pack.
    pub fields: &'a [Column],
    /// What computes the derived fields.
    pub derived: &'a Derived,
    /// What is right.
    pub law: Law<'a>,
}

/// Another version of a task, by whose rules draws are steered.
#[derive(Debug, Clone, Copy)]
pub struct Steering<'a> {
    /// The task.
    pub task: &'a Task,
    /// What its items are made for.
    pub world: &'a World<'a>,
}

/// Why something could not be drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the generator, as a JSON pointer.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// Whether it is about what rules and labels say, so that another draw may be free of it.
    pub flaw: bool,
}

impl Fault {
    pub(super) fn new(pointer: &str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), message: message.into(), flaw: false }
    }
}

/// An item on its way.
pub(super) struct Candidate<'a> {
    pub(super) slots: Slots,
    phrases: PhrasesOf<'a>,
    pub(super) values: Vec<Option<Value>>,
    /// Which of them are made.
    made: Vec<bool>,
    /// The fields as far as they are made.
    pub(super) fields: Vec<Option<Datum>>,
}

struct PhrasesOf<'a> {
    drawing: &'a Drawing<'a>,
    names: Arc<Names>,
    /// What is right and by which rule; filled once that is settled.
    judged: Arc<Names>,
    context: Context,
}

impl Candidate<'_> {
    fn phrases(&self) -> Phrases<'_> {
        let PhrasesOf { drawing, names, context, .. } = &self.phrases;
        Phrases { drawing, names: Arc::clone(names), data: &self.slots.data, context: context.clone() }
    }
}

impl<'a> Drawing<'a> {
    /// Draws an item that meets a goal of a plan by the law that it was made for, or after many tries one that does not.
    pub(super) fn item(
        &'a self,
        id: &str,
        (plan, steering): (&Plan, &Law<'_>),
        goal: Option<Goal<'_>>,
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Item, Fault> {
        let mut last = None;
        for attempt in 0..2 * TRIES {
            // After many tries any item will do.
            let goal = goal.filter(|_| attempt < TRIES);
            let Some(mut candidate) = self.attempt((attempt, goal), (plan, steering), world, stream)? else { continue };
            match self.finish(id, &mut candidate, (plan, lean_of(goal)), world, stream) {
                Err(fault) if fault.flaw => last = Some(fault),
                item => return item,
            }
        }
        Err(last.unwrap_or_else(|| Fault::new("", "no draw succeeds")))
    }

    /// Draws an item like [`Self::item`], as far as that goes before the other items of the episode are known.
    pub(super) fn draft(
        &'a self,
        (plan, steering): (&Plan, &Law<'_>),
        goal: Option<Goal<'_>>,
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<(Candidate<'a>, Vec<TruthCell>), Fault> {
        for attempt in 0..=TRIES {
            let goal = goal.filter(|_| attempt < TRIES);
            let Some(mut candidate) = self.attempt((attempt, goal), (plan, steering), world, stream)? else { continue };
            let truth = self.complete(&mut candidate, (plan, lean_of(goal)), world, stream)?;
            return Ok((candidate, truth));
        }
        Err(Fault::new("", "no draw succeeds"))
    }

    /// Draws the fields that rules read; nothing where they miss the goal.
    fn attempt(
        &'a self,
        (attempt, goal): (usize, Option<Goal<'_>>),
        (plan, steering): (&Plan, &Law<'_>),
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Option<Candidate<'a>>, Fault> {
        let pinned = goal.and_then(|goal| goal.pinned(stream));
        let candidate = self.candidate((lean_of(goal), pinned), plan, world, stream)?;
        let missed = candidate.slots.missed && attempt < TRIES;
        let is_off = |goal: Goal<'_>| !goal.is_met(plan, steering, &candidate.fields, self.clock);
        Ok((!missed && !goal.is_some_and(is_off)).then_some(candidate))
    }

    /// Draws an item with a lean and no goal.
    pub(super) fn item_leaning(
        &'a self,
        id: &str,
        lean: &dyn Lean,
        plan: &Plan,
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Item, Fault> {
        let mut candidate = self.candidate((lean, None), plan, world, stream)?;
        self.finish(id, &mut candidate, (plan, lean), world, stream)
    }

    /// Draws the fields that rules read, and the slots that they follow from.
    pub(super) fn candidate(
        &'a self,
        (lean, pinned): (&dyn Lean, Option<Pinned>),
        plan: &Plan,
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Candidate<'a>, Fault> {
        let said = Names::new(&self.generator.phrase_names, None, None);
        let phrase = Context::from_dyn_object(Arc::clone(&said));
        let judged = Names::new(&self.generator.judged_names, None, None);
        let list = &self.generator.slots;
        let mut slots = list.begin(Some(Context::from_dyn_object(Arc::clone(&judged))), Some(phrase));
        list.draw_some(&mut slots, |at| plan.is_needed(at), self, stream, (lean, pinned))?;
        let context = Context::from_dyn_object(Arc::clone(&slots.names));
        let phrases = PhrasesOf { drawing: self, names: said, judged, context };
        let count = world.fields.len();
        let mut candidate = Candidate {
            slots,
            phrases,
            values: vec![None; count],
            made: vec![false; count],
            fields: vec![None; count],
        };
        for at in &plan.judged {
            self.field(*at, &mut candidate, world, stream)?;
        }
        derive(&mut candidate, world)?;
        Ok(candidate)
    }

    /// Makes one field.
    fn field(
        &self,
        at: usize,
        candidate: &mut Candidate<'_>,
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<(), Fault> {
        candidate.made[at] = true;
        let Some(source) = self.generator.fields.get(at).and_then(Option::as_ref) else { return Ok(()) };
        let column = &world.fields[at];
        let pointer = || format!("/fields/{}", column.name);
        let value = self.value(source, &candidate.slots.cells, &candidate.phrases(), stream)?;
        if value.is_none() && !column.optional {
            return Err(Fault::new(&pointer(), format!("the item has no `{}` where this is null", column.name)));
        }
        candidate.fields[at] = value.as_ref().map(|value| read(column, value, &pointer)).transpose()?;
        candidate.values[at] = value;
        Ok(())
    }

    /// Makes the rest of an item.
    fn finish(
        &self,
        id: &str,
        candidate: &mut Candidate<'_>,
        drawn_by: (&Plan, &dyn Lean),
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Item, Fault> {
        let mut truth = self.complete(candidate, drawn_by, world, stream)?;
        let decisions = world.law.decisions;
        let values = std::mem::take(&mut candidate.values);
        let failed = world.derived.judge((world.fields, decisions), &values, &mut truth);
        // What follows from counts may not be known of an item that is alone.
        if let Some((at, problem)) = failed.into_iter().find(|_| world.derived.counts().is_empty()) {
            return Err(uncomputed(decisions, at, &problem));
        }
        let fields = std::mem::take(&mut candidate.fields);
        if let Some(flaw) = world.law.settle(&fields, &mut truth, None).into_iter().next() {
            return Err(explain(&flaw, &truth, &world.law));
        }
        self.say(candidate, &mut truth, decisions, stream)?;
        Ok(items::assemble(id, world.fields, values, fields, truth))
    }

    /// Draws the rest of the fields, and what labels say.
    fn complete(
        &self,
        candidate: &mut Candidate<'_>,
        (plan, lean): (&Plan, &dyn Lean),
        world: &World<'_>,
        stream: &mut Stream,
    ) -> Result<Vec<TruthCell>, Fault> {
        let slots = &mut candidate.slots;
        self.generator.slots.draw_some(slots, |at| !plan.is_needed(at), self, stream, (lean, None))?;
        for at in 0..world.fields.len() {
            if !candidate.made[at] {
                self.field(at, candidate, world, stream)?;
            }
        }
        derive(candidate, world)?;
        let decisions = world.law.decisions;
        let mut truth = vec![TruthCell::default(); decisions.len()];
        for (at, decision) in decisions.iter().enumerate() {
            if let Some(label) = self.label(at) {
                self.label_value(decision, label, (&*candidate, &mut truth[at]), stream)?;
            }
        }
        Ok(truth)
    }

    /// Writes what good texts say, which may depend on what is right.
    pub(super) fn say(
        &self,
        candidate: &Candidate<'_>,
        truth: &mut [TruthCell],
        decisions: &[Column],
        stream: &mut Stream,
    ) -> Result<(), Fault> {
        if !self.generator.labels.iter().flatten().any(LabelSource::has_text) {
            return Ok(());
        }
        candidate.phrases.judged.set(0, told(decisions, truth, value_of));
        candidate.phrases.judged.set(1, told(decisions, truth, rule_of));
        let counts = counting(decisions, |other, values| Some(values.contains(truth[other].value.as_ref()?)));
        for at in (0..decisions.len()).filter(|at| counts[*at]) {
            if let Some(label) = self.label(at).filter(|label| label.has_text()) {
                Self::label_text(label, (candidate, &mut truth[at]), stream)?;
            }
        }
        Ok(())
    }

    fn label(&self, decision: usize) -> Option<&'a LabelSource> {
        self.generator.labels.get(decision).and_then(Option::as_ref)
    }

    /// The value that a source gives; nothing for null.
    fn value(
        &self,
        source: &FieldSource,
        cells: &[Arc<Cell>],
        phrases: &Phrases<'_>,
        stream: &mut Stream,
    ) -> Result<Option<Value>, Fault> {
        let value = match source {
            FieldSource::Constant(value) => value.clone(),
            FieldSource::Slot(at, path) => {
                let mut value = &cells[*at].json;
                for key in path {
                    value = value.get(key).unwrap_or(&Value::Null);
                }
                value.clone()
            }
            FieldSource::Text(template, Some(typed)) => {
                phrases.choose(&template.phrases, stream)?;
                let value = evaluate(self.generator, &typed.name, &phrases.context)
                    .map_err(|error| Fault::new(&template.pointer, error))?;
                if typed.keeps || value.is_null() { value } else { tidy(phrases.render(template, stream)?).into() }
            }
            FieldSource::Text(template, None) => tidy(phrases.render(template, stream)?).into(),
        };
        Ok(Some(value).filter(|value| !value.is_null()))
    }

    fn label_value(
        &self,
        decision: &Column,
        label: &LabelSource,
        (candidate, cell): (&Candidate<'_>, &mut TruthCell),
        stream: &mut Stream,
    ) -> Result<(), Fault> {
        let Some(source) = &label.value else { return Ok(()) };
        let pointer = || format!("/labels/{}", decision.name);
        let value = self.value(source, &candidate.slots.cells, &candidate.phrases(), stream)?;
        cell.value = value.as_ref().map(|value| read(decision, value, &pointer)).transpose()?;
        if cell.value.is_some() {
            cell.origin = Origin::Label(label.place.clone());
        }
        Ok(())
    }

    fn label_text(
        label: &LabelSource,
        (candidate, cell): (&Candidate<'_>, &mut TruthCell),
        stream: &mut Stream,
    ) -> Result<(), Fault> {
        let phrases = candidate.phrases();
        for ways in &label.keywords {
            let rendered = ways.iter().map(|way| Ok(Text::new(phrases.render(way, stream)?.trim())));
            let keyword = Keyword::of(rendered.collect::<Result<Vec<_>, Fault>>()?);
            let is_known = |one: &Keyword| cell.keywords.iter().any(|known| known.text.folded() == one.text.folded());
            let new = keyword.filter(|keyword| !is_known(keyword));
            cell.keywords.extend(new);
        }
        let reference = label.reference.as_ref().map(|text| phrases.render(text, stream)).transpose()?;
        cell.reference = reference.map(tidy).filter(|text| !text.is_empty());
        if cell.wants_text() {
            cell.origin = Origin::Label(label.place.clone());
        }
        Ok(())
    }
}

impl LabelSource {
    fn has_text(&self) -> bool {
        !self.keywords.is_empty() || self.reference.is_some()
    }
}

/// One fact about each decision, by its name.
fn told(decisions: &[Column], truth: &[TruthCell], tell: fn(&Column, &TruthCell) -> Value) -> Context {
    let told: serde_json::Map<String, Value> =
        decisions.iter().zip(truth).map(|(column, cell)| (column.name.clone(), tell(column, cell))).collect();
    super::context::shown(&Value::Object(told))
}

fn value_of(column: &Column, cell: &TruthCell) -> Value {
    cell.value.as_ref().map_or(Value::Null, |value| value.to_json(column))
}

fn rule_of(_: &Column, cell: &TruthCell) -> Value {
    cell.rule.as_ref().map_or(Value::Null, |rule| rule.id.as_str().into())
}

/// A text without the blanks that empty phrases leave: at its ends, and several in a row within a line.
fn tidy(text: String) -> String {
    if !text.contains("  ") && text.trim() == text {
        return text;
    }
    let mut tidy = String::with_capacity(text.len());
    for (at, line) in text.trim().lines().enumerate() {
        if at > 0 {
            tidy.push('\n');
        }
        let indent = line.len() - line.trim_start_matches(' ').len();
        tidy.push_str(&line[..indent]);
        let words = line[indent..].trim_end_matches(' ').split(' ').filter(|word| !word.is_empty());
        for (at, word) in words.enumerate() {
            if at > 0 {
                tidy.push(' ');
            }
            tidy.push_str(word);
        }
    }
    tidy
}

fn lean_of(goal: Option<Goal<'_>>) -> &dyn Lean {
    goal.map_or(&Upright as &dyn Lean, Goal::lean)
}

/// That the right value of a decision cannot be computed.
fn uncomputed(decisions: &[Column], at: usize, problem: &str) -> Fault {
    Fault::new("/fields", format!("the right `{}` cannot be computed: {problem}", decisions[at].name))
}

/// Why a draft does not become an item, and that another draw may.
pub(super) fn fault_of(problem: &Problem<'_>, draft: &Draft, world: &World<'_>) -> Fault {
    match problem {
        Problem::Field(at, why) => {
            Fault::new("/fields", format!("`{}` cannot be computed: {why}", world.fields[*at].name))
        }
        Problem::Truth(at, why) => uncomputed(world.law.decisions, *at, why),
        Problem::Flaw(flaw) => explain(flaw, &draft.truth, &world.law),
    }
}

/// Computes those derived fields of an item that are its turn, once those that they read are made.
///
/// What is computed of counts is only made as far as it can be of an item that is alone.
fn derive(candidate: &mut Candidate<'_>, world: &World<'_>) -> Result<(), Fault> {
    let Candidate { values, made, fields, .. } = candidate;
    let problems = world.derived.fill_some(world.fields, |at| made[at], values, fields);
    match problems.into_iter().find(|(at, _)| !world.derived.is_late(*at)) {
        Some((at, problem)) => {
            Err(Fault::new("/fields", format!("`{}` cannot be computed: {problem}", world.fields[at].name)))
        }
        None => Ok(()),
    }
}

/// Reads a value that was drawn.
fn read(column: &Column, value: &Value, pointer: &dyn Fn() -> String) -> Result<Datum, Fault> {
    Datum::read(column, value).map_err(|expected| {
        let shown = crate::expression::shown(value);
        Fault::new(
            &pointer(),
            format!("`{}` cannot be `{}`; expected {expected}", column.name, shown.trim_matches('"')),
        )
    })
}

fn explain(flaw: &Flaw<'_>, truth: &[TruthCell], law: &Law<'_>) -> Fault {
    let name = |column: usize| &law.decisions[column].name;
    let text = |column: usize, datum: &Datum| {
        let value = datum.to_json(&law.decisions[column]);
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    };
    let (pointer, message) = match flaw {
        Flaw::Conflict(conflict) => (
            "/fields".to_owned(),
            format!("the rules `{}` and `{}` both match it and differ", conflict.0.reason.id, conflict.1.reason.id),
        ),
        Flaw::Silent(column, rules) => {
            ("/fields".to_owned(), format!("no rule of `{}` decides `{}` for it", rules.name, name(*column)))
        }
        Flaw::Unlabelled(column) => {
            ("/fields".to_owned(), format!("nothing says what `{}` is right for it", name(*column)))
        }
        Flaw::Contradiction(column, value, rule) => {
            let label = truth[*column].value.as_ref().map(|label| text(*column, label)).unwrap_or_default();
            let by =
                rule.map_or_else(|| "the default of the rules".to_owned(), |rule| format!("the rule `{}`", rule.id));
            (
                format!("/labels/{}", name(*column)),
                format!("the label says `{label}`, {by} says `{}`", text(*column, value)),
            )
        }
    };
    Fault { pointer, message, flaw: true }
}

impl TemplateBody {
    /// A text as it is, or a template by its name.
    pub fn of(text: &str, name: String) -> Self {
        if crate::scenario::templates::is_template(text) { Self::Named(name) } else { Self::Plain(text.to_owned()) }
    }
}

impl Goal<'_> {
    /// Whether the fields that rules read meet it.
    fn is_met(self, plan: &Plan, law: &Law<'_>, fields: &[Option<Datum>], clock: Option<i64>) -> bool {
        plan.meets(self, law, Facts { fields, clock })
    }
}
