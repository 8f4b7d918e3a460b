//! Lists, sets and objects whose entries fulfil conditions: "two lines are late, and none costs more than 10".
//!
//! Conditions on entries divide them into types: those that fulfil the same of them. Which types there can be is asked about
//! one entry at a time, as about an item; of a set all names are looked at. Then it is searched how many entries of each type
//! there are, until there are enough for every condition and too many for none. An object is a list with one entry.

use std::collections::HashSet;

use casebook_runtime::{
    model::{Column, Datum},
    rules::{Facts, Predicate, Test},
    value::ValueType,
};
use serde_json::{Map, Value};

use super::{
    Answer, Limits,
    formula::{Atom, Atoms, Formula, Shared},
    search::Solver,
    text::Found,
};

/// Conditions on the entries of one list that are looked at together.
const MAX_CONDITIONS: usize = 6;
/// The greatest number of entries that is looked for.
const MAX_ENTRIES: u64 = 500;
/// Combinations of entries that are looked at.
const MAX_STATES: usize = 20_000;
/// Why nothing is claimed about conditions that read the clock.
const CLOCK: &str = "the age of a moment within a list is not followed";

/// How many entries have to fulfil a condition.
struct Demand {
    when: Predicate,
    least: u64,
    most: Option<u64>,
}

/// A type of entries: those that fulfil the same conditions.
struct Kind {
    /// Which of the conditions they fulfil.
    fulfils: Vec<bool>,
    /// How they are written: the same again and again, or of a set one each.
    written: Vec<Value>,
}

/// How many entries there may be.
struct Bounds {
    least: u64,
    most: u64,
}

/// Finds a value of a column of which some atoms hold and others do not.
pub(super) fn find(column: &Column, own: &[(&Atom, bool)], clock: Option<i64>, limits: Limits) -> Found {
    let Some(of) = column.entries() else { return Found::Unknown("nothing is known of the entries of a list") };
    let demands = match demands(own, &of[0]) {
        Ok(demands) => demands,
        Err(why) => return Found::Unknown(why),
    };
    if own.iter().any(|(atom, wanted)| matches!(atom, Atom::Given(_)) && !wanted)
        || demands.iter().any(|demand| demand.most.is_some_and(|most| demand.least > most))
    {
        return Found::Nothing;
    }
    let timed = demands.iter().any(|demand| demand.when.needs_clock());
    if timed && clock.is_none() {
        return Found::Unknown(CLOCK);
    }
    let bounds = bounds(column);
    if demands.iter().map(|demand| demand.least).chain([bounds.least]).any(|least| least > MAX_ENTRIES) {
        return Found::Unknown("lists with so many entries are not searched through");
    }
    let (kinds, doubt) = if column.kind == ValueType::Set {
        (names(&of[0], &demands), None)
    } else if demands.len() > MAX_CONDITIONS {
        return Found::Unknown("too many conditions on the entries of one list come together");
    } else {
        kinds(column, &of, &demands, clock, limits)
    };
    let limited = column.kind == ValueType::Set;
    let doubt = doubt.or(timed.then_some(CLOCK));
    match choose(&kinds, &demands, &bounds, limited) {
        Chosen::Counts(counts) => {
            let mut entries =
                kinds.iter().zip(counts).flat_map(|(kind, count)| kind.written.iter().cycle().take(count));
            let value = if column.kind == ValueType::Object {
                entries.next().cloned().unwrap_or_default()
            } else {
                Value::Array(entries.cloned().collect())
            };
            verified(column, &value, own, clock)
        }
        Chosen::Nothing => doubt.map_or(Found::Nothing, Found::Unknown),
        Chosen::Unknown => Found::Unknown("too many entries of one list come together"),
    }
}

/// The value, when the atoms hold of it as they are to.
fn verified(column: &Column, value: &Value, own: &[(&Atom, bool)], clock: Option<i64>) -> Found {
    let shows = |datum: &Datum| {
        own.iter().all(|(atom, wanted)| {
            let mut fields = vec![None; atom.column().unwrap_or_default() + 1];
            if let Some(last) = fields.last_mut() {
                *last = Some(datum.clone());
            }
            atom.holds(Facts { fields: &fields, clock }) == *wanted
        })
    };
    match Datum::read(column, value) {
        Ok(datum) if shows(&datum) => Found::Value(datum),
        _ => Found::Unknown("a list that should show it does not"),
    }
}

/// What atoms ask of the entries, each condition once; the error says why that is not known.
fn demands(own: &[(&Atom, bool)], entry: &Column) -> Result<Vec<Demand>, &'static str> {
    let mut known: Vec<(String, Demand)> = Vec::new();
    for (atom, wanted) in own {
        let (when, least) = match atom {
            Atom::Given(_) => continue,
            Atom::Entries(entries, least) => (entries.when.clone(), *least),
            Atom::Test(_, Test::HoldsAny(texts, matching)) => {
                let test = match entry.kind {
                    ValueType::Enum => {
                        let names = texts.iter().map(|text| entry.values.iter().position(|name| *name == text.raw));
                        Test::OneOf(names.flatten().map(Datum::Choice).collect())
                    }
                    _ => Test::TextIs(texts.clone(), matching.case_sensitive),
                };
                (Predicate::Column(0, test, "".into()), 1)
            }
            _ => return Err("how these conditions on a list go together is not searched through"),
        };
        let key = format!("{when:?}");
        let at = known.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
            known.push((key, Demand { when, least: 0, most: None }));
            known.len() - 1
        });
        let demand = &mut known[at].1;
        if *wanted {
            demand.least = demand.least.max(least);
        } else {
            demand.most = Some(demand.most.unwrap_or(u64::MAX).min(least - 1));
        }
    }
    Ok(known.into_iter().map(|(_, demand)| demand).collect())
}

fn bounds(column: &Column) -> Bounds {
    let (least, most) = column.lengths;
    match column.kind {
        ValueType::Object => Bounds { least: 1, most: 1 },
        ValueType::Set => {
            let all = column.values.len() as u64;
            Bounds { least: least.unwrap_or(0).into(), most: most.map_or(all, |most| all.min(most.into())) }
        }
        _ => Bounds { least: least.unwrap_or(0).into(), most: most.map_or(u64::MAX, u64::from) },
    }
}

/// The names of a set by what they fulfil.
fn names(entry: &Column, demands: &[Demand]) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    for (at, name) in entry.values.iter().enumerate() {
        let fields = [Some(Datum::Choice(at))];
        let facts = Facts { fields: &fields, clock: None };
        let fulfils: Vec<bool> = demands.iter().map(|demand| demand.when.matches(facts)).collect();
        match kinds.iter_mut().find(|kind| kind.fulfils == fulfils) {
            Some(kind) => kind.written.push(name.as_str().into()),
            None => kinds.push(Kind { fulfils, written: vec![name.as_str().into()] }),
        }
    }
    kinds
}

/// The types of entries that there can be, and why there may be more of them.
fn kinds(
    column: &Column,
    of: &[Column],
    demands: &[Demand],
    clock: Option<i64>,
    limits: Limits,
) -> (Vec<Kind>, Option<&'static str>) {
    let mut atoms = Atoms::new(of);
    let formulas: Vec<Shared> = demands.iter().map(|demand| atoms.predicate(&demand.when)).collect();
    let limits = Limits { steps: limits.steps.min(2_000), work: limits.work.min(5_000_000), ..limits };
    let solver = Solver::new(&atoms, limits);
    let mut asking =
        Asking { column, of, demands, formulas: &formulas, solver: &solver, clock, kinds: Vec::new(), doubt: None };
    asking.ask(&Formula::constant(true), &mut Vec::new());
    (asking.kinds, asking.doubt)
}

/// Asks for each type of entries whether there can be one.
struct Asking<'s, 'a> {
    column: &'s Column,
    of: &'s [Column],
    demands: &'s [Demand],
    formulas: &'s [Shared],
    solver: &'s Solver<'a>,
    clock: Option<i64>,
    kinds: Vec<Kind>,
    doubt: Option<&'static str>,
}

impl Asking<'_, '_> {
    /// Asks for all types that begin like this.
    fn ask(&mut self, formula: &Shared, fulfils: &mut Vec<bool>) {
        let at = fulfils.len();
        if at < self.formulas.len() {
            // What no entry may fulfil no type of use does.
            let ways: &[bool] = if self.demands[at].most == Some(0) { &[false] } else { &[true, false] };
            for wanted in ways {
                let part = if *wanted { self.formulas[at].clone() } else { Formula::not(&self.formulas[at]) };
                let narrower = Formula::all([formula.clone(), part]);
                if let Formula::Const(false) = *narrower {
                    continue;
                }
                fulfils.push(*wanted);
                self.ask(&narrower, fulfils);
                fulfils.pop();
            }
            return;
        }
        match self.solver.solve(formula) {
            Answer::Impossible => {}
            Answer::Unknown(why) => self.doubt = Some(why),
            Answer::Found(model) => {
                let fields = self.solver.full(model.witness).fields;
                let facts = Facts { fields: &fields, clock: self.clock };
                let is_so =
                    self.demands.iter().zip(&*fulfils).all(|(demand, wanted)| demand.when.matches(facts) == *wanted);
                match self.written(&fields).filter(|_| is_so) {
                    Some(written) => self.kinds.push(Kind { fulfils: fulfils.clone(), written: vec![written] }),
                    None => self.doubt = Some("an entry that should show it does not"),
                }
            }
        }
    }

    /// An entry as documents write it; none where something is missing.
    fn written(&self, fields: &[Option<Datum>]) -> Option<Value> {
        if self.column.has_plain_entries() {
            return fields.first()?.as_ref().map(|datum| datum.to_json(&self.of[0]));
        }
        let mut map = Map::new();
        for (column, datum) in self.of.iter().zip(fields) {
            match datum {
                Some(datum) => drop(map.insert(column.name.clone(), datum.to_json(column))),
                None if column.optional => {}
                None => return None,
            }
        }
        Some(Value::Object(map))
    }
}

/// How many entries of each type there are.
enum Chosen {
    Counts(Vec<usize>),
    Nothing,
    Unknown,
}

/// Searches how many entries of each type are enough for every condition and too many for none.
///
/// Entries are added one by one to what lacks some; a combination is looked at once.
fn choose(kinds: &[Kind], demands: &[Demand], bounds: &Bounds, limited: bool) -> Chosen {
    let mut open = vec![vec![0_usize; kinds.len()]];
    let mut known: HashSet<Vec<usize>> = HashSet::new();
    while let Some(counts) = open.pop() {
        if known.len() > MAX_STATES {
            return Chosen::Unknown;
        }
        let total: usize = counts.iter().sum();
        let matching = |demand: usize| -> usize {
            kinds.iter().zip(&counts).filter(|(kind, _)| kind.fulfils[demand]).map(|(_, count)| count).sum()
        };
        let lacking = (0..demands.len()).find(|at| (matching(*at) as u64) < demands[*at].least);
        if lacking.is_none() && total as u64 >= bounds.least {
            return Chosen::Counts(counts);
        }
        if total as u64 >= bounds.most {
            continue;
        }
        // The last one is looked at first: a type that fulfils much comes before one that does not.
        for at in (0..kinds.len()).rev() {
            let kind = &kinds[at];
            let useful = lacking.is_none_or(|lacking| kind.fulfils[lacking]);
            let exhausted = limited && counts[at] >= kind.written.len();
            let too_many = (0..demands.len()).any(|demand| {
                kind.fulfils[demand] && demands[demand].most.is_some_and(|most| matching(demand) as u64 >= most)
            });
            if useful && !exhausted && !too_many {
                let mut more = counts.clone();
                more[at] += 1;
                if known.insert(more.clone()) {
                    open.push(more);
                }
            }
        }
    }
    Chosen::Nothing
}
