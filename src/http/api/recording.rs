//! How routes record entries: on whose behalf, and what is counted of it.

use crate::domain::{Caller, Entry, InvalidSubmission, Passage, Recorded, Text, parse_submission};
use crate::http::service::Service;
use crate::http::watch::{Metrics, TraceId};
use crate::http::wire::Problem;
use crate::store::StoreError;

/// Records what one request brings.
pub(super) struct Recording<'a> {
    pub service: &'a Service,
    pub metrics: &'a Metrics,
    /// Who sent it, if a token was sent.
    pub caller: Option<&'a Caller>,
    /// The trace that the request is part of.
    pub trace_id: Option<TraceId>,
}

/// An entry as it is stored, by this request or by an earlier one.
pub(super) struct StoredEntry {
    pub entry: Entry,
    pub is_replay: bool,
}

impl Recording<'_> {
    /// Records the entry that `body` and the values of `Idempotency-Key` describe.
    pub(super) async fn record(&self, body: &[u8], keys: &[&str]) -> Result<StoredEntry, Problem> {
        let receipt = self.service.receive();
        let passage = self.bound(parse_submission(body, keys, receipt.at)?)?;
        let entry_id = passage.entry_id;
        if let (Some(forwarding), Some(trace_id)) = (&self.service.forwarding, &self.trace_id) {
            forwarding.note_trace(entry_id, trace_id.as_str());
        }
        let recorded = self.service.queue.record(passage).await;
        let stored =
            self.counted(recorded.map_err(|error| Problem::not_recorded(error, entry_id))?)?;
        if let Some(caller) = self.caller.filter(|caller| caller.is_bound()) {
            let received_at = stored.entry.passage.received_at;
            self.service.admission.credentials.note_entry(&caller.name, received_at);
        }
        Ok(stored)
    }

    /// Records those entries that are valid. Each gets the result that a request of its own would
    /// have got, in the same order; there is none where the outcome of one is unknown.
    pub(super) async fn record_all(
        &self,
        entries: Vec<Result<Passage, InvalidSubmission>>,
    ) -> Result<Vec<Result<StoredEntry, Problem>>, Problem> {
        let mut passages = Vec::with_capacity(entries.len());
        let refused: Vec<_> = entries
            .into_iter()
            .map(|entry| {
                let passage = entry.map_err(Problem::from).and_then(|entry| self.bound(entry));
                passage.map(|passage| passages.push(passage)).err()
            })
            .collect();
        let outcomes = self.service.queue.record_all(passages).await;
        let mut outcomes = outcomes.map_err(Problem::batch_not_recorded)?.into_iter();
        let results = refused.into_iter().map(|problem| match problem {
            Some(problem) => Ok(Err(problem)),
            None => match outcomes.next().ok_or_else(Problem::internal)? {
                Ok(recorded) => Ok(self.counted(recorded)),
                Err(error @ (StoreError::RefusedRow(_) | StoreError::Defect(_))) => {
                    Ok(Err(error.into()))
                }
                Err(error) => Err(Problem::batch_not_recorded(error)),
            },
        });
        results.collect()
    }

    /// Refuses a gate that is not the one that the sender is bound to.
    pub(super) fn check_gate(&self, gate: Option<&Text>) -> Result<(), Problem> {
        let checked = self.caller.map_or(Ok(()), |caller| caller.check_gate(gate));
        checked.map_err(|mismatch| self.refused(mismatch.into()))
    }

    fn bound(&self, passage: Passage) -> Result<Passage, Problem> {
        let Some(caller) = self.caller else { return Ok(passage) };
        caller.bind(passage).map_err(|mismatch| self.refused(mismatch.into()))
    }

    fn refused(&self, problem: Problem) -> Problem {
        self.metrics.refused();
        problem
    }

    fn counted(&self, recorded: Recorded) -> Result<StoredEntry, Problem> {
        self.metrics.recorded(&recorded);
        match recorded {
            Recorded::Created(entry) => Ok(StoredEntry { entry, is_replay: false }),
            Recorded::Replayed(entry) => Ok(StoredEntry { entry, is_replay: true }),
            Recorded::Reused => Err(Problem::entry_id_reused()),
        }
    }
}
