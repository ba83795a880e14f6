//! `keyward action`, as a person uses it: the built program, files, a data folder.
#![cfg(test)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const ALLOWS: &str = "
exports.onExecuteCredentialsExchange = async (event, api) => {
  console.log('from', event.request.ip, event.secrets.KEY);
  api.accessToken.setCustomClaim('https://claims.example/ip', event.request.ip);
  api.transaction.removeTargetScope('write:things');
};
";
const REFUSES: &str = "
exports.onExecuteCredentialsExchange = async (event, api) => {
  return api.access.deny('invalid_request', `not from ${event.request.ip}`);
};
";
const FAILS: &str = "
exports.onExecuteCredentialsExchange = async (event, api) => {
  event.missing.more;
};
";

fn keyward() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyward"));
    command.env_clear();
    command
}

/// What a command said.
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{}{}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A folder with files, and with a store when a server ran there.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let data = self.path().join("data");
        let mut command = keyward();
        command.args(arguments).env("KEYWARD_DATA", data).current_dir(self.path());
        command.output().unwrap().into()
    }

    /// Runs what must work.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> Said {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}{}", said.out, said.err);
        said
    }

    fn test(&self, code: &str, more: &[&str]) -> Said {
        self.file("ip.js", code);
        self.run(&[&["action", "test", "ip.js"], more].concat())
    }
}

/// A running server.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(folder: &Folder) -> Self {
        let any = "127.0.0.1:0";
        let mut child = keyward()
            .args(["serve", "--config", "/dev/null", "--public", any, "--gate", any, "--ops", any])
            .args(["--grpc", "off", "--action-workers", "1", "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut url = String::new();
        for line in lines {
            if let Some(address) = line.strip_prefix("  public  ") {
                url = format!("http://{address}");
            }
            if line.starts_with("  client address") {
                break;
            }
        }
        Self { child, url }
    }

    fn stop(self) {
        // One that has just begun may not listen for signals yet, and ends all the same.
        signal(&self.child, "-TERM");
        let mut child = self.child;
        child.wait().unwrap();
    }
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn a_file_is_allowed_denied_or_fails() {
    let folder = Folder::new();
    let said = folder.test(ALLOWS, &["--secret", "KEY=hunter2"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.err.contains("no --event FILE was given"), "{}", said.err);
    assert!(
        said.out.starts_with("log    from 203.0.113.7 [secret KEY]\n\nallowed\n"),
        "{}",
        said.out
    );
    assert!(said.out.contains("https://claims.example/ip: \"203.0.113.7\""), "{}", said.out);
    assert!(said.out.contains("read:things, as far as"), "{}", said.out);

    let said = folder.test(REFUSES, &["--json"]);
    assert_eq!(said.code, Some(3));
    let told = said.json();
    assert_eq!(told["denied"]["reason"], "not from 203.0.113.7");
    assert_eq!(told["event"]["request"]["ip"], "203.0.113.7");

    let said = folder.test(FAILS, &[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.starts_with("failed: threw\nwhere  ip.js:3\nerror  TypeError: "),
        "{}",
        said.out
    );
    assert!(!said.out.contains("native"), "{}", said.out);
    let told = folder.test(FAILS, &["--json"]).json();
    assert_eq!((&told["error"]["kind"], &told["error"]["line"]), (&"threw".into(), &3.into()));

    let said = folder.test("const a = 1;\nconst b = ;\n", &[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.out.starts_with("failed: syntax\nwhere  ip.js:2\nerror  SyntaxError: "),
        "{}",
        said.out
    );

    let said = folder.test("for (;;) {}", &["--cpu-ms", "20"]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.starts_with("failed: cpu\n"), "{}", said.out);
}

#[test]
fn an_event_is_used_as_it_is_or_told_what_is_wrong_with_it() {
    let folder = Folder::new();
    folder.file("event.json", r#"{ "request": { "ip": "192.0.2.1" } }"#);
    let said = folder.test(REFUSES, &["--event", "event.json"]);
    assert_eq!(said.code, Some(3));
    assert!(said.out.contains("not from 192.0.2.1"), "{}", said.out);
    assert_eq!(said.err, "", "no hint");
    for (text, fault) in [
        ("{\n  \"a\": x }", "keyward: event.json, line 2, column 8: no JSON: expected value\n"),
        (
            "\n [1]",
            "keyward: event.json, line 2, column 2: an event is a JSON object, and this is a list\n",
        ),
    ] {
        folder.file("event.json", text);
        let said = folder.test(REFUSES, &["--event", "event.json"]);
        assert_eq!((said.code, said.err.as_str()), (Some(1), fault));
    }
    let said = folder.run(&["action", "test", "none.js"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("cannot read none.js"), "{}", said.err);
    let said = folder.test(ALLOWS, &["--secret", "hunter2"]);
    assert_eq!(said.code, Some(2), "wrong usage");
    assert!(said.err.contains("NAME=VALUE") && !said.err.contains("hunter2"), "{}", said.err);
}

/// Each block of code in the guide has a remark before it: how it ends, and perhaps with what
/// arguments.
#[test]
fn the_code_of_the_guide_does_what_the_guide_says() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/actions.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let folder = Folder::new();
    let mut parts = guide.split("```js\n");
    let mut before = parts.next().unwrap();
    let mut blocks = 0;
    for part in parts {
        let (code, after) = part.split_once("```").unwrap();
        let remark = before.trim_end().lines().last().unwrap();
        let remark = remark.strip_prefix("<!-- ").and_then(|text| text.strip_suffix(" -->"));
        let (verdict, arguments) = remark
            .map(|text| text.split_once(": ").unwrap_or((text, "")))
            .unwrap_or_else(|| panic!("no remark before {code}"));
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        let said = folder.test(code, &arguments);
        let wanted = if verdict == "allowed" { Some(0) } else { Some(3) };
        assert_eq!(said.code, wanted, "{code}{}{}", said.out, said.err);
        blocks += 1;
        before = after;
    }
    assert!(blocks >= 4, "{blocks}");
}

/// What can stand behind a name in a declaration.
const ENDS: [char; 6] = ['(', ':', '?', '\'', ' ', ';'];

/// What an editor is told is there, and nothing is there that it is not told.
#[test]
fn the_types_name_all_that_an_action_has() {
    let folder = Folder::new();
    let types = folder.done(&["action", "types"]).out;
    assert!(types.contains("declare namespace Keyward"), "{types}");
    let lists = "
        const names = (one) => Object.getOwnPropertyNames(one).concat(
            Object.getOwnPropertyNames(Object.getPrototypeOf(one) ?? {}));
        const own = (one) => Object.getOwnPropertyNames(one);
        exports.onExecuteCredentialsExchange = async (event, api) => {
            const found = [api, api.access, api.accessToken, api.cache, api.transaction, event,
                event.client, event.client.allowlist, event.request, event.transaction, console,
                api.cache.set('a', 'b'), api.cache.get('a'), api.cache.set('a', 1)].flatMap(own);
            for (const name of ['crypto', 'ipaddr.js', 'keyward/ip', 'buffer']) {
                found.push(name, ...own(require(name)));
            }
            const { parse, IPv4, IPv6 } = require('ipaddr.js');
            for (const one of [parse('::'), parse('0.0.0.0'), Buffer.from(''), new TextEncoder(),
                new TextDecoder(), require('crypto').createHash('sha1')]) found.push(...names(one));
            for (const one of [IPv4, IPv6, Buffer]) found.push(...own(one));
            const inherited = new Set([Object.prototype, Function.prototype, Uint8Array.prototype,
                Uint8Array, function () {}].flatMap(own));
            inherited.delete('toString'); inherited.delete('from');
            const all = new Set(found.filter((name) => !inherited.has(name)));
            api.accessToken.setCustomClaim('all', [...all, 'Buffer', 'atob', 'btoa', 'require']);
        };";
    let told = folder.test(lists, &["--json"]).json();
    let all = told["claims"]["all"].as_array().unwrap_or_else(|| panic!("{told:#}"));
    assert!(all.len() > 80, "{all:?}");
    for name in all {
        let name = name.as_str().unwrap();
        let named = types.split(name).skip(1).any(|rest| rest.starts_with(ENDS));
        assert!(named, "types.d.ts does not name {name}");
    }
}

#[test]
fn actions_are_managed_without_a_server() {
    let folder = Folder::new();
    let nowhere = folder.run(&["action", "list"]);
    assert!(nowhere.err.contains("there is no Keyward data"), "{}", nowhere.err);
    Server::start(&folder).stop();
    let (allows, refuses) = (folder.file("allows.js", ALLOWS), folder.file("refuses.js", REFUSES));
    let (allows, refuses) = (allows.to_str().unwrap(), refuses.to_str().unwrap());
    folder.file("key", "hunter2\n");

    folder.file("broken.js", "\nconst = 1");
    let said = folder.run(&["action", "create", "broken", "--code", "broken.js", "--deploy"]);
    assert!(said.err.contains("SyntaxError: line 2"), "{}", said.err);

    let made = folder.done(&[
        "action", "create", "ip claim", "--code", allows, "--secret", "KEY=@key", "--json",
    ]);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let early = folder.run(&["action", "bind", "ip claim"]);
    assert_eq!(early.code, Some(1));
    assert!(early.err.contains("must be deployed before it is bound"), "{}", early.err);
    let said = folder.done(&["action", "deploy", &id]);
    assert_eq!(said.out, "deployed ip claim as version 1, which runs as soon as it is bound\n");
    folder.done(&["action", "create", "gate", "--code", refuses, "--deploy"]);
    let said = folder.done(&["action", "bind", "gate", &id]);
    assert_eq!(said.out, "before: nothing\nnow:    gate, then ip claim\n");
    let said = folder.done(&["action", "bind", "ip claim", "gate"]);
    assert_eq!(said.out, "before: gate, then ip claim\nnow:    ip claim, then gate\n");

    let update = ["--secret", "MORE=another", "--code", refuses];
    folder.done(&[&["action", "update", "ip claim"], update.as_slice()].concat());
    let shown = folder.done(&["action", "show", "ip claim"]).out;
    assert!(shown.contains("version       1, and the draft differs"), "{shown}");
    assert!(shown.contains("bound         at place 1 of 2"), "{shown}");
    assert!(shown.contains("secrets       KEY, MORE"), "{shown}");
    assert!(shown.contains("api.access.deny('invalid_request'"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    folder.done(&["action", "update", "ip claim", "--remove-secret", "KEY"]);
    let secrets = folder.done(&["action", "show", "ip claim", "--json"]).json()["secrets"].clone();
    assert_eq!(secrets.as_array().unwrap().len(), 1);
    let said = folder.run(&["action", "update", "ip claim", "--remove-secret", "KEY"]);
    assert!(said.err.contains("no secret `KEY`; it has: MORE"), "{}", said.err);
    let said = folder.run(&["action", "update", "ip claim"]);
    assert!(said.err.contains("nothing to change"), "{}", said.err);

    let replayed = folder.done(&["action", "replay", "ip claim"]);
    assert!(replayed.out.contains("no token request is recorded yet"), "{}", replayed.out);
    let logs = folder.run(&["action", "logs"]);
    assert!(logs.err.contains("no server is running here"), "{}", logs.err);
    let bound = folder.run(&["action", "delete", "gate"]);
    assert_eq!(bound.code, Some(1));
    assert!(bound.err.contains("keyward action unbind"), "{}", bound.err);
    let said = folder.done(&["action", "unbind", "ip claim"]);
    assert_eq!(said.out, "before: ip claim, then gate\nnow:    gate\n");
    let said = folder.run(&["action", "unbind", "ip claim"]);
    assert!(said.err.contains("is not bound; what is bound: gate"), "{}", said.err);
    folder.done(&["action", "delete", "gate", "--force"]);
    let list = folder.done(&["action", "list"]).out;
    assert!(list.contains("ip claim") && !list.contains("gate"), "{list}");
    folder.done(&["action", "bind", "ip claim"]);
    let said = folder.done(&["action", "unbind", "--all", "--json"]).json();
    assert_eq!(
        (said["before"].as_array().unwrap().len(), &said["after"]),
        (1, &Value::Array(vec![]))
    );
    let said = folder.run(&["action", "show", "gate"]);
    assert!(said.err.contains("there is no Action `gate`; there are: ip claim"), "{}", said.err);
}

#[tokio::test]
async fn what_ran_is_seen_and_replayed() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let audience = "https://api.example/";
    let things = ["--scope", "read:things", "--scope", "write:things"];
    folder.done(&[&["api", "create", audience, "--name", "A"], things.as_slice()].concat());
    let made = folder.done(&["client", "create", "Batch", "--api", audience, "--json"]).json();
    let (id, secret) = (made["client_id"].clone(), made["client_secret"].clone());
    folder.file("ip.js", ALLOWS);
    let create = ["action", "create", "ip claim", "--code", "ip.js", "--secret", "KEY=hunter2"];
    folder.done(&[create.as_slice(), &["--deploy"]].concat());
    folder.done(&["action", "bind", "ip claim"]);

    let mut logs = keyward()
        .args(["action", "logs", "--data"])
        .arg(folder.path().join("data"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut err = BufReader::new(logs.stderr.take().unwrap()).lines();
    assert_eq!(err.next().unwrap().unwrap(), "following; end it with Ctrl-C");
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", id.as_str().unwrap()),
        ("client_secret", secret.as_str().unwrap()),
        ("audience", audience),
    ];
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.post(format!("{}/oauth/token", server.url)).form(&form).send().await;
    let answer: Value = answer.unwrap().json().await.unwrap();
    assert_eq!(answer["scope"], "read:things", "{answer}");
    let mut out = BufReader::new(logs.stdout.take().unwrap()).lines();
    let line = out.next().unwrap().unwrap();
    assert!(line.ends_with("  ip claim  log      from 127.0.0.1 [secret KEY]"), "{line}");
    signal(&logs, "-INT");
    assert!(logs.wait().unwrap().success());

    let list = folder.done(&["action", "executions", "--client", id.as_str().unwrap()]).out;
    assert!(list.contains("allowed, claims"), "{list}");
    let kept = folder.done(&["action", "executions", "--last", "1", "--json"]).json();
    assert_eq!(kept[0]["client_id"], id);
    folder.file("event.json", &kept[0]["event"].to_string());
    let tried = folder.test(REFUSES, &["--event", "event.json"]);
    assert!(tried.out.contains("not from 127.0.0.1"), "{}", tried.out);

    let same = folder.run(&["action", "replay", "ip claim"]);
    assert_eq!(same.code, Some(0), "{}{}", same.out, same.err);
    assert!(same.out.contains("1 token requests looked at: all"), "{}", same.out);
    folder.file("ip.js", REFUSES);
    folder.done(&["action", "update", "ip claim", "--code", "ip.js"]);
    server.stop();
    let other = folder.run(&["action", "replay", "ip claim", "--last", "10"]);
    assert_eq!(other.code, Some(3), "{}{}", other.out, other.err);
    assert!(other.out.contains("1 would get another answer"), "{}", other.out);
    assert!(other.out.contains("denied: invalid_request (not from 127.0.0.1)"), "{}", other.out);
    let other = folder.run(&["action", "replay", "ip claim", "--json"]);
    assert_eq!((other.code, &other.json()["changed"]), (Some(3), &1.into()));
}
