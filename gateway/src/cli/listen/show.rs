//! How frames look to who listens.

use serde_json::Value;

/// Shows frames, each as one line.
pub(super) struct Shower {
    style: Style,
}

enum Style {
    /// As they are.
    Raw,
    /// What matters first.
    People { colour: bool },
}

/// Colours of a terminal, by their codes.
const DIM: &str = "2";
const ROOM: &str = "36";
const TYPE: &str = "1;33";
const GOOD: &str = "32";
const BAD: &str = "1;31";

impl Shower {
    /// Shows frames as they are.
    pub(super) fn raw() -> Self {
        Self { style: Style::Raw }
    }

    /// Shows frames to people, who see in colour what matters.
    pub(super) fn for_people(colour: bool) -> Self {
        Self { style: Style::People { colour } }
    }

    /// A text frame.
    pub(super) fn text(&self, text: &str) -> String {
        match self.style {
            // In JSON a line break is only ever space between the parts.
            Style::Raw => text.replace(['\n', '\r'], " "),
            Style::People { .. } => match serde_json::from_str::<Value>(text) {
                Ok(frame) => self.event(&frame).or_else(|| self.reply(&frame)).unwrap_or_else(|| plain(text)),
                Err(_) => plain(text),
            },
        }
    }

    /// A binary frame, which may hold the same JSON.
    pub(super) fn binary(&self, bytes: &[u8]) -> String {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.text(text),
            Err(_) => format!("({} bytes of binary data)", bytes.len()),
        }
    }

    fn event(&self, frame: &Value) -> Option<String> {
        let kind = frame.get("event_type")?.as_str()?;
        let room = frame.get("room").and_then(Value::as_str).unwrap_or("-");
        let cursor = frame.get("offset").map(|offset| format!(" #{offset}")).unwrap_or_default();
        let time = frame.get("timestamp").and_then(Value::as_str).map(plain).unwrap_or_default();
        let data = frame.get("data").map(|data| plain(&data.to_string())).unwrap_or_default();
        let (time, room) = (self.paint(DIM, &time), self.paint(ROOM, &format!("{}{cursor}", plain(room))));
        Some(format!("{time} {room} {} {data}", self.paint(TYPE, &plain(kind))))
    }

    fn reply(&self, frame: &Value) -> Option<String> {
        let success = frame.get("success")?.as_bool()?;
        let message = frame.get("message").and_then(Value::as_str).map(plain).unwrap_or_default();
        let data = match frame.get("data") {
            None | Some(Value::Null) => String::new(),
            Some(data) => format!(" {}", plain(&data.to_string())),
        };
        let (code, mark) = if success { (GOOD, "ok") } else { (BAD, "refused") };
        Some(format!("{} {message}{}", self.paint(code, mark), self.paint(DIM, &data)))
    }

    fn paint(&self, code: &str, text: &str) -> String {
        match self.style {
            Style::People { colour: true } if !text.is_empty() => format!("\x1b[{code}m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// The text without control characters: what others publish must not steer the terminal.
pub(super) fn plain(text: &str) -> String {
    let visible = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(visible).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"event_type":"agent_created","timestamp":"T","data":{"id":1},"source":"s","room":"agents","epoch":"e","offset":7}"#;

    #[test]
    fn an_event_is_a_line_with_what_matters_first() {
        let shower = Shower::for_people(false);
        assert_eq!(shower.text(EVENT), r#"T agents #7 agent_created {"id":1}"#);
        assert_eq!(shower.binary(EVENT.as_bytes()), shower.text(EVENT));
        assert!(Shower::for_people(true).text(EVENT).contains("\x1b[1;33magent_created\x1b[0m"));
    }

    #[test]
    fn a_reply_says_whether_it_went_well() {
        let shower = Shower::for_people(false);
        assert_eq!(shower.text(r#"{"success":true,"message":"pong","data":{"a":1}}"#), r#"ok pong {"a":1}"#);
        assert_eq!(shower.text(r#"{"success":false,"message":"no","data":null}"#), "refused no");
    }

    #[test]
    fn what_others_send_does_not_steer_the_terminal() {
        let shower = Shower::for_people(true);
        let evil = r#"{"event_type":"\u001b[2J","data":"\u009b2J","room":"\u0007"}"#;
        let shown = shower.text(evil).replace("\x1b[0m", "");
        assert!(
            !shown.contains("\x1b[2J") && !shown.contains('\u{9b}') && !shown.contains('\u{7}'),
            "{shown:?}"
        );
        assert_eq!(shower.text("\x1b]0;x\x07"), "\\u{1b}]0;x\\u{7}");
        assert_eq!(shower.binary(&[0xff, 0]), "(2 bytes of binary data)");
    }

    #[test]
    fn a_raw_frame_stays_as_it_is_on_one_line() {
        assert_eq!(Shower::raw().text("{\"a\":\n1}"), "{\"a\": 1}");
        assert_eq!(Shower::raw().text(EVENT), EVENT);
    }
}
