//! Metrics: the Prometheus page, and the JSON views of the same figures. What goes through all of them is worked out
//! aside of the shard.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::answer::Json;
use super::fields::whole_number;
use super::{Answered, Api, Request, Sources};
use crate::documents::{Content, Operation, Tag};
use crate::frame::json::shorten;
use crate::metrics::page::{self, Format};
use crate::metrics::{Aggregation, Family, List, Number, Statistics, Trend, Views};
use crate::web::{self, Problem};

/// How far a view looks back.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "tells the documents of a query that is read field by field")]
struct Window {
    /// Seconds back from now; an hour is kept.
    #[serde(default = "minute")]
    #[schemars(range(min = 1))]
    window: usize,
}

/// How far a trend looks back.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "tells the documents of a query that is read field by field")]
struct TrendWindow {
    /// Seconds back from now; an hour is kept.
    #[serde(default = "five_minutes")]
    #[schemars(range(min = 1))]
    window: usize,
}

fn minute() -> usize {
    60
}

fn five_minutes() -> usize {
    300
}

/// What has been done.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "MetricsDone", extend("examples" = [{ "message": "All counters have been reset" }]))]
pub(super) struct Done {
    /// In a sentence.
    message: &'static str,
}

/// By counter: how much it grew per second, in the unit of its name.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MetricsRates", extend("examples" = [{ "events_delivered_total": 1250.5 }]))]
pub(super) struct Rates(BTreeMap<String, Number>);

pub(super) fn told_page() -> Operation {
    Operation::new("metrics", Tag::Metrics, "Show the Prometheus page")
        .more("In OpenMetrics where `Accept` asks for `application/openmetrics-text`.")
        .answer(StatusCode::OK, "The page", Content::Other("text/plain"))
}

pub(super) async fn page(api: &Api, request: &Request) -> Answered {
    let format = format(&request.headers);
    let text = aside(api, move |families, _| page::write(&families(), format)).await?;
    let mut response = web::answer(StatusCode::OK, format.content_type(), text);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

pub(super) fn told_statistics() -> Operation {
    Operation::new("showStatistics", Tag::Metrics, "Show all figures, and how they were over a time")
        .query::<Window>()
        .good("The figures")
}

pub(super) async fn statistics(api: &Api, request: &Request) -> Result<Json<Statistics>, Problem> {
    let window = window(request, minute())?;
    aside(api, move |families, views| views.statistics(&families(), window)).await.map(Json)
}

pub(super) fn told_rates() -> Operation {
    Operation::new("showRates", Tag::Metrics, "Show how fast the counters grow")
        .query::<Window>()
        .good("How much each grew per second")
}

pub(super) async fn rates(api: &Api, request: &Request) -> Result<Json<Rates>, Problem> {
    let window = window(request, minute())?;
    aside(api, move |_, views| Json(Rates(views.rates(window)))).await
}

pub(super) fn told_list() -> Operation {
    Operation::new("listMetrics", Tag::Metrics, "List the figures that are kept over time")
        .good("Their names")
}

pub(super) async fn list(api: &Api, _: &Request) -> Result<Json<List>, Problem> {
    Ok(Json(api.views.list()))
}

pub(super) fn told_trend() -> Operation {
    Operation::new("showTrend", Tag::Metrics, "Show where a figure goes")
        .path("metric", "The figure's name, as the list has it", "sessions")
        .query::<TrendWindow>()
        .more("Without data it has 0 `data_points`.")
        .good("Where it goes")
}

pub(super) async fn trend(api: &Api, request: &Request) -> Result<Json<Trend>, Problem> {
    let (name, window) = (name(request), window(request, five_minutes())?);
    aside(api, move |_, views| views.trend(&name, window)).await.map(Json)
}

pub(super) fn told_aggregation() -> Operation {
    Operation::new("showAggregation", Tag::Metrics, "Show how a figure was spread over a time")
        .path("metric", "The figure's name, as the list has it", "sessions")
        .query::<Window>()
        .good("How it was spread")
        .problem(StatusCode::NOT_FOUND, "There is no such figure, or none in that time")
}

pub(super) async fn aggregation(api: &Api, request: &Request) -> Result<Json<Aggregation>, Problem> {
    let (name, window) = (name(request), window(request, minute())?);
    let asked = name.clone();
    let aggregation = aside(api, move |_, views| views.aggregation(&asked, window)).await?;
    aggregation.map(Json).ok_or_else(|| no_data(&name))
}

pub(super) fn told_reset() -> Operation {
    Operation::new("resetCounters", Tag::Metrics, "Have the counters of the JSON views begin at 0")
        .more("Those of the Prometheus page never go back.")
        .good("They do")
}

pub(super) async fn reset_counters(api: &Api, _: &Request) -> Result<Json<Done>, Problem> {
    aside(api, |families, views| views.reset_counters(&families())).await?;
    Ok(Json(Done { message: "All counters have been reset" }))
}

pub(super) fn told_clear() -> Operation {
    Operation::new("clearHistory", Tag::Metrics, "Forget how the figures were").good("It is forgotten")
}

pub(super) async fn clear_history(api: &Api, _: &Request) -> Result<Json<Done>, Problem> {
    api.views.clear_history();
    Ok(Json(Done { message: "All time-series history has been cleared" }))
}

/// Runs `work` on a thread of its own, with what makes the families as they are then.
async fn aside<T: Send + 'static>(
    api: &Api,
    work: impl FnOnce(&dyn Fn() -> Vec<Family>, &Views) -> T + Send + 'static,
) -> Result<T, Problem> {
    let (sources, views): (Sources, _) = (api.sources(), Arc::clone(&api.views));
    web::aside(move || work(&|| sources.families(), &views)).await
}

fn name(request: &Request) -> String {
    request.params.first().cloned().unwrap_or_default()
}

fn no_data(name: &str) -> Problem {
    let name = shorten(name);
    Problem::new(StatusCode::NOT_FOUND, format!("No data available for metric '{name}'"))
}

/// The query's `window`, in seconds.
fn window(request: &Request, default: usize) -> Result<u64, Problem> {
    whole_number(request.query.as_deref(), "window", default, 1..=usize::MAX).map(|seconds| seconds as u64)
}

/// OpenMetrics where the client asks for it by name, and not for plain text rather.
fn format(headers: &HeaderMap) -> Format {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut open, mut text) = (0.0, 0.0);
    for range in accepted.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f64>().ok()).unwrap_or(1.0);
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            open = quality.max(open);
        } else if kind.eq_ignore_ascii_case("text/plain") {
            text = quality.max(text);
        }
    }
    if open > 0.0 && open >= text { Format::OpenMetrics } else { Format::Text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<u64, u16> {
        let request = Request {
            source: crate::audit::Source::default(),
            profile: None,
            principal: std::sync::Arc::default(),
            params: Vec::new(),
            query: Some(query.to_owned()),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        };
        window(&request, 60).map_err(|problem| problem.status.as_u16())
    }

    #[test]
    fn a_window_is_a_positive_whole_number() {
        assert_eq!((asked(""), asked("window=5"), asked("window=1&window=7")), (Ok(60), Ok(5), Ok(7)));
        assert_eq!(asked("window=99999999999999999999999"), Ok(u64::MAX));
        for bad in ["0", "-1", "1.5", "x", "", "%2B5", "5s", "0x5"] {
            assert_eq!(asked(&format!("window={bad}")), Err(422), "{bad}");
        }
    }

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        let answered = |accept: &'static str| {
            format(&HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]))
        };
        for accept in ["", "*/*", "text/plain", "text/plain;q=0.9, application/openmetrics-text;q=0.5"] {
            assert_eq!(answered(accept), Format::Text, "{accept}");
        }
        for accept in [
            "application/openmetrics-text",
            "text/plain; version=0.0.4; q=0.2, application/openmetrics-text; version=1.0.0; q=0.5, */*; q=0.1",
        ] {
            assert_eq!(answered(accept), Format::OpenMetrics, "{accept}");
        }
        assert_eq!(answered("application/openmetrics-text;q=0"), Format::Text);
        assert_eq!(format(&HeaderMap::new()), Format::Text);
    }
}
