//! A rubric as data for readers.

use serde_json::{Value, json};

use super::{NodeKind, Rubric};
use crate::number::is_near;

impl Rubric {
    /// The tree as data for readers: the reward's components, then the score.
    pub fn outline(&self) -> Value {
        let components: Vec<Value> = self.components.iter().map(|at| self.outline_of(*at, false)).collect();
        json!({
            "name": self.name,
            "mode": self.mode,
            "clip": self.clip.map(|(low, high)| [low, high]),
            "reward": components,
            "score": self.outline_of(self.score, false),
        })
    }

    fn outline_of(&self, at: usize, weighted: bool) -> Value {
        let node = &self.nodes[at];
        let children: Vec<Value> = match &node.kind {
            NodeKind::WeightedSum(children) => children.iter().map(|at| self.outline_of(*at, true)).collect(),
            NodeKind::Ref(target) => vec![json!({
                "name": self.nodes[*target].name.as_deref(), "what": self.nodes[*target].what, "params": null, "children": [],
            })],
            kind => kind.children().into_iter().map(|at| self.outline_of(at, false)).collect(),
        };
        let above = if let NodeKind::Gate { above, .. } = node.kind { Some(above) } else { None };
        let mut outline = json!({
            "name": node.name.as_deref(),
            "what": node.what,
            "weight": weighted.then_some(node.weight),
            "above": above,
            "params": node.params,
            "children": children,
        });
        if !is_near(node.times, 1.0) {
            outline["times"] = node.times.into();
        }
        outline
    }
}
