//! Filters of templates and expressions besides those of the template engine.

use minijinja::{
    Environment, Error, ErrorKind, State,
    value::{Rest, Value},
};

use crate::model::{format_moment, read_duration, read_moment};

/// Adds them to an engine.
pub(super) fn add(engine: &mut Environment<'static>) {
    engine.add_filter("default", default);
    engine.add_filter("d", default);
    engine.add_filter("each", each);
    engine.add_filter("fixed", fixed);
    engine.add_filter("thousands", thousands);
    engine.add_filter("date", date);
    engine.add_filter("hours", hours);
    engine.add_filter("days_until", days_until);
    engine.add_filter("sentence", sentence);
    engine.add_filter("listed", listed);
}

fn wrong(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn number(value: &Value, filter: &str) -> Result<f64, Error> {
    let number = f64::try_from(value.clone()).ok().filter(|number| number.is_finite());
    number.ok_or_else(|| wrong(format!("`{filter}` takes a number, not `{value}`")))
}

/// `{{ 12.5 | fixed }}` is 12.50.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn fixed(value: Value, places: Option<u32>) -> Result<String, Error> {
    let places = places.unwrap_or(2).min(12) as usize;
    Ok(format!("{:.places$}", number(&value, "fixed")?))
}

/// `{{ 12500.5 | thousands }}` is 12,500.50; the sign between thousands and the places can be given.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn thousands(value: Value, places: Option<u32>, sign: Option<String>) -> Result<String, Error> {
    let number = number(&value, "thousands")?;
    let whole = number.fract() == 0.0;
    let places = places.unwrap_or(if whole { 0 } else { 2 }).min(12) as usize;
    let sign = sign.unwrap_or_else(|| ",".to_owned());
    let plain = format!("{:.places$}", number.abs());
    let (figures, rest) = plain.split_once('.').map_or((plain.as_str(), None), |(figures, rest)| (figures, Some(rest)));
    let mut text = String::from(if number < 0.0 { "-" } else { "" });
    for (at, figure) in figures.chars().enumerate() {
        if at > 0 && (figures.len() - at) % 3 == 0 {
            text.push_str(&sign);
        }
        text.push(figure);
    }
    if let Some(rest) = rest {
        text.push(if sign == "." { ',' } else { '.' });
        text.push_str(rest);
    }
    Ok(text)
}

/// `{{ sent | date("%-d %B %Y") }}` is 5 January 2026, in UTC.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn date(value: Value, format: Option<&str>) -> Result<String, Error> {
    let moment = value.as_str().and_then(|text| read_moment(text).ok());
    let moment = moment.ok_or_else(|| wrong(format!("`date` takes a moment, not `{value}`")))?;
    let format = format.unwrap_or("%-d %B %Y");
    format_moment(moment, format).ok_or_else(|| wrong(format!("`{format}` is not a format of `date`")))
}

/// `{{ age | hours }}` is the length of time in hours, rounded down.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn hours(value: Value) -> Result<i64, Error> {
    let length = value.as_str().and_then(|text| read_duration(text).ok());
    length
        .map(|length| length / 3_600_000)
        .ok_or_else(|| wrong(format!("`hours` takes a length of time, not `{value}`")))
}

/// `{{ bought | days_until(sent) }}` is the number of whole days between two moments.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn days_until(value: Value, end: Value) -> Result<i64, Error> {
    let moment = |value: &Value| {
        let moment = value.as_str().and_then(|text| read_moment(text).ok());
        moment.ok_or_else(|| wrong(format!("`days_until` takes moments, not `{value}`")))
    };
    Ok((moment(&end)? - moment(&value)?) / 86_400_000)
}

/// `{{ phrase.item | sentence }}` begins with a capital letter; the rest stays as it is.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn sentence(value: Value) -> String {
    let text = value.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// `{{ ["a", "b", "c"] | listed }}` is "a, b and c"; another word than "and" can be given.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn listed(value: Value, word: Option<String>) -> Result<String, Error> {
    let all: Vec<String> = value.try_iter()?.map(|one| one.to_string()).collect();
    let word = word.unwrap_or_else(|| "and".to_owned());
    Ok(match all.as_slice() {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} {word} {last}", first.join(", ")),
    })
}

/// The filter `default`, which takes null for absent as well: what an item lacks and what an action does not give is null.
#[expect(clippy::needless_pass_by_value, reason = "the engine of templates hands filters their arguments")]
fn default(value: &Value, arguments: Rest<Value>) -> Result<Value, Error> {
    if arguments.len() > 2 {
        return Err(Error::from(ErrorKind::TooManyArguments));
    }
    let lax = arguments.get(1).is_some_and(Value::is_true);
    if value.is_undefined() || value.is_none() || lax && !value.is_true() {
        return Ok(arguments.first().cloned().unwrap_or_else(|| Value::from("")));
    }
    Ok(value.clone())
}

/// The filter `each`: an expression over the keys of each entry of a list, such as `lines | each('qty * price') | sum`.
fn each(state: &State<'_, '_>, list: &Value, expression: &str) -> Result<Value, Error> {
    let expression = state.env().compile_expression_owned(expression.to_owned())?;
    list.try_iter()?.map(|entry| expression.eval(entry)).collect::<Result<Vec<_>, _>>().map(Value::from)
}
