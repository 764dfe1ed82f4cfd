//! Makes text of partners fit for columns.

use std::borrow::Cow;

/// The text without NUL, which Postgres refuses: it becomes the replacement character.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// The same where there may be none.
pub(super) fn clean_some(text: Option<&str>) -> Option<Cow<'_, str>> {
    text.map(clean)
}

/// JSON text without NUL, which `jsonb` refuses even when it is escaped.
pub(super) fn clean_json(text: String) -> String {
    if text.contains("\\u0000") { text.replace("\\u0000", "\\ufffd") } else { text }
}
