//! Identity derived from input, so that every step may run twice.

use uuid::Uuid;

/// Namespace of every id derived here; never changes, since stored ids depend on it.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f3c_2d0e_8a51_4b7e_9d24_c1a5_5e7b_3f90);

/// Digits of an id that people read and type.
pub const SHORT_DIGITS: usize = 8;

/// The beginning of an id, as people read and type it.
#[must_use]
pub fn short(id: Uuid) -> String {
    id.simple().to_string().chars().take(SHORT_DIGITS).collect()
}

/// The id of the thing that `parts` describe; the same parts always give the same id.
///
/// Parts are separated by a unit separator, so `["a", "bc"]` and `["ab", "c"]` differ.
#[must_use]
pub fn derived(kind: &str, parts: &[&str]) -> Uuid {
    let mut name = String::from(kind);
    for part in parts {
        name.push('\u{1f}');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}
