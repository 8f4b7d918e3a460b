//! Items: what varies in them, what stays a text, and what is right about them where not every decision counts.

use std::sync::Arc;

use casebook_compile::check::{Compiled, compile, prove};
use casebook_runtime::{episode::Episode, explanation::truth_of, policy, record::play, scenario::Pack};
use casebook_syntax::source;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::packs;

/// A pack of parcels: its fields, its decisions, its items, its score, and what its task lets vary.
struct Parcels<'a> {
    fields: &'a str,
    decisions: &'a str,
    items: &'a str,
    score: &'a str,
    task: &'a str,
}

const USUAL: Parcels<'_> = Parcels {
    fields: "{ note: { type: text, template: true } }",
    decisions: "{ box: { type: enum, values: [small, large], truth: { rules: boxes } } }",
    items: "[]",
    score: "{ name: box, grader: exact, field: box }",
    task: "{}",
};

impl Parcels<'_> {
    fn text(&self) -> String {
        let decisions: Value = serde_yaml::from_str(self.decisions).expect("decisions");
        let properties: Vec<String> =
            decisions.as_object().expect("a map").keys().map(|name| format!("{name}: {{ decides: {name} }}")).collect();
        let ruled = self.decisions.contains("rules: boxes");
        let rules = if ruled {
            "apiVersion: casebook/v1\nkind: Rules\nname: boxes\nhit: first\nrules:\n\
             - { id: R-FRAGILE, when: { note: { contains: glass } }, then: { box: large, wrap: foam } }\n\
             - { id: R-HEAVY, when: { note: { contains: iron } }, then: { box: large } }\n\
             default: { box: small }\n---\n"
        } else {
            ""
        };
        let rules = if self.decisions.contains("wrap") { rules.to_owned() } else { rules.replace(", wrap: foam", "") };
        format!(
            "apiVersion: casebook/v1\nkind: Environment\nname: parcels\nversion: 1.0.0\ndescription: Parcels.\n\
             item: {{ noun: parcel, fields: {} }}\ndecision: {}\n\
             action: {{ properties: {{ parcel: {{ item: true, default: current }}, {} }} }}\n\
             observation: {{ parcels: {{ items: all }} }}\n---\n{rules}\
             apiVersion: casebook/v1\nkind: Inbox\nname: belt\nitems: {}\n---\n\
             apiVersion: casebook/v1\nkind: Rubric\nname: fair\nreward: {{ mode: best_so_far }}\nscore: {}\n---\n\
             apiVersion: casebook/v1\nkind: Task\nname: shift\ndifficulty: 1\nsplit: train\ninbox: belt\nmax_steps: 9\n\
             instructions: Pack.\nvary: {}\n",
            self.fields,
            self.decisions,
            properties.join(", "),
            self.items,
            self.score,
            self.task
        )
    }

    fn compiled(&self) -> Compiled {
        let text = self.text();
        compile(&source::from_texts("parcels", [("pack.yaml", text.as_str())]), 1)
    }

    fn pack(&self) -> Arc<Pack> {
        Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), self.text())]).packs()[0])
    }

    fn report(&self) -> String {
        self.compiled().report.render(false)
    }
}

/// The items that agents see, in every episode of the first seeds, each kind of episode once.
fn shown(pack: &Arc<Pack>) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for seed in 0..40 {
        let episode = Episode::reset(pack, &pack.tasks()[0], seed).expect("a start");
        let mut out = String::from("{");
        episode.write_observation(&mut out);
        out.push('}');
        let seen: Value = serde_json::from_str(&out).expect("JSON");
        if !all.contains(&seen["parcels"]) {
            all.push(seen["parcels"].clone());
        }
    }
    all.sort_by_key(Value::to_string);
    all
}

/// The scores that the oracle reaches over some seeds, each once.
fn oracle_scores(pack: &Arc<Pack>) -> Vec<f64> {
    let oracle = policy::find(pack, "oracle").expect("the oracle");
    let mut scores: Vec<f64> =
        (0..20).map(|seed| play(&oracle, &pack.tasks()[0], seed).expect("played").score).collect();
    scores.sort_by(f64::total_cmp);
    scores.dedup();
    scores
}

#[test]
fn what_is_one_expression_keeps_its_type() {
    let pack = Parcels {
        fields: "{ note: { type: text, template: true }, grams: { type: integer, template: true }, price: { type: number, template: true }, \
                 fragile: { type: boolean, template: true }, size: { type: enum, values: [s, m], template: true }, \
                 marks: { type: list, template: true }, sent: { type: timestamp, template: true }, way: { type: duration, template: true } }",
        items: "[{ id: p-1, fields: { note: \"{{ vary.a.grams }} g\", grams: \"{{ vary.a.grams }}\", price: \"{{ vary.a.price * 2 }}\", \
                fragile: \"{{- vary.a.fragile -}}\", size: \"{{ vary.a.size }}\", marks: \"{{ vary.a.marks }}\", \
                sent: \"{{ vary.a.sent }}\", way: \"{{ vary.a.way }}\" } }]",
        task: "{ a: { one_of: [{ grams: 12, price: 1.25, fragile: true, size: m, marks: [up], sent: \"2026-01-01T00:00:00Z\", way: 2h }] } }",
        ..USUAL
    }
    .pack();
    assert_eq!(
        shown(&pack),
        [
            json!([{ "id": "p-1", "note": "12 g", "grams": 12, "price": 2.5, "fragile": true, "size": "m", "marks": ["up"],
                  "sent": "2026-01-01T00:00:00Z", "way": "2h" }])
        ]
    );
}

#[test]
fn a_value_of_another_type_is_refused_where_it_stands() {
    let parcels = Parcels {
        fields: "{ note: { type: text }, grams: { type: integer, template: true } }",
        items: "[{ id: p-1, fields: { note: a, grams: \"{{ vary.a }}\" } }]",
        task: "{ a: { one_of: [heavy] } }",
        ..USUAL
    };
    let report = parcels.report();
    assert!(report.contains("`grams` cannot be `heavy`") && report.contains("expected a whole number"), "{report}");
}

#[test]
fn null_and_a_key_that_a_value_lacks_leave_the_field_out() {
    let pack = Parcels {
        fields: "{ note: { type: text, template: true, optional: true }, grams: { type: number, template: true, optional: true }, \
                 marks: { type: list, template: true } }",
        items: "[{ id: p-1, fields: { note: \"{{ vary.a.note }}\", grams: \"{{ vary.a.grams }}\", \
                marks: [\"{{ vary.a.note }}\", \"about {{ vary.a.note | default('nothing') }}\"] } }]",
        task: "{ a: { one_of: [{ note: glass, grams: 5 }, { note: null }] } }",
        ..USUAL
    }
    .pack();
    assert_eq!(
        shown(&pack),
        [
            json!([{ "id": "p-1", "marks": ["about nothing"] }]),
            json!([{ "id": "p-1", "note": "glass", "grams": 5, "marks": ["glass", "about glass"] }]),
        ]
    );
    // What is absent is absent for rules as well: nothing matches `contains` of a text `none`.
    assert_eq!(oracle_scores(&pack), [1.0]);
}

#[test]
fn null_is_never_printed_into_a_text() {
    for (items, says) in [
        ("[{ id: p-1, fields: { note: \"A {{ vary.a }} B\" } }]", "it prints a value that is null"),
        ("[{ id: p-1, fields: { note: \"{{ vary.a }}\" } }]", "the item `p-1` has no `note` where this is null"),
    ] {
        let report = Parcels { items, task: "{ a: { one_of: [x, null] } }", ..USUAL }.report();
        assert!(report.contains(says), "{report}");
    }
}

#[test]
fn a_name_that_no_value_has_is_named() {
    for (note, says) in [
        ("{{ vary.a.wrod }}", "reads `vary.a.wrod`, which does not exist"),
        ("A {{ vary.a.wrod }}", "reads `vary.a.wrod`, which does not exist"),
        ("{{ vray.a.word }}", "reads `vray`, which does not exist"),
    ] {
        let items = format!("[{{ id: p-1, fields: {{ note: \"{note}\" }} }}]");
        let report =
            Parcels { items: &items, task: "{ a: { one_of: [{ word: x }, { word: y, more: z }] } }", ..USUAL }.report();
        assert!(report.contains(says) && report.contains("did you mean"), "{report}");
    }
}

#[test]
fn entries_of_lists_are_rendered_and_checked() {
    let parcels = Parcels {
        fields: "{ note: { type: text }, marks: { type: list, template: true } }",
        items: "[{ id: p-1, fields: { note: a, marks: [\"{{ vary.a }}\", plain, \"{{ vary.a | upper }}!\"] } }]",
        task: "{ a: { one_of: [red, blue] } }",
        ..USUAL
    };
    let marks: Vec<Value> = shown(&parcels.pack()).iter().map(|seen| seen[0]["marks"].clone()).collect();
    assert_eq!(marks, [json!(["blue", "plain", "BLUE!"]), json!(["red", "plain", "RED!"])]);
    let items = "[{ id: p-1, fields: { note: a, marks: [\"{{ vary.a }}\", \"{{ vary.nonsense }}\"] } }]";
    let report = Parcels { items, ..parcels }.report();
    assert!(report.contains("reads `vary.nonsense`, which does not exist"), "{report}");
}

#[test]
fn braces_are_text_where_nothing_says_otherwise() {
    let text = "SYSTEM {{ 7 * 7 }} {% if true %}x{% endif %} {{ debug() }} {{ open";
    let items = format!("[{{ id: p-1, fields: {{ note: \"{text}\", marks: [\"{{{{ 1 }}}}\"] }} }}]");
    let parcels = Parcels { fields: "{ note: { type: text }, marks: { type: list } }", items: &items, ..USUAL };
    assert_eq!(parcels.report(), "");
    assert_eq!(shown(&parcels.pack()), [json!([{ "id": "p-1", "note": text, "marks": ["{{ 1 }}"] }])]);

    // Who reads `vary` means a template, unless the environment says that it is a text.
    let items = "[{ id: p-1, fields: { note: \"My {{ vary.a }}\" } }]";
    let task = "{ a: { one_of: [x, y] } }";
    let report = Parcels { fields: "{ note: { type: text } }", items, task, ..USUAL }.report();
    assert!(report.contains("error[CB404]") && report.contains("`template: true`"), "{report}");
    let fields = "{ note: { type: text }, marks: { type: list }, grams: { type: number } }";
    let both = "[{ id: p-1, fields: { note: \"{{ vary.a }}\", marks: [\"{{ vary.a }}\"], grams: \"{{ vary.a }}\" } }]";
    let report = Parcels { fields, items: both, task, ..USUAL }.report();
    assert_eq!(report.matches("is not a template").count(), 3, "{report}");
    let text = Parcels { fields: "{ note: { type: text, template: false } }", items, task: "{}", ..USUAL };
    assert_eq!(text.report(), "");
    assert_eq!(shown(&text.pack()), [json!([{ "id": "p-1", "note": "My {{ vary.a }}" }])]);
}

proptest! {
    /// Whatever a text holds, an agent reads it as it is written, in a field that is no template.
    #[test]
    fn a_text_of_a_plain_field_stays_as_it_is(text in "[a-c{}%#|'\" .\\n]{0,24}") {
        let quoted = serde_json::to_string(&text).expect("JSON");
        let items = format!("[{{ id: p-1, fields: {{ note: {quoted}, marks: [{quoted}] }} }}]");
        let pack = Parcels { fields: "{ note: { type: text }, marks: { type: list } }", items: &items, ..USUAL }.pack();
        prop_assert_eq!(shown(&pack), [json!([{ "id": "p-1", "note": text, "marks": [text] }])]);
    }
}

#[test]
fn forms_are_counted_by_the_names_that_are_read() {
    // The names of what is not read stand in the texts all the same.
    let task = "{ a: { one_of: [1, 2, 3] }, title: { one_of: [1, 2, 3] }, ary: { one_of: [1, 2, 3] }, \
                b: { one_of: [{ title: x }, { title: y }] }, c: { one_of: [1, 2, 3, 4, 5, 6, 7, 8] }, d: { one_of: [1, 2, 3, 4, 5, 6] } }";
    let items = "[{ id: p-1, fields: { note: \"a title {{ vary.b.title }} {{ vary.c }} {{ vary.d }}\" } }]";
    let pack = Parcels { items, task, ..USUAL }.pack();
    assert!(shown(&pack).len() > 12);
    // A template that reads all of it has all forms.
    let items = "[{ id: p-1, fields: { note: \"{{ vary | length }}\" } }]";
    let report = Parcels { items, task, ..USUAL }.report();
    assert!(report.contains("more than 256 forms") && report.contains("`ary` (3)"), "{report}");
}

#[test]
fn labels_vary_with_what_they_are_about() {
    let pack = Parcels {
        decisions: "{ total: { type: number }, box: { type: enum, values: [small, large] }, order: { type: rank } }",
        items: "[{ id: p-1, fields: { note: \"1 + {{ vary.a.n }}\" }, labels: { total: \"{{ vary.a.n + 1 }}\", box: { value: \"{{ vary.a.box }}\" }, order: \"{{ vary.a.first }}\" } }, \
                { id: p-2, fields: { note: fixed }, labels: { total: 2, box: small, order: \"{{ 3 - vary.a.first }}\" } }]",
        score: "{ weighted_sum: [{ name: t, weight: 0.5, grader: exact, field: total }, { name: b, weight: 0.5, grader: exact, field: box }] }",
        task: "{ a: { one_of: [{ n: 1, box: small, first: 1 }, { n: 5, box: large, first: 2 }] } }",
        ..USUAL
    }
    .pack();
    assert_eq!(oracle_scores(&pack), [1.0]);
    let mut totals: Vec<Value> = (0..20)
        .map(|seed| {
            let episode = Episode::reset(&pack, &pack.tasks()[0], seed).expect("a start");
            serde_json::to_value(truth_of(&episode).expect("truth")).expect("JSON")["items"][0]["decisions"][0]["expected"].clone()
        })
        .collect();
    totals.sort_by_key(Value::to_string);
    totals.dedup();
    assert_eq!(totals, [json!(2), json!(6)]);
}

#[test]
fn ranks_that_vary_are_whole_in_every_draw() {
    let parcels = Parcels {
        decisions: "{ order: { type: rank } }",
        items: "[{ id: p-1, fields: { note: a }, labels: { order: \"{{ vary.a }}\" } }, { id: p-2, fields: { note: b }, labels: { order: \"{{ vary.b }}\" } }]",
        score: "{ name: o, grader: rank_correlation, field: order }",
        task: "{ a: { one_of: [1, 2] }, b: { one_of: [2, 1] } }",
        ..USUAL
    };
    let report = parcels.report();
    assert!(report.contains("CB502") && report.contains("is taken by"), "{report}");
}

/// Wrapping counts only for large boxes; the rule for heavy ones says nothing of it.
const WRAPPED: &str = "{ box: { type: enum, values: [small, large], truth: { rules: boxes } }, \
    wrap: { type: enum, values: [foam, paper], when: { box: large }, truth: { rules: boxes } } }";
const WRAP_SCORE: &str = "{ weighted_sum: [{ name: b, weight: 0.5, grader: exact, field: box }, { name: w, weight: 0.5, grader: exact, field: wrap }] }";

#[test]
fn a_decision_has_a_truth_only_where_it_counts() {
    let parcels = Parcels {
        decisions: WRAPPED,
        items: "[{ id: p-1, fields: { note: a glass } }, { id: p-2, fields: { note: a book } }]",
        score: WRAP_SCORE,
        ..USUAL
    };
    assert_eq!(parcels.report(), "");
    let pack = parcels.pack();
    assert_eq!(oracle_scores(&pack), [1.0]);
    let truth = truth_of(&Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start")).expect("truth");
    assert_eq!(truth.items[0].decisions.len(), 2);
    assert_eq!(truth.items[1].decisions.len(), 1);

    // Where it counts, a truth is missed as before.
    let report = Parcels { items: "[{ id: p-1, fields: { note: an iron } }]", ..parcels }.report();
    assert!(report.contains("no rule of `boxes` decides `wrap` for the item `p-1`"), "{report}");
}

#[test]
fn a_label_that_does_not_count_is_reported() {
    let parcels = Parcels {
        decisions: WRAPPED,
        items: "[{ id: p-1, fields: { note: a glass } }, { id: p-2, fields: { note: a book }, labels: { wrap: paper } }]",
        score: WRAP_SCORE,
        ..USUAL
    };
    let report = parcels.report();
    assert!(report.contains("warning[CB513]") && report.contains("the label of `wrap` has no effect"), "{report}");
    assert_eq!(oracle_scores(&parcels.pack()), [1.0]);
}

#[test]
fn the_oracle_sends_a_text_that_is_the_label() {
    let parcels = Parcels {
        decisions: "{ tag: { type: text, max_length: 9 } }",
        items: "[{ id: p-1, fields: { note: a glass }, labels: { tag: handle me } }, \
                { id: p-2, fields: { note: a book }, labels: { tag: { value: by post, keywords: [post] } } }]",
        score: "{ name: tag, grader: exact, field: tag }",
        ..USUAL
    };
    assert_eq!(oracle_scores(&parcels.pack()), [1.0]);
    // What every agent may send, the built-in ones send too: no longer a text than the decision takes.
    let pack = Parcels {
        items: "[{ id: p-1, fields: { note: a glass }, labels: { tag: { keywords: [post, with care] } } }]",
        score: "{ name: tag, grader: keywords, field: tag }",
        ..parcels
    }
    .pack();
    assert_eq!(oracle_scores(&pack).len(), 1);
}

#[test]
fn truths_that_vary_are_printed_as_they_are_written() {
    let pack = Parcels {
        items: "[{ id: p-1, fields: { note: \"{{ vary.w.open }}\" } }, { id: p-2, fields: { note: \"It is {{ vary.w.open }}.\" } }]",
        task: "{ w: { one_of: [{ open: true }] } }",
        ..USUAL
    }
    .pack();
    let seen = &shown(&pack)[0];
    assert_eq!((&seen[0]["note"], &seen[1]["note"]), (&json!("true"), &json!("It is true.")));
}

#[test]
fn what_a_decision_depends_on_may_depend_on_another() {
    let pack = Parcels {
        decisions: "{ box: { type: enum, values: [small, large], truth: { rules: boxes } }, \
                    wrap: { type: enum, values: [foam, paper], when: { box: large } }, \
                    colour: { type: enum, values: [white, brown], when: { wrap: paper } } }",
        items: "[{ id: p-1, fields: { note: a glass }, labels: { wrap: paper, colour: brown } }, \
                { id: p-2, fields: { note: a book }, labels: { wrap: paper, colour: brown } }]",
        score: "{ weighted_sum: [{ name: b, weight: 0.5, grader: exact, field: box }, { name: c, weight: 0.5, grader: exact, field: colour }] }",
        ..USUAL
    }
    .pack();
    let truth = truth_of(&Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start")).expect("truth");
    assert_eq!((truth.items[0].decisions.len(), truth.items[1].decisions.len()), (3, 1));
    assert_eq!(oracle_scores(&pack), [1.0]);
    // What an action gives for a decision out of play is dropped, and so is what depends on that.
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("a start");
    episode.step(&json!({ "box": "small", "wrap": "paper", "colour": "white" })).expect("a step");
    let truth = truth_of(&episode).expect("truth");
    assert_eq!(truth.items[0].decisions[2].decided, Value::Null);
}

#[test]
fn an_item_that_varies_out_of_a_class_costs_nothing() {
    for score in [
        WRAP_SCORE,
        "{ mean: [{ name: b, grader: exact, field: box }, { name: w, grader: exact, field: wrap }] }",
        "{ product: [{ name: b, grader: exact, field: box }, { name: w, grader: exact, field: wrap }] }",
        "{ min: [{ name: b, grader: exact, field: box }, { name: w, grader: exact, field: wrap }] }",
        "{ all: [{ name: b, grader: exact, field: box }, { name: w, grader: exact, field: wrap }] }",
        "{ sequential: [{ name: w, grader: exact, field: wrap }, { name: b, grader: exact, field: box }] }",
        "{ gate: { if: { grader: exact, field: wrap }, above: 0.5, then: { grader: exact, field: box } } }",
    ] {
        let pack = Parcels {
            decisions: WRAPPED,
            items: "[{ id: p-1, fields: { note: \"a {{ vary.a }}\" } }]",
            score,
            task: "{ a: { one_of: [glass, book] } }",
            ..USUAL
        }
        .pack();
        assert_eq!(oracle_scores(&pack), [1.0], "{score}");
        let nothing = policy::find(&pack, "nothing").expect("a policy");
        for seed in 0..6 {
            let played = play(&nothing, &pack.tasks()[0], seed).expect("played").score;
            assert_eq!(played.to_bits(), 0, "{score}");
        }
    }
}

#[test]
fn rules_leave_no_gap_where_a_decision_does_not_count() {
    let parcels = Parcels {
        decisions: "{ box: { type: enum, values: [small, large], truth: { rules: boxes } }, \
                    wrap: { type: enum, values: [foam, paper], when: { box: large }, truth: { rules: boxes } }, \
                    colour: { type: enum, values: [white, brown], when: { wrap: paper }, truth: { rules: boxes } } }",
        items: "[{ id: p-1, fields: { note: a glass } }, { id: p-2, fields: { note: gold } }, { id: p-3, fields: { note: a book } }]",
        score: "{ mean: [{ name: b, grader: exact, field: box }, { name: w, grader: exact, field: wrap }, { name: c, grader: exact, field: colour }] }",
        ..USUAL
    };
    // The default decides a wrapping that does not count, and so nothing of its colour is missed.
    let text = parcels
        .text()
        .replace("then: { box: large } }", "then: { box: large, wrap: foam } }\n- { id: R-GOLD, when: { note: { contains: gold } }, then: { box: large, wrap: paper, colour: white } }")
        .replace("default: { box: small }", "default: { box: small, wrap: paper }");
    let report = prove(&source::from_texts("parcels", [("pack.yaml", text.as_str())])).report.render(false);
    assert!(!report.contains("CB605") && !report.contains("error"), "{report}");
    let pack = Arc::clone(&packs::catalog(&[("pack.yaml".to_owned(), text)]).packs()[0]);
    assert_eq!(oracle_scores(&pack), [1.0]);
}

#[test]
fn a_label_that_is_computed_agrees_with_the_number_that_rules_write() {
    let with = |decided: &str, label: &str| {
        let fields = "apiVersion: casebook/v1\nkind: Rules\nname: boxes\nrules:\n- { id: R-FEE, when: { note: { contains: iron } }, then: ";
        let text = Parcels {
            decisions: "{ fee: { type: number, truth: { rules: boxes } } }",
            items: &format!("[{{ id: p-1, fields: {{ note: iron }}, labels: {{ fee: \"{label}\" }} }}]"),
            score: "{ name: fee, grader: exact, field: fee }",
            ..USUAL
        }
        .text();
        let head = text.find("apiVersion: casebook/v1\nkind: Rules").expect("rules");
        let tail = text.find("apiVersion: casebook/v1\nkind: Inbox").expect("an inbox");
        let rules = format!("{fields}{{ fee: {decided} }} }}\ndefault: {{ fee: 0 }}\n---\n");
        let text = format!("{}{rules}{}", &text[..head], &text[tail..]);
        compile(&source::from_texts("parcels", [("pack.yaml", text.as_str())]), 1).report.render(false)
    };
    assert_eq!(with("86.4", "{{ 720 * 0.12 }}"), "");
    let differs = with("86.41", "{{ 720 * 0.12 }}");
    assert!(differs.contains("the rule `R-FEE` says `86.41`"), "{differs}");
}

#[test]
fn null_prints_nothing_in_what_episodes_and_policies_write() {
    let files = packs::desk_files_with("environment.yaml", "{{ item.id }} {{ decision.queue }}", "[{{ item.amount }}]");
    let files: Vec<(String, String)> = files
        .into_iter()
        .map(|(name, text)| (name, text.replace("about {{ item.title }}", "<{{ item.amount }}>")))
        .collect();
    let pack = Arc::clone(&packs::catalog(&files).packs()[0]);
    let policy = policy::find(&pack, "words").expect("the policy");
    let played = play(&policy, &pack.tasks()[0], 0).expect("played");
    assert!(played.actions[0].to_string().contains("Hello, <>:"), "{}", played.actions[0]);
    let mut episode = Episode::reset(&pack, &pack.tasks()[0], 0).expect("started");
    episode.step(&played.actions[0]).expect("a step");
    let mut seen = String::from("{");
    episode.write_observation(&mut seen);
    seen.push('}');
    let seen = serde_json::from_str::<Value>(&seen).expect("JSON")["log"].to_string();
    assert!(seen.contains("[]") && seen.contains("[250]") && !seen.contains("none"), "{seen}");
}

#[test]
fn what_varies_prints_as_it_was_written_and_counts_as_what_it_is() {
    let parcels = |vary: &'static str| Parcels {
        fields: "{ note: { type: text, template: true }, price: { type: number, template: true } }",
        decisions: "{ fee: { type: number }, way: { type: enum, values: [\"007\", \"7\"] } }",
        items: "[{ id: p-1, fields: { note: \"{{ vary.n.code }} at {{- vary.n.price }}, twice {{ vary.n.price * 2 }} {# {{ vary.n.code }} #}\", price: \"{{ vary.n.price }}\" }, labels: { fee: \"{{ vary.n.price }}\", way: \"{{ vary.n.code }}\" } }]",
        score: "{ name: fee, grader: exact, field: fee }",
        task: vary,
    };
    let written = parcels("{ n: { one_of: [{ code: 007, price: 1.50 }] } }").pack();
    let seen = shown(&written);
    assert_eq!(seen, [json!([{ "id": "p-1", "note": "007 at1.50, twice 3.0 ", "price": 1.5 }])]);
    let truth = truth_of(&Episode::reset(&written, &written.tasks()[0], 0).expect("a start")).expect("truth");
    let truth = serde_json::to_value(truth).expect("JSON")["items"][0]["decisions"].take();
    assert_eq!((&truth[0]["expected"], &truth[1]["expected"]), (&json!(1.5), &json!("007")));
    let plain = parcels("{ n: { one_of: [{ code: 7, price: 1.5 }] } }").pack();
    assert_eq!(shown(&plain)[0][0]["note"], json!("7 at1.5, twice 3.0 "));
    assert_ne!(written.digest(), plain.digest(), "their items print differently");
    let quoted = parcels("{ n: { one_of: [{ code: \"7\", price: 1.5 }] } }").pack();
    assert_ne!(quoted.digest(), plain.digest());
    let broken = parcels("{ n: { one_of: [{ code: 007 }] } }").report();
    assert!(broken.contains("`vary.n.price`") && !broken.contains("written"), "{broken}");
}
