//! `keyward doctor`.

mod through;

use std::process::ExitCode;

use clap::Args;

use self::through::ThroughArgs;
use crate::manage::Target;

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    through: ThroughArgs,
}

pub(crate) async fn run(target: &Target, args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    match &args.through.through {
        Some(url) => through::run(&target.open().await?, url, &args.through).await,
        None => anyhow::bail!("name a URL"),
    }
}
