//! The back end `docs`: answers from documentation, with the places where it stands, or says that it found nothing.

mod closeness;
mod compose;
mod index;
mod passage;
mod source;
mod words;

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tidegate_plugin::{Error, Host, Result};

use crate::backend::{Failure, Piece, Whole};
use crate::settings;

use index::Index;
use source::{Listing, SHIPPED};

/// Passages of documents at most.
const MOST_PASSAGES: usize = 100_000;

/// Documents that questions are answered from. A handle: clones share them.
#[derive(Clone)]
pub(crate) struct Library(Rc<Shared>);

struct Shared {
    settings: settings::Docs,
    /// What answers say that they are from.
    title: String,
    state: RefCell<State>,
}

struct State {
    index: Arc<Index>,
    /// Of a folder: what it looked like.
    listing: Listing,
    /// Why the folder cannot be read any more; for the operator.
    trouble: Option<String>,
}

/// Where something stands.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
pub(crate) struct Citation {
    /// The document's path.
    pub(crate) file: String,
    /// The headings over it, the outermost first; empty: none.
    pub(crate) heading: String,
    /// The line that it begins in, from 1.
    pub(crate) line: usize,
}

/// What documents say to a question.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The passages, the best first.
    pub(crate) passages: Vec<(Citation, String)>,
    /// How much of the question they speak of, 0–1.
    pub(crate) confidence: f64,
}

impl Library {
    /// Indexes the documents, and begins to watch their folder; that ends with the plugin.
    ///
    /// # Errors
    /// Where the folder cannot be read, for the operator.
    pub(crate) async fn open(host: &Host, settings: settings::Docs) -> Result<Self> {
        let folder = settings.path.clone();
        let (listing, index) = blocking(move || load(folder.as_deref())).await?.map_err(Error::invalid)?;
        let title = settings.title();
        report(host, &title, &listing, &index);
        let state = State { index: Arc::new(index), listing, trouble: None };
        let library = Self(Rc::new(Shared { settings, title, state: RefCell::new(state) }));
        if let Some(folder) = library.0.settings.path.clone() {
            tokio::task::spawn_local(library.clone().watch(host.clone(), folder));
        }
        Ok(library)
    }

    /// What answers say that they are from.
    pub(crate) fn title(&self) -> &str {
        &self.0.title
    }

    /// How many passages there are, and why the folder cannot be read, where it cannot.
    pub(crate) fn condition(&self) -> (usize, Option<String>) {
        let state = self.0.state.borrow();
        (state.index.len(), state.trouble.clone())
    }

    /// Looks for what a question asks for, on a thread where that holds up nobody. None where nothing is found.
    pub(crate) async fn find(&self, question: &str) -> Result<Option<Found>, Failure> {
        let index = Arc::clone(&self.0.state.borrow().index);
        let (question, settings) = (question.to_owned(), self.0.settings.clone());
        let found = blocking(move || compose::find(&index, &question, &settings)).await;
        found.map_err(|error| Failure::Broken(error.to_string()))?.map_err(Failure::Broken)
    }

    /// Answers a question.
    pub(crate) async fn answer(&self, question: &str) -> Result<Vec<Piece>, Failure> {
        let Some(found) = self.find(question).await? else {
            let text = format!("I found nothing about that in {}.", self.0.title);
            return Ok(vec![Piece::Text(text), Piece::End(self.end(0.0, &[]))]);
        };
        let mut pieces: Vec<_> = compose::texts(&found).into_iter().map(Piece::Text).collect();
        let citations: Vec<_> = found.passages.into_iter().map(|(citation, _)| citation).collect();
        pieces.push(Piece::End(self.end(found.confidence, &citations)));
        Ok(pieces)
    }

    fn end(&self, confidence: f64, citations: &[Citation]) -> Whole {
        let mut metadata = serde_json::Map::new();
        metadata.insert("citations".into(), json!(citations));
        Whole { tools_used: vec!["docs".into()], confidence: Some(confidence), metadata, ..Whole::default() }
    }

    async fn watch(self, host: Host, folder: PathBuf) {
        let mut ticks = tokio::time::interval(self.0.settings.poll);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(why) = self.look(&host, &folder).await {
                let news = self.0.state.borrow_mut().trouble.replace(why.clone()).as_ref() != Some(&why);
                if news {
                    host.log().warn(format_args!("docs.path: {why}; answers are from what was there before"));
                }
            }
        }
    }

    /// Indexes the folder anew where it has changed.
    async fn look(&self, host: &Host, folder: &Path) -> Result<(), String> {
        let (known, path) = (self.0.state.borrow().listing.clone(), folder.to_owned());
        let fresh = blocking(move || {
            let listing = Listing::of(&path)?;
            if listing == known { Ok(None) } else { read(listing, &path).map(Some) }
        });
        if let Some((listing, index)) = fresh.await.map_err(|error| error.to_string())?? {
            report(host, &self.0.title, &listing, &index);
            let mut state = self.0.state.borrow_mut();
            (state.index, state.listing) = (Arc::new(index), listing);
        }
        self.0.state.borrow_mut().trouble = None;
        Ok(())
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").field("title", &self.0.title).finish_non_exhaustive()
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}

/// The shipped documents, or those of a folder.
fn load(folder: Option<&Path>) -> Result<(Listing, Index), String> {
    match folder {
        Some(folder) => read(Listing::of(folder).map_err(|why| format!("docs.path: {why}"))?, folder),
        None => Ok((Listing::default(), index(SHIPPED.iter().copied())?)),
    }
}

fn read(listing: Listing, folder: &Path) -> Result<(Listing, Index), String> {
    let documents = listing.read(folder)?;
    let index = index(documents.iter().map(|(name, text)| (name.as_str(), text.as_str())))?;
    Ok((listing, index))
}

fn index<'a>(documents: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Index, String> {
    let passages = documents.flat_map(|(name, text)| passage::split(name, text)).take(MOST_PASSAGES);
    Index::build(passages.collect()).map_err(|error| format!("docs: no index: {error}"))
}

fn report(host: &Host, title: &str, listing: &Listing, index: &Index) {
    host.log().info(format_args!("answers are from {title}: {} passages", index.len()));
    for why in &listing.left_out {
        host.log().warn(format_args!("docs.path: {why}"));
    }
}
