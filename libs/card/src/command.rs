//! What may be asked of a card.

use crate::ids::{CardId, Fingerprint, LegKey, MerchantId, ProgrammeId, TerminalId, Version};
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
    /// The card acceptor (DE42).
    pub merchant: MerchantId,
    /// The terminal (DE41).
    pub terminal: TerminalId,
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
    ReportLoss,
    /// The holder found it again.
    LiftLoss,
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
    /// The version of the participant and merchant register that was read.
    pub register_version: u32,
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
