//! A server on loopback: an issuer's, with its keys, or one that is asked for leave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

type Answers = dyn Fn(&str) -> (u16, String) + Send;

/// Answers each request by its body, and keeps the bodies.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    answers: Arc<Mutex<Box<Answers>>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// One for each answer that may go out.
    leave: Arc<Semaphore>,
}

impl Server {
    /// Answers what `answers` says, status and body.
    pub(crate) async fn answering(answers: impl Fn(&str) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers: Box<Answers> = Box::new(answers);
        let leave = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let server = Self { address, answers: Arc::new(Mutex::new(answers)), asked: Arc::default(), leave };
        let own = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                own.answer(stream).await;
            }
        });
        server
    }

    /// Answers the same to all.
    pub(crate) async fn serving(body: String) -> Self {
        Self::answering(move |_| (200, body.clone())).await
    }

    /// From here on it answers this.
    pub(crate) fn serve(&self, body: String) {
        *self.answers.lock().unwrap() = Box::new(move |_| (200, body.clone()));
    }

    /// From here on it is asked, and answers only what is [let go](Self::release).
    pub(crate) fn hold(&self) {
        self.leave.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Lets one answer go.
    pub(crate) fn release(&self) {
        self.leave.add_permits(1);
    }

    /// Waits until it was asked so often.
    pub(crate) async fn asked_times(&self, times: usize) {
        while self.asked().len() < times {
            tokio::task::yield_now().await;
        }
    }

    /// What it was asked.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        stream.read_exact(&mut body).await.unwrap();
        let body = String::from_utf8(body).unwrap();
        let (status, answer) = (self.answers.lock().unwrap())(&body);
        self.asked.lock().unwrap().push(body);
        self.leave.acquire().await.unwrap().forget();
        let head = format!("HTTP/1.1 {status} Whatever\r\nContent-Length: {}\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
    }
}
