//! What may be asked of a card.

use crate::ids::{
    AcquirerId, CardId, Fingerprint, LegKey, MerchantId, ProgrammeId, TerminalId, Version,
};
use money::Amount;

/// One request to one card, as the edge understood it. Holds no PAN, PIN, track or key (LOG-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The card that decides.
    pub card: CardId,
    /// The plastic or token that was presented, by its number on the card (0 = the first).
    pub medium: u8,
    /// Identity of the request (CARD-2).
    pub key: LegKey,
    /// Digest of the content: kind, amount, currency, medium, merchant, terminal, original.
    pub fingerprint: Fingerprint,
    /// Where it was asked.
    pub place: Place,
    /// What is asked.
    pub request: Request,
    /// What the edge checked, with the versions it checked against.
    pub facts: Facts,
    /// Who waits for the answer.
    pub reply_to: ReplyTo,
}

/// The card acceptor's side of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Who brought the request (DE32 of our answer).
    pub acquirer: AcquirerId,
    /// The card acceptor (DE42).
    pub merchant: MerchantId,
    /// The terminal (DE41).
    pub terminal: TerminalId,
    /// The terminal's batch as its receipts print it; 0 = none, [`Place::WHOLE_DAYS`] = its sender
    /// reconciles days instead.
    pub batch: u32,
    /// The terminal's trace number as its receipts print it (DE11); 0 = none.
    pub trace: u32,
}

impl Place {
    /// Stands where a batch would: the acquirer reconciles whole settlement days. Above all numbers of
    /// batches, which have six digits.
    pub const WHOLE_DAYS: u32 = 1_000_000;
}

/// The address of a waiting exchange. An unknown incarnation drops the reply and counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyTo {
    /// The partition of the replies topic (0 in embedded mode).
    pub partition: u16,
    /// One life of one connector process.
    pub incarnation: u64,
    /// The parked exchange.
    pub exchange: u64,
}

impl ReplyTo {
    /// Nobody waits.
    pub const NOBODY: Self = Self {
        partition: 0,
        incarnation: 0,
        exchange: 0,
    };
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Request {
    /// Tells the available balance. Writes nothing.
    BalanceInquiry,
    /// Tells whether the card could be charged or topped up at all. Writes nothing.
    AccountCheck,
    /// Single message 0200: hold and capture at once.
    Purchase {
        /// What to debit.
        amount: Amount,
    },
    /// Undoes a whole purchase of the same terminal, batch and day.
    Void {
        /// Must equal the purchase's.
        amount: Amount,
        /// The purchase.
        original: OriginalRef,
    },
    /// Gives back a purchase or a completion, whole or in part.
    Refund {
        /// What to credit.
        amount: Amount,
        /// The purchase or completion.
        original: OriginalRef,
    },
    /// Dual message, first half: places a hold.
    PreAuth {
        /// What to hold.
        amount: Amount,
    },
    /// Releases a hold.
    PreAuthVoid {
        /// Must equal the hold's.
        amount: Amount,
        /// The pre-authorisation.
        original: OriginalRef,
    },
    /// Dual message, second half: captures up to the hold and frees the rest.
    Completion {
        /// What to capture.
        amount: Amount,
        /// The pre-authorisation.
        original: OriginalRef,
        /// Whether the merchant asks or tells.
        form: CompletionForm,
    },
    /// Offline settlement (0220): settles a hold by its approval code; always answered and recorded
    /// (CARD-5).
    OfflineSale {
        /// What to capture.
        amount: Amount,
        /// The pre-authorisation.
        original: OriginalRef,
    },
    /// Corrects the total of a settled sale (0220), always answered and recorded (CARD-5).
    Adjust {
        /// The new total, tip included.
        amount: Amount,
        /// The sale.
        original: OriginalRef,
        /// What changed.
        what: Adjusted,
    },
    /// Undoes a completion; the hold comes back.
    CompletionVoid {
        /// Must equal the completion's.
        amount: Amount,
        /// The completion.
        original: OriginalRef,
    },
    /// The terminal got no (usable) answer: undoes the step with this key, once.
    Reversal {
        /// Must equal the original's.
        amount: Amount,
        /// The step to undo; its key is always there.
        original: OriginalRef,
    },
    /// A top-up that arrives paid.
    DirectCredit {
        /// What to credit.
        amount: Amount,
        /// Who holds the money meanwhile.
        source: CreditSource,
    },
    /// Tells that a direct credit is paid (0220), whatever became of its 0200: the money is credited
    /// once, by the one that arrives first.
    CreditConfirm {
        /// What to credit; must equal the direct credit's.
        amount: Amount,
        /// Who holds the money meanwhile.
        source: CreditSource,
        /// The direct credit; its key is always there.
        original: OriginalRef,
    },
    /// Puts a card on the books, with its first balance when it is sold at once.
    Issue {
        /// The product.
        programme: ProgrammeId,
        /// The last month of validity as YYMM; 0 = none.
        expiry: u16,
        /// Its first balance.
        amount: Amount,
        /// Who holds the money meanwhile.
        source: CreditSource,
    },
    /// The holder says that the card is lost: no new debit from here on.
    ReportLoss {
        /// How long that holds.
        form: LossForm,
    },
    /// The holder found it again.
    LiftLoss,
    /// The holder gets another medium; all others of the card take credits only from here on.
    Replace {
        /// The new medium, by its number on the card; numbers only grow.
        medium: u8,
        /// Why.
        reason: ReplaceReason,
    },
}

impl Request {
    /// Whether it leaves the card as it is (CARD-6).
    #[must_use]
    pub const fn only_asks(&self) -> bool {
        matches!(self, Self::BalanceInquiry | Self::AccountCheck)
    }
}

/// What an adjustment changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjusted {
    /// The amount of the sale was wrong.
    Sale,
    /// The holder added a tip.
    Tip,
}

/// How long a loss report holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LossForm {
    /// By telephone: it ends by itself after the programme's days.
    Temporary,
    /// With papers: until it is lifted or the card is replaced.
    Formal,
}

/// Why a medium is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplaceReason {
    /// It is gone: only the holder of a registered card can claim that.
    Lost,
    /// It is broken and was handed in.
    Damaged,
}

/// Whether a completion may still be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionForm {
    /// 0200: the merchant asks.
    Request,
    /// 0220: the merchant has acted already; it is always answered and recorded (CARD-5).
    Advice,
}

/// Where the money of a credit is, until it reaches the reserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditSource {
    /// A bank or network owes it (account 1002).
    Transfer,
    /// A sales point holds it in cash (account 1003).
    Cash,
    /// A credit card should pay: refused, prepaid cards are not bought on credit.
    CreditCard,
}

/// How a request points at an earlier one. What is absent is not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OriginalRef {
    /// The leg key built from the original's batch and trace and this request's own terminal.
    pub key: Option<LegKey>,
    /// The log offset that the original's RRN (DE37) names.
    pub offset: Option<u64>,
    /// The version that the original's approval code (DE38) names.
    pub approval: Option<Version>,
}

/// What the edge checked before it asked, with the versions it checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts {
    /// Message authentication of the link.
    pub mac: CheckFact,
    /// The holder's PIN.
    pub pin: CheckFact,
    /// The chip's cryptogram.
    pub cryptogram: CheckFact,
    /// The merchant's company group, 0 = none; decides where single-purpose cards are good.
    pub merchant_group: u32,
    /// The merchant's category (MCC).
    pub merchant_category: u16,
    /// The merchant's fee terms.
    pub fee: FeeTerms,
    /// Who gets the money of a sale.
    pub counterparty: Counterparty,
    /// How it was asked.
    pub channel: Channel,
    /// How the card was read.
    pub entry: EntryMode,
    /// Whether the merchant may take prepaid cards online.
    pub online_allowed: bool,
    /// The version of the participant and merchant register that was read.
    pub register_version: u32,
}

/// Who gets the money of a sale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counterparty {
    /// The merchant, less its fee (account 2101).
    #[default]
    Merchant,
    /// The acquirer's network, as one position and without a merchant's fee (account 2102).
    Network,
}

/// How a request was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Channel {
    /// At a counter with staff.
    #[default]
    Attended,
    /// At a machine of the issuer.
    SelfService,
    /// Over the internet.
    Online,
    /// By letter or telephone.
    MailOrPhone,
    /// At somebody who acts for the issuer.
    Agent,
    /// By the issuer's own people.
    BackOffice,
}

impl Channel {
    /// The stored number: only ever add.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Attended => 0,
            Self::SelfService => 1,
            Self::Online => 2,
            Self::MailOrPhone => 3,
            Self::Agent => 4,
            Self::BackOffice => 5,
        }
    }

    /// Reads a stored number.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Attended),
            1 => Some(Self::SelfService),
            2 => Some(Self::Online),
            3 => Some(Self::MailOrPhone),
            4 => Some(Self::Agent),
            5 => Some(Self::BackOffice),
            _ => None,
        }
    }
}

/// How the card was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EntryMode {
    /// The message does not say.
    #[default]
    Unknown,
    /// Typed.
    Manual,
    /// Magnetic stripe.
    Stripe,
    /// Chip with contacts.
    Chip,
    /// Without contact.
    Contactless,
    /// A code on a screen.
    Code,
    /// Stripe, because the chip could not be read.
    Fallback,
}

impl EntryMode {
    /// The stored number: only ever add.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Manual => 1,
            Self::Stripe => 2,
            Self::Chip => 3,
            Self::Contactless => 4,
            Self::Code => 5,
            Self::Fallback => 6,
        }
    }

    /// Reads a stored number.
    pub(crate) const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Unknown),
            1 => Some(Self::Manual),
            2 => Some(Self::Stripe),
            3 => Some(Self::Chip),
            4 => Some(Self::Contactless),
            5 => Some(Self::Code),
            6 => Some(Self::Fallback),
            _ => None,
        }
    }
}

/// The outcome of a check at the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CheckFact {
    /// The link does not check it; `doctor` and the start say so loudly.
    #[default]
    NotChecked,
    /// The request carries nothing to check.
    Absent,
    /// Checked and right.
    Passed,
    /// Checked and wrong.
    Failed,
}

/// How a merchant's fee is computed. Rounded half up to the minor unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FeeTerms {
    /// Parts per million of the amount: 0.6 % = 6000.
    pub rate_ppm: u32,
    /// Added to it, in minor units.
    pub fixed_minor: u32,
    /// At least, in minor units.
    pub min_minor: u32,
    /// At most, in minor units; 0 = no cap.
    pub max_minor: u32,
}
