//! Schemas at their places in a manifest.

use serde_json::Value;
pub use tidegate_plugin::schema::Flaw;
pub(in crate::plugin) use tidegate_plugin::schema::Schema;

use super::ManifestError;

/// Compiles the schema that stands at `place` of a manifest.
///
/// # Errors
/// [`ManifestError::Content`].
pub(in crate::plugin) fn compile(place: &str, schema: Option<&Value>) -> Result<Schema, ManifestError> {
    Schema::compile(schema).map_err(|error| ManifestError::Content(format!("{place} {error}")))
}
