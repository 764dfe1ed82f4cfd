//! What is kept of a profile with every file that it read: what was agreed, and no secret of this site.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _};

use crate::harness::postgres::Database;
use crate::hub::site::{Site, invoice};

const CANARY: &str = "canary-4711";

#[tokio::test]
async fn the_password_of_the_settings_file_is_never_in_the_database() {
    let settings = format!(
        "[database]\nurl = \"postgres://hub:{CANARY}@db.example/hub\"\n[site.one]\npartner.owner = \"Ann\"\n"
    );
    let site = Site::new(&settings).await;
    site.put("one", "1.edi", invoice("PARTNERONE", 1));
    let ran = site.run(&["run", "--once"]).await;
    assert_eq!(ran.code, 0, "{}", ran.text);
    let version = site.received().await[0].profile_version.expect("a profile read it");
    let (_, kept) = site.store().find_profile_version(version).await.expect("answers").expect("kept");
    assert!(kept.contains("owner = \"Ann\""), "{kept}");
    let mut connection = site.database().connection().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname = 'public'",
    )
    .fetch_all(&mut connection)
    .await
    .expect("listed");
    assert!(tables.len() > 10);
    for table in tables {
        let query = format!("select count(*) from {table} as t where t::text like '%{CANARY}%'");
        let found: i64 =
            sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut connection).await.expect("counted");
        assert_eq!(found, 0, "{table} holds the password");
    }
}

#[tokio::test]
async fn versions_that_were_kept_with_it_lose_it_and_keep_what_is_the_partners() {
    let database = Database::new().await;
    let mut connection = database.connection().await;
    let before = "\u{1e}partner-profiles/defaults.toml\n[x12]\n\u{1e}partner-profiles/one.toml\n[database]\nno = 1\n\u{1e}crossdock.toml\n";
    let site = format!(
        "site.two.owner = \"B\"\n[database]\nurl = \"{CANARY}\"\n[site.one]\nowner = \"Ann\"\n[hub]\n# {CANARY}\n[[site.one.receives]]\nack = \"997\""
    );
    sqlx::query("insert into profile_version (id, partner_id, resolved) values (gen_random_uuid(), 'one', $1), (gen_random_uuid(), 'two', 'odd')")
        .bind(format!("{before}{site}"))
        .execute(&mut connection)
        .await
        .expect("kept");
    let migration = include_str!("../../../migrations/0015_profile_versions_without_settings.sql");
    for _ in 0..2 {
        connection.execute(migration).await.expect("it is sound");
    }
    let kept: Vec<String> = sqlx::query_scalar("select resolved from profile_version order by partner_id")
        .fetch_all(&mut connection)
        .await
        .expect("kept");
    let site =
        "site.two.owner = \"B\"\n[site.one]\nowner = \"Ann\"\n[[site.one.receives]]\nack = \"997\"\n\n";
    assert_eq!(kept, [format!("{before}{site}"), "odd".to_owned()]);
    connection.close().await.expect("closed");
}
