//! One connection of a load.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use memchr::memmem;
use rustls::{ClientConnection, Stream};
use socket2::{Domain, Socket, Type};

use super::inflater::Inflater;
use super::{Error, Side, Target, system};
use crate::marker::Carry;
use crate::websocket;

/// For how long a client waits to be let in.
const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes that the kernel takes for one that does not read.
const UNREAD: usize = 4096;
/// Bytes of a segment to such a one.
const SEGMENT: u32 = 536;

/// A connection that has been upgraded.
pub(super) struct Connection {
    pub(super) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// Where messages come compressed; without TLS.
    inflater: Option<Box<Inflater>>,
    pub(super) carry: Carry,
    /// Events that have come.
    pub(super) got: u64,
    /// When the last of them was sent.
    pub(super) latest: u64,
}

/// What a client of a side says for itself.
#[derive(Clone, Copy)]
pub(super) struct Number {
    /// Its own (`%N`).
    pub(super) member: usize,
    /// Its room's (`%R`).
    pub(super) room: usize,
}

impl Connection {
    /// Connects, is upgraded, sends what the side sends, and waits until it is in.
    pub(super) fn open(target: &Target, side: &Side, number: Number, reads: bool) -> Result<Self, Error> {
        let mut stream = connect(target.address, reads).map_err(system("connect"))?;
        stream
            .set_nodelay(true)
            .and(stream.set_read_timeout(Some(PATIENCE)))
            .map_err(system("setsockopt"))?;
        let mut tls = match &target.tls {
            None => None,
            Some(config) => {
                let session = ClientConnection::new(config.clone(), target.address.ip().into());
                Some(Box::new(session.map_err(|error| Error::Refused(error.to_string()))?))
            }
        };
        match &mut tls {
            None => enter(&mut stream, target, side, number)?,
            Some(session) => enter(&mut Stream::new(&mut **session, &mut stream), target, side, number)?,
        }
        stream.set_nonblocking(true).map_err(system("fcntl"))?;
        let inflater = side.inflates.then(Box::default);
        Ok(Self { stream, tls, inflater, carry: Carry::default(), got: 0, latest: 0 })
    }

    /// Reads what is there: 0 at the end, and `WouldBlock` where there is nothing.
    pub(super) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        if let Some(inflater) = &mut self.inflater {
            return inflater.read(&mut self.stream, space);
        }
        let Some(session) = &mut self.tls else { return self.stream.read(space) };
        loop {
            match session.reader().read(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                come => return come,
            }
            if session.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            session.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Writes what goes; `WouldBlock` where nothing does.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(session) = &mut self.tls else { return self.stream.write(bytes) };
        // What the session has taken is gone for its owner: it is sent before more is.
        while session.wants_write() {
            session.write_tls(&mut self.stream)?;
        }
        let taken = session.writer().write(bytes)?;
        while session.wants_write() {
            match session.write_tls(&mut self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                written => written?,
            };
        }
        Ok(taken)
    }
}

/// One that will not read gets a small window and small segments, by which the server's kernel reckons how much it keeps:
/// what it does not read is soon left to the server.
fn connect(address: SocketAddr, reads: bool) -> io::Result<TcpStream> {
    if reads {
        return TcpStream::connect(address);
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_recv_buffer_size(UNREAD)?;
    socket.set_tcp_mss(SEGMENT)?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

fn enter(link: &mut (impl Read + Write), target: &Target, side: &Side, number: Number) -> Result<(), Error> {
    let request = websocket::upgrade(
        &target.address.to_string(),
        &side.path,
        if side.inflates { websocket::OFFER } else { "" },
    );
    link.write_all(request.as_bytes()).map_err(system("send"))?;
    let mut come = Vec::new();
    let head = wait(link, &mut come, b"\r\n\r\n")?;
    let agreed = memmem::find(&come[..head].to_ascii_lowercase(), b"permessage-deflate").is_some();
    if !come.starts_with(b"HTTP/1.1 101 ") || agreed != side.inflates {
        return Err(Error::Refused(String::from_utf8_lossy(&come).into_owned()));
    }
    come.drain(..head);
    let mut frames = Vec::new();
    for hello in &side.hello {
        let text = hello.replace("%R", &number.room.to_string()).replace("%N", &number.member.to_string());
        websocket::text(text.as_bytes(), &mut frames);
    }
    link.write_all(&frames).map_err(system("send"))?;
    if !side.ready.is_empty() {
        wait(link, &mut come, side.ready.as_bytes())?;
    }
    Ok(())
}

/// Reads until `end` has come, and answers where it ends.
fn wait(link: &mut impl Read, come: &mut Vec<u8>, end: &[u8]) -> Result<usize, Error> {
    let deadline = Instant::now() + PATIENCE;
    let mut space = [0; 4096];
    loop {
        if let Some(at) = memmem::find(come, end) {
            return Ok(at + end.len());
        }
        let length = match link.read(&mut space) {
            Ok(length) if length > 0 && Instant::now() < deadline => length,
            _ => return Err(Error::Refused(String::from_utf8_lossy(come).into_owned())),
        };
        come.extend_from_slice(&space[..length]);
    }
}
