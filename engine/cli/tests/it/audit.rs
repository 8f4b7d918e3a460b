//! `casebook audit`: planted defects, clean packs, the formats, and a server at an address.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shell::{PACK, casebook, code, copy, edit, finds, json, root, stderr, stdout, succeeds};

const MANIFEST: &str = "\
spec_version: 1
name: desk
version: 1.0.0
description: Tickets.
type: space
runtime: rust
port: 8000
validation:
  reward: { range: [-1, 1], floor_margin: 0.5 }
  resources: { cpu: 1, memory_mb: 4096, disk_mb: 64, episode_timeout_s: 60 }
  network: { mode: no-network }
  capabilities:
    verifier: { kind: reward_channel }
    rubric_tree: true
    task_api: true
    declared_tools: [act]
    declared_task_count: { train: 1 }
  task_distribution: { dataset_version: \"sha256:DIGEST\" }
  types: { tags: [triage] }
";

const DOCKERFILE: &str = "\
FROM rust@sha256:00 AS build
COPY . /src
RUN cargo build --locked
FROM debian@sha256:00
LABEL org.opencontainers.image.title=Desk org.opencontainers.image.description=Tickets \\
      org.opencontainers.image.version=1.0.0 org.opencontainers.image.licenses=MIT \\
      org.opencontainers.image.source=https://desk.example
COPY --from=build /src/target/desk /usr/local/bin/desk
USER 65532
";

const LOCK: &str = "\
version = 4

[[package]]
name = \"desk\"
version = \"1.0.0\"
dependencies = [
 \"left\",
]

[[package]]
name = \"left\"
version = \"2.0.0\"
source = \"registry+https://registry.example/index\"
checksum = \"ab\"
";

/// A pack from the template.
pub(crate) fn pack() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    succeeds(folder.path(), &["new", "desk"]);
    folder
}

/// The same with the files of a package next to it, its digest in place.
fn package() -> TempDir {
    let folder = pack();
    fs::write(folder.path().join("Dockerfile"), DOCKERFILE).expect("written");
    fs::write(folder.path().join("Cargo.lock"), LOCK).expect("written");
    fs::write(folder.path().join("openenv.yaml"), MANIFEST).expect("written");
    let told = finds(folder.path(), &["audit", "--only", "static.task_distribution_pinning"]);
    let digest = told.rsplit("sha256:").next().expect("a digest");
    edit(&folder.path().join("openenv.yaml"), "DIGEST", &digest[..64]);
    succeeds(folder.path(), &["audit", "--sbom", "sbom.cdx.json", "--only", "static.sbom"]);
    folder
}

/// The lines about a check, without the check's own.
pub(crate) fn about(told: &str, id: &str) -> Vec<String> {
    let lines = told.lines().skip_while(|line| !line.trim_start().ends_with(id)).skip(1);
    lines.take_while(|line| line.starts_with("        ")).map(|line| line.trim().to_owned()).collect()
}

fn status(report: &Value, id: &str) -> String {
    let results = report["results"].as_array().expect("results");
    let result = results.iter().find(|result| result["check_id"] == id);
    result.map_or_else(|| "absent".into(), |result| result["status"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_report_has_every_check_with_its_evidence() {
    let (alone, whole) = (pack(), package());
    for (folder, passed, skipped) in [(&alone, 26, 15), (&whole, 38, 3)] {
        let output = casebook(folder.path(), &["audit", "--format", "json", "--seeds", "0..3"]);
        assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
        let report = json(&output);
        let results = report["results"].as_array().expect("results");
        let count = |status: &str| results.iter().filter(|result| result["status"] == status).count();
        assert_eq!((results.len(), count("pass"), count("skip")), (41, passed, skipped), "{report:#}");
        let unexplained = results.iter().filter(|one| one["evidence"].as_array().is_none_or(Vec::is_empty));
        assert_eq!(unexplained.count(), 0, "{report:#}");
    }
    // The network of a container, two builds of an image, and what tells the answers of three items.
    let report = json(&casebook(whole.path(), &["audit", "--format", "json", "--seeds", "0..0"]));
    assert_eq!(status(&report, "runtime.network_policy"), "skip");
    assert_eq!(status(&report, "static.reproducible_build"), "skip");
    assert_eq!(
        (&report["verdict"], &report["lane"], &report["manifest"]["name"]),
        (&json!("warn"), &json!("hub"), &json!("desk"))
    );
    let local =
        json(&casebook(whole.path(), &["audit", "--format", "json", "--level", "static,runtime", "--seeds", "0..0"]));
    assert_eq!((&local["lane"], &local["levels_run"]), (&json!("local"), &json!([1, 2])));
}

#[test]
fn defects_of_a_package_are_found_with_their_line() {
    let folder = package();
    let file = |name: &str| folder.path().join(name);
    edit(&file("openenv.yaml"), "episode_timeout_s: 60", "episode_timeout_s: 7200");
    edit(&file("openenv.yaml"), "floor_margin: 0.5", "floor_margin: 0.05");
    edit(&file("openenv.yaml"), "declared_tools: [act]", "declared_tools: [act, look]");
    edit(&file("openenv.yaml"), "{ train: 1 }", "{ train: 2, test: 1 }");
    edit(&file("openenv.yaml"), "range: [-1, 1]", "range: [0, 0.1]");
    edit(&file("Dockerfile"), "debian@sha256:00", "debian:bookworm");
    edit(&file("Dockerfile"), "USER 65532\n", "ADD data.tar.gz /data\nENV API_TOKEN=x\n");
    edit(&file("Dockerfile"), "image.version=1.0.0", "image.version=0.9.0");
    edit(&file("Dockerfile"), "cargo build --locked", "cargo build");
    edit(&file("Cargo.lock"), "checksum = \"ab\"\n", "");
    edit(&file("Cargo.lock"), "version = \"2.0.0\"", "version = \"2.1.0\"");
    edit(&file("scenarios/desk/task.yaml"), "max_steps: 6", "max_steps: 7");
    let told = finds(folder.path(), &["audit", "--level", "static,runtime", "--seeds", "0..0"]);
    for (id, finding) in [
        ("static.manifest", "openenv.yaml:9: `reward.floor_margin` must be at least 0.1, as the policy says"),
        (
            "static.manifest",
            "a step may pay from -1 to 0.7 by the rubric `desk`; expected from 0 to 0.1, as `reward.range` of `openenv.yaml` says",
        ),
        ("static.timeout_ceiling", "an episode may take 7200 s; expected at most 3600 s"),
        (
            "static.reproducible_build",
            "Dockerfile:4: the base image `debian:bookworm` is a tag, which moves; expected `debian:bookworm@sha256:...`",
        ),
        (
            "static.reproducible_build",
            "Dockerfile:3: cargo may choose other versions than those of the lock file; expected `--locked`",
        ),
        (
            "static.image_hygiene",
            "Dockerfile:4: it runs as root; expected a `USER` without rights, such as `USER 65532:65532`",
        ),
        ("static.image_hygiene", "Dockerfile:10: `API_TOKEN` stays in the image's history"),
        ("static.layout", "Dockerfile:9: `data.tar.gz` is an archive"),
        ("static.oci_labels", "Dockerfile:5: the label says version `0.9.0`; expected `1.0.0`, as `openenv.yaml` says"),
        ("static.dependency_pinning", "Cargo.lock:10: `left 2.1.0` has no checksum"),
        ("static.sbom", "sbom.cdx.json: it lacks 1 packages of the lock file, such as left 2.1.0"),
        ("static.task_distribution_pinning", "openenv.yaml:18: `dataset_version` is `sha256:"),
        ("runtime.reward_well_formed", "desk/desk-monday seed 0: `oracle`: the reward of step 1 is 0."),
        ("runtime.tool_declaration_accuracy", "desk: the tool `look` is declared and not offered"),
        ("runtime.task_declaration_accuracy", "desk: the split `train` has 1 tasks and 2 are declared"),
        ("runtime.task_declaration_accuracy", "desk: there is no split `test`, which is declared"),
    ] {
        let lines = about(&told, id);
        assert!(lines.iter().any(|line| line.contains(finding)), "{id}: {finding}\n{told}");
    }
}

#[test]
fn a_bill_of_materials_lacks_no_checksum() {
    let folder = package();
    succeeds(folder.path(), &["audit", "--only", "static.sbom"]);
    edit(&folder.path().join("sbom.cdx.json"), "\"ab\"", "\"cd\"");
    let told = finds(folder.path(), &["audit", "--only", "static.sbom"]);
    assert!(told.contains("it lacks the checksums of 1 packages of the lock file, such as left 2.0.0"), "{told}");
}

#[test]
fn a_package_is_about_the_packs_that_its_image_is_built_with() {
    let folder = package();
    let far = folder.path().join("others/far/desk");
    crate::shell::copy(&folder.path().join("scenarios/desk"), &far);
    let audit = |pack: &str| succeeds(folder.path(), &["audit", pack, "--only", "static.timeout_ceiling"]);
    // The whole folder is copied into the image.
    assert!(audit("others/far/desk").contains("pass  static.timeout_ceiling"));
    edit(&folder.path().join("Dockerfile"), "COPY . /src", "COPY Cargo.toml scenarios /src/");
    assert!(audit("scenarios/desk").contains("pass  static.timeout_ceiling"));
    let told = audit("others/far/desk");
    let reason = "no `openenv.yaml`, in the pack's folder or above it, is about the pack";
    assert!(told.contains("skip  static.timeout_ceiling") && told.contains(reason), "{told}");
    // Without a recipe what is near counts, and another repository does not.
    fs::remove_file(folder.path().join("Dockerfile")).expect("it goes");
    assert!(audit("scenarios/desk").contains("pass  static.timeout_ceiling"));
    assert!(audit("others/far/desk").contains("skip  static.timeout_ceiling"));
    fs::create_dir(folder.path().join("scenarios/.git")).expect("a folder");
    assert!(audit("scenarios/desk").contains("skip  static.timeout_ceiling"));
}

#[test]
fn the_shipped_manifest_pins_the_tasks_of_its_pack() {
    let told = succeeds(&root(), &["audit", PACK, "--only", "static.task_distribution_pinning"]);
    assert!(told.contains("pass  static.task_distribution_pinning"), "{told}");
}

#[test]
fn reports_are_written_in_every_format() {
    let folder = pack();
    let edits = folder.path().join("scenarios/desk/rubric.yaml");
    edit(&edits, "weight: 0.1, grader: completion", "weight: 0.1, grader: expression, value: \"0\"");
    let audit = |more: &[&str]| {
        casebook(folder.path(), &[&["audit", "--level", "semantic", "--seeds", "0..0"][..], more].concat())
    };
    let junit = stdout(&audit(&["--format", "junit"]));
    assert!(
        junit.contains("<testsuite name=\"semantic\" tests=\"8\" skipped=\"2\" errors=\"0\" failures=\"1\">"),
        "{junit}"
    );
    let markdown = stdout(&audit(&["--format", "markdown"]));
    assert!(markdown.contains("| fail | `semantic.oracle_max` | what is right gets the maximum |"), "{markdown}");
    let output = audit(&["--format", "html", "--output", "audit.html"]);
    assert_eq!(
        (code(&output), stdout(&output)),
        (1, "wrote audit.html: 8 checks: 5 pass, 1 fail, 2 skip; verdict: fail\n".into())
    );
    let page = fs::read_to_string(folder.path().join("audit.html")).expect("the page");
    assert!(page.contains("<code>semantic.oracle_max</code>") && !page.contains("http"), "{page}");
    let refused = audit(&["--format", "sarif"]);
    assert_eq!(code(&refused), 2, "{}", stderr(&refused));
}

#[test]
fn what_is_known_is_allowed_until_it_expires() {
    let folder = pack();
    edit(
        &folder.path().join("scenarios/desk/rubric.yaml"),
        "weight: 0.1, grader: completion",
        "weight: 0.1, grader: expression, value: \"0\"",
    );
    let write = |text: &str| fs::write(folder.path().join("known.yaml"), text).expect("written");
    let audit = || {
        casebook(
            folder.path(),
            &["audit", "--only", "semantic.oracle_max,semantic.floor_gap", "--baseline", "known.yaml"],
        )
    };
    write("- { id: semantic.oracle_max, pack: desk, reason: the tenth is for later, expires: 2999-12-31 }\n");
    let output = audit();
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("(allowed: the tenth is for later)"), "{}", stdout(&output));
    write("- { id: semantic.oracle_max, reason: the tenth is for later, expires: 2020-12-31 }\n");
    let output = audit();
    let expired =
        "error: the entry for `semantic.oracle_max` expired on 2020-12-31; remove it, or fix what it allows\n";
    assert_eq!((code(&output), stderr(&output).as_str()), (1, expired));
    write(
        "- { id: semantic.oracle_max, reason: known, expires: 2999-12-31 }\n- { id: semantic.floor_gap, task: desk-monday, reason: known, expires: 2999-12-31 }\n",
    );
    let output = audit();
    let unused = "error: the entry for `semantic.floor_gap` of `desk-monday` allows nothing any more; remove it\n";
    assert_eq!((code(&output), stderr(&output).as_str()), (1, unused));
    write("- { id: semantic.oracle_mx, reason: '', expires: tomorrow }\n");
    assert_eq!(
        (code(&audit()), stderr(&audit()).as_str()),
        (
            2,
            "error: known.yaml: there is no check `semantic.oracle_mx`; did you mean `semantic.oracle_max`?\n\
             error: known.yaml: the entry for `semantic.oracle_mx` has no `reason`\n\
             error: known.yaml: the entry for `semantic.oracle_mx`: `expires` is `tomorrow`, expected a day such as `2026-12-31`\n"
        )
    );
}

#[test]
fn what_cannot_be_audited_is_an_error() {
    let folder = pack();
    let broken = folder.path().join("broken");
    crate::shell::copy(&folder.path().join("scenarios/desk"), &broken);
    edit(&broken.join("rules.yaml"), "because:", "becuase:");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    for (args, expected, words) in [
        (&["audit", "empty"][..], 1, "error: nothing was audited: a pack has errors, or there is none"),
        (&["audit", "broken"], 1, "error: nothing was audited: a pack has errors, or there is none"),
        (
            &["audit", "--only", "semantic.oracle_mx"],
            2,
            "there is no check `semantic.oracle_mx`; did you mean `semantic.oracle_max`?",
        ),
        (
            &["audit", "--only", "semantic.oracle_max", "--level", "static"],
            2,
            "no check has both such an id and such a level",
        ),
        (
            &["audit", "https://desk.example"],
            2,
            "expected `http://HOST:PORT`; of a server behind TLS, audit the port behind it",
        ),
        (&["audit", "http://127.0.0.1:1", "scenarios"], 2, "an address is audited alone"),
        (&["audit", "--plan", "plan.json"], 2, "`--plan` is for a server that is audited by its address"),
        (&["audit", "--sbom", "sbom.cdx.json"], 2, "there is no bill of materials to write"),
        (&["audit", "http://127.0.0.1:1", "--only", "runtime.startup"], 1, "the server does not answer"),
    ] {
        let output = casebook(folder.path(), args);
        let told = stdout(&output) + &stderr(&output);
        assert!(code(&output) == expected && told.contains(words), "{args:?}\n{told}");
    }
}

/// A server that ends with the test.
struct Serving(Child, String);

impl Serving {
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_casebook"))
            .args(["serve", "--port", "0", "--format", "json", "--no-reload"])
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let told: Value = serde_json::from_str(&line).expect("JSON");
        Self(child, told["url"].as_str().expect("an address").to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_is_audited_by_its_address() {
    let folder = pack();
    let plan = json!({
        "plan_schema_version": "1", "reset": { "episode_id": "plan", "seed": 7, "options": { "task_id": "desk-monday" } },
        "actions": [{ "queue": "answer" }, { "queue": "refund" }, { "queue": "security" }],
    });
    fs::write(folder.path().join("plan.json"), plan.to_string()).expect("written");
    let server = Serving::start(folder.path());
    let report = json(&casebook(folder.path(), &["audit", &server.1, "--plan", "plan.json", "--format", "json"]));
    for id in [
        "startup",
        "reward_well_formed",
        "observation_schema",
        "state_contract",
        "seed_control",
        "episode_determinism",
        "episode_isolation",
        "host_containment",
        "oracle_containment",
    ] {
        assert_eq!(status(&report, &format!("runtime.{id}")), "pass", "{id}\n{report:#}");
    }
    for id in [
        "static.manifest",
        "runtime.rubric_introspectable",
        "runtime.trajectory_record",
        "semantic.oracle_max",
        "statistical.headroom",
    ] {
        assert_eq!(status(&report, id), "skip", "{id}\n{report:#}");
    }
    let report = json(&casebook(folder.path(), &["audit", &server.1, "--format", "json"]));
    assert_eq!(
        (status(&report, "runtime.startup"), status(&report, "runtime.reward_well_formed")),
        ("pass".into(), "skip".into())
    );
    // A server that shows the truth to everybody, as `--open` does, is found out.
    let open = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["serve", "--port", "0", "--format", "json", "--no-reload", "--open"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut open = Serving(open.expect("it starts"), String::new());
    let mut line = String::new();
    BufReader::new(open.0.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let url = serde_json::from_str::<Value>(&line).expect("JSON")["url"].as_str().expect("an address").to_owned();
    let told = finds(folder.path(), &["audit", &url, "--plan", "plan.json", "--only", "runtime.oracle_containment"]);
    assert!(
        told.contains("GET /sessions/{id}/truth answers nobody; expected 401 or 403, as without `--open`"),
        "{told}"
    );
}

/// What the recipes of the cookbook show on purpose, or have to be this small to show: each is true.
const KNOWN: [(&str, &str); 3] = [
    ("statistical.headroom", "parcels/parcels-june: `always(high)`, which knows nothing, scores 1.000"),
    ("statistical.adversarial_floor", "careful-agent/morning: `keywords` scores as much as the oracle"),
    ("statistical.gameability_gap", "shop/shopping: `random` earns"),
];

#[test]
fn recipes_without_a_defect_have_no_finding() {
    let recipes = fs::read_dir(root().join("docs/cookbook")).expect("the cookbook");
    let recipes = recipes.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    // Some have the name of another one, and one needs a library of Python.
    let apart = ["ranks", "tools", "textsim"];
    let (apart, together): (Vec<_>, Vec<_>) = recipes
        .map(|path| path.display().to_string())
        .partition(|path| apart.iter().any(|name| path.ends_with(&format!("/{name}"))));
    let apart: Vec<String> = apart.into_iter().filter(|path| !path.ends_with("/textsim")).collect();
    let mut found = Vec::new();
    for recipes in [together, apart] {
        let recipes: Vec<&str> = recipes.iter().map(String::as_str).collect();
        let options = ["--level", "semantic,statistical", "--seeds", "0..3", "--format", "json"];
        let output = casebook(&root(), &[&["audit"], &recipes[..], &options].concat());
        for result in json(&output)["results"].as_array().expect("results") {
            let evidence = result["evidence"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let findings = result["measured"]["findings"].as_array().map_or(0, Vec::len);
            let id = result["check_id"].as_str().expect("an id").to_owned();
            found.extend(evidence.take(findings).map(|line| (id.clone(), line.to_owned())));
        }
    }
    let unknown: Vec<_> = found
        .iter()
        .filter(|(id, line)| !KNOWN.iter().any(|(known, begin)| id == known && line.contains(begin)))
        .collect();
    assert!(unknown.is_empty() && found.len() == KNOWN.len(), "{found:#?}");
}

#[test]
fn packs_that_start_programs_need_to_be_allowed() {
    let output = casebook(&root(), &["audit", "docs/cookbook/textsim", "--only", "semantic.oracle_max"]);
    assert_eq!(code(&output), 1);
    assert!(stderr(&output).contains("--allow-process-plugins"), "{}", stderr(&output));
}

#[cfg(unix)]
#[test]
fn an_interrupted_audit_leaves_nothing_behind() {
    let (folder, temporary) = (pack(), TempDir::new().expect("a folder"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_casebook"))
        .args(["audit", "--seeds", "0..9999"])
        .current_dir(folder.path())
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    let left = || fs::read_dir(temporary.path()).expect("a folder").count();
    let begin = std::time::Instant::now();
    while left() == 0 && begin.elapsed().as_secs() < 60 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    // The folder is there a moment before the signal is listened for.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    assert_eq!((child.wait().expect("it ends").code(), left()), (Some(130), 0));
}

/// As a release does: the bill of materials is written first, and what is known has a reason.
#[test]
fn this_package_passes_the_static_checks_with_its_baseline() {
    let folder = TempDir::new().expect("a folder");
    copy(&root().join(PACK), &folder.path().join(PACK));
    fs::create_dir(folder.path().join("deploy")).expect("a folder");
    for file in ["openenv.yaml", "Dockerfile", "Cargo.lock", "deploy/audit.yaml", "deploy/runtime.json"] {
        fs::copy(root().join(file), folder.path().join(file)).expect("copied");
    }
    let args = ["--level", "static", "--baseline", "deploy/audit.yaml", "--sbom", "deploy/sbom.cdx.json"];
    let told = succeeds(folder.path(), &[&["audit", PACK], &args[..]].concat());
    assert!(told.contains("10 checks: 10 pass; verdict: pass"), "{told}");
}
