//! The types of events: what their data hold, and where they go. One table, by which both REST and webhooks are judged; the
//! manifest says the same in JSON Schema.

use Absent::{Empty, LeftOut, Now, Null, One, Wrong};
use Kind::{Among, Count, Id, Lines, List, Number, Object, Step, Text, Time};

/// A type of events that can be published.
#[derive(Debug)]
pub(crate) struct Type {
    /// Its name.
    pub(crate) name: &'static str,
    /// Who says so.
    pub(crate) source: &'static str,
    /// The field that says what it is about, for rooms that keep the newest of each.
    pub(crate) key: &'static str,
    /// Where it goes: each of these that the data leads to.
    pub(crate) rooms: &'static [Room],
    /// What its data hold, and nothing else.
    pub(crate) fields: &'static [Field],
}

/// A room that an event goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// `global`.
    Global,
    /// `project:<project_id>`; `global` where the data names no project.
    ProjectOrGlobal,
    /// `<prefix><field>`; none where the data has no such field.
    Of(&'static str, &'static str),
}

/// A field of an event's data.
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What holds where it is null or missing.
    pub(crate) absent: Absent,
}

/// What a field may be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// What can be part of a room's name: a text, or a whole number.
    Id,
    /// Any text.
    Text,
    /// One of these.
    Among(&'static [&'static str]),
    /// A number from 0 to this.
    Number(f64),
    /// A whole number from 0.
    Count,
    /// Which step it is: its name, or its number.
    Step,
    /// RFC 3339; without a zone it is UTC.
    Time,
    Object,
    List,
    /// A text, or a list.
    Lines,
}

/// What holds for a field that is null or missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// It has to be there.
    Wrong,
    /// It is sent as null.
    Null,
    /// It is not sent.
    LeftOut,
    /// The time of now.
    Now,
    /// An object without fields.
    Empty,
    /// 1.0.
    One,
    /// This text.
    Be(&'static str),
}

const fn field(name: &'static str, kind: Kind, absent: Absent) -> Field {
    Field { name, kind, absent }
}

const PROJECT: Room = Room::Of("project:", "project_id");

const AGENT_ROOMS: &[Room] = &[Room::Of("agent:", "agent_id"), Room::Global];
const AGENT: &[Field] = &[
    field("agent_id", Id, Wrong),
    field("agent_name", Text, Wrong),
    field("status", Among(&["online", "offline", "busy", "idle", "error"]), Wrong),
    field("availability", Number(100.0), Wrong),
    field("timestamp", Time, Now),
    field("metadata", Object, Empty),
];

const WORKFLOW: &[Field] = &[
    field("workflow_id", Id, Wrong),
    field("status", Among(&["pending", "running", "completed", "failed", "cancelled"]), Wrong),
    field("progress", Number(100.0), Wrong),
    field("current_step", Step, Wrong),
    field("total_steps", Count, Wrong),
    field("estimated_time_remaining", Number(f64::MAX), Null),
    field("logs", Lines, Null),
    field("errors", Lines, Null),
    field("project_id", Id, Null),
];

const PULL_REQUEST: &[Field] = &[
    field("pr_id", Id, Wrong),
    field("project_id", Id, Wrong),
    field("title", Text, Wrong),
    field("status", Text, Wrong),
];

const ISSUE_ROOMS: &[Room] = &[PROJECT, Room::Of("user:", "assigned_to")];
const ISSUE: &[Field] = &[
    field("issue_id", Id, Wrong),
    field("project_id", Id, Wrong),
    field("title", Text, Wrong),
    field("description", Text, Null),
    field("status", Text, Wrong),
    field("priority", Text, Null),
    field("assigned_to", Id, Null),
    field("updated_at", Time, Now),
];

const TARGETS: Kind = Among(&["issue", "pr", "code"]);

/// Every type that can be published.
pub(crate) const TYPES: [Type; 17] = [
    Type {
        name: "project.updated",
        source: "project_service",
        key: "project_id",
        rooms: &[PROJECT, Room::Of("user:", "updated_by")],
        fields: &[
            field("project_id", Id, Wrong),
            field("project_name", Text, Wrong),
            field("repository_url", Text, Wrong),
            field("status", Text, Wrong),
            field("updated_by", Id, Wrong),
            field("changes", Object, Empty),
        ],
    },
    Type {
        name: "project.deleted",
        source: "project_service",
        key: "project_id",
        rooms: &[PROJECT, Room::Of("user:", "deleted_by")],
        fields: &[field("project_id", Id, Wrong), field("deleted_by", Id, Wrong)],
    },
    agent("agent.status_changed"),
    agent("agent.connected"),
    agent("agent.disconnected"),
    workflow("workflow.started"),
    workflow("workflow.progress"),
    workflow("workflow.completed"),
    workflow("workflow.failed"),
    Type {
        name: "pr.created",
        source: "github_service",
        key: "pr_id",
        rooms: &[PROJECT],
        fields: &[
            field("pr_id", Id, Wrong),
            field("project_id", Id, Wrong),
            field("title", Text, Wrong),
            field("description", Text, Null),
            field("author", Text, Wrong),
            field("branch", Text, Wrong),
            field("github_url", Text, Wrong),
            field("status", Text, Wrong),
            field("created_at", Time, Now),
        ],
    },
    pull_request("pr.updated"),
    pull_request("pr.closed"),
    issue("issue.created"),
    issue("issue.updated"),
    issue("issue.closed"),
    Type {
        name: "ai.suggestion",
        source: "ai_dock_service",
        key: "suggestion_id",
        rooms: &[Room::ProjectOrGlobal],
        fields: &[
            field("suggestion_id", Id, Wrong),
            field("target_type", TARGETS, Wrong),
            field("target_id", Id, Wrong),
            field("category", Text, Wrong),
            field("title", Text, Wrong),
            field("description", Text, Wrong),
            field("severity", Text, Absent::Be("info")),
            field("confidence", Number(1.0), One),
            field("suggested_action", Text, Null),
            field("metadata", Object, Empty),
            field("project_id", Id, Null),
        ],
    },
    Type {
        name: "ai.analysis_complete",
        source: "ai_dock_service",
        key: "analysis_id",
        rooms: &[Room::ProjectOrGlobal],
        fields: &[
            field("analysis_id", Id, Wrong),
            field("target_type", TARGETS, Wrong),
            field("target_id", Id, Wrong),
            field("summary", Text, Wrong),
            field("findings", List, Wrong),
            field("project_id", Id, LeftOut),
        ],
    },
];

const fn agent(name: &'static str) -> Type {
    Type { name, source: "agent_service", key: "agent_id", rooms: AGENT_ROOMS, fields: AGENT }
}

const fn workflow(name: &'static str) -> Type {
    let rooms = &[Room::ProjectOrGlobal];
    Type { name, source: "workflow_service", key: "workflow_id", rooms, fields: WORKFLOW }
}

const fn pull_request(name: &'static str) -> Type {
    Type { name, source: "github_service", key: "pr_id", rooms: &[PROJECT], fields: PULL_REQUEST }
}

const fn issue(name: &'static str) -> Type {
    Type { name, source: "github_service", key: "issue_id", rooms: ISSUE_ROOMS, fields: ISSUE }
}

/// The type of that name; none where there is none that can be published.
pub(crate) fn find(name: &str) -> Option<&'static Type> {
    TYPES.iter().find(|one| one.name == name)
}
