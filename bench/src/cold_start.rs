//! From a store on disk to the first decision.

use std::path::Path;

use keyward_core::actor::Actor;
use keyward_core::attempt::{Attempt, Credential, Door, Evidence, Required};
use keyward_core::decide::decide;
use keyward_core::jwk::KeySet;
use keyward_core::policy::{Freshness, Policy};
use keyward_core::secret::Environment;
use keyward_server::clock::SystemClock;
use keyward_store::Store;

use crate::arguments::Arguments;
use crate::child::{Part, numbers};
use crate::measure::{precise, process_cpu_ns, wall_ns};
use crate::report::{Goal, Table, bytes, goal, seconds, us};
use crate::{machine, population};

const DATABASE: &str = "keyward.db";
/// Clients in one transaction.
const BATCH: usize = 10_000;
/// Writing may take so long, in nanoseconds, in a run that did not ask for it.
const WRITING_NS_MAX: f64 = 300e9;
/// The size that the target is about.
const TARGET_CLIENTS: usize = 100_000;

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut table = Table::new("Cold start: open the SQLite store, load, first decision");
    let most = arguments.stored();
    let (mut stored, mut each) = (0, 0.0);
    for wanted in [TARGET_CLIENTS.min(most), most] {
        if wanted == stored {
            continue;
        }
        let expected_ns = each * (wanted - stored) as f64;
        if expected_ns > WRITING_NS_MAX && !arguments.insists_on_stored() {
            let why = format!(
                "left out: writing them would take {}; --stored {wanted} does it",
                seconds(expected_ns / 1e9)
            );
            table.absent(format!("{wanted} clients"), &why);
            break;
        }
        let start = wall_ns();
        runtime.block_on(fill(folder.path(), stored..wanted))?;
        each = precise(wall_ns() - start) / (wanted - stored) as f64;
        stored = wanted;
        let mut part = Part::start(&["load", &folder.path().to_string_lossy()])?;
        let [read, apply, total, cpu, grown, peak] = numbers(&part.line()?)?;
        let target: Option<Goal> =
            if wanted == TARGET_CLIENTS { goal("cold start", 1.0) } else { None };
        let name = |what: &str| format!("{stored} clients: {what}");
        table.alone(name("start to first decision"), total, target, seconds);
        table.alone(name("  of it the snapshot"), read, None, seconds);
        table.alone(name("  of it compiling the policy"), apply, None, seconds);
        table.alone(name("CPU of the start"), cpu, None, seconds);
        table.alone(name("resident per client after it"), grown / stored as f64, None, bytes);
        table.alone(name("most ever resident"), peak, None, bytes);
        table.alone(name("writing them, per client"), each / 1e3, None, us);
        let size = std::fs::metadata(folder.path().join(DATABASE))?.len();
        table.alone(name("store on disk, per client"), precise(size) / stored as f64, None, bytes);
    }
    table.note(format!(
        "a client with account, one secret, one grant and {} networks; written with audit row and \
         change row, {BATCH} to a transaction",
        population::NETWORKS
    ));
    table.print();
    Ok(())
}

async fn open(folder: &Path) -> anyhow::Result<Store> {
    Ok(Store::open(&format!("sqlite:{}", folder.join(DATABASE).display())).await?)
}

async fn fill(folder: &Path, numbers: std::ops::Range<usize>) -> anyhow::Result<()> {
    let store = open(folder).await?;
    let actor = Actor::system("benchmark");
    let peppers = population::peppers();
    for start in numbers.clone().step_by(BATCH) {
        let mut tx = store.begin(&actor, "benchmark", population::MADE_AT).await?;
        if start == 0 {
            tx.insert_api(&population::api()).await?;
        }
        for number in start..numbers.end.min(start + BATCH) {
            if let Some(account) = population::account(number) {
                tx.insert_account(&account).await?;
            }
            tx.insert_client(&population::client(number as u64, &peppers)).await?;
            tx.insert_grant(&population::grant(number as u64)).await?;
        }
        tx.commit().await?;
    }
    store.close().await;
    Ok(())
}

pub(crate) fn child(folder: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let resident = machine::resident_bytes()?;
    let (start, cpu) = (wall_ns(), process_cpu_ns());
    let since = |earlier: u64| precise(wall_ns() - earlier) / 1e9;
    let snapshot = runtime.block_on(async {
        let store = open(Path::new(folder)).await?;
        anyhow::Ok(store.snapshot().await?)
    })?;
    let read = since(start);
    let applying = wall_ns();
    let policy = Policy::new(population::settings(KeySet::default()));
    policy.apply(snapshot.revision, snapshot.changes, Freshness::Authority);
    let apply = since(applying);
    let key = population::secret(7).api_key(&Environment::default(), &population::id(7));
    let attempt = Attempt {
        credential: Ok(Credential::ApiKey(&key)),
        client_ip: Ok(population::ip(population::address(7, true)).into()),
        evidence: Evidence::None,
        door: Door::Use(Required { audience: Some(population::AUDIENCE), ..Required::default() }),
    };
    let decision = decide(&policy, &attempt, &SystemClock);
    let total = since(start);
    anyhow::ensure!(decision.is_allow(), "the first decision refuses: {decision:?}");
    let cpu = precise(process_cpu_ns() - cpu) / 1e9;
    let grown = machine::resident_bytes()?.saturating_sub(resident);
    println!("{read} {apply} {total} {cpu} {grown} {}", machine::peak_bytes()?);
    Ok(())
}
