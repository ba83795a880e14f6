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

const NOTHING_NAMED: &str = "\
nothing to look at; name a gateway's configuration (keyward doctor /etc/nginx/nginx.conf) or the URL of
something that it guards (keyward doctor --through https://api.example/orders)";

/// What to look at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Gateway configurations: nginx.conf or a part of it, envoy.yaml, or a Caddyfile
    #[arg(value_name = "FILE", conflicts_with = "through")]
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
        None if args.files.is_empty() => {
            // In words of its own: the parser would ask for a file alone.
            eprintln!("keyward: {NOTHING_NAMED}");
            Ok(ExitCode::from(2))
        }
        None => Ok(files::run(&args.files, args.kind, target.json)),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Words {
        #[command(flatten)]
        args: DoctorArgs,
    }

    #[test]
    fn files_and_a_url_exclude_each_other() {
        let read = |words: &str| {
            let words = ["doctor"].into_iter().chain(words.split_whitespace());
            Words::try_parse_from(words).map(|words| words.args).map_err(|error| error.kind())
        };
        let args = read("a.conf b.conf --kind nginx").unwrap();
        assert_eq!((args.files.len(), args.kind), (2, Some(Kind::Nginx)));
        assert!(read("--through http://127.0.0.1/").unwrap().files.is_empty());
        use clap::error::ErrorKind::{ArgumentConflict, InvalidValue};
        assert!(read("").unwrap().files.is_empty());
        assert_eq!(read("a.conf --kind apache").unwrap_err(), InvalidValue);
        assert_eq!(read("a.conf --through http://127.0.0.1/").unwrap_err(), ArgumentConflict);
    }
}
