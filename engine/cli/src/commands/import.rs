//! `casebook import`

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use casebook_compile::check;
use casebook_runtime::{
    names::list,
    plugin::{ImporterOffer, Offer, Operation, Plugin, Takes},
    scenario::templates::literal,
};
use casebook_syntax::{
    diagnostic::{Diagnostic, Severity},
    schema_error::Schema,
    source::{MAX_FILE_BYTES, PackSource, SourceFile, SourceSet, text_from},
    spec,
};
use serde_json::{Map, Value, json};

use crate::{
    args::{Format, ImportArgs},
    exit::Exit,
    files, output, packs, plugins,
};

pub(crate) fn run(args: &ImportArgs, format: Format) -> Exit {
    match import(args, format) {
        Ok((path, count)) => {
            if format == Format::Json {
                output::json(&json!({ "written": path, "items": count }));
            } else {
                output::line(format!("wrote {} to {}", output::count(count, "item"), path.display()));
            }
            Exit::Success
        }
        Err(exit) => exit,
    }
}

fn import(args: &ImportArgs, format: Format) -> Result<(PathBuf, usize), Exit> {
    let mut sources = packs::sources(std::slice::from_ref(&args.pack), format)?;
    let [pack] = sources.packs.as_slice() else {
        let roots: Vec<String> = sources.packs.iter().map(|pack| pack.root.display().to_string()).collect();
        let known = list(&roots.iter().map(String::as_str).collect::<Vec<_>>()).unwrap_or_default();
        return Err(refuse(format!("`{}` holds several packs; name one of {known}", args.pack.display())));
    };
    let (name, path) = destination(args, pack)?;
    let items = items(args, pack, format)?;
    let count = items.len();
    let items = plain(items, &check::template_fields(pack))?;
    let file = written(&path, &name, &items)?;
    let problems = problems(&mut sources, &file, &name, &items)?;
    if !problems.is_empty() {
        return Err(refuse_all(&problems, &path, format));
    }
    files::write(&path, &*file.text)
        .map_err(|error| failure(format!("`{}` cannot be written: {error}", path.display())))?;
    Ok((path, count))
}

/// Everything that is wrong with the pack as it would be, item by item.
fn problems(sources: &mut SourceSet, file: &SourceFile, name: &str, items: &[Value]) -> Result<Vec<String>, Exit> {
    let (mut problems, mut file) = (Vec::new(), file.clone());
    let mut left: Vec<usize> = (0..items.len()).collect();
    loop {
        let pack = &mut sources.packs[0];
        pack.files.retain(|other| !same(&other.path, &file.path));
        pack.files.push(file.clone());
        pack.files.sort_by(|a, b| a.path.cmp(&b.path));
        let report = packs::compile(sources).report;
        let errors = report.diagnostics.iter().filter(|finding| finding.severity == Severity::Error);
        let (mine, others): (Vec<&Diagnostic>, Vec<&Diagnostic>) =
            errors.partition(|finding| *finding.path == *file.path);
        let wrong: HashSet<usize> = mine.iter().filter_map(|finding| Some(left[position(finding)?])).collect();
        problems.extend(mine.iter().map(|finding| {
            let at = position(finding).map(|at| left[at]);
            (at, of_item(finding, at.map(|at| (at, &items[at]))))
        }));
        left.retain(|at| !wrong.contains(at));
        if wrong.is_empty() || left.is_empty() {
            if problems.is_empty() {
                problems.extend(others.iter().map(|finding| (None, of_pack(finding))));
            }
            break;
        }
        // What is wrong with the form of some items hides what the others mean.
        let rest: Vec<Value> = left.iter().map(|at| items[*at].clone()).collect();
        file = written(&file.path, name, &rest)?;
    }
    problems.sort_by_key(|(at, _)| at.unwrap_or(usize::MAX));
    Ok(problems.into_iter().map(|(_, problem)| problem).collect())
}

/// The inbox's name and where it goes.
fn destination(args: &ImportArgs, pack: &PackSource) -> Result<(String, PathBuf), Exit> {
    let stem = args.file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = args
        .name
        .clone()
        .unwrap_or_else(|| stem.chars().map(|one| if one.is_ascii_alphanumeric() { one } else { '-' }).collect());
    let path = args.out.clone().unwrap_or_else(|| pack.root.join(format!("{name}.yaml")));
    if path.exists() && !args.replace {
        let message = format!("`{}` exists already; nothing was written. `--replace` writes over it", path.display());
        return Err(refuse(message));
    }
    let folder = path.parent().map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder });
    let whole = |path: &Path| fs::canonicalize(path).ok();
    let is_inside =
        whole(&pack.root).zip(folder.and_then(whole)).is_some_and(|(root, folder)| folder.starts_with(root));
    if !is_inside || path.extension().is_none_or(|ending| ending != "yaml") {
        return Err(refuse(format!(
            "`{}` is not a `.yaml` file in the pack's folder, `{}`",
            path.display(),
            pack.root.display()
        )));
    }
    Ok((name, path))
}

/// What the importer makes of the file.
fn items(args: &ImportArgs, pack: &PackSource, format: Format) -> Result<Vec<Value>, Exit> {
    let (name, offer) = match args.with.split_once(':') {
        Some((plugin, offer)) => (plugin, Some(offer)),
        None => (args.with.as_str(), None),
    };
    let (plugin, report) = check::authoring(pack, name, plugins::host());
    packs::show(&report, format);
    let plugin = plugin.ok_or(Exit::Findings)?;
    let importer = importer(&plugin, offer)?;
    let parameters = Value::Object(parameters(&importer.parameters, &args.parameters));
    let misfits: Vec<String> = Schema::new(&importer.parameters)
        .map_err(refuse)?
        .mismatches(&parameters)
        .iter()
        .map(|one| match one.pointer.trim_start_matches('/') {
            "" => one.wanted(),
            key => format!("`{key}` {}", one.wanted()),
        })
        .collect();
    if !misfits.is_empty() {
        return Err(refuse(format!("the parameters of `{}` do not fit: {}", importer.name, misfits.join("; "))));
    }
    let mut input = json!({
        "importer": importer.name, "parameters": parameters,
        "file": args.file.file_name().unwrap_or_default().to_string_lossy(),
    });
    let bytes = read(&args.file)?;
    match importer.takes {
        Takes::Bytes => input["bytes"] = STANDARD.encode(bytes).into(),
        Takes::Text => match text_from(bytes) {
            Ok(text) => input["text"] = text.into(),
            Err(problem) => {
                let (path, at, line, column) = (args.file.display(), problem.at, problem.line(), problem.column());
                return Err(refuse(format!(
                    "`{path}` is not UTF-8 text: byte {at} does not belong ({path}:{line}:{column}); save the file as UTF-8"
                )));
            }
        },
    }
    let answer = plugin.call(Offer::Importer(importer), &input.to_string());
    let mut answer = answer.map_err(|problem| refuse(format!("`{}`: {problem}", args.file.display())))?;
    match answer["items"].take() {
        Value::Array(items) if !items.is_empty() => Ok(items),
        _ => Err(refuse(format!("`{}` holds no item", args.file.display()))),
    }
}

fn importer<'a>(plugin: &'a Arc<Plugin>, name: Option<&str>) -> Result<&'a ImporterOffer, Exit> {
    let importers = &plugin.description.importers;
    let names: Vec<&str> = importers.iter().map(|importer| importer.name.as_str()).collect();
    let owner = &plugin.description.name;
    match name {
        None if importers.len() == 1 => Ok(&importers[0]),
        None if importers.is_empty() => {
            let kinds = Operation::ALL.iter().filter(|one| !plugin.description.offers_of(**one).is_empty());
            let kinds: Vec<String> = kinds.map(|one| format!("{}s", one.noun())).collect();
            Err(refuse(format!("the plugin `{owner}` offers no importer; it offers {}", kinds.join(" and "))))
        }
        None => {
            let names = list(&names).unwrap_or_default();
            Err(refuse(format!("the plugin `{owner}` offers several importers: say `{owner}:` with one of {names}")))
        }
        Some(name) => importers
            .iter()
            .find(|importer| importer.name == name)
            .ok_or_else(|| refuse(packs::unknown("importer", name, &names))),
    }
}

/// Parameters as their schema says: a text as it is written, anything else as JSON.
fn parameters(schema: &Value, given: &[(String, String)]) -> Map<String, Value> {
    let value = |name: &str, text: &str| {
        let is_text = schema["properties"][name]["type"] == "string";
        (!is_text).then(|| serde_json::from_str(text).ok()).flatten().unwrap_or_else(|| Value::from(text))
    };
    given.iter().map(|(name, text)| (name.clone(), value(name, text))).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, Exit> {
    let unreadable = |error| failure(format!("`{}` cannot be read: {error}", path.display()));
    let size = fs::metadata(path).map_err(unreadable)?.len();
    if size > MAX_FILE_BYTES {
        return Err(refuse(format!("`{}` has {size} bytes; a file may have {MAX_FILE_BYTES}", path.display())));
    }
    files::bytes(path).map_err(unreadable)
}

/// The items with texts that stand for themselves, also in fields that are templates; ids are unique.
fn plain(items: Vec<Value>, templates: &HashSet<String>) -> Result<Vec<Value>, Exit> {
    let mut ids = HashSet::new();
    let (mut plain, mut problems) = (Vec::with_capacity(items.len()), Vec::new());
    for (at, mut item) in items.into_iter().enumerate() {
        let id = item["id"].as_str().unwrap_or_default().to_owned();
        if !item.is_object() {
            problems.push(format!("item {} is no map", at + 1));
            continue;
        }
        if !id.is_empty() && !ids.insert(id.clone()) {
            problems.push(format!("item {} has the id `{id}`, which an earlier one has", at + 1));
        }
        let fields = item.get_mut("fields").and_then(Value::as_object_mut).into_iter().flatten();
        fields.filter(|(name, _)| templates.contains(*name)).for_each(|(_, value)| keep_text(value));
        let labels = item.get_mut("labels").and_then(Value::as_object_mut).into_iter().flatten();
        for (_, label) in labels {
            keep_text(label);
            let Some(detail) = label.as_object_mut() else { continue };
            for key in ["value", "reference", "keywords"] {
                detail.get_mut(key).into_iter().for_each(keep_text);
            }
        }
        plain.push(item);
    }
    if problems.is_empty() {
        return Ok(plain);
    }
    problems.iter().for_each(output::error);
    Err(Exit::Findings)
}

/// Lets the texts of a value stand for themselves where a template could stand.
fn keep_text(value: &mut Value) {
    match value {
        Value::String(text) => *text = literal(text),
        Value::Array(list) => list.iter_mut().for_each(keep_text),
        _ => {}
    }
}

/// The file as it will be written; it says what the items say, or is not written.
fn written(path: &Path, name: &str, items: &[Value]) -> Result<SourceFile, Exit> {
    let refused = || refuse("what the importer answered cannot be written as YAML".to_owned());
    let inbox = json!({ "apiVersion": "casebook/v1", "kind": "Inbox", "name": name, "items": items });
    let text = spec::write::document(&inbox);
    let file = SourceFile::new(path, &text);
    let file = super::fmt::formatted(&file).map_or(file, |text| SourceFile::new(path, &text));
    let drafts = spec::read(&file, &mut Vec::new(), &mut casebook_syntax::diagnostic::Report::default());
    let kept =
        drafts.first().is_none_or(|draft| draft.canonical() == spec::order::canonical(spec::Kind::Inbox, &inbox));
    if kept { Ok(file) } else { Err(refused()) }
}

/// The item that a finding is about, by its position.
fn position(finding: &Diagnostic) -> Option<usize> {
    finding.pointer.strip_prefix("/items/")?.split('/').next()?.parse().ok()
}

/// A finding as one about an item: its number, its id, and the field.
fn of_item(finding: &Diagnostic, item: Option<(usize, &Value)>) -> String {
    let label = finding.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    let Some((at, item)) = item else { return format!("{}{label}", finding.message) };
    let id = item["id"].as_str().map(|id| format!(" (`{id}`)")).unwrap_or_default();
    let place = finding.pointer.splitn(4, '/').nth(3).map(|place| format!(", `{place}`")).unwrap_or_default();
    format!("item {}{id}{place}: {}{label}", at + 1, finding.message)
}

fn of_pack(finding: &Diagnostic) -> String {
    format!("the pack itself: {} ({}:{})", finding.message, finding.path.display(), finding.line)
}

fn refuse_all(problems: &[String], path: &Path, format: Format) -> Exit {
    if format == Format::Json {
        output::json(&json!({ "problems": problems }));
        return Exit::Findings;
    }
    problems.iter().for_each(output::error);
    refuse(format!("nothing was written to `{}`", path.display()))
}

fn same(a: &Path, b: &Path) -> bool {
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    whole(a) == whole(b)
}

fn refuse(message: String) -> Exit {
    output::error(message);
    Exit::Findings
}

fn failure(message: String) -> Exit {
    output::error(message);
    Exit::Failure
}
