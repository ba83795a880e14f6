//! Keyward measured side by side with its peers.
fn main() {}
