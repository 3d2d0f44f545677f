//! What a message asks of a card, whatever dialect it came in: the one canonical form inside.
//!
//! A dialect's reader makes an [`Ask`] of a message; from there on no code knows which wire it came
//! from, until a dialect's writer forms the answer.

use crate::answer::CURRENCY;
use crate::keys::Origin;
use crate::refusal::Refusal;
use card::{
    Adjusted, Channel, CheckFact, CompletionForm, Counterparty, CreditSource, EntryMode, FeeTerms,
    LegKey, OriginalRef, Request,
};
use iso8583::Message;
use money::Amount;
use pan::Pan;

/// A business that this switch does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    BalanceInquiry,
    AccountCheck,
    Purchase,
    PurchaseVoid,
    Refund,
    PreAuth,
    PreAuthVoid,
    CompletionRequest,
    CompletionVoid,
    CompletionAdvice,
    OfflineSale,
    SaleAdjustment,
    TipAdjustment,
    CashTopUp,
    CashTopUpConfirmation,
    TransferIn,
    TransferInConfirmation,
}

/// Whether a sender that got no answer may ask for an undo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reversible {
    Yes,
    No,
}

/// What is done of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// The business itself.
    Do,
    /// Its reversal.
    Undo,
}

/// A request to a card in canonical form.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) kind: Kind,
    pub(crate) act: Act,
    pub(crate) reversible: Reversible,
    pub(crate) origin: Origin,
    pub(crate) key: LegKey,
    pub(crate) amount: Option<Amount>,
    pub(crate) reference: Reference,
    pub(crate) number: CardNumber,
    pub(crate) shop: Shop,
    pub(crate) channel: Channel,
    pub(crate) entry: EntryMode,
    pub(crate) checks: Checks,
}

/// How a message points at its original; what is absent is not compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reference {
    /// By the identity of the original's request.
    pub(crate) key: Option<LegKey>,
    /// By the retrieval reference that we gave it.
    pub(crate) retrieval: Option<[u8; 12]>,
    /// By the approval code that we gave it.
    pub(crate) approval: Option<[u8; 6]>,
}

/// Where it was asked, as far as rules and fees care.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shop {
    /// The merchant's company group, 0 = none.
    pub(crate) group: u32,
    /// The merchant's category.
    pub(crate) category: u16,
    pub(crate) fee: FeeTerms,
    /// Who gets the money of a sale.
    pub(crate) counterparty: Counterparty,
    /// Whether prepaid cards may pay it over the internet.
    pub(crate) online_allowed: bool,
}

/// Which checks a message could have been put to. This build does none, and says so in each
/// command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checks {
    pub(crate) mac: CheckFact,
    pub(crate) pin: CheckFact,
    pub(crate) cryptogram: CheckFact,
}

impl Checks {
    /// By the data elements that a message has; `mac` is the number of its authentication code.
    pub(crate) fn of(message: &Message<'_>, mac: u8) -> Self {
        let fact = |number| {
            if message.has(number) {
                CheckFact::NotChecked
            } else {
                CheckFact::Absent
            }
        };
        Self {
            mac: fact(mac),
            pin: fact(52),
            cryptogram: fact(55),
        }
    }
}

/// A card number and where it was found.
#[derive(Debug)]
pub(crate) struct CardNumber {
    pub(crate) pan: Pan,
    pub(crate) source: CardNumberSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardNumberSource {
    /// Data element 2, which the answer repeats.
    Keyed,
    /// Data element 35, which it does not.
    Track,
}

impl CardNumber {
    /// The card number, of data element 2 or of track 2; when both are there they must agree.
    pub(crate) fn of(message: &Message<'_>) -> Result<Self, Refusal> {
        let keyed = message.digits(2);
        let track = message.digits(35).filter(|_| !is_track_encrypted(message));
        let of_track = track.as_deref().map(|track| {
            track
                .split(|character| *character == b'=')
                .next()
                .unwrap_or_default()
        });
        let (digits, source) = match (keyed.as_deref(), of_track) {
            (None, None) => return Err(Refusal::Missing { number: 2 }),
            (Some(keyed), Some(of_track)) if keyed != of_track => return Err(Refusal::TwoCards),
            (Some(digits), _) => (digits, CardNumberSource::Keyed),
            (None, Some(digits)) => (digits, CardNumberSource::Track),
        };
        let pan = Pan::parse(digits).map_err(|_| Refusal::CardNumber)?;
        Ok(Self { pan, source })
    }
}

/// Data element 53.3 = 1: the track is not readable without the terminal's key.
fn is_track_encrypted(message: &Message<'_>) -> bool {
    message
        .digits(53)
        .is_some_and(|security| security.get(2) == Some(&b'1'))
}

/// How the card was read: the first two digits of data element 22.
pub(crate) fn entry_of(message: &Message<'_>) -> EntryMode {
    let digits = message.digits(22);
    match digits.as_deref().and_then(|digits| digits.get(..2)) {
        Some(b"01") => EntryMode::Manual,
        Some(b"02") => EntryMode::Stripe,
        Some(b"03") => EntryMode::Code,
        Some(b"05" | b"95") => EntryMode::Chip,
        Some(b"07" | b"98") => EntryMode::Contactless,
        Some(b"80") => EntryMode::Fallback,
        Some(_) | None => EntryMode::Unknown,
    }
}

/// How it was asked: data element 25 tells letter and telephone (08).
pub(crate) fn channel_of(message: &Message<'_>) -> Channel {
    match message.digits(25).as_deref() {
        Some(b"08") => Channel::MailOrPhone,
        Some(_) | None => Channel::Attended,
    }
}

/// Data element 4.
pub(crate) fn amount_of(message: &Message<'_>) -> Result<Option<Amount>, Refusal> {
    let Some(minor) = message.number(4) else {
        return Ok(None);
    };
    Amount::from_minor(minor)
        .map(Some)
        .map_err(|_| Refusal::Form { number: 4 })
}

/// Data element 49 must be yuan.
pub(crate) fn check_currency(message: &Message<'_>) -> Result<(), Refusal> {
    match message.text(49) {
        None => Err(Refusal::Missing { number: 49 }),
        Some(CURRENCY) => Ok(()),
        Some(_) => Err(Refusal::Currency),
    }
}

impl Ask {
    /// The request to the card; `original` is [`Ask::reference`], resolved.
    pub(crate) fn request(&self, original: OriginalRef) -> Request {
        let amount = self.amount.unwrap_or(Amount::ZERO);
        if self.act == Act::Undo {
            return Request::Reversal { amount, original };
        }
        let completion = |form| Request::Completion {
            amount,
            original,
            form,
        };
        let credit = |source| Request::DirectCredit { amount, source };
        let confirm = |source| Request::CreditConfirm {
            amount,
            source,
            original,
        };
        let adjust = |what| Request::Adjust {
            amount,
            original,
            what,
        };
        match self.kind {
            Kind::BalanceInquiry => Request::BalanceInquiry,
            Kind::AccountCheck => Request::AccountCheck,
            Kind::Purchase => Request::Purchase { amount },
            Kind::PurchaseVoid => Request::Void { amount, original },
            Kind::Refund => Request::Refund { amount, original },
            Kind::PreAuth => Request::PreAuth { amount },
            Kind::PreAuthVoid => Request::PreAuthVoid { amount, original },
            Kind::CompletionRequest => completion(CompletionForm::Request),
            Kind::CompletionAdvice => completion(CompletionForm::Advice),
            Kind::CompletionVoid => Request::CompletionVoid { amount, original },
            Kind::OfflineSale => Request::OfflineSale { amount, original },
            Kind::SaleAdjustment => adjust(Adjusted::Sale),
            Kind::TipAdjustment => adjust(Adjusted::Tip),
            Kind::CashTopUp => credit(CreditSource::Cash),
            Kind::CashTopUpConfirmation => confirm(CreditSource::Cash),
            Kind::TransferIn => credit(CreditSource::Transfer),
            Kind::TransferInConfirmation => confirm(CreditSource::Transfer),
        }
    }
}
