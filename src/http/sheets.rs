use std::io::{self, Seek, SeekFrom, Write};

use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use rocket::tokio::fs::File;
use rocket::{Request, Route, State, get, routes};
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};

use super::entry_json::push_entry;
use super::metrics::Metrics;
use super::paths::Rest;
use super::problem::Problem;
use crate::domain::{Clock, Day, Site};
use crate::store::{Progress, Sheets, Source, Store, StoreError};

/// How much of a sheet is held in memory, in bytes; more goes to a file without a name.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// How much of a sheet goes to the spool, and from there to the connection, at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// Three texts of 100 characters, each up to 12 bytes as JSON, and some 200 bytes around them.
const MAX_ENTRY: usize = 4 * 1024;

pub fn routes() -> Vec<Route> {
    routes![view]
}

/// The whole sheet of a day. Its length is known before its first byte is sent, so it is whole or
/// an error; and the connection to the store is free again by then, however slow the reader is.
#[get("/table/view/<_..>")]
async fn view(
    path: Rest<'_>,
    sheets: &State<Sheets>,
    metrics: &State<Metrics>,
    site: &State<Site>,
    clock: &State<Clock>,
) -> Result<Answer, Problem> {
    let day = match path.after("/table/view/")?.strip_prefix("date:") {
        Some("today") => site.day_of(clock.now()),
        Some(date) => Day::parse(date)?,
        None => return Err(Problem::from(crate::domain::InvalidDay)),
    };
    let site = **site;
    let (sheet, source) =
        sheets.read(move |store, progress| Sheet::read(store, &site, day, progress)).await?;
    if source == Source::InsteadOfReplica {
        metrics.fell_back();
    }
    Ok(Answer { sheet, source })
}

/// A sheet, and where it was read.
struct Answer {
    sheet: Sheet,
    source: Source,
}

/// A sheet as JSON, in memory or in a file that has no name any more.
struct Sheet {
    spool: SpooledTempFile,
    length: u64,
}

impl Sheet {
    fn read(
        store: &dyn Store,
        site: &Site,
        day: Day,
        progress: &Progress,
    ) -> Result<Self, StoreError> {
        let spool_failed = |e: io::Error| StoreError::Defect(format!("cannot spool a sheet: {e}"));
        let mut spool = spooled_tempfile(MAX_IN_MEMORY);
        let mut json = Vec::with_capacity(CHUNK);
        let mut count = 0usize;
        store.each_entry(site.instants(day), &mut |entry| {
            json.push(if count == 0 { b'[' } else { b',' });
            push_entry(&mut json, &entry, site);
            count += 1;
            if json.len() > CHUNK - MAX_ENTRY {
                spool.write_all(&json).map_err(spool_failed)?;
                json.clear();
                progress.mark();
            }
            Ok(())
        })?;
        json.extend_from_slice(if count == 0 { b"[]" } else { b"]" });
        spool.write_all(&json).map_err(spool_failed)?;
        let length = spool.stream_position().map_err(spool_failed)?;
        spool.seek(SeekFrom::Start(0)).map_err(spool_failed)?;
        Ok(Self { spool, length })
    }
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let length = Some(usize::try_from(self.sheet.length).unwrap_or(usize::MAX));
        let mut response = Response::build();
        response
            .header(ContentType::JSON)
            // Names of people: no cache on the way may keep them.
            .header(Header::new("Cache-Control", "no-store"));
        if let Source::Replica { lag } = self.source {
            let seconds = format!("{:.3}", lag.as_secs_f64());
            response.header(Header::new("Rollcall-Replica-Lag", seconds));
        }
        match self.sheet.spool.into_inner() {
            SpooledData::InMemory(bytes) => response.sized_body(length, bytes),
            SpooledData::OnDisk(file) => response.sized_body(length, File::from_std(file)),
        };
        // A new body starts with chunks of 4 KiB, so this comes after it.
        response.max_chunk_size(CHUNK).ok()
    }
}
