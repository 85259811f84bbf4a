//! `tidegate listen`: a client to look with. It joins rooms, prints what arrives, and sends what is typed.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures_util::{SinkExt, StreamExt};
use http::header::{AUTHORIZATION, HeaderValue};
use serde_json::json;
use tidegate::hub::Criterion;
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

mod show;
pub(super) mod trust;

use show::Shower;
use trust::Trust;

/// How long a connection may take to be made, or the other side to answer a close.
const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The options of `listen`.
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to connect, such as ws://127.0.0.1:8080/ws, or wss:// for TLS
    url: String,
    /// A room to join; may be given more than once
    #[arg(short, long = "room", value_name = "ROOM")]
    rooms: Vec<String>,
    /// An event type to subscribe to, such as agent_*; without any, every event is printed
    #[arg(short, long = "subscribe", value_name = "TYPE")]
    types: Vec<String>,
    /// What events have to be like, such as 'data.price < 10.5 and exists(tags.live)'; the gateway's /docs have the rest
    #[arg(short, long = "where", value_name = "CRITERION")]
    criterion: Option<Criterion>,
    /// Print each frame as it is, one a line
    #[arg(long)]
    json: bool,
    /// The token to show to the gateway
    #[arg(long)]
    token: Option<String>,
    #[command(flatten)]
    trust: Trust,
}

const EXAMPLES: &str = "\
Examples:
  tidegate listen ws://127.0.0.1:8080/ws --room agents
  tidegate listen ws://127.0.0.1:8080/ws --room agents --subscribe 'agent_*' --json | jq .event_type
  tidegate listen wss://localhost:8443/ws --ca certs/ca.pem

Each line that is typed is sent as one message, such as {\"action\":\"ping\"}. Ctrl-C ends it. The exit code is 1 where the
connection cannot be made or breaks, and 0 where either side closes it in order.";

/// Why listening ended early.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// `url`: without its query, which may hold a token.
    #[error("cannot connect to {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("given up before the connection was made")]
    GivenUp,
    #[error("the connection broke: {0}")]
    Broken(#[from] Error),
    #[error("the connection broke without a close")]
    Cut,
    #[error("the gateway closed the session: {0}")]
    Closed(String),
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Whether the environment lets a terminal have colour (no-color.org).
pub(super) fn colour_wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Listens until either side ends it.
pub(super) fn run(arguments: Arguments) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(listen(arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader has gone (`| head`), which is its way to say that it has enough.
        Err(Failure::System(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn listen(arguments: Arguments) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut socket = tokio::select! {
        socket = connect(&arguments) => socket?,
        _ = interrupt.recv() => return Err(Failure::GivenUp),
        _ = terminate.recv() => return Err(Failure::GivenUp),
    };
    for request in first_requests(&arguments) {
        socket.send(Message::text(request)).await?;
    }
    let colour = io::stdout().is_terminal() && colour_wanted();
    let shower = if arguments.json { Shower::raw() } else { Shower::for_people(colour) };
    let mut typed = typed_lines();
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Close(frame))) => return closed(frame),
                Some(Ok(message)) => print(&shower, &message)?,
                Some(Err(error)) => return Err(error.into()),
                None => return Err(Failure::Cut),
            },
            // Where nothing more is typed, it goes on listening.
            Some(line) = typed.recv() => socket.send(Message::text(line)).await?,
            _ = interrupt.recv() => return leave(socket).await,
            _ = terminate.recv() => return leave(socket).await,
        }
    }
}

async fn connect(arguments: &Arguments) -> Result<Socket, Failure> {
    let url = arguments.url.as_str();
    let shown = url.split('?').next().unwrap_or(url);
    let failure = |reason: String| Failure::Connect { url: shown.to_owned(), reason };
    let connector = arguments.trust.connector().map_err(|error| failure(error.to_string()))?;
    let mut request = url.into_client_request().map_err(|error| failure(explain(error)))?;
    if let Some(token) = &arguments.token {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        let mut value = value.map_err(|_| failure("the token holds characters that no header can".into()))?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let connecting = connect_async_tls_with_config(request, None, true, connector);
    match timeout(PATIENCE, connecting).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => Err(failure(explain(error))),
        Err(_) => Err(failure(format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}

/// What an operator can do something with: of a refusal its status, and the detail that the gateway gave.
fn explain(error: Error) -> String {
    let response = match error {
        Error::Http(response) => response,
        other => return other.to_string(),
    };
    let problem =
        response.body().as_deref().and_then(|body| serde_json::from_slice::<serde_json::Value>(body).ok());
    let detail = problem.as_ref().and_then(|problem| problem.get("detail")?.as_str());
    match detail {
        Some(detail) => format!("refused with status {}: {}", response.status(), show::plain(detail)),
        None => format!("refused with status {}", response.status()),
    }
}

fn first_requests(arguments: &Arguments) -> Vec<String> {
    let mut filter = serde_json::Map::new();
    if !arguments.types.is_empty() {
        filter.insert("event_types".into(), json!(arguments.types));
    }
    if let Some(criterion) = &arguments.criterion {
        filter.insert("where".into(), json!(criterion.text()));
    }
    let subscribe = (!filter.is_empty()).then(|| json!({ "action": "subscribe", "data": filter }));
    let joins = arguments.rooms.iter().map(|room| json!({ "action": "join", "room": room }));
    // The filter first, so that no other event slips through before it.
    subscribe.into_iter().chain(joins).map(|request| request.to_string()).collect()
}

/// The lines typed, read by a thread of its own: a read from a terminal cannot be called off.
fn typed_lines() -> mpsc::Receiver<String> {
    let (send, typed) = mpsc::channel(16);
    std::thread::spawn(move || {
        let lines = io::stdin().lock().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            if send.blocking_send(line).is_err() {
                return;
            }
        }
    });
    typed
}

fn print(shower: &Shower, message: &Message) -> Result<(), Failure> {
    let line = match message {
        Message::Text(text) => shower.text(text),
        Message::Binary(bytes) => shower.binary(bytes),
        _ => return Ok(()),
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// The other side has closed; the answer to it is sent by the library.
fn closed(frame: Option<CloseFrame>) -> Result<(), Failure> {
    let Some(CloseFrame { code, reason }) = frame else { return Ok(()) };
    let told = format!("{} {}", u16::from(code), show::plain(&reason));
    match code {
        CloseCode::Normal | CloseCode::Away | CloseCode::Restart => {
            eprintln!("the gateway closed the session: {}", told.trim_end());
            Ok(())
        }
        _ => Err(Failure::Closed(told.trim_end().to_owned())),
    }
}

/// Closes in order: says so, and waits for the answer.
async fn leave(mut socket: Socket) -> Result<(), Failure> {
    let farewell = CloseFrame { code: CloseCode::Normal, reason: "".into() };
    let closing = async {
        socket.close(Some(farewell)).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok(())
    };
    timeout(PATIENCE, closing).await.unwrap_or(Ok(()))
}
