//! Keyward's data plane: the check endpoints that gateways ask.
