//! What requests wait at: the queue of entries in front of one writer, and the bounded, shared
//! reads in front of the connections for reading.

mod queue;
mod reader;
mod replica;
mod shared_reads;
mod sheets;
mod trail;
mod writer;

pub use queue::{AmendOutcome, Queue};
pub use reader::{Progress, Reader};
pub use sheets::{Sheets, Source, replica_timeout};
pub use writer::Writer;
