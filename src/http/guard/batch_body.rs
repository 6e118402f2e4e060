use std::sync::Arc;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::refuse;
use crate::http::wire::{Problem, RequestBody};
use crate::store::StoreError;

/// The longest body of a batch, in bytes.
const MAX_LENGTH: usize = 1024 * 1024;

/// How many bytes of such bodies are in memory at once, at most.
const MAX_TOTAL: usize = 16 * MAX_LENGTH;

/// The body of a batch: complete, and not too long. Its `Content-Type` does not matter.
pub(crate) struct BatchBody<'r>(pub &'r [u8]);

/// Room for the bodies of batches: one permit for each byte.
pub(crate) struct BatchRoom(Arc<Semaphore>);

/// Held by a request for as long as its body is in memory.
struct Taken {
    _permit: OwnedSemaphorePermit,
}

impl BatchRoom {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(MAX_TOTAL)))
    }

    fn take(&self, bytes: usize) -> Option<Taken> {
        let permits = bytes.try_into().ok()?;
        let permit = self.0.clone().try_acquire_many_owned(permits).ok()?;
        Some(Taken { _permit: permit })
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for BatchBody<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let body = RequestBody::of(request);
        // The app manages it.
        let Some(room) = request.rocket().state::<BatchRoom>() else {
            return refuse(request, Problem::internal());
        };
        let Some(taken) = room.take(body.most_bytes(MAX_LENGTH)) else {
            return refuse(request, StoreError::Busy.into());
        };
        request.local_cache(|| taken);
        match body.bytes(MAX_LENGTH).await {
            Ok(bytes) => Outcome::Success(Self(bytes)),
            Err(problem) => refuse(request, problem),
        }
    }
}
