//! A shard's sessions by slot.

use std::rc::Rc;

use slab::Slab;

use super::super::directory::Slot;

/// Slots and their tenants.
pub(super) struct Guests<G> {
    slots: Slab<(u32, Rc<G>)>,
    /// Grows with each session, so that no two tenants of a slot have the same.
    generation: u32,
}

impl<G> Default for Guests<G> {
    fn default() -> Self {
        Self { slots: Slab::new(), generation: 0 }
    }
}

impl<G> Guests<G> {
    pub(super) fn insert(&mut self, shard: u16, guest: Rc<G>) -> Slot {
        self.generation = self.generation.wrapping_add(1);
        let index = self.slots.insert((self.generation, guest)) as u32;
        Slot { shard, index, generation: self.generation }
    }

    pub(super) fn get(&self, slot: Slot) -> Option<Rc<G>> {
        let (generation, guest) = self.slots.get(slot.index as usize)?;
        (*generation == slot.generation).then(|| Rc::clone(guest))
    }

    pub(super) fn at(&self, index: u32) -> Option<Rc<G>> {
        self.slots.get(index as usize).map(|(_, guest)| Rc::clone(guest))
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if self.slots.get(slot.index as usize).is_some_and(|(g, _)| *g == slot.generation) {
            self.slots.remove(slot.index as usize);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Rc<G>> {
        self.slots.iter().map(|(_, (_, guest))| guest)
    }
}
