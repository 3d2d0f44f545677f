//! `floatswitch import`: an archive, proved, written to its target, and proved there again.

use std::path::PathBuf;
use std::sync::Arc;

use super::archive::{Archive, Item, Manifest, Told, hex};
use super::copy::CardCopy;
use super::embedded::EmbeddedTarget;
use super::flight::Flight;
use super::readback::ReadBack;
use super::report;
use super::target::{Marker, Shape, Stage, Target, key_check};
use super::verify::{self, Verified};
use crate::cluster;
use crate::config;
use crate::exit::{DONE, Failure};
use crate::folder::DataFolder;
use card_store::{CardStore as _, WriteError};
use pan::PanHasher;
use registry::{RegisteredMedium, pan_hash_key};
use settings::Settings;

/// Media that are added in one go.
const MEDIA_PER_PAGE: usize = 4_096;
/// Bytes of cards after which the target makes durable what it has.
const FLUSH_SIZE: usize = 64 * 1024 * 1024;
/// How often a write of unknown outcome is repeated (STORE-3) before the import gives up. It may be
/// repeated as a whole.
const ATTEMPTS_MAX: u32 = 100;

const EXAMPLES: &str = "\
Examples:
  floatswitch import --config cluster.toml --from /mnt/carry/2026-11-24
  floatswitch import --config other.toml --from /mnt/carry/2026-11-24     a data folder of its own

Copy keys/pan-hash.key of the exported switch into the target's `data_dir` first; it is in no archive.
The target must hold no cards. An import that was cut short is repeated with the same command.

Exit codes: 0 all of it is there, 1 the archive or what was written is not right: one line for each
finding; 2 a folder or the settings cannot be used, 3 cannot reach or open the target, 4 the target
is not one for this archive.";

/// `import`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    /// The settings file of the target: a cluster, or a new data folder.
    #[arg(long, value_name = "FILE", default_value = "switch.toml")]
    config: PathBuf,
    /// The archive that `export` wrote.
    #[arg(long, value_name = "FOLDER")]
    from: PathBuf,
}

/// Runs the command.
pub(crate) async fn run(args: ImportArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let archive = Archive::open(&args.from)?;
    // Before a target is made for it.
    admit_shape(&archive.manifest, settings.log.partition_count.get())?;
    carried_key(&settings, &archive.manifest)?;
    let imported = match &settings.cluster {
        Some(cluster) => cluster::import(&settings, cluster, &archive).await?,
        None => {
            let verified = verify::archive(&archive)?;
            let target = Arc::new(EmbeddedTarget::open(&settings, &archive)?);
            into(&target, &archive, verified).await?
        }
    };
    report::imported(&archive, &imported, &args.config)?;
    Ok(DONE)
}

/// What is told of the target once everything is there.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) here: Told,
}

/// Takes a verified archive into a target. May be repeated until it is done.
pub(crate) async fn into<T: Target>(
    target: &Arc<T>,
    archive: &Archive,
    verified: Verified,
) -> Result<Imported, Failure> {
    admit(&**target, archive).await?;
    let marker = |stage| Marker {
        archive: archive.id,
        stage,
    };
    target.set_marker(marker(Stage::Started)).await?;
    write(target, archive).await?;
    let here = ReadBack::new(Arc::clone(target), archive)
        .run(&verified)
        .await?;
    target.set_marker(marker(Stage::Done)).await?;
    Ok(Imported { here })
}

/// LOG-2: whether this is a place for these cards.
async fn admit<T: Target>(target: &T, archive: &Archive) -> Result<(), Failure> {
    let manifest = &archive.manifest;
    let Shape {
        partition_count,
        hash_version,
        offset_base,
    } = target.shape();
    admit_shape(manifest, partition_count)?;
    if hash_version != manifest.log.hash_version {
        return Err(Failure::refused(format!(
            "the target places cards by hash version {hash_version}, the archive by {}: make the \
             target with the build that exported",
            manifest.log.hash_version
        )));
    }
    if offset_base != manifest.offset_base {
        return Err(Failure::refused(format!(
            "the target's log begins at {offset_base}, these cards need one that begins at {}: import \
             into a target that was never used",
            manifest.offset_base
        )));
    }
    admit_key(manifest, target.hasher())?;
    match target.marker().await? {
        Some(marker) if marker.archive != archive.id => Err(Failure::refused(format!(
            "another archive, {}, was imported here: name a target that was never used",
            marker.archive
        ))),
        Some(marker) if marker.stage == Stage::Done => Err(Failure::refused(
            "this archive was imported here already, and the cards may have moved on since: there is \
             nothing to do",
        )),
        Some(_) => Ok(()), // An import of it was cut short.
        None => refuse_cards(target).await,
    }
}

fn admit_shape(manifest: &Manifest, partition_count: u16) -> Result<(), Failure> {
    let archived = manifest.log.partition_count;
    if partition_count == archived {
        return Ok(());
    }
    Err(Failure::refused(format!(
        "the archive's cards are in {archived} partitions, the target has {partition_count}: a card \
         never moves to another one, so set `partition_count = {archived}` and make the target with it"
    )))
}

/// The key, which is carried by hand so that no archive ever holds it. Nobody makes a new one here:
/// with that no card would be found.
pub(super) fn carried_key(settings: &Settings, manifest: &Manifest) -> Result<PanHasher, Failure> {
    let path = DataFolder::new(&settings.data_dir).pan_hash_key();
    if !path.exists() {
        let path = path.display();
        return Err(Failure::usage(format!(
            "{path} is missing: copy the key of the exported switch there first (mode 0600)"
        )));
    }
    let hasher = pan_hash_key::load(&path).map_err(Failure::start_error)?;
    admit_key(manifest, &hasher)?;
    Ok(hasher)
}

/// Whether card numbers are found under this key.
fn admit_key(manifest: &Manifest, hasher: &PanHasher) -> Result<(), Failure> {
    if hex(key_check(hasher)?.as_bytes()) == manifest.pan_hash_key_check {
        return Ok(());
    }
    Err(Failure::refused(
        "the target has another key of card number hashes, with it no card would be found: copy \
         keys/pan-hash.key of the exported switch there",
    ))
}

async fn refuse_cards<T: Target>(target: &T) -> Result<(), Failure> {
    let cards = target.store().cards_after(None, 1).await;
    match cards.map_err(Failure::start_error)?.first() {
        None => Ok(()),
        Some(card) => Err(Failure::refused(format!(
            "the target holds cards already, {card} among them: name one that was never used"
        ))),
    }
}

/// Writes everything but the cuts and the checkpoints, which say that it is all there.
async fn write<T: Target>(target: &Arc<T>, archive: &Archive) -> Result<(), Failure> {
    let mut flight = Flight::new();
    let mut media: Vec<RegisteredMedium> = Vec::new();
    let mut unflushed = 0;
    let mut reader = archive.reader();
    while let Some(item) = reader.next()? {
        match item {
            Item::Rules(rules) => {
                let kept = target.bundles().keep(&rules);
                kept.map_err(Failure::start_error)?;
            }
            Item::Checkpoint(_) | Item::Cut(_) => {}
            Item::Medium(medium) => media.push(medium),
            Item::Card(copy) => {
                let size = copy.size();
                unflushed += size;
                let work = write_card(Arc::clone(target), copy);
                flight.start(size, work).await?;
            }
        }
        while let Some(written) = flight.done()? {
            written?;
        }
        if media.len() >= MEDIA_PER_PAGE {
            add_media(&**target, &mut media).await?;
        }
        if unflushed >= FLUSH_SIZE {
            target.flush().await.map_err(Failure::start_error)?;
            unflushed = 0;
        }
    }
    while let Some(written) = flight.wait().await? {
        written?;
    }
    add_media(&**target, &mut media).await?;
    target.flush().await.map_err(Failure::start_error)
}

async fn add_media<T: Target>(
    target: &T,
    media: &mut Vec<RegisteredMedium>,
) -> Result<(), Failure> {
    let added = target.media().add_media(media).await;
    media.clear();
    added.map_err(Failure::start_error)
}

async fn write_card<T: Target>(target: Arc<T>, copy: CardCopy) -> Result<(), Failure> {
    for write in copy.writes().map_err(Failure::cannot_start)? {
        let mut attempt = 1;
        loop {
            match target.write(write.clone()).await {
                Ok(()) => break,
                Err(WriteError::Unknown(_)) if attempt < ATTEMPTS_MAX => attempt += 1,
                Err(error) => return Err(cut_short(&copy, &error)),
            }
        }
    }
    Ok(())
}

fn cut_short(copy: &CardCopy, error: &WriteError) -> Failure {
    let card = copy.card;
    Failure::cannot_start(format!(
        "card {card}: {error}; when that is mended, run the same import again"
    ))
}
