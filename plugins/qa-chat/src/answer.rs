//! An answer, as who asked gets it.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::backend::Whole;

/// See the module's documentation.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Answer {
    pub(crate) content: String,
    response_type: String,
    tools_used: Vec<String>,
    /// Seconds, with waiting and trying again.
    execution_time: f64,
    /// 0–1; null: not known.
    confidence: Option<f64>,
    metadata: Map<String, Value>,
}

/// How it came about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    pub(crate) backend: &'a str,
    pub(crate) conversation: &'a str,
    /// How often the back end was asked.
    pub(crate) attempts: u32,
    pub(crate) took: Duration,
}

impl Answer {
    /// Of what a back end has said: what it said piece by piece, and at the end.
    pub(crate) fn new(said: String, whole: Whole, course: Course<'_>) -> Self {
        let mut metadata = whole.metadata;
        metadata.insert("backend".into(), course.backend.into());
        metadata.insert("conversation".into(), course.conversation.into());
        metadata.insert("attempts".into(), course.attempts.into());
        Self {
            content: whole.content.unwrap_or(said),
            response_type: whole.response_type.unwrap_or_else(|| "text".into()),
            tools_used: whole.tools_used,
            execution_time: course.took.as_secs_f64(),
            confidence: whole.confidence,
            metadata,
        }
    }
}
