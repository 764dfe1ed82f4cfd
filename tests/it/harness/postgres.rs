//! One private PostgreSQL for the whole test binary, and a database of its own for each test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crossdock::store::Store;
use crossdock::store::private::{Durability, Server, Settings};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::sync::OnceCell;

/// Lives as long as the process; the kernel stops it then.
static SERVER: OnceCell<Server> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(1);

/// A migrated, empty database that no other test uses.
pub(crate) struct Database {
    options: PgConnectOptions,
    url: String,
}

impl Database {
    /// Copies the migrated template: some 20 ms.
    pub(crate) async fn new() -> Self {
        let server = server().await;
        let process = std::process::id();
        let name = format!("test_{process}_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = admin(server).await;
        let create = format!("create database {name} template template_{process}");
        admin.execute(AssertSqlSafe(create)).await.expect("the template can be copied");
        let url = server.url().replacen("/crossdock?", &format!("/{name}?"), 1);
        Self { options: server.connect_options().database(&name), url }
    }

    /// How to reach it.
    pub(crate) fn options(&self) -> PgConnectOptions {
        self.options.clone()
    }

    /// How another process reaches it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A store on it.
    pub(crate) fn store(&self) -> Store {
        Store::connect(self.options())
    }

    /// A connection for what the store has no function for.
    pub(crate) async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.options).await.expect("the test's database answers")
    }
}

/// Settings for a private server below `folder`, quick rather than durable.
pub(crate) fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::new(folder.join("postgres"));
    settings.search_path = std::env::var_os("PATH").unwrap_or_default();
    settings.durability = Durability::Processes;
    settings
}

async fn server() -> &'static Server {
    SERVER
        .get_or_init(|| async {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
            let server = Server::start_or_join(&settings(&folder)).await.expect("PostgreSQL is installed");
            let mut admin = admin(&server).await;
            drop_leftovers(&mut admin).await;
            let template = format!("template_{}", std::process::id());
            let create = format!("create database {template} template template0 encoding 'UTF8'");
            admin.execute(AssertSqlSafe(create)).await.expect("a database can be made");
            let store = Store::connect(server.connect_options().database(&template));
            store.wait_until_up(Duration::from_secs(10)).await.expect("the template answers");
            store.migrate().await.expect("the migrations are sound");
            store.close().await;
            server
        })
        .await
}

async fn admin(server: &Server) -> PgConnection {
    PgConnection::connect_with(&server.connect_options().database("postgres"))
        .await
        .expect("the server answers")
}

/// Drops the databases of test runs that are over.
async fn drop_leftovers(admin: &mut PgConnection) {
    let names: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname ~ '^(test|template)_'")
            .fetch_all(&mut *admin)
            .await
            .expect("databases can be listed");
    for name in names {
        let process = name.split('_').nth(1).unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let drop = format!("drop database if exists {name} with (force)");
            admin.execute(AssertSqlSafe(drop)).await.expect("a left-over database can be dropped");
        }
    }
}
