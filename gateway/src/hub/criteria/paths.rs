//! What the criteria of a shard ask for in data: all their paths, as one tree.

use hashbrown::HashMap;
use slab::Slab;

use super::Step;

type Map<K> = HashMap<K, u32, foldhash::fast::RandomState>;

/// The number of the node that data themselves are.
const ROOT: u32 = 0;

/// A place in data that some path leads to, or through.
#[derive(Default)]
pub(super) struct Node {
    /// Nodes further on, by the name of an object's part.
    names: Map<Box<[u8]>>,
    /// Nodes further on, by the place in a list.
    indices: Map<u32>,
    /// Paths that lead here, or on from here.
    holders: usize,
}

/// All paths that are held. A node keeps its number while a path leads through it; then another may get it.
pub(super) struct Paths {
    nodes: Slab<Node>,
    grown: u64,
}

impl Default for Paths {
    fn default() -> Self {
        let mut nodes = Slab::new();
        nodes.insert(Node::default()); // ROOT
        Self { nodes, grown: 0 }
    }
}

impl Paths {
    /// How often there have been new nodes: what was read of data before that knows nothing of them.
    pub(super) fn grown(&self) -> u64 {
        self.grown
    }

    /// The node that data themselves are.
    pub(super) fn root(&self) -> &Node {
        self.node(ROOT)
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    /// One more holder of a path. Answers the numbers of its nodes; [`ROOT`] is left out.
    pub(super) fn hold(&mut self, steps: &[Step]) -> Box<[u32]> {
        let mut at = ROOT;
        let further = steps.iter().map(|step| {
            at = self.node(at).further(step).unwrap_or_else(|| self.grow(at, step));
            self.nodes[at as usize].holders += 1;
            at
        });
        further.collect()
    }

    fn grow(&mut self, from: u32, step: &Step) -> u32 {
        let number = self.nodes.insert(Node::default()) as u32;
        let from = &mut self.nodes[from as usize];
        match step {
            Step::Name(name) => from.names.insert(name.as_bytes().into(), number),
            Step::Index(index) => from.indices.insert(*index, number),
        };
        self.grown += 1;
        number
    }

    /// One holder less of the path that has these `nodes`.
    pub(super) fn release(&mut self, steps: &[Step], nodes: &[u32]) {
        for (place, (number, step)) in nodes.iter().zip(steps).enumerate() {
            let node = &mut self.nodes[*number as usize];
            node.holders -= 1;
            if node.holders > 0 {
                continue;
            }
            self.nodes.remove(*number as usize);
            // The node before it may be gone already.
            let before = place.checked_sub(1).map_or(ROOT, |place| nodes[place]);
            if let Some(before) = self.nodes.get_mut(before as usize) {
                match step {
                    Step::Name(name) => before.names.remove(name.as_bytes()),
                    Step::Index(index) => before.indices.remove(index),
                };
            }
        }
    }
}

impl Node {
    fn further(&self, step: &Step) -> Option<u32> {
        match step {
            Step::Name(name) => self.named(name.as_bytes()),
            Step::Index(index) => self.at(*index),
        }
    }

    /// The node of an object's part.
    pub(super) fn named(&self, name: &[u8]) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The node of a list's part.
    pub(super) fn at(&self, index: u32) -> Option<u32> {
        self.indices.get(&index).copied()
    }

    /// Whether it matters what is in an object here.
    pub(super) fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// How many places of a list matter here.
    pub(super) fn indices(&self) -> usize {
        self.indices.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(names: &[&str]) -> Vec<Step> {
        names.iter().map(|name| Step::Name((*name).into())).collect()
    }

    #[test]
    fn paths_share_their_beginning_and_go_with_their_last_holder() {
        let mut paths = Paths::default();
        let (long, short) = (steps(&["a", "b", "c"]), steps(&["a", "b"]));
        let first = paths.hold(&long);
        let second = paths.hold(&short);
        assert_eq!((first.len(), &first[..2]), (3, &second[..]));
        assert_eq!((paths.nodes.len(), paths.grown()), (4, 3));
        let again = paths.hold(&long);
        assert_eq!((&again, paths.grown()), (&first, 3));
        paths.release(&long, &first);
        paths.release(&long, &again);
        assert_eq!(paths.nodes.len(), 3, "the short one is held");
        paths.release(&short, &second);
        assert_eq!(paths.nodes.len(), 1);
        assert!(!paths.root().has_names());
    }

    #[test]
    fn a_node_that_gets_a_number_again_is_a_new_one() {
        let mut paths = Paths::default();
        let a = paths.hold(&steps(&["a"]));
        let grown = paths.grown();
        paths.release(&steps(&["a"]), &a);
        let b = paths.hold(&[Step::Index(7)]);
        assert_eq!(a, b);
        assert!(paths.grown() > grown);
        assert_eq!((paths.root().named(b"a"), paths.root().at(7)), (None, Some(b[0])));
    }
}
