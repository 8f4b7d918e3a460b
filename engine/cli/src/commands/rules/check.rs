//! `casebook rules check`

use crate::{
    args::{Format, RulesCheckArgs},
    exit::Exit,
    packs,
};

pub(crate) fn run(args: &RulesCheckArgs, format: Format) -> Exit {
    let (_, compiled) = packs::read(&args.packs.packs);
    packs::show(&compiled.report, format);
    let warned = args.strict && compiled.report.warnings() > 0;
    if compiled.catalog.is_some() && !warned { Exit::Success } else { Exit::Findings }
}
