//! What holds JSON to a schema.

use std::fmt;

use serde_json::Value;

use crate::model::ActionProblem;

/// Holds values to one JSON Schema. Whoever compiles a pack brings it: what runs knows no library for schemas.
pub trait Validator: fmt::Debug + Send + Sync {
    /// Whether a value fits.
    fn is_valid(&self, value: &Value) -> bool;
    /// Every problem of a value; `names` gives the names that exist at the top (`false`) or within it (`true`).
    fn problems<'a>(&self, value: &Value, names: &dyn Fn(bool) -> Vec<&'a str>) -> Vec<ActionProblem>;
}
