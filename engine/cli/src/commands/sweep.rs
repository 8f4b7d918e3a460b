//! `casebook sweep`

mod plot;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

use casebook_analysis::{
    sweep::{Setting, Sweep, Varied, settings},
    testing,
};
use casebook_compile::check::Checker;
use casebook_records::{EnvironmentReport, Filter, GroupShift, Regrader, Versions};
use casebook_runtime::{
    names::nearest,
    scenario::{Catalog, Pack},
};
use casebook_syntax::{
    diagnostic::Severity,
    source::{self, SourceFile, SourceSet},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::records::{no_episode, open, refused};
use crate::{
    args::{Format, SweepArgs},
    exit::Exit,
    files, output, packs,
    progress::{Bar, Progress},
};

/// What a setting does.
#[derive(Debug, Clone, Serialize)]
struct Tried {
    /// The values, in the order of what varies.
    values: Vec<Value>,
    /// Why it cannot be tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// The mean score of each policy over the tasks that all of them played, the best first.
    means: Vec<(String, f64)>,
    /// Over which tasks, where these are not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// The mean score and the mean of the summed rewards of each task and policy.
    #[serde(skip)]
    results: Vec<(f64, f64)>,
    /// The mean of the summed rewards of each policy, likewise.
    rewards: Vec<(String, f64)>,
    /// The smallest distance between two policies that follow each other in the wanted order; negative where one is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    margin: Option<f64>,
    /// Probes of the pack's tests that do not score what they must.
    probes: Vec<String>,
    /// Groups of at least two episodes of one task and seed.
    groups: usize,
    /// The share of them whose scores differ.
    gradient: f64,
    /// Episodes whose advantage in their group has another sign than when they were recorded.
    sign_flips: usize,
    /// Episodes that cannot be played.
    unplayed: usize,
    /// What is not as it should be.
    misses: Vec<&'static str>,
}

impl Tried {
    fn fits(&self) -> bool {
        self.problem.is_none() && self.misses.is_empty()
    }

    fn mean(&self, policy: &str) -> Option<f64> {
        self.means.iter().find(|(name, _)| name == policy).map(|(_, mean)| *mean)
    }
}

pub(crate) fn run(args: &SweepArgs, format: Format) -> Exit {
    match attempt(args, format) {
        Ok(exit) | Err(exit) => exit,
    }
}

fn attempt(args: &SweepArgs, format: Format) -> Result<Exit, Exit> {
    let records = open(&args.records)?;
    let sources = sources(&args.rubric)?;
    let file = file_of(&sources, &args.rubric)?;
    let wanted: Vec<(String, Vec<Value>)> =
        args.varied.iter().map(|(path, vary)| (path.clone(), vary.values(args.steps))).collect();
    let sweep = settings(&file, &wanted).map_err(|problems| {
        problems.iter().for_each(output::error);
        Exit::Usage
    })?;
    let mut checker = packs::checker();
    let compiled = checker.compile(&sources, 1);
    packs::show(&compiled.report, if format == Format::Json { Format::Human } else { format });
    let written = compiled.catalog.ok_or(Exit::Findings)?;
    let name = written.packs()[0].name().to_owned();
    let filter = Filter { environments: vec![name.clone()], ..Filter::from(&args.filter) };
    let progress = Progress::start("reading records");
    let mut regrader = Regrader::read(&records, &filter).map_err(refused)?;
    if regrader.is_empty() {
        drop(progress);
        return Err(no_episode(&records, &args.filter, &args.records));
    }
    let mut trial = Trial {
        args,
        name: &name,
        written: &written,
        regrader: &mut regrader,
        min_gradient: 0.0,
        unplayed: usize::MAX,
    };
    let as_written = trial.grade(&written, Vec::new())?;
    check_order(args, &as_written)?;
    trial.unplayed = as_written.unplayed;
    trial.min_gradient = args.min_gradient.unwrap_or(as_written.gradient);
    drop(progress);
    let bar = Bar::start("settings", "failed", sweep.settings.len());
    let try_one = |setting: &Setting| {
        let tried = trial.setting(setting, (&sources, &file), &mut checker)?;
        bar.step(tried.problem.is_some());
        Ok(tried)
    };
    let tried: Vec<Tried> = sweep.settings.iter().map(try_one).collect::<Result<_, Exit>>()?;
    drop(bar);
    if let Some(path) = &args.plot {
        files::write(path, plot::svg(&name, &sweep, &tried, &as_written)).map_err(|error| {
            output::error(format!("`{}` cannot be written: {error}", path.display()));
            Exit::Failure
        })?;
    }
    let fitting = tried.iter().filter(|one| one.fits()).count();
    let idle = idle(&sweep, &tried);
    let unreadable = regrader.unreadable().to_vec();
    if format == Format::Json {
        output::json(&json!({
            "unreadable": unreadable, "without_effect": idle.iter().map(|one| &one.path).collect::<Vec<_>>(),
            "environment": name, "episodes": regrader.len(), "varied": sweep.varied, "as_written": as_written,
            "settings": tried, "fitting": fitting, "best": best(&tried).map(|best| &best.values),
        }));
    } else {
        show(&sweep, &as_written, &tried, regrader.len());
        if let Some(path) = &args.plot {
            let panels = sweep.settings.len() / sweep.varied.last().map_or(1, |one| one.values.len().max(1));
            let part = if panels > plot::MOST {
                format!(", with the first {} of {panels} panels", plot::MOST)
            } else {
                String::new()
            };
            output::line(format!("wrote `{}`{part}", path.display()));
        }
    }
    unreadable.iter().for_each(output::error);
    for one in &idle {
        output::error(format!(
            "`{}` changes neither a score nor a reward of the recorded episodes: a task's `weights` may replace it, or no \
             episode has what it is about",
            one.path
        ));
    }
    Ok(if fitting > 0 && idle.is_empty() && unreadable.is_empty() { Exit::Success } else { Exit::Findings })
}

/// The pack of a rubric's file.
fn sources(rubric: &Path) -> Result<SourceSet, Exit> {
    if !rubric.is_file() {
        output::error(format!("there is no file `{}`; name the file of a rubric", rubric.display()));
        return Err(Exit::Findings);
    }
    // Its whole pack is read, wherever in it the file is.
    let whole = fs::canonicalize(rubric).unwrap_or_else(|_| rubric.to_path_buf());
    Ok(source::read(&[whole]))
}

fn file_of(sources: &SourceSet, rubric: &Path) -> Result<SourceFile, Exit> {
    let whole = fs::canonicalize(rubric).unwrap_or_else(|_| rubric.to_path_buf());
    let same = |file: &&SourceFile| fs::canonicalize(&*file.path).is_ok_and(|path| path == whole);
    let found = sources.packs.iter().flat_map(|pack| &pack.files).find(same).cloned();
    found.filter(|_| sources.packs.len() == 1).ok_or_else(|| {
        output::error(format!("`{}` is not a file of the pack above it", rubric.display()));
        Exit::Usage
    })
}

/// Refuses an order of policies of which no episode is recorded.
fn check_order(args: &SweepArgs, as_written: &Tried) -> Result<(), Exit> {
    let known: Vec<&str> = as_written.means.iter().map(|(name, _)| name.as_str()).collect();
    let unknown: Vec<&String> =
        args.order.iter().flat_map(|order| &order.0).filter(|name| !known.contains(&name.as_str())).collect();
    for name in &unknown {
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known: `{}`", known.join("`, `")),
        };
        output::error(format!("no recorded episode is of the policy `{name}`; {help}"));
    }
    if unknown.is_empty() { Ok(()) } else { Err(Exit::Findings) }
}

/// Grades all episodes by one setting after the other.
struct Trial<'a> {
    args: &'a SweepArgs,
    /// The environment.
    name: &'a str,
    /// The pack as it is written, which draws the items.
    written: &'a Catalog,
    regrader: &'a mut Regrader,
    min_gradient: f64,
    /// Episodes that cannot be played as the rubric is written.
    unplayed: usize,
}

impl Trial<'_> {
    fn setting(
        &mut self,
        setting: &Setting,
        (sources, file): (&SourceSet, &SourceFile),
        checker: &mut Checker,
    ) -> Result<Tried, Exit> {
        let refused = |problem: String| Tried { problem: Some(problem), ..empty(setting.values.clone()) };
        let text = match &setting.text {
            Ok(text) => text,
            Err(problem) => return Ok(refused(problem.clone())),
        };
        let mut changed = sources.clone();
        changed.change(&|one| (one.path == file.path).then(|| text.clone()));
        let compiled = checker.compile(&changed, 1);
        if let Some(catalog) = compiled.catalog {
            return self.grade(&catalog, setting.values.clone());
        }
        let mut errors = compiled.report.diagnostics.iter().filter(|one| one.severity == Severity::Error);
        Ok(refused(errors.next().map_or_else(|| "the pack has errors".into(), |one| one.message.clone())))
    }

    fn grade(&mut self, catalog: &Catalog, values: Vec<Value>) -> Result<Tried, Exit> {
        let versions = Versions { against: catalog, played_with: Some(self.written) };
        self.regrader.grade(versions);
        let report = self.regrader.report(versions, 0).map_err(refused)?;
        let mut tried = Tried { unplayed: report.unplayed(), ..empty(values) };
        let Some(EnvironmentReport { ranks, gradients, groups, .. }) = report.environments.first() else {
            tried.problem = report.unplayed.first().map(|one| one.reason.clone());
            return Ok(tried);
        };
        tried.means = ranks.policies.iter().map(|(policy, _, now)| (policy.clone(), *now)).collect();
        let counted: Vec<&GroupShift> = groups.iter().filter(|group| ranks.counts(&group.task)).collect();
        tried.rewards = ranks.policies.iter().map(|(policy, ..)| (policy.clone(), rewards(&counted, policy))).collect();
        tried.results = groups.iter().map(|group| (group.new.mean, group.reward)).collect();
        tried.scope = ranks.scope();
        (tried.groups, tried.sign_flips) = (gradients.groups, gradients.sign_flips);
        #[expect(clippy::cast_precision_loss, reason = "a count of groups")]
        if gradients.groups > 0 {
            tried.gradient = 1.0 - gradients.flat as f64 / gradients.groups as f64;
        }
        if !self.args.no_probes
            && let Some(pack) = catalog.pack(self.name)
        {
            tried.probes = failing(pack);
        }
        tried.margin = self.args.order.as_ref().and_then(|order| margin(&order.0, &tried));
        let misses = [
            ("order", tried.margin.is_some_and(|margin| margin <= 0.0)),
            ("probes", !tried.probes.is_empty()),
            ("gradient", tried.gradient < self.min_gradient - 1e-9),
            // Means of the rest say nothing about the others.
            ("episodes", tried.unplayed > self.unplayed),
        ];
        tried.misses = misses.into_iter().filter(|(_, is_missed)| *is_missed).map(|(name, _)| name).collect();
        Ok(tried)
    }
}

/// The mean over its tasks of the summed rewards of a policy, as that of its scores.
fn rewards(groups: &[&GroupShift], policy: &str) -> f64 {
    let own: Vec<f64> = groups.iter().filter(|group| group.policy == policy).map(|group| group.reward).collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of tasks")]
    let count = own.len().max(1) as f64;
    own.iter().fold(0.0, |sum, reward| sum + reward) / count
}

/// What varies and changes neither a score nor a reward of a recorded episode, with any values of the others.
fn idle<'a>(sweep: &'a Sweep, tried: &[Tried]) -> Vec<&'a Varied> {
    let is_idle = |at: usize| {
        let mut results: BTreeMap<String, &Tried> = BTreeMap::new();
        let sound = tried.iter().filter(|one| one.problem.is_none());
        let mut count = 0;
        let same = sound.inspect(|_| count += 1).all(|one| {
            let others: Vec<&Value> =
                one.values.iter().enumerate().filter(|(of, _)| *of != at).map(|(_, value)| value).collect();
            let first = results.entry(json!(others).to_string()).or_insert(one);
            first.results == one.results
        });
        same && count > results.len()
    };
    sweep.varied.iter().enumerate().filter(|(at, _)| is_idle(*at)).map(|(_, one)| one).collect()
}

fn empty(values: Vec<Value>) -> Tried {
    Tried {
        values,
        problem: None,
        means: Vec::new(),
        scope: None,
        results: Vec::new(),
        rewards: Vec::new(),
        margin: None,
        probes: Vec::new(),
        groups: 0,
        gradient: 0.0,
        sign_flips: 0,
        unplayed: 0,
        misses: Vec::new(),
    }
}

/// The probes that do not score what they must.
fn failing(pack: &Arc<Pack>) -> Vec<String> {
    testing::probes(pack, testing::PROBING_SEEDS)
        .into_iter()
        .filter(|case| !case.passed)
        .map(|case| case.name)
        .collect()
}

/// The smallest distance between policies that follow each other.
fn margin(order: &[String], tried: &Tried) -> Option<f64> {
    let means: Vec<f64> = order.iter().map(|policy| tried.mean(policy)).collect::<Option<_>>()?;
    means.windows(2).map(|pair| pair[0] - pair[1]).reduce(f64::min)
}

/// The setting that fits with the widest margin; without a wanted order, the first one that fits.
fn best(tried: &[Tried]) -> Option<&Tried> {
    let margin = |one: &Tried| one.margin.unwrap_or_default();
    let fitting = tried.iter().filter(|one| one.fits());
    fitting.reduce(|best, one| if margin(one) > margin(best) { one } else { best })
}

fn show(sweep: &Sweep, as_written: &Tried, tried: &[Tried], episodes: usize) {
    let policies: Vec<&str> = as_written.means.iter().map(|(name, _)| name.as_str()).collect();
    let written: Vec<Value> = sweep.varied.iter().map(|one| one.written.clone()).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let paths = sweep.varied.iter().map(|one| one.path.clone());
    let heads = policies.iter().map(|policy| output::label(policy).into_owned());
    let more = ["margin", "gradient", "result"].map(str::to_owned);
    // Rewards are told where a part of them varies.
    let rewarded = sweep.varied.iter().any(|one| one.path.split('.').next() == Some("reward"));
    let rewards: Vec<&str> = policies.iter().copied().filter(|_| rewarded).collect();
    let reward_heads = rewards.iter().map(|policy| format!("{} rewards", output::label(policy)));
    rows.push(paths.chain(heads).chain(reward_heads).chain(more).collect());
    let all = tried.iter().map(|one| (one, &one.values, "")).chain([(as_written, &written, "as written: ")]);
    for (one, values, head) in all {
        let mut row: Vec<String> = values.iter().map(plain).collect();
        row.extend(policies.iter().map(|policy| one.mean(policy).map_or("-".into(), |mean| format!("{mean:.4}"))));
        let reward = |policy: &&str| one.rewards.iter().find(|(name, _)| name == policy);
        row.extend(rewards.iter().map(|policy| reward(policy).map_or("-".into(), |(_, mean)| format!("{mean:.4}"))));
        row.push(one.margin.map_or("-".into(), |margin| format!("{margin:+.4}")));
        row.push(format!("{:.0} %", one.gradient * 100.0));
        row.push(format!("{head}{}", result(one)));
        rows.push(row);
    }
    output::line(output::count(episodes, "episode"));
    output::text(aligned(&rows));
    if let Some(scope) = &as_written.scope {
        output::line(format!("policies are compared {scope}"));
    }
    let fitting = tried.iter().filter(|one| one.fits()).count();
    output::line(format!("{fitting} of {} fit", output::count(tried.len(), "setting")));
    if let Some(best) = best(tried).filter(|best| best.margin.is_some()) {
        let values = sweep.varied.iter().zip(&best.values).map(|(one, value)| format!("{}={}", one.path, plain(value)));
        let margin = best.margin.unwrap_or_default();
        output::line(format!("the widest margin, {margin:.4}: {}", values.collect::<Vec<_>>().join(" ")));
    }
}

fn result(one: &Tried) -> String {
    if let Some(problem) = &one.problem {
        return format!("not tried: {problem}");
    }
    if one.fits() {
        return "fits".into();
    }
    let miss = |name: &&str| match *name {
        "probes" => format!("probes ({})", one.probes.join(", ")),
        "episodes" => format!("{} that cannot be graded", output::count(one.unplayed, "episode")),
        name => name.to_owned(),
    };
    format!("misses {}", one.misses.iter().map(miss).collect::<Vec<_>>().join(", "))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Rows with columns that are as wide as their widest cell.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|at| width(at).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
