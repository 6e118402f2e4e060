use std::borrow::Cow;
use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use data_encoding::BASE64URL_NOPAD;
use rocket::Request;
use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use sha2::{Digest, Sha256};

/// A browser that has the file never asks for it again, because another content has another name.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

static STYLE: LazyLock<File> =
    LazyLock::new(|| File::new("style", "css", include_bytes!("style.css")));
static SCRIPT: LazyLock<File> =
    LazyLock::new(|| File::new("script", "js", include_bytes!("script.js")));
static LIVE: LazyLock<File> = LazyLock::new(|| File::new("live", "js", include_bytes!("live.js")));
static ICON: LazyLock<File> =
    LazyLock::new(|| File::new("icon", "svg", include_bytes!("icon.svg")));
static DOCS: LazyLock<File> = LazyLock::new(|| File::new("docs", "js", include_bytes!("docs.js")));
static DOCS_STYLE: LazyLock<File> =
    LazyLock::new(|| File::new("docs", "css", include_bytes!("docs.css")));
static SWAGGER_STYLE: LazyLock<File> =
    LazyLock::new(|| File::of_swagger_ui("swagger", "css", "swagger-ui.css"));
static SWAGGER_SCRIPT: LazyLock<File> =
    LazyLock::new(|| File::of_swagger_ui("swagger", "js", "swagger-ui-bundle.js"));

/// A file that pages load.
struct File {
    name: &'static str,
    ending: &'static str,
    content: Cow<'static, [u8]>,
    is_compressed: bool,
    /// With a part of the content's hash in its name.
    path: String,
}

impl File {
    fn new(name: &'static str, ending: &'static str, content: &'static [u8]) -> Self {
        Self::of(name, ending, content.into(), false)
    }

    /// A file of Swagger UI, which is embedded compressed.
    fn of_swagger_ui(name: &'static str, ending: &'static str, file: &str) -> Self {
        // Without its file, which a test asks for, the page would stay empty.
        match utoipa_swagger_ui::serve(file, Arc::default()) {
            Ok(Some(file)) => Self::of(name, ending, file.bytes, file.gzpipped),
            _ => Self::of(name, ending, Cow::Borrowed(&[]), false),
        }
    }

    fn of(
        name: &'static str,
        ending: &'static str,
        content: Cow<'static, [u8]>,
        is_compressed: bool,
    ) -> Self {
        let hash = BASE64URL_NOPAD.encode(&Sha256::digest(&content)[..9]);
        let path = format!("/assets/{name}-{hash}.{ending}");
        Self { name, ending, content, is_compressed, path }
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

pub(super) fn docs_script_path() -> &'static str {
    &DOCS.path
}

pub(super) fn docs_style_path() -> &'static str {
    &DOCS_STYLE.path
}

pub(super) fn swagger_style_path() -> &'static str {
    &SWAGGER_STYLE.path
}

pub(super) fn swagger_script_path() -> &'static str {
    &SWAGGER_SCRIPT.path
}

/// The file with this name below `/assets/`. During a rolling update a page of one release may load
/// a file from another: then it gets that release's file, which it must not keep.
pub(crate) fn asset(name: &str) -> Option<Asset> {
    let (stem, ending) = name.rsplit_once('.')?;
    let (stem, _hash) = stem.split_once('-')?;
    let files: [&'static LazyLock<File>; 8] =
        [&STYLE, &SCRIPT, &LIVE, &ICON, &DOCS, &DOCS_STYLE, &SWAGGER_STYLE, &SWAGGER_SCRIPT];
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
        let File { content, ending, is_compressed, .. } = self.file;
        let content_type = match *ending {
            "css" => ContentType::CSS,
            "js" => ContentType::JavaScript,
            _ => ContentType::SVG,
        };
        let caching = if self.is_current { FOR_EVER } else { "no-cache" };
        let mut response = Response::build();
        response
            .header(content_type)
            .header(Header::new("Cache-Control", caching))
            .sized_body(content.len(), Cursor::new(&**content));
        if *is_compressed {
            // Every browser accepts it.
            response.header(Header::new("Content-Encoding", "gzip"));
        }
        response.ok()
    }
}
