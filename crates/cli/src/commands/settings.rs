//! `keyward config`.

use std::process::ExitCode;

use clap::Subcommand;

use crate::config::{Config, ServeArgs, print_default, variables};

/// What to do with settings.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a settings file with every default and its meaning
    PrintDefault,
    /// Check the settings that `serve` would use, from the same flags, variables and file
    Check(Box<ServeArgs>),
}

pub(crate) fn run(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::PrintDefault => print!("{}", print_default()),
        ConfigCommand::Check(args) => {
            let config = Config::read(args, variables())?;
            println!("the settings are good");
            println!("  data    {}", config.data.display());
            println!("  public  {}", config.public);
            println!("  gate    {}", config.gate);
            println!("  ops     {}", config.ops);
            println!("  client address on the public listener: {}", config.public_address_words);
        }
    }
    Ok(ExitCode::SUCCESS)
}
