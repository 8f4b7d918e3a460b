//! `casebook audit`

use std::{
    env, fs,
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use casebook_analysis::{
    audit::{
        self, Allowance, BAR, Check, Level, Outcome, Package, Report, Result as Checked, Sample, Severity, Status,
        Verdict, Written,
    },
    starts::Starts,
};
use casebook_runtime::{
    hash::sha256,
    model::format_moment,
    names::nearest,
    scenario::{Catalog, Pack},
};
use casebook_syntax::source::{self, SourceSet};
use rayon::prelude::*;
use tempfile::TempDir;

use crate::{
    args::{AuditArgs, Format},
    audit::{
        client::{Client, Credentials},
        html, licences, markdown,
        runtime_checks::{self, Outcomes, Ran, Subject},
        served::Served,
        wire::Plan,
    },
    exit::Exit,
    files, formats, interrupt,
    output::{self, count},
    packs, plugins,
    progress::Progress,
};

/// Seeds of each task, and tasks of each family, that are played over a socket.
const OVER_SOCKET: usize = 2;
/// Policies of the pack that are played over a socket, next to the oracle and the random one.
const OWN_POLICIES: usize = 2;
/// The checks of runtime and semantic level that need a manifest about the pack.
const OF_MANIFEST: [&str; 3] =
    ["runtime.tool_declaration_accuracy", "runtime.task_declaration_accuracy", "semantic.resource_envelope"];
const LEAKAGE: &str = "semantic.no_solution_leakage";
const RECORD: &str = "runtime.trajectory_record";

pub(crate) fn run(args: &AuditArgs, format: Format) -> Exit {
    match audit(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn audit(args: &AuditArgs, format: Format) -> Result<Exit, Exit> {
    known(&args.only)?;
    let allowances = args.baseline.as_deref().map(allowances).transpose()?.unwrap_or_default();
    let wanted = |check: &Check| {
        (args.only.is_empty() || args.only.iter().any(|id| id == check.id))
            && (args.level.is_empty() || args.level.iter().any(|level| level.of_checks() == check.level))
    };
    if !BAR.iter().any(wanted) {
        output::error("no check has both such an id and such a level");
        return Err(Exit::Usage);
    }
    let is_wanted = |id: &str| audit::find(id).is_some_and(wanted);
    let progress = Progress::start("checks run");
    let mut report = match address(args)? {
        Some(url) => of_server(args, &url, &wanted, &is_wanted)?,
        None => of_packs(args, format, &wanted, &is_wanted)?,
    };
    drop(progress);
    let problems = report.allow(&allowances, &today());
    write(args, format, &report)?;
    problems.iter().for_each(output::error);
    let sound = match report.verdict() {
        Verdict::Pass => true,
        Verdict::Warn => !args.strict,
        Verdict::Fail => false,
    };
    Ok(if sound && problems.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Complains about ids that are none.
fn known(ids: &[String]) -> Result<(), Exit> {
    let mut sound = true;
    for id in ids.iter().filter(|id| audit::find(id).is_none()) {
        let near = nearest(id, BAR.iter().map(|check| check.id)).map(|near| format!("; did you mean `{near}`?"));
        let near = near.unwrap_or_else(|| "; `casebook audit --level static` lists some".to_owned());
        output::error(format!("there is no check `{id}`{near}"));
        sound = false;
    }
    if sound { Ok(()) } else { Err(Exit::Usage) }
}

fn allowances(path: &Path) -> Result<Vec<Allowance>, Exit> {
    let text = files::read_text(path).map_err(|problem| {
        output::error(problem);
        Exit::Failure
    })?;
    audit::read_allowances(&text).map_err(|problems| {
        problems.iter().for_each(|problem| output::error(format!("{}: {problem}", path.display())));
        Exit::Usage
    })
}

/// The address that is to be audited, if it is one.
fn address(args: &AuditArgs) -> Result<Option<String>, Exit> {
    let texts: Vec<String> = args.packs.packs.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    let is_address = |text: &&String| text.starts_with("http://") || text.starts_with("https://");
    let found = texts.iter().find(is_address);
    if found.is_some() && texts.len() > 1 {
        output::error("an address is audited alone; audit packs by a command of their own");
        return Err(Exit::Usage);
    }
    if found.is_none() && args.plan.is_some() {
        output::error("`--plan` is for a server that is audited by its address; of a pack the actions are known");
        return Err(Exit::Usage);
    }
    Ok(found.cloned())
}

fn of_packs(
    args: &AuditArgs,
    format: Format,
    wanted: &dyn Fn(&Check) -> bool,
    is_wanted: &(dyn Fn(&str) -> bool + Sync),
) -> Result<Report, Exit> {
    let sources = source::read(&args.packs.packs);
    let mut checker = packs::checker();
    let compiled = checker.compile(&sources, 1);
    packs::show(&compiled.report, format);
    let Some(catalog) = compiled.catalog.clone().filter(|catalog| !catalog.packs().is_empty()) else {
        output::error("nothing was audited: a pack has errors, or there is none");
        return Err(Exit::Findings);
    };
    let package = package(&catalog)?;
    let package = match &args.sbom {
        Some(path) => {
            write_sbom(path, package.as_ref(), &catalog)?;
            // It may be one of the package's files now.
            self::package(&catalog)?
        }
        None => package,
    };
    let all: Vec<&Pack> = catalog.packs().iter().map(Arc::as_ref).collect();
    let sample = Sample { first: args.seeds.0, last: args.seeds.1 };
    let mut outcomes = audit::run_static(package.as_ref(), &all, is_wanted);
    let over_socket = is_wanted(LEAKAGE) || BAR.iter().any(|check| check.level == Level::Runtime && wanted(check));
    if plugins::may_start_processes() && !over_socket {
        end_when_interrupted(plugins::end)?;
    }
    if over_socket {
        let audited = Audited { catalog: &catalog, package: package.as_ref(), sample };
        outcomes.extend(audited.over_socket(&sources, checker, compiled, is_wanted)?);
    }
    // In the order of the packs, whichever is done first.
    let of_packs: Vec<Outcomes> = catalog
        .packs()
        .par_iter()
        .map(|pack| {
            let source = sources.packs.iter().find(|source| source.root == pack.folder());
            let written = source.map(Written::read).unwrap_or_default();
            let starts = Starts::new(pack);
            let mut outcomes = audit::run_semantic(&catalog, &starts, package.as_ref(), (sample, &written), is_wanted);
            outcomes.extend(audit::run_statistical(&starts, (sample, &written), is_wanted));
            outcomes
        })
        .collect();
    outcomes.extend(of_packs.into_iter().flatten());
    let reason = match &package {
        None => {
            "no `openenv.yaml`, in the pack's folder or above it, is about the pack, so nothing is declared".to_owned()
        }
        Some(package) if package.manifest().is_none() => "`openenv.yaml` is not valid; see static.manifest".to_owned(),
        Some(package) => {
            format!("`{}` is about another pack", package.folder.join("openenv.yaml").display())
        }
    };
    for id in OF_MANIFEST.into_iter().filter(|id| is_wanted(id)) {
        if !outcomes.iter().any(|(ran, _)| *ran == id) {
            outcomes.push((id, Outcome::skip(reason.clone())));
        }
    }
    let named: Vec<String> = args.packs.packs.iter().map(|path| path.display().to_string()).collect();
    let mut report = Report::new(named.join(" "), wanted, outcomes);
    report.source_digest = match &package {
        Some(package) => package.source_digest(&all),
        None => sha256(all.iter().map(|pack| pack.digest()).collect::<Vec<_>>().join(" ").as_bytes()),
    };
    report.manifest = package.as_ref().and_then(Package::manifest).map(audit::Manifest::to_json);
    Ok(report)
}

/// Cleans up before the program ends because it was interrupted.
fn end_when_interrupted(clean: impl FnOnce() + Send + 'static) -> Result<(), Exit> {
    interrupt::clean_up(clean).map_err(|error| {
        output::error(format!("cannot listen for signals: {error}"));
        Exit::Failure
    })
}

/// The package that all packs belong to.
fn package(catalog: &Catalog) -> Result<Option<Package>, Exit> {
    let mut found: Option<Package> = None;
    for pack in catalog.packs() {
        let package = Package::of(pack.folder()).map_err(|problem| {
            output::error(problem);
            Exit::Failure
        })?;
        let Some(package) = package else { continue };
        if found.as_ref().is_some_and(|found| found.folder != package.folder) {
            output::error("the packs belong to several packages, each with an `openenv.yaml`; audit them one by one");
            return Err(Exit::Usage);
        }
        found = Some(package);
    }
    Ok(found)
}

fn write_sbom(path: &Path, package: Option<&Package>, catalog: &Catalog) -> Result<(), Exit> {
    let lock = package.and_then(|package| Some((package, package.cargo_lock()?)));
    let Some((package, lock)) = lock else {
        output::error(
            "there is no bill of materials to write: the package has no `Cargo.lock` next to its `openenv.yaml`",
        );
        return Err(Exit::Usage);
    };
    let manifest = package.manifest();
    let name = manifest.map(|manifest| manifest.name.as_str()).or(catalog.packs().first().map(|pack| pack.name()));
    let version = manifest.and_then(|manifest| manifest.version.as_deref());
    let licences = licences::of(&package.folder).unwrap_or_else(|problem| {
        output::note(format!("the bill of materials has no licences: {problem}"));
        audit::Licences::new()
    });
    let bill = audit::sbom(name.unwrap_or_default(), version, lock, &licences);
    let text = serde_json::to_string_pretty(&bill).unwrap_or_default() + "\n";
    files::write(path, text).map_err(|error| {
        output::error(format!("`{}` cannot be written: {error}", path.display()));
        Exit::Failure
    })
}

/// Packs that are audited.
struct Audited<'a> {
    catalog: &'a Catalog,
    package: Option<&'a Package>,
    sample: Sample,
}

impl Audited<'_> {
    /// What is declared for a pack.
    fn manifest(&self, pack: &Pack) -> Option<&audit::Manifest> {
        let package = self.package?;
        let all: Vec<&Pack> = self.catalog.packs().iter().map(Arc::as_ref).collect();
        package.described(&all).filter(|described| described.name() == pack.name()).and(package.manifest())
    }

    /// Serves the packs on a free port and runs what needs a socket.
    fn over_socket(
        &self,
        sources: &SourceSet,
        checker: casebook_compile::check::Checker,
        compiled: casebook_compile::check::Compiled,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Outcomes, Exit> {
        let folder = TempDir::new().map_err(|error| {
            output::error(format!("there is no folder for the server's record: {error}"));
            Exit::Failure
        })?;
        let record = folder.path().join("record.jsonl");
        let left = folder.path().to_path_buf();
        end_when_interrupted(move || {
            plugins::end();
            // Nobody is left to read an error.
            let _ = fs::remove_dir_all(left);
        })?;
        let served = match Served::start(sources, checker, compiled, &record) {
            Ok(served) => served,
            Err(reason) => return Ok(runtime_checks::failed(&reason, wanted)),
        };
        let mut outcomes = Outcomes::new();
        let mut ended = Vec::new();
        for pack in self.catalog.packs() {
            let url = format!("http://{}/envs/{}", served.address, pack.name());
            let client = match Client::new(&url, served.credentials.clone()) {
                Ok(client) => client,
                Err(reason) => return Ok(runtime_checks::failed(&reason, wanted)),
            };
            let subject = Subject {
                client: &client,
                name: pack.name(),
                pack: Some(pack),
                manifest: self.manifest(pack),
                started: Some(served.took),
                plays: Vec::new(),
            };
            let ran = runtime_checks::run(subject, &self.plans(pack), wanted);
            outcomes.extend(ran.outcomes);
            outcomes.extend(wanted(LEAKAGE).then_some((LEAKAGE, ran.leakage)));
            ended.push((pack, ran.ended));
        }
        // It writes the last lines when it ends.
        drop(served);
        if wanted(RECORD) {
            let of = |(pack, ended): &(&Arc<Pack>, Vec<_>)| {
                (RECORD, runtime_checks::record(&record, self.catalog, pack, ended))
            };
            outcomes.extend(ended.iter().map(of));
        }
        Ok(outcomes)
    }

    /// What is played over a socket: each task with its first seeds, by the oracle, by chance and as the pack's own agents do.
    fn plans(&self, pack: &Arc<Pack>) -> Vec<Plan> {
        let own = pack.policies.keys().map(String::as_str).take(OWN_POLICIES);
        let agents: Vec<&str> = ["oracle", "random"].into_iter().chain(own).collect();
        let episodes = self.sample.tasks(pack).into_iter().flat_map(|task| task.into_iter().take(OVER_SOCKET));
        episodes
            .flat_map(|one| {
                agents.iter().filter_map(|name| Plan::of(pack, name, one.task.name(), one.seed)).collect::<Vec<_>>()
            })
            .collect()
    }
}

fn of_server(
    args: &AuditArgs,
    url: &str,
    wanted: &dyn Fn(&Check) -> bool,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Report, Exit> {
    if args.sbom.is_some() {
        output::error("`--sbom` needs the files of a package, and an address has none");
        return Err(Exit::Usage);
    }
    let token = |role: &str| env::var(format!("CASEBOOK_{role}_TOKEN")).ok().filter(|token| !token.is_empty());
    let credentials =
        Credentials { orchestrator: token("ORCHESTRATOR"), agent: token("AGENT"), grader: token("GRADER") };
    let client = Client::new(url, credentials).map_err(|problem| {
        output::error(problem);
        Exit::Usage
    })?;
    let plans: Vec<Plan> = args.plan.as_deref().map(plan).transpose()?.into_iter().collect();
    let mut outcomes = Outcomes::new();
    let mut digest = sha256(url.as_bytes());
    match client.get("/metadata") {
        Err(reason) => outcomes.extend(runtime_checks::failed(&reason, is_wanted)),
        Ok(metadata) => {
            digest = sha256(metadata.text.as_bytes());
            let name = metadata.json()["name"].as_str().unwrap_or("server").to_owned();
            let subject =
                Subject { client: &client, name: &name, pack: None, manifest: None, started: None, plays: Vec::new() };
            let Ran { outcomes: ran, .. } = runtime_checks::run(subject, &plans, is_wanted);
            outcomes.extend(ran);
        }
    }
    for check in BAR.iter().filter(|check| !outcomes.iter().any(|(ran, _)| *ran == check.id)).collect::<Vec<_>>() {
        let reason = match (check.level, check.id) {
            (Level::Static, _) => "an address has no files; audit the pack",
            (_, RECORD) => "the record is a file on the server's side; audit the pack",
            (Level::Runtime, _) => "what is declared is not known; audit the pack",
            _ => "what is right is not known; audit the pack",
        };
        outcomes.push((check.id, Outcome::skip(reason)));
    }
    let mut report = Report::new(url.to_owned(), wanted, outcomes);
    report.source_digest = digest;
    Ok(report)
}

fn plan(path: &Path) -> Result<Plan, Exit> {
    let text = files::read_text(path).map_err(|problem| {
        output::error(problem);
        Exit::Failure
    })?;
    Plan::read(&text).map_err(|problem| {
        output::error(format!("{}: not a runtime plan: {problem}", path.display()));
        Exit::Usage
    })
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    format_moment(now, "%Y-%m-%d").unwrap_or_default()
}

/// A word for what a check has found out; findings of less severity are warnings.
pub(crate) fn mark(result: &Checked) -> &'static str {
    match result.status() {
        Status::Fail if result.check.severity != Severity::Fail => "warn",
        status => status.name(),
    }
}

fn write(args: &AuditArgs, format: Format, report: &Report) -> Result<(), Exit> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(&report.to_json()).unwrap_or_default(),
        Format::Junit => formats::junit::audit(report),
        Format::Markdown => markdown::page(report),
        Format::Html => html::page(report),
        Format::Human | Format::Github | Format::Sarif | Format::Csv => human(report),
    };
    let Some(path) = &args.output else {
        output::text(text);
        return Ok(());
    };
    let plain = anstream::adapter::strip_str(&text).to_string();
    files::write(path, plain.trim_end().to_owned() + "\n").map_err(|error| {
        output::error(format!("`{}` cannot be written: {error}", path.display()));
        Exit::Failure
    })?;
    output::line(format!("wrote {}: {}", path.display(), totals(report)));
    Ok(())
}

fn human(report: &Report) -> String {
    let mut text = format!("{}\n", output::paint(&format!("audit of {}", report.target), "1"));
    let mut skipped = Vec::new();
    for result in &report.results {
        let mark = mark(result);
        let style = match mark {
            "pass" => "32",
            "warn" => "33",
            "skip" => "2",
            _ => "1;31",
        };
        text.push_str(&format!("  {} {}\n", output::paint(&format!("{mark:<5}"), style), result.check.id));
        if result.status() == Status::Pass && result.outcome.findings.is_empty() {
            continue;
        }
        let lines = result.lines();
        // What keeps many checks from running is printed once.
        if result.status() == Status::Skip && lines == skipped {
            continue;
        }
        lines.iter().for_each(|line| text.push_str(&format!("        {line}\n")));
        result.fix().iter().for_each(|fix| text.push_str(&format!("        fix: {fix}\n")));
        if result.status() == Status::Skip {
            skipped = lines;
        }
    }
    text.push_str(&totals(report));
    text
}

fn totals(report: &Report) -> String {
    let of = |wanted: &str| report.results.iter().filter(|result| mark(result) == wanted).count();
    let parts = ["pass", "warn", "fail", "error", "skip"].into_iter().filter(|word| of(word) > 0);
    let parts: Vec<String> = parts.map(|word| format!("{} {word}", of(word))).collect();
    format!("{}: {}; verdict: {}", count(report.results.len(), "check"), parts.join(", "), report.verdict().name())
}
