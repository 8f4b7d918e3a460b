//! Every name of a pack: where it is defined and where it is used.
//!
//! Names are followed through `extends`, since each key of a merged document keeps the file that it is written in, through the
//! cells of tables, and into templates and expressions.
//!
//! | file | names in |
//! |---|---|
//! | `kinds.rs` | each kind of document |
//! | `conditions.rs` | conditions and cells of tables |
//! | `templates.rs` | templates and expressions |

mod conditions;
mod kinds;
mod templates;

use std::{ops::Range, path::Path, sync::Arc};

use casebook_runtime::scenario::{BUILT_IN_POLICIES, OPTIONAL_POLICIES};
use casebook_syntax::spec::{Document, Kind};
use indexmap::IndexMap;
use serde_json::Value;

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

    /// Whether a policy is a document of the pack, by its name; the documents of policies come before what names them.
    fn is_of_pack(&self, name: &str) -> bool {
        let key = (NameKind::Policy, None, name.to_owned());
        let is_built_in =
            BUILT_IN_POLICIES.contains(&name) || OPTIONAL_POLICIES.contains(&name) && !self.names.contains_key(&key);
        !is_built_in && !name.starts_with("always(")
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
}

/// What has a value: two values of one name differ by it.
fn owner(kind: NameKind, name: &str) -> String {
    if kind == NameKind::Decision { format!("decision {name}") } else { format!("field {name}") }
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
