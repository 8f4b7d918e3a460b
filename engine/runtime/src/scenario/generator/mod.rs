//! Generators: items that a reset draws, their text and what is right about them.
//!
//! | file | what |
//! |---|---|
//! | `distribution.rs` | numbers, and how often each occurs |
//! | `slots.rs` | the values that are drawn for an item, one after the other |
//! | `context.rs` | what templates of a generator read |
//! | `phrases.rs` | texts chosen by weight and condition |
//! | `needs.rs` | the slots that fields follow from |
//! | `plan.rs`, `plan/` | how draws are steered towards rules, outcomes and thresholds |
//! | `draw.rs` | an item: its slots, phrases, fields and labels |
//! | `inbox.rs` | the items of an episode, from inboxes and generators |
//!
//! Compiling a pack makes all of it and tries it; a draw fails only where no try found the case.

mod context;
pub mod distribution;
mod draw;
mod inbox;
mod needs;
mod phrases;
pub mod plan;
mod slots;

use std::sync::Arc;

use minijinja::{Environment as Engine, Value as Context};
use serde_json::Value;

use crate::{
    model::{Column, Datum, Place},
    rules::Predicate,
};
use distribution::Grid;
pub use draw::{Fault, Steering, World};
pub use inbox::{Cast, Drawn, InboxPart, Source, Subset, items};
pub use needs::Needs;
pub use plan::Plan;
pub use slots::{attributes, evaluate_in};

/// A generator with the level that a task chose, ready to draw.
#[derive(Debug)]
pub struct Generator {
    /// Its name.
    pub name: String,
    /// Entities that the items of an episode share.
    pub pools: Vec<Pool>,
    /// What is drawn for each item.
    pub slots: SlotList,
    /// Texts to choose from.
    pub phrases: Vec<Phrase>,
    /// The names of the phrases, in their order.
    pub phrase_names: Arc<[String]>,
    /// What labels read besides slots and phrases: `truth` and `rule`.
    pub judged_names: Arc<[String]>,
    /// How each field of the pack is made; nothing for one that the item lacks.
    pub fields: Vec<Option<FieldSource>>,
    /// The labels of the pack's decisions.
    pub labels: Vec<Option<LabelSource>>,
    /// The prefix of each id.
    pub prefix: String,
    /// The letters and digits of an id.
    pub id_length: usize,
    /// Its templates and expressions.
    pub engine: Engine<'static>,
    /// The share of items at a threshold, in millionths.
    pub boundary: u64,
    /// The share of items that several rules match, in millionths.
    pub conflicts: u64,
    /// What episodes cover.
    pub cover: Option<Coverage>,
}

/// What episodes cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every rule and every default.
    Rules,
    /// Every combination of decisions.
    Outcomes,
}

/// Entities that the items of an episode share.
#[derive(Debug)]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Where its entries come from.
    pub source: PoolSource,
}

/// Where the entries of a pool come from.
#[derive(Debug)]
pub enum PoolSource {
    /// From a list, of which an episode uses at most so many.
    Entries(Vec<Choice>, usize),
    /// Made in each episode.
    Made(usize, SlotList),
}

/// Values that are drawn one after the other.
#[derive(Debug)]
pub struct SlotList {
    /// The values, in order.
    pub slots: Vec<Slot>,
    /// Their names.
    pub names: Arc<[String]>,
    /// What conditions may read of them: each value, or the parts of one that is a map.
    pub columns: Vec<Column>,
}

/// One value that is drawn.
#[derive(Debug)]
pub struct Slot {
    /// How.
    pub way: Way,
    /// When.
    pub when: Option<Predicate>,
    /// What it is otherwise.
    pub otherwise: Arc<Cell>,
    /// Its columns among those of the list.
    pub columns: std::ops::Range<usize>,
}

/// How a value is drawn.
#[derive(Debug)]
pub enum Way {
    /// One of some.
    Pick(Vec<Choice>),
    /// A number of a grid.
    Number(Grid, Unit),
    /// True with a share, in millionths.
    Boolean(u64),
    /// A moment: milliseconds since 1970 or since the task's clock, within some hours.
    Moment {
        /// The moments.
        grid: Grid,
        /// Whether they count from the task's clock.
        relative: bool,
        /// The hours.
        hours: Option<Hours>,
    },
    /// An entry of a pool, by its position.
    Pool(usize),
    /// An expression, by the name of its template.
    Compute(String),
    /// A list.
    Repeat(Grid, SlotList),
}

/// What a number of a grid stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A whole number.
    Integer,
    /// A number with so many decimal places.
    Decimal(u32),
    /// Milliseconds.
    Duration,
}

/// Hours of the day, in minutes from midnight (UTC); the second bound does not belong to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The first minute.
    pub from: i64,
    /// The minute after the last.
    pub until: i64,
    /// Whether Saturdays and Sundays are left out.
    pub weekdays: bool,
}

/// A value to choose.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The value.
    pub cell: Arc<Cell>,
    /// Its weight, in parts.
    pub weight: u64,
    /// The splits that may choose it.
    pub subset: Subset,
}

/// A value that was drawn, in each form in which it is used.
#[derive(Debug, Clone)]
pub struct Cell {
    /// For fields.
    pub json: Value,
    /// For templates.
    pub shown: Context,
    /// For conditions: one value for each of its columns.
    pub data: Vec<Option<Datum>>,
}

/// Texts to choose from.
#[derive(Debug)]
pub struct Phrase {
    /// The texts.
    pub alternatives: Vec<Alternative>,
    /// How many different ones are chosen, and what stands between them; one where this is nothing.
    pub several: Option<(Grid, String)>,
}

/// A text to choose.
#[derive(Debug)]
pub struct Alternative {
    /// The text.
    pub text: Template,
    /// Its weight, in parts.
    pub weight: u64,
    /// When it can be chosen.
    pub when: Option<Predicate>,
    /// The splits that may choose it.
    pub subset: Subset,
}

/// A text, and the phrases that it reads.
#[derive(Debug, Clone)]
pub struct Template {
    /// What it is.
    pub body: TemplateBody,
    /// The phrases that it reads, by position.
    pub phrases: Vec<usize>,
    /// Where it is written, as a JSON pointer.
    pub pointer: String,
}

/// A text as it is, or the name of a template.
#[derive(Debug, Clone)]
pub enum TemplateBody {
    /// Without braces.
    Plain(String),
    /// With braces.
    Named(String),
}

/// How a field of an item is made.
#[derive(Debug)]
pub enum FieldSource {
    /// Always the same.
    Constant(Value),
    /// The value of a slot, or of a part of it.
    Slot(usize, Vec<String>),
    /// A text; an expression alone keeps its type, and null is nothing.
    Text(Template, Option<Typed>),
}

/// An expression that is all of a template.
#[derive(Debug)]
pub struct Typed {
    /// The name of its template.
    pub name: String,
    /// Whether its value keeps its type.
    pub keeps: bool,
}

/// A label of a decision.
#[derive(Debug)]
pub struct LabelSource {
    /// The right value.
    pub value: Option<FieldSource>,
    /// What a good text contains, each in any of some ways; an empty one is left out.
    pub keywords: Vec<Vec<Template>>,
    /// A text that earns all there is to earn.
    pub reference: Option<Template>,
    /// Where it is written.
    pub place: Place,
}
