use std::sync::Mutex;

use rocket::Request;
use rocket::http::Status;
use rocket::request::Outcome;

use crate::http::wire::Problem;

/// The problem with which a guard refused a request, left where the catcher finds it.
#[derive(Default)]
struct Refusal(Mutex<Option<Problem>>);

/// Refuses the request: the catcher answers it with `problem`.
pub(super) fn refuse<T>(request: &Request<'_>, problem: Problem) -> Outcome<T, ()> {
    let status = problem.status();
    if let Ok(mut refusal) = request.local_cache(Refusal::default).0.lock() {
        *refusal = Some(problem);
    }
    Outcome::Error((status, ()))
}

/// The problem that a guard left, if one refused the request. For the catcher.
pub(crate) fn refused(request: &Request<'_>, status: Status) -> Option<Problem> {
    let mut refusal = request.local_cache(Refusal::default).0.lock().ok()?;
    // A guard that forwarded to another route has not refused the request.
    refusal.take_if(|problem| problem.status() == status)
}
