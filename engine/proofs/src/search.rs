//! The search for an item: atoms are decided one after the other, and what follows from each is drawn at once.

use std::{
    cell::{Cell, OnceCell},
    rc::Rc,
};

use casebook_runtime::{
    model::Datum,
    rules::{Bits, Comparison, Facts, Test},
    scenario::derived::Derived,
    value::ValueType,
};

use super::{
    Answer, Limits, Witness,
    differences::{self, Field, Values},
    formula::{Atom, Atoms, Formula, Shared, has_cells},
    likely, lists,
    needed::needed,
    ranges::Ranges,
    relations::Relations,
    space::{Moment, Recent, clocks},
    text::{self, Found},
    walls,
};

/// Tests of one text or list up to which all of them are followed up, not only those of the question.
const FEW: usize = 60;

/// Tests of one field up to which a question is thought about.
const MAX_TESTS: usize = 50_000;
/// Ways that a part has left beyond which their number does not matter, and parts of which one is the next to be decided: to find
/// the narrowest of all parts takes longer than to decide another one. To compare two versions of 20,000 rules of mixed shapes
/// takes 4.8 s, and 8.6 s without these bounds.
const WIDE: usize = 32;
const MANY: usize = 8;
/// Why nothing more is asked.
pub(super) const TOO_MUCH: &str = "it takes too much work to compare all that there is";
/// Why an item that is computed in part shows nothing.
const COMPUTED: &str = "a computed field is compared, and what it is computed from is not followed";

/// Answers questions about one set of atoms.
pub(super) struct Solver<'a> {
    pub(super) atoms: &'a Atoms<'a>,
    pub(super) limits: Limits,
    /// What is left of the work for all questions together.
    work: Cell<usize>,
    /// How many questions were asked.
    pub(super) questions: Cell<usize>,
    /// What tests of a text or list say about each other.
    relations: Relations<'a>,
    /// Whether some atom reads the clock.
    pub(super) timed: bool,
    /// What may answer questions that nobody can solve.
    pub(super) known: Known<'a>,
    /// By column a text or list of which nothing is asked: to find one takes as long as to find any other.
    pub(super) plain: Vec<OnceCell<Option<Datum>>>,
    /// What was distinguished last.
    recent: Recent,
}

/// What is known of items besides their columns.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Items that there are.
    pub items: &'a [Witness],
    /// What computes their derived fields.
    pub derived: Option<&'a Derived>,
}

/// An item, and the decided atoms that make a formula hold.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub(super) witness: Witness,
    pub(super) cube: Vec<(usize, bool)>,
}

impl<'a> Solver<'a> {
    pub(super) fn new(atoms: &'a Atoms<'a>, limits: Limits) -> Self {
        let timed = atoms.all.iter().any(Atom::reads_clock);
        let (work, questions) = (Cell::new(limits.work), Cell::new(0));
        let plain = atoms.columns.iter().map(|_| OnceCell::new()).collect();
        Self {
            atoms,
            limits,
            work,
            questions,
            relations: Relations::new(atoms),
            timed,
            known: Known::default(),
            plain,
            recent: Recent::default(),
        }
    }

    /// Finds an item for which a formula holds. Only the atoms in question distinguish the values of a field.
    pub(super) fn solve(&self, formula: &Shared) -> Answer<Model> {
        self.questions.set(self.questions.get() + 1);
        if let Formula::Const(false) = &**formula {
            return Answer::Impossible;
        }
        let size = formula.size();
        if !self.afford(size + self.atoms.all.len() / 16) {
            return Answer::Unknown(TOO_MUCH);
        }
        let mut named = Bits::none(self.atoms.all.len());
        formula.mark(&mut named);
        let asked = named.clone();
        // What is found of a computed field may be what nothing computes.
        let reads_computed = |atom: usize| {
            let mut columns = self.atoms.all[atom].columns();
            columns.any(|at| self.atoms.columns[at].derived)
        };
        let computed = named.iter().any(reads_computed);
        let clocks = match clocks(self.atoms, &named) {
            Ok(clocks) => clocks,
            Err(why) => return Answer::Unknown(why),
        };
        for at in (0..self.atoms.columns.len()).filter(|at| !has_cells(&self.atoms.columns[*at])) {
            let own = self.atoms.of_column(at);
            if own.len() <= FEW {
                own.iter().for_each(|atom| named.insert(*atom));
            }
        }
        let used = self.atoms.by_column(named.iter());
        let wide = |at: usize| has_cells(&self.atoms.columns[at]) && used[at].len() > MAX_TESTS;
        if (0..used.len()).any(wide) {
            return Answer::Unknown("too many bounds of one field come together");
        }
        if (0..used.len()).any(|at| walls::is_too_much(self.atoms, &used[at])) {
            return Answer::Unknown("too many bounds and times of day of one field come together");
        }
        let mut unknown = None;
        let mut steps = self.limits.steps;
        for clock in clocks {
            let moment = Moment::new(self.atoms, &used, clock, &self.recent);
            let mut search = Search::new(self, &moment, &used, (formula, steps, size));
            search.tell_time(&named);
            if search.begin(formula)
                && let Some(model) = search.search(formula)
            {
                return if computed {
                    self.among_known(formula, &asked, Some(model.witness), COMPUTED)
                } else {
                    Answer::Found(model)
                };
            }
            unknown = unknown.or(search.unknown);
            steps = search.steps;
            if steps == 0 || self.work.get() == 0 {
                break;
            }
        }
        match unknown.or_else(|| walls::doubt(self.atoms, &used)) {
            Some(why) => self.among_known(formula, &asked, None, why),
            None => Answer::Impossible,
        }
    }

    /// Whether there is work left, after some is done.
    pub(super) fn afford(&self, work: usize) -> bool {
        let left = self.work.get().saturating_sub(work);
        self.work.set(left);
        left > 0
    }
}

/// What is undone when a decision turns out wrong.
enum Undo {
    Atom(usize),
    Alive(usize, Ranges),
    Last(usize),
}

struct Search<'s, 'a> {
    solver: &'s Solver<'a>,
    moment: &'s Moment,
    decided: Vec<Option<bool>>,
    /// By column the atoms for which is drawn what follows: those that the formula names, and all of a text or list where
    /// they are few, for one test may follow from another by way of a third.
    used: &'s [Vec<usize>],
    /// By column the values that are still possible.
    alive: Vec<Option<Ranges>>,
    /// The columns of which values fell away, and what follows has not been drawn.
    changed: Vec<usize>,
    /// How many decisions were taken that may turn out wrong, and by column at which of them its values were kept.
    level: usize,
    kept: Vec<usize>,
    trail: Vec<Undo>,
    steps: usize,
    /// By part of the formula two of its ways that had not failed when they were last looked at.
    watched: Vec<[usize; 2]>,
    /// By part the last of its ways, where all others have failed.
    last: Vec<Option<usize>>,
    /// How many atoms the formula names.
    size: usize,
    unknown: Option<&'static str>,
}

/// What is known of a part that must hold.
enum Status<'f> {
    Holds,
    Fails,
    /// One way is left.
    Only(&'f Formula),
    /// There are several ways to go on.
    Open,
}

/// The result of deciding all that is forced.
enum Propagated {
    Impossible,
    Holds,
    /// A part that can go on in several ways.
    Open(Shared),
}

/// The next atom to decide, and whether it has no other value.
struct Pick {
    atom: usize,
    value: bool,
    forced: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    fn new(
        solver: &'s Solver<'a>,
        moment: &'s Moment,
        used: &'s [Vec<usize>],
        (formula, steps, size): (&Shared, usize, usize),
    ) -> Self {
        let alive =
            moment.cells.iter().map(|cells| cells.as_ref().map(|cells| Ranges::all(cells.values.len()))).collect();
        Self {
            solver,
            moment,
            decided: vec![None; solver.atoms.all.len()],
            used,
            alive,
            changed: Vec::new(),
            level: 1,
            kept: vec![0; solver.atoms.columns.len()],
            trail: Vec::new(),
            steps,
            watched: vec![[0, 1]; Formula::parts(formula).len()],
            last: vec![None; Formula::parts(formula).len()],
            size,
            unknown: None,
        }
    }

    /// Decides what the clock decides.
    fn tell_time(&mut self, named: &Bits) {
        for at in named.iter() {
            let atom = &self.solver.atoms.all[at];
            if let (Atom::Valid(..), Some(clock)) = (atom, self.moment.clock) {
                self.decided[at] = Some(atom.holds(Facts { fields: &[], clock: Some(clock) }));
            }
        }
    }

    /// Keeps the values with which each of many parts may hold that is about one column alone; false when none is left.
    ///
    fn begin(&mut self, formula: &Formula) -> bool {
        let Formula::All(parts) = formula else { return true };
        if parts.len() <= FEW {
            return true;
        }
        for part in parts {
            let Some((column, passing)) = self.passing(part) else { continue };
            if let Some(alive) = &mut self.alive[column] {
                alive.keep(&passing);
                if alive.is_empty() {
                    return false;
                }
                if !self.changed.contains(&column) {
                    self.changed.push(column);
                }
            }
        }
        true
    }

    /// The values of a column with which a formula holds that is about it alone.
    fn passing(&self, formula: &Formula) -> Option<(usize, Ranges)> {
        let whole = |column: usize| Some(Ranges::all(self.moment.cells[column].as_ref()?.values.len()));
        let outside = |column: usize, passing: &Ranges| {
            let mut rest = whole(column)?;
            rest.drop(passing);
            Some(rest)
        };
        let (parts, all) = match formula {
            Formula::Const(_) => return None,
            Formula::Is(atom, wanted) => {
                let column = self.solver.atoms.all[*atom].column()?;
                let passing = self.moment.cells[column].as_ref()?.of(*atom)?;
                return Some((column, if *wanted { passing.clone() } else { outside(column, passing)? }));
            }
            Formula::All(parts) => (parts, true),
            Formula::Any(parts) => (parts, false),
        };
        // What one way leaves open, the next one may take.
        let mut ways = parts.iter().map(|part| self.passing(part));
        let (column, first) = ways.next()??;
        let mut left = if all { first } else { outside(column, &first)? };
        for way in ways {
            let (other, passing) = way?;
            if other != column {
                return None;
            }
            if all { left.keep(&passing) } else { left.drop(&passing) }
        }
        Some((column, if all { left } else { outside(column, &left)? }))
    }

    fn search(&mut self, formula: &Shared) -> Option<Model> {
        let mark = self.trail.len();
        self.level += 1;
        loop {
            let open = match self.propagate(Formula::parts(formula)) {
                Propagated::Impossible => break,
                Propagated::Holds => {
                    if let Some(model) = self.model(formula) {
                        return Some(model);
                    }
                    break;
                }
                Propagated::Open(open) => open,
            };
            if self.steps == 0 || self.solver.work.get() == 0 {
                self.unknown = Some("too many combinations of conditions");
                break;
            }
            self.steps -= 1;
            let Some(pick) = self.pick(&open, true) else { break };
            let before = self.trail.len();
            self.level += 1;
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

    /// Decides all that parts leave no choice about; of what is open the part with the fewest ways to go on.
    fn propagate(&mut self, parts: &[Shared]) -> Propagated {
        loop {
            if !self.solver.afford(2 * parts.len()) {
                self.unknown = Some(TOO_MUCH);
                return Propagated::Impossible;
            }
            self.follow();
            let mut changed = false;
            for (at, part) in parts.iter().enumerate() {
                match self.status(at, part) {
                    Status::Fails => return Propagated::Impossible,
                    Status::Only(way) => {
                        if let Some(pick) = self.pick(way, true).filter(|pick| pick.forced) {
                            if !self.decide(pick.atom, pick.value) {
                                return Propagated::Impossible;
                            }
                            changed = true;
                        }
                    }
                    Status::Holds | Status::Open => {}
                }
            }
            if changed {
                continue;
            }
            if !self.solver.afford(self.size) {
                self.unknown = Some(TOO_MUCH);
                return Propagated::Impossible;
            }
            let mut looked = 0;
            let mut best: Option<(usize, &Shared)> = None;
            for (at, part) in parts.iter().enumerate() {
                let width = match self.status(at, part) {
                    Status::Holds | Status::Fails => continue,
                    Status::Only(_) => 1,
                    Status::Open if looked == MANY => break,
                    Status::Open => {
                        looked += 1;
                        self.width(part, best.map_or(WIDE, |(least, _)| least))
                    }
                };
                if best.is_none_or(|(least, _)| width < least) {
                    best = Some((width, part));
                }
                if best.is_some_and(|(least, _)| least <= 2) {
                    break;
                }
            }
            return best.map_or(Propagated::Holds, |(_, part)| Propagated::Open(Rc::clone(part)));
        }
    }

    /// What is known of a part, by two of its ways that have not failed: as long as both are open, so is the part.
    ///
    /// What has not failed has not failed before either, so the two remain when decisions are undone.
    fn status<'f>(&mut self, at: usize, part: &'f Formula) -> Status<'f> {
        let Formula::Any(ways) = part else {
            return match part.value(&self.decided) {
                Some(true) => Status::Holds,
                Some(false) => Status::Fails,
                None => Status::Only(part),
            };
        };
        if let Some(last) = self.last[at] {
            return match ways[last].value(&self.decided) {
                Some(true) => Status::Holds,
                Some(false) => Status::Fails,
                None => Status::Only(&ways[last]),
            };
        }
        let mut watched = self.watched[at];
        let mut open = [None, None];
        for side in [0, 1] {
            let other = watched[1 - side];
            let ahead = watched[side]..ways.len();
            let mut places = ahead.chain(0..watched[side]).filter(|place| *place != other);
            let found = places.find_map(|place| match ways[place].value(&self.decided) {
                Some(false) => None,
                value => Some((place, value)),
            });
            let Some((place, value)) = found else { continue };
            watched[side] = place;
            self.watched[at] = watched;
            if value == Some(true) {
                return Status::Holds;
            }
            open[side] = Some(&*ways[place]);
        }
        match open {
            [Some(_), Some(_)] => Status::Open,
            [Some(way), None] | [None, Some(way)] => {
                self.last[at] = Some(watched[usize::from(open[0].is_none())]);
                self.trail.push(Undo::Last(at));
                Status::Only(way)
            }
            [None, None] => Status::Fails,
        }
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
                    let width = self.width(part, best.map_or(WIDE, |(least, _)| least));
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

    /// How many ways lead on from a part, counted up to a number of them.
    fn width(&self, formula: &Formula, most: usize) -> usize {
        match formula {
            Formula::Any(parts) => parts.iter().filter(|part| part.value(&self.decided).is_none()).take(most).count(),
            _ => 1,
        }
    }

    /// Decides an atom, and what follows for texts and lists; false when that is impossible.
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
            if has_cells(&self.solver.atoms.columns[column]) {
                if !self.narrow(column, atom, value) {
                    return false;
                }
            } else {
                self.solver.relations.follow(column, (atom, value), &self.used[column], &mut queue);
            }
        }
        true
    }

    /// Keeps the values of a column with which an atom has a value; false when none is left.
    fn narrow(&mut self, column: usize, atom: usize, value: bool) -> bool {
        let (Some(cells), Some(alive)) = (&self.moment.cells[column], &mut self.alive[column]) else { return true };
        let Some(passing) = cells.of(atom) else { return true };
        if value && alive.is_within(passing) || !value && !alive.meets(passing) {
            // It followed from what was decided before.
            return true;
        }
        if self.kept[column] < self.level {
            self.kept[column] = self.level;
            self.trail.push(Undo::Alive(column, alive.clone()));
        }
        if value {
            alive.keep(passing);
        } else {
            alive.drop(passing);
        }
        if !self.changed.contains(&column) {
            self.changed.push(column);
        }
        !alive.is_empty()
    }

    /// Decides what the values that are left decide.
    fn follow(&mut self) {
        while let Some(column) = self.changed.pop() {
            let (Some(cells), Some(alive)) = (&self.moment.cells[column], &self.alive[column]) else { continue };
            for (atom, passing) in &cells.passing {
                if self.decided[*atom].is_none() {
                    let value = if !alive.meets(passing) {
                        false
                    } else if alive.is_within(passing) {
                        true
                    } else {
                        continue;
                    };
                    self.decided[*atom] = Some(value);
                    self.trail.push(Undo::Atom(*atom));
                }
            }
        }
    }

    fn undo(&mut self, mark: usize) {
        self.changed.clear();
        // What is decided from here on is undone by itself.
        self.level += 1;
        while self.trail.len() > mark {
            match self.trail.pop() {
                Some(Undo::Atom(atom)) => self.decided[atom] = None,
                Some(Undo::Alive(column, before)) => {
                    self.alive[column] = Some(before);
                    self.kept[column] = 0;
                }
                Some(Undo::Last(part)) => self.last[part] = None,
                None => {}
            }
        }
    }

    /// Makes an item of what is decided. Decisions that the formula does not need are dropped first.
    fn model(&mut self, formula: &Shared) -> Option<Model> {
        let timed = |atom: &usize| matches!(self.solver.atoms.all[*atom], Atom::Valid(..));
        let mut named = Bits::none(self.decided.len());
        formula.mark(&mut named);
        let mut chosen: Vec<usize> = named.iter().filter(timed).collect();
        chosen.extend(self.trail.iter().filter_map(|undo| match undo {
            Undo::Atom(atom) => Some(*atom),
            Undo::Alive(..) | Undo::Last(_) => None,
        }));
        let all: Vec<(usize, bool)> = chosen.into_iter().filter_map(|atom| Some((atom, self.decided[atom]?))).collect();
        let cube = needed(formula, &all, self.decided.len());
        let mut fields = vec![None; self.solver.atoms.columns.len()];
        let of = |column: usize| -> Vec<(usize, bool)> {
            let own = |(atom, _): &(usize, bool)| self.solver.atoms.all[*atom].column() == Some(column);
            cube.iter().copied().filter(own).collect()
        };
        let compared: Vec<(&Comparison, bool)> = cube
            .iter()
            .filter_map(|(atom, value)| Some((self.solver.atoms.all[*atom].comparison()?, *value)))
            .collect();
        let mut joined: Vec<usize> = compared.iter().flat_map(|(one, _)| [one.left, one.right]).collect();
        joined.sort_unstable();
        joined.dedup();
        let together: Vec<Field<'_>> = joined
            .iter()
            .map(|at| Field {
                at: *at,
                column: &self.solver.atoms.columns[*at],
                own: of(*at).into_iter().map(|(atom, value)| (&self.solver.atoms.all[atom], value)).collect(),
            })
            .collect();
        match differences::find(&together, &compared, self.moment.clock) {
            Values::Found(values) => joined.iter().zip(values).for_each(|(at, value)| fields[*at] = value),
            Values::Nothing => return None,
            Values::Unknown(why) => {
                self.unknown = Some(why);
                return None;
            }
        }
        for (column, field) in fields.iter_mut().enumerate().filter(|(column, _)| !joined.contains(column)) {
            let own = of(column);
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
        let witness = self.solver.counted(Witness { fields, clock: self.moment.clock });
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
            let mut alive = Ranges::all(cells.values.len());
            for (atom, value) in own {
                match (cells.of(*atom), value) {
                    (Some(passing), true) => alive.keep(passing),
                    (Some(passing), false) => alive.drop(passing),
                    (None, _) => {}
                }
            }
            return match cells.simplest(&self.solver.atoms.columns[column], &alive, self.moment.clock).flatten() {
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
        let (at, column) = (column, &self.solver.atoms.columns[column]);
        let (passing, failing) = (tests(true), tests(false));
        let passes = |value: &Datum| {
            let mut fields = vec![None; at + 1];
            fields[at] = Some(value.clone());
            let facts = Facts { fields: &fields, clock: self.moment.clock };
            own.iter().all(|(atom, wanted)| atoms[*atom].holds(facts) == *wanted)
        };
        let counted = || own.iter().any(|(atom, _)| matches!(atoms[*atom], Atom::Entries(..)));
        if let Some(example) = likely::example(column, passes) {
            Found::Value(example)
        } else if column.kind == ValueType::Set || counted() {
            let own: Vec<(&Atom, bool)> = own.iter().map(|(atom, value)| (&atoms[*atom], *value)).collect();
            lists::find(column, &own, self.moment.clock, self.solver.limits)
        } else if column.kind.is_list() || column.is_nested() {
            text::find_list(column, &passing, &failing)
        } else {
            text::find(column, (&passing, &failing), &|work| self.solver.afford(work))
        }
    }
}
