//! Credentials that did not hold, by the reason.

use super::Total;
use crate::identity::Refusal;

/// A count for each reason.
#[derive(Debug, Default)]
pub struct Refusals([Total; Refusal::ALL.len()]);

impl Refusals {
    /// One more.
    pub fn count(&self, refusal: Refusal) {
        self.0[refusal as usize].add(1);
    }

    /// All counts, by the reasons' names.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.into_iter().map(|refusal| (refusal.name(), self.0[refusal as usize].get()))
    }
}
