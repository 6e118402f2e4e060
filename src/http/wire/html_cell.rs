use chrono::{DateTime, Utc};

use crate::domain::{Site, Stamp};

/// Appends text with HTML's escapes, which also serve within quoted attributes.
pub(super) fn push_html_text(html: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'&' => html.extend_from_slice(b"&amp;"),
            b'<' => html.extend_from_slice(b"&lt;"),
            b'>' => html.extend_from_slice(b"&gt;"),
            b'"' => html.extend_from_slice(b"&quot;"),
            b'\'' => html.extend_from_slice(b"&#39;"),
            _ => html.push(byte),
        }
    }
}

/// Appends a cell with text, or an empty one. Text of another script may have another direction.
pub(super) fn push_text_cell(html: &mut Vec<u8>, text: Option<&str>) {
    let text = text.unwrap_or_default();
    html.extend_from_slice(match text.is_ascii() {
        true => b"<td>".as_slice(),
        false => b"<td dir=\"auto\">",
    });
    push_html_text(html, text);
    html.extend_from_slice(b"</td>");
}

/// Appends a cell with the site's time of day, to the minute, or an empty one. The date comes first where it is
/// not that of the moment's sheet.
pub(super) fn push_time_cell(html: &mut Vec<u8>, moment: Option<DateTime<Utc>>, site: &Site) {
    html.extend_from_slice(b"<td class=\"time\">");
    if let Some(moment) = moment {
        let local = moment.with_timezone(&site.offset_at(moment));
        let shown = if site.is_after_midnight(moment) { "%m-%d %H:%M" } else { "%H:%M" };
        html.extend_from_slice(b"<time datetime=\"");
        html.extend_from_slice(Stamp::local(moment, site.offset_at(moment)).as_bytes());
        html.extend_from_slice(b"\">");
        html.extend_from_slice(local.format(shown).to_string().as_bytes());
        html.extend_from_slice(b"</time>");
    }
    html.extend_from_slice(b"</td>");
}

/// Appends the site's date and time of day, to the minute, or a dash.
pub(super) fn push_moment(html: &mut Vec<u8>, moment: Option<DateTime<Utc>>, site: &Site) {
    let Some(moment) = moment else {
        html.extend_from_slice("\u{2013}".as_bytes());
        return;
    };
    html.extend_from_slice(b"<time datetime=\"");
    html.extend_from_slice(Stamp::local(moment, site.offset_at(moment)).as_bytes());
    html.extend_from_slice(b"\">");
    let local = moment.with_timezone(&site.offset_at(moment));
    html.extend_from_slice(local.format("%Y-%m-%d %H:%M").to_string().as_bytes());
    html.extend_from_slice(b"</time>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut html = Vec::new();
        push_text_cell(&mut html, Some("<a href=\"x\" b='y'>&é"));
        let expected = "<td dir=\"auto\">&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;é</td>";
        assert_eq!(String::from_utf8(html).unwrap(), expected);
    }

    #[test]
    fn a_time_after_midnight_has_its_date_where_the_day_goes_on() {
        let site = Site::new(chrono_tz::Asia::Manila, "06:00").unwrap();
        for (moment, shown) in
            [("2019-06-24T21:59:00Z", "06-25 05:59"), ("2019-06-24T22:00:00Z", "06:00")]
        {
            let mut html = Vec::new();
            push_time_cell(&mut html, Some(moment.parse().unwrap()), &site);
            let html = String::from_utf8(html).unwrap();
            assert!(html.contains(&format!(">{shown}</time>")), "{html}");
        }
    }

    #[test]
    fn a_time_is_that_of_the_site() {
        let mut html = Vec::new();
        let site = Site::new(chrono_tz::Asia::Manila, "00:00").unwrap();
        push_time_cell(&mut html, Some("2019-06-24T00:02:03Z".parse().unwrap()), &site);
        push_time_cell(&mut html, None, &site);
        let expected = "<td class=\"time\"><time datetime=\"2019-06-24T08:02:03.000000+08:00\">08:02</time></td>\
                        <td class=\"time\"></td>";
        assert_eq!(String::from_utf8(html).unwrap(), expected);
    }
}
