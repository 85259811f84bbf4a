//! What a client offers in its handshake, and what is agreed on (section 7.1).

use http::HeaderMap;
use http::header::{HeaderValue, SEC_WEBSOCKET_EXTENSIONS};

/// The extension's name.
const NAME: &str = "permessage-deflate";

/// How far back the client's inflater can look. There are two, so that what is compressed for one is for all who have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// 32 KiB, as far as DEFLATE can.
    Whole,
    /// Less: no frame for it looks back further than 256 bytes, the smallest window there is.
    Smallest,
}

/// What is agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// What is sent must fit it.
    pub window: Window,
    /// The value of the answer's header.
    pub answer: HeaderValue,
}

/// The header does not follow its grammar (RFC 6455, section 9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header `Sec-WebSocket-Extensions` is malformed")]
pub struct Malformed;

/// Answers the first offer that can be accepted, of all that the client makes, in its order. None: messages go as they are.
///
/// # Errors
/// The header is malformed, whether there was an offer before that or not.
pub fn agree(headers: &HeaderMap) -> Result<Option<Agreed>, Malformed> {
    let mut agreed = None;
    for value in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut text = Text(value.to_str().map_err(|_| Malformed)?);
        while text.next_item() {
            let offer = text.offer()?;
            agreed = agreed.or_else(|| offer.and_then(Offer::accept));
        }
    }
    Ok(agreed)
}

/// An offer of this extension all of whose parameters are known and right.
#[derive(Default)]
struct Offer {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Offered; what the value says is the client's own affair, as our inflater reads all windows.
    client_max_window_bits: bool,
}

impl Offer {
    /// Takes a parameter in; answers whether it is one, there for the first time, and has a value that it may have.
    fn take(&mut self, name: &str, value: Option<&str>) -> bool {
        let flag = match (name, value) {
            ("server_no_context_takeover", None) => &mut self.server_no_context_takeover,
            ("client_no_context_takeover", None) => &mut self.client_no_context_takeover,
            ("client_max_window_bits", value) if value.is_none_or(|value| bits(value).is_some()) => {
                &mut self.client_max_window_bits
            }
            ("server_max_window_bits", Some(value)) => {
                let bits = bits(value);
                let first = self.server_max_window_bits.is_none();
                self.server_max_window_bits = bits;
                return first && bits.is_some();
            }
            _ => return false,
        };
        !std::mem::replace(flag, true)
    }

    /// Both sides begin each message anew, which a server may demand whether it is offered or not.
    fn accept(self) -> Option<Agreed> {
        let mut answer = format!("{NAME}; server_no_context_takeover; client_no_context_takeover");
        let window = match self.server_max_window_bits {
            None | Some(15) => Window::Whole,
            Some(_) => Window::Smallest,
        };
        if let Some(bits) = self.server_max_window_bits {
            answer += &format!("; server_max_window_bits={bits}");
        }
        let answer = HeaderValue::try_from(answer).ok()?;
        Some(Agreed { window, answer })
    }
}

/// A window's size, as its logarithm: 8 to 15, and no digit before that.
fn bits(value: &str) -> Option<u8> {
    let bits = value.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (!value.starts_with(['0', '+'])).then_some(bits)
}

/// What is left of a header's value.
struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// Goes on to the next item of a list; empty ones are passed over.
    fn next_item(&mut self) -> bool {
        self.0 = self.0.trim_start_matches([' ', '\t', ',']);
        !self.0.is_empty()
    }

    /// Reads an extension to the end of the item. None: it is another one, or an offer that must be declined.
    fn offer(&mut self) -> Result<Option<Offer>, Malformed> {
        let mut right = self.token()?.eq_ignore_ascii_case(NAME);
        let mut offer = Offer::default();
        while self.passes(';') {
            let name = self.token()?;
            let unquoted;
            let value = match self.passes('=') {
                false => None,
                true if self.0.starts_with('"') => {
                    unquoted = self.quoted()?;
                    Some(&*unquoted)
                }
                true => Some(self.token()?),
            };
            right = right && offer.take(&name.to_ascii_lowercase(), value);
        }
        self.blank();
        match self.0.is_empty() || self.0.starts_with(',') {
            true => Ok(right.then_some(offer)),
            false => Err(Malformed),
        }
    }

    fn blank(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// Passes over `sign`, and blanks around it, if it comes next.
    fn passes(&mut self, sign: char) -> bool {
        self.blank();
        let Some(rest) = self.0.strip_prefix(sign) else { return false };
        self.0 = rest;
        self.blank();
        true
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A quoted string, in which a token stands.
    fn quoted(&mut self) -> Result<String, Malformed> {
        let (mut inside, mut escaped) = (String::new(), false);
        for (at, c) in self.0.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' => {
                    escaped = true;
                    continue;
                }
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return if inside.is_empty() { Err(Malformed) } else { Ok(inside) };
                }
                _ => {}
            }
            if !is_token(c) {
                return Err(Malformed);
            }
            inside.push(c);
        }
        Err(Malformed)
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests;
