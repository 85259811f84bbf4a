//! What goes wrong with a server, and whether it passes.

use std::io;

use fallible_iterator::FallibleIterator;
use postgres_protocol::message::backend::ErrorFields;

use crate::source::Failure;

/// What a server has refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// The SQLSTATE.
    pub code: String,
    /// The server's text, with its detail and hint.
    pub message: String,
}

/// Why something with a server did not work.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The server has refused it.
    #[error("PostgreSQL says: {0}")]
    Refused(#[from] Refusal),
    /// The connection is lost, or was never there.
    #[error("{0}")]
    Lost(String),
    /// It will not work until somebody does something.
    #[error("{0}")]
    Lasting(String),
}

/// SQLSTATEs of the slot and the publication.
pub(super) mod code {
    /// What is to be made is there.
    pub(crate) const DUPLICATE_OBJECT: &str = "42710";
    /// The slot is another's at the moment.
    pub(crate) const OBJECT_IN_USE: &str = "55006";
    /// What is to be dropped is not there.
    pub(crate) const UNDEFINED_OBJECT: &str = "42704";
    /// The role may not.
    pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";
}

/// Classes and codes that stay until an operator acts: authorisation, syntax and what is not there, database, wrong state (a lost
/// slot, no `wal_level = logical`), configuration, WAL that was removed, features, a row that cannot be decoded.
const LASTING: [&str; 10] = ["28", "42", "3D", "55000", "F0", "58P01", "0A", "22", "26", "3F"];

impl Refusal {
    pub(super) fn read(mut fields: ErrorFields<'_>) -> Self {
        let (mut code, mut message) = (String::new(), String::new());
        while let Ok(Some(field)) = fields.next() {
            let text = String::from_utf8_lossy(field.value_bytes());
            match field.type_() {
                b'C' => code = text.into_owned(),
                b'M' => message.insert_str(0, &text),
                b'D' | b'H' => {
                    message.push_str("; ");
                    message.push_str(&text);
                }
                _ => {}
            }
        }
        Self { code, message }
    }
}

impl Trouble {
    /// Whether the server has refused it with this SQLSTATE.
    pub(super) fn is(&self, code: &str) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.code == code)
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Lost(format!("the connection to PostgreSQL is lost: {error}"))
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let lasts = match &trouble {
            Trouble::Refused(refusal) => {
                LASTING.iter().any(|class| refusal.code.starts_with(class))
                    && refusal.code != code::OBJECT_IN_USE
            }
            Trouble::Lost(_) => false,
            Trouble::Lasting(_) => true,
        };
        let mut text = trouble.to_string();
        if trouble.is(code::INSUFFICIENT_PRIVILEGE) {
            text.push_str("; what a role needs for the rules, `tidegate plugin db-listener init` prints");
        }
        if lasts { Self::Lasting(text) } else { Self::Passing(text) }
    }
}
