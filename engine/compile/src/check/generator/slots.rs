//! How values are drawn.

use std::sync::Arc;

use casebook_runtime::{
    expression::shown,
    model::{Column, parse_duration, read_duration, read_moment},
    names::list,
    scenario::generator::{
        Cell, Choice, Hours, Pool, PoolSource, Slot, SlotList, Subset, Unit, Way, attributes,
        distribution::{Grid, MAX_TABLE, Spread, Weights, parts},
    },
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document},
};
use indexmap::IndexMap;
use serde_json::Value;

use super::{
    Builder,
    reading::names_of_expression,
    samples::{TRIED, combined},
};

/// The maximum number of decimal places.
const MAX_PLACES: u32 = 9;
/// The maximum number of values of a choice; more are texts.
const MAX_VALUES: usize = 256;
/// The ways to draw a value.
const WAYS: [&str; 9] = ["pick", "number", "integer", "boolean", "time", "duration", "from", "compute", "repeat"];

impl Builder<'_, '_> {
    /// Compiles slots that stand at a pointer, in order; each may read those above it.
    pub(super) fn slots(
        &mut self,
        at: &str,
        specs: &IndexMap<&str, &spec::Slot>,
        pools: &[Pool],
        report: &mut Report,
    ) -> SlotList {
        let outer = std::mem::take(&mut self.columns);
        let own = self.samples.len();
        let mut slots = Vec::with_capacity(specs.len());
        for (name, spec) in specs {
            let pointer = if at == "/slots" { self.place(&format!("{at}/{name}")) } else { format!("{at}/{name}") };
            self.check_name(&pointer, name, report);
            let known = self.columns.len();
            let when = match &spec.when {
                None => Some(None),
                Some(when) => self.condition(&format!("{pointer}/when"), when, known, report).map(Some),
            };
            let made = self.way(&pointer, name, spec, pools, report);
            if let (Some((way, mut columns)), Some(when)) = (made, when) {
                let otherwise = Arc::new(self.otherwise(&pointer, spec, &mut columns, report));
                self.columns.extend(columns);
                let mut values = self.sample(&way, pools);
                values.extend(spec.otherwise.clone());
                self.samples.push(((*name).to_owned(), values));
                slots.push(Slot { way, when, otherwise, columns: known..self.columns.len() });
            } else {
                // What reads it is not reported as well.
                self.columns.push(column(name, ValueType::Text, Vec::new()));
                let nothing = Way::Pick(Vec::new());
                let columns = known..self.columns.len();
                slots.push(Slot { way: nothing, when: None, otherwise: Arc::new(Cell::null(1)), columns });
            }
        }
        let names: Vec<String> = specs.keys().map(|name| (*name).to_owned()).collect();
        self.sampled = (0..TRIED).map(|number| Value::Object(combined(&self.samples[own..], number))).collect();
        self.samples.truncate(own);
        SlotList { slots, names: names.into(), columns: std::mem::replace(&mut self.columns, outer) }
    }

    fn way(
        &mut self,
        pointer: &str,
        name: &str,
        spec: &spec::Slot,
        pools: &[Pool],
        report: &mut Report,
    ) -> Option<(Way, Vec<Column>)> {
        self.check_one_way(pointer, spec, report)?;
        let document = self.document;
        let scalar = |kind| vec![column(name, kind, Vec::new())];
        if let Some(choices) = &spec.pick {
            let pointer = format!("{pointer}/pick");
            let replaced = self.replaced_values(&pointer, name);
            let (way, mut columns) = pick(document, &pointer, name, (choices, &replaced), report)?;
            self.check_filled(&pointer, name, choices, &mut columns, report);
            return Some((way, columns));
        }
        if let Some(number) = &spec.number {
            let (grid, places) = decimal(document, &format!("{pointer}/number"), number, report)?;
            return Some((Way::Number(grid, Unit::Decimal(places)), scalar(ValueType::Number)));
        }
        if let Some(number) = &spec.integer {
            let grid = integer(document, &format!("{pointer}/integer"), number, report)?;
            return Some((Way::Number(grid, Unit::Integer), scalar(ValueType::Integer)));
        }
        if let Some(share) = spec.boolean {
            return Some((Way::Boolean(super::millionths(share)), scalar(ValueType::Boolean)));
        }
        if let Some(time) = &spec.time {
            let way = moment(document, &format!("{pointer}/time"), time, report)?;
            return Some((way, scalar(ValueType::Timestamp)));
        }
        if let Some(length) = &spec.duration {
            let grid = duration(document, &format!("{pointer}/duration"), length, report)?;
            return Some((Way::Number(grid, Unit::Duration), scalar(ValueType::Duration)));
        }
        if let Some(pool) = &spec.from {
            let Some(at) = pools.iter().position(|known| known.name == *pool) else {
                let known = pools.iter().map(|pool| pool.name.as_str());
                report.push(
                    document
                        .at(Code::UnknownName, format!("{pointer}/from"), format!("the generator has no pool `{pool}`"))
                        .maybe_hint(suggest(pool, known)),
                );
                return None;
            };
            return Some((Way::Pool(at), pool_columns(name, &pools[at])));
        }
        if let Some(text) = &spec.compute {
            let path = format!("{pointer}/compute");
            let template = format!("compute:{path}");
            let source = format!("{{% set value = ({text}) %}}");
            let added = self.engine.compile_expression_owned(text.clone()).map(|_| ());
            if let Err(error) = added.and_then(|()| self.engine.add_template_owned(template.clone(), source)) {
                report.push(super::super::template::broken(document, &path, &format!("{{{{ {text} }}}}"), &error));
                return None;
            }
            if !self.reads_above(&path, name, text, report) {
                return None;
            }
            report.extend(self.misread_entries(&path, text));
            if let Some(found) = self.compared(&path, text) {
                report.push(found);
                return None;
            }
            let columns = self.computed_columns(name, &template);
            return Some((Way::Compute(template), columns));
        }
        let repeat = spec.repeat.as_ref()?;
        let grid = count(document, &format!("{pointer}/repeat"), repeat, report)?;
        if spec.of.is_empty() {
            report.push(
                document
                    .at_key(Code::MissingKey, format!("{pointer}/repeat"), "`repeat` does not say what it repeats")
                    .hint("add `of:` with slots of its own"),
            );
            return None;
        }
        let inner: IndexMap<&str, &spec::Slot> = spec.of.iter().map(|(name, slot)| (name.as_str(), slot)).collect();
        let list = self.slots(&format!("{pointer}/of"), &inner, pools, report);
        Some((Way::Repeat(grid, list), scalar(ValueType::List)))
    }

    /// The values of the slot that a level replaces: what all levels share may still ask for them.
    fn replaced_values(&self, pointer: &str, name: &str) -> Vec<Value> {
        let is_replacing = self.level.is_some_and(|(level, _)| pointer == format!("/levels/{level}/slots/{name}/pick"));
        let choices = self.spec.slots.get(name).and_then(|slot| slot.pick.as_ref()).filter(|_| is_replacing);
        choices.into_iter().flat_map(spec::Choices::weighted).map(|(value, _)| value).filter(Value::is_string).collect()
    }

    /// Checks that an expression of a slot reads slots above it; returns whether it does.
    fn reads_above(&self, path: &str, name: &str, text: &str, report: &mut Report) -> bool {
        let specs = self.slot_specs();
        // Slots of entries and pools see others.
        let Some(own) = specs.get_index_of(name).filter(|_| !path.contains("/of/") && !path.starts_with("/pools/"))
        else {
            return true;
        };
        let mut names: Vec<String> = names_of_expression(text);
        names.sort_unstable();
        for name_read in &names {
            let read = name_read.split('.').next().unwrap_or(name_read);
            let finding = |message: String| self.document.at(Code::BadTemplate, path, message);
            match specs.get_index_of(read) {
                Some(at) if at < own => continue,
                Some(_) => report.push(
                    finding(format!("the expression reads the slot `{read}`, which is drawn after this one"))
                        .hint(format!("move `{read}` above `{name}`")),
                ),
                None if super::GLOBALS.contains(&read) => continue,
                None if self.is_data(read) => match self.misread_part(name_read) {
                    None => continue,
                    Some((part, known)) => report.push(
                        finding(format!("the expression reads `{name_read}`, which does not exist"))
                            .maybe_hint(suggest(&part, known.iter().map(String::as_str))),
                    ),
                },
                None => report.push(
                    finding(format!("the expression reads `{read}`, which is not a slot"))
                        .maybe_hint(suggest(read, specs.keys().copied().take(own))),
                ),
            }
            return false;
        }
        true
    }

    /// Checks the values of a slot that fills an `enum` field. Where one is not a value of the field, what reads the slot is
    /// not reported as well.
    fn check_filled(
        &self,
        pointer: &str,
        name: &str,
        choices: &spec::Choices,
        columns: &mut [Column],
        report: &mut Report,
    ) {
        let fills = |column: &&Column| self.spec.fields.get(&column.name).and_then(super::plain_source) == Some(name);
        let is_top = ["/slots/", "/levels/"].iter().any(|part| pointer.starts_with(part)) && !pointer.contains("/of/");
        let mut filled = self.parts.fields.iter().filter(|column| column.kind == ValueType::Enum && is_top);
        let ([column], Some(field)) = (columns, filled.find(fills)) else { return };
        let is_value = |text: &str| field.values.iter().any(|known| known == text);
        let mut sound = true;
        for (at, (value, _)) in choices.weighted().iter().enumerate().filter(|(_, (_, weight))| parts(*weight) > 0) {
            let Some(text) = value.as_str().filter(|text| !is_value(text)) else { continue };
            sound = false;
            let message = format!("`{text}` is not a value of the field `{}`, which this slot fills", field.name);
            let finding = match choices {
                spec::Choices::Weights(_) => {
                    let key = text.replace('~', "~0").replace('/', "~1");
                    self.document.at_key(Code::BadValue, format!("{pointer}/{key}"), message)
                }
                spec::Choices::List(_) => self.document.at(Code::BadValue, format!("{pointer}/{at}"), message),
            };
            report.push(finding.maybe_hint(suggest(text, field.values.iter().map(String::as_str))));
        }
        if !sound {
            let more: Vec<String> =
                field.values.iter().filter(|value| !column.values.contains(value)).cloned().collect();
            column.values.extend(more);
        }
    }

    /// What a slot is where its condition does not hold; one more value of those that it can have.
    fn otherwise(&self, pointer: &str, spec: &spec::Slot, columns: &mut [Column], report: &mut Report) -> Cell {
        let Some(value) = &spec.otherwise else { return Cell::null(columns.len()) };
        let pointer = format!("{pointer}/else");
        if spec.when.is_none() {
            let finding = self.document.at_key(Code::BadDeclaration, &pointer, "`else` is only valid with `when`");
            report.push(finding.hint("add `when:`, or remove the line"));
        }
        if let ([column], Some(text)) = (&mut *columns, value.as_str())
            && column.kind == ValueType::Enum
            && !column.values.iter().any(|known| known == text)
        {
            column.values.push(text.to_owned());
        }
        let cell = Cell::new(value.clone(), columns);
        let fits = columns.iter().zip(&cell.data).all(|(_, datum)| datum.is_some());
        if !fits {
            let message = format!("`{}` is not a value of this slot", shown(value));
            let kinds: Vec<&str> = columns.iter().map(|column| column.kind.expected()).collect();
            let finding = self.document.at(Code::BadValue, &pointer, message);
            report.push(match kinds.as_slice() {
                [kind] => finding.label(format!("expected {kind}")),
                _ => finding.hint("write a map with the keys that the others have"),
            });
        }
        cell
    }

    /// Checks that a slot says once how it is drawn.
    fn check_one_way(&self, pointer: &str, spec: &spec::Slot, report: &mut Report) -> Option<()> {
        let there = [
            spec.pick.is_some(),
            spec.number.is_some(),
            spec.integer.is_some(),
            spec.boolean.is_some(),
            spec.time.is_some(),
            spec.duration.is_some(),
            spec.from.is_some(),
            spec.compute.is_some(),
            spec.repeat.is_some(),
        ];
        let ways: Vec<&str> = WAYS.into_iter().zip(there).filter(|(_, there)| *there).map(|(way, _)| way).collect();
        match ways.as_slice() {
            [way] if *way != "repeat" && !spec.of.is_empty() => {
                report.push(
                    self.document
                        .at_key(Code::BadDeclaration, format!("{pointer}/of"), "`of` is only valid with `repeat`")
                        .hint("remove it, or add `repeat:`"),
                );
                None
            }
            [_] => Some(()),
            [] => {
                let all = list(&WAYS).unwrap_or_default();
                report.push(
                    self.document
                        .at_key(Code::MissingKey, pointer, "the slot does not say how its value is drawn")
                        .hint(format!("add one of {all}")),
                );
                None
            }
            [first, second, ..] => {
                report.push(
                    self.document
                        .at_key(
                            Code::BadDeclaration,
                            format!("{pointer}/{second}"),
                            format!("`{first}` and `{second}` are mutually exclusive"),
                        )
                        .hint("remove one of the two"),
                );
                None
            }
        }
    }
}

/// A column that conditions of a generator read.
pub(super) fn column(name: &str, kind: ValueType, values: Vec<String>) -> Column {
    let of = (kind == ValueType::List).then(|| Arc::new(Column::new(name, ValueType::Text)));
    Column { values, of, optional: true, ..Column::new(name, kind) }
}

/// The columns of values: of each one, or of the parts of maps.
pub(super) fn columns_of(name: &str, values: &[&Value], closed: bool) -> Vec<Column> {
    let mut names: Vec<(String, Option<String>)> = Vec::new();
    for one in values.iter().flat_map(|value| attributes(name, value)) {
        if !names.contains(&one) {
            names.push(one);
        }
    }
    let of = |(name, key): (String, Option<String>)| {
        let parts: Vec<&Value> = values
            .iter()
            .filter_map(|value| match &key {
                Some(key) => value.get(key),
                None => Some(*value).filter(|value| !value.is_object()),
            })
            .filter(|value| !value.is_null())
            .collect();
        let all = |fits: fn(&Value) -> bool| parts.iter().all(|value| fits(value));
        let kind = if parts.is_empty() {
            ValueType::Text
        } else if all(Value::is_boolean) {
            ValueType::Boolean
        } else if all(|value| value.is_i64() || value.is_u64()) {
            ValueType::Integer
        } else if all(Value::is_number) {
            ValueType::Number
        } else if all(Value::is_array) {
            ValueType::List
        } else {
            ValueType::Text
        };
        let mut texts: Vec<String> = parts.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
        texts.sort();
        texts.dedup();
        let choice =
            closed && kind == ValueType::Text && all(Value::is_string) && (1..=MAX_VALUES).contains(&texts.len());
        if choice { column(&name, ValueType::Enum, texts) } else { column(&name, kind, Vec::new()) }
    };
    names.into_iter().map(of).collect()
}

fn pool_columns(name: &str, pool: &Pool) -> Vec<Column> {
    match &pool.source {
        PoolSource::Entries(entries, _) => {
            let values: Vec<&Value> = entries.iter().map(|entry| &entry.cell.json).collect();
            columns_of(name, &values, false)
        }
        PoolSource::Made(_, slots) => {
            let renamed = |one: &Column| Column { name: format!("{name}.{}", one.name), ..one.clone() };
            slots.columns.iter().map(renamed).collect()
        }
    }
}

/// Values to choose from, with their columns.
fn pick(
    document: &Document,
    pointer: &str,
    name: &str,
    (choices, others): (&spec::Choices, &[Value]),
    report: &mut Report,
) -> Option<(Way, Vec<Column>)> {
    let weighted = choices.weighted();
    if let Some(pairs) = choices.pairs() {
        let message = "values with weights are a map, and this is a list of maps";
        report.push(document.at(Code::BadValue, pointer, message).hint(format!("write `pick: {{ {pairs} }}`")));
        return None;
    }
    if weighted.iter().all(|(_, weight)| parts(*weight) == 0) {
        report.push(
            document
                .at(Code::BadValue, pointer, "no value has a weight, so none can be picked")
                .hint("give at least one value a weight above 0"),
        );
        return None;
    }
    for (at, (value, _)) in weighted.iter().enumerate() {
        if weighted[..at].iter().any(|(other, _)| other == value) {
            report.push(
                document
                    .at(Code::DuplicateName, format!("{pointer}/{at}"), format!("the value `{value}` appears twice"))
                    .hint("give it a weight instead: `{ value: ..., weight: 2 }`"),
            );
            return None;
        }
    }
    let own: Vec<&Value> = weighted.iter().map(|(value, _)| value).collect();
    let others = others.iter().filter(|_| own.iter().all(|value| value.is_string()));
    let values: Vec<&Value> = own.iter().copied().chain(others).collect();
    let columns = columns_of(name, &values, true);
    let choices = weighted.into_iter().map(|(value, weight)| Choice {
        cell: Arc::new(Cell::new(value, &columns)),
        weight: parts(weight),
        subset: Subset::All,
    });
    Some((Way::Pick(choices.collect()), columns))
}

/// A count of items, entries or texts.
pub(super) fn count(document: &Document, pointer: &str, count: &spec::Count, report: &mut Report) -> Option<Grid> {
    match count {
        spec::Count::Fixed(number) => {
            Some(Grid { first: i64::from(*number), step: 1, count: 1, spread: Spread::Uniform })
        }
        spec::Count::Drawn(range) if range.from < 0 || range.to > 10_000 => {
            report.push(
                document
                    .at(Code::BadValue, pointer, "a count must be between 0 and 10,000")
                    .hint("write a range such as `{ from: 1, to: 6 }`"),
            );
            None
        }
        spec::Count::Drawn(range) => integer(document, pointer, range, report),
    }
}

fn integer(document: &Document, pointer: &str, spec: &spec::IntegerDraw, report: &mut Report) -> Option<Grid> {
    let ends = (i128::from(spec.from), i128::from(spec.to));
    if spec.mean.is_some() != (spec.like == spec::Like::Poisson) {
        let (at, message, hint) = if spec.mean.is_some() {
            (format!("{pointer}/mean"), "`mean` is only valid with `like: poisson`", "remove it")
        } else {
            (format!("{pointer}/like"), "`poisson` needs a `mean`", "add `mean:`")
        };
        report.push(document.at_key(Code::BadDeclaration, at, message).hint(hint));
        return None;
    }
    grid(document, pointer, ends, i128::from(spec.step.unwrap_or(1)), (spec.like, spec.mean), report)
}

fn decimal(document: &Document, pointer: &str, spec: &spec::NumberDraw, report: &mut Report) -> Option<(Grid, u32)> {
    let places = [spec.from, spec.to, spec.step].into_iter().map(places).max().unwrap_or_default();
    if places > MAX_PLACES || [spec.from, spec.to, spec.step].iter().any(|number| number.abs() > 1e15) {
        report.push(
            document
                .at(Code::BadValue, pointer, format!("numbers have at most {MAX_PLACES} decimal places and 15 figures"))
                .hint("round `from`, `to` and `step`"),
        );
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "numbers were checked to be small")]
    let scaled = |number: f64| (number * 10_f64.powi(i32::try_from(places).unwrap_or(0))).round() as i128;
    let step = scaled(spec.step);
    let made = grid(document, pointer, (scaled(spec.from), scaled(spec.to)), step, (spec.like, None), report);
    made.map(|grid| (grid, places))
}

/// The decimal places of a number as it is written.
fn places(number: f64) -> u32 {
    let text = number.to_string();
    text.split_once('.').map_or(0, |(_, places)| u32::try_from(places.len()).unwrap_or(u32::MAX))
}

fn duration(document: &Document, pointer: &str, spec: &spec::DurationDraw, report: &mut Report) -> Option<Grid> {
    let mut length = |key: &str, text: &str| read_length(document, &format!("{pointer}/{key}"), text, report);
    let (from, to) = (length("from", &spec.from), length("to", &spec.to));
    let step = length("step", spec.step.as_deref().unwrap_or("1m"));
    grid(document, pointer, (from?.into(), to?.into()), step?.into(), (spec.like, None), report)
}

fn read_length(document: &Document, pointer: &str, text: &str, report: &mut Report) -> Option<i64> {
    match read_duration(text) {
        Ok(length) => Some(length),
        Err(expected) => {
            let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<u32>().ok());
            let hint = days.map_or_else(
                || "write a length such as `72h`".to_owned(),
                |days| format!("write `{}h`", u64::from(days) * 24),
            );
            report.push(
                document
                    .at(Code::BadValue, pointer, format!("`{text}` is not a length of time"))
                    .label(format!("expected {expected}"))
                    .hint(hint),
            );
            None
        }
    }
}

fn moment(document: &Document, pointer: &str, spec: &spec::TimeDraw, report: &mut Report) -> Option<Way> {
    let before = report.errors();
    let relative = spec.from.is_none() && spec.to.is_none();
    for (key, there) in [("within", spec.within.is_some()), ("ahead", spec.ahead.is_some())] {
        if there && !relative {
            report.push(
                document
                    .at_key(
                        Code::BadDeclaration,
                        format!("{pointer}/{key}"),
                        format!("`{key}` counts from the clock, and `from` and `to` do not"),
                    )
                    .hint("write `from` and `to`, or `within` and `ahead`"),
            );
        }
    }
    if relative && spec.within.is_none() && spec.ahead.is_none()
        || !relative && spec.from.is_none() != spec.to.is_none()
    {
        report.push(
            document
                .at(Code::MissingKey, pointer, "the time does not say when it is")
                .hint("write `within: 72h` for moments before the task's clock, or `from` and `to`"),
        );
    }
    let length = |key: &str, text: &Option<String>, report: &mut Report| match text {
        None => Some(0),
        Some(text) => read_length(document, &format!("{pointer}/{key}"), text, report),
    };
    let at = |key: &str, text: &Option<String>, report: &mut Report| match text {
        None => Some(0),
        Some(text) => match read_moment(text) {
            Ok(moment) => Some(moment),
            Err(expected) => {
                report.push(
                    document
                        .at(Code::BadValue, format!("{pointer}/{key}"), format!("`{text}` is not a moment"))
                        .label(format!("expected {expected}")),
                );
                None
            }
        },
    };
    let (first, last) = if relative {
        (length("within", &spec.within, report).map(|length| -length), length("ahead", &spec.ahead, report))
    } else {
        (at("from", &spec.from, report), at("to", &spec.to, report))
    };
    let step = match &spec.step {
        None => parse_duration("1m"),
        Some(text) => read_length(document, &format!("{pointer}/step"), text, report),
    };
    let hours = match spec.hours.as_deref() {
        None => None,
        Some("business") => Some(Hours { from: 8 * 60, until: 18 * 60, weekdays: true }),
        Some(text) => {
            let made = hours(text);
            if made.is_none() {
                report.push(
                    document
                        .at(Code::BadValue, format!("{pointer}/hours"), format!("`{text}` are not hours of a day"))
                        .hint("write `business`, or a range such as `08:00..18:00`"),
                );
            }
            made
        }
    };
    let grid =
        grid(document, pointer, (first?.into(), last?.into()), step?.into(), (spec::Like::Uniform, None), report)?;
    (report.errors() == before).then_some(Way::Moment { grid, relative, hours })
}

fn hours(text: &str) -> Option<Hours> {
    let minutes = |text: &str| {
        let (hours, minutes) = text.trim().split_once(':')?;
        let (hours, minutes) = (hours.parse::<i64>().ok()?, minutes.parse::<i64>().ok()?);
        ((0..=24).contains(&hours) && (0..60).contains(&minutes)).then_some(hours * 60 + minutes)
    };
    let (from, until) = text.split_once("..")?;
    let hours = Hours { from: minutes(from)?, until: minutes(until)?, weekdays: false };
    (hours.from < hours.until && hours.until <= 24 * 60).then_some(hours)
}

/// Equally spaced numbers between two ends.
fn grid(
    document: &Document,
    pointer: &str,
    (from, to): (i128, i128),
    step: i128,
    (like, mean): (spec::Like, Option<f64>),
    report: &mut Report,
) -> Option<Grid> {
    let mut refuse = |key: &str, message: String, hint: &str| {
        report.push(document.at(Code::BadValue, format!("{pointer}/{key}"), message).hint(hint));
        None
    };
    if from > to {
        return refuse("to", "`to` is below `from`".to_owned(), "swap the two");
    }
    if step <= 0 {
        return refuse("step", "a step is greater than 0".to_owned(), "write the distance between two neighbours");
    }
    let count = u64::try_from((to - from) / step + 1).ok()?;
    let table = matches!(like, spec::Like::Zipf | spec::Like::Poisson);
    if table && count > MAX_TABLE {
        return refuse("like", format!("`zipf` and `poisson` have at most {MAX_TABLE} values"), "use a larger `step`");
    }
    let spread = match like {
        spec::Like::Uniform => Spread::Uniform,
        spec::Like::LogNormal if from <= 0 => {
            return refuse("from", "`log_normal` needs a `from` above 0".to_owned(), "raise it, or use `uniform`");
        }
        #[expect(clippy::cast_precision_loss, reason = "ends are small")]
        spec::Like::LogNormal => Spread::LogNormal(doublings(to as f64 / from as f64)),
        spec::Like::Zipf => Spread::Table(Weights::zipf(count)),
        spec::Like::Poisson if mean.is_none() => {
            return refuse("like", "`poisson` draws whole numbers".to_owned(), "write `integer:` with a `mean`");
        }
        spec::Like::Poisson => {
            let (Some(mean), Ok(from)) = (mean.filter(|mean| *mean > 0.0 && *mean <= 1e5), u64::try_from(from)) else {
                return refuse("mean", "`poisson` has counts from 0 and a `mean` above 0".to_owned(), "correct them");
            };
            Spread::Table(Weights::poisson(mean, from, u64::try_from(step).ok()?, count))
        }
    };
    Some(Grid { first: i64::try_from(from).ok()?, step: i64::try_from(step).ok()?, count, spread })
}

/// How often a number doubles from 1.
fn doublings(ratio: f64) -> f64 {
    casebook_runtime::scenario::generator::distribution::log2(ratio)
}
