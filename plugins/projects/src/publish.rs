//! What `POST /projects/events` takes: an event, or a list of them, of which all are published or none.

use serde::Serialize;
use serde_json::Value;
use tidegate_plugin::{Error, FieldError, Host, Result};

use crate::check::{Checked, Findings};

/// Events of one request at most.
const MOST: usize = 1000;

/// The events of a request.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// A list was sent, so a list is answered.
    pub(crate) several: bool,
    pub(crate) events: Vec<Checked>,
}

/// What became of an event.
#[derive(Debug, Serialize)]
pub(crate) struct Placed {
    #[serde(rename = "type")]
    kind: &'static str,
    /// One for each of its rooms.
    cursors: Vec<Place>,
}

/// Where an event stands in a room.
#[derive(Debug, Serialize)]
struct Place {
    room: String,
    epoch: String,
    offset: u64,
}

impl Wanted {
    /// Reads a body.
    ///
    /// # Errors
    /// 422 with all that is wrong in any of the events.
    pub(crate) fn read(body: &[u8], now: i64) -> Result<Self> {
        let refuse =
            |msg: String, kind: &str| Err(Error::unprocessable([FieldError::at(["body"], msg, kind)]));
        if body.iter().all(u8::is_ascii_whitespace) {
            return refuse("Field required".into(), "missing");
        }
        let (several, values) = match serde_json::from_slice(body) {
            Ok(Value::Array(values)) => (true, values),
            Ok(value) => (false, vec![value]),
            Err(error) => return refuse(format!("Input should be valid JSON: {error}"), "json_invalid"),
        };
        if values.len() > MOST {
            return refuse(format!("List should have at most {MOST} items"), "too_long");
        }
        let (mut events, mut errors) = (Vec::with_capacity(values.len()), Vec::new());
        for (number, value) in values.into_iter().enumerate() {
            let number = number.to_string();
            let place = ["body", &number];
            let mut findings = Findings::at(if several { &place } else { &place[..1] });
            events.extend(Checked::read(value, now, &mut findings));
            errors.append(&mut findings.errors);
        }
        if errors.is_empty() { Ok(Self { several, events }) } else { Err(Error::unprocessable(errors)) }
    }
}

/// Publishes in order, and answers once all are as safe as their rooms promise. With `origin`, an event that was
/// published before under the same one is published once.
pub(crate) async fn publish(host: &Host, events: &[Checked], origin: Option<&str>) -> Result<Vec<Placed>> {
    let id = |number| origin.map(|origin| format!("{origin}:{number}"));
    let ready = events.iter().enumerate().map(|(number, event)| event.event(id(number)));
    let receipts = host.publish_all(ready.collect::<Result<_>>()?).await?;
    let placed = events.iter().zip(receipts).map(|(event, receipt)| Placed {
        kind: event.kind,
        cursors: event
            .rooms
            .iter()
            .zip(receipt.cursors)
            .map(|(room, cursor)| Place { room: room.clone(), epoch: cursor.epoch, offset: cursor.offset })
            .collect(),
    });
    Ok(placed.collect())
}
