//! What one instance has promised of its events and wants of its requests, ready to be held against them.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use super::manifest::{Declared, Manifest, ManifestError, Schema, schema};
use super::refused::Why;
use super::validate;
use crate::web::Checker;

/// With [`Validate::Sample`], so many events of each type are judged after a start, so that a plugin that is wrong from
/// the beginning is found out at once, however rare the event ...
const FIRST: u64 = 64;
/// ... and then one in so many.
const SAMPLE: u64 = 64;

/// Which events are held against their types' schemas. That they are well-formed JSON is always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validate {
    /// All; one that does not fit is refused.
    #[default]
    Always,
    /// Of each type the first sixty-four, then one in sixty-four; one that does not fit is refused.
    Sample,
    /// None.
    Off,
}

/// See the module's documentation.
pub struct Terms {
    validate: Validate,
    events: HashMap<Box<str>, Promise>,
    /// By the routes' numbers.
    routes: Vec<Schema>,
    /// By the calls' numbers.
    calls: Vec<Schema>,
}

/// What is promised of an event type.
pub(super) struct Promise {
    schema: Schema,
    /// Events published, to judge some of them.
    published: AtomicU64,
}

impl Terms {
    /// What a library says, as far as it says it without an instance.
    ///
    /// # Errors
    /// [`ManifestError`], for a schema that is none.
    pub fn of(manifest: &Manifest, validate: Validate) -> Result<Self, ManifestError> {
        Self::new(manifest, &Declared::default(), validate)
    }

    /// # Errors
    /// [`ManifestError`], for a schema that is none.
    pub(super) fn new(
        manifest: &Manifest,
        more: &Declared,
        validate: Validate,
    ) -> Result<Self, ManifestError> {
        let events = manifest.events.iter().chain(&more.events).map(|event| {
            let place = format!("the schema of event type '{}'", event.kind);
            let schema = schema::compile(&place, event.schema.as_ref())?;
            Ok((event.kind.as_str().into(), Promise { schema, published: AtomicU64::new(0) }))
        });
        let routes = manifest.routes.iter().map(|route| {
            let place = format!("the request of route '{} {}'", route.method, route.path);
            let schema = schema::compile(&place, more.request(route))?;
            Ok(if route.checked_by == Checker::Plugin { Schema::default() } else { schema })
        });
        let calls = manifest.calls.iter().chain(&more.calls).map(|call| {
            schema::compile(&format!("the request of call '{}'", call.name), call.request.as_ref())
        });
        Ok(Self {
            validate,
            events: events.collect::<Result<_, ManifestError>>()?,
            routes: routes.collect::<Result<_, ManifestError>>()?,
            calls: calls.collect::<Result<_, ManifestError>>()?,
        })
    }

    /// Judges the data of an event: JSON it must be, and fit its type's schema where that is looked at.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn judge(&self, kind: &str, data: &[u8]) -> Result<(), Why> {
        self.hold(self.promise(kind), data)
    }

    /// What is promised of a type, if anything is.
    pub(super) fn promise(&self, kind: &str) -> Option<&Promise> {
        self.events.get(kind).filter(|promise| !promise.schema.is_open())
    }

    /// Judges the data of an event of whose type this is promised.
    ///
    /// # Errors
    /// Why it is refused.
    pub(super) fn hold(&self, promise: Option<&Promise>, data: &[u8]) -> Result<(), Why> {
        match promise.filter(|promise| self.validate.is_due(promise)) {
            Some(promise) => validate::event(&promise.schema, data),
            None => validate::json(data),
        }
    }

    /// What a route's body has to fit.
    pub(super) fn route(&self, index: u32) -> Option<&Schema> {
        self.routes.get(index as usize)
    }

    /// What a call's data has to fit.
    pub(super) fn call(&self, index: u32) -> Option<&Schema> {
        self.calls.get(index as usize)
    }
}

impl Validate {
    /// Whether the next event of a type is judged; counts it.
    fn is_due(self, promise: &Promise) -> bool {
        match self {
            Self::Always => true,
            Self::Sample => {
                let before = promise.published.fetch_add(1, Ordering::Relaxed);
                before < FIRST || before.is_multiple_of(SAMPLE)
            }
            Self::Off => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of so many bad events of type `a`, between others, the places of those that are refused.
    fn refused(validate: Validate, events: usize) -> Vec<usize> {
        let manifest = r#"{"manifest":1,"name":"x","events":[{"type":"a","schema":{"type":"object"}},
                           {"type":"b","schema":{"type":"object"}},{"type":"c"}]}"#;
        let terms = Terms::of(&Manifest::parse(manifest).unwrap(), validate).unwrap();
        let judge = |place: usize| {
            // Other types do not shift whose turn it is.
            assert!(
                (0..place % 5).all(|_| terms.judge("b", b"{}").is_ok() && terms.judge("c", b"1").is_ok())
            );
            terms.judge("a", b"1").is_err()
        };
        (0..events).filter(|place| judge(*place)).collect()
    }

    #[test]
    fn always_is_all_off_is_none_and_a_sample_is_the_first_of_each_type_and_then_one_in_so_many() {
        assert_eq!(refused(Validate::Always, 200), (0..200).collect::<Vec<_>>());
        assert_eq!(refused(Validate::Off, 200), [0; 0]);
        let sampled = (0..64).chain([64, 128, 192, 256]).collect::<Vec<_>>();
        assert_eq!(refused(Validate::Sample, 300), sampled);
    }

    #[test]
    fn what_is_no_json_is_refused_whatever_is_looked_at() {
        for validate in [Validate::Always, Validate::Sample, Validate::Off] {
            let manifest = r#"{"manifest":1,"name":"x","events":[{"type":"a","schema":{"type":"string"}}]}"#;
            let terms = Terms::of(&Manifest::parse(manifest).unwrap(), validate).unwrap();
            assert!(matches!(terms.judge("a", b"{"), Err(Why::Json(_))));
            let deep = "[".repeat(65) + &"]".repeat(65);
            assert_eq!(terms.judge("a", deep.as_bytes()), Err(Why::Deep));
            assert_eq!(terms.judge("a", b"\"\""), Ok(()));
        }
    }
}
