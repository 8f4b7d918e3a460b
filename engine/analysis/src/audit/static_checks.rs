//! What the files of a package say.

use std::{collections::HashSet, time::Instant};

use casebook_compile::reward_range;
use casebook_runtime::{rubric::Rubric, scenario::Pack, settings::RewardMode};

use super::{
    bar::find,
    dockerfile::Dockerfile,
    lock,
    manifest::{MAX_EPISODE_TIMEOUT, MAX_ORACLE_TOLERANCE, MAX_VARIANCE_TOLERANCE, MIN_FLOOR_MARGIN, line_of},
    package::{File, Package, distribution_digest},
    report::{Finding, Outcome, Place},
    sbom::unhashed,
};

/// What checks of this level look at.
struct Subject<'a> {
    package: &'a Package,
    /// The pack that the manifest is about, if it is audited.
    pack: Option<&'a Pack>,
}

type Run = fn(&Subject<'_>) -> Outcome;

const CHECKS: &[(&str, Run)] = &[
    ("static.manifest", manifest),
    ("static.reproducible_build", reproducible_build),
    ("static.image_hygiene", image_hygiene),
    ("static.layout", layout),
    ("static.sbom", bill),
    ("static.oci_labels", labels),
    ("static.resource_declaration", resources),
    ("static.timeout_ceiling", timeout),
    ("static.dependency_pinning", dependencies),
    ("static.task_distribution_pinning", distribution),
];

/// The labels that an image needs.
const LABELS: [&str; 5] = ["title", "description", "version", "licenses", "source"];
const LABEL: &str = "org.opencontainers.image.";
/// Endings of archives.
const ARCHIVES: [&str; 7] = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".zip", ".7z"];
/// How far apart rewards may be that count as equal.
const NEAR: f64 = 1e-9;
/// Words of variables that hold secrets.
const SECRETS: [&str; 4] = ["PASSWORD", "SECRET", "TOKEN", "API_KEY"];

/// Runs the checks whose id is wanted, on a package and the packs that are audited with it.
pub fn run(package: Option<&Package>, packs: &[&Pack], wanted: &dyn Fn(&str) -> bool) -> Vec<(&'static str, Outcome)> {
    let checks = CHECKS.iter().filter(|(id, _)| wanted(id));
    let Some(package) = package else {
        let reason =
            "no `openenv.yaml`, in the pack's folder or above it, is about the pack; a pack alone is not a package";
        return checks.map(|(id, _)| (*id, Outcome::skip(reason))).collect();
    };
    let subject = Subject { package, pack: package.described(packs) };
    checks
        .map(|(id, run)| {
            let begin = Instant::now();
            let outcome = run(&subject);
            debug_assert!(find(id).is_some(), "{id}");
            (*id, Outcome { took: begin.elapsed(), ..outcome })
        })
        .collect()
}

/// The outcome of a check of the manifest: skipped where that is not valid, which `static.manifest` reports.
fn declared(subject: &Subject<'_>, check: impl FnOnce(&super::Manifest, &dyn Fn(&str) -> Place) -> Outcome) -> Outcome {
    let file = &subject.package.manifest_file;
    match &subject.package.manifest {
        Ok(manifest) => check(manifest, &|key| Place::line(&file.path, line_of(&file.text, key))),
        Err(_) => Outcome::skip(format!("`{}` is not valid; see static.manifest", file.path.display())),
    }
}

/// The outcome of a check of the recipe.
fn recipe(subject: &Subject<'_>, check: impl FnOnce(&File, &Dockerfile) -> Outcome) -> Outcome {
    match &subject.package.dockerfile {
        Some((file, dockerfile)) if !dockerfile.stages.is_empty() => check(file, dockerfile),
        Some((file, _)) => Outcome::default().with([Finding::new(Place::line(&file.path, 0), "it has no `FROM`")]),
        None => Outcome::skip(format!("`{}` has no Dockerfile", subject.package.shown())),
    }
}

fn manifest(subject: &Subject<'_>) -> Outcome {
    let file = &subject.package.manifest_file;
    let problems = match &subject.package.manifest {
        Err(problems) => problems.clone(),
        Ok(manifest) => {
            let reward = &manifest.validation.reward;
            let bounds = [
                ("oracle_tolerance", reward.oracle_tolerance > MAX_ORACLE_TOLERANCE, MAX_ORACLE_TOLERANCE, "most"),
                ("floor_margin", reward.floor_margin < MIN_FLOOR_MARGIN, MIN_FLOOR_MARGIN, "least"),
                (
                    "variance_tolerance",
                    reward.variance_tolerance.is_some_and(|most| most > MAX_VARIANCE_TOLERANCE),
                    MAX_VARIANCE_TOLERANCE,
                    "most",
                ),
            ];
            let beyond = bounds.into_iter().filter(|(_, beyond, ..)| *beyond);
            beyond
                .map(|(key, _, bound, word)| {
                    (line_of(&file.text, key), format!("`reward.{key}` must be at {word} {bound}, as the policy says"))
                })
                .collect()
        }
    };
    let findings = problems.into_iter().map(|(line, text)| Finding::new(Place::line(&file.path, line), text));
    let range = subject.package.manifest.as_ref().ok().map(|manifest| manifest.validation.reward.range);
    let beyond = subject.pack.zip(range).map(|(pack, range)| beyond(pack, range)).unwrap_or_default();
    Outcome::looked(format!("read `{}`", file.path.display())).with(findings.chain(beyond))
}

/// The rubrics that may pay more or less than the declared range, by interval arithmetic over their components.
fn beyond(pack: &Pack, (low, high): (f64, f64)) -> Vec<Finding> {
    // With a list of decisions, a step pays for as many items as the agent wants.
    let is_batch = pack.action.declaration.list.is_some();
    let rubrics: Vec<&Rubric> = pack.tasks().iter().map(|task| &*task.rubric).collect();
    let finding = |rubric: &Rubric| {
        let bounds = if is_batch && rubric.mode == RewardMode::Sum { rubric.clip } else { reward_range(rubric) };
        let (least, greatest) = bounds.filter(|(least, greatest)| *least < low - NEAR || *greatest > high + NEAR)?;
        let first = rubric.components.first().copied().unwrap_or(rubric.score);
        let place = &rubric.nodes[first].place;
        let round = |number: f64| (number * 1e6).round() / 1e6 + 0.0;
        let text =
            format!("a step may pay from {} to {} by the rubric `{}`", round(least), round(greatest), rubric.name);
        let expected = format!("from {low} to {high}, as `reward.range` of `openenv.yaml` says; `clip` keeps it there");
        Some(Finding::new(Place::line(place.path.as_ref(), place.line), text).expected(expected))
    };
    let mut known = HashSet::new();
    rubrics.into_iter().filter(|rubric| known.insert(rubric.name.as_str())).filter_map(finding).collect()
}

fn reproducible_build(subject: &Subject<'_>) -> Outcome {
    recipe(subject, |file, dockerfile| {
        let at = |line: usize, text: String| Finding::new(Place::line(&file.path, line), text);
        let unpinned = dockerfile.bases().into_iter().filter(|(base, _)| !base.contains("@sha256:"));
        let mut findings: Vec<Finding> = unpinned
            .map(|(base, line)| {
                at(line, format!("the base image `{base}` is a tag, which moves"))
                    .expected(format!("`{base}@sha256:...`"))
            })
            .collect();
        for run in dockerfile.all().filter(|one| one.word == "RUN") {
            let has = |word: &str| run.rest.contains(word);
            if (has("cargo build") || has("cargo install")) && !has("--locked") && !has("--frozen") {
                findings.push(
                    at(run.line, "cargo may choose other versions than those of the lock file".into())
                        .expected("`--locked`"),
                );
            }
            if has("apt-get upgrade") || has("apk upgrade") {
                findings.push(at(run.line, "what is upgraded depends on the day of the build".into()));
            }
            if has("pip install") && !has("--require-hashes") && !has("-r ") && !has("==") {
                findings.push(at(run.line, "pip may choose any version".into()).expected("versions (`name==1.2.3`)"));
            }
        }
        let note = format!("read `{}`; the image itself was not built", file.path.display());
        // That nothing in it moves does not show that two builds agree.
        if findings.is_empty() {
            Outcome::skip(format!("{note}, so two builds were not compared"))
        } else {
            Outcome::looked(note).with(findings)
        }
    })
}

fn image_hygiene(subject: &Subject<'_>) -> Outcome {
    recipe(subject, |file, dockerfile| {
        let at = |line: usize, text: String| Finding::new(Place::line(&file.path, line), text);
        let image = dockerfile.image();
        let first = image.first().map_or(0, |from| from.line);
        let mut findings = Vec::new();
        if dockerfile.stages.len() < 2 {
            findings.push(
                at(first, "the image is built in one stage, so it holds what built it".into())
                    .expected("a stage to build, and one to run"),
            );
        }
        let user = image.iter().rfind(|one| one.word == "USER").map(|one| one.rest.as_str());
        let is_root = user.is_none_or(|user| ["root", "0"].contains(&user.split(':').next().unwrap_or_default()));
        if is_root {
            findings.push(
                at(first, "it runs as root".into()).expected("a `USER` without rights, such as `USER 65532:65532`"),
            );
        }
        for one in dockerfile.all() {
            let name = one.rest.split(['=', ' ']).next().unwrap_or_default().to_uppercase();
            if matches!(one.word.as_str(), "ENV" | "ARG") && SECRETS.iter().any(|word| name.contains(word)) {
                findings.push(at(one.line, format!("`{name}` stays in the image's history")));
            }
        }
        for run in image.iter().filter(|one| one.word == "RUN") {
            if run.rest.contains("apt-get install") && !run.rest.contains("/var/lib/apt/lists") {
                findings.push(
                    at(run.line, "lists of packages stay in the image".into())
                        .expected("`rm -rf /var/lib/apt/lists/*` in the same `RUN`"),
                );
            }
            if run.rest.contains("pip install") && !run.rest.contains("--no-cache-dir") {
                findings.push(at(run.line, "pip's cache stays in the image".into()).expected("`--no-cache-dir`"));
            }
        }
        for copy in image.iter().filter(|one| one.word == "COPY" && !one.rest.contains("--from=")) {
            if copy.rest.split_whitespace().next() == Some(".") {
                findings.push(
                    at(copy.line, "the whole folder is copied".into()).expected("the files that the image needs"),
                );
            }
        }
        Outcome::looked(format!("read `{}`", file.path.display())).with(findings)
    })
}

fn layout(subject: &Subject<'_>) -> Outcome {
    recipe(subject, |file, dockerfile| {
        let findings =
            dockerfile.image().iter().filter(|one| matches!(one.word.as_str(), "COPY" | "ADD")).filter_map(|one| {
                let archive =
                    one.rest.split_whitespace().find(|word| ARCHIVES.iter().any(|end| word.ends_with(end)))?;
                Some(Finding::new(Place::line(&file.path, one.line), format!("`{archive}` is an archive")))
            });
        Outcome::looked(format!("read `{}`", file.path.display())).with(findings)
    })
}

fn bill(subject: &Subject<'_>) -> Outcome {
    let folder = subject.package.shown();
    let Some((file, listed)) = &subject.package.bill else {
        let shown = Place::line(subject.package.folder.join("openenv.yaml"), 0);
        return Outcome::default().with([Finding::new(shown, "no bill of materials comes with the package")
            .expected("a CycloneDX or SPDX document next to `openenv.yaml`")]);
    };
    let place = || Place::line(&file.path, 0);
    let Some(listed) = listed else {
        return Outcome::default().with([Finding::new(place(), "it is neither CycloneDX nor SPDX as JSON")]);
    };
    let Some(lock) = subject.package.cargo_lock() else {
        return Outcome::skip(format!("`{folder}` has no Cargo.lock to compare `{}` with", file.path.display()));
    };
    let locked = lock::packages(lock);
    let missing: Vec<String> = locked
        .iter()
        .filter(|one| !listed.contains(&(one.name.clone(), one.version.clone())))
        .map(|one| format!("{} {}", one.name, one.version))
        .collect();
    let finding = |what: &str, names: &[String]| {
        let first = names.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        let text = format!("it lacks {what}{} packages of the lock file, such as {first}", names.len());
        (!names.is_empty()).then(|| Finding::new(place(), text))
    };
    Outcome::looked(format!("compared `{}` with the lock file", file.path.display()))
        .measured("components", listed.len())
        .with(finding("", &missing))
        .with(finding("the checksums of ", &unhashed(&file.text, &locked)))
}

fn labels(subject: &Subject<'_>) -> Outcome {
    recipe(subject, |file, dockerfile| {
        let labels = dockerfile.labels();
        let value =
            |name: &str| labels.iter().find(|(key, _)| key.strip_prefix(LABEL) == Some(name)).map(|(_, value)| value);
        let line = dockerfile
            .image()
            .iter()
            .find(|one| one.word == "LABEL")
            .or(dockerfile.image().first())
            .map_or(0, |one| one.line);
        let at = |text: String| Finding::new(Place::line(&file.path, line), text);
        let mut findings: Vec<Finding> = LABELS
            .into_iter()
            .filter(|name| value(name).is_none_or(|value| value.trim().is_empty()))
            .map(|name| at(format!("the label `{LABEL}{name}` is missing")))
            .collect();
        let declared = subject.package.manifest().and_then(|manifest| manifest.version.as_ref());
        if let (Some(label), Some(declared)) = (value("version"), declared)
            && label != declared
            && !label.starts_with('$')
        {
            findings.push(
                at(format!("the label says version `{label}`"))
                    .expected(format!("`{declared}`, as `openenv.yaml` says")),
            );
        }
        Outcome::looked(format!("read `{}`", file.path.display())).with(findings)
    })
}

fn resources(subject: &Subject<'_>) -> Outcome {
    declared(subject, |manifest, _| {
        let needs = &manifest.validation.resources;
        Outcome::looked("declared")
            .measured("cpu", needs.cpu)
            .measured("memory_mb", needs.memory_mb)
            .measured("disk_mb", needs.disk_mb)
            .measured("gpus", needs.gpus)
    })
}

fn timeout(subject: &Subject<'_>) -> Outcome {
    declared(subject, |manifest, at| {
        let most = manifest.validation.resources.episode_timeout_s;
        let finding = (most > MAX_EPISODE_TIMEOUT).then(|| {
            Finding::new(at("episode_timeout_s"), format!("an episode may take {most} s"))
                .expected(format!("at most {MAX_EPISODE_TIMEOUT} s"))
        });
        Outcome::looked("declared").measured("episode_timeout_s", most).with(finding)
    })
}

fn dependencies(subject: &Subject<'_>) -> Outcome {
    let Some(file) = &subject.package.lock else {
        let place = Place::line(&subject.package.manifest_file.path, 0);
        return Outcome::default()
            .with([Finding::new(place, "the package has no lock file")
                .expected(format!("one of {}", lock::NAMES.join(", ")))]);
    };
    let note = format!("read `{}`", file.path.display());
    let at = |line: usize, text: String| Finding::new(Place::line(&file.path, line), text);
    if file.path.ends_with("requirements.txt") {
        let lines =
            file.text.lines().enumerate().map(|(at, line)| (at + 1, line.split('#').next().unwrap_or_default().trim()));
        let open = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('-') && !line.contains("=="));
        return Outcome::looked(note)
            .with(open.map(|(line, text)| at(line, format!("`{text}` has no version")).expected("`name==1.2.3`")));
    }
    if !file.path.ends_with("Cargo.lock") {
        return Outcome::looked(note);
    }
    let all = lock::packages(&file.text);
    let open = all.iter().filter(|one| match &one.source {
        Some(source) if source.starts_with("git+") => !source.contains('#'),
        Some(_) => one.checksum.is_none(),
        None => false,
    });
    let findings = open.map(|one| at(one.line, format!("`{} {}` has no checksum", one.name, one.version)));
    Outcome::looked(note).measured("packages", all.len()).with(findings)
}

fn distribution(subject: &Subject<'_>) -> Outcome {
    let Some(pack) = subject.pack else {
        return Outcome::skip("the pack that `openenv.yaml` is about is not audited");
    };
    let digest = distribution_digest(pack);
    declared(subject, |manifest, at| {
        let pin = manifest.validation.task_distribution.clone().unwrap_or_default().dataset_version;
        let finding = match &pin {
            Some(pin) if *pin == digest => None,
            Some(pin) => Some(Finding::new(at("dataset_version"), format!("`dataset_version` is `{pin}`"))),
            None => Some(Finding::new(at("validation"), "`task_distribution.dataset_version` is missing")),
        };
        Outcome::looked(format!("the tasks of `{}` are {digest}", pack.name()))
            .measured("digest", digest.clone())
            .with(finding.map(|finding| finding.expected(format!("`{digest}`"))))
    })
}
