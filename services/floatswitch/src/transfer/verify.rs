//! What an archive, or the place it went to, is found to hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::archive::{
    Archive, Contents, FloatFen, Item, Listed, Manifest, ProgrammeTold, Told, hex,
};
use super::copy::CardCopy;
use crate::check::{Audit, Progress};
use crate::exit::Failure;
use card::{PartitionId, ProgrammeId, Rules};
use card_processor::{BundleError, Bundles, ControlTotals, PassedCut, read_checkpoint};
use card_store::{CutTotals, PartitionCheckpoint};
use command_log::HASH_VERSION;
use registry::RegisteredMedium;

/// Everything that was seen, counted and audited.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) audit: Audit,
    key_count: u64,
    pub(crate) media: BTreeMap<ProgrammeId, u64>,
    partition_count: u64,
    bundle_count: u64,
    cut_count: u64,
    totals: ControlTotals,
}

impl Tally {
    pub(crate) fn new(partition_count: u16) -> Self {
        Self {
            audit: Audit::new(partition_count),
            key_count: 0,
            media: BTreeMap::new(),
            partition_count: 0,
            bundle_count: 0,
            cut_count: 0,
            totals: ControlTotals::default(),
        }
    }

    /// Proves a card: its chain, its balances, and that its old keys tell of its own decisions.
    pub(crate) fn card(&mut self, copy: &CardCopy) {
        self.audit.held_card(copy.card, &copy.state, &copy.rows);
        self.key_count += copy.keys.len() as u64;
        for (version, what) in copy.wrong_keys() {
            self.audit
                .findings
                .add(Some(copy.card), Some(version), what);
        }
    }

    pub(crate) fn medium(&mut self, medium: &RegisteredMedium) {
        *self.media.entry(medium.medium.programme).or_default() += 1;
    }

    pub(crate) fn rules(&mut self) {
        self.bundle_count += 1;
    }

    /// Takes a partition's totals in, and what its context names.
    pub(crate) fn checkpoint(
        &mut self,
        made: &PartitionCheckpoint,
        bundles: &dyn Bundles,
    ) -> Option<Arc<Rules>> {
        self.partition_count += 1;
        match read_checkpoint(made, bundles) {
            Ok((context, totals)) => {
                self.totals.add(&totals);
                context.rules
            }
            Err(what) => {
                let what = format!("checkpoint of partition {}: {what}", made.partition);
                self.audit.findings.add(None, None, what);
                None
            }
        }
    }

    /// Takes a cut in: one that this build cannot read is found wrong.
    pub(crate) fn cut(&mut self, cut: &CutTotals) {
        self.cut_count += 1;
        if let Err(what) = PassedCut::read(cut) {
            self.audit.findings.add(None, None, what);
        }
    }

    /// Compares the three ways of telling each programme's money.
    pub(crate) fn conclude(&mut self) {
        self.audit.compare_totals(&self.totals);
    }

    pub(crate) fn told(&self) -> Told {
        let programmes = self.audit.programmes.iter().map(|(programme, sums)| {
            let balances = sums.by_rows.balances();
            ProgrammeTold {
                programme: programme.0,
                cards: sums.card_count,
                entries: sums.entry_count,
                float_fen: FloatFen {
                    by_cards: sums.by_states,
                    by_rows: sums.by_rows.float(),
                    by_totals: sums.by_totals.float(),
                },
                trial_balance_fen: sums.by_rows.trial_balance(),
                balances_fen: balances
                    .map(|(account, fen)| (account.number(), fen))
                    .collect(),
            }
        });
        Told {
            contents: Contents {
                cards: self.audit.card_count,
                journal_rows: self.audit.row_count,
                entries: self.audit.entry_count(),
                old_keys: self.key_count,
                media: self.media.values().sum(),
                partitions: self.partition_count,
                rules_bundles: self.bundle_count,
                cuts: self.cut_count,
            },
            programmes: programmes.collect(),
        }
    }

    /// The findings as lines, the last one counting those that were not kept.
    pub(crate) fn findings(&self) -> Vec<String> {
        let findings = &self.audit.findings;
        let mut lines: Vec<String> = findings.kept.iter().map(ToString::to_string).collect();
        let hidden = findings.count.saturating_sub(lines.len() as u64);
        if hidden > 0 {
            lines.push(format!("and {hidden} more"));
        }
        lines
    }
}

/// An archive that was read from its first byte to its last.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) tally: Tally,
    /// As they will be in the target: the old context and totals, at the new log's beginning.
    pub(crate) checkpoints: Vec<PartitionCheckpoint>,
    /// In the order of partitions and numbers. Their offsets are the old log's: the new one begins
    /// above them.
    pub(crate) cuts: Vec<CutTotals>,
}

/// Reads an archive and proves it: every hash of it, every card's chain and balances, each float
/// three ways, and that it holds what its manifest says.
pub(crate) fn archive(archive: &Archive) -> Result<Verified, Failure> {
    let manifest = &archive.manifest;
    readable(manifest)?;
    let bundles = ArchivedBundles::default();
    let mut found = Verified {
        tally: Tally::new(manifest.log.partition_count),
        checkpoints: Vec::new(),
        cuts: Vec::new(),
    };
    let mut reader = archive.reader();
    let mut progress = Progress::new();
    while let Some(item) = reader.next()? {
        match item {
            Item::Rules(rules) => {
                bundles.keep(&rules).map_err(Failure::start_error)?;
                found.tally.rules();
            }
            Item::Checkpoint(made) => found.checkpoint(made, manifest.offset_base, &bundles),
            Item::Cut(cut) => {
                found.tally.cut(&cut);
                found.cuts.push(cut);
            }
            Item::Medium(medium) => found.tally.medium(&medium),
            Item::Card(copy) => {
                found.card(&copy, manifest.offset_base);
                progress.tell(&found.tally.audit);
            }
        }
    }
    progress.end();
    found.tally.conclude();
    let mut wrong = found.tally.findings();
    wrong.extend(differences(&manifest.told(), &found.tally.told()));
    match wrong.as_slice() {
        [] => Ok(found),
        wrong => Err(Failure::found_wrong(format!(
            "{} is not right, nothing was imported:\n  {}",
            archive.folder.display(),
            wrong.join("\n  ")
        ))),
    }
}

/// What this build would not understand is refused before it is called damaged.
fn readable(manifest: &Manifest) -> Result<(), Failure> {
    let hash_version = manifest.log.hash_version;
    if hash_version != HASH_VERSION {
        return Err(Failure::refused(format!(
            "the archive's cards are placed by hash version {hash_version}, this build has \
             {HASH_VERSION}: import with the build that exported"
        )));
    }
    Ok(())
}

impl Verified {
    fn card(&mut self, copy: &CardCopy, base: u64) {
        self.tally.card(copy);
        if copy.state.position.offset >= base {
            let version = Some(copy.state.version);
            let what = format!("its record is not below the new log, which begins at {base}");
            self.tally
                .audit
                .findings
                .add(Some(copy.card), version, what);
        }
    }

    fn checkpoint(&mut self, made: PartitionCheckpoint, base: u64, bundles: &dyn Bundles) {
        let expected = PartitionId(u16::try_from(self.checkpoints.len()).unwrap_or(u16::MAX));
        let partition = made.partition;
        let findings = &mut self.tally.audit.findings;
        if partition != expected {
            let what = format!("checkpoint of partition {partition} where {expected} is expected");
            findings.add(None, None, what);
        }
        if made.next_offset > base {
            let what = format!("partition {partition} ends above the new log's beginning {base}");
            findings.add(None, None, what);
        }
        self.tally.checkpoint(&made, bundles);
        self.checkpoints.push(PartitionCheckpoint {
            next_offset: base,
            ..made
        });
    }
}

/// How what was found differs from what was told before.
pub(crate) fn differences(before: &Told, now: &Told) -> Vec<String> {
    let mut wrong = Vec::new();
    let counts = |told: &Told| {
        let contents = told.contents;
        [
            ("cards", contents.cards),
            ("journal rows", contents.journal_rows),
            ("entries", contents.entries),
            ("old keys", contents.old_keys),
            ("media", contents.media),
            ("partitions", contents.partitions),
            ("rules bundles", contents.rules_bundles),
            ("cuts", contents.cuts),
        ]
    };
    for ((what, before), (_, now)) in counts(before).into_iter().zip(counts(now)) {
        if before != now {
            wrong.push(format!("{now} {what}, the manifest tells of {before}"));
        }
    }
    if before.programmes != now.programmes {
        wrong.push("programmes have other balances than the manifest tells".to_owned());
    }
    wrong
}

/// The rules that an archive brings along.
#[derive(Debug, Default)]
pub(crate) struct ArchivedBundles(Mutex<BTreeMap<[u8; 32], Arc<Rules>>>);

impl Bundles for ArchivedBundles {
    fn keep(&self, rules: &Rules) -> Result<[u8; 32], BundleError> {
        let hash = rules.hash();
        self.0.lock().insert(hash, Arc::new(rules.clone()));
        Ok(hash)
    }

    fn find(&self, hash: &[u8; 32]) -> Result<Arc<Rules>, BundleError> {
        let found = self.0.lock().get(hash).cloned();
        found.ok_or_else(|| {
            let name = hex(hash);
            BundleError::Store(format!("the archive has no bundle {name}"))
        })
    }
}

/// Bytes of all segments.
pub(crate) fn size(files: &[Listed]) -> u64 {
    files.iter().map(|file| file.size).sum()
}
