//! Which values are worth trying: for each column with an order or few values, one of every kind that the tests tell apart.

use super::{
    bits::Bits,
    formula::{Atom, Atoms, Shared, has_cells, named_values},
    likely,
};
use crate::{
    model::{Column, ColumnKind, Datum},
    rules::Test,
};

/// Whole numbers up to here are exact when compared as numbers with a fraction.
const EXACT: i64 = 1 << 53;
/// The first and last moment that can be written.
const MOMENTS: (i64, i64) = (-62_135_596_800_000, 253_402_207_200_000 - 1);
/// Moments of the clock that are tried for one question at the most.
const MAX_CLOCKS: usize = 4_000;

/// The values of one column, each of which stands for all that pass the same tests.
#[derive(Debug)]
pub(super) struct Cells {
    /// The values, the simplest first.
    pub(super) values: Vec<Option<Datum>>,
    /// For each atom of the column, in order, the values that pass.
    pub(super) passing: Vec<(usize, Bits)>,
}

impl Cells {
    fn new(atoms: &Atoms<'_>, at: usize, clock: Option<i64>) -> Self {
        let column = &atoms.columns[at];
        let values = representatives(column, atoms.of_column(at).map(|(_, atom)| atom), clock);
        let passing = atoms
            .of_column(at)
            .map(|(number, atom)| {
                let mut passing = Bits::none(values.len());
                for (cell, value) in values.iter().enumerate() {
                    let passes = match atom {
                        Atom::Given(_) => value.is_some(),
                        Atom::Test(_, test) => test.passes(value.as_ref(), clock),
                        Atom::Valid(..) => false,
                    };
                    if passes {
                        passing.insert(cell);
                    }
                }
                (number, passing)
            })
            .collect();
        Self { values, passing }
    }

    pub(super) fn of(&self, atom: usize) -> Option<&Bits> {
        let at = self.passing.binary_search_by_key(&atom, |(known, _)| *known).ok()?;
        Some(&self.passing[at].1)
    }
}

/// All columns at one moment of the clock.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) clock: Option<i64>,
    /// By column; none for texts and lists.
    pub(super) cells: Vec<Option<Cells>>,
    /// Whether every number that a test names is small enough to be compared exactly with its neighbours.
    pub(super) exact: bool,
}

impl Moment {
    pub(super) fn new(atoms: &Atoms<'_>, clock: Option<i64>) -> Self {
        let cells = atoms.columns.iter().enumerate();
        let cells = cells.map(|(at, column)| has_cells(column).then(|| Cells::new(atoms, at, clock))).collect();
        let ordered = (0..atoms.columns.len()).filter(|at| atoms.columns[*at].kind.is_ordered());
        let mut named =
            ordered.flat_map(|at| bounds(&atoms.columns[at], atoms.of_column(at).map(|(_, atom)| atom), clock));
        #[expect(clippy::cast_precision_loss, reason = "a power of two")]
        let exact = named.all(|bound| bound.abs() < (EXACT / 2) as f64);
        Self { clock, cells, exact }
    }
}

/// A value of every kind that tests tell apart; an absent value first, then the simplest.
fn representatives<'a>(
    column: &Column,
    atoms: impl Iterator<Item = &'a Atom>,
    clock: Option<i64>,
) -> Vec<Option<Datum>> {
    let mut values: Vec<Datum> = match column.kind {
        ColumnKind::Boolean => vec![Datum::Boolean(true), Datum::Boolean(false)],
        ColumnKind::Choice => (0..column.values.len()).map(Datum::Choice).collect(),
        ColumnKind::Number => numbers(column, &bounds(column, atoms, clock)),
        _ => whole_numbers(column, &bounds(column, atoms, clock)),
    };
    values.extend(column.examples.iter().cloned());
    if column.kind.is_ordered() {
        values.sort_by_key(|value| (likely::is_odd(value, column.kind, clock), simplicity(column, value)));
    }
    // Of a kind of value the typical one comes first.
    values.sort_by_key(|value| !column.examples.contains(value));
    let mut seen: Vec<Datum> = Vec::new();
    values.retain(|value| {
        let new = !seen.contains(value);
        seen.extend(new.then(|| value.clone()));
        new
    });
    column.optional.then_some(None).into_iter().chain(values.into_iter().map(Some)).collect()
}

/// The numbers at which a test of the column may change its mind.
pub(super) fn bounds<'a>(column: &Column, atoms: impl Iterator<Item = &'a Atom>, clock: Option<i64>) -> Vec<f64> {
    let mut bounds: Vec<f64> = [column.bounds.0, column.bounds.1].into_iter().flatten().collect();
    for atom in atoms {
        match atom {
            Atom::Test(_, Test::Between(low, high)) => {
                bounds.extend([low, high].into_iter().flatten().map(|(bound, _)| *bound));
            }
            Atom::Test(_, Test::Age { length, .. }) => {
                for moment in clock.iter().flat_map(|clock| [*clock, clock.saturating_sub(*length)]) {
                    bounds.extend(Datum::Integer(moment).number());
                }
            }
            Atom::Test(_, test) => bounds.extend(named_values(test).iter().filter_map(Datum::number)),
            _ => {}
        }
    }
    bounds.retain(|bound| bound.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

fn numbers(column: &Column, bounds: &[f64]) -> Vec<Datum> {
    let mut values: Vec<f64> = bounds.to_vec();
    values.extend(bounds.windows(2).map(|pair| between(pair[0], pair[1])));
    values.extend(bounds.first().map(|first| first.floor() - 1.0));
    values.extend(bounds.last().map(|last| last.ceil() + 1.0));
    if bounds.is_empty() {
        values.push(0.0);
    }
    let fits = |value: &f64| {
        value.is_finite()
            && column.bounds.0.is_none_or(|least| *value >= least)
            && column.bounds.1.is_none_or(|most| *value <= most)
    };
    values.into_iter().filter(fits).map(Datum::Number).collect()
}

/// A number between two others, with as few digits as may be.
fn between(low: f64, high: f64) -> f64 {
    let mut scale = 1.0;
    for _ in 0..12 {
        let value = ((low * scale).floor() + 1.0) / scale;
        if low < value && value < high {
            return value;
        }
        scale *= 10.0;
    }
    f64::midpoint(low, high)
}

#[expect(clippy::cast_possible_truncation, reason = "kept within the whole numbers that are exact")]
fn whole_numbers(column: &Column, bounds: &[f64]) -> Vec<Datum> {
    #[expect(clippy::cast_precision_loss, reason = "a power of two")]
    let exact = |bound: f64| bound.clamp(-(EXACT as f64), EXACT as f64);
    let mut values: Vec<i64> = Vec::new();
    for bound in bounds {
        let (floor, ceil) = (exact(bound.floor()) as i64, exact(bound.ceil()) as i64);
        values.extend([floor - 1, floor, ceil, ceil + 1]);
        if matches!(column.kind, ColumnKind::Timestamp | ColumnKind::Duration) {
            // Whole seconds read better than what lies a thousandth off.
            values.extend([floor - 1000, ceil + 1000]);
        }
    }
    if bounds.is_empty() {
        values.push(0);
    }
    let least = column.bounds.0.map_or(-EXACT, |bound| exact(bound.ceil()) as i64);
    let most = column.bounds.1.map_or(EXACT, |bound| exact(bound.floor()) as i64);
    let (least, most) = match column.kind {
        ColumnKind::Timestamp => (least.max(MOMENTS.0), most.min(MOMENTS.1)),
        _ => (least, most),
    };
    values.retain(|value| (least..=most).contains(value));
    values.sort_unstable();
    values.dedup();
    values.into_iter().map(Datum::Integer).collect()
}

/// Shorter before longer, then what is nearer to nothing.
fn simplicity(column: &Column, value: &Datum) -> (usize, u64, u64) {
    let written = value.to_json(column).to_string().len();
    let number = value.number().unwrap_or_default();
    (written, number.abs().to_bits(), number.to_bits())
}

/// The moments of the clock that may matter to a formula: one of every kind that its atoms tell apart.
///
/// A condition compares a moment with a fixed one, or with the clock at a distance. Which of them can hold together
/// changes only where the clock lies at a fixed moment plus a distance, give or take two milliseconds.
pub(super) fn clocks(atoms: &Atoms<'_>, formula: &Shared) -> Result<Vec<Option<i64>>, &'static str> {
    let mut used = Bits::none(atoms.all.len());
    formula.mark(&mut used);
    let used: Vec<&Atom> = used.iter().map(|at| &atoms.all[at]).collect();
    if !used.iter().any(|atom| atom.reads_clock()) {
        return Ok(vec![None]);
    }
    let mut points: Vec<i64> = Vec::new();
    for atom in &used {
        match atom {
            Atom::Valid(from, until) => points.extend([from, until].into_iter().flatten()),
            Atom::Test(column, Test::Age { length, .. }) => {
                let of_column = atoms.of_column(*column).map(|(_, atom)| atom);
                for bound in bounds(&atoms.columns[*column], of_column, None) {
                    #[expect(clippy::cast_possible_truncation, reason = "moments are whole numbers")]
                    let bound = bound as i64;
                    points.extend([bound, bound.saturating_add(*length)]);
                }
            }
            _ => {}
        }
    }
    if points.is_empty() {
        // 2026-01-05T09:00:00Z: nothing but the distance to it counts.
        points.push(1_767_603_600_000);
    }
    let mut clocks: Vec<i64> = points
        .iter()
        .flat_map(|point| [-1000, -3, -2, -1, 0, 1, 2, 3, 1000].map(|off| point.saturating_add(off)))
        .collect();
    clocks.retain(|clock| (MOMENTS.0..=MOMENTS.1).contains(clock));
    clocks.sort_unstable();
    clocks.dedup();
    if clocks.len() > MAX_CLOCKS {
        return Err("too many dates come together");
    }
    // Whole seconds read better.
    clocks.sort_by_key(|clock| clock % 1000 != 0);
    Ok(clocks.into_iter().map(Some).collect())
}
