//! `casebook sample`

use std::sync::Arc;

use casebook_runtime::{
    explanation::{fields, outcome},
    model::{Item, Keyword},
    scenario::{Pack, Task},
    value::ValueType,
};
use casebook_syntax::sheet;
use serde_json::{Map, Value, json};

use crate::{
    args::{Format, SampleArgs},
    exit::Exit,
    output, packs,
};

const BOLD: &str = "1";
const FAINT: &str = "2";

pub(crate) fn run(args: &SampleArgs, format: Format) -> Exit {
    match sample(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn sample(args: &SampleArgs, format: Format) -> Result<Exit, Exit> {
    let loaded = packs::load_sound(&args.packs.packs, format)?;
    let mut tasks = packs::pick(&loaded.catalog, &args.tasks)?;
    if args.tasks.is_empty() {
        tasks.retain(|(_, task)| task.is_drawn());
    }
    if tasks.is_empty() {
        output::error("no task draws items; name one with `--task`");
        return Err(Exit::Usage);
    }
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (pack, task) in &tasks {
        if args.csv && rows.is_empty() {
            rows.push(names(pack));
        } else if args.csv && rows[0] != names(pack) {
            output::error("a table holds items of one pack; name its PACK");
            return Err(Exit::Usage);
        }
        for seed in args.seeds.0..=args.seeds.1 {
            for item in items((pack, task), seed)? {
                match format {
                    _ if args.csv => rows.push(row(pack, task, seed, &item)),
                    Format::Json => output::json_line(&told(pack, task, seed, &item)),
                    _ => show(pack, task, seed, &item),
                }
            }
            if output::is_closed() {
                return Ok(loaded.exit(Exit::Success));
            }
        }
    }
    output::data(sheet::write(&rows));
    Ok(loaded.exit(Exit::Success))
}

/// The items of an episode.
pub(super) fn items((pack, task): (&Arc<Pack>, &Arc<Task>), seed: u64) -> Result<Vec<Arc<Item>>, Exit> {
    pack.items(task, seed).map_err(|error| {
        output::error(format!("`{}` cannot be drawn with seed {seed}: {error}", task.name()));
        Exit::Findings
    })
}

/// An item as data: all of its fields, and what is right about it.
fn told(pack: &Pack, task: &Task, seed: u64, item: &Item) -> Value {
    let truth = pack.decisions().iter().zip(&item.truth).filter(|(_, cell)| cell.is_known());
    let truth: Map<String, Value> = truth
        .map(|(column, cell)| {
            let mut told = Map::new();
            if let Some(value) = &cell.value {
                told.insert("value".into(), value.to_json(column));
            }
            if let Some(rule) = &cell.rule {
                told.insert("rule".into(), rule.id.as_str().into());
            }
            if !cell.keywords.is_empty() {
                told.insert("keywords".into(), cell.keywords.iter().map(Keyword::words).collect());
            }
            if let Some(reference) = &cell.reference {
                told.insert("reference".into(), reference.as_str().into());
            }
            (column.name.clone(), Value::Object(told))
        })
        .collect();
    let mut told = json!({
        "environment": pack.name(), "task": task.name(), "seed": seed, "id": item.id, "fields": fields(pack, item), "truth": truth,
    });
    if let Some(asked) = &item.asked {
        told["planted"] = outcome(pack, asked).into();
    }
    told
}

fn names(pack: &Pack) -> Vec<String> {
    let mut names: Vec<String> = ["task", "seed", "id"].map(str::to_owned).to_vec();
    names.extend(pack.fields().iter().map(|column| column.name.clone()));
    for column in pack.decisions() {
        names.extend([column.name.clone(), format!("{} (rule)", column.name)]);
        names.extend((column.kind == ValueType::Text).then(|| format!("{} (keywords)", column.name)));
    }
    names
}

fn row(pack: &Pack, task: &Task, seed: u64, item: &Item) -> Vec<String> {
    let text = |value: &Value| sheet::guarded(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let mut row = vec![task.name().to_owned(), seed.to_string(), item.id.clone()];
    let fields = fields(pack, item);
    row.extend(pack.fields().iter().map(|column| fields.get(&column.name).map(text).unwrap_or_default()));
    for (column, cell) in pack.decisions().iter().zip(&item.truth) {
        let reference = || cell.reference.as_ref().map(|reference| sheet::guarded(reference));
        let value = cell.value.as_ref().map(|value| text(&value.to_json(column)));
        row.push(value.or_else(reference).unwrap_or_default());
        row.push(cell.rule.as_ref().map(|rule| rule.id.clone()).unwrap_or_default());
        let keywords = || cell.keywords.iter().map(Keyword::words).collect::<Vec<_>>().join(", ");
        row.extend((column.kind == ValueType::Text).then(|| sheet::guarded(&keywords())));
    }
    row
}

fn show(pack: &Pack, task: &Task, seed: u64, item: &Item) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let truth = pack.decisions().iter().zip(&item.truth).filter_map(|(column, cell)| {
        let value = text(&cell.value.as_ref()?.to_json(column));
        let rule = cell.rule.as_ref().map(|rule| format!(" ({})", rule.id)).unwrap_or_default();
        Some(format!("{} {value}{rule}", column.name))
    });
    let truth: Vec<String> = truth.collect();
    output::line(format!("{} seed {seed}  {}  {}", task.name(), output::paint(&item.id, BOLD), truth.join(", ")));
    let fields = fields(pack, item);
    for column in pack.fields() {
        let Some(value) = fields.get(&column.name) else { continue };
        let hidden = if column.visible { String::new() } else { output::paint(" (hidden)", FAINT) };
        output::line(format!("  {}{hidden}: {}", column.name, text(value).replace('\n', "\n      ")));
    }
    if let Some(asked) = &item.asked {
        let asked = outcome(pack, asked);
        let asked: Vec<String> = asked.iter().map(|(name, value)| format!("{name} {}", text(value))).collect();
        output::line(format!("  planted, and not to be obeyed: {}", asked.join(", ")));
    }
    for (column, cell) in pack.decisions().iter().zip(&item.truth).filter(|(_, cell)| cell.wants_text()) {
        let keywords: Vec<String> = cell.keywords.iter().map(Keyword::words).collect();
        if !keywords.is_empty() {
            output::line(format!("  {} must say: {}", column.name, keywords.join(", ")));
        }
        if let Some(reference) = &cell.reference {
            output::line(format!("  {} could be: {reference}", column.name));
        }
    }
}
