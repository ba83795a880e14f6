//! The command line.

use anyhow::{Context as _, bail};

pub(crate) const HELP: &str = "\
Measures Keyward side by side with its peers.

usage: keyward-bench [--quick] [--only TOPIC,…] [--clients N] [--stored N]

  --quick        fewer queries and smaller sets, about three minutes
  --only TOPICS  keys, sets, entries, table, start, decide, check, grpc, gateways,
                 tokens, issuers, actions, instructions
  --clients N    clients in the table (1000000; quick: 200000)
  --stored N     the most clients written to a store and loaded (1000000; quick: 20000)
";

/// What is measured together.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    Keys,
    Sets,
    Entries,
    Table,
    Start,
    Decide,
    Check,
    Grpc,
    Gateways,
    Tokens,
    Issuers,
    Actions,
    Instructions,
}

impl Topic {
    pub(crate) const ALL: [Self; 13] = [
        Self::Keys,
        Self::Sets,
        Self::Entries,
        Self::Table,
        Self::Start,
        Self::Decide,
        Self::Check,
        Self::Grpc,
        Self::Gateways,
        Self::Tokens,
        Self::Issuers,
        Self::Actions,
        Self::Instructions,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Sets => "sets",
            Self::Entries => "entries",
            Self::Table => "table",
            Self::Start => "start",
            Self::Decide => "decide",
            Self::Check => "check",
            Self::Grpc => "grpc",
            Self::Gateways => "gateways",
            Self::Tokens => "tokens",
            Self::Issuers => "issuers",
            Self::Actions => "actions",
            Self::Instructions => "instructions",
        }
    }
}

pub(crate) enum Command {
    Help,
    Measure(Arguments),
    /// This program started by itself, for one measurement in a process of its own.
    Child(Vec<String>),
}

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) quick: bool,
    only: Vec<Topic>,
    clients: Option<usize>,
    stored: Option<usize>,
}

impl Arguments {
    pub(crate) fn wants(&self, topic: Topic) -> bool {
        self.only.is_empty() || self.only.contains(&topic)
    }

    /// `full`, or `quick` in a quick run.
    pub(crate) fn either<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    pub(crate) fn clients(&self) -> usize {
        self.clients.unwrap_or(self.either(1_000_000, 200_000))
    }

    /// Whether the number of stored clients was chosen, so that it may take its time.
    pub(crate) fn insists_on_stored(&self) -> bool {
        self.stored.is_some()
    }

    pub(crate) fn stored(&self) -> usize {
        self.stored.unwrap_or(self.either(1_000_000, 20_000))
    }
}

pub(crate) fn read(mut words: impl Iterator<Item = String>) -> anyhow::Result<Command> {
    let mut arguments = Arguments::default();
    while let Some(word) = words.next() {
        let mut value =
            || words.next().with_context(|| format!("{word} needs a value; see --help"));
        match word.as_str() {
            "child" => return Ok(Command::Child(words.collect())),
            "--help" | "-h" => return Ok(Command::Help),
            "--quick" => arguments.quick = true,
            "--clients" => arguments.clients = Some(number(&value()?)?),
            "--stored" => arguments.stored = Some(number(&value()?)?),
            "--only" => {
                for name in value()?.split(',') {
                    let topic = Topic::ALL.into_iter().find(|topic| topic.name() == name);
                    arguments.only.push(topic.with_context(|| format!("no topic `{name}`"))?);
                }
            }
            _ => bail!("unknown argument `{word}`; see --help"),
        }
    }
    Ok(Command::Measure(arguments))
}

fn number(text: &str) -> anyhow::Result<usize> {
    let number = text.parse().with_context(|| format!("`{text}` is not a number"))?;
    if number < 1000 {
        bail!("`{text}` is too few to measure anything; take 1000 or more");
    }
    Ok(number)
}
