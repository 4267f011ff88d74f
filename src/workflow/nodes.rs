//! The nodes of a workflow file, with aliases resolved. GitHub accepts anchors and aliases, and no merge keys. Pure.

use std::collections::BTreeMap;

use crate::yaml::tree::{Content, SpannedNode, SpannedPair};

/// Looks up nodes of one document.
#[derive(Debug)]
pub struct WorkflowNodes<'a> {
    anchors: BTreeMap<usize, &'a SpannedNode>,
}

impl<'a> WorkflowNodes<'a> {
    #[must_use]
    pub fn new(root: &'a SpannedNode) -> Self {
        let mut nodes = Self { anchors: BTreeMap::new() };
        nodes.collect_anchors(root);
        nodes
    }

    fn collect_anchors(&mut self, node: &'a SpannedNode) {
        if node.anchor != 0 {
            self.anchors.insert(node.anchor, node);
        }
        match &node.content {
            Content::List { items, .. } => items.iter().for_each(|item| self.collect_anchors(item)),
            Content::Map { pairs, .. } => pairs.iter().for_each(|pair| self.collect_anchors(&pair.value)),
            Content::Scalar { .. } | Content::Alias(_) => {}
        }
    }

    /// The node, or the one that it is an alias of.
    #[must_use]
    pub fn resolve(&self, node: &'a SpannedNode) -> &'a SpannedNode {
        match &node.content {
            Content::Alias(anchor) => self.anchors.get(anchor).copied().unwrap_or(node),
            _ => node,
        }
    }

    /// The pairs of a mapping; none for other nodes.
    #[must_use]
    pub fn pairs(&self, node: &'a SpannedNode) -> &'a [SpannedPair] {
        match &self.resolve(node).content {
            Content::Map { pairs, .. } => pairs,
            _ => &[],
        }
    }

    /// The items of a list; none for other nodes.
    #[must_use]
    pub fn items(&self, node: &'a SpannedNode) -> &'a [SpannedNode] {
        match &self.resolve(node).content {
            Content::List { items, .. } => items,
            _ => &[],
        }
    }

    /// The pair of a mapping with this key.
    #[must_use]
    pub fn field(&self, node: &'a SpannedNode, name: &str) -> Option<&'a SpannedPair> {
        self.pairs(node).iter().find(|pair| self.text(&pair.key) == Some(name))
    }

    /// The text of a single value.
    #[must_use]
    pub fn text(&self, node: &'a SpannedNode) -> Option<&'a str> {
        self.resolve(node).scalar().map(|(text, _)| text)
    }
}
