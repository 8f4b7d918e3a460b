//! `close`: numbers that are near enough.

use casebook_runtime::{rubric::graders::Close, value::ValueType};
use casebook_syntax::{
    diagnostic::{Code, Report},
    spec,
};

use super::{Built, Site};

pub(super) fn build(params: &spec::Close, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    if params.absolute.is_none() && params.relative.is_none() {
        report.push(
            site.document
                .at(Code::BadGrader, site.pointer, "`close` needs `absolute` or `relative`")
                .hint("add how far a number may lie from the right one, such as `absolute: 0.5` or `relative: 0.05`"),
        );
        return None;
    }
    if params.relative.is_some_and(|relative| relative >= 1.0) {
        report.push(
            site.document
                .at(
                    Code::Pointless,
                    format!("{}/relative", site.pointer),
                    "with this tolerance 0 is near enough to every number",
                )
                .hint("write it as a part of the right number: `0.01` is one percent"),
        );
    }
    let kinds = [ValueType::Integer, ValueType::Number, ValueType::Rank];
    let column = site.decision(&params.field, &kinds, report)?;
    let (absolute, relative) = (params.absolute.unwrap_or_default(), params.relative.unwrap_or_default());
    Some(Built::row(Close { column, absolute, relative }))
}
