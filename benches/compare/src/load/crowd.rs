//! Members who lose their connections all at once and come back all at once, while events go on: they know the last that they
//! have got, ask for what came after it, and find out whether they get exactly that.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use memchr::memmem;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use socket2::{Domain, Socket, Type};

use super::connection::{Connection, Number};
use super::publisher::Publisher;
use super::{Aim, Error, Target, system, times};
use crate::process::now;
use crate::websocket;

/// What is read at once.
const READ: usize = 64 << 10;
/// Connections that are looked at between two looks at the publishers.
const EVENTS: usize = 256;
/// For how long those who come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// See the module's documentation. All connections end with it.
pub struct Crowd {
    target: Target,
    epoll: OwnedFd,
    events: Vec<Event>,
    space: Vec<u8>,
    members: Vec<Member>,
    publishers: Vec<Publisher>,
    /// The last offset that anybody has got, by room.
    heads: Vec<u64>,
    /// Members who are not in their rooms yet.
    out: usize,
    /// Events that came to a member out of their order, and joins that did not give back all that was missed.
    wrong: u64,
}

/// One of them.
struct Member {
    /// The name of its room, and its number in the crowd.
    name: String,
    room: usize,
    stream: TcpStream,
    phase: Phase,
    /// What has come of a frame that is not whole.
    carry: Vec<u8>,
    /// The last event that it has got; without an epoch it has been in no room yet.
    epoch: String,
    offset: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Connects,
    Upgrades,
    Joins,
    In,
}

impl Crowd {
    /// Nobody yet.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn new(target: Target) -> Result<Self, Error> {
        let epoll =
            epoll::create(CreateFlags::CLOEXEC).map_err(|error| system("epoll_create")(error.into()))?;
        Ok(Self {
            target,
            epoll,
            events: Vec::with_capacity(EVENTS),
            space: vec![0; READ],
            members: Vec::new(),
            publishers: Vec::new(),
            heads: Vec::new(),
            out: 0,
            wrong: 0,
        })
    }

    /// Lets members in: so many in each of so many rooms, whose names begin with `start`.
    ///
    /// # Errors
    /// Where one of them is not let in.
    pub fn enter(&mut self, start: &str, rooms: usize, each: usize) -> Result<(), Error> {
        for room in 0..rooms {
            for _ in 0..each {
                let (name, room) = (format!("{start}{room}"), self.heads.len());
                let stream = self.connect(self.members.len())?;
                let (epoch, carry) = (String::new(), Vec::new());
                self.members.push(Member {
                    name,
                    room,
                    stream,
                    phase: Phase::Connects,
                    carry,
                    epoch,
                    offset: 0,
                });
                self.out += 1;
            }
            self.heads.push(0);
            // In turn, as this is not what is measured.
            self.go_until(|crowd| crowd.out == 0)?;
        }
        Ok(())
    }

    /// Connects a publisher, at whose rate events come from now on.
    ///
    /// # Errors
    /// Where it is not let in.
    pub fn aim(&mut self, aim: Aim) -> Result<(), Error> {
        let mut publisher = Publisher::new(
            Connection::open(&self.target, &aim.side, Number { member: 0, room: 0 }, true)?,
            aim,
        );
        let number = usize::MAX - self.publishers.len();
        self.watch(&publisher.connection.stream, number, EventFlags::IN)?;
        publisher.begin(now());
        self.publishers.push(publisher);
        Ok(())
    }

    /// Lets events go on for a while.
    ///
    /// # Errors
    /// Where a connection ends.
    pub fn go(&mut self, time: Duration) -> Result<(), Error> {
        let end = now() + time.as_nanos() as u64;
        while now() < end {
            self.step()?;
        }
        Ok(())
    }

    /// The members from number `first` on lose their connections at once, and come back at once. Answers how long it takes until the
    /// last of them has all that it has missed.
    ///
    /// # Errors
    /// Where one of them is not let in.
    pub fn wave(&mut self, first: usize) -> Result<Duration, Error> {
        let begun = now();
        for number in first..self.members.len() {
            let stream = self.connect(number)?;
            let member = &mut self.members[number];
            (member.stream, member.phase) = (stream, Phase::Connects);
            member.carry.clear();
            self.out += 1;
        }
        self.go_until(|crowd| crowd.out == 0)?;
        let heads = self.heads.clone();
        self.go_until(|crowd| crowd.members.iter().all(|member| member.offset >= heads[member.room]))?;
        Ok(Duration::from_nanos(now() - begun))
    }

    /// Publishes nothing more, and waits until nothing comes; answers how many deliveries were wrong or are missing.
    ///
    /// # Errors
    /// Where a connection ends.
    pub fn end(mut self) -> Result<u64, Error> {
        let published: u64 = self.publishers.iter().map(|publisher| publisher.published).sum();
        let deadline = now() + PATIENCE.as_nanos() as u64;
        let lacks = |crowd: &Self| {
            let unseen = published.abs_diff(crowd.heads.iter().sum());
            let missing = |member: &Member| crowd.heads[member.room].abs_diff(member.offset);
            unseen + crowd.members.iter().map(missing).sum::<u64>()
        };
        while lacks(&self) > 0 && now() < deadline {
            for publisher in &mut self.publishers {
                publisher.flush()?;
            }
            self.read(Duration::from_millis(20))?;
        }
        Ok(self.wrong + lacks(&self))
    }

    fn go_until(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), Error> {
        let deadline = now() + PATIENCE.as_nanos() as u64;
        while !done(self) {
            if now() > deadline {
                return Err(Error::Refused(format!("{} are still out", self.out)));
            }
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> Result<(), Error> {
        let mut late = times();
        for publisher in &mut self.publishers {
            publisher.publish(0, now, &mut late, |_| {})?;
        }
        self.read(Duration::ZERO)
    }

    fn connect(&self, number: usize) -> Result<TcpStream, Error> {
        let socket = Socket::new(Domain::for_address(self.target.address), Type::STREAM, None);
        let socket = socket
            .and_then(|socket| socket.set_nonblocking(true).map(|()| socket))
            .map_err(system("socket"))?;
        match socket.connect(&self.target.address.into()) {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            connected => connected.map_err(system("connect"))?,
        }
        let stream = TcpStream::from(socket);
        stream.set_nodelay(true).map_err(system("setsockopt"))?;
        self.watch(&stream, number, EventFlags::IN | EventFlags::OUT)?;
        Ok(stream)
    }

    fn watch(&self, stream: &TcpStream, number: usize, flags: EventFlags) -> Result<(), Error> {
        epoll::add(&self.epoll, stream, EventData::new_u64(number as u64), flags)
            .map_err(|error| system("epoll_ctl")(error.into()))
    }

    fn read(&mut self, wait: Duration) -> Result<(), Error> {
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))
            .map_err(|error| system("epoll_wait")(error.into()))?;
        for event in events.drain(..) {
            self.take(event.data.u64() as usize)?;
        }
        self.events = events;
        Ok(())
    }

    /// Something has come for a member or a publisher, or can be sent.
    fn take(&mut self, number: usize) -> Result<(), Error> {
        let Some(member) = self.members.get_mut(number) else {
            let publisher = self.publishers.get_mut(usize::MAX - number);
            let Some(publisher) = publisher else { return Ok(()) };
            return length(publisher.connection.read(&mut self.space), "publisher").map(drop);
        };
        if member.phase == Phase::Connects {
            let request = websocket::upgrade(&self.target.address.to_string(), "/ws");
            member.stream.write_all(request.as_bytes()).map_err(system("send"))?;
            member.phase = Phase::Upgrades;
            let data = EventData::new_u64(number as u64);
            return epoll::modify(&self.epoll, &member.stream, data, EventFlags::IN)
                .map_err(|error| system("epoll_ctl")(error.into()));
        }
        let come = length(member.stream.read(&mut self.space), "member")?;
        member.carry.extend_from_slice(&self.space[..come]);
        let (phase, wrong) = (member.phase, member.take()?);
        self.wrong += wrong;
        self.heads[member.room] = self.heads[member.room].max(member.offset);
        if phase != Phase::In && member.phase == Phase::In {
            self.out -= 1;
        }
        Ok(())
    }
}

impl Member {
    /// Takes what has come; answers how much of it was not what comes next.
    fn take(&mut self) -> Result<u64, Error> {
        let mut taken = 0;
        if self.phase == Phase::Upgrades {
            let Some(end) = memmem::find(&self.carry, b"\r\n\r\n") else { return Ok(0) };
            if !self.carry.starts_with(b"HTTP/1.1 101 ") {
                return Err(Error::Refused(String::from_utf8_lossy(&self.carry).into_owned()));
            }
            taken = end + 4;
            self.join()?;
        }
        let (mut wrong, bytes) = (0, std::mem::take(&mut self.carry));
        let mut pongs = Vec::new();
        while let Some((text, length)) = websocket::first(&bytes[taken..], &mut pongs) {
            taken += length;
            wrong += u64::from(!self.hear(text)?);
        }
        self.carry = bytes;
        self.carry.drain(..taken);
        if !pongs.is_empty() {
            self.stream.write_all(&pongs).map_err(system("send"))?;
        }
        Ok(wrong)
    }

    fn join(&mut self) -> Result<(), Error> {
        let Self { name, epoch, offset, .. } = self;
        let since = match epoch.is_empty() {
            true => String::new(),
            false => format!(r#","data":{{"since":{{"epoch":"{epoch}","offset":{offset}}}}}"#),
        };
        let mut frame = Vec::new();
        websocket::text(format!(r#"{{"action":"join","room":"{name}"{since}}}"#).as_bytes(), &mut frame);
        self.phase = Phase::Joins;
        self.stream.write_all(&frame).map_err(system("send"))
    }

    /// Whether a text is what comes next.
    fn hear(&mut self, text: &[u8]) -> Result<bool, Error> {
        if memmem::find(text, br#""event_type":"alert_triggered""#).is_some() {
            // A room without a history names none: there the number of events tells at the end.
            let next = offset(text).is_none_or(|offset| offset == self.offset + 1) && self.phase == Phase::In;
            self.offset += 1;
            return Ok(next);
        }
        if self.phase != Phase::Joins || !text.starts_with(br#"{"success":"#) {
            return Ok(true);
        }
        let told = String::from_utf8_lossy(text);
        let Some((epoch, offset)) = epoch(&told).zip(offset(text)) else {
            return Err(Error::Refused(told.into_owned()));
        };
        let fresh = self.epoch.is_empty();
        let recovered = fresh || (told.contains(r#""recovered":true"#) && offset == self.offset);
        (self.epoch, self.offset, self.phase) = (epoch.to_owned(), offset, Phase::In);
        Ok(recovered)
    }
}

fn epoch(text: &str) -> Option<&str> {
    text.split_once(r#""epoch":""#)?.1.split('"').next()
}

/// The last offset that a frame tells of.
fn offset(text: &[u8]) -> Option<u64> {
    const NAME: &[u8] = br#""offset":"#;
    let digits = &text[memmem::rfind(text, NAME)? + NAME.len()..];
    let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

/// How much has come, of one who is to stay.
fn length(read: io::Result<usize>, who: &'static str) -> Result<usize, Error> {
    match read {
        Ok(0) => Err(Error::Closed(who)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        read => read.map_err(system("recv")),
    }
}
