//! Words that people write: what was meant by one that is not known, and lengths of time.

use std::time::Duration;

/// So many choices are told beside the one that was meant, and so many where none is near; of more, the likeliest.
const MOST_TOLD: (usize, usize) = (8, 16);

/// "did you mean" and the choices, as a hint to someone who wrote what is not known.
#[must_use]
pub fn suggestion<W: AsRef<str>>(said: &str, known: impl IntoIterator<Item = W>) -> String {
    let known: Vec<W> = known.into_iter().collect();
    let likely = |word: &str| (strsim::damerau_levenshtein(said, word), letters(said) != letters(word));
    let near = known
        .iter()
        .map(AsRef::as_ref)
        .map(|word| (likely(word), word))
        .filter(|((distance, _), word)| match word.chars().count() {
            // Of three letters any other three are two mistakes away.
            ..=3 => *distance <= 1,
            length => *distance <= 2.max(length / 3),
        })
        // Two letters that changed places are likelier than one that was mistaken.
        .min();
    let list = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut words: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    match near {
        Some((_, word)) if words.len() > MOST_TOLD.0 => format!("did you mean `{word}`?"),
        Some((_, word)) => format!("did you mean `{word}`? known are {}", list(&words)),
        None if words.is_empty() => "take it out".to_owned(),
        None if words.len() <= MOST_TOLD.1 => format!("known are {}", list(&words)),
        None => {
            let count = words.len();
            let likeness = |word: &str| strsim::jaro_winkler(said, word);
            words.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
            words.truncate(5);
            format!("{count} are known, {} among them", list(&words))
        }
    }
}

fn letters(text: &str) -> Vec<char> {
    let mut letters: Vec<char> = text.chars().collect();
    letters.sort_unstable();
    letters
}

/// `90s`, `15m`, `24h`, `2d` as a length of time.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let count: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    count.checked_mul(seconds).map(Duration::from_secs)
}
