use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::encoding::{EncodeLabel, EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::domain::Recorded;

/// How many gates have counts of their own. The others are counted together, so that a client that
/// sends ever new names cannot make ever more series.
const MAX_GATES: usize = 100;

/// The name for all other gates.
const OTHER: &str = "other";

/// Entries answered as stored, by outcome and gate. Clones count together.
#[derive(Clone)]
pub(super) struct EntryCounts {
    family: Family<EntryLabels, Counter>,
    without_gate: Outcomes,
    gates: Arc<RwLock<HashMap<String, Outcomes>>>,
}

#[derive(Clone)]
struct Outcomes {
    created: Counter,
    replayed: Counter,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct EntryLabels {
    outcome: &'static str,
    /// The label is left out where there is none.
    gate: Option<String>,
}

impl EntryCounts {
    pub(super) fn new() -> Self {
        let family = Family::default();
        // Present from the start, so that the first one is an increase.
        let without_gate = Outcomes::of(&family, None);
        Self { family, without_gate, gates: Arc::default() }
    }

    pub(super) fn family(&self) -> Family<EntryLabels, Counter> {
        self.family.clone()
    }

    pub(super) fn count(&self, recorded: &Recorded) {
        let (entry, outcome): (_, fn(&Outcomes) -> &Counter) = match recorded {
            Recorded::Created(entry) => (entry, |outcomes| &outcomes.created),
            Recorded::Replayed(entry) => (entry, |outcomes| &outcomes.replayed),
            Recorded::Reused => return,
        };
        let Some(gate) = entry.passage.gate.as_deref() else {
            outcome(&self.without_gate).inc();
            return;
        };
        // No panic can happen while one of the locks is held.
        let gates = self.gates.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcomes) = gates.get(gate) {
            outcome(outcomes).inc();
            return;
        }
        drop(gates);
        let mut gates = self.gates.write().unwrap_or_else(PoisonError::into_inner);
        let name = if gates.len() < MAX_GATES { gate } else { OTHER };
        let outcomes = gates
            .entry(name.to_owned())
            .or_insert_with(|| Outcomes::of(&self.family, Some(name.to_owned())));
        outcome(outcomes).inc();
    }
}

impl Outcomes {
    fn of(family: &Family<EntryLabels, Counter>, gate: Option<String>) -> Self {
        let [created, replayed] = ["created", "replayed"].map(|outcome| {
            family.get_or_create(&EntryLabels { outcome, gate: gate.clone() }).clone()
        });
        Self { created, replayed }
    }
}

impl EncodeLabelSet for EntryLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        ("outcome", self.outcome).encode(encoder.encode_label())?;
        if let Some(gate) = &self.gate {
            ("gate", gate.as_str()).encode(encoder.encode_label())?;
        }
        Ok(())
    }
}
