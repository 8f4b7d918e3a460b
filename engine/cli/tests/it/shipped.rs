//! The shipped packs at the bar: the audit reports that are committed next to them, and their mutants.

use std::{env, fs};

use crate::shell::{casebook, root, stderr, stdout, succeeds};

const PACKS: [&str; 6] = ["alert-queue", "claims", "content-review", "email-ops", "email-triage", "support-desk"];

#[test]
fn the_audit_report_of_each_pack_is_as_committed() {
    let mut differing = Vec::new();
    for name in PACKS {
        let (pack, file) = (format!("scenarios/{name}"), root().join(format!("scenarios/{name}/audit.md")));
        let options = ["--level", "semantic,statistical", "--seeds", "0..1", "--format", "markdown"];
        let output = casebook(&root(), &[&["audit", &pack], &options[..]].concat());
        let report = stdout(&output);
        assert!(report.contains("Verdict: "), "{name}: {report}{}", stderr(&output));
        if fs::read_to_string(&file).unwrap_or_default() == report {
            continue;
        }
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&file, &report).expect("written");
        }
        differing.push(format!("{}:\n{report}", file.display()));
    }
    assert!(differing.is_empty(), "UPDATE_EXPECT=1 writes these reports:\n{}", differing.join("\n"));
}

#[test]
fn no_check_fails_on_a_shipped_pack() {
    for name in PACKS {
        let report = fs::read_to_string(root().join(format!("scenarios/{name}/audit.md"))).expect("a report");
        assert!(!report.contains("Verdict: **fail**"), "{name}: {report}");
    }
}

/// Those of the others take minutes; `casebook mutate scenarios/PACK --at-least 95` is the same for them.
#[test]
fn nearly_all_mutants_of_the_classic_packs_are_noticed() {
    let told = succeeds(&root(), &["mutate", "scenarios/email-ops", "scenarios/email-triage", "--at-least", "95"]);
    assert_eq!(told.matches("of the mutants are noticed by tests").count(), 2, "{told}");
}
