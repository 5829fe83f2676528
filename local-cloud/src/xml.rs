//! Reading the emulator's XML answers, and changing some elements of them.
//!
//! The answers are edited in place: whatever the companion does not know about passes through
//! byte for byte.

use std::ops::Range;

use anyhow::{Context as _, Result};
use roxmltree::{Document, Node};

use crate::wire::escape;

/// Reads a document; AWS's answers have no document type.
pub(crate) fn parse(text: &str) -> Result<Document<'_>> {
    Document::parse(text).context("not XML")
}

/// The first child element of that name.
pub(crate) fn child<'a, 'd>(node: Node<'a, 'd>, name: &str) -> Option<Node<'a, 'd>> {
    node.children()
        .find(|child| child.tag_name().name() == name)
}

/// The text of the first child element of that name, or nothing.
pub(crate) fn text<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    child(node, name)
        .and_then(|child| child.text())
        .unwrap_or_default()
}

/// The `member` elements of the first list of that name, anywhere in the document.
pub(crate) fn members<'a, 'd>(document: &'a Document<'d>, list: &str) -> Vec<Node<'a, 'd>> {
    document
        .descendants()
        .find(|node| node.tag_name().name() == list)
        .into_iter()
        .flat_map(|list| {
            list.children()
                .filter(|node| node.tag_name().name() == "member")
        })
        .collect()
}

/// The text of the first element of that name, anywhere in the document.
pub(crate) fn find(document: &str, name: &str) -> Option<String> {
    let parsed = Document::parse(document).ok()?;
    let node = parsed
        .descendants()
        .find(|node| node.tag_name().name() == name)?;
    node.text().map(str::to_owned)
}

/// Changes to a document, by position; applied all at once.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    changes: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Sets the text of a child element, which is added when it is missing.
    pub(crate) fn set(&mut self, node: Node<'_, '_>, name: &str, value: &str) {
        let element = format!("<{name}>{}</{name}>", escape(value));
        self.put(node, name, element);
    }

    /// Puts a whole element in the place of the child element of that name.
    pub(crate) fn put(&mut self, node: Node<'_, '_>, name: &str, element: String) {
        if let Some(old) = child(node, name) {
            self.changes.push((old.range(), element));
        } else {
            // `</member>` has a fixed length: the end of the node's content.
            let end = node.range().end - format!("</{}>", node.tag_name().name()).len();
            self.changes.push((end..end, element));
        }
    }

    /// Removes an element.
    pub(crate) fn remove(&mut self, node: Node<'_, '_>) {
        self.changes.push((node.range(), String::new()));
    }

    /// Adds text at a position of the document.
    pub(crate) fn insert(&mut self, at: usize, text: String) {
        self.changes.push((at..at, text));
    }

    /// The changed document.
    pub(crate) fn apply(mut self, text: &str) -> String {
        self.changes
            .sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = String::with_capacity(text.len());
        let mut position = 0;
        for (range, replacement) in self.changes {
            // What lies inside something that was removed already is gone with it.
            if range.start < position {
                continue;
            }
            out.push_str(&text[position..range.start]);
            out.push_str(&replacement);
            position = range.end;
        }
        out.push_str(&text[position..]);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_set_added_and_removed_and_the_rest_stays() {
        let text = "<A xmlns='x'><L><member><B>1</B><C/></member><member><B>2</B></member></L></A>";
        let document = parse(text).expect("xml");
        let list = members(&document, "L");
        let mut edits = Edits::default();
        edits.set(list[0], "B", "<");
        edits.set(list[0], "D", "new");
        edits.remove(list[1]);
        let expected = "<A xmlns='x'><L><member><B>&lt;</B><C/><D>new</D></member></L></A>";
        assert_eq!(edits.apply(text), expected);
    }
}
