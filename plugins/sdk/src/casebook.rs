//! What a plugin in Rust needs. The interface is described in docs/plugins.md.
//!
//! ```ignore
//! casebook_plugin::plugin! {
//!     description: include_str!("../description.json"),
//!     tool: measure,
//! }
//!
//! fn measure(call: &Value) -> Result<Value, String> {
//!     let text = text(call, &["arguments", "text"]).ok_or("`text` is needed")?;
//!     Ok(json!({ "value": text.len() }))
//! }
//! ```
//!
//! Memory is never given back: every call has an instance of its own.

use alloc::{format, string::String, vec, vec::Vec};

pub use serde_json::{Value, json};

/// What a call answers; an error says in a sentence why there is no answer.
pub type Answer = Result<Value, String>;

/// Room for an input of some bytes, which stays.
pub fn room(length: usize) -> usize {
    vec![0_u8; length.max(1)].leak().as_ptr() as usize
}

/// Where a text lies, as the host reads it: its address above, its length below.
pub fn place(text: &'static [u8]) -> u64 {
    (text.as_ptr() as u64) << 32 | (text.len() as u64 & 0xffff_ffff)
}

/// Answers a call: reads its input, and writes what the function makes of it.
pub fn answer(input: &[u8], function: impl FnOnce(&Value) -> Answer) -> Vec<u8> {
    let answer = match serde_json::from_slice(input) {
        Ok(call) => function(&call),
        Err(error) => Err(format!("the input is not valid JSON: {error}")),
    };
    let answer = answer.unwrap_or_else(|why| json!({ "error": why }));
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// The value at the end of some keys.
pub fn get<'a>(call: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().try_fold(call, |value, key| value.get(key))
}

/// The text at the end of some keys.
pub fn text<'a>(call: &'a Value, keys: &[&str]) -> Option<&'a str> {
    get(call, keys)?.as_str()
}

/// Exports a plugin: its description, as JSON, and a function `fn(&Value) -> Answer` for each operation that it offers
/// (`grade`, `fill`, `tool`, `import`).
#[macro_export]
macro_rules! plugin {
    (description: $description:expr $(, $operation:ident: $function:path)+ $(,)?) => {
        #[unsafe(no_mangle)]
        extern "C" fn casebook_alloc(length: u32) -> usize {
            $crate::casebook::room(length as usize)
        }
        #[unsafe(no_mangle)]
        extern "C" fn casebook_describe() -> u64 {
            const DESCRIPTION: &str = $description;
            $crate::casebook::place(DESCRIPTION.as_bytes())
        }
        $($crate::plugin!(@ $operation $function);)+
    };
    (@ grade $function:path) => { $crate::plugin!(@@ casebook_grade $function); };
    (@ fill $function:path) => { $crate::plugin!(@@ casebook_fill $function); };
    (@ tool $function:path) => { $crate::plugin!(@@ casebook_tool $function); };
    (@ import $function:path) => { $crate::plugin!(@@ casebook_import $function); };
    (@@ $name:ident $function:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn $name(at: usize, length: u32) -> u64 {
            // SAFETY: the host wrote that many bytes where `casebook_alloc` said, and nothing changes them afterwards.
            let input = unsafe { ::core::slice::from_raw_parts(at as *const u8, length as usize) };
            $crate::casebook::place($crate::casebook::answer(input, $function).leak())
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(call: &Value) -> Answer {
        let text = text(call, &["arguments", "text"]).ok_or("`text` is needed")?;
        Ok(json!({ "value": text.len() }))
    }

    #[test]
    fn a_call_is_answered_or_refused_with_a_sentence() {
        for (input, wanted) in [
            (r#"{"arguments":{"text":"yes"}}"#, r#"{"value":3}"#),
            (r#"{"arguments":{"text":7}}"#, r#"{"error":"`text` is needed"}"#),
            ("[]", r#"{"error":"`text` is needed"}"#),
        ] {
            assert_eq!(answer(input.as_bytes(), length), wanted.as_bytes(), "{input}");
        }
        assert!(answer(b"{", length).starts_with(br#"{"error":"the input is not valid JSON"#));
    }

    #[test]
    fn rooms_are_apart_and_places_tell_where() {
        assert_ne!(room(0), room(0));
        let text = b"abc";
        assert_eq!(place(text) & 0xffff_ffff, 3);
        assert_eq!(place(text) >> 32, text.as_ptr() as u64 & 0xffff_ffff);
    }
}
