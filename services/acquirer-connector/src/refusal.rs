//! Why the edge answers by itself. Each of these is certainly not appended.

use crate::response_code::ResponseCode;

/// Why a request became no command, in the order in which they are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("de{number} is missing")]
    Missing { number: u8 },
    #[error("de{number} has a wrong form")]
    Form { number: u8 },
    #[error("terminal has not signed on")]
    SignedOff,
    #[error("terminal is not in the register of this acquirer")]
    UnknownTerminal,
    #[error("terminal belongs to another merchant")]
    ForeignMerchant,
    #[error("terminal signed on with another batch")]
    OtherBatch,
    #[error("original is of another batch than its void")]
    OriginalOfOtherBatch,
    #[error("institution has not signed on")]
    InstitutionSignedOff,
    #[error("de18 is not the category of the merchant")]
    OtherCategory,
    #[error("no such business is offered")]
    NotSupported,
    #[error("prepaid cards must not do this")]
    Forbidden,
    #[error("such a request has no reversal")]
    NotReversible,
    #[error("currency is not 156")]
    Currency,
    #[error("de2 and de35 name different cards")]
    TwoCards,
    #[error("card number is not one")]
    CardNumber,
    #[error("card number is not in the register")]
    UnknownCard,
    #[error("reversal names another card than its original")]
    OtherCard,
    #[error("the same key was used for another card")]
    KeyOfOtherCard,
    #[error("partition of the card takes no commands now")]
    PartitionClosed,
    #[error("too many requests are in flight on this connection")]
    Full,
    #[error("fewer items of the batch are here than its terminal sent")]
    UploadAgain,
    #[error("the day to be reconciled has not begun")]
    DayNotOpened,
    #[error("log did not take the command")]
    NotAppended,
}

impl Refusal {
    /// What the terminal is told.
    pub(crate) const fn code(self) -> ResponseCode {
        match self {
            Self::Missing { .. } | Self::Form { .. } | Self::Currency | Self::TwoCards => {
                ResponseCode::FORMAT_ERROR
            }
            Self::SignedOff | Self::UnknownTerminal => ResponseCode::UNKNOWN_TERMINAL,
            Self::OtherBatch => ResponseCode::OTHER_BATCH,
            Self::InstitutionSignedOff => ResponseCode::ACQUIRER_SIGNED_OFF,
            Self::ForeignMerchant | Self::OtherCategory => ResponseCode::INVALID_MERCHANT,
            Self::UploadAgain => ResponseCode::UPLOAD_AGAIN,
            Self::OriginalOfOtherBatch => ResponseCode::ORIGINAL_INVALID,
            Self::DayNotOpened => ResponseCode::NOTHING_TO_RECONCILE,
            Self::Forbidden => ResponseCode::NOT_PERMITTED,
            Self::NotSupported | Self::NotReversible => ResponseCode::NOT_SUPPORTED,
            Self::CardNumber | Self::UnknownCard | Self::OtherCard => ResponseCode::NO_SUCH_CARD,
            Self::KeyOfOtherCard => ResponseCode::DUPLICATE,
            Self::PartitionClosed | Self::Full | Self::NotAppended => {
                ResponseCode::SYSTEM_MALFUNCTION
            }
        }
    }
}
