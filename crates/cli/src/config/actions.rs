//! The settings of Actions.

use keyward_actions::Limits;
use keyward_server::actions::{ActionsOptions, ExecutionLimits};

use super::Raw;

/// Bytes of a MiB.
const MIB: usize = 1024 * 1024;

impl Raw {
    pub(super) fn check_actions(&mut self) -> Option<ActionsOptions> {
        let usual = ActionsOptions::default();
        let workers = self.parse("action_workers", |text| match text.parse::<usize>() {
            _ if text == "auto" => Ok(usual.workers),
            Ok(workers @ 1..=256) => Ok(workers),
            _ => Err(format!("`{text}` is neither auto nor a number of workers from 1 to 256")),
        });
        let cpu_ms = self.parse("action_cpu_ms", |text| match text.parse::<u32>() {
            Ok(ms @ 10..=20_000) => Ok(ms),
            _ => Err(format!("`{text}` is no number of milliseconds from 10 to 20000")),
        });
        let wall_ms = self.parse("action_clock_ms", |text| match text.parse::<u32>() {
            Ok(ms @ 50..=60_000) => Ok(ms),
            _ => Err(format!("`{text}` is no number of milliseconds from 50 to 60000")),
        });
        let memory_mib = self.parse("action_memory_mib", |text| match text.parse::<usize>() {
            Ok(mib @ 4..=128) => Ok(mib),
            _ => Err(format!("`{text}` is no number of MiB from 4 to 128")),
        });
        let retention_days =
            self.parse("execution_retention_days", |text| match text.parse::<u32>() {
                Ok(days @ 1..=3_650) => Ok(days),
                _ => Err(format!("`{text}` is no number of days from 1 to 3650")),
            });
        let rows_max = self.parse("execution_rows_max", |text| match text.parse::<u64>() {
            Ok(rows @ 100..=100_000_000) => Ok(rows),
            _ => Err(format!("`{text}` is no number of executions from 100 to 100000000")),
        });
        Some(ActionsOptions {
            workers: workers?,
            limits: Limits {
                cpu_ms: cpu_ms?,
                wall_ms: wall_ms?,
                memory_bytes: memory_mib?.saturating_mul(MIB),
                ..usual.limits
            },
            executions: ExecutionLimits { retention_days: retention_days?, rows_max: rows_max? },
            ..usual
        })
    }
}
