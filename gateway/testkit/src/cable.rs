//! The network between a client and a server, which can be cut.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use rustix::net::sockopt::set_socket_linger;

/// A cable to a server: what connects to its [port](Cable::port) is connected to the server, as long as it is not cut.
#[derive(Debug)]
pub struct Cable {
    port: u16,
    ends: Arc<Ends>,
}

/// What the threads of a cable share.
#[derive(Debug)]
struct Ends {
    server: SocketAddr,
    line: Mutex<Line>,
    changed: Condvar,
}

/// How a cable is, and what runs over it.
#[derive(Debug, Default)]
struct Line {
    state: State,
    /// Both sockets of each connection since it was last severed.
    sockets: Vec<TcpStream>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Whole,
    /// Nothing comes through, and nobody is told.
    Silent,
    /// Connections break, and new ones do.
    Severed,
    /// It is no more.
    Gone,
}

impl Cable {
    /// A cable to a server on this machine.
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let ends = Ends {
            server: (Ipv4Addr::LOCALHOST, port).into(),
            line: Mutex::default(),
            changed: Condvar::new(),
        };
        let ends = Arc::new(ends);
        let theirs = ends.clone();
        thread::spawn(move || accept(&listener, &theirs));
        Self { port: own, ends }
    }

    /// Where to connect instead of to the server.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing through any more, as a network that loses all: connections stay open, and new ones are accepted, without a byte.
    /// What is sent meanwhile comes once it is [mended](Cable::mend).
    pub fn silence(&self) {
        self.ends.turn(State::Silent);
    }

    /// Breaks each connection with a reset, and each new one as long as it is not [mended](Cable::mend).
    pub fn sever(&self) {
        self.ends.turn(State::Severed);
        self.ends.reset();
    }

    /// Lets all through again.
    pub fn mend(&self) {
        self.ends.turn(State::Whole);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.ends.turn(State::Gone);
        self.ends.reset();
        // The acceptor sees that it is over.
        let _gone_already = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Ends {
    fn turn(&self, state: State) {
        self.line.lock().unwrap().state = state;
        self.changed.notify_all();
    }

    /// Waits until it is not silent.
    fn heard(&self) -> State {
        let line = self.line.lock().unwrap();
        self.changed.wait_while(line, |line| line.state == State::Silent).unwrap().state
    }

    /// Keeps a connection's sockets, unless it is cut by now.
    fn keep(&self, near: &TcpStream, far: &TcpStream) -> bool {
        let mut line = self.line.lock().unwrap();
        if matches!(line.state, State::Severed | State::Gone) {
            return false;
        }
        line.sockets.extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
        true
    }

    /// Breaks all that runs over it.
    fn reset(&self) {
        for socket in self.line.lock().unwrap().sockets.drain(..) {
            break_off(&socket);
        }
    }
}

/// Ends a connection with a reset.
fn break_off(socket: &TcpStream) {
    let _broken_already = set_socket_linger(socket, Some(std::time::Duration::ZERO));
    let _broken_already = socket.shutdown(Shutdown::Both);
}

/// Connects who comes, until the cable is gone.
fn accept(listener: &TcpListener, ends: &Arc<Ends>) {
    for near in listener.incoming() {
        let Ok(near) = near else { return };
        let state = ends.line.lock().unwrap().state;
        match state {
            State::Gone => return,
            State::Severed => break_off(&near),
            State::Whole | State::Silent => {
                let ends = ends.clone();
                thread::spawn(move || connect(near, &ends));
            }
        }
    }
}

/// Connects to the server once anything comes through, and carries bytes both ways.
fn connect(near: TcpStream, ends: &Arc<Ends>) {
    if ends.heard() != State::Whole {
        return break_off(&near);
    }
    let Ok(far) = TcpStream::connect(ends.server) else { return break_off(&near) };
    if !ends.keep(&near, &far) {
        return break_off(&near);
    }
    let (back_from, back_to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    let theirs = ends.clone();
    thread::spawn(move || carry(back_from, back_to, &theirs));
    carry(near, far, ends);
}

/// Carries bytes until either side ends.
fn carry(mut from: TcpStream, mut to: TcpStream, ends: &Ends) {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes);
        let state = ends.heard();
        match read {
            Ok(n) if n > 0 && state == State::Whole && to.write_all(&bytes[..n]).is_ok() => {}
            Ok(0) => {
                let _closed_already = to.shutdown(Shutdown::Write);
                return;
            }
            _ => {
                break_off(&from);
                break_off(&to);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use super::*;

    /// A server that says back what it is told.
    fn echo() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut bytes = [0; 16];
                    while let Ok(n @ 1..) = stream.read(&mut bytes) {
                        stream.write_all(&bytes[..n]).unwrap();
                    }
                });
            }
        });
        port
    }

    fn said(stream: &mut TcpStream) -> Vec<u8> {
        let mut bytes = [0; 16];
        let n = stream.read(&mut bytes).unwrap();
        bytes[..n].to_vec()
    }

    #[test]
    fn what_a_silent_cable_keeps_comes_once_it_is_mended() {
        let cable = Cable::to(echo());
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cable.port())).unwrap();
        stream.write_all(b"one").unwrap();
        assert_eq!(said(&mut stream), b"one");
        cable.silence();
        stream.write_all(b"two").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(stream.read(&mut [0; 4]).unwrap_err().kind(), ErrorKind::WouldBlock);
        stream.set_read_timeout(None).unwrap();
        cable.mend();
        assert_eq!(said(&mut stream), b"two");
    }

    #[test]
    fn a_severed_cable_breaks_what_runs_over_it_and_what_comes() {
        let cable = Cable::to(echo());
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, cable.port())).unwrap();
        stream.write_all(b"one").unwrap();
        assert_eq!(said(&mut stream), b"one");
        cable.sever();
        assert!(matches!(stream.read(&mut [0; 4]), Ok(0) | Err(_)));
        let mut other = TcpStream::connect((Ipv4Addr::LOCALHOST, cable.port())).unwrap();
        assert!(matches!(other.read(&mut [0; 4]), Ok(0) | Err(_)));
        cable.mend();
        let mut after = TcpStream::connect((Ipv4Addr::LOCALHOST, cable.port())).unwrap();
        after.write_all(b"two").unwrap();
        assert_eq!(said(&mut after), b"two");
    }
}
