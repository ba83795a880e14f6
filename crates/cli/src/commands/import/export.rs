//! An export of auth0-deploy-cli, in either of its formats: a folder with a file for each thing,
//! or one `tenant.yaml` beside the code of Actions.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use serde_json::{Map, Value};

/// No file of an export is larger than this, in bytes.
const FILE_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Files that are read of one folder.
const FILES_MAX: usize = 100_000;

pub(super) type Thing = Map<String, Value>;

/// What is in it.
#[derive(Debug, Default)]
pub(super) struct Export {
    pub(super) apis: Vec<Thing>,
    pub(super) clients: Vec<Thing>,
    pub(super) grants: Vec<Thing>,
    /// With their code in place of its file.
    pub(super) actions: Vec<Thing>,
    /// Places by trigger, in order.
    pub(super) triggers: BTreeMap<String, Vec<Thing>>,
    /// Names of parts that are no business of Keyward's.
    pub(super) others: Vec<String>,
}

/// Parts of a folder that are read; everything else in it is left out.
const FOLDERS: [&str; 5] = ["resource-servers", "clients", "grants", "actions", "triggers"];

impl Export {
    /// Reads an export.
    ///
    /// # Errors
    /// When there is none, or a file of it cannot be read; the text names the file.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let metadata = fs::metadata(path)
            .with_context(|| format!("cannot read the export {}", path.display()))?;
        if metadata.is_file() {
            return Self::read_yaml(path);
        }
        let yaml = path.join("tenant.yaml");
        if yaml.exists() { Self::read_yaml(&yaml) } else { Self::read_folder(path) }
    }

    fn read_folder(folder: &Path) -> anyhow::Result<Self> {
        let mut export = Self {
            apis: things_in(&folder.join("resource-servers"))?,
            clients: things_in(&folder.join("clients"))?,
            grants: things_in(&folder.join("grants"))?,
            actions: things_in(&folder.join("actions"))?,
            ..Self::default()
        };
        let triggers = folder.join("triggers").join("triggers.json");
        if triggers.exists() {
            export.triggers = triggers_of(read_json(&triggers)?, &triggers)?;
        }
        let known = FOLDERS.iter().any(|name| folder.join(name).is_dir());
        ensure!(
            known,
            "{} is no export of auth0-deploy-cli: it has neither a tenant.yaml nor one of the \
             folders {}",
            folder.display(),
            FOLDERS.join(", ")
        );
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !FOLDERS.contains(&name.as_str()) && holds_something(&entry.path()) {
                export.others.push(name);
            }
        }
        export.others.sort();
        export.put_code(folder)?;
        Ok(export)
    }

    fn read_yaml(file: &Path) -> anyhow::Result<Self> {
        let text = read_text(file)?;
        let all: Value = serde_saphyr::from_str(&text)
            .map_err(|error| anyhow!("{}: {error}", file.display()))?;
        let Value::Object(mut all) = all else { bail!("{} holds no map", file.display()) };
        let mut take = |name: &str| match all.remove(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let wrong =
                    || anyhow!("{}: `{name}` holds something that is no map", file.display());
                items.into_iter().map(|item| object(item).ok_or_else(wrong)).collect()
            }
            Some(_) => bail!("{}: `{name}` is no list", file.display()),
        };
        let mut export = Self {
            apis: take("resourceServers")?,
            clients: take("clients")?,
            grants: take("clientGrants")?,
            actions: take("actions")?,
            ..Self::default()
        };
        if let Some(triggers) = all.remove("triggers").filter(|value| !value.is_null()) {
            export.triggers = triggers_of(triggers, file)?;
        }
        let filled = |value: &Value| match value {
            Value::Null => false,
            Value::Array(items) => !items.is_empty(),
            Value::Object(members) => !members.is_empty(),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        };
        export.others = all.into_iter().filter(|(_, v)| filled(v)).map(|(name, _)| name).collect();
        export.put_code(file.parent().unwrap_or(Path::new(".")))?;
        Ok(export)
    }

    /// Puts the code of Actions in the place of the file that holds it.
    fn put_code(&mut self, folder: &Path) -> anyhow::Result<()> {
        for action in &mut self.actions {
            let Some(Value::String(code)) = action.get("code") else { continue };
            let Some(file) = code_file(folder, code) else { continue };
            let text = read_text(&file)?;
            action.insert("code".to_owned(), text.into());
        }
        Ok(())
    }
}

/// The file that `code` names, if it names one inside the export.
fn code_file(folder: &Path, code: &str) -> Option<PathBuf> {
    let looks_like_one = code.len() < 1024 && !code.contains('\n') && code.ends_with(".js");
    if !looks_like_one {
        return None;
    }
    // The tool writes paths from where it was started: from the export, or from one folder above.
    let candidates = [folder.join(code), folder.parent()?.join(code), PathBuf::from(code)];
    let root = folder.canonicalize().ok()?;
    // Security: a foreign export must not make us read and upload other files of this machine.
    let inside = |path: PathBuf| path.canonicalize().ok().filter(|path| path.starts_with(&root));
    candidates.into_iter().find_map(inside)
}

fn object(value: Value) -> Option<Thing> {
    if let Value::Object(thing) = value { Some(thing) } else { None }
}

fn holds_something(path: &Path) -> bool {
    match fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => true,
    }
}

/// The things in a folder, in the order of their files' names. A folder that is not there has none.
fn things_in(folder: &Path) -> anyhow::Result<Vec<Thing>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "json") {
            files.push(path);
        }
        ensure!(files.len() <= FILES_MAX, "{} holds too many files", folder.display());
    }
    files.sort();
    let thing = |file: &PathBuf| {
        let wrong = || anyhow!("{} holds no JSON object", file.display());
        object(read_json(file)?).ok_or_else(wrong)
    };
    files.iter().map(thing).collect()
}

fn triggers_of(value: Value, file: &Path) -> anyhow::Result<BTreeMap<String, Vec<Thing>>> {
    serde_json::from_value(value).map_err(|error| anyhow!("{}: triggers: {error}", file.display()))
}

fn read_json(file: &Path) -> anyhow::Result<Value> {
    let text = read_text(file)?;
    serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))
}

fn read_text(file: &Path) -> anyhow::Result<String> {
    let wrong = || format!("cannot read {}", file.display());
    let length = fs::metadata(file).with_context(wrong)?.len();
    ensure!(length <= FILE_BYTES_MAX, "{} is larger than 32 MiB", file.display());
    fs::read_to_string(file).with_context(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, text: &str) {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_folder_and_a_yaml_file_say_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        write(&a, "clients/one.json", r#"{"name":"one","is_first_party":true}"#);
        write(&a, "actions/ip.json", r#"{"name":"ip","code":"./actions/ip/code.js"}"#);
        write(&a, "actions/ip/code.js", "exports.a = 1;\n");
        write(&a, "triggers/triggers.json", r#"{"credentials-exchange":[{"action_name":"ip"}]}"#);
        write(&a, "tenant.json", "{}");
        write(
            &b,
            "tenant.yaml",
            "clients:\n  - name: one\n    is_first_party: true\nactions:\n  - name: ip\n    code: \
             ./actions/ip/code.js\ntriggers:\n  credentials-exchange:\n    - action_name: \
             ip\ntenant:\n  friendly_name: x\nroles: []\n",
        );
        write(&b, "actions/ip/code.js", "exports.a = 1;\n");
        let (a, b) = (Export::read(&a).unwrap(), Export::read(&b).unwrap());
        assert_eq!(a.clients, b.clients);
        assert_eq!(a.clients[0]["is_first_party"], true);
        assert_eq!(a.actions, b.actions);
        assert_eq!(a.actions[0]["code"], "exports.a = 1;\n");
        assert_eq!(a.triggers, b.triggers);
        assert_eq!(
            (a.others, b.others),
            (vec!["tenant.json".to_owned()], vec!["tenant".to_owned()])
        );
    }

    #[test]
    fn no_file_outside_of_the_export_is_read() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "secret.js", "secret");
        let export = folder.path().join("export");
        let action = r#"{"name":"a","code":"../secret.js"}"#;
        write(&export, "actions/a.json", action);
        let read = Export::read(&export).unwrap();
        assert_eq!(read.actions[0]["code"], "../secret.js");
    }

    #[test]
    fn what_is_no_export_is_told_with_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = |path: &Path| format!("{:#}", Export::read(path).unwrap_err());
        assert!(error(folder.path()).contains("no export of auth0-deploy-cli"));
        assert!(error(&folder.path().join("none")).contains("cannot read"));
        write(folder.path(), "clients/x.json", "{");
        assert!(error(folder.path()).contains("x.json is no JSON"));
        write(folder.path(), "tenant.yaml", "clients: 1");
        assert!(error(folder.path()).contains("`clients` is no list"));
        write(folder.path(), "tenant.yaml", "clients: [");
        assert!(error(folder.path()).contains("tenant.yaml"));
    }
}
