//! A place and its pipe of functions, as in `W0501 | table(order_purpose)`.

use super::Format;
use super::function::Function;
use super::path::Path;

/// A place with the functions between it and the field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression {
    pub(super) path: Path,
    pub(super) functions: Vec<Function>,
}

/// Why an expression cannot be read: offset, message, hint.
pub(super) type ExpressionFault = (usize, String, String);

impl Expression {
    /// Reads a place and its functions.
    pub(super) fn parse(text: &str, format: Format) -> Result<Self, ExpressionFault> {
        let mut pieces = pipe(text).into_iter();
        let (offset, place) = pieces.next().unwrap_or_default();
        let path =
            Path::parse(place, format).map_err(|fault| (offset + fault.offset, fault.message, fault.hint))?;
        let functions = pieces
            .map(|(offset, call)| {
                let (name, arguments) =
                    parse_call(call).map_err(|message| (offset, message, String::new()))?;
                Function::new(name, &arguments).map_err(|(message, hint)| (offset, message, hint))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { path, functions })
    }
}

/// Splits at bars that stand outside brackets and quotes; pieces come trimmed, with their offset.
pub(super) fn pipe(text: &str) -> Vec<(usize, &str)> {
    let mut pieces = Vec::new();
    let (mut start, mut depth, mut quote) = (0, 0_u32, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '[' | '<' | '(') => depth += 1,
            (None, ']' | '>' | ')') => depth = depth.saturating_sub(1),
            (None, '|') if depth == 0 => {
                pieces.push(trimmed(start, text.get(start..at)));
                start = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(trimmed(start, text.get(start..)));
    pieces
}

fn trimmed(start: usize, piece: Option<&str>) -> (usize, &str) {
    let piece = piece.unwrap_or_default();
    (start + piece.len() - piece.trim_start().len(), piece.trim())
}

/// Reads `name(argument, "argument")` or a bare `name`.
pub(super) fn parse_call(text: &str) -> Result<(&str, Vec<String>), String> {
    let Some((name, rest)) = text.split_once('(') else { return Ok((text, Vec::new())) };
    let inside = rest.strip_suffix(')').ok_or_else(|| format!("`{text}` lacks its closing bracket"))?;
    let (mut arguments, mut argument, mut quote, mut quoted) = (Vec::new(), String::new(), None, false);
    for character in inside.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => argument.push(character),
            (None, '"' | '\'') => {
                quote = Some(character);
                quoted = true;
                argument.clear();
            }
            (None, ',') => {
                arguments.push(finished(&mut argument, &mut quoted));
            }
            (None, _) if quoted => {}
            (None, _) => argument.push(character),
        }
    }
    if quote.is_some() {
        return Err(format!("`{text}` has a quote that is never closed"));
    }
    if !inside.trim().is_empty() {
        arguments.push(finished(&mut argument, &mut quoted));
    }
    Ok((name.trim(), arguments))
}

fn finished(argument: &mut String, quoted: &mut bool) -> String {
    let text = std::mem::take(argument);
    if std::mem::take(quoted) { text } else { text.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_in_brackets_and_quotes_do_not_split() {
        let pieces = pipe(r#"HL[T|P]03 | part("|", 1)| upper"#);
        assert_eq!(pieces, [(0, "HL[T|P]03"), (12, r#"part("|", 1)"#), (26, "upper")]);
    }

    #[test]
    fn calls_have_bare_and_quoted_arguments() {
        assert_eq!(parse_call("pad(6, \"0\")"), Ok(("pad", vec!["6".into(), "0".into()])));
        assert_eq!(parse_call("part(' ', 2)"), Ok(("part", vec![" ".into(), "2".into()])));
        assert_eq!(parse_call("trim"), Ok(("trim", vec![])));
        assert!(parse_call("table(unit").is_err());
    }
}
