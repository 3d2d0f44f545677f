//! The one task that writes the record file.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::error::SimError;
use super::record::HEADER;

/// What was answered is in the file after this time at the latest.
const FLUSH_EVERY: Duration = Duration::from_millis(100);
/// Batches of lines on their way to the file; connections wait when it is full.
const BATCHES_MAX: usize = 1_024;
const BUFFER_SIZE: usize = 1 << 20;

/// The file being written.
#[derive(Debug)]
pub(crate) struct Recorder {
    path: Box<Path>,
    task: JoinHandle<io::Result<()>>,
}

impl Recorder {
    /// Creates the file. Lines sent on the returned channel are appended to it.
    ///
    /// # Errors
    /// [`SimError::Record`] when the file cannot be created.
    pub(crate) fn start(path: &Path) -> Result<(Self, Sender<Vec<u8>>), SimError> {
        let file = File::create(path).map_err(|source| SimError::Record {
            path: path.to_path_buf(),
            source,
        })?;
        let (sender, lines) = channel(BATCHES_MAX);
        let task = tokio::spawn(write_lines(file, lines));
        Ok((
            Self {
                path: path.into(),
                task,
            },
            sender,
        ))
    }

    /// Waits until all is written; every sender must be gone.
    ///
    /// # Errors
    /// [`SimError::Record`] when a write failed, now or earlier.
    pub(crate) async fn finish(self) -> Result<(), SimError> {
        let written = self.task.await.map_err(|_| SimError::Panicked)?;
        written.map_err(|source| SimError::Record {
            path: self.path.into_path_buf(),
            source,
        })
    }
}

async fn write_lines(file: File, mut lines: Receiver<Vec<u8>>) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(BUFFER_SIZE, file);
    let mut flush = interval(FLUSH_EVERY);
    flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
    file.write_all(HEADER.as_bytes())?;
    loop {
        tokio::select! {
            // Receiving is cancel safe: a batch is either here or still in the channel.
            batch = lines.recv() => match batch {
                Some(batch) => file.write_all(&batch)?,
                None => return file.flush(),
            },
            _ = flush.tick() => file.flush()?,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_follow_the_header() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record.csv");
        let (recorder, sender) = Recorder::start(&path).unwrap();
        sender.send(b"one\n".to_vec()).await.unwrap();
        sender.send(b"two\nthree\n".to_vec()).await.unwrap();
        drop(sender);
        recorder.finish().await.unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.strip_prefix(HEADER).unwrap(), "one\ntwo\nthree\n");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_an_error() {
        let error = Recorder::start(Path::new("/nowhere/record.csv")).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert!(error.to_string().contains("/nowhere/record.csv"));
    }
}
