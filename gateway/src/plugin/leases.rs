//! The leases that an instance holds. Names are the instance's own: only the same instance on another node
//! could hold one, so without a cluster a name that is free is granted at once.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tidegate_plugin::abi::{LeaseLost, Status};

/// A lease's hold on its name.
#[derive(Clone, Debug)]
struct Held {
    lease: u64,
    name: Box<str>,
    /// Of the grant: only grows for its name.
    number: u64,
    ttl: Duration,
    ends: Instant,
    lost: LeaseLost,
}

#[derive(Default)]
struct Table {
    held: Vec<Held>,
    /// The last that was given.
    last: u64,
}

/// See the module's documentation.
#[derive(Default)]
pub(super) struct Leases {
    table: Mutex<Table>,
    freed: Condvar,
}

impl Leases {
    /// Takes `name`, waiting for it until `deadline`; `number` makes the grant's number once it is free.
    ///
    /// # Errors
    /// `CONFLICT` where it is held, `TIMEOUT` where it still was after a wait, or what `number` answers.
    pub(super) fn acquire(
        &self,
        name: &str,
        ttl: Duration,
        wait: Duration,
        lost: LeaseLost,
        number: impl FnOnce() -> Result<u64, Status>,
    ) -> Result<(u64, u64), Status> {
        let deadline = Instant::now() + wait;
        let mut table = self.table.lock();
        loop {
            let now = Instant::now();
            let Some(held) = table.held.iter().find(|held| *held.name == *name && held.ends > now) else {
                break;
            };
            if now >= deadline {
                return Err(if wait.is_zero() { Status::CONFLICT } else { Status::TIMEOUT });
            }
            let until = held.ends.min(deadline);
            self.freed.wait_until(&mut table, until);
        }
        // Under the lock, so that two who ask at once do not both get it.
        let number = number()?;
        table.last += 1;
        let (lease, ends) = (table.last, Instant::now() + ttl);
        table.held.push(Held { lease, name: name.into(), number, ttl, ends, lost });
        Ok((lease, number))
    }

    /// Another time of the same length; answers the grant's number, and that.
    ///
    /// # Errors
    /// `CLOSED` where it was lost, `NOT_FOUND` where there never was such a lease.
    pub(super) fn renew(&self, lease: u64) -> Result<(u64, Duration), Status> {
        let mut table = self.table.lock();
        let (now, last) = (Instant::now(), table.last);
        match table.held.iter_mut().find(|held| held.lease == lease && held.ends > now) {
            Some(held) => {
                held.ends = now + held.ttl;
                Ok((held.number, held.ttl))
            }
            None => Err(gone(lease, last)),
        }
    }

    /// Gives it up.
    ///
    /// # Errors
    /// As [`renew`](Self::renew).
    pub(super) fn release(&self, lease: u64) -> Result<(), Status> {
        let mut table = self.table.lock();
        let (now, last) = (Instant::now(), table.last);
        let found = table.held.iter().position(|held| held.lease == lease && held.ends > now);
        let Some(found) = found else { return Err(gone(lease, last)) };
        table.held.swap_remove(found);
        self.freed.notify_all();
        Ok(())
    }

    /// When the next one ends by itself.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.table.lock().held.iter().map(|held| held.ends).min()
    }

    /// Takes out those whose time is up, with who is to be told.
    pub(super) fn ended(&self, now: Instant) -> Vec<(u64, LeaseLost)> {
        let mut table = self.table.lock();
        let over: Vec<_> = table.held.iter().filter(|h| h.ends <= now).map(|h| (h.lease, h.lost)).collect();
        if !over.is_empty() {
            table.held.retain(|held| held.ends > now);
            self.freed.notify_all();
        }
        over
    }

    /// Gives all up, and tells nobody.
    pub(super) fn give_up(&self) {
        self.table.lock().held.clear();
        self.freed.notify_all();
    }
}

fn gone(lease: u64, last: u64) -> Status {
    if (1..=last).contains(&lease) { Status::CLOSED } else { Status::NOT_FOUND }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    fn take(leases: &Leases, name: &str, ttl: Duration, wait: Duration) -> Result<(u64, u64), Status> {
        leases.acquire(name, ttl, wait, None, || Ok(7))
    }

    #[test]
    fn a_name_is_held_once_until_it_is_given_up() {
        let leases = Leases::default();
        let (lease, number) = take(&leases, "a", LONG, Duration::ZERO).unwrap();
        assert_eq!(number, 7);
        assert_eq!(take(&leases, "a", LONG, Duration::ZERO), Err(Status::CONFLICT));
        assert!(take(&leases, "b", LONG, Duration::ZERO).is_ok());
        assert_eq!(leases.renew(lease), Ok((7, LONG)));
        assert_eq!(leases.release(lease), Ok(()));
        assert_eq!(leases.release(lease), Err(Status::CLOSED));
        assert_eq!(leases.renew(99), Err(Status::NOT_FOUND));
        assert!(take(&leases, "a", LONG, Duration::ZERO).is_ok());
    }

    #[test]
    fn who_waits_gets_it_when_its_time_is_up() {
        let leases = Leases::default();
        let (lease, _) = take(&leases, "a", Duration::from_millis(20), Duration::ZERO).unwrap();
        assert!(take(&leases, "a", LONG, LONG).is_ok());
        assert_eq!(leases.renew(lease), Err(Status::CLOSED));
        let over: Vec<_> = leases.ended(Instant::now()).iter().map(|(lease, _)| *lease).collect();
        assert_eq!(over, [lease]);
    }
}
