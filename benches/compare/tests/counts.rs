//! The load counts right: against the floor, in this process.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use tidegate_compare::floor;
use tidegate_compare::load::{Aim, Crew, Error, Generator, Pace, Plan, Side, Target};

/// A floor on a free port, for as long as the tests run.
fn floor() -> Target {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || floor::serve(&listener));
    Target { address, pid: process::id(), tls: None }
}

fn side(path: &str) -> Side {
    Side { path: path.to_owned(), ..Side::default() }
}

fn aim(pace: Pace, size: usize, members: usize) -> Aim {
    Aim { side: side("/pub"), template: "%T".to_owned(), size, pace, crew: 0, rooms: 1, fanout: members }
}

/// Long enough for events at any speed, short enough not to be waited for.
const PLAN: Plan = Plan { warm_up: Duration::from_millis(20), measured: Duration::from_millis(100) };

#[test]
fn every_event_comes_to_every_member_once() {
    for (window, size) in [(1, 20), (64, 200), (16, 70_000)] {
        let mut load = Generator::new(floor()).unwrap();
        load.enter(&Crew::of(&side("/sub"), 10)).unwrap();
        load.aim(aim(Pace::Window(window), size, 10)).unwrap();
        let measured = load.run(PLAN).unwrap();
        let crew = &measured.crews[0];
        assert_eq!(crew.missing, 0, "{window} in flight of {size} bytes");
        assert!(
            crew.deliveries > 0 && crew.last.p50 > 0.0 && crew.last.p99 >= crew.each.p50 * 0.9,
            "{crew:?}"
        );
        assert!(measured.own_cpu > 0.0 && measured.resident > 0, "{measured:?}");
    }
}

#[test]
fn no_event_is_sent_before_it_is_due() {
    let mut load = Generator::new(floor()).unwrap();
    load.enter(&Crew::of(&side("/sub"), 10)).unwrap();
    load.aim(aim(Pace::Rate(1000.0), 200, 10)).unwrap();
    let start = Instant::now();
    let measured = load.run(PLAN).unwrap();
    let due = 10.0 * (1000.0 * start.elapsed().as_secs_f64() + 1.0);
    let come = measured.deliveries() as f64;
    assert!(come > 0.0 && come <= due && measured.crews[0].missing == 0, "{come} deliveries, {due} due");
}

#[test]
fn who_does_not_read_hinders_nobody_else_from_being_counted() {
    let mut load = Generator::new(floor()).unwrap();
    load.enter(&Crew::of(&side("/sub"), 5)).unwrap();
    load.enter(&Crew { reads: false, ..Crew::of(&side("/sub"), 1) }).unwrap();
    // Few and small enough for the kernel to keep them: the floor waits for who does not read.
    load.aim(aim(Pace::Rate(50.0), 20, 5)).unwrap();
    let measured = load.run(PLAN).unwrap();
    let crews = &measured.crews;
    assert_eq!((crews[0].missing, crews[1].missing, crews[1].deliveries, crews[1].closed), (0, 0, 0, 0));
}

#[test]
fn an_answer_that_lets_nobody_in_is_told() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let (done, wait) = mpsc::channel::<()>();
    let server = thread::spawn(move || {
        use std::io::{Read, Write};
        let (mut client, _) = listener.accept().unwrap();
        let _ = client.read(&mut [0; 1024]).unwrap();
        client.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
        wait.recv().unwrap();
    });
    let mut load = Generator::new(Target { address, pid: process::id(), tls: None }).unwrap();
    let refused = load.enter(&Crew::of(&side("/sub"), 1)).unwrap_err();
    assert!(matches!(&refused, Error::Refused(answer) if answer.contains("403 Forbidden")), "{refused}");
    done.send(()).unwrap();
    server.join().unwrap();
}
