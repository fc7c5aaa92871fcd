//! A model server of a test: it asks for one command to be run, and then says that it is done. Each answer waits for the rule's word.

use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use anyhow::Result;
use serde_json::{Value, json};

use crate::stage::Request;

/// The command that it asks for.
const COMMAND: &str = "touch made-by-the-agent";

/// How many answers it may still give.
#[derive(Default)]
struct Gate {
    answers: Mutex<usize>,
    opened: Condvar,
}

/// What an agent in the container takes for its maker's server.
pub(crate) const ADDRESS: &str = "http://127.0.0.1:8765";

/// What leads from there to the server's socket, whose folder the container has at `/work`: the server is reached by nobody else.
pub(crate) const RELAY: &str = r#"
use strict; use IO::Socket::INET; use IO::Socket::UNIX;
$SIG{CHLD} = 'IGNORE';
my $door = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 8765, Listen => 64, ReuseAddr => 1) or die "no door: $@";
sub pass { my ($from, $to, $piece) = @_; while (sysread($from, $piece, 65536)) { print $to $piece } shutdown($to, 1) }
$| = 1; print "relays\n";
while (my $client = $door->accept) {
    next if fork;
    my $server = IO::Socket::UNIX->new('/work/model.sock') or exit;
    $_->autoflush(1) for ($client, $server);
    if (fork) { pass($server, $client) } else { pass($client, $server) }
    exit;
}
"#;

/// It. Its threads wait for connections until the test's process ends.
pub(crate) struct ModelServer {
    gate: Arc<Gate>,
}

impl ModelServer {
    /// Starts one in the folder that the container has at `/work`.
    pub(crate) fn start(work: &Path) -> Result<Self> {
        let listener = UnixListener::bind(work.join("model.sock"))?;
        let gate = Arc::new(Gate::default());
        let shared = gate.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let gate = shared.clone();
                // A client that goes away is no business of the others.
                std::thread::spawn(move || drop(serve(&stream, &gate)));
            }
        });
        Ok(Self { gate })
    }

    /// Lets it give one more answer of a turn.
    pub(crate) fn answer(&self) {
        *self.gate.answers.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.gate.opened.notify_all();
    }
}

impl Gate {
    fn pass(&self) {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answers =
            self.opened.wait_while(answers, |answers| *answers == 0).unwrap_or_else(PoisonError::into_inner);
        *answers -= 1;
    }
}

fn serve(stream: &UnixStream, gate: &Gate) -> Result<()> {
    let Request { line, content } = Request::read(stream)?;
    let asked: Value = serde_json::from_slice(&content).unwrap_or_default();
    let is_message = line.starts_with("POST /v1/messages") && !line.contains("count_tokens");
    let (kind, answer) = match (is_message, asked["stream"].as_bool()) {
        (true, Some(true)) => ("text/event-stream", events(&turn(&asked, gate))),
        (true, _) => ("application/json", message(&[text("A title")], "end_turn").to_string()),
        (false, _) => ("application/json", json!({"data": [], "input_tokens": 1}).to_string()),
    };
    let length = answer.len();
    write!(
        &*stream,
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{answer}"
    )?;
    Ok(())
}

/// The message that answers: for a side question a title; in a turn the command, or after it the end.
fn turn(asked: &Value, gate: &Gate) -> Value {
    let has_shell = asked["tools"].as_array().into_iter().flatten().any(|tool| tool["name"] == "Bash");
    if !has_shell {
        return message(&[text("A title")], "end_turn");
    }
    gate.pass();
    let last = asked["messages"].as_array().and_then(|messages| messages.last()).cloned().unwrap_or_default();
    let has_run = last["content"].as_array().into_iter().flatten().any(|block| block["type"] == "tool_result");
    if has_run {
        return message(&[text("The file is made.")], "end_turn");
    }
    let input = json!({"command": COMMAND, "description": "Make a file"});
    message(&[json!({"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": input})], "tool_use")
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn message(content: &[Value], reason: &str) -> Value {
    let usage = json!({"input_tokens": 1, "output_tokens": 1});
    json!({"id": "m", "type": "message", "role": "assistant", "model": "test", "content": content, "stop_reason": reason, "usage": usage})
}

/// A message as the events of a stream.
fn events(message: &Value) -> String {
    let mut begun = message.clone();
    (begun["content"], begun["stop_reason"]) = (json!([]), Value::Null);
    let mut events = vec![json!({"type": "message_start", "message": begun})];
    for (index, block) in message["content"].as_array().into_iter().flatten().enumerate() {
        let mut empty = block.clone();
        let delta = if block["type"] == "text" {
            empty["text"] = json!("");
            json!({"type": "text_delta", "text": block["text"]})
        } else {
            empty["input"] = json!({});
            json!({"type": "input_json_delta", "partial_json": block["input"].to_string()})
        };
        events.push(json!({"type": "content_block_start", "index": index, "content_block": empty}));
        events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        events.push(json!({"type": "content_block_stop", "index": index}));
    }
    let delta = json!({"stop_reason": message["stop_reason"], "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 1}}));
    events.push(json!({"type": "message_stop"}));
    let line = |event: &Value| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default());
    events.iter().map(line).collect()
}
