//! The actions that an episode has taken.

use serde_json::Value;

/// Bytes that are reserved for an episode's actions; those of short episodes fit.
const USUAL: usize = 64;

/// Actions in order, as JSON one a line: trees would take ten times the memory, and are seldom needed again.
#[derive(Debug, Default, Clone)]
pub(crate) struct Actions {
    lines: Vec<u8>,
    count: usize,
}

impl Actions {
    /// How many they are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Value> {
        self.lines.split_inclusive(|byte| *byte == b'\n').map(read)
    }

    /// Adds one.
    pub(super) fn push(&mut self, action: &Value) {
        if self.lines.is_empty() {
            self.lines.reserve(USUAL);
        }
        serde_json::to_writer(&mut self.lines, action).expect("a tree is JSON, and memory takes it");
        self.lines.push(b'\n');
        self.count += 1;
    }

    /// Keeps the first ones.
    pub(super) fn truncate(&mut self, count: usize) {
        let kept = self.lines.split_inclusive(|byte| *byte == b'\n').take(count).map(<[u8]>::len).sum();
        self.lines.truncate(kept);
        self.count = self.count.min(count);
    }
}

fn read(line: &[u8]) -> Value {
    serde_json::from_slice(line).expect("it was written as JSON")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn they_come_back_as_they_were_taken() {
        let taken = [
            json!({ "b": 1, "a": "two\nlines and \"quotes\" \u{2028}" }),
            json!({ "numbers": [0.1, -0.0, 1e300, u64::MAX, i64::MIN, 1.0] }),
            json!({}),
        ];
        let mut actions = Actions::default();
        assert_eq!((actions.len(), actions.iter().count()), (0, 0));
        for (at, action) in taken.iter().enumerate() {
            actions.push(action);
            assert_eq!((actions.len(), actions.iter().last().as_ref()), (at + 1, Some(action)));
        }
        assert_eq!(actions.iter().collect::<Vec<_>>(), taken);
        assert_eq!(
            actions.iter().map(|action| action.to_string()).collect::<Vec<_>>(),
            taken.map(|action| action.to_string())
        );
    }

    #[test]
    fn the_first_ones_are_kept() {
        let mut actions = Actions::default();
        (0..4).for_each(|at| actions.push(&json!({ "at": at })));
        for kept in [9, 4, 2, 0] {
            actions.truncate(kept);
            let left: Vec<Value> = (0..kept.min(4)).map(|at| json!({ "at": at })).collect();
            assert_eq!((actions.len(), actions.iter().collect::<Vec<_>>()), (left.len(), left));
        }
    }
}
