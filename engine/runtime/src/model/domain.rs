//! Domains: of addresses, of web addresses and of lists, each in one form.
//!
//! A domain is compared in lower case, in ASCII (`bücher.example` is `xn--bcher-kva.example`) and without the dot of the root;
//! an IP address as the URL standard writes it. URLs are read by that standard, as browsers do.

use std::{net::IpAddr, sync::LazyLock};

use regex::Regex;
use url::{Host, ParseError, Url};

/// The maximum number of bytes of a domain.
const MAX_LENGTH: usize = 253;

/// An address as RFC 5322 has it, without names and remarks: dotted atoms or a quoted text, then the domain.
pub const ADDRESS: &str = concat!(
    r#"^(?:[^\x00-\x20()<>\[\]:;@\\,."\x7f]+(?:\.[^\x00-\x20()<>\[\]:;@\\,."\x7f]+)*"#,
    r#"|"(?:[^\x00-\x1f"\\\x7f]|\\[\x20-\x7e])+")@([^\x00-\x20%@]+)$"#
);

/// Why a text is not a domain, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// What is wrong with it, such as `it is an address`.
    pub why: &'static str,
    /// The domain that is meant, where that is known.
    pub instead: Option<String>,
}

/// The form in which a host is compared; `None` for what is none.
fn normal(host: &str) -> Option<String> {
    match Host::parse(host.strip_suffix('.').unwrap_or(host)).ok()? {
        Host::Ipv4(address) => Some(address.to_string()),
        Host::Ipv6(address) => Some(format!("[{address}]")),
        Host::Domain(domain) => {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            let labels = domain.split('.').all(|label| !label.is_empty() && label.chars().all(plain));
            (labels && domain.len() <= MAX_LENGTH).then_some(domain)
        }
    }
}

/// The host of a web address; nothing inside for one without a host, such as `mailto:ada@home.example`.
///
/// The error says what was expected. Without a scheme (`shop.example/cart`) a host must have a dot, for a path needs none.
pub fn of_url(text: &str) -> Result<Option<String>, &'static str> {
    let text = text.trim();
    let parsed = match Url::parse(text) {
        // `shop.example:8080/cart` looks as if its scheme were `shop.example`.
        Ok(url) if url.cannot_be_a_base() && (url.scheme().contains('.') || url.scheme() == "localhost") => {
            without_scheme(text)
        }
        Err(ParseError::RelativeUrlWithoutBase) => without_scheme(text),
        parsed => parsed.ok(),
    };
    match parsed {
        Some(url) => Ok(url.host_str().and_then(normal)),
        None => Err("a URL such as `https://shop.example/cart`"),
    }
}

fn without_scheme(text: &str) -> Option<Url> {
    let rest = text.strip_prefix("//").unwrap_or(text);
    if !rest.starts_with(|c: char| c.is_alphanumeric() || c == '[') {
        return None;
    }
    let url = Url::parse(&format!("https://{rest}")).ok()?;
    let host = url.host_str()?;
    (host.contains(['.', ':']) || host == "localhost").then_some(url)
}

/// The domain of an address; `None` for what is not exactly one address.
pub fn of_address(text: &str) -> Option<String> {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| Regex::new(ADDRESS).expect("an expression"));
    let domain = PATTERN.captures(text)?.get(1)?.as_str();
    match domain.strip_prefix('[').and_then(|literal| literal.strip_suffix(']')) {
        Some(literal) => match literal.strip_prefix("IPv6:") {
            Some(address) => normal(&format!("[{address}]")),
            None => normal(literal),
        },
        None => normal(domain),
    }
}

/// The address that is meant by a text that holds more than it, such as a name, blanks or a scheme.
pub fn meant_address(text: &str) -> Option<String> {
    let text = text.trim();
    let text = text.strip_suffix('>').and_then(|text| text.rsplit_once('<')).map_or(text, |(_, address)| address);
    let text = text.strip_prefix("mailto:").unwrap_or(text).trim().trim_end_matches(['.', ',', ';']);
    of_address(text).map(|_| text.to_owned())
}

/// Domains as a condition matches them: each with its subdomains, which an IP address does not have.
pub fn with_subdomains(mut domains: Vec<String>) -> Vec<String> {
    let is_address = |domain: &String| {
        let bare = domain.trim_matches('"').trim_start_matches('[').trim_end_matches(']');
        bare.parse::<IpAddr>().is_ok()
    };
    let names = domains.iter().filter(|domain| !is_address(domain)).count();
    if names > 0 {
        let whose = if domains.len() == 1 { "its" } else { "their" };
        domains.push(format!("one of {whose} subdomains"));
    }
    domains
}

/// An entry of a list of domains, in the form in which domains are compared.
///
/// Case, the root's dot and letters beyond ASCII are written in one form. What may mean something else than the domain and all
/// below it (`@shop.example`, `*.shop.example`), or holds more than a domain, is refused.
pub fn entry(text: &str) -> Result<String, Misfit> {
    let plain = |text: &str| {
        let literal = text.contains("::") || text.matches(':').count() > 1;
        let bracketed = if literal && !text.starts_with('[') { format!("[{text}]") } else { text.to_owned() };
        // Of the ways to write an IP address (`5`, `0x7f.1`) only the usual one is meant for one.
        let domain = if text.contains(['%', '\t', '\n', '\r']) { None } else { normal(&bracketed) };
        domain.filter(|domain| domain == text || domain.parse::<std::net::Ipv4Addr>().is_err())
    };
    if let Some(domain) = plain(text) {
        return Ok(domain);
    }
    let bare = text.trim();
    let misfit = |why, instead: Option<String>| Err(Misfit { why, instead });
    if bare.is_empty() {
        return misfit("it is empty", None);
    }
    if let Some(domain) = plain(bare) {
        return misfit("it has blanks around it", Some(domain));
    }
    for (prefix, why) in [("@", "it begins with `@`"), ("*.", "it is a pattern"), (".", "it begins with a dot")] {
        if let Some(domain) = bare.strip_prefix(prefix).and_then(plain) {
            return misfit(why, Some(domain));
        }
    }
    if let Some(domain) = meant_address(bare).and_then(|address| of_address(&address)) {
        return misfit("it is an address", Some(domain));
    }
    match of_url(bare) {
        Ok(Some(domain)) if !bare.contains('*') && bare.contains(['/', ':', '?', '#']) => {
            misfit("it is a URL", Some(domain))
        }
        _ => misfit("it has no form of one", None),
    }
}

/// Whether a domain equals `other`, or is below it; both in the form in which they are compared.
pub fn is_below(domain: &str, other: &str) -> bool {
    domain.strip_suffix(other).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_what_browsers_go_to() {
        for (url, host) in [
            ("https://shop.example/login/@bank.example", "shop.example"),
            ("https://shop.example/?next=me@bank.example", "shop.example"),
            ("https://shop.example#@bank.example", "shop.example"),
            ("https://shop.example\\@bank.example", "shop.example"),
            ("https://bank.example@shop.example/", "shop.example"),
            ("https://ada:secret@Shop.Example:8443/", "shop.example"),
            ("https://bank.example:pass@shop.example", "shop.example"),
            ("https:shop.example", "shop.example"),
            ("HTTPS://SHOP.EXAMPLE.", "shop.example"),
            ("https://bücher.example/x", "xn--bcher-kva.example"),
            ("https://%73hop.example/", "shop.example"),
            ("ssh://git@SHOP.example/x.git", "shop.example"),
            ("//shop.example/x", "shop.example"),
            ("shop.example/cart?x=a@b", "shop.example"),
            ("shop.example:8080/cart", "shop.example"),
            ("localhost:3000", "localhost"),
            ("http://0x7f.1/", "127.0.0.1"),
            ("http://[2001:DB8::1]:80/", "[2001:db8::1]"),
            (" https://shop.example ", "shop.example"),
        ] {
            assert_eq!(of_url(url), Ok(Some(host.to_owned())), "{url}");
        }
        for url in ["mailto:ada@home.example", "tel:112", "data:text/plain,x@y.example", "file:///etc/hosts"] {
            assert_eq!(of_url(url), Ok(None), "{url}");
        }
        for text in [
            "",
            "n/a",
            "see attached",
            "/login",
            "@shop.example",
            "https://",
            "https://a b.example",
            "https://x:99999/",
        ] {
            assert!(of_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_one_address_and_nothing_else() {
        for (address, domain) in [
            ("ada@home.example", "home.example"),
            ("Ada.B+tag@Home.Example", "home.example"),
            ("\"ada b\"@home.example", "home.example"),
            ("\"a@b\"@home.example", "home.example"),
            ("ada@HOME.example.", "home.example"),
            ("ada@bücher.example", "xn--bcher-kva.example"),
            ("ada@xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("ada@[192.168.0.1]", "192.168.0.1"),
            ("ada@[IPv6:2001:db8::1]", "[2001:db8::1]"),
            ("ada@localhost", "localhost"),
        ] {
            assert_eq!(of_address(address).as_deref(), Some(domain), "{address}");
        }
        for (text, meant) in [
            ("Ada <ada@home.example>", Some("ada@home.example")),
            ("\"B, Ada\" <ada@home.example>", Some("ada@home.example")),
            ("<ada@home.example>", Some("ada@home.example")),
            ("ada@home.example ", Some("ada@home.example")),
            ("ada@home.example;", Some("ada@home.example")),
            ("mailto:ada@home.example", Some("ada@home.example")),
            ("ada@home.example, bo@home.example", None),
            ("ada", None),
            ("ada@", None),
            ("@home.example", None),
            ("ada@home..example", None),
            ("ada@home.example..", Some("ada@home.example")),
            ("ada b@home.example", None),
        ] {
            assert_eq!(of_address(text), None, "{text}");
            assert_eq!(meant_address(text).as_deref(), meant, "{text}");
        }
    }

    #[test]
    fn entries_of_lists_have_one_form_or_are_refused() {
        for (text, domain) in [
            ("shop.example", "shop.example"),
            ("Shop.Example.", "shop.example"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("example", "example"),
            ("192.168.0.1", "192.168.0.1"),
            ("2001:db8::1", "[2001:db8::1]"),
            ("a_b.example", "a_b.example"),
            ("Shop.b2", "shop.b2"),
        ] {
            assert_eq!(entry(text), Ok(domain.to_owned()), "{text}");
        }
        for (text, instead) in [
            ("@shop.example", Some("shop.example")),
            ("*.shop.example", Some("shop.example")),
            (".shop.example", Some("shop.example")),
            (" shop.example", Some("shop.example")),
            ("https://shop.example", Some("shop.example")),
            ("https://Shop.example/cart", Some("shop.example")),
            ("shop.example/cart", Some("shop.example")),
            ("shop.example:443", Some("shop.example")),
            ("ada@shop.example", Some("shop.example")),
            ("", None),
            ("shop..example", None),
            ("shop example", None),
            ("*", None),
            ("sho*.example", None),
            ("shop.123", None),
            ("5", None),
            ("127.1", None),
        ] {
            let misfit = entry(text).expect_err(text);
            assert_eq!(misfit.instead.as_deref(), instead, "{text}: {misfit:?}");
        }
    }
}
