//! Sets of positions in a long row, as the stretches that they are made of.

/// Positions, as stretches in order that neither meet nor touch; the last position of each is part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ranges(Vec<(usize, usize)>);

impl Ranges {
    pub(super) const fn none() -> Self {
        Self(Vec::new())
    }

    /// The positions below a bound.
    pub(super) fn all(bound: usize) -> Self {
        Self(bound.checked_sub(1).map(|last| (0, last)).into_iter().collect())
    }

    /// Adds positions that lie behind all that there are.
    pub(super) fn push(&mut self, from: usize, to: usize) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == from => *last = to,
            _ => self.0.push((from, to)),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn keep(&mut self, other: &Self) {
        let mut kept = Vec::with_capacity(self.0.len().min(other.0.len()) + 1);
        let (mut a, mut b) = (0, 0);
        while let (Some((from, to)), Some((other_from, other_to))) = (self.0.get(a), other.0.get(b)) {
            let (first, last) = (*from.max(other_from), *to.min(other_to));
            if first <= last {
                kept.push((first, last));
            }
            if to < other_to { a += 1 } else { b += 1 }
        }
        self.0 = kept;
    }

    pub(super) fn drop(&mut self, other: &Self) {
        for (from, to) in other.0.iter().copied() {
            let first = self.0.partition_point(|(_, last)| *last < from);
            let end = self.0.partition_point(|(start, _)| *start <= to);
            if first >= end {
                continue;
            }
            let left = (self.0[first].0 < from).then(|| (self.0[first].0, from - 1));
            let right = (self.0[end - 1].1 > to).then(|| (to + 1, self.0[end - 1].1));
            self.0.splice(first..end, left.into_iter().chain(right));
        }
    }

    /// Whether it holds one of the positions from one to another.
    fn touches(&self, from: usize, to: usize) -> bool {
        let first = self.0.partition_point(|(_, last)| *last < from);
        self.0.get(first).is_some_and(|(start, _)| *start <= to)
    }

    pub(super) fn holds(&self, at: usize) -> bool {
        self.touches(at, at)
    }

    /// Whether both hold some position; quick where the other one has few stretches.
    pub(super) fn meets(&self, other: &Self) -> bool {
        other.0.iter().any(|(from, to)| self.touches(*from, *to))
    }

    /// Whether every position of it is in the other set as well; quick where that has few stretches.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let mut next = 0;
        for (from, to) in &other.0 {
            if *from > next && self.touches(next, from - 1) {
                return false;
            }
            next = to + 1;
        }
        !self.touches(next, usize::MAX)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(|(from, to)| *from..=*to)
    }

    /// Its positions, of long stretches those at both ends alone.
    pub(super) fn ends(&self, many: usize) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().flat_map(move |(from, to)| {
            let head = *from..=*to.min(&(from + many));
            let tail = (from + many + 1).max(to.saturating_sub(many))..=*to;
            head.chain(tail)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::Ranges;

    fn ranges(set: &BTreeSet<usize>) -> Ranges {
        let mut ranges = Ranges::none();
        set.iter().for_each(|at| ranges.push(*at, *at));
        ranges
    }

    proptest! {
        #[test]
        fn stretches_are_the_set_that_they_stand_for(
            a in prop::collection::btree_set(0..40_usize, 0..30),
            b in prop::collection::btree_set(0..40_usize, 0..30),
        ) {
            let (mut kept, mut left) = (ranges(&a), ranges(&a));
            kept.keep(&ranges(&b));
            left.drop(&ranges(&b));
            prop_assert_eq!(&kept, &ranges(&a.intersection(&b).copied().collect()));
            prop_assert_eq!(&left, &ranges(&a.difference(&b).copied().collect()));
            prop_assert_eq!(ranges(&a).meets(&ranges(&b)), !a.is_disjoint(&b));
            prop_assert_eq!(ranges(&a).is_within(&ranges(&b)), a.is_subset(&b));
            prop_assert_eq!(ranges(&a).is_empty(), a.is_empty());
            prop_assert!((0..40).all(|at| ranges(&a).holds(at) == a.contains(&at)));
            prop_assert_eq!(ranges(&a).iter().collect::<Vec<_>>(), a.iter().copied().collect::<Vec<_>>());
            let ends: BTreeSet<usize> = ranges(&a).ends(3).collect();
            prop_assert!(ends.is_subset(&a) && ends.is_empty() == a.is_empty());
        }
    }
}
