//! What requests wait at: the queue of entries in front of one writer, the bounded, shared reads in
//! front of the connections for reading, and the tokens of this process.

mod credentials;
mod queue;
mod reader;
mod replica;
mod shared_reads;
mod sheets;
mod token_set;
mod trail;
mod writer;

pub use credentials::Credentials;
pub use queue::{AmendOutcome, Queue};
pub use reader::{Progress, Reader};
pub use sheets::{Sheets, Source, replica_timeout};
pub use writer::Writer;
