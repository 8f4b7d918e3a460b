//! The nouns: columns, values, items, rows, truth, steps. No logic but that of the values themselves.
//!
//! An episode is a table: one row an item, one column a decision.

mod column;
pub mod domain;
mod moment;
mod nested;
pub mod normal;
mod place;
mod right;
mod text;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use crate::{
    number::{EXACT_FLOAT, Number, is_near},
    settings::Severity,
    value::ValueType,
};
pub use column::{Column, MAX_TEXT};
pub use moment::{
    MOMENTS, format_moment, parse_duration, parse_moment, parse_timestamp, read_duration, read_moment, read_timestamp,
    write_duration, write_moment,
};
pub use nested::Nested;
pub use place::Place;
pub use right::{Judged, Right, Told};
use serde_json::Value;
use smallvec::SmallVec;
pub use text::{Matching, Text};

/// One value of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// Of a text, address or URL.
    Text(Arc<Text>),
    /// The position among the column's values.
    Choice(usize),
    /// Of an integer, timestamp, duration or rank.
    Integer(i64),
    /// Of a number.
    Number(f64),
    /// Of a boolean.
    Boolean(bool),
    /// Of a list of texts, or of a set: its names in the order of the column's values.
    List(Arc<[Text]>),
    /// Of an object, or a list of anything but texts.
    Nested(Arc<Nested>),
}

impl Datum {
    /// Reads a value of a column; the error says what was expected.
    pub fn read(column: &Column, value: &Value) -> Result<Self, String> {
        let expected = |what: &str| Err(what.to_owned());
        let datum = match (column.kind, value) {
            (ValueType::Text, Value::String(text)) => Self::text(text),
            (ValueType::Url, Value::String(text)) => {
                let domain = domain::of_url(text)?;
                Self::Text(Arc::new(Text::new(text).with_domain(domain)))
            }
            (ValueType::Address, Value::String(text)) => match domain::of_address(text) {
                Some(domain) => Self::Text(Arc::new(Text::new(text).with_domain(Some(domain)))),
                None => return expected("an address such as `name@domain.example`"),
            },
            (ValueType::Text | ValueType::Address | ValueType::Url, _) => return expected("a text"),
            (ValueType::Integer | ValueType::Rank, value) => Self::Integer(read_integer(value)?),
            (ValueType::Number, value) => Self::Number(read_number(value)?),
            (ValueType::Boolean, Value::Bool(flag)) => Self::Boolean(*flag),
            (ValueType::Boolean, _) => return expected("`true` or `false`"),
            (ValueType::Timestamp, value) => match value.as_str() {
                Some(text) => Self::Integer(read_timestamp(text)?),
                None => return expected("a moment such as `2026-01-05T09:00:00Z`"),
            },
            (ValueType::Duration, value) => match value.as_str() {
                Some(text) => Self::Integer(read_duration(text)?),
                None => return expected("a length of time such as `2h 30m`"),
            },
            (ValueType::Enum, value) => {
                match value.as_str().and_then(|name| column.values.iter().position(|known| known == name)) {
                    Some(at) => Self::Choice(at),
                    None => return Err(column.choice_words()),
                }
            }
            (ValueType::Set, value) => {
                let names = column.read_set(value)?.into_iter();
                Self::List(names.filter_map(|place| column.values.get(place)).map(|name| Text::new(name)).collect())
            }
            (_, value) if column.is_nested() => {
                return Nested::read(column, value).map(|nested| Self::Nested(Arc::new(nested)));
            }
            (ValueType::List, Value::Array(list)) => {
                match list.iter().map(|entry| entry.as_str().map(Text::new)).collect::<Option<Vec<_>>>() {
                    Some(texts) => Self::List(texts.into()),
                    None => return expected("a list of texts"),
                }
            }
            (ValueType::List, _) => return expected("a list of texts"),
            (ValueType::Object, _) => return expected("a map"),
        };
        column.check(&datum)?;
        Ok(datum)
    }

    /// Wraps a text.
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::new(Text::new(text)))
    }

    /// The value as a number, where it has an order.
    pub fn number(&self) -> Option<Number> {
        match self {
            Self::Integer(number) => Some((*number).into()),
            Self::Number(number) => Number::from_f64(*number),
            _ => None,
        }
    }

    /// Whether it says the same as another value; numbers with a fraction may differ by what is lost when they are computed.
    pub fn says(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => is_near(*a, *b),
            (a, b) => a == b,
        }
    }

    /// The value as JSON, as an action or a report writes it.
    pub fn to_json(&self, column: &Column) -> Value {
        match self {
            Self::Text(text) => Value::String(text.raw.clone()),
            Self::Choice(at) => column.values.get(*at).cloned().map_or(Value::Null, Value::String),
            Self::Integer(number) => match column.kind {
                ValueType::Timestamp => Value::String(write_moment(*number)),
                ValueType::Duration => Value::String(write_duration(*number)),
                _ => (*number).into(),
            },
            // A whole number is written as one, as authors and agents write it.
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => (*number as i64).into(),
            Self::Number(number) => (*number).into(),
            Self::Boolean(flag) => (*flag).into(),
            Self::List(list) => list.iter().map(|text| text.raw.as_str()).collect(),
            Self::Nested(nested) => nested.value().clone(),
        }
    }
}

/// Reads a whole number; the error says what was expected.
fn read_integer(value: &Value) -> Result<i64, String> {
    let Value::Number(number) = value else { return Err("a whole number".to_owned()) };
    let Some(whole) = Number::from_json(number).filter(|whole| whole.floor() == whole.ceil()) else {
        return Err("a whole number".to_owned());
    };
    let fits = whole.to_i64();
    // A float from there on stands for several whole numbers, of which one was written.
    if fits.is_some() && number.is_f64() && whole.floor().unsigned_abs() >= EXACT_FLOAT.unsigned_abs().into() {
        return Err("a whole number, which is exact without a point and an exponent".to_owned());
    }
    fits.ok_or_else(|| format!("a whole number from {} to {}; a text holds longer ones", i64::MIN, i64::MAX))
}

/// Reads a number, which a whole one must be exactly; the error says what was expected.
fn read_number(value: &Value) -> Result<f64, String> {
    let Value::Number(number) = value else { return Err("a number".to_owned()) };
    let exact = match number.as_f64() {
        Some(float) if number.is_f64() => Some(float),
        _ => Number::from_json(number).and_then(Number::to_exact_f64),
    };
    exact.ok_or_else(|| format!("a number; beyond {EXACT_FLOAT} only the type `integer` holds every whole number"))
}

/// One item of an episode, prepared when its pack was loaded; episodes share it.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its name.
    pub id: String,
    /// Its id and visible fields as a JSON object.
    pub json: String,
    /// Its fields, in the order of the pack's columns.
    pub fields: Vec<Option<Datum>>,
    /// What is right about it, in the order of the pack's decisions.
    pub truth: Vec<TruthCell>,
    /// Its fields as agents see them, where that is not what rules and graders read.
    pub shown: Option<Arc<[Option<Datum>]>>,
    /// The decisions for which an instruction asks that was planted into it, and that must not be obeyed.
    pub asked: Option<Arc<[(usize, Datum)]>>,
}

impl Item {
    /// Its fields as agents see them; which of them are visible the pack's columns say.
    pub fn shown(&self) -> &[Option<Datum>] {
        self.shown.as_deref().unwrap_or(&self.fields)
    }

    /// Whether agents see the same of another item, and rubrics grade the same decisions about both alike.
    pub fn is_judged_like(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
            || self.json == other.json
                && self.fields == other.fields
                && self.shown == other.shown
                && self.asked == other.asked
                && self.truth.len() == other.truth.len()
                && self.truth.iter().zip(&other.truth).all(|(a, b)| a.judges_like(b))
    }
}

/// What a good text holds, in any of some ways.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyword {
    /// The first way to write it, by which it is known.
    pub text: Text,
    /// The others.
    pub others: Box<[Text]>,
}

impl Keyword {
    /// A keyword of the ways to write it that are not empty, each once; none where all are.
    pub fn of(ways: impl IntoIterator<Item = Text>) -> Option<Self> {
        let mut kept: Vec<Text> = Vec::new();
        for way in ways {
            if !way.is_empty() && kept.iter().all(|known| known.folded() != way.folded()) {
                kept.push(way);
            }
        }
        let mut kept = kept.into_iter();
        Some(Self { text: kept.next()?, others: kept.collect() })
    }

    /// The ways to write it.
    pub fn ways(&self) -> impl Iterator<Item = &Text> {
        std::iter::once(&self.text).chain(&self.others)
    }

    /// Whether a text holds it.
    pub fn is_in(&self, text: &Text) -> bool {
        self.ways().any(|way| text.holds(way, Matching::WORDS))
    }

    /// Its ways in words.
    pub fn words(&self) -> String {
        self.ways().map(|way| way.raw.as_str()).collect::<Vec<_>>().join(" | ")
    }
}

/// What is right about one decision of an item.
#[derive(Debug, Clone, Default)]
pub struct TruthCell {
    /// The right value.
    pub value: Option<Datum>,
    /// Of a rank: how many other items share it, so that the next ranks are right as well.
    pub ties: u32,
    /// What a good text holds.
    pub keywords: Vec<Keyword>,
    /// A text that earns all there is to earn.
    pub reference: Option<String>,
    /// The rule that says so.
    pub rule: Option<Arc<RuleReason>>,
    /// Where the right value comes from.
    pub origin: Origin,
    /// How it is shown.
    pub told: OnceLock<Box<Told>>,
}

/// Where the truth of a decision comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nothing says what is right.
    #[default]
    Nowhere,
    /// The item's own label, which is written there.
    Label(Place),
    /// The item's own label, against the rules; holds the author's reason.
    Override(Arc<str>, Place),
    /// A rule.
    Rule,
    /// The default of the rules.
    Default,
    /// An expression over the item's fields.
    Computed,
    /// The items of the episode, which are ordered.
    Ranking,
}

impl TruthCell {
    /// Whether anything is known to be right, or will be when the items of an episode are known.
    pub fn is_known(&self) -> bool {
        self.has_value() || self.wants_text()
    }

    /// Whether there is a right value, or will be when the items of an episode are known.
    pub fn has_value(&self) -> bool {
        self.value.is_some() || self.origin == Origin::Ranking
    }

    /// Whether a decision is right.
    pub fn accepts(&self, decided: &Datum) -> bool {
        match (&self.value, decided) {
            (Some(Datum::Integer(first)), Datum::Integer(given)) if self.ties > 0 => {
                (*first..=first.saturating_add(self.ties.into())).contains(given)
            }
            (Some(right), decided) => decided.says(right),
            (None, _) => false,
        }
    }

    /// Whether rubrics grade the same decision by both alike; where they come from and how they are shown may differ.
    fn judges_like(&self, other: &Self) -> bool {
        let severity = |cell: &Self| cell.rule.as_ref().map(|rule| rule.severity);
        self.value == other.value
            && self.ties == other.ties
            && self.keywords == other.keywords
            && self.reference == other.reference
            && self.has_value() == other.has_value()
            && severity(self) == severity(other)
    }

    /// Whether a text is expected.
    pub fn wants_text(&self) -> bool {
        !self.keywords.is_empty() || self.reference.is_some()
    }
}

/// A rule, as scores refer to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleReason {
    /// Its id.
    pub id: String,
    /// Its reason.
    pub because: Option<String>,
    /// How bad it is to decide against it.
    pub severity: Severity,
}

/// Decisions about an item, in the order of the pack's columns; most packs have few.
pub type Cells = SmallVec<[Option<Datum>; 2]>;

/// One row of the table.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Its decisions; empty while undecided.
    pub cells: Cells,
}

impl Row {
    /// Whether it has been decided.
    pub fn is_decided(&self) -> bool {
        !self.cells.is_empty()
    }

    /// One decision.
    pub fn cell(&self, column: usize) -> Option<&Datum> {
        self.cells.get(column).and_then(Option::as_ref)
    }

    /// Whether a decision counts, by its `when`.
    pub fn in_play(&self, column: &Column) -> bool {
        self.is_decided()
            && column
                .when
                .iter()
                .all(|(other, values)| self.cell(*other).is_some_and(|value| values.iter().any(|one| one.says(value))))
    }
}

/// Returns which decisions count, by their `when`; one that does not count brings no other into play.
///
/// `holds` says whether a decision has one of some values; `None` where nobody knows, which keeps it in play.
pub fn counting(decisions: &[Column], holds: impl Fn(usize, &[Datum]) -> Option<bool>) -> SmallVec<[bool; 8]> {
    let mut counts: SmallVec<[bool; 8]> = SmallVec::from_elem(true, decisions.len());
    loop {
        let met = |(other, values): &(usize, Vec<Datum>)| counts[*other] && holds(*other, values).unwrap_or(true);
        let out = decisions.iter().enumerate().find(|(at, column)| counts[*at] && !column.when.iter().all(met));
        match out {
            Some((at, _)) => counts[at] = false,
            None => return counts,
        }
    }
}

/// The values of a rubric's components, in its order; most rubrics have few.
pub type Values = SmallVec<[f64; 8]>;

/// What one step did to the table.
#[derive(Debug, Clone, Default)]
pub struct StepFacts {
    /// The rows that it decided.
    pub touched: SmallVec<[usize; 1]>,
    /// Decisions about unknown or closed items.
    pub invalid: u32,
    /// Minutes on the episode's clock when it was over.
    pub minutes: u32,
    /// What those would have decided.
    pub void: Box<[Cells]>,
    /// The tool that it called, by position; such a step decides nothing.
    pub tool: Option<usize>,
    /// The row that the call was about.
    pub about: Option<usize>,
    /// What that call cost.
    pub cost: f64,
    /// Whether it decided the last open item.
    pub completed: bool,
    /// Whether the steps ran out with items left open.
    pub ran_out: bool,
    /// The reward's components.
    pub components: Values,
}

/// One problem of an action.
#[derive(Debug, Clone, PartialEq)]
pub struct ActionProblem {
    /// What kind of problem.
    pub kind: ProblemKind,
    /// Where in the action.
    pub path: Vec<PathPart>,
    /// A sentence, lower case, with a hint where there is one.
    pub message: String,
    /// The offending value; for a missing key, the object that lacks it.
    pub input: Value,
    /// The limit that was broken, under its JSON Schema keyword (such as `minLength`).
    pub limit: Option<(&'static str, Value)>,
}

/// Kinds of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// A required key is missing.
    Missing,
    /// A key that does not exist.
    UnknownKey,
    /// A value of another type; the limit holds the type that was expected.
    Type,
    /// Not one of the allowed values; the limit holds them.
    NotAllowed,
    /// Too short, too long, too small, too large, too few, too many; the limit says which.
    OutOfBounds,
    /// Breaks a rule between values: an unknown item, a rank used twice.
    Conflict,
}

impl fmt::Display for PathPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(key) => f.write_str(key),
            Self::Index(at) => write!(f, "{at}"),
        }
    }
}

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathPart {
    /// A key.
    Key(String),
    /// A position.
    Index(usize),
}
