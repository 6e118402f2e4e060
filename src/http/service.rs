use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::guard::Admission;
use super::watch::Stopping;
use super::wire::{Listing, SpooledSheet, Spools};
use crate::domain::{Access, Clock, Day, DaySummary, Gate, Site, TokenHash};
use crate::store::{
    ChangeFeed, Credentials, Forwarding, KeptReads, LastRecorded, Queue, ReadSheet, Reader,
    Receipt, Sheets, Store, StoreError, Writer,
};

/// How many exports run at once. Each holds a connection most of the time while it is read.
pub(super) const MAX_EXPORTS: usize = 2;

/// What the routes work with.
pub struct Service {
    pub(crate) queue: Queue,
    pub(crate) reader: Reader,
    /// Requests for the same sheet share a read.
    pub(crate) sheets: Sheets<SheetRequest, DaySheet>,
    /// The figures of today, which open pages ask for all the time.
    pub(crate) figures: Figures,
    pub(crate) changes: ChangeFeed,
    pub(crate) spools: Spools,
    /// One permit for each export that may run.
    pub(crate) exports: Arc<Semaphore>,
    pub(crate) admission: Arc<Admission>,
    /// Of a gate agent.
    pub(crate) forwarding: Option<Arc<Forwarding>>,
    pub(crate) site: Site,
    pub(crate) clock: Clock,
    pub(crate) stopping: Stopping,
}

/// What is asked of a sheet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SheetRequest {
    pub day: Day,
    pub listing: Listing,
    /// Whether only the figures are wanted.
    pub leaves_rows_out: bool,
}

/// A sheet as it was read, in the form that was wanted.
#[derive(Clone)]
pub(crate) struct DaySheet {
    pub rows: SpooledSheet,
    /// Its figures, for a page.
    pub summary: Option<Arc<DaySummary>>,
    /// How many people are inside, on the page of today.
    pub inside: Option<usize>,
    /// The gates as they were before the entries were read, on the same server.
    pub gates: Arc<[Gate]>,
}

/// Figures that may be a second old.
pub(crate) struct Figures {
    kept: KeptReads<SheetRequest, ReadSheet<DaySheet>>,
    started: Instant,
}

impl Figures {
    fn new() -> Self {
        Self { kept: KeptReads::default(), started: Instant::now() }
    }

    /// The figures that `read` reads, unless they were read in this second.
    pub(crate) async fn read(
        &self,
        request: SheetRequest,
        read: impl Future<Output = Result<ReadSheet<DaySheet>, StoreError>>,
    ) -> Result<ReadSheet<DaySheet>, StoreError> {
        self.kept.read(self.started.elapsed().as_secs(), request, read).await
    }
}

/// What is asked when the metrics are read.
#[derive(Clone)]
pub(crate) struct Scraped {
    pub(crate) queue: Queue,
    pub(crate) changes: ChangeFeed,
    pub(crate) reader: Reader,
    pub(crate) replica: Option<Reader>,
    pub(crate) forwarding: Option<Arc<Forwarding>>,
    pub(crate) clock: Clock,
}

impl Scraped {
    pub(super) fn of(service: &Service) -> Self {
        let Service { queue, changes, reader, sheets, forwarding, clock, .. } = service;
        Self {
            queue: queue.clone(),
            changes: changes.clone(),
            reader: reader.clone(),
            replica: sheets.replica_reader().cloned(),
            forwarding: forwarding.clone(),
            clock: clock.clone(),
        }
    }
}

/// The stores of a service, and its limits.
pub struct Setup {
    pub store: Arc<dyn Store>,
    /// Serves sheets, if there is one.
    pub replica: Option<Arc<dyn Store>>,
    /// Connections for reading, to each of the two.
    pub connections: usize,
    /// How long a request waits for the store.
    pub timeout: Duration,
    /// How many entries wait for the store at most.
    pub queue_limit: usize,
    pub access: Access,
    /// The hash of the token of the admin named `env`.
    pub admin_token: Option<TokenHash>,
    pub site: Site,
    pub clock: Clock,
    /// Of the gate agent that forwards what this service records, if there is one.
    pub forwarding: Option<Arc<Forwarding>>,
}

impl Service {
    /// A request that records is received now. The receipt must be kept until its entries are recorded.
    pub(crate) fn receive(&self) -> Receipt {
        match &self.forwarding {
            Some(forwarding) => forwarding.receive(&self.clock),
            None => Receipt::unregistered(self.clock.now()),
        }
    }

    /// Starts the threads of the writer, of the changes and of the tokens. The writer must be finished after the service has stopped.
    pub fn start(setup: Setup) -> io::Result<(Self, Writer)> {
        let Setup { store, replica, connections, timeout, queue_limit, .. } = setup;
        let last_recorded = LastRecorded::ringing(setup.forwarding.clone());
        let writer = Writer::start(store.clone(), queue_limit, timeout, last_recorded.clone())?;
        let credentials = Credentials::start(store.clone(), setup.admin_token, timeout)?;
        let reader = Reader::new(store.clone(), connections, timeout);
        let changes = ChangeFeed::start(store, reader.clone(), last_recorded)?;
        let service = Self {
            queue: writer.queue(),
            sheets: match replica {
                Some(replica) => {
                    Sheets::from_replica(reader.clone(), changes.clone(), replica, connections)
                }
                None => Sheets::from_primary(reader.clone(), changes.clone()),
            },
            figures: Figures::new(),
            changes,
            spools: Spools::default(),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            reader,
            admission: Arc::new(Admission {
                access: setup.access,
                credentials,
                clock: setup.clock.clone(),
            }),
            forwarding: setup.forwarding,
            site: setup.site,
            clock: setup.clock,
            stopping: Stopping::default(),
        };
        Ok((service, writer))
    }
}
