//! The settings of log events and log streams.

use keyward_allowlist::{EntryRules, NetworkSet, parse_entries};
use keyward_server::log_streams::egress::OwnNetworks;
use keyward_server::logs::LogLimits;

use super::Raw;

/// What is kept of log events, and where streams may carry them.
#[derive(Debug, Clone)]
pub(crate) struct LogEvents {
    pub(crate) limits: LogLimits,
    pub(crate) networks: OwnNetworks,
}

impl Raw {
    pub(super) fn check_log_events(&mut self) -> Option<LogEvents> {
        let retention_days = self.parse("log_retention_days", |text| match text.parse::<u32>() {
            Ok(days @ 1..=3_650) => Ok(days),
            _ => Err(format!("`{text}` is no number of days from 1 to 3650")),
        });
        let rows_max = self.parse("log_rows_max", |text| match text.parse::<u64>() {
            Ok(rows @ 1_000..=100_000_000) => Ok(rows),
            _ => Err(format!("`{text}` is no number of events from 1000 to 100000000")),
        });
        let networks = self.parse("log_stream_networks", |text| {
            let items = text.split([',', ' ']).filter(|item| !item.is_empty());
            let entries = parse_entries(items, &EntryRules::default());
            entries.map_err(|errors| errors.to_string()).map(|list| NetworkSet::compile(&list))
        });
        Some(LogEvents {
            limits: LogLimits { retention_days: retention_days?, rows_max: rows_max? },
            networks: OwnNetworks::new(networks?),
        })
    }
}
