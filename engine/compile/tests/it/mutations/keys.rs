//! Mistakes in keys.

use super::{
    Operator,
    text::{Change, File, Node, Style, capital, doubled, dropped, swapped},
};

pub(super) const OPERATORS: &[Operator] = &[
    ("letters of a key swapped", letters_swapped),
    ("letter of a key dropped", letter_dropped),
    ("letter of a key doubled", letter_doubled),
    ("key with a capital letter", with_capital),
    ("key with a dash", with_dash),
    ("key removed", removed),
    ("key twice", twice),
    ("key of another grader", of_another_grader),
    ("key of another document", of_another_document),
];

/// Where keys are names of the pack's own, so that nothing says how they are written.
const NAMES: &[&str] = &[
    "Environment/item/fields/*",
    "Environment/decision/*",
    "Environment/decision/*/when/*",
    "Environment/action/properties/*",
    "Environment/observation/*",
    "Rules/rules/*/when/*",
    "Rules/rules/*/then/*",
    "Rules/default/*",
    "Policy/rules/*/when/*",
    "Policy/rules/*/when/any/*/*",
    "Policy/rules/*/decide/*",
    "Policy/default/*",
    "Policy/rank/*",
    "Task/weights/*",
    "Task/vary/*",
    "Task/vary/*/one_of/*/*",
    "Inbox/items/*/fields/*",
    "Inbox/items/*/labels/*",
    "Rubric/**/cells/*",
    "Rubric/**/cells/*/*",
    "Rubric/**/partial/*",
    "Rubric/**/partial/*/*",
    "Rubric/**/where/*",
    "Generator/pools/*",
    "Generator/pools/*/slots/**",
    "Generator/pools/*/entries/**",
    "Generator/slots/**",
    "Generator/phrases/*",
    "Generator/phrases/**/when/*",
    "Generator/fields/*",
    "Generator/labels/*",
    "Generator/hold_out/*",
    "Generator/levels/**",
    "Task/inbox/mix/**",
];

/// Keys that must be there.
const NEEDED: &[&str] = &[
    "*/apiVersion",
    "*/kind",
    "*/name",
    "Environment/version",
    "Environment/description",
    "Environment/item",
    "Environment/decision",
    "Environment/action",
    "Environment/observation",
    "Environment/item/noun",
    "Environment/item/fields",
    "Environment/item/fields/*/type",
    "Environment/decision/*/type",
    "Environment/**/values",
    "Environment/action/shape",
    "Environment/action/list",
    "Environment/action/properties",
    "Environment/decision/*/truth/rules",
    "Task/difficulty",
    "Task/split",
    "Task/inbox",
    "Task/max_steps",
    "Task/instructions",
    "Task/vary/*/one_of",
    "Inbox/items",
    "Inbox/items/*/id",
    "Inbox/items/*/fields",
    "Inbox/items/*/fields/*",
    "Rules/rules",
    "Rules/rules/*/id",
    "Rules/rules/*/when",
    "Rules/rules/*/then",
    "Policy/default",
    "Policy/rules/*/when",
    "Policy/rules/*/decide",
    "Rubric/reward",
    "Rubric/score",
    "Rubric/reward/sum/*/name",
    "Rubric/**/grader",
    "Rubric/**/field",
    "Rubric/**/weighted_sum/*/weight",
    "Rubric/**/gate/if",
    "Rubric/**/gate/above",
    "Rubric/**/gate/then",
    "Rubric/**/components",
    "Rubric/**/weighted_sum/*/words",
    "Rubric/**/any",
];

/// The keys that the format itself knows.
fn known(file: &File) -> impl Iterator<Item = &Node> {
    let own: Vec<usize> = file.at(NAMES).map(File::start).collect();
    file.nodes.iter().filter(move |node| node.key.is_some() && !own.contains(&File::start(node)))
}

/// Rewrites every key; the hint gives the right one back.
fn rewritten(file: &File, change: impl Fn(&str) -> Option<String>) -> Vec<Change> {
    let one = |node: &Node| {
        let key = file.key(node);
        Some(file.replace(node.key.clone()?, &change(key)?, &[&format!("`{key}`")]))
    };
    known(file).filter_map(one).collect()
}

/// `rubric:` becomes `rurbic:`.
fn letters_swapped(file: &File) -> Vec<Change> {
    rewritten(file, swapped)
}

/// `rubric:` becomes `rubic:`.
fn letter_dropped(file: &File) -> Vec<Change> {
    rewritten(file, dropped)
}

/// `rubric:` becomes `rubbric:`.
fn letter_doubled(file: &File) -> Vec<Change> {
    rewritten(file, doubled)
}

/// `rubric:` becomes `Rubric:`.
fn with_capital(file: &File) -> Vec<Change> {
    rewritten(file, capital)
}

/// `max_steps:` becomes `max-steps:`.
fn with_dash(file: &File) -> Vec<Change> {
    rewritten(file, |key| key.contains('_').then(|| key.replace('_', "-")))
}

/// A key that must be there goes with its value; what held it is told, at its key or its first line.
fn removed(file: &File) -> Vec<Change> {
    let mut changes = Vec::new();
    for node in file.at(NEEDED) {
        let siblings = file.siblings(node);
        let at = siblings.iter().position(|other| File::start(other) == File::start(node)).unwrap_or_default();
        let range = match (siblings.get(at + 1), at.checked_sub(1).and_then(|before| siblings.get(before))) {
            (Some(next), _) => File::start(node)..File::start(next),
            (None, Some(before)) => before.value.end..node.value.end,
            (None, None) => continue,
        };
        let Some(owner) = node.parent.map(|parent| &file.nodes[parent]) else { continue };
        let cure = format!("`{}:", file.key(node));
        changes.push(file.replace(range, "", &["a", &cure]).on(file.line(File::start(owner))));
    }
    changes
}

/// A key stands a second time; the second one is told.
fn twice(file: &File) -> Vec<Change> {
    let short = |node: &&Node| node.key.is_some() && matches!(node.style, Style::Plain | Style::Quoted);
    let one = |node: &Node| {
        let pair = &file.text[File::start(node)..node.value.end];
        let end = node.value.end;
        if node.inside_flow {
            return file.replace(end..end, &format!(", {pair}"), &["remove one"]);
        }
        let line_end = file.line_range(end).end;
        let indent = " ".repeat(file.column(File::start(node)));
        file.replace(line_end..line_end, &format!("\n{indent}{pair}"), &["remove one"]).on(file.line(end) + 1)
    };
    file.nodes.iter().filter(short).map(one).collect()
}

/// A grader gets a key that only another one has.
fn of_another_grader(file: &File) -> Vec<Change> {
    let one = |node: &Node| {
        let foreign = if file.value(node) == "steps" { "partial: 1" } else { "components: [right]" };
        beside(file, node, foreign)
    };
    file.at(&["Rubric/**/grader"]).map(one).collect()
}

/// A key stands in a document of another kind.
fn of_another_document(file: &File) -> Vec<Change> {
    let one = |node: &Node| beside(file, node, if file.value(node) == "Task" { "baseline: x" } else { "max_steps: 3" });
    file.at(&["*/kind"]).map(one).collect()
}

/// Puts a pair behind a short one; it does not belong there.
fn beside(file: &File, node: &Node, pair: &str) -> Change {
    let end = node.value.end;
    let cure = ["remove it"];
    if node.inside_flow {
        return file.replace(end..end, &format!(", {pair}"), &cure);
    }
    let indent = " ".repeat(file.column(File::start(node)));
    file.replace(end..end, &format!("\n{indent}{pair}"), &cure).on(file.line(end) + 1)
}
