//! A Rocket handler that does nothing: the upper bound of what a Rocket service can reach.

use rocket::data::{Data, ToByteUnit};
use rocket::http::{ContentType, Status};
use rocket::{get, launch, post, routes};

/// As long as the service's answer to a create.
const ANSWER: &str = r#"{"id":1234567,"login":"2031-01-15T00:00:00.000000+00:00","firstname":"Arvin","lastname":"Cudanin","gate":"A","entry_id":"00000000-0000-4000-8000-000000000000","received_at":"2031-01-15T00:00:00.000000Z","direction":"in","person_ref":null}"#;

#[post("/table/create", data = "<body>")]
async fn create(body: Data<'_>) -> std::io::Result<(Status, (ContentType, &'static str))> {
    body.open(16.kibibytes()).into_bytes().await?;
    Ok((Status::Created, (ContentType::JSON, ANSWER)))
}

#[get("/readyz")]
fn readyz() {}

#[launch]
fn rocket() -> _ {
    rocket::build().mount("/", routes![create, readyz])
}
