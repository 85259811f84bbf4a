//! What is told of a route: said where the route stands in its table, with the types that it really takes and sends.

use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator};

/// Makes the schema of a type.
pub type Make = fn(&mut SchemaGenerator) -> Schema;

/// Part of the API, for lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// What is served here.
    Gateway,
    /// Publishing.
    Events,
    /// Rooms and who is in them.
    Rooms,
    /// Connected clients.
    Sessions,
    /// The plugins.
    Plugins,
    /// How the gateway is.
    Health,
    /// What it measures.
    Metrics,
}

impl Tag {
    /// All of them, in the order of lists.
    pub const ALL: [Self; 7] = [
        Self::Gateway,
        Self::Events,
        Self::Rooms,
        Self::Sessions,
        Self::Plugins,
        Self::Health,
        Self::Metrics,
    ];

    /// Its name, and what it is about.
    pub const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Gateway => ("gateway", "What is served here."),
            Self::Events => ("events", "Publishing events from outside, and reading them."),
            Self::Rooms => ("rooms", "Rooms, and who is in them."),
            Self::Sessions => ("sessions", "Connected clients, and what an operator may do to them."),
            Self::Plugins => ("plugins", "The sources of events that are loaded."),
            Self::Health => ("health", "How the gateway and its parts are."),
            Self::Metrics => ("metrics", "What the gateway measures."),
        }
    }
}

/// What is told of a route.
#[derive(Clone, Debug)]
pub struct Operation {
    /// Names it for generated clients; never changes.
    pub id: &'static str,
    /// Which part of the API it is of.
    pub tag: Tag,
    /// What it does, in a sentence.
    pub summary: &'static str,
    /// More of it.
    pub description: &'static str,
    /// What the path's parameters are: name, meaning, an example.
    pub path: Vec<(&'static str, &'static str, &'static str)>,
    /// An object whose fields are the query's parameters.
    pub query: Option<Make>,
    /// What it takes.
    pub body: Option<Body>,
    /// What a good answer is.
    pub good: &'static str,
    /// What it answers of its own, the good first. What every route may answer is not named here.
    pub answers: Vec<Answer>,
}

/// A body that a route takes.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its schema.
    pub schema: Make,
    /// Whether there must be one.
    pub required: bool,
}

/// An answer of a route.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// When it comes.
    pub about: &'static str,
    /// What it holds.
    pub content: Content,
}

/// What an answer holds.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Make),
    /// Something else, of this media type.
    Other(&'static str),
    /// Problem details, with these members beside those that all have.
    Problem(Option<Make>),
}

impl Operation {
    /// A route that takes nothing.
    pub fn new(id: &'static str, tag: Tag, summary: &'static str) -> Self {
        let (path, answers) = (Vec::new(), Vec::new());
        Self { id, tag, summary, description: "", path, query: None, body: None, good: "It is done", answers }
    }

    /// Says more.
    #[must_use]
    pub fn more(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Says what a parameter of the path is.
    #[must_use]
    pub fn path(mut self, name: &'static str, about: &'static str, example: &'static str) -> Self {
        self.path.push((name, about, example));
        self
    }

    /// It takes the fields of `T` in its query.
    #[must_use]
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(|generator| T::json_schema(generator));
        self
    }

    /// It takes a body.
    #[must_use]
    pub fn body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body { schema: SchemaGenerator::subschema_for::<T>, required: true });
        self
    }

    /// It takes a body, or none.
    #[must_use]
    pub fn optional_body<T: JsonSchema>(mut self) -> Self {
        self.body = Some(Body { schema: SchemaGenerator::subschema_for::<T>, required: false });
        self
    }

    /// What it answers when all is well, before all others.
    #[must_use]
    pub fn first(mut self, status: StatusCode, content: Content) -> Self {
        self.answers.insert(0, Answer { status, about: self.good, content });
        self
    }

    /// Says what a good answer is.
    #[must_use]
    pub fn good(mut self, about: &'static str) -> Self {
        self.good = about;
        self
    }

    /// It may answer this, too.
    #[must_use]
    pub fn answer(mut self, status: StatusCode, about: &'static str, content: Content) -> Self {
        self.answers.push(Answer { status, about, content });
        self
    }

    /// It may answer with this problem.
    #[must_use]
    pub fn problem(self, status: StatusCode, about: &'static str) -> Self {
        self.answer(status, about, Content::Problem(None))
    }
}

impl Content {
    /// JSON of that type.
    pub const fn json<T: JsonSchema>() -> Self {
        Self::Json(SchemaGenerator::subschema_for::<T>)
    }

    /// Problem details with the fields of `T`.
    pub const fn problem<T: JsonSchema>() -> Self {
        Self::Problem(Some(SchemaGenerator::subschema_for::<T>))
    }
}

/// The names in a path's braces, in order.
pub fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}
