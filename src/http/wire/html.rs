use rocket::http::{Accept, MediaType};

/// Whether `text/html` is accepted by name, and JSON is not preferred to it.
pub(crate) fn prefers_html(accept: Option<&Accept>) -> bool {
    let Some(accept) = accept else { return false };
    let weight = |wanted: MediaType| {
        accept
            .iter()
            .filter(|&media| *media.media_type() == wanted)
            .map(|m| m.weight_or(1.0))
            .reduce(f32::max)
    };
    match (weight(MediaType::HTML), weight(MediaType::JSON)) {
        (Some(html), Some(json)) => html > 0.0 && html >= json,
        (Some(html), None) => html > 0.0,
        (None, _) => false,
    }
}
