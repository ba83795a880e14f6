//! Secrets on a command line: `NAME=VALUE`, or `NAME=@FILE`.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use keyward_core::action::SECRET_VALUE_BYTES_MAX;
use serde_json::{Map, Value};

use super::read_text;
use crate::commands::WrongUsage;

/// What was given. It is looked at later: a fault that the parser of the command line tells of shows
/// the text, and that may be the secret.
#[derive(Clone)]
pub(crate) struct SecretArg(String);

impl fmt::Debug for SecretArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretArg").finish_non_exhaustive()
    }
}

impl FromStr for SecretArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

/// Names with their values; each name once.
pub(super) fn read(given: &[SecretArg]) -> anyhow::Result<Map<String, Value>> {
    let mut secrets = Map::new();
    for SecretArg(text) in given {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            let problem = "--secret takes NAME=VALUE, or NAME=@FILE for a value that stands in a \
                           file; one of them has no name or no `=`";
            return Err(WrongUsage(problem.to_owned()).into());
        };
        let value = match value.strip_prefix('@') {
            Some(file) => of_file(file)?,
            None => value.to_owned(),
        };
        if secrets.insert(name.to_owned(), value.into()).is_some() {
            return Err(WrongUsage(format!("the secret {name} is given twice")).into());
        }
    }
    Ok(secrets)
}

/// The value in a file, without the line end that editors leave there.
fn of_file(file: &str) -> anyhow::Result<String> {
    // Room for that line end.
    let bytes_max = SECRET_VALUE_BYTES_MAX.saturating_add(2);
    let text = read_text(Path::new(file), bytes_max, "a secret")?;
    let value = text.strip_suffix('\n').unwrap_or(&text);
    Ok(value.strip_suffix('\r').unwrap_or(value).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets(texts: &[&str]) -> anyhow::Result<Value> {
        let given: Vec<SecretArg> = texts.iter().map(|text| text.parse().unwrap()).collect();
        read(&given).map(Value::Object)
    }

    #[test]
    fn a_value_stands_there_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "a=b \r\n").unwrap();
        let from_file = format!("FILE=@{}", file.display());
        assert_eq!(
            secrets(&["A=1", "B=x=y", "C=", &from_file]).unwrap(),
            json!({ "A": "1", "B": "x=y", "C": "", "FILE": "a=b " })
        );
        std::fs::write(&file, "x\n\n").unwrap();
        assert_eq!(secrets(&[&from_file]).unwrap(), json!({ "FILE": "x\n" }));
        assert!(secrets(&["A=@/nowhere/at/all"]).is_err());
    }

    #[test]
    fn what_is_no_secret_is_told_without_repeating_it() {
        for wrong in ["hunter2", "=hunter2", ""] {
            let error = secrets(&[wrong]).unwrap_err();
            assert!(error.is::<WrongUsage>(), "{wrong}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
        let twice = secrets(&["A=1", "A=2"]).unwrap_err().to_string();
        assert_eq!(twice, "the secret A is given twice");
        let shown = format!("{:?}", "A=hunter2".parse::<SecretArg>());
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
