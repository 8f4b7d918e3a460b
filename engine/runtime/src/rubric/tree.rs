//! The score's tree as it stands: what each node gives, what that adds to the score, and why it is no more.

use smallvec::{SmallVec, smallvec};

use super::{Grade, GraderError, Node, NodeKind, Note, Rubric, Scores, View, graded};
use crate::{json::Name, number::is_near};

/// A node of the score as it stands.
#[derive(Debug)]
pub struct Branch<'a> {
    /// The node.
    pub node: &'a Node,
    /// Its weight in the weighted sum above it, with what it takes over from those that have nothing to grade.
    pub weight: Option<f64>,
    /// Its value; `None` where it has nothing to grade or does not count.
    pub value: Option<f64>,
    /// What it adds to the score before that is clipped and rounded; `None` below a node that is not a sum, such as a product.
    pub adds: Option<f64>,
    /// Why it gives no more, where its parts and rows do not say so.
    pub note: Note,
    /// For a grader of single rows, each row that it is about.
    pub rows: Vec<Mark>,
    /// The nodes below.
    pub children: Vec<Self>,
}

/// What a named node of a score gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// Its name.
    pub name: Name,
    /// What it adds to the score before that is clipped and rounded; its value where it is not part of a sum.
    pub value: f64,
    /// Whether it belongs to the condition of a gate, which adds nothing.
    pub is_condition: bool,
}

/// A row as one grader sees it.
#[derive(Debug)]
pub struct Mark {
    /// The row.
    pub row: usize,
    /// Its value.
    pub value: f64,
    /// The greatest value that it could have.
    pub most: f64,
    /// Why it is no more, where the decision itself does not say so.
    pub note: Note,
}

impl Branch<'_> {
    /// The graders below, itself among them, in the order in which they are written.
    pub fn leaves(&self) -> Vec<&Self> {
        if self.children.is_empty() { vec![self] } else { self.children.iter().flat_map(Self::leaves).collect() }
    }
}

/// What is known of a node from those above it.
#[derive(Clone, Copy)]
struct Above {
    weight: Option<f64>,
    /// What a value of 1 adds to the score.
    adds: Option<f64>,
}

impl Rubric {
    /// The score's tree as it stands.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn tree<'a>(&'a self, scores: &Scores, view: &View<'_>) -> Result<Branch<'a>, GraderError> {
        self.afresh(|known| {
            self.eval(self.score, scores, view, false, known)?;
            Ok(self.branch(self.score, Above { weight: None, adds: Some(1.0) }, scores, view, known))
        })
    }

    /// The named nodes of the score as it stands, as its tree shows them.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn shares(&self, scores: &Scores, view: &View<'_>) -> Result<Vec<Share>, GraderError> {
        self.afresh(|known| {
            self.eval(self.score, scores, view, false, known)?;
            let mut shares = Vec::new();
            self.collect_shares(self.score, (Some(1.0), false), (&scores.idle, known), &mut shares);
            Ok(shares)
        })
    }

    fn collect_shares(
        &self,
        at: usize,
        (adds, is_condition): (Option<f64>, bool),
        (idle, known): (&[bool], &[f64]),
        shares: &mut Vec<Share>,
    ) {
        let (node, value) = (&self.nodes[at], known[at]);
        if let Some(name) = node.name.as_ref().filter(|_| !value.is_nan()) {
            let adds = adds.filter(|_| !is_condition);
            let value = adds.map_or(value, |adds| adds * value);
            shares.push(Share { name: name.clone(), value, is_condition });
        }
        for (child, above) in self.below(node, adds, idle) {
            let tests = matches!(node.kind, NodeKind::Gate { test, .. } if test == child);
            self.collect_shares(child, (above.adds, is_condition || tests), (idle, known), shares);
        }
    }

    /// The nodes below one in the tree, each with what is known of it, where 1 more of the node adds something to the score.
    fn below(&self, node: &Node, adds: Option<f64>, idle: &[bool]) -> SmallVec<[(usize, Above); 8]> {
        let within = adds.map(|adds| adds * node.times);
        let each = |children: &[usize], adds: Option<f64>| {
            children.iter().map(|at| (*at, Above { weight: None, adds })).collect()
        };
        match &node.kind {
            NodeKind::Row(..) | NodeKind::Whole(_) | NodeKind::Ref(_) => SmallVec::new(),
            NodeKind::WeightedSum(children) => {
                let scale = self.scale(children, idle);
                let weighed = |at: &usize| {
                    let weight = self.nodes[*at].weight;
                    let weight = match idle.get(*at) {
                        Some(true) => 0.0,
                        _ if weight > 0.0 => weight * scale,
                        _ => weight,
                    };
                    (*at, Above { weight: Some(weight), adds: within.map(|adds| adds * weight) })
                };
                children.iter().map(weighed).collect()
            }
            NodeKind::Add(children) => each(children, within),
            #[expect(clippy::cast_precision_loss, reason = "a rubric has far fewer than 2^53 nodes")]
            NodeKind::Mean(children) => {
                let count = graded(children, idle).count().max(1) as f64;
                each(children, within.map(|adds| adds / count))
            }
            NodeKind::Product(children)
            | NodeKind::Min(children)
            | NodeKind::All(children)
            | NodeKind::Sequential(children) => each(children, None),
            NodeKind::Gate { test, then, .. } => {
                let tested = Above { weight: None, adds: None };
                smallvec![(*test, tested), (*then, Above { weight: None, adds: within })]
            }
        }
    }

    fn branch<'a>(&'a self, at: usize, above: Above, scores: &Scores, view: &View<'_>, known: &[f64]) -> Branch<'a> {
        let node = &self.nodes[at];
        let value = Some(known[at]).filter(|value| !value.is_nan());
        let idle = &*scores.idle;
        let below = self.below(node, above.adds, idle).into_iter();
        let children = below.map(|(child, above)| self.branch(child, above, scores, view, known)).collect();
        let (rows, note) = match value {
            None if idle.get(at) == Some(&true) => (Vec::new(), Note::of("nothing to grade")),
            None => (Vec::new(), Note::of("it does not count")),
            Some(_) => (self.marks(at, scores, view), self.note(at, value, scores, view, known)),
        };
        let adds = above.adds.zip(value).map(|(adds, value)| adds * value);
        Branch { node, weight: above.weight, value, adds, note, rows, children }
    }

    fn marks(&self, at: usize, scores: &Scores, view: &View<'_>) -> Vec<Mark> {
        let NodeKind::Row(slot, grader) = &self.nodes[at].kind else { return Vec::new() };
        let first = slot * view.rows.len();
        let values = scores.values[first..first + view.rows.len()].iter().enumerate();
        values
            .filter_map(|(row, value)| {
                let (value, most) = ((*value)?, grader.most(&view.items[row]));
                let mut note = scores.notes.get(&(first + row)).map(|note| (**note).clone()).unwrap_or_default();
                if !view.rows[row].is_decided() {
                    note = Note::of("it was not decided");
                } else if note.reason.is_none() && value < most && !is_near(value, most) {
                    note.reason = grader.reason(view, row);
                }
                Some(Mark { row, value, most, note })
            })
            .collect()
    }

    fn note(&self, at: usize, value: Option<f64>, scores: &Scores, view: &View<'_>, known: &[f64]) -> Note {
        match &self.nodes[at].kind {
            NodeKind::Row(slot, _) if scores.expected_weight(*slot) > 0.0 => {
                Note::of("items that are still sure to come count as undecided")
            }
            NodeKind::Whole(grader) => match grader.score(view) {
                Ok(Grade { note: Some(note), .. }) => *note,
                _ => Note { reason: grader.reason(view), ..Note::default() },
            },
            NodeKind::Gate { test, above, .. } => {
                let open =
                    scores.idle.get(*test) == Some(&true) || known[*test] > *above && !is_near(known[*test], *above);
                if open { Note::default() } else { Note::of(&format!("{} is not above {above}", known[*test])) }
            }
            NodeKind::Ref(target) => {
                let target = &self.nodes[*target];
                Note::of(&format!("the value of `{}`", target.name.as_deref().unwrap_or(&target.pointer)))
            }
            NodeKind::Sequential(_) if value.is_some_and(|value| is_near(value, 0.0)) => {
                Note::of("what comes after a part of 0 does not count")
            }
            _ => Note::default(),
        }
    }
}
