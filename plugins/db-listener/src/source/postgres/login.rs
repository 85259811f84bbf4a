//! Logging in: who one is, what a session's texts look like, and passwords.

use fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};
use postgres_protocol::message::backend::{AuthenticationSaslBody, Message};
use postgres_protocol::message::frontend;
use secrecy::ExposeSecret;

use super::address::Address;
use super::refusal::Trouble;
use super::wire::{Connection, Purpose};

/// What a session's texts look like, whatever the database's own settings: what [`super::value`] reads.
const TEXTS: [(&str, &str); 8] = [
    ("client_encoding", "UTF8"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "3"),
    ("bytea_output", "hex"),
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
];

/// Logs in, and reads until the server is ready.
pub(super) async fn log_in(
    connection: &mut Connection,
    address: &Address,
    purpose: Purpose,
) -> Result<(), Trouble> {
    let mut parameters = vec![
        ("user", address.user.as_str()),
        ("database", address.database.as_str()),
        ("application_name", address.application.as_str()),
    ];
    parameters.extend(TEXTS);
    if purpose == Purpose::Replication {
        parameters.push(("replication", "database"));
    }
    frontend::startup_message(parameters, &mut connection.outgoing)?;
    connection.flush().await?;
    authenticate(connection, address).await?;
    while connection.receive().await?.kind != b'Z' {}
    Ok(())
}

async fn authenticate(connection: &mut Connection, address: &Address) -> Result<(), Trouble> {
    loop {
        match connection.receive().await?.message()? {
            Message::AuthenticationOk => return Ok(()),
            Message::AuthenticationCleartextPassword => {
                frontend::password_message(password(address)?.as_bytes(), &mut connection.outgoing)?;
            }
            Message::AuthenticationMd5Password(body) => {
                let hash = md5_hash(address.user.as_bytes(), password(address)?.as_bytes(), body.salt());
                frontend::password_message(hash.as_bytes(), &mut connection.outgoing)?;
            }
            Message::AuthenticationSasl(body) => scram(connection, address, &body).await?,
            _ => {
                return Err(Trouble::Lasting(
                    "PostgreSQL asks for a way to log in that is none of scram-sha-256, md5, password, trust and certificates"
                        .to_owned(),
                ));
            }
        }
        connection.flush().await?;
    }
}

async fn scram(
    connection: &mut Connection,
    address: &Address,
    offered: &AuthenticationSaslBody,
) -> Result<(), Trouble> {
    let known = offered.mechanisms().any(|name| Ok(name == SCRAM_SHA_256))?;
    if !known {
        return Err(Trouble::Lasting(
            "PostgreSQL asks for a SASL mechanism other than SCRAM-SHA-256".to_owned(),
        ));
    }
    let mut scram = ScramSha256::new(password(address)?.as_bytes(), ChannelBinding::unsupported());
    frontend::sasl_initial_response(SCRAM_SHA_256, scram.message(), &mut connection.outgoing)?;
    connection.flush().await?;
    let Message::AuthenticationSaslContinue(body) = connection.receive().await?.message()? else {
        return Err(out_of_step());
    };
    scram.update(body.data())?;
    frontend::sasl_response(scram.message(), &mut connection.outgoing)?;
    connection.flush().await?;
    let Message::AuthenticationSaslFinal(body) = connection.receive().await?.message()? else {
        return Err(out_of_step());
    };
    // That the server knows the password, too.
    Ok(scram.finish(body.data())?)
}

fn out_of_step() -> Trouble {
    Trouble::Lost("PostgreSQL is out of step while logging in".to_owned())
}

fn password(address: &Address) -> Result<&str, Trouble> {
    let password = address.password.as_ref().map(ExposeSecret::expose_secret);
    password.ok_or_else(|| {
        Trouble::Lasting(format!("PostgreSQL asks for a password of {}, and the URL has none", address.user))
    })
}
