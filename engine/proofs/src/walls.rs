//! Moments that clocks on walls distinguish.
//!
//! What a clock on a wall shows repeats itself week by week. Two moments at which some other test changes its mind are
//! either so near that every change of the clock between them is looked at, or whole weeks apart, and the weeks at both ends
//! show all that there is. A zone that puts its clocks forward skips an hour of one week, but not of the next.

use casebook_runtime::{
    model::write_moment,
    number::Number,
    rules::{DAY, DAYS, Wall, Zone},
};

use super::{
    formula::{Atom, Atoms},
    witness::ANY_MOMENT,
};

/// Days on both sides of a bound that are looked through where clocks are never put forward or back, and where they are.
const WEEK: i64 = 8;
const WEEKS: i64 = 16;
/// The maximum number of moments for one question.
const MAX_MOMENTS: usize = 40_000;

/// The moments around some bounds at which tests of a wall clock change their mind, with those before them.
pub(super) fn moments(bounds: &[Number], atoms: &[&Atom]) -> Vec<i64> {
    let walls: Vec<(&Wall, &Zone)> = atoms.iter().filter_map(|atom| atom.wall()).collect();
    let mut all = Vec::new();
    for (zone, times) in zones(&walls) {
        for around in anchors(bounds, &walls) {
            let span = span(zone) * DAY;
            let first = zone.local(around.saturating_sub(span)).div_euclid(DAY);
            let last = zone.local(around.saturating_add(span)).div_euclid(DAY);
            let shown = (first..=last).flat_map(|day| times.iter().map(move |time| day * DAY + time));
            let changes = zone.changes(around.saturating_sub(span), around.saturating_add(span));
            for moment in shown.flat_map(|local| zone.moments(local)).chain(changes) {
                all.extend([moment.saturating_sub(1), moment]);
            }
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Whether there are too many moments to look at.
pub(super) fn is_too_much(atoms: &Atoms<'_>, own: &[usize]) -> bool {
    let walls: Vec<(&Wall, &Zone)> = own.iter().filter_map(|atom| atoms.all[*atom].wall()).collect();
    let anchors = own.len() + anchors(&[], &walls).len();
    let each: usize =
        zones(&walls).iter().map(|(zone, times)| times.len() * usize::try_from(4 * span(zone)).unwrap_or(0)).sum();
    anchors * each > MAX_MOMENTS
}

/// Why nothing may be claimed impossible although nothing was found: what decides is not looked through.
pub(super) fn doubt(atoms: &Atoms<'_>, used: &[Vec<usize>]) -> Option<&'static str> {
    used.iter().find_map(|own| {
        let walls: Vec<(&Wall, &Zone)> = own.iter().filter_map(|atom| atoms.all[*atom].wall()).collect();
        let zones = zones(&walls);
        if !walls.is_empty() && own.iter().any(|atom| atoms.all[*atom].reads_clock()) {
            return Some("the age of a moment and its time of day, weekday or date come together");
        }
        let differ = zones.len() > 1 && zones.iter().any(|(zone, _)| !zone.is_fixed());
        differ.then_some("times of day, weekdays or dates of several zones come together")
    })
}

/// What a test of a wall clock wants, in words.
pub(super) fn words(wall: &Wall, zone: &Zone) -> String {
    let time = |time: i64| {
        let (minutes, seconds) = (time / 60_000, time / 1000 % 60);
        let short = format!("{:02}:{:02}", minutes / 60, minutes % 60);
        if seconds == 0 { short } else { format!("{short}:{seconds:02}") }
    };
    let what = match wall {
        Wall::TimeOfDay(from, until) => format!("from {} on and before {}", time(*from), time(*until)),
        Wall::Weekday(days) => {
            let named: Vec<&str> = (0..7).filter(|day| days >> day & 1 == 1).map(|day: usize| DAYS[day]).collect();
            format!("on {}", named.join(" or "))
        }
        Wall::Dates(dates) => {
            let date = |day: &i64| write_moment(day * DAY).chars().take(10).collect::<String>();
            match dates.as_ref() {
                [first, _, _, ..] => format!("on {} or {} other dates", date(first), dates.len() - 1),
                dates => format!("on {}", dates.iter().map(date).collect::<Vec<_>>().join(" or ")),
            }
        }
    };
    format!("{what} ({})", zone.name())
}

/// The zones, each with the times of day that its tests name.
fn zones<'a>(walls: &[(&'a Wall, &'a Zone)]) -> Vec<(&'a Zone, Vec<i64>)> {
    let mut zones: Vec<(&Zone, Vec<i64>)> = Vec::new();
    for (wall, zone) in walls {
        let known = zones.iter().position(|(known, _)| known == zone).unwrap_or_else(|| {
            zones.push((zone, vec![0]));
            zones.len() - 1
        });
        zones[known].1.extend(wall.times());
    }
    for (_, times) in &mut zones {
        times.sort_unstable();
        times.dedup();
    }
    zones
}

/// The moments around which is looked: bounds, and the beginning of each date.
fn anchors(bounds: &[Number], walls: &[(&Wall, &Zone)]) -> Vec<i64> {
    let mut all: Vec<i64> = bounds.iter().filter_map(|bound| bound.to_i64()).collect();
    for (wall, zone) in walls {
        if let Wall::Dates(dates) = wall {
            all.extend(dates.iter().flat_map(|day| zone.moments(day * DAY)));
        }
    }
    if all.is_empty() && !walls.is_empty() {
        all.push(ANY_MOMENT);
    }
    all
}

fn span(zone: &Zone) -> i64 {
    if zone.is_fixed() { WEEK } else { WEEKS }
}
