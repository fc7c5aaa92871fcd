//! An operator whom no image knows: in images with a shell, with busybox and with nothing at all.

use std::os::unix::fs::MetadataExt;

use anyhow::{Context, Result, ensure};

use crate::stage::{Stage, play};

/// Three roles, each with an instance: Debian with something for a new home, busybox, and a single file.
const MANIFEST: &str = r#"
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: debian}
spec:
  agents: [shell]
  source:
    inline:
      dockerfile: |-
        FROM jackin-construct:bookworm
        RUN mkdir -p /jackin/default-home/.config && echo seeded > /jackin/default-home/.config/tool
---
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: busybox}
spec: {agents: [shell], source: {image: "jackin-tiny:1"}}
---
apiVersion: jackin.dev/v1alpha1
kind: Role
metadata: {name: bare}
spec: {agents: [shell], source: {path: ./bare}}
---
apiVersion: jackin.dev/v1alpha1
kind: Workspace
metadata: {name: desk}
spec:
  workdir: /work
  mounts: [{source: ./work, target: /work}]
  roles: [debian, busybox, bare]
  instances:
  - {name: debian, role: debian, agent: shell}
  - {name: busybox, role: busybox, agent: shell}
  - {name: bare, role: bare, agent: shell}
"#;

fn inside(stage: &Stage, instance: &str, script: &str) -> Result<String> {
    stage.jackin(&["exec", instance, "--", "sh", "-c", script])
}

fn is_owned(stage: &Stage, path: &str, uid: u32) -> Result<()> {
    let owner = std::fs::symlink_metadata(stage.path(path)).with_context(|| path.to_owned())?;
    ensure!((owner.uid(), owner.gid()) == (uid, uid), "{path} is {}:{}'s", owner.uid(), owner.gid());
    Ok(())
}

#[test]
fn whom_no_image_knows_has_a_name_and_a_home_and_owns_what_is_made() -> Result<()> {
    play(|stage| {
        let uid = stage.become_a_stranger()?;
        stage.write("bare/Dockerfile", "FROM scratch\nCOPY file /file\n")?;
        stage.write("bare/file", "")?;
        std::fs::create_dir(stage.path("work"))?;
        std::os::unix::fs::chown(stage.path("work"), Some(uid), Some(uid))?;
        stage.apply(MANIFEST)?;
        for instance in ["debian", "busybox"] {
            let name = format!("desk-{instance}");
            let who = "id -u; id -g; whoami; id -gn; echo $USER $LOGNAME $HOME; cd ~ && pwd";
            assert_eq!(
                inside(stage, &name, who)?,
                format!("{uid}\n{uid}\nagent\nagent\nagent agent /home/agent\n/home/agent\n"),
                "{instance}"
            );
            inside(stage, &name, &format!("touch /work/{instance} && mkdir ~/made && touch ~/made/file"))?;
            is_owned(stage, &format!("work/{instance}"), uid)?;
        }
        assert_eq!(
            inside(stage, "desk-debian", "getent passwd $(id -u)")?,
            format!("agent:x:{uid}:{uid}:agent:/home/agent:/bin/sh\n")
        );
        assert_eq!(
            inside(stage, "desk-debian", "cat ~/.config/tool; stat -c %u ~/.config/tool")?,
            format!("seeded\n{uid}\n")
        );
        // Nothing of the image itself was changed, nor of the user's that was there.
        let listed =
            stage.docker(&["run", "--rm", "--label", &stage.person_label(), "jackin-tiny:1", "cat", "/etc/passwd"])?;
        ensure!(!listed.contains("agent"), "{listed}");

        // Without a shell and without lists of users PID 1 serves all the same, and its own shell works.
        let ran = stage.run(&["exec", "desk-bare", "--", "/jackin/bin/jackin-capsule", "shell", "-c", "pwd"])?;
        assert_eq!((ran.code, ran.stdout.as_str()), (0, "/work\n"), "{}", ran.stderr);
        let list = stage.docker(&["cp", &format!("{}:/etc/passwd", stage.container_name("desk-bare")?), "-"])?;
        ensure!(list.contains(&format!("agent:x:{uid}:{uid}:")), "{list}");
        Ok(())
    })
}
