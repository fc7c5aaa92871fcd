//! What may come between the controller and the engine: a socket of ours before the engine's, that answers in its place, is silent,
//! or keeps an answer to itself.

use std::io::{BufRead, BufReader, Read, Write, copy, sink};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};
use jackin_daemon::docker::EngineAddress;

use super::Stage;

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The engine is not asked, and this status is the answer.
    Refused(u16),
    /// The engine does it, and nobody hears of it.
    AnswerLost,
    /// The answer begins, and nothing of what it has to tell comes: a stream of events that is open and silent.
    Silent,
}

/// Which requests, by method and path with the query.
type Which = fn(&str, &str) -> bool;

/// A socket before the engine's.
pub(crate) struct Proxy(Arc<Shared>);

struct Shared {
    engine: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    away: bool,
    /// The fault, of which requests, and how often still; for ever where nothing is said.
    faults: Vec<(Which, Fault, Option<u32>)>,
    struck: usize,
    /// Connections that are open, to be broken when the engine goes away.
    open: Vec<UnixStream>,
}

impl Proxy {
    /// Puts one before the engine; commands of the stage, and a controller that they start, go through it from now on.
    pub(crate) fn before_the_engine(stage: &mut Stage) -> Result<Self> {
        let EngineAddress::Unix(engine) = EngineAddress::from_environment()? else {
            bail!("the engine is not reached through a socket");
        };
        let path = stage.path("engine.sock");
        let listener = UnixListener::bind(&path)?;
        stage.set_variable("DOCKER_HOST", &format!("unix://{}", path.display()));
        let shared = Arc::new(Shared { engine, state: Mutex::default() });
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                // A connection that breaks is what is wanted of some.
                std::thread::spawn(move || drop(shared.serve(client)));
            }
        });
        Ok(Self(shared))
    }

    /// Lets the fault strike all such requests, until it is taken away.
    pub(crate) fn strike(&self, which: Which, fault: Fault) {
        self.0.state().faults.push((which, fault, None));
    }

    /// Lets the fault strike the next such request.
    pub(crate) fn strike_once(&self, which: Which, fault: Fault) {
        self.0.state().faults.push((which, fault, Some(1)));
    }

    /// How many requests were struck.
    pub(crate) fn struck(&self) -> usize {
        self.0.state().struck
    }

    /// Takes all faults away.
    pub(crate) fn heal(&self) {
        self.0.state().faults.clear();
    }

    /// Takes the engine away: connections break, and new ones are closed at once.
    pub(crate) fn leave(&self) {
        let mut state = self.0.state();
        state.away = true;
        for open in state.open.drain(..) {
            // It may be closed already.
            let _ = open.shutdown(Shutdown::Both);
        }
    }

    /// Brings it back.
    pub(crate) fn come_back(&self) {
        self.0.state().away = false;
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request: connections are not used again, so that each request is seen.
    fn serve(&self, client: UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client.try_clone()?);
        let head = head_of(&mut reader)?;
        let mut engine = UnixStream::connect(&self.engine)?;
        let Some(fault) = self.admit(&head, &client, &engine)? else { return client.shutdown(Shutdown::Both) };
        if let Some(Fault::Refused(status)) = fault {
            return refuse(&client, &mut reader, &head, status);
        }
        engine.write_all(without_keeping(&head).as_bytes())?;
        let mut sending = engine.try_clone()?;
        std::thread::spawn(move || copy(&mut reader, &mut sending));
        match fault {
            Some(Fault::AnswerLost) => copy(&mut engine, &mut sink())?,
            Some(Fault::Silent) => {
                let mut answer = BufReader::new(engine);
                (&client).write_all(head_of(&mut answer)?.as_bytes())?;
                copy(&mut answer, &mut sink())?
            }
            Some(Fault::Refused(_)) | None => copy(&mut engine, &mut (&client))?,
        };
        client.shutdown(Shutdown::Both)
    }

    /// What becomes of a request with this head; nothing at all, while the engine is away.
    fn admit(&self, head: &str, client: &UnixStream, engine: &UnixStream) -> std::io::Result<Option<Option<Fault>>> {
        let mut state = self.state();
        if state.away {
            return Ok(None);
        }
        state.open.extend([client.try_clone()?, engine.try_clone()?]);
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let found = state.faults.iter_mut().find(|(which, _, left)| *left != Some(0) && which(method, path));
        let fault = found.map(|(_, fault, left)| {
            *left = left.map(|left| left - 1);
            *fault
        });
        state.struck += usize::from(fault.is_some());
        Ok(Some(fault))
    }
}

/// The head of a message, to the empty line at its end.
fn head_of(reader: &mut impl BufRead) -> std::io::Result<String> {
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    Ok(head)
}

/// The head with a demand to close the connection after the answer.
fn without_keeping(head: &str) -> String {
    let kept = head.trim_end().lines().filter(|line| !line.to_lowercase().starts_with("connection:"));
    let lines: Vec<_> = kept.chain(["Connection: close", "", ""]).collect();
    lines.join("\r\n")
}

fn refuse(mut client: &UnixStream, reader: &mut impl Read, head: &str, status: u16) -> std::io::Result<()> {
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    copy(&mut reader.take(length.unwrap_or(0)), &mut sink())?;
    let body = r#"{"message":"refused by intent"}"#;
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    client.write_all(format!("{head}{body}").as_bytes())?;
    client.shutdown(Shutdown::Both)
}
