//! A model behind an endpoint that speaks the chat completions of `OpenAI`.

use std::sync::{OnceLock, atomic::Ordering};

use casebook_analysis::evaluation::ModelSettings;
use casebook_runtime::{episode::Episode, hash::sha256, record::Usage, scenario::Pack};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{
    cache::Cache,
    play::{Move, Player, Turn, observation},
};
use crate::{
    args::{Act, ModelArgs},
    completions::{Completions, Counts, Problem, object, short, text_of},
    exit::Exit,
};

/// Models behind one endpoint, and how they are asked.
#[derive(Debug)]
pub(super) struct Models {
    endpoint: Completions,
    /// Why the endpoint cannot be reached, once that is known and it has never answered.
    unreachable: OnceLock<String>,
    cache: Option<Cache>,
    args: ModelArgs,
    /// A text before the instructions of a task.
    prompt: Option<String>,
}

impl Models {
    /// Models behind the endpoint of the command line.
    ///
    /// # Errors
    ///
    /// When there is none, or a file cannot be read; with the exit code that says which.
    pub(super) fn new(args: &ModelArgs) -> Result<Self, (Exit, String)> {
        let usage = |problem: String| (Exit::Usage, problem);
        let failure = |problem: String| (Exit::Failure, problem);
        let missing = || usage("a model needs `--endpoint URL`, such as `http://127.0.0.1:8080/v1`".into());
        let url = args.endpoint.as_deref().ok_or_else(missing)?;
        let endpoint = Completions::new(url, &args.key_env, args.timeout, args.retries).map_err(usage)?;
        let prompt = args.prompt.as_deref().map(crate::files::read_text).transpose().map_err(failure)?;
        let cache = args.cache.as_deref().map(Cache::open).transpose().map_err(failure)?;
        Ok(Self { endpoint, unreachable: OnceLock::new(), cache, args: args.clone(), prompt })
    }

    /// How they are asked, for a report.
    pub(super) fn settings(&self) -> ModelSettings {
        ModelSettings {
            endpoint: self.args.endpoint.clone().unwrap_or_default(),
            act: match self.args.act {
                Act::Json => "json".into(),
                Act::Tools => "tools".into(),
            },
            temperature: self.args.temperature,
            max_tokens: self.args.max_tokens,
            prompt: self.prompt.as_ref().map(|prompt| sha256(prompt.as_bytes())),
        }
    }

    /// A conversation with a model about one episode.
    ///
    /// # Errors
    ///
    /// When no thread can wait for the endpoint.
    pub(super) fn conversation<'a>(
        &'a self,
        model: &'a str,
        (seed, sample): (u64, usize),
    ) -> Result<Conversation<'a>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot start: {error}"))?;
        // Each episode is a draw of its own, even where agents see the same.
        let seed = seed % 1_000_000 * 1_000 + sample as u64;
        Ok(Conversation { models: self, model, seed, runtime, messages: Vec::new(), call: None })
    }

    /// Asks for a completion, from the cache if it is there; again where the endpoint refuses for now.
    fn complete(&self, runtime: &Runtime, request: &Value) -> Result<Value, String> {
        let body = request.to_string();
        // Another endpoint may have another model behind the same name.
        let url = self.args.endpoint.as_deref().unwrap_or_default().trim_end_matches('/');
        if let Some(known) = self.cache.as_ref().and_then(|cache| cache.get((url, &body))) {
            self.endpoint.counts.cached.fetch_add(1, Ordering::Relaxed);
            return Ok(known);
        }
        if let Some(problem) = self.unreachable.get() {
            return Err(problem.clone());
        }
        let answer = self.endpoint.ask(runtime, &body, Ok).map_err(|problem| match problem {
            Problem::Unreachable(text) => self.unreachable.get_or_init(|| text).clone(),
            Problem::NoCompletion(text) => text,
        })?;
        if let Some(cache) = &self.cache {
            cache.put((url, &body), &answer)?;
        }
        Ok(answer)
    }

    /// Why the endpoint cannot be reached, if it never could.
    pub(super) fn unreachable(&self) -> Option<&str> {
        self.unreachable.get().map(String::as_str)
    }

    /// What asking took so far.
    pub(super) fn counts(&self) -> &Counts {
        &self.endpoint.counts
    }
}

/// A conversation about one episode.
pub(super) struct Conversation<'a> {
    models: &'a Models,
    model: &'a str,
    seed: u64,
    runtime: Runtime,
    messages: Vec<Value>,
    /// The id of the call of a tool that waits for its answer.
    call: Option<String>,
}

impl Conversation<'_> {
    /// Adds what has happened since the model was asked.
    fn hear(&mut self, Turn { episode, refused, .. }: Turn<'_>) {
        if self.messages.is_empty() {
            self.messages.push(json!({ "role": "system", "content": self.instructions(episode) }));
        }
        let content = match refused {
            Some(problem) => format!("The action was not taken: {problem}. Send another one."),
            None => observation(episode).to_string(),
        };
        self.messages.push(match self.call.take() {
            Some(id) => json!({ "role": "tool", "tool_call_id": id, "content": content }),
            None => json!({ "role": "user", "content": content }),
        });
    }

    fn instructions(&self, episode: &Episode) -> String {
        let own = episode.instructions_text();
        let how = match self.models.args.act {
            Act::Tools => "Act by calling a tool, one call at a time.".to_owned(),
            Act::Json => format!(
                "Act by answering with one JSON object and nothing else. It fits this JSON Schema:\n{}",
                episode.pack().action_schema()
            ),
        };
        let parts = [self.models.prompt.as_deref().unwrap_or_default(), &own, &how];
        parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    fn request(&self, pack: &Pack) -> Value {
        let args = &self.models.args;
        let mut request = json!({ "model": self.model, "messages": self.messages, "seed": self.seed });
        match args.act {
            Act::Json => request["response_format"] = json!({ "type": "json_object" }),
            Act::Tools => {
                let tools = pack.tools().iter().map(|card| {
                    json!({ "type": "function", "function": {
                        "name": card.name, "description": card.description, "parameters": card.input_schema,
                    } })
                });
                request["tools"] = tools.collect();
                request["tool_choice"] = "required".into();
            }
        }
        if let Some(temperature) = args.temperature {
            request["temperature"] = temperature.into();
        }
        if let Some(most) = args.max_tokens {
            request["max_tokens"] = most.into();
        }
        request
    }

    fn usage(&self, answer: &Value) -> Usage {
        let usage = Usage::read(&answer["usage"]);
        let price = |tokens: Option<u64>, price: f64| {
            #[expect(clippy::cast_precision_loss, reason = "a count of tokens")]
            tokens.map(|tokens| tokens as f64 * price / 1e6)
        };
        let cost =
            self.models.args.price.and_then(|(read, written)| {
                Some(price(usage.input_tokens, read)? + price(usage.output_tokens, written)?)
            });
        Usage { cost: cost.or(usage.cost), ..usage }
    }
}

impl Player for Conversation<'_> {
    fn act(&mut self, turn: Turn<'_>) -> Result<(Move, Usage), String> {
        self.hear(turn);
        let pack = turn.episode.pack();
        let answer = self.models.complete(&self.runtime, &self.request(pack))?;
        let usage = self.usage(&answer);
        let message = &answer["choices"][0]["message"];
        let content = &*text_of(&message["content"]);
        let choice = match (self.models.args.act, &message["tool_calls"][0]) {
            (Act::Tools, call @ Value::Object(_)) => {
                // Of several calls the first counts; the others are left out, as each needs an answer.
                self.call = call["id"].as_str().map(str::to_owned);
                let mut said = message.clone();
                said["tool_calls"] = json!([call]);
                self.messages.push(said);
                called(pack, call)
            }
            (Act::Tools, _) => {
                self.messages.push(json!({ "role": "assistant", "content": content }));
                Move::Unreadable("it is not a call of a tool".into())
            }
            (Act::Json, _) => {
                self.messages.push(json!({ "role": "assistant", "content": content }));
                object(content)
                    .map_or_else(|| Move::Unreadable(format!("`{}` is not a JSON object", short(content))), Move::Act)
            }
        };
        Ok((choice, usage))
    }
}

/// The action that a call of a tool is.
fn called(pack: &Pack, call: &Value) -> Move {
    let function = &call["function"];
    let name = function["name"].as_str().unwrap_or_default();
    let arguments = match &function["arguments"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        arguments => arguments.clone(),
    };
    if !arguments.is_object() {
        return Move::Unreadable(format!("the arguments of `{name}` are not a JSON object"));
    }
    let (own, tools) = pack.ways_to_act();
    if own.is_some_and(|card| card.name == name) {
        return Move::Act(arguments);
    }
    if tools.iter().any(|card| card.name == name) {
        return Move::Act(json!({ "type": "call_tool", "tool_name": name, "arguments": arguments }));
    }
    Move::Unreadable(format!("there is no tool `{name}`"))
}
