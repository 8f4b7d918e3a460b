//! The command line of `sweep`.

use std::path::PathBuf;

use serde_json::{Number, Value};

use super::records::FilterArgs;

/// Arguments of `sweep`.
#[derive(Debug, clap::Args)]
pub(crate) struct SweepArgs {
    /// The file of the rubric, in its pack
    #[arg(value_name = "RUBRIC")]
    pub(crate) rubric: PathBuf,
    /// The recorded episodes: a folder written by `--records`, or a file written by `--record`
    #[arg(long, value_name = "DIR|FILE")]
    pub(crate) records: PathBuf,
    /// A value that varies: its path in the rubric, where a part may be the name of a node, and a range `0.3..0.7`, a range
    /// in steps `0.3..0.7/0.1`, or a list `0.2,0.5`; can be repeated
    #[arg(long = "vary", value_name = "PATH=VALUES", required = true, value_parser = vary)]
    pub(crate) varied: Vec<(String, Vary)>,
    /// How many values a range without steps has, at least 2
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = steps, allow_negative_numbers = true)]
    pub(crate) steps: usize,
    /// The order that policies are to have by their mean score, the best first: `a>b>c`
    #[arg(long, value_name = "ORDER", value_parser = order)]
    pub(crate) order: Option<Order>,
    /// The share of groups of episodes that are to have different scores; default: the share that they have as the rubric
    /// is written
    #[arg(long, value_name = "SHARE", value_parser = share, allow_negative_numbers = true)]
    pub(crate) min_gradient: Option<f64>,
    /// Does not let the probes of the pack's tests play
    #[arg(long)]
    pub(crate) no_probes: bool,
    /// Writes a plot of the policies' means into this file, as SVG
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
}

/// Names of policies, the best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order(pub(crate) Vec<String>);

/// The values of something that varies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Vary {
    /// From one number to another, in as many steps as are asked for.
    Range(f64, f64),
    /// These.
    List(Vec<Value>),
}

impl Vary {
    /// The values, where a range has so many.
    pub(crate) fn values(&self, steps: usize) -> Vec<Value> {
        match self {
            Self::List(values) => values.clone(),
            Self::Range(from, to) => {
                #[expect(clippy::cast_precision_loss, reason = "some steps")]
                let at = |step: usize| from + (to - from) * step as f64 / (steps - 1) as f64;
                (0..steps).map(|step| number(at(step))).collect()
            }
        }
    }
}

/// A number without what adding up leaves behind, whole where it is.
fn number(value: f64) -> Value {
    let value = (value * 1e12).round() / 1e12;
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and small")]
    if value.fract() == 0.0 && value.abs() < 1e9 {
        return (value as i64).into();
    }
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn steps(text: &str) -> Result<usize, String> {
    let steps = text.parse().ok().filter(|steps: &usize| *steps >= 2);
    steps.ok_or_else(|| "expected a whole number from 2 on, such as 5".to_owned())
}

fn vary(text: &str) -> Result<(String, Vary), String> {
    let (path, values) = text
        .split_once('=')
        .filter(|(path, values)| !path.is_empty() && !values.is_empty())
        .ok_or("expected a path and values, such as `score.correctness.weight=0.3..0.7`")?;
    let read = |text: &str| text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
    let Some((from, rest)) = values.split_once("..") else {
        let value = |text: &str| match text.trim() {
            text @ ("true" | "false") => (text == "true").into(),
            text => read(text).map_or_else(|| text.into(), number),
        };
        return Ok((path.to_owned(), Vary::List(values.split(',').map(value).collect())));
    };
    let (to, by) = rest.split_once('/').map_or((rest, None), |(to, by)| (to, Some(by)));
    let wrong = || format!("`{values}` is not a range; expected numbers such as `0.3..0.7` or `0.3..0.7/0.1`");
    let (from, to) = read(from).zip(read(to)).filter(|(from, to)| from < to).ok_or_else(wrong)?;
    let Some(by) = by else { return Ok((path.to_owned(), Vary::Range(from, to))) };
    let by = read(by).filter(|by| *by > 0.0 && (to - from) / by < 10_000.0).ok_or_else(wrong)?;
    let values = (0_u32..).map(|step| from + by * f64::from(step)).take_while(|value| *value <= to + by * 1e-9);
    Ok((path.to_owned(), Vary::List(values.map(number).collect())))
}

fn order(text: &str) -> Result<Order, String> {
    let names: Vec<String> = text.split('>').map(|name| name.trim().to_owned()).collect();
    let twice = names.iter().enumerate().any(|(at, name)| names[..at].contains(name));
    let is_order = names.len() > 1 && !twice && names.iter().all(|name| !name.is_empty());
    is_order
        .then_some(Order(names))
        .ok_or_else(|| "expected names of policies, the best first, such as `oracle>random`".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share: &f64| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1, such as 0.8".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ranges_and_lists_are_read() {
        let values = |text: &str| vary(text).map(|(path, vary)| (path, json!(vary.values(3))));
        let read = |text: &str| values(text).expect("it is read").1;
        assert_eq!(read("a.b=0.3..0.7"), json!([0.3, 0.5, 0.7]));
        assert_eq!(read("a=0..0.3/0.1"), json!([0, 0.1, 0.2, 0.3]));
        assert_eq!(read("a=-1..1/1"), json!([-1, 0, 1]));
        assert_eq!(read("reward.mode=sum, potential"), json!(["sum", "potential"]));
        assert_eq!(read("a=true"), json!([true]));
        for wrong in ["a", "=1", "a=", "a=1..", "a=2..1", "a=0..1/0", "a=0..1/x"] {
            assert!(values(wrong).is_err(), "{wrong}");
        }
        assert_eq!(order("a > b>c"), Ok(Order(vec!["a".into(), "b".into(), "c".into()])));
        assert!(order("a").is_err() && order("a>a").is_err() && order("a>").is_err());
    }
}
