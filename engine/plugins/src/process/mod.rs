//! Plugins that are programs: long-lived processes that are asked by lines of JSON.
//!
//! | file | what |
//! |---|---|
//! | `pool.rs` | the processes of one plugin: which are free, which are started, and when again |
//! | `child.rs` | one process: started, asked, ended with all that it has started |
//! | `message.rs` | questions and answers, as lines |
//! | `folder.rs` | the working folder, and what is run in it |
//! | `speech.rs` | what processes write to standard error, sent to the log |
//! | `groups.rs` | every process that runs, so that all can be ended together |
//!
//! A process may do everything that its user may do; limits are there for accidents. It has an environment and a working folder of
//! its own, and takes one question at a time. Any mistake in an answer ends the process: what it would say next
//! cannot be trusted.

mod child;
mod folder;
mod groups;
mod message;
mod pool;
mod speech;

use std::sync::Arc;

use casebook_runtime::plugin::{Guest, Operation, Program, Refusal};
pub use groups::end_all;
use pool::Pool;

/// Prepares a program; it is started when it is asked first.
pub(crate) fn prepare(program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
    let pool = Pool::new(program).map_err(Refusal::Unfit)?;
    Ok(Arc::new(ProcessGuest { pool }))
}

/// A plugin that runs as processes, which end with it.
#[derive(Debug)]
struct ProcessGuest {
    pool: Pool,
}

impl Guest for ProcessGuest {
    fn describe(&self) -> Result<String, String> {
        self.pool.ask("describe", "{}")
    }

    fn call(&self, operation: Operation, input: &str) -> Result<String, String> {
        self.pool.ask(operation.name(), input)
    }

    fn records(&self) -> bool {
        true
    }

    fn fuel_of(&self, _operation: Operation, _input: &str) -> Result<u64, String> {
        Err("is a process, which has no fuel".into())
    }
}

/// A program that is known by its description alone.
#[derive(Debug)]
pub(crate) struct Described(String);

impl Described {
    pub(crate) fn prepare(program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        let text = program.description.as_deref().ok_or(Refusal::NotAllowed)?;
        let text = std::str::from_utf8(text)
            .map_err(|_| Refusal::Unfit("the file that describes it is not UTF-8 text".into()))?;
        Ok(Arc::new(Self(text.to_owned())))
    }
}

impl Guest for Described {
    fn describe(&self) -> Result<String, String> {
        Ok(self.0.clone())
    }

    fn call(&self, _operation: Operation, _input: &str) -> Result<String, String> {
        Err("is a process, which is not allowed here; pass `--allow-process-plugins` where its code is trusted".into())
    }

    fn records(&self) -> bool {
        true
    }

    fn runs(&self) -> bool {
        false
    }

    fn fuel_of(&self, operation: Operation, input: &str) -> Result<u64, String> {
        self.call(operation, input).map(|_| 0)
    }
}
