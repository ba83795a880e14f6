//! A real nginx, from the distribution, guards an application with exactly the README's snippet,
//! and the built `keyward` answers it. Everything here goes through the front: sockets, the
//! command line and the files a user has.
//!
//! `make e2e` installs nginx when it is missing, builds the binary and runs this. Scenario ids in
//! names and comments are those of `docs/scenarios.md`.

#[cfg(test)]
#[path = "e2e/application.rs"]
mod application;
#[cfg(test)]
#[path = "e2e/documents.rs"]
mod documents;
#[cfg(test)]
#[path = "e2e/doors.rs"]
mod doors;
#[cfg(test)]
#[path = "e2e/node.rs"]
mod node;
#[cfg(test)]
#[path = "e2e/processes.rs"]
mod processes;
#[cfg(test)]
#[path = "e2e/stack.rs"]
mod stack;
#[cfg(test)]
#[path = "e2e/tour.rs"]
mod tour;
