//! What makes an event's payload tell who sent it, as which, when, and whether it came whole.
//!
//! A payload is a mark of fixed form and a filler behind it. Each byte follows from the mark, so that a payload of
//! which one part is another event's, or none's, does not pass. The mark is found in a message by its first bytes, in
//! whatever notation the dialect wraps it: nothing is decoded per delivery.

use std::ops::Range;

/// What a mark begins with.
const MAGIC: &[u8] = b"#TL";
/// Bytes of a mark: the magic, two numbers of 16 hexadecimal digits, one of eight, the end.
pub const MARK: usize = MAGIC.len() + 16 + 16 + 8 + 1;
/// The filler begins at one of so many places, by the event: two events do not have the same bytes at the same place.
const SHIFTS: u64 = 251;

/// The run's number takes so many bits.
const RUN_BITS: u32 = 24;
/// An event's number in its stream takes so many: at a million a second, twelve days.
const SEQUENCE_BITS: u32 = 40;

/// What an event's payload says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The run that it is of, 24 bits: two of them may go on at one gateway.
    pub(super) run: u32,
    /// The stream: one publisher's events into one room.
    pub(super) stream: u16,
    /// Its number in that stream, from 0, 40 bits.
    pub(super) sequence: u64,
    /// When it was sent or, where the pace is given, when it should have been: nanoseconds of the monotonic clock.
    pub(super) time: u64,
}

impl Mark {
    fn words(self) -> (u64, u64, u32) {
        let first = u64::from(self.run) << SEQUENCE_BITS | self.sequence;
        let mixed = (first ^ self.time.rotate_left(23) ^ u64::from(self.stream) << 7)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (first, self.time, u32::from(self.stream) << 16 | (mixed >> 48) as u32)
    }

    /// Reads a mark; none where it is not whole.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (digits, end) = bytes.strip_prefix(MAGIC)?.split_at_checked(40)?;
        let first = number(&digits[..16])?;
        let time = number(&digits[16..32])?;
        let last = number(&digits[32..])? as u32;
        let run = (first >> SEQUENCE_BITS) as u32;
        let sequence = first & ((1 << SEQUENCE_BITS) - 1);
        let mark = Self { run, stream: (last >> 16) as u16, sequence, time };
        (end.first() == Some(&b'#') && mark.words().2 == last).then_some(mark)
    }

    /// Where in the filler its payload goes on behind the mark.
    fn shift(self) -> usize {
        ((self.sequence * 7 + u64::from(self.stream)) % SHIFTS) as usize
    }
}

/// What was found in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// An event of this run, as it was sent.
    Whole(Mark),
    /// An event of which a part is missing or another's.
    Torn,
    /// An event of another run.
    Foreign,
    /// No event.
    Nothing,
}

/// Makes payloads of one size, and finds them.
#[derive(Debug)]
pub(super) struct Marker {
    run: u32,
    size: usize,
    filler: Vec<u8>,
}

impl Marker {
    /// For payloads of `size` bytes, [`MARK`] at least, in the run of this number.
    pub(super) fn new(run: u32, size: usize) -> Self {
        let run = run & ((1 << RUN_BITS) - 1);
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let letter = move |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            b'a' + (state % 26) as u8
        };
        Self { run, size, filler: (0..size + SHIFTS as usize).map(letter).collect() }
    }

    /// Appends the payload of an event.
    pub(super) fn put(&self, stream: u16, sequence: u64, time: u64, out: &mut Vec<u8>) {
        let mark = Mark { run: self.run, stream, sequence, time };
        let (first, second, third) = mark.words();
        out.extend_from_slice(MAGIC);
        put_number(first, 16, out);
        put_number(second, 16, out);
        put_number(third.into(), 8, out);
        out.push(b'#');
        out.extend_from_slice(&self.filler[self.behind(mark)]);
    }

    /// What stands behind the mark, in the filler.
    fn behind(&self, mark: Mark) -> Range<usize> {
        mark.shift()..mark.shift() + self.size - MARK
    }

    /// Looks for an event in a message. `hint` is where one was found last, and is looked at first: the messages of a
    /// room are alike up to there.
    pub(super) fn find(&self, message: &[u8], hint: &mut usize) -> Found {
        let begins = |at: usize| message.get(at..).is_some_and(|rest| rest.starts_with(MAGIC));
        if !begins(*hint) {
            let Some(at) = message.windows(MAGIC.len()).position(|three| three == MAGIC) else {
                return Found::Nothing;
            };
            *hint = at;
        }
        let payload = &message[*hint..];
        let Some(mark) = Mark::read(payload) else { return Found::Torn };
        if mark.run != self.run {
            return Found::Foreign;
        }
        // The quote ends it: a longer filler would be as wrong as a shorter one.
        let whole = payload.get(MARK..self.size) == Some(&self.filler[self.behind(mark)])
            && payload.get(self.size) == Some(&b'"');
        if whole { Found::Whole(mark) } else { Found::Torn }
    }
}

fn put_number(number: u64, digits: u32, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..digits).rev().map(|place| DIGITS[(number >> (4 * place) & 15) as usize]));
}

/// Hexadecimal digits of ours, which are small.
fn number(digits: &[u8]) -> Option<u64> {
    let mut number = 0;
    let mut wrong = false;
    for &digit in digits {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => {
                wrong = true;
                0
            }
        };
        number = number << 4 | u64::from(value);
    }
    (!wrong).then_some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(marker: &Marker, stream: u16, sequence: u64, time: u64) -> Vec<u8> {
        let mut message = br#"{"event_type":"t","data":{"load":""#.to_vec();
        marker.put(stream, sequence, time, &mut message);
        message.extend_from_slice(br#""},"room":"r"}"#);
        message
    }

    proptest! {
        #[test]
        fn what_is_put_is_found(
            run: u32, stream: u16, sequence in 0..1_u64 << SEQUENCE_BITS, time: u64, size in MARK..2000, hint in 0..3000_usize
        ) {
            let marker = Marker::new(run, size);
            let message = message(&marker, stream, sequence, time);
            let mut hint = hint;
            let mark = Mark { run: run & 0xff_ffff, stream, sequence, time };
            prop_assert_eq!(marker.find(&message, &mut hint), Found::Whole(mark));
            prop_assert_eq!(hint, 34);
            prop_assert_eq!(marker.find(&message, &mut hint), Found::Whole(mark));
        }

        #[test]
        fn a_byte_that_is_changed_is_found(at in 3..100_usize, change in 1..=255_u8) {
            let marker = Marker::new(7, 100);
            let mut message = message(&marker, 3, 9, 12345);
            message[34 + at] ^= change;
            prop_assert_ne!(marker.find(&message, &mut 34), Found::Nothing);
            let found = marker.find(&message, &mut 34);
            prop_assert!(!matches!(found, Found::Whole(_)), "{:?}", found);
        }

        #[test]
        fn two_events_put_together_are_torn(cut in 40..200_usize, between in 1..100_u64) {
            let marker = Marker::new(7, 200);
            let (one, other) = (message(&marker, 3, 9, 12345), message(&marker, 3, 9 + between, 12345));
            let torn: Vec<u8> = one[..34 + cut].iter().chain(&other[34 + cut..]).copied().collect();
            let found = marker.find(&torn, &mut 34);
            // A cut between equal bytes changes nothing.
            prop_assert!(torn == one || torn == other || found == Found::Torn, "{:?}", found);
        }

        #[test]
        fn any_bytes_may_come(bytes: Vec<u8>, hint in 0..100_usize) {
            let mut hint = hint;
            prop_assert!(!matches!(Marker::new(1, 64).find(&bytes, &mut hint), Found::Whole(_)));
        }
    }

    #[test]
    fn a_shorter_and_a_longer_payload_are_torn_and_another_runs_is_foreign() {
        let marker = Marker::new(1, 64);
        let event = message(&marker, 0, 0, 0);
        let (shorter, longer) = (Marker::new(1, 63), Marker::new(1, 65));
        assert_eq!(shorter.find(&event, &mut 0), Found::Torn);
        assert_eq!(longer.find(&event, &mut 0), Found::Torn);
        assert_eq!(marker.find(&event[..80], &mut 0), Found::Torn);
        assert_eq!(Marker::new(2, 64).find(&event, &mut 0), Found::Foreign);
        assert_eq!(marker.find(br#"{"success":true}"#, &mut 0), Found::Nothing);
    }
}
