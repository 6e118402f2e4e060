use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use rocket::http::{ContentType, Header};
use rocket::response::{Responder, Response};
use rocket::tokio::fs::File;
use rocket::{Request, Route, State, get, routes};
use tempfile::{SpooledData, SpooledTempFile, spooled_tempfile};

use super::entry_json::EntryJson;
use super::paths::Rest;
use super::problem::Problem;
use crate::domain::{Clock, Day, Site};
use crate::store::{Progress, Reader, Store, StoreError};

/// How much of a sheet is held in memory, in bytes; more goes to a file without a name.
const MAX_IN_MEMORY: usize = 1024 * 1024;

/// How much of a sheet is handed to the connection at once, in bytes.
const CHUNK: usize = 64 * 1024;

/// How many entries make a sign of progress.
const PROGRESS_EVERY: usize = 1_000;

pub fn routes() -> Vec<Route> {
    routes![view]
}

/// The whole sheet of a day. Its length is known before its first byte is sent, so it is whole or
/// an error; and the connection to the store is free again by then, however slow the reader is.
#[get("/table/view/<_..>")]
async fn view(
    path: Rest<'_>,
    reader: &State<Reader>,
    site: &State<Site>,
    clock: &State<Clock>,
) -> Result<Sheet, Problem> {
    let day = match path.after("/table/view/")?.strip_prefix("date:") {
        Some("today") => site.day_of(clock.now()),
        Some(date) => Day::parse(date)?,
        None => return Err(Problem::from(crate::domain::InvalidDay)),
    };
    let site = **site;
    Ok(reader.read(move |store, progress| Sheet::read(store, &site, day, progress)).await?)
}

/// A sheet as JSON, in memory or in a file that has no name any more.
struct Sheet {
    json: SpooledTempFile,
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
        let mut json = BufWriter::with_capacity(CHUNK, spooled_tempfile(MAX_IN_MEMORY));
        let mut count = 0usize;
        store.each_entry(site.instants(day), &mut |entry| {
            json.write_all(if count == 0 { b"[" } else { b"," }).map_err(spool_failed)?;
            serde_json::to_writer(&mut json, &EntryJson { entry: &entry, site })
                .map_err(|e| spool_failed(e.into()))?;
            count += 1;
            if count.is_multiple_of(PROGRESS_EVERY) {
                progress.mark();
            }
            Ok(())
        })?;
        json.write_all(if count == 0 { b"[]" } else { b"]" }).map_err(spool_failed)?;
        let mut json = json.into_inner().map_err(|e| spool_failed(e.into_error()))?;
        let length = json.stream_position().map_err(spool_failed)?;
        json.seek(SeekFrom::Start(0)).map_err(spool_failed)?;
        Ok(Self { json, length })
    }
}

impl<'r> Responder<'r, 'static> for Sheet {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let length = Some(usize::try_from(self.length).unwrap_or(usize::MAX));
        let mut response = Response::build();
        response
            .header(ContentType::JSON)
            // Names of people: no cache on the way may keep them.
            .header(Header::new("Cache-Control", "no-store"))
            .max_chunk_size(CHUNK);
        match self.json.into_inner() {
            SpooledData::InMemory(bytes) => response.sized_body(length, bytes),
            SpooledData::OnDisk(file) => response.sized_body(length, File::from_std(file)),
        };
        response.ok()
    }
}
