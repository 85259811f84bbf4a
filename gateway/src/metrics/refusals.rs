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

    /// All counts, by the reasons' names; whoever has shown nothing is counted among the answers.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let shown = Refusal::ALL.into_iter().filter(|refusal| *refusal != Refusal::Missing);
        shown.map(|refusal| (refusal.name(), self.0[refusal as usize].get()))
    }
}
