//! `keyward action logs`: the live log of a running server.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use serde_json::{Value, json};

use crate::manage::{Management, Target};
use crate::running::asked_to_end;
use crate::table::{text, visible};

const PATH: &str = "/v1/actions/live";
/// The server gives a sign of life every 15 seconds.
const SILENCE: Duration = Duration::from_secs(60);
/// The pause before one asks again.
const PAUSE: Duration = Duration::from_secs(1);
/// An event has at most a line of the console, which is far shorter.
const EVENT_BYTES_MAX: usize = 256 * 1024;

/// Prints lines until somebody interrupts it, or nobody reads them any more.
pub(super) async fn follow(target: &Target) -> anyhow::Result<ExitCode> {
    tokio::select! {
        ended = watch_on(target) => ended,
        signal = asked_to_end() => signal.map(|_| ExitCode::SUCCESS),
    }
}

async fn watch_on(target: &Target) -> anyhow::Result<ExitCode> {
    loop {
        // With a new token each time: a stream ends after an hour.
        let management = target.open().await?;
        if management.is_in_process() {
            bail!(
                "no server is running here, and the live log is what Actions of a running one \
                 write: start it, or name it with --server"
            );
        }
        if watch(&management).await?.is_none() {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Until the stream ends; `None` when nobody reads what is printed.
async fn watch(management: &Management) -> anyhow::Result<Option<()>> {
    let mut answer = management.stream(PATH).await?;
    if !management.json() {
        eprintln!("following; end it with Ctrl-C");
    }
    let mut events = Events::default();
    loop {
        // The end, or a connection that broke: whether the server is there still shows when it is
        // asked again.
        let Ok(Ok(Some(chunk))) = tokio::time::timeout(SILENCE, answer.chunk()).await else {
            return Ok(Some(()));
        };
        for event in events.take(&chunk)? {
            let line = if management.json() { event.json() } else { event.words() };
            if writeln!(std::io::stdout(), "{line}").is_err() {
                return Ok(None);
            }
        }
    }
}

/// A server-sent event.
#[derive(Debug, PartialEq, Eq)]
struct Event {
    /// Empty for an ordinary one.
    name: String,
    data: String,
}

impl Event {
    fn is_loss(&self) -> bool {
        self.name == "lost"
    }

    fn json(&self) -> String {
        if self.is_loss() {
            return json!({ "lost": self.data.parse::<u64>().unwrap_or_default() }).to_string();
        }
        self.data.clone()
    }

    fn words(&self) -> String {
        if self.is_loss() {
            return format!("({} lines are lost: they came too fast)", visible(&self.data));
        }
        let line: Value = serde_json::from_str(&self.data).unwrap_or_default();
        let part = |name: &str| visible(&text(&line, name));
        let said = part("text").replace('\n', "\n    ");
        format!("{}  {}  {:7}  {said}", part("at"), part("action_name"), part("level"))
    }
}

/// Events as they arrive, piece by piece.
#[derive(Debug, Default)]
struct Events {
    line: Vec<u8>,
    name: String,
    data: Option<String>,
}

impl Events {
    /// The events that end in a piece.
    fn take(&mut self, piece: &[u8]) -> anyhow::Result<Vec<Event>> {
        let mut ended = Vec::new();
        for byte in piece {
            if *byte != b'\n' {
                self.line.push(*byte);
                if self.line.len() > EVENT_BYTES_MAX {
                    bail!("the answer is no live log");
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let line = String::from_utf8_lossy(&line);
            ended.extend(self.end_line(line.trim_end_matches('\r')));
        }
        Ok(ended)
    }

    fn end_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            return self.data.take().map(|data| Event { name, data });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => match &mut self.data {
                Some(data) if data.len() < EVENT_BYTES_MAX => {
                    data.push('\n');
                    data.push_str(value);
                }
                Some(_) => {}
                None => self.data = Some(value.to_owned()),
            },
            // Signs of life are comments.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str) -> Event {
        Event { name: name.to_owned(), data: data.to_owned() }
    }

    #[test]
    fn events_are_put_together_from_pieces() {
        let text =
            ":\n\ndata: {\"a\":1}\n\nevent: lost\r\ndata: 5\r\n\r\ndata:x\ndata: y\n\nid: 1\n\n";
        let expected = [event("", "{\"a\":1}"), event("lost", "5"), event("", "x\ny")];
        for size in [1, 3, 1_000] {
            let mut events = Events::default();
            let taken = text.as_bytes().chunks(size).map(|piece| events.take(piece).unwrap());
            assert_eq!(taken.flatten().collect::<Vec<_>>(), expected, "in pieces of {size}");
        }
        assert!(Events::default().take(&[b'x'; EVENT_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_line_is_told_in_words() {
        let line = json!({
            "at": "2030-01-01T00:00:00Z", "action_name": "ip check", "level": "warn",
            "text": "two\nlines \u{1b}[0m",
        });
        assert_eq!(
            event("", &line.to_string()).words(),
            "2030-01-01T00:00:00Z  ip check  warn     two\n    lines \\u{1b}[0m"
        );
        assert_eq!(event("lost", "7").words(), "(7 lines are lost: they came too fast)");
        assert_eq!(event("lost", "7").json(), "{\"lost\":7}");
    }
}
