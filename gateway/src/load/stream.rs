//! A connection's bytes, under TLS or not, without ever waiting.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use socket2::{Domain, Protocol, Socket, Type};

use super::target::Target;

/// What the kernel holds for a reader that is to be slow, bytes.
const NARROW: usize = 16 * 1024;

/// One connection.
pub(super) struct Stream {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Stream {
    /// Begins to connect. What is written before the connection is there waits in front of it.
    pub(super) fn dial(
        target: &Target,
        number: u32,
        tls: Option<&(Arc<ClientConfig>, ServerName<'static>)>,
        narrow: bool,
    ) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(target.address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if narrow {
            socket.set_recv_buffer_size(NARROW)?;
        }
        if let Some(source) = target.source(number) {
            socket.bind(&SocketAddr::from((source, 0)).into())?;
        }
        match socket.connect(&target.address.into()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
                return Err(error);
            }
            _ => {}
        }
        let tls = match tls {
            None => None,
            Some((config, name)) => {
                let mut tls =
                    ClientConnection::new(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
                tls.set_buffer_limit(None);
                Some(Box::new(tls))
            }
        };
        Ok(Self { socket: socket.into(), tls })
    }

    /// Why it could not be made, where it could not.
    pub(super) fn failure(&self) -> Option<io::Error> {
        self.socket.take_error().unwrap_or_else(Some)
    }

    /// Reads what is there and fits. Under TLS more may be there, which no readiness tells: it is read on until this is
    /// [`WouldBlock`](ErrorKind::WouldBlock).
    pub(super) fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.socket.read(into) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // Who cuts the connection without TLS' own end has ended it all the same.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            let read = tls.read_tls(&mut self.socket)?;
            let state = tls.process_new_packets().map_err(io::Error::other)?;
            if read == 0 && state.plaintext_bytes_to_read() == 0 {
                return Ok(0);
            }
        }
    }

    /// Whether a read may bring more than readiness tells of.
    pub(super) fn reads_on(&self) -> bool {
        self.tls.is_some()
    }

    /// Whether TLS has something to say of its own.
    pub(super) fn has_to_send(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Writes as much of `pending` as is taken, and takes it out there. Answers whether nothing is left to be written.
    pub(super) fn send(&mut self, pending: &mut Vec<u8>) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else {
            let mut sent = 0;
            while sent < pending.len() {
                match self.socket.write(&pending[sent..]) {
                    Ok(count) => sent += count,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            pending.drain(..sent);
            return Ok(pending.is_empty());
        };
        tls.writer().write_all(pending)?;
        pending.clear();
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
