//! Puts snippets and files where they are imported.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::tokens::{self, Line};
use crate::commands::doctor::finding::common::FILE_NOT_READ;
use crate::commands::doctor::finding::{Examined, Fault, shown};
use crate::commands::doctor::reading::{
    BLOCK_DEPTH_MAX, Budget, INCLUDE_DEPTH_MAX, expand, is_pattern,
};

/// Where a line stands: how deep in blocks, and in how many imports.
#[derive(Clone, Copy)]
struct Depth {
    blocks: usize,
    imports: usize,
}

/// Reads a Caddyfile with all that it imports.
pub(crate) struct Importer<'r> {
    pub(crate) budget: &'r mut Budget,
    pub(crate) out: &'r mut Examined,
    /// Snippets `(name)` and named routes `&(name)`, by what they are called with.
    snippets: HashMap<String, Vec<Line>>,
}

impl<'r> Importer<'r> {
    pub(crate) fn new(budget: &'r mut Budget, out: &'r mut Examined) -> Self {
        Self { budget, out, snippets: HashMap::new() }
    }

    /// The lines of a file, every import replaced by what it stands for.
    pub(crate) fn read(&mut self, path: &Path, text: &str) -> Result<Vec<Line>, Fault> {
        let lines = self.parse(path, text)?;
        self.lines(lines, Depth { blocks: 0, imports: 0 })
    }

    fn parse(&mut self, path: &Path, text: &str) -> Result<Vec<Line>, Fault> {
        let file: Arc<str> = path.display().to_string().into();
        tokens::parse(&with_defaults(text), &file, self.budget)
    }

    fn lines(&mut self, lines: Vec<Line>, depth: Depth) -> Result<Vec<Line>, Fault> {
        let mut done = Vec::with_capacity(lines.len());
        for mut line in lines {
            if depth.blocks > BLOCK_DEPTH_MAX {
                let message = format!("more than {BLOCK_DEPTH_MAX} blocks in each other");
                return Err(Fault::at(&line.place, message));
            }
            let inner = Depth { blocks: depth.blocks + 1, ..depth };
            if depth.blocks == 0 && is_snippet(&line.name) {
                self.snippets.insert(line.name, line.block.unwrap_or_default());
            } else if line.name == "import" {
                done.extend(self.import(&line, depth)?);
            } else if line.name == "invoke" {
                let name = format!("&({})", line.arg(0));
                let lines = self.snippets.get(&name).cloned().unwrap_or_default();
                line.name = "route".to_owned();
                line.args.clear();
                line.block = Some(self.spend(&line, lines, inner)?);
                done.push(line);
            } else {
                if let Some(block) = line.block.take() {
                    line.block = Some(self.lines(block, inner)?);
                }
                done.push(line);
            }
        }
        Ok(done)
    }

    fn import(&mut self, import: &Line, depth: Depth) -> Result<Vec<Line>, Fault> {
        if depth.imports >= INCLUDE_DEPTH_MAX {
            let message = format!(
                "imports lie more than {INCLUDE_DEPTH_MAX} deep in each other; does one import \
                 itself?"
            );
            return Err(Fault::at(&import.place, message));
        }
        let depth = Depth { imports: depth.imports + 1, ..depth };
        let name = import.arg(0);
        if let Some(snippet) = self.snippets.get(&format!("({name})")) {
            let lines = fill(snippet, import);
            return self.spend(import, lines, depth);
        }
        let folder = Path::new(&*import.place.file).parent().unwrap_or(Path::new("")).to_owned();
        let mut done = Vec::new();
        for path in expand(&folder, name) {
            if !is_pattern(name) && !path.exists() {
                let message = format!("the imported `{}` is not here", shown(name));
                self.out.add(&FILE_NOT_READ, &import.place, message);
                continue;
            }
            let text = self.budget.read(&path)?;
            let lines = self.parse(&path, &text)?;
            done.extend(self.lines(fill(&lines, import), depth)?);
        }
        Ok(done)
    }

    /// Goes through lines that were copied, and counts them: snippets in snippets grow fast.
    fn spend(&mut self, at: &Line, lines: Vec<Line>, depth: Depth) -> Result<Vec<Line>, Fault> {
        if self.budget.take_words(words(&lines)) {
            self.lines(lines, depth)
        } else {
            Err(Fault::at(&at.place, "the configuration is too long to judge"))
        }
    }
}

fn is_snippet(name: &str) -> bool {
    name.strip_prefix('&').unwrap_or(name).starts_with('(') && name.ends_with(')')
}

fn words(lines: &[Line]) -> usize {
    lines.iter().map(|line| 1 + line.args.len() + words(line.inner())).sum()
}

/// Variables of the environment are not read; where there is a default, it stands for them.
fn with_defaults(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{$") {
        out.push_str(before);
        match after.split_once('}') {
            Some((variable, after)) if !variable.contains(['\n', '{']) => {
                match variable.split_once(':') {
                    Some((_, default)) => out.push_str(default),
                    None => out.extend(["{$", variable, "}"]),
                }
                rest = after;
            }
            _ => {
                out.push_str("{$");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Puts the words after the import's name, and its block, where the lines ask for them.
fn fill(lines: &[Line], import: &Line) -> Vec<Line> {
    let given = import.args.get(1..).unwrap_or_default();
    let mut done = Vec::with_capacity(lines.len());
    for line in lines {
        if line.name == "{block}" {
            done.extend(import.inner().iter().cloned());
            continue;
        }
        let mut args = Vec::with_capacity(line.args.len());
        for word in &line.args {
            match word.as_str() {
                "{args[:]}" | "{args.*}" => args.extend(given.iter().cloned()),
                _ => args.push(fill_word(word, given)),
            }
        }
        done.push(Line {
            name: fill_word(&line.name, given),
            args,
            block: line.block.as_ref().map(|block| fill(block, import)),
            place: line.place.clone(),
        });
    }
    done
}

fn fill_word(word: &str, given: &[String]) -> String {
    if !word.contains("{args") {
        return word.to_owned();
    }
    let mut word = word.to_owned();
    for (index, text) in given.iter().enumerate().take(16) {
        word = word.replace(&format!("{{args[{index}]}}"), text);
        word = word.replace(&format!("{{args.{index}}}"), text);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_stand_for_variables() {
        assert_eq!(with_defaults("a {$X:b c} {$Y} {z} {$"), "a b c {$Y} {z} {$");
        assert_eq!(with_defaults("{$A:{$B}"), "{$A:{$B}");
    }
}
