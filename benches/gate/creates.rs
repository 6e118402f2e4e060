use crate::entry_id::entry_id;

const PATH: &str = "/table/create";
const ENTRY_ID: &str = "00000000-0000-4000-8000-000000000000";
/// Far from the seeded days, so that what is created never lies on a sheet that is measured.
const OCCURRED_AT: &str = "2031-01-15T00:00:00.000000Z";
/// Where the digits `00:00:00.00` begin in [`OCCURRED_AT`].
const TIME_OF_DAY: usize = 11;
const HUNDREDTHS_OF_A_DAY: u64 = 24 * 60 * 60 * 100;

/// An endless row of requests that each create one entry with an `entry_id` of its own.
///
/// There is one request, and only its digits are written anew: making it must cost next to nothing.
pub struct Creates {
    request: Vec<u8>,
    entry_id_at: usize,
    time_at: usize,
    made: u64,
}

impl Creates {
    /// Requests to the host and port in `authority`.
    pub fn new(authority: &str) -> Self {
        let body = format!(
            r#"{{"entry_id":"{ENTRY_ID}","firstname":"Arvin","lastname":"Cudanin","gate":"A","occurred_at":"{OCCURRED_AT}"}}"#
        );
        let request = format!(
            "POST {PATH} HTTP/1.1\r\nHost: {authority}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // Both texts were put in just above.
        let find = |text| request.find(text).expect("the template holds it");
        let (entry_id_at, time_at) = (find(ENTRY_ID), find(OCCURRED_AT) + TIME_OF_DAY);
        Self { request: request.into_bytes(), entry_id_at, time_at, made: 0 }
    }

    /// How many requests were made so far.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// The bytes of the next request.
    pub fn next(&mut self) -> &[u8] {
        entry_id(self.made).hyphenated().encode_lower(&mut self.request[self.entry_id_at..]);
        write_time(&mut self.request[self.time_at..], self.made % HUNDREDTHS_OF_A_DAY);
        self.made += 1;
        &self.request
    }
}

/// Writes `HH:MM:SS.hh` over the first eleven bytes of `text`.
fn write_time(text: &mut [u8], hundredths: u64) {
    let seconds = hundredths / 100;
    let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60, hundredths % 100];
    for (part, place) in parts.into_iter().zip([0, 3, 6, 9]) {
        // Each part is below 100, so each digit is below 10.
        text[place] = b'0' + (part / 10) as u8;
        text[place + 1] = b'0' + (part % 10) as u8;
    }
}
