//! A listener that sends its clients on to TLS.

use testkit::{Authority, Options, exchange, request};

use super::house::listeners;

#[tokio::test]
async fn clients_are_sent_on_to_the_same_place_under_tls() {
    let authority = Authority::new("test authority");
    let issued = authority.issue("server", &["localhost"], |_| {});
    let both = listeners(&issued, "").replace("name=\"plain\"", "name=\"plain\", redirect=\"tls\"");
    let gateway = Options::new().set(&both).start(env!("CARGO_BIN_EXE_tidegate"));
    let port = gateway.addresses()[1].port();
    for (method, path) in
        [("GET", "/health?a=b"), ("POST", "/api/v1/publish"), ("GET", "/ws"), ("GET", "/nowhere")]
    {
        let host = [("Host", "localhost:8080")];
        let answer = exchange(gateway.address(), &request(method, path, &host, None)).await;
        assert_eq!(answer.status, 308, "{method} {path}");
        assert_eq!(answer.header("location"), Some(&*format!("https://localhost:{port}{path}")));
        assert_eq!(answer.body, "");
    }
}
