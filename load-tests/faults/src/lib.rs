//! What happens to payments when parts of a cluster die, freeze or lie.
//!
//! Each [`Scenario`] runs real `floatswitch` processes on real Kafka and Cassandra servers, does harm
//! to one of them under load, measures what the terminals saw, and ends with `check --against`
//! everything that they recorded: no approval that is not booked, none that is booked twice, and no
//! lost answer whose fate is open. The same scenarios run for seconds in the tests of `floatswitch`
//! and for hours by `load-tests/fault-run`.
//!
//! | module | job |
//! |---|---|
//! | `scenario` | the stories, one function each, and the list of them |
//! | `rig` | one cluster of processes on settings, topics and tables of its own |
//! | `member`, `load`, `terminal` | a serving process, `sim pos` beside it, one terminal of our own |
//! | `record` | what the terminals saw, and how long they waited for it |
//! | `tamper` | what nobody may do: records, topics and rows written by other hands |
//! | `facts` | what was measured, and how it is told |
//!
//! Not here: any knowledge of the books. Only `floatswitch check` judges them.

#![warn(missing_docs)]

mod error;
mod facts;
mod guard;
mod load;
mod member;
mod metrics;
mod record;
mod rig;
mod scenario;
mod settings_file;
mod site;
mod status;
#[cfg(feature = "drivers")]
mod tamper;
mod terminal;
mod wait;

pub use error::FaultError;
pub use facts::{CheckFacts, Facts, LoadFacts};
pub use scenario::{Effort, Scenario, ServersNeeded};
pub use site::Site;
