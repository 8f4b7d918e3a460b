//! A host of plugins that runs no code.
//!
//! A module is a JSON map: `describe` is the description, `answer` what every call gets, or `answers` what calls of an operation get,
//! one after the other when it is a list; a call whose input holds `boom` fails. With `records` it stands for a program.

use std::{cell::RefCell, sync::Arc};

use casebook_compile::check::Checker;
use casebook_runtime::plugin::{Guest, Host, Limits, Operation, Program, Refusal};
use serde_json::{Value, json};

thread_local! {
    /// What the last call on this thread was given.
    pub(crate) static LAST: RefCell<String> = const { RefCell::new(String::new()) };
}

#[derive(Debug)]
struct Scripted;

#[derive(Debug)]
struct Script(Value);

impl Host for Scripted {
    fn load(&self, module: &[u8], _: Limits) -> Result<Arc<dyn Guest>, String> {
        let script: Value = serde_json::from_slice(module).map_err(|_| "it is no module".to_owned())?;
        Ok(Arc::new(Script(script)))
    }

    /// Programs are known by their descriptions.
    fn start(&self, program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        let text = program.description.as_deref().ok_or(Refusal::NotAllowed)?;
        let describe: Value = serde_json::from_slice(text).map_err(|error| Refusal::Unfit(error.to_string()))?;
        Ok(Arc::new(Script(json!({ "describe": describe, "answer": { "value": 1 } }))))
    }
}

impl Guest for Script {
    fn describe(&self) -> Result<String, String> {
        Ok(self.0["describe"].to_string())
    }

    fn call(&self, operation: Operation, input: &str) -> Result<String, String> {
        if input.contains("boom") {
            return Err("ran out of fuel".into());
        }
        LAST.with(|last| input.clone_into(&mut last.borrow_mut()));
        let given: Value = serde_json::from_str(input).expect("JSON");
        let number = given["number"].as_u64().unwrap_or_default();
        let answer = match &self.0["answers"][operation.name()] {
            Value::Null => &self.0["answer"],
            Value::Array(list) => &list[usize::try_from(number).expect("small") % list.len()],
            one => one,
        };
        Ok(answer.to_string())
    }

    fn records(&self) -> bool {
        self.0["records"] == true
    }

    fn fuel_of(&self, _: Operation, _: &str) -> Result<u64, String> {
        Ok(1)
    }
}

/// A checker whose host runs scripts.
pub(crate) fn checker() -> Checker {
    Checker::with_plugins(Some(Arc::new(Scripted)))
}
