//! Real gateways guard an application, each by its recipe, and the built `keyward` answers them.
//! The examples' applications have no gateway in front and ask by themselves.
//! The clients that teams have already, Auth0's own among them, manage it and get their tokens from it.
//! Everything here goes through the front: sockets, the command line and the files a user has.
//!
//! `make e2e` installs the gateways and the applications' libraries, builds the binary and runs this. Scenario ids in names and
//! comments are those of `docs/scenarios.md`.

#[cfg(test)]
mod actions;
#[cfg(test)]
mod application;
#[cfg(test)]
mod applications;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod import;
#[cfg(test)]
mod node;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod stack;
#[cfg(test)]
mod tour;
