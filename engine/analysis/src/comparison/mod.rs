//! Two versions of a pack side by side: what changes for which items, and for episodes that were recorded.
//!
//! | file | what |
//! |---|---|
//! | `meaning.rs` | which kinds of item come to something else, proved |
//! | `documents.rs` | what else the documents say otherwise, head by head |
//! | `data.rs` | files that generators draw from |
//! | `wording.rs` | rules as agents read them: sentences, reasons, severity, mode, dates |
//! | `tree.rs` | two values side by side, part by part |
//! | `items.rs` | which items of the shipped inboxes do |
//! | `records.rs` | which recorded episodes score otherwise |
//! | `attribution.rs` | which edit moves which of those items and episodes |
//! | `trial.rs` | candidate rules over items one by one |
//! | `sign_off.rs` | an approval, bound to both digests |

mod attribution;
mod data;
mod documents;
mod items;
mod meaning;
mod records;
mod sign_off;
mod tree;
mod trial;
mod wording;

use serde::Serialize;

pub use attribution::attribute;
pub use casebook_proofs::EditKind;
pub use documents::{Change, Difference, Head, documents, plugins};
pub use items::{ItemChange, ItemsCompared, items};
pub use meaning::{EditCompared, KindOfItem, RulesCompared, Shown, Standing, Told, meaning};
pub use records::{Regraded, records};
pub use sign_off::{SignOff, Signed, SignedPack};
pub use trial::{Judgement, Subject, Trial, TrialItem, Tried, TriedEdit, by_rule, inbox_items, judge};

/// Which version of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Version {
    /// The author's version.
    pub version: String,
    /// The digest.
    pub digest: String,
    /// The digest of its tests, which count for nothing but are checked before a change.
    pub tests: String,
    /// The digest of its `README.md`, which agents may read; none where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readme: Option<String>,
}
