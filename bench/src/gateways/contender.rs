//! One way to guard the application, running and measured.

use std::path::Path;

use anyhow::Context as _;
use tempfile::TempDir;

use super::data::Visitor;
use super::load;
use super::own::Own;
use super::program::{Program, free_port};
use super::recipe::{self, Kind, Places, Recipe};
use crate::child::Part;
use crate::load::Figures;
use crate::machine;
use crate::measure::wall_ns;

/// A process of ours that serves.
pub(super) struct Service {
    part: Part,
    pub(super) port: u16,
}

impl Service {
    pub(super) fn start(words: &[&str]) -> anyhow::Result<Self> {
        let mut part = Part::start(words)?;
        let port = part.line()?.parse().context("the server wrote no port")?;
        Ok(Self { part, port })
    }
}

/// One way to guard the application, running.
pub(super) struct Contender {
    pub(super) name: &'static str,
    gateway: Program,
    service: Option<Service>,
    front: u16,
    visitors: Vec<Visitor>,
    pub(super) of_gateway: Figures,
    pub(super) of_service: Figures,
    pub(super) of_both: Figures,
    _folder: TempDir,
}

impl Contender {
    /// The recipe, before Keyward or another service.
    pub(super) fn asking(
        name: &'static str,
        recipe: Recipe,
        service: Service,
        application: u16,
        visitors: Vec<Visitor>,
    ) -> anyhow::Result<Self> {
        let port = service.port;
        Self::start(name, recipe.kind(), Some(service), visitors, |folder, front| {
            recipe.text(&Places { folder, front, application, service: port })
        })
    }

    /// The gateway on its own.
    pub(super) fn alone(
        name: &'static str,
        own: Own,
        application: u16,
        visitors: Vec<Visitor>,
    ) -> anyhow::Result<Self> {
        Self::start(name, own.kind(), None, visitors, |folder, front| {
            own.text(&Places { folder, front, application, service: application })
        })
    }

    fn start(
        name: &'static str,
        kind: Kind,
        service: Option<Service>,
        visitors: Vec<Visitor>,
        text: impl FnOnce(&Path, u16) -> anyhow::Result<String>,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let front = free_port()?;
        let text = text(folder.path(), front)?;
        let mut command = recipe::command(kind, &text, folder.path())?;
        let gateway = Program::start(&mut command, folder.path(), front)?;
        Ok(Self {
            name,
            gateway,
            service,
            front,
            visitors,
            of_gateway: Figures::default(),
            of_service: Figures::default(),
            of_both: Figures::default(),
            _folder: folder,
        })
    }

    fn cpu_ns(&self) -> anyhow::Result<(u64, u64)> {
        let service = self.service.as_ref();
        let of_service = service.map(|service| machine::process_cpu_ns(service.part.pid()));
        Ok((self.gateway.cpu_ns()?, of_service.transpose()?.unwrap_or_default()))
    }

    pub(super) fn round(&mut self) -> anyhow::Result<()> {
        let count = self.visitors.iter().map(|visitor| visitor.requests.len()).sum();
        let before = self.cpu_ns()?;
        let start = wall_ns();
        load::drive(self.front, &self.visitors)
            .with_context(|| format!("{}\n{}", self.name, self.gateway.output()))?;
        let wall = wall_ns() - start;
        let after = self.cpu_ns()?;
        let (gateway, service) = (after.0 - before.0, after.1 - before.1);
        self.of_gateway.add(count, gateway, wall);
        self.of_service.add(count, service, wall);
        self.of_both.add(count, gateway + service, wall);
        Ok(())
    }

    /// How often each status was the answer in every round, since any other ends the run.
    pub(super) fn answers(&self) -> String {
        let statuses = || self.visitors.iter().flat_map(|one| &one.requests).map(|one| one.status);
        let counts = [200, 401, 403].map(|status| {
            let count = statuses().filter(|one| *one == status).count();
            format!("{status} × {count}")
        });
        format!("{} {}", self.name, counts.join(", "))
    }

    pub(super) fn forget(&mut self) {
        self.of_gateway = Figures::default();
        self.of_service = Figures::default();
        self.of_both = Figures::default();
    }
}
