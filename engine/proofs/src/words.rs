//! Decided atoms as words.

use casebook_runtime::{
    model::{Column, Datum, Matching, domain, write_duration, write_moment},
    number::Number,
    rules::{Comparison, Decimal, Facts, Order, Predicate, Side, Test},
    value::ValueType,
};

use super::{
    formula::{Atom, Atoms, has_cells},
    ranges::Ranges,
    space::{Moment, Recent, bounds},
    walls,
};

/// Tests that a condition names; a reader takes in no more, and the items that show it have the rest.
const MAX_PARTS: usize = 5;

/// A kind of item: those for which some tests have the given results.
#[derive(Debug, Clone)]
pub struct Condition {
    words: String,
    /// Ways to be of this kind; all tests of a way must have the given results.
    ways: Vec<Vec<(Atom, bool)>>,
}

impl Condition {
    /// The condition under which some atoms are as decided, at a moment of the clock; only some of them are shown.
    pub(super) fn new(atoms: &Atoms<'_>, clock: Option<i64>, cube: &[(usize, bool)], told: &[(usize, bool)]) -> Self {
        let tests = cube.iter().map(|(atom, value)| (atoms.all[*atom].clone(), *value)).collect();
        let moment =
            Moment::new(atoms, &atoms.by_column(told.iter().map(|(atom, _)| *atom)), clock, &Recent::default());
        Self { words: words(atoms, &moment, told), ways: vec![tests] }
    }

    /// Adds the ways of another kind that has the same words.
    pub(super) fn join(&mut self, other: Self) {
        self.ways.extend(other.ways);
    }

    /// The condition in words; they begin with `where`, or say that any item fulfils it.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Whether an item is of this kind.
    pub fn holds(&self, facts: Facts<'_>) -> bool {
        self.ways.iter().any(|tests| tests.iter().all(|(atom, value)| atom.holds(facts) == *value))
    }
}

/// Says for which items some atoms are as decided; of many tests those that say most.
fn words(atoms: &Atoms<'_>, moment: &Moment, cube: &[(usize, bool)]) -> String {
    // Each with whether it says what an item has, not only what it lacks.
    let mut parts: Vec<(bool, String)> = Vec::new();
    let mut told: Vec<usize> = Vec::new();
    for (atom, value) in cube {
        let Some(column) = atoms.all[*atom].column() else {
            match &atoms.all[*atom] {
                Atom::Valid(from, until) => parts.push((*value, span((*from, *until), *value))),
                Atom::Compare(comparison) => parts.push((*value, compared(atoms.columns, comparison, *value))),
                Atom::Given(_) | Atom::Test(..) | Atom::Entries(..) => {}
            }
            continue;
        };
        if has_cells(&atoms.columns[column]) && has_bounds(&atoms.all[*atom]) {
            if !told.contains(&column) {
                told.push(column);
                parts.extend(values(atoms, moment, column, cube).map(|words| (true, words)));
            }
            continue;
        }
        parts.push((*value, test(&atoms.columns[column], &atoms.all[*atom], *value)));
    }
    let more = parts.len().saturating_sub(MAX_PARTS);
    for says in [false, true] {
        while parts.len() > MAX_PARTS
            && let Some(last) = parts.iter().rposition(|(says_much, _)| *says_much == says)
        {
            parts.remove(last);
        }
    }
    let mut parts: Vec<String> = parts.into_iter().map(|(_, words)| words).collect();
    match more {
        0 => {}
        1 => parts.push("1 more test holds".to_owned()),
        more => parts.push(format!("{more} more tests hold")),
    }
    if parts.is_empty() { "for any item".to_owned() } else { format!("where {}", parts.join(" and ")) }
}

/// The values of a column that remain.
fn values(atoms: &Atoms<'_>, moment: &Moment, at: usize, cube: &[(usize, bool)]) -> Option<String> {
    let cells = moment.cells[at].as_ref()?;
    let mut alive = Ranges::all(cells.values.len());
    for (atom, value) in cube.iter().filter(|(atom, _)| has_bounds(&atoms.all[*atom])) {
        match (cells.of(*atom), value) {
            (Some(passing), true) => alive.keep(passing),
            (Some(passing), false) => alive.drop(passing),
            (None, _) => {}
        }
    }
    let column = &atoms.columns[at];
    let left: Vec<Option<&Datum>> = alive.iter().map(|cell| cells.values[cell].as_ref()).collect();
    let absent = left.contains(&None);
    let mut names = if column.kind.is_ordered() {
        let all: Vec<Number> = sorted(cells.values.iter().flatten());
        ranges(
            column,
            &all,
            &sorted(left.iter().copied().flatten()),
            &bounds(column, cells.passing.iter().map(|(atom, _)| &atoms.all[*atom]), moment.clock),
        )
    } else {
        left.iter().copied().flatten().map(|value| plain(column, value)).collect()
    };
    if absent {
        names.push("not given".to_owned());
    }
    Some(format!("{} is {}", column.name, names.join(" or ")))
}

/// Whether bounds decide which values pass: neither the clock nor one on a wall.
fn has_bounds(atom: &Atom) -> bool {
    !atom.reads_clock() && atom.wall().is_none()
}

fn sorted<'a>(values: impl Iterator<Item = &'a Datum>) -> Vec<Number> {
    let mut numbers: Vec<Number> = values.filter_map(Datum::number).collect();
    numbers.sort_unstable();
    numbers
}

/// Numbers that remain, as ranges between those at which something changes.
fn ranges(column: &Column, all: &[Number], left: &[Number], bounds: &[Number]) -> Vec<String> {
    let position = |number: Number| all.partition_point(|other| *other < number);
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for at in left.iter().map(|number| position(*number)) {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == at => *last = at,
            _ => ranges.push((at, at)),
        }
    }
    let words = |number: Number| column.number_words(number);
    // Whole numbers stand for themselves; of others those that are no bound stand for all up to the next one.
    let exact = |at: usize| column.kind != ValueType::Number || bounds.contains(&all[at]);
    ranges
        .into_iter()
        .map(|(first, last)| {
            let low = (first > 0).then(|| {
                let (words_of, bound) = if exact(first) { ("at least", first) } else { ("more than", first - 1) };
                format!("{words_of} {}", words(all[bound]))
            });
            let high = (last + 1 < all.len()).then(|| {
                let (words_of, bound) = if exact(last) { ("at most", last) } else { ("less than", last + 1) };
                format!("{words_of} {}", words(all[bound]))
            });
            match (low, high) {
                _ if first == last && exact(first) && first > 0 && last + 1 < all.len() => words(all[first]),
                (Some(low), Some(high)) => format!("{low} and {high}"),
                (Some(one), None) | (None, Some(one)) => one,
                (None, None) => "given".to_owned(),
            }
        })
        .collect()
}

fn test(column: &Column, atom: &Atom, value: bool) -> String {
    let name = &column.name;
    let not = if value { "" } else { "not " };
    let does = |verb: &str, what: &str| {
        if value { format!("{name} {verb}s \"{what}\"") } else { format!("{name} does not {verb} \"{what}\"") }
    };
    let bound = |number: Number| column.number_words(number);
    let test = match atom {
        Atom::Test(_, test) => test,
        Atom::Entries(entries, _) if column.kind == ValueType::Object => {
            // An object is its only entry.
            let words = condition(&entries.when, true);
            return if words.is_empty() {
                format!("{name} is {not}given")
            } else {
                format!("{name} is {not}one where {words}")
            };
        }
        Atom::Entries(entries, least) => return format!("{name} has {}", counted(&entries.when, *least, value)),
        _ => return format!("{name} is {not}given"),
    };
    match (test, value) {
        (Test::Between(Some((low, equal)), None), _) => {
            let words = match (equal, value) {
                (true, true) => "at least",
                (false, true) => "more than",
                (true, false) => "less than",
                (false, false) => "at most",
            };
            format!("{name} is {words} {}", bound(*low))
        }
        (Test::Between(None, Some((high, equal))), _) => {
            let words = match (equal, value) {
                (true, true) => "at most",
                (false, true) => "less than",
                (true, false) => "more than",
                (false, false) => "at least",
            };
            format!("{name} is {words} {}", bound(*high))
        }
        (Test::Between(Some((low, _)), Some((high, _))), true) => {
            format!("{name} is between {} and {}", bound(*low), bound(*high))
        }
        (Test::Between(Some((low, _)), Some((high, _))), false) => {
            format!("{name} is not between {} and {}", bound(*low), bound(*high))
        }
        (Test::OneOf(values), _) => {
            let values: Vec<String> = values.iter().map(|value| plain(column, value)).collect();
            format!("{name} is {not}{}", values.join(" or "))
        }
        (Test::TextIs(texts, case_sensitive), _) => {
            let text = texts.first().map(|text| text.raw.as_str()).unwrap_or_default();
            let matching = Matching { whole_words: true, case_sensitive: *case_sensitive };
            format!("{name} is {not}\"{text}\"{}", matching.words())
        }
        (Test::HoldsAny(texts, _), _) if column.kind == ValueType::Set => {
            let text = texts.first().map(|text| text.raw.as_str()).unwrap_or_default();
            if value { format!("{name} has {text}") } else { format!("{name} does not have {text}") }
        }
        (Test::HoldsAny(texts, matching), _) => {
            let text = texts.first().map(|text| text.raw.as_str()).unwrap_or_default();
            format!("{}{}", does("contain", text), matching.words())
        }
        (Test::Starts(text, matching), true) => format!("{name} starts with \"{}\"{}", text.raw, matching.words()),
        (Test::Starts(text, matching), false) => {
            format!("{name} does not start with \"{}\"{}", text.raw, matching.words())
        }
        (Test::Ends(text, matching), true) => format!("{name} ends with \"{}\"{}", text.raw, matching.words()),
        (Test::Ends(text, matching), false) => {
            format!("{name} does not end with \"{}\"{}", text.raw, matching.words())
        }
        (Test::Matches(regex, _), true) => format!("{name} matches /{}/", regex.as_str()),
        (Test::Matches(regex, _), false) => format!("{name} does not match /{}/", regex.as_str()),
        (Test::DomainIn(domains), true) => {
            format!("the domain of {name} is {}", domain::with_subdomains(domains.clone()).join(" or "))
        }
        (Test::DomainIn(domains), false) => {
            format!("the domain of {name} is neither {}", domain::with_subdomains(domains.clone()).join(" nor "))
        }
        (Test::Age(age), _) => {
            let length = write_duration(age.length);
            match age.side {
                Side::Older => format!("{name} is {not}more than {length} ago"),
                Side::Within => format!("{name} is {not}at most {length} ago"),
                Side::Ahead => format!("{name} is {not}at most {length} ahead"),
            }
        }
        (Test::Wall(wall, zone), _) => format!("{name} is {not}{}", walls::words(wall, zone)),
        _ => format!("{name} is {not}so"),
    }
}

/// So many entries, or fewer, for which a condition holds.
fn counted(when: &Predicate, least: u64, value: bool) -> String {
    let amount = match (least, value) {
        (1, true) => "an entry".to_owned(),
        (1, false) => "no entry".to_owned(),
        (least, true) => format!("at least {least} entries"),
        (least, false) => format!("fewer than {least} entries"),
    };
    let words = condition(when, false);
    if words.is_empty() { amount } else { format!("{amount} where {words}") }
}

/// A condition by the words of its parts; what is joined is in brackets within another one.
fn condition(when: &Predicate, within: bool) -> String {
    let group = |parts: &[Predicate], word: &str| {
        let all: Vec<String> = parts.iter().map(|part| condition(part, parts.len() > 1)).collect();
        let words = all.join(word);
        if within && all.len() > 1 { format!("({words})") } else { words }
    };
    match when {
        Predicate::All(parts) => group(parts, " and "),
        Predicate::Any(parts) => group(parts, " or "),
        Predicate::Not(part) => match &**part {
            Predicate::Not(part) => condition(part, within),
            part => format!("not ({})", condition(part, false)),
        },
        Predicate::Column(_, _, words) | Predicate::Compare(_, words) | Predicate::Entries(_, words) => {
            words.to_string()
        }
    }
}

/// How one field stands to another.
fn compared(columns: &[Column], comparison: &Comparison, value: bool) -> String {
    let Comparison { left, order, right, times, plus } = *comparison;
    let name = |at: usize| columns.get(at).map_or("a field", |column| column.name.as_str());
    let words = match (order, value) {
        (Order::Less, true) | (Order::AtLeast, false) => "less than",
        (Order::AtMost, true) | (Order::More, false) => "at most",
        (Order::More, true) | (Order::AtMost, false) => "more than",
        (Order::AtLeast, true) | (Order::Less, false) => "at least",
        (Order::Equal, true) => "the same as",
        (Order::Equal, false) => "not the same as",
    };
    let times = if times == Decimal::ONE { String::new() } else { format!("{times} times ") };
    let is_length =
        matches!(columns.get(left).map(|column| column.kind), Some(ValueType::Timestamp | ValueType::Duration));
    let plus = match plus.to_whole() {
        Some(0) => String::new(),
        Some(length) if is_length => format!(" plus {}", write_duration(length)),
        _ => format!(" plus {plus}"),
    };
    format!("{} is {words} {times}{}{plus}", name(left), name(right))
}

fn span(span: (Option<i64>, Option<i64>), value: bool) -> String {
    let day = |moment: i64| {
        let text = write_moment(moment);
        text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
    };
    let words = match span {
        (Some(from), Some(until)) => format!("from {} on and before {}", day(from), day(until)),
        (Some(from), None) if value => return format!("the clock is at {} or later", day(from)),
        (Some(from), None) => return format!("the clock is before {}", day(from)),
        (None, Some(until)) if value => return format!("the clock is before {}", day(until)),
        (None, Some(until)) => return format!("the clock is at {} or later", day(until)),
        (None, None) => "at any time".to_owned(),
    };
    format!("the clock is {}{words}", if value { "" } else { "not " })
}

/// A value without quotes.
pub(super) fn plain(column: &Column, value: &Datum) -> String {
    let value = value.to_json(column);
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
