//! What one instance has promised of its events and wants of its requests, ready to be held against them.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use super::manifest::{Declared, Manifest, ManifestError, Schema};
use super::validate;
use crate::web::Checker;

/// With [`Validate::Sample`] one event in so many is judged.
const SAMPLE: u64 = 64;

/// Which events are held against their types' schemas. That they are well-formed JSON is always checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Validate {
    /// All; one that does not fit is refused.
    #[default]
    Always,
    /// One in so many; one that does not fit is refused.
    Sample,
    /// None.
    Off,
}

/// See the module's documentation.
pub(super) struct Terms {
    validate: Validate,
    /// Events published, to judge every so many-th.
    published: AtomicU64,
    events: HashMap<Box<str>, Schema>,
    /// By the routes' numbers.
    routes: Vec<Schema>,
    /// By the calls' numbers.
    calls: Vec<Schema>,
}

impl Terms {
    /// # Errors
    /// [`ManifestError`], for a schema that is none.
    pub(super) fn new(
        manifest: &Manifest,
        more: &Declared,
        validate: Validate,
    ) -> Result<Self, ManifestError> {
        let events = manifest.events.iter().chain(&more.events).map(|event| {
            let place = format!("the schema of event type '{}'", event.kind);
            Ok((event.kind.as_str().into(), Schema::compile(&place, event.schema.as_ref())?))
        });
        let routes = manifest.routes.iter().map(|route| {
            let place = format!("the request of route '{} {}'", route.method, route.path);
            let schema = Schema::compile(&place, more.request(route))?;
            Ok(if route.checked_by == Checker::Plugin { Schema::default() } else { schema })
        });
        let calls = manifest.calls.iter().chain(&more.calls).map(|call| {
            Schema::compile(&format!("the request of call '{}'", call.name), call.request.as_ref())
        });
        Ok(Self {
            validate,
            published: AtomicU64::new(0),
            events: events.collect::<Result<_, ManifestError>>()?,
            routes: routes.collect::<Result<_, ManifestError>>()?,
            calls: calls.collect::<Result<_, ManifestError>>()?,
        })
    }

    /// Whether an event of this type may have this data, which is JSON.
    pub(super) fn lets(&self, kind: &str, data: &[u8]) -> bool {
        let judged = match self.validate {
            Validate::Always => true,
            Validate::Sample => self.published.fetch_add(1, Ordering::Relaxed).is_multiple_of(SAMPLE),
            Validate::Off => false,
        };
        !judged || self.events.get(kind).is_none_or(|schema| validate::fits(schema, data))
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
