//! Both kinds of plugins, with what is allowed.

use std::sync::Arc;

use casebook_runtime::plugin::{Guest, Host, Limits, Program, Refusal};

use crate::WasmHost;

/// Whether programs may be started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Processes {
    /// They may not, and a pack that has one is refused.
    #[default]
    Refused,
    /// They may not; those that packs describe are known by that.
    Described,
    /// They may.
    Allowed,
}

/// Runs modules always, and programs and language models where they are allowed.
#[derive(Debug, Default)]
pub struct PluginHost {
    /// What runs modules.
    pub wasm: WasmHost,
    /// Whether programs may be started.
    pub processes: Processes,
    /// What asks language models to judge, if any may be asked.
    pub judge: Option<Arc<dyn Guest>>,
}

impl Host for PluginHost {
    fn load(&self, module: &[u8], limits: Limits) -> Result<Arc<dyn Guest>, String> {
        self.wasm.load(module, limits)
    }

    fn judge(&self) -> Option<Arc<dyn Guest>> {
        self.judge.clone()
    }

    fn start(&self, program: &Program) -> Result<Arc<dyn Guest>, Refusal> {
        #[cfg(unix)]
        return match self.processes {
            Processes::Refused => Err(Refusal::NotAllowed),
            Processes::Described => crate::process::Described::prepare(program),
            Processes::Allowed => crate::process::prepare(program),
        };
        #[cfg(not(unix))]
        return Err(Refusal::Unfit(format!("`{}` is a process, which needs a Unix", program.name)));
    }
}
