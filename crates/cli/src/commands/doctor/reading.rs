//! Files, and the files that they include, each within limits.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use super::finding::Fault;

/// The longest file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// The most files of one configuration, each counted as often as it is included.
const FILES_MAX: usize = 500;
/// How deep files may include each other.
pub(crate) const INCLUDE_DEPTH_MAX: usize = 16;
/// How deep blocks may lie in each other, across files.
pub(crate) const BLOCK_DEPTH_MAX: usize = 64;
/// The most words of one configuration.
pub(crate) const WORDS_MAX: usize = 200_000;

/// What may still be read of one configuration.
#[derive(Debug)]
pub(crate) struct Budget {
    files: usize,
    words: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { files: FILES_MAX, words: WORDS_MAX }
    }
}

impl Budget {
    /// Reads a file. Bytes that are not UTF-8 are replaced: they stand in comments.
    pub(crate) fn read(&mut self, path: &Path) -> Result<String, Fault> {
        let fault = |message: String| Fault { place: path.display().to_string(), message };
        self.files = self.files.checked_sub(1).ok_or_else(|| {
            fault(format!(
                "this configuration includes more than {FILES_MAX} files; give its parts one by one"
            ))
        })?;
        let unreadable = |error: std::io::Error| fault(format!("cannot be read: {error}"));
        // Asked before it is opened: to open a named pipe is to wait for its writer.
        if !fs::metadata(path).map_err(unreadable)?.is_file() {
            return Err(fault("is not a file; name the configuration file itself".to_owned()));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > FILE_BYTES_MAX {
            return Err(fault(
                "is larger than 1 MiB, more than any configuration needs".to_owned(),
            ));
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Takes words from what is left; the answer is whether there were enough.
    pub(crate) fn take_words(&mut self, count: usize) -> bool {
        let left = self.words.checked_sub(count);
        self.words = left.unwrap_or(0);
        left.is_some()
    }
}

/// Whether a name stands for several files.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The files that a name or a pattern stands for, sorted; a name without a pattern always stands
/// for itself, whether it is there or not.
pub(crate) fn expand(folder: &Path, name: &str) -> Vec<PathBuf> {
    let whole = folder.join(name);
    if !is_pattern(name) {
        return vec![whole];
    }
    let mut found = vec![PathBuf::new()];
    for component in whole.components() {
        let text = component.as_os_str().to_string_lossy();
        if matches!(component, Component::Normal(_)) && is_pattern(&text) {
            let pattern = pieces(&text);
            found = found.iter().flat_map(|folder| matching(folder, &pattern)).collect();
            found.sort();
            // One more than may be read, so that reading says that there are too many.
            found.truncate(FILES_MAX + 1);
        } else {
            found.iter_mut().for_each(|path| path.push(component));
        }
    }
    found.retain(|path| path.is_file());
    found
}

fn matching(folder: &Path, pattern: &[Piece]) -> Vec<PathBuf> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(here).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let hidden = |name: &str| name.starts_with('.') && pattern.first() != Some(&Piece::Char('.'));
    names
        .filter(|name| {
            let name = name.to_string_lossy();
            !hidden(&name) && matches_pattern(&name.chars().collect::<Vec<_>>(), pattern)
        })
        .map(|name| folder.join(name))
        .collect()
}

/// A part of a pattern as glob(3) reads it.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Char(char),
    One,
    Many,
    Set { members: Vec<(char, char)>, inverted: bool },
}

fn pieces(pattern: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        pieces.push(match c {
            '*' => Piece::Many,
            '?' => Piece::One,
            '[' => match rest.split_once(']') {
                Some((set, after)) => {
                    rest = after;
                    set_piece(set)
                }
                None => Piece::Char('['),
            },
            other => Piece::Char(other),
        });
    }
    pieces
}

fn set_piece(text: &str) -> Piece {
    let inner = text.strip_prefix(['!', '^']);
    let mut members = Vec::new();
    let mut chars = inner.unwrap_or(text).chars().peekable();
    while let Some(from) = chars.next() {
        let to = if chars.peek() == Some(&'-') {
            chars.next();
            chars.next().unwrap_or(from)
        } else {
            from
        };
        members.push((from, to));
    }
    Piece::Set { members, inverted: inner.is_some() }
}

/// Greedy with one point to come back to, so that no pattern takes longer than name times pattern.
fn matches_pattern(name: &[char], pattern: &[Piece]) -> bool {
    let (mut at, mut piece) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    loop {
        let fits = match (pattern.get(piece), name.get(at)) {
            (Some(Piece::Many), _) => {
                back = Some((at, piece));
                piece += 1;
                continue;
            }
            (None, None) => return true,
            (Some(Piece::One), Some(_)) => true,
            (Some(Piece::Char(wanted)), Some(c)) => wanted == c,
            (Some(Piece::Set { members, inverted }), Some(c)) => {
                members.iter().any(|(from, to)| from <= c && c <= to) != *inverted
            }
            (Some(Piece::One | Piece::Char(_) | Piece::Set { .. }), None) | (None, Some(_)) => {
                false
            }
        };
        if fits {
            at += 1;
            piece += 1;
        } else {
            let Some((from, many)) = back.filter(|(from, _)| *from < name.len()) else {
                return false;
            };
            back = Some((from + 1, many));
            at = from + 1;
            piece = many + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expected: bool) {
        let name: Vec<char> = name.chars().collect();
        assert_eq!(matches_pattern(&name, &pieces(pattern)), expected, "{pattern}");
    }

    #[test]
    fn patterns_are_those_of_glob() {
        check("*.conf", "api.conf", true);
        check("*.conf", "api.conf.bak", false);
        check("a*b*c", "aXbYbZc", true);
        check("a*b*c", "aXbYbZ", false);
        check("?.conf", "a.conf", true);
        check("?.conf", ".conf", false);
        check("[0-9]*", "10-api", true);
        check("[!0-9]*", "10-api", false);
        check("[ab]x", "bx", true);
        check("[ab", "[ab", true);
        check("*", "", true);
        check(&"*a".repeat(40), &"a".repeat(39), false);
    }

    #[test]
    fn a_pattern_stands_for_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.conf", "a.conf", ".hidden.conf", "c.txt"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("d.conf")).unwrap();
        let names = |pattern: &str| -> Vec<String> {
            let found = expand(folder.path(), pattern);
            found
                .iter()
                .map(|p| p.strip_prefix(folder.path()).unwrap().display().to_string())
                .collect()
        };
        assert_eq!(names("*.conf"), ["a.conf", "b.conf"]);
        assert_eq!(names("*/*.conf"), [] as [&str; 0]);
        assert_eq!(names("missing.conf"), ["missing.conf"]);
        assert_eq!(names(".h*"), [".hidden.conf"]);
    }

    #[test]
    fn reading_has_limits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.conf");
        std::fs::write(&path, vec![b'#'; 1024 * 1024 + 1]).unwrap();
        let mut budget = Budget::default();
        assert!(budget.read(&path).unwrap_err().message.contains("larger than 1 MiB"));
        assert!(budget.read(folder.path()).unwrap_err().message.contains("is not a file"));
        assert!(budget.read(Path::new("/dev/zero")).unwrap_err().message.contains("not a file"));
        let missing = budget.read(&folder.path().join("none")).unwrap_err();
        assert!(missing.message.contains("cannot be read"), "{missing}");
        std::fs::write(&path, b"caf\xe9").unwrap();
        for _ in 0..FILES_MAX {
            let _ = budget.read(&path);
        }
        assert!(budget.read(&path).unwrap_err().message.contains("more than 500 files"));
        assert!(budget.take_words(WORDS_MAX));
        assert!(!budget.take_words(1));
    }
}
