use rocket::http::{Accept, ContentType, MediaType};

use super::html::prefers_html;
use super::query::Query;
use crate::domain::FieldError;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Json,
    /// `bom`: whether a byte order mark comes first, by which some spreadsheets know UTF-8.
    Csv {
        bom: bool,
    },
    Ndjson,
    /// A page for a browser.
    Html,
}

impl Form {
    /// The form that a request wants: by the parameter `format`, else by `Accept`.
    pub(crate) fn wanted(query: &mut Query<'_>, accept: Option<&Accept>) -> Self {
        let bom = query.optional("bom", |value| match value {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(FieldError::new("bom", "invalid_choice", "must be 0 or 1")),
        });
        let csv = Self::Csv { bom: bom == Some(true) };
        let named = query.optional("format", |value| match value {
            "json" => Ok(Self::Json),
            "html" => Ok(Self::Html),
            "csv" => Ok(csv),
            "ndjson" => Ok(Self::Ndjson),
            _ => {
                let expected = "must be json, csv, ndjson or html";
                Err(FieldError::new("format", "invalid_choice", expected))
            }
        });
        named.unwrap_or_else(|| match accept.and_then(preferred) {
            _ if prefers_html(accept) => Self::Html,
            Some(media) if *media == csv_type() => csv,
            Some(media) if *media == ndjson_type() => Self::Ndjson,
            _ => Self::Json,
        })
    }

    /// The form where there is no page.
    pub(crate) fn without_page(self) -> Self {
        if self == Self::Html { Self::Json } else { self }
    }

    pub(crate) fn content_type(self) -> ContentType {
        match self {
            Self::Json => ContentType::JSON,
            Self::Csv { .. } => ContentType(csv_type()),
            Self::Ndjson => ContentType(ndjson_type()),
            Self::Html => ContentType::HTML,
        }
    }
}

/// The type that is accepted with the highest weight: of two with the same, a page first, else the
/// one that is named first.
fn preferred(accept: &Accept) -> Option<&MediaType> {
    let known = [MediaType::HTML, MediaType::JSON, csv_type(), ndjson_type()];
    let mut best: Option<(f32, &MediaType)> = None;
    for media in accept.iter() {
        let (weight, media) = (media.weight_or(1.0), media.media_type());
        let is_known = known.contains(media) || *media == MediaType::Any;
        let is_better = best.is_none_or(|(held, of)| {
            weight > held || (weight == held && *media == MediaType::HTML && *of != MediaType::HTML)
        });
        if is_known && weight > 0.0 && is_better {
            best = Some((weight, media));
        }
    }
    best.map(|(_, media)| media)
}

fn csv_type() -> MediaType {
    MediaType::const_new("text", "csv", &[])
}

fn ndjson_type() -> MediaType {
    MediaType::const_new("application", "x-ndjson", &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(query: &str, accept: &str) -> Form {
        Form::wanted(&mut Query::parse(query), accept.parse().ok().as_ref())
    }

    #[test]
    fn a_format_wins_over_the_accepted_types() {
        const CSV: Form = Form::Csv { bom: false };
        for (query, accept, form) in [
            ("", "", Form::Json),
            ("", "*/*", Form::Json),
            ("", "text/csv", CSV),
            ("bom=1", "text/csv", Form::Csv { bom: true }),
            ("", "text/csv; q=0.5, application/x-ndjson", Form::Ndjson),
            ("", "application/json, text/csv", Form::Json),
            ("", "text/csv, */*;q=0.1", CSV),
            ("", "text/csv;q=0", Form::Json),
            ("", "image/png", Form::Json),
            ("", "text/html, text/csv;q=0.9", Form::Html),
            ("", "text/csv, text/html", Form::Html),
            ("", "application/json, text/html", Form::Html),
            ("", "application/json, text/html;q=0.9", Form::Json),
            ("", "text/html;q=0", Form::Json),
            ("", "*/*;q=0.5, text/html;q=0.4", Form::Json),
            ("", "application/*;q=0.9, text/html;q=0.8", Form::Json),
            ("", "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", Form::Html),
            ("format=html", "application/json", Form::Html),
            ("format=csv", "application/json", CSV),
            ("format=json", "text/csv", Form::Json),
            ("format=ndjson", "", Form::Ndjson),
        ] {
            assert_eq!(wanted(query, accept), form, "{query} {accept}");
        }
    }

    #[test]
    fn unknown_formats_and_marks_are_errors() {
        for raw in ["format=xml", "format=CSV", "bom=yes"] {
            let mut query = Query::parse(raw);
            Form::wanted(&mut query, None);
            assert!(query.finish().is_err(), "{raw}");
        }
    }
}
