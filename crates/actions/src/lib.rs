//! Keyward's sandbox for Actions.
