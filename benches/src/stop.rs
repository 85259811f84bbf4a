//! What a stop is: a name, and rounds of work that can be done again and again.

use criterion::Throughput;

/// A function in which the instructions of a stop are counted, as the benches name it.
const HERE: &str = "counted_work";

/// A stop of the hot path.
pub struct Stop {
    /// Stops of its kind have the same.
    pub group: &'static str,
    /// Which of its kind.
    pub name: String,
    /// What there is in a round.
    pub throughput: Throughput,
    /// The function in which its instructions are counted; none where they do not repeat themselves.
    pub counted: Option<&'static str>,
    ready: Box<dyn FnOnce() -> Round>,
}

impl Stop {
    /// Set up by `ready`, when it is its turn; its instructions are counted.
    pub fn new(
        group: &'static str,
        name: impl Into<String>,
        throughput: Throughput,
        ready: impl FnOnce() -> Round + 'static,
    ) -> Self {
        Self { group, name: name.into(), throughput, counted: Some(HERE), ready: Box::new(ready) }
    }

    /// The same, counted in `function` alone.
    #[must_use]
    pub fn counted_in(self, function: &'static str) -> Self {
        Self { counted: Some(function), ..self }
    }

    /// The same, not counted: its instructions depend on chance.
    #[must_use]
    pub fn uncounted(self) -> Self {
        Self { counted: None, ..self }
    }

    /// Whether its instructions are counted around the whole of its work.
    pub fn is_counted_here(&self) -> bool {
        self.counted == Some(HERE)
    }

    /// Its whole name.
    pub fn path(&self) -> String {
        format!("{}/{}", self.group, self.name)
    }

    /// Sets it up.
    pub fn ready(self) -> Round {
        (self.ready)()
    }
}

/// What is measured, and what has to be done after it before it can be done again.
pub struct Round {
    work: Box<dyn FnMut()>,
    settle: Option<Box<dyn FnMut()>>,
}

impl Round {
    /// Work that leaves nothing behind.
    pub fn new(work: impl FnMut() + 'static) -> Self {
        Self { work: Box::new(work), settle: None }
    }

    /// What puts things in order again, outside of what is measured.
    #[must_use]
    pub fn settled_by(self, settle: impl FnMut() + 'static) -> Self {
        Self { settle: Some(Box::new(settle)), ..self }
    }

    /// Whether something is to be done between two rounds.
    pub fn settles(&self) -> bool {
        self.settle.is_some()
    }

    /// Does the work.
    pub fn work(&mut self) {
        (self.work)();
    }

    /// Makes ready for the next round.
    pub fn settle(&mut self) {
        if let Some(settle) = &mut self.settle {
            settle();
        }
    }

    /// Does it so many times, in a function that a profiler finds by its name.
    pub fn count(&mut self, rounds: usize) {
        for _ in 0..rounds {
            counted_work(&mut self.work);
            self.settle();
        }
    }
}

/// See [`HERE`].
#[inline(never)]
fn counted_work(work: &mut dyn FnMut()) {
    work();
}
