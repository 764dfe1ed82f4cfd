//! Logs: one line an event to standard error, never the contents of a document.

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people, in colour on a terminal.
    Plain,
    /// One JSON object a line; control characters are escaped, so that partner text cannot forge a line.
    Json,
}

/// Starts logging; `filter` is what `CROSSDOCK_LOG` says, such as `info` or `crossdock=debug`.
///
/// A second call changes nothing.
pub fn start(form: Form, filter: Option<&str>, colour: bool) {
    // The database's notices are about its own housekeeping.
    const USUAL: &str = "info,sqlx::postgres::notice=warn";
    let filter = EnvFilter::try_new(filter.unwrap_or(USUAL)).unwrap_or_else(|_| EnvFilter::new(USUAL));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match form {
        Form::Plain => lines.with_ansi(colour).try_init(),
        Form::Json => lines.json().flatten_event(true).try_init(),
    };
    // Already started: the first caller's settings stand.
    drop(started);
}
