//! One suite for the engine in memory and a real one: the same rules, the same assertions.
//!
//! The real half needs an engine that answers and `/bin/busybox` (Debian's `busybox-static`); without them it fails and says so.
//! Each test owns what it makes by a label value of its own and removes it, however it ends.

mod builds;
mod containers;
mod events;
mod images;
mod logins;
mod networks;
mod stage;
mod transport;
mod unnamed;
mod volumes;

/// Makes two tests of each rule: `NAME::fake` and `NAME::real`.
macro_rules! rules {
    ($($(#[$meta:meta])* $name:ident)*) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn fake() -> anyhow::Result<()> {
                $crate::stage::on_fake(super::rule::$name).await
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn real() -> anyhow::Result<()> {
                $crate::stage::on_real(super::rule::$name).await
            }
        })*
    };
}
pub(crate) use rules;
