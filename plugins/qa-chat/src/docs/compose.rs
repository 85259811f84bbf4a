//! What is answered to a question: passages, or that there is nothing.

use super::index::{Hit, Index};
use super::{Citation, Found};
use crate::settings;

/// Confidence of what speaks of all that was asked for: a passage may do that and still not answer.
const MOST_CONFIDENT: f64 = 0.95;

/// Looks for what a question asks for; none where too little of it is spoken of.
pub(super) fn find(
    index: &Index,
    question: &str,
    settings: &settings::Docs,
) -> Result<Option<Found>, String> {
    let hits =
        index.search(question, settings.passages).map_err(|error| format!("the search failed: {error}"))?;
    let confidence = hits.iter().map(|hit| f64::from(hit.coverage)).fold(0.0, f64::max);
    if hits.is_empty() || confidence < settings.threshold {
        return Ok(None);
    }
    let passages = hits.iter().map(|hit| (citation(hit), hit.passage.text.clone())).collect();
    let confidence = (confidence.min(MOST_CONFIDENT) * 100.0).round() / 100.0;
    Ok(Some(Found { passages, confidence }))
}

fn citation(hit: &Hit<'_>) -> Citation {
    let passage = hit.passage;
    Citation { file: passage.file.to_string(), heading: passage.heading.clone(), line: passage.line }
}

/// The answer, passage by passage: where each stands, and what it says.
pub(super) fn texts(found: &Found) -> Vec<String> {
    let text = |(number, (citation, text)): (usize, &(Citation, String))| {
        let Citation { file, heading, line } = citation;
        let gap = if number > 0 { "\n\n" } else { "" };
        let place = if heading.is_empty() { String::new() } else { format!("{heading}: ") };
        format!("{gap}{place}{file}, line {line}\n\n{text}")
    };
    found.passages.iter().enumerate().map(text).collect()
}
