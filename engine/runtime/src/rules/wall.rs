//! Moments by the clock on the wall: times of day, days of the week and dates, in a time zone.

use std::{fmt, sync::Arc};

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;
/// Milliseconds of a minute.
const MINUTE: i64 = 60_000;
/// The names of the days of the week, from Monday on.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A test of a moment as a clock on the wall shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wall {
    /// From one time of day on and before another, which may be on the next day; in milliseconds since midnight.
    TimeOfDay(i64, i64),
    /// On one of these days of the week; a bit for each, from Monday on.
    Weekday(u8),
    /// On one of these dates, in order, as days since 1970.
    Dates(Arc<[i64]>),
}

/// A time zone.
#[derive(Clone)]
pub struct Zone {
    name: Arc<str>,
    offset: Offset,
}

#[derive(Clone)]
enum Offset {
    /// So many milliseconds before UTC.
    Fixed(i64),
    Named(TimeZone),
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl PartialEq for Zone {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Zone {}

impl Zone {
    /// Universal time.
    pub fn utc() -> Self {
        Self { name: "UTC".into(), offset: Offset::Fixed(0) }
    }

    /// The zone of a name such as `Europe/Berlin`, an offset such as `+02:00`, or `UTC`.
    ///
    /// The zones are part of the program, so that a moment is on the same day on every machine.
    pub fn read(text: &str) -> Option<Self> {
        if text == "UTC" || text == "Z" {
            return Some(Self::utc());
        }
        if let Some(sign) = text.strip_prefix('+').map(|_| 1).or_else(|| text.strip_prefix('-').map(|_| -1)) {
            let minutes = read_time(&text[1..]).filter(|time| text.len() == 6 && *time < DAY)? / MINUTE;
            return Some(Self { name: text.into(), offset: Offset::Fixed(sign * minutes * MINUTE) });
        }
        let zone = TimeZoneDatabase::bundled().get(text).ok()?;
        let name = zone.iana_name()?.into();
        Some(Self { name, offset: Offset::Named(zone) })
    }

    /// The names of all zones.
    pub fn names() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.to_string()).collect()
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether its clocks are never put forward or back.
    pub const fn is_fixed(&self) -> bool {
        matches!(self.offset, Offset::Fixed(_))
    }

    /// What its clocks show at a moment, as if they showed universal time.
    pub fn local(&self, moment: i64) -> i64 {
        moment.saturating_add(self.offset(moment))
    }

    /// The moments, one or two, at which its clocks may show a time.
    pub fn moments(&self, local: i64) -> [i64; 2] {
        [-DAY, DAY].map(|off| local.saturating_sub(self.offset(local.saturating_add(off))))
    }

    /// The moments within a span at which its clocks are put forward or back.
    pub fn changes(&self, from: i64, to: i64) -> Vec<i64> {
        let Offset::Named(zone) = &self.offset else { return Vec::new() };
        let moments = zone.following(stamp(from)).map(|change| change.timestamp().as_millisecond());
        moments.take_while(|moment| *moment <= to).collect()
    }

    fn offset(&self, moment: i64) -> i64 {
        match &self.offset {
            Offset::Fixed(offset) => *offset,
            Offset::Named(zone) => i64::from(zone.to_offset(stamp(moment)).seconds()) * 1000,
        }
    }
}

/// A moment, or the nearest one that the library knows.
fn stamp(moment: i64) -> Timestamp {
    let (first, last) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    Timestamp::from_millisecond(moment.clamp(first, last)).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Wall {
    /// Whether a moment passes in a zone.
    pub fn passes(&self, moment: i64, zone: &Zone) -> bool {
        let local = zone.local(moment);
        let (day, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        match self {
            Self::TimeOfDay(from, until) if from < until => (*from..*until).contains(&time),
            Self::TimeOfDay(from, until) => time >= *from || time < *until,
            // The first day of 1970 was a Thursday.
            Self::Weekday(days) => days >> (day + 3).rem_euclid(7) & 1 == 1,
            Self::Dates(dates) => dates.binary_search(&day).is_ok(),
        }
    }

    /// The times of day at which it may change its mind.
    pub fn times(&self) -> Vec<i64> {
        match self {
            Self::TimeOfDay(from, until) => vec![*from, until % DAY],
            Self::Weekday(_) | Self::Dates(_) => vec![0],
        }
    }
}

/// Reads a time of day such as `08:00` or `17:30:15`, in milliseconds since midnight; `24:00` is the end of the day.
fn read_time(text: &str) -> Option<i64> {
    let parts: Vec<&str> = text.split(':').collect();
    let number = |text: &str| -> Option<i64> {
        (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let (hours, minutes, seconds) = match parts.as_slice() {
        [hours, minutes] => (number(hours)?, number(minutes)?, 0),
        [hours, minutes, seconds] => (number(hours)?, number(minutes)?, number(seconds)?),
        _ => return None,
    };
    let time = ((hours * 60 + minutes) * 60 + seconds) * 1000;
    (minutes < 60 && seconds < 60 && time <= DAY).then_some(time)
}

/// Reads two different times of day with `..` between them.
pub fn read_times(text: &str) -> Option<(i64, i64)> {
    let (from, until) = text.split_once("..")?;
    let (from, until) = (read_time(from.trim())?, read_time(until.trim())?);
    (from < DAY && from != until).then_some((from, until))
}

#[cfg(test)]
mod tests {
    use super::{DAY, Wall, Zone, read_time, read_times};
    use crate::model::read_moment;

    fn at(text: &str) -> i64 {
        read_moment(text).expect("a moment")
    }

    #[test]
    fn the_clock_on_the_wall_is_that_of_the_zone() {
        let berlin = Zone::read("Europe/Berlin").expect("a zone");
        let office = Wall::TimeOfDay(read_time("08:00").expect("a time"), read_time("17:00").expect("a time"));
        assert!(
            office.passes(at("2026-01-05T07:00:00Z"), &berlin) && !office.passes(at("2026-01-05T06:59:59Z"), &berlin)
        );
        assert!(
            office.passes(at("2026-07-06T06:00:00Z"), &berlin) && !office.passes(at("2026-07-06T15:00:00Z"), &berlin)
        );
        assert!(office.passes(at("2026-01-05T16:59:59Z"), &Zone::utc()));
        let night = Wall::TimeOfDay(read_time("22:00").expect("a time"), read_time("06:00").expect("a time"));
        let india = Zone::read("+05:30").expect("a zone");
        assert!(night.passes(at("2026-01-05T16:30:00Z"), &india) && night.passes(at("2026-01-06T00:29:59Z"), &india));
        assert!(!night.passes(at("2026-01-06T00:30:00Z"), &india));
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone() {
        let monday = Wall::Weekday(1);
        let honolulu = Zone::read("Pacific/Honolulu").expect("a zone");
        assert!(
            monday.passes(at("2026-01-05T00:00:00Z"), &Zone::utc())
                && !monday.passes(at("2026-01-05T09:59:59Z"), &honolulu)
        );
        assert!(monday.passes(at("2026-01-06T09:59:59Z"), &honolulu));
        let new_year = Wall::Dates([at("2026-01-01T00:00:00Z") / DAY].into());
        assert!(
            new_year.passes(at("2026-01-02T09:59:59Z"), &honolulu)
                && !new_year.passes(at("2026-01-01T09:00:00Z"), &honolulu)
        );
        assert!(!monday.passes(at("1969-12-31T23:59:59Z"), &Zone::utc()));
        assert!(Wall::Weekday(1 << 2).passes(at("1969-12-31T23:59:59Z"), &Zone::utc()));
    }

    #[test]
    fn times_and_zones_are_read_strictly() {
        for wrong in ["8:00", "24:01", "12:60", "12", "12:00:60", "+1:00", "aa:bb", ""] {
            assert_eq!(read_time(wrong), None, "{wrong}");
        }
        assert_eq!(read_times("00:00..24:00"), Some((0, DAY)));
        assert_eq!(read_times("12:00..12:00"), None);
        assert_eq!(read_times("24:00..08:00"), None);
        for wrong in ["Europe/Berln", "+25:00", "+2", "local", "", "+02:00:00"] {
            assert!(Zone::read(wrong).is_none(), "{wrong}");
        }
        assert_eq!(Zone::read("europe/berlin").expect("a zone").name(), "Europe/Berlin");
        // Ends of the calendar, which the library does not know.
        assert!(Wall::Weekday(0x7f).passes(at("9999-12-31T23:59:59Z"), &Zone::read("Europe/Berlin").expect("a zone")));
    }

    #[test]
    fn moments_of_a_local_time_are_near() {
        let zone = Zone::read("America/New_York").expect("a zone");
        let moment = at("2026-03-08T12:00:00Z");
        assert!(zone.moments(zone.local(moment)).contains(&moment));
        assert_eq!(zone.changes(at("2026-03-01T00:00:00Z"), at("2026-03-31T00:00:00Z")), [at("2026-03-08T07:00:00Z")]);
    }
}
