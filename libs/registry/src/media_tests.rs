//! Media as cards are issued, found and listed.

use tempfile::TempDir;

use super::*;
use pan::Expiry;

fn hasher() -> PanHasher {
    PanHasher::new(&[5; 32])
}

fn entry(hash: u8, card: u8, number: u8, programme: u16) -> RegisteredMedium {
    let medium = Medium {
        card: CardId::new(1, [card; 14]),
        number,
        bin: *b"629998",
        last_four: *b"0017",
        programme: ProgrammeId(programme),
        expiry: Some(Expiry::parse(b"3006").unwrap()),
    };
    RegisteredMedium {
        hash: PanHash::from_bytes([hash; 16]),
        medium,
    }
}

fn empty() -> (TempDir, Media) {
    let folder = tempfile::tempdir().unwrap();
    let media = Media::create(&folder.path().join("media"), &hasher()).unwrap();
    (folder, media)
}

fn found(media: &Media, hash: u8) -> Option<Medium> {
    media.find_medium(&PanHash::from_bytes([hash; 16])).unwrap()
}

#[test]
fn media_are_found_also_after_a_restart() {
    let (folder, media) = empty();
    let all = [entry(1, 1, 0, 10), entry(2, 1, 1, 10), entry(3, 2, 0, 11)];
    assert_eq!(found(&media, 1), None);
    media.add_media(&all).unwrap();
    let check = |media: &Media| {
        for _ in 0..2 {
            for entry in &all {
                assert_eq!(media.find_medium(&entry.hash).unwrap(), Some(entry.medium));
            }
        }
        assert_eq!(found(media, 4), None);
        assert_eq!(media.media_of(CardId::new(1, [1; 14])).unwrap(), all[..2]);
        assert_eq!(media.media_of(CardId::new(1, [9; 14])).unwrap(), []);
    };
    check(&media);
    drop(media);
    check(&Media::open(&folder.path().join("media"), &hasher()).unwrap());
}

#[test]
fn a_medium_that_was_missed_is_found_once_it_is_there() {
    let (_folder, media) = empty();
    assert_eq!(found(&media, 1), None, "a miss is not remembered");
    media.add_media(&[entry(1, 1, 0, 10)]).unwrap();
    assert_eq!(found(&media, 1), Some(entry(1, 1, 0, 10).medium));
}

#[test]
fn a_medium_never_changes_its_card() {
    let (_folder, media) = empty();
    media.add_media(&[entry(1, 1, 0, 10)]).unwrap();
    media
        .add_media(&[entry(1, 1, 0, 10), entry(2, 2, 0, 10), entry(2, 2, 0, 10)])
        .unwrap();
    let refused = |entries: &[RegisteredMedium]| {
        let fresh = entry(7, 7, 0, 10);
        let all: Vec<_> = [fresh].iter().chain(entries).copied().collect();
        let text = media.add_media(&all).unwrap_err().to_string();
        assert_eq!(found(&media, 7), None, "all or nothing");
        text
    };
    let (one, two) = (CardId::new(1, [1; 14]), CardId::new(1, [2; 14]));
    let changed = |old, new| {
        format!("a medium of card {new} is registered already with card {old} or other details")
    };
    assert_eq!(
        refused(&[entry(1, 2, 1, 10)]),
        changed(one, two),
        "in the database"
    );
    assert_eq!(
        refused(&[entry(3, 1, 1, 10), entry(3, 2, 1, 10)]),
        changed(one, two),
        "in the list"
    );
    assert_eq!(
        refused(&[entry(1, 1, 0, 11)]),
        changed(one, one),
        "another programme"
    );
    let taken = format!("card {one} has a medium number 0 already; take the next number");
    assert_eq!(refused(&[entry(4, 1, 0, 10)]), taken);
    let taken = format!("card {one} has a medium number 5 already; take the next number");
    assert_eq!(refused(&[entry(4, 1, 5, 10), entry(5, 1, 5, 10)]), taken);
    assert_eq!(found(&media, 1), Some(entry(1, 1, 0, 10).medium));
}

#[test]
fn a_programme_is_listed_in_pages() {
    let (_folder, media) = empty();
    let mut all: Vec<_> = (0..25).map(|card| entry(card, card, 0, 10)).collect();
    all.insert(4, entry(100, 3, 1, 10));
    media.add_media(&all).unwrap();
    media
        .add_media(&[entry(101, 1, 1, 9), entry(102, 1, 2, 11)])
        .unwrap();
    for size in [1, 7, 26, 100] {
        let mut listed: Vec<RegisteredMedium> = Vec::new();
        loop {
            let after = listed.last().map(|entry| ListingCursor {
                card: entry.medium.card,
                number: entry.medium.number,
            });
            let page = media
                .media_of_programme(ProgrammeId(10), after, size)
                .unwrap();
            assert!(page.len() <= size);
            if page.is_empty() {
                break;
            }
            listed.extend(page);
        }
        assert_eq!(listed, all, "in pages of {size}");
    }
    assert_eq!(
        media.media_of_programme(ProgrammeId(12), None, 10).unwrap(),
        []
    );
}

#[test]
fn another_key_and_another_folder_are_refused() {
    let (folder, media) = empty();
    let path = folder.path().join("media");
    assert!(matches!(
        Media::create(&path, &hasher()),
        Err(MediaError::AlreadyThere(_))
    ));
    assert_eq!(
        Media::open(&path, &hasher()).unwrap_err().to_string(),
        "media database: another process uses it; end that one first"
    );
    drop(media);
    let other_key = PanHasher::new(&[6; 32]);
    assert!(matches!(
        Media::open(&path, &other_key),
        Err(MediaError::OtherKey(_))
    ));
    assert!(Media::open(&path, &hasher()).is_ok());
    let elsewhere = folder.path().join("elsewhere");
    assert!(matches!(
        Media::open(&elsewhere, &hasher()),
        Err(MediaError::NotThere(_))
    ));
    assert!(!elsewhere.exists(), "opening creates nothing");
    std::fs::create_dir(&elsewhere).unwrap();
    assert!(matches!(
        Media::open(&elsewhere, &hasher()),
        Err(MediaError::Incomplete(_))
    ));
}

#[test]
fn many_media_are_added_at_once() {
    let (_folder, media) = empty();
    let many: Vec<_> = (0..MEDIA_PER_BATCH_MAX + 5)
        .map(|index| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&index.to_be_bytes());
            let one = entry(1, 1, 0, 10);
            let medium = Medium {
                card: CardId::from_bytes(bytes),
                ..one.medium
            };
            RegisteredMedium {
                hash: PanHash::from_bytes(bytes),
                medium,
            }
        })
        .collect();
    media.add_media(&many).unwrap();
    let listed = media
        .media_of_programme(ProgrammeId(10), None, usize::MAX)
        .unwrap();
    assert_eq!(listed, many);
}
