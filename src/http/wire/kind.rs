use rocket::http::Status;

/// One row of the table of problems.
#[derive(Debug)]
pub(crate) struct Kind {
    pub(crate) status: Status,
    /// Stable, for programs.
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    /// When it happens, for the API documents.
    pub(crate) when: &'static str,
}

macro_rules! kinds {
    ($($name:ident = $status:ident, $code:literal, $title:literal, $when:literal;)*) => {
        $(pub(crate) static $name: Kind =
            Kind { status: Status::$status, code: $code, title: $title, when: $when };)*

        /// The codes of all problems.
        pub(crate) const CODES: &[&str] = &[$($code),*];
    };
}

kinds! {
    BAD_REQUEST = BadRequest, "bad_request", "Malformed request",
        "the request is malformed in a way that has no code of its own, such as its percent-encoding";
    INVALID_JSON = BadRequest, "invalid_json", "Not a JSON object",
        "the body is not JSON, not UTF-8, or not an object, or has a member twice";
    INVALID_ENTRY = BadRequest, "invalid_entry", "Invalid entry",
        "members of the body break their rule, and `errors` lists each of them";
    INVALID_DATE = BadRequest, "invalid_date", "Invalid date",
        "the path does not name a day";
    INVALID_QUERY = BadRequest, "invalid_query", "Invalid query",
        "parameters of the query have a bad value, and `errors` lists each of them";
    NOT_FOUND = NotFound, "not_found", "Not found",
        "there is nothing with this name, or nothing at this path";
    METHOD_NOT_ALLOWED = MethodNotAllowed, "method_not_allowed", "Method not allowed",
        "the path has other methods, which the header `Allow` lists";
    BODY_TOO_LARGE = PayloadTooLarge, "body_too_large", "Body too large",
        "the body is longer than this route accepts";
    ENTRY_ID_REUSED = UnprocessableEntity, "entry_id_reused", "entry_id names another entry",
        "an entry with this `entry_id` and other content is stored";
    ALREADY_AMENDED = Conflict, "already_amended", "Already amended",
        "another amendment of this entry is stored";
    CHANGES_LOST = Conflict, "changes_lost", "Changes lost",
        "the store never drew the number `after`, because it was restored from a backup: start over";
    NOTHING_TO_CORRECT = BadRequest, "nothing_to_correct", "Nothing to correct",
        "the correction changes nothing";
    BUSY = ServiceUnavailable, "busy", "Too busy",
        "too many requests wait already; nothing was done";
    STORE_UNAVAILABLE = ServiceUnavailable, "store_unavailable", "Store unavailable",
        "the store did not answer in time, refuses everything, or has not been migrated yet";
    NOT_READY = ServiceUnavailable, "not_ready", "Not ready",
        "the service cannot serve, or is stopping; `detail` has the reason";
    UNAUTHENTICATED = Unauthorized, "unauthenticated", "Not authenticated",
        "a token is needed and there is none, or the one sent is unknown, expired or revoked";
    FORBIDDEN = Forbidden, "forbidden", "Forbidden",
        "the token's role may not do this; `detail` names the roles that may";
    GATE_MISMATCH = Forbidden, "gate_mismatch", "The token is bound to another gate",
        "the entry names another gate than the one that the token is bound to";
    CROSS_SITE = Forbidden, "cross_site", "Sent by another site",
        "a browser sends this from a page of another site";
    NAME_TAKEN = Conflict, "name_taken", "The name is taken",
        "there is or was a token with this name";
    INTERNAL = InternalServerError, "internal", "Internal error",
        "a defect of the service, whose log has the cause";
}

impl Kind {
    /// Whether the request may succeed when its body is mended, or a moment later.
    pub(crate) fn may_be_sent_again(&self) -> bool {
        let others = [
            &INVALID_ENTRY,
            &NOTHING_TO_CORRECT,
            &ENTRY_ID_REUSED,
            &GATE_MISMATCH,
            &NAME_TAKEN,
            &INTERNAL,
        ];
        self.is_temporary() || others.iter().any(|other| other.code == self.code)
    }

    /// Whether the same request may succeed a moment later.
    pub(crate) fn is_temporary(&self) -> bool {
        [BUSY.code, STORE_UNAVAILABLE.code].contains(&self.code)
    }
}
