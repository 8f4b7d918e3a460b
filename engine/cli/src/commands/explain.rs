//! `casebook explain`

use casebook_runtime::names::nearest;
use casebook_syntax::diagnostic::{Code, Severity};
use serde_json::{Value, json};

use crate::{
    args::{ExplainArgs, Format},
    exit::Exit,
    output,
};

pub(crate) fn run(args: &ExplainArgs, format: Format) -> Exit {
    let Some(wanted) = &args.code else {
        match format {
            Format::Json => output::json(&Code::ALL.iter().map(|code| summary(*code)).collect::<Vec<_>>()),
            _ => Code::ALL.iter().for_each(|code| output::line(format!("{code}  {}", code.summary()))),
        }
        return Exit::Success;
    };
    let Some(code) = Code::ALL.iter().find(|code| code.text().eq_ignore_ascii_case(wanted)) else {
        let near = nearest(&wanted.to_uppercase(), Code::ALL.iter().map(|code| code.text()));
        let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
        output::error(format!("there is no code `{wanted}`; {near}`casebook explain` lists them all"));
        return Exit::Usage;
    };
    match format {
        Format::Json => {
            let mut value = summary(*code);
            value["explanation"] = code.explanation().into();
            output::json(&value);
        }
        _ => output::text(format!("{code}: {}\n\n{}", code.summary(), code.explanation())),
    }
    Exit::Success
}

fn summary(code: Code) -> Value {
    json!({ "code": code.text(), "summary": code.summary(), "error": code.severity() == Severity::Error })
}
