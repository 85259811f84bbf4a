//! A record of the log, as a file may hold it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tidegate::history::log::{Record, What};

fuzz_target!(|input: &[u8]| {
    let [how, bytes @ ..] = input else { return };
    if how & 1 == 0 {
        check(bytes);
    } else {
        check(&sealed(bytes));
    }
});

fn check(bytes: &[u8]) {
    let Ok((record, length)) = Record::decode(bytes) else { return };
    assert!(length <= bytes.len());
    assert_eq!(Record::decode(&bytes[..length]), Ok((record, length)), "what follows makes no difference");
    assert!(Record::decode(&bytes[..length - 1]).is_err());
    let mut other = bytes[..length].to_vec();
    let at = record.offset as usize % length;
    other[at] ^= 1;
    assert!(Record::decode(&other).is_err(), "changed at {at}");
    if let What::Event(body) = record.what {
        let texts = [Some(record.room), Some(body.kind), Some(body.source), body.key, body.id];
        let texts: usize = texts.into_iter().flatten().map(str::len).sum();
        assert!(texts + body.data.len() < length);
    }
}

/// `body` behind its length and its checksum.
fn sealed(body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32).to_le_bytes();
    let sum = crc32c::crc32c_append(crc32c::crc32c(&length), body);
    [&length[..], &sum.to_le_bytes(), body].concat()
}
