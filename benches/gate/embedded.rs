use diesel::connection::SimpleConnection;

use crate::Result;
use crate::creates::Creates;
use crate::crowd::Crowd;
use crate::figure::{Figure, Unit};
use crate::insert_loop::{self, InsertLoop};
use crate::options::Options;
use crate::report::Report;
use crate::roster::{CROWD, DAY};
use crate::run::{Run, Workers};
use crate::service::{Service, Store};
use crate::visitor::Visitor;

/// The service on its embedded store, beside a plain loop of inserts into the same kind of file.
pub struct Embedded<'a> {
    options: &'a Options,
    store: Store,
    inserts: InsertLoop,
}

impl<'a> Embedded<'a> {
    /// Makes the service's file with the sheets to read, and an empty one for the loop.
    pub fn prepare(options: &'a Options) -> Result<Self> {
        let (file, loop_file) =
            (options.directory.join("rollcall.sqlite3"), options.directory.join("loop.sqlite3"));
        Service::migrate(options, &Store::Embedded { file: loop_file.clone() })?;
        let store = Store::Embedded { file: file.clone() };
        Service::migrate(options, &store)?;
        let mut connection = insert_loop::open(&file)?;
        for sheet in [DAY, CROWD] {
            connection.batch_execute(&sheet.sqlite_insert())?;
        }
        Ok(Self { options, store, inserts: InsertLoop::open(&loop_file)? })
    }

    /// Measures everything that is measured with the embedded store.
    pub fn measure(&mut self, report: &mut Report) -> Result<()> {
        let service = Service::start(self.options, &self.store)?;
        let mut creates = Creates::new(&service.address().to_string());
        self.busy_creates(&service, &mut creates, report)?;
        self.lone_creates(&service, &mut creates, report)?;
        self.sheet(&service, report)?;
        drop(service);
        self.crowd(report)
    }

    /// SQLite's version.
    pub fn describe(&mut self) -> Result<String> {
        Ok(format!("SQLite {}; journal_mode WAL, synchronous FULL", self.inserts.version()?))
    }

    /// Creates on many connections.
    fn busy_creates(
        &mut self,
        service: &Service,
        creates: &mut Creates,
        report: &mut Report,
    ) -> Result<()> {
        eprintln!("embedded: creates on 64 connections");
        let (ours, theirs) = self.options.long_rounds().in_turn(
            |time| Run::over_http(service, None, 64, time, creates),
            |time| Run::measure(Workers::default(), || self.inserts.run(time)),
        )?;
        report.figure(Figure::rates("embedded: creates, 64 connections", &ours, &theirs, None));
        report.cost("embedded: rollcall, 64 connections", ours);
        report.cost("embedded: loop of inserts", theirs);
        Ok(())
    }

    /// Creates on one connection, one after the other.
    fn lone_creates(
        &mut self,
        service: &Service,
        creates: &mut Creates,
        report: &mut Report,
    ) -> Result<()> {
        eprintln!("embedded: creates on 1 connection");
        let (ours, theirs) = self.options.short_rounds().in_turn(
            |time| Run::over_http(service, None, 1, time, creates),
            |time| Run::measure(Workers::default(), || self.inserts.run(time)),
        )?;
        let what = "embedded: median latency, 1 connection";
        report.figure(Figure::medians(what, &ours, &theirs, None));
        report.cost("embedded: rollcall, 1 connection", ours);
        Ok(())
    }

    fn sheet(&self, service: &Service, report: &mut Report) -> Result<()> {
        eprintln!("embedded: a sheet of {} rows", DAY.rows);
        let mut visitor = Visitor::connect(service.address())?;
        visitor.check_sheet(DAY)?;
        let rates = self
            .options
            .short_rounds()
            .measure(|time| DAY.rate(time, || visitor.time_sheet(DAY)))?;
        let what = format!("embedded: {}-row sheet, rows read", DAY.rows);
        report.figure(Figure::alone(what, Unit::PerSecond, rates, None));
        Ok(())
    }

    fn crowd(&self, report: &mut Report) -> Result<()> {
        eprintln!("embedded: a sheet of {} rows", CROWD.rows);
        let crowds = self
            .options
            .short_rounds()
            .measure(|time| Crowd::measure(self.options, &self.store, time))?;
        let rates = crowds.iter().map(|crowd| crowd.rate).collect();
        let growths = crowds.iter().map(|crowd| crowd.growth).collect();
        let what = format!("embedded: {}-row sheet", CROWD.rows);
        report.figure(Figure::alone(format!("{what}, rows read"), Unit::PerSecond, rates, None));
        report.figure(Figure::alone(
            format!("{what}, memory added"),
            Unit::Megabytes,
            growths,
            None,
        ));
        Ok(())
    }
}
