//! The cluster's media against a real server: Apache Cassandra, or what `FLOATSWITCH_TEST_CQL` names.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

use std::collections::BTreeSet;
use std::time::Duration;

use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;

use card::{CardId, ProgrammeId};
use card_store_scylla::{CqlSession, CqlSettings, Keyspace, Reach, Replication, Schema};
use pan::{Expiry, PanHash};
use registry::{ListingCursor, MediaBook, MediaError, Medium, RegisteredMedium};
use registry_scylla::CqlMedia;

async fn settings() -> CqlSettings {
    static SHARED: OnceCell<CqlSettings> = OnceCell::const_new();
    let make = async || {
        let settings = CqlSettings {
            contact_points: test_servers::shared_cassandra()
                .split(',')
                .map(str::to_owned)
                .collect(),
            keyspace: Keyspace::new(&test_servers::unique("media")).unwrap(),
            reach: Reach::Everywhere,
            request_timeout: Duration::from_secs(3),
            login: None,
        };
        Schema::apply(&settings, &Replication::everywhere(1).unwrap())
            .await
            .unwrap();
        settings
    };
    SHARED.get_or_init(make).await.clone()
}

async fn book() -> CqlMedia {
    CqlMedia::open(CqlSession::connect(&settings().await).await.unwrap())
        .await
        .unwrap()
}

/// A medium of this card and programme; each test has a programme of its own, which also keeps the
/// cards and hashes apart.
fn medium(programme: u16, card: u8, number: u8) -> RegisteredMedium {
    let mut own = [card; 14];
    own[..2].copy_from_slice(&programme.to_be_bytes());
    let mut hash = [card; 16];
    hash[..2].copy_from_slice(&programme.to_be_bytes());
    hash[2] = number;
    RegisteredMedium {
        hash: PanHash::from_bytes(hash),
        medium: Medium {
            card: CardId::new(1, own),
            number,
            bin: *b"629999",
            last_four: *b"1238",
            programme: ProgrammeId(programme),
            expiry: Some(Expiry::parse(b"2712").unwrap()),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_added_is_found_everywhere() {
    let (writer, reader) = (book().await, book().await);
    let media = [medium(1, 1, 0), medium(1, 1, 1), medium(1, 2, 0)];
    assert_eq!(reader.find(&media[0].hash).await.unwrap(), None);
    writer.add_media(&media).await.unwrap();
    writer.add_media(&media).await.unwrap();
    for RegisteredMedium { hash, medium } in media {
        assert_eq!(
            reader.find(&hash).await.unwrap(),
            Some(medium),
            "also what was missed before"
        );
    }
    assert_eq!(
        reader.media_of(media[0].medium.card).await.unwrap(),
        media[..2]
    );
    assert_eq!(reader.media_of(CardId::new(9, [9; 14])).await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contradictions_are_refused_and_nothing_is_added() {
    let book = book().await;
    let (first, second, other) = (medium(2, 1, 0), medium(2, 1, 1), medium(2, 2, 0));
    book.add_media(&[first]).await.unwrap();
    let moved = RegisteredMedium {
        hash: first.hash,
        medium: other.medium,
    };
    let other_expiry = RegisteredMedium {
        medium: Medium {
            expiry: None,
            ..first.medium
        },
        ..first
    };
    let other_hash = RegisteredMedium {
        hash: PanHash::from_bytes([0xee; 16]),
        medium: first.medium,
    };
    let twice = RegisteredMedium {
        hash: PanHash::from_bytes([0xdd; 16]),
        medium: second.medium,
    };
    let (old, new) = (first.medium.card, other.medium.card);
    type Expected = fn(&MediaError) -> bool;
    let cases: [(&str, &[RegisteredMedium], Expected); 5] = [
        ("another card", &[second, moved], |e| {
            matches!(e, MediaError::Changed { .. })
        }),
        ("another expiry", &[second, other_expiry], |e| {
            matches!(e, MediaError::Changed { .. })
        }),
        ("a taken number", &[second, other_hash], |e| {
            matches!(e, MediaError::NumberTaken { number: 0, .. })
        }),
        ("a number twice", &[second, twice], |e| {
            matches!(e, MediaError::NumberTaken { number: 1, .. })
        }),
        (
            "a hash twice",
            &[
                second,
                RegisteredMedium {
                    hash: second.hash,
                    ..other
                },
            ],
            |e| matches!(e, MediaError::Changed { .. }),
        ),
    ];
    for (name, entries, is_expected) in cases {
        let error = book.add_media(entries).await.unwrap_err();
        assert!(is_expected(&error), "{name}: {error}");
        assert_eq!(book.find(&second.hash).await.unwrap(), None, "{name}");
    }
    let error = book.add_media(&[moved]).await.unwrap_err();
    let names_both =
        matches!(error, MediaError::Changed { old: o, new: n } if (o, n) == (old, new));
    assert!(names_both, "{error}");
    assert_eq!(book.media_of(first.medium.card).await.unwrap(), [first]);
}

/// Of many that register one number of a card at the same moment, one does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn races_have_one_winner() {
    let book = book().await;
    let adders = (0..6_u8).map(|number| {
        let (book, entry) = (book.clone(), medium(3, 1, 0));
        let mine = RegisteredMedium {
            hash: PanHash::from_bytes([0xa0 + number; 16]),
            ..entry
        };
        tokio::spawn(async move { book.add_media(&[mine]).await.map(|()| mine) })
    });
    let mut added = Vec::new();
    for adder in adders.collect::<Vec<_>>() {
        match adder.await.unwrap() {
            Ok(mine) => added.push(mine),
            Err(error) => assert!(matches!(error, MediaError::NumberTaken { .. }), "{error}"),
        }
    }
    assert_eq!(added.len(), 1);
    assert_eq!(
        book.media_of(medium(3, 1, 0).medium.card).await.unwrap(),
        added
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_programme_is_listed_in_pages() {
    let book = book().await;
    let programme = ProgrammeId(4);
    let media: Vec<RegisteredMedium> = (0..60)
        .map(|card| medium(4, card, 0))
        .chain((0..10).map(|card| medium(4, card, 1)))
        .collect();
    book.add_media(&media).await.unwrap();
    book.add_media(&[medium(5, 1, 0)]).await.unwrap();
    let all = book
        .media_of_programme(programme, None, 1_000)
        .await
        .unwrap();
    let hashes = |media: &[RegisteredMedium]| media.iter().map(|m| m.hash).collect::<BTreeSet<_>>();
    assert_eq!((all.len(), hashes(&all)), (70, hashes(&media)), "each once");
    for size in [1, 7, 69, 70, 71] {
        let mut listed: Vec<RegisteredMedium> = Vec::new();
        loop {
            let after = listed.last().map(|last| ListingCursor {
                card: last.medium.card,
                number: last.medium.number,
            });
            let page = book
                .media_of_programme(programme, after, size)
                .await
                .unwrap();
            assert!(page.len() <= size);
            let is_last = page.len() < size;
            listed.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(listed, all, "in pages of {size}");
    }
    assert_eq!(
        book.media_of_programme(ProgrammeId(99), None, 10)
            .await
            .unwrap(),
        []
    );
}

/// An add that ended half-way left its entries in the lists; the same add again completes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_an_add_is_not_listed_and_can_be_completed() {
    let (book, settings) = (book().await, settings().await);
    let entry = medium(6, 1, 0);
    book.add_media(&[entry]).await.unwrap();
    let by_hand = SessionBuilder::new()
        .known_nodes(&settings.contact_points)
        .build()
        .await
        .unwrap();
    let hash: String = entry
        .hash
        .as_bytes()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let cql = format!(
        "DELETE FROM {}.media_by_hash WHERE hash = 0x{hash} IF EXISTS",
        settings.keyspace
    );
    by_hand.query_unpaged(cql, ()).await.unwrap();
    let fresh = CqlMedia::open(CqlSession::connect(&settings).await.unwrap())
        .await
        .unwrap();
    assert_eq!(fresh.media_of(entry.medium.card).await.unwrap(), []);
    assert_eq!(
        fresh
            .media_of_programme(ProgrammeId(6), None, 9)
            .await
            .unwrap(),
        []
    );
    fresh.add_media(&[entry]).await.unwrap();
    assert_eq!(fresh.media_of(entry.medium.card).await.unwrap(), [entry]);
    assert_eq!(
        fresh
            .media_of_programme(ProgrammeId(6), None, 9)
            .await
            .unwrap(),
        [entry]
    );
}

/// The port: fetch, then look up; what was not fetched is not taken for missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_book_answers_from_what_was_fetched() {
    let writer = book().await;
    let (known, missing) = (medium(7, 1, 0), medium(7, 2, 0));
    writer.add_media(&[known]).await.unwrap();
    let book: Box<dyn MediaBook> = Box::new(book().await);
    assert!(book.is_remote());
    assert!(matches!(
        book.find_medium(&known.hash),
        Err(MediaError::Database(_))
    ));
    book.fetch(&[known.hash, missing.hash, known.hash])
        .await
        .unwrap();
    assert_eq!(book.find_medium(&known.hash).unwrap(), Some(known.medium));
    assert_eq!(book.find_medium(&missing.hash).unwrap(), None);
    book.add_media(&[missing]).await.unwrap();
    book.fetch(&[missing.hash]).await.unwrap();
    assert_eq!(
        book.find_medium(&missing.hash).unwrap(),
        Some(missing.medium)
    );
}
