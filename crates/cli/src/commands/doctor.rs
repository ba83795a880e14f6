//! `keyward doctor`: what is wrong with a gateway, seen from its files, or through it.

mod caddy;
mod envoy;
mod files;
mod finding;
mod identity;
mod networks;
mod nginx;
mod reading;
mod through;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::files::Kind;
use self::through::ThroughArgs;
use crate::manage::Target;

pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  no errors; there may be warnings
  1  errors, or it could not be done
  2  a file cannot be read, is not what it should be, or is of no known kind";

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Gateway configurations: nginx.conf or a part of it, envoy.yaml, or a Caddyfile
    #[arg(value_name = "FILE", required_unless_present = "through", conflicts_with = "through")]
    files: Vec<PathBuf>,
    /// Which program they are for, where name and content do not tell
    #[arg(long, value_name = "KIND", requires = "files")]
    kind: Option<Kind>,
    #[command(flatten)]
    through: ThroughArgs,
}

pub(crate) async fn run(target: &Target, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    match &args.through.through {
        Some(url) => through::run(&target.open().await?, url, &args.through).await,
        None => Ok(files::run(&args.files, args.kind, target.json)),
    }
}
