//! What agents send: its schema, and how an action becomes decisions.

use serde_json::{Map, Value, json};
use smallvec::{SmallVec, smallvec};

use super::{
    parameter::{Parameter, filled},
    tools::{Call, Tool, calls_only, with_calls},
    validator::Validator,
};
use crate::{
    expression::Effects,
    model::{ActionProblem, Cells, Column, Datum, MAX_TEXT, PathPart, ProblemKind},
    value::ValueType,
};

/// The maximum number of entries of one batch.
pub const MAX_BATCH: usize = 1_000;
/// The keyword of a schema that marks the property which names an item; validators pass over it.
pub const ITEM: &str = "x-item";

/// One property of an action.
#[derive(Debug, Clone)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Whether an action must hold it.
    pub required: bool,
    /// What it means.
    pub description: Option<String>,
    /// The type of one that decides nothing and names no item.
    pub parameter: Option<Parameter>,
}

/// What a property does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Fills a decision.
    Decides(usize),
    /// Names the item.
    Item,
    /// Is a value of a type.
    Free,
}

/// What the declaration of an action says, resolved.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a key of its own")]
pub struct Declaration {
    /// The property that holds the list of decisions; absent when an action decides about one item.
    pub list: Option<String>,
    /// Whether an item may be decided again.
    pub revise: bool,
    /// The properties.
    pub properties: Vec<Property>,
    /// Whether an action without an item means the first open one.
    pub default_current: bool,
    /// Whether an unknown or closed item refuses the action; else the step counts as invalid.
    pub refuse_unknown: bool,
    /// Whether what is invalid costs a step instead of being refused.
    pub penalizes: bool,
    /// Whether a decision must be given wherever its `when` is met, by column.
    pub needed: Vec<bool>,
}

/// What an action is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Decisions about items.
    Decisions,
    /// Values of a type.
    Values,
    /// Calls of tools, and nothing else.
    Tools,
}

/// A compiled action.
#[derive(Debug)]
pub struct ActionModel {
    /// What it is made of.
    pub form: Form,
    /// What was declared.
    pub declaration: Declaration,
    /// What agents may call.
    pub tools: Vec<Tool>,
    /// What an action other than a call does besides.
    pub effects: Effects,
    /// The minutes that an action other than a call takes on the episode's clock.
    pub minutes: u32,
    schema: Value,
    /// Holds an action to the schema.
    pub validator: Box<dyn Validator>,
}

/// One decision that an action proposes.
#[derive(Debug)]
pub struct Proposal<'a> {
    /// The item it names.
    pub item: Option<&'a str>,
    /// The decisions, by column.
    pub cells: Cells,
}

/// What an action wants.
#[derive(Debug)]
pub enum Intent<'a> {
    /// Decisions.
    Decide(SmallVec<[Proposal<'a>; 1]>),
    /// To act with these values, every property among them.
    Act(Map<String, Value>),
    /// An answer.
    Call(Call<'a>),
    /// The list of the tools.
    List,
}

impl ActionModel {
    /// Makes the schema of a declaration, and what holds actions to it; the error is the validator's word about the schema.
    pub fn new(
        form: Form,
        declaration: Declaration,
        (tools, effects): (Vec<Tool>, Effects),
        decisions: &[Column],
        title: &str,
        validator: impl FnOnce(&Value) -> Result<Box<dyn Validator>, String>,
    ) -> Result<Self, String> {
        let schema = match form {
            Form::Tools => calls_only(),
            _ => with_calls(schema(&declaration, decisions, title), &tools),
        };
        let validator = validator(&schema)?;
        Ok(Self { form, declaration, tools, effects, minutes: 0, schema, validator })
    }

    /// The schema of an action other than a call.
    pub fn own_schema(&self, decisions: &[Column], title: &str) -> Value {
        schema(&self.declaration, decisions, title)
    }

    /// The values that an action is made of where it decides nothing.
    pub fn parameters(&self) -> impl Iterator<Item = &Parameter> {
        self.declaration.properties.iter().filter_map(|property| property.parameter.as_ref())
    }

    /// Its JSON Schema.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// Reads an action: what it proposes or calls, or every problem of its shape.
    pub fn read<'a>(&self, action: &'a Value, decisions: &[Column]) -> Result<Intent<'a>, Vec<ActionProblem>> {
        if self.form == Form::Tools
            && let Some(map) = action.as_object().filter(|map| map.len() == 1)
            && map.get("type").is_some_and(|kind| kind == "list_tools")
        {
            return Ok(Intent::List);
        }
        if !self.validator.is_valid(action) {
            return Err(self.validator.problems(action, &|within| self.names(within)));
        }
        if let Some(call) = Tool::read(&self.tools, action) {
            return Ok(Intent::Call(call));
        }
        if self.form == Form::Values {
            return Ok(Intent::Act(filled(self.parameters(), action.as_object())));
        }
        let entries = match &self.declaration.list {
            None => std::slice::from_ref(action),
            Some(list) => action.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default(),
        };
        let mut problems = Vec::new();
        let mut proposals = SmallVec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            let mut proposal = Proposal { item: None, cells: smallvec![None; decisions.len()] };
            for property in &self.declaration.properties {
                let Some(value) = entry.get(&property.name).filter(|value| !value.is_null()) else { continue };
                match property.role {
                    Role::Item => proposal.item = value.as_str(),
                    Role::Free => {}
                    Role::Decides(column) => match Datum::read(&decisions[column], value) {
                        Ok(datum) => proposal.cells[column] = Some(datum),
                        Err(expected) => problems.push(ActionProblem {
                            kind: ProblemKind::Type,
                            path: self.path(at, Some(&property.name)),
                            message: format!("`{}` must be {expected}", property.name),
                            input: value.clone(),
                            limit: None,
                        }),
                    },
                }
            }
            proposals.push(proposal);
        }
        if problems.is_empty() { Ok(Intent::Decide(proposals)) } else { Err(problems) }
    }

    /// The path of an entry, or of one of its properties.
    pub fn path(&self, entry: usize, property: Option<&str>) -> Vec<PathPart> {
        let mut path = Vec::new();
        if let Some(list) = &self.declaration.list {
            path.push(PathPart::Key(list.clone()));
            path.push(PathPart::Index(entry));
        }
        path.extend(property.map(|name| PathPart::Key(name.to_owned())));
        path
    }

    /// The name of the property that names the item.
    pub fn item_property(&self) -> Option<&str> {
        self.declaration
            .properties
            .iter()
            .find(|property| property.role == Role::Item)
            .map(|property| property.name.as_str())
    }

    /// The name of the property that fills a decision.
    pub fn property_of(&self, column: usize) -> Option<&str> {
        self.declaration
            .properties
            .iter()
            .find(|property| property.role == Role::Decides(column))
            .map(|property| property.name.as_str())
    }

    /// Writes an action that decides about items.
    pub fn write(&self, entries: &[(&str, Cells)], decisions: &[Column]) -> Value {
        let mut written: Vec<Value> = entries
            .iter()
            .map(|(item, cells)| {
                let mut map = Map::new();
                for property in &self.declaration.properties {
                    let value = match property.role {
                        Role::Item => Some(Value::String((*item).to_owned())),
                        Role::Free => None,
                        Role::Decides(column) => {
                            cells.get(column).and_then(Option::as_ref).map(|datum| datum.to_json(&decisions[column]))
                        }
                    };
                    map.extend(value.map(|value| (property.name.clone(), value)));
                }
                Value::Object(map)
            })
            .collect();
        match &self.declaration.list {
            None => written.pop().unwrap_or_default(),
            Some(list) => json!({ list: written }),
        }
    }

    /// The names of the properties, within an entry or of the action itself.
    pub fn names(&self, within: bool) -> Vec<&str> {
        let mut names: Vec<&str> = match &self.declaration.list {
            Some(list) if !within => vec![list],
            _ => self.declaration.properties.iter().map(|property| property.name.as_str()).collect(),
        };
        if !within && !self.tools.is_empty() {
            names.extend(["tool_name", "arguments"]);
        }
        names
    }
}

fn schema(declaration: &Declaration, decisions: &[Column], title: &str) -> Value {
    let mut entry = entry_schema(declaration, decisions);
    match &declaration.list {
        None => {
            entry.insert("title".into(), title.into());
            Value::Object(entry)
        }
        Some(list) => json!({
            "title": title,
            "type": "object",
            "properties": { list: { "type": "array", "items": entry, "maxItems": MAX_BATCH } },
            "required": [list],
            "additionalProperties": false,
        }),
    }
}

fn entry_schema(declaration: &Declaration, decisions: &[Column]) -> Map<String, Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut conditions = Vec::new();
    for property in &declaration.properties {
        let mut schema = match property.role {
            Role::Free if let Some(parameter) = &property.parameter => parameter.schema(),
            Role::Item => json!({ "type": "string", "maxLength": MAX_TEXT, ITEM: true }),
            Role::Free => json!({ "type": "string", "maxLength": MAX_TEXT }),
            Role::Decides(column) => decisions[column].bounded_schema(),
        };
        if let Role::Decides(column) = property.role
            && declaration.needed[column]
            && !property.required
        {
            conditions.push(needed_schema(declaration, decisions, column, &property.name));
        }
        if property.required {
            required.push(property.name.as_str());
        } else if property.parameter.is_none() {
            allow_null(&mut schema);
        }
        if let (Some(description), Value::Object(map)) = (&property.description, &mut schema) {
            let about = match property.role {
                Role::Decides(column) => decisions[column].about(Some(description)),
                Role::Item | Role::Free => description.clone(),
            };
            map.insert("description".into(), about.into());
        }
        properties.insert(property.name.clone(), schema);
    }
    let mut map = Map::new();
    map.insert("type".into(), "object".into());
    map.insert("properties".into(), properties.into());
    map.insert("required".into(), required.into());
    map.insert("additionalProperties".into(), false.into());
    if !conditions.is_empty() {
        map.insert("allOf".into(), conditions.into());
    }
    map
}

/// Demands a property where the decisions that it depends on have the values that bring it into play.
fn needed_schema(declaration: &Declaration, decisions: &[Column], column: usize, name: &str) -> Value {
    let mut tested = Map::new();
    let mut present = Vec::new();
    for (other, values) in &decisions[column].when {
        let Some(property) = declaration.properties.iter().find(|property| property.role == Role::Decides(*other))
        else {
            continue;
        };
        let values: Vec<Value> = values.iter().map(|value| value.to_json(&decisions[*other])).collect();
        tested.insert(property.name.clone(), json!({ "enum": values }));
        present.push(property.name.as_str());
    }
    let mut value = json!({ "type": decisions[column].schema()["type"] });
    if decisions[column].kind == ValueType::Text {
        value["minLength"] = 1.into();
    }
    json!({ "if": { "properties": tested, "required": present }, "then": { "required": [name], "properties": { name: value } } })
}

pub(super) fn allow_null(schema: &mut Value) {
    if let Some(kind) = schema.get("type").cloned() {
        schema["type"] = json!([kind, "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}
