//! `casebook records export`

use std::{
    fs::{self, OpenOptions},
    io::{self, IsTerminal as _, Write},
    path::Path,
};

use casebook_records::{ExportError, Exported, Filter, export};
use tempfile::NamedTempFile;

use super::{no_episode, open, refused};
use crate::{
    args::{ExportArgs, ExportFormat, Format},
    exit::Exit,
    interrupt, output,
    progress::Progress,
};

pub(super) fn run(args: &ExportArgs, format: Format) -> Result<Exit, Exit> {
    if args.to == ExportFormat::Parquet && args.out.is_none() && io::stdout().is_terminal() {
        output::error("Parquet is not text; name a file with `--out FILE`");
        return Err(Exit::Usage);
    }
    if format == Format::Json && args.out.is_none() {
        output::error("the result goes to standard output; with `--format json`, name a file with `--out FILE`");
        return Err(Exit::Usage);
    }
    let records = open(&args.read.records)?;
    let progress = Progress::start("exporting");
    let filter = Filter::from(&args.read.filter);
    let failed = |error: ExportError, place: &str| match error {
        ExportError::Store(error) => refused(error),
        ExportError::Write(error) => {
            output::error(format!("{place} cannot be written: {error}"));
            Exit::Failure
        }
    };
    let done = match &args.out {
        None => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            match export(&records, &filter, args.to.into(), &mut out) {
                // Whoever reads it has all that it wants.
                Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Ok(Exit::Success);
                }
                done => done.map_err(|error| failed(error, "standard output"))?,
            }
        }
        Some(path) => {
            let place = format!("`{}`", path.display());
            write(path, |out| export(&records, &filter, args.to.into(), out)).map_err(|error| failed(error, &place))?
        }
    };
    drop(progress);
    report(&done, args, format);
    if done.episodes == 0 && done.unreadable.is_empty() {
        return Err(no_episode(&records, &args.read.filter, &args.read.records));
    }
    Ok(if done.unreadable.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Writes a file whole or not at all; devices and pipes as it comes.
fn write(
    path: &Path,
    export: impl FnOnce(&mut dyn Write) -> Result<Exported, ExportError>,
) -> Result<Exported, ExportError> {
    if path.exists() && !path.is_file() {
        let mut out = io::BufWriter::new(OpenOptions::new().write(true).open(path).map_err(ExportError::Write)?);
        return export(&mut out);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file = NamedTempFile::with_prefix_in(".casebook-", folder).map_err(ExportError::Write)?;
    let unfinished = file.path().to_path_buf();
    let clean = move || drop(fs::remove_file(&unfinished));
    interrupt::clean_up(clean).map_err(ExportError::Write)?;
    let mut out = io::BufWriter::new(file);
    let done = export(&mut out)?;
    let file = out.into_inner().map_err(|error| ExportError::Write(error.into_error()))?;
    file.persist(path).map_err(|error| ExportError::Write(error.error))?;
    Ok(done)
}

/// What was left out, and why; on standard error where the result is on standard output.
fn report(done: &Exported, args: &ExportArgs, format: Format) {
    if format == Format::Json {
        return output::json(done);
    }
    if let Some(path) = &args.out {
        let noun = match args.to {
            ExportFormat::Csv | ExportFormat::Parquet => "row",
            _ => "line",
        };
        let written = output::count(done.written, noun);
        output::line(format!(
            "wrote {written} from {} to `{}`",
            output::count(done.episodes, "episode"),
            path.display()
        ));
    }
    if done.without_observations > 0 {
        output::note(format!(
            "left out {} recorded without observations; `--records` keeps them, `--record` does not",
            output::count(done.without_observations, "episode")
        ));
    }
    if done.without_contrast > 0 {
        output::note(format!(
            "left out {}: no other episode of the same task and seed has another score",
            output::count(done.without_contrast, "episode")
        ));
    }
    done.unreadable.iter().for_each(output::error);
}
