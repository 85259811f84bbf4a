//! Calls that queries answer: the first row of a query, and figures of the host and the gateway, put into the data that the operator
//! wrote.

mod figures;
mod usage;

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_plugin::{Bytes, Call, Error, Host, Reply, Result};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::change::{Cell, Change, Kind, Shape, TableName};
use crate::rules::{Data, Writer, place};
use crate::settings::{CallSettings, Settings};
use crate::source::Query;
use figures::{Figures, NAMES};
pub use usage::Usage;

/// How long a query may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a query at most.
const LONGEST: usize = 64 * 1024;

/// The calls of an instance.
#[derive(Debug)]
pub struct Calls {
    host: Host,
    calls: Vec<Answering>,
    figures: Figures,
    /// Who is connected.
    pub usage: Rc<Usage>,
}

/// A call.
#[derive(Debug)]
struct Answering {
    name: String,
    query: Option<String>,
    data: Data,
    keeps: Duration,
    /// The last answer. Who asks at the same time waits for the same query.
    last: Mutex<Option<(Instant, Result<Bytes>)>>,
}

impl Calls {
    /// Reads the calls of an instance.
    ///
    /// # Errors
    /// The first thing that is wrong, with its call and place.
    pub fn read(settings: &Settings, host: Host) -> Result<Self> {
        let calls = settings.calls.iter().enumerate().map(|(i, call)| Answering::read(i + 1, call));
        let calls = calls.collect::<Result<_, _>>().map_err(Error::invalid)?;
        Ok(Self { host, calls, figures: Figures::default(), usage: Rc::default() })
    }

    /// What is wrong with the calls of an instance, if anything is.
    ///
    /// # Errors
    /// As [`Calls::read`].
    pub fn check(settings: &Settings) -> Result<()> {
        let mut names = HashSet::new();
        for (i, call) in settings.calls.iter().enumerate() {
            Answering::read(i + 1, call).map_err(Error::invalid)?;
            if !names.insert(&call.name) {
                let place = place("call", i + 1, &call.name);
                return Err(Error::invalid(format!("{place}: name: another call has it already")));
            }
        }
        Ok(())
    }

    /// What the gateway is told of the calls.
    #[must_use]
    pub fn declared(settings: &Settings) -> Vec<Value> {
        let declared = |call: &CallSettings| {
            let summary = call.summary.as_deref().unwrap_or("Answered by a query.");
            let mut declared = json!({"name": call.name, "summary": summary});
            if let Some(scope) = &call.scope {
                declared["scope"] = scope.as_str().into();
            }
            if let Some(response) = &call.response {
                declared["response"] = response.clone();
            }
            declared
        };
        settings.calls.iter().map(declared).collect()
    }

    /// Whether some call tells of sessions, so that they have to be counted.
    #[must_use]
    pub fn count_sessions(settings: &Settings) -> bool {
        let tells = |data: &Value| data.to_string().contains("{gateway.");
        settings.calls.iter().any(|call| call.data.as_ref().is_some_and(tells))
    }

    /// Answers a call.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn answer(&self, call: &Call, source: Option<&impl Query>) -> Result<Reply> {
        let answering = self.calls.iter().find(|answering| answering.name == call.name);
        let answering =
            answering.ok_or_else(|| Error::unsupported(format!("no such call: {}", call.name)))?;
        let mut last = answering.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < answering.keeps
        {
            return answer.clone().map(Reply::raw);
        }
        let answer = self.make(answering, source).await;
        *last = Some((Instant::now(), answer.clone()));
        answer.map(Reply::raw)
    }

    async fn make(&self, call: &Answering, source: Option<&impl Query>) -> Result<Bytes> {
        let mut row = match (&call.query, source) {
            (Some(query), Some(source)) => {
                let asked = timeout(PATIENCE, source.first_row(query)).await;
                let asked = asked.map_err(|_| Error::timeout("the database does not answer"))?;
                asked.map_err(|failure| {
                    self.host.log().warn(format_args!("call '{}': {failure}", call.name));
                    Error::busy("the database does not answer the query")
                })?
            }
            _ => Map::new(),
        };
        let columns: Vec<String> = row.keys().cloned().collect();
        row.extend(self.figures.now(&self.host, &self.usage));
        let (names, cells): (Vec<_>, Vec<_>) =
            row.into_iter().map(|(name, value)| (name, Cell::Is(value))).unzip();
        let (writer, missing) =
            Writer::of(&call.data, &names, |name| columns.iter().any(|column| column == name));
        if !missing.is_empty() {
            return Err(Error::internal(format!("call '{}': {}", call.name, missing.join("; "))));
        }
        let table = TableName { schema: "call".into(), table: call.name.clone() };
        let (shape, new) = (Arc::new(Shape { table, columns: names }), Some(cells));
        let row = Change { kind: Kind::Insert, shape, new, old: None, origin: String::new(), time: 0 };
        let mut data = Vec::with_capacity(256);
        writer.write(&row, &mut data);
        Ok(data.into())
    }
}

impl Answering {
    fn read(number: usize, call: &CallSettings) -> Result<Self, String> {
        let place = place("call", number, &call.name);
        let everything = Value::from("{*}");
        let data = Data::parse(call.data.as_ref().unwrap_or(&everything))
            .map_err(|what| format!("{place}: data: {what}"))?;
        if call.query.as_ref().is_some_and(|query| query.len() > LONGEST) {
            return Err(format!("{place}: query: more than {LONGEST} bytes"));
        }
        let unknown = data.columns().into_iter().find(|column| {
            let figure = ["host.", "gateway."].iter().any(|prefix| column.name.starts_with(prefix));
            (figure || call.query.is_none()) && !NAMES.contains(&column.name.as_str())
        });
        match unknown {
            Some(column) => {
                Err(format!("{place}: data: there is no figure '{}', only {}", column.name, NAMES.join(", ")))
            }
            None => Ok(Self {
                name: call.name.clone(),
                query: call.query.clone(),
                data,
                keeps: call.cache,
                last: Mutex::default(),
            }),
        }
    }
}
