//! Packets of Socket.IO, version 5, in the messages of Engine.IO.

use serde_json::value::RawValue;

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// To be in a namespace.
    Connect,
    /// To be there no longer.
    Disconnect,
    /// Something happens.
    Event,
    /// What an event is answered with.
    Ack,
    /// It cannot be there.
    ConnectError,
}

/// A packet, as far as its text says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Packet<'a> {
    pub(super) kind: Kind,
    /// Binary messages that follow and belong to it.
    pub(super) attachments: usize,
    /// From its slash.
    pub(super) namespace: &'a str,
    /// Under which it wants to be answered.
    pub(super) id: Option<u64>,
    /// JSON; empty where there is none.
    pub(super) payload: &'a str,
}

/// Binary messages of one packet at most.
const MOST_ATTACHMENTS: usize = 64;

impl<'a> Packet<'a> {
    /// Reads a packet; none where it is not one.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (kind, binary) = match text.as_bytes().first()? {
            b'0' => (Kind::Connect, false),
            b'1' => (Kind::Disconnect, false),
            b'2' => (Kind::Event, false),
            b'3' => (Kind::Ack, false),
            b'4' => (Kind::ConnectError, false),
            b'5' => (Kind::Event, true),
            b'6' => (Kind::Ack, true),
            _ => return None,
        };
        let mut rest = &text[1..];
        let mut attachments = 0;
        if binary {
            let (count, behind) = rest.split_once('-')?;
            attachments = count.parse().ok().filter(|count| *count <= MOST_ATTACHMENTS)?;
            rest = behind;
        }
        let namespace = match rest.starts_with('/') {
            true => {
                let (namespace, behind) = rest.split_once(',').unwrap_or((rest, ""));
                rest = behind;
                namespace.split_once('?').map_or(namespace, |(path, _)| path)
            }
            false => "/",
        };
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let id = match digits {
            0 => None,
            _ => Some(rest[..digits].parse().ok()?),
        };
        let payload = &rest[digits..];
        Some(Self { kind, attachments, namespace, id, payload }).filter(|packet| packet.is_sound())
    }

    /// Whether its payload is of the kind that it has to be.
    fn is_sound(&self) -> bool {
        let json = |first: u8| {
            self.payload.as_bytes().first() == Some(&first)
                && serde_json::from_str::<&RawValue>(self.payload).is_ok()
        };
        match self.kind {
            Kind::Connect | Kind::Disconnect => self.payload.is_empty() || self.any_json(),
            Kind::Event => json(b'['),
            Kind::Ack => json(b'['),
            Kind::ConnectError => self.any_json(),
        }
    }

    fn any_json(&self) -> bool {
        serde_json::from_str::<&RawValue>(self.payload).is_ok()
    }
}

/// The name and the arguments of an event; none where it has no name.
pub(super) fn event(payload: &str) -> Option<(String, Vec<&RawValue>)> {
    let mut parts: Vec<&RawValue> = serde_json::from_str(payload).ok()?;
    if parts.is_empty() {
        return None;
    }
    let name = parts.remove(0);
    let name: String = serde_json::from_str(name.get()).ok()?;
    Some((name, parts))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_is_read_as_the_protocol_says() {
        let packet = |kind, attachments, namespace, id, payload| {
            Some(Packet { kind, attachments, namespace, id, payload })
        };
        for (text, wanted) in [
            ("0", packet(Kind::Connect, 0, "/", None, "")),
            (r#"0{"token":"x"}"#, packet(Kind::Connect, 0, "/", None, r#"{"token":"x"}"#)),
            ("0/admin,", packet(Kind::Connect, 0, "/admin", None, "")),
            ("0/admin", packet(Kind::Connect, 0, "/admin", None, "")),
            ("0/admin?a=b,", packet(Kind::Connect, 0, "/admin", None, "")),
            ("1/admin,", packet(Kind::Disconnect, 0, "/admin", None, "")),
            (r#"2["foo"]"#, packet(Kind::Event, 0, "/", None, r#"["foo"]"#)),
            (r#"2/admin,12["foo",1]"#, packet(Kind::Event, 0, "/admin", Some(12), r#"["foo",1]"#)),
            (
                r#"51-["x",{"_placeholder":true,"num":0}]"#,
                packet(Kind::Event, 1, "/", None, r#"["x",{"_placeholder":true,"num":0}]"#),
            ),
            ("3/admin,13[]", packet(Kind::Ack, 0, "/admin", Some(13), "[]")),
        ] {
            assert_eq!(Packet::parse(text), wanted, "{text}");
        }
        for bad in [
            "",
            "abc",
            "2{}",
            "2",
            "2abc[\"x\"]",
            "5[\"x\"]",
            "599999-[\"x\"]",
            "299999999999999999999999[\"x\"]",
            "0{",
            "7",
        ] {
            assert_eq!(Packet::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_event_has_a_name_and_arguments() {
        let (name, arguments) = event(r#"["message",1,{"a":[2]}]"#).unwrap();
        assert_eq!(
            (name.as_str(), arguments.iter().map(|one| one.get()).collect::<Vec<_>>()),
            ("message", vec!["1", r#"{"a":[2]}"#])
        );
        assert!(event("[]").is_none() && event("[1]").is_none() && event("[null,1]").is_none());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in r#"[0-7]{0,2}-?(/[a-z]{0,4},?)?[0-9]{0,22}\PC{0,40}"#) {
            if let Some(packet) = Packet::parse(&text) {
                let _named = event(packet.payload);
                prop_assert!(text.ends_with(packet.payload));
            }
        }
    }
}
