//! The pages that the gateway shows in a browser: files that are built into it. They take nothing from elsewhere, and
//! their policy holds the browser to that.

use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::kept::Kept;
use super::{Answered, Api, Request};
use crate::documents::{Content, Operation, Tag};
use crate::web::{Problem, Response, nothing_here};

/// What a page may do: run and show what comes from here, and ask nobody else. It never reads text as markup.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// A file of a page.
struct File {
    name: &'static str,
    kept: Kept,
}

/// The files of a folder in `gateway/assets`.
macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        vec![$(File {
            name: $name,
            kept: Kept::new(media_type($name), &include_bytes!(concat!("../../assets/", $folder, "/", $name))[..]),
        }),+]
    };
}

static DOCS: LazyLock<Vec<File>> = LazyLock::new(|| {
    files!("docs":
        "index.html", "icon.svg", "theme.css", "docs.css", "entries.css", "try.css", "main.js", "parts.js", "moves.js",
        // what the documents say
        "openapi.js", "asyncapi.js", "pointer.js", "names.js", "schema.js", "constraints.js", "sample.js", "prose.js",
        "search.js",
        // how it is shown
        "dom.js", "json.js", "prose-view.js", "schema-view.js", "http-view.js", "socket-view.js", "contents.js",
        // how it is tried
        "request.js", "exchange.js", "connection.js", "closes.js", "framelog.js", "log-view.js", "fields.js",
        "http-try.js", "socket-try.js",
    )
});

/// It shares what it can with `/docs`, and asks for that there.
static PLAYGROUND: LazyLock<Vec<File>> = LazyLock::new(|| {
    files!("playground":
        "index.html", "playground.css", "main.js", "bytes.js", "compose.js", "frames.js", "link.js", "polling.js", "socketio.js",
        "target.js", "templates.js", "token.js",
    )
});

pub(super) fn told_docs() -> Operation {
    told("docs", "Read these documents, and try what they tell of")
        .more("A page for browsers. It shows `/openapi.json` and `/asyncapi.json`, and takes nothing from elsewhere.")
        .answer(StatusCode::OK, "The page", Content::Other("text/html"))
}

/// `GET /docs`.
pub(super) async fn docs(_: &Api, request: &Request) -> Answered {
    serve(&DOCS, "index.html", &request.headers)
}

pub(super) fn told_docs_file() -> Operation {
    let kinds = ["text/css", "text/javascript", "image/svg+xml"];
    told_file("docsFile", "Get a part of the page `/docs`", &kinds, "docs.css")
}

/// `GET /docs/{file}`.
pub(super) async fn docs_file(_: &Api, request: &Request) -> Answered {
    let name = request.params.first().map_or("", String::as_str);
    serve(&DOCS, name, &request.headers)
}

pub(super) fn told_playground() -> Operation {
    told("playground", "Try the endpoints: connect, send requests, watch frames")
        .more("A page for browsers. It speaks each dialect that is configured, and takes nothing from elsewhere.")
        .answer(StatusCode::OK, "The page", Content::Other("text/html"))
}

/// `GET /playground`.
pub(super) async fn playground(_: &Api, request: &Request) -> Answered {
    serve(&PLAYGROUND, "index.html", &request.headers)
}

pub(super) fn told_playground_file() -> Operation {
    let kinds = ["text/css", "text/javascript"];
    told_file("playgroundFile", "Get a part of the page `/playground`", &kinds, "playground.css")
}

/// `GET /playground/{file}`.
pub(super) async fn playground_file(_: &Api, request: &Request) -> Answered {
    let name = request.params.first().map_or("", String::as_str);
    serve(&PLAYGROUND, name, &request.headers)
}

fn told_file(
    id: &'static str,
    summary: &'static str,
    kinds: &[&'static str],
    example: &'static str,
) -> Operation {
    let told = kinds
        .iter()
        .fold(told(id, summary), |told, kind| told.answer(StatusCode::OK, "The file", Content::Other(kind)));
    told.path("file", "The file's name", example).problem(StatusCode::NOT_FOUND, "There is no such file")
}

fn told(id: &'static str, summary: &'static str) -> Operation {
    let same = "It is still the one of `If-None-Match`";
    Operation::new(id, Tag::Gateway, summary).answer(StatusCode::NOT_MODIFIED, same, Content::Empty)
}

fn serve(files: &[File], name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let Some(file) = files.iter().find(|file| file.name == name) else {
        return Err(nothing_here());
    };
    let mut response = file.kept.answer(headers);
    response.headers_mut().extend([
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]);
    Ok(response)
}

/// By the end of a file's name.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.') {
        Some((_, "html")) => "text/html; charset=utf-8",
        Some((_, "css")) => "text/css; charset=utf-8",
        Some((_, "js")) => "text/javascript; charset=utf-8",
        Some((_, "svg")) => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_served_under_a_type_of_its_own() {
        for (folder, files) in [("docs", &DOCS), ("playground", &PLAYGROUND)] {
            let folder = format!("{}/assets/{folder}", env!("CARGO_MANIFEST_DIR"));
            let name =
                |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
            let there: BTreeSet<_> = fs::read_dir(folder).unwrap().map(name).collect();
            assert_eq!(there, files.iter().map(|file| file.name.to_owned()).collect());
            assert!(there.iter().all(|name| media_type(name) != "application/octet-stream"));
        }
    }
}
