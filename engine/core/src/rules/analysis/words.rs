//! Decided atoms as words.

use super::{
    bits::Bits,
    formula::{Atom, Atoms},
    space::Moment,
};
use crate::{
    model::{Column, ColumnKind, Datum},
    rules::Test,
};

/// Says for which items some atoms are as decided.
pub(super) fn words(atoms: &Atoms<'_>, moment: &Moment, cube: &[(usize, bool)]) -> String {
    let mut parts = Vec::new();
    let mut told: Vec<usize> = Vec::new();
    for (atom, value) in cube {
        let Some(column) = atoms.all[*atom].column() else {
            if let Atom::Valid(from, until) = &atoms.all[*atom] {
                parts.push(span((*from, *until), *value));
            }
            continue;
        };
        if let ColumnKind::Choice | ColumnKind::Boolean = atoms.columns[column].kind {
            if !told.contains(&column) {
                told.push(column);
                parts.extend(choices(atoms, moment, column, cube));
            }
            continue;
        }
        parts.push(test(&atoms.columns[column], &atoms.all[*atom], *value));
    }
    if parts.is_empty() { "every item".to_owned() } else { parts.join(" and ") }
}

/// The values of a column that remain.
fn choices(atoms: &Atoms<'_>, moment: &Moment, column: usize, cube: &[(usize, bool)]) -> Option<String> {
    let cells = moment.cells[column].as_ref()?;
    let mut alive = Bits::all(cells.values.len());
    for (atom, value) in cube {
        match (cells.of(*atom), value) {
            (Some(passing), true) => alive.keep(passing),
            (Some(passing), false) => alive.drop(passing),
            (None, _) => {}
        }
    }
    let column = &atoms.columns[column];
    let names: Vec<String> = alive
        .iter()
        .map(|cell| cells.values[cell].as_ref().map_or_else(|| "not given".to_owned(), |value| plain(column, value)))
        .collect();
    Some(format!("{} is {}", column.name, names.join(" or ")))
}

fn test(column: &Column, atom: &Atom, value: bool) -> String {
    let name = &column.name;
    let not = if value { "" } else { "not " };
    let does = |verb: &str, what: &str| {
        if value { format!("{name} {verb}s \"{what}\"") } else { format!("{name} does not {verb} \"{what}\"") }
    };
    let bound = |number: f64| number_words(column, number);
    let Atom::Test(_, test) = atom else { return format!("{name} is {not}given") };
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
            format!("{name} lies between {} and {}", bound(*low), bound(*high))
        }
        (Test::Between(Some((low, _)), Some((high, _))), false) => {
            format!("{name} does not lie between {} and {}", bound(*low), bound(*high))
        }
        (Test::OneOf(values), _) => {
            let values: Vec<String> = values.iter().map(|value| plain(column, value)).collect();
            format!("{name} is {not}{}", values.join(" or "))
        }
        (Test::TextIs(texts, _), _) => {
            format!("{name} is {not}\"{}\"", texts.first().map(|text| text.raw.as_str()).unwrap_or_default())
        }
        (Test::HoldsAny(texts, _), _) => {
            does("contain", texts.first().map(|text| text.raw.as_str()).unwrap_or_default())
        }
        (Test::Starts(text, _), true) => format!("{name} starts with \"{}\"", text.raw),
        (Test::Starts(text, _), false) => format!("{name} does not start with \"{}\"", text.raw),
        (Test::Ends(text, _), true) => format!("{name} ends with \"{}\"", text.raw),
        (Test::Ends(text, _), false) => format!("{name} does not end with \"{}\"", text.raw),
        (Test::Matches(regex, _), true) => format!("{name} matches /{}/", regex.as_str()),
        (Test::Matches(regex, _), false) => format!("{name} does not match /{}/", regex.as_str()),
        (Test::DomainIn(domains), _) => format!("the domain of {name} is {not}{}", domains.join(" or ")),
        (Test::Age { older, length }, _) => {
            let length = plain_duration(*length);
            match (older, value) {
                (true, true) => format!("{name} is more than {length} ago"),
                (true, false) => format!("{name} is not more than {length} ago"),
                (false, true) => format!("{name} is at most {length} ago"),
                (false, false) => format!("{name} is not at most {length} ago"),
            }
        }
        _ => format!("{name} is {not}so"),
    }
}

fn span(span: (Option<i64>, Option<i64>), value: bool) -> String {
    let day = |moment: i64| {
        jiff::Timestamp::from_millisecond(moment).map_or_else(
            |_| moment.to_string(),
            |moment| {
                let text = moment.to_string();
                text.strip_suffix("T00:00:00Z").map_or(text.clone(), str::to_owned)
            },
        )
    };
    let words = match span {
        (Some(from), Some(until)) => format!("from {} on and before {}", day(from), day(until)),
        (Some(from), None) if value => return format!("the clock stands at {} or later", day(from)),
        (Some(from), None) => return format!("the clock stands before {}", day(from)),
        (None, Some(until)) if value => return format!("the clock stands before {}", day(until)),
        (None, Some(until)) => return format!("the clock stands at {} or later", day(until)),
        (None, None) => "at any time".to_owned(),
    };
    format!("the clock {} {words}", if value { "stands" } else { "does not stand" })
}

/// A bound as the column's documents write it.
#[expect(clippy::cast_possible_truncation, reason = "moments and lengths of time are whole numbers")]
fn number_words(column: &Column, number: f64) -> String {
    match column.kind {
        ColumnKind::Timestamp | ColumnKind::Duration => plain(column, &Datum::Integer(number as i64)),
        _ => number.to_string(),
    }
}

fn plain_duration(length: i64) -> String {
    format!("{:#}", jiff::SignedDuration::from_millis(length))
}

/// A value without quotes.
pub(super) fn plain(column: &Column, value: &Datum) -> String {
    let value = value.to_json(column);
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
