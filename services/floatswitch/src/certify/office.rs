//! The back office's side of a script, through the switch's operations endpoint: what the books say of
//! a card, loss reports.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::certify::script::{CardSetup, Figure, OfficeAct};
use crate::exit::Failure;
use operations::{CardTold, Client, ClientError, Token};

/// Asks the endpoint; without one, says that it is needed.
pub(super) struct Office {
    client: Option<Client>,
    /// Names requests so that each is done once.
    run: String,
    asked_count: u32,
}

impl Office {
    /// An office with an endpoint and its token, or one that knows nothing.
    pub(super) fn new(endpoint: Option<(SocketAddr, Token)>, run: String) -> Self {
        Self {
            client: endpoint.map(|(address, token)| Client::new(address, token)),
            run,
            asked_count: 0,
        }
    }

    /// A figure of a card, or why it cannot be known.
    pub(super) async fn figure(&self, card: &CardSetup, figure: Figure) -> Result<u64, String> {
        let body = json!({ "number": card.pan.expose() });
        let told = self.ask("/v1/cards/show", None, &body).await?;
        let told: CardTold = serde_json::from_value(told).map_err(|error| error.to_string())?;
        Ok(match figure {
            Figure::Ledger => told.posted_fen,
            Figure::Held => told.held_fen,
            Figure::Postings => told.posting_count.into(),
        })
    }

    /// Reports a card lost, or lifts the report; says what the card decided.
    pub(super) async fn act(&mut self, card: &CardSetup, act: OfficeAct) -> Result<String, String> {
        self.asked_count += 1;
        let key = format!("{}-{}", self.run, self.asked_count);
        let number = card.pan.expose();
        let (path, body) = match act {
            OfficeAct::Loss(form) => ("/v1/cards/loss", json!({ "number": number, "form": form })),
            OfficeAct::Unfreeze => ("/v1/cards/unfreeze", json!({ "number": number })),
        };
        let told = self.ask(path, Some(&key), &body).await?;
        Ok(told["outcome"].as_str().unwrap_or("nothing").to_owned())
    }

    async fn ask(&self, path: &str, key: Option<&str>, body: &Value) -> Result<Value, String> {
        let Some(client) = &self.client else {
            return Err("needs --operations HOST:PORT and --token-file".to_owned());
        };
        match client.post(path, key, body).await {
            Ok(answer) => Ok(answer.body),
            Err(ClientError::Refused { told, .. }) => Err(told.message),
            Err(error @ (ClientError::NotRunning(_) | ClientError::Failed { .. })) => {
                Err(error.to_string())
            }
        }
    }
}

/// Reads the two options that name an endpoint.
pub(super) fn endpoint(
    operations: Option<&str>,
    token_file: Option<&std::path::Path>,
) -> Result<Option<(SocketAddr, Token)>, Failure> {
    let (Some(operations), Some(token_file)) = (operations, token_file) else {
        return match operations.or(token_file.map(|_| "")) {
            None => Ok(None),
            Some(_) => Err(Failure::usage("name both --operations and --token-file")),
        };
    };
    let address = operations
        .parse()
        .map_err(|error| Failure::usage(format!("--operations {operations}: {error}")))?;
    Ok(Some((
        address,
        Token::load(token_file).map_err(Failure::usage)?,
    )))
}
