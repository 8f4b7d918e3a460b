//! The tree as written to nodes; names, references and weights are checked.

use std::{collections::HashMap, sync::Arc};

use casebook_runtime::{
    expression::Expression,
    json::Name,
    model::{Column, Datum, Place},
    plugin::Judge,
    rubric::{
        Node, NodeKind, Rubric,
        graders::{Expression as ExpressionGrader, JudgeGrader},
    },
    settings::RewardMode,
    value::ValueType,
};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec::{self, Document, NodeBody},
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{
    graders::{self, Built, Site},
    pumped, range,
};
use crate::{column, plugin::Declared};

/// How far weights may be from adding up to 1.
const WEIGHT_TOLERANCE: f64 = 1e-6;
/// The maximum number of nodes of one rubric; references may lead through all of them.
const MAX_NODES: usize = 1000;

/// What of an environment its rubrics are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The decisions.
    pub decisions: &'a [Column],
    /// The fields of items.
    pub fields: &'a Arc<[Column]>,
    /// The names of the tools.
    pub tools: &'a [String],
    /// The plugins, by name; `None` for one that was refused.
    pub plugins: &'a Declared,
    /// Who is asked where language models grade.
    pub judge: &'a Judge,
    /// Whether an action decides about one item, once.
    pub single: bool,
    /// Whether decisions can be revised.
    pub revise: bool,
    /// Whether a step may decide nothing new.
    pub idle: bool,
}

/// Makes an expression that is written in a document; problems go to the report.
type AddExpression<'a> = dyn FnMut(&Document, &str, &str, &mut Report) -> Option<Expression> + 'a;

/// Compiles a rubric; every problem goes to the report.
pub(crate) fn compile(
    document: &Document,
    spec: &spec::Rubric,
    around: Surroundings<'_>,
    add: &mut AddExpression<'_>,
    report: &mut Report,
) -> Option<Rubric> {
    let before = report.errors();
    let components: Vec<String> = spec.reward.sum.iter().map(|node| node.name.clone().unwrap_or_default()).collect();
    let mut builder = Builder {
        document,
        around,
        components: if spec.reward.mode == RewardMode::Sum { &components } else { &[] },
        nodes: Vec::new(),
        names: HashMap::new(),
        refs: Vec::new(),
        row_graders: 0,
        reward: true,
        add,
        expressions: Vec::new(),
        judges: Vec::new(),
    };
    let mut component_nodes = Vec::new();
    for (at, node) in spec.reward.sum.iter().enumerate() {
        let pointer = format!("/reward/sum/{at}");
        if node.name.is_none() {
            report.push(
                document
                    .at(Code::MissingKey, &pointer, "a component of the reward needs a `name`")
                    .hint("add `name:`; breakdowns and `steps` use it"),
            );
        }
        builder.refuse_weight(node, &pointer, "a component of the reward", report);
        component_nodes.extend(builder.node(node, &pointer, report));
    }
    match spec.reward.mode {
        RewardMode::Sum if spec.reward.sum.is_empty() => report.push(
            document
                .at(Code::BadDeclaration, "/reward", "a reward with `mode: sum` needs components under `sum`")
                .hint("add `sum:`, or set `mode: best_so_far` so that the score itself is the reward"),
        ),
        RewardMode::Sum => {}
        _ if spec.reward.sum.is_empty() => {}
        _ => report.push(
            document
                .at_key(Code::BadDeclaration, "/reward/sum", "only `mode: sum` has components")
                .hint("remove `sum`, or set `mode: sum`"),
        ),
    }
    builder.reward = false;
    builder.refuse_weight(&spec.score, "/score", "the score itself", report);
    let score = builder.node(&spec.score, "/score", report);
    builder.resolve(report);
    if builder.nodes.len() > MAX_NODES {
        let count = builder.nodes.len();
        report.push(
            document
                .at_key(Code::TooManyNodes, "/score", format!("the rubric has {count} nodes; {MAX_NODES} are allowed"))
                .hint("combine some of them, or use several rubrics"),
        );
        return None;
    }
    let Builder { nodes, row_graders, expressions, judges, .. } = builder;
    check_cycles(document, &nodes, report);
    let score = score.filter(|_| report.errors() == before)?;
    // A component without a name is an error of the pack.
    let component_names = component_nodes.iter().filter_map(|at| nodes[*at].name.clone()).collect();
    let has_plugins = nodes.iter().any(|node| ["plugin", "judge"].contains(&node.what));
    let rubric = Rubric {
        name: spec.name.clone(),
        mode: spec.reward.mode,
        explain: spec.reward.explain,
        clip: spec.reward.clip.map(|[low, high]| (low, high)),
        round: spec.round,
        nodes,
        components: component_nodes,
        component_names,
        score,
        row_graders,
        has_plugins,
        judges,
        has_extremes: serde_json::to_value(spec).is_ok_and(|rubric| has_extremes(&rubric)),
        expressions,
    };
    if spec.reward.clip.is_some_and(|[low, high]| low > high) {
        report.push(
            document
                .at(Code::OutOfBounds, "/reward/clip", "the first bound is above the second")
                .hint("write the least value first"),
        );
        return Some(rubric);
    }
    range::check(document, &rubric, report);
    pumped::check(document, &rubric, around, report);
    Some(rubric)
}

/// Whether a number in a document is so great or so small that products and sums with it may not be finite.
fn has_extremes(value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            let size = number.as_f64().unwrap_or_default().abs();
            size > 1e3 || (size < 1e-3 && size > 0.0)
        }
        Value::Array(list) => list.iter().any(has_extremes),
        Value::Object(map) => map.values().any(has_extremes),
        _ => false,
    }
}

/// Replaces weights of the score by name, as a task says.
pub(crate) fn with_weights(
    rubric: &Rubric,
    weights: &IndexMap<String, f64>,
    document: &Document,
    report: &mut Report,
) -> Rubric {
    let mut rubric = rubric.clone();
    if weights.is_empty() {
        return rubric;
    }
    let before = report.errors();
    let known: Vec<String> = rubric.weights().into_iter().map(|(name, _)| name.to_owned()).collect();
    for (name, weight) in weights {
        match rubric.nodes.iter_mut().find(|node| node.name.as_deref() == Some(name) && known.contains(name)) {
            Some(node) => node.weight = *weight,
            None => report.push(
                document
                    .at_key(
                        Code::UnknownName,
                        format!("/weights/{name}"),
                        format!("the score of `{}` has no weighted component `{name}`", rubric.name),
                    )
                    .maybe_hint(suggest(name, known.iter().map(String::as_str))),
            ),
        }
    }
    let total: f64 = rubric.weights().iter().map(|(_, weight)| weight.max(0.0)).sum();
    // A misspelt name leaves another weight as it was; the sum would only repeat that.
    if report.errors() == before && (total - 1.0).abs() > WEIGHT_TOLERANCE {
        report.push(
            document
                .at_key(Code::Weights, "/weights", format!("the weights add up to {}, not to 1", round(total)))
                .hint(excess(total, "components that the task does not name keep the rubric's weight")),
        );
    }
    rubric
}

/// What to do about weights that do not add up to 1.
fn excess(total: f64, more: &str) -> String {
    let by = round((total - 1.0).abs());
    let change = if total > 1.0 { format!("take `{by}` off") } else { format!("give `{by}` more to") };
    format!("{change} one of them; {more}")
}

/// Reads a map of decision -> value or values.
pub(crate) fn decision_values(
    document: &Document,
    pointer: &str,
    given: &Map<String, Value>,
    decisions: &[Column],
    report: &mut Report,
) -> Vec<(usize, Vec<Datum>)> {
    let mut result = Vec::new();
    for (name, value) in given {
        let path = format!("{pointer}/{name}");
        let Some(at) = decisions.iter().position(|column| column.name == *name) else {
            let names = decisions.iter().map(|column| column.name.as_str());
            report.push(
                document
                    .at_key(Code::UnknownName, path, format!("there is no decision `{name}`"))
                    .maybe_hint(document.comma(pointer, name).or_else(|| suggest(name, names))),
            );
            continue;
        };
        // A list of names is one set; several sets are a list of lists.
        let one_set = decisions[at].kind == ValueType::Set && !is_list_of_lists(value);
        let (values, listed) = match value {
            Value::Array(values) if !one_set => (values.as_slice(), true),
            one => (std::slice::from_ref(one), false),
        };
        let mut data = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let path = if listed { format!("{path}/{index}") } else { path.clone() };
            data.extend(column::read(&decisions[at], document, Code::BadValue, &path, value, report));
        }
        result.push((at, data));
    }
    result
}

/// Whether a value is a list that holds lists.
pub(crate) fn is_list_of_lists(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.first().is_some_and(Value::is_array))
}

struct Builder<'a, 'b> {
    document: &'a Document,
    around: Surroundings<'a>,
    components: &'a [String],
    nodes: Vec<Node>,
    names: HashMap<String, usize>,
    /// References that wait for their names: the node, the name, its place.
    refs: Vec<(usize, String, String)>,
    row_graders: usize,
    reward: bool,
    add: &'a mut AddExpression<'b>,
    expressions: Vec<(String, bool, Expression)>,
    judges: Vec<(usize, Arc<JudgeGrader>)>,
}

impl Builder<'_, '_> {
    fn node(&mut self, node: &spec::Node, pointer: &str, report: &mut Report) -> Option<usize> {
        let kind = match &node.body {
            NodeBody::Grader(grader) => self.grader(grader, pointer, report),
            NodeBody::Container(container) => self.container(container, pointer, report),
        }?;
        let at = self.nodes.len();
        if let NodeKind::Ref(_) = kind
            && let NodeBody::Container(container) = &node.body
        {
            self.refs.push((at, container.reference.clone().unwrap_or_default(), format!("{pointer}/ref")));
        }
        if let Some(name) = &node.name
            && let Some(first) = self.names.insert(name.clone(), at)
        {
            let places = [format!("{pointer}/name"), format!("{}/name", self.nodes[first].pointer)];
            let second = places.into_iter().max_by_key(|path| self.document.tree.key_place(path).span.start);
            report.push(
                self.document
                    .at(Code::DuplicateName, second.unwrap_or_default(), format!("two nodes have the name `{name}`"))
                    .hint("rename one of the two"),
            );
        }
        if node.times == Some(0.0) {
            report.push(
                self.document
                    .at(
                        Code::BadValue,
                        format!("{pointer}/times"),
                        "nothing is left of a value that is multiplied by 0",
                    )
                    .hint("write another number, or remove the node"),
            );
        }
        self.nodes.push(Node {
            name: node.name.as_deref().map(Name::new),
            pointer: pointer.to_owned(),
            place: self.place(pointer),
            weight: node.weight.unwrap_or(1.0),
            times: node.times.unwrap_or(1.0),
            what: match &node.body {
                NodeBody::Grader(grader) => grader.tag(),
                NodeBody::Container(container) => container.key(),
            },
            params: match &node.body {
                NodeBody::Grader(grader) => serde_json::to_value(grader).unwrap_or_default(),
                NodeBody::Container(_) => Value::Null,
            },
            kind,
        });
        Some(at)
    }

    /// The file and line of a node.
    fn place(&self, pointer: &str) -> Place {
        let (path, line) = self.document.line(pointer);
        Place { path, line }
    }

    fn grader(&mut self, grader: &spec::Grader, pointer: &str, report: &mut Report) -> Option<NodeKind> {
        if let spec::Grader::Expression(params) = grader {
            let expression = (self.add)(self.document, &format!("{pointer}/value"), &params.value.0, report)?;
            self.expressions.push((pointer.to_owned(), self.reward, expression));
            let grader = Arc::new(ExpressionGrader(self.expressions.len() - 1));
            return Some(NodeKind::Whole(grader));
        }
        let site = Site {
            document: self.document,
            pointer,
            decisions: self.around.decisions,
            fields: self.around.fields,
            components: self.components,
            tools: self.around.tools,
            plugins: self.around.plugins,
            judge: self.around.judge,
            reward: self.reward,
            single: self.around.single,
        };
        Some(match graders::build(grader, &site, report)? {
            Built::Row(grader) => {
                self.row_graders += 1;
                NodeKind::Row(self.row_graders - 1, grader)
            }
            Built::Whole(grader) => NodeKind::Whole(grader),
            Built::Judge(grader) => {
                self.row_graders += 1;
                // A grader has no nodes below it, so that its own is the next one.
                self.judges.push((self.nodes.len(), Arc::clone(&grader)));
                NodeKind::Row(self.row_graders - 1, grader)
            }
        })
    }

    /// Warns of a gate that never opens: graders give at most 1, and so do most nodes that combine them.
    fn check_threshold(&self, gate: &spec::Gate, pointer: &str, report: &mut Report) {
        if gate.above >= 1.0 && !serde_json::to_value(&gate.test).is_ok_and(|node| may_exceed_one(&node)) {
            let message = format!("the gate never opens: no value of this node is above `{}`", gate.above);
            report.push(
                self.document
                    .at(Code::NoEffect, pointer, message)
                    .hint("write a number below 1, such as `0.5`; the value of the node must be greater"),
            );
        }
    }

    fn container(&mut self, container: &spec::Container, pointer: &str, report: &mut Report) -> Option<NodeKind> {
        let keys = container.keys();
        match keys.as_slice() {
            [_] => {}
            [] => {
                report.push(self.document.at(Code::BadDeclaration, pointer, "this node is neither a grader nor a container").hint(
                    "add `grader:` with a grader's name, or one of `weighted_sum`, `add`, `product`, `min`, `mean`, `sequential`, `all`, `gate`, `ref`",
                ));
                return None;
            }
            several => {
                let place = |key: &&&str| self.document.tree.key_place(&format!("{pointer}/{key}")).span.start;
                let second = several.iter().max_by_key(place).copied().unwrap_or_default();
                report.push(
                    self.document
                        .at_key(
                            Code::BadDeclaration,
                            format!("{pointer}/{second}"),
                            format!("a node is one thing, but this is `{}`", keys.join("` and `")),
                        )
                        .hint("put one of them into a node of its own"),
                );
                return None;
            }
        }
        if let Some(gate) = &container.gate {
            for (node, key) in [(&gate.test, "if"), (&gate.then, "then")] {
                self.refuse_weight(node, &format!("{pointer}/gate/{key}"), "a node of `gate`", report);
            }
            self.check_threshold(gate, &format!("{pointer}/gate/above"), report);
            let test = self.node(&gate.test, &format!("{pointer}/gate/if"), report);
            let then = self.node(&gate.then, &format!("{pointer}/gate/then"), report);
            return Some(NodeKind::Gate { test: test?, above: gate.above, then: then? });
        }
        if container.reference.is_some() {
            return Some(NodeKind::Ref(usize::MAX));
        }
        if let Some(nodes) = &container.weighted_sum {
            self.check_weights(nodes, &format!("{pointer}/weighted_sum"), report);
            return self.children(nodes, pointer, "weighted_sum", report).map(NodeKind::WeightedSum);
        }
        let lists: [ListContainer<'_>; 6] = [
            ("add", &container.add, NodeKind::Add),
            ("product", &container.product, NodeKind::Product),
            ("min", &container.min, NodeKind::Min),
            ("mean", &container.mean, NodeKind::Mean),
            ("sequential", &container.sequential, NodeKind::Sequential),
            ("all", &container.all, NodeKind::All),
        ];
        let (key, nodes, make) = lists.into_iter().find_map(|(key, nodes, make)| Some((key, nodes.as_ref()?, make)))?;
        self.children(nodes, pointer, key, report).map(make)
    }

    fn children(&mut self, nodes: &[spec::Node], pointer: &str, key: &str, report: &mut Report) -> Option<Vec<usize>> {
        let built: Vec<Option<usize>> = nodes
            .iter()
            .enumerate()
            .map(|(at, node)| {
                let path = format!("{pointer}/{key}/{at}");
                if key != "weighted_sum" {
                    self.refuse_weight(node, &path, &format!("a node of `{key}`"), report);
                }
                self.node(node, &path, report)
            })
            .collect();
        built.into_iter().collect()
    }

    /// Refuses a weight that nothing multiplies.
    fn refuse_weight(&self, node: &spec::Node, pointer: &str, what: &str, report: &mut Report) {
        if node.weight.is_some() {
            report.push(
                self.document
                    .at_key(Code::BadDeclaration, format!("{pointer}/weight"), format!("{what} has no weight"))
                    .hint("write `times` to multiply its value, or use `weighted_sum`"),
            );
        }
    }

    fn check_weights(&self, nodes: &[spec::Node], pointer: &str, report: &mut Report) {
        let mut total = 0.0;
        for (at, node) in nodes.iter().enumerate() {
            if let Some(weight) = node.weight {
                total += weight.max(0.0);
            } else {
                report.push(
                    self.document
                        .at(Code::MissingKey, format!("{pointer}/{at}"), "a node of a `weighted_sum` needs a `weight`")
                        .hint("add `weight:`"),
                );
                return;
            }
        }
        if (total - 1.0).abs() > WEIGHT_TOLERANCE {
            report.push(
                self.document
                    .at_key(
                        Code::Weights,
                        pointer,
                        format!("the positive weights add up to {}, not to 1", round(total)),
                    )
                    .hint(excess(total, "scale them so that a perfect episode scores 1")),
            );
        }
    }

    fn resolve(&mut self, report: &mut Report) {
        for (at, name, pointer) in std::mem::take(&mut self.refs) {
            if let Some(target) = self.names.get(&name) {
                self.nodes[at].kind = NodeKind::Ref(*target);
            } else {
                let mut names: Vec<&str> = self.names.keys().map(String::as_str).collect();
                names.sort_unstable();
                report.push(
                    self.document
                        .at(Code::UnknownName, pointer, format!("no node has the name `{name}`"))
                        .maybe_hint(suggest(&name, names)),
                );
                // Points at itself so that nothing is left dangling; the error above keeps it from running.
                self.nodes[at].kind = NodeKind::Add(Vec::new());
            }
        }
    }
}

/// A container that is a list: its key, its nodes, and what they make.
type ListContainer<'a> = (&'a str, &'a Option<Vec<spec::Node>>, fn(Vec<usize>) -> NodeKind);

/// Reports references that lead back to themselves.
fn check_cycles(document: &Document, nodes: &[Node], report: &mut Report) {
    #[derive(Clone, Copy, PartialEq)]
    enum Mark {
        New,
        Open,
        Done,
    }
    fn visit(at: usize, nodes: &[Node], marks: &mut [Mark], path: &mut Vec<usize>, found: &mut Vec<usize>) {
        if marks[at] != Mark::New {
            return;
        }
        marks[at] = Mark::Open;
        path.push(at);
        for next in nodes[at].kind.children() {
            if marks[next] == Mark::Open {
                // The tree itself has no circle, so a reference closes it.
                let circle = path.iter().rev().take_while(|node| **node != next).chain(std::iter::once(&next));
                found.extend(circle.copied().find(|node| matches!(nodes[*node].kind, NodeKind::Ref(_))));
            } else {
                visit(next, nodes, marks, path, found);
            }
        }
        path.pop();
        marks[at] = Mark::Done;
    }
    let mut marks = vec![Mark::New; nodes.len()];
    let mut found = Vec::new();
    for at in 0..nodes.len() {
        visit(at, nodes, &mut marks, &mut Vec::new(), &mut found);
    }
    for at in found {
        let pointer = format!("{}/ref", nodes[at].pointer);
        report.push(
            document
                .at(Code::Cycle, pointer, "this reference leads back to itself")
                .hint("a node cannot be part of its own value"),
        );
    }
}

fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Whether the value of a node may be above 1: of what is added up or multiplied by a number, and of what others compute.
fn may_exceed_one(node: &Value) -> bool {
    match node {
        Value::Object(map) => map.iter().any(|(key, value)| {
            ["times", "add", "ref"].contains(&key.as_str()) && !value.is_null()
                || key == "grader" && ["expression", "plugin", "judge"].iter().any(|grader| value == grader)
                || may_exceed_one(value)
        }),
        Value::Array(list) => list.iter().any(may_exceed_one),
        _ => false,
    }
}
