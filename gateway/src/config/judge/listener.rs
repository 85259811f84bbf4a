//! What a listener serves, and whom it believes.

use crate::config::Config;
use crate::config::finding::Findings;
use crate::config::key::Key;
use crate::config::model::listener;
use crate::web::Part;

/// Judges the listener at `key`.
pub(super) fn settings(listener: &listener::Config, key: &Key, findings: &mut Findings<'_>) {
    let serves = key.then("serves");
    for (i, part) in listener.serves.iter().enumerate() {
        if listener.serves[..i].contains(part) {
            findings.error(serves.at(i), "stands there twice");
        }
    }
    if listener.serves.is_empty() && listener.redirect.is_none() {
        findings.error(serves, "is empty: the listener would answer nothing but 404");
    }
    if listener.proxy_protocol && listener.trusted_proxies.is_empty() && listener.is_exposed() {
        let message = format!(
            "is empty, and other machines reach {}: with `proxy_protocol`, whoever connects could take any address; name \
             the balancers",
            listener.address
        );
        findings.error(key.then("trusted_proxies"), message);
    }
    let everybody = |network: &crate::units::Network| network.is_everything();
    if let Some(i) = listener.trusted_proxies.iter().position(everybody) {
        let message =
            "trusts every address: whoever connects can take any, also one that is exempt from limits";
        findings.warn(key.then("trusted_proxies").at(i), message);
    }
}

/// Judges whether all that is configured is served somewhere.
pub(super) fn parts(config: &Config, findings: &mut Findings<'_>) {
    let unknown = config.listener.is_empty() || findings.has_error(&Key::of("listener"));
    if !unknown && !config.listener.iter().any(|listener| listener.serves(Part::Endpoints)) {
        for (i, endpoint) in config.endpoint.iter().enumerate() {
            let message =
                format!("{:?} is served nowhere: no listener has \"endpoints\" in `serves`", endpoint.path);
            findings.error(Key::of("endpoint").at(i).then("path"), message);
        }
    }
}
