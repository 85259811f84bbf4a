//! HTTP/2 with prior knowledge, by hand: one request.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::gateway;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

#[tokio::test]
async fn a_plain_request_is_answered_over_http2() {
    let gateway = gateway();
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    let (settings, headers, ended) = (4, 1, 0x5);
    // :method GET, :scheme http, :path / from the static table; :authority as a literal (RFC 7541, appendix A).
    let mut fields = vec![0x82, 0x86, 0x84, 0x01, 9];
    fields.extend(b"localhost");
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(settings, 0, 0, &[]));
    bytes.extend(frame(headers, ended, 1, &fields));
    stream.write_all(&bytes).await.unwrap();
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == headers {
            assert_eq!(payload[0], 0x88, ":status 200");
            return;
        }
    }
}
