use rocket::http::Status;

/// One row of the table of problems: a status, its stable code and its title.
#[derive(Debug)]
pub(super) struct Kind {
    pub status: Status,
    pub code: &'static str,
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        $(pub(super) static $name: Kind = Kind { status: Status::$status, code: $code, title: $title };)*

        /// The codes of all problems.
        pub(crate) const CODES: &[&str] = &[$($code),*];
    };
}

kinds! {
    BAD_REQUEST = BadRequest, "bad_request", "Malformed request";
    INVALID_JSON = BadRequest, "invalid_json", "Not a JSON object";
    INVALID_ENTRY = BadRequest, "invalid_entry", "Invalid entry";
    INVALID_DATE = BadRequest, "invalid_date", "Invalid date";
    INVALID_QUERY = BadRequest, "invalid_query", "Invalid query";
    NOT_FOUND = NotFound, "not_found", "Not found";
    METHOD_NOT_ALLOWED = MethodNotAllowed, "method_not_allowed", "Method not allowed";
    BODY_TOO_LARGE = PayloadTooLarge, "body_too_large", "Body too large";
    ENTRY_ID_REUSED = UnprocessableEntity, "entry_id_reused", "entry_id names another entry";
    ALREADY_AMENDED = Conflict, "already_amended", "Already amended";
    CHANGES_LOST = Conflict, "changes_lost", "Changes lost";
    NOTHING_TO_CORRECT = BadRequest, "nothing_to_correct", "Nothing to correct";
    BUSY = ServiceUnavailable, "busy", "Too busy";
    STORE_UNAVAILABLE = ServiceUnavailable, "store_unavailable", "Store unavailable";
    NOT_READY = ServiceUnavailable, "not_ready", "Not ready";
    UNAUTHENTICATED = Unauthorized, "unauthenticated", "Not authenticated";
    FORBIDDEN = Forbidden, "forbidden", "Forbidden";
    GATE_MISMATCH = Forbidden, "gate_mismatch", "The token is bound to another gate";
    CROSS_SITE = Forbidden, "cross_site", "Sent by another site";
    NAME_TAKEN = Conflict, "name_taken", "The name is taken";
    INTERNAL = InternalServerError, "internal", "Internal error";
}

impl Kind {
    /// Whether the same request may succeed a moment later.
    pub(super) fn is_temporary(&self) -> bool {
        [BUSY.code, STORE_UNAVAILABLE.code].contains(&self.code)
    }
}
