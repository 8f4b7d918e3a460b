//! What templates of a generator read: the slots by name, and `phrase`.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Enumerator, Object, Value};

/// Values by name, filled one after the other.
#[derive(Debug)]
pub(super) struct Names {
    known: Arc<[String]>,
    values: Mutex<Vec<Value>>,
    /// What is looked up where a name is none of these.
    outer: Option<Value>,
    /// The name under which the outer names stand as a whole, if they do.
    phrases: Option<Value>,
}

impl Names {
    pub(super) fn new(names: &Arc<[String]>, outer: Option<Value>, phrases: Option<Value>) -> Arc<Self> {
        let values = Mutex::new(Vec::with_capacity(names.len()));
        Arc::new(Self { known: Arc::clone(names), values, outer, phrases })
    }

    /// Gives a name its value, wherever it stands.
    pub(super) fn set(&self, at: usize, value: Value) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() <= at {
            values.resize(at + 1, Value::UNDEFINED);
        }
        values[at] = value;
    }

    /// Whether a name has a value.
    pub(super) fn has(&self, at: usize) -> bool {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(at).is_some_and(|value| !value.is_undefined())
    }

    fn get(&self, at: usize) -> Option<Value> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(at).filter(|value| !value.is_undefined()).cloned()
    }
}

impl Object for Names {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match self.known.iter().position(|known| known == name) {
            Some(at) => self.get(at),
            None if name == "phrase" && self.phrases.is_some() => self.phrases.clone(),
            None => self.outer.as_ref()?.get_attr(name).ok().filter(|value| !value.is_undefined()),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let own = self.known.iter().map(|name| Value::from(name.as_str()));
        Enumerator::Values(own.chain(self.phrases.iter().map(|_| Value::from("phrase"))).collect())
    }
}

/// A value of a slot as templates see it.
pub(super) fn shown(json: &serde_json::Value) -> Value {
    Value::from(minijinja::value::Serde(json))
}
