use std::io::Cursor;

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response};
use uuid::Uuid;

use crate::domain::{
    Correction, Decision, Entry, Replacement, StoredAmendment, Trail, parse_correction, parse_void,
};
use crate::http::guard::MayAmend;
use crate::http::service::Service;
use crate::http::wire::{Problem, push_entry, push_trail};
use crate::store::AmendOutcome;

/// Voids the entry `id` as the body says.
pub(super) async fn void_entry(
    by: &MayAmend,
    id: Uuid,
    body: &[u8],
    service: &Service,
) -> Result<Answer, Problem> {
    let reason = parse_void(body)?;
    let now = service.clock.now();
    let before = trail(service, id).await?;
    let Decision::Append(amendment) = before.void(reason.clone(), by.name(), now)? else {
        return Ok(Answer::of_trail(&before, service, true));
    };
    let stored = service.queue.amend(amendment.clone(), None).await;
    match stored.map_err(Problem::not_voided)? {
        AmendOutcome::Stored(amended) => {
            let stored = StoredAmendment { change: amended.change, amendment };
            Ok(Answer::of_trail(&before.followed_by(stored), service, false))
        }
        conflict => {
            let now_there = trail(service, id).await.map_err(|_| Problem::already_amended())?;
            let is_own = conflict == AmendOutcome::ConflictAfterRetry
                && now_there.has_amendment_of(&amendment);
            match now_there.void(reason, by.name(), now)? {
                Decision::Replay => Ok(Answer::of_trail(&now_there, service, !is_own)),
                Decision::Append(_) => Err(Problem::already_amended()),
            }
        }
    }
}

/// Replaces the entry `id` as the body and the header `Idempotency-Key` say.
pub(super) async fn correct_entry(
    by: &MayAmend,
    id: Uuid,
    body: &[u8],
    keys: &[&str],
    service: &Service,
) -> Result<Answer, Problem> {
    let now = service.clock.now();
    let correction = parse_correction(body, keys, now)?;
    let (before, is_used) = trail_for(service, id, &correction).await?;
    let replacement = match before.correct(&correction, is_used, by.name(), now)? {
        Decision::Append(replacement) => replacement,
        Decision::Replay => return replayed(&before, service, true),
    };
    let Replacement { passage, amendment } = replacement;
    let stored = service.queue.amend(amendment.clone(), Some(passage.clone())).await;
    match stored.map_err(|error| Problem::not_recorded(error, passage.entry_id))? {
        AmendOutcome::Stored(amended) => {
            // The store numbers every replacement.
            let id = amended.replacement.ok_or_else(Problem::internal)?;
            Ok(Answer::of_entry(&Entry { id, passage }, service, false))
        }
        conflict => {
            let (now_there, is_used) = trail_for(service, id, &correction).await?;
            let is_own = conflict == AmendOutcome::ConflictAfterRetry
                && now_there.has_amendment_of(&amendment);
            match now_there.correct(&correction, is_used, by.name(), now)? {
                Decision::Replay => replayed(&now_there, service, !is_own),
                // It lost to a void. The client may try again.
                Decision::Append(_) => Err(Problem::already_amended()),
            }
        }
    }
}

/// The trail of the entry `id`, which must be stored.
pub(super) async fn trail(service: &Service, id: Uuid) -> Result<Trail, Problem> {
    let trail = service.reader.read(move |store| store.trail(id)).await?;
    trail.ok_or_else(Problem::no_entry)
}

/// The same, and whether the `entry_id` of the correction's replacement is stored.
async fn trail_for(
    service: &Service,
    id: Uuid,
    correction: &Correction,
) -> Result<(Trail, bool), Problem> {
    let replacement = correction.entry_id;
    let read = service
        .reader
        .read(move |store| {
            // In this order: if the same correction is stored meanwhile, the trail has it.
            let is_used = store.trail(replacement)?.is_some();
            Ok((store.trail(id)?, is_used))
        })
        .await?;
    let (trail, is_used) = read;
    Ok((trail.ok_or_else(Problem::no_entry)?, is_used))
}

fn replayed(trail: &Trail, service: &Service, is_replay: bool) -> Result<Answer, Problem> {
    let replacement = trail.replacement().ok_or_else(Problem::internal)?;
    Ok(Answer::of_entry(replacement, service, is_replay))
}

/// A stored entry, or an entry with its history.
pub(super) struct Answer {
    json: Vec<u8>,
    status: Status,
    is_replay: bool,
    /// The page that a browser goes to instead.
    see: Option<String>,
}

impl Answer {
    pub(super) fn of_trail(trail: &Trail, service: &Service, is_replay: bool) -> Self {
        let mut json = Vec::with_capacity(1024);
        push_trail(&mut json, trail, &service.site);
        Self { json, status: Status::Ok, is_replay, see: None }
    }

    fn of_entry(entry: &Entry, service: &Service, is_replay: bool) -> Self {
        let mut json = Vec::with_capacity(512);
        push_entry(&mut json, entry, &service.site);
        let status = if is_replay { Status::Ok } else { Status::Created };
        Self { json, status, is_replay, see: None }
    }

    /// The answer to a form: the page of the entry.
    pub(super) fn instead_see(self, id: Uuid) -> Self {
        let see = Some(format!("/table/entry/{id}"));
        Self { json: Vec::new(), status: Status::SeeOther, see, ..self }
    }
}

impl<'r> Responder<'r, 'static> for Answer {
    fn respond_to(self, _: &'r Request<'_>) -> rocket::response::Result<'static> {
        let mut response = Response::build();
        response
            .status(self.status)
            // It holds names of people, which no cache on the way may keep.
            .header(Header::new("Cache-Control", "no-store"))
            .header(Header::new("Vary", "Accept"))
            .sized_body(self.json.len(), Cursor::new(self.json));
        match self.see {
            Some(see) => response.header(Header::new("Location", see)),
            None => response.header(ContentType::JSON),
        };
        if self.is_replay {
            response.header(Header::new("Idempotent-Replayed", "true"));
        }
        response.ok()
    }
}
