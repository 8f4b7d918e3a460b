//! The means of policies by the values of a rubric.

use casebook_analysis::sweep::Sweep;

use super::{Tried, plain};
use crate::plot::{Panel, panels};

/// The greatest number of panels.
pub(super) const MOST: usize = 12;

/// A panel for each combination of values of all that varies but the last, whose values are on the axis. Settings that fit are
/// marked.
pub(super) fn svg(environment: &str, sweep: &Sweep, tried: &[Tried], as_written: &Tried) -> String {
    let Some((last, others)) = sweep.varied.split_last() else { return String::new() };
    let axis = format!("{} (as written: {})", last.path, plain(&last.written));
    let all = tried.chunks(last.values.len().max(1)).take(MOST).map(|settings| {
        let values = settings.first().map(|one| one.values.as_slice()).unwrap_or_default();
        let place: Vec<String> =
            others.iter().zip(values).map(|(one, value)| format!("{}={}", one.path, plain(value))).collect();
        let title = if place.is_empty() { String::new() } else { format!(": {}", place.join(" ")) };
        let line = |policy: &String| (policy.clone(), settings.iter().map(|one| one.mean(policy)).collect());
        Panel {
            title: format!("{environment}: mean score{title}; shaded settings fit"),
            axis: axis.clone(),
            places: last.values.iter().map(plain).collect(),
            lines: as_written.means.iter().map(|(policy, _)| line(policy)).collect(),
            marked: settings.iter().map(Tried::fits).collect(),
        }
    });
    panels(&all.collect::<Vec<_>>())
}
