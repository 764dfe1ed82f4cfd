//! The work: receive, process, deliver, and the chores.

mod acknowledge;
mod agreed;
mod agreements;
mod answers;
mod calls;
mod chores;
mod compare;
mod compose;
mod deliver;
mod follow;
mod gate;
mod hub;
mod known;
pub mod load_master_data;
pub mod operate;
mod outbound;
mod outgoing;
mod overdue;
mod process;
mod read;
mod receive;
pub mod reconciliation;
pub mod rehearse;
mod reload;
mod repeats;
pub mod replay;
pub mod reports;
mod rows;
mod said;
pub mod schedules;
mod serve;
pub mod settling;
mod shipments;

pub use agreements::Agreements;
pub use hub::{Error, Hub, Place};
pub use serve::{Pass, drain, run_once, serve};
