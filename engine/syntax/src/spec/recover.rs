//! Files with syntax errors, read as far as they can be.
//!
//! The line that stops the parser is left out and the rest is read again, so that what is after a mistake still has
//! nodes. Editors need them while a line is being typed; nothing is ever run from them.

use std::ops::Range;

use super::{
    syntax,
    tree::{Attempt, Stopped, Tree, attempt},
};
use crate::source::SourceFile;

/// The maximum number of lines of one file that are left out.
const MAX_LEFT_OUT: usize = 32;

/// The part of a file that could be read.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// Its documents, in order; the last one ends early where too many lines had to be left out.
    pub trees: Vec<Tree>,
    /// The lines that were left out, as bytes of the file, in order.
    pub left_out: Vec<Range<usize>>,
}

/// Reads a file; of one without syntax errors nothing is left out.
pub fn recover(file: &SourceFile) -> Recovered {
    let mut file = file.clone();
    let mut left_out: Vec<Range<usize>> = Vec::new();
    let mut last = attempt(&file);
    while let Some(stop) = last.stop.take_if(|_| left_out.len() < MAX_LEFT_OUT) {
        // The line without which the parser gets furthest is the mistake; of several the likeliest.
        let mut best: Option<(Range<usize>, SourceFile, Attempt)> = None;
        for line in candidates(&file, &stop) {
            let without = file.with_text(&blanked(&file.text, &line));
            let next = attempt(&without);
            let reach = |next: &Attempt| next.stop.as_ref().map_or(usize::MAX, |stop| stop.reach);
            if best.as_ref().is_none_or(|(.., best)| reach(&next) > reach(best)) {
                best = Some((line, without, next));
            }
            if best.as_ref().is_some_and(|(.., best)| best.stop.is_none()) {
                break;
            }
        }
        let Some((line, without, next)) = best else { break };
        left_out.push(line);
        (file, last) = (without, next);
    }
    left_out.sort_by_key(|line| line.start);
    Recovered { trees: last.trees, left_out }
}

/// The lines that may be the mistake, the likeliest first; none of them is blank.
fn candidates(file: &SourceFile, stop: &Stopped) -> Vec<Range<usize>> {
    let text = &*file.text;
    let suspect = syntax::explain(file, stop.at, &stop.info).span.start;
    let brackets = stop.open.iter().rev().copied().filter(|start| text[*start..].starts_with(['[', '{']));
    // The parser may complain far from the mistake, which is never before what it has read.
    let below = |at: usize| {
        let next = at + text[at..].find('\n').map_or(0, |end| end + 1);
        next + text[next..].len() - text[next..].trim_start().len()
    };
    let mut found: Vec<Range<usize>> = Vec::new();
    for start in [suspect].into_iter().chain(brackets).chain([stop.at, below(stop.at), below(stop.reach), stop.reach]) {
        // A blank line is not a mistake; the last one above it may be.
        let mut line = line_at(text, start);
        while text[line.clone()].trim().is_empty() && line.start > 0 {
            line = line_at(text, line.start - 1);
        }
        let above = (line.start > 0).then(|| line_at(text, line.start - 1));
        for line in [Some(line), above].into_iter().flatten() {
            if !text[line.clone()].trim().is_empty() && !found.contains(&line) {
                found.push(line);
            }
        }
    }
    found
}

/// The line that contains a byte, without its end.
fn line_at(text: &str, at: usize) -> Range<usize> {
    let (before, after) = text.as_bytes().split_at(at.min(text.len()));
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = before.iter().rposition(is_end).map_or(0, |at| at + 1);
    start..before.len() + after.iter().position(is_end).unwrap_or(after.len())
}

/// A text with blanks in place of a line, as many as it has bytes, so that all places stay.
fn blanked(text: &str, line: &Range<usize>) -> String {
    [&text[..line.start], &" ".repeat(line.len()), &text[line.end..]].concat()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::{Map, Value};

    use super::*;
    use crate::spec::{tree, write};

    fn file(text: &str) -> SourceFile {
        SourceFile::new(Path::new("a.yaml"), text)
    }

    fn recovered(text: &str) -> Recovered {
        recover(&file(text))
    }

    /// Values as packs hold them.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z]{1,6}( [a-z:#]{1,5})?".prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
                prop::collection::vec(("[a-z]{1,6}", inner), 1..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
            ]
        })
    }

    /// Lines that stop the parser between two keys of a document.
    const BROKEN: [&str; 10] = [
        "title: \"never closed",
        "title: 'never closed",
        "list: [a, b",
        "map: {a: 1",
        "one: two: three",
        "just words",
        "]",
        "at: @here",
        "\tindented: by a tab",
        "  deeper: than its neighbours",
    ];

    #[test]
    fn what_is_after_a_mistake_has_nodes() {
        for broken in BROKEN {
            let text = format!("first:\n  - id: 1\n  - id: 2\n{broken}\nlast:\n  deep: found\n");
            let read = recovered(&text);
            let value = read.trees.last().map(Tree::to_value).unwrap_or_default();
            assert_eq!(value.pointer("/last/deep"), Some(&"found".into()), "{broken}: {value} {:?}", read.left_out);
            assert_eq!(value.pointer("/first/1/id"), Some(&2.into()), "{broken}: {value}");
        }
    }

    #[test]
    fn a_tab_below_a_value_costs_its_own_line() {
        let text = "aaa:\n  - - false\n    - false\n  - a: false\n\tindented: by a tab\naab: false\nlast: 1\n";
        let read = recovered(text);
        assert_eq!(read.trees[0].to_value()["last"], 1, "{:?}", read.left_out);
    }

    #[test]
    fn every_mistake_of_several_is_left_out() {
        let text = "a: 1\nb: \"x\nc: 3\nd: [1\ne: 5\nf: g: h\ni: 9\n";
        let read = recovered(text);
        let value = read.trees[0].to_value();
        for (key, number) in [("a", 1), ("c", 3), ("e", 5), ("i", 9)] {
            assert_eq!(value[key], number, "{value} {:?}", read.left_out);
        }
    }

    proptest! {
        #[test]
        fn of_what_is_valid_nothing_is_left_out(value in values()) {
            let text = write::document(&value);
            let (trees, problems, _) = tree::parse(&file(&text));
            prop_assume!(problems.is_empty());
            let read = recovered(&text);
            prop_assert!(read.left_out.is_empty());
            prop_assert_eq!(format!("{:?}", read.trees), format!("{trees:?}"));
        }

        #[test]
        fn any_text_is_read(text in "([a-z\"'\\[\\]{}:#&*!|>@%`,?-]|\\PC| |\n|\t|\r\n){0,60}") {
            let read = recovered(&text);
            for line in &read.left_out {
                prop_assert!(text.get(line.clone()).is_some_and(|line| !line.trim().is_empty() && !line.contains(['\n', '\r'])));
            }
            for (at, _) in text.char_indices() {
                for tree in &read.trees {
                    if let Some(node) = tree.node_at(at) {
                        prop_assert!(node.span.start <= at && at <= node.span.end, "{node:?} {at}");
                        prop_assert!(text.get(node.span.clone()).is_some());
                        let place = if node.is_key { tree.key_place(&node.pointer) } else { tree.value_place(&node.pointer) };
                        prop_assert!(node.span.start <= place.span.start && place.span.end <= node.span.end);
                    }
                }
            }
        }

        #[test]
        fn a_broken_line_costs_its_neighbours_at_the_most(
            keys in prop::collection::btree_map("[a-z]{3,6}", values(), 4..8), at in 1usize..4, broken in 0..BROKEN.len()
        ) {
            let keys: Vec<(String, Value)> = keys.into_iter().collect();
            let write = |part: &[(String, Value)]| write::document(&Value::Object(part.iter().cloned().collect()));
            let (before, behind) = keys.split_at(at.min(keys.len() - 2));
            let text = format!("{}{}\n{}", write(before), BROKEN[broken], write(behind));
            prop_assume!(tree::parse(&file(&write(&keys))).1.is_empty());
            let read = recovered(&text);
            let last = &keys[keys.len() - 1].0;
            let found = read.trees.iter().any(|tree| tree.to_value().get(last).is_some());
            prop_assert!(found, "{last} is lost: {:?}\n{text}", read.left_out);
        }
    }
}
