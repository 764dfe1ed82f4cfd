//! Partner profiles: all that was agreed with one partner, in one file.
//!
//! What a profile says is layered: built-in defaults, `partner-profiles/defaults.toml`, the partner's file,
//! and `[site.<partner>]` of `crossdock.toml`, which moves a partner to another server without touching what
//! was agreed. All profiles are read and checked together: either all of them stand or none.

mod address;
mod agreement;
mod batch;
mod calendar;
mod calendars;
mod channel;
mod contacts;
mod control_numbers;
mod duplicates;
mod effective;
mod exchange;
mod expects;
mod fields;
mod http;
mod ladder;
mod library;
mod packing;
pub mod pattern;
mod reading;
mod reconciliation;
mod reference;
mod retention;
mod routes;
mod rules;
pub mod settings;
mod stored;
mod x12;

pub use address::{Address, Text, Unfilled};
pub use agreement::{Addressed, Agreement};
pub use batch::Batch;
pub use calendar::{Calendar, DUE_FORMS, Due, TimeOfDay, Unsound};
pub use channel::{After, Channel, Complete, Inbound, Mail, Outbound, Transport};
pub use contacts::{Contact, Topic};
pub use control_numbers::{ControlNumbers, Counter, CounterOf, Level, Numbered};
pub use duplicates::{Duplicates, Repeat, Repeated};
pub use effective::{Effective, Layer, list_effective};
pub use exchange::{Acknowledge, Exchange, ExpectAck, Receives, Sends, WhenOverdue};
pub use expects::{CountedFrom, Expects};
pub use fields::{Condition, Field};
pub use http::{Http, HttpLogin, WhenUnknown};
pub use ladder::Ladder;
pub use library::{Library, document_of};
pub use packing::Pgp;
pub use reading::Acks;
pub use reconciliation::{
    ACTIVITIES, Activity, AgreedCharge, ChargePrice, Rate, Reconciliation, Rounding, Scope, Tolerance,
};
pub use reference::reference_page;
pub use retention::Retention;
pub use routes::{Derivation, Leads, LoadNumber, Route, Together};
pub use rules::{Action, Validity};
pub use x12::{Identity, Usage, X12};

use crate::declaration::{self, Faults, Section, Source, suggestion};
use crate::finding::Finding;
use crate::ids;
use crate::schedules::{self, Schedule};
use std::collections::BTreeMap;
use std::path::Path;
use uuid::Uuid;

/// All that was agreed with one trading partner.
#[derive(Clone, Debug)]
pub struct Profile {
    /// The partner's id: the file's name without `.toml`.
    pub id: String,
    /// The partner's name, for people.
    pub name: String,
    /// Who of us looks after what goes wrong with this partner.
    pub owner: Option<String>,
    /// The next in charge.
    pub escalate_to: Option<String>,
    /// Zone of dates and times in documents.
    pub time_zone: chrono_tz::Tz,
    /// Business time of the partner; every day round the clock where it names no calendar.
    pub calendar: Calendar,
    /// X12 envelopes; none for partners without X12.
    pub x12: Option<X12>,
    /// Channels by name.
    pub channels: BTreeMap<String, Channel>,
    /// Documents that come, that go, and what follows from them.
    pub exchange: Exchange,
    /// Whom to ask at the partner's.
    pub contacts: Vec<Contact>,
    /// Reports about this partner that are made over and over.
    pub schedules: Vec<Schedule>,
    /// What becomes of what comes twice.
    pub duplicates: Duplicates,
    /// How long bytes are kept.
    pub retention: Retention,
    /// What differs by depositor.
    pub agreements: Vec<Agreement>,
    /// How its invoices are compared.
    pub reconciliation: Reconciliation,
    /// From when to when we trade.
    pub validity: Validity,
    /// What becomes of a document that comes outside of the dates agreed.
    pub outside_of_dates: Action,
    /// What becomes of a document that no agreement is for, where there are any.
    pub without_agreement: Action,
    /// Identity of this version: the hash of all layers.
    pub version: Uuid,
    /// The partner's layers as they were read, for the record of what was in force.
    pub text: String,
}

/// All profiles in force.
#[derive(Clone, Debug, Default)]
pub struct Profiles {
    by_id: BTreeMap<String, Profile>,
}

impl Profiles {
    /// Reads every profile of a folder; `site` is `crossdock.toml`, `root` the folder it stands in.
    ///
    /// # Errors
    /// All faults of all profiles at once.
    pub fn load(folder: &Path, site: &Source, root: &Path, library: &Library) -> Result<Self, Vec<Finding>> {
        let faults = Faults::default();
        let mut sources = Vec::new();
        let mut defaults = Source { name: String::new(), text: String::new() };
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        {
            let name = shown(path, root);
            let text = match std::fs::read_to_string(path) {
                Ok(text) => text,
                Err(error) => {
                    let empty = Source { name, text: String::new() };
                    let table = declaration::parse(&empty, &faults);
                    let whole = declaration::whole(&[(&empty, &table)], &faults);
                    whole.fault(
                        "cannot_read",
                        &whole.place(),
                        format!("cannot read the file: {error}"),
                        "see who may read it; it must be UTF-8 text",
                    );
                    continue;
                }
            };
            let source = Source { name, text };
            if path.file_stem().is_some_and(|stem| stem == "defaults") {
                defaults = source
            } else {
                sources.push(source)
            }
        }
        let profiles = Self::read(&defaults, &sources, site, root, library, &faults);
        let findings = faults.into_findings();
        if findings.is_empty() { Ok(profiles) } else { Err(findings) }
    }

    /// The profile of this id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<&Profile> {
        self.by_id.get(id)
    }

    /// The profile whose X12 identities name this sender.
    #[must_use]
    pub fn find_by_sender(&self, qualifier: &str, id: &str) -> Option<&Profile> {
        self.list().find(|profile| {
            profile
                .x12
                .as_ref()
                .is_some_and(|x12| x12.them.iter().any(|them| them.qualifier == qualifier && them.id == id))
        })
    }

    /// All profiles, by id.
    pub fn list(&self) -> impl Iterator<Item = &Profile> {
        self.by_id.values()
    }

    fn read(
        defaults: &Source,
        sources: &[Source],
        site: &Source,
        root: &Path,
        library: &Library,
        faults: &Faults,
    ) -> Self {
        let defaults_table = declaration::parse(defaults, faults);
        // Faults of `crossdock.toml` itself are told by `config`.
        let site_table = declaration::parse(site, &Faults::default());
        let site_whole = declaration::whole(&[(site, &site_table)], faults);
        let mut profiles = Self::default();
        for source in sources {
            let id = source.name.rsplit('/').next().unwrap_or_default().trim_end_matches(".toml").to_owned();
            let table = declaration::parse(source, faults);
            let own = declaration::whole(&[(defaults, &defaults_table), (source, &table)], faults);
            let over: Vec<Section<'_>> = site_whole
                .named_sections("site")
                .into_iter()
                .filter(|(name, _)| *name == id)
                .map(|(_, section)| section)
                .collect();
            let section = own.under(over);
            let kept = [defaults, source, &stored::site_layer(site, &id)];
            let own_path = root.join(&source.name);
            let beside = |name: &str| read_beside(name, own_path.parent().unwrap_or(root), root);
            let profile = read_profile(&id, &section, &kept, library, root, &beside);
            profiles.by_id.insert(id, profile);
        }
        for (name, section) in site_whole.named_sections("site") {
            if !profiles.by_id.contains_key(&name) {
                let ids: Vec<&str> = profiles.by_id.keys().map(String::as_str).collect();
                section.fault(
                    "partner_unknown",
                    &section.place(),
                    format!("there is no partner `{name}`"),
                    suggestion(&name, &ids),
                );
            }
        }
        profiles.check_across(sources, faults);
        profiles
    }

    /// Faults that only show when all profiles are seen together.
    fn check_across(&self, sources: &[Source], faults: &Faults) {
        let crossed = control_numbers::find_crossed(self.list());
        for profile in self.list() {
            let Some(source) =
                sources.iter().find(|source| source.name.ends_with(&format!("{}.toml", profile.id)))
            else {
                continue;
            };
            let table = declaration::parse(source, &Faults::default());
            let whole = declaration::whole(&[(source, &table)], faults);
            for (route, section) in profile.exchange.routes.iter().zip(whole.sections("routes")) {
                let Leads::To { to, document, channel } = &route.leads else { continue };
                let place = section.section("send").map_or_else(|| section.place(), |send| send.place());
                let Some(partner) = self.find(to) else {
                    let ids: Vec<&str> = self.by_id.keys().map(String::as_str).collect();
                    let message = format!("there is no partner `{to}`");
                    section.fault("partner_unknown", &place, message, suggestion(to, &ids));
                    continue;
                };
                let of_document =
                    || partner.exchange.sends.iter().filter(|sends| sends.document == *document);
                if of_document().next().is_none() {
                    let known: Vec<&str> =
                        partner.exchange.sends.iter().map(|sends| sends.document.as_str()).collect();
                    let hint = suggestion(document, &known);
                    section.fault(
                        "route_without_send",
                        &place,
                        format!("`{to}` is sent no document `{document}`"),
                        format!("{hint}; or add a [[sends]] to partner-profiles/{to}.toml"),
                    );
                } else if partner.exchange.find_sends(document, channel.as_deref()).is_none() {
                    let known: Vec<&str> = of_document().map(|sends| sends.channel.as_str()).collect();
                    let named = channel.as_deref().unwrap_or_default();
                    section.fault(
                        "route_without_send",
                        &place,
                        format!("`{to}` is sent no `{document}` by a channel `{named}`"),
                        suggestion(named, &known),
                    );
                }
            }
            let Some(x12) = &profile.x12 else { continue };
            let of_x12 = whole.section("x12");
            let numbers = of_x12.as_ref().and_then(|x12| x12.section("control_numbers"));
            let counting = numbers.or(of_x12).map_or_else(|| whole.place(), |section| section.place());
            if let Some(word) = profile.names_need() {
                whole.fault(
                    "names_collide",
                    &counting,
                    format!("what counts apart has the same numbers, so that file names without `{word}` would be used twice"),
                    format!("write name = \"{word}_{{document}}_{{control_number}}.edi\" to `outbound` of each channel, or take it out of `apart`"),
                );
            }
            for (_, other, counter) in crossed.iter().filter(|(id, ..)| *id == profile.id) {
                whole.fault(
                    "counter_crossed",
                    &counting,
                    format!(
                        "`{other}` takes its {} from the same counter (`{}`), and says another range than {} to {}",
                        counter.level.element(), counter.scope, counter.first, counter.last
                    ),
                    "write the same `first` and `last` to both, or give each a counter of its own by the name in `shared`",
                );
            }
            for them in &x12.them {
                let twin = self.list().find(|other| {
                    other.id < profile.id && other.x12.as_ref().is_some_and(|other| other.them.contains(them))
                });
                if let (Some(twin), Some(section)) = (twin, whole.section("x12")) {
                    section.fault(
                        "identity_claimed_twice",
                        &section.place(),
                        format!("`{}` claims the same sender {}:{}", twin.id, them.qualifier, them.id),
                        "two partners cannot have one interchange id; ask which of them is right",
                    );
                }
            }
        }
    }
}

fn read_profile(
    id: &str,
    section: &Section<'_>,
    layers: &[&Source],
    library: &Library,
    root: &Path,
    beside: Beside<'_>,
) -> Profile {
    let partner = section.section("partner");
    let name = match &partner {
        Some(partner) => {
            let said = partner.required_text("id", "write id = \"…\", the name of the file without .toml");
            if !said.value.is_empty() && said.value != id {
                partner.fault(
                    "id_is_not_file_name",
                    &said.place,
                    format!("the id `{}` is not the file's name `{id}`", said.value),
                    format!("write id = \"{id}\" or rename the file to {}.toml", said.value),
                );
            }
            partner.text("name").map_or_else(|| id.to_owned(), |said| said.value)
        }
        None => {
            let hint = format!("begin the file with [partner] and id = \"{id}\"");
            section.fault("setting_missing", &section.place(), "the profile does not say whose it is", hint);
            id.to_owned()
        }
    };
    let time_zone = partner.as_ref().and_then(Section::zone).unwrap_or(chrono_tz::UTC);
    let (calendar, has_calendar, mut files) = calendars::read(section, partner.as_ref(), time_zone, beside);
    let text = |key| partner.as_ref().and_then(|partner| partner.text(key)).map(|said| said.value);
    let (owner, escalate_to) = (text("owner"), text("escalate_to"));
    let validity = partner.as_ref().map(rules::validity).unwrap_or_default();
    let action = |key| partner.as_ref().and_then(|partner| partner.choice(key, rules::ACTIONS));
    let action = |key| action(key).map_or_else(Action::default, |said| said.value);
    let (outside_of_dates, without_agreement) = (action("outside_of_dates"), action("without_agreement"));
    if let Some(partner) = &partner {
        partner.finish();
    }
    // The defaults say who we are; a partner has X12 when its own file says who they are.
    let x12 = section.section("x12").filter(|x12| x12.has("them"));
    let (x12, guides) = x12.map(|section| x12::read(&section, library.schemas(), beside)).unzip();
    let channels: BTreeMap<String, Channel> = section
        .named_sections("channels")
        .into_iter()
        .map(|(name, section)| (name.clone(), channel::read(&name, &section, root, has_calendar)))
        .collect();
    let mut exchange = exchange::read(section, &channels, x12.is_some(), (has_calendar, time_zone), library);
    exchange.expects = expects::read(section, &exchange, has_calendar);
    let contacts = contacts::read(section);
    let duplicates = duplicates::read(section.section("duplicates").as_ref());
    let retention = retention::read(section.section("retention").as_ref());
    let agreements = agreement::read(section, x12.as_ref(), &exchange, &channels);
    let ids: Vec<&str> = agreements.iter().map(|agreement| agreement.id.as_str()).collect();
    let schedules = schedules::read(section, Some((id, &ids)), time_zone);
    let reconciliation = reconciliation::read(section.section("reconciliation").as_ref(), &agreements);
    section.finish();
    files.extend(guides.into_iter().flatten());
    let text = stored::text_of(layers.iter().copied().chain(&files));
    Profile {
        id: id.to_owned(),
        name,
        owner,
        escalate_to,
        time_zone,
        calendar,
        x12,
        channels,
        exchange,
        contacts,
        schedules,
        duplicates,
        retention,
        agreements,
        reconciliation,
        validity,
        outside_of_dates,
        without_agreement,
        version: ids::derived("profile_version", &[id, &text]),
        text,
    }
}

/// Where the texts of guides and holidays come from: by the name of the file, the text or why there is none.
type Beside<'a> = &'a dyn Fn(&str) -> Result<Source, String>;

/// The name of a file beside the profiles, with its ending; a path is none.
fn beside_name(name: &str, ending: &str) -> Result<String, String> {
    let bare = name.strip_suffix(ending).unwrap_or(name);
    let plain =
        !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if plain && !bare.starts_with('.') {
        return Ok(format!("{bare}{ending}"));
    }
    Err(format!("`{name}` is no name of a file beside the profiles: letters, digits, `-`, `_` and `.` only"))
}

/// The text of a file in the folder of the profiles.
fn read_beside(name: &str, folder: &Path, root: &Path) -> Result<Source, String> {
    let path = folder.join(name);
    let name = shown(&path, root);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Source { name, text }),
        Err(error) => Err(format!("cannot read `{name}`: {error}")),
    }
}

fn shown(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}
