//! House rules that neither the compiler nor clippy can hold: who may depend on whom, where
//! addresses are parsed and SQL is written, how long files get, and that the documents are true.
//!
//! Every failure names file and line and says what to do. The exception lists are ratchets: an
//! entry that is no longer needed fails too, so that they only ever shrink.
//!
//! (`cfg(test)` on the modules tells clippy that their functions are test code too.)

#[cfg(test)]
#[path = "tidy/crate_edges.rs"]
mod crate_edges;
#[cfg(test)]
#[path = "tidy/documents.rs"]
mod documents;
#[cfg(test)]
#[path = "tidy/sources.rs"]
mod sources;
#[cfg(test)]
#[path = "tidy/tree.rs"]
mod tree;
