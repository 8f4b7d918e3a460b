//! What an offer of a plugin reads of an episode.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::model::{Column, Item};

/// What an offer reads, section by section; it is given nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct Reads(IndexMap<Section, Parts>);

/// A section of what may be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section {
    /// The item's id and visible fields.
    Item,
    /// What was decided about it.
    Decision,
    /// What is right about it.
    Truth,
    /// The steps so far.
    Steps,
    /// Hidden fields of the item; the pack must say which.
    Hidden,
    /// What the episode remembers.
    State,
}

/// What of a section is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parts {
    /// Everything; of hidden fields, those that parameters name.
    All,
    /// Parts by name, each with the types that suit; none means any type.
    Named(IndexMap<String, Vec<String>>),
}

impl Section {
    /// The name as descriptions write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Item => "item",
            Self::Decision => "decision",
            Self::Truth => "truth",
            Self::Steps => "steps",
            Self::Hidden => "hidden",
            Self::State => "state",
        }
    }
}

impl Parts {
    /// Returns whether a part is read.
    pub fn holds(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains_key(name),
        }
    }

    /// The parts that are named, each with the types that suit.
    pub fn named(&self) -> impl Iterator<Item = (&str, &[String])> {
        let names = if let Self::Named(names) = self { Some(names) } else { None };
        names.into_iter().flatten().map(|(name, types)| (name.as_str(), types.as_slice()))
    }
}

impl Reads {
    /// What of a section is read; `None` when nothing is.
    pub fn section(&self, section: Section) -> Option<&Parts> {
        self.0.get(&section)
    }

    /// Checks what an offer may read; the error continues a sentence that begins with it.
    pub(super) fn check(&self, kind: &str, allowed: &[Section]) -> Result<(), String> {
        for (section, parts) in &self.0 {
            let name = section.name();
            if !allowed.contains(section) {
                return Err(format!("reads `{name}`, which a {kind} may not"));
            }
            if *section == Section::Steps && *parts != Parts::All {
                return Err(format!("reads parts of `{name}`, which has none"));
            }
        }
        Ok(())
    }
}

/// Sections, or a map from sections to what is read of them.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Sections(Vec<Section>),
    Parts(IndexMap<Section, WrittenParts>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenParts {
    All(bool),
    Names(Vec<String>),
    Typed(IndexMap<String, Types>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Types {
    One(String),
    Several(Vec<String>),
}

impl From<Written> for Reads {
    fn from(written: Written) -> Self {
        let parts = match written {
            Written::Sections(sections) => return Self(sections.into_iter().map(|one| (one, Parts::All)).collect()),
            Written::Parts(parts) => parts,
        };
        let read = parts.into_iter().filter_map(|(section, parts)| {
            let named = match parts {
                WrittenParts::All(all) => return all.then_some((section, Parts::All)),
                WrittenParts::Names(names) => names.into_iter().map(|name| (name, Vec::new())).collect(),
                WrittenParts::Typed(typed) => typed
                    .into_iter()
                    .map(|(name, types)| match types {
                        Types::One(one) => (name, vec![one]),
                        Types::Several(several) => (name, several),
                    })
                    .collect(),
            };
            Some((section, Parts::Named(named)))
        });
        Self(read.collect())
    }
}

impl From<Reads> for Written {
    fn from(reads: Reads) -> Self {
        if reads.0.values().all(|parts| *parts == Parts::All) {
            return Self::Sections(reads.0.into_keys().collect());
        }
        let write = |parts| match parts {
            Parts::All => WrittenParts::All(true),
            Parts::Named(names) => {
                WrittenParts::Typed(names.into_iter().map(|(name, types)| (name, Types::Several(types))).collect())
            }
        };
        Self::Parts(reads.0.into_iter().map(|(section, parts)| (section, write(parts))).collect())
    }
}

/// Some fields of an item, as plugins read them.
pub fn fields_of(item: &Item, fields: &[Column], is_read: impl Fn(usize, &Column) -> bool) -> Map<String, Value> {
    let cells = fields.iter().zip(&item.fields).enumerate().filter(|(at, (column, _))| is_read(*at, column));
    cells.filter_map(|(_, (column, datum))| Some((column.name.clone(), datum.as_ref()?.to_json(column)))).collect()
}
