//! The gateway's own sessions, each on a real socket, whose far end the bench holds.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::net::{SendFlags, send};
use tidegate::dialect::{Rooms, RoomsFrame};
use tidegate::frame::{Event, Form, Forms};
use tidegate::hub::{Config, Hub, Rules, Shard};
use tidegate::identity::credentials::Taking;
use tidegate::identity::{self, ClaimRules, Keyring, Principal, Profile, Revocations};
use tidegate::limits::{self, Limits};
use tidegate::metrics::Metrics;
use tidegate::session::{
    self, Budget, Common, Endpoint, Heartbeat, Inflow, Opening, Places, Session, TICK, Visitor,
};
use tidegate::transport::{Framing, Socket, websocket};
use tidegate::web::Client;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;

use crate::house::LONG;

/// Of the near end, so that a socket whose far end was emptied takes a whole batch.
const SEND_BUFFER: usize = 1 << 20;

/// A hub with one shard, and sessions of the `rooms` dialect that are in one room.
pub struct Sessions {
    /// Where to publish.
    pub hub: Arc<Hub>,
    shard: Rc<Shard<Session>>,
    ends: Vec<Ends>,
    tasks: LocalSet,
    runtime: Runtime,
}

/// The ends of a session's connection: the client's, and another handle of the session's own.
struct Ends {
    client: TcpStream,
    near: TcpStream,
}

impl Sessions {
    /// So many sessions in `room`, which have been welcomed.
    pub fn new(room: &str, count: usize) -> Self {
        Self::with(room, count, Rules::new([]), |hub| hub)
    }

    /// The same with rules for rooms, and with what else the hub is to have.
    pub fn with(room: &str, count: usize, rules: Rules, equip: impl FnOnce(Hub) -> Hub) -> Self {
        let mut forms = Forms::default();
        let endpoint = Rc::new(endpoint(room, forms.add(RoomsFrame(Framing::WebSocket))));
        let config = Config { shards: 1, mailbox: 64 << 20, rooms_per_session: 100 };
        let hub = Arc::new(equip(Hub::new(config, rules, forms, Metrics::new(1))));
        let shard = Shard::new(&hub, 0);
        let common = common(&shard);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut sessions = Self { hub, shard, ends: Vec::new(), tasks: LocalSet::new(), runtime };
        sessions.tasks.spawn_local(session::admit(Rc::clone(&common)));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        (0..count).for_each(|_| sessions.open(&listener, &common, &endpoint));
        sessions.rest();
        sessions.walk();
        sessions.drain(&mut vec![0; 1 << 16]);
        sessions
    }

    fn open(&mut self, listener: &TcpListener, common: &Rc<Common>, endpoint: &Rc<Endpoint>) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = listener.accept().unwrap().0;
        set_socket_send_buffer_size(&socket, SEND_BUFFER).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_nonblocking(true).unwrap();
        client.set_nonblocking(true).unwrap();
        self.ends.push(Ends { client, near: socket.try_clone().unwrap() });
        let _inside = self.runtime.enter();
        let socket = Socket::Plain(tokio::net::TcpStream::from_std(socket).unwrap());
        let opening =
            Opening { socket, answer: Vec::new(), source: Inflow::WebSocket(Bytes::new()), deflate: None };
        let (common, endpoint) = (Rc::clone(common), Rc::clone(endpoint));
        let visitor = visitor(&endpoint);
        self.tasks.spawn_local(session::open(common, endpoint, visitor, opening));
    }

    /// Has the sessions' tasks do what there is for them to do, which is reading.
    fn rest(&self) {
        self.tasks.block_on(&self.runtime, async {
            for _ in 0..self.ends.len() + 16 {
                tokio::task::yield_now().await;
            }
        });
    }

    /// Publishes `event` so many times.
    pub fn publish(&self, room: &str, event: &Event, times: usize) {
        for _ in 0..times {
            self.hub.publish(&[room], event).unwrap();
        }
    }

    /// Fans out all that is in the mailbox, in one slice.
    pub fn walk(&self) {
        while self.shard.slice(LONG) {}
    }

    /// One bare send on each session's socket, with nothing of ours around it.
    pub fn send(&self, bytes: &[u8]) {
        for ends in &self.ends {
            let sent = send(&ends.near, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).unwrap();
            assert_eq!(sent, bytes.len(), "the far end was emptied, so the socket takes everything");
        }
    }

    /// Reads all that has come to each client; answers how many bytes that was.
    pub fn drain(&self, buffer: &mut [u8]) -> usize {
        self.ends.iter().map(|ends| drain(&ends.client, buffer)).sum()
    }

    /// Sends a client's bytes, and has the sessions' tasks work until `end` is the last that has come to it.
    pub fn ask(&self, client: usize, request: &[u8], end: &[u8], come: &mut Vec<u8>) {
        let mut stream = &self.ends[client].client;
        stream.write_all(request).unwrap();
        come.clear();
        self.tasks.block_on(&self.runtime, async {
            while !come.ends_with(end) {
                tokio::task::yield_now().await; // which looks at the sockets, too
                match stream.read_to_end(come) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    other => panic!("no session ends before its bench: {other:?}"),
                }
            }
        });
    }

    /// Bytes that wait in backlogs.
    pub fn waiting(&self) -> u64 {
        self.shard.counters().backlog_bytes.get()
    }
}

fn drain(mut client: &TcpStream, buffer: &mut [u8]) -> usize {
    let mut sum = 0;
    loop {
        match client.read(buffer) {
            Ok(0) => unreachable!("no session ends before its bench"),
            Ok(read) => sum += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sum,
            Err(error) => panic!("{error}"),
        }
    }
}

fn common(shard: &Rc<Shard<Session>>) -> Rc<Common> {
    let metrics = shard.hub().metrics();
    let revocations = Arc::new(Revocations::new(1, Duration::ZERO));
    let limits = Arc::new(Limits::new(limits::Settings::default(), metrics));
    Common::new(Rc::clone(shard), &Budget::new(1 << 30, metrics), revocations, limits, LONG, 16, TICK)
}

fn endpoint(room: &str, form: Form) -> Endpoint {
    let profile = Profile::new(identity::Settings {
        name: "bench".into(),
        anonymous: true,
        taking: Taking { order: Vec::new(), cookie: "token".into() },
        max_per_user: 0,
        close_oldest: false,
        keyring: Arc::new(Keyring::fixed(Vec::new(), Vec::new())),
        claims: ClaimRules::default(),
        certificates: Vec::new(),
        revocations: Arc::new(Revocations::new(1, Duration::ZERO)),
        authoriser: None,
    });
    Endpoint {
        path: "/bench".into(),
        dialect: Rc::new(Rooms::new(form, Framing::WebSocket)),
        profile: Arc::new(profile),
        framing: Framing::WebSocket,
        compression: None,
        welcome: "welcome".into(),
        auto_join: vec![room.into()],
        heartbeat: Heartbeat { interval: LONG, timeout: LONG },
        idle_timeout: Duration::ZERO,
        broadcasts: true,
        limits: websocket::Limits { message: 64 << 10, fragments: 1024 },
        backlog: 1 << 20,
        places: Places::new(0),
        recent: None,
        unknown: Places::new(0),
    }
}

fn visitor(endpoint: &Endpoint) -> Visitor {
    Visitor {
        shown: None,
        only: None,
        principal: Arc::new(Principal::anonymous()),
        id: None,
        client: Client { address: IpAddr::V4(Ipv4Addr::LOCALHOST), exemptible: true, secure: false },
        source: None,
        place: endpoint.places.take().unwrap(),
        unknown: None,
    }
}
