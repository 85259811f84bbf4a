//! TLS from outside: what is spoken and with whom, how certificates are replaced, and that a session under TLS is a
//! session like any other.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by panicking")]

mod tls {
    mod behind;
    mod certs;
    mod clients;
    mod flood;
    mod handshake;
    pub(crate) mod house;
    mod memory;
    mod mistakes;
    mod principals;
    mod redirect;
    mod reload;
    mod sessions;
    mod slow;
    mod staple;
}
