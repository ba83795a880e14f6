//! What the management API answers the clients, compared with Auth0's own description.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::applications::project;

#[path = "../../../../crates/server/tests/auth0/described.rs"]
mod described;

use described::{Answered, assert_described};

/// The answers that the clients of one server got.
pub(super) struct Answers(PathBuf);

impl Answers {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.join("answers.jsonl"))
    }

    /// Makes Node.js keep them.
    pub(super) fn environment(&self) -> [(&'static str, String); 2] {
        let recorder = project("e2e/clients/node/record.mjs").canonicalize().unwrap();
        [
            ("NODE_OPTIONS", format!("--import \"file://{}\"", recorder.display())),
            ("ANSWERS", self.0.display().to_string()),
        ]
    }

    /// Compares all of them, and says how many there are.
    pub(super) fn compare(&self) -> usize {
        let lines = fs::read_to_string(&self.0).unwrap_or_default();
        for line in lines.lines() {
            let answer: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| answer[name].as_str().unwrap().to_owned();
            assert_described(&Answered {
                method: text("method").to_ascii_uppercase(),
                path: text("path"),
                status: answer["status"].as_u64().unwrap().try_into().unwrap(),
                content_type: text("content_type"),
                body: text("body"),
            });
        }
        lines.lines().count()
    }
}
