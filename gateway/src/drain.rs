//! Drain: finish, then stop. One handle that the whole house watches.
//!
//! Phases only go forward. `Notice` still serves, so that balancers look away first; from `Closing` on nothing
//! new is accepted and connections are told to come to an end; at `Stopped` whoever still holds one lets go.

use std::sync::Arc;

use tokio::sync::watch;

/// How far the drain has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Everything is open.
    #[default]
    Serving,
    /// Not ready any more, but still serving all.
    Notice,
    /// Nothing new is accepted; what is open is brought to its end.
    Closing,
    /// The time is up.
    Stopped,
}

impl Phase {
    /// The word in answers and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Notice => "draining",
            Self::Closing => "closing",
            Self::Stopped => "stopped",
        }
    }
}

/// Tells everyone that holds a copy how far the drain has come.
#[derive(Clone, Debug)]
pub struct Drain(Arc<watch::Sender<Phase>>);

impl Default for Drain {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Phase::Serving)))
    }
}

impl Drain {
    /// The phase now.
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    /// Goes on to `phase`; a phase that has been passed changes nothing.
    pub fn advance(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let later = phase > *now;
            if later {
                *now = phase;
            }
            later
        });
    }

    /// Waits until `phase`, or a later one, is reached. May be dropped at any time.
    pub fn reached(&self, phase: Phase) -> impl Future<Output = ()> + 'static {
        // The sender lives as long as its handles, so the receiver must not hold one: it would never end.
        let mut watch = self.0.subscribe();
        async move {
            let _every_handle_is_gone = watch.wait_for(|now| *now >= phase).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn phases_go_forward_only_and_wake_who_waits_for_them() {
        let drain = Drain::default();
        assert_eq!(drain.phase(), Phase::Serving);
        let closing = tokio::spawn(drain.reached(Phase::Closing));
        drain.advance(Phase::Notice);
        assert!(!closing.is_finished());
        drain.advance(Phase::Stopped);
        drain.advance(Phase::Notice);
        closing.await.unwrap();
        assert_eq!(drain.phase(), Phase::Stopped);
        drain.reached(Phase::Notice).await;
    }
}
