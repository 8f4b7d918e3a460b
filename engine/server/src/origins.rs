//! Which web pages may use the server: what browsers say about where a request comes from.
//!
//! A browser lets any page send requests to any server, and a page whose name is made to point at this machine reads the
//! answers as well. Browsers name the page's origin, and the name by which they reached the server; both are compared here.
//! Programs send no `Origin` and are not affected.

use std::{fmt, str::FromStr};

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Uri,
    header::{HOST, ORIGIN},
};
use url::{Host, Url};

use crate::error::Problem;

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// An origin whose pages may use the server: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebOrigin(String);

/// A name by which the server may be reached, with a port or for any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    name: String,
    port: Option<u16>,
}

/// What is compared with each request.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    allowed: Vec<WebOrigin>,
    hosts: Vec<HostName>,
    /// Whether a name that is not known is refused.
    strict: bool,
}

impl Origins {
    /// Allows some origins besides the server's own, and some host names besides those of the machine itself.
    ///
    /// Host names are compared where some are given, and where `exposed`: the server trusts whoever reaches it, and
    /// nobody but this machine should.
    pub(crate) fn new(allowed: Vec<WebOrigin>, hosts: Vec<HostName>, exposed: bool) -> Self {
        let strict = exposed || !hosts.is_empty();
        Self { allowed, hosts, strict }
    }

    /// Refuses a request of a page from elsewhere, and one that reached the server by a foreign name.
    pub(crate) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
        let origin = headers.get(ORIGIN);
        if self.strict || origin.is_some() {
            let given = headers
                .get(HOST)
                .and_then(|host| host.to_str().ok())
                .or(uri.authority().map(axum::http::uri::Authority::as_str));
            let several = headers.get_all(HOST).into_iter().nth(1).is_some()
                || uri.authority().zip(given).is_some_and(|(named, given)| named.as_str() != given);
            if several {
                return Err(Problem::BadRequest("the request names two hosts".into()));
            }
            if self.strict {
                self.check_host(given)?;
            }
            if let Some(origin) = origin {
                self.check_origin(origin, given)?;
            }
        }
        if origin.is_none() && is_subresource_elsewhere(headers) {
            return Err(foreign("another site", "ORIGIN"));
        }
        Ok(())
    }

    fn check_host(&self, given: Option<&str>) -> Result<(), Problem> {
        // A browser always sends it.
        let Some(given) = given else { return Ok(()) };
        let refuse = || {
            Problem::Foreign(format!(
                "this server is not known as `{given}`; reach it as `localhost` or by its address, or start it with \
                 `--allow-host {given}`"
            ))
        };
        // A name and a port, and nothing else that an address may hold.
        let plain = !given.contains(['@', '/', '?', '#', '\\']);
        let url = Url::parse(&format!("http://{given}/")).ok().filter(|_| plain).ok_or_else(refuse)?;
        match url.host() {
            // No name, so none that points elsewhere at another time.
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => Ok(()),
            Some(Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                let own = name == "localhost" || name.ends_with(".localhost");
                let known = |host: &HostName| {
                    host.name == name && host.port.is_none_or(|port| url.port_or_known_default() == Some(port))
                };
                if own || self.hosts.iter().any(known) { Ok(()) } else { Err(refuse()) }
            }
            None => Err(refuse()),
        }
    }

    fn check_origin(&self, origin: &HeaderValue, host: Option<&str>) -> Result<(), Problem> {
        let text = origin.to_str().unwrap_or("?");
        let url = Url::parse(text).ok().filter(|url| url.origin().is_tuple());
        let allowed = url.is_some_and(|url| {
            let origin = url.origin().ascii_serialization();
            // The server does not know whether a proxy in front of it speaks TLS, so the scheme is the page's.
            let own = host.and_then(|host| Url::parse(&format!("{}://{host}/", url.scheme())).ok());
            own.is_some_and(|own| own.origin().ascii_serialization() == origin)
                || self.allowed.iter().any(|known| known.0 == origin)
        });
        if allowed { Ok(()) } else { Err(foreign(&format!("`{text}`"), text)) }
    }
}

fn foreign(who: &str, origin: &str) -> Problem {
    Problem::Foreign(format!(
        "the request comes from a page of {who}, not of this server; to let it, start the server with \
         `--allow-origin {origin}`"
    ))
}

/// Whether a browser loads something for a page of another origin, without naming that origin; a link that is followed is
/// none.
fn is_subresource_elsewhere(headers: &HeaderMap) -> bool {
    let is = |name: &HeaderName, values: &[&str]| {
        headers.get(name).is_some_and(|value| values.iter().any(|known| value.as_bytes() == known.as_bytes()))
    };
    is(&FETCH_SITE, &["cross-site", "same-site"]) && !is(&FETCH_MODE, &["navigate"])
}

impl WebOrigin {
    /// The origin as a browser writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebOrigin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text.trim()).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
        });
        let url = url.ok_or_else(|| {
            format!(
                "`{text}` is not an origin; expected scheme, host and maybe port, such as `https://trainer.example`"
            )
        })?;
        Ok(Self(url.origin().ascii_serialization()))
    }
}

impl FromStr for HostName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse =
            || format!("`{text}` is not a host name; expected a name and maybe a port, such as `casebook.example`");
        let trimmed = text.trim();
        let url = Url::parse(&format!("http://{trimmed}/")).map_err(|_| refuse())?;
        let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        let name = url.host_str().filter(|_| plain && !trimmed.contains('/')).ok_or_else(refuse)?;
        // The scheme's usual port is not kept by the parser.
        let port = trimmed.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        Ok(Self { name: name.strip_suffix('.').unwrap_or(name).to_owned(), port })
    }
}

impl fmt::Display for WebOrigin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origins: &Origins, headers: &[(&'static str, &str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).expect("a value"));
        }
        origins.check(&map, &Uri::from_static("/reset")).is_ok()
    }

    fn with(origins: &[&str], hosts: &[&str], exposed: bool) -> Origins {
        let origins = origins.iter().map(|text| text.parse().expect("an origin")).collect();
        Origins::new(origins, hosts.iter().map(|text| text.parse().expect("a name")).collect(), exposed)
    }

    #[test]
    fn pages_of_the_server_and_programs_are_let_in() {
        let origins = with(&[], &[], true);
        for host in ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "Localhost.", "desk.localhost", "10.1.2.3"] {
            assert!(asked(&origins, &[("host", host)]), "{host}");
            assert!(asked(&origins, &[("host", host), ("origin", &format!("http://{host}"))]), "{host}");
        }
        assert!(asked(&origins, &[]));
        assert!(asked(&with(&[], &[], false), &[("host", "desk.example"), ("origin", "https://desk.example")]));
        assert!(asked(&with(&[], &[], false), &[("host", "desk.example:80"), ("origin", "http://desk.example")]));
    }

    #[test]
    fn other_pages_and_names_are_not() {
        let origins = with(&[], &[], true);
        for origin in
            ["http://evil.example", "null", "http://localhost:3000", "https://localhost:8000.evil.example", "x"]
        {
            assert!(!asked(&origins, &[("host", "localhost:8000"), ("origin", origin)]), "{origin}");
        }
        for host in ["evil.example", "evil.example:8000", "localhost.evil.example", "notlocalhost", "", "a@localhost/x"]
        {
            assert!(!asked(&origins, &[("host", host)]), "{host}");
            assert!(!asked(&origins, &[("host", host), ("origin", &format!("http://{host}"))]), "{host}");
        }
        assert!(!asked(&origins, &[("host", "localhost"), ("host", "evil.example")]));
        assert!(!asked(&origins, &[("host", "localhost"), ("sec-fetch-site", "cross-site")]));
        assert!(!asked(
            &origins,
            &[("host", "localhost"), ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")]
        ));
        assert!(asked(
            &origins,
            &[("host", "localhost"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
        ));
    }

    #[test]
    fn more_may_be_allowed() {
        let origins =
            with(&["https://Trainer.example:443/", "http://localhost:3000"], &["desk.example", "a.example:8080"], true);
        for origin in ["https://trainer.example", "http://localhost:3000"] {
            assert!(asked(&origins, &[("host", "localhost:8000"), ("origin", origin)]), "{origin}");
        }
        assert!(!asked(&origins, &[("host", "localhost:8000"), ("origin", "http://trainer.example")]));
        assert!(asked(&origins, &[("host", "desk.example:9")]) && asked(&origins, &[("host", "a.example:8080")]));
        assert!(!asked(&origins, &[("host", "a.example:8081")]));
        // Where names are given, they are compared whoever is trusted.
        assert!(!asked(&with(&[], &["desk.example"], false), &[("host", "evil.example")]));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in ["trainer.example", "https://a.example/path", "*", "", "file:///x", "https://user@a.example"] {
            assert!(text.parse::<WebOrigin>().is_err(), "{text}");
        }
        for text in ["", "https://a.example", "a b", "a.example/x", "u@a.example"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
