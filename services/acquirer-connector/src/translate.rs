//! From a message to a command: who asks what of which card, and what is refused right here.
//!
//! Checks are in the order in which the trade answers them; each refusal is certainly not appended.
//! Nothing secret goes on from here: no card number, track, PIN block or chip data (LOG-4).

use tracing::error;

use crate::answer::trace_of;
use crate::keys::{Leg, Origin, fingerprint, is_reversal, leg_key, original_of_reversal};
use crate::kinds::{Codes, Kind, KindRow, Reversible};
use crate::listener::Listener;
use crate::park::Parked;
use crate::references::{position_of, version_of};
use crate::refusal::Refusal;
use card::{
    CheckFact, Command, CompletionForm, CreditSource, Facts, LegKey, OriginalRef, Place, ReplyTo,
    Request,
};
use command_log::partition_of;
use iso8583::{Message, PosF60, PosF61};
use money::Amount;
use pan::{Pan, PanHash};
use registry::{Medium, TerminalRef};

/// An offset that no record has: the original is answered "not found" by the card.
const NO_SUCH_OFFSET: u64 = u64::MAX;
const CURRENCY: &[u8] = b"156";

/// A command without its reply address, and what its answer needs.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) command: Command,
    pub(crate) parked: Parked,
}

/// A message whose place is known and allowed to ask.
struct Asked<'m> {
    message: &'m Message<'m>,
    origin: Origin,
    row: &'static KindRow,
    custom: PosF60,
    leg: Leg,
}

impl Listener {
    /// Makes a command of a message for a card.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) fn translate(&self, message: &Message<'_>) -> Result<Translated, Refusal> {
        let (place, shop) = self.place(message)?;
        let asked = self.asked(message, place)?;
        let card_number = pan_of(message)?;
        let medium = self.medium(&card_number.pan)?;
        let request = self.request(&asked, &medium)?;
        let key = leg_key(&asked.origin, &asked.leg);
        self.check_partition(&medium)?;
        self.check_card_of_key(&asked, &request, key, &medium)?;
        let command = Command {
            card: medium.card,
            medium: medium.number,
            key,
            fingerprint: fingerprint(&asked.origin, &request, medium.number),
            place,
            request,
            facts: self.facts(message, &shop),
            reply_to: ReplyTo::NOBODY,
        };
        Ok(Translated {
            command,
            parked: parked(&asked, place, card_number)?,
        })
    }

    /// The terminal, when it is this acquirer's, at its own merchant, and signed on.
    pub(crate) fn place(&self, message: &Message<'_>) -> Result<(Place, TerminalRef<'_>), Refusal> {
        let place = place_of(message)?;
        if !self.sessions.permits_payments(place.terminal) {
            return Err(Refusal::SignedOff);
        }
        let shop = self.shop(place)?;
        Ok((place, shop))
    }

    /// The register's entry of a terminal.
    pub(crate) fn shop(&self, place: Place) -> Result<TerminalRef<'_>, Refusal> {
        let register = &self.shared.directory.register;
        let shop = register
            .terminal(self.settings.acquirer, place.terminal)
            .ok_or(Refusal::UnknownTerminal)?;
        if shop.merchant.id != place.merchant {
            return Err(Refusal::ForeignMerchant);
        }
        Ok(shop)
    }

    fn asked<'m>(&self, message: &'m Message<'m>, place: Place) -> Result<Asked<'m>, Refusal> {
        let custom = message.digits(60).ok_or(Refusal::Missing { number: 60 })?;
        let custom = PosF60::parse(&custom).map_err(|_| Refusal::Form { number: 60 })?;
        let processing_code = message.digits(3).ok_or(Refusal::Missing { number: 3 })?;
        let condition_code = message.digits(25).ok_or(Refusal::Missing { number: 25 })?;
        let codes = Codes {
            processing_code: &processing_code,
            condition_code: &condition_code,
            transaction_type: custom.transaction_type,
        };
        let row = KindRow::find(message.mti(), &codes).ok_or(Refusal::NotSupported)?;
        if is_reversal(message.mti()) && row.reversible == Reversible::No {
            return Err(Refusal::NotReversible);
        }
        if let Some(number) = missing(message, row) {
            return Err(Refusal::Missing { number });
        }
        if message.text(49) != Some(CURRENCY) {
            return Err(Refusal::Currency);
        }
        let trace = trace_of(message).ok_or(Refusal::Missing { number: 11 })?;
        let origin = Origin {
            participant: self.settings.acquirer,
            merchant: place.merchant,
            terminal: place.terminal,
        };
        let leg = Leg {
            batch: custom.batch,
            trace,
            mti: message.mti(),
        };
        Ok(Asked {
            message,
            origin,
            row,
            custom,
            leg,
        })
    }

    /// The hash that the card of a message is found by, when there is one to find.
    pub(crate) fn wanted_medium(&self, message: &Message<'_>) -> Option<PanHash> {
        let number = pan_of(message).ok()?;
        Some(self.shared.directory.hash(&number.pan))
    }

    fn medium(&self, pan: &Pan) -> Result<Medium, Refusal> {
        match self.shared.directory.medium(pan) {
            Ok(Some(medium)) => Ok(medium),
            Ok(None) => Err(Refusal::UnknownCard),
            Err(cause) => {
                error!(%cause, "find the card of a number");
                Err(Refusal::NotAppended)
            }
        }
    }

    fn request(&self, asked: &Asked<'_>, medium: &Medium) -> Result<Request, Refusal> {
        let amount = amount_of(asked.message)?.unwrap_or(Amount::ZERO);
        if is_reversal(asked.message.mti()) {
            let key = original_of_reversal(&asked.origin, &asked.leg, asked.row.mti);
            let original = OriginalRef {
                key: Some(key),
                ..OriginalRef::default()
            };
            return Ok(Request::Reversal { amount, original });
        }
        let original = || self.original(asked, medium);
        Ok(match asked.row.kind {
            Kind::BalanceInquiry => Request::BalanceInquiry,
            Kind::Purchase => Request::Purchase { amount },
            Kind::PurchaseVoid => Request::Void {
                amount,
                original: original()?,
            },
            Kind::Refund => Request::Refund {
                amount,
                original: original()?,
            },
            Kind::PreAuth => Request::PreAuth { amount },
            Kind::PreAuthVoid => Request::PreAuthVoid {
                amount,
                original: original()?,
            },
            Kind::CompletionRequest => {
                let form = CompletionForm::Request;
                Request::Completion {
                    amount,
                    original: original()?,
                    form,
                }
            }
            Kind::CompletionAdvice => {
                let form = CompletionForm::Advice;
                Request::Completion {
                    amount,
                    original: original()?,
                    form,
                }
            }
            Kind::CompletionVoid => Request::CompletionVoid {
                amount,
                original: original()?,
            },
            Kind::DirectCredit => Request::DirectCredit {
                amount,
                source: CreditSource::Cash,
            },
        })
    }

    /// How the message points at its original: batch and trace (61), reference (37), code (38).
    fn original(&self, asked: &Asked<'_>, medium: &Medium) -> Result<OriginalRef, Refusal> {
        let mut original = OriginalRef {
            key: original_key(asked)?,
            ..OriginalRef::default()
        };
        if let Some(reference) = asked.message.text(37) {
            let partition_count = self.shared.partition_count;
            let partition = partition_of(medium.card, partition_count);
            let offset = position_of(reference, partition_count)
                .filter(|position| position.partition == partition)
                .map_or(NO_SUCH_OFFSET, |position| position.offset);
            original.offset = Some(offset);
        }
        if let Some(code) = asked.message.text(38) {
            original.approval = version_of(code);
            if original.approval.is_none() {
                original.offset = Some(NO_SUCH_OFFSET);
            }
        }
        Ok(original)
    }

    fn check_partition(&self, medium: &Medium) -> Result<(), Refusal> {
        let partition = partition_of(medium.card, self.shared.partition_count);
        if self.shared.gates.is_open(partition) {
            Ok(())
        } else {
            Err(Refusal::PartitionClosed)
        }
    }

    /// A key belongs to one card: a reversal must name the card of its original, and a key that was
    /// used for one card is no new request for another.
    fn check_card_of_key(
        &self,
        asked: &Asked<'_>,
        request: &Request,
        key: LegKey,
        medium: &Medium,
    ) -> Result<(), Refusal> {
        let terminal = asked.origin.terminal;
        let is_other = |card| card != medium.card;
        if let Request::Reversal {
            original:
                OriginalRef {
                    key: Some(original),
                    ..
                },
            ..
        } = request
        {
            let known = self.recent.card_of(terminal, *original);
            return if known.is_some_and(is_other) {
                Err(Refusal::OtherCard)
            } else {
                Ok(())
            };
        }
        if asked.row.reversible == Reversible::No {
            return Ok(());
        }
        let known = self.recent.remember(terminal, key, medium.card);
        if known.is_some_and(is_other) {
            Err(Refusal::KeyOfOtherCard)
        } else {
            Ok(())
        }
    }

    /// This build checks neither MAC nor PIN nor cryptogram, and says so in each command.
    fn facts(&self, message: &Message<'_>, shop: &TerminalRef<'_>) -> Facts {
        let fact = |number| {
            if message.has(number) {
                CheckFact::NotChecked
            } else {
                CheckFact::Absent
            }
        };
        Facts {
            mac: fact(64),
            pin: fact(52),
            cryptogram: fact(55),
            merchant_group: shop.merchant.group,
            merchant_category: shop.merchant.category,
            fee: shop.merchant.fee,
            register_version: self.shared.directory.register.version(),
            ..Facts::default()
        }
    }
}

/// Terminal and merchant as the message names them.
pub(crate) fn place_of(message: &Message<'_>) -> Result<Place, Refusal> {
    let terminal = message.text(41).and_then(|text| text.try_into().ok());
    let merchant = message.text(42).and_then(|text| text.try_into().ok());
    Ok(Place {
        terminal: card::TerminalId(terminal.ok_or(Refusal::Missing { number: 41 })?),
        merchant: card::MerchantId(merchant.ok_or(Refusal::Missing { number: 42 })?),
        batch: 0,
        trace: 0,
    })
}

/// The first data element that is not there and must be.
fn missing(message: &Message<'_>, row: &KindRow) -> Option<u8> {
    // A reversal points back by its own trace and batch alone: it may not know more.
    let reversal_required: &[u8] = &[4];
    let of_kind = if is_reversal(message.mti()) {
        reversal_required
    } else {
        row.required
    };
    let of_all = [11, 49];
    of_all
        .iter()
        .chain(of_kind)
        .copied()
        .find(|number| !message.has(*number))
}

fn amount_of(message: &Message<'_>) -> Result<Option<Amount>, Refusal> {
    let Some(minor) = message.number(4) else {
        return Ok(None);
    };
    Amount::from_minor(minor)
        .map(Some)
        .map_err(|_| Refusal::Form { number: 4 })
}

/// A card number and where it was found.
struct CardNumber {
    pan: Pan,
    source: CardNumberSource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CardNumberSource {
    /// Data element 2, which the answer repeats.
    Keyed,
    /// Data element 35, which it does not.
    Track,
}

/// The card number, of data element 2 or of track 2; when both are there they must agree.
fn pan_of(message: &Message<'_>) -> Result<CardNumber, Refusal> {
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
    Ok(CardNumber { pan, source })
}

/// Data element 53.3 = 1: the track is not readable without the terminal's key.
fn is_track_encrypted(message: &Message<'_>) -> bool {
    message
        .digits(53)
        .is_some_and(|security| security.get(2) == Some(&b'1'))
}

/// The key of the original by its batch and trace, where the original must be of this terminal.
fn original_key(asked: &Asked<'_>) -> Result<Option<LegKey>, Refusal> {
    let Some(row) = asked.row.points_at.and_then(KindRow::of_kind) else {
        return Ok(None);
    };
    let Some(original) = asked.message.digits(61) else {
        return Ok(None);
    };
    let original = PosF61::parse(&original).map_err(|_| Refusal::Form { number: 61 })?;
    if original.trace == 0 {
        return Ok(None);
    }
    let leg = Leg {
        batch: original.batch,
        trace: original.trace,
        mti: row.mti,
    };
    Ok(Some(leg_key(&asked.origin, &leg)))
}

fn parked(asked: &Asked<'_>, place: Place, number: CardNumber) -> Result<Parked, Refusal> {
    let message = asked.message;
    Ok(Parked {
        prefix: message.prefix().answer(),
        mti: message.mti().response().ok_or(Refusal::NotSupported)?,
        pan: match number.source {
            CardNumberSource::Keyed => Some(number.pan),
            CardNumberSource::Track => None,
        },
        processing_code: fixed(message, 3)?,
        amount: amount_of(message)?,
        trace: asked.leg.trace,
        condition_code: fixed(message, 25)?,
        place,
        custom: asked.custom,
        sampled: None,
    })
}

fn fixed<const SIZE: usize>(message: &Message<'_>, number: u8) -> Result<[u8; SIZE], Refusal> {
    let digits = message.digits(number).ok_or(Refusal::Missing { number })?;
    digits
        .as_bytes()
        .try_into()
        .map_err(|_| Refusal::Form { number })
}
