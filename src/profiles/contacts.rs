//! `[[contacts]]`: whom to ask at the partner's, and about what.

use super::Profile;
use crate::declaration::Section;
use crate::transports::mail::is_address;

/// A person or desk at the partner's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// Its name.
    pub name: String,
    /// Its mail address.
    pub mail: Option<String>,
    /// Its telephone number.
    pub phone: Option<String>,
    /// What it is asked about; everything if empty.
    pub about: Vec<Topic>,
}

/// What a contact is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Servers, files, envelopes, acknowledgments.
    Technical,
    /// What documents mean, and whether they are meant.
    Business,
    /// Invoices and amounts.
    Finance,
    /// What nobody else answers.
    Escalation,
}

const TOPICS: &[(&str, Topic)] = &[
    ("technical", Topic::Technical),
    ("business", Topic::Business),
    ("finance", Topic::Finance),
    ("escalation", Topic::Escalation),
];

impl Profile {
    /// Whom to ask about a topic, in words: the partner, and its contact where the profile names one.
    #[must_use]
    pub fn whom(&self, topic: Topic) -> String {
        let of_topic = self.contacts.iter().find(|contact| contact.about.contains(&topic));
        let found = of_topic.or_else(|| self.contacts.iter().find(|contact| contact.about.is_empty()));
        let Some(contact) = found else { return self.name.clone() };
        let ways = [Some(&contact.name), contact.mail.as_ref(), contact.phone.as_ref()];
        let ways: Vec<&str> = ways.into_iter().flatten().map(String::as_str).collect();
        format!("{} ({})", self.name, ways.join(", "))
    }
}

pub(super) fn read(section: &Section<'_>) -> Vec<Contact> {
    let one = |section: Section<'_>| {
        let name = section.required_text("name", "write name = \"…\", a person or a desk");
        let mail = section.text("mail");
        if let Some(said) = mail.as_ref().filter(|said| !is_address(&said.value)) {
            let message = format!("`{}` is no mail address", said.value);
            let hint = "write one address, such as mail = \"edi@partner.example\"; more people are more [[contacts]]";
            section.fault("mail_form", &said.place, message, hint);
        }
        let mut about = Vec::new();
        for said in section.texts("about") {
            let message = || format!("`{}` is nothing a contact is asked about", said.value);
            about.extend(section.word(&said, TOPICS, "value_unknown", message));
        }
        let phone = section.text("phone").map(|said| said.value);
        section.finish();
        Contact { name: name.value, mail: mail.map(|said| said.value), phone, about }
    };
    section.sections("contacts").into_iter().map(one).collect()
}
