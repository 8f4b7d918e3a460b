//! Which values look like those of an item: one that nobody would write is shown only where no other does.

use casebook_runtime::{
    model::{Column, Datum},
    number::Number,
    rules::{Predicate, RuleSet, Test},
    value::ValueType,
};

use super::{Witness, formula::named_values};

/// Whether a number or moment is an odd one to show: below nothing, or a moment that still lies ahead.
pub(super) fn is_odd(value: &Datum, kind: ValueType, clock: Option<i64>) -> bool {
    match (kind, value) {
        (ValueType::Timestamp, Datum::Integer(moment)) => clock.is_some_and(|clock| *moment > clock),
        (_, Datum::Integer(number)) => *number < 0,
        (_, Datum::Number(number)) => *number < 0.0,
        _ => false,
    }
}

/// Whether a text looks like one of its type.
pub(super) fn is_plausible(kind: ValueType, text: &str) -> bool {
    let is_host = |host: &str| {
        let mut labels = host.split('.');
        labels.clone().count() > 1
            && labels.all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
    };
    match kind {
        ValueType::Address => text.split_once('@').is_some_and(|(local, host)| {
            !local.is_empty() && !local.chars().any(|c| c.is_whitespace() || "<>(),;:\"".contains(c)) && is_host(host)
        }),
        ValueType::Url => text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(|rest| {
            is_host(rest.split(['/', '?', '#']).next().unwrap_or_default()) && !rest.contains(char::is_whitespace)
        }),
        _ => !text.trim().is_empty(),
    }
}

/// The column's own example that passes, if one does.
pub(super) fn example(column: &Column, passes: impl Fn(&Datum) -> bool) -> Option<Datum> {
    column.examples.iter().find(|example| passes(example)).cloned()
}

/// The field of which an item has a number below nothing although neither the field nor any rule speaks of such numbers.
pub fn below_nothing<'c>(set: &RuleSet, columns: &'c [Column], witness: &Witness) -> Option<&'c Column> {
    let mut pairs = columns.iter().zip(&witness.fields).enumerate();
    let found = pairs.find_map(|(at, (column, value))| {
        let odd = matches!(column.kind, ValueType::Integer | ValueType::Number)
            && column.bounds.0.is_none()
            && value.as_ref().is_some_and(|value| is_odd(value, column.kind, None));
        odd.then_some((at, column))
    });
    let (at, column) = found?;
    let conditions = set.rules.iter().flat_map(|rule| std::iter::once(&rule.when).chain(&rule.except));
    (!conditions.into_iter().any(|condition| names_negative(condition, at))).then_some(column)
}

/// Whether a condition compares a field with a number below nothing.
fn names_negative(condition: &Predicate, field: usize) -> bool {
    fn is_negative(test: &Test) -> bool {
        match test {
            Test::Not(test) => is_negative(test),
            Test::Between(low, high) => [low, high].into_iter().flatten().any(|(bound, _)| *bound < Number::whole(0)),
            test => {
                named_values(test).iter().any(|value| value.number().is_some_and(|number| number < Number::whole(0)))
            }
        }
    }
    match condition {
        Predicate::All(parts) | Predicate::Any(parts) => parts.iter().any(|part| names_negative(part, field)),
        Predicate::Not(part) => names_negative(part, field),
        Predicate::Column(at, test, _) => *at == field && is_negative(test),
        Predicate::Compare(..) | Predicate::Entries(..) => false,
    }
}
