//! The syntax of nginx's configuration: directives with words, and blocks of them.
//!
//! It follows `ngx_conf_read_token`: a quote counts only where a word begins, a backslash takes the
//! next character along, and `${` does not open a block. Blocks of Lua are passed over.

use std::sync::Arc;

use crate::commands::doctor::finding::{Fault, Place, shown};
use crate::commands::doctor::reading::{BLOCK_DEPTH_MAX, Budget};

/// A directive: its name, its words, and the directives in its block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    pub(crate) name: String,
    pub(crate) args: Vec<String>,
    pub(crate) block: Option<Vec<Directive>>,
    pub(crate) place: Place,
}

impl Directive {
    /// The word at a position, counted from 0 after the name; empty when there is none.
    pub(crate) fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }
}

/// Takes a text apart.
pub(crate) fn parse(
    text: &str,
    file: &Arc<str>,
    budget: &mut Budget,
) -> Result<Vec<Directive>, Fault> {
    let mut tokens = Tokens { rest: text, line: 1 };
    let place = |line: usize| Place { file: Arc::clone(file), line };
    let wrong = |(line, message): Wrong| Fault::at(&place(line), message);
    let mut words: Vec<(String, usize)> = Vec::new();
    // The blocks that are open, each with the directives before it in the block around.
    let mut open: Vec<(Directive, Vec<Directive>)> = Vec::new();
    let mut here: Vec<Directive> = Vec::new();
    loop {
        match tokens.token().map_err(wrong)? {
            Token::Word(word, line) => {
                if !budget.take_words(1) {
                    return Err(wrong((line, "the configuration is too long to judge".to_owned())));
                }
                words.push((word, line));
            }
            Token::End => here.extend(directive(&mut words, file)),
            Token::Open => {
                let Some(mut outer) = directive(&mut words, file) else {
                    let message = "a `{` without a directive before it".to_owned();
                    return Err(wrong((tokens.line, message)));
                };
                if open.len() >= BLOCK_DEPTH_MAX {
                    let message = format!("more than {BLOCK_DEPTH_MAX} blocks in each other");
                    return Err(wrong((tokens.line, message)));
                }
                if outer.name.ends_with("_by_lua_block") {
                    tokens.skip_lua().map_err(wrong)?;
                    outer.block = Some(Vec::new());
                    here.push(outer);
                } else {
                    open.push((outer, std::mem::take(&mut here)));
                }
            }
            Token::Close => {
                unfinished(&words, file)?;
                let Some((mut outer, before)) = open.pop() else {
                    let message = "a `}` that closes nothing: remove it".to_owned();
                    return Err(wrong((tokens.line, message)));
                };
                outer.block = Some(std::mem::replace(&mut here, before));
                here.push(outer);
            }
            Token::Eof => {
                unfinished(&words, file)?;
                return match open.last() {
                    None => Ok(here),
                    Some((outer, _)) => {
                        let name = shown(&outer.name);
                        Err(Fault::at(&outer.place, format!("the block of `{name}` has no `}}`")))
                    }
                };
            }
        }
    }
}

fn directive(words: &mut Vec<(String, usize)>, file: &Arc<str>) -> Option<Directive> {
    let mut words = std::mem::take(words).into_iter();
    let (name, line) = words.next()?;
    let place = Place { file: Arc::clone(file), line };
    Some(Directive { name, args: words.map(|(word, _)| word).collect(), block: None, place })
}

fn unfinished(words: &[(String, usize)], file: &Arc<str>) -> Result<(), Fault> {
    match words.first() {
        None => Ok(()),
        Some((name, line)) => {
            let place = Place { file: Arc::clone(file), line: *line };
            Err(Fault::at(&place, format!("the directive `{}` has no `;`", shown(name))))
        }
    }
}

enum Token {
    Word(String, usize),
    End,
    Open,
    Close,
    Eof,
}

/// A line, and what is wrong there.
type Wrong = (usize, String);

struct Tokens<'a> {
    rest: &'a str,
    line: usize,
}

impl Tokens<'_> {
    fn token(&mut self) -> Result<Token, Wrong> {
        loop {
            let Some(c) = self.peek() else { return Ok(Token::Eof) };
            match c {
                ' ' | '\t' | '\r' | '\n' => self.bump(),
                '#' => self.skip_line(),
                ';' | '{' | '}' => {
                    self.bump();
                    return Ok(match c {
                        ';' => Token::End,
                        '{' => Token::Open,
                        _ => Token::Close,
                    });
                }
                '"' | '\'' => return self.quoted(c),
                _ => return Ok(self.plain()),
            }
        }
    }

    fn plain(&mut self) -> Token {
        let started = self.line;
        let mut word = String::new();
        let mut variable = false;
        while let Some(c) = self.peek() {
            if matches!(c, ' ' | '\t' | '\r' | '\n' | ';') || (c == '{' && !variable) {
                break;
            }
            self.bump();
            if c == '\\' {
                self.escaped(&mut word);
            } else {
                word.push(c);
            }
            variable = c == '$';
        }
        Token::Word(word, started)
    }

    fn quoted(&mut self, quote: char) -> Result<Token, Wrong> {
        let started = self.line;
        self.bump();
        let mut word = String::new();
        loop {
            let Some(c) = self.peek() else {
                return Err((
                    started,
                    format!("the quote {quote} that opens here is never closed"),
                ));
            };
            self.bump();
            match c {
                '\\' => self.escaped(&mut word),
                c if c == quote => break,
                c => word.push(c),
            }
        }
        match self.peek() {
            None | Some(' ' | '\t' | '\r' | '\n' | ';' | '{' | ')') => {
                Ok(Token::Word(word, started))
            }
            Some(c) => {
                let c = shown(&c.to_string());
                Err((self.line, format!("`{c}` right after a closing quote: put a blank between")))
            }
        }
    }

    /// What a backslash and the character after it stand for.
    fn escaped(&mut self, word: &mut String) {
        let Some(c) = self.peek() else {
            word.push('\\');
            return;
        };
        self.bump();
        match c {
            '"' | '\'' | '\\' => word.push(c),
            't' => word.push('\t'),
            'r' => word.push('\r'),
            'n' => word.push('\n'),
            c => word.extend(['\\', c]),
        }
    }

    /// Passes over a block of Lua whose brace is open: braces in its strings and comments count
    /// for nothing.
    fn skip_lua(&mut self) -> Result<(), Wrong> {
        let started = self.line;
        let mut depth = 1_usize;
        while depth > 0 {
            let Some(c) = self.peek() else {
                return Err((
                    started,
                    "the block of Lua that opens here is never closed".to_owned(),
                ));
            };
            let bracket = self.rest.trim_start_matches('-');
            match c {
                '-' if self.rest.starts_with("--") => match long_bracket(bracket) {
                    Some(end) => self.skip_past(&end),
                    None => self.skip_line(),
                },
                '[' => match long_bracket(self.rest) {
                    Some(end) => self.skip_past(&end),
                    None => self.bump(),
                },
                '"' | '\'' => self.skip_lua_string(c),
                '{' | '}' => {
                    self.bump();
                    depth = if c == '{' { depth + 1 } else { depth - 1 };
                }
                _ => self.bump(),
            }
        }
        Ok(())
    }

    fn skip_lua_string(&mut self, quote: char) {
        self.bump();
        while let Some(c) = self.peek() {
            self.bump();
            match c {
                '\\' => self.bump(),
                // A string does not go on over the end of a line; it is Lua's to complain.
                '\n' => return,
                c if c == quote => return,
                _ => {}
            }
        }
    }

    fn skip_past(&mut self, end: &str) {
        let (skipped, rest) = self.rest.split_once(end).unwrap_or((self.rest, ""));
        self.line += skipped.matches('\n').count();
        self.rest = rest;
    }

    fn skip_line(&mut self) {
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

/// How the long bracket of Lua that a text begins with ends: `]]`, `]=]`, and so on.
fn long_bracket(text: &str) -> Option<String> {
    let inner = text.strip_prefix('[')?;
    let level = inner.len() - inner.trim_start_matches('=').len();
    inner.trim_start_matches('=').starts_with('[').then(|| format!("]{}]", "=".repeat(level)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<Directive>, String> {
        let file = Arc::from("f");
        parse(text, &file, &mut Budget::default()).map_err(|fault| fault.to_string())
    }

    /// Writes the directives of a text in one way: words in brackets, lines before names.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        fn written(directives: &[Directive]) -> String {
            let one = |directive: &Directive| {
                let words: String = directive.args.iter().map(|arg| format!("[{arg}]")).collect();
                let block = directive.block.as_deref();
                let block = block.map(|block| format!("{{{}}}", written(block)));
                let line = directive.place.line;
                format!("{line}:{}{words}{}", directive.name, block.unwrap_or_default())
            };
            directives.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        let found = read(text).map_or_else(|fault| fault, |directives| written(&directives));
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn words_quotes_and_escapes() {
        check("a b c;", "1:a[b][c]");
        check("a\n  b;\nc d\ne;", "1:a[b] 3:c[d][e]");
        check(r#"a "b c" 'd "e"' "f \"g\"";"#, r#"1:a[b c][d "e"][f "g"]"#);
        check("a \"\";", "1:a[]");
        check("a b#c # d ;\n;", "1:a[b#c]");
        check("a ${b}c $d{e;}", "1:a[${b}c][$d]{1:e}");
        check(r"a \.b \;c d\{2};", r"1:a[\.b][\;c][d\{2}]");
        check("a \"x\ny\";\nb;", "1:a[x\ny] 3:b");
        check(";;", "");
    }

    #[test]
    fn blocks_nest() {
        check("a{b{c;}d;}e;", "1:a{1:b{1:c} 1:d} 1:e");
        check("if ($a = \"b\") { c; }", "1:if[($a][=][b][)]{1:c}");
        check("map $a $b {\n \"~^x{2}\" 1;\n}", "1:map[$a][$b]{2:~^x{2}[1]}");
    }

    #[test]
    fn lua_is_passed_over() {
        check(
            "access_by_lua_block {\n if x == \"}\" then -- }\n --[[ } ]] y = {1} z = [=[ }]] ]=]\n end\n}\na;",
            "1:access_by_lua_block{} 6:a",
        );
        check("x_by_lua_block { '\\'}' }", "1:x_by_lua_block{}");
        check("x_by_lua_block {\n {", "f:1: the block of Lua that opens here is never closed");
    }

    #[test]
    fn what_nginx_refuses_is_refused_with_its_line() {
        check("a;\nb {", "f:2: the block of `b` has no `}`");
        check("a;\n}", "f:2: a `}` that closes nothing: remove it");
        check("a;\n{ }", "f:2: a `{` without a directive before it");
        check("a {\n b\n}", "f:2: the directive `b` has no `;`");
        check("a\nb", "f:1: the directive `a` has no `;`");
        check("a;\n'b", "f:2: the quote ' that opens here is never closed");
        check("a 'b'c;", "f:1: `c` right after a closing quote: put a blank between");
        check(&"a{".repeat(65), "f:1: more than 64 blocks in each other");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_mixture_of_its_characters_makes_it_panic(text in "[a{};\"'\\\\#$ \n\\[\\]=-]{0,60}") {
            let _ = read(&text);
            let _ = read(&format!("a_by_lua_block {{ {text}"));
        }
    }
}
