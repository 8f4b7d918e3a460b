//! Why an item is decided as it is, and what a reward rests on.

use casebook_runtime::{
    episode::{Episode, Step},
    explanation::{self, RuleExplanation, Source, StepExplanation, Subject, Verdict, explain_step},
    model::Row,
    policy, record,
};
use serde_json::{Map, Value, json};

use super::packs;

fn explained(given: &Value) -> explanation::ItemExplanation {
    let pack = packs::desk_with("rubric.yaml", "round: 4", "round: 4");
    let given = given.as_object().expect("an object");
    let subject = explanation::subject(&pack, given, None).expect("it fits");
    explanation::explain(&pack, &subject, &Row::default())
}

fn rule<'a>(explained: &'a explanation::ItemExplanation, id: &str) -> &'a RuleExplanation {
    explained.rules[0].rules.iter().find(|rule| rule.link.id == id).expect("the rule")
}

#[test]
fn the_deciding_rule_is_told_with_its_place_and_its_conditions() {
    let told = explained(&json!({ "tier": "free", "amount": 250, "from": "bo@home.example" }));
    let Source::Rule(link) = &told.decisions[0].source else { panic!("{told:?}") };
    assert_eq!((link.id.as_str(), link.line), ("R-MONEY", 6));
    assert_eq!(link.path.to_string_lossy(), "rules.yaml");
    let money = rule(&told, "R-MONEY");
    assert_eq!(money.verdict, Verdict::Decides);
    assert!(money.when.iter().all(|condition| condition.holds) && !money.except[0].holds);
}

#[test]
fn near_misses_say_what_was_missing() {
    let told = explained(&json!({ "tier": "paid", "amount": 300, "from": "bo@partner.example" }));
    let money = rule(&told, "R-MONEY");
    assert_eq!(
        (money.verdict, money.missing.as_slice()),
        (Verdict::Excepted, ["an exception holds".to_owned()].as_slice())
    );
    let paid = rule(&told, "R-PAID");
    assert_eq!(paid.verdict, Verdict::Near);
    assert_eq!(paid.missing.len(), 1, "{:?}", paid.missing);
    assert!(paid.missing[0].starts_with("not: amount"), "{:?}", paid.missing);
    let none = explained(&json!({ "tier": "free" }));
    assert_eq!(rule(&none, "R-MONEY").verdict, Verdict::No, "of a rule of one condition nothing is near");
    assert!(matches!(&none.decisions[0].source, Source::Default { rules } if rules == "routing"));
}

#[test]
fn labels_overrides_and_what_was_decided_are_told_apart() {
    let files = packs::desk_files_with(
        "inbox.yaml",
        "labels: { order: 3 }",
        "override: The owner knows him.\n    labels: { order: 3, queue: answer, reply: { keywords: [hello] } }",
    );
    let catalog = packs::catalog(&files);
    let pack = &catalog.packs()[0];
    let subject = Subject::of(pack, &pack.tasks()[0], "t-9", 0).expect("the item");
    let row = explanation::decided(pack, json!({ "queue": "close" }).as_object().expect("an object")).expect("it fits");
    let told = explanation::explain(pack, &subject, &row);
    let (path, line) = (std::path::PathBuf::from("inbox.yaml"), 16);
    let label = Source::Label { path: path.clone(), line };
    let reason = "The owner knows him.".to_owned();
    assert_eq!(told.decisions[0].source, Source::Override { reason, path, line });
    assert_eq!(told.decisions[0].right, Some(false));
    assert_eq!(told.decisions[2].source, label);
    let problems = explanation::decided(pack, json!({ "queu": "x", "order": "two" }).as_object().expect("an object"));
    assert_eq!(
        problems.expect_err("it is refused"),
        ["there is no decision `queu`; did you mean `queue`?", "`order` cannot be `two`; expected a whole number"]
    );
}

#[test]
fn every_component_links_to_the_rule_that_made_its_truth() {
    for pack in packs::all() {
        let policy = policy::find(&pack, "oracle").expect("it is built in");
        for task in pack.tasks() {
            let mut steps: Vec<StepExplanation> = Vec::new();
            let mut watch = |episode: &Episode, _: &Value, step: &Step| {
                steps.push(explain_step(episode, Some(step.reward)).expect("graded"));
            };
            let played = record::play_watched(&policy, task, (0, &Map::new()), &mut watch).expect("it plays");
            for (told, step) in steps.iter().zip(&played.steps) {
                let breakdown = step.breakdown.as_ref().expect("records are told all");
                for component in &told.components {
                    assert_eq!(breakdown.components.get(&component.name), Some(component.value));
                    for link in &component.truth {
                        assert!(component.fields.contains(&link.decision.field), "{component:?}");
                        if let Source::Rule(rule) = &link.decision.source {
                            assert!(
                                pack.rule(&rule.rules, &rule.id).is_some_and(|known| known.place.line == rule.line)
                            );
                        }
                    }
                }
                let judged = told.items.iter().flat_map(|item| &item.decisions).filter(|one| one.right.is_some());
                assert!(judged.count() >= breakdown.decisions.len().min(1), "{told:?}");
            }
            assert!(
                steps.iter().any(|step| step.components.iter().any(|one| !one.truth.is_empty())),
                "{}",
                task.name()
            );
        }
    }
}
