//! Metrics: the Prometheus page, and the JSON views of the same figures. What goes through all of them is worked out
//! aside of the shard.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Answered, Api, Request, Sources};
use crate::frame::json::shorten;
use crate::metrics::page::{self, Format};
use crate::metrics::{Family, Number, Views};
use crate::web::{self, Invalid, Problem, query_pairs};

/// Seconds that a view looks back where it is not told.
const WINDOW: u64 = 60;
/// The same for trends.
const TREND_WINDOW: u64 = 300;

/// What has been done.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "MetricsDone")]
pub(super) struct Done {
    /// In a sentence.
    message: &'static str,
}

/// By counter: how much it grew per second, in the unit of its name.
pub(super) type Rates = BTreeMap<String, Number>;

pub(super) async fn page(api: &Api, request: &Request) -> Answered {
    let format = format(&request.headers);
    let text = aside(api, move |families, _| page::write(&families(), format)).await?;
    let mut response = web::answer(StatusCode::OK, format.content_type(), text);
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

pub(super) async fn statistics(api: &Api, request: &Request) -> Answered {
    let window = window(request, WINDOW)?;
    let statistics = aside(api, move |families, views| views.statistics(&families(), window)).await?;
    Ok(web::json(StatusCode::OK, &statistics))
}

pub(super) async fn rates(api: &Api, request: &Request) -> Answered {
    let window = window(request, WINDOW)?;
    let rates: Rates = aside(api, move |_, views| views.rates(window)).await?;
    Ok(web::json(StatusCode::OK, &rates))
}

pub(super) async fn list(api: &Api, _: &Request) -> Answered {
    Ok(web::json(StatusCode::OK, &api.views.list()))
}

pub(super) async fn trend(api: &Api, request: &Request) -> Answered {
    let (name, window) = (name(request), window(request, TREND_WINDOW)?);
    let asked = name.clone();
    let trend = aside(api, move |_, views| views.trend(&asked, window)).await?;
    trend.map(|trend| web::json(StatusCode::OK, &trend)).ok_or_else(|| no_data(&name))
}

pub(super) async fn aggregation(api: &Api, request: &Request) -> Answered {
    let (name, window) = (name(request), window(request, WINDOW)?);
    let asked = name.clone();
    let aggregation = aside(api, move |_, views| views.aggregation(&asked, window)).await?;
    aggregation.map(|all| web::json(StatusCode::OK, &all)).ok_or_else(|| no_data(&name))
}

pub(super) async fn reset_counters(api: &Api, _: &Request) -> Answered {
    aside(api, |families, views| views.reset_counters(&families())).await?;
    Ok(web::json(StatusCode::OK, &Done { message: "All counters have been reset" }))
}

pub(super) async fn clear_history(api: &Api, _: &Request) -> Answered {
    api.views.clear_history();
    Ok(web::json(StatusCode::OK, &Done { message: "All time-series history has been cleared" }))
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
fn window(request: &Request, default: u64) -> Result<u64, Problem> {
    let pairs = query_pairs(request.query.as_deref());
    let Some((_, text)) = pairs.iter().rev().find(|(key, _)| key == "window") else { return Ok(default) };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // More than fits is longer than anything that is kept.
    let seconds = if digits { text.parse().unwrap_or(u64::MAX) } else { 0 };
    if seconds == 0 {
        let msg = "expected a positive whole number of seconds";
        return Err(Problem::invalid(vec![Invalid::at("query", "window", msg, "int_range")]));
    }
    Ok(seconds)
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
