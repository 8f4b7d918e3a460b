// Asks yaml-language-server what an author's editor would show at the marked places of `samples/*.yaml`, and compares
// that with `samples/*.expected`. With `--update` it writes the expectations; read what changed.
//
// A mark is a comment below a line: `#   ^ hover` or `#   ^ complete`, its caret in the column that is asked. Marks are
// taken out before the server sees the document. Usage: node ask.mjs NODE_MODULES [--update]
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [modules, flag] = process.argv.slice(2);
const update = flag === "--update";
const limit = setTimeout(() => stop("no end after 120 s"), 120_000);

const child = spawn(process.execPath, [join(modules, "yaml-language-server/bin/yaml-language-server"), "--stdio"], {
  stdio: ["pipe", "pipe", "inherit"],
});
child.on("exit", (code) => stop(`the language server ended with ${code}`));

function stop(problem) {
  console.error(problem);
  child.kill();
  process.exit(1);
}

// JSON-RPC with `Content-Length` heads.
let received = Buffer.alloc(0);
let last = 0;
const waiting = new Map();
const diagnostics = new Map();
const heard = new Map();

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  child.stdin.write(body);
}

function ask(method, params) {
  last += 1;
  send({ id: last, method, params });
  return new Promise((done) => waiting.set(last, done));
}

child.stdout.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (;;) {
    const head = received.indexOf("\r\n\r\n");
    if (head < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(received.subarray(0, head).toString())[1]);
    if (received.length < head + 4 + length) return;
    const message = JSON.parse(received.subarray(head + 4, head + 4 + length));
    received = received.subarray(head + 4 + length);
    take(message);
  }
});

function take(message) {
  if (message.method === "textDocument/publishDiagnostics") {
    diagnostics.set(message.params.uri, message.params.diagnostics);
    heard.get(message.params.uri)?.();
  } else if (message.method === "workspace/configuration") {
    const settings = { yaml: { schemaStore: { enable: false }, validate: true, hover: true, completion: true } };
    send({ id: message.id, result: message.params.items.map((item) => settings[item.section] ?? null) });
  } else if (message.method && message.id !== undefined) {
    send({ id: message.id, result: null });
  } else if (waiting.has(message.id)) {
    waiting.get(message.id)(message.result);
    waiting.delete(message.id);
  }
}

// A sample without its marks, and what they ask.
function read(path) {
  const lines = [];
  const questions = [];
  for (const line of readFileSync(path, "utf8").split("\n")) {
    const mark = /^#( *)\^ (hover|complete)$/.exec(line);
    if (mark) questions.push({ line: lines.length - 1, character: mark[1].length + 1, what: mark[2] });
    else lines.push(line);
  }
  return { text: lines.join("\n"), lines, questions };
}

function first(documentation) {
  const text = typeof documentation === "string" ? documentation : (documentation?.value ?? "");
  return text.split("\n").find((line) => line.trim() !== "") ?? "";
}

async function answers(path) {
  const uri = pathToFileURL(path).href;
  const { text, lines, questions } = read(path);
  const told = new Promise((done) => heard.set(uri, done));
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
  await told;
  const out = [];
  for (const found of diagnostics.get(uri)) {
    out.push(`line ${found.range.start.line + 1}: ${found.message}`);
  }
  if (out.length === 0) out.push("nothing to complain of");
  for (const { line, character, what } of questions) {
    out.push("", `${what} at ${line + 1}:${character + 1}  ${lines[line].slice(0, character)}|${lines[line].slice(character)}`);
    const place = { textDocument: { uri }, position: { line, character } };
    if (what === "hover") {
      const hover = await ask("textDocument/hover", place);
      const shown = (hover?.contents?.value ?? "(nothing)").split("\n").filter((one) => !one.startsWith("Source:"));
      out.push(shown.join("\n").trim());
    } else {
      const list = (await ask("textDocument/completion", place))?.items ?? [];
      const shown = list.map((item) => `- ${item.label}: ${first(item.documentation)}`.trimEnd());
      out.push(shown.length > 0 ? [...new Set(shown)].sort().join("\n") : "(nothing)");
    }
  }
  return { text: out.join("\n") + "\n", questions: questions.length };
}

await ask("initialize", {
  processId: process.pid,
  rootUri: null,
  capabilities: {
    workspace: { configuration: true },
    textDocument: {
      completion: { completionItem: { documentationFormat: ["markdown"] } },
      hover: { contentFormat: ["markdown"] },
    },
  },
});
send({ method: "initialized", params: {} });
send({ method: "workspace/didChangeConfiguration", params: { settings: {} } });

const samples = readdirSync(join(here, "samples")).filter((name) => name.endsWith(".yaml")).sort();
let failed = samples.length === 0 ? 1 : 0;
let asked = 0;
for (const name of samples) {
  const path = join(here, "samples", name);
  const { text, questions } = await answers(path);
  const expected = path.replace(/yaml$/, "expected");
  asked += questions;
  if (questions === 0) {
    console.error(`${name} asks nothing`);
    failed += 1;
  } else if (update) {
    writeFileSync(expected, text);
  } else if (!existsSync(expected) || readFileSync(expected, "utf8") !== text) {
    console.error(`${name}: the server answers\n${text}`);
    failed += 1;
  }
}
console.log(`${asked} places asked in ${samples.length} samples`);
console.log(`${samples.length - failed} passed, ${failed} failed`);
clearTimeout(limit);
child.removeAllListeners("exit");
child.kill();
process.exit(failed === 0 ? 0 : 1);
