//! The tables: applied once, and refused when they are not ours.

use std::sync::Arc;

use crate::support::{ByHand, contact_points, fresh_card, own_settings, settings_for};
use card_store_scylla::{
    ConnectError, CqlSession, Fault, IdentityTable, Keyspace, Replication, Schema, SchemaError,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn applying_again_changes_nothing() {
    let settings = own_settings().await;
    Schema::apply(&settings, &Replication::everywhere(1).unwrap())
        .await
        .unwrap();
    let session = CqlSession::connect(&settings).await.unwrap();
    assert_eq!(session.keyspace(), &settings.keyspace);
    assert_eq!(
        Arc::new(IdentityTable::open(session).await.unwrap())
            .read()
            .await,
        Ok(None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_keyspace_asks_for_init() {
    let settings = settings_for(&contact_points());
    let error = CqlSession::connect(&settings).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoSchema { .. }), "{error}");
    assert!(error.to_string().contains("cluster init"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_is_refused() {
    let settings = own_settings().await;
    let by_hand = ByHand::new(&settings).await;
    let cql = "INSERT INTO {keyspace}.cluster_identity (id, schema_version) VALUES (0, 99)";
    by_hand.run(cql, fresh_card()).await;
    let applied = Schema::apply(&settings, &Replication::everywhere(1).unwrap()).await;
    let keyspace = settings.keyspace.clone();
    assert_eq!(
        applied,
        Err(SchemaError::OtherVersion {
            keyspace: keyspace.clone(),
            found: 99
        })
    );
    let connected = CqlSession::connect(&settings).await.unwrap_err();
    assert_eq!(
        connected,
        ConnectError::OtherSchema {
            keyspace,
            found: 99
        }
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_keyspace_is_left_alone() {
    let settings = settings_for(&contact_points());
    let by_hand = ByHand::new(&settings).await;
    let replication = Replication::everywhere(1).unwrap();
    let keyspace = format!(
        "CREATE KEYSPACE {{keyspace}} WITH replication = {}",
        replication.as_cql()
    );
    by_hand.run(&keyspace, fresh_card()).await;
    by_hand
        .run(
            "CREATE TABLE {keyspace}.songs (id int PRIMARY KEY)",
            fresh_card(),
        )
        .await;
    let refused = Schema::apply(&settings, &replication).await;
    let expected = SchemaError::Foreign {
        keyspace: settings.keyspace.clone(),
        table: "songs".to_owned(),
    };
    assert_eq!(refused, Err(expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_told_with_the_address() {
    let mut settings = settings_for(&["127.0.0.1:1".to_owned()]);
    settings.keyspace = Keyspace::new("nowhere").unwrap();
    let error = CqlSession::connect(&settings).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

/// A table that goes away under the switch is told from a database in trouble.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_table_is_refused() {
    let settings = own_settings().await;
    let session = CqlSession::connect(&settings).await.unwrap();
    ByHand::new(&settings)
        .await
        .run("DROP KEYSPACE {keyspace}", fresh_card())
        .await;
    let opened = IdentityTable::open(session).await;
    assert!(matches!(opened, Err(Fault::Refused(_))), "{opened:?}");
}
