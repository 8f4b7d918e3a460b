//! The values that are drawn for an item, one after the other.

use minijinja::{Environment, Value as Context};
use serde_json::{Map, Number as JsonNumber, Value};
use std::sync::Arc;

use super::{
    Cell, Choice, Generator, Hours, Slot, SlotList, Unit, Way,
    context::{Names, shown},
    distribution::draw_among,
    draw::Fault,
    inbox::{Cast, Drawing},
    plan::Beside,
};
use crate::{
    expression::words,
    model::{Column, Datum, write_duration, write_moment},
    rules::Facts,
    scenario::random::Stream,
};

/// Times that a moment is drawn before it is moved into the hours that are asked for.
const HOUR_TRIES: usize = 64;
/// What a share of one is in millionths.
pub(super) const WHOLE: u64 = 1_000_000;
const MINUTE: i64 = 60_000;
const DAY: i64 = 86_400_000;

impl Cell {
    /// What nothing was drawn for.
    pub fn null(columns: usize) -> Self {
        Self { json: Value::Null, shown: Context::from(()), data: vec![None; columns] }
    }

    /// A value, for these columns.
    pub fn new(json: Value, columns: &[Column]) -> Self {
        let data = data(&json, columns);
        Self { shown: shown(&json), json, data }
    }
}

/// The parts of a value that conditions read: itself, or the values of a map, by the names that are appended to the slot's.
pub fn attributes(name: &str, json: &Value) -> Vec<(String, Option<String>)> {
    match json {
        Value::Object(map) => map.keys().map(|key| (format!("{name}.{key}"), Some(key.clone()))).collect(),
        _ => vec![(name.to_owned(), None)],
    }
}

/// What a value holds for each of some columns, of which those of a map are named `slot.key`.
fn data(json: &Value, columns: &[Column]) -> Vec<Option<Datum>> {
    let of = |column: &Column| {
        let value = match json {
            Value::Object(map) => map.get(column.name.rsplit_once('.')?.1)?,
            value => value,
        };
        Datum::read(column, value).ok()
    };
    columns.iter().map(of).collect()
}

/// A slot that a draw is bent towards.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pinned {
    pub(super) slot: usize,
    pub(super) spot: Spot,
}

/// Where a slot is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Spot {
    /// At a position of its grid.
    At(u64),
    /// Near a number that follows from another slot; the number chooses one of the positions around it.
    Beside(Beside, usize),
}

impl Pinned {
    /// The position in the grid of a slot, by what was drawn before.
    fn position(&self, way: &Way, data: &[Option<Datum>], clock: Option<i64>) -> Option<u64> {
        match self.spot {
            Spot::At(at) => Some(at),
            Spot::Beside(beside, chosen) => beside.position(way, data, chosen, clock),
        }
    }
}

/// The slots of an item that was drawn.
pub(super) struct Slots {
    pub(super) cells: Vec<Arc<Cell>>,
    /// What conditions read of them.
    pub(super) data: Vec<Option<Datum>>,
    pub(super) names: Arc<Names>,
    /// For slots that pick or have a grid, what was drawn.
    pub(super) positions: Vec<Option<u64>>,
    /// Whether a pinned slot has no position where it is pinned to, because of what was drawn before.
    pub(super) missed: bool,
}

/// What is preferred when slots are drawn.
pub(super) trait Lean {
    /// Weights of the values of a slot instead of its own.
    fn weights(&self, slot: usize) -> Option<&[u64]>;
    /// The part of a slot's grid to draw from.
    fn range(&self, slot: usize) -> Option<(u64, u64)>;
}

/// Nothing is preferred.
pub(super) struct Upright;

impl Lean for Upright {
    fn weights(&self, _: usize) -> Option<&[u64]> {
        None
    }

    fn range(&self, _: usize) -> Option<(u64, u64)> {
        None
    }
}

impl SlotList {
    /// The slots before any is drawn; templates read names besides theirs.
    pub(super) fn begin(&self, outer: Option<Context>, phrases: Option<Context>) -> Slots {
        Slots {
            cells: self.slots.iter().map(|slot| Arc::clone(&slot.otherwise)).collect(),
            data: vec![None; self.columns.len()],
            names: Names::new(&self.names, outer, phrases),
            positions: vec![None; self.slots.len()],
            missed: false,
        }
    }

    /// Draws all of them.
    pub(super) fn draw(
        &self,
        drawing: &Drawing<'_>,
        stream: &mut Stream,
        outer: Option<Context>,
    ) -> Result<Slots, Fault> {
        let mut slots = self.begin(outer, None);
        self.draw_some(&mut slots, |_| true, drawing, stream, (&Upright, None))?;
        Ok(slots)
    }

    /// Draws some of them, of which none reads one that is drawn later.
    pub(super) fn draw_some(
        &self,
        slots: &mut Slots,
        is_wanted: impl Fn(usize) -> bool,
        drawing: &Drawing<'_>,
        stream: &mut Stream,
        (lean, pinned): (&dyn Lean, Option<Pinned>),
    ) -> Result<(), Fault> {
        let context = Context::from_dyn_object(Arc::clone(&slots.names));
        for (at, slot) in self.slots.iter().enumerate().filter(|(at, _)| is_wanted(*at)) {
            let facts = Facts { fields: &slots.data, clock: drawing.clock };
            let drawn = slot.when.as_ref().is_none_or(|when| when.matches(facts));
            let (cell, position) = if drawn {
                let pinned = pinned.filter(|pinned| pinned.slot == at);
                let position = pinned.and_then(|pinned| pinned.position(&slot.way, &slots.data, drawing.clock));
                slots.missed |= pinned.is_some() && position.is_none();
                let pinned = position;
                let hint = Hint { weights: lean.weights(at), range: pinned.map(|at| (at, at)).or(lean.range(at)) };
                slot.draw(self, at, drawing, stream, &context, &hint)?
            } else {
                (Arc::clone(&slot.otherwise), None)
            };
            for (column, datum) in slot.columns.clone().zip(&cell.data) {
                slots.data[column].clone_from(datum);
            }
            slots.names.set(at, cell.shown.clone());
            slots.cells[at] = cell;
            slots.positions[at] = position;
        }
        Ok(())
    }

    /// The values as a map.
    pub(super) fn map(&self, cells: Vec<Arc<Cell>>) -> Value {
        let pairs = self.names.iter().cloned().zip(cells.into_iter().map(|cell| Arc::unwrap_or_clone(cell).json));
        Value::Object(pairs.collect::<Map<_, _>>())
    }
}

struct Hint<'a> {
    weights: Option<&'a [u64]>,
    range: Option<(u64, u64)>,
}

impl Slot {
    fn draw(
        &self,
        list: &SlotList,
        at: usize,
        drawing: &Drawing<'_>,
        stream: &mut Stream,
        context: &Context,
        hint: &Hint<'_>,
    ) -> Result<(Arc<Cell>, Option<u64>), Fault> {
        let columns = &list.columns[self.columns.clone()];
        let generator = drawing.generator;
        Ok(match &self.way {
            Way::Pick(choices) => {
                let name = &list.names[at];
                let mix = std::ptr::eq(list, &raw const generator.slots).then(|| drawing.cast.mix_of(name)).flatten();
                let at = pick(choices, drawing.cast, hint.weights.or(mix), stream)
                    .ok_or_else(|| Fault::new("", format!("`{name}` has no value that can be picked here")))?;
                (Arc::clone(&choices[at].cell), Some(at as u64))
            }
            Way::Number(grid, unit) => {
                let at = match hint.range {
                    Some(range) => grid.draw_between(stream, range),
                    None => grid.draw(stream),
                };
                let json = unit.json(grid.value(at));
                (Arc::new(Cell::new(json, columns)), Some(at))
            }
            Way::Boolean(share) => {
                let is = match hint.weights {
                    Some(&[no, yes]) => draw_among(stream, [(0, no), (1, yes)].into_iter()) == Some(1),
                    _ => stream.below_u64(WHOLE) < *share,
                };
                (Arc::new(Cell::new(Value::Bool(is), columns)), Some(u64::from(is)))
            }
            Way::Moment { grid, relative, hours } => {
                let start = if *relative { drawing.clock.unwrap_or_default() } else { 0 };
                let (low, high) = hint.range.unwrap_or((0, grid.count - 1));
                let mut at = grid.draw_between(stream, (low, high));
                let is_inside = |at: u64| hours.is_none_or(|hours| hours.hold(start + grid.value(at)));
                for _ in 0..HOUR_TRIES {
                    if is_inside(at) {
                        break;
                    }
                    at = grid.draw_between(stream, (low, high));
                }
                if !is_inside(at) {
                    at = (at..=high).chain(low..at).find(|at| is_inside(*at)).unwrap_or(at);
                }
                let value = Value::String(write_moment(start + grid.value(at)));
                (Arc::new(Cell::new(value, columns)), Some(at))
            }
            Way::Pool(pool) => {
                let drawn = drawing.pools[*pool].draw(hint.weights, stream);
                drawn.ok_or_else(|| {
                    Fault::new("", format!("the pool `{}` is empty here", generator.pools[*pool].name))
                })?
            }
            Way::Compute(name) => {
                let value = evaluate(generator, name, context)
                    .map_err(|error| Fault::new(&list.pointer(at, "compute"), error))?;
                (Arc::new(Cell::new(value, columns)), None)
            }
            Way::Repeat(grid, inner) => {
                let count = grid.value(grid.draw(stream)).max(0);
                let mut entries = Vec::new();
                for _ in 0..count {
                    let drawn = inner.draw(drawing, stream, Some(context.clone()))?;
                    entries.push(inner.map(drawn.cells));
                }
                (Arc::new(Cell::new(Value::Array(entries), columns)), None)
            }
        })
    }
}

impl SlotList {
    fn pointer(&self, at: usize, key: &str) -> String {
        format!("/slots/{}/{key}", self.names[at])
    }
}

/// Draws one of some values: of those that the split may choose, by these weights or their own.
fn pick(choices: &[Choice], cast: &Cast, weights: Option<&[u64]>, stream: &mut Stream) -> Option<usize> {
    let weight = |at: usize| match weights {
        Some(weights) => weights.get(at).copied().unwrap_or_default(),
        None => choices[at].weight,
    };
    let open = choices.iter().enumerate().filter(|(_, choice)| cast.may(choice.subset));
    let drawn = draw_among(stream, open.clone().map(|(at, _)| (at, weight(at))));
    // A lean that leaves nothing is no reason to fail.
    drawn.or_else(|| draw_among(stream, open.map(|(at, choice)| (at, choice.weight))))
}

impl Unit {
    /// A number of a grid as a value.
    pub fn json(self, number: i64) -> Value {
        match self {
            Self::Integer | Self::Decimal(0) => number.into(),
            Self::Duration => write_duration(number).into(),
            #[expect(clippy::cast_precision_loss, reason = "numbers of a grid are exact")]
            Self::Decimal(places) => {
                let number = number as f64 / 10_f64.powi(i32::try_from(places).unwrap_or(0));
                JsonNumber::from_f64(number).map_or(Value::Null, Value::Number)
            }
        }
    }
}

impl Hours {
    /// Whether a moment is within them.
    pub(super) fn hold(self, moment: i64) -> bool {
        let minute = moment.rem_euclid(DAY) / MINUTE;
        // 1970 began on a Thursday.
        let day = (moment.div_euclid(DAY) + 3).rem_euclid(7);
        (self.from..self.until).contains(&minute) && !(self.weekdays && day >= 5)
    }
}

/// The value of an expression of a generator.
pub(super) fn evaluate(generator: &Generator, name: &str, context: &Context) -> Result<Value, String> {
    evaluate_in(&generator.engine, name, context)
}

/// The value of an expression that an engine knows by a name.
pub fn evaluate_in(engine: &Environment<'static>, name: &str, context: &Context) -> Result<Value, String> {
    let template = engine.get_template(name).map_err(|error| words(&error))?;
    let captured = template.render_captured(context.clone()).map_err(|error| words(&error))?;
    let value = captured.state().lookup("value").filter(|value| !value.is_undefined());
    let value = value.ok_or("it has no value")?;
    serde_json::to_value(&value).map_err(|error| error.to_string())
}
