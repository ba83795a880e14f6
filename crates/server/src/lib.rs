//! Keyward's control plane: OAuth, management and the listeners.

pub mod listen;
pub mod signing;
