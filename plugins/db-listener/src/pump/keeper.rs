//! Keeps a source's position in the gateway's store, so that a restart, and another node, goes on where this one was.

use std::time::Duration;

use tidegate_plugin::{Expect, Host, abi::Status};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::source::{Failure, Position};

/// Where it is kept.
const KEY: &str = "position";
/// It is written this often at most: what was not is read again, and its events are known by their ids.
const PAUSE: Duration = Duration::from_millis(250);

/// The position in the store, as we know it.
#[derive(Debug)]
pub(super) struct Keeper {
    host: Host,
    /// What must be there still: something else is of another node.
    expect: Expect,
    kept: Option<Position>,
}

impl Keeper {
    /// Finds the position that was kept last.
    pub(super) async fn load(host: &Host) -> Result<(Self, Option<Position>), Failure> {
        let entry = host.store().get(KEY).await.map_err(|error| Failure::Passing(error.to_string()))?;
        let (expect, kept) = match &entry {
            Some(entry) => {
                let text = String::from_utf8_lossy(&entry.value).into_owned();
                (Expect::Revision(entry.revision), Some(Position(text)))
            }
            None => (Expect::Absent, None),
        };
        Ok((Self { host: host.clone(), expect, kept: kept.clone() }, kept))
    }

    /// Keeps what is confirmed, until that ends; answers why it cannot go on.
    pub(super) async fn keep(mut self, mut confirmed: watch::Receiver<Option<Position>>) -> Failure {
        loop {
            let goes_on = confirmed.changed().await.is_ok();
            let position = confirmed.borrow_and_update().clone();
            if let Some(position) = position.filter(|position| self.kept.as_ref() != Some(position))
                && let Err(failure) = self.write(position).await
            {
                return failure;
            }
            if !goes_on {
                return Failure::Passing("all is kept".into());
            }
            sleep(PAUSE).await;
        }
    }

    /// A store that is slow or down delays what is kept, and not what flows.
    async fn write(&mut self, position: Position) -> Result<(), Failure> {
        match self.host.store().put(KEY, position.0.clone(), self.expect).await {
            Ok(revision) => {
                self.expect = Expect::Revision(revision);
                self.kept = Some(position);
                Ok(())
            }
            Err(error) if error.status() == Status::CONFLICT => {
                Err(Failure::Passing("another node has kept a position: it listens now".into()))
            }
            // It may have been written: what is there now is looked at again.
            Err(error) if error.status() == Status::TIMEOUT => Err(Failure::Passing(error.to_string())),
            Err(error) => {
                self.host.log().warn(format_args!("the position is not kept: {error}"));
                Ok(())
            }
        }
    }
}
