//! A bill of materials: the packages of a `Cargo.lock` as a document of `CycloneDX`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::lock::{Locked, packages};

/// The version of `CycloneDX` that is written.
pub(super) const SPEC: &str = "1.5";

/// The licences of packages as SPDX expressions, by name and version.
pub type Licences = HashMap<(String, String), String>;

/// Writes the bill of materials of a `Cargo.lock`, for a package of a name and version.
///
/// It holds neither a time nor a random number, so that the same lock file gives the same bill.
pub fn sbom(name: &str, version: Option<&str>, lock: &str, licences: &Licences) -> Value {
    let all = packages(lock);
    let root = format!("casebook-audit:{name}");
    let mut component = json!({ "type": "application", "bom-ref": root, "name": name });
    if let Some(version) = version {
        component["version"] = version.into();
    }
    // What belongs to the repository is what the package is made of; the others follow from it.
    let own: Vec<String> = all.iter().filter(|one| one.source.is_none()).map(purl).collect();
    let mut dependencies = vec![json!({ "ref": root, "dependsOn": own })];
    dependencies.extend(all.iter().map(|one| {
        let needed: Vec<String> = one.dependencies.iter().filter_map(|name| Some(purl(named(&all, name)?))).collect();
        json!({ "ref": purl(one), "dependsOn": needed })
    }));
    json!({
        "bomFormat": "CycloneDX", "specVersion": SPEC, "version": 1,
        "metadata": { "component": component },
        "components": all.iter().map(|one| library(one, licences)).collect::<Vec<_>>(),
        "dependencies": dependencies,
    })
}

fn library(one: &Locked, licences: &Licences) -> Value {
    let mut library = Map::new();
    library.insert("type".into(), "library".into());
    library.insert("bom-ref".into(), purl(one).into());
    library.insert("name".into(), one.name.as_str().into());
    library.insert("version".into(), one.version.as_str().into());
    library.insert("purl".into(), purl(one).into());
    if let Some(checksum) = &one.checksum {
        library.insert("hashes".into(), json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    if let Some(licence) = licences.get(&(one.name.clone(), one.version.clone())) {
        // Older packages write a slash.
        let expression = licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ");
        library.insert("licenses".into(), json!([{ "expression": expression }]));
    }
    library.into()
}

/// The address of a package: its name and version in Cargo's registry.
fn purl(one: &Locked) -> String {
    format!("pkg:cargo/{}@{}", one.name, one.version)
}

/// The package that a dependency means: `name`, or `name version` where there are several.
fn named<'a>(all: &'a [Locked], text: &str) -> Option<&'a Locked> {
    let mut words = text.split(' ');
    let (name, version) = (words.next()?, words.next());
    all.iter().find(|one| one.name == name && version.is_none_or(|version| one.version == version))
}

/// The names and versions that a `CycloneDX` or SPDX document lists; nothing where it is neither.
pub(super) fn listed(text: &str) -> Option<Vec<(String, String)>> {
    let document: Value = serde_json::from_str(text).ok()?;
    let (list, version) = match (document.get("components"), document.get("packages")) {
        (Some(components), _) if document["bomFormat"] == "CycloneDX" => (components, "version"),
        (_, Some(packages)) if document.get("spdxVersion").is_some() => (packages, "versionInfo"),
        _ => return None,
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(list.as_array()?.iter().map(|one| (text(&one["name"]), text(&one[version]))).collect())
}

/// The packages of a lock file whose checksum a `CycloneDX` document does not have; nothing of other documents.
pub(super) fn unhashed(text: &str, locked: &[Locked]) -> Vec<String> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    if document["bomFormat"] != "CycloneDX" {
        return Vec::new();
    }
    let components: HashMap<(&str, &str), &Value> = document["components"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some(((one["name"].as_str()?, one["version"].as_str()?), &one["hashes"])))
        .collect();
    let has = |hashes: &Value, checksum: &str| {
        hashes.as_array().into_iter().flatten().any(|hash| hash["content"].as_str() == Some(checksum))
    };
    let is_missing = |one: &&Locked| {
        let hashes = components.get(&(one.name.as_str(), one.version.as_str()));
        one.checksum.as_deref().zip(hashes).is_some_and(|(checksum, hashes)| !has(hashes, checksum))
    };
    locked.iter().filter(is_missing).map(|one| format!("{} {}", one.name, one.version)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bill_lists_every_package_once_and_refers_to_those_that_it_lists() {
        let lock = include_str!("../../../../Cargo.lock");
        let licences = Licences::from([(("serde".into(), "1".into()), "MIT".into())]);
        let bill = sbom("casebook", Some("0.1.0"), lock, &licences);
        let refs: Vec<&Value> =
            bill["components"].as_array().expect("a list").iter().map(|one| &one["bom-ref"]).collect();
        let unique: std::collections::HashSet<String> = refs.iter().map(ToString::to_string).collect();
        assert!(refs.len() > 100 && unique.len() == refs.len(), "{} of {}", unique.len(), refs.len());
        for one in bill["dependencies"].as_array().expect("a list") {
            assert!(one["dependsOn"].as_array().expect("a list").iter().all(|name| refs.contains(&name)), "{one}");
        }
        let known = listed(&bill.to_string()).expect("it is one");
        assert_eq!(known.len(), packages(lock).len());
        assert_eq!(bill, sbom("casebook", Some("0.1.0"), lock, &licences));
        assert_eq!(unhashed(&bill.to_string(), &packages(lock)), Vec::<String>::new());
    }

    #[test]
    fn a_component_has_its_licence_and_its_hash() {
        let lock = "[[package]]\nname = \"left\"\nversion = \"2.0.0\"\nsource = \"registry\"\nchecksum = \"ab\"\n";
        let licences = Licences::from([(("left".into(), "2.0.0".into()), "MIT/Apache-2.0".into())]);
        let bill = sbom("own", None, lock, &licences);
        let component = &bill["components"][0];
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(component["hashes"][0], json!({ "alg": "SHA-256", "content": "ab" }));
        let changed = bill.to_string().replace("\"ab\"", "\"cd\"");
        assert_eq!(unhashed(&changed, &packages(lock)), ["left 2.0.0"]);
    }
}
