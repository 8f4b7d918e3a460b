//! What clients must not reach: files of the host, episodes without end, and right answers.

use casebook_analysis::audit::{Finding, Outcome};
use hyper::Method;
use serde_json::{Map, Value, json};

use super::runtime_checks::Subject;

/// Texts that would name a file of the host.
const PATHS: [&str; 3] = ["../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd"];
/// The beginning of that file on any system that has it.
const CONTENT: &str = "root:";
/// The bytes of a message that no agent needs.
const HUGE: usize = 20 << 20;
/// Actions behind the end of an episode.
const BEHIND: u64 = 3;

/// Names and texts that name files of the host, as tasks, ids, paths and values of actions.
pub(super) fn host(subject: &Subject<'_>) -> Outcome {
    if let Some(pack) = subject.pack.filter(|pack| pack.has_processes) {
        return Outcome::skip(format!("`{}` starts programs, which have all rights of their user", pack.name()));
    }
    let mut findings = Vec::new();
    let folder = subject.pack.map(|pack| pack.folder().display().to_string()).filter(|folder| folder.len() > 1);
    let mut look = |what: String, text: &str| {
        if text.contains(CONTENT) {
            findings.push(Finding::new(subject.place(), format!("{what} returns the content of a file of the host")));
        }
        let absolute = folder.as_ref().filter(|folder| folder.starts_with('/') && text.contains(folder.as_str()));
        if absolute.is_some() {
            findings.push(Finding::new(subject.place(), format!("{what} names the folder of the pack")));
        }
    };
    for path in PATHS {
        let encoded = path.replace('/', "%2F");
        for route in [
            format!("/envs/{encoded}"),
            format!("/{encoded}/splits"),
            format!("/sessions/{encoded}"),
            format!("/studio/{encoded}"),
        ] {
            if let Ok(answer) = subject.client.get(&route) {
                look(format!("GET {route}"), &answer.text);
            }
        }
    }
    let mut messages = 0;
    if let Ok(mut session) = subject.client.open() {
        for path in PATHS {
            for data in [json!({ "task_id": path }), json!({ "split": path }), json!({ "episode_id": path })] {
                if let Ok(text) = session.ask("reset", Some(&data)) {
                    look(format!("a reset with {data}"), &text);
                    messages += 1;
                }
            }
            let mut actions: Vec<Value> = subject
                .plays
                .iter()
                .filter_map(|play| play.plan.actions.first())
                .map(|action| with_texts(action, path))
                .collect();
            actions.push(json!({ "tool_name": path, "arguments": { "path": path } }));
            actions.dedup();
            for action in actions {
                if let Ok(text) = session.ask("step", Some(&action)) {
                    look("a step with a path".into(), &text);
                    messages += 1;
                }
            }
        }
    }

    Outcome::looked(format!("`{}`: {messages} messages and some routes with paths of the host", subject.name))
        .with(findings)
}

/// An action with another text in place of each.
fn with_texts(value: &Value, text: &str) -> Value {
    match value {
        Value::String(_) => text.into(),
        Value::Array(list) => list.iter().map(|value| with_texts(value, text)).collect(),
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.clone(), with_texts(value, text))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

/// Episodes end, what is done behind the end changes nothing, and messages have a limit.
pub(super) fn bounds(subject: &Subject<'_>) -> Outcome {
    let mut findings = Vec::new();
    let mut tried = 0;
    let mut seen = Vec::new();
    for play in &subject.plays {
        let Some(action) = play.plan.actions.first().filter(|_| !seen.contains(&&play.plan.place.task)) else {
            continue;
        };
        seen.push(&play.plan.place.task);
        let at = |text: String| Finding::new(play.plan.place.clone(), text);
        let task = subject.pack.zip(play.plan.place.task.as_ref()).and_then(|(pack, name)| pack.find_task(name));
        let Some(most) = task.map(|task| u64::from(task.max_steps)) else { continue };
        let Ok(mut session) = subject.client.open() else { continue };
        let mut reset = play.plan.options.clone();
        reset.insert("seed".into(), play.plan.seed.into());
        if session.ask("reset", Some(&reset.into())).is_err() {
            continue;
        }
        tried += 1;
        // The same action again and again: where it is refused, the episode stands as it is and may not go on either.
        for _ in 0..most + BEHIND {
            if session.ask("step", Some(action)).is_err() {
                break;
            }
        }
        let state: Value =
            session.ask("state", None).ok().and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let steps = state["data"]["step_count"].as_u64().unwrap_or_default();
        if steps > most {
            findings.push(at(format!("{steps} steps were taken")).expected(format!("at most {most}")));
        }
    }
    let limited = subject.client.open().map(|mut session| {
        let answer = session.ask_raw(format!("{{\"type\":\"step\",\"data\":{{\"text\":\"{}\"}}}}", "a".repeat(HUGE)));
        // Refused in an answer, or by the end of the connection.
        answer.map_or(true, |text| text.contains("\"error\""))
    });
    match limited {
        Ok(true) => {}
        Ok(false) => {
            findings.push(Finding::new(subject.place(), format!("a message of {} MiB was accepted", HUGE >> 20)));
        }
        Err(error) => return Outcome::error(error),
    }
    if tried == 0 {
        return Outcome {
            skipped: vec!["the pack's step limits are not known, so only the size of messages was tried".into()],
            ..Outcome::default().with(findings)
        };
    }

    Outcome::looked(format!(
        "`{}`: repeated an action beyond the step limit of {tried} tasks, and sent {} MiB",
        subject.name,
        HUGE >> 20
    ))
    .with(findings)
}

/// The routes of the grader, asked with an agent's credential and with none.
pub(super) fn oracle(subject: &Subject<'_>) -> Outcome {
    let client = subject.client;
    let Ok(mut session) = client.open() else { return Outcome::error("no session can be opened") };
    let id = format!("audit-{}-containment", subject.name);
    let mut reset = subject.plays.first().map(|play| play.plan.options.clone()).unwrap_or_default();
    reset.insert("episode_id".into(), id.as_str().into());
    if let Err(error) = session.ask("reset", Some(&reset.clone().into())) {
        return Outcome::error(error);
    }
    let task = reset.get("task_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    let oracle = format!("/grader?task_id={task}&provider=oracle");
    let routes = [
        (Method::GET, format!("/sessions/{id}/truth")),
        (Method::GET, format!("/sessions/{id}/grade")),
        (Method::POST, format!("/sessions/{id}/regrade")),
        (Method::POST, oracle),
    ];
    // Without tokens everybody is nobody.
    let mut askers = vec![("nobody", None)];
    if let Some(agent) = client.credentials.agent.as_deref() {
        askers.push(("an agent", Some(agent)));
    }
    let mut findings = Vec::new();
    for (who, token) in askers {
        for (method, path) in &routes {
            match client.request(method.clone(), path, token, None) {
                Ok(answer) if answer.is_ok() => {
                    let path = path.replace(&id, "{id}");
                    findings.push(
                        Finding::new(subject.place(), format!("{method} {path} answers {who}"))
                            .expected("401 or 403, as without `--open`"),
                    );
                }
                Ok(_) => {}
                Err(error) => return Outcome::error(error),
            }
        }
    }

    Outcome::looked(format!("`{}`: asked {} routes of the grader without its token", subject.name, routes.len()))
        .with(findings)
}
