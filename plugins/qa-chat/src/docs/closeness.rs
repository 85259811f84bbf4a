//! How much of a question a passage speaks of in one place: words that are far from each other are about different things.

use std::collections::{HashMap, HashSet};

/// Words that make a place.
const PLACE: u32 = 60;

/// The numbers of stems, and how many passages have each.
#[derive(Default)]
pub(super) struct Lexicon {
    numbers: HashMap<String, u32>,
    counts: Vec<u32>,
}

/// The words of a passage, by their numbers.
pub(super) struct Spoken {
    /// Of its text each with its position, sorted.
    text: Box<[(u32, u32)]>,
    /// Its headings and its file's path: they stand over all of it. Sorted.
    over: Box<[u32]>,
}

/// A word that is looked for.
pub(super) struct Wanted {
    /// How much it says.
    pub(super) weight: f32,
    /// The stems that will do, where documents have them, each with how much it counts, 0–1.
    pub(super) stems: Vec<(u32, f32)>,
}

impl Lexicon {
    /// Takes the words of a passage in.
    pub(super) fn take(&mut self, text: Vec<String>, over: Vec<String>) -> Spoken {
        let mut text: Vec<_> = (0..).zip(text).map(|(position, stem)| (self.add(stem), position)).collect();
        text.sort_unstable();
        let mut over: Vec<_> = over.into_iter().map(|stem| self.add(stem)).collect();
        over.sort_unstable();
        over.dedup();
        let numbers = text.iter().map(|(number, _)| number).chain(&over);
        for number in numbers.collect::<HashSet<_>>() {
            self.counts[*number as usize] += 1;
        }
        Spoken { text: text.into(), over: over.into() }
    }

    fn add(&mut self, stem: String) -> u32 {
        let next = self.counts.len() as u32;
        let number = *self.numbers.entry(stem).or_insert(next);
        if number == next {
            self.counts.push(0);
        }
        number
    }

    pub(super) fn number(&self, stem: &str) -> Option<u32> {
        self.numbers.get(stem).copied()
    }

    /// How many passages have it.
    pub(super) fn count(&self, number: u32) -> u32 {
        self.counts.get(number as usize).copied().unwrap_or(0)
    }
}

impl Spoken {
    /// How much of what is wanted its best place speaks of, 0–1.
    pub(super) fn coverage(&self, wanted: &[Wanted]) -> f32 {
        let all: f32 = wanted.iter().map(|word| word.weight).sum();
        let over: Vec<f32> = wanted.iter().map(|word| self.counts_over(word)).collect();
        let found = self.places(wanted);
        let mut best = covered(wanted, &over);
        for (at, (begin, ..)) in found.iter().enumerate() {
            let mut place = over.clone();
            for (_, word, counts) in found[at..].iter().take_while(|(position, ..)| position - begin <= PLACE)
            {
                place[*word] = place[*word].max(*counts);
            }
            best = best.max(covered(wanted, &place));
        }
        if all > 0.0 { best / all } else { 0.0 }
    }

    fn counts_over(&self, word: &Wanted) -> f32 {
        let there = word.stems.iter().filter(|(number, _)| self.over.binary_search(number).is_ok());
        there.map(|(_, counts)| *counts).fold(0.0, f32::max)
    }

    /// Where in the text something wanted stands, in order: its position, which word of the wanted it is, and how much it counts.
    fn places(&self, wanted: &[Wanted]) -> Vec<(u32, usize, f32)> {
        let mut places = Vec::new();
        for (word, stems) in wanted.iter().map(|word| &word.stems).enumerate() {
            for (number, counts) in stems {
                let begin = self.text.partition_point(|(other, _)| other < number);
                let here = self.text[begin..].iter().take_while(|(other, _)| other == number);
                places.extend(here.map(|(_, position)| (*position, word, *counts)));
            }
        }
        places.sort_unstable_by_key(|(position, ..)| *position);
        places
    }
}

fn covered(wanted: &[Wanted], counts: &[f32]) -> f32 {
    wanted.iter().zip(counts).map(|(word, counts)| word.weight * counts).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_stands_together_counts_and_what_is_over_it_stands_with_everything() {
        let mut lexicon = Lexicon::default();
        let spoken = lexicon
            .take(stems(&format!("rotate secret {} token", "x ".repeat(PLACE as usize))), stems("auth"));
        let coverage = |words: &[&str]| {
            let wanted = words.iter().map(|word| Wanted {
                weight: 1.0,
                stems: lexicon.number(word).map(|number| (number, 1.0)).into_iter().collect(),
            });
            spoken.coverage(&wanted.collect::<Vec<_>>())
        };
        assert_eq!(coverage(&["rotate", "secret"]), 1.0);
        assert_eq!(coverage(&["rotate", "token"]), 0.5, "they are too far from each other");
        assert_eq!(coverage(&["token", "auth"]), 1.0);
        assert_eq!(coverage(&["auth", "windows"]), 0.5);
        assert_eq!(coverage(&[]), 0.0);
    }

    #[test]
    fn it_is_counted_in_how_many_passages_a_word_is() {
        let mut lexicon = Lexicon::default();
        for (text, over) in [("a a b", "a"), ("a", ""), ("", "a c")] {
            lexicon.take(stems(text), stems(over));
        }
        let count = |stem| lexicon.number(stem).map(|number| lexicon.count(number));
        assert_eq!((count("a"), count("b"), count("d")), (Some(3), Some(1), None));
    }
}
