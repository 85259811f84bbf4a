//! The upgrade, from a client's side.

use super::plan::Plan;

/// The example of RFC 6455, section 1.3: a load tester needs no proof against caches.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Bytes of an answer's head at most.
const MOST: usize = 16 * 1024;

/// The request of connection number `number`, of which the publishers stand behind the subscribers.
pub(super) fn request(plan: &Plan, number: u32) -> Vec<u8> {
    let target = &plan.target;
    let path = if number < plan.connections { &target.path } else { &plan.publish_path };
    let mut text = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n",
        path, target.authority
    );
    if !plan.tokens.is_empty() {
        let token = &plan.tokens[number as usize % plan.tokens.len()];
        text.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    for (name, value) in &plan.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// Reads the answer: where frames begin, or none while it is not whole.
///
/// # Errors
/// Why there is no session.
pub(super) fn answer(bytes: &[u8]) -> Result<Option<usize>, String> {
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return match bytes.len() {
            0..=MOST => Ok(None),
            _ => Err("the answer to the handshake has no end".into()),
        };
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
    match status {
        None => Err("the answer to the handshake is not HTTP/1.1".into()),
        Some(status) if !status.starts_with("101") => {
            // A status line is not to be trusted on a terminal.
            Err(format!("status {}", status.chars().filter(|c| !c.is_control()).take(60).collect::<String>()))
        }
        Some(_) => {
            let accepted = lines.filter_map(|line| line.split_once(':')).any(|(name, value)| {
                name.eq_ignore_ascii_case("sec-websocket-accept") && value.trim() == ACCEPT
            });
            match accepted {
                true => Ok(Some(end + 4)),
                false => Err("the answer to the handshake does not prove that it is WebSocket".into()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_begin_behind_an_answer_that_accepts() {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-ACCEPT: {ACCEPT}\r\n\r\n");
        let bytes = [head.as_bytes(), b"\x81\x00"].concat();
        assert_eq!(answer(&bytes), Ok(Some(head.len())));
        assert_eq!(answer(&bytes[..head.len() - 1]), Ok(None));
    }

    #[test]
    fn what_does_not_accept_says_why() {
        let refused = |text: &str| answer(text.as_bytes()).unwrap_err();
        assert_eq!(refused("HTTP/1.1 401 Unauthorized\r\n\r\n{}"), "status 401 Unauthorized");
        assert_eq!(refused("HTTP/1.1 4\x1b[2J\r\n\r\n"), "status 4[2J");
        assert!(refused("HTTP/1.1 101 Fine\r\n\r\n").contains("prove"));
        assert!(refused("SSH-2.0\r\n\r\n").contains("not HTTP/1.1"));
        assert!(refused(&"x".repeat(MOST + 1)).contains("no end"));
    }
}
