//! What listeners serve and believe, and how HTTP is spoken.

use crate::{errors, loaded, refused, set, warned};

#[test]
fn a_part_that_nobody_knows_is_refused_and_so_is_a_listener_without_any() {
    refused(&set(&["listener.0.serves=[\"dashboard\"]"]), "dashboard");
    refused(&set(&["listener.0.serves=[\"api\", \"api\", \"endpoints\"]"]), "stands there twice");
    let nothing = errors(&set(&["listener.0.serves=[]"]));
    assert!(nothing.iter().any(|line| line.contains("nothing but 404")), "{nothing:#?}");
}

#[test]
fn an_endpoint_that_no_listener_serves_is_refused() {
    let nowhere = "no listener has \"endpoints\" in `serves`";
    let one = "endpoint=[{path=\"/ws\"}]";
    refused(&set(&["listener.0.serves=[\"api\", \"metrics\"]", one]), nowhere);
    let elsewhere = "{name=\"b\", address=\"127.0.0.1:0\", serves=[\"endpoints\"]}";
    loaded(&set(&[&format!("listener=[{{name=\"a\", serves=[\"admin\"]}}, {elsewhere}]")]));
}

#[test]
fn whom_anybody_could_pretend_to_be_is_refused_or_warned_of() {
    let open = "listener.0={address=\"0.0.0.0:1\", proxy_protocol=true, hosts=[\"a\"]}";
    refused(&set(&[open, "allow=[\"anonymous\"]"]), "whoever connects could take any address");
    loaded(&set(&[open, "allow=[\"anonymous\"]", "listener.0.trusted_proxies=[\"10.0.0.0/8\"]"]));
    loaded(&set(&["listener.0.proxy_protocol=true"]));
    warned(&set(&["listener.0.trusted_proxies=[\"0.0.0.0/0\"]"]), "trusts every address");
    refused(&set(&["listener.0.trusted_proxies=[\"10.0.0.0/40\"]"]), "an address has 32 bits");
}

#[test]
fn sizes_and_times_with_which_nothing_could_be_served_are_refused() {
    refused(&set(&["http.head=1 KiB"]), "http.head: must be from 8 KiB to 64 KiB");
    refused(&set(&["http.head=1 MiB"]), "must be from 8 KiB to 64 KiB");
    refused(&set(&["http.target=0"]), "http.target: must be above zero");
    refused(&set(&["http.header=65 KiB"]), "not more than http.head (64 KiB) can hold");
    refused(&set(&["http.body=0"]), "nothing could be posted");
    refused(&set(&["http.bodies=1023 KiB"]), "http.bodies: must not be less than http.body (1 MiB)");
    refused(&set(&["http.streams=0"]), "no HTTP/2 client could ask");
    for time in ["head_timeout", "body_timeout", "write_timeout"] {
        refused(&set(&[&format!("http.{time}=0s")]), &format!("http.{time}: must be longer than no time"));
    }
    warned(&set(&["http.answer_timeout=30s"]), "would be answered with 503 in place of 408");
}
