//! Stores of records: nothing is lost, nothing is doubled, nothing sensitive is kept.

mod played;
mod store;
mod incremental;
