//! The back end `command`: a program that gets a question as a line of JSON and answers in lines, each a piece. It goes on to the
//! next question then; as many run as questions are answered at one time. One that fails, or whose answer nobody wants any more,
//! is killed with all that it has started, and another takes its place when it is needed.

mod child;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use super::{Failure, Piece, Prompt};
use crate::settings;
use child::Child;

/// The programs that run. A handle: clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Pool(Rc<Shared>);

#[derive(Debug)]
struct Shared {
    settings: settings::Command,
    longest: usize,
    /// Those that wait for a question; the one that has waited shortest last.
    idle: RefCell<Vec<Child>>,
}

/// An answer that is being given. Dropped before its end, it kills the program.
#[derive(Debug)]
pub(crate) struct Reading {
    pool: Pool,
    /// None behind the end.
    child: Option<Child>,
    pieces: VecDeque<Vec<u8>>,
    /// The question, for one that had waited and may have ended behind its last answer; none once anything was read.
    again: Option<Vec<u8>>,
}

impl Pool {
    pub(crate) fn new(settings: &settings::Command, limits: &settings::Limits) -> Self {
        let (settings, longest) = (settings.clone(), limits.answer);
        Self(Rc::new(Shared { settings, longest, idle: RefCell::default() }))
    }

    pub(crate) async fn ask(&self, prompt: &Prompt) -> Result<Reading, Failure> {
        let mut line = serde_json::to_vec(prompt).map_err(|error| Failure::Wrong(error.to_string()))?;
        line.push(b'\n');
        let mut child = self.waiting();
        if let Some(idle) = &mut child
            && idle.write(&line).await.is_err()
        {
            child = None;
        }
        let (child, again) = match child {
            Some(child) => (child, Some(line)),
            None => (self.begin(&line).await?, None),
        };
        Ok(Reading { pool: self.clone(), child: Some(child), pieces: VecDeque::new(), again })
    }

    /// A new one, which has the question.
    async fn begin(&self, line: &[u8]) -> Result<Child, Failure> {
        let mut child = Child::start(&self.0.settings, self.0.longest)?;
        child.write(line).await?;
        Ok(child)
    }

    /// One that waits, and lives. What one has said since its last answer would be taken for the next one's: it is killed.
    fn waiting(&self) -> Option<Child> {
        loop {
            let child = self.0.idle.borrow_mut().pop()?;
            if child.is_alive() && !child.says_more() {
                return Some(child);
            }
        }
    }

    /// Ends those that wait.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.0.idle.borrow_mut());
        for child in idle {
            child.end().await;
        }
    }
}

impl Reading {
    pub(crate) async fn next(&mut self) -> Result<Piece, Failure> {
        let Some(child) = &mut self.child else { return Err(Failure::Broken("there is no more".into())) };
        let line = loop {
            match self.pieces.pop_front() {
                Some(line) if line.iter().all(u8::is_ascii_whitespace) => {}
                Some(line) => break line,
                None => match (child.read(&mut self.pieces).await, self.again.take()) {
                    (Err(Failure::Broken(_)), Some(line)) => *child = self.pool.begin(&line).await?,
                    (read, _) => read?,
                },
            }
        };
        let piece = Piece::read(&line)?;
        // What comes behind the end would be taken for the answer to the next question.
        if let (Piece::End(_), true) = (&piece, self.pieces.is_empty()) {
            self.pool.0.idle.borrow_mut().extend(self.child.take_if(|child| !child.says_more()));
        }
        Ok(piece)
    }
}
