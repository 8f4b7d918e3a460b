//! `deadline`: the field that holds the moment.

use casebook_runtime::{rubric::graders::Deadline, value::ValueType};
use casebook_syntax::{
    diagnostic::{Code, Report, suggest},
    spec,
};

use super::{Built, Site};

pub(super) fn build(params: &spec::Deadline, site: &Site<'_>, report: &mut Report) -> Option<Built> {
    let path = format!("{}/field", site.pointer);
    let Some(field) = site.fields.iter().position(|column| column.name == params.field) else {
        let names = site.fields.iter().map(|column| column.name.as_str());
        report.push(
            site.document
                .at(Code::UnknownName, path, format!("items have no field `{}`", params.field))
                .maybe_hint(suggest(&params.field, names)),
        );
        return None;
    };
    if site.fields[field].kind != ValueType::Timestamp {
        report.push(
            site.document
                .at(Code::BadGrader, path, format!("the field `{}` is not a `timestamp`", params.field))
                .hint("name a field of the type `timestamp`"),
        );
        return None;
    }
    Some(Built::row(Deadline { field, late: params.late }))
}
