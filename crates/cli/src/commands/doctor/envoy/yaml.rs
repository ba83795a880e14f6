//! YAML, and with it JSON, as a tree that knows its lines.
//!
//! Only what Envoy reads of it: the first document, aliases put in place, scalars as their text.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, Span};

use crate::commands::doctor::finding::{Fault, Place};
use crate::commands::doctor::reading::Budget;

/// How deep lists and maps may lie in each other.
const DEPTH_MAX: usize = 128;

/// A value and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) line: usize,
    value: Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key of a map, where it stands, and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) node: Node,
}

static EMPTY_ENTRIES: [Entry; 0] = [];
static EMPTY_ITEMS: [Node; 0] = [];

impl Node {
    /// A member of a map, by its name in the API. `failureModeAllow` is `failure_mode_allow`, as
    /// the JSON form of protocol buffers has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entry(name).map(|entry| &entry.node)
    }

    /// The same, with the line of the key.
    pub(crate) fn entry(&self, name: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| is_called(&entry.key, name))
    }

    /// A member of a member, and so on.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, name| node.get(name))
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        if let Value::Map(entries) = &self.value { entries } else { &EMPTY_ENTRIES }
    }

    pub(crate) fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &EMPTY_ITEMS }
    }

    /// The text of a scalar; empty for everything else.
    pub(crate) fn text(&self) -> &str {
        if let Value::Text(text) = &self.value { text } else { "" }
    }

    /// The text of a member; empty when there is none.
    pub(crate) fn text_of(&self, name: &str) -> &str {
        self.get(name).map_or("", Self::text)
    }

    /// Whether a member is `true`.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.text_of(name).eq_ignore_ascii_case("true")
    }

    /// This and everything in it, in the order of the text.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Self> {
        let mut left = vec![self];
        std::iter::from_fn(move || {
            let node = left.pop()?;
            left.extend(node.entries().iter().rev().map(|entry| &entry.node));
            left.extend(node.items().iter().rev());
            Some(node)
        })
    }

    fn size(&self) -> usize {
        self.all().count()
    }
}

fn is_called(key: &str, name: &str) -> bool {
    let letters = |text| {
        let bytes = str::bytes(text).filter(|byte| *byte != b'_');
        bytes.map(|byte| byte.to_ascii_lowercase())
    };
    letters(key).eq(letters(name))
}

/// A list or a map that is not complete yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The key that waits for its value.
    key: Option<(String, usize)>,
}

/// Takes a text apart.
pub(crate) fn parse(text: &str, file: &Arc<str>, budget: &mut Budget) -> Result<Node, Fault> {
    let mut anchors: HashMap<usize, Node> = HashMap::new();
    let mut open: Vec<Open> = Vec::new();
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let at = |line| Place { file: Arc::clone(file), line };
        let (event, span) = event.map_err(|error| {
            Fault::at(&at(error.marker().line()), format!("is no YAML: {}", error.info()))
        })?;
        let line = line_of(&span);
        let too_long = || Fault::at(&at(line), "the configuration is too long to judge");
        if !budget.take_words(1) {
            return Err(too_long());
        }
        let (node, anchor) = match event {
            Event::Scalar(text, _, anchor, _) => {
                (Node { line, value: Value::Text(text.into_owned()) }, anchor)
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() >= DEPTH_MAX {
                    let message = format!("more than {DEPTH_MAX} values in each other");
                    return Err(Fault::at(&at(line), message));
                }
                let is_list = matches!(event, Event::SequenceStart(..));
                let value = if is_list { Value::List(Vec::new()) } else { Value::Map(Vec::new()) };
                open.push(Open { anchor, node: Node { line, value }, key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                (done.node, done.anchor)
            }
            Event::Alias(id) => {
                // An alias to what is still open has no value: YAML allows it, Envoy does not.
                let Some(node) = anchors.get(&id) else {
                    return Err(Fault::at(&at(line), "this alias stands for nothing"));
                };
                if !budget.take_words(node.size()) {
                    return Err(too_long());
                }
                (node.clone(), 0)
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => continue,
        };
        if anchor > 0 {
            if !budget.take_words(node.size()) {
                return Err(too_long());
            }
            anchors.insert(anchor, node.clone());
        }
        match open.last_mut() {
            Some(outer) => outer.add(node, line),
            // What comes after the first document is not Envoy's.
            None => return Ok(node),
        }
    }
    Err(Fault { place: file.to_string(), message: "is empty".to_owned() })
}

impl Open {
    fn add(&mut self, node: Node, line: usize) {
        match &mut self.node.value {
            Value::List(items) => items.push(node),
            Value::Map(entries) => match self.key.take() {
                None => self.key = Some((node.text().to_owned(), line)),
                Some((key, line)) => entries.push(Entry { key, line, node }),
            },
            Value::Text(_) => {}
        }
    }
}

fn line_of(span: &Span) -> usize {
    span.start.line().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        parse(text, &Arc::from("f"), &mut Budget::default()).map_err(|fault| fault.to_string())
    }

    #[test]
    fn values_know_their_lines() {
        let node = read("# head\na:\n  b: [x, 'y']\n  someKey: 1\nc: {d: \"e\"}\n").unwrap();
        let b = node.entry("a").unwrap().node.entry("b").unwrap();
        assert_eq!((b.line, b.node.line), (3, 3));
        let items: Vec<&str> = b.node.items().iter().map(Node::text).collect();
        assert_eq!(items, ["x", "y"]);
        assert_eq!(node.at(&["a", "some_key"]).unwrap().text(), "1");
        assert_eq!(node.at(&["c", "d"]).map(|d| (d.text(), d.line)), Some(("e", 5)));
        assert_eq!(node.get("none"), None);
        assert_eq!(node.text(), "");
    }

    #[test]
    fn json_is_yaml() {
        let node =
            read("{\n\t\"a\": {\"useRemoteAddress\": true},\n\t\"b\": [1, null]\n}").unwrap();
        assert!(node.get("a").unwrap().is_true("use_remote_address"));
        assert_eq!(node.get("b").unwrap().items().len(), 2);
    }

    #[test]
    fn aliases_stand_for_what_they_name() {
        let node = read("a: &x {b: c}\nd: *x\n---\ne: f\n").unwrap();
        assert_eq!(node.at(&["d", "b"]).unwrap().text(), "c");
        assert_eq!(node.get("e"), None);
        let bomb: String = (1..12)
            .map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(8)))
            .collect();
        let bomb = format!("a0: &a0 x\n{bomb}");
        assert!(read(&bomb).unwrap_err().contains("too long to judge"));
        assert_eq!(read("a: &x [*x]").unwrap_err(), "f:1: this alias stands for nothing");
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_line() {
        assert!(read("a: b\nc: [").unwrap_err().contains("is no YAML"));
        assert!(read("a: [b\nc: d").unwrap_err().starts_with("f:2: is no YAML: "));
        assert_eq!(read("").unwrap_err(), "f: is empty");
        assert!(read(&"[".repeat(200)).unwrap_err().contains("more than 128 values"));
        assert!(read(&"- ".repeat(200)).unwrap_err().contains("more than 128 values"));
        assert!(read(&"[".repeat(500_000)).is_err());
        assert!(read(&"? ".repeat(200_000)).is_err());
        assert!(read(&"{a: ".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = read(&text);
        }

        #[test]
        fn no_mixture_of_its_characters_makes_it_panic(
            text in "[a:?&*!|>%@{}\\[\\],#'\"\\\\ \n\t~-]{0,60}"
        ) {
            let _ = read(&text);
        }
    }
}
