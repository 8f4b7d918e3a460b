//! Any text as a template: of instructions, of an item and of a log.
#![no_main]

mod pack;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let quoted = format!("'{}'", text.replace('\'', "''"));
    let file = |name: &str| pack::FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).unwrap_or("");
    let task: Vec<&str> = file("task.yaml").split("instructions:").collect();
    pack::with("task.yaml", &format!("{}instructions: {quoted}\n", task[0]));
    pack::with("inbox.yaml", &file("inbox.yaml").replacen("\"My {{ vary.thing.word }} is late\"", &quoted, 1));
    pack::with("environment.yaml", &file("environment.yaml").replacen("\"{{ counter.accepted }} taken\"", &quoted, 1));
});
