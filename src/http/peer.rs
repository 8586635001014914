//! Where a request comes from.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{Extensions, HeaderMap};

use super::State;

/// Header that proxies write the address of their client into.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The other end of a connection; the listener puts it into each request.
#[derive(Debug, Clone, Copy)]
pub struct Peer(
    /// Its address.
    pub IpAddr,
);

/// The address of the caller. Behind a proxy it is the last one in `X-Forwarded-For`, which that
/// proxy wrote; what stands before it anybody may have written.
pub(super) fn address(extensions: &Extensions, headers: &HeaderMap, behind_proxy: bool) -> IpAddr {
    let peer = extensions.get::<Peer>().map(|peer| peer.0);
    let forwarded = headers.get_all(FORWARDED_FOR).iter().next_back().filter(|_| behind_proxy);
    let forwarded = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next());
    let forwarded = forwarded.and_then(|text| text.trim().parse().ok());
    forwarded.or(peer).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// The address of the caller, for handlers.
pub(super) struct Address(pub(super) IpAddr);

impl FromRequestParts<State> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        Ok(Self(address(&parts.extensions, &parts.headers, state.behind_proxy)))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_a_proxy_of_ours_is_believed() {
        let mut extensions = Extensions::new();
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(value));
            }
            headers
        };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(address(&extensions, &HeaderMap::new(), true), ip("0.0.0.0"));
        extensions.insert(Peer(ip("192.0.2.9")));
        let forged = headers(&["198.51.100.1"]);
        assert_eq!(address(&extensions, &forged, false), ip("192.0.2.9"));
        assert_eq!(address(&extensions, &HeaderMap::new(), true), ip("192.0.2.9"));
        let through = headers(&["1.1.1.1", "2.2.2.2, 2001:db8::1"]);
        assert_eq!(address(&extensions, &through, true), ip("2001:db8::1"));
        assert_eq!(address(&extensions, &headers(&["unknown"]), true), ip("192.0.2.9"));
    }
}
