//! What is asked of a card, in the log's bytes.

use bytes::Bytes;

use crate::envelope::{EnvelopeError, array, small, wire};
use card::{
    Adjusted, CompletionForm, CreditSource, LegKey, LossForm, OriginalRef, ProgrammeId,
    ReplaceReason, Request, Version,
};
use money::Amount;

pub(crate) fn split_request(
    request: &Request,
) -> (wire::RequestKind, Amount, Option<&OriginalRef>) {
    use wire::RequestKind as Kind;
    match request {
        Request::BalanceInquiry => (Kind::BalanceInquiry, Amount::ZERO, None),
        Request::AccountCheck => (Kind::AccountCheck, Amount::ZERO, None),
        Request::Purchase { amount } => (Kind::Purchase, *amount, None),
        Request::Void { amount, original } => (Kind::Void, *amount, Some(original)),
        Request::Refund { amount, original } => (Kind::Refund, *amount, Some(original)),
        Request::PreAuth { amount } => (Kind::PreAuth, *amount, None),
        Request::PreAuthVoid { amount, original } => (Kind::PreAuthVoid, *amount, Some(original)),
        Request::Completion {
            amount,
            original,
            form: CompletionForm::Request,
        } => (Kind::CompletionRequest, *amount, Some(original)),
        Request::Completion {
            amount,
            original,
            form: CompletionForm::Advice,
        } => (Kind::CompletionAdvice, *amount, Some(original)),
        Request::CompletionVoid { amount, original } => {
            (Kind::CompletionVoid, *amount, Some(original))
        }
        Request::OfflineSale { amount, original } => (Kind::OfflineSale, *amount, Some(original)),
        Request::Adjust {
            amount, original, ..
        } => (Kind::Adjust, *amount, Some(original)),
        Request::Reversal { amount, original } => (Kind::Reversal, *amount, Some(original)),
        Request::DirectCredit { amount, .. } => (Kind::DirectCredit, *amount, None),
        Request::CreditConfirm {
            amount, original, ..
        } => (Kind::CreditConfirm, *amount, Some(original)),
        Request::Issue { amount, .. } => (Kind::Issue, *amount, None),
        Request::ReportLoss { .. } => (Kind::ReportLoss, Amount::ZERO, None),
        Request::LiftLoss => (Kind::LiftLoss, Amount::ZERO, None),
        Request::Replace { .. } => (Kind::Replace, Amount::ZERO, None),
    }
}

pub(crate) fn request_from_wire(
    envelope: &wire::CommandEnvelope,
) -> Result<Request, EnvelopeError> {
    use wire::RequestKind as Kind;
    let amount =
        Amount::from_minor(envelope.amount_minor).map_err(|_| EnvelopeError::Field("amount"))?;
    let kind = Kind::try_from(envelope.kind).map_err(|_| EnvelopeError::Field("request kind"))?;
    Ok(match kind {
        Kind::Unspecified => return Err(EnvelopeError::Field("request kind")),
        Kind::BalanceInquiry => Request::BalanceInquiry,
        Kind::AccountCheck => Request::AccountCheck,
        Kind::Purchase => Request::Purchase { amount },
        Kind::PreAuth => Request::PreAuth { amount },
        Kind::DirectCredit => Request::DirectCredit {
            amount,
            source: source(envelope)?,
        },
        Kind::Issue => Request::Issue {
            programme: ProgrammeId(small(envelope.programme, "programme")?),
            expiry: small(envelope.expiry, "expiry")?,
            amount,
            source: source(envelope)?,
        },
        Kind::ReportLoss => Request::ReportLoss {
            form: loss_form(envelope)?,
        },
        Kind::LiftLoss => Request::LiftLoss,
        Kind::Replace => Request::Replace {
            medium: small(envelope.replacement, "replacement")?,
            reason: replace_reason(envelope)?,
        },
        Kind::Void
        | Kind::Refund
        | Kind::PreAuthVoid
        | Kind::CompletionRequest
        | Kind::CompletionAdvice
        | Kind::CompletionVoid
        | Kind::Reversal
        | Kind::OfflineSale
        | Kind::Adjust
        | Kind::CreditConfirm => {
            let original = original_from_wire(envelope.original.as_ref())?;
            return acting_on(original, amount, kind, envelope);
        }
    })
}

/// A request that points at an earlier one.
fn acting_on(
    original: OriginalRef,
    amount: Amount,
    kind: wire::RequestKind,
    envelope: &wire::CommandEnvelope,
) -> Result<Request, EnvelopeError> {
    use wire::RequestKind as Kind;
    let completion = |form| Request::Completion {
        amount,
        original,
        form,
    };
    Ok(match kind {
        Kind::Void => Request::Void { amount, original },
        Kind::Refund => Request::Refund { amount, original },
        Kind::PreAuthVoid => Request::PreAuthVoid { amount, original },
        Kind::CompletionRequest => completion(CompletionForm::Request),
        Kind::CompletionAdvice => completion(CompletionForm::Advice),
        Kind::CompletionVoid => Request::CompletionVoid { amount, original },
        Kind::Reversal => Request::Reversal { amount, original },
        Kind::OfflineSale => Request::OfflineSale { amount, original },
        Kind::Adjust => Request::Adjust {
            amount,
            original,
            what: adjusted(envelope)?,
        },
        Kind::CreditConfirm => Request::CreditConfirm {
            amount,
            source: source(envelope)?,
            original,
        },
        Kind::Unspecified
        | Kind::BalanceInquiry
        | Kind::AccountCheck
        | Kind::Purchase
        | Kind::PreAuth
        | Kind::DirectCredit
        | Kind::Issue
        | Kind::ReportLoss
        | Kind::LiftLoss
        | Kind::Replace => return Err(EnvelopeError::Field("request kind")),
    })
}

/// Writes what only some requests have.
pub(crate) fn put_particulars(request: &Request, envelope: &mut wire::CommandEnvelope) {
    match request {
        Request::DirectCredit { source, .. } | Request::CreditConfirm { source, .. } => {
            envelope.source = source_to_wire(*source).into();
        }
        Request::Issue {
            programme,
            expiry,
            source,
            ..
        } => {
            envelope.source = source_to_wire(*source).into();
            envelope.programme = u32::from(programme.0);
            envelope.expiry = u32::from(*expiry);
        }
        Request::Adjust { what, .. } => {
            envelope.adjusted = match what {
                Adjusted::Sale => wire::Adjusted::Sale.into(),
                Adjusted::Tip => wire::Adjusted::Tip.into(),
            };
        }
        Request::ReportLoss { form } => {
            envelope.loss_form = match form {
                LossForm::Formal => wire::LossForm::Formal.into(),
                LossForm::Temporary => wire::LossForm::Temporary.into(),
            };
        }
        Request::Replace { medium, reason } => {
            envelope.replacement = u32::from(*medium);
            envelope.replace_reason = match reason {
                ReplaceReason::Lost => wire::ReplaceReason::Lost.into(),
                ReplaceReason::Damaged => wire::ReplaceReason::Damaged.into(),
            };
        }
        Request::BalanceInquiry
        | Request::AccountCheck
        | Request::Purchase { .. }
        | Request::Void { .. }
        | Request::Refund { .. }
        | Request::PreAuth { .. }
        | Request::PreAuthVoid { .. }
        | Request::Completion { .. }
        | Request::OfflineSale { .. }
        | Request::CompletionVoid { .. }
        | Request::Reversal { .. }
        | Request::LiftLoss => {}
    }
}

fn adjusted(envelope: &wire::CommandEnvelope) -> Result<Adjusted, EnvelopeError> {
    match wire::Adjusted::try_from(envelope.adjusted) {
        Ok(wire::Adjusted::Sale) => Ok(Adjusted::Sale),
        Ok(wire::Adjusted::Tip) => Ok(Adjusted::Tip),
        Ok(wire::Adjusted::Unspecified) | Err(_) => Err(EnvelopeError::Field("adjustment")),
    }
}

/// A loss report of before the temporary ones says nothing and is formal.
fn loss_form(envelope: &wire::CommandEnvelope) -> Result<LossForm, EnvelopeError> {
    match wire::LossForm::try_from(envelope.loss_form) {
        Ok(wire::LossForm::Formal) => Ok(LossForm::Formal),
        Ok(wire::LossForm::Temporary) => Ok(LossForm::Temporary),
        Err(_) => Err(EnvelopeError::Field("loss form")),
    }
}

fn replace_reason(envelope: &wire::CommandEnvelope) -> Result<ReplaceReason, EnvelopeError> {
    match wire::ReplaceReason::try_from(envelope.replace_reason) {
        Ok(wire::ReplaceReason::Lost) => Ok(ReplaceReason::Lost),
        Ok(wire::ReplaceReason::Damaged) => Ok(ReplaceReason::Damaged),
        Ok(wire::ReplaceReason::Unspecified) | Err(_) => {
            Err(EnvelopeError::Field("replacement reason"))
        }
    }
}

fn source_to_wire(source: CreditSource) -> wire::CreditSource {
    match source {
        CreditSource::Transfer => wire::CreditSource::Transfer,
        CreditSource::Cash => wire::CreditSource::Cash,
        CreditSource::CreditCard => wire::CreditSource::CreditCard,
    }
}

fn source(envelope: &wire::CommandEnvelope) -> Result<CreditSource, EnvelopeError> {
    match wire::CreditSource::try_from(envelope.source) {
        Ok(wire::CreditSource::Transfer) => Ok(CreditSource::Transfer),
        Ok(wire::CreditSource::Cash) => Ok(CreditSource::Cash),
        Ok(wire::CreditSource::CreditCard) => Ok(CreditSource::CreditCard),
        Ok(wire::CreditSource::Unspecified) | Err(_) => Err(EnvelopeError::Field("credit source")),
    }
}

pub(crate) fn original_to_wire(original: &OriginalRef) -> wire::OriginalRef {
    wire::OriginalRef {
        key: original
            .key
            .map(|key| Bytes::copy_from_slice(&key.0))
            .unwrap_or_default(),
        offset: original.offset,
        approval: original.approval.map(|version| version.0),
    }
}

fn original_from_wire(wire: Option<&wire::OriginalRef>) -> Result<OriginalRef, EnvelopeError> {
    let wire = wire.ok_or(EnvelopeError::Field("original"))?;
    let key = match wire.key.len() {
        0 => None,
        _ => Some(LegKey(array(&wire.key, "original key")?)),
    };
    Ok(OriginalRef {
        key,
        offset: wire.offset,
        approval: wire.approval.map(Version),
    })
}
