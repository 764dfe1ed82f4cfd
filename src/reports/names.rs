//! The reports there are: one list.

/// A report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// What partners have not acknowledged, have refused, or acknowledged late.
    Acknowledgments,
    /// What came and went by day and partner.
    Activity,
    /// Orders without shipment.
    Unshipped,
    /// Fill rate and order cycle time.
    Fulfilment,
    /// Each partner's figures side by side.
    Scorecard,
    /// Invoices against orders, shipments and receipts.
    Reconciliation,
}

impl Name {
    /// Every report, by its name.
    pub const ALL: &[(&str, Self)] = &[
        ("reconciliation", Self::Reconciliation),
        ("acknowledgments", Self::Acknowledgments),
        ("activity", Self::Activity),
        ("unshipped", Self::Unshipped),
        ("fulfilment", Self::Fulfilment),
        ("scorecard", Self::Scorecard),
    ];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, name)| *name == self).map(|(word, _)| *word).expect("all are listed")
    }

    /// Its title.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Reconciliation => "Reconciliation of invoices",
            Self::Acknowledgments => "Acknowledgments overdue, refused and late",
            Self::Activity => "Activity by day and partner",
            Self::Unshipped => "Orders without shipment",
            Self::Fulfilment => "Fill rate and order cycle time",
            Self::Scorecard => "Partner scorecard",
        }
    }

    /// What it is for, in a sentence.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::Reconciliation => {
                "invoices against orders, shipments, receipts and rates, to the cent: what to pay, what to claim, what is not billed"
            }
            Self::Acknowledgments => {
                "what partners have not acknowledged in time, have refused, or acknowledged late: whom to ask today"
            }
            Self::Activity => {
                "files and documents in and out by day and partner, with what was rejected, kept aside or repeated"
            }
            Self::Unshipped => {
                "shipping orders that no advice has answered, the longest past their ship date first"
            }
            Self::Fulfilment => "how much of what was ordered was shipped, and how long it took, by partner",
            Self::Scorecard => {
                "each partner's errors, lateness, completeness and times of answer, side by side"
            }
        }
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl std::str::FromStr for Name {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let found = Self::ALL.iter().find(|(word, _)| *word == text);
        found.map(|(_, name)| *name).ok_or_else(|| Unknown { word: text.to_owned() })
    }
}

/// No report has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no report `{word}`; there are {}", Name::ALL.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))]
pub struct Unknown {
    word: String,
}
