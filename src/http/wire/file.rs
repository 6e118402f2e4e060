use rocket::http::Header;
use rocket::response::Builder;

use super::form::Form;

/// Sets the headers of an answer that has rows with names of people. `name` is that of the file in
/// which a browser stores a CSV, without its ending.
pub(crate) fn describe(response: &mut Builder<'_>, form: Form, name: &str) {
    response
        .header(form.content_type())
        .header(Header::new("Vary", "Accept"))
        // No cache on the way may keep names.
        .header(Header::new("Cache-Control", "no-store"));
    if let Form::Csv { .. } = form {
        let disposition = format!("attachment; filename=\"{name}.csv\"");
        response.header(Header::new("Content-Disposition", disposition));
    }
}
