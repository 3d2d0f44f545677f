//! A caller of the endpoint: what the command line uses while a switch runs.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::refusal::RefusalTold;
use crate::server::IDEMPOTENCY_KEY;
use crate::token::Token;

/// Longer than the endpoint waits for a decision, and for the marks of a cut.
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// The longest answer: a float of many programmes by account.
const ANSWER_SIZE_MAX: usize = 16 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens there: the switch does not run.
    #[error("nobody listens on {0}")]
    NotRunning(SocketAddr),
    /// Something went wrong on the way; whether it was done is not known.
    #[error("ask {address}: {reason}")]
    Failed {
        /// Whom.
        address: SocketAddr,
        /// What went wrong.
        reason: String,
    },
    /// The endpoint said no.
    #[error("{}", told.message)]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it said.
        told: RefusalTold,
    },
}

/// Asks one endpoint.
#[derive(Debug, Clone)]
pub struct Client {
    address: SocketAddr,
    token: Token,
}

/// An answer that is no refusal; 409 when a card declined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON.
    pub body: Value,
}

impl Client {
    /// A client of the endpoint at this address.
    #[must_use]
    pub fn new(address: SocketAddr, token: Token) -> Self {
        Self { address, token }
    }

    /// Asks with GET.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn get(&self, path: &str) -> Result<ClientAnswer, ClientError> {
        let request = Request::builder().method(Method::GET).uri(path);
        self.ask(request, Bytes::new()).await
    }

    /// Asks with POST. The key names the request, so that it may be repeated.
    ///
    /// # Errors
    /// As [`ClientError`] says.
    pub async fn post(
        &self,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<ClientAnswer, ClientError> {
        let mut request = Request::builder().method(Method::POST).uri(path);
        request = request.header(CONTENT_TYPE, "application/json");
        if let Some(key) = key {
            request = request.header(IDEMPOTENCY_KEY, key);
        }
        self.ask(request, Bytes::from(body.to_string())).await
    }

    async fn ask(
        &self,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<ClientAnswer, ClientError> {
        let bearer = format!("Bearer {}", self.token.expose());
        let request = request
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, bearer)
            .body(Full::new(body))
            .map_err(|error| self.failed(&error))?;
        let stream = self.connect().await?;
        let answer = tokio::time::timeout(ANSWER_PATIENCE, self.exchange(stream, request)).await;
        answer.map_err(|_| self.failed(&"no answer came in time"))?
    }

    async fn connect(&self) -> Result<TcpStream, ClientError> {
        let connecting = TcpStream::connect(self.address);
        match tokio::time::timeout(CONNECT_PATIENCE, connecting).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Err(ClientError::NotRunning(self.address))
            }
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.failed(&"no connection came about in time")),
        }
    }

    async fn exchange(
        &self,
        stream: TcpStream,
        request: Request<Full<Bytes>>,
    ) -> Result<ClientAnswer, ClientError> {
        let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = shaken.map_err(|error| self.failed(&error))?;
        let asking = async {
            let response = sender.send_request(request).await;
            let response = response.map_err(|error| self.failed(&error))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), ANSWER_SIZE_MAX)
                .collect()
                .await;
            let body = body.map_err(|error| self.failed(&error))?.to_bytes();
            let body: Value = serde_json::from_slice(&body).map_err(|error| self.failed(&error))?;
            Ok((status, body))
        };
        let mut asking = std::pin::pin!(asking);
        // The connection moves the bytes; it ends after the answer at the earliest.
        let (status, body) = tokio::select! {
            biased;
            answer = &mut asking => answer?,
            ended = connection => {
                tracing::debug!(?ended, "connection ended");
                asking.await?
            }
        };
        if let Ok(told) = serde_json::from_value::<RefusalTold>(body.clone()) {
            return Err(ClientError::Refused { status, told });
        }
        Ok(ClientAnswer { status, body })
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ClientError {
        ClientError::Failed {
            address: self.address,
            reason: error.to_string(),
        }
    }
}
