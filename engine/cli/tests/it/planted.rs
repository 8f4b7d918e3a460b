//! Defects that are planted into packs, each found by the audit at its file and line.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::{
    audit::{about, pack},
    shell::{casebook, code, copy, edit, root, stderr, stdout, succeeds},
};

/// A file, a text of it, and what takes its place.
type Edit = (&'static str, &'static str, &'static str);

/// What is planted, where, the check that finds it, and how the finding begins or what it holds.
type Planted = (&'static str, &'static [Edit], &'static str, &'static str);

const LEAKAGE: &str = "semantic.no_solution_leakage";

/// Defects of the pack that `casebook new desk` writes.
const DESK: &[Planted] = &[
    (
        "nobody is right any more",
        &[("rubric.yaml", "weight: 0.1, grader: completion", "weight: 0.1, grader: expression, value: \"0\"")],
        "semantic.oracle_max",
        "scenarios/desk/rubric.yaml:24 desk/desk-monday seed 0: what is right scores 0.9000; expected at least 0.95",
    ),
    (
        "credit for nothing",
        &[("rubric.yaml", "weight: 0.7, grader: exact, field: queue", "weight: 0.7, grader: expression, value: 1")],
        "semantic.canary_floor",
        "scenarios/desk/test.yaml:25 desk/desk-monday: `nothing` plays desk-monday: 0.7000, should be 0",
    ),
    (
        "a mistake that costs nothing",
        &[
            ("rubric.yaml", "weight: 0.7, grader: exact, field: queue", "weight: 0.7, grader: completion"),
            (
                "rubric.yaml",
                "weight: 0.2, grader: keywords, field: reply, limits: { words: 6, density: 0.5 }",
                "weight: 0.2, grader: completion",
            ),
        ],
        "statistical.difficulty_separation",
        "scenarios/desk/rubric.yaml:21 desk/desk-monday seed 0: a wrong decision about the first item costs nothing: 1.0000",
    ),
    (
        "ids that tell",
        &[
            ("inbox.yaml", "id: t-101", "id: t-answer-1"),
            ("inbox.yaml", "id: t-102", "id: t-refund-2"),
            (
                "inbox.yaml",
                "  - id: t-103",
                "  - id: t-answer-4\n    fields: { subject: Where is my invoice, body: I cannot find it., sender: ada@customer.example, plan: free }\n  - id: t-security-3",
            ),
        ],
        "semantic.no_solution_leakage",
        "desk/desk-monday: the ids of the items say which `queue` is right",
    ),
    (
        "a description that holds a model answer",
        &[(
            "task.yaml",
            "description: Three tickets.",
            "description: Hello Ines, you find the export in your settings, under data. It makes a spreadsheet of everything.",
        )],
        "semantic.no_solution_leakage",
        "the task's description holds the reference of `reply` of `t-101`; expected nothing that only the grader knows",
    ),
    (
        "an observation that holds a hidden text",
        &[
            (
                "environment.yaml",
                "    plan: { type",
                "    note: { type: text, visible: false, optional: true }\n    plan: { type",
            ),
            ("inbox.yaml", "      plan: free", "      plan: free\n      note: The holder called before"),
            ("task.yaml", "instructions: |", "instructions: |\n  The holder called before.\n"),
        ],
        "semantic.no_solution_leakage",
        "the observation holds the hidden `note` of `t-103`; expected nothing that only the grader knows",
    ),
    (
        "a list of keywords that is as good as a reply",
        &[(
            "rubric.yaml",
            "weight: 0.2, grader: keywords, field: reply, limits: { words: 6, density: 0.5 }",
            "weight: 0.2, grader: keywords, field: reply",
        )],
        "statistical.adversarial_floor",
        "scenarios/desk/rubric.yaml:21 desk/desk-monday: `keywords` scores as much as the oracle: 1.000 \u{b1} 0.000; expected less",
    ),
    (
        "the answers in a part of the observation that nobody needs",
        &[(
            "environment.yaml",
            "  instructions: { text: instructions }",
            "  instructions: { text: instructions }\n  hint: { template: \"t-101: answer, t-102: refund, t-103: security\" }",
        )],
        LEAKAGE,
        "the observation, apart from items and instructions, says which `queue` is right for `t-10",
    ),
    (
        "the answers in the instructions, by subject",
        &[(
            "task.yaml",
            "instructions: |",
            "instructions: |\n  Charged twice -> refund; Somebody signed in to my account -> security.\n",
        )],
        LEAKAGE,
        "the instruction text says which `queue` is right for `t-10",
    ),
    (
        "the answers in the instructions, by value",
        &[
            (
                "task.yaml",
                "instructions: |",
                "instructions: |\n  refund: t-102, t-104; answer: t-101; security: t-103.\n",
            ),
            (
                "inbox.yaml",
                "  - id: t-103",
                "  - id: t-104\n    fields: { subject: Twice, body: I was charged twice for one month., sender: ada@customer.example, plan: paid, amount: 20 }\n  - id: t-103",
            ),
        ],
        LEAKAGE,
        "the instruction text lists items by the right `queue`",
    ),
    (
        "a model answer in the environment's description",
        &[(
            "environment.yaml",
            "Send it to the queue that can solve it.",
            "Write - Hello Ines, you find the export in your settings, under data; it makes a spreadsheet of everything!",
        )],
        LEAKAGE,
        "scenarios/desk/environment.yaml:7 desk/desk-monday: the environment's description holds the reference of `reply` of `t-101`",
    ),
    (
        "a model answer in the description of a decision",
        &[(
            "environment.yaml",
            "The queue that gets the ticket.",
            "The queue. Hello Ines, you find the export in your settings, under data. It makes a spreadsheet of everything.",
        )],
        LEAKAGE,
        "scenarios/desk/environment.yaml:23 desk/desk-monday: the description of `queue` in the schema of the actions holds the reference of `reply` of `t-101`",
    ),
    (
        "a model answer in the description of the reply",
        &[(
            "environment.yaml",
            "The reply to the customer; counts only with `answer`.",
            "Such as - you find the export in your SETTINGS, under data. It makes a spreadsheet of everything.",
        )],
        LEAKAGE,
        "scenarios/desk/environment.yaml:27 desk/desk-monday: the description of `reply` in the schema of the actions holds the reference of `reply` of `t-101`",
    ),
    (
        "a model answer, half of it in the title and half in the instructions",
        &[
            ("task.yaml", "title: Monday morning", "title: Hello Ines, you find the export in your settings"),
            ("task.yaml", "instructions: |", "instructions: |\n  Under data. It makes a spreadsheet of everything.\n"),
        ],
        LEAKAGE,
        "scenarios/desk/task.yaml:5 desk/desk-monday: what the task and the environment say, taken together, holds the reference of `reply` of `t-101`",
    ),
    (
        "every keyword in the description of the reply",
        &[
            ("inbox.yaml", "keywords: [export, settings]", "keywords: [export, settings, spreadsheet]"),
            (
                "environment.yaml",
                "The reply to the customer; counts only with `answer`.",
                "The reply; speak of spreadsheet, export and settings.",
            ),
        ],
        LEAKAGE,
        "scenarios/desk/environment.yaml:27 desk/desk-monday: the description of `reply` in the schema of the actions names every keyword of `reply` of `t-101`",
    ),
    (
        "the model answer of an item in another one",
        &[(
            "inbox.yaml",
            "This month was taken from my card two times.",
            "My card. You find the export in your settings, under data. It makes a spreadsheet of everything.",
        )],
        LEAKAGE,
        "scenarios/desk/inbox.yaml:19 desk/desk-monday: `body` of `t-102` holds the reference of `reply` of `t-101`",
    ),
    (
        "the model answer of an item in itself",
        &[(
            "inbox.yaml",
            "I would like to have everything as a spreadsheet.",
            "(Hello Ines, you find the export in your settings, under data. It makes a spreadsheet of everything.)",
        )],
        LEAKAGE,
        "scenarios/desk/inbox.yaml:9 desk/desk-monday: `body` of `t-101` holds the reference of `reply` of its own",
    ),
    (
        "an answer by id in the task's description",
        &[("task.yaml", "description: Three tickets.", "description: Three tickets; t-102 is for refund.")],
        LEAKAGE,
        "scenarios/desk/task.yaml:6 desk/desk-monday: the task's description says which `queue` is right for `t-102`",
    ),
    (
        "an answer by subject in the task's title",
        &[("task.yaml", "title: Monday morning", "title: \"Charged twice: refund\"")],
        LEAKAGE,
        "scenarios/desk/task.yaml:5 desk/desk-monday: the task's title says which `queue` is right for `t-102`",
    ),
    (
        "an answer by id in the instructions",
        &[("task.yaml", "instructions: |", "instructions: |\n  Begin with t-103 (security).\n")],
        LEAKAGE,
        "scenarios/desk/task.yaml:13 desk/desk-monday: the instruction text says which `queue` is right for `t-103`",
    ),
    (
        "an answer by id in the description of a decision",
        &[("environment.yaml", "The queue that gets the ticket.", "The queue; of t-101 answer.")],
        LEAKAGE,
        "scenarios/desk/environment.yaml:23 desk/desk-monday: the description of `queue` in the schema of the actions says which `queue` is right for `t-101`",
    ),
    (
        "all answers in a row",
        &[
            FOURTH,
            ("task.yaml", "description: Three tickets.", "description: Answer, refund, security, answer."),
            ("task.yaml", "order: shuffled\n", ""),
        ],
        LEAKAGE,
        "scenarios/desk/task.yaml:6 desk/desk-monday: the task's description lists the right `queue` of the items in their order",
    ),
    (
        "an answer that every body says behind the same word",
        &[
            FOURTH,
            ("inbox.yaml", "as a spreadsheet.", "as a spreadsheet. (queue answer)"),
            ("inbox.yaml", "card two times.", "card two times. (queue refund)"),
            ("inbox.yaml", "have never been.", "have never been. (queue security)"),
            ("inbox.yaml", "cannot find it.", "cannot find it. (queue answer)"),
        ],
        LEAKAGE,
        "scenarios/desk/inbox.yaml:9 desk/desk-monday: `body` of the items says which `queue` is right, as in `queue answer`",
    ),
    (
        "a hidden text in other signs",
        &[
            (
                "environment.yaml",
                "    plan: { type",
                "    note: { type: text, visible: false, optional: true }\n    plan: { type",
            ),
            ("inbox.yaml", "      plan: free", "      plan: free\n      note: \"The holder called: before noon\""),
            ("task.yaml", "description: Three tickets.", "description: Once the holder called, before noon."),
        ],
        LEAKAGE,
        "scenarios/desk/task.yaml:6 desk/desk-monday: the task's description holds the hidden `note` of `t-103`",
    ),
    (
        "a visible field that always is the answer",
        &[
            FOURTH,
            (
                "environment.yaml",
                "values: [free, paid] }",
                "values: [free, paid] }\n    lane: { type: text, optional: true }",
            ),
            ("inbox.yaml", "sender: ines@customer.example", "lane: answer\n      sender: ines@customer.example"),
            ("inbox.yaml", "sender: omar@customer.example", "lane: refund\n      sender: omar@customer.example"),
            ("inbox.yaml", "sender: lena@customer.example", "lane: security\n      sender: lena@customer.example"),
            ("inbox.yaml", "sender: ada@customer.example", "lane: answer, sender: ada@customer.example"),
        ],
        LEAKAGE,
        "scenarios/desk/environment.yaml:16 desk/desk-monday: the visible field `lane` always is the right `queue`",
    ),
];

/// Defects of that pack that are no leak of an answer.
const TWICE: &[Planted] = &[
    (
        "test items that training has",
        &[(
            "task.yaml",
            "max_steps: 6\n",
            "max_steps: 6\ninstructions: Decide.\n---\napiVersion: casebook/v1\nkind: Task\nname: later\nextends: desk-monday\nsplit: test\n",
        )],
        LEAKAGE,
        "scenarios/desk/task.yaml:15 desk/later: 3 of 3 items of the split `test` are items of the task `desk-monday`, which is for training",
    ),
    (
        "the same task twice in a group",
        &[(
            "task.yaml",
            "max_steps: 6\n",
            "max_steps: 6\ngroup: week\ninstructions: Decide.\n---\napiVersion: casebook/v1\nkind: Task\nname: again\nextends: desk-monday\ninstructions: Decide.\n---\napiVersion: casebook/v1\nkind: Task\nname: other\nextends: desk-monday\n",
        )],
        "statistical.training_signal",
        "it is the same episode as `",
    ),
    (
        "a keyword that every text has",
        &[("inbox.yaml", "keywords: [export, settings]", "keywords: [the, settings]")],
        "statistical.adversarial_floor",
        "scenarios/desk/inbox.yaml:14 desk/desk-monday: the keyword `the` of `reply` of `t-101` is a word that nearly every text has",
    ),
    (
        "a keyword that no text can have",
        &[("inbox.yaml", "keywords: [export, settings]", "keywords: [\"...\", settings]")],
        "statistical.adversarial_floor",
        "desk/desk-monday: the keyword `...` of `reply` of `t-101` has no word, so that no text can hold it",
    ),
    (
        "a reward that pays for what is wrong",
        &[(
            "rubric.yaml",
            "correct: 0.5,\n        default: -0.2,\n        cells: { security: { answer: -1 } },",
            "correct: 0.1, default: 0.5,",
        )],
        "statistical.gameability_gap",
        "such pairs); expected returns in the order of scores",
    ),
];

/// Hints about replies that contradict the keywords of an item.
const HINTS: &[Planted] = &[
    (
        "a description that forbids a keyword",
        &[(
            "environment.yaml",
            "The reply to the customer; counts",
            "The reply to the customer; do not mention the export. It counts",
        )],
        SIGNAL,
        "scenarios/desk/environment.yaml:27 desk/desk-monday: the description of `reply` says not to write `export`, which is a keyword of `reply` of `t-101`",
    ),
    (
        "instructions that forbid a keyword",
        &[("task.yaml", "instructions: |", "instructions: |\n  Reply without naming settings.\n")],
        SIGNAL,
        "scenarios/desk/task.yaml:13 desk/desk-monday: the instruction text says not to write `settings`, which is a keyword of `reply` of `t-101`",
    ),
    (
        "a rule whose reason, which the instructions hold, forbids a keyword",
        &[
            ("rules.yaml", "default: { queue: answer }", "default: { queue: refund }"),
            (
                "rules.yaml",
                "  - id: R-MONEY",
                "  - id: R-DATA\n    when: { subject: { contains: export } }\n    then: { queue: answer }\n    because: Never mention settings before they ask.\n  - id: R-MONEY",
            ),
        ],
        SIGNAL,
        "scenarios/desk/rules.yaml:15 desk/desk-monday: the instruction text says not to write `settings`, which is a keyword of `reply` of `t-101`",
    ),
    (
        "an item that asks for the keyword of another one",
        &[
            (
                "inbox.yaml",
                "  - id: t-103",
                "  - id: t-104\n    fields: { subject: Where is my invoice, body: I cannot find it., sender: ada@customer.example, plan: free }\n    labels: { reply: { keywords: [invoice, letter], reference: \"Hello Ada, we send your invoice in a letter on Monday.\" } }\n  - id: t-103",
            ),
            ("inbox.yaml", "as a spreadsheet.", "as a spreadsheet. Please mention the invoice."),
        ],
        SIGNAL,
        "scenarios/desk/inbox.yaml:9 desk/desk-monday: `body` of `t-101` asks for `invoice`, which is a keyword of other items and none of `reply` of `t-101`",
    ),
];

/// A fourth ticket, so that answers are more than chance.
const FOURTH: Edit = (
    "inbox.yaml",
    "  - id: t-103",
    "  - id: t-104\n    fields: { subject: Where is my invoice, body: I cannot find it., sender: ada@customer.example, plan: free }\n  - id: t-103",
);

const SIGNAL: &str = "statistical.training_signal";
const CANARY: &str = "semantic.canary_floor";

/// Defects of the pack that `casebook new desk --template batch` writes, whose items may be decided again.
const BATCH: &[Planted] = &[
    (
        "a reward that going back and forth raises",
        &[("rubric.yaml", "mode: best_so_far", "sum: [{ name: paid, grader: matrix, field: level, correct: 0.5 }]")],
        CANARY,
        "scenarios/desk/rubric.yaml:7 desk/desk-night: `pump` plays desk-night: a return of 3.0000, should be at most 2.0000, what the oracle earns",
    ),
    (
        "steps enough to climb a score that rewards show",
        &[ONLY_LEVELS, LAST, ("task.yaml", "max_steps: 3", "max_steps: 30")],
        CANARY,
        "scenarios/desk/rubric.yaml:11 desk/desk-night: `hill_climber` plays desk-night: 1.0000, should be at most 0.9",
    ),
    (
        "an order that is the right one",
        &[ONLY_ORDER, RANKED],
        CANARY,
        "scenarios/desk/rubric.yaml:11 desk/desk-night: `first_listed` plays desk-night: 1.0000, should be at most 0.9",
    ),
    (
        "the longest first",
        &[
            ONLY_ORDER,
            ("inbox.yaml", "title: Sign-in is slow", "title: Sign-in is slow for most of those who come in the night"),
            (
                "inbox.yaml",
                "title: Checkout answers with errors",
                "title: Checkout answers with errors to everybody who has something in the basket",
            ),
            ("inbox.yaml", "title: Nightly report is late", "title: Nightly report is late again this night"),
        ],
        CANARY,
        "scenarios/desk/rubric.yaml:11 desk/desk-night: `longest` plays desk-night: 1.0000, should be at most 0.9",
    ),
    (
        "test tasks over the items of training",
        &[(
            "task.yaml",
            "max_steps: 3\n",
            "max_steps: 3\ninstructions: Decide.\n---\napiVersion: casebook/v1\nkind: Task\nname: later\nextends: desk-night\nsplit: test\ninstructions: Decide.\n---\napiVersion: casebook/v1\nkind: Task\nname: desk-other\nextends: desk-night\n",
        )],
        CANARY,
        "scenarios/desk/rubric.yaml:11 desk/later: `memoriser` plays later: 1.0000, should be at most 0.9",
    ),
    (
        "a probe that a test lets score more, for no reason",
        &[
            ONLY_LEVELS,
            LAST,
            ("task.yaml", "max_steps: 3", "max_steps: 30"),
            ("test.yaml", "  nothing: 0", "  nothing: 0\n  hill_climber: { lte: 1 }"),
        ],
        CANARY,
        "scenarios/desk/test.yaml:24 desk/desk-night: `hill_climber` plays desk-night: 1.0000, should be at most 0.9",
    ),
];

const ONLY_LEVELS: Edit =
    ("rubric.yaml", "weight: 0.4, grader: rank_correlation, field: order", "weight: 0.4, grader: exact, field: level");
/// The last alert ends the episode, so that it cannot be tried.
const LAST: Edit = ("inbox.yaml", "{ level: page, order: 2 }", "{ level: ignore, order: 2 }");
const ONLY_ORDER: Edit = (
    "rubric.yaml",
    "weight: 0.6,\n        grader: near,\n        field: level,\n        partial: { page: { ticket: 0.4 }, ticket: { page: 0.4, ignore: 0.2 } },",
    "weight: 0.6, grader: rank_correlation, field: order,",
);
const RANKED: Edit = (
    "inbox.yaml",
    "{ level: ticket, order: 3 }\n  - id: a-2\n    fields: { title: Checkout answers with errors, service: checkout, errors_per_minute: 240 }\n    labels: { level: page, order: 1 }\n  - id: a-3\n    fields: { title: Disk of a test machine is full, service: sandbox, errors_per_minute: 2 }\n    labels: { level: ignore, order: 4 }\n  - id: a-4\n    fields: { title: Sign-in is slow, service: accounts, errors_per_minute: 35 }\n    labels: { level: page, order: 2 }",
    "{ level: ticket, order: 1 }\n  - id: a-2\n    fields: { title: Checkout answers with errors, service: checkout, errors_per_minute: 240 }\n    labels: { level: page, order: 2 }\n  - id: a-3\n    fields: { title: Disk of a test machine is full, service: sandbox, errors_per_minute: 2 }\n    labels: { level: ignore, order: 3 }\n  - id: a-4\n    fields: { title: Sign-in is slow, service: accounts, errors_per_minute: 35 }\n    labels: { level: page, order: 4 }",
);

/// Defects of the recipe for generators, whose tasks are drawn.
const FAMILY: &[Planted] = &[
    (
        "an answer at the end of every text",
        &[CODE, ("pack.yaml", "CODES", "'fire': 'Answer: leave', 'noise': 'Answer: wait', 'smell': 'Answer: air'")],
        LEAKAGE,
        "family/pack.yaml:52 house-family/calls-train: `text` of the items says which `answer` is right, as in `answer ",
    ),
    (
        "a code for each answer",
        &[CODE, ("pack.yaml", "CODES", "'fire': 'Ref K1', 'noise': 'Ref K2', 'smell': 'Ref K3'")],
        LEAKAGE,
        "house-family/calls-train: `text` alone predicts the right `answer` for ",
    ),
    (
        "a sign for each answer",
        &[CODE, ("pack.yaml", "CODES", "'fire': '*', 'noise': ';', 'smell': '~'")],
        LEAKAGE,
        "house-family/calls-train: `text` alone predicts the right `answer` for ",
    ),
    (
        "a field that is drawn with the answer",
        &[
            (
                "pack.yaml",
                "    text: { type: text }",
                "    text: { type: text }\n    lane: { type: enum, values: [red, blue, green] }",
            ),
            (
                "pack.yaml",
                "  text: \"{{ phrase.what }}\"",
                "  text: \"{{ phrase.what }}\"\n  lane: \"{{ { 'fire': 'red', 'noise': 'blue', 'smell': 'green' }[topic] }}\"",
            ),
        ],
        LEAKAGE,
        "family/pack.yaml:11 house-family/calls-train: `lane` alone predicts the right `answer` for ",
    ),
];

/// A code behind each text, by what is right.
const CODE: Edit = (
    "pack.yaml",
    "fields:\n  text: \"{{ phrase.what }}\"",
    "fields:\n  text: \"{{ phrase.what }} {{ {CODES}[topic] }}\"",
);

/// Plants a defect into a pack in a folder; what the audit says instead, where it does not find it.
fn missed(folder: &Path, pack: &Path, (name, edits, id, finding): &Planted) -> Option<String> {
    for (file, from, to) in *edits {
        edit(&pack.join(file), from, to);
    }
    let path = pack.strip_prefix(folder).expect("a folder below").display().to_string();
    let output = casebook(folder, &["audit", &path, "--only", id]);
    let told = stdout(&output) + &stderr(&output);
    // What some checks find is a warning.
    let severe = !id.starts_with("statistical.t") && !id.starts_with("statistical.g");
    let found = code(&output) == i32::from(severe) && about(&told, id).iter().any(|line| line.contains(finding));
    (!found).then(|| format!("{name}: {finding}\n{told}"))
}

/// The defects of this file, next to the twelve that are known from other environments.
#[test]
fn there_are_defects_of_many_kinds() {
    let planted: Vec<&Planted> = [DESK, TWICE, HINTS, BATCH, FAMILY].into_iter().flatten().collect();
    let checks: std::collections::BTreeSet<&str> = planted.iter().map(|(_, _, id, _)| *id).collect();
    let with_line = planted.iter().filter(|(.., finding)| finding.contains(".yaml:")).count();
    assert!(planted.len() >= 42 && checks.len() >= 7 && with_line >= 32, "{} {checks:?} {with_line}", planted.len());
}

#[test]
fn defects_of_a_pack_are_found() {
    let missed = |planted: &Planted| {
        let folder = pack();
        missed(folder.path(), &folder.path().join("scenarios/desk"), planted)
    };
    let missed: Vec<String> = DESK.iter().chain(TWICE).chain(HINTS).filter_map(missed).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn an_agent_that_looks_for_labels_reads_what_is_behind_an_id() {
    let folder = pack();
    let hint = "  hint: { template: \"t-101: answer, t-102: refund, t-103: security\" }";
    let (part, more) =
        ("  instructions: { text: instructions }", format!("  instructions: {{ text: instructions }}\n{hint}"));
    edit(&folder.path().join("scenarios/desk/environment.yaml"), part, &more);
    // All queues are right; it does not write.
    let told = succeeds(folder.path(), &["run", "scenarios/desk", "--policy", "label_probe"]);
    assert!(told.starts_with("desk/desk-monday seed 0: score 0.8000"), "{told}");
}

#[test]
fn what_agents_without_understanding_get_is_found() {
    let batch = || {
        let folder = TempDir::new().expect("a folder");
        succeeds(folder.path(), &["new", "desk", "--template", "batch"]);
        folder
    };
    let missed = |planted: &Planted| {
        let folder = batch();
        missed(folder.path(), &folder.path().join("scenarios/desk"), planted)
    };
    let missed: Vec<String> = BATCH.iter().filter_map(missed).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    // A reason raises a ceiling.
    let folder = batch();
    for (file, from, to) in [
        ONLY_LEVELS,
        LAST,
        ("task.yaml", "max_steps: 3", "max_steps: 30"),
        ("test.yaml", "  nothing: 0", "  nothing: 0\n  hill_climber: { lte: 1, reason: Trying is allowed here. }"),
    ] {
        edit(&folder.path().join("scenarios/desk").join(file), from, to);
    }
    let told = succeeds(folder.path(), &["audit", "--only", CANARY]);
    assert!(told.contains("pass  semantic.canary_floor"), "{told}");
}

#[test]
fn what_predicts_the_answers_of_drawn_items_is_found() {
    let missed = |planted: &Planted| {
        let (folder, pack) = recipe("family");
        missed(folder.path(), &pack, planted)
    };
    let missed: Vec<String> = FAMILY.iter().filter_map(missed).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// A copy of a recipe of the cookbook.
fn recipe(name: &str) -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let pack = folder.path().join(name);
    copy(&root().join("docs/cookbook").join(name), &pack);
    (folder, pack)
}

#[test]
fn too_few_items_to_tell_leakage_from_chance_are_no_pass() {
    let folder = pack();
    let output = casebook(folder.path(), &["audit", "--only", LEAKAGE]);
    let told = stdout(&output);
    let reason = "`desk`: 3 items have a right `queue`, too few to distinguish a leak from chance";
    assert!(told.contains("skip  semantic.no_solution_leakage") && told.contains(reason), "{told}");
    // Drawn items are as many as it takes.
    let (folder, _) = recipe("family");
    let output = casebook(folder.path(), &["audit", "family", "--only", LEAKAGE]);
    assert!(stdout(&output).contains("pass  semantic.no_solution_leakage"), "{}", stdout(&output));
}
