//! What `--help` says of each command.

use super::sandbox::Sandbox;

#[test]
fn each_command_explains_itself() {
    let sandbox = Sandbox::new();
    let mut left = vec![String::new()];
    let mut walked = 0;
    while let Some(command) = left.pop() {
        let mut arguments: Vec<_> = command.split_whitespace().collect();
        arguments.push("--help");
        let told = sandbox.run(&arguments);
        left.extend(commands(&told).map(|name| format!("{command} {name}")));
        walked += 1;
        let name = format!("help {}", command.trim()).trim().replace(' ', "_");
        insta::assert_snapshot!(name, told);
    }
    assert!(!sandbox.was_state_touched());
    let snapshots = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/snapshots")).expect("a folder");
    let of_help = snapshots.filter(|entry| {
        let name = entry.as_ref().expect("an entry").file_name();
        name.to_string_lossy().starts_with("cli__cli__help__help")
    });
    assert_eq!(walked, of_help.count(), "each command has its snapshot, and each snapshot its command");
}

/// The commands that a help lists.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = listed.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help")
}

#[test]
fn a_command_that_does_not_exist_is_bad_input() {
    insta::assert_snapshot!(Sandbox::new().run(&["aply"]));
}

#[test]
fn each_shell_has_a_completion_script() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let output = sandbox.output(&["completion", shell]);
        assert!(output.status.success(), "{shell}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("hardline"), "{shell} knows the aliases");
    }
}
