//! Do forged identity headers reach the application?

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use axum::Router;
use http::HeaderMap;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Trial;
use super::advice::Subject;
use super::report::Report;
use crate::commands::doctor::identity::{IDENTITY_OR_ASSERTION as IDENTITY, spellings};

/// What the forged headers say.
const FORGED: &str = "keyward-doctor-forged";

/// Shows whether the application answers with what it was sent.
const ECHO: &str = "X-Keyward-Doctor";
const ECHOED: &str = "keyward-doctor-was-here";

/// Stands in for the application and keeps what arrives.
pub(super) struct Application {
    seen: Arc<Mutex<Vec<HeaderMap>>>,
    serving: JoinHandle<std::io::Result<()>>,
}

impl Application {
    pub(super) async fn start(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot stand in for the application at {address}; stop it for the trial")
        })?;
        let seen: Arc<Mutex<Vec<HeaderMap>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let router = Router::new().fallback(move |headers: HeaderMap| {
            keep.lock().unwrap_or_else(PoisonError::into_inner).push(headers);
            async { "keyward doctor\n" }
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { seen, serving })
    }

    fn last(&self) -> Option<HeaderMap> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

pub(super) async fn examine(
    trial: &Trial<'_>,
    key: &str,
    application: Option<&Application>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let names: Vec<String> = IDENTITY.iter().copied().flat_map(spellings).collect();
    let mut forged: Vec<_> = names.iter().map(|name| (name.as_str(), FORGED.to_owned())).collect();
    forged.push((ECHO, ECHOED.to_owned()));
    let answer = trial.caller.get(0, key, &forged).await?;
    let Some(application) = application else {
        // An application that answers with what it was sent tells as much.
        if answer.body.contains(FORGED) {
            report.wrong(
                "forged-identity",
                "the application's answer holds a forged identity header",
                trial.advice.on(Subject::Identity),
            );
        } else if answer.body.contains(ECHOED) {
            report.fine(
                "forged-identity",
                "the application answers with what it was sent, and no forged identity is in it",
            );
        } else {
            report.skip(
                "forged-identity",
                "forged identity headers: not looked at (stop the application and give its \
                 address: --app ADDR)",
            );
        }
        report.skip(
            "other-protocol",
            "other protocols: not looked at (stop the application and give its address: --app ADDR)",
        );
        return Ok(());
    };
    let Some(arrived) = application.last() else {
        report.warn(
            "forged-identity",
            "the request was let in and did not reach --app, so nothing is known of what arrives",
            "give the address that the gateway passes this URL's requests to",
        );
        return Ok(());
    };
    let mut wrong = judge(trial, &arrived, report);
    let usual: Vec<_> = IDENTITY.into_iter().filter(|name| arrived.contains_key(*name)).collect();
    for named in ["X-Client-Id", "X-Client-IP, X-Account-Id, X-Client-Scope"] {
        let headers = [("Connection", named.to_owned())];
        trial.caller.get(0, key, &headers).await?;
        // A gateway that refuses such a request is right too.
        let Some(arrived) = application.last() else { continue };
        if usual.iter().any(|name| !arrived.contains_key(*name)) {
            let text =
                format!("`Connection: {named}` takes identity headers out before the application");
            report.wrong("identity-dropped", &text, trial.advice.on(Subject::Identity));
            wrong += 1;
        }
    }
    other_protocol(trial, key, application, report).await?;
    if wrong == 0 {
        report
            .fine("forged-identity", "the identity at the application is Keyward's, and complete");
    }
    Ok(())
}

/// Whether the application is told to take up h2c, where nobody checks what is asked.
async fn other_protocol(
    trial: &Trial<'_>,
    key: &str,
    application: &Application,
    report: &mut Report,
) -> anyhow::Result<()> {
    let headers = [("Connection", "Upgrade".to_owned()), ("Upgrade", "h2c".to_owned())];
    trial.caller.get(0, key, &headers).await?;
    // A gateway that refuses such a request is right too.
    let arrived = application.last();
    if arrived.is_some_and(|arrived| arrived.contains_key(http::header::UPGRADE)) {
        let text = "`Upgrade: h2c` reaches the application; if it takes that up, what is asked there \
                    is not checked";
        report.warn("other-protocol", text, trial.advice.on(Subject::Protocol));
    } else {
        report.fine("other-protocol", "no other protocol can be taken up past Keyward");
    }
    Ok(())
}

/// How many identity headers are not Keyward's, which the report names.
fn judge(trial: &Trial<'_>, arrived: &HeaderMap, report: &mut Report) -> usize {
    let spelled = |name: &str| name.replace('_', "-");
    let mut wrong = 0;
    for name in IDENTITY {
        let plain = name.to_ascii_lowercase();
        let alike = arrived.iter().filter(|(header, _)| spelled(header.as_str()) == plain);
        let values: Vec<_> = alike.map(|(header, value)| (header.as_str(), value)).collect();
        let forged = values.iter().find(|(_, value)| value.as_bytes() == FORGED.as_bytes());
        if let Some((spelling, _)) = forged {
            let text = format!("a forged {spelling} reaches the application");
            let fix = trial.advice.on(Subject::Identity);
            if plain == "x-client-assertion" {
                let text = format!("{text}, which is fooled unless it verifies the signature");
                report.warn("forged-identity", &text, fix);
            } else {
                report.wrong("forged-identity", &text, fix);
            }
            wrong += 1;
        } else if values.is_empty() {
            let text = format!("{name} does not reach the application");
            report.warn("identity-missing", &text, trial.advice.on(Subject::Identity));
            wrong += 1;
        }
    }
    wrong
}
