//! Places in a document as translators write them: `W0502`, `N1[ST]/N401`, `W01<VN>`, `../LX01`.

use std::fmt;

use super::Format;
use crate::tree::Tag;

/// A place in a document, seen from the node a block of the translator is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path {
    /// How many parents to go up first.
    pub(super) ups: usize,
    /// Nodes to go down to.
    pub(super) steps: Vec<Step>,
    /// The value there.
    pub(super) at: At,
}

/// One node on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    /// Segment id, record type, element or member name.
    pub(super) tag: Tag,
    /// What must hold of its values.
    pub(super) conditions: Vec<Condition>,
    /// `[*]`: every such node that no other place of the block names.
    pub(super) rest: bool,
    /// `LX?`: where there is none, what would be below it is looked for one level up.
    pub(super) optional: bool,
}

/// A value must be one of a list, as in `[ST]`, `[02=X]` or `[@type=BOL]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which value.
    pub(super) at: At,
    /// What it may be; the first is written.
    pub(super) allowed: Vec<String>,
}

/// Which value of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// None: the node itself.
    Node,
    /// Element, component and repetition of a segment.
    Element(u16, u16, u16),
    /// The value paired with this qualifier, wherever in the segment the pair stands.
    Pair(String),
    /// All pairs that no other place of the block names.
    Pairs,
    /// Column, `@attribute`, or empty for text.
    Name(String),
}

/// Why a path cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PathFault {
    /// Offset in the path.
    pub(super) offset: usize,
    /// What is wrong.
    pub(super) message: String,
    /// How to write it.
    pub(super) hint: String,
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.tag)?;
        if self.rest {
            out.write_str("[*]")?;
        }
        for condition in &self.conditions {
            let values = condition.allowed.join("|");
            match &condition.at {
                At::Name(name) => write!(out, "[{name}={values}]")?,
                _ => write!(out, "[{values}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Display for Path {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.ups {
            out.write_str("../")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            if index > 0 {
                out.write_str("/")?;
            }
            write!(out, "{step}")?;
        }
        match &self.at {
            At::Node => Ok(()),
            At::Element(element, 1, 1) => write!(out, "{element:02}"),
            At::Element(element, component, 1) => write!(out, "{element:02}-{component:02}"),
            At::Element(element, component, repetition) => {
                write!(out, "{element:02}-{component:02}^{repetition}")
            }
            At::Pair(code) => write!(out, "<{code}>"),
            At::Pairs => out.write_str("<*>"),
            At::Name(name) if name.is_empty() && self.steps.is_empty() => out.write_str("."),
            At::Name(name) if name.is_empty() => Ok(()),
            At::Name(name) if self.steps.is_empty() => out.write_str(name),
            At::Name(name) => write!(out, "/{name}"),
        }
    }
}

impl Step {
    /// Whether it asks for nothing but the tag.
    pub(super) fn is_plain(&self) -> bool {
        self.conditions.is_empty() && !self.rest
    }
}

impl Path {
    /// Reads a place that holds a value.
    pub(super) fn parse(text: &str, format: Format) -> Result<Self, PathFault> {
        let mut path = parse(text, format, false)?;
        if path.at == At::Node && format == Format::X12 {
            let what = path.steps.last().map_or_else(String::new, ToString::to_string);
            return Err(fault(
                text.len(),
                format!("`{text}` names no element"),
                format!("write `{what}01` for its first element"),
            ));
        }
        if path.at == At::Node {
            path.at = At::Name(String::new());
        }
        Ok(path)
    }

    /// Reads a place that is a node.
    pub(super) fn parse_node(text: &str, format: Format) -> Result<Self, PathFault> {
        let path = parse(text, format, true)?;
        if path.at != At::Node {
            return Err(fault(
                0,
                format!("`{text}` is a value, not a loop"),
                "leave the element away, as in `LX/W01`",
            ));
        }
        Ok(path)
    }
}

fn fault(offset: usize, message: impl Into<String>, hint: impl Into<String>) -> PathFault {
    PathFault { offset, message: message.into(), hint: hint.into() }
}

fn parse(text: &str, format: Format, node: bool) -> Result<Path, PathFault> {
    let mut path = Path { ups: 0, steps: Vec::new(), at: At::Node };
    if text.trim().is_empty() {
        return Err(fault(0, "the path is empty", "write a place such as `W0502`"));
    }
    let parts = split(text)?;
    let last = parts.len() - 1;
    for (index, (offset, part)) in parts.into_iter().enumerate() {
        if part == ".." {
            if !path.steps.is_empty() {
                return Err(fault(offset, "`..` stands only at the start of a path", ""));
            }
            path.ups += 1;
            continue;
        }
        if part == "." && index == last {
            if !node {
                path.at = At::Name(String::new());
            }
            continue;
        }
        if part.is_empty() {
            return Err(fault(offset, "a step of the path is empty", "take the surplus `/` away"));
        }
        if format == Format::X12 {
            let (step, at) = parse_segment(part, offset)?;
            if at != At::Node && index != last {
                return Err(fault(
                    offset,
                    format!("`{part}` is an element and cannot have anything below it"),
                    "",
                ));
            }
            path.steps.push(step);
            path.at = at;
        } else if let Some(at) = parse_value_name(part, format, node, index == last) {
            path.at = at;
        } else {
            path.steps.push(parse_named(part, offset)?);
        }
    }
    Ok(path)
}

/// Splits at slashes outside brackets.
fn split(text: &str) -> Result<Vec<(usize, &str)>, PathFault> {
    let mut parts = Vec::new();
    let (mut start, mut open) = (0, None);
    for (at, character) in text.char_indices() {
        match character {
            '[' | '<' if open.is_some() => {
                return Err(fault(at, format!("`{character}` inside brackets"), ""));
            }
            '[' | '<' => open = Some((at, character)),
            ']' | '>' if open.is_none() => {
                return Err(fault(at, format!("`{character}` closes nothing"), ""));
            }
            ']' | '>' => open = None,
            '/' if open.is_none() => {
                parts.push((start, text.get(start..at).unwrap_or_default()));
                start = at + 1;
            }
            _ => {}
        }
    }
    if let Some((at, character)) = open {
        return Err(fault(at, format!("`{character}` is never closed"), ""));
    }
    parts.push((start, text.get(start..).unwrap_or_default()));
    Ok(parts)
}

fn parse_value_name(part: &str, format: Format, node: bool, last: bool) -> Option<At> {
    if node || !last {
        return None;
    }
    let column = matches!(format, Format::Delimited | Format::FixedWidth);
    (column || part.starts_with('@')).then(|| At::Name(part.to_owned()))
}

const SEGMENT_HINT: &str = "write a segment and element such as `W0502`, `N1[ST]02` or `W01<VN>`";

fn parse_segment(part: &str, offset: usize) -> Result<(Step, At), PathFault> {
    let bracket = part.find(['[', '<', '?']).unwrap_or(part.len());
    let (head, mut rest) = part.split_at(bracket);
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let (head, component) = head.split_once('-').map_or((head, None), |(head, tail)| (head, Some(tail)));
    let (head_only, repetition) =
        component.unwrap_or(head).split_once('^').map_or((None, None), |(a, b)| (Some(a), Some(b)));
    let (head, component) = match (component, head_only) {
        (None, Some(first)) => (first, None),
        (Some(_), Some(first)) => (head, Some(first)),
        (component, None) => (head, component),
    };
    if !plain(head) || !head.starts_with(|c: char| c.is_ascii_uppercase()) {
        let upper = part.to_uppercase();
        let hint = if part == upper { SEGMENT_HINT.to_owned() } else { format!("did you mean `{upper}`?") };
        return Err(fault(offset, format!("`{part}` is no segment or element"), hint));
    }
    let numbers = |element: &str| -> Result<At, PathFault> {
        let number = |text: &str| {
            text.parse::<u16>().ok().filter(|n| (1..=99).contains(n)).ok_or_else(|| {
                fault(
                    offset,
                    format!("`{text}` is no element or component number"),
                    "numbers have two digits, as in `W0502` or `SLN05-01`",
                )
            })
        };
        Ok(At::Element(number(element)?, component.map_or(Ok(1), number)?, repetition.map_or(Ok(1), number)?))
    };
    let (tag, at) = match head.len() {
        2 | 3 => (head, At::Node),
        4 | 5 if rest.is_empty() => {
            let (tag, element) = head.split_at(head.len() - 2);
            (tag, numbers(element)?)
        }
        _ => return Err(fault(offset, format!("`{part}` is no segment or element"), SEGMENT_HINT)),
    };
    let mut step = Step { tag: Tag::new(tag), conditions: Vec::new(), rest: false, optional: false };
    let mut at = at;
    while let Some(first) = rest.chars().next() {
        let within = offset + part.len() - rest.len();
        match first {
            '?' => {
                step.optional = true;
                rest = rest.trim_start_matches('?');
            }
            '[' => {
                let (inside, after) = rest.trim_start_matches('[').split_once(']').unwrap_or_default();
                parse_conditions(&mut step, inside, within)?;
                rest = after;
            }
            '<' => {
                let (inside, after) = rest.trim_start_matches('<').split_once('>').unwrap_or_default();
                at = if inside == "*" { At::Pairs } else { At::Pair(inside.to_owned()) };
                rest = after;
                if !rest.is_empty() || inside.is_empty() {
                    return Err(fault(
                        within,
                        format!("`{part}` should end in `<qualifier>`"),
                        "as in `W01<VN>`",
                    ));
                }
            }
            _ => {
                let (element, tail) = rest.split_once('^').map_or((rest, None), |(a, b)| (a, Some(b)));
                let (element, component) =
                    element.split_once('-').map_or((element, None), |(a, b)| (a, Some(b)));
                let number = |text: &str| {
                    text.parse::<u16>().ok().filter(|n| (1..=99).contains(n)).ok_or_else(|| {
                        fault(
                            within,
                            format!("`{text}` is no element or component number"),
                            "numbers have two digits, as in `N1[ST]02`",
                        )
                    })
                };
                at = At::Element(
                    number(element)?,
                    component.map_or(Ok(1), number)?,
                    tail.map_or(Ok(1), number)?,
                );
                rest = "";
            }
        }
    }
    Ok((step, at))
}

/// The element a bare `[X]` is about: the level code of HL, else the first.
fn default_condition(tag: &str) -> At {
    At::Element(if tag == "HL" { 3 } else { 1 }, 1, 1)
}

fn parse_conditions(step: &mut Step, inside: &str, offset: usize) -> Result<(), PathFault> {
    if inside == "*" {
        step.rest = true;
        return Ok(());
    }
    for condition in inside.split(',') {
        let (at, values) = match condition.split_once('=') {
            None => (default_condition(&step.tag), condition),
            Some((key, values)) => match key.parse::<u16>() {
                Ok(element) if (1..=99).contains(&element) => (At::Element(element, 1, 1), values),
                _ => (At::Name(key.to_owned()), values),
            },
        };
        let allowed: Vec<String> = values.split('|').map(str::to_owned).collect();
        if allowed.iter().any(String::is_empty) {
            return Err(fault(
                offset,
                format!("`[{inside}]` names no value"),
                "write a code, as in `N1[ST]`, or `[*]` for the rest",
            ));
        }
        step.conditions.push(Condition { at, allowed });
    }
    Ok(())
}

fn parse_named(part: &str, offset: usize) -> Result<Step, PathFault> {
    let optional = part.ends_with('?');
    let part = part.trim_end_matches('?');
    let (tag, inside) =
        part.split_once('[').map_or((part, None), |(tag, tail)| (tag, tail.strip_suffix(']')));
    let mut step = Step { tag: Tag::new(tag), conditions: Vec::new(), rest: false, optional };
    if tag.is_empty() || tag.contains(['<', '>']) {
        return Err(fault(offset, format!("`{part}` is no name"), ""));
    }
    if let Some(inside) = inside {
        if inside != "*" && !inside.contains('=') {
            return Err(fault(
                offset,
                format!("`[{inside}]` does not say of what"),
                "write `[@type=BOL]` or `[type=BOL]`",
            ));
        }
        parse_conditions(&mut step, inside, offset)?;
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        Path::parse(text, Format::X12).map_or_else(|fault| fault.message, |path| path.to_string())
    }

    #[test]
    fn designators_are_read_as_the_guides_write_them() {
        for text in [
            "W0502",
            "G62[10]02",
            "N1[ST]/N401",
            "../LX01",
            "W01<VN>",
            "SLN05-02",
            "N9[*]02",
            "HL[T|P]03",
            "LIN<*>",
        ] {
            assert_eq!(show(text), text);
        }
        assert_eq!(
            Path::parse("N1[02=X]04", Format::X12).map(|p| p.steps[0].conditions[0].at.clone()),
            Ok(At::Element(2, 1, 1))
        );
        assert_eq!(
            Path::parse("HL[O]01", Format::X12).map(|p| p.steps[0].conditions[0].at.clone()),
            Ok(At::Element(3, 1, 1))
        );
    }

    #[test]
    fn a_loop_may_be_about_the_node_itself() {
        let path = Path::parse_node(".", Format::Xml).expect("the node itself");
        assert_eq!((path.ups, path.steps.len(), path.at), (0, 0, At::Node));
    }

    #[test]
    fn a_bad_path_says_what_is_wrong() {
        assert_eq!(show("w0502"), "`w0502` is no segment or element");
        assert_eq!(show("N1[ST"), "`[` is never closed");
        assert_eq!(show("N1[ST]"), "`N1[ST]` names no element");
        assert_eq!(show("W0502/N101"), "`W0502` is an element and cannot have anything below it");
        assert_eq!(show("N1//N401"), "a step of the path is empty");
        assert_eq!(show("N1[]02"), "`[]` names no value");
    }

    #[test]
    fn names_are_columns_elements_and_members() {
        let column = Path::parse("order_number", Format::Delimited).expect("a column");
        assert_eq!((column.steps.len(), column.at), (0, At::Name("order_number".into())));
        let attribute = Path::parse("Header/Order/@id", Format::Xml).expect("an attribute");
        assert_eq!((attribute.steps.len(), attribute.at), (2, At::Name("@id".into())));
        let text = Path::parse("Header/Ref[@type=BOL]", Format::Xml).expect("a text");
        assert_eq!((text.steps.len(), text.at), (2, At::Name(String::new())));
    }
}
