//! The page that every node serves at `/`: files that are a part of the program, for anybody who may reach the port.
//!
//! The page may load and ask nothing but what this server has, and nothing written inside it runs ([`POLICY`]): what a
//! module, a name or an event says is shown, never executed.

use std::borrow::Cow;

use http_body_util::Full;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use jsonrpsee::server::{HttpBody, HttpResponse};

/// The files, of `web/dist` or `page-missing`: build.rs says which.
#[derive(rust_embed::RustEmbed)]
#[folder = "$POLLEN_PAGE"]
struct Files;

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
    let plain = Files::get(name)?;
    let media = plain.metadata.mimetype().to_owned();
    // Made beside the larger ones by `scripts/build-page`.
    let packed = Files::get(&format!("{name}.gz")).filter(|_| takes_gzip(asked));
    let is_packed = packed.is_some();
    let file = packed.unwrap_or(plain);
    let tag = format!("\"{}\"", &hex(&file.metadata.sha256_hash())[..32]);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut response = HttpResponse::new(match (known, file.data) {
        (true, _) => HttpBody::empty(),
        (false, Cow::Borrowed(bytes)) => HttpBody::new(Full::new(Bytes::from_static(bytes))),
        (false, Cow::Owned(bytes)) => HttpBody::from(bytes),
    });
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    // Names below assets/ change with what is in them.
    let kept = match name.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let media = match media.starts_with("text/") {
        true => format!("{media}; charset=utf-8"),
        false => media,
    };
    let headers = response.headers_mut();
    let told = [
        (header::CONTENT_TYPE, media.as_str()),
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
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some(response)
}

fn takes_gzip(asked: &HeaderMap) -> bool {
    let taken = asked.get(header::ACCEPT_ENCODING).and_then(|taken| taken.to_str().ok());
    taken.is_some_and(|taken| taken.split(',').any(|one| one.trim() == "gzip"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
