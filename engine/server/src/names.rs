//! Sentences about names that do not exist.

/// Says that a name does not exist, which one is near, and which exist.
pub(crate) fn unknown_name(noun: &str, name: &str, near: Option<&str>, owner: &str, names: &[&str]) -> String {
    let hint = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let names = casebook_runtime::names::list(names).unwrap_or_else(|| "none".into());
    format!("unknown {noun} `{name}`; {hint}{owner} {names}")
}

/// The name among `names` that was probably meant.
pub(crate) fn nearest<'a>(name: &str, names: &[&'a str]) -> Option<&'a str> {
    casebook_runtime::names::nearest(name, names.iter().copied())
}

/// Names as "`a`, `b`", or "none".
pub(crate) fn listed(names: &[&str]) -> String {
    casebook_runtime::names::list(names).unwrap_or_else(|| "none".into())
}
