//! What texts get from the graders that measure them.

use std::sync::Arc;

use super::{Node, NodeKind, RowGrader, Rubric, View};

/// What a text gets from one grader, and what it can get.
#[derive(Debug)]
pub struct Marks<'a> {
    /// The grader's name, or its pointer.
    pub name: &'a str,
    /// Its place in the rubric.
    pub pointer: &'a str,
    /// Whether the grader counts keywords.
    pub by_keywords: bool,
    /// What the text gets.
    pub value: f64,
    /// What a text about the item can get.
    pub most: f64,
}

impl Rubric {
    /// The decisions whose texts it measures by the items' labels.
    pub fn graded_texts(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self.text_graders().filter_map(|(_, grader)| grader.text()).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// What the text of the first row gets from each grader that measures it, all of which count.
    pub fn marks_of_text<'a>(&'a self, view: &View<'_>, column: usize) -> Vec<Marks<'a>> {
        let Some(item) = view.items.first() else { return Vec::new() };
        let graders = self.text_graders().filter(|(_, grader)| grader.text() == Some(column) && grader.applies(item));
        let marks = graders.filter_map(|(node, grader)| {
            Some(Marks {
                name: node.name.as_deref().unwrap_or(&node.pointer),
                pointer: &node.pointer,
                by_keywords: node.what == "keywords",
                value: grader.grade(view, 0).ok()?.value,
                most: grader.most(item),
            })
        });
        marks.collect()
    }

    /// The graders that measure texts and count towards the reward or the score, in the order in which they are written.
    fn text_graders(&self) -> impl Iterator<Item = (&Node, &Arc<dyn RowGrader>)> {
        let mut counted = vec![false; self.nodes.len()];
        let mut open = self.components.clone();
        open.push(self.score);
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut counted[at], true) {
                continue;
            }
            match &self.nodes[at].kind {
                NodeKind::Ref(target) => open.push(*target),
                // What costs points asks for the opposite of full marks.
                NodeKind::WeightedSum(children) => {
                    open.extend(children.iter().filter(|child| self.nodes[**child].weight > 0.0));
                }
                kind => open.extend(kind.children()),
            }
        }
        self.nodes.iter().zip(counted).filter_map(|(node, counts)| match &node.kind {
            NodeKind::Row(_, grader) if counts && grader.text().is_some() => Some((node, grader)),
            _ => None,
        })
    }
}
