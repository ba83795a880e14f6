//! A real nginx, from the distribution, guards an application with exactly the README's snippet,
//! and the built `keyward` answers it. Everything here goes through the front: sockets, the
//! command line and the files a user has.
//!
//! `make e2e` installs nginx when it is missing, builds the binary and runs this. Scenario ids in
//! names and comments are those of `docs/scenarios.md`.

#[cfg(test)]
#[path = "nginx/application.rs"]
mod application;
#[cfg(test)]
#[path = "nginx/documents.rs"]
mod documents;
#[cfg(test)]
#[path = "nginx/doors.rs"]
mod doors;
#[cfg(test)]
#[path = "nginx/processes.rs"]
mod processes;
#[cfg(test)]
#[path = "nginx/stack.rs"]
mod stack;
#[cfg(test)]
#[path = "nginx/tour.rs"]
mod tour;
