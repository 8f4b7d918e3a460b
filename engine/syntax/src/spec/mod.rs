//! What a file *says*: one serde and schemars type a kind, the YAML reader with spans, and the JSON Schemas.
//!
//! | file | what |
//! |---|---|
//! | `tree.rs` | YAML to a tree in which every key and value knows its place |
//! | `syntax.rs`, `suspect.rs` | what a syntax error means to its author, and where the mistake is |
//! | `recover.rs` | files with syntax errors, read as far as they can be |
//! | `comma.rs`, `cut.rs` | texts that a comma or a `#` has cut |
//! | `dashes.rs`, `brackets.rs` | dashes and closing brackets that YAML takes and the parser does not |
//! | `document.rs` | one document: its tree, head and typed content |
//! | `validate.rs` | a tree against its kind's schema: every mismatch, at its place |
//! | `foreign.rs` | words of other languages for operators and keys |
//! | `partial.rs` | a document without the parts that do not fit, so that the rest can be checked |
//! | `schema.rs` | the schemas, generated from the types below |
//! | `reference.rs` | the reference of the language, generated from the types |
//! | `write.rs` | values as YAML that reads back as the same |
//! | `order.rs` | the canonical order of keys, for `fmt` and the digest |
//! | `environment.rs` ... `test.rs` | the kinds |
//! | `declared.rs` | the type of a value with its limits, the same wherever one is declared |
//! | `parameter.rs` | named values with a type, shared by actions, tools, resets and states |
//! | `tool.rs` | tools |
//! | `plugin.rs` | plugins |
//! | `condition.rs` | conditions, shared by rules and policies |
//!
//! Nothing here is known to the running engine: `check` turns it into `scenario`.

mod brackets;
mod condition;
mod comma;
mod cut;
mod dashes;
mod declared;
mod document;
mod environment;
mod foreign;
mod generator;
mod inbox;
pub mod order;
mod parameter;
mod partial;
mod plugin;
mod policy;
mod recover;
mod reference;
mod rubric;
mod rules;
mod schema;
mod surrogates;
mod suspect;
mod syntax;
mod task;
mod test;
mod tool;
mod tree;
mod validate;
pub mod write;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use condition::{Amount, Bound, Condition, CountOf, FieldBound, OneOf, Operators};
pub use declared::{Declared, Entries, EntrySpec, PropertySpec};
pub use document::{Content, Document, Draft, Lost, read};
pub use environment::{
    ActionProperty, ActionSpec, DecisionSpec, Environment, FieldSpec, ItemDefault, ItemSpec, Names, ObservationPart,
    OtherItems, Shape, TextSource, Truth, UnknownItem,
};
pub use foreign::foreign_operator;
pub use generator::{
    Alternative, AlternativeDetail, Choices, Count, Cover, DurationDraw, Generator, Ids, IntegerDraw, Level, Like,
    NumberDraw, Phrase, Pool, SeveralPhrases, Slot, TimeDraw,
};
pub use inbox::{Inbox, InboxItem, Keyword, Label, LabelDetail};
pub use parameter::{Formula, Parameter, ResetSpec, StateSpec};
pub use partial::{Cut, Reason, names_in};
pub use plugin::{PluginLimits, PluginSpec, ProcessSpec, with_plugins};
pub use policy::{Policy, PolicyCall, PolicyHit, PolicyRule, RankOrder, Reading};
pub use recover::{Recovered, recover};
pub use reference::reference;
pub use rubric::{
    BalancedAccuracy, Budget, Close, Collateral, Completion, Container, Deadline, Efficiency, Exact, Expression, Gate,
    Grader, InvalidActions, Jaccard, Judge, KeywordLimits, Keywords, Length, Matrix, Near, Node, NodeBody, Phrases,
    PluginGrader, RankCorrelation, Reward, Rubric, SetF1, Steps, ToolCalls, Unfinished,
};
pub use rules::{Mode, Rule, Rules, Table};
pub use schema::{any_schema, published, schema_of, schemas};
pub use task::{
    Arrival, DrawnItems, FollowUp, Gaps, Generators, InboxPart, InboxSource, Order, Plant, PlantedText, Task, Vary,
};
pub use test::{
    CoverageDemands, EpisodeCase, EpisodeExpectation, NumberBounds, NumberTest, ProbeBounds, ProbeTest, RuleCase,
    Share, Test,
};
pub use tool::{PluginResult, ToolAnswer, ToolArgument, ToolResult, ToolSpec};
pub use tree::{Node as PlacedNode, Place, Tree, plain_scalar};
pub use validate::about_nothing;

/// The version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    /// The first stable format.
    #[serde(rename = "casebook/v1")]
    V1,
}

impl ApiVersion {
    /// The version that is written today.
    pub const CURRENT: &'static str = "casebook/v1";
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $name:ident, $tag:ident, $file:literal;)+) => {
        /// The kinds of documents.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($(#[doc = $doc])+ $name,)+ }

        impl Kind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name as documents write it.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// The file of its schema.
            pub const fn schema_file(self) -> &'static str {
                match self { $(Self::$name => concat!($file, ".schema.json"),)+ }
            }

            /// Finds a kind by its name.
            pub fn find(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }

        $(
            #[doc = concat!("The kind of a document that is ", stringify!($name), ".")]
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
            pub enum $tag {
                $(#[doc = $doc])+
                $name,
            }
        )+
    };
}

kinds! {
    /// The root of a pack: items, decisions, observations and actions.
    Environment, EnvironmentKind, "environment";
    /// Items and what is right about them where rules cannot decide.
    Inbox, InboxKind, "inbox";
    /// Items that each reset draws.
    Generator, GeneratorKind, "generator";
    /// Conditions and the decisions that follow from them.
    Rules, RulesKind, "rules";
    /// How an agent's handling is scored.
    Rubric, RubricKind, "rubric";
    /// One playable task.
    Task, TaskKind, "task";
    /// A scripted agent.
    Policy, PolicyKind, "policy";
    /// What must hold of a pack.
    Test, TestKind, "test";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a flag is that is on unless it is turned off.
const fn yes() -> bool {
    true
}
