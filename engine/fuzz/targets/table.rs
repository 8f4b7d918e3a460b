//! Any lines as the rows of a table, cells apart by commas; a table that compiles is exported and says the same. The same
//! text as CSV: what is read of it is read again from what is written, and put into a document.
#![no_main]

mod pack;

use casebook_analysis::outline;
use casebook_compile::rules;
use casebook_syntax::{
    diagnostic::Report,
    sheet,
    source::SourceFile,
    spec::{self, Document},
};
use libfuzzer_sys::fuzz_target;

const HEAD: &str = "apiVersion: casebook/v1\nkind: Rules\nname: routing\nhit: first\n";
const TAIL: &str = "default: { queue: close }\nlists: { friends: [partner.example] }\n";
const RULE: &str = "rules:\n  # a comment\n  - { id: R-1, when: { tier: paid }, then: { queue: close } } # another\n";

fuzz_target!(|text: &str| {
    let quoted = |cell: &str| format!("'{}'", cell.replace('\'', "''"));
    let rows: Vec<String> = text
        .lines()
        .map(|line| format!("  - [{}]\n", line.split(',').map(quoted).collect::<Vec<_>>().join(", ")))
        .collect();
    let table = format!("{HEAD}table:\n{}{TAIL}", rows.concat());
    let compiled = pack::with("rules.yaml", &table);
    if let Some(catalog) = &compiled.catalog {
        for pack in catalog.packs() {
            outline::of(pack);
        }
        if let Some(old) = document(&table) {
            let rows = rules::export(&old).expect("a table that compiles");
            let new = rules::with_table(&old, &through_csv(&rows)).expect("a table");
            let again = pack::with("rules.yaml", &new).catalog.expect("the same table");
            for (old, new) in catalog.packs().iter().zip(again.packs()) {
                assert_eq!(outline::of(old)["rules"], outline::of(new)["rules"]);
            }
        }
    }
    let Ok(read) = sheet::read(text) else { return };
    let cells = read.rows.into_iter().map(|row| row.cells);
    let rows: Vec<rules::Row> = std::iter::once(read.names).chain(cells).collect();
    if !rows[0][0].starts_with('\u{feff}') {
        assert_eq!(through_csv(&rows), rows);
    }
    if let Some(old) = document(&format!("{HEAD}{RULE}{TAIL}")) {
        let _ = rules::with_table(&old, &rows);
    }
});

fn document(text: &str) -> Option<Document> {
    let file = SourceFile::new("rules.yaml".as_ref(), text);
    spec::read(&file, &mut Vec::new(), &mut Report::default()).pop()?.finish(&mut Report::default()).ok()
}

fn through_csv(rows: &[rules::Row]) -> Vec<rules::Row> {
    let guarded: Vec<rules::Row> =
        rows.iter().map(|row| row.iter().map(|cell| sheet::guarded(cell)).collect()).collect();
    let read = sheet::read(&sheet::write(&guarded)).expect("a table");
    let cells = |row: Vec<String>| row.iter().map(|cell| sheet::unguarded(cell).to_owned()).collect();
    std::iter::once(cells(read.names)).chain(read.rows.into_iter().map(|row| cells(row.cells))).collect()
}
