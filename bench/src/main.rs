//! Keyward measured side by side with its peers, in one run on one machine.
//!
//! `keyward-bench --help` lists the topics. What each figure means, and how it is taken, stands in
//! `docs/reference/benchmarks.md`.

#![expect(
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a program that prints figures about made-up data of known size"
)]

mod actions;
mod arguments;
mod callers;
mod check;
mod child;
mod client_table;
mod cold_start;
mod decisions;
mod entries;
mod gateways;
mod grpc;
mod instructions;
mod issuers;
mod key_lists;
mod lists;
mod load;
mod machine;
mod measure;
mod memory;
mod population;
mod report;
mod serving;
mod sets;
mod tokens;

use anyhow::Context as _;
use arguments::{Arguments, Command, Topic};

/// The shipped binary uses it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    match arguments::read(std::env::args().skip(1))? {
        Command::Help => {
            print!("{}", arguments::HELP);
            Ok(())
        }
        Command::Child(words) => child::run(&words),
        Command::Measure(arguments) => measure_all(&arguments),
    }
}

fn measure_all(arguments: &Arguments) -> anyhow::Result<()> {
    println!("{}\n", machine::line());
    for topic in Topic::ALL.into_iter().filter(|topic| arguments.wants(*topic)) {
        let run = match topic {
            Topic::Keys => key_lists::run,
            Topic::Sets => sets::run,
            Topic::Entries => entries::run,
            Topic::Table => client_table::run,
            Topic::Start => cold_start::run,
            Topic::Decide => decisions::run,
            Topic::Check => check::run,
            Topic::Grpc => grpc::run,
            Topic::Gateways => gateways::run,
            Topic::Tokens => tokens::run,
            Topic::Issuers => issuers::run,
            Topic::Actions => actions::run,
            Topic::Instructions => instructions::run,
        };
        run(arguments).with_context(|| format!("topic {}", topic.name()))?;
    }
    Ok(())
}
