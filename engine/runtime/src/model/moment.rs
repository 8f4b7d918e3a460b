//! Moments and lengths of time, as documents write them: whole milliseconds.
//!
//! All moments of the years 1 to 9999 are taken. The library's own timestamps end 26 hours before the last of them, so that each
//! can be shown in any time zone; here only UTC is.

use jiff::{
    SignedDuration, Span,
    civil::{DateTime, Time, date, time},
    fmt::temporal::DateTimeParser,
};

/// The first and the last moment: 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999Z.
pub const MOMENTS: (i64, i64) = (-62_135_596_800_000, 253_402_300_799_999);

/// What is wrong with a moment outside [`MOMENTS`].
const OUTSIDE: &str = "a moment of the years 0001 to 9999";

/// Seconds of a day.
const DAY: i32 = 86_400;

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// Reads an RFC 3339 moment: its milliseconds since 1970. The error says what was expected.
///
/// A leap second (`23:59:60`) counts as the second before it, and what is finer than a millisecond is cut off.
pub fn read_timestamp(text: &str) -> Result<i64, &'static str> {
    match read(text, "a moment such as `2026-01-05T09:00:00Z`")? {
        (_, false) => Err("a moment such as `2026-01-05T09:00:00Z`, not a day"),
        (moment, true) => Ok(moment),
    }
}

/// Reads an RFC 3339 moment, or a day, for the midnight (UTC) with which it begins: its milliseconds since 1970.
pub fn read_moment(text: &str) -> Result<i64, &'static str> {
    let read = read(text, "a day such as `2026-01-01`, or a moment such as `2026-01-05T09:00:00Z`");
    read.map(|(moment, _)| moment)
}

/// [`read_timestamp`] without the reason.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    read_timestamp(text).ok()
}

/// [`read_moment`] without the reason.
pub fn parse_moment(text: &str) -> Option<i64> {
    read_moment(text).ok()
}

/// A moment, in milliseconds since 1970, as RFC 3339 writes it.
pub fn write_moment(moment: i64) -> String {
    let shown = EPOCH.checked_add(SignedDuration::from_millis(moment));
    shown.map(|shown| format!("{shown}Z")).unwrap_or_default()
}

/// A moment, in milliseconds since 1970, in UTC, in a format such as `%-d %B %Y`; `None` if that is not a format.
pub fn format_moment(moment: i64, format: &str) -> Option<String> {
    let shown = EPOCH.checked_add(SignedDuration::from_millis(moment)).ok()?;
    jiff::fmt::strtime::format(format, shown).ok()
}

/// Reads a moment or a day, and returns whether it has a time of day; the error is what was expected.
fn read(text: &str, expected: &'static str) -> Result<(i64, bool), &'static str> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    let pieces = PARSER.parse_pieces(text).map_err(|_| expected)?;
    let ahead = match (pieces.time(), pieces.to_numeric_offset()) {
        (Some(_), None) => return Err("a moment with its offset from UTC, such as `2026-01-05T09:00:00Z`"),
        (_, Some(offset)) if offset.seconds().abs() >= DAY => {
            return Err("a moment with an offset from UTC below 24 hours, such as `+02:00`");
        }
        (_, Some(offset)) => i64::from(offset.seconds()) * 1000,
        (None, None) if pieces.time_zone_annotation().is_some() => return Err("a day without a time zone"),
        (None, None) => 0,
    };
    let local = pieces.date().to_datetime(pieces.time().unwrap_or(Time::midnight()));
    // Cut to milliseconds towards the past, so that years before 1970 are cut as those after it.
    let since = local.duration_since(EPOCH).as_nanos().div_euclid(1_000_000);
    let moment = i64::try_from(since).map_err(|_| OUTSIDE)?.saturating_sub(ahead);
    if is_leap_second(text) && !ends_month(moment) {
        return Err("a moment with seconds up to 59; only a month may end with a leap second, at 23:59:60 UTC");
    }
    let inside = (MOMENTS.0..=MOMENTS.1).contains(&moment);
    if inside { Ok((moment, pieces.time().is_some())) } else { Err(OUTSIDE) }
}

/// Whether a moment is written with the second 60, which the library reads as 59.
fn is_leap_second(text: &str) -> bool {
    let time = text.split_once(['T', 't', ' ']).map_or("", |(_, time)| time);
    let clock = time.split(|c: char| !c.is_ascii_digit() && c != ':').next().unwrap_or_default();
    let figures = clock.bytes().filter(u8::is_ascii_digit).count();
    figures == 6 && clock.ends_with("60")
}

/// Whether a moment is in the last second of a month, in UTC.
fn ends_month(moment: i64) -> bool {
    let shown = EPOCH.checked_add(SignedDuration::from_millis(moment));
    shown.is_ok_and(|shown| shown.date() == shown.date().last_of_month() && shown.time() >= time(23, 59, 59, 0))
}

/// Reads a length of time such as `2h 30m`: its milliseconds. The error says what was expected.
pub fn read_duration(text: &str) -> Result<i64, &'static str> {
    match text.parse::<SignedDuration>() {
        Ok(length) if length.subsec_nanos() % 1_000_000 != 0 => {
            Err("a length of time in whole milliseconds, such as `0.5s`")
        }
        Ok(length) => i64::try_from(length.as_millis()).map_err(|_| "a length of time below 292,000,000 years"),
        Err(_) if text.parse::<Span>().is_ok() => Err("a length of time in hours, minutes and seconds, such as `48h`"),
        Err(_) => Err("a length of time such as `2h 30m`"),
    }
}

/// [`read_duration`] without the reason.
pub fn parse_duration(text: &str) -> Option<i64> {
    read_duration(text).ok()
}

/// A length of time, in milliseconds, as documents write it.
pub fn write_duration(length: i64) -> String {
    format!("{:#}", SignedDuration::from_millis(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_exactly_over_all_years() {
        for (text, moment) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-05T09:00:00Z", 1_767_603_600_000),
            ("2026-01-05T09:00:00.25Z", 1_767_603_600_250),
            ("2026-01-05T10:30:00+01:30", 1_767_603_600_000),
            ("2026-01-05 09:00:00z", 1_767_603_600_000),
            ("2016-12-31T23:59:60Z", 1_483_228_799_000),
            ("2017-01-01T00:59:60.5+01:00", 1_483_228_799_500),
            ("2026-01-05T23:00:00+23:59", 1_767_567_660_000),
            ("1969-12-31T23:59:59.9995Z", -1),
            ("0001-01-01T00:00:00Z", MOMENTS.0),
            ("9999-12-31T23:59:59.999Z", MOMENTS.1),
            ("9999-12-31T23:59:59Z", MOMENTS.1 - 999),
        ] {
            assert_eq!(read_timestamp(text), Ok(moment), "{text}");
            assert_eq!(read_timestamp(&write_moment(moment)), Ok(moment), "{text}");
        }
        assert_eq!(read_moment("9999-12-31"), Ok(MOMENTS.1 - 86_399_999));
        assert_eq!(write_moment(MOMENTS.1), "9999-12-31T23:59:59.999Z");
        assert_eq!(write_moment(MOMENTS.0), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_not_a_moment_says_why() {
        for (text, why) in [
            ("2026-01-05T09:00:00", "offset from UTC"),
            ("2026-01-05", "not a day"),
            ("0000-12-31T00:00:00Z", "years 0001 to 9999"),
            ("0001-01-01T00:00:00+01:00", "years 0001 to 9999"),
            ("9999-12-31T23:59:59-01:00", "years 0001 to 9999"),
            ("10000-01-01T00:00:00Z", "such as"),
            ("2026-02-30T00:00:00Z", "such as"),
            ("soon", "such as"),
            ("2026-01-05T09:00:00+24:00", "below 24 hours"),
            ("2026-01-05T09:00:00-25:30", "below 24 hours"),
            ("2026-01-05T12:30:60Z", "up to 59"),
            ("2026-01-05 23:59:60Z", "up to 59"),
            ("2016-12-31T23:59:60+01:00", "up to 59"),
        ] {
            let error = read_timestamp(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        // A day with a time is not a day.
        assert!(read_moment("2026-01-05T09:00:00").is_err());
    }

    #[test]
    fn lengths_of_time_are_hours_and_smaller() {
        for (text, length) in
            [("2h 30m", 9_000_000), ("1.5h", 5_400_000), ("PT90S", 90_000), ("-1h", -3_600_000), ("0s", 0)]
        {
            assert_eq!(read_duration(text), Ok(length), "{text}");
            assert_eq!(read_duration(&write_duration(length)), Ok(length), "{text}");
        }
        for (text, why) in [
            ("2d", "in hours"),
            ("1 month", "in hours"),
            ("90", "such as"),
            ("9999999999999999h", "such as"),
            ("0.0004s", "whole milliseconds"),
            ("PT1.0005S", "whole milliseconds"),
        ] {
            let error = read_duration(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
