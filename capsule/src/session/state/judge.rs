//! From what is known of a session to its state: no clock, no terminal, no process is asked here.

use std::time::Duration;

use jackin_api::wire::{Millis, Report, SessionState};

/// How much later than a hook's word something must begin to be seen to count more than it: what a hook tells and what the screen
/// then shows are the same news.
const SAME_NEWS: Duration = Duration::from_secs(1);

/// How long a screen must say the same to be believed: while it is painted anew, a part of it is missing.
const STEADY: Duration = Duration::from_millis(300);

/// How long a session in which nothing tells its state is called starting.
const STARTING: Duration = Duration::from_secs(15);

/// A state, and why it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) state: SessionState,
    pub(super) evidence: String,
}

impl Claim {
    /// The evidence may be a program's own words: it becomes one short line.
    pub(super) fn new(state: SessionState, evidence: &str) -> Self {
        let line = evidence.chars().map(|character| if character.is_control() { ' ' } else { character });
        Self { state, evidence: line.take(Report::EVIDENCE).collect() }
    }
}

/// A claim, and since when it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) claim: Claim,
    pub(super) at: Millis,
}

/// What is known of a session at one moment.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) at: Millis,
    pub(super) started_at: Millis,
    pub(super) is_preparing: bool,
    pub(super) has_output: bool,
    /// Whether anything could tell its state at all.
    pub(super) is_recognised: bool,
    /// What a hook of the agent said last.
    pub(super) hook: Option<Heard>,
    /// What the program reported last, by the number of its report.
    pub(super) status: Option<(u64, Claim)>,
    pub(super) signal: Option<Claim>,
    pub(super) foreground: Option<Claim>,
    pub(super) screen: Option<Claim>,
    pub(super) typed_at: Option<Millis>,
}

/// What a judgment comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgment {
    pub(super) claim: Claim,
    /// After what time another look is worth while though nothing happens.
    pub(super) again: Option<Duration>,
}

/// What is remembered from one judgment to the next.
#[derive(Debug, Default)]
pub(super) struct Judge {
    status: Option<(u64, Heard)>,
    signal: Option<Heard>,
    foreground: Option<Heard>,
    screen: Option<Heard>,
    /// What the screen began to say, and when; not believed yet.
    candidate: Option<(Option<Claim>, Millis)>,
    has_worked: bool,
}

impl Judge {
    pub(super) fn judge(&mut self, seen: Seen) -> Judgment {
        let again = self.note(&seen);
        let (claim, later) = if seen.is_preparing {
            (Claim::new(SessionState::Starting, "its hooks run"), None)
        } else {
            self.weigh(&seen)
        };
        self.has_worked |= claim.state == SessionState::Working;
        Judgment { claim, again: again.into_iter().chain(later).min() }
    }

    /// Notes since when each source says what it says.
    fn note(&mut self, seen: &Seen) -> Option<Duration> {
        let at = seen.at;
        self.status = seen.status.clone().map(|(number, claim)| match self.status.take() {
            Some((known, heard)) if known == number => (known, heard),
            _ => (number, Heard { claim, at }),
        });
        follow(&mut self.signal, seen.signal.clone(), at);
        follow(&mut self.foreground, seen.foreground.clone(), at);
        if self.screen.as_ref().map(|heard| &heard.claim) == seen.screen.as_ref() {
            self.candidate = None;
            return None;
        }
        let since = match &self.candidate {
            Some((claim, since)) if *claim == seen.screen => *since,
            _ => at,
        };
        let stands = between(since, at);
        if stands < STEADY {
            self.candidate = Some((seen.screen.clone(), since));
            return Some(STEADY - stands);
        }
        self.candidate = None;
        follow(&mut self.screen, seen.screen.clone(), since);
        None
    }

    /// The table of the module above, from the most trusted down.
    fn weigh(&self, seen: &Seen) -> (Claim, Option<Duration>) {
        let status = self.status.as_ref().map(|(_, heard)| heard);
        let shown = [&self.signal, &self.foreground, &self.screen].into_iter().flatten().next();
        let claim = match (seen.hook.as_ref(), status, shown) {
            (Some(hook), Some(status), _) => {
                if status.at >= hook.at {
                    status.claim.clone()
                } else {
                    hook.claim.clone()
                }
            }
            (None, Some(status), _) => status.claim.clone(),
            (Some(hook), None, Some(shown)) if outdates(shown, hook, seen.typed_at) => self.modest(&shown.claim),
            (Some(hook), None, _) => hook.claim.clone(),
            (None, None, Some(shown)) => self.modest(&shown.claim),
            (None, None, None) => return unknown(seen),
        };
        (self.without_login(claim), None)
    }

    /// What only looks like waiting is idleness before anything was asked for.
    fn modest(&self, claim: &Claim) -> Claim {
        let is_unasked = claim.state == SessionState::WaitingForInput && !self.has_worked;
        Claim { state: if is_unasked { SessionState::Idle } else { claim.state }, evidence: claim.evidence.clone() }
    }

    /// An agent that has nothing to do may be one that cannot do anything: that is on its screen alone.
    fn without_login(&self, claim: Claim) -> Claim {
        let screen = self.screen.as_ref().map(|heard| &heard.claim);
        match (claim.state, screen) {
            (SessionState::Idle | SessionState::WaitingForInput, Some(screen))
                if screen.state == SessionState::AuthNeeded =>
            {
                screen.clone()
            }
            _ => claim,
        }
    }
}

/// Whether what is shown is newer than what a hook said: the hook told nothing of what came after.
fn outdates(shown: &Heard, hook: &Heard, typed_at: Option<Millis>) -> bool {
    let was_answered = typed_at.is_some_and(|typed| typed > hook.at);
    if was_answered { shown.at > hook.at } else { between(hook.at, shown.at) > SAME_NEWS }
}

fn unknown(seen: &Seen) -> (Claim, Option<Duration>) {
    let age = between(seen.started_at, seen.at);
    if !seen.is_recognised {
        let known = if seen.has_output {
            Claim::new(SessionState::Unknown, "no rule for this agent")
        } else {
            Claim::new(SessionState::Starting, "no output yet")
        };
        return (known, None);
    }
    if age < STARTING {
        return (Claim::new(SessionState::Starting, "nothing tells its state yet"), Some(STARTING - age));
    }
    (Claim::new(SessionState::Unknown, "nothing that it shows is known"), None)
}

fn follow(known: &mut Option<Heard>, claim: Option<Claim>, at: Millis) {
    if known.as_ref().map(|heard| heard.claim.state) != claim.as_ref().map(|claim| claim.state) {
        *known = claim.map(|claim| Heard { claim, at });
    } else if let (Some(heard), Some(claim)) = (known.as_mut(), claim) {
        heard.claim = claim;
    }
}

/// The time from one moment to a later one; none when the clock was set back.
fn between(from: Millis, to: Millis) -> Duration {
    Duration::from_millis(to.0.saturating_sub(from.0))
}

#[cfg(test)]
mod tests {
    use jackin_api::wire::SessionState::{
        AuthNeeded, Idle, Starting, Unknown, WaitingForInput, WaitingForPermission, Working,
    };

    use super::*;

    /// A session that is looked at again and again, as things about it change.
    struct Watched {
        judge: Judge,
        seen: Seen,
    }

    impl Watched {
        fn new() -> Self {
            let seen = Seen { has_output: true, is_recognised: true, ..Seen::default() };
            Self { judge: Judge::default(), seen }
        }

        /// The state so many milliseconds after its start, looked at as often as it asks for.
        fn at(&mut self, at: u64, change: impl FnOnce(&mut Seen)) -> SessionState {
            self.seen.at = Millis(at);
            change(&mut self.seen);
            let judgment = self.judge.judge(self.seen.clone());
            match judgment.again.filter(|again| *again <= STEADY) {
                Some(again) => {
                    self.seen.at = Millis(at + u64::try_from(again.as_millis()).expect("short"));
                    self.judge.judge(self.seen.clone()).claim.state
                }
                None => judgment.claim.state,
            }
        }
    }

    fn claim(state: SessionState) -> Option<Claim> {
        Some(Claim::new(state, "a test"))
    }

    fn heard(state: SessionState, at: u64) -> Option<Heard> {
        Some(Heard { claim: Claim::new(state, "a test"), at: Millis(at) })
    }

    #[test]
    fn of_the_programs_own_words_the_later_counts() {
        let mut session = Watched::new();
        assert_eq!(session.at(0, |seen| seen.status = Some((1, Claim::new(Idle, "")))), Idle);
        assert_eq!(session.at(10, |seen| seen.hook = heard(Working, 10)), Working);
        assert_eq!(
            session.at(20, |seen| seen.status = Some((2, Claim::new(WaitingForPermission, "")))),
            WaitingForPermission
        );
        assert_eq!(session.at(30, |seen| seen.hook = heard(WaitingForInput, 30)), WaitingForInput);
        assert_eq!(
            session.at(40, |seen| seen.status = Some((3, Claim::new(WaitingForPermission, "")))),
            WaitingForPermission
        );
        assert_eq!(session.at(50, |seen| seen.status = None), WaitingForInput, "what was taken back does not count");
    }

    #[test]
    fn no_guess_counts_beside_a_programs_report() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.status = Some((1, Claim::new(Working, ""))));
        assert_eq!(session.at(5000, |seen| seen.screen = claim(WaitingForPermission)), Working);
        assert_eq!(session.at(9000, |seen| seen.signal = claim(Idle)), Working);
    }

    #[test]
    fn what_is_shown_long_after_a_hooks_word_counts_more_than_it() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.screen = claim(Working));
        assert_eq!(session.at(1000, |seen| seen.hook = heard(WaitingForPermission, 1000)), WaitingForPermission);
        // The same news, painted a little later.
        assert_eq!(session.at(1100, |seen| seen.screen = claim(WaitingForInput)), WaitingForPermission);
        assert_eq!(session.at(3000, |seen| seen.screen = claim(Working)), Working, "it was answered somehow");
        assert_eq!(session.at(4000, |seen| seen.hook = heard(WaitingForInput, 4000)), WaitingForInput, "a new word");
        assert_eq!(session.at(9000, |seen| seen.screen = None), WaitingForInput, "nothing shown outdates nothing");
    }

    #[test]
    fn after_a_key_what_is_shown_counts_at_once() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.hook = heard(WaitingForPermission, 0));
        session.seen.typed_at = Some(Millis(200));
        assert_eq!(session.at(250, |seen| seen.signal = claim(Working)), Working);
    }

    #[test]
    fn a_turn_that_was_broken_off_is_seen_though_no_hook_tells_of_it() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.screen = claim(Working));
        session.at(0, |seen| seen.hook = heard(Working, 0));
        session.seen.typed_at = Some(Millis(20_000));
        assert_eq!(session.at(20_100, |seen| seen.screen = claim(WaitingForInput)), WaitingForInput);
    }

    #[test]
    fn of_what_is_shown_the_title_counts_first_then_the_processes_then_the_screen() {
        let mut session = Watched::new();
        assert_eq!(session.at(0, |seen| seen.screen = claim(WaitingForPermission)), WaitingForPermission);
        assert_eq!(session.at(1000, |seen| seen.foreground = claim(Idle)), Idle);
        assert_eq!(session.at(2000, |seen| seen.signal = claim(Working)), Working);
    }

    #[test]
    fn waiting_before_anything_was_asked_for_is_idleness() {
        let mut session = Watched::new();
        assert_eq!(session.at(0, |seen| seen.screen = claim(WaitingForInput)), Idle);
        session.at(1000, |seen| seen.screen = claim(Working));
        assert_eq!(session.at(2000, |seen| seen.screen = claim(WaitingForInput)), WaitingForInput);
        let mut hooked = Watched::new();
        assert_eq!(hooked.at(0, |seen| seen.hook = heard(WaitingForInput, 0)), WaitingForInput, "a hook knows better");
    }

    #[test]
    fn who_has_nothing_to_do_may_be_one_that_needs_a_login() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.status = Some((1, Claim::new(Idle, ""))));
        assert_eq!(session.at(100, |seen| seen.screen = claim(AuthNeeded)), AuthNeeded);
        assert_eq!(session.at(2000, |seen| seen.status = Some((2, Claim::new(Working, "")))), Working);
    }

    #[test]
    fn a_screen_is_believed_only_when_it_stands_still() {
        let mut session = Watched::new();
        session.at(0, |seen| seen.screen = claim(Working));
        let mut look = |at, screen: Option<Claim>| {
            session.seen.at = Millis(at);
            session.seen.screen = screen;
            let judgment = session.judge.judge(session.seen.clone());
            (judgment.claim.state, judgment.again)
        };
        let rest = |millis| Some(Duration::from_millis(millis));
        assert_eq!(look(1000, claim(WaitingForPermission)), (Working, rest(300)), "half a frame");
        assert_eq!(look(1040, claim(Working)), (Working, None), "the other half");
        assert_eq!(look(2000, claim(WaitingForPermission)), (Working, rest(300)));
        assert_eq!(look(2200, claim(WaitingForPermission)), (Working, rest(100)));
        assert_eq!(look(2300, claim(WaitingForPermission)), (WaitingForPermission, None));
    }

    #[test]
    fn a_session_of_which_nothing_is_known_starts_for_a_while_and_then_nobody_knows() {
        let mut session = Watched::new();
        assert_eq!(session.at(0, |_| {}), Starting);
        assert_eq!(session.at(14_000, |_| {}), Starting);
        assert_eq!(session.at(15_000, |_| {}), Unknown);
        session.seen.is_recognised = false;
        assert_eq!(session.at(16_000, |seen| seen.has_output = false), Starting);
        assert_eq!(session.at(16_001, |seen| seen.is_preparing = true), Starting);
    }

    #[test]
    fn a_clock_that_was_set_back_does_no_harm() {
        let mut session = Watched::new();
        session.at(1_000_000, |seen| seen.hook = heard(Working, 1_000_000));
        assert_eq!(session.at(10, |seen| seen.screen = claim(WaitingForInput)), Working);
        assert_eq!(session.at(20, |seen| seen.hook = heard(WaitingForInput, 20)), WaitingForInput);
    }

    #[test]
    fn evidence_is_one_short_line() {
        let claim = Claim::new(Working, &format!("a\nb\x1b{}", "x".repeat(1000)));
        assert!(claim.evidence.starts_with("a b x") && claim.evidence.chars().count() == Report::EVIDENCE);
    }
}
