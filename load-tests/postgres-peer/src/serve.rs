//! The link: frames in, jobs for the sessions, answers out, all that are ready in one write.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::books::{BooksError, Job, Session};
use crate::payment::{Outcome, Payment, answer, hasher};
use iso8583::frame::{NextFrame, next_frame};
use iso8583::{Dialect, Message};
use pan::PanHasher;

/// Payments that wait for a session, and answers that wait for one connection.
const WAITING_MAX: usize = 4_096;
const READ_SIZE: usize = 64 * 1_024;

/// How the database is used.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    pub(crate) database: String,
    pub(crate) sessions: usize,
    pub(crate) gather: usize,
}

/// Why the peer does not serve.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServeError {
    #[error(transparent)]
    Books(#[from] BooksError),
    #[error("listen on {0}: {1}")]
    Listen(String, io::Error),
}

/// Serves until the process is ended.
pub(crate) async fn serve(listen: &str, pool: &Pool) -> Result<(), ServeError> {
    let (jobs, queue) = mpsc::channel(WAITING_MAX);
    let queue = Arc::new(Mutex::new(queue));
    let mut tasks = JoinSet::new();
    for _ in 0..pool.sessions {
        let session = Session::open(&pool.database, pool.gather).await?;
        tasks.spawn(session.work(Arc::clone(&queue)));
    }
    let cannot = |source| ServeError::Listen(listen.to_owned(), source);
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(cannot)?;
        tasks.spawn(converse(stream, jobs.clone()));
    }
}

/// One connection; it ends when either half does.
async fn converse(stream: TcpStream, jobs: mpsc::Sender<Job>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let (reader, writer) = stream.into_split();
    let (answers, outbox) = mpsc::channel(WAITING_MAX);
    let mut writing = JoinSet::new();
    writing.spawn(write_answers(outbox, writer));
    let link = Link {
        hasher: hasher(),
        jobs,
        answers,
    };
    // Whoever broke it off knows.
    drop(link.read(reader).await);
    writing.join_next().await;
}

struct Link {
    hasher: PanHasher,
    jobs: mpsc::Sender<Job>,
    answers: mpsc::Sender<(Vec<u8>, Outcome)>,
}

impl Link {
    async fn read(self, mut reader: OwnedReadHalf) -> io::Result<()> {
        let mut buffer = Vec::with_capacity(READ_SIZE);
        while reader.read_buf(&mut buffer).await? > 0 {
            let mut consumed = 0;
            loop {
                let rest = buffer.get(consumed..).unwrap_or_default();
                match next_frame(Dialect::pos(), rest).map_err(io::Error::other)? {
                    NextFrame::Idle { consumed: idle } => consumed += idle,
                    NextFrame::Incomplete { .. } => break,
                    NextFrame::Frame {
                        body,
                        consumed: taken,
                    } => {
                        let body = rest.get(body).unwrap_or_default().to_vec();
                        self.take(body).await?;
                        consumed += taken;
                    }
                }
            }
            buffer.drain(..consumed);
        }
        Ok(())
    }

    async fn take(&self, request: Vec<u8>) -> io::Result<()> {
        let message = Message::decode(Dialect::pos(), &request).map_err(io::Error::other)?;
        let payment = Payment::read(&message, &self.hasher);
        let answers = self.answers.clone();
        let sent = match payment {
            Ok(payment) => {
                let job = Job {
                    payment,
                    request,
                    answers,
                };
                self.jobs.send(job).await.is_ok()
            }
            Err(code) => {
                let code = code.to_owned();
                let refused = Outcome { code, version: 0 };
                answers.send((request, refused)).await.is_ok()
            }
        };
        if sent {
            Ok(())
        } else {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
}

async fn write_answers(mut outbox: mpsc::Receiver<(Vec<u8>, Outcome)>, mut writer: OwnedWriteHalf) {
    let mut ready = Vec::new();
    let mut bytes = Vec::new();
    while outbox.recv_many(&mut ready, WAITING_MAX).await > 0 {
        bytes.clear();
        for (request, outcome) in ready.drain(..) {
            answer(&request, &outcome, &mut bytes);
        }
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
