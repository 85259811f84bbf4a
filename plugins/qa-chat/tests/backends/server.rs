//! A server of HTTP that does to each connection what a test says.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// For how long anything is waited for before a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// What it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// From 0, in the order of arrival.
    pub(crate) number: usize,
    /// The head, in lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// See the module's documentation. Its threads end with the process.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    requests: Receiver<Request>,
    /// Tells of each connection whose client has closed it while something was being sent or waited for.
    closed: Receiver<()>,
}

/// A connection whose request is read.
pub(crate) struct Connection {
    stream: TcpStream,
    closed: Sender<()>,
}

impl Server {
    pub(crate) fn answering(answer: impl Fn(&Request, Connection) + Send + Sync + Clone + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ((told, requests), (closing, closed)) = (channel(), channel());
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let (answer, told, closed, stream) =
                    (answer.clone(), told.clone(), closing.clone(), stream.unwrap());
                thread::spawn(move || {
                    let Some(request) = read(number, &stream) else { return };
                    // The test may be over.
                    let _unheard = told.send(request.clone());
                    answer(&request, Connection { stream, closed });
                });
            }
        });
        Self { address, requests, closed }
    }

    /// The next request.
    pub(crate) fn request(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("no request came")
    }

    /// Waits until a client has closed its connection before its answer was whole.
    pub(crate) fn sees_a_close(&self) {
        self.closed.recv_timeout(PATIENCE).expect("the connection stays open");
    }

    pub(crate) fn openai(&self) -> Value {
        let url = format!("http://{}/v1/", self.address);
        json!({"backend": "openai", "openai": {"url": url, "model": "small", "api_key": "secret-key"}})
    }

    pub(crate) fn http(&self) -> Value {
        json!({"backend": "http", "http": {"url": format!("http://{}/ask?x=1", self.address), "token": "secret-token"}})
    }
}

impl Connection {
    /// Sends a whole answer.
    pub(crate) fn answer(self, status: u16, content_type: &str, body: &str) {
        self.answer_with(status, &format!("content-type: {content_type}"), body);
    }

    /// The same, with these lines in its head.
    pub(crate) fn answer_with(mut self, status: u16, headers: &str, body: &str) {
        let head = format!("HTTP/1.1 {status} X\r\n{headers}\r\ncontent-length: {}\r\n\r\n", body.len());
        let _gone = self.stream.write_all((head + body).as_bytes());
    }

    /// Begins an event stream, which lasts until the connection ends.
    pub(crate) fn stream(&mut self) {
        self.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n");
    }

    /// Sends bytes as they are; whether they were taken.
    pub(crate) fn send(&mut self, text: &str) -> bool {
        let sent = self.stream.write_all(text.as_bytes()).is_ok();
        if !sent {
            let _unheard = self.closed.send(());
        }
        sent
    }

    pub(crate) fn event(&mut self, data: &str) -> bool {
        self.send(&format!("data: {data}\r\n\r\n"))
    }

    /// A piece of text as OpenAI's endpoint has it.
    pub(crate) fn delta(&mut self, text: &str) -> bool {
        self.event(
            &json!({"model": "small-1", "choices": [{"index": 0, "delta": {"content": text}}]}).to_string(),
        )
    }

    /// Sends nothing more, until the client closes the connection.
    pub(crate) fn stall(mut self) {
        while let Ok(1..) = self.stream.read(&mut [0; 64]) {}
        let _unheard = self.closed.send(());
    }
}

/// Reads a request whole; none where the connection ends before.
fn read(number: usize, mut stream: &TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_lowercase();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(Request { number, body: serde_json::from_str(body).unwrap(), head });
        }
    }
}
