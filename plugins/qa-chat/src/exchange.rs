//! A question and its answer, from the wait for a place to the last piece.
//!
//! Whoever asked may go away at any time: everything that is waited for here is waited for beside that, and what is dropped with the
//! exchange ends what goes on behind it.

use std::rc::Rc;
use std::time::Duration;

use tidegate_plugin::{Error, Result, Status};
use tokio::time::{Instant, timeout_at};

use crate::admission::Place;
use crate::answer::{Answer, Course};
use crate::asker::Asker;
use crate::assistant::{Assistant, error};
use crate::backend::{Failure, Piece, Prompt, Reading, Whole};
use crate::breaker::Leave;
use crate::conversation::{Role, Turn};
use crate::figures::{Outcome, Tally};
use crate::question::Question;

/// After how long to ask again where too many wait: how soon a place comes free nobody knows.
const BUSY: Duration = Duration::from_secs(1);

/// See the module's documentation.
#[derive(Debug)]
pub(crate) struct Exchange {
    assistant: Rc<Assistant>,
    asker: Asker,
    question: Question,
    begun: Instant,
    /// When it is over, come what may.
    deadline: Instant,
    tally: Tally,
    /// What has been said.
    said: String,
    answering: Answering,
    _place: Place,
}

/// A back end that has begun to answer.
#[derive(Debug)]
struct Answering {
    reading: Reading,
    /// What came before it was clear that this attempt is the one.
    first: Option<Piece>,
    /// None once it is said how it went.
    leave: Option<Leave>,
    attempts: u32,
    /// What it said at its end.
    end: Option<Whole>,
}

impl Exchange {
    /// Asks. Answers once the answer has begun; before that the back end is asked again where it fails.
    ///
    /// # Errors
    /// `BUSY` where too many wait or the back end fails or is down, `TIMEOUT` where it is slow, `CLOSED` where nobody waits.
    pub(crate) async fn open(assistant: Rc<Assistant>, asker: Asker, question: Question) -> Result<Self> {
        let (begun, mut tally) = (Instant::now(), assistant.figures.begin());
        let deadline = begun + assistant.settings.timeout;
        let mut cancelled = asker.cancelled.clone();
        let opened = async {
            let place = enter(&assistant, deadline).await?;
            assistant.notices.asked(&asker, &question);
            let answering = begin(&assistant, &asker, &question, deadline).await?;
            Ok((place, answering))
        };
        let opened = tokio::select! {
            biased;
            () = cancelled.wait() => return Err(gone()),
            opened = opened => opened,
        };
        match opened {
            Ok((place, answering)) => {
                let said = String::new();
                Ok(Self {
                    assistant,
                    asker,
                    question,
                    begun,
                    deadline,
                    tally,
                    said,
                    answering,
                    _place: place,
                })
            }
            Err((outcome, error)) => {
                tally.ends(outcome);
                Err(error)
            }
        }
    }

    /// The next piece of text; none: that was all, and [`finish`](Self::finish) has the whole.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        let mut cancelled = self.asker.cancelled.clone();
        let piece = tokio::select! {
            biased;
            () = cancelled.wait() => return Err(gone()),
            piece = self.answering.next(self.assistant.settings.limits.next, self.deadline) => piece,
        };
        match piece.and_then(|piece| self.take(piece)) {
            Ok(text) => Ok(text),
            Err(failure) => {
                if let Some(leave) = self.answering.leave.take() {
                    self.assistant.fails(leave, &failure);
                }
                let (outcome, error) = told(&failure);
                self.tally.ends(outcome);
                Err(error)
            }
        }
    }

    fn take(&mut self, piece: Piece) -> Result<Option<String>, Failure> {
        let longest = self.assistant.settings.limits.answer;
        let (length, end) = match &piece {
            Piece::Text(text) => (self.said.len() + text.len(), false),
            Piece::End(whole) => (whole.content.as_ref().map_or(self.said.len(), String::len), true),
        };
        if length > longest {
            return Err(Failure::TooLong(longest));
        }
        if end && length == 0 {
            return Err(empty());
        }
        match piece {
            Piece::Text(text) => {
                self.said.push_str(&text);
                Ok(Some(text))
            }
            Piece::End(whole) => {
                self.answering.end = Some(whole);
                Ok(None)
            }
        }
    }

    /// The answer as a whole: the rest of it is waited for.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) async fn finish(mut self) -> Result<Answer> {
        while self.answering.end.is_none() {
            self.next().await?;
        }
        let Self { assistant, asker, question, begun, mut tally, said, answering, .. } = self;
        let Answering { leave, attempts, end, .. } = answering;
        if let Some(leave) = leave {
            assistant.works(leave);
        }
        let course = Course {
            backend: assistant.backend.name(),
            conversation: &question.conversation,
            attempts,
            took: begun.elapsed(),
        };
        let mut whole = end.unwrap_or_default();
        let wrong = whole.drop_wrong_citations();
        if wrong > 0 {
            let name = assistant.backend.name();
            assistant.host.log().warn(format_args!(
                "the back end '{name}': {wrong} of metadata.citations are none, and left out"
            ));
        }
        let answer = Answer::new(said, whole, course);
        tally.ends(Outcome::Answered);
        assistant.notices.answered(&asker, &answer);
        let turns = [(Role::User, &question.content), (Role::Assistant, &answer.content)];
        let turns = turns.map(|(role, content)| Turn { role, content: content.clone() });
        let now = assistant.host.clock().now_ms();
        if let Err(error) =
            assistant.conversations.add(&asker.owner, &question.conversation, &turns, now).await
        {
            assistant.host.log().warn(format_args!("a conversation is not kept: {error}"));
        }
        Ok(answer)
    }
}

impl Answering {
    async fn next(&mut self, patience: Duration, deadline: Instant) -> Result<Piece, Failure> {
        match self.first.take() {
            Some(piece) => Ok(piece),
            None => within(patience, deadline, self.reading.next()).await,
        }
    }
}

/// How a question ends, and what who asked gets to know.
type End = (Outcome, Error);

async fn enter(assistant: &Assistant, deadline: Instant) -> Result<Place, End> {
    match timeout_at(deadline, assistant.admission.enter()).await {
        Ok(Some(place)) => Ok(place),
        Ok(None) => {
            let busy = Error::busy("The assistant is busy: too many questions wait already");
            Err((Outcome::Refused, busy.retry_after(BUSY)))
        }
        Err(_) => Err((Outcome::TimedOut, Error::timeout("The assistant is busy: no turn came in time"))),
    }
}

/// Has the back end begin to answer, and asks again where it fails before it has said anything.
async fn begin(
    assistant: &Assistant,
    asker: &Asker,
    question: &Question,
    deadline: Instant,
) -> Result<Answering, End> {
    let prompt = prompt(assistant, asker, question).await;
    let retries = &assistant.settings.retries;
    for attempt in 1.. {
        let leave = assistant.leave().map_err(|error| (Outcome::Refused, error))?;
        let begun = async {
            let mut reading = assistant.backend.ask(&prompt).await?;
            let first = first(&mut reading).await?;
            Ok((reading, first))
        };
        let failure = match within(assistant.settings.limits.first, deadline, begun).await {
            Ok((reading, first)) => {
                let leave = assistant.begun(leave);
                return Ok(Answering { reading, first: Some(first), leave, attempts: attempt, end: None });
            }
            Err(failure) => failure,
        };
        assistant.fails(leave, &failure);
        let pause = pause(retries.first, retries.longest, attempt).max(failure.pause());
        // So far off that no clock tells it is too late, too.
        let too_late = Instant::now().checked_add(pause).is_none_or(|again| again >= deadline);
        if attempt > retries.most || !failure.may_pass() || too_late {
            return Err(told(&failure));
        }
        assistant.figures.retried();
        tokio::time::sleep(pause).await;
    }
    unreachable!("an attempt ends the loop")
}

/// The piece that an answer begins with: one that says something.
async fn first(reading: &mut Reading) -> Result<Piece, Failure> {
    loop {
        match reading.next().await? {
            Piece::Text(text) if text.is_empty() => {}
            Piece::End(whole) if whole.content.as_ref().is_none_or(String::is_empty) => return Err(empty()),
            piece => return Ok(piece),
        }
    }
}

fn empty() -> Failure {
    Failure::Wrong("it is empty".into())
}

async fn prompt(assistant: &Assistant, asker: &Asker, question: &Question) -> Prompt {
    let turns = assistant.conversations.turns(&asker.owner, &question.conversation).await;
    let turns = turns.unwrap_or_else(|error| {
        assistant.host.log().warn(format_args!("a conversation cannot be read: {error}"));
        Vec::new()
    });
    let Question { content, attachments, metadata, conversation } = question.clone();
    Prompt { content, attachments, metadata, conversation, user: asker.user().map(str::to_owned), turns }
}

async fn within<T>(
    patience: Duration,
    deadline: Instant,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let until = deadline.min(begun + patience);
    timeout_at(until, work).await.unwrap_or(Err(Failure::Slow(until - begun)))
}

/// How long to wait before another attempt: twice as long each time, and by chance between half and all of it, so that not all
/// come back at once.
fn pause(first: Duration, longest: Duration, attempt: u32) -> Duration {
    let whole = first.saturating_mul(1 << (attempt - 1).min(16)).min(longest);
    whole.mul_f64(rand::random_range(0.5..=1.0))
}

fn told(failure: &Failure) -> End {
    let outcome = if matches!(failure, Failure::Slow(_)) { Outcome::TimedOut } else { Outcome::Failed };
    (outcome, error(failure))
}

fn gone() -> Error {
    Error::new(Status::CLOSED, "nobody waits for the answer any more")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_are_left_to_chance() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(1));
        for attempt in 1..80 {
            let whole = Duration::from_millis(100 << (attempt - 1).min(10)).min(longest);
            let pause = pause(first, longest, attempt);
            assert!(whole / 2 <= pause && pause <= whole, "{attempt}: {pause:?}");
        }
    }
}
