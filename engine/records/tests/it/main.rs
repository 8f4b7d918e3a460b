//! Stores of records.
