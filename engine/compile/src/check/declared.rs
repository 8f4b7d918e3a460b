//! What is declared of a value, wherever it is declared: that its keys suit its type and go together.

use std::sync::Arc;

use casebook_runtime::{
    model::Column,
    number::Number,
    scenario::parameter::Parameter,
    value::{Argument, Role, ValueType},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{Declared, Document, Entries, PropertySpec},
};
use serde_json::Value;

use super::environment::check_name;
use crate::column;

/// The column of a declaration; what is wrong with it is reported and left out.
pub(super) fn column<R: Role>(
    root: &Document,
    place: &str,
    name: &str,
    declared: &Declared<R>,
    report: &mut Report,
) -> Column {
    check_values(root, place, declared.kind, declared.values.as_deref(), report);
    check_keys(root, place, declared, report);
    let mut column = column_quietly(name, declared);
    column.bounds = bounds(root, place, &column, declared, report);
    if let Some(Entries::Declared(of)) = declared.of.as_ref().filter(|_| column.kind == ValueType::List) {
        column.of = Some(Arc::new(self::column(root, &format!("{place}/of"), name, &of.declared, report)));
    }
    if column.kind == ValueType::Object {
        let given = declared.properties.iter().flatten();
        column.properties = given
            .map(|(key, property)| {
                let place = format!("{place}/properties/{key}");
                check_name(root, &place, key, &[], report);
                part(property, self::column(root, &place, key, &property.declared, report))
            })
            .collect();
    }
    column
}

/// The column of a declaration whose keys are checked elsewhere; its bounds as far as they can be read.
pub(super) fn column_quietly<R: Role>(name: &str, declared: &Declared<R>) -> Column {
    let kind = declared.kind.unwrap_or_default();
    let of = match &declared.of {
        Some(Entries::Declared(of)) => Some(column_quietly(name, &of.declared)),
        Some(Entries::Type(kind)) => Some(Column::new(name, *kind)),
        // A value that is computed may be a list of anything.
        None if R::TYPES.contains(&ValueType::Set) => Some(Column::new(name, ValueType::Text)),
        None => None,
    };
    let properties = declared.properties.iter().flatten();
    let lengths = match (declared.min_length, declared.max_length) {
        (Some(least), Some(most)) if least > most => (None, None),
        lengths => lengths,
    };
    let mut column = Column {
        values: declared.values.clone().unwrap_or_default(),
        of: of.filter(|_| kind == ValueType::List).map(Arc::new),
        properties: properties.map(|(key, property)| part(property, column_quietly(key, &property.declared))).collect(),
        unit: declared.unit.as_deref().map(Arc::from),
        lengths,
        ..Column::new(name, kind)
    };
    let read = |bound: &Option<Value>| column::peek(&column, bound.as_ref()?)?.number();
    column.bounds = (read(&declared.min), read(&declared.max));
    column
}

fn part(property: &PropertySpec, column: Column) -> Column {
    Column { optional: property.optional, description: property.description.as_deref().map(Arc::from), ..column }
}

/// Reads the least and the greatest value; a duration is not negative unless `min` says so.
fn bounds<R: Role>(
    root: &Document,
    place: &str,
    column: &Column,
    declared: &Declared<R>,
    report: &mut Report,
) -> (Option<Number>, Option<Number>) {
    let free = Column { bounds: (None, None), ..column.clone() };
    let mut read = |key: &str, given: Option<&Value>| {
        let given = given.filter(|_| declared.kind.is_some_and(ValueType::is_ordered))?;
        column::read(&free, root, Code::BadDeclaration, &format!("{place}/{key}"), given, report)?.number()
    };
    let (least, most) = (read("min", declared.min.as_ref()), read("max", declared.max.as_ref()));
    let least = least.or((column.kind == ValueType::Duration).then_some(Number::whole(0)));
    if let (Some(min), Some(max)) = (least, most)
        && min > max
    {
        let words = [min, max].map(|bound| column.number_words(bound));
        let key = if declared.min.is_some() { "min" } else { "max" };
        let message = format!("`min` is above `max`: {} > {}", words[0], words[1]);
        report.push(root.at(Code::OutOfBounds, format!("{place}/{key}"), message).hint("swap the two"));
        return (None, None);
    }
    (least, most)
}

/// A key, whether it is there, and the types that may have it.
type Suits = (&'static str, bool, fn(ValueType) -> bool);

/// Checks that every key suits the type.
fn check_keys<R: Role>(root: &Document, place: &str, declared: &Declared<R>, report: &mut Report) {
    let keys: [Suits; 7] = [
        ("properties", declared.properties.is_some(), |kind| kind == ValueType::Object),
        ("unit", declared.unit.is_some(), ValueType::is_number),
        ("of", declared.of.is_some(), |kind| kind == ValueType::List),
        ("min", declared.min.is_some(), ValueType::is_ordered),
        ("max", declared.max.is_some(), ValueType::is_ordered),
        ("min_length", declared.min_length.is_some(), ValueType::has_length),
        ("max_length", declared.max_length.is_some(), ValueType::has_length),
    ];
    for (key, there, suits) in keys {
        if there && !declared.kind.is_some_and(suits) {
            let types: Vec<&str> = R::TYPES.iter().filter(|kind| suits(**kind)).map(|kind| kind.name()).collect();
            report.push(
                root.at_key(
                    Code::BadDeclaration,
                    format!("{place}/{key}"),
                    format!("`{key}` needs a type {}", alternatives(&types)),
                )
                .hint(format!("remove `{key}`")),
            );
        }
    }
    if let (Some(least), Some(most)) = (declared.min_length, declared.max_length)
        && least > most
    {
        let message = format!("`min_length` is above `max_length`: {least} > {most}");
        report.push(root.at(Code::OutOfBounds, format!("{place}/min_length"), message).hint("swap the two"));
    }
}

/// Names of which one is meant, such as "`a`, `b` or `c`".
fn alternatives(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn check_values(
    root: &Document,
    pointer: &str,
    kind: Option<ValueType>,
    values: Option<&[String]>,
    report: &mut Report,
) {
    let has_values = kind.is_some_and(ValueType::has_values);
    match values {
        None if has_values => {
            let kind = kind.unwrap_or_default().name();
            report.push(
                root.at(Code::MissingKey, pointer, format!("`type: {kind}` needs `values`"))
                    .hint("add `values: [...]`"),
            );
        }
        Some(_) if !has_values => {
            report.push(
                root.at_key(Code::BadDeclaration, format!("{pointer}/values"), "`values` needs `type: enum`")
                    .hint("remove `values`, or set `type: enum`"),
            );
        }
        Some(values) => {
            for (at, value) in values.iter().enumerate() {
                if values[..at].contains(value) {
                    report.push(
                        root.at(
                            Code::DuplicateName,
                            format!("{pointer}/values/{at}"),
                            format!("the value `{value}` appears twice"),
                        )
                        .hint("remove one of the two"),
                    );
                }
            }
        }
        None => {}
    }
}

/// What is declared of a value in addition to its type.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) required: bool,
    pub(super) default: Option<&'a Value>,
    pub(super) description: Option<&'a str>,
}

/// Compiles a value that is given; one without a type only has its keys checked.
pub(super) fn parameter(
    root: &Document,
    place: &str,
    (name, declared, given): (&str, &Declared<Argument>, Given<'_>),
    report: &mut Report,
) -> Option<Parameter> {
    let before = report.errors();
    let column = column(root, place, name, declared, report);
    declared.kind?;
    if given.required && given.default.is_some() {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{place}/default"), "what is required needs no default")
                .hint("remove `default`, or `required: true`"),
        );
    }
    if let Some(default) = given.default.filter(|_| report.errors() == before) {
        check_default(root, place, &column, default, report);
    }
    (report.errors() == before).then(|| with(column, given))
}

/// The same without a check; none without a type.
pub(super) fn parameter_quietly(name: &str, declared: &Declared<Argument>, given: Given<'_>) -> Option<Parameter> {
    declared.kind?;
    Some(with(column_quietly(name, declared), given))
}

fn with(column: Column, given: Given<'_>) -> Parameter {
    Parameter {
        column,
        required: given.required,
        default: given.default.cloned(),
        description: given.description.map(str::to_owned),
    }
}

/// Checks that a default is a value of its column; gives it as it counts.
pub(super) fn check_default(
    root: &Document,
    place: &str,
    column: &Column,
    default: &Value,
    report: &mut Report,
) -> Option<Value> {
    match column.fit(default.clone()) {
        Ok(value) => Some(value),
        Err(expected) => {
            let message = format!("the default of `{}` does not fit it", column.name);
            report.push(
                root.at(Code::BadValue, format!("{place}/default"), message)
                    .label(format!("expected {expected}"))
                    .hint("change it, or remove it"),
            );
            None
        }
    }
}
