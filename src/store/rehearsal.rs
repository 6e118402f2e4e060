use chrono::Utc;
use uuid::Uuid;

use crate::domain::{Direction, Passage, Text};

/// An entry that nothing is wrong with, for [`Recorder::rehearse`](super::Recorder::rehearse). It is
/// long, because a disk that is nearly full may still have room for a short one.
pub(super) fn rehearsal() -> Passage {
    let text = || Text::from_store("rehearsal ".repeat(10).trim_end().to_owned());
    let now = Utc::now();
    Passage {
        entry_id: Uuid::now_v7(),
        login: now,
        received_at: now,
        firstname: text(),
        lastname: text(),
        gate: Some(text()),
        direction: Direction::In,
        person_ref: Some(text()),
    }
}
