//! Counts every answer and writes a line for it: at `debug`, as one event causes many requests, and at `warn`
//! where it was our fault.

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Method, Request, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use tower::Service;

use super::client;
use crate::audit::{Audit, Deed, Source};
use crate::identity::{Principal, Refusal};
use crate::metrics::Metrics;
use crate::web::{Client, ConnectionInfo, RequestId, Response, Why};

/// Bytes of a path, or of a method, that are logged at most.
const LONGEST: usize = 1024;

#[derive(Clone)]
pub(super) struct AccessLog<S> {
    pub(super) metrics: Arc<Metrics>,
    pub(super) audit: Arc<Audit>,
    pub(super) info: Arc<ConnectionInfo>,
    pub(super) inner: S,
}

impl<B, S> Service<Request<B>> for AccessLog<S>
where
    S: Service<Request<B>, Response = Response, Future: Unpin>,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Logged<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let entry = Entry {
            metrics: Arc::clone(&self.metrics),
            audit: Arc::clone(&self.audit),
            info: Arc::clone(&self.info),
            client: client::of(&request),
            method: request.method().clone(),
            uri: request.uri().clone(),
            id: request.extensions().get::<RequestId>().cloned(),
            begun: Instant::now(),
        };
        Logged { answer: self.inner.call(request), entry }
    }
}

/// An answer that is counted and logged.
pub(super) struct Logged<F> {
    answer: F,
    entry: Entry,
}

impl<F: Future<Output = Result<Response, E>> + Unpin, E> Future for Logged<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(cx));
        if let Ok(answer) = &answer {
            self.entry.write(answer);
        }
        Poll::Ready(answer)
    }
}

struct Entry {
    metrics: Arc<Metrics>,
    audit: Arc<Audit>,
    info: Arc<ConnectionInfo>,
    client: Client,
    method: Method,
    uri: Uri,
    id: Option<RequestId>,
    begun: Instant,
}

impl Entry {
    /// Whoever was refused is told of for good; the rest of the line is the log's.
    fn tell_refusal(&self, answer: &Response) {
        let status = answer.status();
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS]
            .contains(&status);
        if !refused || !self.audit.is_on() {
            return;
        }
        let why = answer.extensions().get::<Why>().map_or("refused", |why| why.0);
        let deed = match status {
            StatusCode::UNAUTHORIZED if why != Refusal::Missing.name() => Deed::TokenRefused,
            _ => Deed::Refused,
        };
        let source = Source {
            request_id: self.id.as_ref().map(|id| id.as_str().into()),
            address: Some(self.client.address),
            listener: Some(Arc::clone(&self.info.listener)),
        };
        let who = answer.extensions().get::<Arc<Principal>>();
        self.audit.record(deed, |entry| {
            let entry = match who {
                Some(who) => entry.by(who),
                None => entry,
            };
            entry.from(&source).target(self.uri.path()).outcome(why)
        });
    }

    fn write(&self, answer: &Response) {
        let status = answer.status();
        self.metrics.answers.count(status.as_u16());
        self.tell_refusal(answer);
        let tls = self.info.tls.as_deref();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: "tidegate::access",
                    request_id = self.id.as_ref().map_or("", RequestId::as_str),
                    address = %self.client.address,
                    peer = %self.info.peer,
                    balancer = self.info.balancer.map(tracing::field::display),
                    tls = tls.map(|tls| tls.version),
                    sni = tls.and_then(|tls| tls.server_name.as_deref()),
                    client = tls.and_then(|tls| tls.client.as_ref()).map(|client| &*client.subject),
                    method = clipped(self.method.as_str()),
                    path = clipped(&redacted(&self.uri)),
                    status = status.as_u16(),
                    micros = self.begun.elapsed().as_micros() as u64,
                )
            };
        }
        if status.is_server_error() { line!(warn) } else { line!(debug) }
    }
}

/// The start of what is too long for a line: anybody can send it.
fn clipped(text: &str) -> &str {
    &text[..text.floor_char_boundary(LONGEST)]
}

/// Words that names of secrets have in them.
const SECRETS: [&str; 5] = ["token", "key", "secret", "password", "jwt"];

/// Path and query, the values of tokens hidden, however their names are written and wherever they stand.
fn redacted(uri: &Uri) -> Cow<'_, str> {
    let Some(query) = uri.query().filter(|query| query.split('&').any(is_secret)) else {
        return uri.path_and_query().map_or(uri.path(), |path| path.as_str()).into();
    };
    let hide = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret(pair) => format!("{name}=***"),
        None if is_secret(pair) => "***".to_owned(),
        _ => pair.to_owned(),
    };
    let query: Vec<_> = query.split('&').map(hide).collect();
    format!("{}?{}", uri.path(), query.join("&")).into()
}

/// Whether a pair is named as secrets are, holds another that is (`a=1;token=…`, `next=/ws?token=…`), or holds
/// a JWT, whose header is JSON and so begins with `eyJ`.
fn is_secret(pair: &str) -> bool {
    let text = percent_decode_str(pair).decode_utf8_lossy();
    let names_one = text.split('=').rev().skip(1).any(|name| {
        let name = name.to_lowercase();
        SECRETS.iter().any(|word| name.contains(word))
    });
    names_one || text.contains("eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_never_reach_the_log() {
        let line = |uri: &str| redacted(&uri.parse().unwrap()).into_owned();
        assert_eq!(
            line("/ws?client_id=a&token=secret&access_token=x=y"),
            "/ws?client_id=a&token=***&access_token=***"
        );
        assert_eq!(line("/ws?%74Oken=secret&a=b"), "/ws?%74Oken=***&a=b");
        assert_eq!(line("/ws?api_key=secret"), "/ws?api_key=***");
        assert_eq!(line("/ws?a=1;token=secret&b=2"), "/ws?a=***&b=2");
        assert_eq!(line("/x?next=%2Fws%3Ftoken%3Dsecret"), "/x?next=***");
        assert_eq!(line("/x?a=eyJhbGciOiJI.e30.x&eyJhbGciOiJI.e30.x"), "/x?a=***&***");
        assert_eq!(line("/ws?room=keyboard"), "/ws?room=keyboard");
        assert_eq!(line("/ws?room=a"), "/ws?room=a");
        assert_eq!(line("*"), "*");
    }
}
