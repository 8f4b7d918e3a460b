//! `casebook records export`

use std::io::{self, IsTerminal as _};

use casebook_records::{ExportError, Exported, Filter, export};

use super::{open, refused};
use crate::{
    args::{ExportArgs, ExportFormat, Format},
    exit::Exit,
    files, output,
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
                Err(ExportError::Write(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exported::default(),
                done => done.map_err(|error| failed(error, "standard output"))?,
            }
        }
        Some(path) => {
            let place = format!("`{}`", path.display());
            let mut bytes = Vec::new();
            let done = export(&records, &filter, args.to.into(), &mut bytes).map_err(|error| failed(error, &place))?;
            files::write(path, bytes).map_err(|error| failed(ExportError::Write(error), &place))?;
            done
        }
    };
    drop(progress);
    report(&done, args, format);
    Ok(if done.unreadable.is_empty() { Exit::Success } else { Exit::Findings })
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
