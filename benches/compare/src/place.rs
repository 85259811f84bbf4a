//! Where everything is: programs, and the cores that they run on.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crate::noise::Noise;

/// Folders, and cores.
#[derive(Clone, Debug)]
pub struct Place {
    /// The repository.
    pub root: PathBuf,
    /// Cores of the server, as `taskset` takes them.
    pub server_cores: String,
    /// The core of the load.
    pub own_core: usize,
    /// What else was done on both.
    pub noise: Arc<Noise>,
}

impl Place {
    /// The repository that this program was built from.
    pub fn new(server_cores: &str, own_core: usize) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.ancestors().nth(2).unwrap_or(here).to_owned();
        Self { root, server_cores: server_cores.to_owned(), own_core, noise: Arc::default() }
    }

    /// A file of the repository.
    pub fn source(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A file that was made.
    pub fn made(&self, path: &str) -> PathBuf {
        let target =
            std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), PathBuf::from);
        target.join(path)
    }

    /// What `benches/rivals/prepare` makes.
    ///
    /// # Errors
    /// Where it was not made.
    pub fn rival(&self, path: &str) -> io::Result<PathBuf> {
        let made = self.made("rivals").join(path);
        let missing =
            || io::Error::other("not installed; benches/rivals/prepare does that, and says where it cannot");
        made.exists().then_some(made).ok_or_else(missing)
    }

    /// The command that runs `program` on the server's cores. It ends with this process, also where that is killed: nothing is
    /// left on the cores that the next figures are of.
    pub fn pinned(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "taskset", "-c", &self.server_cores]).arg(program.as_ref());
        command
    }

    /// The same place with the core of the load among the server's.
    #[must_use]
    pub fn with_both(&self) -> Self {
        Self { server_cores: format!("{},{}", self.server_cores, self.own_core), ..self.clone() }
    }
}
