use diesel::result::Error as DieselError;

use crate::store::StoreError;

/// The meaning of an error, by its text: Diesel does not pass SQLite's codes on, and the texts are
/// known because SQLite is compiled in.
pub(super) fn refusal(error: DieselError) -> StoreError {
    const NOT_CAUSED_BY_A_ROW: [&str; 6] = [
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "attempt to write a readonly database",
        "unable to open database file",
        "file is not a database",
    ];
    let error = match error {
        DieselError::DeserializationError(cause) => return StoreError::defect(cause),
        error => error,
    };
    let text = error.to_string();
    match NOT_CAUSED_BY_A_ROW.iter().any(|text_part| text.contains(text_part)) {
        true => StoreError::unreachable(error),
        false => StoreError::refused(error),
    }
}
