//! Who the capsule runs as, by the container's own list of users.

use std::path::Path;

/// Where users are listed.
const PASSWD: &str = "/etc/passwd";

/// The name of the capsule's own user.
pub(crate) fn own_name() -> String {
    let uid = rustix::process::geteuid().as_raw();
    let listed = name_in(Path::new(PASSWD), uid);
    listed.unwrap_or_else(|| if uid == 0 { "root" } else { "agent" }.to_owned())
}

fn name_in(list: &Path, uid: u32) -> Option<String> {
    let text = std::fs::read(list).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut entries = text.lines().map(|line| line.split(':'));
    let name = entries.find_map(|mut fields| {
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then_some(name)
    });
    name.filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::name_in;

    #[test]
    fn a_user_has_the_name_that_is_listed_for_its_number() {
        let list = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(&list, "root:x:0:0::/root:/bin/sh\nbroken\n:x:9:9:::\nagent:x:1000:7::/:/bin/sh\n")
            .expect("written");
        let name = |uid| name_in(list.path(), uid);
        assert_eq!((name(0).as_deref(), name(1000).as_deref()), (Some("root"), Some("agent")));
        assert_eq!((name(7), name(9)), (None, None));
        assert_eq!(name_in("/nonexistent".as_ref(), 0), None);
    }
}
