//! The `keyward` program: the server, its demo, and the commands that manage it.
#![expect(clippy::print_stdout, reason = "a command-line program answers on standard output")]
#![expect(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts, shown as they are"
)]
#![expect(clippy::print_stderr, reason = "and complains on standard error")]

mod commands;
mod config;
mod manage;
mod running;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use keyward_actions::{WORKER_COMMAND, run_worker};

use crate::config::ServeArgs;
use crate::manage::Target;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// API keys that only work from their own networks: issued here, enforced at both doors.
#[derive(Debug, Parser)]
#[command(name = "keyward", version, after_help = EXIT_CODES, propagate_version = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  it could not be done; standard error says why and what to do
  2  wrong usage or wrong settings
  3  the answer is no: `check` says blocked, `audit verify` found damage, `action test` was denied,
     `action replay` found a request that would get another answer
`doctor` has its own; its help tells them.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve(Box<ServeArgs>),
    /// Show both doors at work, with a throwaway store and real requests
    Demo(commands::demo::DemoArgs),
    /// APIs (resource servers)
    Api {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::api::ApiCommand,
    },
    /// Accounts: your customers
    Account {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::account::AccountCommand,
    },
    /// Clients: the holders of API keys
    Client {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::client::ClientCommand,
    },
    /// Allowlists of clients, accounts and APIs
    Allow {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::allow::AllowCommand,
    },
    /// Gateways: the programs that ask before they let a request through
    Gateway {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::gateway::GatewayCommand,
    },
    /// Actions: code of yours that runs when a token is asked for
    Action {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::action::ActionCommand,
    },
    /// The keys that sign tokens
    Keys {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::keys::KeysCommand,
    },
    /// Explain which layer and entry decide for a client and an address
    Check {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        args: commands::check::CheckArgs,
    },
    /// Look for mistakes in how a gateway is set up: in its files, or through it
    #[command(after_help = commands::doctor::EXIT_CODES)]
    Doctor {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        args: commands::doctor::DoctorArgs,
    },
    /// Take over what was made elsewhere: an export of Auth0's deploy tool, a table of keys
    Import {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::import::ImportCommand,
    },
    /// The audit log
    Audit {
        #[command(flatten)]
        target: Target,
        #[command(subcommand)]
        command: commands::audit::AuditCommand,
    },
    /// Run Actions for a server, over the pipe that it is started with; not for people
    #[command(name = WORKER_COMMAND, hide = true)]
    ActionWorker,
    /// Settings
    #[command(subcommand)]
    Config(commands::settings::ConfigCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

fn main() -> ExitCode {
    let program = Program::parse();
    if matches!(program.command, Command::ActionWorker) {
        // Before there is any thread: what confines this one is handed down to those it starts.
        return run_worker();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("keyward: cannot start: {error}");
            return ExitCode::from(1);
        }
    };
    match runtime.block_on(run(program.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("keyward: {}", words_of(&error));
            let usage = error.is::<config::ConfigErrors>() || error.is::<commands::WrongUsage>();
            ExitCode::from(if usage { 2 } else { 1 })
        }
    }
}

/// The error and its causes, leaving out causes that the text names already.
fn words_of(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| {
        if text.is_empty() {
            cause
        } else if text.contains(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Serve(args) => commands::serve::run(&args).await,
        Command::Demo(args) => commands::demo::run(&args).await,
        Command::Api { target, command } => {
            commands::api::run(&target.open().await?, command).await
        }
        Command::Account { target, command } => {
            commands::account::run(&target.open().await?, command).await
        }
        Command::Client { target, command } => {
            commands::client::run(&target.open().await?, command).await
        }
        Command::Allow { target, command } => {
            commands::allow::run(&target.open().await?, command).await
        }
        Command::Gateway { target, command } => {
            commands::gateway::run(&target.open().await?, command).await
        }
        Command::Action { target, command } => commands::action::run(&target, command).await,
        Command::Keys { target, command } => {
            commands::keys::run(&target.open().await?, command).await
        }
        Command::Check { target, args } => commands::check::run(&target.open().await?, args).await,
        Command::Doctor { target, args } => commands::doctor::run(&target, &args).await,
        Command::Import { target, command } => {
            commands::import::run(&target.open().await?, command).await
        }
        Command::Audit { target, command } => {
            commands::audit::run(&target.open().await?, command).await
        }
        Command::ActionWorker => Ok(run_worker()),
        Command::Config(command) => commands::settings::run(&command),
        Command::Completions { shell } => {
            let mut command = Program::command();
            clap_complete::generate(shell, &mut command, "keyward", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let cause = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(cause).context("cannot read x: disk on fire");
        assert_eq!(words_of(&error), "cannot read x: disk on fire");
        let cause = std::io::Error::other("disk on fire");
        let error = anyhow::Error::new(cause).context("cannot read x");
        assert_eq!(words_of(&error), "cannot read x: disk on fire");
    }
}
