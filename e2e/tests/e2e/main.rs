//! Real gateways guard an application, each by its recipe, and the built `keyward` answers them.
//! Everything here goes through the front: sockets, the command line and the files a user has.
//!
//! `make e2e` installs the gateways, builds the binary and runs this. Scenario ids in names and
//! comments are those of `docs/scenarios.md`.

#[cfg(test)]
mod application;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod doors;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod node;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod stack;
#[cfg(test)]
mod tour;
