//! Two small packs: `desk` tells its rewards apart and has a baseline, `parcels` does neither.

use std::{fs, path::Path};

use tempfile::TempDir;

const DESK: &str = "
apiVersion: casebook/v1
kind: Environment
name: desk
version: 1.2.0
title: Ticket desk
description: Answer questions and close the rest.
item:
  noun: ticket
  fields:
    subject: { type: text }
    topic: { type: enum, values: [question, advert] }
decision:
  action: { type: enum, values: [answer, close], truth: { rules: routing } }
action:
  shape: single
  properties:
    action: { decides: action, required: true }
    ticket: { item: true, default: current, unknown: refuse }
    note: { type: text }
observation:
  open: { ids: pending }
  current: { item: current }
  step_count: { counter: steps }
  instructions: { text: instructions }
baseline: closer
---
apiVersion: casebook/v1
kind: Rules
name: routing
rules:
  - id: R-ASK
    when: { topic: question }
    then: { action: answer }
    because: People who ask want an answer.
default: { action: close }
---
apiVersion: casebook/v1
kind: Rubric
name: desk
reward:
  mode: sum
  explain: step
  sum:
    - { name: quality, grader: matrix, field: action, correct: 1, default: -0.5 }
score:
  weighted_sum:
    - { name: right, weight: 1, grader: exact, field: action }
---
apiVersion: casebook/v1
kind: Inbox
name: morning
items:
  - { id: t-1, fields: { subject: Where is my order?, topic: question } }
  - { id: t-2, fields: { subject: Cheap carpets, topic: advert } }
---
apiVersion: casebook/v1
kind: Inbox
name: evening
items:
  - { id: t-3, fields: { subject: Can I pay later?, topic: question } }
  - { id: t-4, fields: { subject: Win a boat, topic: advert } }
  - { id: t-5, fields: { subject: Lamps for less, topic: advert } }
---
apiVersion: casebook/v1
kind: Task
name: calm
title: A calm morning
difficulty: 1
split: train
inbox: morning
max_steps: 5
instructions: \"{{ rules.routing.policy }}\"
---
apiVersion: casebook/v1
kind: Task
name: busy
title: A busy evening
difficulty: 2
split: test
inbox: evening
max_steps: 5
instructions: \"{{ rules.routing.policy }}\"
---
apiVersion: casebook/v1
kind: Policy
name: closer
default: { action: close }
";

const PARCELS: &str = "
apiVersion: casebook/v1
kind: Environment
name: parcels
version: 0.1.0
title: Parcel room
description: Send parcels on their way.
item:
  noun: parcel
  fields:
    weight: { type: number }
decision:
  route: { type: enum, values: [air, sea], truth: { rules: weight } }
action:
  shape: single
  properties:
    route: { decides: route, required: true }
observation:
  current: { item: current }
---
apiVersion: casebook/v1
kind: Rules
name: weight
rules:
  - { id: R-HEAVY, when: { weight: { gte: 10 } }, then: { route: sea }, because: Planes are small. }
default: { route: air }
---
apiVersion: casebook/v1
kind: Rubric
name: room
reward:
  mode: sum
  explain: never
  sum:
    - { name: quality, grader: matrix, field: route, correct: 1, default: 0 }
score:
  weighted_sum:
    - { name: right, weight: 1, grader: exact, field: route }
---
apiVersion: casebook/v1
kind: Inbox
name: shelf
items:
  - { id: p-1, fields: { weight: 3 } }
---
apiVersion: casebook/v1
kind: Task
name: shelf
title: One shelf
difficulty: 1
split: train
inbox: shelf
max_steps: 3
instructions: Route it.
";

/// Writes both packs into a folder of their own.
pub(crate) fn write() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    write_pack(folder.path(), "desk", DESK);
    write_pack(folder.path(), "parcels", PARCELS);
    fs::write(folder.path().join("desk/README.md"), "# The desk\n").expect("a file");
    folder
}

/// The text of the first pack, with a part of it replaced.
pub(crate) fn desk_with(old: &str, new: &str) -> String {
    assert!(DESK.contains(old), "{old}");
    DESK.replace(old, new)
}

/// Where the first pack's text stands.
pub(crate) fn desk_file(folder: &Path) -> std::path::PathBuf {
    folder.join("desk").join("pack.yaml")
}

/// Writes a pack of one file.
pub(crate) fn write_pack(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join(name)).expect("a folder");
    fs::write(folder.join(name).join("pack.yaml"), text).expect("a file");
}
