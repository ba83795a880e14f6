//! nginx: `auth_request` and what stands around it.

mod address;
mod check;
mod codes;
mod failure;
mod guarded;
mod guards;
mod tokens;
mod tree;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::guards::Guards;
use self::tokens::Directive;
use self::tree::Tree;
use super::finding::common::FILE_NOT_READ;
use super::finding::{Examined, Fault, Place, shown};
use super::reading::{BLOCK_DEPTH_MAX, Budget, INCLUDE_DEPTH_MAX, expand, is_pattern};

#[cfg(test)]
pub(crate) use codes::ALL as CODES;

/// Whether a text looks like this program's.
pub(crate) fn looks_like_it(text: &str) -> bool {
    let words = ["server", "location", "upstream", "http", "proxy_pass", "auth_request", "events"];
    let more = ["proxy_set_header", "set_real_ip_from", "real_ip_header", "auth_request_set"];
    let mut lines = text.lines().map(str::trim_start);
    let known = lines.any(|line| {
        let word = line.split([' ', '\t', '{']).next().unwrap_or(line);
        words.contains(&word) || more.contains(&word)
    });
    known && text.contains(';')
}

/// Judges a file and what it includes.
pub(crate) fn examine(path: &Path, text: &str, budget: &mut Budget) -> Result<Examined, Fault> {
    let mut out = Examined::default();
    let file: Arc<str> = path.display().to_string().into();
    let directives = tokens::parse(text, &file, budget)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut reader = Reader { folder, budget, out: &mut out };
    let directives = reader.include(directives, 0, 0)?;
    let tree = Tree::new(&directives);
    let guards = Guards::find(&tree, &mut out);
    for check in guards.checks(&tree) {
        check.examine(&mut out);
        out.checks += 1;
    }
    guarded::examine(&tree, &guards, &mut out);
    failure::examine(&tree, &guards, &mut out);
    address::examine(&tree, &guards, &mut out);
    Ok(out)
}

/// Puts included files where they are included.
struct Reader<'r> {
    /// The folder of the file that was named, from which nginx counts.
    folder: &'r Path,
    budget: &'r mut Budget,
    out: &'r mut Examined,
}

impl Reader<'_> {
    fn include(
        &mut self,
        directives: Vec<Directive>,
        blocks: usize,
        files: usize,
    ) -> Result<Vec<Directive>, Fault> {
        let mut done = Vec::with_capacity(directives.len());
        for mut directive in directives {
            if let Some(block) = directive.block.take() {
                if blocks >= BLOCK_DEPTH_MAX {
                    let message = format!("more than {BLOCK_DEPTH_MAX} blocks in each other");
                    return Err(Fault::at(&directive.place, message));
                }
                directive.block = Some(self.include(block, blocks + 1, files)?);
                done.push(directive);
            } else if directive.name == "include" {
                done.extend(self.included(&directive, blocks, files)?);
            } else {
                done.push(directive);
            }
        }
        Ok(done)
    }

    fn included(
        &mut self,
        include: &Directive,
        blocks: usize,
        files: usize,
    ) -> Result<Vec<Directive>, Fault> {
        if files >= INCLUDE_DEPTH_MAX {
            let message = format!(
                "files include each other more than {INCLUDE_DEPTH_MAX} deep; does one include \
                 itself?"
            );
            return Err(Fault::at(&include.place, message));
        }
        let name = include.arg(0);
        let mut done = Vec::new();
        for path in self.find(name) {
            if !is_pattern(name) && !path.exists() {
                self.not_read(&include.place, name);
                continue;
            }
            let text = self.budget.read(&path)?;
            let file: Arc<str> = path.display().to_string().into();
            let directives = tokens::parse(&text, &file, self.budget)?;
            done.extend(self.include(directives, blocks, files + 1)?);
        }
        Ok(done)
    }

    /// nginx counts from the folder of `nginx.conf`; a part of it mostly lies one folder deeper.
    fn find(&self, name: &str) -> Vec<PathBuf> {
        let here = expand(self.folder, name);
        if here.iter().any(|path| path.exists()) || Path::new(name).is_absolute() {
            return here;
        }
        let above = expand(&self.folder.join(".."), name);
        if above.iter().any(|path| path.exists()) { above } else { here }
    }

    fn not_read(&mut self, place: &Place, name: &str) {
        let message = format!("the included file `{}` is not here", shown(name));
        self.out.add(&FILE_NOT_READ, place, message);
    }
}

#[cfg(test)]
mod tests;
