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

/// Runs modules always and programs where they are allowed.
#[derive(Debug, Default)]
pub struct PluginHost {
    /// What runs modules.
    pub wasm: WasmHost,
    /// Whether programs may be started.
    pub processes: Processes,
}

impl Host for PluginHost {
    fn load(&self, module: &[u8], limits: Limits) -> Result<Arc<dyn Guest>, String> {
        self.wasm.load(module, limits)
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
