use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::mailbox::Letter;
use super::super::{Config, Hub, Rule, Rules, Slot, UserLimit};
use super::*;
use crate::frame::Forms;
use crate::metrics::Metrics;

fn member(id: usize, user: Option<usize>) -> Present {
    Present {
        connection_id: format!("c{id}").into(),
        user_id: user.map(|user| format!("u{user}").into()),
        info: None,
    }
}

fn ids(told: &[(Present, bool)]) -> Vec<(&str, bool)> {
    told.iter().map(|(member, edge)| (&*member.connection_id, *edge)).collect()
}

#[test]
fn what_cancels_out_is_not_told() {
    let mut comings = Comings::default();
    comings.joined(member(1, None));
    comings.left(member(1, None));
    assert_eq!(comings.take(), News::default(), "it came and left");
    comings.joined(member(1, None));
    assert_eq!(ids(&comings.take().joined), [("c1", true)]);
    comings.left(member(1, None));
    comings.joined(member(1, None));
    assert_eq!(comings.take(), News::default(), "it left and came back");
    comings.left(member(1, None));
    assert_eq!(ids(&comings.take().left), [("c1", true)]);
}

#[test]
fn one_that_says_something_else_of_itself_is_told_anew_and_counts_once() {
    let mut comings = Comings::default();
    comings.joined(member(1, Some(1)));
    comings.take();
    let other = Present { info: Some("{}".into()), ..member(1, Some(1)) };
    comings.changed(member(1, Some(1)), other.clone());
    assert_eq!(comings.take(), News { joined: vec![(other.clone(), false)], left: Vec::new() });
    comings.left(other.clone());
    assert_eq!(comings.take(), News { joined: Vec::new(), left: vec![(other, true)] });
    // It shows who it is.
    comings.joined(member(2, None));
    comings.take();
    comings.changed(member(2, None), member(2, Some(2)));
    assert_eq!(ids(&comings.take().joined), [("c2", true)]);
    comings.left(member(2, Some(2)));
    assert_eq!(ids(&comings.take().left), [("c2", true)]);
    assert!(comings.users.is_empty());
}

#[test]
fn a_user_who_goes_over_to_another_session_is_never_away() {
    let mut comings = Comings::default();
    comings.joined(member(1, Some(1)));
    comings.take();
    comings.left(member(1, Some(1)));
    comings.joined(member(2, Some(1)));
    let news = comings.take();
    assert_eq!((ids(&news.joined), ids(&news.left)), (vec![("c2", false)], vec![("c1", false)]));
}

proptest! {
    /// Who adds up what is told knows who is there, and which users are, after each time it is told.
    #[test]
    fn what_is_told_adds_up_to_who_is_there(
        steps in proptest::collection::vec((0..8usize, any::<bool>()), 0..80),
    ) {
        let mut comings = Comings::default();
        let (mut there, mut told): (BTreeMap<_, _>, BTreeMap<_, _>) = Default::default();
        let mut users: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for (id, tell) in steps {
            let member = member(id, (id % 4 > 0).then_some(id % 4));
            match there.remove(&member.connection_id) {
                Some(was) => comings.left(was),
                None => {
                    comings.joined(member.clone());
                    there.insert(Arc::clone(&member.connection_id), member);
                }
            }
            if !tell {
                continue;
            }
            let News { joined, left } = comings.take();
            for (member, first) in joined {
                if let Some(user) = &member.user_id {
                    let sessions = users.entry(Arc::clone(user)).or_default();
                    *sessions += 1;
                    prop_assert_eq!(first, *sessions == 1);
                }
                prop_assert!(told.insert(Arc::clone(&member.connection_id), member).is_none());
            }
            for (member, last) in left {
                if let Some(user) = &member.user_id {
                    let sessions = users.get_mut(user).expect("it was told");
                    *sessions -= 1;
                    prop_assert_eq!(last, *sessions == 0);
                }
                prop_assert!(told.remove(&member.connection_id).is_some());
            }
            prop_assert_eq!(&told, &there);
        }
    }
}

fn rooms_that_tell() -> Hub {
    let config = Config { shards: 1, mailbox: 1, rooms_per_session: 1 };
    let rule = Rule { join_leave: true, ..Rule::default() };
    Hub::new(config, Rules::new([rule]), Forms::default(), Metrics::new(1))
}

#[test]
fn what_finds_no_space_is_told_later_and_what_happens_meanwhile_after_it() {
    let hub = rooms_that_tell();
    let slot = Slot { shard: 0, index: 0, generation: 1 };
    hub.directory().enter(&"c".into(), None, UserLimit::None, slot);
    let _answered_by_the_shard = hub.join("c", "r").unwrap();
    let room = hub.registry.find("r").unwrap();
    let come = |id| {
        let mut state = room.lock();
        let comings = state.comings.as_mut().unwrap();
        comings.joined(member(id, None));
        hub.registry.stirred.list(&room, comings);
    };
    let told = || {
        let mut letters = Vec::new();
        hub.mailboxes()[0].take(&mut letters);
        let events = letters.into_iter().filter_map(|letter| match letter {
            Letter::Event(room, posted) => Some((room, posted)),
            _ => None,
        });
        let ids = events.map(|(room, posted)| {
            hub.mailboxes()[0].release(&room.queued[0], posted.size());
            let data: serde_json::Value = serde_json::from_slice(&posted.payload()).unwrap();
            (posted.cursor.offset, data["connection_id"].as_str().unwrap().to_owned())
        });
        ids.collect::<Vec<_>>()
    };
    // A mailbox of this size takes one at a time.
    come(1);
    come(2);
    let untold = hub.tell_once(Vec::new());
    assert_eq!((untold.len(), told()), (1, vec![(1, "c1".to_owned())]));
    come(3);
    let untold = hub.tell_once(untold);
    assert_eq!((untold.len(), told()), (1, vec![(2, "c2".to_owned())]));
    let untold = hub.tell_once(untold);
    assert_eq!((untold.len(), told()), (0, vec![(3, "c3".to_owned())]));
    assert_eq!((hub.tell_once(untold).len(), told()), (0, Vec::new()));
}
