//! `keyward import`: what was made elsewhere.

mod addresses;
mod auth0;
mod csv;
mod export;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use crate::manage::Management;

/// What to import.
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over APIs, clients, grants, Actions and bindings from an export of auth0-deploy-cli
    Auth0(Auth0Args),
    /// Take over keys from a table: client_id, name, secret or secret_sha256, allowed_ips, …
    #[command(after_help = csv::COLUMNS_HELP)]
    Csv(CsvArgs),
}

/// An export of the deploy tool.
#[derive(Debug, Args)]
pub(crate) struct Auth0Args {
    /// Its folder, or its tenant.yaml
    export: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Make allowlists of the addresses in a client's metadata, in this mode. Without it they are
    /// only shown
    #[arg(long, value_name = "MODE")]
    take_addresses: Option<ListMode>,
}

/// A mode for lists that are made of addresses found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListMode {
    /// Refuses nothing and records what would be refused
    Report,
    /// Refuses every other address
    Enforce,
}

impl ListMode {
    fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Enforce => "enforce",
        }
    }
}

/// A table of keys.
#[derive(Debug, Args)]
pub(crate) struct CsvArgs {
    /// The file; its first line names the columns
    file: PathBuf,
    /// Only check it and say what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) async fn run(
    management: &Management,
    command: ImportCommand,
) -> anyhow::Result<ExitCode> {
    let report = match command {
        ImportCommand::Auth0(args) => auth0::run(management, &args).await?,
        ImportCommand::Csv(args) => csv::run(management, &args).await?,
    };
    Ok(report.print(management))
}
