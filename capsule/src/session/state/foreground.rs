//! What a shell does, by the processes of its session.

use jackin_api::wire::SessionState;

use super::judge::Claim;

/// The claim of a shell's processes, and whether the shell itself has the terminal.
pub(super) fn claim(leader: u32, foreground: Option<u32>) -> (Claim, bool) {
    let is_in_front = foreground == Some(leader);
    // Every process is looked at for this, and only a shell that waits is judged by it.
    let has_company = if is_in_front { has_company(leader) } else { Some(false) };
    (judge(leader, foreground, has_company), is_in_front)
}

fn judge(leader: u32, foreground: Option<u32>, has_company: Option<bool>) -> Claim {
    match (foreground, has_company) {
        (None, _) | (_, None) => Claim::new(SessionState::Unknown, "the terminal's foreground process is not visible"),
        (Some(group), _) if group != leader => {
            let name = std::fs::read_to_string(format!("/proc/{group}/comm")).unwrap_or_default();
            Claim::new(SessionState::Working, format!("{} in the foreground", name.trim()).trim_start())
        }
        (Some(_), Some(true)) => Claim::new(SessionState::Working, "the shell has something in the background"),
        (Some(_), Some(false)) => {
            Claim::new(SessionState::Idle, "the shell is in the foreground, with nothing in the background")
        }
    }
}

/// Whether a shell has children, or its session has what outlived the command that started it; nothing when that cannot be seen.
///
/// A process whose parent ended is a child of PID 1, and still of the shell's session.
fn has_company(leader: u32) -> Option<bool> {
    let keeps_company = |entry: std::fs::DirEntry| {
        let status = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        entry.file_name() != *leader.to_string() && is_company(&status, leader)
    };
    Some(std::fs::read_dir("/proc").ok()?.flatten().any(keeps_company))
}

/// Whether the status of a process says that it is a child of `leader` or of its session, and has not ended.
fn is_company(status: &str, leader: u32) -> bool {
    // The name before may contain anything, also a closing bracket.
    let mut fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    let (state, parent, _group, session) = (fields.next(), fields.next(), fields.next(), fields.next());
    let is_leader = |field: Option<&str>| field.is_some_and(|field| field.parse() == Ok(leader));
    // A shell may leave one that ended without a reaping until its next prompt.
    !matches!(state, Some("Z" | "X")) && (is_leader(parent) || is_leader(session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_idle_only_in_the_foreground_and_with_nothing_in_the_background() {
        let state = |foreground, has_company| judge(7, foreground, has_company).state;
        assert_eq!(state(Some(7), Some(false)), SessionState::Idle);
        assert_eq!(state(Some(7), Some(true)), SessionState::Working);
        assert_eq!(state(Some(999_999_999), Some(true)), SessionState::Working);
        assert_eq!(state(None, Some(false)), SessionState::Unknown);
        assert_eq!(state(Some(7), None), SessionState::Unknown);
    }

    #[test]
    fn what_keeps_a_shell_company_is_a_child_or_of_its_session_and_has_not_ended() {
        let status = |state, parent, session| format!("12 (a ) b) {state} {parent} 11 {session} 0 -1");
        assert!(is_company(&status("S", 7, 12), 7), "a child, in a session of its own");
        assert!(is_company(&status("T", 1, 7), 7), "an orphan of the session, stopped");
        assert!(!is_company(&status("S", 1, 8), 7), "another's");
        assert!(!is_company(&status("Z", 7, 7), 7), "ended");
        assert!(!is_company("", 7), "gone while it was read");
    }
}
