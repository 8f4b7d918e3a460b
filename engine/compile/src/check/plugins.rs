//! The plugins that an environment declares: found, loaded, and held to their own examples.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use casebook_runtime::{
    hash::sha256,
    plugin::{Guest, Host, Limits, Plugin, Program, Refusal},
};
use casebook_syntax::{
    diagnostic::{Code, Diagnostic, Fix, Report, command, did_you_mean, suggest},
    source::{self, MAX_MODULE_BYTES, ModuleFile, PackSource, ReadProblem, SourceSet},
    spec::{Content, Document, Environment, PluginLimits, PluginSpec, ProcessSpec},
};
use semver::VersionReq;

use super::documents;
use crate::plugin::Declared;

/// Loaded plugins by what they are made of and their settings, so that those that did not change stay loaded.
#[derive(Debug, Default)]
pub(super) struct Cache {
    host: Option<Arc<dyn Host>>,
    /// What calls may take, instead of what packs say.
    limits: Option<Limits>,
    known: HashMap<String, Outcome>,
    used: HashMap<String, Outcome>,
}

/// All that is wrong with a plugin.
type Findings = Vec<Diagnostic>;

type Outcome = Result<Arc<Plugin>, Refusal>;

/// What a plugin is made of.
enum Body<'a> {
    Module(&'a ModuleFile),
    Program(Box<Program>),
}

impl Body<'_> {
    fn digest(&self) -> &str {
        match self {
            Self::Module(module) => &module.hash,
            Self::Program(program) => &program.digest,
        }
    }
}

impl Cache {
    pub(super) fn new(host: Option<Arc<dyn Host>>) -> Self {
        Self { host, ..Self::default() }
    }

    /// What asks language models to judge, if any may be asked.
    pub(super) fn judge(&self) -> Option<Arc<dyn Guest>> {
        self.host.as_deref()?.judge()
    }

    fn load(&mut self, body: &Body<'_>, limits: Limits) -> Option<Outcome> {
        let limits = self.limits.unwrap_or(limits);
        let host = self.host.as_deref()?;
        let key = match body {
            Body::Module(module) => format!("{} {limits:?}", module.hash),
            Body::Program(program) => format!("{} {}", program.key(), limits.output),
        };
        let known = self.used.get(&key).or_else(|| self.known.get(&key)).cloned();
        let outcome = known.unwrap_or_else(|| match body {
            Body::Module(module) => crate::plugin::load_checked(host, &module.bytes, limits).map(Arc::new),
            Body::Program(program) => {
                let program = Program { output: limits.output, ..(**program).clone() };
                crate::plugin::start_checked(host, &program).map(Arc::new)
            }
        });
        // What became of a process may be another time otherwise.
        if outcome.is_ok() || matches!(body, Body::Module(_)) {
            self.used.insert(key, outcome.clone());
        }
        Some(outcome)
    }

    /// Drops what the catalog that was just compiled did not need.
    pub(super) fn turn(&mut self) {
        self.known = std::mem::take(&mut self.used);
    }
}

/// Loads the plugins of an environment; one that is refused is reported and stays as `None`.
pub(super) fn load(
    root: &Document,
    environment: &Environment,
    source: &PackSource,
    cache: &mut Cache,
    report: &mut Report,
) -> Declared {
    let mut plugins = Declared::new();
    for (name, spec) in &environment.plugins {
        let site = Site { root, pointer: format!("/plugins/{name}"), name, spec };
        let found = site.load(source, cache);
        plugins.insert(name.clone(), found.map_err(|findings| report.extend(findings)).ok());
    }
    plugins
}

/// Loads one plugin of a pack for an author, even if the rest of the pack is invalid; the report has the reason if it fails.
pub fn authoring(source: &PackSource, name: &str, host: Arc<dyn Host>) -> (Option<Arc<Plugin>>, Report) {
    let mut report = Report::default();
    let read = documents::read(source, &mut documents::Cache::default(), &mut report);
    // What is wrong with the pack besides is told when the import is checked.
    report.diagnostics.clear();
    let mut cache = Cache { limits: Some(Limits::AUTHORING), ..Cache::new(Some(host)) };
    for root in &read.all {
        let Content::Environment(environment) = &root.content else { continue };
        let Some(spec) = environment.plugins.get(name) else {
            let names = environment.plugins.keys().map(String::as_str);
            let message = format!("the environment has no plugin `{name}`");
            let hint = suggest(name, names).unwrap_or_else(|| format!("add `{name}:` to its `plugins:`").into());
            report.push(root.at(Code::UnknownName, "/name", message).hint(hint));
            continue;
        };
        let site = Site { root, pointer: format!("/plugins/{name}"), name, spec };
        match site.load(source, &mut cache) {
            Ok(plugin) => return (Some(plugin), report),
            Err(findings) => report.extend(findings),
        }
    }
    (None, report)
}

/// The digest that a pack should say about one of its plugins, and the change that makes it say so.
#[derive(Debug, Clone)]
pub struct Lock {
    /// The plugin's name.
    pub plugin: String,
    /// SHA-256 of its file, in hex.
    pub digest: String,
    /// The file of the pack that is to say so.
    pub path: Arc<Path>,
    /// What that file says now.
    pub text: Arc<str>,
    /// The change; `None` when it says so already.
    pub fix: Option<Fix>,
}

/// What would pin the plugins of packs to the files that they have now. Problems of the packs are not reported here.
pub fn locks(sources: &SourceSet) -> Vec<Lock> {
    let mut locks = Vec::new();
    for source in &sources.packs {
        let (mut cache, mut report) = (documents::Cache::default(), Report::default());
        let read = documents::read(source, &mut cache, &mut report);
        for root in &read.all {
            let Content::Environment(environment) = &root.content else { continue };
            for (name, spec) in &environment.plugins {
                let site = Site { root, pointer: format!("/plugins/{name}"), name, spec };
                locks.extend(site.body(source).ok().map(|body| site.lock(body.digest())));
            }
        }
    }
    locks
}

/// A digest of documents and of their plugins.
pub(super) fn digest(documents: String, plugins: &Declared) -> String {
    if plugins.is_empty() {
        return documents;
    }
    let modules = plugins.values().flatten().map(|plugin| plugin.digest.as_str());
    let lines: Vec<&str> = std::iter::once(documents.as_str()).chain(modules).collect();
    sha256(lines.join("\n").as_bytes())
}

struct Site<'a> {
    root: &'a Document,
    pointer: String,
    name: &'a str,
    spec: &'a PluginSpec,
}

impl Site<'_> {
    fn load(&self, source: &PackSource, cache: &mut Cache) -> Result<Arc<Plugin>, Findings> {
        let versions = self.versions()?;
        let body = self.body(source)?;
        if self.spec.digest.as_ref().is_some_and(|digest| digest != body.digest()) {
            return Err(vec![
                self.at(
                    "digest",
                    Code::OtherPlugin,
                    format!("`{}` is another file than the pack asks for", self.spec.file),
                )
                .label(format!("the file has {}", body.digest()))
                .hint(format!(
                    "put the file back, or run `{}` when the change is meant",
                    command(["casebook", "plugin", "lock", &source.root.to_string_lossy()])
                )),
            ]);
        }
        match cache.load(&body, limits(self.spec.limits)) {
            None => Err(vec![
                self.at("file", Code::BadPlugin, "nothing here runs plugins")
                    .hint("the `casebook` program does; a library needs a host"),
            ]),
            Some(Err(refusal)) => Err(vec![self.refused(refusal)]),
            Some(Ok(plugin)) => self.suits(plugin, &versions),
        }
    }

    fn versions(&self) -> Result<VersionReq, Findings> {
        VersionReq::parse(&self.spec.version).map_err(|_| {
            vec![
                self.at("version", Code::BadValue, format!("`{}` is no range of versions", self.spec.version))
                    .hint("write one such as `1.2`, `>=1.2, <3` or `=1.2.3`"),
            ]
        })
    }

    /// Finds what it is made of among the pack's files, those of extended packs included.
    fn body<'a>(&self, source: &'a PackSource) -> Result<Body<'a>, Findings> {
        match &self.spec.process {
            None => self.file(source, "file", &self.spec.file).map(Body::Module),
            Some(process) => self.program(source, process).map(|program| Body::Program(Box::new(program))),
        }
    }

    fn program(&self, source: &PackSource, process: &ProcessSpec) -> Result<Program, Findings> {
        let mut findings = Vec::new();
        let mut find =
            |key: &str, name: &str| self.file(source, key, name).map_err(|wrong: Findings| findings.extend(wrong)).ok();
        let main = find("file", &self.spec.file);
        let others: Vec<Option<&ModuleFile>> =
            (0..).zip(&process.files).map(|(at, name)| find(&format!("process/files/{at}"), name)).collect();
        let description = process.description.as_ref().and_then(|name| find("process/description", name));
        let folder = main.and_then(|main| source::plain(&main.path).parent().map(Path::to_path_buf));
        let folder = folder.unwrap_or_default();
        let inside = |file: &ModuleFile| source::plain(&file.path).strip_prefix(&folder).map(Path::to_path_buf).ok();
        let mut files = Vec::new();
        for (at, file) in others.into_iter().enumerate() {
            let Some(file) = file else { continue };
            if let Some(inside) = inside(file) {
                files.push((inside, file));
                continue;
            }
            let message = format!("`{}` is outside the folder of `{}`", process.files[at], self.spec.file);
            let finding = self.at(&format!("process/files/{at}"), Code::BadPlugin, message);
            let hint = "a process gets a folder of its own, with the files next to its file and below";
            findings.extend(main.is_some().then(|| finding.hint(hint)));
        }
        let Some(main) = main.filter(|_| findings.is_empty()) else { return Err(findings) };
        files.insert(0, (PathBuf::from(main.path.file_name().unwrap_or_default()), main));
        // What it says about itself is most easily said from the same file.
        if let Some(file) = description
            && let Some(inside) = inside(file)
            && files.iter().all(|(path, _)| *path != inside)
        {
            files.push((inside, file));
        }
        let files = files.into_iter().map(|(path, file)| (path, Arc::clone(&file.bytes))).collect();
        let description = description.map(|file| Arc::clone(&file.bytes));
        Ok(crate::plugin::program(self.name, process, files, description))
    }

    /// Finds a file that a key names.
    fn file<'a>(&self, source: &'a PackSource, key: &str, name: &str) -> Result<&'a ModuleFile, Findings> {
        let (file, _) = self.root.place(&format!("{}/{key}", self.pointer));
        let folder = file.path.parent().unwrap_or(Path::new(""));
        let path = source::plain(&folder.join(name));
        let all = || source::bases(source).flat_map(|pack| &pack.modules);
        let noun = if self.spec.process.is_some() { "file" } else { "module" };
        let Some(module) = all().find(|module| source::plain(&module.path) == path) else {
            let names: Vec<String> = all()
                .filter_map(|module| Some(module.path.strip_prefix(folder).ok()?.to_string_lossy().into_owned()))
                .collect();
            let near = did_you_mean(name, names.iter().map(String::as_str));
            let known = near.or_else(|| suggest(name, names.iter().map(String::as_str)));
            let hint = if self.spec.process.is_some() {
                "put it below a folder `plugins` of the pack"
            } else {
                "put the `.wasm` file into the pack's folder"
            };
            return Err(vec![
                self.at(key, Code::BadPlugin, format!("the pack has no {noun} `{name}`"))
                    .hint(known.unwrap_or_else(|| hint.into())),
            ]);
        };
        match &module.problem {
            None => Ok(module),
            Some(ReadProblem::TooLarge(size)) => Err(vec![
                self.at(key, Code::BadPlugin, format!("the {noun} has {size} bytes; it may have {MAX_MODULE_BYTES}"))
                    .hint("leave debugging information out of it"),
            ]),
            Some(problem) => {
                let (_, why, hint) = super::why_unread(&module.path, problem);
                let finding = self.at(key, Code::BadPlugin, format!("the {noun} cannot be read: {why}"));
                Err(vec![super::hinted(finding, hint)])
            }
        }
    }

    /// The command that checks its file.
    fn check(&self) -> String {
        let (document, _) = self.root.place(&format!("{}/file", self.pointer));
        let folder = document.path.parent().unwrap_or(Path::new(""));
        let file = source::plain(&folder.join(&self.spec.file));
        command(["casebook", "plugin", "check", &file.to_string_lossy()])
    }

    fn refused(&self, refusal: Refusal) -> Diagnostic {
        match refusal {
            Refusal::Unfit(problem) => self
                .at("file", Code::BadPlugin, format!("the plugin `{}` cannot be used: {problem}", self.name))
                .hint(format!("`{}` reports more about the file", self.check())),
            Refusal::Untrue(problems) => self
                .at(
                    "file",
                    Code::UntruePlugin,
                    format!("the plugin `{}` does not do what it says: {}", self.name, problems.join("; ")),
                )
                .hint(format!("fix the plugin or its example; `{}` runs them all", self.check())),
            Refusal::NotAllowed => self
                .at(
                    "process",
                    Code::ProcessNotAllowed,
                    format!("the plugin `{}` is a process, which is not allowed here", self.name),
                )
                .hint("pass `--allow-process-plugins` where its code is trusted"),
        }
    }

    fn suits(&self, plugin: Arc<Plugin>, versions: &VersionReq) -> Result<Arc<Plugin>, Findings> {
        let (name, version) = (&plugin.description.name, &plugin.description.version);
        if name != self.name {
            let message = format!("the module holds the plugin `{name}`, not `{}`", self.name);
            return Err(vec![
                self.root
                    .at_key(Code::OtherPlugin, &self.pointer, message)
                    .hint(format!("write `{name}:`, or name another file")),
            ]);
        }
        if !versions.matches(version) {
            return Err(vec![
                self.at(
                    "version",
                    Code::OtherPlugin,
                    format!("the plugin `{name}` has the version {version}; the pack asks for {versions}"),
                )
                .hint("take another version of the file, or widen the range"),
            ]);
        }
        Ok(plugin)
    }

    fn lock(&self, hash: &str) -> Lock {
        let place = |key: &str| self.root.place(&format!("{}/{key}", self.pointer));
        let (file, span) = place(if self.spec.digest.is_some() { "digest" } else { "version" });
        let fix = match &self.spec.digest {
            Some(digest) if digest == hash => None,
            Some(_) => Some(Fix { start: span.start, end: span.end, text: hash.to_owned() }),
            None => {
                let start = file.text[..span.start].rfind('\n').map_or(0, |at| at + 1);
                let line = &file.text[start..span.start];
                // In braces the next key stands behind a comma, else on a line of its own, below this one.
                let text = match line.trim_start().strip_prefix("version:") {
                    Some(_) => format!("\n{}digest: {hash}", &line[..line.len() - line.trim_start().len()]),
                    None => format!(", digest: {hash}"),
                };
                Some(Fix { start: span.end, end: span.end, text })
            }
        };
        Lock {
            plugin: self.name.to_owned(),
            digest: hash.to_owned(),
            path: Arc::clone(&file.path),
            text: Arc::clone(&file.text),
            fix,
        }
    }

    fn at(&self, key: &str, code: Code, message: impl Into<String>) -> Diagnostic {
        self.root.at(code, format!("{}/{key}", self.pointer), message)
    }
}

const fn limits(given: PluginLimits) -> Limits {
    Limits { fuel: given.fuel, memory: given.memory_kib as usize * 1024, output: given.output_kib as usize * 1024 }
}
