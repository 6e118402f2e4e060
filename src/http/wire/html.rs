use rocket::http::{Accept, MediaType};

/// Whether `text/html` is accepted by name, and JSON is not preferred to it. What accepts everything
/// (`*/*`, which programs send) asks for no page.
pub(crate) fn prefers_html(accept: Option<&Accept>) -> bool {
    let Some(accept) = accept else { return false };
    let html = weight(accept, &[("text", "html")]);
    let json = weight(accept, &[("application", "json"), ("application", "*"), ("*", "*")]);
    html.is_some_and(|html| html > 0.0 && html >= json.unwrap_or(0.0))
}

/// The weight of the first of these ranges that is there: the most specific one decides.
fn weight(accept: &Accept, ranges: &[(&str, &str)]) -> Option<f32> {
    let of = |&(top, sub): &(&str, &str)| {
        let is_range = |media: &MediaType| media.top() == top && media.sub() == sub;
        let weights = accept.iter().filter(|media| is_range(media.media_type()));
        weights.map(|media| media.weight_or(1.0)).reduce(f32::max)
    };
    ranges.iter().find_map(of)
}
