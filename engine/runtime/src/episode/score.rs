//! A score explained: the rubric's tree with what each node adds to it, and why it is no more.

use serde::{Deserialize, Serialize};

use super::Episode;
use crate::{
    json::Name,
    model::Origin,
    number::is_near,
    rubric::{Branch, GraderError, Mark, Share},
};

/// The container of which the first node is a condition.
const GATE: &str = "gate";
/// The maximum number of items that a node lists.
const MAX_ITEMS: usize = 100;

/// A node of a score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScorePart {
    /// Its name in the rubric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The grader's name, or the container's key.
    pub grader: String,
    /// Its file, from the pack's folder, and line; not for agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Its weight in the weighted sum above it, with what it takes over from those that have nothing to grade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// What its value was multiplied by, where that is not 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<f64>,
    /// Its value; null where it has nothing to grade or does not count.
    pub value: Option<f64>,
    /// What it adds to the score before that is clipped to [0, 1] and rounded; null below nodes that are not sums.
    pub adds: Option<f64>,
    /// Why it is no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The items that cost it something, or about which a plugin has something to say; at most 100.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemScore>,
    /// How many more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_items: usize,
    /// The nodes below.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}

/// An item that cost a node something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemScore {
    /// The item's id.
    pub item: String,
    /// Its value.
    pub value: f64,
    /// The greatest value that it could have.
    pub most: f64,
    /// Why it is no more.
    pub reason: String,
    /// The rule that says what is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The file, from the pack's folder, and line of that rule, or of the item's label; not for agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl ScorePart {
    /// The named nodes of the tree.
    pub fn shares(&self) -> Vec<Share> {
        let mut shares = Vec::new();
        self.collect_shares(false, &mut shares);
        shares
    }

    fn collect_shares(&self, is_condition: bool, shares: &mut Vec<Share>) {
        let value = if is_condition { self.value } else { self.adds.or(self.value) };
        if let (Some(name), Some(value)) = (&self.name, value) {
            shares.push(Share { name: Name::new(name), value, is_condition });
        }
        for (at, part) in self.parts.iter().enumerate() {
            part.collect_shares(is_condition || at == 0 && self.grader == GATE, shares);
        }
    }
}

impl Episode {
    /// What each node of the score gives as it stands, with every row.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn graded(&self) -> Result<Branch<'_>, GraderError> {
        self.task.rubric.tree(&self.scores, &self.view())
    }

    /// The named nodes of the score as it stands.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn score_shares(&self) -> Result<Vec<Share>, GraderError> {
        self.task.rubric.shares(&self.scores, &self.view())
    }

    /// The score's tree as it stands, with files and lines: for graders and records, never for agents.
    ///
    /// # Errors
    ///
    /// When a grader fails.
    pub fn score_tree(&self) -> Result<ScorePart, GraderError> {
        Ok(self.part(&self.graded()?, true))
    }

    /// The same without files and lines.
    pub(super) fn told_score(&self) -> Result<ScorePart, GraderError> {
        Ok(self.part(&self.graded()?, false))
    }

    fn part(&self, branch: &Branch<'_>, places: bool) -> ScorePart {
        let node = branch.node;
        let column = node.field().and_then(|name| self.pack.decisions.iter().position(|one| one.name == name));
        let costs =
            |mark: &&Mark| mark.value < mark.most && !is_near(mark.value, mark.most) || mark.note.reason.is_some();
        let told = branch.rows.iter().filter(costs);
        let more_items = told.clone().count().saturating_sub(MAX_ITEMS);
        ScorePart {
            name: node.name.as_deref().map(str::to_owned),
            grader: node.what.to_owned(),
            place: places.then(|| self.pack.written_at(&node.place)),
            weight: branch.weight,
            times: (!is_near(node.times, 1.0)).then_some(node.times),
            value: branch.value,
            adds: branch.adds,
            reason: branch.note.reason.clone(),
            items: told.take(MAX_ITEMS).map(|mark| self.item_score(mark, column, places)).collect(),
            more_items,
            parts: branch.children.iter().map(|child| self.part(child, places)).collect(),
        }
    }

    fn item_score(&self, mark: &Mark, column: Option<usize>, places: bool) -> ItemScore {
        let (item, row) = (&self.items[mark.row], &self.rows[mark.row]);
        // What is near enough for this grader does not cost; for the others only the right value is right.
        let judged = column.and_then(|at| item.judge(at, &self.pack.decisions[at], row.cell(at), |_, _| false));
        let decided = || {
            let sentence = judged.as_ref()?.sentence();
            Some(sentence.strip_prefix(&format!("{}: ", item.id)).unwrap_or(sentence).to_owned())
        };
        // A text that its `when` leaves out cannot be graded.
        let left_out = || match column {
            Some(at) => format!("what was decided has no `{}`", self.pack.decisions[at].name),
            None => format!("{} of {}", mark.value, mark.most),
        };
        let reason = mark.note.reason.clone().or_else(decided).unwrap_or_else(left_out);
        let truth = column.map(|at| &item.truth[at]);
        let rule = truth.and_then(|truth| truth.rule.as_ref()).map(|rule| rule.id.clone());
        let place = || match (&rule, &truth?.origin) {
            (Some(id), _) => self.pack.rule(&self.pack.rules_of(column?)?.name, id).map(|rule| &rule.place),
            (None, Origin::Label(place) | Origin::Override(_, place)) => Some(place),
            _ => None,
        };
        let place = places.then(place).flatten().map(|place| self.pack.written_at(place));
        ItemScore { item: item.id.clone(), value: mark.value, most: mark.most, reason, rule, place }
    }
}
