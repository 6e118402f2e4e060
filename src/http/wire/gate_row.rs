use chrono::{DateTime, Utc};
use serde::Serialize;

use super::csv_cell::push_text_cell;
use super::html_cell::{push_html_text, push_moment};
use super::rows::Row;
use crate::domain::{Gate, Site, Stamp};

/// A gate, as it is known at a moment.
pub(crate) struct GateRow<'a> {
    pub gate: &'a Gate,
    pub is_silent: bool,
}

/// The members in their order.
#[derive(Serialize)]
struct GateJson<'a> {
    gate: &'a str,
    token: &'a str,
    last_contact: Option<&'a str>,
    last_entry: Option<&'a str>,
    pending: Option<u64>,
    oldest_pending: Option<&'a str>,
    complete_until: &'a str,
}

impl Row for GateRow<'_> {
    const COLUMNS: &'static str =
        "gate,token,last_contact,last_entry,pending,oldest_pending,complete_until";

    fn push_json(&self, json: &mut Vec<u8>, _: &Site) {
        let Gate { gate, token, pending, complete_until, .. } = self.gate;
        let [last_contact, last_entry, oldest_pending] = self.optional_moments();
        let complete_until = Stamp::utc(*complete_until);
        let gate = GateJson {
            gate,
            token,
            last_contact: last_contact.as_ref().map(Stamp::as_str),
            last_entry: last_entry.as_ref().map(Stamp::as_str),
            pending: *pending,
            oldest_pending: oldest_pending.as_ref().map(Stamp::as_str),
            complete_until: complete_until.as_str(),
        };
        // Strings and numbers always serialize, and writing to a Vec cannot fail.
        let _ = serde_json::to_writer(json, &gate);
    }

    fn push_csv(&self, csv: &mut Vec<u8>, _: &Site) {
        let Gate { gate, token, pending, complete_until, .. } = self.gate;
        let moments = self.optional_moments();
        let [last_contact, last_entry, oldest_pending] =
            moments.each_ref().map(|moment| moment.as_ref().map_or("", Stamp::as_str));
        push_text_cell(csv, gate);
        csv.push(b',');
        push_text_cell(csv, token);
        for cell in [
            last_contact,
            last_entry,
            &pending.map(|pending| pending.to_string()).unwrap_or_default(),
            oldest_pending,
            Stamp::utc(*complete_until).as_str(),
        ] {
            csv.push(b',');
            csv.extend_from_slice(cell.as_bytes());
        }
    }

    fn push_html(&self, html: &mut Vec<u8>, site: &Site) {
        let Gate { gate, token, last_contact, last_entry, pending, .. } = self.gate;
        html.extend_from_slice(b"<tr><th scope=\"row\">");
        push_html_text(html, gate);
        html.extend_from_slice(b"</th><td><code>");
        push_html_text(html, token);
        html.extend_from_slice(b"</code></td><td class=\"time\">");
        push_moment(html, *last_contact, site);
        if self.is_silent {
            html.extend_from_slice(b" <span class=\"badge silent\">silent</span>");
        }
        html.extend_from_slice(b"</td><td class=\"time\">");
        push_moment(html, *last_entry, site);
        html.extend_from_slice(b"</td><td class=\"number\">");
        let pending = pending.map(|pending| pending.to_string());
        html.extend_from_slice(pending.as_deref().unwrap_or("\u{2013}").as_bytes());
        for moment in [self.gate.oldest_pending, Some(self.gate.complete_until)] {
            html.extend_from_slice(b"</td><td class=\"time\">");
            push_moment(html, moment, site);
        }
        html.extend_from_slice(b"</td></tr>\n");
    }
}

impl GateRow<'_> {
    fn optional_moments(&self) -> [Option<Stamp>; 3] {
        let stamp = |moment: Option<DateTime<Utc>>| moment.map(Stamp::utc);
        let Gate { last_contact, last_entry, oldest_pending, .. } = self.gate;
        [*last_contact, *last_entry, *oldest_pending].map(stamp)
    }
}
