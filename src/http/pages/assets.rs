use std::io::Cursor;
use std::sync::LazyLock;

use data_encoding::BASE64URL_NOPAD;
use rocket::Request;
use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use sha2::{Digest, Sha256};

/// A browser that has the file never asks for it again, because another content has another name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

static STYLE: LazyLock<File> =
    LazyLock::new(|| File::new("style", "css", include_str!("style.css")));
static SCRIPT: LazyLock<File> =
    LazyLock::new(|| File::new("script", "js", include_str!("script.js")));
static LIVE: LazyLock<File> = LazyLock::new(|| File::new("live", "js", include_str!("live.js")));
static ICON: LazyLock<File> = LazyLock::new(|| File::new("icon", "svg", include_str!("icon.svg")));

/// A file that pages load.
struct File {
    name: &'static str,
    ending: &'static str,
    content: &'static str,
    /// With a part of the content's hash in its name.
    path: String,
}

impl File {
    fn new(name: &'static str, ending: &'static str, content: &'static str) -> Self {
        let hash = BASE64URL_NOPAD.encode(&Sha256::digest(content)[..9]);
        Self { name, ending, content, path: format!("/assets/{name}-{hash}.{ending}") }
    }
}

pub(super) fn style_path() -> &'static str {
    &STYLE.path
}

pub(super) fn script_path() -> &'static str {
    &SCRIPT.path
}

/// Of the script that keeps today's sheet current.
pub(super) fn live_script_path() -> &'static str {
    &LIVE.path
}

pub(super) fn icon_path() -> &'static str {
    &ICON.path
}

/// The file with this name below `/assets/`. During a rolling update a page of one release may load
/// a file from another: then it gets that release's file, which it must not keep.
pub(crate) fn asset(name: &str) -> Option<Asset> {
    let (stem, ending) = name.rsplit_once('.')?;
    let (stem, _hash) = stem.split_once('-')?;
    let files: [&'static LazyLock<File>; 4] = [&STYLE, &SCRIPT, &LIVE, &ICON];
    let file = files.into_iter().find(|file| file.name == stem && file.ending == ending)?;
    let is_current = file.path.strip_prefix("/assets/") == Some(name);
    Some(Asset { file, is_current })
}

/// A file, as an answer.
pub(crate) struct Asset {
    file: &'static File,
    is_current: bool,
}

impl<'r> Responder<'r, 'static> for Asset {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let File { content, ending, .. } = self.file;
        let content_type = match *ending {
            "css" => ContentType::CSS,
            "js" => ContentType::JavaScript,
            _ => ContentType::SVG,
        };
        let caching = if self.is_current { FOR_EVER } else { "no-cache" };
        Response::build()
            .header(content_type)
            .header(Header::new("Cache-Control", caching))
            .sized_body(content.len(), Cursor::new(*content))
            .ok()
    }
}
