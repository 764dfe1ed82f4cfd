//! Codes of acknowledgments in words, for people.

/// What TA105 says is wrong with an interchange.
#[must_use]
pub fn of_interchange(code: &str) -> &'static str {
    match code {
        "000" => "no error",
        "001" => "control numbers of ISA and IEA differ",
        "002" => "this version is not supported",
        "003" => "this version of the controls is not supported",
        "004" => "the segment terminator is invalid",
        "005" => "the qualifier of the sender's id is invalid",
        "006" => "the sender's id is invalid",
        "007" => "the qualifier of the receiver's id is invalid",
        "008" => "the receiver's id is invalid",
        "009" => "the receiver's id is unknown",
        "010" => "the authorization qualifier is invalid",
        "011" => "the authorization is invalid",
        "012" => "the security qualifier is invalid",
        "013" => "the security information is invalid",
        "014" => "the date is invalid",
        "015" => "the time is invalid",
        "016" => "the standards id is invalid",
        "017" => "the version id is invalid",
        "018" => "the control number is invalid",
        "019" => "the acknowledgment request is invalid",
        "020" => "the test indicator is invalid",
        "021" => "the number of groups is invalid",
        "022" => "the control structure is invalid",
        "023" => "the file ends in the middle",
        "024" => "the content is invalid",
        "025" => "the control number was used before",
        "026" => "the data element separator is invalid",
        "027" => "the component separator is invalid",
        _ => "a code that the standard does not name",
    }
}

/// What AK905 says is wrong with a group.
#[must_use]
pub fn of_group(code: &str) -> &'static str {
    match code {
        "1" => "the group is not supported",
        "2" => "this version of the group is not supported",
        "3" => "the group has no trailer",
        "4" => "control numbers of GS and GE differ",
        "5" => "the number of sets differs from what is there",
        "6" => "the control number is wrong",
        "10" => "the authentication key name is unknown",
        "11" => "the encryption key name is unknown",
        "12" => "the service is not available",
        "13" => "the security recipient is unknown",
        "19" => "the control number was used before",
        _ => "a code that the standard does not name",
    }
}

/// What AK502 says is wrong with a set.
#[must_use]
pub fn of_set(code: &str) -> &'static str {
    match code {
        "1" => "the set is not supported",
        "2" => "the set has no trailer",
        "3" => "control numbers of ST and SE differ",
        "4" => "the number of segments differs from what is there",
        "5" => "segments are in error",
        "6" => "the set id is missing or invalid",
        "7" => "the control number is missing or invalid",
        "23" => "the control number is not unique in its group",
        _ => "a code that the standard does not name",
    }
}

/// What AK304 says is wrong with a segment.
#[must_use]
pub fn of_segment(code: &str) -> &'static str {
    match code {
        "1" => "an unknown segment",
        "2" => "unexpected",
        "3" => "missing, though mandatory",
        "4" => "its loop occurs too often",
        "5" => "occurs too often",
        "6" => "not in this set",
        "7" => "out of sequence",
        "8" => "elements are in error",
        _ => "in error",
    }
}

/// What AK403 says is wrong with an element.
#[must_use]
pub fn of_element(code: &str) -> &'static str {
    match code {
        "1" => "missing, though mandatory",
        "2" => "missing, though another element asks for it",
        "3" => "one too many",
        "4" => "too short",
        "5" => "too long",
        "6" => "has a character that is not allowed",
        "7" => "no code that is known",
        "8" => "no date",
        "9" => "no time",
        "10" => "excluded by another element",
        _ => "in error",
    }
}
