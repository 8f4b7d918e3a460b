//! `casebook replay`

use casebook_runtime::{
    json,
    record::{Recording, Verdict, replay},
};
use serde_json::json as object;

use crate::{
    args::{Format, ReplayArgs},
    exit::Exit,
    files, output, packs,
};

pub(crate) fn run(args: &ReplayArgs, format: Format) -> Exit {
    let text = match files::read_text(&args.file) {
        Ok(text) => text,
        Err(problem) => {
            output::error(problem);
            return Exit::Failure;
        }
    };
    let loaded = match packs::load_sound(&args.packs.packs, format) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let mut results = Vec::new();
    let mut failed = 0;
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{}:{}", args.file.display(), at + 1);
        let verdict = serde_json::from_str::<Recording>(line)
            .map_err(|error| format!("not a recording: {}", json::problem(line, &error)))
            .and_then(|recording| replay(&loaded.catalog, &recording));
        let (agrees, text) = match &verdict {
            Ok(Verdict::Agrees) => (true, "every byte agrees".to_owned()),
            Ok(Verdict::AgreesButForPlaces(moved)) => (true, format!("agrees, except for files and lines: {moved}")),
            Ok(Verdict::AgreesUnderOtherDigest) => {
                (true, "every byte agrees, though the pack has another digest now".to_owned())
            }
            Ok(Verdict::Differs(difference)) => (false, difference.clone()),
            Err(error) => (false, error.clone()),
        };
        failed += usize::from(!agrees);
        match format {
            Format::Json => results.push(object!({ "line": at + 1, "agrees": agrees, "detail": text })),
            _ => output::line(format!("{place}: {text}")),
        }
        results.resize(results.len().max(1), serde_json::Value::Null);
    }
    if results.is_empty() {
        output::error(format!("`{}` holds no recording", args.file.display()));
        return Exit::Findings;
    }
    if format == Format::Json {
        output::json(&object!({ "file": args.file, "episodes": results, "failed": failed }));
    }
    loaded.exit(if failed == 0 { Exit::Success } else { Exit::Findings })
}
