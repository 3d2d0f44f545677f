//! Whatever happened to an archive on its way is found before anything of it is used.

use std::fs;
use std::path::Path;

use super::world::{World, card, copied};
use crate::exit::{FOUND_WRONG, Failure, USAGE};
use crate::transfer::archive::{Archive, ArchiveWriter, FORMAT, Item};
use crate::transfer::copy::CardCopy;
use crate::transfer::verify;

/// Bytes between those that are flipped; no divisor of anything in the format.
const STRIDE: usize = 97;

fn read(folder: &Path) -> Result<(), Failure> {
    let archive = Archive::open(folder)?;
    verify::archive(&archive).map(drop)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_is_found() {
    let world = World::new().await;
    let archive = world.export().await;
    assert!(read(&archive.folder).is_ok());
    for path in files(&archive.folder) {
        let good = fs::read(&path).unwrap();
        let is_segment = path.display().to_string().contains("segment");
        let stride = if is_segment { STRIDE } else { 1 };
        for index in (0..good.len()).step_by(stride).chain([good.len() - 1]) {
            let mut bad = good.clone();
            bad[index] ^= 1 << (index % 8);
            fs::write(&path, bad).unwrap();
            let failure = read(&archive.folder).unwrap_err();
            let path = path.display();
            assert_eq!(
                failure.code, FOUND_WRONG,
                "{path} byte {index}: {failure:?}"
            );
            if is_segment {
                let names_it = failure.message.contains("segment-00001");
                assert!(names_it, "{path} byte {index}: {failure:?}");
            }
        }
        fs::write(&path, good).unwrap();
    }
    assert!(read(&archive.folder).is_ok(), "all is well again");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_cut_and_foreign_files_are_found() {
    let world = World::new().await;
    let archive = world.export().await;
    let check = |name: &str, spoil: &dyn Fn(&Path), code, expected: &str| {
        let folder = world.folder.path().join(name);
        copied(&archive, &folder);
        spoil(&folder);
        let failure = read(&folder).unwrap_err();
        assert_eq!(failure.code, code, "{name}: {failure:?}");
        assert!(failure.message.contains(expected), "{name}: {failure:?}");
    };
    let remove =
        |name: &'static str| move |folder: &Path| fs::remove_file(folder.join(name)).unwrap();
    check(
        "a",
        &remove("segment-00001"),
        FOUND_WRONG,
        "segment-00001: is missing",
    );
    check(
        "b",
        &remove("manifest.json"),
        USAGE,
        "an export that was cut short",
    );
    check(
        "c",
        &remove("manifest.sha256"),
        USAGE,
        "an export that was cut short",
    );
    let cut = |folder: &Path| {
        let path = folder.join("segment-00001");
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    };
    check("d", &cut, FOUND_WRONG, "bytes, ");
    let foreign = |folder: &Path| fs::write(folder.join("segment-00002"), b"x").unwrap();
    check("e", &foreign, FOUND_WRONG, "is not in the manifest");
    check(
        "f",
        &|folder| fs::remove_dir_all(folder).unwrap(),
        USAGE,
        "manifest.sha256: is missing",
    );
}

/// Hashes prove that nobody changed it on the way; they do not prove that it was right.
#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_wrong_books_is_refused_though_its_hashes_are_right() {
    let world = World::new().await;
    let archive = world.export().await;
    let check = |name: &str, change: fn(&mut CardCopy) -> bool, expected: &str| {
        let forged = forge(&archive, &world.folder.path().join(name), change);
        let failure = verify::archive(&forged).unwrap_err();
        assert_eq!(failure.code, FOUND_WRONG, "{name}: {failure:?}");
        assert!(failure.message.contains(expected), "{name}: {failure:?}");
    };
    check("same", |_| false, "0 cards, the manifest tells of 5");
    let no_row = |copy: &mut CardCopy| {
        copy.rows.remove(copy.rows.len() / 2);
        true
    };
    check("row", no_row, "is missing");
    let no_key = |copy: &mut CardCopy| {
        copy.keys.pop();
        true
    };
    check("key", no_key, "old keys, the manifest tells of");
    let other_body = |copy: &mut CardCopy| {
        copy.state.position.offset = u64::MAX;
        true
    };
    check("offset", other_body, "not below the new log");
    let no_card = |copy: &mut CardCopy| copy.card != card(3);
    check("card", no_card, "4 cards, the manifest tells of 5");
}

/// Writes an archive anew, with right hashes, and of its cards those that `change` wants.
fn forge(archive: &Archive, folder: &Path, change: fn(&mut CardCopy) -> bool) -> Archive {
    let mut writer = ArchiveWriter::create(folder).unwrap();
    let mut reader = archive.reader();
    while let Some(item) = reader.next().unwrap() {
        match item {
            Item::Rules(rules) => writer.rules(&rules).unwrap(),
            Item::Checkpoint(made) => writer.checkpoint(&made).unwrap(),
            Item::Cut(cut) => writer.cut(&cut).unwrap(),
            Item::Medium(medium) => writer.medium(&medium).unwrap(),
            Item::Card(mut copy) => {
                if change(&mut copy) {
                    writer.card(&copy).unwrap();
                }
            }
        }
    }
    let mut manifest = archive.manifest.clone();
    manifest.files = writer.close_segments().unwrap();
    writer.finish(&manifest).unwrap();
    Archive::open(folder).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_of_another_format_says_what_reads_it() {
    let world = World::new().await;
    let archive = world.export().await;
    let folder = world.folder.path().join("newer");
    let mut writer = ArchiveWriter::create(&folder).unwrap();
    let mut manifest = archive.manifest.clone();
    manifest.files = writer.close_segments().unwrap();
    manifest.format = FORMAT + 1;
    writer.finish(&manifest).unwrap();
    let failure = read(&folder).unwrap_err();
    assert_eq!(failure.code, USAGE);
    assert!(failure.message.contains("has format 3"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_card_number_is_in_an_archive() {
    let world = World::new().await;
    let archive = world.export().await;
    for path in files(&archive.folder) {
        let bytes = fs::read(&path).unwrap();
        for number in 1..=super::world::CARDS {
            let pan = super::world::pan(number);
            let digits = pan.expose().as_bytes();
            let packed: Vec<u8> = digits
                .chunks(2)
                .map(|pair| (pair[0] - b'0') << 4 | (pair[1] - b'0'))
                .collect();
            for form in [digits, packed.as_slice()] {
                let is_there = bytes.windows(form.len()).any(|window| window == form);
                assert!(!is_there, "LOG-4: {} holds a card number", path.display());
            }
            let key = super::world::KEY;
            assert!(
                !bytes.windows(32).any(|window| window == key),
                "nor the key"
            );
        }
    }
}
