use super::html_cell::{push_html_text, push_text_cell, push_time_cell};
use crate::domain::{Entry, Passage, Site, StoredAmendment};

/// Appends an entry as the row of a page's table. With an amendment it does not count any more.
///
/// Written by hand for the same reason as its JSON: a day may have many thousands of them.
pub(super) fn push_entry_row(
    html: &mut Vec<u8>,
    entry: &Entry,
    amendment: Option<&StoredAmendment>,
    site: &Site,
) {
    let Passage { login, firstname, lastname, gate, entry_id, direction, person_ref, .. } =
        &entry.passage;
    html.extend_from_slice(match amendment {
        None => b"<tr>".as_slice(),
        Some(_) => b"<tr class=\"gone\">",
    });
    push_time_cell(html, Some(*login), site);
    html.extend_from_slice(b"<th scope=\"row\" class=\"name\"><a href=\"/table/entry/");
    html.extend_from_slice(entry_id.as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
    html.extend_from_slice(b"\">");
    push_html_text(html, firstname);
    html.push(b' ');
    push_html_text(html, lastname);
    html.extend_from_slice(b"</a>");
    if let Some(StoredAmendment { amendment, .. }) = amendment {
        html.extend_from_slice(b" <span class=\"badge ");
        html.extend_from_slice(amendment.state().as_str().as_bytes());
        html.extend_from_slice(b"\">");
        html.extend_from_slice(amendment.state().as_str().as_bytes());
        html.extend_from_slice(b"</span> <q>");
        push_html_text(html, &amendment.reason);
        html.extend_from_slice(b"</q>");
    }
    html.extend_from_slice(b"</th>");
    push_text_cell(html, person_ref.as_deref());
    push_text_cell(html, Some(direction.as_str()));
    push_text_cell(html, gate.as_deref());
    html.extend_from_slice(b"</tr>\n");
}
