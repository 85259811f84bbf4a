//! A server that does something wrong with one event, for each of its members: a small one by hand, as it is the load
//! tester that is tested.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, WebSocket, accept};

use crate::report;

/// What is done with event number 5.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    None,
    /// It is left out.
    Lose,
    /// It is left out, and so are all behind it.
    Mute,
    /// It comes twice.
    Double,
    /// It comes behind the next one.
    Swap,
    /// Its last bytes are those of the event before.
    Mix,
    /// It is shorter than it was sent.
    Shorten,
    /// Its frame ends early, so that the next one's begin is not where it should be.
    Tear,
    /// It is left out, and a gap tells of it.
    Gap,
    /// The publisher is told that it is refused.
    Refuse,
    /// The publisher is closed instead of being answered.
    Expel,
    /// The members are closed instead.
    Close,
    /// Members of other rooms get it, too.
    Stray,
}

/// What all connections share: the members with their rooms, and the events so far.
#[derive(Default)]
struct Hall {
    members: Vec<(String, TcpStream)>,
    before: Option<String>,
    held: Option<String>,
    count: u32,
}

/// Serves until the test ends.
pub(crate) fn server(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    let hall = Arc::<Mutex<Hall>>::default();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (hall, stream) = (Arc::clone(&hall), stream.unwrap());
            std::thread::spawn(move || {
                if let Ok(socket) = accept(stream) {
                    serve(socket, &hall, fault);
                }
            });
        }
    });
    url
}

fn serve(mut socket: WebSocket<TcpStream>, hall: &Mutex<Hall>, fault: Fault) {
    while let Ok(Message::Text(text)) = socket.read() {
        let request: Value = serde_json::from_str(&text).unwrap();
        let mut done = true;
        let mut hall = hall.lock().unwrap();
        match request["action"].as_str().unwrap() {
            "join" => {
                let member = socket.get_ref().try_clone().unwrap();
                hall.members.push((request["room"].as_str().unwrap().to_owned(), member));
            }
            _ => done = hall.publish(&request, fault),
        }
        if fault == Fault::Expel && hall.count == 5 {
            socket.get_mut().write_all(b"\x88\x0b\x03\xf0too eager").unwrap();
            break;
        }
        let reply = json!({ "success": done, "message": if done { "done" } else { "Busy" }, "data": null });
        // The same stream is written above: the reply stands behind it.
        socket.get_mut().write_all(&frame(&reply.to_string())).unwrap();
    }
    // The hall still has a hold of it.
    let _gone_already = socket.get_ref().shutdown(Shutdown::Both);
}

fn frame(text: &str) -> Vec<u8> {
    assert!((126..65_536).contains(&text.len()) || text.len() < 126);
    let mut frame = vec![0x81];
    match text.len() {
        len @ 0..126 => frame.push(len as u8),
        len => frame.extend([126, (len >> 8) as u8, len as u8]),
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}

impl Hall {
    /// Answers whether it is done.
    fn publish(&mut self, request: &Value, fault: Fault) -> bool {
        let room = request["room"].as_str().unwrap();
        let event = json!({ "event_type": "alert_triggered", "data": request["data"]["data"], "room": room });
        let text = event.to_string();
        self.count += 1;
        let hit = self.count == 5 || (self.count > 5 && fault == Fault::Mute);
        let fault = if hit { fault } else { Fault::None };
        let gap = json!({ "event_type": "gap", "data": { "room": room, "count": 1 } }).to_string();
        let half = text.len() / 2;
        let frames: Vec<Vec<u8>> = match fault {
            Fault::None | Fault::Stray => vec![frame(&text)],
            Fault::Lose | Fault::Mute | Fault::Refuse | Fault::Expel => vec![],
            Fault::Double => vec![frame(&text), frame(&text)],
            Fault::Swap => {
                self.held = Some(text.clone());
                vec![]
            }
            Fault::Mix => {
                vec![frame(&format!("{}{}", &text[..half], &self.before.as_ref().unwrap()[half..]))]
            }
            Fault::Shorten => vec![frame(&text.replacen("#\"", "\"", 1).replace(&text[half..half + 20], ""))],
            Fault::Tear => vec![frame(&text)[..half].to_vec()],
            Fault::Gap => vec![frame(&gap)],
            Fault::Close => vec![b"\x88\x0b\x03\xf4too large".to_vec()],
        };
        let held = if fault == Fault::Swap { None } else { self.held.take() };
        let everywhere = fault == Fault::Stray;
        for (_, member) in self.members.iter_mut().filter(|(of, _)| everywhere || of == room) {
            // One that has gone is closed already.
            let _gone = frames.iter().try_for_each(|frame| member.write_all(frame));
            let _gone = held.iter().try_for_each(|text| member.write_all(&frame(text)));
        }
        self.before = Some(text);
        fault != Fault::Refuse
    }
}

/// A run of some thirty events in one room of three members; the fifth has the fault.
#[track_caller]
fn run(fault: Fault) -> Value {
    let report = report(&server(fault), &["-n", "3", "--rate", "100", "--drain", "1s"]);
    let total = if fault == Fault::Expel { 5 } else { 40 };
    assert_eq!(report["published"]["total"], total, "{report:#}");
    report
}

/// What is not zero in a report's account.
fn faults(report: &Value) -> Value {
    let all = report["integrity"].as_object().unwrap();
    all.iter().filter(|(_, count)| **count != 0).map(|(name, count)| (name.clone(), count.clone())).collect()
}

#[test]
fn a_server_that_does_nothing_wrong_has_no_faults() {
    let report = run(Fault::None);
    assert_eq!(faults(&report), json!({}), "{report:#}");
    assert_eq!(report["deliveries"]["total"], 120);
}

#[test]
fn an_event_that_is_lost_is_missing_for_each_member() {
    assert_eq!(faults(&run(Fault::Lose)), json!({ "missing": 3 }));
}

#[test]
fn an_event_that_comes_twice_is_doubled() {
    assert_eq!(faults(&run(Fault::Double)), json!({ "doubled": 3 }));
}

#[test]
fn an_event_that_comes_late_is_out_of_order_and_not_missing() {
    assert_eq!(faults(&run(Fault::Swap)), json!({ "disordered": 3 }));
}

#[test]
fn an_event_of_which_a_part_is_anothers_is_torn() {
    assert_eq!(faults(&run(Fault::Mix)), json!({ "torn": 3, "missing": 3 }));
    assert_eq!(faults(&run(Fault::Shorten)), json!({ "torn": 3, "missing": 3 }));
}

#[test]
fn a_frame_that_ends_early_is_torn_and_ends_the_connection() {
    let report = run(Fault::Tear);
    assert_eq!(
        report["integrity"]["torn"], 6,
        "the event, and the frame that does not begin where it ended: {report:#}"
    );
    assert_eq!(
        report["closes"].as_object().unwrap().values().map(|times| times.as_u64().unwrap()).sum::<u64>(),
        3
    );
}

#[test]
fn what_a_gap_tells_of_is_not_missing() {
    assert_eq!(faults(&run(Fault::Gap)), json!({ "gaps": 3, "in_gaps": 3 }));
}

#[test]
fn what_the_server_has_refused_is_not_missing() {
    let report = run(Fault::Refuse);
    assert_eq!(faults(&report), json!({}), "{report:#}");
    assert_eq!(report["published"]["reasons"], json!({ "Busy": 1 }));
}

#[test]
fn in_a_closed_loop_what_was_refused_holds_up_nothing() {
    let report = report(&server(Fault::Refuse), &["-n", "3", "--in-flight", "1", "--drain", "1m"]);
    assert_eq!(report["published"]["given_up"], 0, "{report:#}");
    assert_eq!(report["published"]["reasons"], json!({ "Busy": 1 }));
    assert!(report["deliveries"]["total"].as_u64().unwrap() > 30, "{report:#}");
    assert_eq!(faults(&report), json!({}), "{report:#}");
}

#[test]
fn what_a_publisher_that_was_closed_did_not_send_is_unsent() {
    let report = run(Fault::Expel);
    let published = &report["published"];
    assert_eq!((&published["unsent"], &published["unanswered"]), (&35.into(), &1.into()), "{report:#}");
    assert_eq!(report["closes"], json!({ "publisher: 1008 too eager": 1 }));
    assert_eq!(faults(&report), json!({}), "what nobody has answered is not missing: {report:#}");
    let warnings = report["warnings"].to_string();
    assert!(warnings.contains("1 of 1 publishers were not let in, or closed"), "{warnings}");
}

#[test]
fn closes_are_told_by_code_and_reason() {
    let report = run(Fault::Close);
    assert_eq!(report["closes"], json!({ "1012 too large": 3 }), "{report:#}");
    assert_eq!(faults(&report), json!({}), "who was closed misses nothing: {report:#}");
}

#[test]
fn an_event_of_another_room_has_strayed() {
    let report = report(&server(Fault::Stray), &["-n", "3", "--rooms", "3", "--rate", "100"]);
    assert_eq!(faults(&report), json!({ "strayed": 2 }), "{report:#}");
}

#[test]
fn who_answers_with_something_else_is_refused_with_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").unwrap();
        }
    });
    let output = crate::load(&url, &["-n", "2", "--quiet"]);
    assert_eq!(output.status.code(), Some(69));
    assert!(crate::err(&output).contains("3 × status 503 Service Unavailable"), "{}", crate::err(&output));
}
