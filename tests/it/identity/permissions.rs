//! Permissions by their own names and by CXone's.

use reelgate::catalog::Catalog;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqlSafeStr as _, SqliteConnection};

use super::{add_key, add_user, claims, cli, cli_json, granted, value};
use crate::gateway::{Gateway, block_on};

#[test]
fn permissions_are_given_by_the_words_of_the_role_tree() {
    let gateway = Gateway::start(&[]);
    let words = [
        "Interactions Hub > API > Multi-ACD Masking API",
        "Search & Playback > API > Multi-ACD Record on Demand API",
        "interactions hub>record-screen-interaction",
        "My Access Key",
        "record.mask",
    ];
    let key = add_key(&gateway, "default", "agent", &words);
    let scope = "record.mask record.on_demand record.screen keys.own";
    let grant = granted(&gateway, &key);
    assert_eq!(claims(grant["access_token"].as_str().unwrap())["scope"], scope);
    let users = cli_json(&gateway, &["user", "list"]);
    let agent = users["users"].as_array().unwrap().iter().find(|user| user["name"] == "agent");
    let listed: Vec<_> = scope.split(' ').collect();
    assert_eq!(agent.unwrap()["permissions"], serde_json::json!(listed));
    for wrong in ["control", "Multi-ACD", "Player > API > Multi-ACD Masking API"] {
        let output = cli(&gateway, &["user", "add", "x", "--permission", wrong]);
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(wrong));
    }
    assert_eq!(value(&gateway, "SELECT COUNT(*) FROM principals WHERE name = 'x'"), 0);
    add_user(&gateway, "default", "x", &["recorder", "events.read", "audit.read"]);
}

#[test]
fn a_catalogue_from_before_gets_the_new_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/catalog.sqlite");
    std::fs::create_dir(folder.path().join("data")).unwrap();
    block_on(async {
        let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let text = include_str!("../../../migrations/0001_records.sql").into_sql_str();
        let first = Migration::new(1, "records".into(), MigrationType::Simple, text, false);
        Migrator::with_migrations(vec![first]).run(&mut connection).await.unwrap();
        let sql = "INSERT INTO principals (tenant, name, kind, permissions, created_us) VALUES \
                   ('default', 'boss', 'operator', 'ingest.read control admin play', 0), \
                   ('default', 'gw', 'appliance', 'ingest.write control', 0)";
        sqlx::query(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        let catalog = Catalog::open(&Catalog::sqlite_url(&file)).await.unwrap();
        let of =
            async |name: &str| catalog.principal_by_name(name).await.unwrap().unwrap().permissions;
        assert_eq!(
            of("boss").await,
            "ingest.read recorder admin play record.on_demand record.mask record.screen \
             events.read keys.manage keys.own audit.read play.any play.insights links.manage \
             records.read records.hold records.delete"
        );
        assert_eq!(of("gw").await, "ingest.write recorder");
        catalog.close().await;
    });
}
