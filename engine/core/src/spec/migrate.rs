//! Older formats: what was renamed, told once for reading and for rewriting.
//!
//! Reading applies the changes to the tree, whose places stay those of the author's own lines; `casebook migrate` makes
//! the same changes to the text, and nothing else of it.

use std::ops::Range;

use super::Tree;

/// The older format that is still read.
pub const OLDER: &str = "casebook/v1alpha1";

/// One change of a text: the bytes to replace, and by what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes.
    pub span: Range<usize>,
    /// What stands there instead.
    pub text: String,
}

/// What changed between `casebook/v1alpha1` and `casebook/v1`.
enum Change {
    /// A key was renamed.
    Key { kind: &'static str, old: &'static str, new: &'static str },
    /// A value of a key was renamed.
    Value { kind: &'static str, key: &'static str, old: &'static str, new: &'static str },
    /// A value moved into a map of its own: `old: x` is `new: { inner: x }` now.
    Wrap { kind: &'static str, old: &'static str, new: &'static str, inner: &'static str },
}

const CHANGES: &[Change] = &[
    Change::Value { kind: "*", key: "kind", old: "Scenario", new: "Environment" },
    Change::Value { kind: "*", key: "kind", old: "Grading", new: "Rubric" },
    Change::Wrap { kind: "Scenario", old: "from_rules", new: "truth", inner: "rules" },
    Change::Key { kind: "Rules", old: "if", new: "when" },
    Change::Key { kind: "Rules", old: "unless", new: "except" },
    Change::Key { kind: "Rules", old: "reason", new: "because" },
    Change::Key { kind: "Rules", old: "otherwise", new: "default" },
    Change::Value { kind: "Rules", key: "hit", old: "any", new: "unique" },
    Change::Key { kind: "Grading", old: "metric", new: "grader" },
    Change::Value { kind: "Grading", key: "grader", old: "match", new: "exact" },
    Change::Value { kind: "Grading", key: "metric", old: "match", new: "exact" },
    Change::Key { kind: "Task", old: "level", new: "difficulty" },
    Change::Key { kind: "Task", old: "steps", new: "max_steps" },
];

/// Keys of maps whose keys are the author's own names; below those the format goes on.
const NAMED: &[&str] = &["fields", "decision", "observation", "properties"];
/// Keys below which everything is the author's own.
const OWN: &[&str] = &["labels", "lists", "decide", "vary", "weights", "cells", "partial"];

/// Brings a tree of the older format up to date; returns the changes of its text, none for a current document.
pub(super) fn apply(tree: &mut Tree) -> Vec<Edit> {
    if tree.text_at("/apiVersion") != Some(OLDER) {
        return Vec::new();
    }
    let Some(kind) = tree.text_at("/kind").map(str::to_owned) else { return Vec::new() };
    let mut edits = vec![tree.set_text("apiVersion", super::ApiVersion::CURRENT)];
    walk(tree, &kind, &mut edits);
    edits.into_iter().flatten().collect()
}

fn walk(tree: &mut Tree, kind: &str, edits: &mut Vec<Option<Edit>>) {
    for change in CHANGES {
        let edit = match change {
            Change::Key { kind: of, old, new } if *of == kind => tree.rename(old, new),
            Change::Value { kind: of, key, old, new } if (*of == kind || *of == "*") && tree.holds(key, old) => {
                tree.set_text(key, new)
            }
            Change::Wrap { kind: of, old, new, inner } if *of == kind => {
                edits.push(tree.wrap(old, inner));
                tree.rename(old, new)
            }
            _ => None,
        };
        edits.push(edit);
    }
    tree.each_child(|key, child| match key {
        Some(key) if OWN.contains(&key) || key == "then" && kind == "Rules" => {}
        Some(key) if NAMED.contains(&key) => child.each_child(|_, named| walk(named, kind, edits)),
        _ => walk(child, kind, edits),
    });
}

/// The changes that bring a file's text up to date, in the order of their places; `None` when it is not YAML.
pub fn edits(file: &crate::source::SourceFile) -> Option<Vec<Edit>> {
    let (trees, problems) = super::tree::parse(file);
    if trees.is_empty() && !problems.is_empty() {
        return None;
    }
    let mut edits: Vec<Edit> = trees.into_iter().flat_map(|mut tree| apply(&mut tree)).collect();
    edits.sort_by_key(|edit| edit.span.start);
    Some(edits)
}
