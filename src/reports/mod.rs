//! Reports: what they say, and how they are written for people and programs.
//!
//! Rows are pushed into a [`Writer`] and never gathered: two million lines need no more memory than ten.

mod chart;
mod csv;
mod figure;
mod html;
mod json;
mod model;
mod names;
mod totals;
mod writer;
mod xlsx;

pub use figure::headline as shown;
pub use model::{Cell, Chart, Column, Headline, Kind, LedTo, Report, Sheet};
pub use names::{Name, Unknown};
pub use writer::{Error, Files, Format, Writer, json_to};
