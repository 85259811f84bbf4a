use proptest::prelude::*;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use super::*;

/// Reads a header off a real socket, to which `bytes` come in pieces of `piece`; answers what is left behind it.
async fn feed(bytes: &[u8], piece: usize) -> (Result<Option<SocketAddr>, Bad>, Vec<u8>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    client.set_nodelay(true).unwrap();
    let (mut stream, _) = listener.accept().await.unwrap();
    let sent = async {
        for piece in bytes.chunks(piece) {
            let _refused_early = client.write_all(piece).await;
            tokio::task::yield_now().await;
        }
        let _gone_already = client.shutdown().await;
    };
    let read = async {
        let outcome = read(&mut stream).await;
        let mut rest = Vec::new();
        if outcome.is_ok() {
            stream.read_to_end(&mut rest).await.unwrap();
        }
        (outcome, rest)
    };
    tokio::join!(sent, read).1
}

fn binary(command: u8, family: u8, addresses: &[u8]) -> Vec<u8> {
    let length = (addresses.len() as u16).to_be_bytes();
    [&SIGNATURE[..], &[command, family], &length, addresses].concat()
}

/// The header that a balancer writes for this source.
fn written(source: SocketAddr, version: u8) -> Vec<u8> {
    let to = SocketAddr::new(source.ip(), 443);
    let ports = [source.port().to_be_bytes(), to.port().to_be_bytes()].concat();
    let family = if source.is_ipv4() { 4 } else { 6 };
    match (version, source.ip()) {
        (1, ip) => format!("PROXY TCP{family} {ip} {ip} {} 443\r\n", source.port()).into_bytes(),
        (_, IpAddr::V4(ip)) => binary(0x21, 0x11, &[&ip.octets()[..], &ip.octets(), &ports].concat()),
        (_, IpAddr::V6(ip)) => binary(0x21, 0x21, &[&ip.octets()[..], &ip.octets(), &ports].concat()),
    }
}

#[tokio::test]
async fn nothing_behind_the_header_is_read_however_it_comes() {
    for source in ["192.0.2.1:65535", "[2001:db8::1]:0"] {
        let source = source.parse().unwrap();
        for version in [1, 2] {
            for piece in [1, 7, 4096] {
                let bytes = [&written(source, version)[..], b"\x16\x03\n hello\n"].concat();
                let (outcome, rest) = feed(&bytes, piece).await;
                assert_eq!(outcome.unwrap(), Some(source), "version {version}, {piece} at a time");
                assert_eq!(rest, b"\x16\x03\n hello\n");
            }
        }
    }
}

#[tokio::test]
async fn the_longest_line_is_read_and_a_longer_one_is_not() {
    // The specification's: of an unknown family, with addresses and ports all the same.
    let ip = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    let longest = format!("PROXY UNKNOWN {ip} {ip} 65535 65535\r\n");
    assert_eq!(longest.len(), LINE);
    for (line, good) in [(longest.clone(), true), (longest.replace('\r', "5\r"), false)] {
        let (outcome, _) = feed(line.as_bytes(), 4096).await;
        assert_eq!(outcome.is_ok(), good, "{} bytes: {outcome:?}", line.len());
    }
}

#[tokio::test]
async fn who_names_no_address_keeps_its_own_and_extensions_are_skipped() {
    let unix = [0; 216];
    for bytes in [
        b"PROXY UNKNOWN\r\n".to_vec(),
        b"PROXY UNKNOWN whatever it may be\r\n".to_vec(),
        binary(0x20, 0, &[]),
        binary(0x20, 0x11, &[1, 2, 3]), // LOCAL: the addresses are to be ignored
        binary(0x21, 0, &[]),
        binary(0x21, 0x31, &unix),
        binary(0x21, 0x12, &[0; 12]), // UDP, which no connection of TCP is
    ] {
        let (outcome, rest) = feed(&[&bytes[..], b"rest"].concat(), 4096).await;
        assert_eq!((outcome.unwrap(), &*rest), (None, &b"rest"[..]), "{bytes:?}");
    }
    let addresses = [&[192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187][..], &vec![7; 60_000]].concat();
    let (outcome, rest) = feed(&[&binary(0x21, 0x11, &addresses)[..], b"rest"].concat(), 4096).await;
    assert_eq!((outcome.unwrap(), &*rest), (Some("192.0.2.1:80".parse().unwrap()), &b"rest"[..]));
}

#[tokio::test]
async fn what_is_no_header_is_refused() {
    let v4 = [192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187];
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03random".to_vec(),
        b"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP4 ::1 ::1 1 2\r\n".to_vec(),
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY UNKNOWNS\r\n".to_vec(),
        b"PROXY TCP4 \xff 192.0.2.2 1 2\r\n".to_vec(),
        b"PROXY TCP4 192.0.2.1".to_vec(),
        binary(0x11, 0x11, &v4),
        binary(0x31, 0x11, &v4),
        binary(0x22, 0x11, &v4),
        binary(0x21, 0x41, &v4),
        binary(0x21, 0x13, &v4),
        binary(0x21, 0x11, &v4[..11]),
        binary(0x21, 0x21, &[0; 35]),
        binary(0x21, 0x11, &v4)[..20].to_vec(),
        [&SIGNATURE[..], &[0x20, 0, 0xff, 0xff], &[0; 100]].concat(),
    ] {
        let (outcome, _) = feed(&bytes, 4096).await;
        assert!(outcome.is_err(), "{:?}: {outcome:?}", String::from_utf8_lossy(&bytes));
    }
}

proptest! {
    #[test]
    fn what_a_balancer_writes_is_read_back(ip: IpAddr, port: u16) {
        let source = SocketAddr::new(ip, port);
        prop_assert_eq!(text(&written(source, 1)).unwrap(), Some(source));
        let bytes = written(source, 2);
        let (head, addresses) = bytes[SIGNATURE.len()..].split_at(FIXED);
        let kind = Kind::of(head.try_into().unwrap()).unwrap();
        prop_assert_eq!(kind.source(addresses).unwrap(), Some(source));
    }

    #[test]
    fn no_line_is_too_odd_to_be_judged(
        line in prop::collection::vec(any::<u8>(), 0..LINE),
        likely in "PROXY (TCP[46]|UNKNOWN|[A-Z]{0,5}) [0-9a-f:. ]{0,60}(\r\n)?",
    ) {
        for line in [&line[..], likely.as_bytes()] {
            if let Ok(Some(source)) = text(line) {
                let family = if source.is_ipv4() { &b"PROXY TCP4 "[..] } else { b"PROXY TCP6 " };
                prop_assert!(line.starts_with(family));
            }
        }
    }

    #[test]
    fn no_addresses_are_too_odd_to_be_judged(fixed: [u8; FIXED], addresses in prop::collection::vec(any::<u8>(), 0..ADDRESSES)) {
        if let Ok(kind) = Kind::of(fixed) {
            prop_assert_eq!(fixed[0] >> 4, 2);
            let needed = match kind { Kind::NoAddress => 0, Kind::V4 => 12, Kind::V6 => 36 };
            prop_assert_eq!(kind.source(&addresses).is_ok(), addresses.len() >= needed);
        }
    }
}
