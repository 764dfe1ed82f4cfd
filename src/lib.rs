//! Crossdock: an EDI and file-transfer hub.
//!
//! Modules are listed ground floor first; a module uses only lower floors, and modules of one floor are
//! strangers. A test reads the `floor` comments below and enforces it.

// floor 1: words
pub mod canonical;
pub mod clock;
pub mod declaration;
pub mod finding;
pub mod ids;
pub mod kill_points;
pub mod tls;
pub mod tree;

// floor 2: edges
pub mod formats;
pub mod packing;
pub mod reports;
pub mod store;
pub mod telemetry;
pub mod transports;

// floor 3: meaning
pub mod master_data;
pub mod schedules;
pub mod translators;

// floor 4: difference
pub mod config;
pub mod profiles;

// floor 5: tracking
pub mod acks;
pub mod derivations;
pub mod ledger;
pub mod reconcile;

// floor 6: the work
pub mod pipeline;

// floor 8: roof
pub mod cli;
