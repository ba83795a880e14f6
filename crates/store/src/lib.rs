//! Keyward's store: migrations, policy transactions and the audit chain, on SQLite.
