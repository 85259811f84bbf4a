//! The least that a server of one process can do: it accepts, answers 101, and sends what a publisher sends to all
//! with one `send` per subscriber and read. It knows no rooms, checks nothing and keeps nothing: what it takes per
//! delivery is the kernel's.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

use crate::websocket::{SWITCHED, unmask};

/// Clients whose first request is for a path that starts so publish; all others subscribe.
const PUBLISHES: &[u8] = b"GET /pub";

/// Who is no subscriber.
enum Guest {
    New(TcpStream),
    /// With what has come of a frame that is not whole.
    Publisher(TcpStream, Vec<u8>),
}

struct Floor {
    epoll: OwnedFd,
    guests: HashMap<RawFd, Guest>,
    /// Side by side, so that nothing is looked up on the way.
    subscribers: Vec<TcpStream>,
    buffer: Vec<u8>,
}

/// Serves until the process ends.
///
/// # Errors
/// What the kernel refuses.
pub fn serve(listener: &TcpListener) -> io::Result<()> {
    let epoll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, listener, key(listener), EventFlags::IN)?;
    let mut floor =
        Floor { epoll, guests: HashMap::new(), subscribers: Vec::new(), buffer: vec![0; 1 << 20] };
    let mut events = Vec::with_capacity(256);
    loop {
        epoll::wait(&floor.epoll, spare_capacity(&mut events), None)?;
        for event in events.drain(..) {
            match event.data.u64() as RawFd {
                ready if ready == listener.as_raw_fd() => floor.accept(listener)?,
                ready => floor.read(ready),
            }
        }
    }
}

fn key(socket: &impl AsRawFd) -> EventData {
    EventData::new_u64(socket.as_raw_fd() as u64)
}

impl Floor {
    fn accept(&mut self, listener: &TcpListener) -> io::Result<()> {
        let (client, _) = listener.accept()?;
        client.set_nonblocking(true)?;
        client.set_nodelay(true)?;
        epoll::add(&self.epoll, &client, key(&client), EventFlags::IN)?;
        self.guests.insert(client.as_raw_fd(), Guest::New(client));
        Ok(())
    }

    /// Reads from whoever has something to say.
    fn read(&mut self, ready: RawFd) {
        match self.guests.remove(&ready) {
            Some(Guest::New(client)) => self.welcome(client),
            Some(Guest::Publisher(client, rest)) => self.publish(client, rest),
            None => {
                let known = self.subscribers.iter().position(|subscriber| subscriber.as_raw_fd() == ready);
                let Some(number) = known else { return };
                if receive(&mut self.subscribers[number], &mut self.buffer) == Some(0) {
                    self.subscribers.swap_remove(number);
                }
            }
        }
    }

    fn welcome(&mut self, mut client: TcpStream) {
        let ready = client.as_raw_fd();
        match receive(&mut client, &mut self.buffer) {
            None => drop(self.guests.insert(ready, Guest::New(client))),
            Some(0) => {}
            Some(length) => {
                // One that takes no answer is seen to be gone when it is read next.
                let _ = client.write_all(SWITCHED.as_bytes());
                if self.buffer[..length].starts_with(PUBLISHES) {
                    self.guests.insert(ready, Guest::Publisher(client, Vec::new()));
                } else {
                    self.subscribers.push(client);
                }
            }
        }
    }

    fn publish(&mut self, mut client: TcpStream, mut rest: Vec<u8>) {
        match receive(&mut client, &mut self.buffer) {
            Some(0) => return,
            None => {}
            Some(length) => {
                rest.extend_from_slice(&self.buffer[..length]);
                let frames = unmask(&mut rest);
                self.subscribers.iter().for_each(|subscriber| send_all(subscriber, &frames));
            }
        }
        self.guests.insert(client.as_raw_fd(), Guest::Publisher(client, rest));
    }
}

/// How much has come: 0 at the end, and nothing where there is nothing yet.
fn receive(client: &mut TcpStream, buffer: &mut [u8]) -> Option<usize> {
    match client.read(buffer) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        answer => Some(answer.unwrap_or(0)),
    }
}

fn send_all(subscriber: &TcpStream, mut frames: &[u8]) {
    while !frames.is_empty() {
        match send(subscriber, frames, SendFlags::NOSIGNAL) {
            Ok(taken) => frames = &frames[taken..],
            Err(Errno::AGAIN) => {}
            Err(_) => return, // gone: that is read next
        }
    }
}
