//! What the documents tell a user to do, taken from the documents themselves.

use std::fs;
use std::path::Path;

/// A file of the project.
pub(crate) fn document(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// A fenced block and what the comment before it says: `<!-- note -->`, fence, text, fence.
#[derive(Debug)]
pub(crate) struct Block {
    /// The comment right before the fence, or nothing.
    pub(crate) note: String,
    /// What stands after the opening fence.
    pub(crate) language: String,
    /// The lines between the fences.
    pub(crate) text: String,
}

/// Every fenced block of a document, in order.
pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut note = String::new();
    let mut open: Option<Block> = None;
    for line in document.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, Some(language)) => {
                let note = std::mem::take(&mut note);
                open = Some(Block { note, language: language.to_owned(), text: String::new() });
            }
            (None, None) => {
                let comment = line.trim().strip_prefix("<!--").and_then(|l| l.strip_suffix("-->"));
                note = comment.map(|text| text.trim().to_owned()).unwrap_or_default();
            }
        }
    }
    assert!(open.is_none(), "a fenced block is never closed");
    blocks
}

/// The README's nginx configuration: its one block in that language.
pub(crate) fn readme_snippet() -> String {
    let readme = document("README.md");
    let mut found = blocks(&readme).into_iter().filter(|block| block.language == "nginx");
    let snippet = found.next().expect("README.md has an nginx block");
    assert!(found.next().is_none(), "README.md has one nginx block");
    snippet.text
}

/// The one block of a document that has this note.
pub(crate) fn noted(path: &str, note: &str) -> String {
    let mut found = blocks(&document(path)).into_iter().filter(|block| block.note == note);
    let block = found.next().unwrap_or_else(|| panic!("{path} has no block noted `{note}`"));
    assert!(found.next().is_none(), "{path} has one block noted `{note}`");
    block.text
}
