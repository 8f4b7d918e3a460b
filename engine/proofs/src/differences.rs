//! Values of fields that are compared with each other: `amount > 2 * previous + 10`.
//!
//! Each field has a value in some stretches of numbers. Of every choice of one stretch a field, the differences between fields
//! are closed over (as in difference bound matrices), and what a multiple says narrows the stretches. That nothing is left
//! proves that there are no such values. Values are then chosen one after the other, the plain ones first.

use casebook_runtime::{
    model::{Column, Datum, MOMENTS},
    number::Number,
    rules::{Comparison, DAY, Decimal, Order, Side, Test},
    value::ValueType,
};

use super::{formula::Atom, witness::ANY_MOMENT};

/// Choices of stretches that are looked at for one question.
const MAX_CHOICES: usize = 4_096;
/// Values that are tried for one choice.
const MAX_TRIES: usize = 2_000;
/// Times that multiples narrow the stretches.
const ROUNDS: usize = 12;
/// Milliseconds of a year.
const YEAR: i64 = 365 * DAY;
/// Places behind the point that the values of a field with fractions may have beyond those that are named.
const MORE_PLACES: u32 = 3;

/// What was found.
#[derive(Debug)]
pub(super) enum Values {
    /// A value for each field; an absent one where that does.
    Found(Vec<Option<Datum>>),
    /// There are none.
    Nothing,
    /// It is not known, and why.
    Unknown(&'static str),
}

/// A field that takes part.
pub(super) struct Field<'a> {
    pub(super) at: usize,
    pub(super) column: &'a Column,
    /// What is decided about it alone.
    pub(super) own: Vec<(&'a Atom, bool)>,
}

/// A bound in units, and whether it is excluded itself.
type Bound = (i128, bool);

/// A stretch of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    low: Option<Bound>,
    high: Option<Bound>,
}

/// `times * left <= by * right + plus`, in units; or less than that.
#[derive(Debug, Clone, Copy)]
struct Limit {
    left: usize,
    times: i128,
    right: usize,
    by: i128,
    plus: i128,
    strict: bool,
}

/// Finds values of some fields under which comparisons come out as decided.
pub(super) fn find(fields: &[Field<'_>], compared: &[(&Comparison, bool)], clock: Option<i64>) -> Values {
    const MANY: Values = Values::Unknown("numbers with too many figures are compared");
    let Some(units) = Units::of(fields, compared, clock) else { return MANY };
    let mut choices: Vec<Vec<Option<Span>>> = vec![Vec::new()];
    for field in fields {
        let Some((spans, absent)) = units.spans(field, clock) else { return MANY };
        let own: Vec<Option<Span>> = absent.then_some(None).into_iter().chain(spans.into_iter().map(Some)).collect();
        choices = choices
            .iter()
            .flat_map(|choice| own.iter().map(move |one| choice.iter().copied().chain([*one]).collect()))
            .collect();
        if choices.len() > MAX_CHOICES {
            return Values::Unknown("too many ranges of fields that are compared come together");
        }
    }
    let mut unknown = None;
    for choice in choices {
        let Some(ways) = units.ways(fields, compared, &choice) else { return MANY };
        for limits in ways {
            match units.solve(fields, compared, &choice, &limits, clock) {
                Values::Found(values) => return Values::Found(values),
                Values::Nothing => {}
                Values::Unknown(why) => unknown = Some(why),
            }
        }
    }
    unknown.map_or(Values::Nothing, Values::Unknown)
}

/// How finely numbers are distinguished: by so many places behind the point.
struct Units {
    places: u32,
    /// The number one.
    one: i128,
}

impl Units {
    fn of(fields: &[Field<'_>], compared: &[(&Comparison, bool)], clock: Option<i64>) -> Option<Self> {
        let mut places = 0;
        for field in fields {
            let own = field.own.iter().map(|(atom, _)| *atom);
            for bound in super::space::bounds(field.column, own, clock) {
                places = places.max(Decimal::from(bound).places());
            }
        }
        for (comparison, _) in compared {
            places = places.max(comparison.plus.places()).max(comparison.times.places());
        }
        if fields.iter().any(|field| field.column.kind == ValueType::Number) {
            places += MORE_PLACES;
        }
        Some(Self { places, one: 10_i128.checked_pow(places).filter(|one| *one < 10_i128.pow(15))? })
    }

    fn of_number(&self, number: Number) -> Option<i128> {
        Decimal::from(number).scaled(self.places)
    }

    /// The stretches in which a field may lie, and whether it may be absent.
    fn spans(&self, field: &Field<'_>, clock: Option<i64>) -> Option<(Vec<Span>, bool)> {
        let whole = |number: i64| (i128::from(number) * self.one, false);
        let bound = |bound: Option<Number>| -> Option<Option<Bound>> {
            match bound {
                Some(bound) => Some(Some((self.of_number(bound)?, false))),
                None => Some(None),
            }
        };
        let (mut low, mut high) = (bound(field.column.bounds.0)?, bound(field.column.bounds.1)?);
        let range = match field.column.kind {
            ValueType::Number => None,
            ValueType::Timestamp => Some(MOMENTS),
            _ => Some((i64::MIN, i64::MAX)),
        };
        if let Some((first, last)) = range {
            low = Some(low.map_or(whole(first), |low| low.max(whole(first))));
            high = Some(high.map_or(whole(last), |high| high.min(whole(last))));
        }
        let mut spans = vec![Span { low, high }];
        let mut absent = field.column.optional;
        for (atom, wanted) in &field.own {
            let passing = match atom {
                Atom::Given(_) => {
                    if !wanted {
                        return Some((Vec::new(), absent));
                    }
                    absent = false;
                    continue;
                }
                Atom::Test(_, Test::Between(low, high)) => {
                    let read = |bound: &Option<(Number, bool)>| -> Option<Option<Bound>> {
                        match bound {
                            Some((number, equal)) => Some(Some((self.of_number(*number)?, !equal))),
                            None => Some(None),
                        }
                    };
                    vec![Span { low: read(low)?, high: read(high)? }]
                }
                Atom::Test(_, Test::OneOf(values)) => {
                    let point = |number: Number| {
                        let at = Some((self.of_number(number)?, false));
                        Some(Span { low: at, high: at })
                    };
                    let mut points: Vec<Span> =
                        values.iter().filter_map(Datum::number).map(point).collect::<Option<_>>()?;
                    points.sort_by_key(|span| span.low);
                    points
                }
                Atom::Test(_, Test::Age(age)) => match clock {
                    None => Vec::new(),
                    Some(clock) => {
                        let moments = age.moments(clock);
                        let low = (age.side != Side::Older).then(|| whole(*moments.start()));
                        vec![Span { low, high: Some(whole(*moments.end())) }]
                    }
                },
                // What is not told by bounds leaves any value: it is judged at the end.
                _ => {
                    absent &= !wanted;
                    continue;
                }
            };
            absent &= !wanted;
            let passing = if *wanted { passing } else { outside(&passing) };
            spans = spans.iter().flat_map(|one| passing.iter().filter_map(|other| one.and(*other))).collect();
        }
        let is_whole = field.column.kind != ValueType::Number;
        spans = spans.into_iter().filter_map(|span| if is_whole { self.rounded(span) } else { Some(span) }).collect();
        Some((spans, absent))
    }

    /// A stretch between whole numbers, which are part of it.
    fn rounded(&self, span: Span) -> Option<Span> {
        let low = span.low.map(|(at, out)| {
            let whole = at.div_euclid(self.one) * self.one;
            (if whole < at || out { whole + self.one } else { whole }, false)
        });
        let high = span.high.map(|(at, out)| {
            let whole = at.div_euclid(self.one) * self.one;
            (if whole == at && out { whole - self.one } else { whole }, false)
        });
        Span { low, high }.filled()
    }

    /// What must hold of the fields that are there: each way is enough. None where numbers are too large.
    fn ways(
        &self,
        fields: &[Field<'_>],
        compared: &[(&Comparison, bool)],
        choice: &[Option<Span>],
    ) -> Option<Vec<Vec<Limit>>> {
        let place = |at: usize| fields.iter().position(|field| field.at == at);
        let mut ways: Vec<Vec<Limit>> = vec![Vec::new()];
        for (comparison, wanted) in compared {
            let (left, right) = (place(comparison.left)?, place(comparison.right)?);
            if choice[left].is_none() || choice[right].is_none() {
                if *wanted {
                    return Some(Vec::new());
                }
                continue;
            }
            // `one * left` against `by * right + plus`, both multiplied by the unit.
            let by = comparison.times.scaled(self.places)?;
            let plus = comparison.plus.scaled(self.places)?.checked_mul(self.one)?;
            let below = |strict| Limit { left, times: self.one, right, by, plus, strict };
            let above = |strict| Limit { left: right, times: by, right: left, by: self.one, plus: -plus, strict };
            let limits = match (comparison.order, *wanted) {
                (Order::Less, true) | (Order::AtLeast, false) => vec![vec![below(true)]],
                (Order::AtMost, true) | (Order::More, false) => vec![vec![below(false)]],
                (Order::More, true) | (Order::AtMost, false) => vec![vec![above(true)]],
                (Order::AtLeast, true) | (Order::Less, false) => vec![vec![above(false)]],
                (Order::Equal, true) => vec![vec![below(false), above(false)]],
                (Order::Equal, false) => vec![vec![below(true)], vec![above(true)]],
            };
            ways = ways
                .iter()
                .flat_map(|way| limits.iter().map(move |more| way.iter().chain(more).copied().collect()))
                .collect();
        }
        Some(ways)
    }

    /// Finds values in stretches, one a field.
    fn solve(
        &self,
        fields: &[Field<'_>],
        compared: &[(&Comparison, bool)],
        choice: &[Option<Span>],
        limits: &[Limit],
        clock: Option<i64>,
    ) -> Values {
        let spans: Vec<Span> = choice.iter().map(|span| span.unwrap_or(Span { low: None, high: None })).collect();
        let is_there: Vec<bool> = choice.iter().map(Option::is_some).collect();
        match self.narrow(fields, &spans, limits) {
            None => return Values::Unknown("numbers with too many figures are compared"),
            Some(None) => return Values::Nothing,
            Some(Some(_)) => {}
        }
        let mut tries = 0;
        let shows = |values: &[Option<Datum>]| {
            let most = fields.iter().map(|field| field.at).max().unwrap_or_default();
            let mut row = vec![None; most + 1];
            fields.iter().zip(values).for_each(|(field, value)| row[field.at].clone_from(value));
            let facts = casebook_runtime::rules::Facts { fields: &row, clock };
            compared.iter().all(|(comparison, wanted)| comparison.holds(&row) == *wanted)
                && fields.iter().all(|field| field.own.iter().all(|(atom, wanted)| atom.holds(facts) == *wanted))
        };
        // What nobody would write is shown only where nothing else shows it.
        let likely: Option<Vec<Span>> =
            fields.iter().zip(&spans).map(|(field, span)| span.and(self.likely(field.column))).collect();
        for spans in likely.iter().chain([&spans]) {
            let mut chosen = Vec::new();
            if self.choose(fields, (spans, &is_there), limits, &mut chosen, &mut tries, &shows) {
                return Values::Found(chosen);
            }
            tries = 0;
        }
        Values::Unknown("fields are compared in a way that is not searched through")
    }

    /// Chooses values one after the other; true when all are.
    fn choose(
        &self,
        fields: &[Field<'_>],
        (spans, is_there): (&[Span], &[bool]),
        limits: &[Limit],
        chosen: &mut Vec<Option<Datum>>,
        tries: &mut usize,
        shows: &impl Fn(&[Option<Datum>]) -> bool,
    ) -> bool {
        let at = chosen.len();
        if at == fields.len() {
            return shows(chosen);
        }
        if !is_there[at] {
            chosen.push(None);
            let found = self.choose(fields, (spans, is_there), limits, chosen, tries, shows);
            if !found {
                chosen.pop();
            }
            return found;
        }
        let Some(Some(left)) = self.narrow(fields, spans, limits) else { return false };
        for value in self.candidates(fields[at].column, left[at]) {
            *tries += 1;
            if *tries > MAX_TRIES {
                return false;
            }
            let Some(datum) = self.datum(fields[at].column, value) else { continue };
            let mut fixed = left.clone();
            fixed[at] = Span { low: Some((value, false)), high: Some((value, false)) };
            chosen.push(Some(datum));
            if self.choose(fields, (&fixed, is_there), limits, chosen, tries, shows) {
                return true;
            }
            chosen.pop();
        }
        false
    }

    /// Where the values of a column usually lie.
    fn likely(&self, column: &Column) -> Span {
        let low = if column.kind == ValueType::Timestamp { ANY_MOMENT - YEAR } else { 0 };
        Span { low: Some((i128::from(low) * self.one, false)), high: None }
    }

    /// Values of a stretch, the plain ones first.
    fn candidates(&self, column: &Column, span: Span) -> Vec<i128> {
        let is_whole = column.kind != ValueType::Number;
        let step = if is_whole { self.one } else { 1 };
        let examples = column.examples.iter().filter_map(Datum::number).filter_map(|number| self.of_number(number));
        let usual = if column.kind == ValueType::Timestamp {
            [ANY_MOMENT, ANY_MOMENT + DAY, ANY_MOMENT + 10 * DAY, ANY_MOMENT - DAY]
        } else {
            [0, 1, 10, 100]
        };
        let mut all: Vec<i128> = examples.chain(usual.map(|usual| i128::from(usual) * self.one)).collect();
        let ceil = |at: i128| at.div_euclid(self.one).saturating_add(i128::from(at.rem_euclid(self.one) != 0));
        if let Some((low, out)) = span.low {
            let first = ceil(low);
            all.extend([first, first + 1, first + 2].map(|whole| whole.saturating_mul(self.one)));
            all.extend([low.saturating_add(if out { step } else { 0 }), low.saturating_add(step)]);
        }
        if let Some((high, out)) = span.high {
            let last = high.div_euclid(self.one);
            all.extend([last, last - 1, last - 2].map(|whole| whole.saturating_mul(self.one)));
            all.extend([high.saturating_sub(if out { step } else { 0 }), high.saturating_sub(step)]);
        }
        if let (Some((low, _)), Some((high, _))) = (span.low, span.high) {
            let middle = low + (high - low) / 2;
            all.extend([middle, middle.div_euclid(self.one) * self.one]);
        }
        let mut known = std::collections::HashSet::new();
        all.retain(|value| span.holds(*value) && (!is_whole || value % self.one == 0) && known.insert(*value));
        all
    }

    /// A value of a column; none that it cannot hold.
    fn datum(&self, column: &Column, value: i128) -> Option<Datum> {
        if column.kind == ValueType::Number {
            let text = format!("{value}e-{}", self.places);
            return Some(Datum::Number(text.parse().ok()?));
        }
        (value % self.one == 0).then(|| i64::try_from(value / self.one).ok().map(Datum::Integer))?
    }

    /// What is left of stretches under some limits: nothing where that is impossible. None where numbers are too large.
    #[expect(clippy::option_option, reason = "that nothing is left is an answer")]
    fn narrow(&self, fields: &[Field<'_>], spans: &[Span], limits: &[Limit]) -> Option<Option<Vec<Span>>> {
        let mut spans = spans.to_vec();
        for _ in 0..ROUNDS {
            let before = spans.clone();
            match self.close(fields, &mut spans, limits) {
                None => return None,
                Some(false) => return Some(None),
                Some(true) => {}
            }
            for limit in limits {
                // Upwards for the smaller side, downwards for the greater one.
                let most = spans[limit.right].times(limit.by)?.high;
                let most = most.and_then(|(at, out)| Some((at.checked_add(limit.plus)?, out || limit.strict)));
                let least = spans[limit.left].times(limit.times)?.low;
                let least = least.and_then(|(at, out)| Some((at.checked_sub(limit.plus)?, out || limit.strict)));
                let left = Span { low: None, high: most }.divided(limit.times);
                let right = Span { low: least, high: None }.divided(limit.by);
                for (at, span) in [(limit.left, left), (limit.right, right)] {
                    let Some(span) = spans[at].and(span) else { return Some(None) };
                    let is_whole = fields[at].column.kind != ValueType::Number;
                    let Some(span) = (if is_whole { self.rounded(span) } else { Some(span) }) else {
                        return Some(None);
                    };
                    spans[at] = span;
                }
            }
            if spans == before {
                break;
            }
        }
        Some(Some(spans))
    }

    /// Closes over the differences between fields that are compared without a multiple; false where that is impossible.
    fn close(&self, fields: &[Field<'_>], spans: &mut [Span], limits: &[Limit]) -> Option<bool> {
        // Behind the fields stands nought: a field less that is its bound.
        let (count, nought) = (fields.len() + 1, fields.len());
        let mut most: Vec<Vec<Option<Bound>>> = vec![vec![None; count]; count];
        // A difference is at most so much, or less than that.
        let tighter = |known: &mut Option<Bound>, (at, out): Bound| {
            if known.is_none_or(|(other, other_out)| (at, !out) < (other, !other_out)) {
                *known = Some((at, out));
            }
        };
        for (at, span) in spans.iter().enumerate() {
            if let Some((high, out)) = span.high {
                tighter(&mut most[at][nought], (high, out));
            }
            if let Some((low, out)) = span.low {
                tighter(&mut most[nought][at], (low.checked_neg()?, out));
            }
            most[at][at] = Some((0, false));
        }
        most[nought][nought] = Some((0, false));
        let is_whole = |at: usize| fields[at].column.kind != ValueType::Number;
        for limit in limits.iter().filter(|limit| limit.times == self.one && limit.by == self.one) {
            // The sum is a multiple of the unit: a plus is.
            let plus = limit.plus / self.one;
            let bound = if is_whole(limit.left) && is_whole(limit.right) {
                let whole = plus.div_euclid(self.one) * self.one;
                (if whole == plus && limit.strict { whole - self.one } else { whole }, false)
            } else {
                (plus, limit.strict)
            };
            tighter(&mut most[limit.left][limit.right], bound);
        }
        for by in 0..count {
            for from in 0..count {
                for to in 0..count {
                    if let (Some((a, a_out)), Some((b, b_out))) = (most[from][by], most[by][to]) {
                        tighter(&mut most[from][to], (a.checked_add(b)?, a_out || b_out));
                    }
                }
            }
        }
        if (0..count).any(|at| most[at][at].is_some_and(|(sum, out)| sum < 0 || sum == 0 && out)) {
            return Some(false);
        }
        for (at, span) in spans.iter_mut().enumerate() {
            span.high = most[at][nought];
            span.low = most[nought][at].map(|(low, out)| (-low, out));
            if span.filled().is_none() {
                return Some(false);
            }
        }
        Some(true)
    }
}

impl Span {
    /// The stretch, unless it is empty.
    fn filled(self) -> Option<Self> {
        match (self.low, self.high) {
            (Some((low, low_out)), Some((high, high_out))) if low > high || low == high && (low_out || high_out) => {
                None
            }
            _ => Some(self),
        }
    }

    fn holds(self, at: i128) -> bool {
        self.low.is_none_or(|(low, out)| low < at || low == at && !out)
            && self.high.is_none_or(|(high, out)| at < high || at == high && !out)
    }

    /// The intersection of two stretches.
    fn and(self, other: Self) -> Option<Self> {
        let low = match (self.low, other.low) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        let high = match (self.high, other.high) {
            (Some((a, a_out)), Some((b, b_out))) => {
                Some(if (a, !a_out) < (b, !b_out) { (a, a_out) } else { (b, b_out) })
            }
            (a, b) => a.or(b),
        };
        Self { low, high }.filled()
    }

    /// The multiples of its numbers; none where they are too large.
    fn times(self, by: i128) -> Option<Self> {
        let many = |bound: Option<Bound>| match bound {
            Some((at, out)) => at.checked_mul(by).map(|at| Some((at, out))),
            None => Some(None),
        };
        if by == 0 {
            return Some(Self { low: Some((0, false)), high: Some((0, false)) });
        }
        let (low, high) = (many(self.low)?, many(self.high)?);
        Some(if by < 0 { Self { low: high, high: low } } else { Self { low, high } })
    }

    /// The stretch of the multiples of which this is one; at least all of it.
    fn divided(self, by: i128) -> Self {
        if by == 0 {
            return Self { low: None, high: None };
        }
        // Rounded outwards, a bound may be reached.
        let part = |bound: Option<Bound>, up: bool| {
            bound.map(|(at, out)| {
                let (at, by) = if by < 0 { (-at, -by) } else { (at, by) };
                let down = at.div_euclid(by);
                let exact = at.rem_euclid(by) == 0;
                (if up && !exact { down + 1 } else { down }, out && exact)
            })
        };
        if by < 0 {
            Self { low: part(self.high, false), high: part(self.low, true) }
        } else {
            Self { low: part(self.low, false), high: part(self.high, true) }
        }
    }
}

/// The complement of some stretches, which are in order and apart.
fn outside(spans: &[Span]) -> Vec<Span> {
    let flip = |(at, out): Bound| (at, !out);
    let mut all = Vec::new();
    let mut low = None;
    let mut open = true;
    for span in spans {
        if let Some(bound) = span.low {
            all.extend(Span { low, high: Some(flip(bound)) }.filled());
        }
        match span.high {
            Some(bound) => low = Some(flip(bound)),
            None => open = false,
        }
    }
    if open {
        all.push(Span { low, high: None });
    }
    all
}

#[cfg(test)]
mod tests {
    use casebook_runtime::{
        model::{Column, Datum},
        number::Number,
        rules::{Comparison, Decimal, Facts, Order, Test},
        value::ValueType,
    };
    use proptest::prelude::*;

    use super::{Field, Values, find};
    use crate::formula::Atom;

    /// The values of each field: whole numbers, or halves.
    const REACH: i64 = 5;

    fn column(name: &str, kind: ValueType, optional: bool) -> Column {
        Column { optional, bounds: (Some(Number::from(-REACH)), Some(Number::from(REACH))), ..Column::new(name, kind) }
    }

    fn values(column: &Column) -> Vec<Option<Datum>> {
        let all: Vec<Datum> = match column.kind {
            ValueType::Number => {
                (-2 * REACH..=2 * REACH).map(|half| Number::from(half).to_f64() / 2.0).map(Datum::Number).collect()
            }
            _ => (-REACH..=REACH).map(Datum::Integer).collect(),
        };
        column.optional.then_some(None).into_iter().chain(all.into_iter().map(Some)).collect()
    }

    fn decimal() -> impl Strategy<Value = f64> {
        prop::sample::select(vec![0.0, 1.0, -1.0, 2.0, 0.5, -2.5, 1.0, 3.0])
    }

    fn comparison() -> impl Strategy<Value = (Comparison, bool)> {
        let order = prop::sample::select(vec![Order::Less, Order::AtMost, Order::Equal, Order::AtLeast, Order::More]);
        let decimal = || decimal().prop_map(|number| Decimal::from(Number::from_f64(number).expect("finite")));
        (0..3_usize, order, 1..3_usize, decimal(), decimal(), any::<bool>()).prop_map(
            |(left, order, other, times, plus, wanted)| {
                (Comparison { left, order, right: (left + other) % 3, times, plus }, wanted)
            },
        )
    }

    fn own() -> impl Strategy<Value = (usize, Atom, bool)> {
        let bound = || prop::option::of((-5..6_i64, any::<bool>()).prop_map(|(at, equal)| (Number::from(at), equal)));
        let test = prop_oneof![
            (bound(), bound()).prop_map(|(low, high)| Test::Between(low, high)),
            prop::collection::vec(-5..6_i64, 1..3)
                .prop_map(|all| Test::OneOf(all.into_iter().map(Datum::Integer).collect())),
        ];
        (0..2_usize, test, any::<bool>()).prop_map(|(at, test, wanted)| (at, Atom::Test(at, test), wanted))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn what_is_found_holds_and_what_is_not_is_nowhere(
            compared in prop::collection::vec(comparison(), 1..4),
            own in prop::collection::vec(own(), 0..4),
            optional in any::<[bool; 3]>(),
        ) {
            let kinds = [ValueType::Integer, ValueType::Integer, ValueType::Number];
            let columns: Vec<Column> = (0..3).map(|at| column(["a", "b", "c"][at], kinds[at], optional[at])).collect();
            let fields: Vec<Field<'_>> = columns
                .iter()
                .enumerate()
                .map(|(at, column)| Field {
                    at,
                    column,
                    own: own.iter().filter(|(own, ..)| *own == at).map(|(_, atom, wanted)| (atom, *wanted)).collect(),
                })
                .collect();
            let compared: Vec<(&Comparison, bool)> = compared.iter().map(|(one, wanted)| (one, *wanted)).collect();
            let holds = |row: &[Option<Datum>]| {
                let facts = Facts { fields: row, clock: None };
                compared.iter().all(|(one, wanted)| one.holds(row) == *wanted)
                    && own.iter().all(|(_, atom, wanted)| atom.holds(facts) == *wanted)
            };
            let [a, b, c] = [0, 1, 2].map(|at| values(&columns[at]));
            let shown = a.iter().find_map(|a| {
                b.iter().find_map(|b| {
                    c.iter().map(|c| [a.clone(), b.clone(), c.clone()]).find(|row| holds(row))
                })
            });
            match find(&fields, &compared, None) {
                Values::Found(row) => prop_assert!(holds(&row), "{row:?}"),
                Values::Nothing => prop_assert!(shown.is_none(), "{shown:?}"),
                Values::Unknown(why) => prop_assert!(!why.is_empty()),
            }
        }
    }

    #[test]
    fn differences_are_decided() {
        let columns = [column("a", ValueType::Integer, false), column("b", ValueType::Integer, false)]
            .map(|column| Column { bounds: (None, None), ..column });
        let fields = || -> Vec<Field<'_>> {
            columns.iter().enumerate().map(|(at, column)| Field { at, column, own: Vec::new() }).collect()
        };
        let more = |left: usize, plus: i64| Comparison {
            left,
            order: Order::More,
            right: 1 - left,
            times: Decimal::ONE,
            plus: Decimal::from(Number::from(plus)),
        };
        // Each is more than the other; between them lies one whole number or none.
        let (one, other) = (more(0, 0), more(1, 0));
        assert!(matches!(find(&fields(), &[(&one, true), (&other, true)], None), Values::Nothing));
        assert!(matches!(find(&fields(), &[(&one, false), (&other, false)], None), Values::Found(_)));
        let (one, other) = (more(0, 0), more(1, -2));
        let Values::Found(row) = find(&fields(), &[(&one, true), (&other, true)], None) else {
            panic!("there are some")
        };
        assert!(one.holds(&row) && other.holds(&row), "{row:?}");
        let other = more(1, -1);
        assert!(matches!(find(&fields(), &[(&one, true), (&other, true)], None), Values::Nothing));
    }
}
