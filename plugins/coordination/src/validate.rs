//! Requests taken apart: each becomes a type that holds nothing invalid, or 422 with everything that is wrong with it.

mod fields;
mod number;

use serde_json::{Map, Value};
use tidegate_plugin::{Call, Error, FieldError, Query, Result};

use crate::consensus;
use crate::roster::Vote;
use crate::tasks::Card;
use fields::{Fields, Text};
use number::integer;

/// Bytes of a name at most: ids are part of paths, and of the keys of the store.
pub(crate) const LONGEST_NAME: usize = 128;
/// Bytes of a task's type at most: with what its id has besides, that is a name.
const LONGEST_TYPE: usize = 100;
/// Bytes of a value at most, as JSON: all of a task, and the events that tell of it, are one value of the store.
const LARGEST: usize = 64 * 1024;
/// How deep a value may be nested, so that it can be shown within a list and an event.
const DEEPEST: usize = 32;
/// Seconds until a proposal is decided without those who are silent.
const PATIENCE: f64 = 30.0;
/// The priority of a task that has none.
const PRIORITY: u8 = 5;

/// `POST /coordination/tasks`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewTask {
    pub(crate) task_type: String,
    pub(crate) priority: u8,
    pub(crate) target: Option<String>,
    pub(crate) parameters: Map<String, Value>,
    /// Seconds.
    pub(crate) timeout: Option<f64>,
}

/// `POST /coordination/tasks/{id}/actions`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// To that agent; `None`: to the one that has the least to do.
    Assign(Option<String>),
    Start,
    Complete(Value),
    Fail(Option<String>),
    Retry,
    Cancel,
}

/// `POST /coordination/consensus/propose`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NewProposal {
    pub(crate) proposal_type: String,
    pub(crate) proposal_data: Map<String, Value>,
    pub(crate) proposer_id: String,
    /// Seconds.
    pub(crate) timeout: f64,
}

/// `POST /coordination/consensus/proposals/{id}/votes`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ballot {
    pub(crate) voter_id: String,
    pub(crate) vote: Vote,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Page {
    skip: usize,
    limit: usize,
}

/// `GET /coordination/tasks`: which tasks.
#[derive(Debug, PartialEq)]
pub(crate) struct TaskList<'a> {
    task_type: Option<&'a str>,
    status: Option<&'a str>,
    pub(crate) page: Page,
}

/// `GET /coordination/consensus/proposals`: which proposals.
#[derive(Debug, PartialEq)]
pub(crate) struct ProposalList<'a> {
    status: Option<&'a str>,
    pub(crate) page: Page,
}

impl NewTask {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let task_type = fields.required("task_type", |fields| fields.text("task_type", Text::Type));
        let priority = fields.integer("priority", 1, 10).and_then(|n| u8::try_from(n).ok());
        let target = fields.text("target", Text::Any);
        let parameters = fields.object("parameters");
        let timeout = fields.positive("timeout");
        fields.finish()?;
        Ok(Self {
            task_type: task_type.unwrap_or_default(),
            priority: priority.unwrap_or(PRIORITY),
            target,
            parameters: parameters.unwrap_or_default(),
            timeout,
        })
    }
}

impl Action {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        /// An action without what comes with it.
        #[derive(Clone, Copy)]
        enum Kind {
            Assign,
            Start,
            Complete,
            Fail,
            Retry,
            Cancel,
        }
        let kinds = [
            ("assign", Kind::Assign),
            ("start", Kind::Start),
            ("complete", Kind::Complete),
            ("fail", Kind::Fail),
            ("retry", Kind::Retry),
            ("cancel", Kind::Cancel),
        ];
        let mut fields = Fields::of_body(body)?;
        let kind = fields.required("action", |fields| fields.one_of("action", &kinds));
        // What another action would take is not looked at. Where the kind is wrong, so is the whole.
        let action = match kind.unwrap_or(Kind::Start) {
            Kind::Assign => Self::Assign(fields.text("agent_id", Text::Any)),
            Kind::Start => Self::Start,
            Kind::Complete => Self::Complete(fields.value("result").unwrap_or_default()),
            Kind::Fail => Self::Fail(fields.text("error", Text::Any)),
            Kind::Retry => Self::Retry,
            Kind::Cancel => Self::Cancel,
        };
        fields.finish()?;
        Ok(action)
    }
}

impl NewProposal {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let proposal_type =
            fields.required("proposal_type", |fields| fields.text("proposal_type", Text::Name));
        let proposal_data = fields.required("proposal_data", |fields| fields.object("proposal_data"));
        let proposer_id = fields.required("proposer_id", |fields| fields.text("proposer_id", Text::Name));
        let timeout = fields.positive("timeout");
        fields.finish()?;
        Ok(Self {
            proposal_type: proposal_type.unwrap_or_default(),
            proposal_data: proposal_data.unwrap_or_default(),
            proposer_id: proposer_id.unwrap_or_default(),
            timeout: timeout.unwrap_or(PATIENCE),
        })
    }
}

impl Ballot {
    /// That of a request to the route.
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut fields = Fields::of_body(body)?;
        let ballot = Self::take(&mut fields);
        fields.finish()?;
        Ok(ballot)
    }

    /// That of a call, with the proposal that it is for.
    pub(crate) fn of_call(call: &Call) -> Result<(String, Self)> {
        let mut fields = Fields::of_data(&call.data)?;
        let proposal = fields.required("proposal_id", |fields| fields.text("proposal_id", Text::Any));
        let ballot = Self::take(&mut fields);
        fields.finish()?;
        Ok((proposal.unwrap_or_default(), ballot))
    }

    fn take(fields: &mut Fields) -> Self {
        let votes = [("for", Vote::For), ("against", Vote::Against), ("abstain", Vote::Abstain)];
        let voter_id = fields.required("voter_id", |fields| fields.text("voter_id", Text::Any));
        let vote = fields.required("vote", |fields| fields.one_of("vote", &votes));
        // Where one of them is wrong, so is the whole.
        Self { voter_id: voter_id.unwrap_or_default(), vote: vote.unwrap_or(Vote::Abstain) }
    }
}

impl Page {
    fn parse(query: &Query) -> Result<Self> {
        let mut errors = Vec::new();
        let mut number = |name, default, least, most| {
            let Some(text) = query.get(name) else { return default };
            let value = integer(&Value::from(text), least, most);
            let value = value.map_err(|(msg, kind)| errors.push(FieldError::query(name, msg, kind)));
            value.ok().and_then(|value| usize::try_from(value).ok()).unwrap_or(default)
        };
        let (skip, limit) = (number("skip", 0, 0, i64::MAX), number("limit", 100, 1, 1000));
        if errors.is_empty() { Ok(Self { skip, limit }) } else { Err(Error::unprocessable(errors)) }
    }

    /// Whether the one that so many come before is on it.
    pub(crate) fn holds(self, before: usize) -> bool {
        before.checked_sub(self.skip).is_some_and(|place| place < self.limit)
    }
}

impl<'a> TaskList<'a> {
    pub(crate) fn parse(query: &'a Query) -> Result<Self> {
        let page = Page::parse(query)?;
        Ok(Self { task_type: filter(query, "task_type"), status: filter(query, "status"), page })
    }

    /// Whether the filters let a task through: they are exact.
    pub(crate) fn wants(&self, task: &Card) -> bool {
        self.task_type.is_none_or(|wanted| *wanted == *task.task_type)
            && self.status.is_none_or(|wanted| wanted == task.status.name())
    }
}

impl<'a> ProposalList<'a> {
    pub(crate) fn parse(query: &'a Query) -> Result<Self> {
        let page = Page::parse(query)?;
        Ok(Self { status: filter(query, "status"), page })
    }

    /// Whether the filter lets a proposal through: it is exact.
    pub(crate) fn wants(&self, status: consensus::Status) -> bool {
        self.status.is_none_or(|wanted| wanted == status.name())
    }
}

/// A filter that is empty is none.
fn filter<'a>(query: &'a Query, name: &str) -> Option<&'a str> {
    query.get(name).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
