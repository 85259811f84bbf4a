//! The kinds of payloads, and the fields of each.

/// Characters of a chat message at most.
const LONGEST_CONTENT: usize = 10_000;

/// What a payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What a user says.
    ChatMessage,
    /// What is answered.
    AgentResponse,
    /// An answer begins that comes in pieces.
    StreamStart,
    /// A piece of it.
    StreamChunk,
    /// It has ended.
    StreamEnd,
    /// Something has happened, or is asked for.
    SystemEvent,
    /// Something went wrong.
    ErrorEvent,
    /// Somebody is there, or gone.
    ConnectionEvent,
    /// Is anybody there?
    HealthCheck,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    /// A text of so many characters.
    Text { least: usize, most: usize },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number.
    Number,
    /// A number from 0 to 1.
    Share,
    /// A whole number from 0.
    Count,
    /// Yes or no.
    Flag,
    /// An object.
    Object,
    /// A list of objects.
    Objects,
    /// A list of texts.
    Texts,
    /// Nothing, ever.
    Null,
}

/// What stands for a field that is left out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Absent {
    /// Nothing may: it is required.
    Refused,
    /// Null, which may also be said.
    Null,
    /// This JSON.
    Json(&'static str),
    /// The moment, in seconds since 1970.
    Now,
}

/// A field of a payload.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) of: Of,
    pub(super) absent: Absent,
}

const fn field(name: &'static str, of: Of, absent: Absent) -> Field {
    Field { name, of, absent }
}

const ANY_TEXT: Of = Of::Text { least: 0, most: usize::MAX };
const SOME_TEXT: Of = Of::Text { least: 1, most: usize::MAX };

const METADATA: Field = field("metadata", Of::Object, Absent::Null);
const RESPONSE_TYPE: Field = field("response_type", ANY_TEXT, Absent::Json("\"text\""));
const TOOLS_USED: Field = field("tools_used", Of::Texts, Absent::Null);
const EXECUTION_TIME: Field = field("execution_time", Of::Number, Absent::Null);
const CONFIDENCE: Field = field("confidence", Of::Share, Absent::Null);

const CHAT_MESSAGE: [Field; 6] = [
    field("content", Of::Text { least: 1, most: LONGEST_CONTENT }, Absent::Refused),
    field("attachments", Of::Objects, Absent::Null),
    METADATA,
    field("language", ANY_TEXT, Absent::Null),
    field("locale", ANY_TEXT, Absent::Null),
    field("timestamp", ANY_TEXT, Absent::Null),
];
const AGENT_RESPONSE: [Field; 6] = [
    field("content", SOME_TEXT, Absent::Refused),
    RESPONSE_TYPE,
    TOOLS_USED,
    EXECUTION_TIME,
    CONFIDENCE,
    METADATA,
];
const STREAM_START: [Field; 3] =
    [RESPONSE_TYPE, field("estimated_length", Of::Count, Absent::Null), METADATA];
const STREAM_CHUNK: [Field; 3] = [
    field("chunk", ANY_TEXT, Absent::Refused),
    field("chunk_index", Of::Count, Absent::Refused),
    field("is_complete", Of::Flag, Absent::Json("false")),
];
const STREAM_END: [Field; 6] = [
    field("total_chunks", Of::Count, Absent::Refused),
    field("full_content", ANY_TEXT, Absent::Refused),
    TOOLS_USED,
    EXECUTION_TIME,
    CONFIDENCE,
    METADATA,
];
const SYSTEM_EVENT: [Field; 4] = [
    field("event_name", ANY_TEXT, Absent::Refused),
    field("description", ANY_TEXT, Absent::Null),
    field("severity", Of::Word(&["info", "warning", "error", "critical"]), Absent::Json("\"info\"")),
    field("data", Of::Object, Absent::Null),
];
const ERROR_EVENT: [Field; 5] = [
    field("error_code", ANY_TEXT, Absent::Refused),
    field("error_message", ANY_TEXT, Absent::Refused),
    field("details", ANY_TEXT, Absent::Null),
    field("stack_trace", Of::Null, Absent::Null),
    field("retry_count", Of::Count, Absent::Json("0")),
];
const CONNECTION_EVENT: [Field; 3] = [
    field(
        "event_type",
        Of::Word(&["connected", "disconnected", "reconnected"]),
        Absent::Json("\"connected\""),
    ),
    field("client_info", Of::Object, Absent::Null),
    field("session_data", Of::Object, Absent::Null),
];
const HEALTH_CHECK: [Field; 3] = [
    field("status", Of::Word(&["ping", "pong"]), Absent::Json("\"ping\"")),
    field("timestamp", Of::Number, Absent::Now),
    field("metrics", Of::Object, Absent::Null),
];

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ChatMessage,
        Self::AgentResponse,
        Self::StreamStart,
        Self::StreamChunk,
        Self::StreamEnd,
        Self::SystemEvent,
        Self::ErrorEvent,
        Self::ConnectionEvent,
        Self::HealthCheck,
    ];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ChatMessage => "chat_message",
            Self::AgentResponse => "agent_response",
            Self::StreamStart => "agent_response_stream_start",
            Self::StreamChunk => "agent_response_stream_chunk",
            Self::StreamEnd => "agent_response_stream_end",
            Self::SystemEvent => "system_event",
            Self::ErrorEvent => "error_event",
            Self::ConnectionEvent => "connection_event",
            Self::HealthCheck => "health_check",
        }
    }

    /// The one of that name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// What it consists of, besides `message_type`.
    pub(super) const fn fields(self) -> &'static [Field] {
        match self {
            Self::ChatMessage => &CHAT_MESSAGE,
            Self::AgentResponse => &AGENT_RESPONSE,
            Self::StreamStart => &STREAM_START,
            Self::StreamChunk => &STREAM_CHUNK,
            Self::StreamEnd => &STREAM_END,
            Self::SystemEvent => &SYSTEM_EVENT,
            Self::ErrorEvent => &ERROR_EVENT,
            Self::ConnectionEvent => &CONNECTION_EVENT,
            Self::HealthCheck => &HEALTH_CHECK,
        }
    }

    pub(super) fn field(self, name: &str) -> Option<&'static Field> {
        self.fields().iter().find(|field| field.name == name)
    }
}
