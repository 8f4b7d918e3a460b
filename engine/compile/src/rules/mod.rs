//! Rules as written to rules that decide, and to prose.

// Rules as plain prose.
mod text;
// Conditions as written to predicates, type-checked.
mod conditions;
// Tables to rules and back.
mod table;

pub(crate) use conditions::ENTRIES;
pub use conditions::{Scope, compile};
pub use table::{Row, Unwritable, Written, export, rows, to_table, typed, with_table, written};
pub(crate) use text::takes_list;
pub use text::{Policy, References, sentence, table_cell};
