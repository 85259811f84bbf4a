//! The thread that reads and publishes.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::time::Timespec;

use super::connection::{Connection, Number};
use super::publisher::Publisher;
use super::slices::Slices;
use super::{Aim, Crew, Error, Figures, Measured, Percentiles, Plan, Target, micros, system, times};
use crate::marker::Buffer;
use crate::process::{self, now};
use crate::websocket;

/// For how long nothing may come while events are in flight.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);
/// For how long nothing comes until all is taken to have come.
const QUIET: Duration = Duration::from_millis(150);
/// How often members that are in answer heartbeats while others come.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// What is read at once.
const READ: usize = 256 << 10;
/// Connections that are looked at between two looks at the publishers.
const EVENTS: usize = 512;

/// A load on one server. All of its connections end with it.
pub struct Generator {
    target: Target,
    epoll: OwnedFd,
    events: Vec<Event>,
    buffer: Buffer,
    crews: Vec<Tally>,
    /// Members of all crews, with the number of the crew.
    members: Vec<(usize, Connection)>,
    publishers: Vec<Publisher>,
    /// When something came last.
    heard: u64,
}

/// What a crew gets.
struct Tally {
    members: usize,
    reads: bool,
    received: u64,
    /// Events that came to a member again, or after a later one: they are not received.
    doubled: u64,
    /// Events from this time on are counted.
    since: u64,
    each: Histogram<u64>,
    slices: Slices,
    last: Histogram<u64>,
    /// Events that each member gets and not all have: when each was sent, and by how many it is still to be got.
    open: VecDeque<(u64, usize)>,
    /// Events that were in there and are no more.
    done: u64,
    closed: usize,
}

impl Generator {
    /// A load without clients.
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
            buffer: Buffer::new(READ),
            crews: Vec::new(),
            members: Vec::new(),
            publishers: Vec::new(),
            heard: now(),
        })
    }

    /// Connects a crew, one member after the other, and answers how long it took.
    ///
    /// # Errors
    /// Where a member is not let in.
    pub fn enter(&mut self, crew: &Crew) -> Result<Duration, Error> {
        let start = now();
        let mut answered = start;
        for member in 0..crew.members {
            // So that the first are not given up while the last come in.
            if now() - answered > HEARTBEAT.as_nanos() as u64 {
                self.idle(Duration::from_millis(20))?;
                answered = now();
            }
            let number = Number { member, room: member % crew.rooms.max(1) };
            let connection = Connection::open(&self.target, &crew.side, number, crew.reads)?;
            // One that does not read is looked at only to see whether it was sent away.
            let flags = if crew.reads { EventFlags::IN } else { EventFlags::RDHUP };
            self.watch(&connection, self.members.len(), flags)?;
            self.members.push((self.crews.len(), connection));
        }
        self.crews.push(Tally::new(crew));
        Ok(Duration::from_nanos(now() - start))
    }

    /// Connects a publisher.
    ///
    /// # Errors
    /// Where it is not let in.
    pub fn aim(&mut self, aim: Aim) -> Result<(), Error> {
        let connection = Connection::open(&self.target, &aim.side, Number { member: 0, room: 0 }, true)?;
        // The last numbers are the publishers'.
        self.watch(&connection, usize::MAX - self.publishers.len(), EventFlags::IN)?;
        self.publishers.push(Publisher::new(connection, aim));
        Ok(())
    }

    fn watch(&self, connection: &Connection, number: usize, flags: EventFlags) -> Result<(), Error> {
        epoll::add(&self.epoll, &connection.stream, EventData::new_u64(number as u64), flags)
            .map_err(|error| system("epoll_ctl")(error.into()))
    }

    /// Reads until nothing has come for a while.
    ///
    /// # Errors
    /// Where a client that reads is sent away.
    pub fn settle(&mut self) -> Result<(), Error> {
        self.heard = now();
        while now() - self.heard < QUIET.as_nanos() as u64 {
            self.read(QUIET)?;
        }
        Ok(())
    }

    /// Has the members of a crew read what they have not read, and what comes.
    ///
    /// # Errors
    /// What the kernel refuses, or where one of them is sent away.
    pub fn read_on(&mut self, crew: usize) -> Result<(), Error> {
        self.crews[crew].reads = true;
        for (number, (_, member)) in self.members.iter().enumerate().filter(|(_, member)| member.0 == crew) {
            epoll::modify(&self.epoll, &member.stream, EventData::new_u64(number as u64), EventFlags::IN)
                .map_err(|error| system("epoll_ctl")(error.into()))?;
        }
        self.settle()
    }

    /// Publishes for as long as the plan says, and waits for what is in flight.
    ///
    /// # Errors
    /// Where a client that reads is sent away, or nothing comes any more.
    pub fn run(&mut self, plan: Plan) -> Result<Measured, Error> {
        let mut late = times();
        let start = now();
        self.publishers.iter_mut().for_each(|publisher| publisher.begin(start));
        self.crews.iter_mut().for_each(|crew| crew.since = u64::MAX);
        self.publish(start + plan.warm_up.as_nanos() as u64, &mut late)?;

        let begun = now();
        self.crews.iter_mut().for_each(|crew| crew.since = begun);
        let received: Vec<u64> = self.crews.iter().map(|crew| crew.received).collect();
        let (server, own) = (self.server_cpu()?, process::own_cpu());
        late = times();
        self.publish(begun + plan.measured.as_nanos() as u64, &mut late)?;
        let mut measured = Measured {
            seconds: (now() - begun) as f64 / 1e9,
            server_cpu: self.server_cpu()?.saturating_sub(server).as_secs_f64(),
            own_cpu: (process::own_cpu() - own).as_secs_f64(),
            resident: process::resident(self.target.pid).map_err(system("/proc"))?,
            crews: Vec::new(),
            paced: self.publishers.iter().any(Publisher::paced),
            late_p99: micros(&late, 0.99),
        };
        let deliveries: Vec<u64> =
            self.crews.iter().zip(received).map(|(crew, before)| crew.received - before).collect();
        self.drain()?;
        let figures = |(number, deliveries)| self.figures(number, deliveries);
        measured.crews = deliveries.into_iter().enumerate().map(figures).collect();
        Ok(measured)
    }

    /// The server's processor time so far.
    ///
    /// # Errors
    /// Where its process has ended.
    pub fn server_cpu(&self) -> Result<Duration, Error> {
        process::cpu(self.target.pid).map_err(system("/proc"))
    }

    /// Answers pings until then, and does nothing else.
    ///
    /// # Errors
    /// Where a client is sent away.
    pub fn idle(&mut self, time: Duration) -> Result<(), Error> {
        let end = now() + time.as_nanos() as u64;
        while let Some(left) = end.checked_sub(now()) {
            let mut pongs = Vec::new();
            self.poll(Duration::from_nanos(left), |load, number| {
                let Some((_, member)) = load.members.get_mut(number) else { return Ok(()) };
                let length = come(member.read(load.buffer.space()), "subscriber")?;
                pongs.clear();
                websocket::pongs(load.buffer.filled(length), &mut pongs);
                if !pongs.is_empty() {
                    member.write(&pongs).map_err(system("send"))?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    fn publish(&mut self, end: u64, late: &mut Histogram<u64>) -> Result<(), Error> {
        let paced = self.publishers.iter().any(Publisher::paced);
        let wait = if paced { Duration::ZERO } else { Duration::from_millis(20) };
        self.heard = now();
        while now() < end {
            for publisher in &mut self.publishers {
                let crew = &mut self.crews[publisher.crew()];
                let whole = publisher.fanout() == crew.members as u64;
                let received = crew.received;
                publisher.publish(received, now, late, |time| {
                    if whole {
                        crew.open.push_back((time, crew.members));
                    }
                })?;
            }
            self.read(wait)?;
            let quiet = now() - self.heard;
            let in_flight = self.in_flight();
            if !paced && in_flight > 0 && quiet > PATIENCE.as_nanos() as u64 {
                return Err(Error::Stalled { in_flight });
            }
        }
        Ok(())
    }

    fn in_flight(&self) -> u64 {
        self.publishers
            .iter()
            .map(|publisher| publisher.in_flight(self.crews[publisher.crew()].received))
            .sum()
    }

    /// Reads until all has come, or nothing more does.
    fn drain(&mut self) -> Result<(), Error> {
        self.heard = now();
        while self.in_flight() > 0 && now() - self.heard < PATIENCE.as_nanos() as u64 {
            self.read(QUIET)?;
        }
        Ok(())
    }

    fn read(&mut self, wait: Duration) -> Result<(), Error> {
        self.poll(wait, |load, number| match load.members.get_mut(number) {
            None => {
                let publisher = load.publishers.get_mut(usize::MAX - number);
                let Some(publisher) = publisher else { return Ok(()) };
                come(publisher.connection.read(load.buffer.space()), "publisher").map(drop)
            }
            Some((crew, _)) if !load.crews[*crew].reads => {
                let crew = *crew;
                load.crews[crew].closed += 1;
                let stream = &load.members[number].1.stream;
                epoll::delete(&load.epoll, stream).map_err(|error| system("epoll_ctl")(error.into()))
            }
            Some((crew, member)) => {
                let length = come(member.read(load.buffer.space()), "subscriber")?;
                let Connection { carry, got, latest, .. } = member;
                load.heard = now();
                let (tally, heard) = (&mut load.crews[*crew], load.heard);
                load.buffer.scan(length, carry, |sent| {
                    if sent <= *latest {
                        tally.doubled += 1;
                        return;
                    }
                    tally.take(*got, sent, heard);
                    (*got, *latest) = (*got + 1, sent);
                });
                Ok(())
            }
        })
    }

    /// Waits for who is ready, and hands the number of each to `ready`.
    fn poll(
        &mut self,
        wait: Duration,
        mut ready: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: i64::from(wait.subsec_nanos()) };
        let mut events = std::mem::take(&mut self.events);
        epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&wait))
            .map_err(|error| system("epoll_wait")(error.into()))?;
        for event in events.drain(..) {
            ready(self, event.data.u64() as usize)?;
        }
        self.events = events;
        Ok(())
    }

    fn figures(&self, number: usize, deliveries: u64) -> Figures {
        let crew = &self.crews[number];
        let aimed = self.publishers.iter().filter(|publisher| publisher.crew() == number);
        let expected: u64 = aimed.map(|publisher| publisher.published * publisher.fanout()).sum();
        Figures {
            deliveries,
            missing: expected.saturating_sub(crew.received),
            doubled: crew.doubled,
            each: Percentiles::of(&crew.each),
            usual: crew.slices.usual(),
            last: Percentiles::of(&crew.last),
            closed: crew.closed,
        }
    }
}

/// How much has come, of a client that is to stay.
fn come(read: io::Result<usize>, who: &'static str) -> Result<usize, Error> {
    match read {
        Ok(0) => Err(Error::Closed(who)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(Error::Closed(who)),
        read => read.map_err(system("recv")),
    }
}

impl Tally {
    fn new(crew: &Crew) -> Self {
        Self {
            members: crew.members,
            reads: crew.reads,
            received: 0,
            doubled: 0,
            since: u64::MAX,
            each: times(),
            slices: Slices::new(),
            last: times(),
            open: VecDeque::new(),
            done: 0,
            closed: 0,
        }
    }

    /// A member has got its event number `got`, which was sent at this time.
    fn take(&mut self, got: u64, sent: u64, now: u64) {
        self.received += 1;
        let counts = sent >= self.since;
        if counts {
            let time = now.saturating_sub(sent);
            self.each.saturating_record(time);
            self.slices.record(time, now);
        }
        // One who has missed an event is in another row: then the times differ, and nothing is said of the last.
        let row = got.checked_sub(self.done).and_then(|row| self.open.get_mut(row as usize));
        let Some((_, left)) = row.filter(|(time, _)| *time == sent) else { return };
        *left -= 1;
        if *left == 0 && counts {
            self.last.saturating_record(now.saturating_sub(sent));
        }
        while self.open.front().is_some_and(|(_, left)| *left == 0) {
            self.open.pop_front();
            self.done += 1;
        }
    }
}
