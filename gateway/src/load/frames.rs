//! WebSocket frames as a client sees them (RFC 6455, section 5.2). What the gateway itself reads and writes them with is
//! not used here: a fault in that would not show.

/// What is wrong with what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Broken {
    /// No extension was agreed on.
    #[error("a frame with reserved bits")]
    ReservedBits,
    /// None that RFC 6455 has.
    #[error("a frame of an unknown kind")]
    Opcode,
    /// Only clients mask.
    #[error("a masked frame")]
    Masked,
    /// A control frame that is fragmented or longer than 125 bytes.
    #[error("a control frame that is too long")]
    Control,
    /// Not the shortest form, or negative.
    #[error("a frame whose length is written wrongly")]
    Length,
    /// Longer than anything that belongs to the run.
    #[error("a frame that announces more bytes than any event has")]
    TooLong,
    /// A fragment without a beginning, or a beginning within another message.
    #[error("fragments out of order")]
    Fragments,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text or binary: a message, or its beginning.
    Data,
    /// What goes on.
    Continuation,
    /// The close.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

/// A frame that is there as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// What it is.
    pub(super) kind: Kind,
    /// Whether its message ends with it.
    pub(super) fin: bool,
    /// What it bears.
    pub(super) payload: &'a [u8],
}

/// Opcodes of frames that we send.
#[derive(Clone, Copy, Debug)]
pub(super) enum Say {
    /// UTF-8.
    Text = 1,
    /// The close.
    Close = 8,
    /// The answer to a ping.
    Pong = 10,
}

/// Takes the first frame off `bytes`, which keep what is behind it; none while it is not whole.
///
/// # Errors
/// As soon as a byte shows that no frame begins here, or one with a payload over `limit` bytes.
pub(super) fn take<'a>(bytes: &mut &'a [u8], limit: usize) -> Result<Option<Frame<'a>>, Broken> {
    let all = *bytes;
    let &[first, ref rest @ ..] = all else { return Ok(None) };
    let kind = match first & 0x0f {
        0 => Kind::Continuation,
        1 | 2 => Kind::Data,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => return Err(Broken::Opcode),
    };
    if first & 0x70 != 0 {
        return Err(Broken::ReservedBits);
    }
    let fin = first & 0x80 != 0;
    let control = !matches!(kind, Kind::Data | Kind::Continuation);
    let &[second, ref rest @ ..] = rest else { return Ok(None) };
    if second & 0x80 != 0 {
        return Err(Broken::Masked);
    }
    if control && (second > 125 || !fin) {
        return Err(Broken::Control);
    }
    let (len, rest) = match (second, rest) {
        (126, [a, b, rest @ ..]) => match u16::from_be_bytes([*a, *b]) {
            0..126 => return Err(Broken::Length),
            len => (u64::from(len), rest),
        },
        (127, [a, b, c, d, e, f, g, h, rest @ ..]) => {
            match u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) {
                0..65_536 | 0x8000_0000_0000_0000.. => return Err(Broken::Length),
                len => (len, rest),
            }
        }
        (126 | 127, _) => return Ok(None),
        (len, rest) => (u64::from(len), rest),
    };
    if len > limit as u64 {
        return Err(Broken::TooLong);
    }
    let Some((payload, behind)) = rest.split_at_checked(len as usize) else { return Ok(None) };
    *bytes = behind;
    Ok(Some(Frame { kind, fin, payload }))
}

/// Appends a frame, masked with zeros: the mask protects proxies from scripts, and a load tester is none.
pub(super) fn put(out: &mut Vec<u8>, say: Say, payload: &[u8]) {
    out.push(0x80 | say as u8);
    match payload.len() {
        len @ 0..126 => out.push(0x80 | len as u8),
        len @ 126..65_536 => {
            out.push(0x80 | 126);
            out.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            out.push(0x80 | 127);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// As a server sends it: what [`put`] makes, without the mask.
    fn served(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
        let start = out.len();
        put(out, Say::Text, payload);
        let head = out.len() - payload.len() - 4;
        out.drain(head..head + 4);
        out[start] = first;
        out[start + 1] &= 0x7f;
    }

    proptest! {
        #[test]
        fn frames_are_followed_wherever_they_are_cut(
            sizes in vec(prop_oneof![0..130_usize, 126..70_000_usize], 1..6), cut in 1..5000_usize
        ) {
            let mut stream = Vec::new();
            for (number, size) in sizes.iter().enumerate() {
                served(&mut stream, 0x81, &vec![number as u8; *size]);
            }
            let (mut held, mut seen) = (Vec::new(), Vec::new());
            for piece in stream.chunks(cut) {
                held.extend_from_slice(piece);
                let mut rest = &held[..];
                while let Some(frame) = take(&mut rest, 1 << 20).unwrap() {
                    prop_assert!(frame.kind == Kind::Data && frame.fin);
                    prop_assert!(frame.payload.iter().all(|&byte| byte == seen.len() as u8));
                    seen.push(frame.payload.len());
                }
                held = rest.to_vec();
            }
            prop_assert_eq!(seen, sizes);
            prop_assert!(held.is_empty());
        }

        #[test]
        fn any_bytes_may_come(bytes: Vec<u8>) {
            let mut rest = &bytes[..];
            while let Ok(Some(frame)) = take(&mut rest, 1000) {
                prop_assert!(frame.payload.len() <= 1000);
            }
        }
    }

    #[test]
    fn what_no_server_may_send_is_told_apart() {
        let wrong: [(&[u8], Broken); 9] = [
            (&[0xc1], Broken::ReservedBits),
            (&[0x83], Broken::Opcode),
            (b"{\"event", Broken::Opcode),
            (&[0x81, 0x85], Broken::Masked),
            (&[0x89, 126], Broken::Control),
            (&[0x08, 0], Broken::Control),
            (&[0x81, 126, 0, 125], Broken::Length),
            (&[0x81, 127, 0, 0, 0, 0, 0, 0, 1, 0], Broken::Length),
            (&[0x82, 126, 4, 0], Broken::TooLong),
        ];
        for (bytes, broken) in wrong {
            assert_eq!(take(&mut &bytes[..], 1000), Err(broken), "{bytes:x?}");
        }
    }
}
