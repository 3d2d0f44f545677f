//! One connection from its first byte to its last: a reader and a writer in one task.
//!
//! The reader turns each read into one batch for the log; the writer turns all answers that are
//! ready into one write. When the peer stops sending, or we are told to stop, the reader ends first
//! and the writer closes after the last answer.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tracing::{debug, error};

use crate::connection::{Answer, Connection, Rest, WriterTask};
use crate::frame::ReadBuffer;
use crate::listener::Listener;
use crate::metric_names::{Cut, FrameRefusal, gauge_step};
use crate::publish::{Batch, Garbage};

/// Capacity that a write buffer keeps between writes.
const WRITE_CAPACITY_KEPT: usize = 64 * 1_024;

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConverseError {
    #[error("read from the peer: {0}")]
    Read(io::Error),
    #[error("write to the peer: {0}")]
    Write(io::Error),
}

/// Serves a connection until both sides are done with it.
///
/// # Errors
/// [`ConverseError`] when the peer broke it off.
pub(crate) async fn converse(
    listener: Arc<Listener>,
    connection: Arc<Connection>,
    mut stream: TcpStream,
) -> Result<(), ConverseError> {
    let (read_half, write_half) = stream.split();
    let mut writer = Writer::new(&listener, &connection, write_half);
    let mut reader = Reader::new(&listener, &connection, read_half);
    let reading = async {
        reader.run().await?;
        reader.batch.finish().await;
        connection.end_reading();
        // The writer decides when the connection is over.
        std::future::pending().await
    };
    tokio::select! {
        written = writer.run() => written,
        read = reading => read,
    }
}

struct Reader<'c> {
    listener: &'c Listener,
    connection: &'c Connection,
    stream: ReadHalf<'c>,
    buffer: ReadBuffer,
    /// Whole frames of the last read, as places in the buffer.
    frames: Vec<Range<usize>>,
    batch: Batch,
}

impl<'c> Reader<'c> {
    fn new(
        listener: &'c Arc<Listener>,
        connection: &'c Arc<Connection>,
        stream: ReadHalf<'c>,
    ) -> Self {
        let settings = &listener.settings;
        Self {
            listener,
            connection,
            stream,
            buffer: ReadBuffer::new(settings.dialect, settings.frame_size_max),
            frames: Vec::new(),
            batch: Batch::new(Arc::clone(listener), Arc::clone(connection)),
        }
    }

    /// Reads until the peer closes, sends garbage, or we shall stop.
    async fn run(&mut self) -> Result<(), ConverseError> {
        while !self.connection.is_stopping() {
            if !self.connection.may_read() {
                self.wait_for_room().await;
                continue;
            }
            // Cancel safe: a read that loses has taken nothing from the stream.
            let read = tokio::select! {
                read = self.stream.read_buf(self.buffer.space()) => read,
                () = self.connection.reader_wake.notified() => continue,
            };
            if read.map_err(ConverseError::Read)? == 0 {
                return Ok(());
            }
            let cut = self.cut();
            if self.listener.shared.directory.media.is_remote() {
                let frames = self
                    .frames
                    .iter()
                    .map(|place| self.buffer.body(place.clone()));
                self.batch.fetch_media(frames).await;
            }
            let cut = self.add_frames().and(cut);
            self.batch.publish();
            self.batch.settle().await;
            if cut.is_err() {
                self.listener.shared.metrics.connection_cut(Cut::Garbage);
                debug!(listener = %self.listener.settings.name, "connection cut: garbage");
                return Ok(());
            }
        }
        Ok(())
    }

    /// Waits until the peer has taken answers. A frame that has started is not late meanwhile,
    /// because it is us who do not read its rest.
    async fn wait_for_room(&mut self) {
        let activity = &self.connection.activity;
        activity.note_pause();
        self.connection.reader_wake.notified().await;
        activity.note_resume(self.listener.shared.now_ms(), self.rest());
    }

    fn rest(&self) -> Rest {
        if self.buffer.has_rest() {
            Rest::Some
        } else {
            Rest::None
        }
    }

    /// Cuts all whole frames, up to the first bytes that make no sense.
    fn cut(&mut self) -> Result<(), Garbage> {
        let now_ms = self.listener.shared.now_ms();
        self.frames.clear();
        loop {
            match self.buffer.next_frame() {
                Ok(Some(place)) => self.frames.push(place),
                Ok(None) => break,
                Err(reason) => return Err(self.refuse(reason)),
            }
        }
        let rest = self.rest();
        self.connection
            .activity
            .note_read(now_ms, self.frames.len(), rest);
        Ok(())
    }

    /// Takes the frames into the batch, in order.
    fn add_frames(&mut self) -> Result<(), Garbage> {
        for place in self.frames.drain(..) {
            self.batch.add(self.buffer.body(place))?;
        }
        Ok(())
    }

    fn refuse(&self, reason: FrameRefusal) -> Garbage {
        self.listener.shared.metrics.frame_refused(reason);
        Garbage
    }
}

struct Writer<'c> {
    listener: &'c Listener,
    connection: &'c Connection,
    stream: WriteHalf<'c>,
    answers: Vec<Answer>,
    bytes: Vec<u8>,
}

impl<'c> Writer<'c> {
    fn new(listener: &'c Listener, connection: &'c Connection, stream: WriteHalf<'c>) -> Self {
        Self {
            listener,
            connection,
            stream,
            answers: Vec::new(),
            bytes: Vec::new(),
        }
    }

    /// Writes what is ready, all of it at once, until nothing more comes.
    async fn run(&mut self) -> Result<(), ConverseError> {
        loop {
            match self
                .connection
                .take_ready(&mut self.answers, &mut self.bytes)
            {
                WriterTask::Write => self.write().await.map_err(ConverseError::Write)?,
                WriterTask::Wait => self.connection.writer_wake.notified().await,
                WriterTask::Close => break,
            }
        }
        self.stream.shutdown().await.map_err(ConverseError::Write)
    }

    async fn write(&mut self) -> io::Result<()> {
        self.encode();
        let shared = &self.listener.shared;
        self.connection.activity.write_started(shared.now_ms());
        self.stream.write_all(&self.bytes).await?;
        self.connection.activity.write_ended();
        self.connection.written();
        self.bytes.clear();
        self.bytes.shrink_to(WRITE_CAPACITY_KEPT);
        Ok(())
    }

    fn encode(&mut self) {
        let shared = &self.listener.shared;
        shared
            .metrics
            .exchanges_in_flight
            .decrement(gauge_step(self.answers.len()));
        for Answer { reply, parked } in self.answers.drain(..) {
            if let Err(cause) = self
                .listener
                .answering
                .reply(&parked, &reply, &mut self.bytes)
            {
                error!(%cause, position = %reply.position, "encode an answer");
            }
            if let Some(sampled) = &parked.sampled {
                let acquirer = self.listener.settings.acquirer;
                sampled.answered(&shared.tracer, &reply, acquirer);
            }
        }
    }
}
