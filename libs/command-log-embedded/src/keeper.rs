//! The thread that keeps the segments: prepares the next one, removes released ones.
//!
//! Off the writer's path, so that no append waits for zeros to be written.

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::options::Retention;
use crate::segment::{ARCHIVE_DIR, Segment, create_file, pieces};
use crate::sequencer::{Phase, Sequencer, Spare, SpareFile};
use crate::shared::Shared;

/// Segments that stay, whatever is released.
const SEGMENTS_KEPT_MIN: usize = 2;

/// Keeps the segments from one thread.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) shared: Arc<Shared>,
    pub(crate) segment_size: u64,
    pub(crate) space_retry: Duration,
    pub(crate) told: Room,
}

/// Whether there is room for the next segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Room {
    Ready,
    Lacking,
}

/// What the keeper does next.
#[derive(Debug)]
enum Job {
    Prepare,
    Release(Vec<u64>),
    End,
}

impl Keeper {
    /// Works until the log ends.
    pub(crate) fn run(mut self) {
        loop {
            match self.next_job() {
                Job::Prepare => self.prepare(),
                Job::Release(released) => self.release(&released),
                Job::End => return,
            }
        }
    }

    fn next_job(&self) -> Job {
        let mut sequencer = self.shared.sequencer.lock();
        loop {
            if sequencer.release_wanted {
                sequencer.release_wanted = false;
                return Job::Release(sequencer.released.clone());
            }
            if sequencer.phase != Phase::Running && !self.writer_needs_spare(&sequencer) {
                return Job::End;
            }
            match sequencer.spare {
                Spare::Wanted => {
                    sequencer.spare = Spare::Preparing;
                    return Job::Prepare;
                }
                // Stays unavailable while it is tried again, so that senders see one answer.
                Spare::Unavailable(_) => {
                    let wake = &self.shared.keeper_wake;
                    if wake.wait_for(&mut sequencer, self.space_retry).timed_out() {
                        return Job::Prepare;
                    }
                }
                Spare::Preparing | Spare::Ready(_) => self.shared.keeper_wake.wait(&mut sequencer),
            }
        }
    }

    /// While the log drains, the writer may still have more than its segment takes.
    fn writer_needs_spare(&self, sequencer: &Sequencer) -> bool {
        matches!(sequencer.phase, Phase::Draining(_)) && sequencer.needs_spare()
    }

    fn prepare(&mut self) {
        let prepared = self.write_zeros();
        let mut sequencer = self.shared.sequencer.lock();
        sequencer.spare = match prepared {
            Ok(file) => Spare::Ready(file),
            Err(error) => Spare::Unavailable(self.no_room(&error)),
        };
        let is_ready = matches!(sequencer.spare, Spare::Ready(_));
        let is_running = sequencer.phase == Phase::Running;
        drop(sequencer);
        self.shared.writer_wake.notify_one();
        if is_running {
            self.tell(if is_ready { Room::Ready } else { Room::Lacking });
        }
    }

    fn no_room(&self, error: &io::Error) -> String {
        format!(
            "no room for the next segment of the log in {} ({error}): free some space, the switch \
             goes on by itself",
            self.shared.folder.segments().display()
        )
    }

    /// Tells the operator when it changes, not with every try.
    fn tell(&mut self, room: Room) {
        if room == self.told {
            return;
        }
        self.told = room;
        let dir = self.shared.folder.segments();
        match room {
            Room::Ready => tracing::info!(dir = %dir.display(), "command log has room again"),
            Room::Lacking => tracing::error!(
                dir = %dir.display(),
                "command log has no room for its next segment, nothing is accepted"
            ),
        }
    }

    fn write_zeros(&self) -> io::Result<SpareFile> {
        let path = self.shared.folder.spare();
        let filled = self.fill_file();
        if filled.is_err() && path.exists() {
            // What was written of it would only make the disk fuller.
            fs::remove_file(&path)?;
        }
        filled
    }

    fn fill_file(&self) -> io::Result<SpareFile> {
        let file = create_file(&self.shared.folder.spare())?;
        for (at, size) in pieces(0, self.segment_size) {
            self.shared.disk.fill(&file, at, size)?;
            self.shared.disk.sync(&file)?;
            let has_ended = matches!(self.shared.sequencer.lock().phase, Phase::Ended(_));
            if has_ended {
                return Err(io::Error::other("the log has ended"));
            }
        }
        Ok(SpareFile {
            file,
            size: self.segment_size,
        })
    }

    /// Removes segments of which every record is released, from the oldest on.
    fn release(&self, released: &[u64]) {
        while let Some(segment) = self.take_released(released) {
            if let Err(error) = self.remove(&segment) {
                tracing::warn!(%error, path = %segment.path.display(), "released segment stays");
                return;
            }
            tracing::info!(path = %segment.path.display(), "segment of the log released");
        }
    }

    fn take_released(&self, released: &[u64]) -> Option<Segment> {
        let mut segments = self.shared.segments.lock();
        if segments.len() <= SEGMENTS_KEPT_MIN {
            return None;
        }
        let ends = &segments[1].header.start_offsets;
        let is_released = ends
            .iter()
            .zip(released)
            .all(|(end, released)| end <= released);
        is_released.then(|| segments.remove(0))
    }

    fn remove(&self, segment: &Segment) -> io::Result<()> {
        match self.shared.retention {
            Retention::Drop => fs::remove_file(&segment.path)?,
            Retention::Archive => {
                let archive = self.shared.folder.root().join(ARCHIVE_DIR);
                fs::create_dir_all(&archive)?;
                self.shared.disk.sync_names(self.shared.folder.root())?;
                let name = segment.path.file_name().unwrap_or_default();
                fs::rename(&segment.path, archive.join(name))?;
                self.shared.disk.sync_names(&archive)?;
            }
        }
        self.shared.disk.sync_names(&self.shared.folder.segments())
    }
}
