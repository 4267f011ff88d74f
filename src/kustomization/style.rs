//! How the existing entries are written, so that new text looks like them.

use super::{image::ImageKey, image_list::ImageItem};
use crate::yaml::{
    quoting::render,
    tree::{Quoting, SpannedNode},
};

#[derive(Clone, Copy, Debug)]
pub struct EntryStyle {
    pub key: Quoting,
    pub value: Quoting,
    pub flow: bool,
}

impl EntryStyle {
    pub fn of_item(item: &ImageItem<'_>) -> Self {
        let quoting = |node: &SpannedNode| node.scalar().map_or(Quoting::Plain, |(_, quoting)| quoting);
        let value = item.pair(ImageKey::Name).map_or(Quoting::Plain, |pair| quoting(&pair.value));
        let key = item.pairs.first().map_or(Quoting::Plain, |(_, pair)| quoting(&pair.key));
        let value = if value == Quoting::Block { Quoting::Plain } else { value };
        Self { key, value, flow: item.flow }
    }

    pub fn pair(self, key: &str, value: &str) -> String {
        format!("{}: {}", render(key, self.key, self.flow), render(value, self.value, self.flow))
    }
}
