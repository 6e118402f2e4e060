//! The two busiest routes of the service as one would plainly write them with axum and tokio-postgres: a pool, prepared
//! statements, one transaction for each create.
//!
//! The environment names `PORT` and `DATABASE_URL`; the database has a table `attendance_axum`.

use std::env;
use std::fmt::Display;
use std::net::Ipv4Addr;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, SecondsFormat, SubsecRound, Utc};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod};
use serde::{Deserialize, Serialize, Serializer};
use tokio::net::TcpListener;
use tokio_postgres::{NoTls, Row};
use uuid::Uuid;

const CONNECTIONS: usize = 16;

#[derive(Deserialize)]
struct NewEntry {
    firstname: String,
    lastname: String,
    gate: Option<String>,
    entry_id: Option<Uuid>,
    occurred_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct Entry {
    id: i64,
    #[serde(serialize_with = "with_offset")]
    login: DateTime<Utc>,
    firstname: String,
    lastname: String,
    gate: Option<String>,
    entry_id: Uuid,
    #[serde(serialize_with = "with_z")]
    received_at: DateTime<Utc>,
}

type Result<T, E = (StatusCode, String)> = std::result::Result<T, E>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(env::var("DATABASE_URL")?.parse()?, NoTls, recycling);
    let pool = Pool::builder(manager).max_size(CONNECTIONS).build()?;
    let routes = Router::new()
        .route("/table/create", post(create))
        .route("/table/view/{day}", get(sheet))
        .route("/readyz", get(async || ()))
        .with_state(pool);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, env::var("PORT")?.parse()?)).await?;
    let listener = listener.tap_io(|stream| {
        // If it fails, answers are late and not wrong.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn create(
    State(pool): State<Pool>,
    Json(new): Json<NewEntry>,
) -> Result<(StatusCode, Json<Entry>)> {
    let received_at = Utc::now().trunc_subsecs(6);
    let mut entry = Entry {
        id: 0,
        login: new.occurred_at.unwrap_or(received_at),
        firstname: text(&new.firstname)?,
        lastname: text(&new.lastname)?,
        gate: new.gate.as_deref().map(text).transpose()?,
        entry_id: new.entry_id.unwrap_or_else(Uuid::now_v7),
        received_at,
    };
    let client = pool.get().await.map_err(unavailable)?;
    let insert =
        "INSERT INTO attendance_axum (entry_id, login, received_at, lastname, firstname, gate)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (entry_id) DO NOTHING RETURNING id";
    let insert = client.prepare_cached(insert).await.map_err(unavailable)?;
    let Entry { entry_id, login, received_at, lastname, firstname, gate, .. } = &entry;
    let inserted = client
        .query_opt(&insert, &[entry_id, login, received_at, lastname, firstname, gate])
        .await
        .map_err(unavailable)?;
    let used = || (StatusCode::CONFLICT, "The entry_id is in use.".to_owned());
    entry.id = inserted.ok_or_else(used)?.get(0);
    Ok((StatusCode::CREATED, Json(entry)))
}

async fn sheet(State(pool): State<Pool>, Path(day): Path<String>) -> Result<Json<Vec<Entry>>> {
    let date = day
        .strip_prefix("date:")
        .and_then(|digits| NaiveDate::parse_from_str(digits, "%Y%m%d").ok())
        .ok_or_else(|| (StatusCode::BAD_REQUEST, "Invalid date. Use YYYYMMDD.".to_owned()))?;
    let begin = date.and_time(NaiveTime::MIN).and_utc();
    let client = pool.get().await.map_err(unavailable)?;
    let select = "SELECT id, login, firstname, lastname, gate, entry_id, received_at
        FROM attendance_axum WHERE login >= $1 AND login < $2 ORDER BY id";
    let select = client.prepare_cached(select).await.map_err(unavailable)?;
    let rows = client.query(&select, &[&begin, &(begin + Days::new(1))]).await;
    Ok(Json(rows.map_err(unavailable)?.iter().map(entry).collect()))
}

fn entry(row: &Row) -> Entry {
    Entry {
        id: row.get(0),
        login: row.get(1),
        firstname: row.get(2),
        lastname: row.get(3),
        gate: row.get(4),
        entry_id: row.get(5),
        received_at: row.get(6),
    }
}

fn text(value: &str) -> Result<String> {
    let value = value.trim();
    match value.chars().count() {
        1..=100 => Ok(value.to_owned()),
        _ => Err((StatusCode::BAD_REQUEST, "A text has 1 to 100 characters.".to_owned())),
    }
}

fn unavailable(error: impl Display) -> (StatusCode, String) {
    eprintln!("{error}");
    (StatusCode::SERVICE_UNAVAILABLE, "The database does not answer.".to_owned())
}

fn with_offset<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339_opts(SecondsFormat::Micros, false))
}

fn with_z<S: Serializer>(moment: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&moment.to_rfc3339_opts(SecondsFormat::Micros, true))
}
