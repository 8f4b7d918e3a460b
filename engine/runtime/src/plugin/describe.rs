//! What a plugin declares about itself, and whether that is possible.

use semver::Version;
use serde::{Deserialize, Serialize};

use super::{FillerOffer, GraderOffer, ImporterOffer, Offer, Operation, ToolOffer, offers::is_name};

/// The maximum number of offers of one kind of one plugin.
const MAX_OFFERS: usize = 32;

/// A plugin's description of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Its name, as packs write it.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// What it is for, in a sentence.
    pub summary: String,
    /// Whether the same input always gives the same answer.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub deterministic: bool,
    /// The graders that it offers.
    #[serde(default)]
    pub graders: Vec<GraderOffer>,
    /// The fillers that it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fillers: Vec<FillerOffer>,
    /// The tools that it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolOffer>,
    /// The importers that it offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub importers: Vec<ImporterOffer>,
}

impl Description {
    /// Reads a description; the error says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, String> {
        let description: Self =
            serde_json::from_str(text).map_err(|error| format!("its description does not fit: {error}"))?;
        if !is_name(&description.name) {
            return Err(format!("its description has the name `{}`, which cannot be one", description.name));
        }
        if description.offers().next().is_none() {
            return Err("its description offers nothing: no grader, filler, tool or importer".into());
        }
        for operation in Operation::ALL {
            let (noun, offers) = (operation.noun(), description.offers_of(operation));
            if offers.len() > MAX_OFFERS {
                return Err(format!("its description offers {} {noun}s; {MAX_OFFERS} are allowed", offers.len()));
            }
            for (at, offer) in offers.iter().enumerate() {
                let name = offer.name();
                offer.check().map_err(|problem| format!("its {noun} `{name}` {problem}"))?;
                if offers[..at].iter().any(|other| other.name() == name) {
                    return Err(format!("its description has two {noun}s `{name}`"));
                }
            }
        }
        Ok(description)
    }

    /// Everything that it offers.
    pub fn offers(&self) -> impl Iterator<Item = Offer<'_>> {
        let graders = self.graders.iter().map(Offer::Grader);
        let fillers = self.fillers.iter().map(Offer::Filler);
        let tools = self.tools.iter().map(Offer::Tool);
        graders.chain(fillers).chain(tools).chain(self.importers.iter().map(Offer::Importer))
    }

    /// Everything that it offers for one operation, in the order in which it says so.
    pub fn offers_of(&self, operation: Operation) -> Vec<Offer<'_>> {
        self.offers().filter(|offer| offer.operation() == operation).collect()
    }

    /// Finds a grader; the only one when no name is given.
    pub fn grader(&self, name: Option<&str>) -> Option<&GraderOffer> {
        match name {
            Some(name) => self.graders.iter().find(|grader| grader.name == name),
            None => self.graders.first().filter(|_| self.graders.len() == 1),
        }
    }
}

const fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
const fn is_yes(flag: &bool) -> bool {
    *flag
}
