//! What one read of a connection brought: parked together, submitted together, answered together.
//!
//! The edge answers by itself only what was certainly not appended; whether money moves is decided
//! by the card (LINK-5).

use std::fmt;
use std::sync::Arc;

use tokio::task::JoinSet;
use tracing::{debug, error, warn};

use crate::answer::{AnswerError, Extra};
use crate::connection::{Connection, millis};
use crate::connections::Address;
use crate::decode::{Desk, mend};
use crate::listener::Listener;
use crate::metric_names::{FrameRefusal, gauge_step};
use crate::refusal::Refusal;
use crate::repeat::Parked;
use crate::response_code::ResponseCode;
use crate::spans::{Sampled, trace_context};
use crate::speech::{Managed, Speech};
use crate::translate::Translated;
use card::Command;
use command_log::{AppendError, NewRecord, RecordKind, TraceContext, envelope, partition_of};
use iso8583::{DecodeError, DecodeErrorKind, Message};
use link::ExchangeId;
use pan::PanHash;

/// The requests of one read, and the answers that the edge gives to some of them.
pub(crate) struct Batch {
    listener: Arc<Listener>,
    connection: Arc<Connection>,
    commands: Vec<Command>,
    requests: Vec<Parked>,
    traces: Vec<Option<TraceContext>>,
    parked: Vec<Result<ExchangeId, Parked>>,
    in_flight: Vec<ExchangeId>,
    edge_answers: Vec<u8>,
    /// Messages for the batch desk, which needs a while for each.
    desk: Vec<Vec<u8>>,
    /// Reconciliations of days that are being compared.
    aside: JoinSet<()>,
}

/// The peer's bytes make no sense: nothing more of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Garbage;

impl Batch {
    pub(crate) fn new(listener: Arc<Listener>, connection: Arc<Connection>) -> Self {
        Self {
            listener,
            connection,
            commands: Vec::new(),
            requests: Vec::new(),
            traces: Vec::new(),
            parked: Vec::new(),
            in_flight: Vec::new(),
            edge_answers: Vec::new(),
            desk: Vec::new(),
            aside: JoinSet::new(),
        }
    }

    /// Brings to hand what the frames' messages will be looked up by, in one go. A frame that cannot
    /// be read is left to [`Batch::add`]; a book that cannot be read refuses its look-ups there.
    pub(crate) async fn fetch_media(&self, frames: impl Iterator<Item = &[u8]>) {
        let dialect = self.listener.settings.dialect;
        let wanted: Vec<PanHash> = frames
            .filter_map(|body| Message::decode(dialect, body).ok())
            .filter(|message| Desk::of(message.mti()) == Desk::Card)
            .filter_map(|message| self.listener.wanted_medium(&message))
            .collect();
        if let Err(cause) = self.listener.shared.directory.media.fetch(&wanted).await {
            error!(%cause, "fetch the cards of a batch");
        }
    }

    /// Takes one frame in.
    ///
    /// # Errors
    /// [`Garbage`] when it is no message and no answer can be formed.
    pub(crate) fn add(&mut self, body: &[u8]) -> Result<(), Garbage> {
        let dialect = self.listener.settings.dialect;
        match Message::decode(dialect, body) {
            Ok(message) if self.is_for_batch_desk(&message) => self.desk.push(body.to_vec()),
            Ok(message) if self.is_of_a_day(&message) => self.answer_aside(body),
            Ok(message) => self.add_message(&message, body),
            Err(cause) if is_unknown_type(&cause) => {
                self.refuse_frame(FrameRefusal::UnknownType, &cause)
            }
            Err(cause) => {
                self.refuse_frame(FrameRefusal::Undecodable, &cause);
                let mended = mend(dialect, body, cause).ok_or(Garbage)?;
                let message = Message::decode(dialect, &mended).map_err(|_| Garbage)?;
                self.answer_message(&message, ResponseCode::FORMAT_ERROR);
            }
        }
        Ok(())
    }

    fn add_message(&mut self, message: &Message<'_>, body: &[u8]) {
        match Desk::of(message.mti()) {
            Desk::Card => match self.listener.translate(message) {
                Ok(Translated {
                    command,
                    mut parked,
                }) => {
                    let sampled = self.listener.shared.tracer.sample();
                    parked.sampled = sampled.map(Sampled::begin);
                    self.traces.push(sampled.map(trace_context));
                    self.commands.push(command);
                    self.requests.push(parked);
                }
                Err(refusal) => self.refuse_message(message, refusal),
            },
            Desk::Network => match self.listener.manage(message) {
                Ok(Managed::Done) => self.answer_message(message, ResponseCode::APPROVED),
                Ok(Managed::Parameters) => self.answer_parameters(message),
                Ok(Managed::CutOver) => self.answer_aside(body),
                Err(refusal) => self.refuse_message(message, refusal),
            },
            Desk::Nobody => {
                self.refuse_frame(FrameRefusal::UnknownType, &"not a request of an acquirer")
            }
        }
    }

    fn is_for_batch_desk(&self, message: &Message<'_>) -> bool {
        self.listener.speech == Speech::Pos
            && Desk::of(message.mti()) == Desk::Card
            && Listener::is_of_batch(message)
    }

    fn is_of_a_day(&self, message: &Message<'_>) -> bool {
        matches!(self.listener.speech, Speech::Interbank(_))
            && Desk::of(message.mti()) == Desk::Card
            && Listener::is_reconciliation(message)
    }

    /// Answers what an institution says of a day while its payments go on: all of them may come on one
    /// connection.
    fn answer_aside(&mut self, body: &[u8]) {
        while self.aside.try_join_next().is_some() {}
        let listener = Arc::clone(&self.listener);
        let connection = Arc::clone(&self.connection);
        let body = body.to_vec();
        self.aside.spawn(async move {
            let dialect = listener.settings.dialect;
            let Speech::Interbank(tongue) = listener.speech else {
                return; // Terminals settle batches.
            };
            let Ok(message) = Message::decode(dialect, &body) else {
                return; // It was decoded before.
            };
            let mut answer = Vec::new();
            let answering = &listener.answering;
            let (written, code) = match listener.say_of_day(&message, tongue).await {
                Ok(Some(reconciled)) => {
                    let told = (tongue, &reconciled);
                    let written = answering.reconciled(&message, told, &mut answer);
                    (written, ResponseCode::APPROVED)
                }
                Ok(None) => {
                    let told = (tongue, ResponseCode::APPROVED);
                    let written = answering.edge_to_institution(&message, told, &mut answer);
                    (written, ResponseCode::APPROVED)
                }
                Err(refusal) => {
                    debug!(listener = %listener.settings.name, %refusal, "refused about a day");
                    let told = (tongue, refusal.code());
                    let written = answering.edge_to_institution(&message, told, &mut answer);
                    (written, refusal.code())
                }
            };
            note_edge_answer(&listener, written.map_err(AnswerError::from), code);
            connection.answer_at_edge(&mut answer);
        });
    }

    /// Waits for what is done aside: nothing more will be read.
    pub(crate) async fn finish(&mut self) {
        while self.aside.join_next().await.is_some() {}
    }

    /// Answers what came for the batch desk, one after the other: a connection waits while its own
    /// batch is compared.
    pub(crate) async fn settle(&mut self) {
        for body in std::mem::take(&mut self.desk) {
            let listener = Arc::clone(&self.listener);
            let Ok(message) = Message::decode(listener.settings.dialect, &body) else {
                continue; // It was decoded before.
            };
            let (code, totals) = match listener.settle(&message).await {
                Ok(answer) => answer,
                Err(refusal) => {
                    debug!(listener = %listener.settings.name, %refusal, "refused at the batch desk");
                    (refusal.code(), None)
                }
            };
            let now = (listener.shared.clock)();
            let extra = Extra {
                totals: totals.as_deref(),
                ..Extra::default()
            };
            let answer = (code, extra);
            let written = listener
                .answering
                .desk(&message, answer, now, &mut self.edge_answers);
            self.note_edge_answer(written, code);
            self.connection.answer_at_edge(&mut self.edge_answers);
        }
    }

    /// Parks the requests, hands their commands to the log in one go, and queues edge answers.
    pub(crate) fn publish(&mut self) {
        if !self.commands.is_empty() {
            let records = self.park();
            self.submit(records);
        }
        self.connection.answer_at_edge(&mut self.edge_answers);
    }

    /// Parks what has room, the rest is refused. Returns the records of what was parked.
    fn park(&mut self) -> Vec<NewRecord> {
        let listener = Arc::clone(&self.listener);
        let shared = &listener.shared;
        let deadline_ms = shared.now_ms() + millis(self.connection.limits.reply_timeout);
        self.connection
            .park(&mut self.requests, deadline_ms, &mut self.parked);
        self.in_flight.clear();
        let mut records = Vec::with_capacity(self.parked.len());
        let mut refused = Vec::new();
        let commands = self.commands.drain(..).zip(self.traces.drain(..));
        for ((mut command, trace), parked) in commands.zip(self.parked.drain(..)) {
            let exchange = match parked {
                Ok(exchange) => exchange,
                Err(request) => {
                    refused.push(request);
                    continue;
                }
            };
            let address = Address {
                connection: self.connection.number,
                exchange,
            };
            command.reply_to = address.to_reply_to((shared.reply_partition, shared.incarnation));
            self.in_flight.push(exchange);
            records.push(NewRecord {
                partition: partition_of(command.card, shared.partition_count),
                kind: RecordKind::Command,
                payload: envelope::encode_command(&command),
                trace,
            });
        }
        self.refuse_requests(&refused, Refusal::Full);
        records
    }

    fn submit(&mut self, records: Vec<NewRecord>) {
        if records.is_empty() {
            return;
        }
        let shared = &self.listener.shared;
        shared
            .metrics
            .exchanges_in_flight
            .increment(gauge_step(records.len()));
        match (shared.submit)(records) {
            Ok(()) => {}
            Err(AppendError::NotAppended(cause)) => {
                warn!(%cause, listener = %self.listener.settings.name, "submit commands");
                let requests = self.connection.unpark(self.in_flight.drain(..));
                shared
                    .metrics
                    .exchanges_in_flight
                    .decrement(gauge_step(requests.len()));
                self.refuse_requests(&requests, Refusal::NotAppended);
            }
            // No answer: the deadline takes the exchanges away, a reversal settles the fate.
            Err(AppendError::Unknown(cause)) => {
                error!(%cause, listener = %self.listener.settings.name, "submit commands");
            }
        }
    }

    fn refuse_requests(&mut self, requests: &[Parked], refusal: Refusal) {
        let now = (self.listener.shared.clock)();
        for request in requests {
            debug!(terminal = %request.place.terminal, %refusal, "refused at the edge");
            let answer = &mut self.edge_answers;
            let written = self
                .listener
                .answering
                .refusal(request, refusal.code(), now, answer);
            self.note_edge_answer(written, refusal.code());
        }
    }

    fn refuse_message(&mut self, message: &Message<'_>, refusal: Refusal) {
        debug!(listener = %self.listener.settings.name, mti = %message.mti(), %refusal,
            "refused at the edge");
        self.answer_message(message, refusal.code());
    }

    fn answer_message(&mut self, message: &Message<'_>, code: ResponseCode) {
        let now = (self.listener.shared.clock)();
        let written = self
            .listener
            .answering
            .edge(message, code, now, &mut self.edge_answers);
        self.note_edge_answer(written, code);
    }

    fn answer_parameters(&mut self, message: &Message<'_>) {
        let now = (self.listener.shared.clock)();
        let parameters = &*self.listener.settings.terminal_parameters;
        let extra = Extra {
            parameters: (!parameters.is_empty()).then_some(parameters),
            ..Extra::default()
        };
        let answer = (ResponseCode::APPROVED, extra);
        let written = self
            .listener
            .answering
            .desk(message, answer, now, &mut self.edge_answers);
        self.note_edge_answer(written, ResponseCode::APPROVED);
    }

    fn note_edge_answer(&self, written: Result<(), AnswerError>, code: ResponseCode) {
        note_edge_answer(&self.listener, written, code);
    }

    fn refuse_frame(&self, reason: FrameRefusal, cause: &dyn fmt::Display) {
        debug!(listener = %self.listener.settings.name, %cause, "frame refused");
        self.listener.shared.metrics.frame_refused(reason);
    }
}

fn note_edge_answer(listener: &Listener, written: Result<(), AnswerError>, code: ResponseCode) {
    match written {
        Ok(()) => listener.shared.metrics.edge_answered(code),
        Err(cause) => error!(%cause, "encode an answer"),
    }
}

fn is_unknown_type(error: &DecodeError) -> bool {
    matches!(error.kind, DecodeErrorKind::UnknownMti { .. })
}
