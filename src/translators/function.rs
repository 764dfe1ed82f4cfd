//! The closed list of functions after a path, each with its inverse.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use chrono::{NaiveDate, NaiveTime};

use super::Format;
use super::crosswalk::{HELD, Lookup, WhenUnknown};
use super::scalar::{not_a_number, number_of, parse_date, parse_number, parse_time};
use super::table::Table;
use crate::canonical::{Field, FieldType, Mismatch, Value};
use crate::declaration::suggestion;

/// One function of a pipe: `read` goes from the document to the record, `write` back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Function {
    /// `table(name)`: a code for a word; with the number of the table once it is known.
    Table(String, usize),
    /// `table(name)` where the name is a crosswalk's: a code for a word out of master data.
    Crosswalk(String, WhenUnknown),
    /// `date(CCYYMMDD)`: a date in a form of its own.
    Date(Pattern),
    /// `time(HHMM)`: a time in a form of its own.
    Time(Pattern),
    /// `implied(2)`: a number whose point is not written.
    Implied(u32),
    /// `decimal(",")`: a number with another decimal mark.
    Decimal(char),
    /// `trim`: without blanks around.
    Trim,
    /// `upper`: in capitals.
    Upper,
    /// `pad(6, "0")`: filled up in front when written, without the filling when read.
    Pad(usize, char),
    /// `prefix("00")`: with a text in front when written, without it when read.
    Prefix(String),
    /// `default("N")`: this when there is nothing.
    Default(String),
    /// `cut(30)`: no longer than this when written.
    Cut(usize),
    /// `negate`: with the other sign.
    Negate,
    /// `part("/", 1)`: one part of a value that holds several.
    Part(String, usize),
}

/// Names of all functions.
pub(super) const NAMES: [&str; 13] = [
    "table", "date", "time", "implied", "decimal", "trim", "upper", "pad", "prefix", "default", "cut",
    "negate", "part",
];

/// A date or time form, as written and as chrono has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    format: String,
}

/// A value that a function cannot turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// Stable name of the fault.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) hint: String,
}

impl Misfit {
    pub(super) fn new(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Box<Self> {
        Box::new(Self { code, message: message.into(), hint: hint.into() })
    }
}

impl fmt::Display for Function {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name, _) | Self::Crosswalk(name, _) => write!(out, "table({name})"),
            Self::Date(pattern) => write!(out, "date({})", pattern.text),
            Self::Time(pattern) => write!(out, "time({})", pattern.text),
            Self::Implied(digits) => write!(out, "implied({digits})"),
            Self::Decimal(mark) => write!(out, "decimal(\"{mark}\")"),
            Self::Trim => out.write_str("trim"),
            Self::Upper => out.write_str("upper"),
            Self::Pad(width, fill) => write!(out, "pad({width}, \"{fill}\")"),
            Self::Prefix(text) => write!(out, "prefix(\"{text}\")"),
            Self::Default(text) => write!(out, "default(\"{text}\")"),
            Self::Cut(width) => write!(out, "cut({width})"),
            Self::Negate => out.write_str("negate"),
            Self::Part(separator, number) => write!(out, "part(\"{separator}\", {number})"),
        }
    }
}

impl Pattern {
    /// Reads a form such as `CCYYMMDD`, `MM/DD/YYYY` or `HH:MM:SS`.
    fn parse(text: &str, date: bool) -> Option<Self> {
        let tokens: &[(&str, &str)] = if date {
            &[("CCYY", "%Y"), ("YYYY", "%Y"), ("YY", "%y"), ("MM", "%m"), ("DD", "%d")]
        } else {
            &[("HH", "%H"), ("MM", "%M"), ("SS", "%S")]
        };
        let (mut format, mut rest, mut known) = (String::new(), text, 0);
        while let Some(first) = rest.chars().next() {
            if let Some((token, code)) = tokens.iter().find(|(token, _)| rest.starts_with(token)) {
                format.push_str(code);
                known += 1;
                rest = rest.get(token.len()..).unwrap_or_default();
            } else if first.is_ascii_alphabetic() || first == '%' {
                return None;
            } else {
                format.push(first);
                rest = rest.get(first.len_utf8()..).unwrap_or_default();
            }
        }
        (known >= if date { 3 } else { 2 }).then(|| Self { text: text.to_owned(), format })
    }

    fn parse_time(&self, text: &str) -> Option<NaiveTime> {
        NaiveTime::parse_from_str(text, &self.format).ok()
    }

    fn parse_date(&self, text: &str) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(text, &self.format)
            .ok()
            .filter(|date| date.format(&self.format).to_string() == text)
    }
}

impl Function {
    /// Makes a function of its name and arguments; the error is a message and a hint.
    pub(super) fn new(name: &str, arguments: &[String]) -> Result<Self, (String, String)> {
        let usage = |usage: &str| (format!("`{name}` is used as `{usage}`"), String::new());
        let one = |form: &str| match arguments {
            [argument] if !argument.is_empty() => Ok(argument.clone()),
            _ => Err(usage(form)),
        };
        let none = |function: Self| if arguments.is_empty() { Ok(function) } else { Err(usage(name)) };
        match name {
            "table" => Ok(Self::Table(one("table(unit)")?, usize::MAX)),
            "date" => {
                let text = one("date(MM/DD/YYYY)")?;
                Pattern::parse(&text, true).map(Self::Date).ok_or_else(|| {
                    (
                        format!("`{text}` is no form of a date"),
                        "use CCYY, YYYY or YY, MM and DD, as in `date(MM/DD/YYYY)`".to_owned(),
                    )
                })
            }
            "time" => {
                let text = one("time(HH:MM)")?;
                Pattern::parse(&text, false).map(Self::Time).ok_or_else(|| {
                    (
                        format!("`{text}` is no form of a time"),
                        "use HH, MM and SS, as in `time(HH:MM)`".to_owned(),
                    )
                })
            }
            "implied" => {
                let digits = one("implied(2)")?.parse().ok().filter(|digits| *digits <= 9);
                Ok(Self::Implied(digits.ok_or_else(|| usage("implied(2)"))?))
            }
            "decimal" => {
                let mark = one("decimal(\",\")")?;
                let mut characters = mark.chars();
                match (characters.next(), characters.next()) {
                    (Some(mark @ (',' | '.')), None) => Ok(Self::Decimal(mark)),
                    _ => Err(usage("decimal(\",\")")),
                }
            }
            "trim" => none(Self::Trim),
            "upper" => none(Self::Upper),
            "negate" => none(Self::Negate),
            "pad" => match arguments {
                [width, fill] => {
                    let width = width.parse().ok().filter(|width| *width <= 99);
                    let mut characters = fill.chars();
                    match (width, characters.next(), characters.next()) {
                        (Some(width), Some(fill), None) => Ok(Self::Pad(width, fill)),
                        _ => Err(usage("pad(6, \"0\")")),
                    }
                }
                _ => Err(usage("pad(6, \"0\")")),
            },
            "prefix" => Ok(Self::Prefix(one("prefix(\"00\")")?)),
            "default" => Ok(Self::Default(one("default(\"N\")")?)),
            "cut" => {
                let width = one("cut(30)")?.parse().ok().filter(|width| *width > 0);
                Ok(Self::Cut(width.ok_or_else(|| usage("cut(30)"))?))
            }
            "part" => match arguments {
                [separator, number] if !separator.is_empty() => {
                    let number = number.parse().ok().filter(|number| (1..=20).contains(number));
                    Ok(Self::Part(separator.clone(), number.ok_or_else(|| usage("part(\"/\", 1)"))?))
                }
                _ => Err(usage("part(\"/\", 1)")),
            },
            _ => Err((format!("there is no function `{name}`"), suggestion(name, NAMES))),
        }
    }

    /// From the document towards the record.
    fn read<'t>(&self, value: Passing<'t>, known: &Known<'t>) -> Result<Option<Passing<'t>>, Box<Misfit>> {
        if let Self::Default(_) | Self::Cut(_) = self {
            return Ok(Some(value));
        }
        let text = value.into_text();
        Ok(Some(match self {
            Self::Default(_) | Self::Cut(_) => Passing::Text(text),
            Self::Table(name, number) => {
                let table = known.tables.get(*number).expect("compiled functions name known tables");
                match table.word(&text) {
                    Some(Some(word)) => Passing::Text(Cow::Borrowed(word)),
                    Some(None) => Passing::Text(text),
                    None => {
                        return Err(Misfit::new(
                            "code_not_in_table",
                            format!("`{text}` is not in table `{name}`"),
                            format!("add it to `[tables.{name}]` of the partner profile"),
                        ));
                    }
                }
            }
            Self::Crosswalk(name, unknown) => match known.lookup.word(name, &text) {
                Ok(word) => Passing::Text(Cow::Borrowed(word)),
                Err(misfit) => known.without(misfit, *unknown).map(|()| Passing::Text(text))?,
            },
            Self::Date(pattern) => {
                Passing::Value(Value::Date(pattern.parse_date(&text).ok_or_else(|| {
                    Misfit::new(
                        "date_not_understood",
                        format!("`{text}` is no date of the form {}", pattern.text),
                        "",
                    )
                })?))
            }
            Self::Time(pattern) => {
                Passing::Value(Value::Time(pattern.parse_time(&text).ok_or_else(|| {
                    Misfit::new(
                        "time_not_understood",
                        format!("`{text}` is no time of the form {}", pattern.text),
                        "",
                    )
                })?))
            }
            Self::Implied(digits) => {
                let mut number = parse_number(&text, '.')?;
                // A sender who writes the point means it: 12.50 in an N2 element is 12.50.
                if number.scale() == 0 && !text.contains('.') {
                    number.set_scale(*digits).map_err(|_| not_a_number(&text))?;
                }
                Passing::Value(Value::Decimal(number))
            }
            Self::Decimal(mark) => Passing::Value(Value::Decimal(parse_number(&text, *mark)?)),
            Self::Trim => Passing::Text(part_of(text, str::trim)),
            Self::Upper => Passing::Text(Cow::Owned(text.to_uppercase())),
            Self::Pad(_, fill) => Passing::Text(part_of(text, |text| {
                let bare = text.trim_start_matches(*fill);
                if bare.is_empty() && *fill == '0' { "0" } else { bare }
            })),
            Self::Prefix(prefix) => {
                Passing::Text(part_of(text, |text| text.strip_prefix(prefix.as_str()).unwrap_or(text)))
            }
            Self::Negate => Passing::Value(Value::Decimal(-parse_number(&text, '.')?)),
            Self::Part(separator, number) => {
                let part = part_of(text, |text| text.split(separator.as_str()).nth(number - 1).unwrap_or(""));
                if part.is_empty() {
                    return Ok(None);
                }
                Passing::Text(part)
            }
        }))
    }

    /// From the record towards the document. `present` is what stands there already.
    fn write(
        &self,
        value: Value,
        present: Option<&str>,
        known: &Known<'_>,
        format: Format,
    ) -> Result<Option<Value>, Box<Misfit>> {
        Ok(Some(match self {
            Self::Table(name, number) => {
                let table = known.tables.get(*number).expect("compiled functions name known tables");
                let word = value.to_string();
                match table.code(&word) {
                    Some(Some(code)) => Value::Text(code.to_owned()),
                    Some(None) => return Ok(None),
                    None => {
                        return Err(Misfit::new(
                            "word_not_in_table",
                            format!("table `{name}` has no code for `{word}`"),
                            format!("add a code for it to `[tables.{name}]` of the partner profile"),
                        ));
                    }
                }
            }
            Self::Crosswalk(name, unknown) => {
                let word = value.to_string();
                match known.lookup.code(name, &word) {
                    Ok(code) => Value::Text(code.to_owned()),
                    Err(misfit) => known.without(misfit, *unknown).map(|()| Value::Text(word))?,
                }
            }
            Self::Date(pattern) => match &value {
                Value::Date(date) => Value::Text(date.format(&pattern.format).to_string()),
                _ => value,
            },
            Self::Time(pattern) => match &value {
                Value::Time(time) => Value::Text(time.format(&pattern.format).to_string()),
                _ => value,
            },
            Self::Implied(digits) => {
                let number = number_of(&value)?.normalize();
                if number.scale() > *digits {
                    return Err(Misfit::new(
                        "too_many_decimals",
                        format!("`{number}` has more than {digits} decimals"),
                        "round the figure before it is sent",
                    ));
                }
                let mut scaled = number;
                scaled.rescale(*digits);
                scaled.set_scale(0).map_err(|_| not_a_number(&number.to_string()))?;
                Value::Text(scaled.to_string())
            }
            Self::Decimal(mark) => {
                Value::Text(number_of(&value)?.to_string().replace('.', &mark.to_string()))
            }
            Self::Trim => Value::Text(text_of(&value, format).trim().to_owned()),
            Self::Upper => Value::Text(text_of(&value, format).to_uppercase()),
            Self::Pad(width, fill) => {
                let text = text_of(&value, format);
                let missing = width.saturating_sub(text.chars().count());
                Value::Text(fill.to_string().repeat(missing) + &text)
            }
            Self::Prefix(prefix) => {
                let text = text_of(&value, format);
                let has = text.starts_with(prefix.as_str());
                Value::Text(if has { text.into_owned() } else { format!("{prefix}{text}") })
            }
            Self::Default(_) => value,
            Self::Cut(width) => Value::Text(text_of(&value, format).chars().take(*width).collect()),
            Self::Negate => Value::Decimal(-number_of(&value)?),
            Self::Part(separator, number) => {
                let mut parts: Vec<&str> =
                    present.map_or_else(Vec::new, |text| text.split(separator.as_str()).collect());
                let text = text_of(&value, format);
                if parts.len() < *number {
                    parts.resize(*number, "");
                }
                if let Some(part) = parts.get_mut(number - 1) {
                    *part = &text;
                }
                Value::Text(parts.join(separator))
            }
        }))
    }
}

/// What functions may ask: the translator's own code tables, and crosswalks.
pub(super) struct Known<'t> {
    tables: &'t [Table],
    lookup: Lookup<'t>,
    /// What is worth a warning of the value read or written last.
    doubt: Cell<Option<Box<Misfit>>>,
}

impl<'t> Known<'t> {
    pub(super) fn new(tables: &'t [Table], lookup: Lookup<'t>) -> Self {
        Self { tables, lookup, doubt: Cell::default() }
    }

    /// What is doubtful of the value read or written last, told once.
    pub(super) fn doubt(&self) -> Option<Box<Misfit>> {
        self.doubt.take()
    }

    /// Goes on without a crosswalk's answer, where that is agreed.
    fn without(&self, mut misfit: Box<Misfit>, unknown: WhenUnknown) -> Result<(), Box<Misfit>> {
        match unknown {
            WhenUnknown::Pass => {
                self.doubt.set(Some(misfit));
                return Ok(());
            }
            WhenUnknown::Hold => misfit.code = HELD,
            WhenUnknown::Refuse => {}
        }
        Err(misfit)
    }
}

/// A value on its way through the pipe; a text stays where it is until a function changes it.
enum Passing<'t> {
    Text(Cow<'t, str>),
    Value(Value),
}

impl<'t> Passing<'t> {
    fn into_text(self) -> Cow<'t, str> {
        match self {
            Self::Text(text) => text,
            Self::Value(value) => Cow::Owned(value.to_string()),
        }
    }
}

/// What a function leaves of a text.
fn part_of<'t>(text: Cow<'t, str>, of: impl Fn(&str) -> &str) -> Cow<'t, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(of(text)),
        Cow::Owned(text) => Cow::Owned(of(&text).to_owned()),
    }
}

/// Takes a text from the document through the pipe to what a field of this type holds.
pub(super) fn read_value(
    functions: &[Function],
    text: Option<&str>,
    holds: &FieldType,
    known: &Known<'_>,
    format: Format,
    decimal_mark: char,
) -> Result<Option<Value>, Box<Misfit>> {
    Ok(match read_pipe(functions, text, holds, known)? {
        Some(Passing::Text(text)) => Some(coerce(&text, holds, format, decimal_mark)?),
        Some(Passing::Value(value)) => Some(value),
        None => None,
    })
}

/// As [`read_value`], and puts it into the field; false where there is nothing.
pub(super) fn read_into(
    field: &mut dyn Field,
    functions: &[Function],
    text: Option<&str>,
    holds: &FieldType,
    known: &Known<'_>,
    format: Format,
    decimal_mark: char,
) -> Result<bool, Box<Misfit>> {
    if let (Some(text), [], FieldType::Text) = (text, functions, holds) {
        return field.set_text(text).map(|()| true).map_err(misfit_of);
    }
    let set = match read_pipe(functions, text, holds, known)? {
        Some(Passing::Text(text)) if matches!(holds, FieldType::Text) => field.set_text(&text),
        Some(Passing::Text(text)) => field.set(coerce(&text, holds, format, decimal_mark)?),
        Some(Passing::Value(value)) => field.set(value),
        None => return Ok(false),
    };
    set.map(|()| true).map_err(misfit_of)
}

#[cold]
fn misfit_of(mismatch: Mismatch) -> Box<Misfit> {
    Misfit::new("value_not_understood", mismatch.to_string(), "")
}

fn read_pipe<'t>(
    functions: &'t [Function],
    text: Option<&'t str>,
    holds: &FieldType,
    known: &Known<'t>,
) -> Result<Option<Passing<'t>>, Box<Misfit>> {
    let Some(text) = text else {
        let default = functions.iter().find_map(|function| match function {
            Function::Default(text) => Some(text),
            _ => None,
        });
        // A default is the record's word, not the document's code.
        let value = default.map(|text| coerce(text, holds, Format::Json, '.')).transpose()?;
        return Ok(value.map(Passing::Value));
    };
    let mut value = Passing::Text(Cow::Borrowed(text));
    for function in functions {
        match function.read(value, known)? {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    Ok(Some(value))
}

/// Takes a field's value back through the pipe to the text the document has. None: nothing is written.
pub(super) fn write_value(
    functions: &[Function],
    value: Option<Value>,
    present: Option<&str>,
    known: &Known<'_>,
    format: Format,
    decimal_mark: char,
) -> Result<Option<String>, Box<Misfit>> {
    let default = functions.iter().find_map(|function| match function {
        Function::Default(text) => Some(Value::Text(text.clone())),
        _ => None,
    });
    let Some(mut value) = value.or(default) else { return Ok(None) };
    for function in functions.iter().rev() {
        match function.write(value, present, known, format)? {
            Some(next) => value = next,
            None => return Ok(None),
        }
    }
    let text = text_of(&value, format);
    Ok(Some(match &value {
        Value::Decimal(_) if decimal_mark != '.' => text.replace('.', &decimal_mark.to_string()),
        _ => text.into_owned(),
    }))
}

fn coerce(text: &str, holds: &FieldType, format: Format, decimal_mark: char) -> Result<Value, Box<Misfit>> {
    let misfit = |code, hint: String| Misfit::new(code, format!("`{text}` is not {}", holds.words()), hint);
    match holds {
        FieldType::Decimal => parse_number(text, decimal_mark).map(Value::Decimal),
        FieldType::Integer => {
            let number = parse_number(text, decimal_mark)?;
            let whole = number.is_integer().then(|| i64::try_from(number).ok()).flatten();
            whole.map(Value::Integer).ok_or_else(|| misfit("number_not_understood", String::new()))
        }
        FieldType::Date => parse_date(text, format).map(Value::Date).ok_or_else(|| {
            misfit("date_not_understood", "say how dates are written, as in `| date(MM/DD/YYYY)`".to_owned())
        }),
        FieldType::Time => parse_time(text).map(Value::Time).ok_or_else(|| {
            misfit("time_not_understood", "say how times are written, as in `| time(HH:MM)`".to_owned())
        }),
        FieldType::Bool => match text {
            "true" | "Y" | "1" => Ok(Value::Bool(true)),
            "false" | "N" | "0" => Ok(Value::Bool(false)),
            _ => Err(misfit(
                "value_not_understood",
                "true and false, Y and N, 1 and 0 are understood".to_owned(),
            )),
        },
        FieldType::Code(words) if !words.contains(&text) => {
            Err(misfit("value_not_understood", suggestion(text, words.iter().copied())))
        }
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// The usual text of a value in a format.
fn text_of(value: &Value, format: Format) -> Cow<'_, str> {
    Cow::Owned(match (value, format) {
        (Value::Text(text), _) => return Cow::Borrowed(text),
        (Value::Date(date), Format::X12) => date.format("%Y%m%d").to_string(),
        (Value::Time(time), Format::X12) => {
            let seconds = time.format("%S").to_string();
            let hundredths = time.format("%3f").to_string();
            let hundredths = hundredths.get(..2).unwrap_or_default();
            match (seconds.as_str(), hundredths) {
                ("00", "00") => time.format("%H%M").to_string(),
                (_, "00") => time.format("%H%M%S").to_string(),
                _ => format!("{}{hundredths}", time.format("%H%M%S")),
            }
        }
        (Value::Bool(flag), Format::X12) => if *flag { "Y" } else { "N" }.to_owned(),
        // X12 leaves out zeros that say nothing (X12.6 on type R).
        (Value::Decimal(number), Format::X12) => number.normalize().to_string(),
        (value, _) => value.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(function: &str, arguments: &[&str], text: &str, holds: FieldType) -> (String, String) {
        let arguments: Vec<String> = arguments.iter().map(|a| (*a).to_owned()).collect();
        let functions = [Function::new(function, &arguments).expect("a known function")];
        let known = Known::new(&[], Lookup::none());
        let read = read_value(&functions, Some(text), &holds, &known, Format::X12, '.').expect("readable");
        let value = read.clone().map(|value| value.to_string()).unwrap_or_default();
        let back = write_value(&functions, read, None, &known, Format::X12, '.').expect("writable");
        (value, back.unwrap_or_default())
    }

    #[test]
    fn each_function_has_its_inverse() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(both("implied", &["2"], "1250", FieldType::Decimal), pair("12.50", "1250"));
        assert_eq!(both("implied", &["2"], "-5", FieldType::Decimal), pair("-0.05", "-5"));
        assert_eq!(
            both("date", &["MM/DD/YYYY"], "11/25/2026", FieldType::Date),
            pair("2026-11-25", "11/25/2026")
        );
        assert_eq!(both("time", &["HH:MM"], "13:45", FieldType::Time), pair("13:45:00", "13:45"));
        assert_eq!(both("pad", &["6", "0"], "000042", FieldType::Text), pair("42", "000042"));
        assert_eq!(both("prefix", &["00"], "00123", FieldType::Text), pair("123", "00123"));
        assert_eq!(both("negate", &[], "-7.5", FieldType::Decimal), pair("7.5", "-7.5"));
        assert_eq!(both("decimal", &[","], "1234,5", FieldType::Decimal), pair("1234.5", "1234,5"));
    }
}
