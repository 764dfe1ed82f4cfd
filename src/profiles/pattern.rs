//! File names: patterns that pick them and templates that make them.

/// Whether `name` fits `pattern`, in which `*` stands for any characters and `?` for one.
#[must_use]
pub fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(wanted) if *wanted == '?' || *wanted == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match star {
                // The last `*` takes one character more.
                Some((star_p, star_n)) => {
                    star = Some((star_p, star_n + 1));
                    p = star_p + 1;
                    n = star_n + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

/// Names of files that are still being written by the usual upload programs; never picked up.
pub const TEMPORARY: &[&str] =
    &[".*", "*.tmp", "*.temp", "*.part", "*.partial", "*.filepart", "*.writing", "*.inprogress", "*~"];

/// The placeholders a name template may hold.
pub const PLACEHOLDERS: &[&str] =
    &["document", "control_number", "usage", "partner", "agreement", "number", "date", "time"];

/// A part of a text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It stands as it is.
    Fixed(String),
    /// A value by its name stands there.
    Value(String),
}

/// The parts of a text with placeholders such as `{number}`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn parts(template: &str) -> Result<Vec<Part>, String> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, tail) = after.split_once('}').ok_or_else(|| "`{` is never closed".to_owned())?;
        if name.trim().is_empty() || name.contains('{') {
            return Err(format!("`{{{name}}}` is no placeholder"));
        }
        parts.extend([Part::Fixed(before.to_owned()), Part::Value(name.to_owned())]);
        rest = tail;
    }
    if rest.contains('}') {
        return Err("`}` closes nothing".to_owned());
    }
    parts.push(Part::Fixed(rest.to_owned()));
    parts.retain(|part| *part != Part::Fixed(String::new()));
    Ok(parts)
}

/// What a name template may not hold, in words; none when it is sound.
#[must_use]
pub fn check_template(template: &str) -> Option<String> {
    if template.is_empty() || template.contains(['/', '\\', '\0']) {
        return Some("a file name has no slashes and is not empty".to_owned());
    }
    let parts = match parts(template) {
        Ok(parts) => parts,
        Err(why) => return Some(why),
    };
    parts.iter().find_map(|part| match part {
        Part::Value(name) if !PLACEHOLDERS.contains(&name.as_str()) => {
            Some(format!("`{{{name}}}` is no placeholder"))
        }
        _ => None,
    })
}

/// Fills a checked template. Values are data: whatever is no letter, digit, `.`, `_` or `-` becomes `_`.
#[must_use]
pub fn fill(template: &str, value: impl Fn(&str) -> String) -> String {
    let mut name = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        name.push_str(before);
        let (placeholder, tail) = after.split_once('}').unwrap_or((after, ""));
        name.extend(
            value(placeholder)
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || ".-".contains(c) { c } else { '_' }),
        );
        rest = tail;
    }
    name.push_str(rest);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_pick_names() {
        for (pattern, name, expected) in [
            ("*.csv", "orders.csv", true),
            ("*.csv", "orders.csv.tmp", false),
            ("PO_*_?.edi", "PO_a_b_7.edi", true),
            ("*", "", true),
            ("", "x", false),
            (".*", ".hidden", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_partner_s_number_never_becomes_a_path() {
        let name = fill("{document}_{number}.edi", |key| {
            if key == "number" { "../../etc/x".into() } else { "940".into() }
        });
        assert_eq!(name, "940_.._.._etc_x.edi");
        assert!(check_template("{documnet}.edi").is_some() && check_template("a/b").is_some());
    }
}
