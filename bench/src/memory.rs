//! What structures take in memory: resident bytes of a process that builds nothing else.

use std::hint::black_box;

use ipnet::IpNet;
use keyward_allowlist::NetworkSet;

use crate::child::{Part, numbers};
use crate::measure::{precise, process_cpu_ns};
use crate::{key_lists, machine, population};

/// What a structure takes.
pub(crate) struct Taken {
    pub(crate) bytes_each: f64,
    /// CPU seconds of building it all.
    pub(crate) build_s: f64,
}

/// Builds `count` of something in a process of its own.
pub(crate) fn of(what: &str, count: usize) -> anyhow::Result<Taken> {
    let mut part = Part::start(&["memory", what, &count.to_string()])?;
    let [bytes_each, build_s] = numbers(&part.line()?)?;
    Ok(Taken { bytes_each, build_s })
}

pub(crate) fn child(what: &str, count: usize) -> anyhow::Result<()> {
    let taken = match what {
        "key-lists-keyward" => grown(count, || {
            let compile = |key| NetworkSet::compile(&key_lists::networks(key, false));
            (0..count).map(compile).collect::<Vec<NetworkSet>>()
        })?,
        "key-lists-ipnet" => grown(count, || {
            let nets = |key| key_lists::nets(&key_lists::networks(key, false));
            (0..count).map(nets).collect::<Vec<Vec<IpNet>>>()
        })?,
        "clients-keyward" => grown(count, || population::policy(count))?,
        "clients-papaya" => grown(count, || population::papaya_table(count))?,
        "clients-naive" => grown(count, || population::naive_table(count))?,
        _ => anyhow::bail!("nothing to build under this name"),
    };
    println!("{} {}", taken.bytes_each, taken.build_s);
    Ok(())
}

fn grown<T>(count: usize, build: impl FnOnce() -> T) -> anyhow::Result<Taken> {
    let (before, start) = (machine::resident_bytes()?, process_cpu_ns());
    let built = black_box(build());
    let build_s = precise(process_cpu_ns() - start) / 1e9;
    let grown = machine::resident_bytes()?.saturating_sub(before);
    drop(built);
    Ok(Taken { bytes_each: precise(grown) / count as f64, build_s })
}
