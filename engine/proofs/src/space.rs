//! Which values are worth trying: for each column with an order or few values, one of every kind that the tests distinguish.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use casebook_runtime::{
    model::{Column, Datum, MOMENTS},
    number::Number,
    rules::{Bits, Test},
    value::ValueType,
};

use super::{
    formula::{Atom, Atoms, has_cells, named_values},
    likely,
    ranges::Ranges,
    walls,
    witness::ANY_MOMENT,
};

/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;
/// The maximum number of moments of the clock that are tried for one question.
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
    /// The cells of a column that some of its atoms distinguish, which are given in order.
    fn new(atoms: &Atoms<'_>, at: usize, own: &[usize], clock: Option<i64>) -> Self {
        let column = &atoms.columns[at];
        let values = representatives(column, own.iter().map(|atom| &atoms.all[*atom]), clock);
        let numbers: Vec<Number> = if column.kind.is_ordered() {
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
    #[expect(clippy::option_option, reason = "no value left and an absent value are different answers")]
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
fn likeness(column: &Column, value: Option<&Datum>, at: usize, clock: Option<i64>) -> Option<impl Ord + use<>> {
    value.map(|value| {
        let ordered = column.kind.is_ordered();
        let simple = if ordered { simplicity(column, value) } else { (0, 0, 0) };
        (!column.examples.contains(value), ordered && likely::is_odd(value, column.kind, clock), simple, at)
    })
}

/// The values that pass an atom, each judged by one on the same side of every bound of the atom.
fn passing(
    column: &Column,
    atom: &Atom,
    (values, numbers): (&[Option<Datum>], &[Number]),
    clock: Option<i64>,
) -> Ranges {
    let passes = |at: usize| match atom {
        Atom::Given(_) => values[at].is_some(),
        Atom::Test(_, test) => test.passes(values[at].as_ref(), clock),
        Atom::Valid(..) | Atom::Compare(_) | Atom::Entries(..) => false,
    };
    let mut passing = Ranges::none();
    let mut add = |from: usize, end: usize| {
        if from < end && passes(from) {
            passing.push(from, end - 1);
        }
    };
    if !column.kind.is_ordered() || atom.wall().is_some() {
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
}

impl Moment {
    /// What some atoms distinguish, which are given by column and in order; what was asked last is taken over.
    pub(super) fn new(atoms: &Atoms<'_>, used: &[Vec<usize>], clock: Option<i64>, recent: &Recent) -> Self {
        let cells = atoms.columns.iter().enumerate().map(|(at, column)| {
            has_cells(column).then(|| {
                let timed = used[at].iter().any(|atom| atoms.all[*atom].reads_clock());
                recent.of(at, (&used[at], clock.filter(|_| timed)), || Cells::new(atoms, at, &used[at], clock))
            })
        });
        Self { clock, cells: cells.collect() }
    }
}

/// By column what was distinguished last, with the atoms and the clock that it is for: one question after the other is about
/// nearly the same. To compare two versions of 1,000 rules of mixed shapes takes 1.2 s without it.
#[derive(Default)]
pub(super) struct Recent(RefCell<HashMap<usize, Asked>>);

/// The atoms, the clock where one reads it, and what they distinguish.
type Asked = (Vec<usize>, Option<i64>, Rc<Cells>);

impl Recent {
    fn of(&self, column: usize, (used, clock): (&[usize], Option<i64>), make: impl FnOnce() -> Cells) -> Rc<Cells> {
        let mut all = self.0.borrow_mut();
        match all.get(&column) {
            Some((known, then, cells)) if known == used && *then == clock => Rc::clone(cells),
            _ => {
                let cells = Rc::new(make());
                all.insert(column, (used.to_vec(), clock, Rc::clone(&cells)));
                cells
            }
        }
    }
}

/// A value of every kind that tests distinguish: an absent value first, then in order.
fn representatives<'a>(
    column: &Column,
    atoms: impl Iterator<Item = &'a Atom>,
    clock: Option<i64>,
) -> Vec<Option<Datum>> {
    let atoms: Vec<&Atom> = atoms.collect();
    let bounds = || bounds(column, atoms.iter().copied(), clock);
    let mut values: Vec<Datum> = match column.kind {
        ValueType::Boolean => vec![Datum::Boolean(true), Datum::Boolean(false)],
        ValueType::Enum => (0..column.values.len()).map(Datum::Choice).collect(),
        ValueType::Number => numbers(column, &bounds()),
        _ => whole_numbers(column, &bounds(), &walls::moments(&bounds(), &atoms)),
    };
    if column.kind.is_ordered() {
        values.extend(column.examples.iter().cloned());
        values.sort_by_key(Datum::number);
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
pub(super) fn bounds<'a>(column: &Column, atoms: impl Iterator<Item = &'a Atom>, clock: Option<i64>) -> Vec<Number> {
    let own = [column.bounds.0, column.bounds.1].into_iter().flatten();
    let mut bounds: Vec<Number> = own.chain(bounds_of(atoms, clock)).collect();
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

/// The numbers at which some tests change their mind, in order.
fn bounds_of<'a>(atoms: impl Iterator<Item = &'a Atom>, clock: Option<i64>) -> Vec<Number> {
    let mut bounds = Vec::new();
    for atom in atoms {
        match atom {
            Atom::Test(_, Test::Between(low, high)) => {
                bounds.extend([low, high].into_iter().flatten().map(|(bound, _)| *bound));
            }
            Atom::Test(_, Test::Age(age)) => {
                bounds.extend(clock.iter().flat_map(|clock| [*clock, age.edge(*clock)]).map(Number::from));
            }
            Atom::Test(_, test) => bounds.extend(named_values(test).iter().filter_map(Datum::number)),
            _ => {}
        }
    }
    bounds.sort_unstable();
    bounds.dedup();
    bounds
}

fn numbers(column: &Column, bounds: &[Number]) -> Vec<Datum> {
    let mut values: Vec<f64> = bounds.iter().filter_map(|bound| bound.to_exact_f64()).collect();
    values.extend(bounds.windows(2).filter_map(|pair| between(pair[0].float_above(), pair[1].float_below())));
    values.extend(bounds.first().map(|first| (first.to_f64().floor() - 1.0).min(first.float_below())));
    values.extend(bounds.last().map(|last| (last.to_f64().ceil() + 1.0).max(last.float_above())));
    if bounds.is_empty() {
        values.push(0.0);
    }
    let fits = |value: &f64| {
        Number::from_f64(*value).is_some_and(|value| {
            column.bounds.0.is_none_or(|least| value >= least) && column.bounds.1.is_none_or(|most| value <= most)
        })
    };
    values.into_iter().filter(fits).map(Datum::Number).collect()
}

/// A number from one to another, with as few digits as may be; `None` where the first is the greater one.
fn between(least: f64, most: f64) -> Option<f64> {
    if least > most {
        return None;
    }
    let mut scale = 1.0;
    for _ in 0..12 {
        let value = (least * scale).ceil() / scale;
        if least <= value && value <= most {
            return Some(value);
        }
        scale *= 10.0;
    }
    Some(least.midpoint(most))
}

fn whole_numbers(column: &Column, bounds: &[Number], more: &[i64]) -> Vec<Datum> {
    let mut values: Vec<i128> = more.iter().copied().map(i128::from).collect();
    for bound in bounds {
        let (floor, ceil) = (bound.floor(), bound.ceil());
        values.extend([floor.saturating_sub(1), floor, ceil, ceil.saturating_add(1)]);
        if matches!(column.kind, ValueType::Timestamp | ValueType::Duration) {
            // Whole seconds read better than what lies a thousandth off.
            values.extend([floor.saturating_sub(1000), ceil.saturating_add(1000)]);
        }
    }
    if bounds.is_empty() {
        // A moment is one at which something has just come in.
        values.push(if column.kind == ValueType::Timestamp { (ANY_MOMENT - HOUR).into() } else { 0 });
    }
    let (first, last) = match column.kind {
        ValueType::Timestamp => MOMENTS,
        _ => (i64::MIN, i64::MAX),
    };
    let least = column.bounds.0.map_or(first.into(), Number::ceil);
    let most = column.bounds.1.map_or(last.into(), Number::floor);
    // A test may name a number that no value reaches; the last value on this side of it stands for those before it.
    let values = values.into_iter().map(|value| value.clamp(first.into(), last.into()));
    let mut values: Vec<i128> = values.filter(|value| (least..=most).contains(value)).collect();
    values.sort_unstable();
    values.dedup();
    values.into_iter().filter_map(|value| i64::try_from(value).ok()).map(Datum::Integer).collect()
}

/// Shorter before longer, then what is nearer to nothing.
fn simplicity(column: &Column, value: &Datum) -> (usize, u64, u64) {
    let written = value.to_json(column).to_string().len();
    let number = value.number().map_or(0.0, Number::to_f64);
    (written, number.abs().to_bits(), number.to_bits())
}

/// The moments of the clock that may matter to a formula: one of every kind that its atoms distinguish.
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
            Atom::Test(column, Test::Age(age)) => {
                let of_column = used.iter().copied().filter(|atom| atom.column() == Some(*column));
                for bound in bounds(&atoms.columns[*column], of_column, None) {
                    points.extend(bound.to_i64().into_iter().flat_map(|bound| [bound, age.clock(bound)]));
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
