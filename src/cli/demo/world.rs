//! The demo's world: one server with an account for each partner, an ERP, and the settings that lead to them.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;

use super::counterparts::erp::Erp;
use super::counterparts::partners::Partner;
use super::counterparts::sshd::{Age, Sshd};
use super::files::DayFile;
use crate::clock::Clock;

/// Partners with an account on the server, with their identity in X12 and where their own control
/// numbers stand in the morning.
const ACCOUNTS: [(&str, &str, &str, u32); 4] = [
    ("acme-3pl", "01", "123456789", 500),
    ("north-stores", "ZZ", "NORTHSTORES", 4_500),
    ("bay-supply", "ZZ", "BAYSUPPLY", 9_100),
    ("depositor-one", "ZZ", "DEPOSITORONE", 21_000),
];

/// Everything outside of the hub. It outlives a hub that is killed, and ends when it is dropped.
#[derive(Debug)]
pub struct World {
    /// The server of all partners.
    pub sshd: Sshd,
    /// The ERP.
    pub erp: Erp,
    hub: PathBuf,
    clock: Clock,
}

impl World {
    /// Starts server and ERP below `folder`, and makes the hub's own folder `hub` in it.
    ///
    /// # Errors
    /// When `sshd` is missing or does not come up, or the folder cannot be written.
    pub async fn start(folder: &Path, clock: Clock) -> anyhow::Result<Self> {
        let partners = ACCOUNTS.map(|(id, ..)| id);
        let sshd = Sshd::start(&folder.join("partners"), &partners, Age::Modern)?;
        let erp = Erp::start().await?;
        let hub = folder.join("hub");
        fs::create_dir_all(hub.join("inbox/depositor-one/done"))?;
        fs::create_dir_all(hub.join("outbox"))?;
        Ok(Self { sshd, erp, hub, clock })
    }

    /// The folder where the hub's `crossdock.toml` belongs.
    #[must_use]
    pub fn hub(&self) -> &Path {
        &self.hub
    }

    /// The text of that file: the shipped profiles and translators below `shipped`, moved to this world's
    /// addresses by their `[site]` layer.
    #[must_use]
    pub fn settings(&self, shipped: &Path) -> String {
        let shipped = shipped.display();
        let mut text = format!(
            "# The hub of the demo; the partners' profiles are the shipped ones, moved to this machine.\n\n\
             [folders]\nprofiles = \"{shipped}/partner-profiles\"\ntranslators = \"{shipped}/translators\"\n\n\
             [calls]\nallowed_private_hosts = [\"{erp}\"]\n\n\
             [site.erp.channels.api]\nurl = \"http://{erp}/shipments\"\n",
            erp = self.erp.address(),
        );
        for (id, ..) in ACCOUNTS {
            text.push_str(&format!(
                "\n[site.{id}.channels.edi]\nhost = \"127.0.0.1\"\nport = {port}\nuser = \"{user}\"\n\
                 key = {{ file = \"{key}\" }}\nhost_keys = [\"{host_key}\"]\n\
                 inbound = {{ path = \"out\", poll_every = \"1s\" }}\noutbound = {{ path = \"in\" }}\n",
                port = self.sshd.port(),
                user = self.sshd.user(),
                key = self.sshd.account(id).key.display(),
                host_key = self.sshd.host_key(),
            ));
        }
        text
    }

    /// One of the partners with an account, at work in its folder; none for any other id.
    #[must_use]
    pub fn partner(&self, id: &str) -> Option<Partner> {
        let (id, qualifier, x12_id, control) = ACCOUNTS.into_iter().find(|(known, ..)| *known == id)?;
        let home = self.sshd.account(id).folder;
        Some(Partner::new(home, qualifier, x12_id, control, self.clock))
    }

    /// Puts one of the day's files where its partner would: into its `out`, or into the hub's inbox.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn put(&self, file: DayFile, today: NaiveDate) -> anyhow::Result<()> {
        let folder = match file {
            DayFile::XmlOrder => self.hub.join("inbox/depositor-one"),
            _ => self.sshd.account(file.partner()).folder.join("out"),
        };
        let hidden = folder.join(format!(".{}.part", file.name()));
        fs::write(&hidden, file.bytes(today))?;
        fs::rename(&hidden, folder.join(file.name()))?;
        Ok(())
    }
}
