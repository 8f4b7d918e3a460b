//! Which values are worth trying: for each column with an order or few values, one of every kind that the tests tell apart.

use std::rc::Rc;

use super::{
    bits::Bits,
    formula::{Atom, Atoms, has_cells, named_values},
    likely,
    ranges::Ranges,
    witness::ANY_MOMENT,
};
use crate::{
    model::{Column, ColumnKind, Datum},
    rules::Test,
};

/// Whole numbers up to here are exact when compared as numbers with a fraction.
const EXACT: i64 = 1 << 53;
/// The first and last moment that can be written.
const MOMENTS: (i64, i64) = (-62_135_596_800_000, 253_402_207_200_000 - 1);
/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// Moments of the clock that are tried for one question at the most.
const MAX_CLOCKS: usize = 4_000;

/// Positions at either end of a long stretch of values that are looked at for a simple one.
const ENDS: usize = 32;

/// The values of one column, each of which stands for all that pass the same tests.
#[derive(Debug)]
pub(super) struct Cells {
    /// The values: an absent one first, then in order.
    pub(super) values: Vec<Option<Datum>>,
    /// For each atom of the column, in order, the values that pass.
    pub(super) passing: Vec<(usize, Ranges)>,
}

impl Cells {
    /// The cells of a column that some of its atoms tell apart, which are given in order.
    fn new(atoms: &Atoms<'_>, at: usize, own: &[usize], clock: Option<i64>) -> Self {
        let column = &atoms.columns[at];
        let values = representatives(column, own.iter().map(|atom| &atoms.all[*atom]), clock);
        let numbers: Vec<f64> = if column.kind.is_ordered() {
            values.iter().flatten().filter_map(Datum::number).collect()
        } else {
            Vec::new()
        };
        let passing = own.iter().map(|atom| (*atom, passing(column, &atoms.all[*atom], (&values, &numbers), clock)));
        Self { passing: passing.collect(), values }
    }

    pub(super) fn of(&self, atom: usize) -> Option<&Ranges> {
        let at = self.passing.binary_search_by_key(&atom, |(known, _)| *known).ok()?;
        Some(&self.passing[at].1)
    }

    /// Its values, an absent one first, then those that look most like one of the column.
    pub(super) fn by_simplicity(&self, column: &Column, clock: Option<i64>) -> Vec<Option<Datum>> {
        let mut all: Vec<usize> = self.candidates(column, &Ranges::all(self.values.len())).collect();
        all.sort_by_cached_key(|at| likeness(column, self.values[*at].as_ref(), *at, clock));
        all.dedup();
        all.into_iter().map(|at| self.values[at].clone()).collect()
    }

    /// Of some values the one that looks most like one of the column; an absent one comes before all.
    pub(super) fn simplest(&self, column: &Column, alive: &Ranges, clock: Option<i64>) -> Option<Option<Datum>> {
        let likeness = |at: &usize| likeness(column, self.values[*at].as_ref(), *at, clock);
        let at = self.candidates(column, alive).min_by_key(likeness);
        at.map(|at| self.values[at].clone())
    }

    /// Of some values those among which a simple one is: at both ends of each stretch, and the column's own examples.
    fn candidates(&self, column: &Column, alive: &Ranges) -> impl Iterator<Item = usize> {
        let is_example = |at: &usize| self.values[*at].as_ref().is_some_and(|value| column.examples.contains(value));
        let all = if column.examples.is_empty() { 0 } else { self.values.len() };
        alive.ends(ENDS).chain((0..all).filter(|at| alive.holds(*at)).filter(is_example))
    }
}

/// How much a value looks like one of its column: the less the more; an absent one comes before all.
fn likeness(
    column: &Column,
    value: Option<&Datum>,
    at: usize,
    clock: Option<i64>,
) -> Option<(bool, bool, (usize, u64, u64), usize)> {
    value.map(|value| {
        let ordered = column.kind.is_ordered();
        let simple = if ordered { simplicity(column, value) } else { (0, 0, 0) };
        (!column.examples.contains(value), ordered && likely::is_odd(value, column.kind, clock), simple, at)
    })
}

/// The values that pass an atom, each judged by one that no bound of the atom tells from it.
fn passing(column: &Column, atom: &Atom, (values, numbers): (&[Option<Datum>], &[f64]), clock: Option<i64>) -> Ranges {
    let passes = |at: usize| match atom {
        Atom::Given(_) => values[at].is_some(),
        Atom::Test(_, test) => test.passes(values[at].as_ref(), clock),
        Atom::Valid(..) => false,
    };
    let mut passing = Ranges::none();
    let mut add = |from: usize, end: usize| {
        if from < end && passes(from) {
            passing.push(from, end - 1);
        }
    };
    if !column.kind.is_ordered() {
        (0..values.len()).for_each(|at| add(at, at + 1));
        return passing;
    }
    // An absent value stands first.
    let lacking = values.len() - numbers.len();
    add(0, lacking);
    let mut from = 0;
    for bound in bounds_of(std::iter::once(atom), clock) {
        let on = numbers.partition_point(|number| *number < bound);
        let end = numbers.partition_point(|number| *number <= bound);
        add(lacking + from, lacking + on);
        add(lacking + on, lacking + end);
        from = end;
    }
    add(lacking + from, values.len());
    passing
}

/// The columns of one question at one moment of the clock.
#[derive(Debug)]
pub(super) struct Moment {
    pub(super) clock: Option<i64>,
    /// By column; none for texts and lists.
    pub(super) cells: Vec<Option<Rc<Cells>>>,
    /// Whether every number that a test names is small enough to be compared exactly with its neighbours.
    pub(super) exact: bool,
}

impl Moment {
    /// What some atoms tell apart, which are given by column and in order; what another moment knows is taken over.
    pub(super) fn new(atoms: &Atoms<'_>, used: &[Vec<usize>], clock: Option<i64>, known: Option<&Self>) -> Self {
        let timed = |at: usize| used[at].iter().any(|atom| atoms.all[*atom].reads_clock());
        let cells = atoms.columns.iter().enumerate().map(|(at, column)| {
            let known = known.filter(|_| !timed(at)).and_then(|known| known.cells[at].clone());
            known.or_else(|| has_cells(column).then(|| Rc::new(Cells::new(atoms, at, &used[at], clock))))
        });
        let cells = cells.collect();
        let ordered = (0..atoms.columns.len()).filter(|at| atoms.columns[*at].kind.is_ordered());
        let mut named =
            ordered.flat_map(|at| bounds(&atoms.columns[at], used[at].iter().map(|atom| &atoms.all[*atom]), clock));
        #[expect(clippy::cast_precision_loss, reason = "a power of two")]
        let exact = named.all(|bound| bound.abs() < (EXACT / 2) as f64);
        Self { clock, cells, exact }
    }
}

/// A value of every kind that tests tell apart: an absent value first, then in order.
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
    if column.kind.is_ordered() {
        values.extend(column.examples.iter().cloned());
        values.sort_by(|a, b| a.number().partial_cmp(&b.number()).unwrap_or(std::cmp::Ordering::Equal));
        values.dedup();
    }
    column.optional.then_some(None).into_iter().chain(values.into_iter().map(Some)).collect()
}

/// The value that looks most like one of a column, without regard to any test.
pub(super) fn simplest(column: &Column, clock: Option<i64>) -> Option<Datum> {
    let values = representatives(column, std::iter::empty(), None).into_iter().flatten().enumerate();
    values.min_by_key(|(at, value)| likeness(column, Some(value), *at, clock)).map(|(_, value)| value)
}

/// The numbers at which a test of the column may change its mind.
pub(super) fn bounds<'a>(column: &Column, atoms: impl Iterator<Item = &'a Atom>, clock: Option<i64>) -> Vec<f64> {
    let own = [column.bounds.0, column.bounds.1].into_iter().flatten();
    let mut bounds: Vec<f64> = own.chain(bounds_of(atoms, clock)).collect();
    bounds.retain(|bound| bound.is_finite());
    bounds.sort_by(f64::total_cmp);
    bounds.dedup();
    bounds
}

/// The numbers at which some tests change their mind, in order.
fn bounds_of<'a>(atoms: impl Iterator<Item = &'a Atom>, clock: Option<i64>) -> Vec<f64> {
    let mut bounds = Vec::new();
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
        // A moment is one at which something has just come in.
        values.push(if column.kind == ColumnKind::Timestamp { ANY_MOMENT - HOUR } else { 0 });
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
pub(super) fn clocks(atoms: &Atoms<'_>, used: &Bits) -> Result<Vec<Option<i64>>, &'static str> {
    let used: Vec<&Atom> = used.iter().map(|at| &atoms.all[at]).collect();
    if !used.iter().any(|atom| atom.reads_clock()) {
        return Ok(vec![None]);
    }
    let mut points: Vec<i64> = Vec::new();
    for atom in &used {
        match atom {
            Atom::Valid(from, until) => points.extend([from, until].into_iter().flatten()),
            Atom::Test(column, Test::Age { length, .. }) => {
                let of_column = used.iter().copied().filter(|atom| atom.column() == Some(*column));
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
        // Nothing but the distance to it counts.
        points.push(ANY_MOMENT);
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
