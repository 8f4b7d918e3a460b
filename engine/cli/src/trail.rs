//! The audit trail that a command writes.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_server::{Trail, TrailConfig};
use casebook_trail::Key;

use crate::{args::TrailArgs, exit::Exit, files, output};

/// Opens the trail that was asked for.
pub(crate) fn open(args: &TrailArgs) -> Result<Option<Arc<Trail>>, Exit> {
    let Some(path) = args.file.clone() else { return Ok(None) };
    // The variable may be there for `trail verify`; a command without a trail signs nothing.
    let named = args.key.clone().or_else(|| env::var_os("CASEBOOK_AUDIT_KEY").map(PathBuf::from));
    let key = key(named.as_deref())?;
    let config = TrailConfig { path, max_bytes: args.max_bytes, keep: args.keep, required: args.required, key };
    match Trail::open(config) {
        Ok(trail) => Ok(Some(Arc::new(trail))),
        Err(error) => {
            output::error(error.to_string());
            Err(Exit::Failure)
        }
    }
}

/// Reads the secret that heads are signed with.
pub(crate) fn key(file: Option<&Path>) -> Result<Option<Key>, Exit> {
    let Some(file) = file else { return Ok(None) };
    let text = files::plain_text(file).map_err(|error| {
        output::error(format!("`{}` cannot be read: {error}", file.display()));
        Exit::Failure
    })?;
    Key::new(&text).map(Some).map_err(|error| {
        output::error(format!("`{}`: {error}", file.display()));
        Exit::Usage
    })
}

/// Writes what still waits; a trail that is not whole is a failure.
pub(crate) fn close(trail: Option<&Trail>) -> Result<(), Exit> {
    let Some(trail) = trail else { return Ok(()) };
    let status = trail.close();
    if let Some(error) = &status.failing {
        output::error(format!("the audit trail cannot be written: {error}"));
    }
    if status.lost > 0 {
        output::error(format!("{} entries of the audit trail are lost", status.lost));
    }
    if status.lost > 0 || status.failing.is_some() { Err(Exit::Failure) } else { Ok(()) }
}
