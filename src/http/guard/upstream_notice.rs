use std::sync::Arc;

use crate::domain::Stamp;
use crate::store::{Backlog, Forwarding, ForwardingState, Reach, Reader};

/// What the pages of a gate agent say at the top while its entries do not arrive.
pub(crate) struct UpstreamNotice {
    pub forwarding: Arc<Forwarding>,
    pub reader: Reader,
}

impl UpstreamNotice {
    /// `None` while all is well.
    pub(super) async fn read(&self) -> Option<String> {
        let state = self.forwarding.state();
        // The page is shown anyway, and says by itself if the store cannot be read.
        let backlog = self.reader.backlog(state.up_to).await.ok()?;
        text(&state, &backlog)
    }
}

fn text(state: &ForwardingState, backlog: &Backlog) -> Option<String> {
    let Backlog { pending, oldest_pending, .. } = backlog;
    let mut sentences = Vec::new();
    if state.reach != Reach::Reachable {
        let since = oldest_pending.map(Stamp::utc);
        let since = since.as_ref().and_then(|stamp| stamp.as_str().get(..16));
        let since = since.map(|since| format!(" since {} UTC", since.replace('T', " ")));
        let since = since.unwrap_or_default();
        match pending {
            0 => {}
            1 => sentences.push(format!("1 entry waits here{since}.")),
            pending => sentences.push(format!("{pending} entries wait here{since}.")),
        }
    }
    sentences.extend(state.explain(backlog));
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Rejected;

    #[test]
    fn the_notice_says_what_waits_and_why() {
        let notice = |reach, pending: u64, postponed: u64, rejected: [u64; 3]| {
            let reason = (reach != Reach::Reachable).then(|| "It is so.".to_owned());
            let state = ForwardingState { reach, reason, ..ForwardingState::default() };
            let oldest = "2026-09-21T06:00:00Z".parse().unwrap();
            let oldest_pending = (pending > 0).then_some(oldest);
            let [invalid, forbidden, reused] = rejected;
            let rejected = Rejected { invalid, forbidden, reused, oldest: None };
            text(&state, &Backlog { pending, oldest_pending, postponed, rejected })
        };
        for (reach, pending, postponed, rejected, expected) in [
            // They are on their way.
            (Reach::Reachable, 0, 0, [0; 3], None),
            (Reach::Reachable, 5, 0, [0; 3], None),
            (Reach::Refused, 0, 0, [0; 3], Some("It is so.")),
            (
                Reach::Refused,
                1,
                0,
                [0; 3],
                Some("1 entry waits here since 2026-09-21 06:00 UTC. It is so."),
            ),
            (
                Reach::Unreachable,
                42,
                0,
                [0, 2, 0],
                Some(
                    "42 entries wait here since 2026-09-21 06:00 UTC. It is so. The upstream has rejected \
                     2 entries of another gate than that of its token: the log names them.",
                ),
            ),
            (
                Reach::Reachable,
                1,
                1,
                [1, 0, 1],
                Some(
                    "The upstream fails to store 1 entry, tried again every half minute: the log names it. \
                     The upstream has rejected 1 entry as invalid: the log names it. \
                     The upstream has rejected 1 entry, because it has others with the same entry_id: \
                     the log names it.",
                ),
            ),
        ] {
            let found = notice(reach, pending, postponed, rejected);
            assert_eq!(found.as_deref(), expected);
        }
    }
}
