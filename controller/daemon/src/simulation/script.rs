//! What is done to the controller in one simulation, rolled from the seed before anything happens.

use std::fmt;
use std::time::Duration;

use jackin_api::kinds::DisruptionPolicy;
use jackin_api::wire::SessionState;

use crate::dice::Dice;

/// Something that happens from outside. `usize` chooses among the instances or workspaces of the moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Action {
    // Edits.
    Env(usize),
    Notes(usize),
    Memory(usize, u32),
    RestartPolicy(usize),
    Count(usize, Option<u32>),
    Recipe,
    Break(bool),
    Plain(bool),
    Agent,
    Policy(DisruptionPolicy, bool),
    Present(usize, bool),
    // Requests.
    Run(usize, bool),
    Restart(usize, bool),
    DeleteInstance(usize),
    Rebuild,
    // The operator's hands.
    RemoveForce(usize),
    Kill(usize),
    Pause(usize),
    Stop(usize),
    Rename(usize),
    Disconnect(usize),
    RemoveImage,
    LookAlike(usize),
    RemoveLookAlike,
    Source(usize, bool),
    // What runs.
    Session(usize, SessionState, u32),
    Mute(usize),
    Exit(usize, i64),
    Starve(usize),
    // The world.
    Away(u64, bool),
    Half(u64),
    Jump(i64),
    Crash(u64, bool),
    LoseStore,
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// How the faults end and what is looked at then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quiet {
    /// Sessions rest, everything that somebody can mend is mended.
    Mended,
    /// What is broken stays so, and must be told.
    AsItIs,
    /// As `Mended`; then the engine is away for a while.
    Away,
    /// As `Mended`; then the controller starts anew.
    Restart,
}

/// Some actions under faults, then quiet.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    /// Faults of a thousand calls.
    pub(super) rate: u64,
    /// What happens, each so long after the one before.
    pub(super) actions: Vec<(Duration, Action)>,
    /// How it ends.
    pub(super) quiet: Quiet,
}

/// The script of a seed.
pub(super) fn script(seed: u64) -> Vec<Phase> {
    let mut dice = Dice::of(seed, 1);
    let phases = 1 + dice.below(2);
    (0..phases).map(|_| phase(&mut dice)).collect()
}

fn phase(dice: &mut Dice) -> Phase {
    let rate = dice.pick(&[0, 0, 20, 60, 150]);
    let count = 2 + dice.below(5);
    let actions = (0..count).map(|_| (pause(dice), action(dice))).collect();
    let quiet = dice.pick(&[Quiet::Mended, Quiet::Mended, Quiet::AsItIs, Quiet::Away, Quiet::Restart]);
    Phase { rate, actions, quiet }
}

fn pause(dice: &mut Dice) -> Duration {
    let longest = dice.pick(&[5, 200, 2_000, 20_000, 40_000]);
    Duration::from_millis(dice.below(longest))
}

fn action(dice: &mut Dice) -> Action {
    let which = usize::try_from(dice.below(6)).unwrap_or_default();
    match dice.below(6) {
        0 | 1 => edit(dice, which),
        2 => request(dice, which),
        3 => by_hand(dice, which),
        4 => inside(dice, which),
        _ => outside(dice),
    }
}

fn edit(dice: &mut Dice, which: usize) -> Action {
    match dice.below(14) {
        0 | 1 => Action::Env(which),
        2 | 3 => Action::Notes(which),
        4 | 5 => Action::Memory(which, 256 * u32::try_from(1 + dice.below(4)).unwrap_or(1)),
        6 => Action::RestartPolicy(which),
        7 | 8 => Action::Count(which, dice.pick(&[None, Some(0), Some(1), Some(2), Some(3)])),
        9 => Action::Recipe,
        10 => dice.pick(&[Action::Break(true), Action::Break(false), Action::Plain(true), Action::Plain(false)]),
        11 => Action::Agent,
        12 => {
            let policies = [DisruptionPolicy::Never, DisruptionPolicy::WhenIdle, DisruptionPolicy::Always];
            let deadline = dice.permille(300);
            Action::Policy(dice.pick(&policies), deadline)
        }
        _ => Action::Present(which, dice.permille(600)),
    }
}

fn request(dice: &mut Dice, which: usize) -> Action {
    match dice.below(6) {
        0 | 1 => Action::Run(which, dice.permille(600)),
        2 | 3 => Action::Restart(which, dice.permille(500)),
        4 => Action::DeleteInstance(which),
        _ => Action::Rebuild,
    }
}

fn by_hand(dice: &mut Dice, which: usize) -> Action {
    match dice.below(11) {
        0 | 1 => Action::RemoveForce(which),
        2 => Action::Kill(which),
        3 => Action::Pause(which),
        4 => Action::Stop(which),
        5 => Action::Rename(which),
        6 => Action::Disconnect(which),
        7 => Action::RemoveImage,
        8 => Action::LookAlike(which),
        9 => Action::RemoveLookAlike,
        _ => Action::Source(which, dice.permille(600)),
    }
}

fn inside(dice: &mut Dice, which: usize) -> Action {
    const STATES: [SessionState; 6] = [
        SessionState::Working,
        SessionState::Working,
        SessionState::Idle,
        SessionState::WaitingForInput,
        SessionState::WaitingForPermission,
        SessionState::Exited,
    ];
    match dice.below(8) {
        0..=4 => Action::Session(which, dice.pick(&STATES), dice.pick(&[0, 0, 1])),
        5 => Action::Mute(which),
        6 => Action::Exit(which, dice.pick(&[0, 1, 137])),
        _ => Action::Starve(which),
    }
}

fn outside(dice: &mut Dice) -> Action {
    match dice.below(8) {
        0 => Action::Away(1 + dice.below(30), dice.permille(500)),
        1 => Action::Half(1 + dice.below(20)),
        2 => Action::Jump(dice.pick(&[-86_400, -3_600, -30, 30, 3_600, 86_400])),
        3 => Action::LoseStore,
        _ => Action::Crash(dice.below(60), dice.permille(500)),
    }
}

/// The script as it is printed for who wants to read it.
pub(super) fn print(script: &[Phase]) -> String {
    let mut text = String::new();
    for (number, phase) in script.iter().enumerate() {
        text.push_str(&format!("phase {number}: {} faults in a thousand calls\n", phase.rate));
        for (wait, action) in &phase.actions {
            text.push_str(&format!("  after {:>7.3} s  {action}\n", wait.as_secs_f64()));
        }
        text.push_str(&format!("  quiet: {:?}\n", phase.quiet));
    }
    text
}
