//! The closed lists of words that columns hold, and nothing else.

/// Declares an enum stored as text in snake case; a check constraint of the column holds the same list.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, sqlx::Type)]
        #[serde(rename_all = "snake_case")]
        #[sqlx(type_name = "text")]
        pub enum $name {
            $($(#[$word_doc])* #[serde(rename = $text)] #[sqlx(rename = $text)] $word),+
        }

        impl $name {
            /// The word as it is stored and shown.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$word => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownWord;

            fn from_str(text: &str) -> Result<Self, UnknownWord> {
                match text {
                    $($text => Ok(Self::$word),)+
                    _ => Err(UnknownWord { word: text.to_owned(), known: &[$($text),+] }),
                }
            }
        }
    };
}

/// A word that is not in the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {}", known.join(", "))]
pub struct UnknownWord {
    /// What was given.
    pub word: String,
    /// What there is.
    pub known: &'static [&'static str],
}

words! {
    /// Seen from the hub.
    Direction {
        /// Comes to us.
        Inbound = "inbound",
        /// Leaves us.
        Outbound = "outbound",
    }
}

words! {
    /// What has become of a file.
    FileState {
        /// Accepted; its job has not ended yet.
        Received = "received",
        /// Read; its documents have their own statuses.
        Processed = "processed",
        /// The same content was received before.
        Duplicate = "duplicate",
        /// Kept aside for a person.
        Quarantined = "quarantined",
        /// Waits for something that is named in the reason.
        Waiting = "waiting",
        /// Refused as a whole.
        Rejected = "rejected",
        /// Ours, with bytes and name frozen.
        Composed = "composed",
    }
}

words! {
    /// What is awaited of a delivery itself, beside what is awaited of the groups in it.
    ReceiptLevel {
        /// The partner takes the file out of its folder.
        Receipt = "receipt",
        /// The call is answered as agreed.
        Response = "response",
    }
}

words! {
    /// ISA15.
    Usage {
        /// Counts.
        Production = "P",
        /// Is only a test.
        Test = "T",
        /// For information.
        Information = "I",
    }
}

words! {
    /// What a job does.
    JobKind {
        /// Reads an inbound file; the subject is the file.
        Process = "process",
        /// Sends; the subject is a delivery.
        Deliver = "deliver",
        /// Removes bytes from the archive that left with their retention; the subject is the file.
        Dispose = "dispose",
        /// Makes a report that a schedule asks for; the subject is its due time.
        Report = "report",
        /// Sends a report to one address; the subject is the mail.
        Mail = "mail",
    }
}

words! {
    /// Where a job stands.
    JobState {
        /// May be claimed once its time has come.
        Ready = "ready",
        /// A worker has it.
        Leased = "leased",
        /// Finished.
        Done = "done",
        /// Ended without hope; the subject says why.
        Failed = "failed",
        /// Stopped until a person releases it.
        Held = "held",
    }
}

words! {
    /// Whether a document is good.
    Validation {
        /// Without fault.
        Accepted = "accepted",
        /// Taken, and the partner is told of its faults.
        AcceptedWithErrors = "accepted_with_errors",
        /// Refused.
        Rejected = "rejected",
    }
}

words! {
    /// Where a delivery stands, and for a document the delivery it is in.
    DeliveryState {
        /// There is nothing to deliver. Only of documents.
        None = "none",
        /// Composed, not tried or to be tried again.
        Ready = "ready",
        /// A try runs.
        Sending = "sending",
        /// The other side has it.
        Delivered = "delivered",
        /// The other side may or may not have it; reading must tell.
        Unknown = "unknown",
        /// Stopped until a person decides.
        Held = "held",
        /// Will not be sent.
        Cancelled = "cancelled",
    }
}

words! {
    /// What is being delivered.
    DeliveryKind {
        /// A file put on a channel.
        File = "file",
        /// A call made to a system.
        Call = "call",
    }
}

words! {
    /// What an acknowledgment says, or that there is none yet.
    AcknowledgmentState {
        /// None is due. Only of documents.
        None = "none",
        /// Not come yet, and not late.
        Awaited = "awaited",
        /// Accepted.
        Accepted = "accepted",
        /// Accepted, errors were noted.
        AcceptedWithErrors = "accepted_with_errors",
        /// Some sets of the group were accepted, others refused.
        PartiallyAccepted = "partially_accepted",
        /// Refused.
        Rejected = "rejected",
        /// Not come in time.
        Overdue = "overdue",
        /// Nobody waits for it any more: what it would answer is not sent. Not of documents.
        Cancelled = "cancelled",
    }
}

words! {
    /// Where a document that must follow another one stands.
    ExpectedDocumentState {
        /// Not come yet, and not late.
        Awaited = "awaited",
        /// Not come in time.
        Overdue = "overdue",
        /// It came in time.
        Came = "came",
        /// It came after its time.
        CameLate = "came_late",
        /// It will not come, and rightly so.
        NotNeeded = "not_needed",
    }
}

words! {
    /// What was odd about a received acknowledgment.
    AcknowledgmentNote {
        /// Nothing.
        Plain = "",
        /// Says again what was known.
        Duplicate = "duplicate",
        /// Contradicts what was known; a person decides.
        Conflicting = "conflicting",
        /// Answers nothing we sent.
        Unmatched = "unmatched",
        /// Answers what we sent to somebody else.
        WrongPartner = "wrong_partner",
        /// Came after its deadline.
        Late = "late",
        /// Cannot be understood.
        Broken = "broken",
    }
}

words! {
    /// What a document led to.
    Business {
        /// Nothing yet.
        Open = "open",
        /// Waits for another document; the reason says which.
        Waiting = "waiting",
        /// All that follows from it is done.
        Settled = "settled",
        /// A person must settle something.
        Exception = "exception",
    }
}

words! {
    /// Whether a person still has to do something.
    ExceptionState {
        /// Yes.
        Open = "open",
        /// No.
        Settled = "settled",
    }
}

words! {
    /// What a person decided about a difference: what is paid, and what is asked for.
    Decision {
        /// It is paid as it is billed.
        Approve = "approve",
        /// It is paid as it was expected.
        ShortPay = "short_pay",
        /// It is not paid until more is known.
        Hold = "hold",
        /// It is paid, and a credit is asked for.
        AskCredit = "ask_credit",
    }
}
