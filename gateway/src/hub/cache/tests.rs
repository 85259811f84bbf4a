use proptest::prelude::*;

use super::*;
use crate::frame::{Cursor, Epoch, Event, EventType, RoomId, Timestamp};

fn event(offset: u64, key: Option<&str>, data: &str) -> Arc<Posted> {
    let event = Event {
        key: key.map(Into::into),
        ..Event::new(
            EventType { number: 0, name: "x".into() },
            data.to_owned().into(),
            "s".into(),
            Timestamp(0),
        )
    };
    let room = RoomId { number: 1, name: "r".into(), class: 0 };
    Arc::new(Posted::new(event, room, Cursor { epoch: Epoch(1), offset }, false, Instant::now()))
}

fn offsets(cache: &Cache) -> Vec<u64> {
    cache.events().iter().map(|posted| posted.cursor.offset).collect()
}

#[test]
fn one_that_keeps_the_last_has_it_whatever_its_key_and_data() {
    let (mut cache, now) = (Cache::new(Caching::Last), Instant::now());
    for (offset, key, data) in [(1, Some("a"), "1"), (2, Some("b"), "2"), (3, None, "null")] {
        cache.commit(&event(offset, key, data), now);
        assert_eq!(offsets(&cache), [offset]);
    }
}

#[test]
fn one_that_keeps_nothing_stays_empty() {
    let mut cache = Cache::new(Caching::None);
    cache.commit(&event(1, None, "1"), Instant::now());
    assert!(cache.is_empty() && !cache.keeps());
    assert_eq!(cache.held_bytes(), 0);
}

#[test]
fn keys_that_were_not_published_for_longest_go_where_there_are_too_many_or_they_are_too_large() {
    let (mut cache, now) = (Cache::new(Caching::LastPerKey), Instant::now());
    for offset in 0..=MOST_KEYS as u64 {
        cache.commit(&event(offset, Some(&offset.to_string()), "1"), now);
    }
    assert_eq!((cache.events().len(), offsets(&cache)[0]), (MOST_KEYS, 1));
    let large = format!("\"{}\"", "x".repeat(MOST_BYTES / 2));
    for offset in 5000..5002 {
        cache.commit(&event(offset, Some(&offset.to_string()), &large), now);
    }
    assert_eq!(offsets(&cache), [5001], "two are too much together, and what was there before");
    let larger = format!("\"{}\"", "x".repeat(2 * MOST_BYTES));
    cache.commit(&event(5002, None, &larger), now);
    assert_eq!(offsets(&cache), [5002], "one has its place, whatever its size");
    cache.commit(&event(5003, Some("a"), "1"), now);
    assert_eq!(offsets(&cache), [5003]);
}

#[test]
fn what_is_past_its_time_is_forgotten_and_its_key_with_it() {
    let (mut cache, begin) = (Cache::new(Caching::LastPerKey), Instant::now());
    let (second, ttl) = (Duration::from_secs(1), Duration::from_secs(2));
    for (offset, key) in [(1, "a"), (2, "b"), (3, "a")] {
        cache.commit(&event(offset, Some(key), "1"), begin + second * offset as u32);
    }
    cache.expire(begin + second * 100, Duration::ZERO);
    assert_eq!(offsets(&cache), [2, 3], "no end");
    cache.expire(begin + second * 4, ttl);
    assert_eq!(offsets(&cache), [3]);
    cache.expire(begin + second * 5, ttl);
    assert!(cache.is_empty() && cache.places.is_empty());
    assert_eq!(cache.held_bytes(), 0);
}

proptest! {
    /// Against what a reader of the whole stream would know: the last event of each key that is not null.
    #[test]
    fn it_is_what_all_events_come_to(
        stream in proptest::collection::vec((proptest::option::of(0..6u8), any::<bool>(), any::<bool>()), 0..60),
    ) {
        let (mut cache, begin) = (Cache::new(Caching::LastPerKey), Instant::now());
        let mut model: Vec<(Option<u8>, u64)> = Vec::new();
        let mut bytes = 0;
        for (offset, (key, null, expire)) in (1..).zip(stream) {
            let at = begin + Duration::from_secs(offset);
            let posted = event(offset, key.map(|key| key.to_string()).as_deref(), if null { " null" } else { "[]" });
            cache.commit(&posted, at);
            model.retain(|(known, _)| *known != key);
            if !null {
                model.push((key, offset));
                bytes = posted.size();
            }
            if expire {
                cache.expire(at, Duration::from_secs(10));
                model.retain(|(_, known)| offset - known < 10);
            }
            prop_assert_eq!(offsets(&cache), model.iter().map(|(_, offset)| *offset).collect::<Vec<_>>());
            prop_assert_eq!(cache.places.len(), model.len());
            prop_assert_eq!(cache.held_bytes(), model.len() * bytes);
        }
    }
}
