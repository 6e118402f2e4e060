use std::time::Duration;

use crate::Result;
use crate::creates::Creates;
use crate::crowd::Crowd;
use crate::figure::{Bound, Figure, Unit};
use crate::options::Options;
use crate::pgbench::Pgbench;
use crate::process::Process;
use crate::psql::Psql;
use crate::report::Report;
use crate::roster::{CROWD, DAY};
use crate::run::{Run, Workers};
use crate::service::{Service, Store};
use crate::visitor::Visitor;

const DATABASE: &str = "rollcall_bench";

/// The service on PostgreSQL, beside what PostgreSQL's own tools get out of the same server.
pub struct Postgres<'a> {
    options: &'a Options,
    store: Store,
    psql: Psql,
    pgbench: Pgbench<'a>,
    postmaster: Process,
}

impl<'a> Postgres<'a> {
    /// Makes a database with the service's schema, the sheets to read and pgbench's table.
    pub fn prepare(options: &'a Options) -> Result<Self> {
        Psql::connect(options.postgres, "postgres")?.run(&format!("CREATE DATABASE {DATABASE}"))?;
        let mut psql = Psql::connect(options.postgres, DATABASE)?;
        let store = Store::Postgres { address: options.postgres, database: DATABASE };
        Service::migrate(options, &store)?;
        for sheet in [DAY, CROWD] {
            psql.run(&sheet.postgres_insert())?;
        }
        psql.run(Pgbench::TABLE)?;
        psql.run("VACUUM ANALYZE")?;
        Ok(Self {
            options,
            store,
            pgbench: Pgbench::new(options.postgres, DATABASE, &options.directory)?,
            postmaster: psql.postmaster()?,
            psql,
        })
    }

    /// The server's version, and that it keeps what it has committed.
    pub fn describe(&mut self) -> Result<String> {
        for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
            if self.psql.value(&format!("SHOW {setting}"))? != "on" {
                return Err(format!("{setting} is off: this server is not durable").into());
            }
        }
        let version = self.psql.value("SHOW server_version")?;
        let buffers = self.psql.value("SHOW shared_buffers")?;
        Ok(format!(
            "PostgreSQL {version}; fsync, synchronous_commit and full_page_writes on; shared_buffers {buffers}"
        ))
    }

    /// The server's first process, the parent of all others.
    pub fn postmaster(&self) -> Process {
        self.postmaster
    }

    /// Measures everything that is measured with PostgreSQL.
    pub fn measure(&mut self, report: &mut Report) -> Result<()> {
        let service = Service::start(self.options, &self.store)?;
        let mut creates = Creates::new(&service.address().to_string());
        self.busy_creates(&service, &mut creates, 64, 1.2, report)?;
        let resident = self.busy_creates(&service, &mut creates, 256, 1.3, report)?;
        self.lone_creates(&service, &mut creates, report)?;
        self.check_count(&creates)?;

        // Done now, the server does not do it by itself while the sheets are measured.
        self.psql.run("VACUUM ANALYZE")?;
        self.psql.run("CHECKPOINT")?;
        self.sheet(&service, report)?;
        drop(service);
        self.crowd(report)?;
        report.figure(Figure::alone(
            "memory at 256 connections",
            Unit::Megabytes,
            resident,
            Some(Bound::AtMost(40.0)),
        ));
        Ok(())
    }

    /// Creates on many connections; returns the peak of the service's resident size in each round,
    /// in megabytes.
    fn busy_creates(
        &self,
        service: &Service,
        creates: &mut Creates,
        connections: usize,
        floor: f64,
        report: &mut Report,
    ) -> Result<Vec<f64>> {
        eprintln!("PostgreSQL: creates on {connections} connections");
        let (ours, theirs) = self.options.long_rounds().in_turn(
            |time| {
                service.process().forget_peak()?;
                let run =
                    Run::over_http(service, Some(self.postmaster), connections, time, creates)?;
                Ok((run, service.process().peak_resident()?))
            },
            |time| self.pgbench_run(connections, time),
        )?;
        let (ours, resident): (Vec<_>, Vec<_>) = ours.into_iter().unzip();
        let what = format!("creates, {connections} connections");
        report.figure(Figure::rates(what, &ours, &theirs, Some(Bound::AtLeast(floor))));
        report.cost(format!("rollcall, {connections} connections"), ours);
        report.cost(format!("pgbench, {connections} clients"), theirs);
        Ok(resident)
    }

    /// Creates on one connection, one after the other.
    fn lone_creates(
        &self,
        service: &Service,
        creates: &mut Creates,
        report: &mut Report,
    ) -> Result<()> {
        eprintln!("PostgreSQL: creates on 1 connection");
        let (ours, theirs) = self.options.short_rounds().in_turn(
            |time| Run::over_http(service, Some(self.postmaster), 1, time, creates),
            |time| self.pgbench_run(1, time),
        )?;
        let what = "median latency, 1 connection";
        report.figure(Figure::medians(what, &ours, &theirs, Some(Bound::AtMost(2.5))));
        report.cost("rollcall, 1 connection", ours);
        report.cost("pgbench, 1 client", theirs);
        Ok(())
    }

    /// Every create was answered 201, so every one must be there.
    fn check_count(&mut self, creates: &Creates) -> Result<()> {
        let promised = u64::from(DAY.rows + CROWD.rows) + creates.made();
        match self.psql.value("SELECT count(*) FROM attendance")?.parse::<u64>()? {
            stored if promised == stored => Ok(()),
            stored => Err(format!("{stored} entries are stored of {promised}").into()),
        }
    }

    fn sheet(&mut self, service: &Service, report: &mut Report) -> Result<()> {
        eprintln!("PostgreSQL: a sheet of {} rows", DAY.rows);
        let mut visitor = Visitor::connect(service.address())?;
        visitor.check_sheet(DAY)?;
        let (ours, theirs) = self.options.short_rounds().in_turn(
            |time| DAY.rate(time, || visitor.time_sheet(DAY)),
            |time| DAY.rate(time, || self.psql.time_copy(&DAY.postgres_select())),
        )?;
        report.figure(Figure::compared(
            format!("{}-row sheet, rows read", DAY.rows),
            Unit::PerSecond,
            ours,
            theirs,
            Some(Bound::AtLeast(0.7)),
        ));
        Ok(())
    }

    fn crowd(&mut self, report: &mut Report) -> Result<()> {
        eprintln!("PostgreSQL: a sheet of {} rows", CROWD.rows);
        let (ours, theirs) = self.options.short_rounds().in_turn(
            |time| Crowd::measure(self.options, &self.store, time),
            |time| CROWD.rate(time, || self.psql.time_copy(&CROWD.postgres_select())),
        )?;
        let rates = ours.iter().map(|crowd| crowd.rate).collect();
        let growths = ours.iter().map(|crowd| crowd.growth).collect();
        let what = format!("{}-row sheet", CROWD.rows);
        report.figure(Figure::compared(
            format!("{what}, rows read"),
            Unit::PerSecond,
            rates,
            theirs,
            None,
        ));
        report.figure(Figure::alone(
            format!("{what}, memory added"),
            Unit::Megabytes,
            growths,
            Some(Bound::AtMost(16.0)),
        ));
        Ok(())
    }

    fn pgbench_run(&self, clients: usize, time: Duration) -> Result<Run> {
        let workers = Workers { service: None, postmaster: Some(self.postmaster) };
        Run::measure(workers, || self.pgbench.measure(clients, time))
    }
}
