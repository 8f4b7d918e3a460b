//! How draws are steered: towards rules, outcomes and thresholds, and that this leaves no trace.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use casebook_analysis::comparison;
use casebook_compile::check::compile;
use casebook_runtime::{
    model::{Datum, Item},
    policy,
    record::{Recording, Verdict, play, regrade, replay},
};
use casebook_syntax::source;

use super::generators::{MAKER, catalog, drawn, rule, ruled_otherwise, task};

/// A rule that one in 36 draws meets by itself is met as often as the others, and what it does not depend on stays free.
#[test]
fn a_draw_leans_only_where_its_goal_asks_for_it() {
    let sixths = "[1, 2, 3, 4, 5, 6]";
    let maker = MAKER
        .replace("hold_out:", "cover: rules\nhold_out:")
        .replace(
            "reason: { pick: { broken: 5, late: 3, wrong: 1 } }",
            &format!(
                "left: {{ pick: {sixths} }}\n  right: {{ pick: {sixths} }}\n  mood: {{ pick: [calm, cross, glad, glum] }}\n  reason: \
                 {{ compute: \"'wrong' if left == 5 and right == 5 else 'late' if mood == 'glum' and left == 1 else 'broken'\" }}"
            ),
        )
        .replace("\"{{ parts | map(attribute='name') | list }}\"", "\"{{ [mood] }}\"");
    let tasks = task("train", "train", "{ generate: returns, items: 20 }")
        + &task("calm", "train", "{ generate: returns, items: 20, mix: { mood: { calm: 1 } } }");
    let catalog = catalog(&maker, &tasks);
    let pack = &catalog.packs()[0];
    let items: Vec<Arc<Item>> = (0..100).flat_map(|seed| drawn(pack, "train", seed)).collect();
    let wrong: Vec<&Arc<Item>> = items.iter().filter(|item| rule(item) == "F-WRONG").collect();
    // A fifth of all, less what other rules come first for.
    assert!(wrong.len() * 100 >= items.len() * 16, "{} of {}", wrong.len(), items.len());
    let mut moods: BTreeMap<String, usize> = BTreeMap::new();
    for item in &wrong {
        *moods.entry(format!("{:?}", item.fields[5])).or_default() += 1;
    }
    let quarter = 15 * wrong.len()..35 * wrong.len();
    assert!(moods.len() == 4 && moods.values().all(|count| quarter.contains(&(count * 100))), "{moods:?}");
    let calm: HashSet<String> =
        (0..20).flat_map(|seed| drawn(pack, "calm", seed)).map(|item| format!("{:?}", item.fields[5])).collect();
    assert_eq!(calm.len(), 1, "what the task leaves out is not leant towards: {calm:?}");
}

#[test]
fn conflicts_and_outcomes_can_be_asked_for() {
    let maker = MAKER.replace("hold_out:", "cover: outcomes\nconflicts: 50%\nhold_out:");
    let catalog = catalog(&maker, &task("train", "train", "{ generate: returns, items: 20 }"));
    let pack = &catalog.packs()[0];
    let clock = Some(1_772_452_800_000_i64);
    let set = pack.rule_sets().next().expect("rules");
    let items: Vec<Arc<Item>> = (0..50).flat_map(|seed| drawn(pack, "train", seed)).collect();
    let facts = |item: &Arc<Item>| set.matching(casebook_runtime::rules::Facts { fields: &item.fields, clock }).len();
    let several = items.iter().filter(|item| facts(item) > 1).count();
    assert!(several * 100 > items.len() * 45, "{several} of {}", items.len());
    let mut fates: BTreeMap<String, usize> = BTreeMap::new();
    for item in &items {
        let fate = item.truth[0].value.as_ref().map(|value| value.to_json(&pack.decisions()[0])).unwrap_or_default();
        *fates.entry(fate.to_string()).or_default() += 1;
    }
    assert_eq!(fates.len(), 4, "{fates:?}");
}

/// The goals of an episode come in no order that an agent can learn.
#[test]
fn goals_do_not_come_in_turn() {
    let maker = MAKER.replace("hold_out:", "cover: rules\nhold_out:");
    let catalog = catalog(&maker, &task("train", "train", "{ generate: returns, items: 40 }"));
    let (mut same, mut all) = (0, 0);
    for seed in 0..25 {
        let rules: Vec<String> =
            drawn(&catalog.packs()[0], "train", seed).iter().map(|item| rule(item).to_owned()).collect();
        same += rules.iter().zip(&rules[5..]).filter(|(one, later)| one == later).count();
        all += rules.len() - 5;
    }
    // Five goals: one in five is the same by chance, all of them in turn.
    assert!(same * 100 < all * 35, "{same} of {all}");
}

/// Moments are within their hours, at thresholds too.
#[test]
fn moments_keep_to_their_hours() {
    let maker = MAKER
        .replace("seen: { time: { within: 48h } }", "seen: { time: { within: 144h, hours: '08:00..08:10', step: 1m } }")
        .replace("hold_out:", "cover: rules\nboundary: 40%\nhold_out:");
    let catalog = catalog(&maker, &task("train", "train", "{ generate: returns, items: 20 }"));
    for item in (0..20).flat_map(|seed| drawn(&catalog.packs()[0], "train", seed)) {
        let Some(Datum::Integer(seen)) = item.fields[4] else { panic!("a moment") };
        let minute = seen.rem_euclid(86_400_000) / 60_000;
        assert!((480..490).contains(&minute), "{minute}");
    }
}

/// A task's `mix` is about the slots of items, not about those of entries that have the same name.
#[test]
fn a_mix_leaves_entries_alone() {
    let maker = MAKER
        .replace("name: { pick: [lid, rim] }", "reason: { pick: [lid, rim] }")
        .replace("attribute='name'", "attribute='reason'");
    let tasks = task("train", "train", "{ generate: returns, items: 20, mix: { reason: { broken: 1 } } }");
    let catalog = catalog(&maker, &tasks);
    let items: Vec<Arc<Item>> = (0..20).flat_map(|seed| drawn(&catalog.packs()[0], "train", seed)).collect();
    let tags: HashSet<String> = items.iter().map(|item| format!("{:?}", item.fields[5])).collect();
    assert!(tags.iter().any(|tags| tags.contains("rim")) && tags.iter().any(|tags| tags.contains("lid")), "{tags:?}");
}

#[test]
fn every_rule_occurs_as_often_as_the_others_and_thresholds_are_met() {
    let maker = MAKER.replace("hold_out:", "cover: rules\nboundary: 30%\nhold_out:");
    let catalog = catalog(&maker, &task("train", "train", "{ generate: returns, items: 20 }"));
    let pack = &catalog.packs()[0];
    let mut rules: BTreeMap<String, usize> = BTreeMap::new();
    let (mut near, mut all) = (0, 0);
    let clock = 1_772_452_800_000_i64;
    for item in (0..150).flat_map(|seed| drawn(pack, "train", seed)) {
        *rules.entry(rule(&item).to_owned()).or_default() += 1;
        let worth =
            item.fields[3].as_ref().and_then(Datum::number).map_or(0.0, casebook_runtime::number::Number::to_f64);
        let age = match item.fields[4] {
            Some(Datum::Integer(seen)) => clock - seen,
            _ => 0,
        };
        all += 1;
        near += usize::from((worth - 400.0).abs() <= 0.5 || (age - 40 * 3_600_000).abs() <= 60_000);
    }
    assert_eq!(rules.len(), 5, "{rules:?}");
    // 70% go to five goals in turn.
    assert!(rules.values().all(|count| count * 100 >= all * 12), "{rules:?} of {all}");
    assert!((all * 27..all * 34).contains(&(near * 100)), "{near} of {all}");
}

/// Rules steer what is drawn, so that other rules draw other items; a record is judged on those that were played.
#[test]
fn recorded_draws_are_judged_as_they_were_played() {
    let maker = MAKER.replace("hold_out:", "cover: rules\nboundary: 40%\nhold_out:");
    let tasks = task("train", "train", "{ generate: returns, items: 6 }");
    let (was, before) = ruled_otherwise(&maker, &tasks, ("worth: { gte: 400 }", "worth: { gte: 400 }"));
    let (is, later) = ruled_otherwise(&maker, &tasks, ("worth: { gte: 400 }", "worth: { gte: 500 }"));
    let other = catalog(&maker.replace("to: 900", "to: 700"), &tasks);
    let pack = &before.packs()[0];
    let oracle = policy::find(pack, "oracle").expect("it is built in");
    let (mut moved, mut redrawn, mut records) = (0, 0, Vec::new());
    for seed in 0..25 {
        let recording = Recording::new(pack, "oracle", play(&oracle, &pack.tasks()[0], seed).expect("it plays"));
        let judged = comparison::records(pack, &later.packs()[0], &recording);
        // What the edit moves, by the items that were played.
        let is_moved = |item: &&Arc<Item>| {
            let worth = match &item.fields[3] {
                Some(Datum::Number(worth)) => *worth,
                other => panic!("{other:?}"),
            };
            (400.0..500.0).contains(&worth) && rule(item) == "F-DEAR"
        };
        let of_edit = drawn(pack, "train", seed).iter().filter(is_moved).count();
        moved += of_edit;
        assert_eq!((judged.old, judged.problems.len()), (Some(recording.trajectory.score), 0), "{judged:?}");
        assert_eq!(judged.is_changed(), of_edit > 0, "seed {seed}: {judged:?}");
        // Without the version that drew them, other items are drawn, which is said.
        if let Err(error) = regrade(&later.packs()[0], &recording, None) {
            assert!(error.starts_with("the task draws other items now"), "{error}");
            let verdict = replay(&later, &recording).expect("the task exists");
            assert!(matches!(&verdict, Verdict::Differs(text) if text.starts_with("the task draws other items now")));
            redrawn += 1;
        }
        let unlike = comparison::records(pack, &other.packs()[0], &recording);
        assert!(unlike.new.is_none() && unlike.problems[0].starts_with("new: the task draws other"), "{unlike:?}");
        records.push(judged);
    }
    // The edit is credited with the episodes that it moves.
    let mut rules = comparison::meaning(&was, &is);
    let items = comparison::items(pack, &later.packs()[0]);
    comparison::attribute(&mut rules, (&was, &is), (&later.packs()[0], &items), &records);
    let credited: Vec<usize> = rules.iter().flat_map(|set| &set.edits).map(|edit| edit.records).collect();
    assert_eq!(credited, [records.iter().filter(|one| one.is_changed()).count()]);
    assert!(moved > 10 && redrawn > 10, "{moved} {redrawn}");
}

/// A rule about one entry in 21 is met as often as the default, though an episode has three of them, and still has three.
#[test]
fn rules_about_entries_of_a_pool_are_met_as_often() {
    let people: Vec<String> =
        (0..21).map(|at| format!("{{ name: p{at}, kind: {} }}", if at == 4 { "known" } else { "other" })).collect();
    for (kind, extra, draw) in [
        ("{ slot: host.kind }", "", 3),
        ("{ slot: host.kind }", "", 1),
        ("\"{{ host.kind }}\"", "", 3),
        ("{ slot: host.kind }", "boundary: 20%\n", 2),
    ] {
        let text = format!(
            "apiVersion: casebook/v1\nkind: Environment\nname: hall\nversion: 1.0.0\ndescription: Bookings.\nitem:\n  noun: booking\n\
             \x20 fields:\n    host: {{ type: text }}\n    kind: {{ type: enum, values: [known, other] }}\n    guests: {{ type: integer }}\n\
             decision:\n  answer: {{ type: enum, values: [take, ask], truth: {{ rules: desk }} }}\n\
             action:\n  shape: single\n  properties:\n    answer: {{ decides: answer, required: true }}\n\
             observation:\n  booking: {{ item: current }}\n  instructions: {{ text: instructions }}\n---\n\
             apiVersion: casebook/v1\nkind: Rules\nname: desk\nhit: first\nrules:\n\
             \x20 - {{ id: R-KNOWN, when: {{ kind: known, guests: {{ lt: 80 }} }}, then: {{ answer: take }} }}\ndefault: {{ answer: ask }}\n---\n\
             apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: {{ mode: best_so_far }}\nscore: {{ grader: exact, field: answer }}\n---\n\
             apiVersion: casebook/v1\nkind: Generator\nname: bookings\npools:\n  people: {{ entries: [{}], draw: {draw} }}\n\
             slots:\n  host: {{ from: people }}\n  guests: {{ integer: {{ from: 1, to: 100 }} }}\n\
             fields:\n  host: \"{{{{ host.name }}}}\"\n  kind: {kind}\n  guests: {{ slot: guests }}\ncover: rules\n{extra}---\n\
             apiVersion: casebook/v1\nkind: Task\nname: train\ndifficulty: 1\nsplit: train\ninbox: {{ generate: bookings, items: 10 }}\n\
             max_steps: 12\ninstructions: \"{{{{ rules.desk.policy }}}}\"\n",
            people.join(", ")
        );
        let compiled = casebook_compile::check::compile(
            &casebook_syntax::source::from_texts("hall", [("pack.yaml", text.as_str())]),
            1,
        );
        let report = compiled.report.render(false);
        let catalog = compiled.catalog.unwrap_or_else(|| panic!("{report}"));
        let (mut met, mut all) = (0, 0);
        for seed in 0..100 {
            let items = drawn(&catalog.packs()[0], "train", seed);
            met += items.iter().filter(|item| item.truth[0].rule.is_some()).count();
            all += items.len();
            let hosts: HashSet<String> = items.iter().map(|item| format!("{:?}", item.fields[0])).collect();
            assert!(hosts.len() <= draw, "{hosts:?}");
        }
        // Where an episode has few entries, some are about nobody of whom the rule speaks.
        let least = if draw < 3 { 20 } else { 38 };
        assert!(met * 100 > all * least && met * 100 < all * 60, "{met} of {all} with {kind} {extra}");
    }
}

/// One in 400 draws matches two rules by itself, so that no few draws show how to lean.
#[test]
fn rare_conflicts_are_met_by_way_of_their_rules() {
    let pack = "apiVersion: casebook/v1\nkind: Environment\nname: parts\nversion: 1.0.0\ndescription: Parts.\n\
        item:\n  noun: order\n  fields:\n    kind: { type: enum, values: [bolt, nut, gear, belt] }\n    weight: { type: integer }\n    \
        tier: { type: enum, values: [free, paid, vip] }\n\
        decision:\n  line: { type: enum, values: [one, two, three], truth: { rules: lines } }\n\
        action:\n  shape: single\n  properties:\n    order: { item: true, default: current }\n    line: { decides: line, required: true }\n\
        observation:\n  order: { item: current }\n---\n\
        apiVersion: casebook/v1\nkind: Rules\nname: lines\nhit: first\nrules:\n\
        \x20 - { id: R-HEAVY, when: { kind: bolt, weight: { gte: 900 } }, then: { line: two } }\n\
        \x20 - { id: R-VIP, when: { kind: [bolt, nut], tier: vip }, then: { line: three } }\n\
        \x20 - { id: R-EDGE, when: { weight: { between: [400, 410] } }, then: { line: two } }\n\
        default: { line: one }\n---\n\
        apiVersion: casebook/v1\nkind: Generator\nname: orders\nconflicts: 40%\nslots:\n\
        \x20 kind: { pick: { bolt: 1, nut: 1, gear: 10, belt: 1 } }\n  tier: { pick: { free: 4, paid: 2, vip: 2 } }\n\
        \x20 weight: { integer: { from: 0, to: 1000 } }\n\
        fields: { kind: { slot: kind }, weight: { slot: weight }, tier: { slot: tier } }\n---\n\
        apiVersion: casebook/v1\nkind: Rubric\nname: right\nreward: { mode: best_so_far }\nscore: { grader: exact, field: line }\n---\n\
        apiVersion: casebook/v1\nkind: Task\nname: train\ndifficulty: 1\nsplit: train\ninbox: { generate: orders, items: 20 }\n\
        rubric: right\nmax_steps: 20\ninstructions: Choose a line.\n";
    let folder = tempfile::TempDir::new().expect("a folder");
    std::fs::write(folder.path().join("pack.yaml"), pack).expect("written");
    let catalog = compile(&source::read(&[folder.path().to_path_buf()]), 1).catalog.expect("it is sound");
    let pack = &catalog.packs()[0];
    let set = pack.rule_sets().next().expect("rules");
    let items: Vec<Arc<Item>> = (0..50).flat_map(|seed| drawn(pack, "train", seed)).collect();
    let matching = |item: &&Arc<Item>| {
        set.matching(casebook_runtime::rules::Facts { fields: &item.fields, clock: None }).len() > 1
    };
    let several = items.iter().filter(matching).count();
    assert!((350..550).contains(&several), "{several} of {}", items.len());
}
