//! What arrives, and what is refused.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::place::{MemoryPlace, import};
use super::world::{CARDS, PARTITIONS, World, card, pan};
use crate::exit::{CANNOT_START, FOUND_WRONG, REFUSED, USAGE};
use crate::transfer::archive::{Archive, ArchiveId};
use crate::transfer::copy::CardCopy;
use crate::transfer::export::{self, Exported};
use crate::transfer::target::{Marker, Stage, Target as _};
use card::{Kind, LegKey, PartitionId, Row};
use card_processor::read_checkpoint;
use card_store::{CardStore as _, CardWrite, KeyName, StoredCard};
use pan::PanHasher;

#[tokio::test(flavor = "multi_thread")]
async fn everything_arrives_as_it_was() {
    let world = World::new().await;
    let archive = world.export().await;
    let place = Arc::new(MemoryPlace::new(&archive));
    place
        .is_vague
        .store(true, std::sync::atomic::Ordering::SeqCst);
    let imported = import(&place, &archive).await.unwrap();
    assert_eq!(imported.here, archive.manifest.told());
    for number in 1..=CARDS {
        same_card(&world, &place, number).await;
    }
    assert_eq!(
        place.store.cards_after(None, 99).await,
        world.store.cards_after(None, 99).await
    );
    let told = place.marker().await.unwrap();
    let stage = Stage::Done;
    assert_eq!(
        told,
        Some(Marker {
            archive: archive.id,
            stage
        })
    );
    same_context(&world, &place, &archive).await;
    same_cuts(&world, &place).await;
}

/// LEDGER-2: the float of every past day moves along.
async fn same_cuts(world: &World, place: &MemoryPlace) {
    for partition in (0..PARTITIONS).map(PartitionId) {
        let old = world.store.cut_totals(partition, 0, usize::MAX).await;
        let new = place.store.cut_totals(partition, 0, usize::MAX).await;
        assert_eq!(new, old);
        assert_eq!(
            new.unwrap().len(),
            2,
            "the first day, and the ninth after it"
        );
    }
}

async fn same_card(world: &World, place: &MemoryPlace, number: u8) {
    let id = card(number);
    let (old, new) = (&*world.store, &place.store);
    assert_eq!(new.load(id).await, old.load(id).await);
    let rows = old.rows_back(id, None, usize::MAX).await;
    assert_eq!(new.rows_back(id, None, usize::MAX).await, rows);
    let names = old.keys_after(id, None, usize::MAX).await;
    assert_eq!(new.keys_after(id, None, usize::MAX).await, names);
    let medium = place.media.media_of(id).unwrap();
    assert_eq!(medium, world.media.media_of(id).unwrap());
    assert_eq!(medium[0].hash, place.hasher.hash(&pan(number)));
}

/// Rules, day and totals go on, at the beginning of the new log.
async fn same_context(world: &World, place: &MemoryPlace, archive: &Archive) {
    let old = world.store.checkpoints().await.unwrap();
    let new = place.store.checkpoints().await.unwrap();
    assert_eq!(new.len(), old.len());
    for (old, new) in old.iter().zip(&new) {
        assert_eq!(new.next_offset, archive.manifest.offset_base);
        assert!(new.next_offset >= old.next_offset);
        let (context, totals) = read_checkpoint(new, &place.bundles).unwrap();
        assert_eq!(
            read_checkpoint(old, world.source().bundles).unwrap(),
            (context.clone(), totals)
        );
        assert!(context.rules.is_some(), "the rules came along");
    }
}

/// The past has what makes keys hard: each name taken over once, and rows that came back.
#[tokio::test(flavor = "multi_thread")]
async fn the_past_has_keys_of_every_sort() {
    let world = World::new().await;
    let names = world
        .store
        .keys_after(card(CARDS), None, usize::MAX)
        .await
        .unwrap();
    let by_key: Vec<_> = names
        .iter()
        .filter(|named| matches!(named.name, KeyName::Key(_)))
        .collect();
    let by_offset: Vec<_> = names
        .iter()
        .filter(|named| matches!(named.name, KeyName::Offset(_)))
        .collect();
    let is_among = |all: &[&card_store::NamedKey], one: &card_store::NamedKey| {
        all.iter().any(|other| other.bytes == one.bytes)
    };
    let key_only = by_key
        .iter()
        .filter(|one| !is_among(&by_offset, one))
        .count();
    let offset_only = by_offset
        .iter()
        .filter(|one| !is_among(&by_key, one))
        .count();
    let retired = by_key
        .iter()
        .filter(|named| {
            matches!(
                named.name,
                KeyName::Key(LegKey([0, 0, 0, 0, 0, 0, 0, 0, ..]))
            )
        })
        .count();
    assert!(key_only > 0, "a reversal that came first");
    assert!(offset_only > 50, "trace numbers that came round again");
    assert!(retired > 0, "an old sale that was refunded");
    let rows = world
        .store
        .rows_back(card(CARDS), None, usize::MAX)
        .await
        .unwrap();
    let rows = rows.iter().map(|row| Row::decode(&row.bytes).unwrap());
    let approved = rows.filter(|row| row.outcome.is_approved());
    let mut kinds: Vec<Kind> = approved.map(|row| row.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, EVERY_KIND);
}

/// Those that are written when they are approved.
const EVERY_KIND: [Kind; 12] = [
    Kind::Purchase,
    Kind::Void,
    Kind::Refund,
    Kind::PreAuth,
    Kind::PreAuthVoid,
    Kind::Completion,
    Kind::CompletionVoid,
    Kind::Reversal,
    Kind::DirectCredit,
    Kind::Issue,
    Kind::ReportLoss,
    Kind::LiftLoss,
];

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_cut_short_is_repeated() {
    let world = World::new().await;
    let archive = world.export().await;
    let mut place = MemoryPlace::new(&archive);
    for writes in [0, 3, 7] {
        place.writes_left = AtomicU64::new(writes);
        let shared = Arc::new(place);
        let failure = import(&shared, &archive).await.unwrap_err();
        assert_eq!(failure.code, CANNOT_START, "{failure:?}");
        assert!(failure.message.contains("run the same import again"));
        let stage = shared.marker().await.unwrap().map(|marker| marker.stage);
        assert_eq!(stage, Some(Stage::Started), "nobody may serve it");
        assert_eq!(shared.store.checkpoints().await, Ok(vec![]));
        place = alone(shared).await;
    }
    place.writes_left = AtomicU64::new(u64::MAX);
    let place = Arc::new(place);
    let imported = import(&place, &archive).await.unwrap();
    assert_eq!(imported.here, archive.manifest.told());
    same_card(&world, &place, CARDS).await;
}

/// Tasks that were cancelled let go of it in their own time.
async fn alone(mut shared: Arc<MemoryPlace>) -> MemoryPlace {
    loop {
        match Arc::try_unwrap(shared) {
            Ok(place) => return place,
            Err(others) => shared = others,
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_for_other_cards_is_refused() {
    let world = World::new().await;
    let archive = world.export().await;
    let check = async |change: fn(&mut MemoryPlace), expected: &str| {
        let mut place = MemoryPlace::new(&archive);
        change(&mut place);
        let before = place.store.cards_after(None, 9).await;
        let place = Arc::new(place);
        let failure = import(&place, &archive).await.unwrap_err();
        assert_eq!(failure.code, REFUSED, "{failure:?}");
        assert!(failure.message.contains(expected), "{}", failure.message);
        assert_eq!(place.store.cards_after(None, 9).await, before, "untouched");
        assert!(
            place.media.media_of(card(2)).unwrap().is_empty(),
            "untouched"
        );
    };
    check(
        |place| place.shape.partition_count = 8,
        "set `partition_count = 4`",
    )
    .await;
    check(|place| place.shape.hash_version = 9, "hash version 9").await;
    check(|place| place.shape.offset_base = 0, "log begins at 0").await;
    check(
        |place| place.hasher = PanHasher::new(&[8; 32]),
        "another key",
    )
    .await;
    check(
        |place| place.marker = parking_lot::Mutex::new(Some(marker([1; 32], Stage::Started))),
        "another archive",
    )
    .await;
    check(holds_a_card, "holds cards already").await;
}

fn marker(archive: [u8; 32], stage: Stage) -> Marker {
    let archive = ArchiveId(archive);
    Marker { archive, stage }
}

fn holds_a_card(place: &mut MemoryPlace) {
    let foreign = card_store::contract::decision(card(77), 1);
    card_store::contract::ready(place.store.write(foreign)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_is_not_imported_over() {
    let world = World::new().await;
    let archive = world.export().await;
    let place = Arc::new(MemoryPlace::new(&archive));
    import(&place, &archive).await.unwrap();
    let failure = import(&place, &archive).await.unwrap_err();
    assert_eq!(failure.code, REFUSED);
    assert!(failure.message.contains("imported here already"));
}

/// What was written is believed only when it is read back.
#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_holds_something_else_is_not_finished() {
    let world = World::new().await;
    let archive = world.export().await;
    let mut place = MemoryPlace::new(&archive);
    place.marker = parking_lot::Mutex::new(Some(marker(archive.id.0, Stage::Started)));
    holds_a_card(&mut place);
    let place = Arc::new(place);
    let failure = import(&place, &archive).await.unwrap_err();
    assert_eq!(failure.code, FOUND_WRONG, "{failure:?}");
    let expected = format!("{} cards are listed, {CARDS} were written", CARDS + 1);
    assert!(failure.message.contains(&expected), "{}", failure.message);
    assert_eq!(place.store.checkpoints().await, Ok(vec![]));
    let stage = place.marker().await.unwrap().map(|marker| marker.stage);
    assert_eq!(stage, Some(Stage::Started));
}

#[tokio::test(flavor = "multi_thread")]
async fn books_that_are_not_clean_are_not_exported() {
    let check = async |change: fn(&mut CardCopy), expected: &str| {
        let world = World::new().await;
        let copy = CardCopy::read(&*world.store, card(3)).await.unwrap();
        let mut copy = copy.unwrap();
        change(&mut copy);
        overwrite(&world, copy).await;
        let exported = export::from(&world.source(), &world.out()).await.unwrap();
        let Exported::NotClean(findings) = exported else {
            panic!("exported: {expected}");
        };
        let found = findings.iter().any(|found| found.contains(expected));
        assert!(found, "{expected}: {findings:?}");
        assert!(!world.out().exists(), "nothing is left behind");
    };
    check(
        |copy| {
            let mut row = Row::decode(&copy.rows[9].bytes).unwrap();
            row.decided_at = card::Timestamp(1);
            copy.rows[9].bytes = row.encode().into();
        },
        "hash chain is broken",
    )
    .await;
    check(
        |copy| {
            let mut entry = card::Entry::from_bytes(&copy.keys[9].bytes).unwrap();
            entry.fingerprint = card::Fingerprint(1);
            copy.keys[9].bytes = entry.to_bytes().into();
        },
        "an old key tells of it with other content",
    )
    .await;
    check(
        |copy| copy.keys[9].bytes = b"nothing".to_vec().into(),
        "old key: ",
    )
    .await;
}

/// As somebody with an editor would.
async fn overwrite(world: &World, copy: CardCopy) {
    let write = CardWrite {
        card: copy.card,
        state: StoredCard { ..copy.state },
        rows: copy.rows,
        keys: copy.keys,
    };
    world.store.write(write).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_folded_to_its_end_is_not_exported() {
    let world = World::new().await;
    let mut source = world.source();
    source.ends[1] += 1;
    let failure = export::from(&source, &world.out()).await.unwrap_err();
    assert_eq!(failure.code, CANNOT_START);
    assert!(failure.message.contains("no checkpoint covers"));
    assert!(!world.out().exists());
    std::fs::create_dir(world.out()).unwrap();
    let failure = export::from(&world.source(), &world.out())
        .await
        .unwrap_err();
    assert_eq!(failure.code, USAGE, "a folder that is there is left alone");
    assert!(world.out().exists());
}
