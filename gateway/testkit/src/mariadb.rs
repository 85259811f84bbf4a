//! A MariaDB in a process of its own.

use std::ops::{Deref, DerefMut};
use std::process::{Command, Stdio};

use crate::mysqld::{Mysqld, as_root, places};

/// What makes a MariaDB one whose changes can be listened to.
const BINLOG: [&str; 4] =
    ["--log-bin=binlog", "--binlog-format=ROW", "--server-id=1", "--gtid-strict-mode=1"];

/// A MariaDB with data, port and socket of its own, which ends with this value. Anybody is `root`, without a password.
#[derive(Debug)]
pub struct MariaDb(Mysqld);

impl MariaDb {
    /// Starts one that writes a binary log of rows, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, the last of which win.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut install = Command::new("mariadb-install-db");
        install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        install.args(places(&folder)).args(as_root());
        let installed =
            install.stdin(Stdio::null()).output().expect("MariaDB is there: scripts/test-tools installs it");
        assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
        Self(Mysqld::start(program, folder, &[&BINLOG, arguments].concat()))
    }
}

impl Deref for MariaDb {
    type Target = Mysqld;

    fn deref(&self) -> &Mysqld {
        &self.0
    }
}

impl DerefMut for MariaDb {
    fn deref_mut(&mut self) -> &mut Mysqld {
        &mut self.0
    }
}

fn program() -> Command {
    let mut command = Command::new("mariadbd");
    command.arg("--no-defaults");
    command
}
