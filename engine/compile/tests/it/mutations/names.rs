//! Names that nothing has, and names that two things have.

use super::{
    Operator,
    text::{Change, File, Node, Style, dropped, swapped},
};

pub(super) const OPERATORS: &[Operator] = &[
    ("letters of a name swapped", letters_swapped),
    ("letter of a name dropped", letter_dropped),
    ("name of nothing", of_nothing),
    ("letters of a field swapped", field),
    ("letters of a decision swapped", decision),
    ("value in a matrix misspelt", matrix),
    ("name of a list dangling", list),
    ("id twice", id_twice),
    ("name of a node twice", node_twice),
    ("name with a blank", with_blank),
    ("name that is taken", taken),
];

/// Where a thing of the pack is named.
const REFERENCES: &[&str] = &[
    "Task/inbox",
    "Task/rubric",
    "Environment/baseline",
    "Environment/decision/*/truth/rules",
    "Environment/action/properties/*/decides",
    "Rubric/**/field",
    "Rubric/**/ref",
    "Rubric/**/components/*",
];

/// Where the key is a field.
const FIELDS: &[&str] =
    &["Inbox/items/*/fields/*", "Rules/rules/*/when/*", "Policy/rules/*/when/*", "Policy/rules/*/when/any/*/*"];

/// Where the key is a decision.
const DECISIONS: &[&str] = &[
    "Environment/decision/*/when/*",
    "Inbox/items/*/labels/*",
    "Rules/rules/*/then/*",
    "Rules/default/*",
    "Policy/rules/*/decide/*",
    "Policy/default/*",
    "Policy/rank/*",
    "Task/weights/*",
    "Rubric/**/where/*",
];

fn values(file: &File, change: impl Fn(&str) -> Option<String>) -> Vec<Change> {
    let one = |node: &Node| {
        let name = file.value(node);
        Some(file.replace(node.value.clone(), &change(name)?, &[&format!("`{name}`")]))
    };
    let named = |node: &&Node| matches!(node.style, Style::Plain | Style::Quoted);
    file.at(REFERENCES).filter(named).filter_map(one).collect()
}

fn keys(file: &File, places: &[&str], change: impl Fn(&str) -> Option<String>) -> Vec<Change> {
    let one = |node: &Node| {
        let name = file.key(node);
        Some(file.replace(node.key.clone()?, &change(name)?, &[&format!("`{name}`")]))
    };
    file.at(places).filter_map(one).collect()
}

/// `rubric: triage` becomes `rubric: tirage`.
fn letters_swapped(file: &File) -> Vec<Change> {
    values(file, swapped)
}

/// `rubric: triage` becomes `rubric: triae`.
fn letter_dropped(file: &File) -> Vec<Change> {
    values(file, dropped)
}

/// A name that is like none that exists; the hint lists those that do.
fn of_nothing(file: &File) -> Vec<Change> {
    values(file, |_| Some("xylophone".to_owned()))
}

/// A field is misspelt in an item or a condition.
fn field(file: &File) -> Vec<Change> {
    keys(file, FIELDS, swapped)
}

/// A decision or a component is misspelt in a label, an outcome, a weight.
fn decision(file: &File) -> Vec<Change> {
    keys(file, DECISIONS, swapped)
}

/// A value is misspelt in the cells of a `matrix` or the parts of a `near`.
fn matrix(file: &File) -> Vec<Change> {
    keys(file, &["Rubric/**/cells/*", "Rubric/**/cells/*/*", "Rubric/**/partial/*", "Rubric/**/partial/*/*"], dropped)
}

/// A condition asks for the domains of a list that is not there.
fn list(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        file.replace(node.value.clone(), "{ sender: { domain_in: friends } }", &["`lists:`", "`[friends]`"])
    };
    let flow = |node: &&Node| file.text.as_bytes()[node.value.start] == b'{';
    file.at(&["Rules/rules/*/when", "Policy/rules/*/when"]).filter(flow).map(one).collect()
}

/// An item or a rule takes the id of the one before it.
fn id_twice(file: &File) -> Vec<Change> {
    let ids: Vec<&Node> = file.at(&["Inbox/items/*/id", "Rules/rules/*/id"]).collect();
    let one = |pair: &[&Node]| file.replace(pair[1].value.clone(), file.value(pair[0]), &["rename one of the two"]);
    ids.windows(2).map(one).collect()
}

/// A component takes the name of the one before it.
fn node_twice(file: &File) -> Vec<Change> {
    let names: Vec<&Node> = file.at(&["Rubric/**/weighted_sum/*/name", "Rubric/reward/sum/*/name"]).collect();
    let one = |pair: &[&Node]| file.replace(pair[1].value.clone(), file.value(pair[0]), &["rename one of the two"]);
    names.windows(2).map(one).collect()
}

/// `name: email-ops` becomes `name: Email ops`.
fn with_blank(file: &File) -> Vec<Change> {
    let one = |node: &Node| file.replace(node.value.clone(), "Two Words", &["lower-case letters"]);
    file.at(&["*/name"]).map(one).collect()
}

/// A field, a part of the observation or a policy takes a name that Casebook uses itself.
fn taken(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for (place, name) in
        [("Environment/item/fields/*", "any"), ("Environment/observation/*", "reward"), ("Policy/name", "oracle")]
    {
        for node in file.at(&[place]) {
            let range = if node.style == Style::Plain { Some(node.value.clone()) } else { node.key.clone() };
            changes.extend(range.map(|range| file.replace(range, name, &["choose another"])));
        }
    }
    changes
}
