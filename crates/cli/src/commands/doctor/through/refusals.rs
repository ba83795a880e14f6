//! Do refusals arrive as they are, and does no answer mean no entry?

use std::time::Duration;

use http::StatusCode;

use super::Trial;
use super::advice::Subject;
use super::probe::Probe;
use super::report::Report;

/// How long Keyward holds its answer back. A gateway should have given up long before.
const HOLD: Duration = Duration::from_secs(40);
/// A caller should not wait longer for a door that does not answer.
const WAIT_MAX: Duration = Duration::from_secs(5);

pub(super) async fn examine(trial: &Trial<'_>, report: &mut Report) -> anyhow::Result<()> {
    let mut wrong = 0;
    for status in [
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ] {
        wrong += usize::from(!arrives(trial, status, report).await?);
    }
    if wrong == 0 {
        report.fine("refusals", "refusals arrive as they are: 401, 403, 429 and 503");
    }
    held_back(trial, report).await
}

/// Whether a refusal arrives; the report says what did instead.
async fn arrives(
    trial: &Trial<'_>,
    status: StatusCode,
    report: &mut Report,
) -> anyhow::Result<bool> {
    let probe = Probe::order(trial.management, status, 0, None).await?;
    let answer = trial.caller.get(0, probe.credential(), &[]).await?;
    probe.end(trial.management).await;
    let fix = trial.advice.on(Subject::Refusals);
    let mut fine = true;
    if answer.status.is_success() {
        let text = format!("Keyward refused with {status}, and the caller got {}", answer.status);
        report.wrong("refusal-ignored", &text, trial.advice.on(Subject::Absence));
        fine = false;
    } else if answer.status != status {
        let text = format!("a refusal with {status} arrives as {}", answer.status);
        report.warn("refusal-changed", &text, fix);
        fine = false;
    }
    let told = answer.headers.keys().map(http::HeaderName::as_str);
    let told: Vec<&str> = told.filter(|name| is_telling(name)).collect();
    if !told.is_empty() {
        let text = format!("a refusal with {status} tells the caller {}", told.join(", "));
        report.warn("refusal-tells", &text, "do not pass these headers on");
        fine = false;
    }
    Ok(fine)
}

/// Headers that are between Keyward, the gateway and the application.
fn is_telling(name: &str) -> bool {
    name == "x-auth-status" || name.starts_with("x-client-") || name == "x-account-id"
}

async fn held_back(trial: &Trial<'_>, report: &mut Report) -> anyhow::Result<()> {
    let hold_ms = u32::try_from(HOLD.as_millis()).unwrap_or(u32::MAX);
    let probe = Probe::order(trial.management, StatusCode::FORBIDDEN, hold_ms, None).await?;
    let answer = trial.caller.get(0, probe.credential(), &[]).await;
    probe.end(trial.management).await;
    let fix = trial.advice.on(Subject::Absence);
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let text = format!("while Keyward does not answer, the caller gets nothing: {error}");
            report.warn("waits-for-long", &text, fix);
            return Ok(());
        }
    };
    let seconds = answer.after.as_secs_f64();
    let status = answer.status;
    if status.is_success() {
        let text = format!(
            "Keyward gave no answer, and after {seconds:.1} s the caller got {status}: the gateway \
             fails open"
        );
        report.wrong("fails-open", &text, fix);
    } else if answer.after > WAIT_MAX {
        let text = format!(
            "while Keyward gave no answer, the caller waited {seconds:.0} s for {status}: whoever \
             stalls Keyward stalls the API"
        );
        report.warn("waits-for-long", &text, fix);
    } else {
        let text =
            format!("without an answer of Keyward the caller gets {status}, after {seconds:.1} s");
        report.fine("fails-closed", &text);
    }
    Ok(())
}
