use proptest::prelude::*;

use super::*;

/// Scans `text` in pieces; how much was passed on, and the first request that was ambiguous.
fn scan(text: &[u8], cuts: &[usize]) -> (usize, Option<u64>, At) {
    let (mut scanner, mut passed, mut start) = (Scanner::default(), 0, 0);
    for end in cuts.iter().copied().chain([text.len()]) {
        passed += scanner.scan(&text[start..end]);
        start = end;
        if scanner.at == At::Broken {
            break;
        }
    }
    (passed, scanner.ambiguous, scanner.at)
}

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn both_lengths_are_noted_with_the_number_of_their_request() {
    let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n\
        POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nGET \
        POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding:chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n\
        POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding:chunked\r\n\r\n0\r\n\r\n\
        GET / HTTP/1.1\r\n\r\n";
    assert_eq!(scan(text.as_bytes(), &[]), (text.len(), Some(3), At::Head));
}

#[test]
fn chunk_extensions_are_well_formed_or_the_body_breaks_off() {
    for good in ["3", "3;a", "3 ; a = b", "3;a=\"x;\\\"y\";b", "003;~=1"] {
        let text = format!("{POST}{good}\r\nabc\r\n0;z\r\nTrailer: x\r\n\r\n");
        assert_eq!(scan(text.as_bytes(), &[]), (text.len(), None, At::Head), "{good}");
    }
    for bad in [
        "",
        "x",
        "3 ",
        "3;",
        "3;\x01",
        "3;a=",
        "3;a b",
        "3;a=\"x",
        "3;a=\"\x7f\"",
        "3,a",
        "10000000000000000",
    ] {
        let text = format!("{POST}{bad}\r\nabc\r\n0\r\n\r\n");
        assert_eq!(scan(text.as_bytes(), &[]), (POST.len(), None, At::Broken), "{bad}");
    }
    let text = format!("{POST}3\r\nabcd\r\n");
    assert_eq!(scan(text.as_bytes(), &[]).2, At::Broken);
}

#[test]
fn lines_end_with_cr_and_lf_or_the_message_is_ambiguous() {
    for bad in [
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\n",
    ] {
        let text = format!("\r\n{bad}GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_eq!(scan(text.as_bytes(), &[]), (text.len(), Some(1), At::Head), "{bad:?}");
    }
    for bad in [
        "3\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "0\n\r\n",
        "0\r\n\n",
        "0\r\nX: y\n\r\n",
        "0\r\nX: y\n\n",
    ] {
        let text = format!("{POST}{bad}GET / HTTP/1.1\r\n\r\n");
        assert_eq!(scan(text.as_bytes(), &[]).2, At::Broken, "{bad:?}");
    }
}

#[test]
fn http2_and_upgrades_are_not_looked_at() {
    for text in
        ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\n\n", "GET / HTTP/1.1\r\nUpgrade: x\r\n\r\nTransfer-Encoding: y\n"]
    {
        assert_eq!(scan(text.as_bytes(), &[]), (text.len(), None, At::Aside));
    }
}

#[test]
fn a_line_without_end_is_given_up_not_stored() {
    let mut scanner = Scanner::default();
    for _ in 0..100 {
        assert_eq!(scanner.scan(&[b'x'; 1000]), 1000);
    }
    assert_eq!((scanner.at, scanner.cut.capacity()), (At::Aside, 0));
}

proptest! {
    #[test]
    fn where_reads_cut_a_stream_makes_no_difference(
        mut cuts in proptest::collection::vec(0..200usize, 0..8),
        bad in proptest::bool::ANY,
    ) {
        let chunk = if bad { "3;=" } else { "3;a=b" };
        let text = format!("POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc{POST}{chunk}\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n");
        cuts.iter_mut().for_each(|cut| *cut = (*cut).min(text.len()));
        cuts.sort_unstable();
        let (_, ambiguous, at) = scan(text.as_bytes(), &cuts);
        prop_assert_eq!((ambiguous, at), (None, if bad { At::Broken } else { At::Head }));
    }

    #[test]
    fn no_bytes_make_it_fail_or_pass_on_more_than_came(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut scanner = Scanner::default();
        prop_assert!(scanner.scan(&bytes) <= bytes.len());
    }
}
