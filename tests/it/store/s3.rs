//! The archive in a bucket, on a server that checks signatures and fails when told to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use crossdock::store::{Access, Archive, Body, Bucket, Error, LARGEST_BODY_BYTES, NewFile, Store, hex};
use secrecy::SecretString;
use sqlx::Executor as _;
use uuid::Uuid;

use super::file;
use crate::harness::authority::Authority;
use crate::harness::postgres::Database;
use crate::harness::s3::{ACCESS_KEY, BUCKET, Conditions, REGION, ROLE_TOKEN, S3, SECRET_KEY, Trouble, Verb};
use crate::hub::site::until;

/// More than a row holds, and one piece.
const SMALL: usize = LARGEST_BODY_BYTES as usize + 1;
/// Two pieces, and three.
const LARGE: usize = 9 << 20;
const LARGER: usize = 20 << 20;
/// How long a call of these tests may stand still; the machine may be busy with others.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The same where a call is to stand still.
const HASTE: Duration = Duration::from_secs(1);

fn bucket(server: &S3) -> Bucket {
    Bucket {
        name: BUCKET.to_owned(),
        prefix: "edi/test".to_owned(),
        region: REGION.to_owned(),
        endpoint: Some(server.endpoint()),
        path_style: true,
        timeout: TIMEOUT,
    }
}

fn keys(access: &str, secret: &str) -> Access {
    let keys = [access, secret].map(str::to_owned);
    Access::Keys(Arc::new(move || Ok((keys[0].clone().into(), SecretString::from(keys[1].clone())))))
}

fn opened(database: &Database, bucket: &Bucket, access: Access) -> Store {
    database.store().with_archive(Archive::s3(bucket, access).expect("the settings fit"))
}

fn store(database: &Database, server: &S3) -> Store {
    opened(database, &bucket(server), right())
}

/// The same of one that does not wait long.
fn hasty(database: &Database, server: &S3) -> Store {
    opened(database, &Bucket { timeout: HASTE, ..bucket(server) }, right())
}

/// Bytes that no others are: every piece begins otherwise.
fn bytes(count: usize, seed: u8) -> Bytes {
    let mut bytes = vec![seed; count];
    for (at, piece) in bytes.chunks_mut(1 << 16).enumerate() {
        piece[0] = at.to_le_bytes()[0];
    }
    bytes.into()
}

async fn accepted(store: &Store, name: &str, body: Body) -> Uuid {
    store.accept_files(&[NewFile { body, ..file(name, "") }]).await.expect("accepts")[0].id
}

fn key(body: &Body) -> String {
    let hash = hex(&body.sha256);
    format!("edi/test/{}/{}/{hash}", hex(&body.sha256[..1]), hex(&body.sha256[1..2]))
}

#[tokio::test]
async fn bytes_of_any_size_come_back_as_they_went_and_are_put_once() {
    let (server, database) = (S3::start().await, Database::new().await);
    let store = store(&database, &server);
    for (count, name, parts) in [(SMALL, "small", 0), (LARGER, "large", 3)] {
        let bytes = bytes(count, 0);
        let body = store.keep_bytes(bytes.clone()).await.expect("kept");
        assert!(body.bytes.is_none(), "it lies in the archive");
        let id = accepted(&store, name, body.clone()).await;
        assert_eq!(store.load_file(id).await.expect("read").bytes, bytes);
        assert_eq!(server.objects().get(&key(&body)), Some(&bytes));
        assert_eq!(server.type_of(&key(&body)), "application/octet-stream");
        assert_eq!(server.count(Verb::Part), parts);
        store.keep_bytes(bytes).await.expect("twice is no fault");
        assert_eq!((server.count(Verb::Part), server.open_uploads()), (parts, 0));
    }
    // A row holds what is small, and the marker is the only other object.
    store.keep_bytes(bytes(9, 0)).await.expect("kept");
    let keys: Vec<String> =
        server.objects().into_keys().filter(|key| !key.contains("/crossdock-archive")).collect();
    assert_eq!((keys.len(), server.objects().len()), (2, 3), "{keys:?}");
}

#[tokio::test]
async fn a_bucket_belongs_to_one_database_and_a_prefix_makes_room_for_another() {
    let server = S3::start().await;
    let (one, two) = (Database::new().await, Database::new().await);
    two.connection().await.execute("update hub set id = gen_random_uuid()").await.expect("it is ours");
    store(&one, &server).check_archive().await.expect("the first to come takes it");
    store(&one, &server).check_archive().await.expect("and finds it again");
    let error = store(&two, &server).keep_bytes(bytes(SMALL, 0)).await.expect_err("it is another's");
    assert!(matches!(error, Error::ForeignArchive { .. }) && !error.is_temporary(), "{error}");
    let beside = Bucket { prefix: "edi/other".to_owned(), ..bucket(&server) };
    opened(&two, &beside, right()).check_archive().await.expect("it is another place");
    let root = Bucket { prefix: String::new(), ..bucket(&server) };
    opened(&two, &root, right()).check_archive().await.expect("so is this");
    let markers: Vec<String> = server.objects().into_keys().collect();
    assert_eq!(markers, ["crossdock-archive", "edi/other/crossdock-archive", "edi/test/crossdock-archive"]);
}

#[tokio::test]
async fn two_hubs_that_come_at_the_same_time_agree_whose_it_is() {
    let server = S3::start().await;
    let mut hubs = Vec::new();
    for _ in 0..4 {
        let database = Database::new().await;
        database
            .connection()
            .await
            .execute("update hub set id = gen_random_uuid()")
            .await
            .expect("it is ours");
        hubs.push(store(&database, &server));
    }
    let checks = futures_util::future::join_all(hubs.iter().map(|hub| hub.check_archive())).await;
    assert_eq!(checks.iter().filter(|check| check.is_ok()).count(), 1, "{checks:?}");
}

#[tokio::test]
async fn an_upload_that_fails_or_is_given_up_leaves_nothing() {
    let (server, database) = (S3::start().await, Database::new().await);
    let store = store(&database, &server);
    store.check_archive().await.expect("it is ours");
    let large = bytes(LARGE, 1);
    // A piece is refused; nothing tells that all came together; one waits too long.
    let last = [Trouble::Answer(500, "InternalError"); 5];
    let hasty = hasty(&database, &server);
    hasty.check_archive().await.expect("it is ours");
    for (store, verb, troubles) in [
        (&store, Verb::Part, vec![Trouble::Answer(403, "AccessDenied")]),
        (&store, Verb::Complete, last.to_vec()),
        (&hasty, Verb::Part, vec![Trouble::Stall]),
    ] {
        server.trouble(verb, troubles);
        store.keep_bytes(large.clone()).await.expect_err("it is not kept");
        server.calm();
        assert_eq!((server.open_uploads(), server.objects().len()), (0, 1), "after {verb:?}");
    }
    // Nobody waits for it any more.
    server.trouble(Verb::Part, [Trouble::Stall, Trouble::Stall]);
    tokio::select! {
        kept = store.keep_bytes(large.clone()) => panic!("{kept:?}"),
        () = until("it is under way", async || server.open_uploads() == 1) => {}
    }
    until("it is taken back", async || server.open_uploads() == 0).await;
    server.calm();
    // All came together, and the answer was lost: the next try finds them.
    server.trouble(Verb::Complete, [Trouble::Untold]);
    let error = store.keep_bytes(large.clone()).await.err();
    assert!(error.as_ref().is_none_or(Error::is_temporary), "{error:?}");
    let uploads = server.count(Verb::Begin);
    store.keep_bytes(large).await.expect("it is there");
    assert_eq!((server.count(Verb::Begin), server.open_uploads(), server.objects().len()), (uploads, 0, 2));
}

#[tokio::test]
async fn a_storm_is_survived_and_a_longer_one_is_told_as_such() {
    let (server, database) = (S3::start().await, Database::new().await);
    let store = store(&database, &server);
    let busy = Trouble::Answer(503, "SlowDown");
    for verb in [Verb::Marker, Verb::Get, Verb::Head, Verb::Put, Verb::Begin, Verb::Part, Verb::Complete] {
        server.trouble(verb, [busy, Trouble::Answer(429, "TooManyRequests")]);
    }
    server.trouble(Verb::Head, [Trouble::Untold]);
    for (count, name) in [(SMALL, "small"), (LARGE, "large")] {
        let body = store.keep_bytes(bytes(count, 2)).await.expect("kept");
        let id = accepted(&store, name, body).await;
        server.trouble(Verb::Get, [busy, Trouble::Untold]);
        assert_eq!(store.load_file(id).await.expect("read").bytes, bytes(count, 2));
    }
    server.trouble(Verb::Put, [busy; 5]);
    let error = store.keep_bytes(bytes(SMALL, 3)).await.expect_err("it lasts too long");
    assert!(error.is_temporary() && error.is_of_archive(), "{error}");
    store.keep_bytes(bytes(SMALL, 3)).await.expect("it is over");
}

#[tokio::test]
async fn a_body_that_breaks_off_goes_on_where_it_was_and_one_that_stands_still_ends() {
    let (server, database) = (S3::start().await, Database::new().await);
    let store = store(&database, &server);
    let large = bytes(LARGER, 4);
    let id = accepted(&store, "large", store.keep_bytes(large.clone()).await.expect("kept")).await;
    server.trouble(Verb::Get, [Trouble::Cut(5 << 20), Trouble::Cut(6 << 20)]);
    assert_eq!(store.load_file(id).await.expect("read").bytes, large);
    let ranges = server.ranges();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert!(ranges.iter().all(|range| !range.starts_with("bytes=0-")), "it began anew: {ranges:?}");

    let store = hasty(&database, &server);
    let id = accepted(&store, "small", store.keep_bytes(bytes(SMALL, 4)).await.expect("kept")).await;
    let began = Instant::now();
    for stall in [Trouble::Stall, Trouble::StallAfter(300_000)] {
        server.trouble(Verb::Get, [stall; 8]);
        let error = store.load_file(id).await.expect_err("nothing comes");
        assert!(error.is_temporary(), "{error}");
        server.calm();
    }
    server.trouble(Verb::Head, [Trouble::Stall; 8]);
    let error = store.keep_bytes(bytes(SMALL, 5)).await.expect_err("nothing comes");
    assert!(error.is_temporary(), "{error}");
    assert!(began.elapsed() < TIMEOUT, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_hub_that_goes_from_a_folder_to_a_bucket_takes_its_archive_along() {
    let (server, database) = (S3::start().await, Database::new().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let local = database.store().with_archive(Archive::local(folder.path()).expect("made"));
    let id = accepted(&local, "large", local.keep_bytes(bytes(SMALL, 5)).await.expect("kept")).await;

    let remote = store(&database, &server);
    let error = remote.check_archive().await.expect_err("nothing was copied");
    assert!(matches!(error, Error::EmptyArchive { .. }), "{error}");
    assert!(server.objects().is_empty(), "an archive that is not right was taken");
    // As any program copies it: the same names below the prefix.
    for path in files(folder.path()) {
        let name = path.strip_prefix(folder.path()).expect("below").to_str().expect("text").to_owned();
        server.set(&format!("edi/test/{name}"), std::fs::read(path).expect("read"));
    }
    let remote = store(&database, &server);
    remote.check_archive().await.expect("it is ours");
    assert_eq!(remote.load_file(id).await.expect("read").bytes, bytes(SMALL, 5));

    // A folder that is not mounted looks the same.
    let empty = tempfile::tempdir().expect("a temporary folder");
    let other = database.store().with_archive(Archive::local(empty.path()).expect("made"));
    let error = other.keep_bytes(bytes(SMALL, 6)).await.expect_err("it is not the archive");
    assert!(matches!(error, Error::EmptyArchive { .. }), "{error}");
    assert_eq!(files(empty.path()), Vec::<PathBuf>::new());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("listed").map(|entry| entry.expect("listed").path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_machine_with_a_role_needs_no_keys() {
    let (server, database) = (S3::start().await, Database::new().await);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let token = folder.path().join("token");
    std::fs::write(&token, ROLE_TOKEN).expect("written");
    // A variable is asked by name, so one set of them holds for this process.
    static PLACE: std::sync::OnceLock<(String, String)> = std::sync::OnceLock::new();
    PLACE.set((format!("{}/role", server.endpoint()), token.display().to_string())).expect("once");
    let role = Access::Role(|name| match name {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => Some(PLACE.get()?.0.clone()),
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => Some(PLACE.get()?.1.clone()),
        _ => None,
    });
    let store = opened(&database, &bucket(&server), role);
    let id = accepted(&store, "large", store.keep_bytes(bytes(LARGE, 7)).await.expect("kept")).await;
    assert_eq!(store.load_file(id).await.expect("read").bytes, bytes(LARGE, 7));
}

/// The same on a server of another maker: `CROSSDOCK_TEST_S3` is `endpoint bucket region access-key secret-key`, and its
/// bucket is empty.
#[tokio::test]
#[ignore = "it needs a server that is named in CROSSDOCK_TEST_S3"]
async fn a_server_of_another_maker_keeps_an_archive() {
    let said = std::env::var_os("CROSSDOCK_TEST_S3").expect("it is set").into_string().expect("text");
    let said: Vec<&str> = said.split(' ').collect();
    let [endpoint, name, region, access, secret] = said[..] else { panic!("five words: {said:?}") };
    let bucket = Bucket {
        name: name.to_owned(),
        prefix: Uuid::new_v4().to_string(),
        region: region.to_owned(),
        endpoint: Some(endpoint.to_owned()),
        path_style: true,
        timeout: Duration::from_secs(20),
    };
    let (one, two) = (Database::new().await, Database::new().await);
    two.connection().await.execute("update hub set id = gen_random_uuid()").await.expect("it is ours");
    let ours = opened(&one, &bucket, keys(access, secret));
    ours.check_archive().await.expect("the first to come takes it");
    opened(&one, &bucket, keys(access, secret)).check_archive().await.expect("and finds it again");
    let error =
        opened(&two, &bucket, keys(access, secret)).check_archive().await.expect_err("it is another's");
    assert!(matches!(error, Error::ForeignArchive { .. }), "{error}");
    for (count, name) in [(SMALL, "small"), (LARGE, "large")] {
        let body = ours.keep_bytes(bytes(count, 0)).await.expect("kept");
        let id = accepted(&ours, name, body).await;
        assert_eq!(ours.load_file(id).await.expect("read").bytes, bytes(count, 0));
        let mut connection = one.connection().await;
        connection.execute("update file set body_left_at = now()").await.expect("it is ours");
        for _ in 0..2 {
            ours.remove_archived(id).await.expect("twice is no fault");
        }
        connection.execute("update file set body_left_at = null").await.expect("it is ours");
        let error = ours.load_file(id).await.expect_err("it is gone");
        assert!(matches!(&error, Error::Archive { is_temporary: false, .. }), "{error}");
    }
    let wrong = [
        (bucket.clone(), keys(access, "another")),
        (Bucket { name: format!("{name}-not-there"), ..bucket.clone() }, keys(access, secret)),
    ];
    for (bucket, access) in wrong {
        // For whoever looks at how this server words it.
        let told = opened(&one, &bucket, access).check_archive().await;
        assert!(told.is_err_and(|error| !error.is_temporary()), "{bucket}");
    }
}

/// What faults are told as.
#[derive(Default)]
struct Told(String);

impl Told {
    /// Of a server at a port.
    fn tell(&mut self, what: &str, port: u16, error: &Error) {
        let mut text = error.to_string().replace(&port.to_string(), "PORT");
        if let Error::Unconditional { hub, .. } = error {
            text = text.replace(&hub.to_string(), "HUB");
        }
        let for_now = if error.is_temporary() { ", for now" } else { "" };
        self.0.push_str(&format!("{what}{for_now}\n  {text}\n"));
    }

    async fn check(&mut self, what: &str, server: &S3, store: &Store) {
        self.tell(what, server.port, &store.check_archive().await.expect_err(what));
    }

    /// The same once one thing of its place or right is wrong.
    async fn wrong(&mut self, what: &str, access: Access, change: impl Fn(Bucket) -> Bucket) {
        let (server, database) = (S3::start().await, Database::new().await);
        self.check(what, &server, &opened(&database, &change(bucket(&server)), access)).await;
        assert!(server.objects().is_empty(), "{what}");
    }
}

fn right() -> Access {
    keys(ACCESS_KEY, SECRET_KEY)
}

#[tokio::test]
async fn each_fault_of_settings_and_rights_is_told_so_that_it_can_be_mended() {
    let mut told = Told::default();
    told.wrong("a wrong secret", keys(ACCESS_KEY, "another"), |bucket| bucket).await;
    told.wrong("an unknown key", keys("AKIDSTRANGER", SECRET_KEY), |bucket| bucket).await;
    let unset = Access::Keys(Arc::new(|| Err("the variable `S3_SECRET` is not set".to_owned())));
    told.wrong("no secret", unset, |bucket| bucket).await;
    told.wrong("no such bucket", right(), |bucket| Bucket { name: "edi-archiv".to_owned(), ..bucket }).await;
    told.wrong("another region", right(), |bucket| Bucket { region: "us-east-1".to_owned(), ..bucket }).await;

    let (server, database) = (S3::start().await, Database::new().await);
    let ours = || store(&database, &server);
    for (what, verb) in [("a key that may not read", Verb::Marker), ("a key that may not write", Verb::Put)] {
        server.deny(&[verb]);
        told.check(what, &server, &ours()).await;
    }
    server.deny(&[]);
    ours().check_archive().await.expect("it is ours");
    server.deny(&[Verb::Put]);
    told.check("a key that may not write any more", &server, &ours()).await;
    server.deny(&[Verb::List]);
    let error = ours().keep_bytes(bytes(SMALL, 8)).await.expect_err("it may not");
    told.tell("a key that may not list", server.port, &error);
    server.deny(&[]);

    let troubles = [
        ("a bucket elsewhere", Trouble::Answer(301, "PermanentRedirect")),
        ("a wrong clock", Trouble::Answer(403, "RequestTimeTooSkewed")),
        ("a storm", Trouble::Answer(503, "SlowDown")),
        ("a server that is full", Trouble::Answer(507, "XMinioStorageFull")),
        ("a server that hangs", Trouble::Stall),
    ];
    for (what, trouble) in troubles {
        server.trouble(Verb::Marker, [trouble; 5]);
        told.check(what, &server, &hasty(&database, &server)).await;
        server.calm();
    }

    // Whom nobody we trust vouches for, and who is not there.
    let front = Authority::new().front("localhost", server.port).await;
    let strange = Bucket { endpoint: Some(format!("https://localhost:{front}")), ..bucket(&server) };
    let error =
        opened(&database, &strange, right()).check_archive().await.expect_err("nobody vouches for it");
    told.tell("a certificate of strangers", front, &error);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    drop(listener);
    let nobody = Bucket { endpoint: Some(format!("http://127.0.0.1:{port}")), ..bucket(&server) };
    let error = opened(&database, &nobody, right()).check_archive().await.expect_err("nobody listens");
    told.tell("nobody listens", port, &error);
    expect("s3_settings.txt", &told.0);
}

#[tokio::test]
async fn what_is_wrong_with_the_contents_is_told_and_nothing_else_is_taken_for_them() {
    let mut told = Told::default();
    let (server, database) = (S3::start().await, Database::new().await);
    let ours = store(&database, &server);
    let body = ours.keep_bytes(bytes(SMALL, 9)).await.expect("kept");
    let id = accepted(&ours, "large", body.clone()).await;
    let mut changed = bytes(SMALL, 9).to_vec();
    changed[1000] ^= 1;
    for (what, changed) in [
        ("bytes that were changed", Bytes::from(changed)),
        ("bytes that were cut", bytes(SMALL - 5, 9)),
        ("bytes that grew", bytes(SMALL + 5, 9)),
    ] {
        server.set(&key(&body), changed);
        told.tell(what, server.port, &ours.load_file(id).await.expect_err(what));
    }
    let gone = S3::start().await;
    gone.set("edi/test/crossdock-archive", server.objects()["edi/test/crossdock-archive"].clone());
    let error = store(&database, &gone).load_file(id).await.expect_err("they are gone");
    told.tell("bytes that are gone", gone.port, &error);
    let empty = S3::start().await;
    told.check("an empty bucket", &empty, &store(&database, &empty)).await;

    let other = Database::new().await;
    let rename = "update hub set id = '00000000-0000-0000-0000-000000000001'";
    other.connection().await.execute(rename).await.expect("it is ours");
    let taken = S3::start().await;
    taken.set("edi/test/crossdock-archive", "00000000-0000-0000-0000-000000000002");
    told.check("another hub's bucket", &taken, &store(&other, &taken)).await;
    let simple = S3::start().await;
    simple.conditions(Conditions::Refused);
    told.check("a server without conditional writes", &simple, &store(&other, &simple)).await;
    // What it asks for helps.
    simple.set("edi/test/crossdock-archive", "00000000-0000-0000-0000-000000000001\n");
    store(&other, &simple).check_archive().await.expect("it was made ours by hand");
    // One that does as if it knew them keeps hubs apart that do not come in the same moment.
    let careless = S3::start().await;
    careless.conditions(Conditions::Ignored);
    store(&other, &careless).check_archive().await.expect("it is ours");
    let error = store(&database, &careless).keep_bytes(bytes(SMALL, 9)).await.expect_err("it is another's");
    assert!(matches!(error, Error::EmptyArchive { .. } | Error::ForeignArchive { .. }), "{error}");
    assert_eq!(careless.objects().len(), 1);
    expect("s3_contents.txt", &told.0);
}

/// Compares with the file beside the tests; `UPDATE_EXPECT=1` writes it anew.
fn expect(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/store").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} (UPDATE_EXPECT=1 writes it anew)");
}
