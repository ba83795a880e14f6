//! The worker that the tests of this crate run Actions in: what `keyward action-worker` is.

fn main() -> std::process::ExitCode {
    keyward_actions::run_worker()
}
