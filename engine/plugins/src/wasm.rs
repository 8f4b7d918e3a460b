//! The engine: which modules are taken, and what a call may take.

use std::{fmt, sync::Arc};

use casebook_runtime::plugin::{Guest, Host, Limits, Operation};
use casebook_syntax::source::MAX_MODULE_BYTES;
use wasmi::{
    CompilationMode, Config, EnforcedLimits, Engine, ExternType, Instance, Linker, Memory, Module, Store, StoreLimits,
    StoreLimitsBuilder, TypedFunc, WasmParams,
};

use crate::errors;

/// The maximum number of nested calls within a module.
const MAX_DEPTH: usize = 512;
/// The maximum number of bytes of a call's own values.
const MAX_STACK: usize = 512 * 1024;
/// The maximum number of entries of a table.
const MAX_TABLE: usize = 65_536;

/// Compiles modules for many calls.
pub struct WasmHost {
    engine: Engine,
}

/// What a module shows to its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surface {
    /// What it exports, by name.
    pub exports: Vec<String>,
    /// What it would import, as `module.name`.
    pub imports: Vec<String>,
}

impl Default for WasmHost {
    fn default() -> Self {
        let mut config = Config::default();
        config
            .consume_fuel(true)
            .compilation_mode(CompilationMode::Eager)
            .enforced_limits(EnforcedLimits::strict())
            .ignore_custom_sections(true)
            .allow_start_fn(false)
            .set_max_recursion_depth(MAX_DEPTH)
            .set_max_stack_height(MAX_STACK)
            .wasm_multi_memory(false)
            .wasm_custom_page_sizes(false);
        Self { engine: Engine::new(&config) }
    }
}

impl fmt::Debug for WasmHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WasmHost").finish_non_exhaustive()
    }
}

impl WasmHost {
    /// Names what a module exports and imports, whether or not it would be taken.
    pub fn surface(&self, module: &[u8]) -> Result<Surface, String> {
        let module = self.compile(module)?;
        Ok(Surface {
            exports: module.exports().map(|export| export.name().to_owned()).collect(),
            imports: module.imports().map(|import| format!("{}.{}", import.module(), import.name())).collect(),
        })
    }

    fn compile(&self, module: &[u8]) -> Result<Module, String> {
        if module.len() as u64 > MAX_MODULE_BYTES {
            return Err(format!("it has {} bytes; a module may have {MAX_MODULE_BYTES}", module.len()));
        }
        if !module.starts_with(b"\0asm") {
            return Err("it is not a WebAssembly module".into());
        }
        Module::new(&self.engine, module).map_err(|error| format!("it is not a module that runs here: {error}"))
    }
}

impl Host for WasmHost {
    fn load(&self, module: &[u8], limits: Limits) -> Result<Arc<dyn Guest>, String> {
        let module = self.compile(module)?;
        if let Some(import) = module.imports().next() {
            return Err(format!(
                "it imports `{}.{}`; a plugin may import nothing, so that it can only compute",
                import.module(),
                import.name()
            ));
        }
        for (name, wanted) in
            [("memory", "a memory"), ("casebook_alloc", "a function"), ("casebook_describe", "a function")]
        {
            exports(&module, name, wanted)?;
        }
        Ok(Arc::new(WasmGuest { linker: Linker::new(&self.engine), module, limits }))
    }
}

/// Checks that a module exports something of a kind by a name.
fn exports(module: &Module, name: &str, wanted: &str) -> Result<(), String> {
    let found = match module.get_export(name) {
        Some(ExternType::Memory(_)) => "a memory",
        Some(ExternType::Func(_)) => "a function",
        Some(_) => "something else",
        None => "nothing",
    };
    if found == wanted {
        return Ok(());
    }
    Err(format!("it exports {found} as `{name}`, where {wanted} is needed"))
}

/// The function that a module exports for an operation.
fn export_of(operation: Operation) -> String {
    format!("casebook_{}", operation.name())
}

struct WasmGuest {
    module: Module,
    linker: Linker<StoreLimits>,
    limits: Limits,
}

impl fmt::Debug for WasmGuest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WasmGuest").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Guest for WasmGuest {
    fn describe(&self) -> Result<String, String> {
        let mut call = Call::begin(self)?;
        let describe = call.function::<()>("casebook_describe")?;
        let answer = describe.call(&mut call.store, ());
        call.read(answer)
    }

    fn can(&self, operation: Operation) -> Result<(), String> {
        exports(&self.module, &export_of(operation), "a function")
    }

    fn call(&self, operation: Operation, input: &str) -> Result<String, String> {
        self.answer(operation, input).map(|(answer, _)| answer)
    }

    fn fuel_of(&self, operation: Operation, input: &str) -> Result<u64, String> {
        self.answer(operation, input).map(|(_, fuel)| fuel)
    }
}

impl WasmGuest {
    fn answer(&self, operation: Operation, input: &str) -> Result<(String, u64), String> {
        let mut call = Call::begin(self)?;
        let (at, length) = call.write(input)?;
        let function = call.function::<(u32, u32)>(&export_of(operation))?;
        let answer = function.call(&mut call.store, (at, length));
        let text = call.read(answer)?;
        let left = call.store.get_fuel().unwrap_or_default();
        Ok((text, self.limits.fuel.saturating_sub(left)))
    }
}

/// One call, with an instance of its own.
struct Call {
    store: Store<StoreLimits>,
    instance: Instance,
    memory: Memory,
    limits: Limits,
}

impl Call {
    fn begin(guest: &WasmGuest) -> Result<Self, String> {
        let limits = guest.limits;
        let bounds = StoreLimitsBuilder::new()
            .memory_size(limits.memory)
            .table_elements(MAX_TABLE)
            .memories(1)
            .tables(1)
            .instances(1)
            .build();
        let mut store = Store::new(guest.module.engine(), bounds);
        store.limiter(|bounds| bounds);
        store.set_fuel(limits.fuel).map_err(|error| format!("failed: {error}"))?;
        let instance = guest
            .linker
            .instantiate_and_start(&mut store, &guest.module)
            .map_err(|error| errors::of_instance(&error, limits))?;
        let memory = instance.get_memory(&store, "memory").ok_or("exports no memory")?;
        Ok(Self { store, instance, memory, limits })
    }

    /// A function that answers with the place of a text: its address above, its length below.
    fn function<P: WasmParams>(&self, name: &str) -> Result<TypedFunc<P, u64>, String> {
        self.instance
            .get_typed_func(&self.store, name)
            .map_err(|_| format!("exports `{name}` with other parameters or results than it should"))
    }

    /// Writes the input where the plugin wants it.
    fn write(&mut self, input: &str) -> Result<(u32, u32), String> {
        let length = u32::try_from(input.len()).map_err(|_| "cannot take an input of 4 GiB")?;
        let alloc: TypedFunc<u32, u32> = self
            .instance
            .get_typed_func(&self.store, "casebook_alloc")
            .map_err(|_| "exports `casebook_alloc` with other parameters or results than it should")?;
        let at = alloc.call(&mut self.store, length).map_err(|error| errors::of_call(&error, self.limits))?;
        self.memory
            .write(&mut self.store, at as usize, input.as_bytes())
            .map_err(|_| format!("has no room for an input of {length} bytes"))?;
        Ok((at, length))
    }

    /// Reads the text that a call answered with.
    fn read(&self, answer: Result<u64, wasmi::Error>) -> Result<String, String> {
        let packed = answer.map_err(|error| errors::of_call(&error, self.limits))?;
        let (at, length) = (packed >> 32, packed & 0xffff_ffff);
        let most = self.limits.output;
        let (Ok(at), Ok(length)) = (usize::try_from(at), usize::try_from(length)) else {
            return Err("answered from outside of its memory".into());
        };
        if length > most {
            return Err(format!("answered with {length} bytes; {most} are allowed"));
        }
        let bytes = self
            .memory
            .data(&self.store)
            .get(at..at.saturating_add(length))
            .ok_or("answered from outside of its memory")?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "returned text that is not UTF-8".into())
    }
}
