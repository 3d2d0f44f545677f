//! Identity, members and rules bundles.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::support::{ByHand, fresh_card, own_settings};
use card::{Rules, Timestamp};
use card_store_scylla::{
    CqlBundleError, CqlBundles, CqlSession, IdentityError, IdentityTable, Member, Members,
    SwitchIdentity,
};

fn identity() -> SwitchIdentity {
    SwitchIdentity {
        offset_base: 0,
        log_incarnation: Bytes::from_static(&[7; 16]),
        partition_count: 256,
        hash_version: 1,
        kafka_prefix: String::new(),
        pan_key_check: Bytes::from_static(&[9; 16]),
        created_at: Timestamp(1_700_000_000_000),
    }
}

/// LOG-2: whoever comes first decides, everybody else agrees or is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_identity_is_written_once() {
    let session = CqlSession::connect(&own_settings().await).await.unwrap();
    let table = IdentityTable::open(session).await.unwrap();
    assert_eq!(table.read().await, Ok(None));
    let writers = (0..4).map(|number| {
        let table = table.clone();
        let mine = SwitchIdentity {
            partition_count: 16 + number,
            ..identity()
        };
        tokio::spawn(async move { table.write_once(&mine).await })
    });
    let mut written = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        written.extend(writer.await.unwrap());
    }
    assert_eq!(written.len(), 1, "one writer wins");
    let kept = table.read().await.unwrap().unwrap();
    assert_eq!(kept, written[0]);
    let later = SwitchIdentity {
        created_at: Timestamp(1),
        ..kept.clone()
    };
    assert_eq!(
        table.write_once(&later).await,
        Ok(kept.clone()),
        "the same switch"
    );
    type Change = fn(&mut SwitchIdentity);
    let changes: [(&str, Change); 5] = [
        ("log incarnation", |other| {
            other.log_incarnation = Bytes::from_static(b"x")
        }),
        ("partition count", |other| other.partition_count = 99),
        ("hash version", |other| other.hash_version = 2),
        ("topic prefix", |other| other.kafka_prefix = "x".to_owned()),
        ("PAN hash", |other| other.pan_key_check = Bytes::new()),
    ];
    for (field, change) in changes {
        let mut other = kept.clone();
        change(&mut other);
        let refused = table.write_once(&other).await.unwrap_err();
        assert!(matches!(refused, IdentityError::Other { .. }), "{refused}");
        assert!(refused.to_string().contains(field), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_drain_and_go() {
    let session = CqlSession::connect(&own_settings().await).await.unwrap();
    let members = Members::open(session).await.unwrap();
    assert_eq!(members.list().await, Ok(Vec::new()));
    assert_eq!(
        members.request_drain("b").await,
        Ok(false),
        "no such member"
    );
    for name in ["b", "a"] {
        members.join(name, "processor", Timestamp(5)).await.unwrap();
    }
    assert_eq!(
        members.heartbeat("b", Timestamp(6), "lag 0").await,
        Ok(false)
    );
    assert_eq!(members.request_drain("b").await, Ok(true));
    assert_eq!(
        members.heartbeat("b", Timestamp(7), "lag 1").await,
        Ok(true)
    );
    let member = |name: &str, seen_at, drain, summary: &str| Member {
        name: name.to_owned(),
        roles: "processor".to_owned(),
        started_at: Timestamp(5),
        seen_at: Timestamp(seen_at),
        drain,
        summary: summary.to_owned(),
    };
    let both = vec![member("a", 5, false, ""), member("b", 7, true, "lag 1")];
    assert_eq!(members.list().await, Ok(both));
    members.join("b", "processor", Timestamp(5)).await.unwrap();
    assert_eq!(
        members.heartbeat("b", Timestamp(8), "").await,
        Ok(false),
        "a new start works again"
    );
    members.forget("a").await.unwrap();
    assert_eq!(members.list().await, Ok(vec![member("b", 8, false, "")]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bundles_are_found_by_their_hash() {
    let settings = own_settings().await;
    let session = CqlSession::connect(&settings).await.unwrap();
    let writer = CqlBundles::open(session.clone()).await.unwrap();
    let reader = CqlBundles::open(session).await.unwrap();
    let rules = Rules {
        utc_offset_minutes: 480,
        programmes: BTreeMap::new(),
    };
    let missing = reader.find(&rules.hash()).await;
    assert!(matches!(missing, Err(CqlBundleError::Unknown(_))));
    let hash = writer.keep(&rules).await.unwrap();
    assert_eq!(writer.keep_blocking(&rules), Ok(hash));
    assert_eq!(*reader.find_blocking(&hash).unwrap(), rules);

    let other = Rules {
        utc_offset_minutes: 60,
        programmes: BTreeMap::new(),
    };
    let name: String = other
        .hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let bytes: String = rules
        .encode()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let cql = format!(
        "INSERT INTO {{keyspace}}.rules_bundles (hash, bytes) VALUES (0x{name}, 0x{bytes})"
    );
    ByHand::new(&settings).await.run(&cql, fresh_card()).await;
    assert_eq!(
        reader.find(&other.hash()).await,
        Err(CqlBundleError::Damaged(name))
    );
    assert_eq!(
        *reader.find(&hash).await.unwrap(),
        rules,
        "found once, known for ever"
    );
}
