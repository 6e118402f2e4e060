use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::html_cell::{push_html_text, push_text_cell, push_time_cell};
use crate::domain::{Amendment, Direction, Entry, Passage, Reason, Site, StoredAmendment, Text};

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
    html.extend_from_slice(b"<tr data-id=\"");
    html.extend_from_slice(entry.id.to_string().as_bytes());
    html.extend_from_slice(match amendment {
        None => b"\">".as_slice(),
        Some(_) => b"\" class=\"gone\">",
    });
    push_time_cell(html, Some(*login), site);
    html.extend_from_slice(b"<th scope=\"row\" class=\"name\"><a href=\"/table/entry/");
    html.extend_from_slice(entry_id.as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
    html.extend_from_slice(b"\"><bdi>");
    push_html_text(html, firstname);
    html.push(b' ');
    push_html_text(html, lastname);
    html.extend_from_slice(b"</bdi></a>");
    if let Some(StoredAmendment { amendment, .. }) = amendment {
        html.extend_from_slice(b" <span class=\"badge ");
        html.extend_from_slice(amendment.state().as_str().as_bytes());
        html.extend_from_slice(b"\">");
        html.extend_from_slice(amendment.state().as_str().as_bytes());
        html.extend_from_slice(b"</span> <q dir=\"auto\">");
        push_html_text(html, &amendment.reason);
        html.extend_from_slice(b"</q>");
    }
    html.extend_from_slice(b"</th>");
    push_text_cell(html, person_ref.as_deref());
    push_text_cell(html, Some(direction.as_str()));
    push_text_cell(html, gate.as_deref());
    html.extend_from_slice(b"</tr>\n");
}

/// Two rows as all others are, of an entry that stands and of an amended one, which the script of a
/// page copies and fills.
pub(crate) fn blank_entry_rows() -> String {
    let moment = DateTime::<Utc>::UNIX_EPOCH;
    let name = || Text::from_store(String::new());
    let passage = Passage {
        entry_id: Uuid::nil(),
        login: moment,
        received_at: moment,
        firstname: name(),
        lastname: name(),
        gate: None,
        direction: Direction::In,
        person_ref: None,
    };
    let amendment = Amendment {
        entry_id: passage.entry_id,
        number: 1,
        replacement: None,
        reason: Reason::from_store(String::new()),
        by: None,
        at: moment,
    };
    let (entry, amendment) = (Entry { id: 0, passage }, StoredAmendment { change: 0, amendment });
    let mut html = Vec::new();
    let site = Site::in_zone(chrono_tz::UTC);
    push_entry_row(&mut html, &entry, None, &site);
    push_entry_row(&mut html, &entry, Some(&amendment), &site);
    String::from_utf8_lossy(&html).into_owned()
}
