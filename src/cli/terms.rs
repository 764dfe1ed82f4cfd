//! By what commands read X12 files: the standard, a guide, or what was agreed with a partner.

use super::open;
use crate::formats::x12::reader::{Options, Terms};
use crate::pipeline::Agreements;
use crate::profiles::{Profile, X12};
use chrono::NaiveDate;
use clap::Args;
use std::path::{Path, PathBuf};

/// By what files are read.
#[derive(Args, Clone, Debug)]
pub(super) struct By {
    /// Read as agreed with this partner
    #[arg(long, value_name = "ID", conflicts_with_all = ["guide", "lenient_isa"])]
    partner: Option<String>,
    /// A guide that narrows the standard
    #[arg(long, value_name = "FILE")]
    guide: Option<PathBuf>,
    /// Take an ISA that is not padded to its fixed width
    #[arg(long)]
    lenient_isa: bool,
}

/// What that comes to.
#[derive(Debug)]
pub(super) struct Agreed {
    /// How files are read: all by the same.
    pub(super) options: Options,
    /// The day that ISA09 is held against.
    today: Option<NaiveDate>,
    /// All profiles, and the partner's id.
    partner: Option<(Agreements, String)>,
}

impl By {
    /// Reads guide or profiles; `config` is where the settings are if a partner is named.
    ///
    /// # Errors
    /// What is wrong with them, for people.
    pub(super) fn settle(&self, config: &Path, today: NaiveDate) -> Result<Agreed, String> {
        let Some(id) = &self.partner else {
            return Ok(Agreed { options: self.options()?, today: None, partner: None });
        };
        let agreements = open::config(config).and_then(|config| open::agreements(&config))?;
        let (_, x12) = find_partner(&agreements, id)?;
        // Samples are old by nature; a partner's files are not.
        Ok(Agreed {
            options: x12.reading.clone(),
            today: Some(today),
            partner: Some((agreements, id.clone())),
        })
    }

    fn options(&self) -> Result<Options, String> {
        let mut options = Options { lenient_isa: self.lenient_isa, ..Options::default() };
        if let Some(path) = &self.guide {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read the guide `{name}`: {error}\n"))?;
            options.schemas.load_guide(&text, &name).map_err(|findings| {
                let lines = findings.iter().map(|finding| {
                    format!("{name}:{}: {}; {}\n", finding.location.line, finding.message, finding.hint)
                });
                lines.collect::<String>()
            })?;
            let guide = options.schemas.list().filter_map(|release| release.guide()).last();
            options.set.guide = guide.map(str::to_owned);
        }
        Ok(options)
    }
}

impl Agreed {
    /// The partner that was named.
    pub(super) fn partner(&self) -> Option<(&Profile, &X12)> {
        let (agreements, id) = self.partner.as_ref()?;
        find_partner(agreements, id).ok()
    }
}

fn find_partner<'a>(agreements: &'a Agreements, id: &str) -> Result<(&'a Profile, &'a X12), String> {
    let profile = open::find_partner(agreements, id).map_err(|error| format!("{error}\n"))?;
    let x12 = profile.x12.as_ref();
    let hint = "its profile needs [x12] with `us` and `them`";
    let x12 = x12.ok_or_else(|| format!("nothing is agreed about X12 with `{id}`; hint: {hint}\n"))?;
    Ok((profile, x12))
}

impl Terms for Agreed {
    fn general(&self) -> &Options {
        &self.options
    }

    fn today(&self) -> Option<NaiveDate> {
        self.today
    }
}
