//! Handshakes take turns. A step of one is some hundred microseconds of arithmetic, a thousand times a request's: a
//! shard does one between two looks at its sockets, so that a flood of them keeps no session waiting.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// The turn of one shard.
#[derive(Debug)]
pub(super) struct Turns(Semaphore);

impl Default for Turns {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

/// Knows whether a handshake can go on.
#[derive(Default)]
struct Call(Mutex<State>);

#[derive(Default)]
struct State {
    called: bool,
    task: Option<Waker>,
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let mut state = self.0.lock();
        state.called = true;
        if let Some(task) = state.task.take() {
            task.wake();
        }
    }
}

impl Call {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if std::mem::take(&mut state.called) {
            return Poll::Ready(());
        }
        state.task = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Turns {
    /// Runs `work`, each of its steps in a turn. While it waits for the other end it keeps nobody from theirs.
    pub(super) async fn take<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        let call = Arc::new(Call::default());
        let waker = Waker::from(Arc::clone(&call));
        loop {
            let turn = self.0.acquire().await;
            let step = work.as_mut().poll(&mut Context::from_waker(&waker));
            // The runtime looks at its sockets and runs who waits before it comes back here.
            tokio::task::yield_now().await;
            drop(turn);
            if let Poll::Ready(output) = step {
                return output;
            }
            poll_fn(|cx| call.poll(cx)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use tokio::sync::oneshot;
    use tokio::task::{LocalSet, spawn_local, yield_now};

    use super::*;

    #[tokio::test]
    async fn others_run_between_two_steps_and_who_waits_holds_no_turn() {
        let local = LocalSet::new();
        local
            .run_until(async {
                let (turns, steps) = (Rc::new(Turns::default()), Rc::new(Cell::new(0)));
                let (go_on, waits) = oneshot::channel::<()>();
                let waiting = spawn_local({
                    let turns = Rc::clone(&turns);
                    async move { turns.take(waits).await.unwrap() }
                });
                yield_now().await;
                let step = |steps: Rc<Cell<u32>>| async move { steps.set(steps.get() + 1) };
                let tasks: Vec<_> = (0..20)
                    .map(|_| {
                        let (turns, steps) = (Rc::clone(&turns), Rc::clone(&steps));
                        spawn_local(async move { turns.take(step(steps)).await })
                    })
                    .collect();
                let (mut before, mut looks) = (0, 0);
                while steps.get() < 20 {
                    yield_now().await;
                    assert!(steps.get() <= before + 1, "two in one go");
                    before = steps.get();
                    looks += 1;
                }
                assert!(looks >= 20);
                for task in tasks {
                    task.await.unwrap();
                }
                go_on.send(()).unwrap();
                waiting.await.unwrap();
            })
            .await;
    }
}
