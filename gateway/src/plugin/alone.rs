//! What a plugin gets of a gateway that serves nobody: a real hub without clients, and an empty store.

use std::path::PathBuf;
use std::sync::Arc;

use super::Services;
use crate::frame::Forms;
use crate::hub::{Config, Hub, Rules};
use crate::metrics::Metrics;
use crate::store::{Durability, Embedded};

/// The services, and the store's folder, which goes with this.
pub(super) struct Alone {
    pub(super) services: Services,
    _folder: Folder,
}

impl Alone {
    /// Makes them; within a runtime, which is what waits for the plugin.
    pub(super) fn new() -> Result<Self, String> {
        let folder = Folder(std::env::temp_dir().join(format!("tidegate-{}", uuid::Uuid::new_v4().simple())));
        let store = Embedded::open(&folder.0, Durability::Os).map_err(|error| error.to_string())?;
        let sizes = Config { shards: 1, mailbox: 64 << 20, rooms_per_session: 100 };
        let hub = Arc::new(Hub::new(sizes, Rules::new([]), Forms::default(), Metrics::new(1)));
        let control = tokio::runtime::Handle::current();
        let services = Services { hub, store: Arc::new(store), control, changed: Arc::default() };
        Ok(Self { services, _folder: folder })
    }
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the store of a plugin alone was not removed");
        }
    }
}
