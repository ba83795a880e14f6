//! The syntax of a Caddyfile: lines of words, and blocks of them.
//!
//! It follows Caddy's own lexer: a quote or backtick counts only where a word begins, a backslash
//! at the end of a line joins it to the next, and a brace is a block's only when it is a word by
//! itself, so that `{client_ip}` is one word.

use std::sync::Arc;

use crate::commands::doctor::finding::{Fault, Place};
use crate::commands::doctor::reading::{BLOCK_DEPTH_MAX, Budget};

/// A line: its first word, the others, and the lines in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Empty for the block of global options, which has no word before its brace.
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) block: Option<Vec<Line>>,
    pub(crate) place: Place,
}

impl Line {
    /// The word at a position, counted from 0 after the name; empty when there is none.
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// The lines in its block.
    pub(crate) fn inner(&self) -> &[Line] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The lines in its block that begin with that word.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Line> {
        self.inner().iter().filter(move |line| line.name == name)
    }
}

/// Takes a text apart.
pub(crate) fn parse(text: &str, file: &Arc<str>, budget: &mut Budget) -> Result<Vec<Line>, Fault> {
    let mut words = Words { rest: text, line: 1 };
    let place = |line: usize| Place { file: Arc::clone(file), line };
    let wrong = |(line, message): Wrong| Fault::at(&place(line), message);
    let mut open: Vec<(Line, Vec<Line>)> = Vec::new();
    let mut here: Vec<Line> = Vec::new();
    let mut current: Option<Line> = None;
    loop {
        let word = words.word().map_err(wrong)?;
        match word {
            Word::Text(text, line) => {
                if !budget.take_words(1) {
                    return Err(wrong((line, "the configuration is too long to judge".to_owned())));
                }
                match &mut current {
                    Some(current) => current.args.push(text),
                    None => current = Some(line_of(text, place(line))),
                }
            }
            Word::EndOfLine => here.extend(current.take()),
            Word::Open(line) => {
                if open.len() >= BLOCK_DEPTH_MAX {
                    let message = format!("more than {BLOCK_DEPTH_MAX} blocks in each other");
                    return Err(wrong((line, message)));
                }
                let outer = current.take().unwrap_or_else(|| line_of(String::new(), place(line)));
                open.push((outer, std::mem::take(&mut here)));
            }
            Word::Close(line) => {
                here.extend(current.take());
                let Some((mut outer, before)) = open.pop() else {
                    return Err(wrong((line, "a `}` that closes nothing: remove it".to_owned())));
                };
                outer.block = Some(std::mem::replace(&mut here, before));
                here.push(outer);
            }
            Word::Eof => {
                here.extend(current.take());
                return match open.pop() {
                    None => Ok(here),
                    Some((outer, _)) => {
                        Err(Fault::at(&outer.place, "the block that opens here has no `}`"))
                    }
                };
            }
        }
    }
}

fn line_of(name: String, place: Place) -> Line {
    Line { name, args: Vec::new(), block: None, place }
}

enum Word {
    Text(String, usize),
    EndOfLine,
    Open(usize),
    Close(usize),
    Eof,
}

/// A line, and what is wrong there.
type Wrong = (usize, String);

struct Words<'a> {
    rest: &'a str,
    line: usize,
}

impl Words<'_> {
    fn word(&mut self) -> Result<Word, Wrong> {
        loop {
            let Some(c) = self.peek() else { return Ok(Word::Eof) };
            match c {
                '\n' => {
                    self.bump();
                    return Ok(Word::EndOfLine);
                }
                '\\' if self.joins_lines() => {}
                c if c.is_whitespace() => self.bump(),
                '#' => self.skip_comment(),
                '"' | '`' => return self.quoted(c),
                _ => return self.plain(),
            }
        }
    }

    /// Passes over a backslash at the end of a line.
    fn joins_lines(&mut self) -> bool {
        let after = self.rest.strip_prefix("\\\n").or_else(|| self.rest.strip_prefix("\\\r\n"));
        match after {
            Some(after) => {
                self.rest = after;
                self.line += 1;
                true
            }
            None => false,
        }
    }

    fn plain(&mut self) -> Result<Word, Wrong> {
        let started = self.line;
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if c.is_whitespace() || self.rest.starts_with("\\\n") || self.rest.starts_with("\\\r\n")
            {
                break;
            }
            self.bump();
            word.push(c);
        }
        if let Some(marker) = word.strip_prefix("<<").filter(|marker| is_marker(marker)) {
            let ends = self.peek() == Some('\n') || self.rest.starts_with("\r\n");
            if ends {
                return self.heredoc(marker, started);
            }
        }
        Ok(match word.as_str() {
            "{" => Word::Open(started),
            "}" => Word::Close(started),
            _ => Word::Text(word, started),
        })
    }

    fn quoted(&mut self, quote: char) -> Result<Word, Wrong> {
        let started = self.line;
        self.bump();
        let mut word = String::new();
        while let Some(c) = self.peek() {
            if quote == '"' && self.rest.starts_with("\\\"") {
                self.bump();
                word.push('"');
            } else if c == quote {
                self.bump();
                return Ok(Word::Text(word, started));
            } else {
                word.push(c);
            }
            self.bump();
        }
        Err((started, format!("the quote {quote} that opens here is never closed")))
    }

    /// Everything up to a line that has the marker alone.
    fn heredoc(&mut self, marker: &str, started: usize) -> Result<Word, Wrong> {
        self.skip_comment();
        self.bump();
        let mut text = String::new();
        while !self.rest.is_empty() {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            let (line, after) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
            let blanks = line.len() - line.trim_start().len();
            let rest = line.trim_start();
            // More words may follow on the line of the marker.
            let ends = rest
                .strip_prefix(marker)
                .filter(|more| more.chars().next().is_none_or(char::is_whitespace));
            if ends.is_some() {
                self.rest = self.rest.get(blanks + marker.len()..).unwrap_or_default();
                return Ok(Word::Text(text, started));
            }
            text.push_str(line);
            text.push('\n');
            self.rest = after.strip_prefix('\n').unwrap_or(after);
            self.line += 1;
        }
        Err((started, format!("the text that opens here with `<<{marker}` is never closed")))
    }

    /// Goes to the end of the line, and leaves that.
    fn skip_comment(&mut self) {
        let at = self.rest.find('\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(at..).unwrap_or_default();
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        if chars.next() == Some('\n') {
            self.line += 1;
        }
        self.rest = chars.as_str();
    }
}

fn is_marker(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Line>, String> {
        let file = Arc::from("f");
        parse(text, &file, &mut Budget::default()).map_err(|fault| fault.to_string())
    }

    /// Writes the lines of a text in one way: words in brackets, numbers before names.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        fn written(lines: &[Line]) -> String {
            let one = |line: &Line| {
                let words: String = line.args.iter().map(|arg| format!("[{arg}]")).collect();
                let block = line.block.as_deref().map(|block| format!("{{{}}}", written(block)));
                format!("{}:{}{words}{}", line.place.line, line.name, block.unwrap_or_default())
            };
            lines.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        let found = read(text).map_or_else(|fault| fault, |lines| written(&lines));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_and_quotes() {
        check("a b  c\nd\n\n e", "1:a[b][c] 2:d 4:e");
        check("a \"b \\\"c\\\" \\n\" `d \"e\"`", "1:a[b \"c\" \\n][d \"e\"]");
        check("a b#c # d\n# e\nf", "1:a[b#c] 3:f");
        check("a \"b\nc\" d\ne", "1:a[b\nc][d] 3:e");
        check("a \\\n  b\nc", "1:a[b] 3:c");
        check("a \\\r\n  b\r\nc\r\n", "1:a[b] 3:c");
        check("a {$X:1} {client_ip} x{y}", "1:a[{$X:1}][{client_ip}][x{y}]");
        check("a \"{\"", "1:a[{]");
    }

    #[test]
    fn blocks_nest() {
        check("{\n a\n}\nb {\n c d {\n e\n }\n}", "1:{2:a} 4:b{5:c[d]{6:e}}");
        check("(snippet) {\n}\na", "1:(snippet){} 3:a");
        check("a { b { c }\n}", "1:a{1:b{1:c}}");
    }

    #[test]
    fn long_texts_are_one_word() {
        check("a <<EOF\n  {\n  }\n  EOF 200\nb", "1:a[  {\n  }\n][200] 5:b");
        check("a <<EOF b", "1:a[<<EOF][b]");
        check("a <<EOF\n b", "f:1: the text that opens here with `<<EOF` is never closed");
    }

    #[test]
    fn what_caddy_refuses_is_refused_with_its_line() {
        check("a\n}", "f:2: a `}` that closes nothing: remove it");
        check("a\nb {\nc", "f:2: the block that opens here has no `}`");
        check("a\n\"b", "f:2: the quote \" that opens here is never closed");
        check(&"a {\n".repeat(65), "f:65: more than 64 blocks in each other");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_mixture_of_its_characters_makes_it_panic(text in "[a{}\"`\\\\#$<E \r\n-]{0,60}") {
            let _ = read(&text);
        }
    }
}
