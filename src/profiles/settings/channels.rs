//! Settings of `[channels.NAME]`: where files appear and are put.

use super::Form::{Flag, Number, Pairs, Secret, Text, Texts, Time, Words};
use super::Otherwise::{Is, Like, Nothing, Required};
use super::{Setting, of, setting};

pub(super) const CHANNELS: &[Setting] = &[
    setting("channels.NAME.transport", Words(&["local", "sftp", "http"]), Required, "How bytes are moved."),
    of(
        "local",
        "channels.NAME.root",
        Text,
        Is("\".\""),
        "The folder that the channel's folders lie in, from the settings file on.",
    ),
    of("sftp", "channels.NAME.host", Text, Required, "Name or address of the partner's server."),
    of("sftp", "channels.NAME.port", Number, Is("22"), "Port of the server."),
    of("sftp", "channels.NAME.user", Text, Required, "Our account on the server."),
    of("sftp", "channels.NAME.key", Secret, Nothing, "Our private key; or else `password`."),
    of("sftp", "channels.NAME.passphrase", Secret, Nothing, "What the private key is locked with."),
    of("sftp", "channels.NAME.password", Secret, Nothing, "Our password, where the server takes no key."),
    of(
        "sftp",
        "channels.NAME.host_keys",
        Texts,
        Required,
        "SHA256 fingerprints of the server's host key; two while it changes.",
    ),
    of("sftp", "channels.NAME.sessions", Number, Is("2"), "Sessions at once, 1 to 16."),
    of(
        "sftp",
        "channels.NAME.legacy",
        Flag,
        Is("false"),
        "Whether algorithms of old servers are taken, which are not safe any more.",
    ),
    of("http", "channels.NAME.url", Text, Required, "Where calls go."),
    of(
        "http",
        "channels.NAME.method",
        Words(&["POST", "PUT", "PATCH"]),
        Is("\"POST\""),
        "Method of the calls.",
    ),
    of(
        "http",
        "channels.NAME.idempotency_header",
        Text,
        Is("\"Idempotency-Key\""),
        "Header that carries the key by which the other side knows a repeated call.",
    ),
    of("http", "channels.NAME.headers", Pairs, Nothing, "Further headers; no secrets."),
    of("http", "channels.NAME.token", Secret, Nothing, "Bearer token of the calls."),
    of(
        "http",
        "channels.NAME.response_id",
        Text,
        Nothing,
        "Member of the JSON answer that holds the other side's id.",
    ),
    of("http", "channels.NAME.timeout", Time, Is("\"30s\""), "Deadline of one call."),
    setting("channels.NAME.inbound.path", Text, Required, "Folder where the partner's files appear."),
    of(
        "local",
        "channels.NAME.inbound.complete",
        Words(&["renamed", "stable", "marker"]),
        Is("\"renamed\""),
        COMPLETE,
    ),
    of(
        "sftp",
        "channels.NAME.inbound.complete",
        Words(&["renamed", "stable", "marker"]),
        Is("\"stable\""),
        COMPLETE,
    ),
    setting(
        "channels.NAME.inbound.stable",
        Time,
        Is("\"10s\""),
        "With `complete = \"stable\"`: how long a file must stay unchanged.",
    ),
    setting(
        "channels.NAME.inbound.marker",
        Text,
        Is("\".done\""),
        "With `complete = \"marker\"`: what the marker file's name has beyond the file's.",
    ),
    setting(
        "channels.NAME.inbound.after",
        Words(&["leave", "delete", "move"]),
        Like("`move` where `move_to` is written, else `leave`"),
        "What becomes of the partner's file once it is ours.",
    ),
    setting(
        "channels.NAME.inbound.move_to",
        Text,
        Nothing,
        "Folder that files are moved to; nothing there is overwritten.",
    ),
    setting("channels.NAME.inbound.poll_every", Time, Is("\"30s\""), "How often we look."),
    setting(
        "channels.NAME.inbound.files",
        Texts,
        Like("every name"),
        "Names that are picked up; `*` stands for any characters, `?` for one.",
    ),
    setting(
        "channels.NAME.inbound.ignore",
        Texts,
        Nothing,
        "Names that are passed over, besides the usual temporary ones.",
    ),
    setting("channels.NAME.outbound.path", Text, Required, "Folder where our files are put."),
    setting(
        "channels.NAME.outbound.name",
        Text,
        Is("\"{document}_{control_number}.edi\""),
        "Name of our files, of `{document}`, `{control_number}`, `{partner}`, `{agreement}` (else the partner), `{number}`, `{date}` and `{time}`.",
    ),
];

const COMPLETE: &str = "When a file counts as whole: the sender renames it at its end, it stays unchanged, or a marker file says so.";
