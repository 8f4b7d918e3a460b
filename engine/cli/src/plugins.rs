//! The one place that names what runs plugins.

use std::sync::{Arc, LazyLock};

use casebook_core::plugin::Host;
use casebook_plugin_host::WasmHost;

static HOST: LazyLock<Arc<WasmHost>> = LazyLock::new(Arc::default);

/// What runs the plugins of packs.
pub(crate) fn host() -> Arc<dyn Host> {
    wasm()
}

/// What runs WebAssembly.
pub(crate) fn wasm() -> Arc<WasmHost> {
    Arc::clone(&HOST)
}
