//! Any lines as the rows of a table, cells apart by commas; a table that compiles is exported and says the same.
#![no_main]

mod pack;

use casebook_core::{outline, rules, spec::Rule};
use libfuzzer_sys::fuzz_target;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\n";
const TAIL: &str = "default: { queue: close }\nlists: { friends: [partner.example] }\n";

fuzz_target!(|text: &str| {
    let quoted = |cell: &str| format!("'{}'", cell.replace('\'', "''"));
    let rows: Vec<String> = text
        .lines()
        .map(|line| format!("  - [{}]\n", line.split(',').map(quoted).collect::<Vec<_>>().join(", ")))
        .collect();
    let compiled = pack::with("rules.yaml", &format!("{HEAD}table:\n{}{TAIL}", rows.concat()));
    if let Some(catalog) = &compiled.catalog {
        for pack in catalog.packs() {
            outline::of(pack);
        }
    }
    let _ = rules::to_table(&[] as &[Rule]);
});
