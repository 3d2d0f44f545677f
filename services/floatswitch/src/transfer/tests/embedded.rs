//! Another data folder as the target.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::place::import;
use super::world::{CARDS, KEY, PARTITIONS, World, card};
use crate::exit::{Failure, REFUSED, USAGE};
use crate::folder::{Contents, DataFolder};
use crate::transfer::archive::Archive;
use crate::transfer::copy::CardCopy;
use crate::transfer::embedded::EmbeddedTarget;
use crate::transfer::target::Target as _;
use card_store::CardStore as _;
use card_store_embedded::EmbeddedStore;
use settings::Settings;

fn settings(data_dir: &Path) -> Settings {
    let text = settings::example()
        .replace("\"floatswitch-data\"", &format!("{data_dir:?}"))
        .replace("segment_size_mib = 256", "segment_size_mib = 1")
        .replace(
            "partition_count = 256",
            &format!("partition_count = {PARTITIONS}"),
        );
    Settings::parse(&text, Path::new("switch.toml")).unwrap()
}

/// A folder with nothing in it but the key.
fn folder(world: &World, key: [u8; 32]) -> PathBuf {
    let root = world.folder.path().join("data");
    let path = DataFolder::new(&root).pan_hash_key();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, key).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    root
}

fn open(root: &Path, archive: &Archive) -> Result<Arc<EmbeddedTarget>, Failure> {
    EmbeddedTarget::open(&settings(root), archive).map(Arc::new)
}

fn is_switch(root: &Path) -> bool {
    matches!(DataFolder::new(root).contents(), Ok(Contents::Switch))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_folder_becomes_a_switch_once_everything_is_proved() {
    let world = World::new().await;
    let archive = world.export().await;
    let root = folder(&world, KEY);
    let target = open(&root, &archive).unwrap();
    let half_done = DataFolder::new(&root).contents();
    assert!(half_done.unwrap_err().message.contains("IMPORT-UNFINISHED"));
    import(&target, &archive).await.unwrap();
    drop(target);
    assert!(is_switch(&root));
    let cards = DataFolder::new(&root).cards();
    let store = EmbeddedStore::open(&cards, &card_store_embedded::Options::default()).unwrap();
    for number in 1..=CARDS {
        let found = CardCopy::read(&store, card(number)).await;
        assert_eq!(found, CardCopy::read(&*world.store, card(number)).await);
    }
    assert_eq!(
        store.checkpoints().await.unwrap().len(),
        usize::from(PARTITIONS)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_broken_import_left_is_removed_by_the_next() {
    let world = World::new().await;
    let archive = world.export().await;
    let root = folder(&world, KEY);
    let target = open(&root, &archive).unwrap();
    let copy = CardCopy::read(&*world.store, card(2))
        .await
        .unwrap()
        .unwrap();
    for write in copy.writes().unwrap() {
        target.write(write).await.unwrap();
    }
    target.flush().await.unwrap();
    drop(target); // As a crash does: some cards are there for good.
    assert!(!is_switch(&root));
    let target = open(&root, &archive).unwrap();
    assert_eq!(target.store().cards_after(None, 9).await, Ok(vec![]));
    import(&target, &archive).await.unwrap();
    assert!(is_switch(&root));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_folders_are_refused_and_left_alone() {
    let world = World::new().await;
    let archive = world.export().await;
    let refused = |root: &Path, code, expected: &str| {
        let failure = open(root, &archive).unwrap_err();
        assert_eq!(failure.code, code, "{failure:?}");
        assert!(failure.message.contains(expected), "{failure:?}");
    };
    let nowhere = world.folder.path().join("nowhere");
    refused(&nowhere, USAGE, "copy the key of the exported switch");
    assert!(!nowhere.exists());
    let root = folder(&world, [8; 32]);
    refused(&root, REFUSED, "another key");
    let names: Vec<_> = fs::read_dir(&root).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing but the key");
    let root = folder(&world, KEY);
    fs::create_dir(root.join("cards")).unwrap();
    refused(&root, REFUSED, "holds a switch, or a part of one");
    fs::write(root.join("IMPORT-UNFINISHED"), "0123\n").unwrap();
    refused(&root, REFUSED, "a part of another archive");
    assert!(root.join("cards").exists());
}
