//! Who writes. The store takes no write without one.

use keyward_allowlist::ClientIp;

use crate::id::ClientId;

/// The origin of a management write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A client with a management token.
    Client,
    /// A person at the command line of the machine, on the store itself.
    CommandLine,
    /// The server: start-up and jobs.
    System,
}

impl ActorKind {
    /// The word used in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::CommandLine => "command_line",
            Self::System => "system",
        }
    }
}

/// Who writes, and from where. Only the authenticating extractor, jobs and the command line make
/// one (a test looks that this stays so).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    kind: ActorKind,
    id: String,
    address: Option<ClientIp>,
}

impl Actor {
    /// A client whose management token was verified.
    #[must_use]
    pub fn client(id: &ClientId, address: Option<ClientIp>) -> Self {
        Self { kind: ActorKind::Client, id: id.to_string(), address }
    }

    /// A person at the command line, named by the operating system.
    #[must_use]
    pub fn command_line(user: &str) -> Self {
        Self { kind: ActorKind::CommandLine, id: user.to_owned(), address: None }
    }

    /// The server itself, at start or in a job.
    #[must_use]
    pub fn system(task: &str) -> Self {
        Self { kind: ActorKind::System, id: task.to_owned(), address: None }
    }

    /// What kind of actor.
    #[must_use]
    pub fn kind(&self) -> ActorKind {
        self.kind
    }

    /// The client id, user or task.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The address of the request, where there was one.
    #[must_use]
    pub fn address(&self) -> Option<ClientIp> {
        self.address
    }
}
