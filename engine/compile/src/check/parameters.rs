//! Named values with a type: that their bounds and defaults fit it.

use casebook_runtime::{
    number::Number,
    scenario::parameter::Parameter,
    settings::{EntryType, ValueType},
};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec::{self, ActionProperty, Document, ToolArgument},
};
use serde_json::Value;

use super::environment::check_values;

/// What is declared of a value, wherever it stands.
pub(super) struct Declared<'a> {
    pub(super) kind: Option<ValueType>,
    pub(super) values: Option<&'a [String]>,
    pub(super) of: Option<EntryType>,
    pub(super) bounds: (Option<Number>, Option<Number>),
    pub(super) lengths: (Option<u32>, Option<u32>),
    pub(super) required: bool,
    pub(super) default: Option<&'a Value>,
    pub(super) description: Option<&'a str>,
}

macro_rules! declared {
    ($($type:ty, $kind:expr;)+) => {
        $(impl<'a> From<&'a $type> for Declared<'a> {
            fn from(spec: &'a $type) -> Self {
                Self {
                    kind: $kind(spec),
                    values: spec.values.as_deref(),
                    of: spec.of,
                    bounds: (spec.min, spec.max),
                    lengths: (spec.min_length, spec.max_length),
                    required: spec.required,
                    default: spec.default.as_ref(),
                    description: spec.description.as_deref(),
                }
            }
        })+
    };
}

declared! {
    spec::Parameter, |spec: &spec::Parameter| Some(spec.kind);
    ToolArgument, |spec: &ToolArgument| spec.kind;
    ActionProperty, |spec: &ActionProperty| spec.kind;
}

/// Compiles a value; one without a type only has its keys checked.
pub(super) fn compile(
    root: &Document,
    place: &str,
    name: &str,
    declared: &Declared<'_>,
    report: &mut Report,
) -> Option<Parameter> {
    let before = report.errors();
    check_values(root, place, declared.kind == Some(ValueType::Enum), declared.values, report);
    check_keys(root, place, declared, report);
    let parameter = compile_quietly(name, declared)?;
    if declared.required && declared.default.is_some() {
        report.push(
            root.at_key(Code::BadDeclaration, format!("{place}/default"), "what is required needs no default")
                .hint("remove `default`, or `required: true`"),
        );
    }
    if let Some(default) = declared.default.filter(|_| report.errors() == before) {
        let schema = Parameter { default: None, required: true, ..parameter.clone() }.schema();
        let fits = spec::fits(&schema, default);
        if !fits {
            report.push(
                root.at(Code::BadValue, format!("{place}/default"), format!("the default of `{name}` does not fit it"))
                    .label(format!("expected a value of the type `{}`, within its bounds", parameter.kind.name()))
                    .hint("fix it, or remove it"),
            );
        }
    }
    (report.errors() == before).then_some(parameter)
}

/// Compiles a value whose keys were checked elsewhere; none without a type.
pub(super) fn compile_quietly(name: &str, declared: &Declared<'_>) -> Option<Parameter> {
    Some(Parameter {
        name: name.to_owned(),
        kind: declared.kind?,
        values: declared.values.unwrap_or_default().to_vec(),
        of: declared.of.unwrap_or_default(),
        bounds: declared.bounds,
        lengths: declared.lengths,
        required: declared.required,
        default: declared.default.cloned(),
        description: declared.description.map(str::to_owned),
    })
}

/// Checks that every key suits the type.
fn check_keys(root: &Document, place: &str, declared: &Declared<'_>, report: &mut Report) {
    let number = matches!(declared.kind, Some(ValueType::Integer | ValueType::Number));
    let long = matches!(declared.kind, Some(ValueType::Text | ValueType::List));
    let keys = [
        ("min", declared.bounds.0.is_some(), number, "`integer` or `number`"),
        ("max", declared.bounds.1.is_some(), number, "`integer` or `number`"),
        ("min_length", declared.lengths.0.is_some(), long, "`text` or `list`"),
        ("max_length", declared.lengths.1.is_some(), long, "`text` or `list`"),
        ("of", declared.of.is_some(), declared.kind == Some(ValueType::List), "`list`"),
    ];
    for (key, there, suits, types) in keys {
        if there && !suits {
            report.push(
                root.at_key(Code::BadDeclaration, format!("{place}/{key}"), format!("`{key}` needs a type {types}"))
                    .hint(format!("remove `{key}`")),
            );
        }
    }
    let lengths = (declared.lengths.0.map(Number::from), declared.lengths.1.map(Number::from));
    for (key, other, bounds) in [("min", "max", declared.bounds), ("min_length", "max_length", lengths)] {
        if let (Some(least), Some(most)) = bounds
            && least > most
        {
            let message = format!("`{key}` is above `{other}`: {least} > {most}");
            report.push(root.at(Code::OutOfBounds, format!("{place}/{key}"), message).hint("swap the two"));
        }
    }
}
