//! JUnit XML.

use casebook_analysis::{
    audit::{self, Status},
    testing::Outcome,
};
use casebook_syntax::diagnostic::{Report, Severity};
use quick_junit::{NonSuccessKind, Report as Junit, TestCase, TestCaseStatus, TestSuite};

/// One suite a file with findings; a report without any has one case that passed.
pub(crate) fn report(report: &Report, strict: bool) -> String {
    let mut junit = Junit::new("casebook check");
    if report.diagnostics.is_empty() {
        let mut suite = TestSuite::new("check");
        suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
        junit.add_test_suite(suite);
    }
    let mut files: Vec<_> = report.diagnostics.iter().map(|finding| &finding.path).collect();
    files.dedup();
    for file in files {
        let mut suite = TestSuite::new(file.to_string_lossy());
        for finding in report.diagnostics.iter().filter(|finding| finding.path == *file) {
            let name = format!("{} line {} column {}", finding.code, finding.line, finding.column);
            let mut status = if strict || finding.severity == Severity::Error {
                TestCaseStatus::non_success(NonSuccessKind::Failure)
            } else {
                TestCaseStatus::success()
            };
            status.set_message(finding.message.as_str());
            status.set_type(finding.code.to_string());
            status.set_description(finding.hint.clone().unwrap_or_default());
            suite.add_test_case(TestCase::new(name, status));
        }
        junit.add_test_suite(suite);
    }
    print(&junit)
}

/// One suite a pack, one case a case; what kept tests from being run is a suite of failures.
pub(crate) fn outcomes(outcomes: &[Outcome], missing: &[String]) -> String {
    let mut junit = Junit::new("casebook test");
    if !missing.is_empty() {
        let mut suite = TestSuite::new("tests");
        for problem in missing {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(problem.as_str());
            suite.add_test_case(TestCase::new("every pack can be tested", status));
        }
        junit.add_test_suite(suite);
    }
    for outcome in outcomes {
        let mut suite = TestSuite::new(outcome.pack.as_str());
        for case in &outcome.cases {
            let mut status = if case.passed {
                TestCaseStatus::success()
            } else {
                TestCaseStatus::non_success(NonSuccessKind::Failure)
            };
            if !case.passed {
                status.set_message(case.details.first().cloned().unwrap_or_default());
                status.set_description(case.details.join("\n"));
            }
            let mut test = TestCase::new(format!("{}: {}", case.suite, case.name), status);
            test.set_classname(outcome.pack.as_str());
            if let (Some(path), Some(line)) = (&case.path, case.line) {
                test.extra.insert("file".into(), path.to_string_lossy().as_ref().into());
                test.extra.insert("line".into(), line.to_string().into());
            }
            suite.add_test_case(test);
        }
        junit.add_test_suite(suite);
    }
    print(&junit)
}

/// One suite, one failed case a file with what is wrong with it; without any, one case that passed.
pub(crate) fn files(files: &[(String, String)]) -> String {
    let mut junit = Junit::new("casebook fmt");
    let mut suite = TestSuite::new("fmt");
    if files.is_empty() {
        suite.add_test_case(TestCase::new("every file is formatted", TestCaseStatus::success()));
    }
    for (path, problem) in files {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(problem.as_str());
        let mut case = TestCase::new(path.as_str(), status);
        case.extra.insert("file".into(), path.as_str().into());
        suite.add_test_case(case);
    }
    junit.add_test_suite(suite);
    print(&junit)
}

/// One suite a level, one case a check; a check that could not run is skipped, with its reason.
pub(crate) fn audit(report: &audit::Report) -> String {
    let mut junit = Junit::new("casebook audit");
    for level in audit::Level::ALL {
        let mut suite = TestSuite::new(level.name());
        for result in report.results.iter().filter(|result| result.check.level == level) {
            let mut status = match result.status() {
                Status::Pass => TestCaseStatus::success(),
                Status::Skip => TestCaseStatus::skipped(),
                Status::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
                Status::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
            };
            let lines = result.lines();
            if result.status() != Status::Pass {
                status.set_message(lines.first().cloned().unwrap_or_default());
                status.set_description(
                    lines.into_iter().chain(result.fix().map(str::to_owned)).collect::<Vec<_>>().join("\n"),
                );
            }
            let mut case = TestCase::new(result.check.id, status);
            case.set_classname(report.target.as_str());
            let place = result.outcome.findings.first().map(|finding| &finding.place);
            if let Some((path, line)) = place.and_then(|place| Some((place.path.as_ref()?, place.line?))) {
                case.extra.insert("file".into(), path.to_string_lossy().as_ref().into());
                case.extra.insert("line".into(), line.to_string().into());
            }
            suite.add_test_case(case);
        }
        if suite.test_cases.is_empty() {
            continue;
        }
        junit.add_test_suite(suite);
    }
    print(&junit)
}

fn print(junit: &Junit) -> String {
    // Writing to a text cannot fail; what could is the writer.
    let text = junit.to_string().unwrap_or_default();
    text.chars().map(|sign| if is_xml(sign) { sign } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Whether XML 1.0 allows a character.
fn is_xml(sign: char) -> bool {
    matches!(sign, '\t' | '\n' | '\r' | '\u{20}'..='\u{fffd}' | '\u{10000}'..)
}
