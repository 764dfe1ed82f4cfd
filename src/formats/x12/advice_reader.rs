//! What partners say of the content of our documents after they acknowledged them: application advices (824) and
//! messages (864), read as they come.
//!
//! As with acknowledgments, nothing here depends on whether the set was found valid.

use super::cursor::Segments;
use super::envelope::{parse_number, trimmed};
use super::verdict::File;

/// Texts of one entry that are kept, and their characters; a sender may write a book.
const MOST_TEXTS: usize = 20;
const LONGEST_TEXT: usize = 2_000;

/// One OTI loop of an 824, or one 864.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// ST01: `824` or `864`.
    pub set_id: String,
    /// Place among the file's interchanges of the one that brought it.
    pub interchange: usize,
    /// OTI01: `TA`, `TE`, `TR` for a transaction, `IA`, `IE`, `IR` for an item; empty in an 864.
    pub code: String,
    /// OTI02 and OTI03 with the REFs below it; in an 864 the REFs and MIT01: qualifier and number.
    pub numbers: Vec<(String, String)>,
    /// OTI08: our GS06, as sent.
    pub group_control: String,
    /// OTI09: our ST02, as sent.
    pub set_control: String,
    /// OTI10: our ST01.
    pub of_set: String,
    /// What is wrong, in the sender's words and codes.
    pub texts: Vec<String>,
    /// Offset of the set that it stands in.
    pub set_byte: u64,
    /// Offset of the OTI, or of the ST of an 864.
    pub byte: u64,
}

impl Advice {
    /// Whether it refuses what we sent: the second letter of OTI01.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.code.ends_with('R')
    }

    /// Whether it takes what we sent as it is.
    #[must_use]
    pub fn takes(&self) -> bool {
        self.code.ends_with('A')
    }

    fn say(&mut self, text: String) {
        if !text.is_empty() && self.texts.len() < MOST_TEXTS {
            self.texts.push(text.chars().take(LONGEST_TEXT).collect());
        }
    }
}

/// Reads every 824 and 864 of a file, in file order. `bytes` is the whole file that `file` was read from.
#[must_use]
pub fn read_advices(bytes: &[u8], file: &File) -> Vec<Advice> {
    let mut advices = Vec::new();
    for (index, interchange) in file.interchanges.iter().enumerate() {
        for set in interchange.groups.iter().flat_map(|group| &group.sets) {
            if !matches!(set.id.as_str(), "824" | "864") {
                continue;
            }
            let range = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
            let text = bytes.get(range(set.bytes.start)..range(set.bytes.end)).unwrap_or(&[]);
            let blank = Advice {
                set_id: set.id.clone(),
                interchange: index,
                set_byte: set.bytes.start,
                byte: set.bytes.start,
                ..Advice::default()
            };
            let segments = Segments::new(text, set.bytes.start, interchange.header.delimiters);
            if set.id == "824" {
                read_824(segments, &blank, &mut advices)
            } else {
                read_864(segments, blank, &mut advices)
            }
        }
    }
    advices
}

fn read_824(mut segments: Segments<'_>, blank: &Advice, advices: &mut Vec<Advice>) {
    let before = advices.len();
    while let Some(segment) = segments.next_segment() {
        let element = |number: usize| trimmed(segment.element(number));
        if segment.id() == b"OTI" {
            advices.push(Advice {
                code: element(1).to_uppercase(),
                numbers: vec![(element(2), element(3))],
                group_control: element(8),
                set_control: element(9),
                of_set: element(10),
                byte: segment.byte,
                ..blank.clone()
            });
            continue;
        }
        let Some(advice) = advices.get_mut(before..).and_then(<[Advice]>::last_mut) else { continue };
        match segment.id() {
            b"REF" => {
                advice.numbers.push((element(1), element(2)));
                advice.say(element(3));
            }
            b"TED" => advice.say(told_by_ted(&element, parse_number(segment.element(4)))),
            b"NTE" => advice.say(element(2)),
            b"RED" => advice.say(element(1)),
            b"LQ" => advice.say(format!("code {}", element(2))),
            _ => {}
        }
    }
}

/// TED in words: `N1, segment 4, element 3 'XX': ship-to unknown (code 024)`.
fn told_by_ted(element: &dyn Fn(usize) -> String, position: Option<u32>) -> String {
    let mut place = element(3);
    if let Some(position) = position {
        place = format!("{place}, segment {position}");
    }
    for (at, open, close) in [(5, "element ", ""), (7, "value `", "`")] {
        let told = element(at);
        if !told.is_empty() {
            place = format!("{place}, {open}{told}{close}");
        }
    }
    let place = place.trim_start_matches(", ");
    let text = match element(2) {
        text if text.is_empty() => String::new(),
        text => format!(": {text}"),
    };
    let told = format!("{place}{text} (code {})", element(1));
    told.trim_start_matches(": ").to_owned()
}

fn read_864(mut segments: Segments<'_>, mut advice: Advice, advices: &mut Vec<Advice>) {
    while let Some(segment) = segments.next_segment() {
        let element = |number: usize| trimmed(segment.element(number));
        match segment.id() {
            b"BMG" | b"MIT" => {
                if segment.id() == b"MIT" {
                    advice.numbers.push((String::new(), element(1)));
                }
                advice.say(element(2));
            }
            b"REF" => {
                advice.numbers.push((element(1), element(2)));
                advice.say(element(3));
            }
            b"MSG" => advice.say(element(1)),
            _ => {}
        }
    }
    advices.push(advice);
}

#[cfg(test)]
mod tests {
    use super::super::reader::{self, Options};
    use super::super::schema::Schemas;
    use super::*;

    fn read(body: &str) -> Vec<Advice> {
        let text = format!(
            "ISA*00*          *00*          *ZZ*SHOP           *ZZ*OURHUB         *261125*1200*U*00401*000000001*0*P*>~\
             GS*AG*SHOP*OURHUB*20261125*1200*1*X*004010~{body}GE*1*1~IEA*1*000000001~"
        );
        let options = Options { schemas: Schemas::builtin(), ..Options::default() };
        let verdict = reader::validate(text.as_bytes(), &options);
        read_advices(text.as_bytes(), &verdict)
    }

    #[test]
    fn each_original_transaction_has_its_verdict_numbers_and_words() {
        let read = read(
            "ST*824*0001~BGN*11*77*20261125~OTI*TR*IV*INV-1*****12*0003*810~REF*PO*PO-7~\
             TED*024*UNKNOWN SHIP-TO*N1*4*4**92X~NTE*GEN*CALL US~OTI*TA*IV*INV-2~SE*8*0001~",
        );
        assert_eq!(read.len(), 2, "{read:?}");
        assert_eq!((read[0].refuses(), read[0].takes(), read[1].takes()), (true, false, true));
        assert_eq!(
            (read[0].group_control.as_str(), read[0].set_control.as_str(), read[0].of_set.as_str()),
            ("12", "0003", "810")
        );
        let number = |qualifier: &str, number: &str| (qualifier.to_owned(), number.to_owned());
        assert_eq!(read[0].numbers, [number("IV", "INV-1"), number("PO", "PO-7")]);
        assert_eq!(
            read[0].texts,
            ["N1, segment 4, element 4, value `92X`: UNKNOWN SHIP-TO (code 024)", "CALL US"]
        );
        assert!(read[1].texts.is_empty());
    }

    #[test]
    fn a_message_is_its_words_and_numbers() {
        let read = read(
            "ST*864*0001~BMG*00*INVOICE HELD~N1*BY*SHOP~REF*IV*INV-1~MIT*9*PLEASE CALL~MSG*PRICE OF A-1 IS NOT AGREED~SE*7*0001~",
        );
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].texts, ["INVOICE HELD", "PLEASE CALL", "PRICE OF A-1 IS NOT AGREED"]);
        assert_eq!(read[0].numbers[0], ("IV".to_owned(), "INV-1".to_owned()));
    }
}
