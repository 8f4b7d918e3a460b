//! Modules that are broken as files.

use casebook_plugins::WasmHost;
use casebook_runtime::plugin::{Host as _, Refusal};
use proptest::prelude::*;

use super::guests::{self, LIMITS};

const GOOD: &str = "@plugin\n@answers {\"value\":0.5}";

fn refused(bytes: &[u8]) -> String {
    match casebook_compile::plugin::load(&WasmHost::default(), bytes, LIMITS).expect_err("it is refused") {
        Refusal::Unfit(text) => text,
        Refusal::Untrue(texts) => texts.join("; "),
        Refusal::NotAllowed => "is not allowed".into(),
    }
}

/// A number as WebAssembly writes it.
fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

#[test]
fn what_is_no_module_is_refused() {
    for bytes in [&b""[..], b"{}", b"\x7fELF", b"apiVersion: casebook/v1"] {
        assert_eq!(refused(bytes), "it is not a WebAssembly module");
    }
    for bytes in [&b"\0asm"[..], b"\0asm\x01\0\0\0", b"\0asm\x02\0\0\0", b"\0asm\x01\0\0\0\xff\xff\xff\xff\xff"] {
        let told = refused(bytes);
        assert!(
            told.starts_with("it is not a module that runs here") || told.starts_with("it exports nothing"),
            "{told}"
        );
    }
}

#[test]
fn every_truncation_of_a_module_is_refused() {
    let module = guests::module("good", GOOD);
    for length in 0..module.len() {
        assert!(
            casebook_compile::plugin::load(&WasmHost::default(), &module[..length], LIMITS).is_err(),
            "{length} bytes are taken"
        );
    }
}

#[test]
fn a_data_segment_that_claims_a_gigabyte_takes_none() {
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    module.extend([5, 3, 1, 0, 1]);
    let mut segment = vec![1, 0, 0x41, 0, 0x0b];
    segment.extend(leb(1 << 30));
    segment.extend(b"only a few bytes");
    module.push(11);
    module.extend(leb(u32::try_from(segment.len()).expect("short")));
    module.extend(segment);
    assert!(refused(&module).starts_with("it is not a module that runs here"), "{}", refused(&module));
}

#[test]
fn a_long_custom_section_is_not_kept() {
    let mut module = guests::module("good", GOOD);
    module.push(0);
    module.extend(leb(3_000_002));
    module.extend([1, b'x']);
    module.extend(vec![0; 3_000_000]);
    assert!(WasmHost::default().load(&module, LIMITS).is_ok());
}

/// Neither is a module of any use; both end before anything is parsed.
#[test]
fn a_custom_section_of_100_mb_and_a_data_segment_of_1_gb_are_refused_by_size() {
    for (section, head, size) in [(0, vec![1, b'x'], 100_u32 << 20), (11, vec![1, 1], 1 << 30)] {
        let mut module = guests::module("good", GOOD);
        module.push(section);
        module.extend(leb(size + u32::try_from(head.len()).expect("short")));
        module.extend(head);
        // Zeros that nobody reads take no memory.
        let mut whole = vec![0; module.len() + size as usize];
        whole[..module.len()].copy_from_slice(&module);
        let told = refused(&whole);
        assert!(told.ends_with("bytes; a module may have 4194304"), "{told}");
    }
}

#[test]
fn many_functions_of_no_size_are_refused() {
    let mut text = GOOD.to_owned();
    for _ in 0..30_000 {
        text.push_str("\n(func)");
    }
    let told = refused(&guests::module("many", &text));
    assert!(told.starts_with("it is not a module that runs here"), "{told}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// A module with bytes changed is refused, or it fails, or it works; it never harms.
    #[test]
    fn a_module_with_changed_bytes_harms_nobody(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)) {
        let mut module = guests::module("good", GOOD);
        for (at, byte) in changes {
            let length = module.len();
            module[at.index(length)] = byte;
        }
        if let Ok(plugin) = casebook_compile::plugin::load(&WasmHost::default(), &module, LIMITS) {
            let _ = plugin.grade(&plugin.description.graders[0], "{}");
        }
    }
}
