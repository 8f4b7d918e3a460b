//! Every name of a pack: where it is defined and where it is used.
//!
//! Names are followed through `extends`, since each key of a merged document keeps the file that it is written in, through the
//! cells of tables, and into templates and expressions.

use std::{ops::Range, path::Path, sync::Arc};

use casebook_syntax::spec::{Document, Kind};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::rules::takes_list;

/// What a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// A field of the items.
    Field,
    /// A decision.
    Decision,
    /// A value of a field or of a decision; its owner is that one.
    Value,
    /// A constant.
    Data,
    /// A variable of the state.
    State,
    /// An argument of a reset.
    ResetArgument,
    /// A property of the action.
    Property,
    /// A tool.
    Tool,
    /// An argument of a tool; its owner is that one.
    Argument,
    /// A field of the observation.
    Observation,
    /// A plugin.
    Plugin,
    /// A document with rules.
    Rules,
    /// A rule; its owner is its document.
    Rule,
    /// A named list; its owner is its document.
    List,
    /// A rubric.
    Rubric,
    /// A node of a rubric; its owner is that one.
    Node,
    /// A task.
    Task,
    /// What a task lets vary.
    Variable,
    /// An inbox.
    Inbox,
    /// A generator.
    Generator,
    /// A slot of a generator; its owner is that one.
    Slot,
    /// A phrase of a generator; its owner is that one.
    Phrase,
    /// A pool of a generator; its owner is that one.
    Pool,
    /// A level of a generator; its owner is that one.
    Level,
    /// A policy of the pack.
    Policy,
}

/// A name of a pack, with all of its places.
#[derive(Debug, Clone)]
pub struct Symbol {
    /// What it names.
    pub kind: NameKind,
    /// What it is a part of, where names of the kind are only unique within that.
    pub owner: Option<String>,
    /// The name.
    pub name: String,
    /// Where it is defined. Several tasks may each define a variable; a name that nothing defines has no place.
    pub definitions: Vec<Location>,
    /// Where it is used, in the order of documents.
    pub uses: Vec<Location>,
}

/// Where a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file.
    pub path: Arc<Path>,
    /// The bytes in it; quotes around the name may be part of them.
    pub span: Range<usize>,
}

/// The names of a pack, of its documents as they are laid over those that they extend.
pub fn symbols<'a>(documents: impl IntoIterator<Item = &'a Arc<Document>>) -> Vec<Symbol> {
    let documents: Vec<&Document> = documents.into_iter().map(Arc::as_ref).collect();
    let mut table = Table::default();
    for kind in [
        Kind::Environment,
        Kind::Rubric,
        Kind::Inbox,
        Kind::Generator,
        Kind::Rules,
        Kind::Task,
        Kind::Policy,
        Kind::Test,
    ] {
        for document in documents.iter().filter(|document| document.content.kind() == kind) {
            let reader = Reader { document, value: &document.value };
            match kind {
                Kind::Environment => reader.environment(&mut table),
                Kind::Rubric => reader.rubric(&mut table),
                Kind::Inbox => reader.inbox(&mut table),
                Kind::Generator => reader.generator(&mut table),
                Kind::Rules => reader.rules(&mut table),
                Kind::Task => reader.task(&mut table),
                Kind::Policy => reader.policy(&mut table),
                Kind::Test => reader.test(&mut table),
            }
        }
    }
    let symbol =
        |((kind, owner, name), (definitions, uses)): (Key, Places)| Symbol { kind, owner, name, definitions, uses };
    table.names.into_iter().map(symbol).collect()
}

type Key = (NameKind, Option<String>, String);
/// Where something is defined, and where it is used.
type Places = (Vec<Location>, Vec<Location>);

#[derive(Default)]
struct Table {
    names: IndexMap<Key, Places>,
    /// Fields and decisions that have values.
    choices: Vec<String>,
}

impl Table {
    fn places(&mut self, kind: NameKind, owner: Option<&str>, name: &str) -> &mut Places {
        self.names.entry((kind, owner.map(str::to_owned), name.to_owned())).or_default()
    }

    /// Whether something has a name of its own.
    fn defines(&self, kind: NameKind, owner: &str, name: &str) -> bool {
        let key = (kind, Some(owner.to_owned()), name.to_owned());
        self.names.get(&key).is_some_and(|(definitions, _)| !definitions.is_empty())
    }

    fn define(&mut self, kind: NameKind, owner: Option<&str>, name: &str, at: Location) {
        self.places(kind, owner, name).0.push(at);
    }

    fn mention(&mut self, kind: NameKind, owner: Option<&str>, name: &str, at: Location) {
        self.places(kind, owner, name).1.push(at);
    }
}

/// A document whose names are read.
#[derive(Clone, Copy)]
struct Reader<'a> {
    document: &'a Document,
    value: &'a Value,
}

impl<'a> Reader<'a> {
    fn name(self) -> &'a str {
        self.document.content.name()
    }

    fn get(self, pointer: &str) -> Option<&'a Value> {
        self.value.pointer(pointer)
    }

    /// The place of a value.
    fn at(self, pointer: &str) -> Location {
        let (file, span) = self.document.place(pointer);
        Location { path: Arc::clone(&file.path), span }
    }

    /// The place of a key.
    fn at_key(self, pointer: &str) -> Location {
        let (file, span) = self.document.key_place(pointer);
        Location { path: Arc::clone(&file.path), span }
    }

    /// The keys of a map, each with the pointer to its value.
    fn keys(self, pointer: &str) -> Vec<(&'a str, String)> {
        let map = self.get(pointer).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, _)| (key.as_str(), format!("{pointer}/{}", escaped(key)))).collect()
    }

    /// The entries of a list that are texts, each with its pointer; a text alone is one.
    fn texts(self, pointer: &str) -> Vec<(&'a str, String)> {
        match self.get(pointer) {
            Some(Value::String(text)) => vec![(text.as_str(), pointer.to_owned())],
            Some(Value::Array(list)) => {
                let texts = list.iter().enumerate().filter_map(|(at, one)| Some((one.as_str()?, at)));
                texts.map(|(text, at)| (text, format!("{pointer}/{at}"))).collect()
            }
            _ => Vec::new(),
        }
    }

    fn define_keys(self, kind: NameKind, owner: Option<&str>, pointer: &str, table: &mut Table) {
        for (name, path) in self.keys(pointer) {
            table.define(kind, owner, name, self.at_key(&path));
        }
    }

    fn mention_text(self, kind: NameKind, owner: Option<&str>, pointer: &str, table: &mut Table) {
        for (name, path) in self.texts(pointer) {
            table.mention(kind, owner, name, self.at(&path));
        }
    }

    fn mention_keys(self, kind: NameKind, owner: Option<&str>, pointer: &str, table: &mut Table) {
        for (name, path) in self.keys(pointer) {
            table.mention(kind, owner, name, self.at_key(&path));
        }
    }

    /// Values of a field or decision, where that has some.
    fn values(self, owner: &str, pointer: &str, table: &mut Table) {
        if table.choices.iter().any(|known| known == owner) {
            for (name, path) in self.texts(pointer).into_iter().filter(|(text, _)| !text.contains("{{")) {
                table.mention(NameKind::Value, Some(owner), name, self.at(&path));
            }
        }
    }

    /// A map of names of columns and their values.
    fn columns(self, kind: NameKind, pointer: &str, table: &mut Table) {
        self.mention_keys(kind, None, pointer, table);
        for (name, path) in self.keys(pointer) {
            self.values(&owner(kind, name), &path, table);
        }
    }

    fn environment(self, table: &mut Table) {
        for (kind, pointer) in [(NameKind::Field, "/item/fields"), (NameKind::Decision, "/decision")] {
            self.define_keys(kind, None, pointer, table);
            for (name, path) in self.keys(pointer) {
                let owner = owner(kind, name);
                let values = self.texts(&format!("{path}/values"));
                if !values.is_empty() {
                    table.choices.push(owner.clone());
                }
                for (value, path) in values {
                    table.define(NameKind::Value, Some(&owner), value, self.at(&path));
                }
            }
        }
        for (kind, pointer) in [
            (NameKind::Data, "/data"),
            (NameKind::State, "/state"),
            (NameKind::ResetArgument, "/reset/arguments"),
            (NameKind::Tool, "/tools"),
            (NameKind::Plugin, "/plugins"),
            (NameKind::Property, "/action/properties"),
            (NameKind::Observation, "/observation"),
        ] {
            self.define_keys(kind, None, pointer, table);
        }
        if let Some(tool) = self.get("/action/tool").and_then(Value::as_str) {
            table.define(NameKind::Tool, None, tool, self.at("/action/tool"));
        }
        for (_, path) in self.keys("/item/fields") {
            self.mention_text(NameKind::Field, None, &format!("{path}/read_from"), table);
        }
        for (_, path) in self.keys("/decision") {
            self.columns(NameKind::Decision, &format!("{path}/when"), table);
            self.mention_text(NameKind::Rules, None, &format!("{path}/truth/rules"), table);
            self.order(&format!("{path}/truth/order_by"), table);
        }
        for (_, path) in self.keys("/action/properties") {
            self.mention_text(NameKind::Decision, None, &format!("{path}/decides"), table);
        }
        for (tool, path) in self.keys("/tools") {
            self.define_keys(NameKind::Argument, Some(tool), &format!("{path}/arguments"), table);
            self.mention_text(NameKind::Field, None, &format!("{path}/reveals"), table);
            self.mention_text(NameKind::Field, None, &format!("{path}/result/hidden"), table);
            self.mention_text(NameKind::Plugin, None, &format!("{path}/result/plugin"), table);
            self.template(Some(tool), &format!("{path}/result"), table);
            let answers = self.get(&format!("{path}/answers")).and_then(Value::as_array).map_or(0, Vec::len);
            for at in 0..answers {
                let path = format!("{path}/answers/{at}");
                let when = format!("{path}/when");
                self.condition_of(Some(tool), &when, self.get(&when), table);
                self.mention_text(NameKind::Field, None, &format!("{path}/reveals"), table);
                self.template(Some(tool), &format!("{path}/say"), table);
            }
            self.effects(Some(tool), &path, table);
        }
        self.effects(None, "/action", table);
        for (_, path) in self.keys("/state") {
            self.expression(None, &format!("{path}/value"), table);
        }
        self.expression(None, "/done", table);
        for (_, path) in self.keys("/observation") {
            for key in ["log", "feedback", "template"] {
                self.template(None, &format!("{path}/{key}"), table);
            }
            self.expression(None, &format!("{path}/value"), table);
        }
        self.policies("/baseline", table);
    }

    /// What an action or a call does, and what it reads for that.
    fn effects(self, tool: Option<&str>, path: &str, table: &mut Table) {
        for key in ["value", "fail", "wait"] {
            self.expression(tool, &format!("{path}/{key}"), table);
        }
        let set = format!("{path}/set");
        self.mention_keys(NameKind::State, None, &set, table);
        for (_, path) in self.keys(&set) {
            self.expression(tool, &path, table);
        }
    }

    /// Names of policies, except those that are built in and those that are made of decisions.
    fn policies(self, pointer: &str, table: &mut Table) {
        for (name, path) in self.texts(pointer).into_iter().filter(|(name, _)| is_of_pack(name)) {
            table.mention(NameKind::Policy, None, name, self.at(&path));
        }
    }

    fn rubric(self, table: &mut Table) {
        table.define(NameKind::Rubric, None, self.name(), self.at("/name"));
        self.nodes("/reward/sum", self.get("/reward/sum"), table);
        self.nodes("/score", self.get("/score"), table);
    }

    /// The nodes at and below a place.
    fn nodes(self, pointer: &str, value: Option<&Value>, table: &mut Table) {
        match value {
            Some(Value::Array(list)) => {
                for (at, node) in list.iter().enumerate() {
                    self.nodes(&format!("{pointer}/{at}"), Some(node), table);
                }
            }
            Some(Value::Object(node)) => self.node(pointer, node, table),
            _ => {}
        }
    }

    fn node(self, pointer: &str, node: &Map<String, Value>, table: &mut Table) {
        let path = |key: &str| format!("{pointer}/{key}");
        let rubric = self.name();
        if let Some(name) = node.get("name").and_then(Value::as_str) {
            table.define(NameKind::Node, Some(rubric), name, self.at(&path("name")));
        }
        self.mention_text(NameKind::Node, Some(rubric), &path("ref"), table);
        match node.get("grader").and_then(Value::as_str) {
            None => {
                for (key, value) in node.iter().filter(|(_, value)| value.is_array() || value.is_object()) {
                    self.nodes(&path(key), Some(value), table);
                }
            }
            Some("expression") => self.expression(None, &path("value"), table),
            Some("steps") => {
                self.mention_text(NameKind::Node, Some(rubric), &path("components"), table);
                self.columns(NameKind::Decision, &path("where"), table);
            }
            Some("tool_calls") => self.mention_text(NameKind::Tool, None, &path("tools"), table),
            Some("deadline") => self.mention_text(NameKind::Field, None, &path("field"), table),
            Some(grader) => {
                self.mention_text(NameKind::Decision, None, &path("field"), table);
                if grader == "plugin" {
                    self.mention_text(NameKind::Plugin, None, &path("plugin"), table);
                }
                let field = node.get("field").and_then(Value::as_str).map(|name| owner(NameKind::Decision, name));
                if let Some(field) = field.as_deref() {
                    self.values(field, &path("values"), table);
                }
                for cells in [path("cells"), path("partial")] {
                    self.mention_keys(NameKind::Value, field.as_deref(), &cells, table);
                    for (_, row) in self.keys(&cells) {
                        self.mention_keys(NameKind::Value, field.as_deref(), &row, table);
                    }
                }
            }
        }
    }

    fn inbox(self, table: &mut Table) {
        table.define(NameKind::Inbox, None, self.name(), self.at("/name"));
        let items = self.get("/items").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..items {
            let path = format!("/items/{at}");
            self.columns(NameKind::Field, &format!("{path}/fields"), table);
            self.columns(NameKind::Decision, &format!("{path}/labels"), table);
            for (decision, path) in self.keys(&format!("{path}/labels")) {
                self.values(&owner(NameKind::Decision, decision), &format!("{path}/value"), table);
            }
            for part in ["fields", "labels"] {
                let path = format!("{path}/{part}");
                self.templates_below(None, &path, self.get(&path), table);
            }
        }
    }

    fn rules(self, table: &mut Table) {
        table.define(NameKind::Rules, None, self.name(), self.at("/name"));
        self.define_keys(NameKind::List, Some(self.name()), "/lists", table);
        let rules = self.get("/rules").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..rules {
            let path = format!("/rules/{at}");
            if let Some(id) = self.get(&format!("{path}/id")).and_then(Value::as_str) {
                table.define(NameKind::Rule, Some(self.name()), id, self.at(&format!("{path}/id")));
            }
            for key in ["when", "except"] {
                let path = format!("{path}/{key}");
                self.condition(&path, self.get(&path), table);
            }
            self.columns(NameKind::Decision, &format!("{path}/then"), table);
        }
        self.columns(NameKind::Decision, "/default", table);
        self.table(table);
    }

    /// A condition: a map of fields, and of groups of conditions.
    fn condition(self, pointer: &str, value: Option<&Value>, table: &mut Table) {
        self.condition_of(None, pointer, value, table);
    }

    /// The same of a condition that may also read the arguments of a tool.
    fn condition_of(self, tool: Option<&str>, pointer: &str, value: Option<&Value>, table: &mut Table) {
        let Some(map) = value.and_then(Value::as_object) else { return };
        for (key, value) in map {
            let path = format!("{pointer}/{}", escaped(key));
            match (key.as_str(), value) {
                ("any" | "all", Value::Array(parts)) => {
                    for (at, part) in parts.iter().enumerate() {
                        self.condition_of(tool, &format!("{path}/{at}"), Some(part), table);
                    }
                }
                ("not", Value::Object(_)) => self.condition_of(tool, &path, Some(value), table),
                (name, _) if tool.is_some_and(|tool| table.defines(NameKind::Argument, tool, name)) => {
                    table.mention(NameKind::Argument, tool, name, self.at_key(&path));
                }
                (field, value) => {
                    table.mention(NameKind::Field, None, field, self.at_key(&path));
                    let owner = owner(NameKind::Field, field);
                    match value {
                        Value::Object(operators) => {
                            for operator in operators.keys() {
                                self.operand(&owner, operator, &format!("{path}/{operator}"), table);
                            }
                        }
                        _ => self.values(&owner, &path, table),
                    }
                }
            }
        }
    }

    /// What ranks follow from; a name with a sign before it is not renamed, for it is not the whole text.
    fn order(self, path: &str, table: &mut Table) {
        let names = self.get(path).and_then(Value::as_array);
        for (at, name) in names.into_iter().flatten().enumerate() {
            let Some(name) = name.as_str() else { continue };
            let field = self.get("/item/fields").and_then(|fields| fields.get(name)).is_some();
            let kind = if field { NameKind::Field } else { NameKind::Decision };
            if !name.starts_with('-') {
                self.mention_text(kind, None, &format!("{path}/{at}"), table);
            }
        }
    }

    /// What an operator compares with: the name of a list, or values.
    fn operand(self, owner: &str, operator: &str, path: &str, table: &mut Table) {
        match (operator, self.get(path)) {
            (_, Some(Value::String(list))) if takes_list(operator) => {
                table.mention(NameKind::List, Some(self.name()), list, self.at(path));
            }
            ("gt" | "gte" | "lt" | "lte" | "eq" | "ne", Some(Value::Object(bound))) => {
                if let Some(field) = bound.get("field").and_then(Value::as_str) {
                    table.mention(NameKind::Field, None, field, self.at(&format!("{path}/field")));
                }
            }
            ("some" | "every" | "none" | "where" | "count", Some(Value::Object(condition))) => {
                self.lists_within(path, condition, table);
            }
            ("eq" | "ne" | "in" | "has_any" | "has_all" | "only", _) => self.values(owner, path, table),
            _ => {}
        }
    }

    /// The lists that a condition on entries names; what else it names are properties, and a property is not a name of the pack.
    fn lists_within(self, path: &str, condition: &Map<String, Value>, table: &mut Table) {
        for (key, value) in condition {
            let path = format!("{path}/{}", escaped(key));
            match value {
                Value::String(list) if takes_list(key) => {
                    table.mention(NameKind::List, Some(self.name()), list, self.at(&path));
                }
                Value::Object(inner) => self.lists_within(&path, inner, table),
                Value::Array(parts) => {
                    for (at, part) in parts.iter().enumerate() {
                        let part = part.as_object();
                        part.into_iter().for_each(|part| self.lists_within(&format!("{path}/{at}"), part, table));
                    }
                }
                _ => {}
            }
        }
    }

    /// A table: its head names fields and decisions, its cells values and lists.
    fn table(self, table: &mut Table) {
        let Some(rows) = self.get("/table").and_then(Value::as_array) else { return };
        let head = rows.first().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for (column, cell) in head.iter().enumerate() {
            let Some(text) = cell.as_str() else { continue };
            let words: Vec<&str> = text.split_whitespace().collect();
            let place = format!("/table/0/{column}");
            let cells = (1..rows.len()).map(|row| format!("/table/{row}/{column}"));
            let filled = |path: &String| self.get(path).is_some_and(|cell| !matches!(cell.as_str(), Some("" | "-")));
            match words.as_slice() {
                ["id"] => {
                    for path in cells.filter(filled) {
                        let Some(id) = self.get(&path).and_then(Value::as_str) else { continue };
                        table.define(NameKind::Rule, Some(self.name()), id.trim(), self.at(&path));
                    }
                }
                ["because" | "severity" | "mode"] | ["valid", _] => {}
                ["then", decision] => {
                    table.mention(NameKind::Decision, None, decision, self.word(&place, decision));
                    for path in cells.filter(filled) {
                        self.values(&owner(NameKind::Decision, decision), &path, table);
                    }
                }
                ["when" | "except", test @ ..] | test => {
                    let Some(field) = test.first() else { continue };
                    table.mention(NameKind::Field, None, field, self.word(&place, field));
                    let owner = owner(NameKind::Field, field);
                    for path in cells.filter(filled) {
                        self.cell(&owner, test.get(1).copied(), &path, table);
                    }
                }
            }
        }
    }

    /// A cell of a test: one value, several between bars, or the name of a list.
    fn cell(self, owner: &str, operator: Option<&str>, path: &str, table: &mut Table) {
        let Some(text) = self.get(path).and_then(Value::as_str) else {
            return self.operand(owner, operator.unwrap_or("in"), path, table);
        };
        let plain = !text.contains(['|', '"', '!', '<', '>']);
        match operator {
            Some(operator) if plain && takes_list(operator) => {
                table.mention(NameKind::List, Some(self.name()), text.trim(), self.at(path));
            }
            None | Some("eq" | "ne" | "in") if table.choices.iter().any(|known| known == owner) => {
                for part in text.trim_start_matches("!=").split('|').map(str::trim) {
                    let name = part.trim_matches('"');
                    table.mention(NameKind::Value, Some(owner), name, self.word(path, name));
                }
            }
            _ => {}
        }
    }

    /// The place of a word within a text; that of the text where it is written in another way.
    fn word(self, pointer: &str, word: &str) -> Location {
        let (file, span) = self.document.place(pointer);
        let found = file.text.get(span.clone()).and_then(|text| {
            text.match_indices(word).map(|(at, _)| at).find(|at| {
                let is_word = |sign: char| sign.is_alphanumeric() || "-_".contains(sign);
                let (before, behind) = (&text[..*at], &text[at + word.len()..]);
                !before.ends_with(is_word) && !behind.starts_with(is_word)
            })
        });
        let span = found.map_or(span.clone(), |at| span.start + at..span.start + at + word.len());
        Location { path: Arc::clone(&file.path), span }
    }

    fn task(self, table: &mut Table) {
        table.define(NameKind::Task, None, self.name(), self.at("/name"));
        match self.get("/inbox") {
            Some(Value::Array(parts)) => {
                (0..parts.len()).for_each(|at| self.inbox_part(&format!("/inbox/{at}"), table));
            }
            _ => self.inbox_part("/inbox", table),
        }
        self.mention_text(NameKind::Rubric, None, "/rubric", table);
        if let Some(rubric) = self.get("/rubric").and_then(Value::as_str) {
            self.mention_keys(NameKind::Node, Some(rubric), "/weights", table);
        }
        self.define_keys(NameKind::Variable, None, "/vary", table);
        for (_, path) in self.keys("/vary") {
            self.mention_text(NameKind::Plugin, None, &format!("{path}/plugin"), table);
        }
        let follow_ups = self.get("/follow_ups").and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..follow_ups {
            self.columns(NameKind::Decision, &format!("/follow_ups/{at}/when"), table);
        }
        self.template(None, "/instructions", table);
        self.plays("/solution", table);
    }

    /// A part of a task's inbox: a name, or items that are drawn.
    fn inbox_part(self, pointer: &str, table: &mut Table) {
        match self.get(pointer) {
            Some(Value::String(_)) => self.mention_text(NameKind::Inbox, None, pointer, table),
            Some(Value::Object(part)) => {
                self.mention_text(NameKind::Inbox, None, &format!("{pointer}/from"), table);
                let generate = format!("{pointer}/generate");
                match part.get("generate") {
                    Some(Value::Object(_)) => self.mention_keys(NameKind::Generator, None, &generate, table),
                    _ => self.mention_text(NameKind::Generator, None, &generate, table),
                }
                if let Some(generator) = part.get("generate").and_then(Value::as_str) {
                    self.mention_text(NameKind::Level, Some(generator), &format!("{pointer}/level"), table);
                    self.mention_keys(NameKind::Slot, Some(generator), &format!("{pointer}/mix"), table);
                }
            }
            _ => {}
        }
    }

    fn generator(self, table: &mut Table) {
        let name = self.name();
        table.define(NameKind::Generator, None, name, self.at("/name"));
        self.define_keys(NameKind::Pool, Some(name), "/pools", table);
        self.define_keys(NameKind::Slot, Some(name), "/slots", table);
        self.define_keys(NameKind::Phrase, Some(name), "/phrases", table);
        self.define_keys(NameKind::Level, Some(name), "/levels", table);
        self.mention_keys(NameKind::Field, None, "/fields", table);
        self.mention_keys(NameKind::Decision, None, "/labels", table);
        for (_, path) in self.keys("/levels") {
            self.mention_keys(NameKind::Slot, Some(name), &format!("{path}/slots"), table);
            self.mention_keys(NameKind::Phrase, Some(name), &format!("{path}/phrases"), table);
        }
        for (_, path) in self.keys("/slots") {
            self.mention_text(NameKind::Pool, Some(name), &format!("{path}/from"), table);
        }
        for (_, path) in self.keys("/fields") {
            let path = format!("{path}/slot");
            if self.get(&path).and_then(Value::as_str).is_some_and(|slot| !slot.contains('.')) {
                self.mention_text(NameKind::Slot, Some(name), &path, table);
            }
        }
    }

    /// Actions: calls of tools, and templates.
    fn plays(self, pointer: &str, table: &mut Table) {
        let actions = self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..actions {
            let path = format!("{pointer}/{at}");
            self.call(&path, table);
            self.templates_below(None, &path, self.get(&path), table);
        }
    }

    fn call(self, path: &str, table: &mut Table) {
        if let Some(tool) = self.get(&format!("{path}/tool_name")).and_then(Value::as_str) {
            table.mention(NameKind::Tool, None, tool, self.at(&format!("{path}/tool_name")));
            self.mention_keys(NameKind::Argument, Some(tool), &format!("{path}/arguments"), table);
        }
    }

    fn policy(self, table: &mut Table) {
        table.define(NameKind::Policy, None, self.name(), self.at("/name"));
        self.define_keys(NameKind::List, Some(self.name()), "/lists", table);
        self.mention_keys(NameKind::Field, None, "/reads", table);
        let count = |pointer: &str| self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for (field, path) in self.keys("/reads") {
            for at in 0..count(&path) {
                let when = format!("{path}/{at}/when");
                self.condition(&when, self.get(&when), table);
                let value = format!("{path}/{at}/value");
                self.values(&owner(NameKind::Field, field), &value, table);
                self.templates_below(None, &value, self.get(&value), table);
            }
        }
        for at in 0..count("/apply") {
            self.mention_text(NameKind::Rules, None, &format!("/apply/{at}"), table);
        }
        for at in 0..count("/rules") {
            let path = format!("/rules/{at}");
            let when = format!("{path}/when");
            self.condition(&when, self.get(&when), table);
            self.decided(&format!("{path}/decide"), table);
            self.call(&format!("{path}/call"), table);
            let arguments = format!("{path}/call/arguments");
            self.templates_below(None, &arguments, self.get(&arguments), table);
        }
        self.decided("/default", table);
        self.mention_keys(NameKind::Decision, None, "/rank", table);
        self.plays("/play", table);
    }

    fn decided(self, pointer: &str, table: &mut Table) {
        self.columns(NameKind::Decision, pointer, table);
        self.templates_below(None, pointer, self.get(pointer), table);
    }

    fn test(self, table: &mut Table) {
        let cases = |pointer: &str| self.get(pointer).and_then(Value::as_array).map_or(0, Vec::len);
        for at in 0..cases("/rules") {
            let path = format!("/rules/{at}");
            self.mention_text(NameKind::Rules, None, &format!("{path}/of"), table);
            self.columns(NameKind::Field, &format!("{path}/given"), table);
            for (decision, path) in self.keys(&format!("{path}/expect")).into_iter().filter(|(key, _)| *key != "by") {
                table.mention(NameKind::Decision, None, decision, self.at_key(&path));
                self.values(&owner(NameKind::Decision, decision), &path, table);
            }
        }
        for at in 0..cases("/episodes") {
            let path = format!("/episodes/{at}");
            for (name, place) in self.texts(&format!("{path}/task")) {
                // One of a family is named by its number.
                let name = name.split_once('/').map_or(name, |(family, _)| family);
                table.mention(NameKind::Task, None, name, self.at(&place));
            }
            self.mention_keys(NameKind::ResetArgument, None, &format!("{path}/arguments"), table);
            self.policies(&format!("{path}/policy"), table);
            self.plays(&format!("{path}/play"), table);
        }
        for (name, path) in self.keys("/probes").into_iter().filter(|(name, _)| is_of_pack(name)) {
            table.mention(NameKind::Policy, None, name, self.at_key(&path));
        }
    }

    /// The templates among the texts at and below a place.
    fn templates_below(self, tool: Option<&str>, pointer: &str, value: Option<&Value>, table: &mut Table) {
        match value {
            Some(Value::String(_)) => self.template(tool, pointer, table),
            Some(Value::Array(list)) => {
                for (at, value) in list.iter().enumerate() {
                    self.templates_below(tool, &format!("{pointer}/{at}"), Some(value), table);
                }
            }
            Some(Value::Object(map)) => {
                for (key, value) in map {
                    self.templates_below(tool, &format!("{pointer}/{}", escaped(key)), Some(value), table);
                }
            }
            _ => {}
        }
    }

    /// The names in a template, which stand between `{{ }}` and `{% %}`.
    fn template(self, tool: Option<&str>, pointer: &str, table: &mut Table) {
        self.code(tool, pointer, false, table);
    }

    /// The names in an expression.
    fn expression(self, tool: Option<&str>, pointer: &str, table: &mut Table) {
        self.code(tool, pointer, true, table);
    }

    fn code(self, tool: Option<&str>, pointer: &str, whole: bool, table: &mut Table) {
        if !self.get(pointer).is_some_and(Value::is_string) {
            return;
        }
        let (file, span) = self.document.place(pointer);
        let Some(written) = file.text.get(span.clone()) else { return };
        for (root, name, at) in paths(written, whole) {
            let (kind, owner) = match root {
                "item" if name != "id" => (NameKind::Field, None),
                "decision" => (NameKind::Decision, None),
                "data" => (NameKind::Data, None),
                "state" => (NameKind::State, None),
                "reset" => (NameKind::ResetArgument, None),
                "vary" => (NameKind::Variable, None),
                "rules" => (NameKind::Rules, None),
                "arguments" if tool.is_some() => (NameKind::Argument, tool),
                "action" if !["tool_name", "arguments", "type"].contains(&name) => (NameKind::Property, None),
                _ => continue,
            };
            let span = span.start + at..span.start + at + name.len();
            table.mention(kind, owner, name, Location { path: Arc::clone(&file.path), span });
        }
    }
}

/// The names behind names in code, such as `state.count` and `state['count']`: both, and the byte of the second.
fn paths(text: &str, whole: bool) -> Vec<(&str, &str, usize)> {
    // Quotes round the whole are YAML's.
    let quoted = text.starts_with(['"', '\'']);
    let (mut at, end) = if quoted && text.len() > 1 { (1, text.len() - 1) } else { (0, text.len()) };
    let (bytes, mut found, mut code) = (text.as_bytes(), Vec::new(), whole);
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
    let word_end = |from: usize| (from..end).find(|at| !is_part(bytes[*at])).unwrap_or(end);
    while at < end {
        let two = text.get(at..at + 2);
        if !code {
            code = matches!(two, Some("{{" | "{%"));
            at += if code { 2 } else { 1 };
        } else if !whole && matches!(two, Some("}}" | "%}")) {
            (code, at) = (false, at + 2);
        } else if matches!(bytes[at], b'"' | b'\'') {
            // A text; within quotes of YAML those of the code have a backslash, or appear twice.
            at = (at + 1..end).find(|other| bytes[*other] == bytes[at]).map_or(end, |close| close + 1);
        } else if is_part(bytes[at]) {
            let stop = word_end(at);
            let (root, alone) = (&text[at..stop], at == 0 || bytes[at - 1] != b'.');
            let name = match &text[stop..end] {
                rest if rest.starts_with('.') => Some(stop + 1),
                rest if rest.starts_with("['") || rest.starts_with("[\"") => Some(stop + 2),
                _ => None,
            };
            if let Some(start) = name.filter(|_| alone)
                && start < word_end(start)
            {
                found.push((root, &text[start..word_end(start)], start));
            }
            at = stop;
        } else {
            at += 1;
        }
    }
    found
}

/// What has a value: two values of one name differ by it.
fn owner(kind: NameKind, name: &str) -> String {
    if kind == NameKind::Decision { format!("decision {name}") } else { format!("field {name}") }
}

/// Whether a policy is a document of the pack, by its name.
fn is_of_pack(name: &str) -> bool {
    !casebook_runtime::scenario::BUILT_IN_POLICIES.contains(&name) && !name.starts_with("always(")
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
