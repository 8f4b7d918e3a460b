//! The search for an item: atoms are decided one after the other, and what follows from each is drawn at once.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use super::{
    Answer, Limits, Witness,
    bits::Bits,
    formula::{Atom, Atoms, Formula, Shared, has_cells},
    likely,
    space::{Moment, clocks},
    text::{self, Found, Relation},
};
use crate::{
    model::{ColumnKind, Datum},
    rules::{Facts, Test},
};

/// Tests of one text or list up to which all of them are followed up, not only those of the question.
const FEW: usize = 60;

/// Answers questions about one set of atoms.
pub(super) struct Solver<'a> {
    pub(super) atoms: &'a Atoms<'a>,
    pub(super) limits: Limits,
    moments: RefCell<HashMap<Option<i64>, Rc<Moment>>>,
    relations: RefCell<HashMap<(usize, usize), Relation>>,
}

/// An item, and the decided atoms that make a formula hold.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) witness: Witness,
    pub(super) cube: Vec<(usize, bool)>,
}

impl<'a> Solver<'a> {
    pub(super) fn new(atoms: &'a Atoms<'a>, limits: Limits) -> Self {
        Self { atoms, limits, moments: RefCell::default(), relations: RefCell::default() }
    }

    pub(super) fn moment(&self, clock: Option<i64>) -> Rc<Moment> {
        let mut moments = self.moments.borrow_mut();
        if moments.len() > 512 {
            moments.clear();
        }
        Rc::clone(moments.entry(clock).or_insert_with(|| Rc::new(Moment::new(self.atoms, clock))))
    }

    /// Finds an item for which a formula holds.
    pub(super) fn solve(&self, formula: &Shared) -> Answer<Model> {
        if let Formula::Const(false) = &**formula {
            return Answer::Impossible;
        }
        let clocks = match clocks(self.atoms, formula) {
            Ok(clocks) => clocks,
            Err(why) => return Answer::Unknown(why),
        };
        let mut unknown = None;
        let mut steps = self.limits.steps;
        for clock in clocks {
            let moment = self.moment(clock);
            let mut search = Search::new(self, &moment, steps);
            if let Some(model) = search.begin(formula) {
                return Answer::Found(model);
            }
            unknown = unknown.or(search.unknown).or((!moment.exact).then_some("a number is too large to be exact"));
            steps = search.steps;
            if steps == 0 {
                break;
            }
        }
        match unknown {
            Some(why) => Answer::Unknown(why),
            None => Answer::Impossible,
        }
    }

    /// The values of a column for which a formula may hold; more than that, but never fewer. Without the clock.
    pub(super) fn allowed(&self, formula: &Formula, column: usize, moment: &Moment) -> Option<Bits> {
        let cells = moment.cells[column].as_ref()?;
        let whole = || Bits::all(cells.values.len());
        Some(match formula {
            Formula::Const(true) => whole(),
            Formula::Const(false) => Bits::none(cells.values.len()),
            Formula::Is(atom, _) if self.atoms.all[*atom].reads_clock() => whole(),
            Formula::Is(atom, wanted) => match cells.of(*atom) {
                None => whole(),
                Some(bits) if *wanted => bits.clone(),
                Some(bits) => {
                    let mut rest = whole();
                    rest.drop(bits);
                    rest
                }
            },
            Formula::All(parts) => {
                let mut kept = whole();
                for part in parts {
                    kept.keep(&self.allowed(part, column, moment)?);
                }
                kept
            }
            Formula::Any(parts) => {
                let mut any = Bits::none(cells.values.len());
                for part in parts {
                    any.add(&self.allowed(part, column, moment)?);
                }
                any
            }
        })
    }

    /// A witness that shows something: as it is or, where it leaves too much open, with the fields that it needs as well.
    pub(super) fn settle(&self, witness: Witness, shows: impl Fn(&Witness) -> bool) -> Option<Witness> {
        if shows(&witness) {
            return Some(witness);
        }
        let open = self.open(&witness);
        let mut full = self.full(witness);
        if !shows(&full) {
            return None;
        }
        for at in open {
            let value = full.fields[at].take();
            if !shows(&full) {
                full.fields[at] = value;
            }
        }
        Some(full)
    }

    /// The columns that every item has and that a witness leaves open.
    fn open(&self, witness: &Witness) -> Vec<usize> {
        let columns = self.atoms.columns.iter().enumerate();
        columns.filter(|(at, column)| !column.optional && witness.fields[*at].is_none()).map(|(at, _)| at).collect()
    }

    /// A witness with a value, the simplest, for every column that every item has.
    pub(super) fn full(&self, mut witness: Witness) -> Witness {
        let moment = self.moment(witness.clock);
        for at in self.open(&witness) {
            let column = &self.atoms.columns[at];
            witness.fields[at] = match (&moment.cells[at], column.kind) {
                (Some(cells), _) => cells.values.iter().flatten().next().cloned(),
                (None, _) if !column.examples.is_empty() => column.examples.first().cloned(),
                (None, kind) => {
                    let found =
                        if kind == ColumnKind::List { text::find_list(&[], &[]) } else { text::find(column, &[], &[]) };
                    if let Found::Value(value) = found { Some(value) } else { None }
                }
            };
        }
        witness
    }

    fn relation(&self, first: usize, second: usize) -> Relation {
        let atoms = &self.atoms.all;
        let (Atom::Test(column, a), Atom::Test(_, b)) = (&atoms[first], &atoms[second]) else {
            return Relation::Open;
        };
        *self.relations.borrow_mut().entry((first, second)).or_insert_with(|| {
            if self.atoms.columns[*column].kind == ColumnKind::List {
                text::entry_relation(a, b)
            } else {
                text::relation(a, b)
            }
        })
    }
}

/// What is undone when a decision turns out wrong.
enum Undo {
    Atom(usize),
    Alive(usize, Bits),
}

struct Search<'s, 'a> {
    solver: &'s Solver<'a>,
    moment: &'s Moment,
    decided: Vec<Option<bool>>,
    /// By column the atoms for which is drawn what follows: those that the formula names, and all of a text or list where
    /// they are few, for one test may follow from another by way of a third.
    used: Vec<Vec<usize>>,
    /// By column the values that are still possible.
    alive: Vec<Option<Bits>>,
    trail: Vec<Undo>,
    steps: usize,
    unknown: Option<&'static str>,
}

/// The next atom to decide, and whether it has no other value.
struct Pick {
    atom: usize,
    value: bool,
    forced: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(solver: &'s Solver<'a>, moment: &'s Moment, steps: usize) -> Self {
        let alive =
            moment.cells.iter().map(|cells| cells.as_ref().map(|cells| Bits::all(cells.values.len()))).collect();
        Self {
            solver,
            moment,
            decided: vec![None; solver.atoms.all.len()],
            used: vec![Vec::new(); solver.atoms.columns.len()],
            alive,
            trail: Vec::new(),
            steps,
            unknown: None,
        }
    }

    fn begin(&mut self, formula: &Shared) -> Option<Model> {
        let atoms = self.solver.atoms;
        let mut named = Bits::none(atoms.all.len());
        formula.mark(&mut named);
        for at in (0..atoms.columns.len()).filter(|at| !has_cells(&atoms.columns[*at])) {
            if atoms.of_column(at).nth(FEW).is_none() {
                atoms.of_column(at).for_each(|(atom, _)| named.insert(atom));
            }
        }
        for atom in named.iter() {
            if let Some(used) = atoms.all[atom].column().and_then(|column| self.used.get_mut(column)) {
                used.push(atom);
            }
        }
        for (at, atom) in self.solver.atoms.all.iter().enumerate() {
            if let (Atom::Valid(..), Some(clock)) = (atom, self.moment.clock) {
                self.decided[at] = Some(atom.holds(Facts { fields: &[], clock: Some(clock) }));
            }
        }
        self.search(formula)
    }

    fn search(&mut self, formula: &Shared) -> Option<Model> {
        let mark = self.trail.len();
        loop {
            match formula.value(&self.decided) {
                Some(false) => break,
                Some(true) => {
                    if let Some(model) = self.model(formula) {
                        return Some(model);
                    }
                    break;
                }
                None => {}
            }
            if self.steps == 0 {
                self.unknown = Some("too many combinations of conditions");
                break;
            }
            self.steps -= 1;
            let Some(pick) = self.pick(formula, true) else { break };
            if pick.forced {
                if self.decide(pick.atom, pick.value) {
                    continue;
                }
                break;
            }
            let before = self.trail.len();
            if self.decide(pick.atom, pick.value)
                && let Some(model) = self.search(formula)
            {
                return Some(model);
            }
            self.undo(before);
            if !self.decide(pick.atom, !pick.value) {
                break;
            }
        }
        self.undo(mark);
        None
    }

    /// Picks what a formula that is still open needs: first what has no other choice, else of the smallest group.
    fn pick(&self, formula: &Formula, forced: bool) -> Option<Pick> {
        match formula {
            Formula::Const(_) => None,
            Formula::Is(atom, wanted) => Some(Pick { atom: *atom, value: *wanted, forced }),
            Formula::All(parts) => {
                let mut best: Option<(usize, &Formula)> = None;
                for part in parts {
                    if part.value(&self.decided).is_some() {
                        continue;
                    }
                    let width = self.width(part);
                    if best.is_none_or(|(least, _)| width < least) {
                        best = Some((width, part));
                    }
                    if width == 1 {
                        break;
                    }
                }
                self.pick(best?.1, forced)
            }
            Formula::Any(parts) => {
                let mut open = parts.iter().filter(|part| part.value(&self.decided).is_none());
                let first = open.next()?;
                self.pick(first, forced && open.next().is_none())
            }
        }
    }

    /// How many ways lead on from a part.
    fn width(&self, formula: &Formula) -> usize {
        match formula {
            Formula::Any(parts) => parts.iter().filter(|part| part.value(&self.decided).is_none()).count(),
            _ => 1,
        }
    }

    /// Decides an atom and all that follows; false when that is impossible.
    fn decide(&mut self, atom: usize, value: bool) -> bool {
        let mut queue = vec![(atom, value)];
        while let Some((atom, value)) = queue.pop() {
            match self.decided[atom] {
                Some(known) if known != value => return false,
                Some(_) => continue,
                None => {}
            }
            self.decided[atom] = Some(value);
            self.trail.push(Undo::Atom(atom));
            let Some(column) = self.solver.atoms.all[atom].column() else { continue };
            let possible = if has_cells(&self.solver.atoms.columns[column]) {
                self.narrow(column, atom, value, &mut queue)
            } else {
                self.relate(column, atom, value, &mut queue);
                true
            };
            if !possible {
                return false;
            }
        }
        true
    }

    /// Keeps the values of a column with which an atom has a value.
    fn narrow(&mut self, column: usize, atom: usize, value: bool, queue: &mut Vec<(usize, bool)>) -> bool {
        let (Some(cells), Some(alive)) = (&self.moment.cells[column], &mut self.alive[column]) else { return true };
        let Some(passing) = cells.of(atom) else { return true };
        let before = alive.clone();
        if value {
            alive.keep(passing);
        } else {
            alive.drop(passing);
        }
        if alive.is_empty() {
            *alive = before;
            return false;
        }
        if *alive == before {
            // It followed from what was decided before, and so did all that follows from it.
            return true;
        }
        for other in self.used[column].iter().filter(|other| self.decided[**other].is_none()) {
            let Some(passing) = cells.of(*other) else { continue };
            if alive.is_within(passing) {
                queue.push((*other, true));
            } else if !alive.meets(passing) {
                queue.push((*other, false));
            }
        }
        self.trail.push(Undo::Alive(column, before));
        true
    }

    /// Draws what follows for the other tests of a text or list.
    fn relate(&self, column: usize, atom: usize, value: bool, queue: &mut Vec<(usize, bool)>) {
        for other in self.used[column].iter().copied().filter(|other| *other != atom) {
            match (&self.solver.atoms.all[atom], &self.solver.atoms.all[other], value) {
                (Atom::Given(_), _, false) => queue.push((other, false)),
                (Atom::Test(..), Atom::Given(_), true) => queue.push((other, true)),
                (Atom::Test(..), Atom::Test(..), true) => match self.solver.relation(atom, other) {
                    Relation::Implies => queue.push((other, true)),
                    Relation::Excludes => queue.push((other, false)),
                    Relation::Open => {}
                },
                (Atom::Test(..), Atom::Test(..), false) if self.solver.relation(other, atom) == Relation::Implies => {
                    queue.push((other, false));
                }
                _ => {}
            }
        }
    }

    fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            match self.trail.pop() {
                Some(Undo::Atom(atom)) => self.decided[atom] = None,
                Some(Undo::Alive(column, before)) => self.alive[column] = Some(before),
                None => {}
            }
        }
    }

    /// Makes an item of what is decided. Decisions that the formula does not need are dropped first.
    fn model(&mut self, formula: &Shared) -> Option<Model> {
        let mut decided = self.decided.clone();
        let chosen: Vec<usize> =
            self.trail.iter().filter_map(|undo| if let Undo::Atom(atom) = undo { Some(*atom) } else { None }).collect();
        for atom in chosen.iter().rev() {
            let value = decided[*atom].take();
            if formula.value(&decided) != Some(true) {
                decided[*atom] = value;
            }
        }
        // What the clock has decided is told as well where it counts.
        let timed = |atom: &usize| matches!(self.solver.atoms.all[*atom], Atom::Valid(..));
        let chosen: Vec<usize> = (0..decided.len()).filter(timed).chain(chosen).collect();
        for atom in chosen.iter().copied().filter(|atom| timed(atom)) {
            let value = decided[atom].take();
            if formula.value(&decided) != Some(true) {
                decided[atom] = value;
            }
        }
        let cube: Vec<(usize, bool)> =
            chosen.iter().filter_map(|atom| decided[*atom].map(|value| (*atom, value))).collect();
        let mut fields = vec![None; self.solver.atoms.columns.len()];
        for (column, field) in fields.iter_mut().enumerate() {
            let own: Vec<(usize, bool)> = cube
                .iter()
                .copied()
                .filter(|(atom, _)| self.solver.atoms.all[*atom].column() == Some(column))
                .collect();
            if !own.is_empty() {
                *field = match self.value(column, &own) {
                    Found::Value(datum) => Some(datum),
                    Found::Nothing if self.may_lack(column, &own) => None,
                    Found::Nothing => return None,
                    Found::Unknown(why) => {
                        self.unknown = Some(why);
                        return None;
                    }
                };
            }
        }
        let witness = Witness { fields, clock: self.moment.clock };
        if !formula.holds(&self.solver.atoms.all, witness.facts()) {
            self.unknown = Some("an item that should show it does not");
            return None;
        }
        Some(Model { witness, cube })
    }

    /// Whether a column may be without a value under what is decided of it.
    fn may_lack(&self, column: usize, own: &[(usize, bool)]) -> bool {
        self.solver.atoms.columns[column].optional && own.iter().all(|(_, value)| !value)
    }

    /// A value under which the atoms of a column are as decided; nothing stands for no value as well.
    fn value(&self, column: usize, own: &[(usize, bool)]) -> Found {
        let atoms = &self.solver.atoms.all;
        if let Some(cells) = &self.moment.cells[column] {
            let mut alive = Bits::all(cells.values.len());
            for (atom, value) in own {
                match (cells.of(*atom), value) {
                    (Some(passing), true) => alive.keep(passing),
                    (Some(passing), false) => alive.drop(passing),
                    (None, _) => {}
                }
            }
            return match alive.iter().next().and_then(|cell| cells.values[cell].clone()) {
                Some(value) => Found::Value(value),
                None => Found::Nothing,
            };
        }
        if self.may_lack(column, own) {
            return Found::Nothing;
        }
        let tests = |wanted: bool| -> Vec<&Test> {
            own.iter()
                .filter(|(_, value)| *value == wanted)
                .filter_map(|(atom, _)| if let Atom::Test(_, test) = &atoms[*atom] { Some(test) } else { None })
                .collect()
        };
        let column = &self.solver.atoms.columns[column];
        let (passing, failing) = (tests(true), tests(false));
        let passes = |value: &Datum| {
            let clock = self.moment.clock;
            passing.iter().all(|test| test.passes(Some(value), clock))
                && !failing.iter().any(|test| test.passes(Some(value), clock))
        };
        if let Some(example) = likely::example(column, passes) {
            Found::Value(example)
        } else if column.kind == ColumnKind::List {
            text::find_list(&passing, &failing)
        } else {
            text::find(column, &passing, &failing)
        }
    }
}
