//! Two homes on one engine.

use anyhow::Result;

use crate::stage::{EngineLog, MAIN, desk, eventually, play};

#[test]
fn two_homes_on_one_engine_do_not_see_each_others_objects() -> Result<()> {
    play(|one| {
        let two = one.another()?;
        let manifest = desk(&[MAIN]);
        one.apply(&manifest)?;
        two.apply(&manifest)?;
        assert_ne!(one.owner()?, two.owner()?);
        let first = one.container("desk-main")?;
        assert_ne!(first.id, two.container("desk-main")?.id);

        let mut log = EngineLog::follow(one)?;
        two.jackin(&["delete", "workspace", "desk"])?;
        assert_eq!(two.ours("container")?, Vec::<String>::new());
        assert_eq!(two.ours("network")?, Vec::<String>::new());
        assert_eq!(log.writes()?, Vec::<String>::new());
        let after = one.container("desk-main")?;
        assert_eq!((after.id, after.pid), (first.id, first.pid));
        one.jackin(&["exec", "desk-main", "--", "true"])?;
        Ok(())
    })
}

#[test]
fn only_one_controller_serves_a_home_however_many_commands_start_one_at_once() -> Result<()> {
    play(|stage| {
        let mut commands = Vec::new();
        for _ in 0..8 {
            commands.push(stage.command(&["get", "roles"]).stdout(std::process::Stdio::null()).spawn()?);
        }
        for mut command in commands {
            assert!(command.wait()?.success());
        }
        let pid = stage.controller()?.to_string();
        let home = stage.home().to_string_lossy().into_owned();
        // Those that came second end by themselves, and may be seen until they have.
        eventually("one controller alone", || {
            let controllers = controllers(&home)?;
            anyhow::ensure!(controllers.contains(&pid), "the controller that served has ended");
            Ok((controllers == [pid.clone()]).then_some(()))
        })
    })
}

/// The processes that are controllers of a home, or are about to find that it has one.
fn controllers(home: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc")? {
        let folder = process?.path();
        let Ok(environment) = std::fs::read(folder.join("environ")) else {
            continue;
        };
        let Ok(arguments) = std::fs::read(folder.join("cmdline")) else {
            continue;
        };
        let environment = String::from_utf8_lossy(&environment).into_owned();
        let arguments = String::from_utf8_lossy(&arguments).into_owned();
        if environment.contains(home) && arguments.contains("controller\0run") {
            found.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}
