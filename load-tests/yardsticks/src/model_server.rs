//! Y2, server side: the switch's skeleton without ISO 8583 and rules.
//!
//! Connections read frames and hand them to the journal thread; it answers after the sync.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::frame::{FrameReader, IN_FLIGHT_MAX};
use crate::model_journal::{self, JournalCounts, Request};
use crate::report::{Report, YardstickError};
use crate::ring_file::RingFile;

#[derive(Debug, clap::Args)]
pub(crate) struct ModelServerArgs {
    /// Folder for the journal, on the disk to measure.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:7412")]
    listen: String,
    /// How long to serve; SIGTERM ends it earlier.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
}

/// What the journal did while the server was up.
#[derive(Debug, Serialize)]
pub(crate) struct ModelServerReport {
    #[serde(flatten)]
    counts: JournalCounts,
    records_per_sync: u64,
}

impl Report for ModelServerReport {}

impl fmt::Display for ModelServerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let JournalCounts { records, syncs } = self.counts;
        write!(
            f,
            "{records} records in {syncs} syncs, {} per sync",
            self.records_per_sync
        )
    }
}

pub(crate) async fn run(args: &ModelServerArgs) -> Result<ModelServerReport, YardstickError> {
    let listener = TcpListener::bind(&args.listen)
        .await
        .map_err(YardstickError::io("listen; is another server on this port"))?;
    let mut terminated =
        signal(SignalKind::terminate()).map_err(YardstickError::io("wait for SIGTERM"))?;
    let duration = Duration::from_secs(args.seconds);
    let end = async move {
        tokio::select! {
            () = sleep(duration) => {}
            _ = terminated.recv() => {}
        }
    };
    let counts = serve(listener, &args.dir, end).await?;
    let records_per_sync = counts.records / counts.syncs.max(1);
    Ok(ModelServerReport {
        counts,
        records_per_sync,
    })
}

/// Serves until `end`, then waits for the journal to finish what it has.
pub(crate) async fn serve(
    listener: TcpListener,
    dir: &Path,
    end: impl Future<Output = ()>,
) -> Result<JournalCounts, YardstickError> {
    let mut ring = RingFile::create(dir).map_err(YardstickError::io(
        "preallocate the file; is --dir a folder with 256 MiB free",
    ))?;
    let (requests, inbox) = sync_channel(IN_FLIGHT_MAX);
    let journal = thread::spawn(move || model_journal::run(&inbox, &mut ring));
    tokio::select! {
        accepted = accept(listener, requests) => accepted?,
        () = end => {}
    }
    // The connections and their senders are gone now, so the journal ends too.
    let counts = tokio::task::spawn_blocking(move || journal.join())
        .await
        .map_err(|_| YardstickError::Panicked)?
        .map_err(|_| YardstickError::Panicked)?;
    counts.map_err(YardstickError::io("sync the journal"))
}

async fn accept(
    listener: TcpListener,
    requests: SyncSender<Request>,
) -> Result<(), YardstickError> {
    let mut connections = JoinSet::new();
    for connection in 0.. {
        let (stream, _) = listener
            .accept()
            .await
            .map_err(YardstickError::io("accept a connection"))?;
        connections.spawn(converse(connection, stream, requests.clone()));
        while connections.try_join_next().is_some() {}
    }
    Ok(())
}

/// One connection; ends when either half does.
async fn converse(connection: usize, stream: TcpStream, requests: SyncSender<Request>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let (answers, outbox) = channel(IN_FLIGHT_MAX);
    let mut writing = JoinSet::new();
    writing.spawn(write_answers(outbox, writer));
    // A connection that breaks or overfills the inbox is dropped; its client reports it.
    drop(read_requests(connection, reader, requests, answers).await);
}

async fn read_requests(
    connection: usize,
    mut reader: OwnedReadHalf,
    requests: SyncSender<Request>,
    answers: Sender<Vec<u8>>,
) -> io::Result<()> {
    let mut frames = FrameReader::new();
    let mut refused = false;
    loop {
        let read = frames.read(&mut reader, |frame| {
            let request = Request {
                connection,
                frame: *frame,
                answers: answers.clone(),
            };
            refused |= requests.try_send(request).is_err();
        });
        if read.await?.is_none() || refused {
            return Ok(());
        }
    }
}

/// Everything that is ready goes out in one write.
async fn write_answers(mut outbox: Receiver<Vec<u8>>, mut writer: OwnedWriteHalf) {
    while let Some(mut bytes) = outbox.recv().await {
        while let Ok(more) = outbox.try_recv() {
            bytes.extend_from_slice(&more);
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_client::{Load, drive};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_answer_is_a_synced_record() {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let client = tokio::spawn(async move {
            let load = Load {
                connections: 4,
                in_flight: 8,
                duration: Duration::from_millis(300),
            };
            let summary = drive(&address, load).await.unwrap();
            stop.send(()).unwrap();
            summary
        });
        let end = async { stopped.await.unwrap() };
        let counts = serve(listener, dir.path(), end).await.unwrap();
        let summary = client.await.unwrap();
        assert!(summary.count > 0);
        assert!(counts.records >= summary.count, "{counts:?} {summary:?}");
        assert!(counts.syncs <= counts.records);
    }
}
