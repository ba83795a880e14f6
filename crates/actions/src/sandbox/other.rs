//! Systems other than Linux: the engine's own limits, the watchdog and the server's clock hold.

use super::SandboxReport;

pub(super) fn enter_before_threads() -> Result<SandboxReport, String> {
    let mut report = SandboxReport { in_force: Vec::new(), missing: Vec::new() };
    for what in ["no new privileges", "Landlock", "seccomp", "resource limits"] {
        report.miss(what, "this system has none");
    }
    Ok(report)
}

pub(super) fn enter_for_good(report: SandboxReport) -> Result<SandboxReport, String> {
    Ok(report)
}
