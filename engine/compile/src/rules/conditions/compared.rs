//! Conditions that compare two fields, and those on clocks and calendars.

use casebook_runtime::{
    model::{read_duration, read_moment},
    number::Number,
    rules::{Comparison, DAY, Decimal, Order, Test, Wall, Zone},
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Hint, Report, did_you_mean},
    spec::{Amount, Bound, FieldBound, OneOf, Operators},
};
use serde_json::Value;

use super::{ColumnCompiler, Part, column_of};
use crate::column::meant;

impl ColumnCompiler<'_> {
    /// What an operator stands for that compares with another field; none for one that does not.
    #[expect(clippy::option_option, reason = "an operator may be another one, or wrong")]
    pub(super) fn compared(
        &self,
        key: &str,
        path: &str,
        operators: &Operators,
        report: &mut Report,
    ) -> Option<Option<Part>> {
        let field = |bound: &Option<Bound>| match bound {
            Some(Bound::Field(field)) => Some(field.clone()),
            _ => None,
        };
        let value = |value: &Option<Value>| {
            value.as_ref().filter(|value| value.is_object()).map(|value| serde_json::from_value(value.clone()))
        };
        let (order, bound) = match key {
            "gt" => (Order::More, Ok(field(&operators.gt)?)),
            "gte" => (Order::AtLeast, Ok(field(&operators.gte)?)),
            "lt" => (Order::Less, Ok(field(&operators.lt)?)),
            "lte" => (Order::AtMost, Ok(field(&operators.lte)?)),
            "eq" => (Order::Equal, value(&operators.eq)?),
            "ne" => (Order::Equal, value(&operators.ne)?),
            "between" if operators.between.iter().flatten().any(|bound| matches!(bound, Bound::Field(_))) => {
                let message = "`between` takes two values, and a field is not one";
                report.push(
                    self.scope
                        .document
                        .at(Code::BadCondition, path, message)
                        .hint("write `gte` and `lte`, which compare with a field: `{ gte: { field: NAME } }`"),
                );
                return Some(None);
            }
            _ => return None,
        };
        let Ok(bound): Result<FieldBound, _> = bound else {
            let expected = "a value, or `{ field: NAME }` with `times` and `plus` where needed";
            self.misread(path, &format!("`{key}` cannot be this map"), expected, report);
            return Some(None);
        };
        let comparison = self.comparison(path, order, &bound, report);
        Some(comparison.map(if key == "ne" { Part::Differ } else { Part::Compare }))
    }

    pub(super) fn comparison(
        &self,
        path: &str,
        order: Order,
        bound: &FieldBound,
        report: &mut Report,
    ) -> Option<Comparison> {
        let place = format!("{path}/field");
        let right = column_of(self.scope, (&place, false), &bound.field, report)?;
        let (own, other) = (self.column, &self.scope.columns[right]);
        let family = |kind: ValueType| match kind {
            ValueType::Integer | ValueType::Number | ValueType::Rank => Some(0),
            ValueType::Timestamp => Some(1),
            ValueType::Duration => Some(2),
            _ => None,
        };
        let fits = family(own.kind).is_some() && family(own.kind) == family(other.kind);
        if !fits || right == self.at {
            let message = if fits {
                format!("`{}` is compared with itself", own.name)
            } else {
                let [one, two] =
                    [own, other].map(|column| format!("`{}` is of type `{}`", column.name, column.kind.name()));
                format!("{one} and {two}, which are not compared")
            };
            report.push(
                self.scope
                    .document
                    .at(Code::BadCondition, &place, message)
                    .hint("compare a number with a number, a moment with a moment, or a duration with a duration"),
            );
            return None;
        }
        let before = report.diagnostics.len();
        let mut times = Decimal::ONE;
        if let Some(number) = &bound.times {
            let place = format!("{path}/times");
            match Number::from_json(number) {
                _ if own.kind == ValueType::Timestamp => {
                    self.misread(&place, "a moment is not multiplied", "`plus` with a length of time", report);
                }
                Some(read) => times = read.into(),
                None => self.misread(&place, "`times` cannot be this value", "a number", report),
            }
        }
        let mut plus = Decimal::ZERO;
        if let Some(amount) = &bound.plus {
            let is_number = family(own.kind) == Some(0);
            let (read, expected) = match amount {
                Amount::Number(number) if is_number => (Number::from_json(number), "a number"),
                Amount::Text(text) if !is_number => match read_duration(text) {
                    Ok(length) => (Some(length.into()), ""),
                    Err(expected) => (None, expected),
                },
                _ if is_number => (None, "a number"),
                _ => (None, "a length of time such as `2h 30m`"),
            };
            if let Some(read) = read {
                plus = read.into();
            } else {
                let place = format!("{path}/plus");
                let finding = self.scope.document.at(Code::BadCondition, place, "`plus` cannot be this value");
                let hint = match amount {
                    Amount::Text(text) if is_number => {
                        meant::number(text).map(|number| format!("write it as a number, in figures alone: `{number}`"))
                    }
                    Amount::Text(text) => meant::length(text),
                    Amount::Number(number) if !is_number => meant::length(&number.to_string()),
                    Amount::Number(_) => None,
                };
                report.push(finding.label(format!("expected {expected}")).maybe_hint(hint));
            }
        }
        (report.diagnostics.len() == before).then_some(Comparison { left: self.at, order, right, times, plus })
    }

    /// A test of a moment in the zone that the operators name.
    pub(super) fn wall(&self, path: &str, wall: Wall, operators: &Operators, report: &mut Report) -> Option<Test> {
        if self.column.kind != ValueType::Timestamp {
            self.misfit(path, "only a field of type `timestamp` has a time of day, a weekday and a date", report);
            return None;
        }
        let Some(name) = &operators.zone else { return Some(Test::Wall(wall, Zone::utc())) };
        let zone = Zone::read(name);
        if zone.is_none() {
            let place = format!("{}/zone", path.rsplit_once('/').map_or(path, |(above, _)| above));
            let names = Zone::names();
            // A city alone is half a name.
            let city = |zone: &&String| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
            let near = match names.iter().find(city) {
                Some(zone) => Some(Hint::from(format!("did you mean `{zone}`?")).replacing(name, zone)),
                None => did_you_mean(name, names.iter().map(String::as_str)),
            };
            let finding = self.scope.document.at(Code::BadCondition, place, format!("there is no time zone `{name}`"));
            let hint = "write a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`";
            let finding = finding.hint(near.unwrap_or_else(|| hint.into()));
            // Each operator that reads the zone finds it.
            if !report.diagnostics.iter().any(|other| {
                (&other.path, &other.span, &other.message) == (&finding.path, &finding.span, &finding.message)
            }) {
                report.push(finding);
            }
        }
        zone.map(|zone| Test::Wall(wall, zone))
    }

    /// The dates of a list, as days since 1970, in order.
    pub(super) fn dates(&self, path: &str, dates: &OneOf, report: &mut Report) -> Option<Vec<i64>> {
        let entries = self.listed(path, dates, report)?;
        let mut read = |(place, entry): &(String, String)| {
            let day = read_moment(&format!("{entry}T00:00:00Z")).ok().map(|moment| moment.div_euclid(DAY));
            if day.is_none() {
                self.misread(place, &format!("`{entry}` is not a date"), "a date such as `2026-12-25`", report);
            }
            day
        };
        let days: Vec<Option<i64>> = entries.iter().map(&mut read).collect();
        let mut days: Vec<i64> = days.into_iter().collect::<Option<_>>()?;
        days.sort_unstable();
        days.dedup();
        Some(days)
    }

    pub(super) fn misread(&self, place: &str, message: &str, expected: &str, report: &mut Report) {
        report.push(
            self.scope.document.at(Code::BadCondition, place, message.to_owned()).label(format!("expected {expected}")),
        );
    }
}
