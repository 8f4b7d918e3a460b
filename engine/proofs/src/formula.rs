//! Conditions as formulas over atoms: one atom a test of one value, each known once.

use std::{collections::HashMap, rc::Rc};

use casebook_runtime::{
    model::{Column, Datum, Matching, Text},
    rules::{Bits, Comparison, CompiledRule, Entries, Facts, Predicate, Quantity, Test, Wall, Zone},
    value::ValueType,
};

/// A test that cannot be taken apart.
#[derive(Debug, Clone)]
pub(super) enum Atom {
    /// The column has a value.
    Given(usize),
    /// A value passes a test.
    Test(usize, Test),
    /// The clock is in a span of time.
    Valid(Option<i64>, Option<i64>),
    /// One column is so to another.
    Compare(Comparison),
    /// Of the entries of a column at least so many, one or more, fulfil a condition.
    Entries(Rc<Entries>, u64),
}

impl Atom {
    pub(super) fn column(&self) -> Option<usize> {
        match self {
            Self::Given(column) | Self::Test(column, _) => Some(*column),
            Self::Entries(entries, _) => Some(entries.column),
            Self::Valid(..) | Self::Compare(_) => None,
        }
    }

    /// All columns that it reads.
    pub(super) fn columns(&self) -> impl Iterator<Item = usize> + use<> {
        let compared = self.comparison().map(|one| [one.left, one.right]);
        self.column().into_iter().chain(compared.into_iter().flatten())
    }

    /// What it asks of the clock on a wall.
    pub(super) const fn wall(&self) -> Option<(&Wall, &Zone)> {
        match self {
            Self::Test(_, Test::Wall(wall, zone)) => Some((wall, zone)),
            _ => None,
        }
    }

    /// The columns that it compares.
    pub(super) const fn comparison(&self) -> Option<&Comparison> {
        match self {
            Self::Compare(comparison) => Some(comparison),
            _ => None,
        }
    }

    pub(super) fn reads_clock(&self) -> bool {
        match self {
            Self::Valid(..) | Self::Test(_, Test::Age(_)) => true,
            Self::Entries(entries, _) => entries.when.needs_clock(),
            _ => false,
        }
    }

    /// Whether facts fulfil it; what the solver claims is judged by it once more.
    pub(super) fn holds(&self, facts: Facts<'_>) -> bool {
        let value = |column: usize| facts.fields.get(column).and_then(Option::as_ref);
        match self {
            Self::Given(column) => value(*column).is_some(),
            Self::Test(column, test) => test.passes(value(*column), facts.clock),
            Self::Compare(comparison) => comparison.holds(facts.fields),
            Self::Entries(entries, least) => entries.count(facts).is_some_and(|(matching, _)| matching >= *least),
            Self::Valid(from, until) => facts
                .clock
                .is_some_and(|clock| from.is_none_or(|from| clock >= from) && until.is_none_or(|until| clock < until)),
        }
    }
}

/// A boolean combination of atoms; negations stand at the atoms alone.
#[derive(Debug)]
pub(super) enum Formula {
    Const(bool),
    Is(usize, bool),
    All(Vec<Rc<Formula>>),
    Any(Vec<Rc<Formula>>),
}

/// A formula that others share.
pub(super) type Shared = Rc<Formula>;

impl Formula {
    pub(super) fn constant(value: bool) -> Shared {
        Rc::new(Self::Const(value))
    }

    pub(super) fn all(parts: impl IntoIterator<Item = Shared>) -> Shared {
        Self::join(parts, true)
    }

    pub(super) fn any(parts: impl IntoIterator<Item = Shared>) -> Shared {
        Self::join(parts, false)
    }

    /// Joins parts; what changes nothing is left out, and groups of the same kind become one.
    fn join(parts: impl IntoIterator<Item = Shared>, all: bool) -> Shared {
        let mut joined: Vec<Shared> = Vec::new();
        for part in parts {
            match (&*part, all) {
                (Self::Const(value), _) if *value == all => {}
                (Self::Const(_), _) => return Self::constant(!all),
                (Self::All(inner), true) | (Self::Any(inner), false) => joined.extend(inner.iter().cloned()),
                _ => joined.push(part),
            }
        }
        match joined.len() {
            0 => Self::constant(all),
            1 => joined.swap_remove(0),
            _ => Rc::new(if all { Self::All(joined) } else { Self::Any(joined) }),
        }
    }

    pub(super) fn not(this: &Shared) -> Shared {
        match &**this {
            Self::Const(value) => Self::constant(!value),
            Self::Is(atom, value) => Rc::new(Self::Is(*atom, !value)),
            Self::All(parts) => Self::any(parts.iter().map(Self::not)),
            Self::Any(parts) => Self::all(parts.iter().map(Self::not)),
        }
    }

    /// Its value when only some atoms are decided.
    pub(super) fn value(&self, decided: &[Option<bool>]) -> Option<bool> {
        match self {
            Self::Const(value) => Some(*value),
            Self::Is(atom, wanted) => decided[*atom].map(|value| value == *wanted),
            Self::All(parts) => group(parts, decided, false),
            Self::Any(parts) => group(parts, decided, true),
        }
    }

    pub(super) fn holds(&self, atoms: &[Atom], facts: Facts<'_>) -> bool {
        match self {
            Self::Const(value) => *value,
            Self::Is(atom, wanted) => atoms[*atom].holds(facts) == *wanted,
            Self::All(parts) => parts.iter().all(|part| part.holds(atoms, facts)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(atoms, facts)),
        }
    }

    /// Whether two formulas are written alike.
    pub(super) fn same(&self, other: &Self) -> bool {
        let all = |a: &[Shared], b: &[Shared]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Rc::ptr_eq(a, b) || a.same(b))
        };
        match (self, other) {
            (Self::Const(a), Self::Const(b)) => a == b,
            (Self::Is(a, value), Self::Is(b, other)) => a == b && value == other,
            (Self::All(a), Self::All(b)) | (Self::Any(a), Self::Any(b)) => all(a, b),
            _ => false,
        }
    }

    /// How many atoms it names.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Const(_) | Self::Is(..) => 1,
            Self::All(parts) | Self::Any(parts) => parts.iter().map(|part| part.size()).sum(),
        }
    }

    /// The parts that must all hold.
    pub(super) fn parts(this: &Shared) -> &[Shared] {
        match &**this {
            Self::All(parts) => parts,
            _ => std::slice::from_ref(this),
        }
    }

    /// The tests that it leaves no choice about.
    pub(super) fn units(this: &Shared) -> Vec<(usize, bool)> {
        let is = |part: &Shared| if let Self::Is(atom, value) = **part { Some((atom, value)) } else { None };
        Self::parts(this).iter().filter_map(is).collect()
    }

    /// Marks the atoms that occur in it.
    pub(super) fn mark(&self, atoms: &mut Bits) {
        self.each_atom(&mut |atom| atoms.insert(atom));
    }

    /// Names the atoms that occur in it.
    pub(super) fn each_atom(&self, name: &mut impl FnMut(usize)) {
        match self {
            Self::Const(_) => {}
            Self::Is(atom, _) => name(*atom),
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.each_atom(name)),
        }
    }
}

/// The value of a group of which one part that has the value `one` decides.
fn group(parts: &[Shared], decided: &[Option<bool>], one: bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.value(decided) {
            Some(value) if value == one => return Some(one),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!one)
}

/// Takes conditions apart into atoms, each of which is kept once.
#[derive(Debug)]
pub(super) struct Atoms<'a> {
    pub(super) columns: &'a [Column],
    pub(super) all: Vec<Atom>,
    known: HashMap<String, usize>,
    by_column: Vec<Vec<usize>>,
}

impl<'a> Atoms<'a> {
    pub(super) fn new(columns: &'a [Column]) -> Self {
        Self { columns, all: Vec::new(), known: HashMap::new(), by_column: vec![Vec::new(); columns.len()] }
    }

    /// When a rule matches.
    pub(super) fn rule(&mut self, rule: &CompiledRule) -> Shared {
        let (from, until) = rule.valid;
        let mut parts = Vec::new();
        if rule.valid != (None, None) {
            parts.push(self.atom(format!("valid {from:?} {until:?}"), Atom::Valid(from, until)));
        }
        parts.push(self.predicate(&rule.when));
        if let Some(except) = &rule.except {
            parts.push(Formula::not(&self.predicate(except)));
        }
        Formula::all(parts)
    }

    pub(super) fn predicate(&mut self, predicate: &Predicate) -> Shared {
        match predicate {
            Predicate::All(parts) => {
                let parts: Vec<Shared> = parts.iter().map(|part| self.predicate(part)).collect();
                Formula::all(parts)
            }
            Predicate::Any(parts) => {
                let parts: Vec<Shared> = parts.iter().map(|part| self.predicate(part)).collect();
                Formula::any(parts)
            }
            Predicate::Not(part) => Formula::not(&self.predicate(part)),
            Predicate::Column(column, test, _) => self.test(*column, test),
            Predicate::Compare(comparison, _) => {
                self.atom(format!("compare {comparison:?}"), Atom::Compare(*comparison))
            }
            Predicate::Entries(entries, _) => match entries.quantity {
                Quantity::Every => {
                    let fails = Predicate::Not(Box::new(entries.when.clone()));
                    let some = self.entries(&Rc::new(Entries { when: fails, ..Entries::clone(entries) }), 1);
                    Formula::all([self.given(entries.column), Formula::not(&some)])
                }
                Quantity::Between(least, most) => {
                    let entries = Rc::new(Entries::clone(entries));
                    let enough = self.entries(&entries, least);
                    let more = most.map(|most| self.entries(&entries, most.saturating_add(1)));
                    Formula::all(std::iter::once(enough).chain(more.iter().map(Formula::not)))
                }
            },
        }
    }

    pub(super) fn test(&mut self, column: usize, test: &Test) -> Shared {
        match test {
            Test::Exists(wanted) => {
                let given = self.given(column);
                if *wanted { given } else { Formula::not(&given) }
            }
            Test::Not(test) => Formula::not(&self.test(column, test)),
            Test::TextIs(texts, sensitive) => {
                self.each(column, texts, false, |text| Test::TextIs(vec![text.clone()], *sensitive))
            }
            Test::HoldsAny(texts, matching) => self.holds(column, texts, *matching, false),
            Test::HoldsAll(texts, matching) => self.holds(column, texts, *matching, true),
            Test::Only(names) => {
                let all = self.columns.get(column).map(|column| column.values.as_slice()).unwrap_or_default();
                let others = all.iter().filter(|name| !names.iter().any(|kept| kept.raw == **name));
                let others: Vec<Text> = others.map(|name| Text::new(name)).collect();
                let matching = Matching { whole_words: true, case_sensitive: true };
                let more = self.holds(column, &others, matching, false);
                Formula::all([self.given(column), Formula::not(&more)])
            }
            Test::Starts(text, _) | Test::Ends(text, _) if text.is_empty() => Formula::constant(false),
            Test::DomainIn(domains) => {
                let parts: Vec<Shared> =
                    domains.iter().map(|one| self.leaf(column, Test::DomainIn(vec![one.clone()]))).collect();
                Formula::any(parts)
            }
            test => self.leaf(column, test.clone()),
        }
    }

    fn holds(&mut self, column: usize, texts: &[Text], matching: Matching, all: bool) -> Shared {
        let list = self.columns.get(column).is_some_and(|column| column.kind.is_list());
        if !list && texts.iter().any(Text::is_empty) {
            let heard: Vec<Text> = texts.iter().filter(|text| !text.is_empty()).cloned().collect();
            return if all { Formula::constant(false) } else { self.holds(column, &heard, matching, false) };
        }
        if all && texts.is_empty() {
            return self.given(column);
        }
        self.each(column, texts, all, |text| Test::HoldsAny(vec![text.clone()], matching))
    }

    fn each(&mut self, column: usize, texts: &[Text], all: bool, make: impl Fn(&Text) -> Test) -> Shared {
        let parts: Vec<Shared> = texts.iter().map(|text| self.leaf(column, make(text))).collect();
        if all { Formula::all(parts) } else { Formula::any(parts) }
    }

    fn given(&mut self, column: usize) -> Shared {
        if self.columns.get(column).is_some_and(|column| !column.optional) {
            return Formula::constant(true);
        }
        self.atom(format!("given {column}"), Atom::Given(column))
    }

    /// That at least so many entries fulfil a condition.
    fn entries(&mut self, entries: &Rc<Entries>, least: u64) -> Shared {
        if least == 0 {
            return self.given(entries.column);
        }
        let key = format!("{} has {least} {:?}", entries.column, entries.when);
        self.atom(key, Atom::Entries(Rc::clone(entries), least))
    }

    fn leaf(&mut self, column: usize, test: Test) -> Shared {
        let key = match &test {
            Test::TextIs(texts, false) => format!("{column} is {:?}", texts.first().map(Text::folded)),
            Test::TextIs(texts, true) => format!("{column} is exactly {:?}", texts.first().map(Text::exact)),
            Test::HoldsAny(texts, matching) => format!("{column} holds {:?}", key(texts.first(), *matching)),
            Test::Starts(text, matching) => format!("{column} starts {:?}", key(Some(text), *matching)),
            Test::Ends(text, matching) => format!("{column} ends {:?}", key(Some(text), *matching)),
            other => format!("{column} {other:?}"),
        };
        self.atom(key, Atom::Test(column, test))
    }

    fn atom(&mut self, key: String, atom: Atom) -> Shared {
        let next = self.all.len();
        let at = *self.known.entry(key).or_insert(next);
        if at == next {
            if let Some(own) = atom.column().and_then(|column| self.by_column.get_mut(column)) {
                own.push(at);
            }
            self.all.push(atom);
        }
        Rc::new(Formula::Is(at, true))
    }

    /// The atoms of a column that occur in some formula.
    pub(super) fn of_column(&self, column: usize) -> &[usize] {
        &self.by_column[column]
    }

    /// Some atoms by each column that they read.
    pub(super) fn read(&self, atoms: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.columns.len()];
        for atom in atoms {
            for column in self.all[atom].columns() {
                all[column].push(atom);
            }
        }
        all
    }

    /// Whether any atom reads a column.
    pub(super) fn reads(&self, column: usize) -> bool {
        !self.by_column[column].is_empty() || self.all.iter().any(|atom| atom.columns().any(|read| read == column))
    }

    /// Some atoms by the column that they are about alone, in order, each once.
    pub(super) fn by_column(&self, atoms: impl IntoIterator<Item = usize>) -> Vec<Vec<usize>> {
        let mut all = vec![Vec::new(); self.columns.len()];
        for atom in atoms {
            if let Some(own) = self.all[atom].column().and_then(|column| all.get_mut(column)) {
                own.push(atom);
            }
        }
        for own in &mut all {
            own.sort_unstable();
            own.dedup();
        }
        all
    }
}

/// What makes two texts the same to a test.
fn key(text: Option<&Text>, matching: Matching) -> (String, bool, bool) {
    let text = text.map(|text| if matching.case_sensitive { text.exact() } else { text.folded() });
    (text.unwrap_or_default().to_owned(), matching.whole_words, matching.case_sensitive)
}

/// Whether a few representatives stand for all of a column's values.
pub(super) fn has_cells(column: &Column) -> bool {
    column.kind.is_ordered() || matches!(column.kind, ValueType::Boolean | ValueType::Enum)
}

/// The values that a test of a column names.
pub(super) fn named_values(test: &Test) -> Vec<Datum> {
    match test {
        Test::OneOf(values) => values.clone(),
        _ => Vec::new(),
    }
}
