//! `keyward doctor FILE…`: what is wrong with a gateway, seen from its configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueEnum;
use serde_json::Value;

use super::finding::common::NO_CHECK_FOUND;
use super::finding::{Examined, Fault, Finding, Place, Severity};
use super::reading::Budget;
use super::{caddy, envoy, nginx};

/// A finding that is an error.
const WRONG: u8 = 1;
/// A file that could not be judged.
const UNREADABLE: u8 = 2;

/// A program whose configuration is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Nginx,
    Envoy,
    Caddy,
}

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Envoy => "Envoy",
            Self::Caddy => "Caddy",
        }
    }

    /// What a check guards.
    fn guarded(self) -> &'static str {
        match self {
            Self::Nginx => "guarded location",
            Self::Envoy => "guarded connection manager",
            Self::Caddy => "guarded handler",
        }
    }

    /// What a file is, by its name, and where that can mean many things by its content.
    fn of(path: &Path, text: &str) -> Option<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        match ending {
            "yaml" | "yml" | "json" => envoy::looks_like_it(text).then_some(Self::Envoy),
            "cfg" | "toml" => None,
            _ if name.starts_with("caddyfile") || ["caddy", "caddyfile"].contains(&ending) => {
                Some(Self::Caddy)
            }
            _ if nginx::looks_like_it(text) => Some(Self::Nginx),
            _ if caddy::looks_like_it(text) => Some(Self::Caddy),
            _ => None,
        }
    }
}

/// Judges configurations, prints what was found, and says how it ended.
pub(super) fn run(files: &[PathBuf], kind: Option<Kind>, json: bool) -> ExitCode {
    let judged: Vec<_> = files.iter().map(|path| (path, judge(path, kind))).collect();
    let found = judged.iter().filter_map(|(_, result)| result.as_ref().ok());
    let findings: Vec<&Finding> = found.flat_map(|(_, examined)| &examined.findings).collect();
    if json {
        let array = Value::Array(findings.iter().map(|finding| finding.json()).collect());
        println!("{array:#}");
    }
    let mut code = 0;
    if findings.iter().any(|finding| finding.code.severity == Severity::Error) {
        code = WRONG;
    }
    for (path, result) in &judged {
        match result {
            Ok((kind, examined)) if !json => println!("{}", words(path, *kind, examined)),
            Ok(_) => {}
            Err(fault) => {
                eprintln!("keyward: {fault}");
                code = UNREADABLE;
            }
        }
    }
    ExitCode::from(code)
}

/// Judges one configuration.
fn judge(path: &Path, kind: Option<Kind>) -> Result<(Kind, Examined), Fault> {
    let mut budget = Budget::default();
    let text = budget.read(path)?;
    let file = path.display().to_string();
    let unknown = || Fault {
        place: file.clone(),
        message: "is not known to be a configuration of nginx, Envoy or Caddy; if it is one, say \
                  so with `--kind`; another gateway can be tried with `--through URL`"
            .to_owned(),
    };
    let kind = kind.or_else(|| Kind::of(path, &text)).ok_or_else(unknown)?;
    let mut examined = match kind {
        Kind::Nginx => nginx::examine(path, &text, &mut budget)?,
        Kind::Envoy => envoy::examine(path, &text, &mut budget)?,
        Kind::Caddy => caddy::examine(path, &text, &mut budget)?,
    };
    if examined.checks == 0 {
        let place = Place { file: file.into(), line: 1 };
        examined.add(&NO_CHECK_FOUND, &place, "nothing here asks Keyward");
    }
    examined.findings.sort_by(|a, b| (&a.place, a.code.severity).cmp(&(&b.place, b.code.severity)));
    Ok((kind, examined))
}

/// What was found in a configuration, then what was looked at.
fn words(path: &Path, kind: Kind, examined: &Examined) -> String {
    let mut text: String =
        examined.findings.iter().map(|finding| format!("{}\n", finding.words())).collect();
    let count = |severity| {
        let of_it = examined.findings.iter().filter(|finding| finding.code.severity == severity);
        of_it.count()
    };
    let checked = [counted(examined.checks, "check"), counted(examined.guarded, kind.guarded())];
    let verdict = match [Severity::Error, Severity::Warning, Severity::Note].map(count) {
        [0, 0, 0] => "no problem found".to_owned(),
        counts => {
            let names = ["error", "warning", "note"];
            let told = counts.into_iter().zip(names).filter(|(count, _)| *count > 0);
            told.map(|(count, name)| counted(count, name)).collect::<Vec<_>>().join(", ")
        }
    };
    text.push_str(&format!(
        "{} ({}): {}: {verdict}",
        path.display(),
        kind.title(),
        checked.join(", ")
    ));
    text
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
