//! This program, started by itself: what must be measured in a process of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail};

use crate::{actions, check, cold_start, gateways, grpc, instructions, issuers, memory, serving};

pub(crate) fn run(words: &[String]) -> anyhow::Result<()> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["memory", what, count] => memory::child(what, count.parse()?),
        ["load", folder] => cold_start::child(folder),
        ["serve-check", clients] => check::serve_keyward(clients.parse()?),
        ["serve-bare"] => check::serve_bare(),
        ["serve-trivial"] => serving::serve_trivial(),
        ["serve-grpc", clients] => grpc::serve_keyward(clients.parse()?),
        ["serve-grpc-trivial"] => grpc::serve_trivial(),
        ["serve-as-told"] => serving::serve_as_told(),
        ["serve-gateway", kind] => gateways::serve_keyward(kind),
        ["serve-tokens", folder] => issuers::keyward::serve(folder),
        ["compute"] => actions::compute(),
        ["repeat", what, count] => instructions::child(what, count.parse()?),
        _ => bail!("no such part of the benchmark"),
    }
}

/// A started part, with its ends of the pipes. It is stopped when dropped.
pub(crate) struct Part {
    process: Child,
    pub(crate) input: Option<ChildStdin>,
    pub(crate) output: BufReader<ChildStdout>,
}

impl Part {
    pub(crate) fn start(words: &[&str]) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("where is this program?")?;
        let mut process = Command::new(program)
            .arg("child")
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", words.join(" ")))?;
        let input = process.stdin.take();
        let output = process.stdout.take().context("no output of the part")?;
        Ok(Self { process, input, output: BufReader::new(output) })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line it writes.
    pub(crate) fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("a part of the benchmark ended early");
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }

    /// Writes one line to it.
    pub(crate) fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        let input = self.input.as_mut().context("no input of the part")?;
        writeln!(input, "{line}")?;
        Ok(input.flush()?)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The numbers on a line.
pub(crate) fn numbers<const N: usize>(line: &str) -> anyhow::Result<[f64; N]> {
    let numbers: Result<Vec<f64>, _> = line.split(' ').map(str::parse).collect();
    let numbers = numbers.with_context(|| format!("no numbers: `{line}`"))?;
    <[f64; N]>::try_from(numbers).map_err(|_| anyhow::anyhow!("not {N} numbers: `{line}`"))
}
