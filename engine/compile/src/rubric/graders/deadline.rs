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
    if params.late >= 1.0 {
        let message = if params.late > 1.0 {
            format!("a late decision gets {}, more than the 1 of one in time", params.late)
        } else {
            "a late decision gets 1, as much as one in time".to_owned()
        };
        report.push(
            site.document.at(Code::Pointless, format!("{}/late", site.pointer), message).hint("write a number below 1"),
        );
    }
    Some(Built::row(Deadline { field, late: params.late }))
}
