//! The pages that the gateway shows in a browser: files that are built into it. They take nothing from elsewhere, and
//! their policy holds the browser to that.

use std::fmt::Write;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

use super::{Answered, Api, Request};
use crate::web::{self, Problem};

/// What a page may do: run and show what comes from here, and ask nobody else. It never reads text as markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A file as it is served.
struct File {
    name: &'static str,
    bytes: &'static [u8],
    /// Its entity tag: another one as soon as a byte is another.
    tag: HeaderValue,
}

/// The files of a folder in `gateway/assets`.
macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        vec![$(File::new($name, include_bytes!(concat!("../../assets/", $folder, "/", $name)))),+]
    };
}

static DOCS: LazyLock<Vec<File>> = LazyLock::new(|| {
    files!("docs":
        "index.html", "theme.css", "docs.css", "icon.svg", "main.js",
        // what the documents say
        "pointer.js", "schema.js", "constraints.js", "sample.js", "openapi.js", "asyncapi.js", "prose.js", "search.js",
        // how it is shown
        "dom.js", "json.js", "prose-view.js", "schema-view.js", "http-view.js", "socket-view.js", "contents.js",
        // how it is tried
        "request.js", "exchange.js", "connection.js", "closes.js", "framelog.js", "log-view.js", "fields.js",
        "http-try.js", "socket-try.js",
    )
});

/// `GET /docs` and `/docs/{file}`: the API's documents, to read and to try.
pub(super) async fn docs(_: &Api, request: &Request) -> Answered {
    serve(&DOCS, request.params.first().map_or("index.html", String::as_str), &request.headers)
}

fn serve(files: &'static [File], name: &str, headers: &HeaderMap) -> Answered {
    let Some(file) = files.iter().find(|file| file.name == name) else {
        return Err(Problem::new(StatusCode::NOT_FOUND, "nothing is served at this path"));
    };
    let mut response = if is_known(&file.tag, headers) {
        web::empty(StatusCode::NOT_MODIFIED)
    } else {
        web::answer(StatusCode::OK, file.content(), file.bytes)
    };
    response.headers_mut().extend([
        (header::ETAG, file.tag.clone()),
        // Kept, and asked for each time whether it is still the same: a new gateway's page is there at once.
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]);
    Ok(response)
}

/// RFC 9110, section 13.1.2: whether the client has it already.
fn is_known(tag: &HeaderValue, headers: &HeaderMap) -> bool {
    let lists = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let tags = lists.flat_map(|list| list.split(',').map(str::trim));
    tags.map(|known| known.strip_prefix("W/").unwrap_or(known)).any(|known| known == "*" || known == tag)
}

impl File {
    fn new(name: &'static str, bytes: &'static [u8]) -> Self {
        let mut tag = String::from('"');
        for byte in &Sha256::digest(bytes)[..16] {
            let _never_fails = write!(tag, "{byte:02x}");
        }
        tag.push('"');
        let tag = HeaderValue::try_from(tag).expect("hexadecimal digits in quotes");
        Self { name, bytes, tag }
    }

    fn content(&self) -> &'static str {
        match self.name.rsplit_once('.') {
            Some((_, "html")) => "text/html; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "svg")) => "image/svg+xml",
            _ => "application/octet-stream",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_under_a_type_of_its_own() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/docs");
        let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let there: BTreeSet<_> = fs::read_dir(folder).unwrap().map(name).collect();
        assert_eq!(there, DOCS.iter().map(|file| file.name.to_owned()).collect());
        assert!(DOCS.iter().all(|file| file.content() != "application/octet-stream"));
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let status = |known: &str| {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, known.parse().unwrap())]);
            serve(&DOCS, "index.html", &headers).unwrap().status()
        };
        let tag = DOCS[0].tag.to_str().unwrap();
        for known in [tag, "*", &format!("W/{tag}"), &format!("\"other\", {tag}")] {
            assert_eq!(status(known), StatusCode::NOT_MODIFIED, "{known}");
        }
        assert_eq!(status("\"other\""), StatusCode::OK);
    }
}
