//! Options, and the run that they mean.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use rustls::{ClientConfig, RootCertStore};
use tidegate::load::{Pace, Plan, Spread, Target, dialect};

use super::{Arguments, Failure, usage};
use crate::cli::listen::trust::Trust;

/// What they mean.
pub(super) fn plan(arguments: &Arguments) -> Result<Plan, Failure> {
    let dialect = dialect::by_name(&arguments.dialect).ok_or_else(|| {
        let known: Vec<_> = dialect::ALL.iter().map(|dialect| dialect.name()).collect();
        usage(
            "--dialect",
            format!("'{}' is not spoken here; there are {}", arguments.dialect, known.join(", ")),
        )
    })?;
    let target = Target::find(&arguments.url, dialect.path(), arguments.allow_remote)
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let publish_path = publish_path(arguments, dialect, &target)?;
    let time = |option: &str, text: &str| -> Result<Duration, Failure> {
        humantime::parse_duration(text)
            .map_err(|error| usage(option, format!("'{text}' is no time such as 10s or 1h: {error}")))
    };
    let split = |filter: &String| filter.split(',').map(|kind| kind.trim().to_owned()).collect();
    Ok(Plan {
        tls: if target.secure { Some(tls(&arguments.trust)?) } else { None },
        target,
        dialect,
        publish_path,
        connections: arguments.connections,
        publishers: arguments.publishers,
        threads: arguments.threads,
        rooms: arguments.rooms,
        joins: arguments.joins,
        spread: spread(&arguments.spread)?,
        room_prefix: arguments.room_prefix.clone(),
        filters: arguments.filters.iter().map(split).collect(),
        event_type: arguments.event_type.clone().unwrap_or_else(|| dialect::EVENT_TYPE.to_owned()),
        payload: arguments.payload,
        pace: pace(arguments),
        ramp: arguments.ramp,
        warm_up: time("--warm-up", &arguments.warm_up)?,
        duration: time("--duration", &arguments.duration)?,
        drain: time("--drain", &arguments.drain)?,
        patience: time("--connect-timeout", &arguments.connect_timeout)?,
        slow: share(&arguments.slow)?,
        churn: arguments.churn,
        tokens: tokens(arguments)?,
        headers: arguments.headers.iter().map(|header| self::header(header)).collect::<Result<_, _>>()?,
        pids: arguments.pids.clone(),
    })
}

/// Where publishers connect to.
fn publish_path(
    arguments: &Arguments,
    dialect: &dyn dialect::Dialect,
    target: &Target,
) -> Result<String, Failure> {
    let Some(given) = &arguments.publish_path else {
        return Ok(if dialect.publishes() { target.path.clone() } else { dialect::PUBLISH_PATH.to_owned() });
    };
    match given.parse::<PathAndQuery>() {
        Ok(path) if given.starts_with('/') => Ok(path.as_str().to_owned()),
        _ => Err(usage("--publish-path", format!("'{}' is no path such as /ws", given.escape_debug()))),
    }
}

fn pace(arguments: &Arguments) -> Pace {
    match (arguments.rate, arguments.in_flight) {
        (Some(rate), _) => Pace::Rate(rate),
        (None, Some(window)) => Pace::InFlight(window),
        (None, None) if arguments.publishers == 0 => Pace::Idle,
        (None, None) => Pace::Rate(100.0),
    }
}

fn spread(text: &str) -> Result<Spread, Failure> {
    match text {
        "even" => Ok(Spread::Even),
        "zipf" => Ok(Spread::Zipf),
        _ => Err(usage("--spread", format!("'{text}' is not known; there are even and zipf"))),
    }
}

fn share(text: &str) -> Result<f64, Failure> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    share.map_err(|_| usage("--slow", format!("'{text}' is no share such as 10%")))
}

fn tokens(arguments: &Arguments) -> Result<Vec<String>, Failure> {
    let given = match &arguments.token_file {
        None => arguments.token.iter().cloned().collect(),
        Some(file) => {
            let text = fs::read_to_string(file)
                .map_err(|error| usage("--token-file", format!("{}: {error}", file.display())))?;
            let tokens: Vec<String> =
                text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
            if tokens.is_empty() {
                return Err(usage("--token-file", format!("{} holds no token", file.display())));
            }
            tokens
        }
    };
    // Which one is not said: it is a secret.
    match given.iter().all(|token| HeaderValue::from_str(token).is_ok()) {
        true => Ok(given),
        false => Err(Failure::Usage("a token holds characters that no header can".into())),
    }
}

fn header(text: &str) -> Result<(String, String), Failure> {
    let parts = text.split_once(':').map(|(name, value)| (name.trim(), value.trim()));
    let (name, value) = parts
        .filter(|(name, value)| name.parse::<HeaderName>().is_ok() && HeaderValue::from_str(value).is_ok())
        .ok_or_else(|| {
            usage("--header", format!("'{}' is no header such as 'Name: value'", text.escape_debug()))
        })?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Each connection is a client of its own: none goes on with another's TLS session.
fn tls(trust: &Trust) -> Result<Arc<ClientConfig>, Failure> {
    let given = trust.config().map_err(|error| Failure::Usage(error.to_string()))?;
    let mut config = given.unwrap_or_else(|| {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    });
    config.resumption = rustls::client::Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
