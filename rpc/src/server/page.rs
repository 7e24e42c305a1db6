//! The page that every node serves at `/`: files that are a part of the program, for anybody who may reach the port.
//!
//! The page may load and ask nothing but what this server has, and nothing written inside it runs ([`POLICY`]): what a
//! module, a name or an event says is shown, never executed.

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use pollen_ledger::Hash;

use super::gate::HttpResponse;

/// The files by name, ascending, of `web/dist` or `page-missing`: build.rs says which.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The package @pollen/client of this version, where the program was built with it; nodes serve it beside the page.
pub fn client_package() -> Option<&'static [u8]> {
    find("pollen-client.tgz")
}

fn find(name: &str) -> Option<&'static [u8]> {
    let place = FILES.binary_search_by_key(&name, |(name, _)| *name).ok()?;
    Some(FILES[place].1)
}

/// The media type of a file, by what its name ends in.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "woff2" => "font/woff2",
        "json" | "webmanifest" => "application/json",
        "tgz" => "application/gzip",
        _ => "application/octet-stream",
    }
}

/// What the page may do (Content Security Policy, level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'";

/// The file at a path of a URL, where there is one. `asked` are the request's headers: a file that the browser has
/// already is not sent again.
pub(super) fn file(path: &str, asked: &HeaderMap) -> Option<HttpResponse> {
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let plain = find(name)?;
    // Made beside the larger ones by `scripts/build-page`.
    let packed = find(&format!("{name}.gz")).filter(|_| takes_gzip(asked));
    let bytes = packed.unwrap_or(plain);
    let tag = format!("\"{}\"", &Hash::of_content(bytes).to_string()[..32]);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = HttpResponse::new(match known {
        true => Full::default(),
        false => Full::from(Bytes::from_static(bytes)),
    });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    // Names below assets/ change with what is in them.
    let kept = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let headers = response.headers_mut();
    let told = [
        (header::CONTENT_TYPE, media_type(name)),
        (header::ETAG, &tag),
        (header::CACHE_CONTROL, kept),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in told {
        headers.insert(name, HeaderValue::from_str(value).expect("it is printable ASCII"));
    }
    if packed.is_some() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let taken = asked.get(header::ACCEPT_ENCODING).and_then(|taken| taken.to_str().ok());
    taken.is_some_and(|taken| taken.split(',').any(|one| one.trim() == "gzip"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The page is there whatever it was built with, is not sent twice, and there is nothing beside it.
    #[test]
    fn the_page_is_in_the_program() {
        let page = file("/", &HeaderMap::new()).expect("the page");
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(page.headers()[header::CONTENT_SECURITY_POLICY], POLICY);
        let tag = page.headers()[header::ETAG].clone();
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, tag)]);
        let again = file("/index.html", &known).expect("the page");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        for path in ["/../Cargo.toml", "/assets/", "/nothing.js", "//index.html/"] {
            assert!(file(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }
}
