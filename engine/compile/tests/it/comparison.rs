//! Two versions of a pack beside each other, and approvals of a change.

use std::sync::Arc;

use casebook_analysis::comparison::{self, SignOff, Signed, SignedPack, Standing};
use casebook_compile::check::{self, Ruled};
use casebook_runtime::{policy, record, scenario::Pack};
use casebook_syntax::source::{self, SourceFile};

use super::packs;

fn ruled(files: &[(String, String)]) -> Ruled {
    let set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let (ruled, report) = check::ruled(&set.packs[0]);
    ruled.unwrap_or_else(|| panic!("{}", report.render(false)))
}

fn pack(files: &[(String, String)]) -> Arc<Pack> {
    Arc::clone(&packs::catalog(files).packs()[0])
}

#[test]
fn a_refactoring_changes_nothing_which_is_proved() {
    let old = packs::desk();
    let new = packs::desk_files_with(
        "rules.yaml",
        "when: { tier: paid, not: { amount: { gte: 100 } } }",
        "when: { all: [{ tier: [paid] }, { any: [{ amount: { lt: 100 } }, { amount: { exists: false } }] }] }",
    );
    let told = comparison::meaning(&ruled(&old), &ruled(&new));
    assert_eq!(told[0].standing, Standing::Same, "{told:?}");
    assert!(comparison::items(&pack(&old), &pack(&new)).changes.is_empty());
}

#[test]
fn a_moved_threshold_is_told_with_items_that_show_it() {
    let old = packs::desk();
    let mut new =
        packs::desk_files_with("rules.yaml", "when: { amount: { gte: 100 } }", "when: { amount: { gte: 300 } }");
    for (_, text) in &mut new {
        *text = text.replace("not: { amount: { gte: 100 } }", "not: { amount: { gte: 300 } }");
    }
    let told = comparison::meaning(&ruled(&old), &ruled(&new));
    assert_eq!(told[0].standing, Standing::Changed);
    for change in told[0].changes() {
        assert!(change.complete && !change.conditions.is_empty(), "{change:?}");
        assert!((1..=3).contains(&change.witnesses.len()), "{change:?}");
        for witness in &change.witnesses {
            let amount = witness.given["amount"].as_f64().expect("a number");
            assert!((100.0..300.0).contains(&amount), "{witness:?}");
        }
    }
    let items = comparison::items(&pack(&old), &pack(&new));
    assert_eq!((items.compared, items.changes.len()), (3, 1));
    let change = &items.changes[0];
    assert_eq!((change.item.as_str(), change.old_by.as_str(), change.new_by.as_str()), ("t-7", "R-MONEY", "default"));
}

/// Items of both versions are no more than their largest episode has: here three, so that a count is at most 2.
#[test]
fn a_change_of_counts_that_no_item_has_moves_nothing() {
    let desk = |rule: &str, more: &str| {
        let mut files = packs::desk();
        for (name, text) in &mut files {
            match name.as_str() {
                "environment.yaml" => {
                    let secret = "    secret: { type: text, visible: false, optional: true }\n";
                    *text = text.replace(
                        secret,
                        &format!("{secret}    others: {{ type: integer, count: {{ same: tier }} }}\n"),
                    );
                }
                "rules.yaml" => {
                    *text = format!(
                        "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\nrules:\n{rule}  - {{ id: R-PAID, when: \
                         {{ tier: paid }}, then: {{ queue: answer }} }}\ndefault: {{ queue: close }}\n"
                    );
                }
                "inbox.yaml" => text.push_str(more),
                _ => {}
            }
        }
        files
    };
    let many = |least: u32| {
        format!("  - {{ id: R-MANY, when: {{ others: {{ gte: {least} }} }}, then: {{ queue: forward }} }}\n")
    };
    let told = comparison::meaning(&ruled(&desk(&many(3), "")), &ruled(&desk("", "")));
    assert_eq!(told[0].standing, Standing::Same, "{told:?}");
    let told = comparison::meaning(&ruled(&desk(&many(3), "")), &ruled(&desk(&many(9), "")));
    assert_eq!(told[0].standing, Standing::Same, "{told:?}");
    let told = comparison::meaning(&ruled(&desk(&many(2), "")), &ruled(&desk("", "")));
    assert_eq!(told[0].standing, Standing::Changed);
    for witness in told[0].changes().flat_map(|change| &change.witnesses) {
        assert_eq!(witness.given["others"], 2, "{witness:?}");
    }
    // Where one of the two has larger episodes, these are what is compared.
    let more = "  - { id: t-99, fields: { title: More, from: ada@home.example, tier: free } }\n";
    let told = comparison::meaning(&ruled(&desk(&many(3), more)), &ruled(&desk("", "")));
    assert_eq!(told[0].standing, Standing::Changed);
}

/// What `rules diff` credits to each edit of rules where the first one that matches decides.
fn credited(old: &str, new: &str) -> Vec<(String, Vec<String>)> {
    let files = |rules: &str| {
        let mut files = packs::desk();
        let (_, text) = files.iter_mut().find(|(name, _)| name == "rules.yaml").expect("the rules");
        *text = format!("apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\nrules:\n{rules}");
        files
    };
    let (old, new) = (files(old), files(new));
    let (before, after) = (ruled(&old), ruled(&new));
    let mut told = comparison::meaning(&before, &after);
    let (old, new) = (pack(&old), pack(&new));
    let items = comparison::items(&old, &new);
    comparison::attribute(&mut told, (&before, &after), (&new, &items), &[]);
    let name = |rule: &Option<String>| rule.clone().unwrap_or_else(|| "default".to_owned());
    told[0].edits.iter().map(|edit| (name(&edit.rule), edit.items.clone().expect("they are compared"))).collect()
}

#[test]
fn an_item_belongs_to_the_edit_that_moves_it() {
    let rules = |rows: &[&str]| format!("  - {}\n", rows.join("\n  - "));
    let owned = |pairs: &[(&str, &[&str])]| -> Vec<(String, Vec<String>)> {
        let names = |names: &[&str]| names.iter().map(|name| format!("monday/{name}")).collect();
        pairs.iter().map(|(rule, items)| ((*rule).to_owned(), names(items))).collect()
    };
    let high = "{ id: BIG, when: { amount: { gte: 1000 } }, then: { queue: forward } }";
    let low = "{ id: BIG, when: { amount: { gte: 200 } }, then: { queue: forward } }";
    let refund = "{ id: BACK, when: { title: { contains: refund } }, then: { queue: close } }";
    let late = "{ id: BACK, when: { title: { contains_any: [refund, late] } }, then: { queue: close } }";
    let rest = "{ id: REST, when: { tier: [free, paid] }, then: { queue: answer } }";
    // `t-7` asks for a refund before and after, and goes to the owner because of the amount alone.
    let old = rules(&[high, refund, rest]);
    assert_eq!(credited(&old, &rules(&[low, late, rest])), owned(&[("BIG", &["t-7", "t-9"]), ("BACK", &["t-4"])]));
    assert_eq!(credited(&old, &rules(&[high, late, rest])), owned(&[("BACK", &["t-4"])]));
    // A rule that takes another place moves nothing that a third one takes from it.
    assert_eq!(
        credited(&rules(&[high, rest, refund]), &rules(&[low, refund, rest])),
        owned(&[("BIG", &["t-7", "t-9"]), ("BACK", &[])])
    );
    // Both are needed: one lets the item go, and the other takes it.
    let greeting = "{ id: BACK, when: { title: { contains: hello } }, then: { queue: close } }";
    let any = "{ id: LAST, when: { amount: { gte: 250 } }, then: { queue: forward } }";
    let more = "{ id: LAST, when: { amount: { gte: 251 } }, then: { queue: forward } }";
    assert_eq!(
        credited(&rules(&[refund, more, rest]), &rules(&[greeting, any, rest])),
        owned(&[("BACK", &["t-7", "t-9"]), ("LAST", &["t-7"])])
    );
    // Either does it: the item is counted once, with the rule that decides it now.
    let also =
        |amount: u32| format!("{{ id: ALSO, when: {{ amount: {{ gte: {amount} }} }}, then: {{ queue: forward }} }}");
    assert_eq!(
        credited(&rules(&[high, &also(900), rest]), &rules(&[low, &also(300), rest])),
        owned(&[("BIG", &["t-7", "t-9"]), ("ALSO", &[])])
    );
}

#[test]
fn a_move_names_every_rule_that_takes_part_in_it() {
    let words = ["apple", "bread", "cheese", "dates", "eggs", "figs", "grapes", "honey", "ice", "jam"];
    let rules = |list: &str| {
        let mut text = format!(
            "  - {{ id: OURS, when: {{ from: {{ exists: true }} }}, except: {{ from: {{ domain_in: [{list}] }} }}, then: {{ queue: close }} }}\n"
        );
        for word in words {
            text += &format!(
                "  - {{ id: {}, when: {{ title: {{ contains: {word} }} }}, then: {{ queue: answer }} }}\n",
                word.to_uppercase()
            );
        }
        format!("hit: first\nrules:\n{text}")
    };
    let told = comparison::meaning(&with_text(&rules("a.example, b.example")), &with_text(&rules("a.example")));
    let change = told[0]
        .changes()
        .find(|change| change.old.decides.get("queue").is_some_and(|queue| queue == "answer"))
        .expect("a change");
    let mut by = change.old.by.clone();
    by.sort();
    assert_eq!(by, words.map(str::to_uppercase));
    assert!(!change.old.more && !change.complete, "{change:?}");
}

#[test]
fn a_rule_that_is_only_written_otherwise_is_not_an_edit() {
    let list = "rules:\n\
                \u{20} - { id: A, when: { amount: { gte: 10, lt: 20 } }, then: { queue: close } }\n\
                \u{20} - { id: B, when: { tier: paid, amount: { gte: 100 }, title: { contains: late } }, then: { queue: answer } }\n\
                \u{20} - { id: C, when: { amount: { lt: 5 }, title: { contains: early } }, then: { queue: forward } }\n";
    let table = "table:\n\
                 \u{20} - [id, tier, amount gte, amount lt, title contains, then queue]\n\
                 \u{20} - [A, \"-\", \"10\", \"20\", \"-\", close]\n\
                 \u{20} - [B, paid, \"100\", \"-\", late, answer]\n\
                 \u{20} - [C, \"-\", \"-\", \"5\", early, forward]\n";
    let told = comparison::meaning(&with_text(list), &with_text(table));
    assert_eq!((told[0].standing.clone(), told[0].edits.len()), (Standing::Same, 0), "{told:?}");
    // Another order of the same conditions is another text for agents.
    let told = comparison::meaning(
        &with_text(list),
        &with_text(&list.replace("tier: paid, amount: { gte: 100 }", "amount: { gte: 100 }, tier: paid")),
    );
    assert!(told[0].standing == Standing::Same && told[0].edits.len() == 1 && told[0].is_changed(), "{told:?}");
}

#[test]
fn an_edited_default_is_shown_by_an_item_with_what_every_item_has() {
    let rules = |queue: &str| {
        format!(
            "rules:\n  - {{ id: A, when: {{ amount: {{ gte: 10 }} }}, then: {{ queue: close }} }}\ndefault: {{ queue: {queue} }}\n"
        )
    };
    let told = comparison::meaning(&with_text(&rules("answer")), &with_text(&rules("forward")));
    let witnesses: Vec<_> = told[0].changes().flat_map(|change| &change.witnesses).collect();
    assert!(!witnesses.is_empty());
    for witness in witnesses {
        assert!(["title", "from", "tier"].iter().all(|field| witness.given.contains_key(*field)), "{witness:?}");
    }
}

#[test]
fn recorded_episodes_are_graded_by_both_versions() {
    let (before, after) = (
        pack(&packs::desk()),
        pack(&packs::desk_files_with("rules.yaml", "then: { queue: forward }", "then: { queue: close }")),
    );
    let policy = policy::find(&before, "oracle").expect("it is built in");
    let played = record::play(&policy, &before.tasks()[0], 1).expect("it plays");
    let recording = record::Recording::new(&before, "oracle", played);
    let graded = comparison::records(&before, &after, &recording);
    assert!(graded.is_changed() && graded.change().expect("both") < 0.0, "{graded:?}");
    assert_eq!(graded.old, Some(recording.trajectory.score));
    assert!(!comparison::records(&before, &before, &recording).is_changed());
    let narrower =
        packs::desk_files_with("environment.yaml", "values: [answer, forward, close]", "values: [answer, close]");
    let narrower: Vec<_> =
        narrower.into_iter().map(|(name, text)| (name, text.replace("queue: forward", "queue: close"))).collect();
    let refused = comparison::records(&before, &pack(&narrower), &recording);
    assert_eq!(refused.new, None, "{refused:?}");
    assert!(refused.is_changed() && refused.problems[0].starts_with("new: step 1"), "{refused:?}");
}

#[test]
fn candidate_rules_stand_in_for_those_of_the_same_name() {
    let files = packs::desk();
    let mut set = source::from_texts("desk", files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let current = ruled(&files);
    let text =
        files.iter().find(|(name, _)| name == "rules.yaml").expect("the rules").1.replace("gte: 100", "gte: 1000");
    set.packs[0].replacing.push(SourceFile::new("candidate.yaml".as_ref(), &text));
    let (candidate, report) = check::ruled(&set.packs[0]);
    let candidate = candidate.unwrap_or_else(|| panic!("{}", report.render(false)));
    let rule = &candidate.rules["routing"].rules[0];
    assert_eq!((rule.place.path.to_string_lossy().as_ref(), rule.place.line), ("candidate.yaml", 6));
    let subjects = comparison::inbox_items(&pack(&files));
    let trial = comparison::judge(&current, &candidate, "routing", &subjects);
    let changed: Vec<&str> =
        trial.items.iter().filter(|item| !item.changes.is_empty()).map(|item| item.item.as_str()).collect();
    assert_eq!(changed, ["monday/t-7"]);
    let counts = comparison::by_rule(&trial);
    assert_eq!((counts["R-MONEY"].current, counts["R-MONEY"].candidate), (1, 0));
}

#[test]
fn an_item_of_several_tasks_is_judged_once() {
    let mut files = packs::desk();
    let once = comparison::inbox_items(&pack(&files)).len();
    let task = files.iter().find(|(name, _)| name == "task.yaml").expect("the task").1.clone();
    let again = task.replace("name: monday", "name: again");
    files.push(("again.yaml".into(), again.clone()));
    assert_eq!(comparison::inbox_items(&pack(&files)).len(), once);
    // With another clock, or other texts, it is another item.
    let last = files.len() - 1;
    files[last].1 = again.replace("word: letter", "word: lamp");
    assert_eq!(comparison::inbox_items(&pack(&files)).len(), once + 1);
    files[last].1 = format!("{again}clock: \"2026-01-05T10:00:00Z\"\n");
    assert_eq!(comparison::inbox_items(&pack(&files)).len(), 2 * once);
}

#[test]
fn a_sign_off_stands_for_one_change_and_shows_when_it_was_changed() {
    let packs = vec![SignedPack {
        environment: "desk".into(),
        old: Some("a".into()),
        new: Some("b".into()),
        ..SignedPack::default()
    }];
    let signed = Signed {
        by: "Rosa".into(),
        reason: "as agreed".into(),
        time: "2026-01-01T00:00:00Z".into(),
        packs: packs.clone(),
        ..Signed::default()
    };
    let sign_off = SignOff::new(signed);
    assert_eq!(sign_off.refusal(&packs), None);
    let again: SignOff = serde_json::from_str(&serde_json::to_string(&sign_off).expect("JSON")).expect("it reads");
    assert_eq!(again, sign_off);
    let later = vec![SignedPack {
        environment: "desk".into(),
        old: Some("a".into()),
        new: Some("c".into()),
        ..SignedPack::default()
    }];
    assert_eq!(
        sign_off.refusal(&later).as_deref(),
        Some("the sign-off is for another new version of `desk`: b, not c")
    );
    let mut forged = sign_off.clone();
    forged.signed.by = "Somebody".into();
    assert_eq!(forged.refusal(&packs).as_deref(), Some("the sign-off was changed after it was written"));
    let other =
        vec![SignedPack { environment: "shop".into(), old: None, new: Some("d".into()), ..SignedPack::default() }];
    assert_eq!(sign_off.refusal(&other).as_deref(), Some("the sign-off says nothing about `shop`"));
}

/// The small pack with these rules and nothing else of its own.
fn with_rules(rules: &str) -> Ruled {
    with_text(&format!("rules:\n{rules}"))
}

/// The small pack with a document of rules that says this after its head.
fn with_text(rest: &str) -> Ruled {
    let mut files = packs::desk();
    let (_, text) = files.iter_mut().find(|(name, _)| name == "rules.yaml").expect("the rules");
    *text = format!("apiVersion: casebook/v1\nkind: Rules\nname: routing\n{rest}");
    ruled(&files)
}

/// A field that every item has may be left open by an item that shows something, unless a rule asks whether it is there.
#[test]
fn an_item_that_shows_a_change_comes_out_as_told_when_it_is_judged() {
    let exists = "  - { id: A, when: { title: { exists: true } }, then: { queue: answer } }\n";
    let never = "  - { id: A, when: { title: { exists: false } }, then: { queue: answer } }\n";
    let two = "  - { id: A, when: { title: { exists: true } }, then: { queue: close } }\n  \
               - { id: B, when: { title: { exists: false } }, then: { queue: close } }\n";
    for (old, new, by) in [
        (exists, never, "expect: { by: [] }"),
        (never, exists, "expect: { queue: answer, by: A }"),
        (exists, two, "expect: { queue: close, by: A }"),
    ] {
        let told = comparison::meaning(&with_rules(old), &with_rules(new));
        assert_eq!((told[0].standing.clone(), told[0].changes().count()), (Standing::Changed, 1), "{told:?}");
        for witness in told[0].changes().flat_map(|change| &change.witnesses) {
            assert!(witness.case.contains(by) && witness.given.contains_key("title"), "{}", witness.case);
        }
    }
}

/// A rule before many others is told by what tells its cases apart, not by all that the others want.
#[test]
fn a_condition_names_a_handful_of_tests() {
    let rules = |first: &str| {
        let mut files = packs::desk();
        let (_, text) = files.iter_mut().find(|(name, _)| name == "rules.yaml").expect("the rules");
        let others: Vec<String> = (1..=12)
            .map(|at| {
                format!(
                    "  - {{ id: R-{at}, when: {{ title: {{ contains: word{at} }} }}, then: {{ queue: answer }} }}\n"
                )
            })
            .collect();
        *text = format!(
            "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\nrules:\n{first}{}  \
             - {{ id: R-LAST, when: {{ tier: paid, amount: {{ lt: 500 }} }}, then: {{ queue: answer }} }}\n\
             default: {{ queue: close }}\n",
            others.concat()
        );
        ruled(&files)
    };
    let all = "  - { id: R-ALL, when: { amount: { gte: 10 } }, then: { queue: forward } }\n";
    let told = comparison::meaning(&rules(""), &rules(all));
    let conditions: Vec<&String> = told[0].changes().flat_map(|change| &change.conditions).collect();
    assert!(conditions.iter().any(|condition| condition.contains(" more tests hold")), "{conditions:?}");
    for condition in conditions {
        assert!(condition.matches(" and ").count() <= 6, "{condition}");
    }
    let of_default = told[0].changes().find(|change| change.old.by == ["default"]).map(|change| &change.conditions);
    // What an item has says more than what it lacks.
    let says = |condition: &String| condition.contains("tier is free") || condition.contains("amount is at least 500");
    assert!(of_default.is_none_or(|all| all.iter().all(says)), "{of_default:?}");
}
