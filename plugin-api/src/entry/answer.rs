//! What the plugin gives for a request, carried to the host.

use bytes::Bytes;
use tokio::sync::watch;

use super::contain::{Panicked, contain};
use crate::abi::{self, Status};
use crate::call::{Answer, Reply};
use crate::host::bridge::pairs;
use crate::http::{Body, HttpResponse};
use crate::request::{Signal, Stream};
use crate::{Error, Host, Result};

/// What the plugin's code gave: an answer, an error, or a panic that the host knows of.
pub(super) type Given<T> = Result<Result<T>, Panicked>;

/// Answers one request, once. Dropped without an answer, it gives the request up.
pub(super) struct Responder {
    host: Host,
    request: abi::Request,
    signal: watch::Receiver<Signal>,
    answered: bool,
}

impl Responder {
    /// For a request that came.
    pub(super) fn new(host: Host, request: abi::Request) -> Self {
        let signal = host.requests().open(request);
        Self { host, request, signal, answered: false }
    }

    /// What the host says of the request.
    pub(super) fn signal(&self) -> &watch::Receiver<Signal> {
        &self.signal
    }

    /// Answers a request to a route.
    pub(super) async fn http(mut self, place: &str, given: Given<HttpResponse>) {
        let response = match given {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                self.log(place, &error);
                error.into()
            }
            Err(Panicked) => return self.fail(Status::INTERNAL, "the plugin failed", Bytes::new()).await,
        };
        let headers = pairs(&response.headers);
        match response.body {
            Body::Whole(body) => {
                let (host, request) = (self.host.clone(), self.request);
                self.send(place, || host.bridge().respond(request, response.status, &headers, body.clone()))
                    .await;
            }
            Body::Streamed(produce) => {
                let status = self.host.bridge().head(self.request, response.status, &headers);
                if self.refused(place, status).await {
                    return;
                }
                let end = contain(&self.host, place, produce(self.stream())).await;
                self.end(place, end.map(|end| end.map(|()| (String::new(), Bytes::new())))).await;
            }
        }
    }

    /// Answers a call.
    pub(super) async fn call(mut self, place: &str, mut given: Given<Reply>) {
        loop {
            given = match given {
                Ok(Ok(Reply(Answer::Streamed(produce)))) => {
                    contain(&self.host, place, produce(self.stream())).await
                }
                Ok(Ok(Reply(Answer::Whole { message, data }))) => {
                    return self.end(place, Ok(Ok((message, data)))).await;
                }
                Ok(Err(error)) => return self.end(place, Ok(Err(error))).await,
                Err(panicked) => return self.end(place, Err(panicked)).await,
            };
        }
    }

    /// Answers with bytes alone: health, pause.
    pub(super) async fn bytes(mut self, place: &str, given: Given<Bytes>) {
        self.end(place, given.map(|given| given.map(|data| (String::new(), data)))).await;
    }

    /// Says that there is no time for it any more.
    pub(super) fn turn_away(mut self) {
        self.answered = true;
        let _ = self.host.bridge().fail(self.request, Status::BUSY, "the plugin is stopping", Bytes::new());
    }

    fn stream(&self) -> Stream {
        Stream { host: self.host.clone(), request: self.request, signal: self.signal.clone() }
    }

    /// The last of an answer: message and data, or an error.
    async fn end(&mut self, place: &str, given: Given<(String, Bytes)>) {
        match given {
            Ok(Ok((message, data))) => {
                let (host, request) = (self.host.clone(), self.request);
                self.send(place, || host.bridge().finish(request, &message, data.clone())).await;
            }
            Ok(Err(error)) => {
                self.log(place, &error);
                self.fail(error.status(), error.public_message(), error.call_data()).await;
            }
            Err(Panicked) => self.fail(Status::INTERNAL, "the plugin failed", Bytes::new()).await,
        }
    }

    async fn fail(&mut self, status: Status, message: &str, data: Bytes) {
        self.answered = true;
        loop {
            self.signal.mark_unchanged();
            match self.host.bridge().fail(self.request, status, message, data.clone()) {
                Status::BUSY if self.signal.changed().await.is_ok() => {}
                _ => return,
            }
        }
    }

    /// Sends an answer, again after each `BUSY`.
    async fn send(&mut self, place: &str, attempt: impl Fn() -> Status) {
        loop {
            self.signal.mark_unchanged();
            match attempt() {
                // A resume between the mark and the answer ends the wait at once.
                Status::BUSY if self.signal.changed().await.is_ok() => {}
                status => {
                    self.refused(place, status).await;
                    self.answered = true;
                    return;
                }
            }
        }
    }

    /// Whether the host did not take an answer. One that it finds wrong is our fault: the request gets another.
    async fn refused(&mut self, place: &str, status: Status) -> bool {
        match status {
            Status::OK => false,
            Status::CLOSED | Status::NOT_FOUND => {
                self.answered = true;
                true
            }
            status => {
                self.log(place, &Error::internal(format!("the host refused the answer: {status}")));
                self.fail(Status::INTERNAL, "the plugin failed", Bytes::new()).await;
                true
            }
        }
    }

    /// A fault of the plugin's own is told in the log, and there alone.
    fn log(&self, place: &str, error: &Error) {
        if error.status() == Status::INTERNAL {
            self.host.log().error(format_args!("{place}: {error}"));
        }
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if !self.answered {
            // Nothing more can be done for it than this.
            let message = "the plugin gave the request up";
            let _ = self.host.bridge().fail(self.request, Status::INTERNAL, message, Bytes::new());
        }
        self.host.requests().close(self.request);
    }
}
