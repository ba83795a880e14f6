//! What a trial found.

use std::process::ExitCode;

use serde_json::{Value, json};

/// Something is wrong.
const WRONG: u8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Fine,
    Skipped,
    Warning,
    Error,
}

impl Mark {
    const fn word(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// What is looked at: the code, and what is wrong when it is not fine. `docs/reference/doctor.md`
/// has the same list.
const CODES: &[(&str, &str)] = &[
    ("in-clear", "the URL is `http://` and not on this machine"),
    ("keyward-not-asked", "no gateway asked this Keyward about the request"),
    ("refusal-ignored", "Keyward refused, and the caller got a success"),
    ("address", "(which address Keyward saw)"),
    ("address-foreign", "Keyward sees a private address that is not this machine's"),
    ("address-missing", "Keyward finds no client address in the gateway's question"),
    ("address-is-proxy", "the address is in the gateway's own trusted networks: a balancer's"),
    ("address-lost", "with some header of the caller's Keyward finds no address"),
    ("spoofed-address", "a header of the caller's changes the address that Keyward sees"),
    ("spoofed-proxy-header", "a PROXY header of the caller's does"),
    ("forged-request", "the method or the path that Keyward sees is what the caller wrote"),
    ("refusals", "(401, 403, 429 and 503 arrive as they are)"),
    ("refusal-changed", "a refusal arrives with another status"),
    ("refusal-tells", "a refusal carries headers that are not for callers"),
    ("fails-closed", "(what callers get while Keyward does not answer)"),
    ("fails-open", "while Keyward does not answer, the caller gets a success"),
    ("waits-for-long", "callers wait for more than 5 seconds while Keyward does not answer"),
    ("client", "(why nothing that needs an allowed request was tried)"),
    (
        "application-away",
        "a request that is let in gets an error of the gateway, so some of the trial tells nothing",
    ),
    ("forged-identity", "an identity header of the caller's reaches the application"),
    ("identity-missing", "an identity header of Keyward's does not reach the application"),
    ("identity-dropped", "the caller's `Connection` header takes identity headers out"),
    ("other-protocol", "a caller may have another protocol than WebSocket taken up, past Keyward"),
    ("tunnel", "CONNECT leads to the application, past Keyward"),
    ("cache", "(every request asks Keyward, an edit counts at once)"),
    ("cached", "something answers in Keyward's place"),
    ("cache-forgets-address", "an address that is not on the list gets in on another's answer"),
    ("edit-ignored", "an address that was taken off the list still gets in"),
];

#[derive(Debug)]
struct Line {
    mark: Mark,
    code: &'static str,
    text: String,
    fix: String,
}

/// The lines of a report, in the order of the trial.
#[derive(Debug)]
pub(super) struct Report {
    url: String,
    gateway: Option<(String, String)>,
    lines: Vec<Line>,
}

impl Report {
    pub(super) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), gateway: None, lines: Vec::new() }
    }

    /// Which gateway answered.
    pub(super) fn through(&mut self, gateway: &str, kind: &str) {
        self.gateway = Some((gateway.to_owned(), kind.to_owned()));
    }

    pub(super) fn fine(&mut self, code: &'static str, text: &str) {
        self.add(Mark::Fine, code, text, "");
    }

    pub(super) fn skip(&mut self, code: &'static str, text: &str) {
        self.add(Mark::Skipped, code, text, "");
    }

    pub(super) fn warn(&mut self, code: &'static str, text: &str, fix: &str) {
        self.add(Mark::Warning, code, text, fix);
    }

    pub(super) fn wrong(&mut self, code: &'static str, text: &str, fix: &str) {
        self.add(Mark::Error, code, text, fix);
    }

    fn add(&mut self, mark: Mark, code: &'static str, text: &str, fix: &str) {
        debug_assert!(CODES.iter().any(|(known, _)| *known == code), "{code} is not listed");
        let (text, fix) = (text.to_owned(), fix.to_owned());
        self.lines.push(Line { mark, code, text, fix });
    }

    fn count(&self, mark: Mark) -> usize {
        self.lines.iter().filter(|line| line.mark == mark).count()
    }

    /// Prints it, and says how it ended.
    pub(super) fn end(&self, json: bool) -> ExitCode {
        if json {
            println!("{:#}", self.json());
        } else {
            println!("{}", self.words());
        }
        if self.count(Mark::Error) > 0 { ExitCode::from(WRONG) } else { ExitCode::SUCCESS }
    }

    fn json(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                let mut object =
                    json!({ "result": line.mark.word(), "code": line.code, "message": line.text });
                if let Some(object) = object.as_object_mut().filter(|_| !line.fix.is_empty()) {
                    object.insert("fix".to_owned(), line.fix.clone().into());
                }
                object
            })
            .collect();
        let (gateway, kind) = self.gateway.clone().unzip();
        json!({ "url": self.url, "gateway": gateway, "kind": kind, "findings": lines })
    }

    fn words(&self) -> String {
        let mut text = self.url.clone();
        if let Some((gateway, kind)) = &self.gateway {
            text.push_str(&format!(", gateway {gateway} ({kind})"));
        }
        let mut said = "";
        for line in &self.lines {
            text.push_str(&format!("\n  {:8} {}", line.mark.word(), line.text));
            if !line.fix.is_empty() {
                let fix = if line.fix == said { "as above" } else { &line.fix };
                text.push_str(&format!("\n           -> {fix} [{}]", line.code));
                said = &line.fix;
            }
        }
        let verdict = match (self.count(Mark::Error), self.count(Mark::Warning)) {
            (0, 0) => "no problem found".to_owned(),
            (errors, warnings) => {
                format!("{}, {}", counted(errors, "error"), counted(warnings, "warning"))
            }
        };
        text + "\n" + &verdict
    }
}

fn counted(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_lists_every_code() {
        let rows: String =
            CODES.iter().map(|(code, meaning)| format!("| `{code}` | {meaning} |\n")).collect();
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/doctor.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = format!("| code | what is wrong |\n|---|---|\n{rows}<!-- end -->");
        assert!(page.contains(&table), "docs/reference/doctor.md should have:\n{table}");
    }

    #[test]
    fn a_report_reads_well() {
        let mut report = Report::new("http://a/");
        report.through("edge", "nginx");
        report.fine("address", "Keyward saw 192.0.2.1");
        assert!(report.words().ends_with("\nno problem found"));
        report.warn("in-clear", "in clear", "use TLS");
        report.wrong("fails-open", "open", "close it");
        report.skip("client", "not looked at");
        assert_eq!(
            report.words(),
            "http://a/, gateway edge (nginx)\n  ok       Keyward saw 192.0.2.1\n  warning  in clear\
             \n           -> use TLS [in-clear]\n  error    open\n           -> close it [fails-open]\n  \
             skipped  not looked at\n1 error, 1 warning"
        );
        assert_eq!(report.json()["findings"][2]["fix"], "close it");
        assert_eq!(report.json()["findings"][0].get("fix"), None);
    }
}
