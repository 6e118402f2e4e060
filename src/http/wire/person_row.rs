use chrono::{DateTime, Utc};
use serde::Serialize;

use super::csv_cell::push_text_cell;
use super::html_cell::{self, push_html_text, push_time_cell};
use super::rows::Row;
use crate::domain::{PersonDay, Site, Stamp};

/// The members in their order.
#[derive(Serialize)]
struct PersonJson<'a> {
    date: &'a str,
    firstname: &'a str,
    lastname: &'a str,
    person_ref: Option<&'a str>,
    first_in: Option<&'a str>,
    last_out: Option<&'a str>,
    entries: u64,
}

/// From the first time in to the last time out, as hours and minutes, where both are known.
fn hours(person: &PersonDay) -> String {
    let (Some(first), Some(last)) = (person.first_in, person.last_out) else {
        return String::new();
    };
    match (last - first).num_minutes() {
        ..0 => String::new(),
        minutes => format!("{}:{:02}", minutes / 60, minutes % 60),
    }
}

impl Row for PersonDay {
    const COLUMNS: &'static str = "date,firstname,lastname,person_ref,first_in,last_out,entries";

    fn push_json(&self, json: &mut Vec<u8>, site: &Site) {
        let [first_in, last_out] = [stamp(self.first_in, site), stamp(self.last_out, site)];
        let person = PersonJson {
            date: &self.day.dashed(),
            firstname: &self.firstname,
            lastname: &self.lastname,
            person_ref: self.person_ref.as_deref(),
            first_in: first_in.as_ref().map(Stamp::as_str),
            last_out: last_out.as_ref().map(Stamp::as_str),
            entries: self.entries,
        };
        // Strings and numbers always serialize, and writing to a Vec cannot fail.
        let _ = serde_json::to_writer(json, &person);
    }

    fn push_html(&self, html: &mut Vec<u8>, site: &Site) {
        html.extend_from_slice(b"<tr><td class=\"time\">");
        html.extend_from_slice(self.day.dashed().as_bytes());
        html.extend_from_slice(b"</td><th scope=\"row\" class=\"name\"><bdi>");
        push_html_text(html, &self.firstname);
        html.push(b' ');
        push_html_text(html, &self.lastname);
        html.extend_from_slice(b"</bdi></th>");
        html_cell::push_text_cell(html, self.person_ref.as_deref());
        push_time_cell(html, self.first_in, site);
        push_time_cell(html, self.last_out, site);
        html.extend_from_slice(b"<td class=\"number\">");
        html.extend_from_slice(hours(self).as_bytes());
        html.extend_from_slice(b"</td><td class=\"number\">");
        html.extend_from_slice(self.entries.to_string().as_bytes());
        html.extend_from_slice(b"</td></tr>\n");
    }

    fn push_csv(&self, csv: &mut Vec<u8>, site: &Site) {
        csv.extend_from_slice(self.day.dashed().as_bytes());
        for text in [Some(&self.firstname), Some(&self.lastname), self.person_ref.as_ref()] {
            csv.push(b',');
            push_text_cell(csv, text.map_or("", |text| text));
        }
        for moment in [self.first_in, self.last_out] {
            csv.push(b',');
            csv.extend_from_slice(stamp(moment, site).as_ref().map_or(b"", Stamp::as_bytes));
        }
        csv.push(b',');
        csv.extend_from_slice(self.entries.to_string().as_bytes());
    }
}

fn stamp(moment: Option<DateTime<Utc>>, site: &Site) -> Option<Stamp> {
    moment.map(|moment| Stamp::local(moment, site.offset_at(moment)))
}
