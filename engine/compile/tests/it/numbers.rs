//! Numbers near the ends of what floats and whole numbers hold: rules decide, and the prover claims, by their exact values.

use casebook_compile::{
    check::{compile, prove},
    rules::typed,
};
use casebook_proofs::{Claim, Known, Limits, analyse};
use casebook_runtime::{
    model::{Column, Datum},
    number::Number,
    rules::Facts,
    settings::Hit,
    value::ValueType,
};
use casebook_syntax::{diagnostic::Code, source, spec::plain_scalar};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::proofs::{Compiler, Made, column};

/// Whole numbers around those at which something changes.
fn whole_numbers() -> Vec<i128> {
    let (float, most) = (1_i128 << 53, i128::from(i64::MAX));
    let around = |number: i128| (-3..=3).map(move |off| number + off);
    let mut all: Vec<i128> = [0, float, -float, 2 * float, most, i64::MIN.into(), u64::MAX.into()]
        .into_iter()
        .flat_map(around)
        .filter(|number| i64::try_from(*number).is_ok() || u64::try_from(*number).is_ok())
        .collect();
    all.push(1_234_567_890_123_456_789);
    all.push(1_234_567_890_123_456_790);
    all
}

fn json_of(number: i128) -> Value {
    Number::whole(number).to_json()
}

/// Numbers as JSON writes them with a point or an exponent; twice each is whole.
fn floats() -> Vec<Value> {
    let exact = 9_007_199_254_740_992.0_f64;
    let mut all =
        vec![json!(0.0), json!(-0.0), json!(0.5), json!(-0.5), json!(2.5), json!(1e18), json!(-1e18), json!(1e25)];
    for number in [exact, exact / 2.0, 9.223_372_036_854_776e18, 1.844_674_407_370_955_2e19] {
        let near = [number, number.next_up(), number.next_down()];
        all.extend(near.into_iter().flat_map(|number| [json!(number), json!(-number)]));
    }
    all
}

/// Twice a number, which is whole for all that are drawn here: another way to compare than the one that is tried.
fn twice(value: &Value) -> i128 {
    let whole = value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from));
    #[expect(clippy::cast_possible_truncation, reason = "a multiple of a half, far below 2^127")]
    whole.map_or_else(|| (value.as_f64().expect("a number") * 2.0) as i128, |whole| whole * 2)
}

/// A test of one of the two fields, and what it compares with.
#[derive(Debug, Clone)]
struct Tested {
    field: usize,
    operator: &'static str,
    with: Vec<Value>,
    not: bool,
}

impl Tested {
    fn written(&self) -> Value {
        let with = if matches!(self.operator, "in" | "between") { json!(self.with) } else { self.with[0].clone() };
        let test = json!({ (["count", "ratio"][self.field]): { (self.operator): with } });
        if self.not { json!({ "not": test }) } else { test }
    }

    /// Whether an item passes, by arithmetic.
    fn holds(&self, item: &[Option<Value>; 2]) -> bool {
        let with: Vec<i128> = self.with.iter().map(twice).collect();
        let passes = item[self.field].as_ref().is_some_and(|value| {
            let value = twice(value);
            match self.operator {
                "gt" => value > with[0],
                "gte" => value >= with[0],
                "lt" => value < with[0],
                "lte" => value <= with[0],
                "between" => (with[0]..=with[1]).contains(&value),
                _ => with.contains(&value),
            }
        });
        passes != self.not
    }
}

/// What a field of a type can hold.
fn values(field: usize) -> Vec<Value> {
    let fits = |number: &Value| Datum::read(&fields()[field], number).is_ok();
    floats().into_iter().chain(whole_numbers().into_iter().map(json_of)).filter(fits).collect()
}

fn fields() -> Vec<Column> {
    vec![column("count", ValueType::Integer, false), column("ratio", ValueType::Number, true)]
}

fn tested() -> impl Strategy<Value = Tested> {
    let any_number: Vec<Value> = floats().into_iter().chain(whole_numbers().into_iter().map(json_of)).collect();
    let bound = prop::collection::vec(prop::sample::select(any_number), 2..3);
    let ordered = prop::sample::select(vec!["gt", "gte", "lt", "lte", "between"]);
    let bounded = (0..2_usize, ordered, bound).prop_map(|(field, operator, with)| (field, operator, with));
    let equal = (0..2_usize).prop_flat_map(|field| {
        let with = prop::collection::vec(prop::sample::select(values(field)), 1..4);
        (Just(field), prop::sample::select(vec!["eq", "in"]), with)
    });
    let equal = equal.prop_map(|(field, operator, mut with)| {
        with.truncate(if operator == "eq" { 1 } else { 3 });
        (field, operator, with)
    });
    (prop_oneof![bounded, equal], any::<bool>()).prop_map(|((field, operator, with), not)| Tested {
        field,
        operator,
        with,
        not,
    })
}

fn made(tests: &[Tested], at: usize) -> Made {
    let when = json!({ "all": tests.iter().map(Tested::written).collect::<Vec<_>>() });
    Made { when, except: None, then: vec![(0, Datum::Choice(at % 3))], trial: false, valid: (None, None) }
}

fn items() -> Vec<[Option<Value>; 2]> {
    let some = |field: usize| values(field).into_iter().map(Some);
    let (counts, ratios): (Vec<_>, Vec<_>) = (some(0).collect(), some(1).chain([None]).collect());
    let mixed = counts.iter().enumerate().map(|(at, count)| [count.clone(), ratios[at % ratios.len()].clone()]);
    let other = ratios.iter().enumerate().map(|(at, ratio)| [counts[at * 7 % counts.len()].clone(), ratio.clone()]);
    mixed.chain(other).collect()
}

fn read(item: &[Option<Value>; 2]) -> Vec<Option<Datum>> {
    let columns = fields();
    let read = |(column, value): (&Column, &Option<Value>)| {
        value.as_ref().map(|value| Datum::read(column, value).expect("a value that fits"))
    };
    columns.iter().zip(item).map(read).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    /// However many rules there are: few are looked at one by one, many by a program of tables.
    #[test]
    fn rules_decide_by_exact_values(rules in prop::collection::vec(prop::collection::vec(tested(), 1..3), 1..24)) {
        let compiler = Compiler::over(fields());
        let all: Vec<Made> = rules.iter().enumerate().map(|(at, tests)| made(tests, at)).collect();
        let sets: Vec<_> = (1..=all.len()).step_by(5).map(|count| compiler.set(&all[..count], Hit::First, None)).collect();
        for item in items() {
            let fields = read(&item);
            let first = rules.iter().position(|tests| tests.iter().all(|test| test.holds(&item)));
            for set in &sets {
                let decided = set.decide(Facts { fields: &fields, clock: None }).expect("no conflict");
                let by = decided.first().and_then(|one| one.rule).map(|rule| rule.reason.id.clone());
                let wanted = first.filter(|at| *at < set.rules.len()).map(|at| format!("R{at}"));
                prop_assert_eq!(by, wanted, "{} rules, {:?}", set.rules.len(), item);
            }
        }
    }

    #[test]
    fn the_prover_leaves_nothing_open_about_numbers(rules in prop::collection::vec(prop::collection::vec(tested(), 1..4), 1..5)) {
        let compiler = Compiler::over(fields());
        let all: Vec<Made> = rules.iter().enumerate().map(|(at, tests)| made(tests, at)).collect();
        let set = compiler.set(&all, Hit::First, None);
        let analysis = analyse(&set, &compiler.fields, &[], Known::default(), Limits::THOROUGH);
        prop_assert!(analysis.unknown.is_empty(), "{:?}", analysis.unknown);
        for item in items() {
            let matches = |at: usize| rules[at].iter().all(|test| test.holds(&item));
            for claim in &analysis.claims {
                match claim {
                    Claim::Never { rule, .. } => prop_assert!(!matches(*rule), "R{rule} matches {item:?}"),
                    Claim::Hidden { rule, by, .. } => {
                        prop_assert!(!matches(*rule) || by.iter().any(|by| matches(*by)), "nothing hides R{rule} at {item:?}");
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn values_are_read_exactly_or_refused() {
    let [count, ratio] = <[Column; 2]>::try_from(fields()).expect("two fields");
    for (text, whole) in [
        ("9007199254740993", Some(9_007_199_254_740_993)),
        ("-9223372036854775808", Some(i64::MIN)),
        ("9223372036854775807", Some(i64::MAX)),
        ("5.0", Some(5)),
        ("5e3", Some(5000)),
        ("9223372036854775808", None),
        ("18446744073709551615", None),
        ("9.3e18", None),
        ("9007199254740991.0", Some(9_007_199_254_740_991)),
        // What is written may be one more.
        ("9007199254740992.0", None),
        ("9007199254740993.0", None),
        ("2.5", None),
    ] {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(Datum::read(&count, &value).ok(), whole.map(Datum::Integer), "{text}");
    }
    for (text, number) in
        [("9007199254740992", Some(9_007_199_254_740_992.0)), ("9007199254740993", None), ("1e300", Some(1e300))]
    {
        let value: Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(Datum::read(&ratio, &value).ok(), number.map(Datum::Number), "{text}");
    }
}

/// In documents and cells the figures are there to be read.
#[test]
fn figures_before_a_point_and_zeros_keep_all_of_their_digits() {
    let [count, ratio] = <[Column; 2]>::try_from(fields()).expect("two fields");
    for (text, whole) in [
        ("5.0", Some(5)),
        ("9007199254740992.0", Some(9_007_199_254_740_992)),
        ("9007199254740993.0", Some(9_007_199_254_740_993)),
        ("-9007199254740993.00", Some(-9_007_199_254_740_993)),
        ("+9223372036854775807.", Some(i64::MAX)),
        ("9223372036854775808.0", None),
        ("9007199254740993.5", None),
    ] {
        assert_eq!(Datum::read(&count, &plain_scalar(text)).ok(), whole.map(Datum::Integer), "{text}");
    }
    for (text, number) in [
        ("9007199254740992.0", Some(9_007_199_254_740_992.0)),
        ("9007199254740993.0", None),
        ("123456789012345678901234.0", None),
        ("1.5e300", Some(1.5e300)),
    ] {
        assert_eq!(Datum::read(&ratio, &plain_scalar(text)).ok(), number.map(Datum::Number), "{text}");
    }
}

/// A spreadsheet shows a long number by an exponent, and saves what it shows.
#[test]
fn a_long_number_that_a_spreadsheet_has_cut_is_refused() {
    let [count, ratio] = <[Column; 2]>::try_from(fields()).expect("two fields");
    for (text, whole) in [("1.5E+3", Some(1500)), ("1e12", Some(1_000_000_000_000)), ("1.23457E+11", None)] {
        let read = Datum::read(&count, &typed(text, count.kind)).ok();
        assert_eq!(read, whole.map(Datum::Integer), "{text}");
    }
    for (text, number) in [("1.5E+3", Some(1500.0)), ("1e12", Some(1e12)), ("1.23457E+11", None)] {
        let read = Datum::read(&ratio, &typed(text, ratio.kind)).ok();
        assert_eq!(read, number.map(Datum::Number), "{text}");
    }
}

#[test]
fn what_is_proved_of_two_numbers_is_what_decides() {
    for (when, weight, limit, matches) in [
        // A tenth more than 1e38 is more, whatever floats make of it.
        ("{ gte: { field: limit, plus: 0.1 }, lte: { field: limit } }", "1.0e38", "1.0e38", false),
        ("{ eq: { field: limit, times: 1.1 } }", "1.1e24", "1.0e24", true),
        ("{ eq: { field: limit, times: 1.0e-300 } }", "0.0", "1.0e-308", false),
        ("{ gt: { field: limit, times: 3.0e+200, plus: 1.0e+250 } }", "4.1e250", "1.0e50", true),
        ("{ lte: { field: limit, plus: -1.0e-300 } }", "5.0e-301", "1.0e-300", false),
    ] {
        let text = format!(
            "apiVersion: casebook/v1\nkind: Environment\nname: loads\nversion: 1.0.0\ndescription: Loads.\n\
             item: {{ noun: load, fields: {{ weight: {{ type: number }}, limit: {{ type: number }} }} }}\n\
             decision: {{ lift: {{ type: boolean, truth: {{ rules: crane }} }} }}\n\
             action: {{ properties: {{ lift: {{ decides: lift, required: true }} }} }}\n\
             observation: {{ load: {{ item: current }} }}\n---\n\
             apiVersion: casebook/v1\nkind: Rules\nname: crane\nrules: [{{ id: C-1, when: {{ weight: {when} }}, then: {{ lift: true }} }}]\n\
             default: {{ lift: false }}\n---\n\
             apiVersion: casebook/v1\nkind: Inbox\nname: yard\nitems: [{{ id: l-1, fields: {{ weight: {weight}, limit: {limit} }} }}]\n---\n\
             apiVersion: casebook/v1\nkind: Rubric\nname: right\nreward: {{ mode: terminal }}\nscore: {{ grader: exact, field: lift }}\n---\n\
             apiVersion: casebook/v1\nkind: Task\nname: yard\ndifficulty: 1\nsplit: train\ninbox: yard\nmax_steps: 1\ninstructions: Lift.\n"
        );
        let set = source::from_texts("loads", [("pack.yaml", text.as_str())]);
        let never = prove(&set).report.diagnostics.iter().any(|finding| finding.code == Code::NeverMatches);
        let compiled = compile(&set, 1);
        let report = compiled.report.render(false);
        let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
        let pack = &catalog.packs()[0];
        let items = pack.items(&pack.tasks()[0], 0).expect("items");
        assert_eq!(items[0].truth[0].rule.is_some(), matches, "{when}");
        assert!(!(never && matches), "{when} is decided by a rule that can never match");
    }
}
