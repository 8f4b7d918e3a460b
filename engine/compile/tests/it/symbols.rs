//! The names of packs: each use has a definition, and every place holds its name.

use std::{collections::BTreeSet, fs, path::Path};

use casebook_compile::{
    check::documents_of,
    symbols::{Location, NameKind, Symbol, symbols},
};
use casebook_syntax::source::{self, PackSource, SourceSet};

use super::packs;

fn of(pack: &PackSource) -> Vec<Symbol> {
    symbols(&documents_of(pack))
}

fn text_of(location: &Location, texts: &SourceSet) -> String {
    let known = texts.file(&location.path).map(|file| file.text.to_string());
    let text = known.unwrap_or_else(|| fs::read_to_string(&location.path).expect("the file"));
    text.get(location.span.clone()).expect("a place within the file").to_owned()
}

/// A tool that a test calls to see the suggestion of another one.
const MISSPELLED: &str = "ad";

/// What is wrong with the names of some packs.
fn problems(set: &SourceSet) -> Vec<String> {
    let mut problems = Vec::new();
    for pack in &set.packs {
        for symbol in of(pack) {
            let Symbol { kind, owner, name, definitions, uses } = &symbol;
            let what = format!("{}: {kind:?} `{name}` of {owner:?}", pack.root.display());
            if definitions.is_empty() && (*kind, name.as_str()) != (NameKind::Tool, MISSPELLED) {
                problems.push(format!("{what} is used at {:?} and never defined", uses[0]));
            }
            for place in definitions.iter().chain(uses) {
                let text = text_of(place, set);
                if !text.contains(name.as_str()) {
                    problems.push(format!("{what}: its place {place:?} says `{text}`"));
                }
            }
        }
    }
    problems
}

#[test]
fn every_name_of_the_shipped_packs_and_the_cookbook_is_defined() {
    let cookbook = packs::scenarios().join("../docs/cookbook");
    let mut roots: Vec<_> =
        fs::read_dir(cookbook).expect("the cookbook").map(|entry| entry.expect("an entry").path()).collect();
    roots.retain(|root| root.is_dir());
    roots.extend([packs::scenarios(), packs::scenarios().join("conformance"), packs::tests().join("packs")]);
    let mut kinds = BTreeSet::new();
    for root in roots {
        let set = source::read(&[root]);
        assert_eq!(problems(&set), Vec::<String>::new());
        let used = set.packs.iter().flat_map(of).filter(|symbol| !symbol.uses.is_empty());
        kinds.extend(used.map(|symbol| symbol.kind));
    }
    for kind in [
        NameKind::Field,
        NameKind::Decision,
        NameKind::Value,
        NameKind::Data,
        NameKind::State,
        NameKind::ResetArgument,
        NameKind::Tool,
        NameKind::Argument,
        NameKind::Plugin,
        NameKind::Rules,
        NameKind::List,
        NameKind::Rubric,
        NameKind::Node,
        NameKind::Task,
        NameKind::Variable,
        NameKind::Inbox,
        NameKind::Policy,
    ] {
        assert!(kinds.contains(&kind), "no pack uses a name of the kind {kind:?}");
    }
}

/// The texts of a name's definitions and uses, each with its file and line.
fn places(set: &SourceSet, kind: NameKind, name: &str) -> (Vec<String>, Vec<String>) {
    let all = of(&set.packs[0]);
    let symbol = all.iter().find(|symbol| symbol.kind == kind && symbol.name == name).expect("a name");
    let told = |places: &[Location]| {
        let place = |place: &Location| {
            let file = set.file(&place.path).expect("a file of the pack");
            let line = file.text[..place.span.start].matches('\n').count() + 1;
            let name = Path::new(&*place.path).file_name().expect("a name").to_string_lossy().into_owned();
            format!("{name}:{line} {}", &file.text[place.span.clone()])
        };
        places.iter().map(place).collect()
    };
    (told(&symbol.definitions), told(&symbol.uses))
}

const PACK: &str = r#"apiVersion: casebook/v1
kind: Environment
name: parcels
version: 1.0.0
description: Sort parcels.
data: { limits: { heavy: 20 } }
item:
  noun: parcel
  fields:
    weight: { type: number }
    country: { type: enum, values: [here, abroad] }
decision:
  lane: { type: enum, values: [belt, hand], truth: { rules: lanes } }
state:
  seen: { type: integer }
action:
  properties:
    parcel_id: { item: true, default: current }
    lane: { decides: lane }
  set: { seen: "state.seen + (1 if item.weight > data['limits'].heavy else 0)" }
observation:
  parcel: { item: current }
  note: { template: "{{ state.seen }} of item.weight" }
---
apiVersion: casebook/v1
kind: Rules
name: lanes
lists:
  far: [abroad]
table:
  - [id, weight gt, country, country in, then lane]
  - [R-HEAVY, 20, here|abroad, "-", hand]
  - [R-FAR, "-", "-", far, hand]
default: { lane: belt }
---
apiVersion: casebook/v1
kind: Rules
name: strict
extends: lanes
default: { lane: hand }
"#;

#[test]
fn names_are_followed_through_tables_templates_and_extends() {
    let set = source::from_texts("parcels", [("pack.yaml", PACK)]);
    let of = |kind, name| places(&set, kind, name);
    let strings = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        of(NameKind::Field, "weight"),
        (
            strings(&["pack.yaml:10 weight"]),
            strings(&["pack.yaml:20 weight", "pack.yaml:31 weight", "pack.yaml:31 weight"])
        )
    );
    assert_eq!(of(NameKind::Data, "limits"), (strings(&["pack.yaml:6 limits"]), strings(&["pack.yaml:20 limits"])));
    let (defined, used) = of(NameKind::State, "seen");
    assert_eq!(defined, ["pack.yaml:15 seen"]);
    assert_eq!(used, ["pack.yaml:20 seen", "pack.yaml:20 seen", "pack.yaml:23 seen"]);
    let (defined, used) = of(NameKind::Decision, "lane");
    assert_eq!(defined, ["pack.yaml:13 lane"]);
    // The merged document repeats what it takes over, at the place where it is written, and has its own default.
    assert_eq!(
        used,
        ["pack.yaml:19 lane", "pack.yaml:34 lane", "pack.yaml:31 lane", "pack.yaml:40 lane", "pack.yaml:31 lane"]
    );
    let (defined, used) = of(NameKind::Value, "abroad");
    assert_eq!(defined, ["pack.yaml:11 abroad"]);
    assert_eq!(used, ["pack.yaml:32 abroad", "pack.yaml:32 abroad"]);
    let (defined, used) = of(NameKind::List, "far");
    assert_eq!((defined, used), (strings(&["pack.yaml:29 far"]), strings(&["pack.yaml:33 far"])));
    let (defined, _) = of(NameKind::Rule, "R-FAR");
    assert_eq!(defined, ["pack.yaml:33 R-FAR"]);
}

#[test]
fn a_name_that_nothing_defines_has_no_definition() {
    let text = PACK.replace("item.weight >", "item.wieght >");
    let set = source::from_texts("parcels", [("pack.yaml", text.as_str())]);
    let missing: Vec<String> = of(&set.packs[0])
        .into_iter()
        .filter(|symbol| symbol.definitions.is_empty())
        .map(|symbol| symbol.name)
        .collect();
    assert_eq!(missing, ["wieght"]);
}
