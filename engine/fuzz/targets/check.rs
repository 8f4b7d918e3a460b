//! Any text in the place of one file of a pack: everything that a check does, and, when it passes, its tests.
#![no_main]

mod pack;

use casebook_analysis::testing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    // The kind that the text names says whose place it takes.
    let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap_or_default().trim().to_lowercase();
    let compiled = pack::with(&format!("{kind}.yaml"), text);
    if let Some(catalog) = &compiled.catalog {
        for pack in catalog.packs() {
            testing::run(pack, "");
        }
    }
});
