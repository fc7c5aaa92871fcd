//! What the command line may ask for.

use std::time::Duration;

use anyhow::{Context, bail};

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Measures jackin against the same Engine API calls made bare.

  --only NAME          one of create, start, attach, keys, floods, apply, get, heal, remake, warm, idle; may be repeated
  --rounds N           pairs of each comparison (default 15)
  --command-rounds N   runs of each command (default 30)
  --terminal-rounds N  attaches, and keys that are typed (default 200)
  --instances N        instances of the idle controller (default 50)
  --idle SECONDS       how long it is watched (default 60)
  --json               the figures as JSON on stdout, the table on stderr

The exit code is 1 when a bar is missed. JACKIN_BENCH_BIN_DIR names the folder of `jackin` and `jackin-capsule`, and
JACKIN_BENCH_DOCKER the docker client that `attach` and `keys` are compared with.";

/// What was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    /// What to measure, in the order of measuring.
    pub(crate) only: Vec<Measure>,
    /// Pairs of each comparison.
    pub(crate) rounds: usize,
    /// Runs of each command.
    pub(crate) command_rounds: usize,
    /// Attaches, and keys that are typed.
    pub(crate) terminal_rounds: usize,
    /// Instances of the idle controller.
    pub(crate) instances: usize,
    /// How long the idle controller is watched.
    pub(crate) idle: Duration,
    /// JSON on stdout.
    pub(crate) json: bool,
}

/// What can be measured, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    /// A further instance, from an image that is there.
    Create,
    /// A stopped instance.
    Start,
    /// The first painted byte.
    Attach,
    /// The echo of a key.
    Keys,
    /// The echo of a key while other sessions flood.
    Floods,
    /// An apply that changes nothing.
    Apply,
    /// A list of instances.
    Get,
    /// An instance whose container was killed.
    Heal,
    /// An instance whose container was removed.
    Remake,
    /// A role of many files of which none changed.
    Warm,
    /// What a controller costs that has nothing to do.
    Idle,
}

impl Measure {
    const ALL: [Self; 11] = [
        Self::Create,
        Self::Start,
        Self::Attach,
        Self::Keys,
        Self::Floods,
        Self::Apply,
        Self::Get,
        Self::Heal,
        Self::Remake,
        Self::Warm,
        Self::Idle,
    ];

    /// Its name on the command line.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Start => "start",
            Self::Attach => "attach",
            Self::Keys => "keys",
            Self::Floods => "floods",
            Self::Apply => "apply",
            Self::Get => "get",
            Self::Heal => "heal",
            Self::Remake => "remake",
            Self::Warm => "warm",
            Self::Idle => "idle",
        }
    }
}

impl Arguments {
    /// Reads the words of a command line; `None` when help is asked for.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> anyhow::Result<Option<Self>> {
        let mut arguments = Self {
            only: Vec::new(),
            rounds: 15,
            command_rounds: 30,
            terminal_rounds: 200,
            instances: 50,
            idle: Duration::from_secs(60),
            json: false,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("`{word}` needs a value"));
            match word.as_str() {
                // Cargo says so to each benchmark.
                "--bench" => {}
                "--help" | "-h" => return Ok(None),
                "--json" => arguments.json = true,
                "--only" => arguments.only.push(measure(&value()?)?),
                "--rounds" => arguments.rounds = count(&word, &value()?)?,
                "--command-rounds" => arguments.command_rounds = count(&word, &value()?)?,
                "--terminal-rounds" => arguments.terminal_rounds = count(&word, &value()?)?,
                "--instances" => arguments.instances = count(&word, &value()?)?,
                "--idle" => arguments.idle = Duration::from_secs(u64::try_from(count(&word, &value()?)?)?),
                other => bail!("unknown argument `{other}`\n{HELP}"),
            }
        }
        if arguments.only.is_empty() {
            arguments.only = Measure::ALL.to_vec();
        }
        arguments.only.sort_unstable();
        arguments.only.dedup();
        Ok(Some(arguments))
    }
}

fn measure(name: &str) -> anyhow::Result<Measure> {
    let found = Measure::ALL.into_iter().find(|measure| measure.name() == name);
    found.with_context(|| format!("nothing called `{name}` can be measured\n{HELP}"))
}

fn count(word: &str, value: &str) -> anyhow::Result<usize> {
    let count = value.parse().ok().filter(|count| *count > 0);
    count.with_context(|| format!("`{word}` needs a number above zero, and not `{value}`"))
}
