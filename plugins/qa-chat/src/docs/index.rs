//! The full-text index over passages, in memory. One is built whole and then only read; changed documents get another.

use std::hash::{DefaultHasher, Hash, Hasher};

use tantivy::collector::TopDocs;
use tantivy::directory::RamDirectory;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::TokenizerManager;
use tantivy::{ReloadPolicy, Searcher, TantivyDocument, TantivyError, Term};

use super::passage::Passage;
use super::words::Words;

/// What the analyser of all fields is called.
const ANALYSER: &str = "words";
/// Bytes that a document being indexed may take before tantivy begins another segment; there is one alone.
const MEMORY: usize = 256 << 20;
/// Passages that are compared closely.
const CANDIDATES: usize = 40;
/// How much the other fields count beside that in which a word counts most.
const TIE: f32 = 0.3;
/// How much more a word in a heading, or in the file's path, counts than one in the text.
const HEADING: f32 = 2.2;
const FILE: f32 = 2.0;
/// Passages of one file among the first, at most, so that a second file is seen where there is one.
const OF_ONE_FILE: usize = 2;

/// How much a word says at most: one that is rare, or nowhere, may be only another word for one that is there.
const HEAVIEST: f32 = 4.0;

/// See the module's documentation.
pub(crate) struct Index {
    /// By the number that tantivy gives to a document: its place in the order in which it was added.
    passages: Vec<Passage>,
    /// The words of each, as sorted numbers.
    vocabularies: Vec<Box<[u64]>>,
    searcher: Searcher,
    words: Words,
    fields: Fields,
}

#[derive(Clone, Copy)]
struct Fields {
    text: Field,
    heading: Field,
    file: Field,
}

/// A passage that was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit<'a> {
    pub(crate) passage: &'a Passage,
    /// How good it is beside the others; compares within one search alone.
    pub(crate) score: f32,
    /// How much of the question it speaks of, 0–1: rare words, and those that are nowhere, weigh more.
    pub(crate) coverage: f32,
}

impl Index {
    /// Over these passages.
    ///
    /// # Errors
    /// What tantivy says.
    pub(crate) fn build(passages: Vec<Passage>) -> Result<Self, TantivyError> {
        let words = Words::default();
        let (schema, fields) = schema();
        let analysers = TokenizerManager::new();
        analysers.register(ANALYSER, words.analyser());
        let builder = tantivy::Index::builder().schema(schema).tokenizers(analysers);
        let mut writer =
            builder.single_segment_index_writer::<TantivyDocument>(RamDirectory::create(), MEMORY)?;
        for passage in &passages {
            let mut document = TantivyDocument::new();
            document.add_text(fields.text, &passage.text);
            document.add_text(fields.heading, &passage.heading);
            document.add_text(fields.file, &*passage.file);
            writer.add_document(document)?;
        }
        let vocabularies = passages.iter().map(|passage| vocabulary(&words, passage)).collect();
        let reader = writer.finalize()?.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { passages, vocabularies, searcher: reader.searcher(), words, fields })
    }

    /// How many passages there are.
    pub(crate) fn len(&self) -> usize {
        self.passages.len()
    }

    /// The best passages for a question, at most `most`, the best first.
    ///
    /// # Errors
    /// What tantivy says.
    pub(crate) fn search(&self, question: &str, most: usize) -> Result<Vec<Hit<'_>>, TantivyError> {
        let terms = self.words.of_question(question);
        if terms.is_empty() {
            return Ok(Vec::new());
        }
        let weighed = terms.into_iter().map(|term| Ok((self.weight(&term)?, term)));
        let weighed: Vec<(f32, String)> = weighed.collect::<Result<_, TantivyError>>()?;
        let query = BooleanQuery::union(weighed.iter().map(|(_, term)| self.query(term)).collect());
        let found = self.searcher.search(&query, &TopDocs::with_limit(CANDIDATES).order_by_score())?;
        let hits = found.into_iter().filter_map(|(score, place)| {
            let number = place.doc_id as usize;
            let (passage, vocabulary) = (self.passages.get(number)?, self.vocabularies.get(number)?);
            let coverage = coverage(vocabulary, &weighed);
            Some(Hit { passage, score: score * (0.4 + 0.6 * coverage), coverage })
        });
        let mut hits: Vec<_> = hits.collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(mixed(hits, most))
    }

    fn query(&self, term: &str) -> Box<dyn Query> {
        let Fields { text, heading, file } = self.fields;
        let fields = [(text, 1.0), (heading, HEADING), (file, FILE)];
        let one = |(field, boost)| -> Box<dyn Query> {
            let query = TermQuery::new(Term::from_field_text(field, term), IndexRecordOption::WithFreqs);
            Box::new(BoostQuery::new(Box::new(query), boost))
        };
        Box::new(DisjunctionMaxQuery::with_tie_breaker(fields.map(one).into(), TIE))
    }

    /// How much a word of a question says: as in BM25, the rarer the more.
    fn weight(&self, term: &str) -> Result<f32, TantivyError> {
        let Fields { text, heading, file } = self.fields;
        let mut count = 0;
        for field in [text, heading, file] {
            count = count.max(self.searcher.doc_freq(&Term::from_field_text(field, term))?);
        }
        let (all, count) = (self.passages.len() as f32, count as f32);
        Ok((1.0 + (all - count + 0.5).max(0.0) / (count + 0.5)).ln().min(HEAVIEST))
    }
}

/// How much of what is asked for is among these words.
fn coverage(vocabulary: &[u64], weighed: &[(f32, String)]) -> f32 {
    let is_there = |term: &str| vocabulary.binary_search(&number(term)).is_ok();
    let all: f32 = weighed.iter().map(|(weight, _)| weight).sum();
    let covered: f32 = weighed.iter().filter(|(_, term)| is_there(term)).map(|(weight, _)| weight).sum();
    if all > 0.0 { covered / all } else { 0.0 }
}

fn vocabulary(words: &Words, passage: &Passage) -> Box<[u64]> {
    let texts = [&passage.text, &passage.heading, &*passage.file];
    let mut numbers: Vec<_> =
        texts.into_iter().flat_map(|text| words.of_text(text)).map(|word| number(&word)).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers.into_boxed_slice()
}

fn number(word: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    word.hash(&mut hasher);
    hasher.finish()
}

fn schema() -> (Schema, Fields) {
    let indexing =
        TextFieldIndexing::default().set_tokenizer(ANALYSER).set_index_option(IndexRecordOption::WithFreqs);
    let options = TextOptions::default().set_indexing_options(indexing);
    let mut schema = Schema::builder();
    let [text, heading, file] =
        ["text", "heading", "file"].map(|name| schema.add_text_field(name, options.clone()));
    (schema.build(), Fields { text, heading, file })
}

/// The first `most`, not too many of one file unless there is nothing else.
fn mixed(hits: Vec<Hit<'_>>, most: usize) -> Vec<Hit<'_>> {
    let (mut first, mut rest): (Vec<Hit<'_>>, Vec<_>) = (Vec::new(), Vec::new());
    for hit in hits {
        let of_this_file = first.iter().filter(|other| other.passage.file == hit.passage.file).count();
        if of_this_file < OF_ONE_FILE { first.push(hit) } else { rest.push(hit) }
    }
    first.extend(rest);
    first.truncate(most);
    first
}
