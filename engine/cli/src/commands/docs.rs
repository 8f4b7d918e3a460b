//! `casebook docs`

use std::fs;

use casebook_analysis::outline;
use casebook_compile::rules;
use minijinja::{Environment, context, syntax::SyntaxConfig, value::Serde};
use serde_json::{Value, json};

use crate::{
    args::{DocsArgs, Format},
    exit::Exit,
    files, output, packs,
};

/// The page, as a template over the pack's outline.
const PAGE: &str = include_str!("../templates/docs.md");

pub(crate) fn run(args: &DocsArgs, format: Format) -> Exit {
    let loaded = match packs::load_sound(&args.packs.packs, format) {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    let mut outlines = Vec::new();
    for pack in loaded.catalog.packs() {
        let outline = outline::of(pack);
        if format == Format::Json {
            outlines.push(outline);
            continue;
        }
        let page = match page(&outline) {
            Ok(page) => page,
            Err(error) => {
                output::error(format!("the page of `{}` cannot be written: {error}", pack.name()));
                return Exit::Failure;
            }
        };
        let Some(folder) = &args.out else {
            output::text(page);
            continue;
        };
        let path = folder.join(format!("{}.md", pack.name()));
        if let Err(error) = fs::create_dir_all(folder).and_then(|()| files::write(&path, page)) {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            return Exit::Failure;
        }
        output::line(format!("wrote {}", path.display()));
    }
    if format == Format::Json {
        output::json(&json!({ "packs": outlines }));
    }
    loaded.exit(Exit::Success)
}

fn page(outline: &Value) -> Result<String, minijinja::Error> {
    let mut engine = Environment::new();
    engine.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    engine.add_filter("cell", |text: minijinja::Value| rules::table_cell(text.as_str().unwrap_or_default()));
    engine.add_filter("code", |text: minijinja::Value| code(text.as_str().unwrap_or_default()));
    let drawings: Vec<Value> = outline["rubrics"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|rubric| json!({ "name": rubric["name"], "mode": rubric["mode"], "clip": rubric["clip"], "drawing": drawing(rubric) }))
        .collect();
    engine.render_str(PAGE, context! { pack => Serde(outline), rubrics => Serde(drawings) })
}

/// A text as code in a cell of a Markdown table.
fn code(text: &str) -> String {
    let text = rules::table_cell(text);
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// A flow chart of a rubric, in Mermaid's language.
fn drawing(rubric: &Value) -> String {
    let mut lines = vec!["flowchart LR".to_owned()];
    let mut count = 0;
    if let Some(components) = rubric["reward"].as_array().filter(|components| !components.is_empty()) {
        lines.push("  reward([reward after every step])".to_owned());
        for component in components {
            let child = node(component, &mut lines, &mut count);
            lines.push(format!("  reward --> {child}"));
        }
    }
    lines.push("  score([score of the episode])".to_owned());
    let root = node(&rubric["score"], &mut lines, &mut count);
    lines.push(format!("  score --> {root}"));
    lines.join("\n")
}

/// Draws a node and those below it; returns its name in the drawing.
fn node(value: &Value, lines: &mut Vec<String>, count: &mut usize) -> String {
    let id = format!("n{count}");
    *count += 1;
    let mut label = value["what"].as_str().unwrap_or_default().to_owned();
    if let Some(field) = value["params"]["field"].as_str() {
        label.push_str(&format!(" of {field}"));
    }
    if let Some(expression) = value["params"]["value"].as_str() {
        label.push_str(&format!(": {}", expression.replace('"', "'")));
    }
    if let Some(times) = value["times"].as_f64() {
        label.push_str(&format!(" times {times}"));
    }
    if let Some(above) = value["above"].as_f64() {
        label.push_str(&format!(" above {above}"));
    }
    if let Some(name) = value["name"].as_str() {
        label = format!("{name}<br/>{label}");
    }
    lines.push(format!("  {id}[\"{label}\"]"));
    for child in value["children"].as_array().into_iter().flatten() {
        let inner = node(child, lines, count);
        let weight = child["weight"].as_f64().map(|weight| format!("|{weight}|")).unwrap_or_default();
        lines.push(format!("  {id} -->{weight} {inner}"));
    }
    id
}
