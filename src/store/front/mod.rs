//! What requests wait at: the queue of entries in front of one writer, the bounded, shared reads in
//! front of the connections for reading, the changes, and the tokens and sessions that this process
//! knows.

mod answers;
mod change_page;
mod changes;
mod credentials;
mod distribution;
mod follower;
mod forwarding;
mod health;
mod horizon;
mod kept_reads;
mod last_entries;
mod last_recorded;
mod queue;
mod reader;
mod refusal;
mod replica;
mod session_set;
mod shared_reads;
mod sheets;
mod token_set;
mod trail;
mod waiting;
mod wanted_reads;
mod writer;
mod writing;

pub use change_page::ChangePage;
pub use changes::{ChangeFeed, ChangeRequest, FeedState, NoChanges};
pub use credentials::Credentials;
pub use distribution::{Counted, Distribution};
pub use forwarding::{Forwarding, ForwardingState, Reach, Receipt, Woken};
pub use kept_reads::KeptReads;
pub use last_recorded::LastRecorded;
pub use queue::Queue;
pub use reader::{Progress, ReadLoad, Reader};
pub use sheets::{ReadSheet, Sheets, Source, replica_timeout};
pub use waiting::AmendOutcome;
pub use writer::Writer;
pub use writing::Writing;
