//! An approval of a change, bound to both digests of every pack.

use casebook_runtime::hash::sha256;
use serde::{Deserialize, Serialize};

/// What a sign-off of today covers: what rules decide and say, all other documents, the README, the plugins' code and the tests.
const COVERS: u32 = 2;

/// An approval; any change of it, save to its layout, is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignOff {
    /// What was approved.
    #[serde(flatten)]
    pub signed: Signed,
    /// SHA-256 of all that, in hex.
    pub seal: String,
}

/// What was approved, by whom and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Who approves.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, as RFC 3339 writes it.
    pub time: String,
    /// What it covers, as a number that grows when more does.
    #[serde(default)]
    pub covers: u32,
    /// The packs.
    pub packs: Vec<SignedPack>,
}

/// One pack whose change was approved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedPack {
    /// The pack's name.
    pub environment: String,
    /// The digest before the change; none where the pack is new.
    pub old: Option<String>,
    /// The digest after it; none where the pack is gone.
    pub new: Option<String>,
    /// The digest of the tests before the change.
    #[serde(default)]
    pub old_tests: Option<String>,
    /// The digest of the tests after it.
    #[serde(default)]
    pub new_tests: Option<String>,
    /// The digest of the `README.md` before the change; none where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_readme: Option<String>,
    /// The digest of the `README.md` after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_readme: Option<String>,
}

impl SignOff {
    /// Seals an approval of all that a difference covers today.
    pub fn new(signed: Signed) -> Self {
        let signed = Signed { covers: COVERS, ..signed };
        let seal = seal(&signed);
        Self { signed, seal }
    }

    /// Why it does not stand for a change of these packs; nothing when it does.
    pub fn refusal(&self, packs: &[SignedPack]) -> Option<String> {
        if self.signed.covers < COVERS {
            let why = "the sign-off is of an older form, which covered nothing but what rules decide";
            return Some(format!("{why}; look at the difference and sign it off again"));
        }
        if self.signed.covers > COVERS {
            return Some("the sign-off is of a newer form; check it with the version that wrote it".to_owned());
        }
        if seal(&self.signed) != self.seal {
            return Some("the sign-off was changed after it was written".to_owned());
        }
        if self.signed.by.trim().is_empty() || self.signed.reason.trim().is_empty() {
            return Some("the sign-off has no name or no reason".to_owned());
        }
        for pack in packs {
            let Some(signed) = self.signed.packs.iter().find(|signed| signed.environment == pack.environment) else {
                return Some(format!("the sign-off says nothing about `{}`", pack.environment));
            };
            for (side, given, signed) in [
                ("old version", &pack.old, &signed.old),
                ("new version", &pack.new, &signed.new),
                ("old version of the tests", &pack.old_tests, &signed.old_tests),
                ("new version of the tests", &pack.new_tests, &signed.new_tests),
                ("old version of the README", &pack.old_readme, &signed.old_readme),
                ("new version of the README", &pack.new_readme, &signed.new_readme),
            ] {
                if given != signed {
                    return Some(format!(
                        "the sign-off is for another {side} of `{}`: {}, not {}",
                        pack.environment,
                        signed.as_deref().unwrap_or("none"),
                        given.as_deref().unwrap_or("none")
                    ));
                }
            }
        }
        None
    }
}

fn seal(signed: &Signed) -> String {
    sha256(serde_json::to_string(signed).unwrap_or_default().as_bytes())
}
