//! What a run may use.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one Action may use of the machine in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Processor time, in milliseconds.
    pub cpu_ms: u32,
    /// Time on the clock, in milliseconds, from the moment a worker has the Action. It is longer
    /// than the processor time, for a machine that is busy with other things.
    pub wall_ms: u32,
    /// Memory of the script, in bytes.
    pub memory_bytes: usize,
    /// Stack of the script, in bytes.
    pub stack_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 100,
            wall_ms: 1_000,
            memory_bytes: 32 * 1024 * 1024,
            stack_bytes: 256 * 1024,
        }
    }
}

impl Limits {
    /// The time on the clock.
    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(u64::from(self.wall_ms))
    }
}
