//! `keyward action`.

mod bindings;
mod event;
mod executions;
mod live;
mod managed;
mod secrets;
mod trial;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Subcommand;
use keyward_core::action::{ACTIONS_MAX, CODE_BYTES_MAX};
use serde_json::Value;

use self::secrets::SecretArg;
use self::trial::TestArgs;
use crate::manage::{Management, Target};
use crate::table::text;

/// What to do with Actions.
#[derive(Debug, Subcommand)]
pub(crate) enum ActionCommand {
    /// Run the code of an Action on an event, here and now: neither a server nor a store is needed
    Test(TestArgs),
    /// Tell which of the last token requests would get another answer from an Action's draft
    Replay {
        /// Its name or its id
        action: String,
        /// How many of the last recorded token requests (default: 100)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: Option<u32>,
    },
    /// Print what an Action is given, as a TypeScript declaration for editors
    Types,
    /// List the Actions, with the place of those that are bound
    List,
    /// Show one, with the code of its draft
    Show {
        /// Its name or its id
        action: String,
    },
    /// Make an Action; its draft runs when it is deployed and bound
    Create {
        /// What people call it
        name: String,
        /// The file with its code
        #[arg(long, value_name = "FILE")]
        code: PathBuf,
        /// A secret: NAME=VALUE, or NAME=@FILE for a value that is not to stand in a command line
        #[arg(long = "secret", value_name = "NAME=VALUE|NAME=@FILE")]
        secrets: Vec<SecretArg>,
        /// Deploy it as well
        #[arg(long)]
        deploy: bool,
    },
    /// Change the draft of an Action; what is not named stays
    Update {
        /// Its name or its id
        action: String,
        /// The file with its code
        #[arg(long, value_name = "FILE")]
        code: Option<PathBuf>,
        /// A secret to add or to replace: NAME=VALUE, or NAME=@FILE
        #[arg(long = "secret", value_name = "NAME=VALUE|NAME=@FILE")]
        secrets: Vec<SecretArg>,
        /// A secret to take away
        #[arg(long = "remove-secret", value_name = "NAME")]
        removed: Vec<String>,
    },
    /// Let the draft of an Action run from now on, where it is bound
    Deploy {
        /// Its name or its id
        action: String,
    },
    /// Bind exactly these Actions, in this order; those that are not named are bound no more
    Bind {
        /// Their names or ids
        #[arg(required = true)]
        actions: Vec<String>,
    },
    /// Take Actions out of what is bound
    Unbind {
        /// Their names or ids
        #[arg(required_unless_present = "all")]
        actions: Vec<String>,
        /// All of them
        #[arg(long, conflicts_with = "actions")]
        all: bool,
    },
    /// Delete an Action with its versions
    Delete {
        /// Its name or its id
        action: String,
        /// Also when it is bound; it is unbound first
        #[arg(long)]
        force: bool,
    },
    /// List what Actions were asked last, and what they answered
    Executions {
        /// Only for token requests of this client
        #[arg(long, value_name = "ID")]
        client: Option<String>,
        /// How many (default: 50)
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
        last: Option<u32>,
    },
    /// Follow what Actions write to the console, and why they fail, until it is interrupted
    Logs,
}

pub(crate) async fn run(target: &Target, command: ActionCommand) -> anyhow::Result<ExitCode> {
    match command {
        ActionCommand::Test(args) => trial::run(&args, target.json).await,
        ActionCommand::Types => {
            print!("{}", keyward_actions::TYPES);
            Ok(ExitCode::SUCCESS)
        }
        ActionCommand::Logs => live::follow(target).await,
        command @ (ActionCommand::Replay { .. }
        | ActionCommand::List
        | ActionCommand::Show { .. }
        | ActionCommand::Create { .. }
        | ActionCommand::Update { .. }
        | ActionCommand::Deploy { .. }
        | ActionCommand::Bind { .. }
        | ActionCommand::Unbind { .. }
        | ActionCommand::Delete { .. }
        | ActionCommand::Executions { .. }) => manage(&target.open().await?, command).await,
    }
}

async fn manage(management: &Management, command: ActionCommand) -> anyhow::Result<ExitCode> {
    match command {
        ActionCommand::Replay { action, last } => {
            executions::replay(management, &action, last).await
        }
        ActionCommand::List => managed::list(management).await,
        ActionCommand::Show { action } => managed::show(management, &action).await,
        ActionCommand::Create { name, code, secrets, deploy } => {
            managed::create(management, &name, &code, &secrets, deploy).await
        }
        ActionCommand::Update { action, code, secrets, removed } => {
            managed::update(management, &action, code.as_deref(), (&secrets, &removed)).await
        }
        ActionCommand::Deploy { action } => managed::deploy(management, &action).await,
        ActionCommand::Bind { actions } => bindings::bind(management, &actions).await,
        ActionCommand::Unbind { actions, all } => bindings::unbind(management, &actions, all).await,
        ActionCommand::Delete { action, force } => {
            managed::delete(management, &action, force).await
        }
        ActionCommand::Executions { client, last } => {
            executions::list(management, client.as_deref(), last).await
        }
        ActionCommand::Test(_) | ActionCommand::Types | ActionCommand::Logs => {
            bail!("this command needs no management API")
        }
    }
}

const PATH: &str = "/api/v2/actions/actions";

/// All Actions: as many as there can be fit on one page.
async fn all_actions(management: &Management) -> anyhow::Result<Vec<Value>> {
    let answer = management.get(&format!("{PATH}?per_page={ACTIONS_MAX}")).await?;
    Ok(answer.get("actions").and_then(Value::as_array).cloned().unwrap_or_default())
}

/// The Action that a text means: by its id, else by its name.
fn find<'a>(actions: &'a [Value], wanted: &str) -> anyhow::Result<&'a Value> {
    let by = |field: &str| actions.iter().find(|action| text(action, field) == wanted);
    by("id").or_else(|| by("name")).with_context(|| {
        let names: Vec<_> = actions.iter().map(|action| text(action, "name")).collect();
        if names.is_empty() {
            format!("there is no Action `{wanted}`, nor any other")
        } else {
            format!("there is no Action `{wanted}`; there are: {}", names.join(", "))
        }
    })
}

/// The code of an Action, from a file.
fn read_code(file: &Path) -> anyhow::Result<String> {
    let text = read_text(file, CODE_BYTES_MAX, "the code of an Action")?;
    // The mark that some editors begin a file with is no part of the language.
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// A file that is text and not too long.
fn read_text(file: &Path, bytes_max: usize, what: &str) -> anyhow::Result<String> {
    use std::io::Read as _;

    let shown = file.display();
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX).saturating_add(1);
    std::fs::File::open(file)
        .and_then(|opened| opened.take(limit).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {shown}"))?;
    if bytes.len() > bytes_max {
        bail!("{shown} has more than {bytes_max} bytes, which is the most for {what}");
    }
    String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{shown} is no text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_action_is_found_by_its_id_or_its_name() {
        let actions =
            [json!({ "id": "a1", "name": "ip check" }), json!({ "id": "a2", "name": "a1" })];
        let found = |wanted: &str| find(&actions, wanted).map(|one| text(one, "id"));
        assert_eq!(found("ip check").unwrap(), "a1");
        assert_eq!(found("a1").unwrap(), "a1", "an id before a name");
        assert_eq!(found("a2").unwrap(), "a2");
        let error = found("other").unwrap_err().to_string();
        assert_eq!(error, "there is no Action `other`; there are: ip check, a1");
        assert!(find(&[], "x").unwrap_err().to_string().contains("nor any other"));
    }

    #[test]
    fn a_file_is_read_within_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.js");
        std::fs::write(&file, "\u{feff}exports.a = 1;").unwrap();
        assert_eq!(read_code(&file).unwrap(), "exports.a = 1;");
        std::fs::write(&file, "x".repeat(CODE_BYTES_MAX + 1)).unwrap();
        assert!(read_code(&file).unwrap_err().to_string().contains("more than 102400 bytes"));
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(read_code(&file).unwrap_err().to_string().contains("UTF-8"));
        let missing = read_code(&folder.path().join("none.js")).unwrap_err();
        assert!(format!("{missing:#}").contains("none.js: No such file"), "{missing:#}");
    }
}
