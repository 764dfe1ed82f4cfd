//! `partner connect` and `partner host-key` against OpenSSH, an ERP and a server of mail: what they say, word for word.

use std::fs;
use std::path::Path;

use crossdock::cli::demo::counterparts::erp::Erp;
use crossdock::cli::demo::counterparts::sshd::{Age, Sshd};

use super::{expect, root};
use crate::harness::gpg::Gpg;
use crate::harness::smtp::Sink;
use crate::hub::site::{command, said};

const PROFILE: &str = r#"
[partner]
id = "lakeside"
[x12]
us   = { qualifier = "ZZ", id = "OURHUB" }
them = { qualifier = "ZZ", id = "LAKESIDE" }
[channels.edi]
transport = "sftp"
host      = "127.0.0.1"
port      = {port}
user      = "{user}"
key       = { file = "{key}" }
host_keys = ["{host_key}"]
inbound   = { path = "out", after = "delete" }
outbound  = { path = "in" }
[[receives]]
translator = "x12-810"
channel    = "edi"
"#;

const OTHERS: &str = r#"
[channels.erp]
transport = "http"
url       = "{erp}"
token     = { env = "ERP_TOKEN" }
[channels.closed]
transport = "http"
url       = "http://127.0.0.1:9/invoices"
[channels.post]
transport = "mail"
to        = ["edi@lakeside.example"]
"#;

struct Lakeside {
    folder: tempfile::TempDir,
    sshd: Sshd,
}

impl Lakeside {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("partner-profiles")).expect("made");
        let sshd = Sshd::start(&folder.path().join("sshd"), &["lakeside"], Age::Modern).expect("sshd starts");
        Self { folder, sshd }
    }

    fn write(&self, settings: &str, profile: &str) {
        let settings = format!("[folders]\ntranslators = \"{}/translators\"\n{settings}", root().display());
        fs::write(self.folder.path().join("crossdock.toml"), settings).expect("written");
        let account = self.sshd.account("lakeside");
        let profile = profile
            .replace("{port}", &self.sshd.port().to_string())
            .replace("{user}", self.sshd.user())
            .replace("{key}", &account.key.display().to_string())
            .replace("{host_key}", self.sshd.host_key());
        fs::write(self.folder.path().join("partner-profiles/lakeside.toml"), profile).expect("written");
    }

    /// What a command says, without what differs from one machine to the next.
    async fn says(&self, arguments: &[&str], file: &str, code: i32) {
        self.says_of(arguments, &[], file, code).await;
    }

    /// The same, with these places by these names.
    async fn says_of(&self, arguments: &[&str], places: &[(String, &str)], file: &str, code: i32) {
        let mut command = command(&self.folder.path().join("crossdock.toml"), None, arguments);
        command.env("ERP_TOKEN", "a-token");
        let said = said(command).await;
        let lines = said.text.lines().map(|line| match line.split_once("speaks    ") {
            Some((before, agreed)) => {
                assert!(agreed.starts_with("SSH-2.0-OpenSSH"), "{agreed}");
                format!("{before}speaks    …\n")
            }
            None => format!("{line}\n"),
        });
        let mut text: String = lines.collect();
        for (place, name) in places {
            text = text.replace(place, name);
        }
        // The names of what is put on trial.
        let mut parts = text.split("`in/.");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            text.push_str("`in/.…");
            text.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
        }
        let text = text
            .replace(self.sshd.host_key(), "SHA256:shown")
            .replace(&format!("{}@", self.sshd.user()), "user@")
            .replace(&format!("as {} ", self.sshd.user()), "as user ")
            .replace(&format!("as `{}`", self.sshd.user()), "as `user`")
            .replace(&format!(":{}", self.sshd.port()), ":22");
        assert_eq!(said.code, code, "{}", said.text);
        expect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/onboarding/connect").join(file), &text);
    }

    /// From now on the server refuses these requests of SFTP.
    fn refuse(&self, requests: &str) {
        let path = self.folder.path().join("sshd/authorized_keys");
        let accounts = fs::read_to_string(&path).expect("read");
        fs::write(&path, accounts.replace("internal-sftp ", &format!("internal-sftp -P {requests} ")))
            .expect("written");
    }

    fn inbox(&self) -> Vec<String> {
        let entries = fs::read_dir(self.sshd.account("lakeside").folder.join("in")).expect("listed");
        entries.map(|entry| entry.expect("listed").file_name().to_string_lossy().into_owned()).collect()
    }
}

const CONNECT: [&str; 3] = ["partner", "connect", "lakeside"];
const WRITE: [&str; 4] = ["partner", "connect", "lakeside", "--write"];

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_is_tried_before_its_first_document() {
    let lakeside = Lakeside::new();
    lakeside.write("", PROFILE);
    let out = lakeside.sshd.account("lakeside").folder.join("out");
    for name in ["810_1.edi", "810_2.edi", "810_3.edi.tmp"] {
        fs::write(out.join(name), "ISA").expect("written");
    }
    lakeside.says(&CONNECT, "well.txt", 0).await;
    lakeside.says(&WRITE, "written.txt", 0).await;
    assert!(lakeside.inbox().is_empty(), "something was left: {:?}", lakeside.inbox());

    std::os::unix::fs::symlink("810_1.edi", out.join("latest.edi")).expect("linked");
    lakeside.write(
        "",
        &PROFILE.replace("after = \"delete\"", "move_to = \"done\"").replace("\"in\"", "\"into\""),
    );
    lakeside.says(&WRITE, "folders.txt", 1).await;

    let others = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
    lakeside.write("", &PROFILE.replace("{host_key}", others));
    lakeside.says(&CONNECT, "other-key.txt", 1).await;
    lakeside
        .says(&["partner", "host-key", &format!("127.0.0.1:{}", lakeside.sshd.port())], "key.txt", 0)
        .await;

    let keys = lakeside.folder.path().join("sshd/authorized_keys");
    fs::write(keys, "").expect("written");
    lakeside.write("", PROFILE);
    lakeside.says(&CONNECT, "refused.txt", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_renames_nothing_is_found_out() {
    let lakeside = Lakeside::new();
    lakeside.refuse("rename,posix-rename,hardlink");
    lakeside.write("", PROFILE);
    lakeside.says(&WRITE, "no-rename.txt", 1).await;
    lakeside.write("", &PROFILE.replace("path = \"in\"", "path = \"in\", put = \"direct\""));
    lakeside.says(&WRITE, "direct.txt", 0).await;
    assert!(lakeside.inbox().is_empty(), "something was left: {:?}", lakeside.inbox());
    lakeside.refuse("remove");
    let authorized = lakeside.folder.path().join("sshd/authorized_keys");
    let accounts = fs::read_to_string(&authorized).expect("read");
    fs::write(&authorized, accounts.replace("-P rename,posix-rename,hardlink ", "")).expect("written");
    lakeside.write("", &PROFILE.replace("path = \"in\"", "path = \"in\", put = \"direct\""));
    let ran = said(command(&lakeside.folder.path().join("crossdock.toml"), None, &WRITE)).await;
    assert_eq!(ran.code, 1, "{}", ran.text);
    assert!(
        ran.text.contains("the server renames files, but the channel says put = \"direct\""),
        "{}",
        ran.text
    );
    assert!(ran.text.contains("ask the partner to remove it"), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erp_and_a_server_of_mail_are_tried_without_an_effect() {
    let lakeside = Lakeside::new();
    let erp = Erp::start().await.expect("the ERP starts");
    let sink = Sink::start(&[]).await;
    let profile = format!("{PROFILE}{}", OTHERS.replace("{erp}", &erp.url("invoices")));
    let settings = format!(
        "[calls]\nallowed_private_hosts = [\"{}\", \"127.0.0.1:9\"]\n[mail]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"edi@our.example\"\n",
        erp.address(),
        sink.port
    );
    lakeside.write(&settings, &profile);
    let places = [(erp.address().to_string(), "ERP"), (format!(":{}", sink.port), ":25")];
    lakeside.says_of(&CONNECT, &places, "calls.txt", 1).await;
    assert!(erp.objects().is_empty() && sink.letters().is_empty(), "something was sent");
}

const PACKED: &str = r#"
[partner]
id = "lakeside"
[x12]
us   = { qualifier = "ZZ", id = "OURHUB" }
them = { qualifier = "ZZ", id = "LAKESIDE" }
[channels.edi]
transport = "local"
inbound   = { path = "out", after = "delete", unpack = ["pgp"] }
outbound  = { path = "in", pack = ["pgp"] }
pgp       = { key = { file = "ours.asc" }, passphrase = { file = "pass" }, partner_keys = ["old.asc", "new.asc"] }
[[receives]]
translator = "x12-810"
channel    = "edi"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_looked_at_before_the_first_document() {
    use std::os::unix::fs::PermissionsExt as _;
    let lakeside = Lakeside::new();
    lakeside.write("", PACKED);
    let place = |name: &str| lakeside.folder.path().join(name);
    fs::create_dir(place("out")).expect("made");
    let secret = |text: &str| {
        fs::write(place("pass"), text).expect("written");
        fs::set_permissions(place("pass"), fs::Permissions::from_mode(0o600)).expect("it is ours");
    };
    secret("open sesame");
    let (us, them, old) =
        (Gpg::of("us", "ed25519+cv25519", "open sesame"), Gpg::of("them", "rsa3072+rsa3072", ""), Gpg::new());
    let in_2020 = ["--faked-system-time", "20200101T120000", "--passphrase", ""];
    old.run(&[&in_2020[..], &["--quick-generate-key", "old", "rsa3072", "sign", "1y"]].concat(), &[]);
    us.export_secret(&place("ours.asc"), "open sesame");
    them.export(&place("new.asc"));
    old.export(&place("old.asc"));
    let ids = [(us.id(), "OUR-KEY"), (them.id(), "NEW-KEY"), (old.id(), "OLD-KEY")];
    lakeside.says_of(&CONNECT, &ids, "keys.txt", 0).await;

    secret("close sesame");
    fs::remove_file(place("new.asc")).expect("removed");
    lakeside.says_of(&CONNECT, &ids, "keys-missing.txt", 1).await;
    old.export(&place("new.asc"));
    lakeside.says_of(&CONNECT, &ids, "keys-unfit.txt", 1).await;
}
