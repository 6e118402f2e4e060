use std::time::Duration;

use crate::Result;
use crate::options::Options;
use crate::roster::{CROWD, EMPTY};
use crate::service::{Service, Store};
use crate::visitor::Visitor;

/// What a very large sheet asks of the service.
pub struct Crowd {
    /// Megabytes by which the service's resident size grew at most while it made and sent the
    /// sheet, over and over.
    pub growth: f64,
    /// Entries per second.
    pub rate: f64,
}

impl Crowd {
    /// Reads the sheet from a service that has just been started, because memory that an earlier
    /// sheet left behind would hide what this one takes.
    pub fn measure(options: &Options, store: &Store, time: Duration) -> Result<Self> {
        let service = Service::start(options, store)?;
        let mut visitor = Visitor::connect(service.address())?;
        visitor.time_sheet(EMPTY)?;
        let before = service.process().resident()?;
        service.process().forget_peak()?;
        let rate = CROWD.rate(time, || visitor.time_sheet(CROWD))?;
        let growth = service.process().peak_resident()? - before;
        Ok(Self { growth, rate })
    }
}
