//! What agents can read of what generators draw: hidden fields that are shown, and those that no text tells.

use casebook_compile::check::compile;
use casebook_syntax::source;

const PACK: &str = "apiVersion: casebook/v1
kind: Environment
name: kennel
version: 1.0.0
description: Dogs that look for a home.
item:
  noun: dog
  fields:
    tag: { type: text }
    about: { type: text }
    size: { type: enum, values: [small, large], visible: false, read_from: [about] }
    weight: { type: number, visible: false, read_from: [about], optional: true }
    chipped: { type: boolean, visible: false }
    visits: { type: list, of: { type: object, properties: { cost: { type: number }, place: { type: text } } } }
    paid: { type: number, derive: \"visits | sum(attribute='cost')\" }
decision:
  home: { type: enum, values: [flat, farm], truth: { rules: homes } }
  letter: { type: text }
  price: { type: number, unit: euros, truth: { value: 10 + visits | length * 5 }, description: What the home pays }
action:
  properties: { home: { decides: home }, letter: { decides: letter }, price: { decides: price } }
observation: { dogs: { items: pending } }
---
apiVersion: casebook/v1
kind: Rules
name: homes
rules: [{ id: H-LARGE, when: { size: large, chipped: true }, then: { home: farm } }]
default: { home: flat }
---
apiVersion: casebook/v1
kind: Rubric
name: fair
reward: { mode: improvement }
score: { grader: exact, field: home }
---
apiVersion: casebook/v1
kind: Task
name: dogs
difficulty: 1
split: train
max_steps: 5
inbox: { generate: dogs, items: { from: 3, to: 5 } }
instructions: Decide.
";

const MAKER: &str = "apiVersion: casebook/v1
kind: Generator
name: dogs
pools:
  towns: { entries: [{ name: Ulm, code: u }, { name: Bonn, code: b }, { name: Kiel, code: k }] }
slots:
  size: { pick: [small, large] }
  number: { integer: { from: 100, to: 999 } }
  weight: { number: { from: 4, to: 60, step: 0.5 }, when: { size: large } }
  town: { from: towns }
  chipped: { boolean: 50% }
  visits: { repeat: { from: 1, to: 3 }, of: { cost: { integer: { from: 5, to: 90 } }, place: { pick: [here, there] } } }
phrases:
  look:
    - { say: 'It sits on my lap', when: { size: small } }
    - { say: 'It fits in a bag', when: { size: small } }
    - { say: 'It is a pony', when: { size: large } }
    - { say: 'It cannot pass the door', when: { size: large } }
  scale:
    - { say: 'The scale shows {{ weight }}.', when: { weight: { exists: true } } }
    - { say: '', when: { weight: { exists: false } } }
fields:
  tag: 'K{{ number }}-{{ town.code }}'
  about: '{{ phrase.look }} in {{ town.name }}. {{ phrase.scale }}'
  size: { slot: size }
  weight: { slot: weight }
  chipped: { slot: chipped }
  visits: { slot: visits }
labels:
  letter: { keywords: [\"{{ 'farm' if truth.home == 'farm' else '' }}\"], reference: 'Dear {{ town.name }}, {{ truth.home }}.' }
";

fn findings(pack: &str, maker: &str) -> String {
    let compiled = compile(&source::from_texts("kennel", [("pack.yaml", pack), ("maker.yaml", maker)]), 1);
    compiled.report.render(false)
}

/// What is found after a change of one of the two files.
fn changed(from: &str, to: &str) -> String {
    let (pack, maker) = (PACK.replacen(from, to, 1), MAKER.replacen(from, to, 1));
    assert!(pack != PACK || maker != MAKER, "{from}");
    findings(&pack, &maker)
}

fn finds(from: &str, to: &str, expected: &[&str]) {
    let found = changed(from, to);
    for part in expected {
        assert!(found.contains(part), "{from} -> {to}: {part}\n{found}");
    }
    let count = found.matches("warning[").count() + found.matches("error[").count();
    // What a change leaves unread is a finding of its own.
    let unread =
        found.matches("warning[CB508]").count() * usize::from(!expected.iter().any(|part| part.contains("CB508")));
    assert!(count - unread <= expected.len().max(1), "{from} -> {to}: {count} findings\n{found}");
}

/// What is found where the visible tag reads a slot more.
fn worded(slot: &str) -> String {
    let maker = MAKER.replacen("phrases:", &format!("  word: {slot}\nphrases:"), 1);
    findings(PACK, &maker.replacen("K{{ number }}", "{{ word }}{{ number }}", 1))
}

fn finds_nothing(from: &str, to: &str) {
    assert_eq!(changed(from, to), "", "{from} -> {to}");
}

#[test]
fn the_pack_is_clean() {
    assert_eq!(findings(PACK, MAKER), "");
}

#[test]
fn a_hidden_field_that_a_visible_one_shows_is_named() {
    let leaks = "error[CB405]: the visible field `paid` is computed from the hidden field `chipped`";
    finds("visits | sum(attribute='cost')", "1 if chipped else 0", &[leaks]);
    finds("visits | sum(attribute='cost')", "weight | default(0)", &["is computed from the hidden field `weight`"]);
    let shows = "warning[CB518]: the visible field `tag` shows the hidden field `size`: it reads the slot `size`";
    finds("K{{ number }}", "{{ size }}{{ number }}", &[shows]);
    finds("tag: 'K{{ number }}-{{ town.code }}'", "tag: '{{ size }}'", &[shows]);
    finds("tag: 'K{{ number }}-{{ town.code }}'", "tag: { slot: size }", &[shows]);
    // Through a phrase, at the text that reads it, and through what is computed of nothing else.
    finds("It is a pony'", "It is a pony, {{ chipped }}'", &["shows the hidden field `chipped`", "It is a pony"]);
    let computed = "  word: { compute: \"'big' if size == 'large' else 'tiny'\" }\nphrases:";
    let maker = MAKER.replacen("phrases:", computed, 1).replacen("K{{ number }}", "{{ word }}{{ number }}", 1);
    assert!(findings(PACK, &maker).contains("it reads the slot `word`"), "{}", findings(PACK, &maker));
    // Whether a slot is drawn shows what its condition asks, where the value without it is none of those with it.
    for slot in [
        "{ pick: [big], when: { size: large }, else: tiny }",
        "{ pick: { big: 1, huge: 2 }, when: { size: large } }",
        "{ integer: { from: 1, to: 9 }, when: { size: { in: [large] } } }",
        "{ compute: \"'big'\", when: { not: { size: small } }, else: tiny }",
    ] {
        assert!(worded(slot).contains("it reads the slot `word`"), "{slot}: {}", worded(slot));
    }
    for slot in [
        "{ pick: [big, tiny], when: { size: large }, else: tiny }",
        "{ pick: [big], when: { size: large, chipped: true }, else: tiny }",
    ] {
        assert!(!worded(slot).contains("CB518"), "{slot}: {}", worded(slot));
    }
    // An `enum` that agents are to conclude from a text is not printed in it.
    let printed = "warning[CB518]: the text gives the hidden field `size` word for word";
    finds("in {{ town.name }}", "in {{ town.name }} ({{ size }})", &[printed]);
}

#[test]
fn what_is_meant_to_be_read_is_no_leak() {
    // Where `read_from` names the visible field it is meant.
    let pack = PACK.replacen("visits | sum(attribute='cost')", "1 if chipped else 0", 1);
    let pack = pack.replacen(
        "chipped: { type: boolean, visible: false }",
        "chipped: { type: boolean, visible: false, read_from: [paid] }",
        1,
    );
    assert_eq!(findings(&pack, MAKER), "");
    let pack = PACK.replacen("read_from: [about] }\n    weight", "read_from: [about, tag] }\n    weight", 1);
    assert_eq!(
        findings(&pack, &MAKER.replacen("K{{ number }}-{{ town.code }}", "{{ size | upper }}{{ number }}", 1)),
        ""
    );
    // A text about the slot may print it; another part of an entry is not the hidden one.
    finds_nothing("It is a pony'", "It is a {{ size }} pony'");
    finds_nothing("  chipped: { slot: chipped }\n", "  chipped: \"{{ town.code == 'u' or chipped }}\"\n");
    // A hidden derived field may read what is hidden.
    finds_nothing(
        "paid: { type: number, derive",
        "sum: { type: number, visible: false, derive: 1 if chipped else 0 }\n    paid: { type: number, derive",
    );
}

#[test]
fn a_field_that_no_text_tells_is_named() {
    let nothing = "warning[CB519]: agents are to read `size` from `about`, and nothing in it depends on `size`";
    let maker = MAKER.replacen("{{ phrase.look }} in", "A dog in", 1).replacen("{{ phrase.scale }}", "", 1);
    let found = findings(PACK, &maker);
    assert!(found.contains(nothing), "{found}");
    assert!(
        found.contains("agents are to read `weight` from `about`, and nothing in it depends on `weight`"),
        "{found}"
    );
    assert!(found.contains("warning[CB508]: nothing uses the phrase `look`"), "{found}");
    let open = "warning[CB519]: agents are to read `size` from `about`, and some texts leave it open: `A nice dog` (of `look`)";
    finds("  look:\n", "  look:\n    - A nice dog\n", &[open]);
    finds(
        "'It is a pony', when: { size: large }",
        "'It is a pony', when: { chipped: true }",
        &["`It is a pony` (of `look`)"],
    );
    let both = "leave it open: `It is a pony` (of `look`, which stands for several values)\n";
    finds("It fits in a bag", "It is a pony", &[both]);
    // A condition that every value meets asks for none, and neither does one that something else may meet.
    for when in [
        "{ size: [small, large] }",
        "{ size: { in: [large, small] } }",
        "{ any: [{ size: large }, { chipped: true }] }",
    ] {
        finds(
            "'It is a pony', when: { size: large }",
            &format!("'It is a pony', when: {when}"),
            &["leave it open: `It is a pony`"],
        );
    }
    finds_nothing(
        "'It is a pony', when: { size: large }",
        "'It is a pony', when: { all: [{ size: large }, { chipped: true }] }",
    );
}

#[test]
fn what_tells_in_another_way_is_enough() {
    // A second phrase, a template with a condition, a slot that is computed of it, a condition on another slot that settles it.
    finds_nothing(
        "  scale:\n",
        "  extra: [{ say: Big!, when: { size: large } }, { say: '', when: { size: small } }]\n  scale:\n    - { say: '{{ phrase.extra }}', when: { weight: { exists: true } }, weight: 0 }\n",
    );
    finds_nothing(
        "{{ phrase.look }} in",
        "{% if size == \"large\" %}A giant{% else %}A midget{% endif %}, {{ phrase.look }} in",
    );
    let maker =
        MAKER.replacen("phrases:", "  word: { compute: \"{'small': 'tiny', 'large': 'huge'}[size]\" }\nphrases:", 1);
    let maker = maker.replacen("  look:\n", "  look:\n    - 'It is {{ word }}'\n", 1);
    assert_eq!(findings(PACK, &maker), "");
    finds_nothing("when: { weight: { exists: false } }", "when: { size: small }");
}

#[test]
fn what_nothing_reads_is_named() {
    finds("slots:\n", "slots:\n  spare: { pick: [a, b] }\n", &["warning[CB508]: nothing uses the slot `spare`"]);
    finds("phrases:\n", "phrases:\n  spare: [a, b]\n", &["warning[CB508]: nothing uses the phrase `spare`"]);
    finds("pools:\n", "pools:\n  spare: { entries: [a, b] }\n", &["warning[CB508]: nothing uses the pool `spare`"]);
    // What only one level reads is read.
    let levels = "levels: { hard: { phrases: { scale: ['{{ spare }} {{ weight | default(0) }}'] } } }\nlabels:";
    let maker = MAKER.replacen("slots:\n", "slots:\n  spare: { pick: [a, b] }\n", 1).replacen("labels:", levels, 1);
    assert!(!findings(PACK, &maker).contains("spare"), "{}", findings(PACK, &maker));
}

#[test]
fn a_misspelt_value_of_a_slot_is_reported_once_at_the_slot() {
    let found = "error[CB401]: `lagre` is not a value of the field `size`, which this slot fills";
    finds("pick: [small, large]", "pick: [small, lagre]", &[found, "did you mean `large`?"]);
    finds("pick: [small, large]", "pick: { small: 3, lagre: 1 }", &[found]);
    // One that is never picked hurts nobody.
    assert!(!changed("pick: [small, large]", "pick: { small: 3, large: 1, lagre: 0 }").contains("CB401"));
}

#[test]
fn names_that_filters_and_defaults_would_swallow_are_found() {
    let found = "error[CB404]: the expression reads `cots` of the entries of `visits`, which have no such property";
    finds("attribute='cost'", "attribute='cots'", &[found, "did you mean `cost`?"]);
    finds(
        "visits | sum(attribute='cost')",
        "visits | selectattr('plaice', 'eq', 'here') | sum(attribute='cost')",
        &["reads `plaice`"],
    );
    finds_nothing(
        "visits | sum(attribute='cost')",
        "visits | selectattr('place', 'eq', 'here') | map(attribute='cost') | sum",
    );
    let maker = MAKER.replacen("phrases:", "  total: { compute: \"visits | sum(attribute='csot')\" }\nphrases:", 1);
    let maker = maker.replacen("K{{ number }}", "K{{ total }}{{ number }}", 1);
    assert!(findings(PACK, &maker).contains("reads `csot` of the entries of `visits`"), "{}", findings(PACK, &maker));
    finds("{{ truth.home }}.", "{{ truth.hme | default }}.", &["the template reads `truth.hme`, which does not exist"]);
    finds("{{ town.code }}", "{{ town.cod | default }}", &["the template reads `town.cod`, which does not exist"]);
}

#[test]
fn a_task_that_ends_before_its_largest_draw_is_decided_is_named() {
    let found = "warning[CB513]: the task has up to 5 items, and 4 of them at most can be decided";
    finds("max_steps: 5", "max_steps: 4", &[found]);
    finds_nothing("to: 5 } }", "to: 4 } }");
}

#[test]
fn a_split_without_a_meaning_is_told_what_it_draws() {
    finds(
        "split: train",
        "split: tests",
        &["warning[CB513]: the name `tests` has no meaning of its own", "did you mean `test`?"],
    );
    finds_nothing("split: train", "split: pilot");
    let maker = MAKER.to_owned() + "hold_out: { towns: 40% }\n";
    let found = findings(&PACK.replacen("split: train", "split: pilot", 1), &maker);
    assert!(found.contains("so it draws what `hold_out` of `dogs` leaves for training"), "{found}");
    let pack = PACK.replacen("split: train", "split: pilot", 1).replacen(
        "name: kennel",
        "name: kennel\nsplits: { pilot: validation }",
        1,
    );
    assert_eq!(findings(&pack, &maker), "");
}

#[test]
fn what_a_split_cannot_draw_is_named() {
    let held = MAKER.to_owned() + "hold_out: { size: 50% }\n";
    let mix = |value: &str| {
        let inbox = format!("items: {{ from: 3, to: 5 }}, mix: {{ size: {{ {value}: 1 }} }} }}");
        findings(&PACK.replacen("items: { from: 3, to: 5 } }", &inbox, 1), &held)
    };
    let refused: Vec<bool> =
        ["small", "large"].iter().map(|value| mix(value).contains("no value of `size` that the mix names")).collect();
    assert!(refused == [true, false] || refused == [false, true], "{refused:?}: one of the two is held out");
    let drawn = MAKER.replacen("code: k }] }", "code: k }], draw: 3 }", 1) + "hold_out: { towns: 40% }\n";
    let found = findings(PACK, &drawn);
    assert!(found.contains("an episode is to use 3 entries, and `hold_out` leaves"), "{found}");
}

#[test]
fn a_level_may_draw_fewer_values_than_its_texts_ask_for() {
    let level = |slots: &str| findings(PACK, &format!("{MAKER}levels:\n  hard: {{ slots: {{ {slots} }} }}\n"));
    assert_eq!(level("size: { pick: [large] }"), "");
    // What fails there alone names the level.
    let found = level("size: { integer: { from: 1, to: 3 } }");
    assert!(found.contains("at the level `hard`"), "{found}");
}
