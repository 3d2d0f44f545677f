//! From a terminal's message to an [`Ask`]: checks in the order in which the trade answers them.

use crate::ask::{
    Act, Ask, CardNumber, CardNumberSource, Checks, Kind, Reference, Reversible, Shop, amount_of,
    channel_of, check_currency, entry_of,
};
use crate::keys::{Leg, Origin, is_reversal, leg_key, original_of_reversal};
use crate::listener::Listener;
use crate::pos::kinds::{Codes, KindRow};
use crate::pos::write::Slip;
use crate::refusal::Refusal;
use crate::repeat::{Parked, Repeat, trace_of};
use crate::settings::BatchSettlement;
use card::{AcquirerId, Counterparty, LegKey, Place};
use iso8583::{Message, Mti, MtiFunction, PosF60, PosF61};
use registry::{ParticipantId, TerminalRef};

/// Data element 64.
const MAC: u8 = 64;

/// A message whose place is known and allowed to ask.
struct Asked<'m> {
    message: &'m Message<'m>,
    origin: Origin,
    row: &'static KindRow,
    custom: PosF60,
    leg: Leg,
}

impl Listener {
    /// Reads a request of a terminal.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) fn read_pos(&self, message: &Message<'_>) -> Result<(Ask, Parked), Refusal> {
        let (place, shop) = self.place(message)?;
        let asked = self.asked(message, place)?;
        let number = CardNumber::of(message)?;
        let place = Place {
            // Where no batch is settled, no payment leaves an item in one.
            batch: match self.settings.batch_settlement {
                BatchSettlement::Offered => asked.leg.batch,
                BatchSettlement::NotOffered => 0,
            },
            trace: asked.leg.trace,
            ..place
        };
        let parked = asked.parked(place, &number)?;
        let ask = Ask {
            kind: asked.row.kind,
            act: asked.act(),
            reversible: asked.row.reversible,
            origin: asked.origin,
            key: leg_key(&asked.origin, &asked.leg),
            amount: amount_of(message)?,
            reference: asked.reference()?,
            number,
            shop: Shop {
                group: shop.merchant.group,
                category: shop.merchant.category,
                fee: shop.merchant.fee,
                counterparty: Counterparty::Merchant,
                online_allowed: shop.merchant.online_allowed,
            },
            channel: channel_of(message),
            entry: entry_of(message),
            checks: Checks::of(message, MAC),
        };
        Ok((ask, parked))
    }

    /// The terminal, when it is this acquirer's, at its own merchant, and signed on.
    pub(crate) fn place(&self, message: &Message<'_>) -> Result<(Place, TerminalRef<'_>), Refusal> {
        let place = place_of(message, self.settings.acquirer)?;
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
        // What is behind the sender, an advice or a reversal, may be of a batch before this one.
        let is_new =
            message.mti().function() == MtiFunction::Request && !is_reversal(message.mti());
        if is_new && !self.sessions.permits_batch(place.terminal, custom.batch) {
            return Err(Refusal::OtherBatch);
        }
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
        check_currency(message)?;
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
}

impl Asked<'_> {
    fn act(&self) -> Act {
        if is_reversal(self.message.mti()) {
            Act::Undo
        } else {
            Act::Do
        }
    }

    /// How the message points at its original: batch and trace (61), reference (37), code (38).
    fn reference(&self) -> Result<Reference, Refusal> {
        if self.act() == Act::Undo {
            let key = original_of_reversal(&self.origin, &self.leg, self.row.mti);
            return Ok(Reference {
                key: Some(key),
                ..Reference::default()
            });
        }
        Ok(Reference {
            key: self.original_key()?,
            retrieval: self.message.text(37).and_then(|text| text.try_into().ok()),
            approval: self.message.text(38).and_then(|text| text.try_into().ok()),
        })
    }

    /// The key of the original by its batch and trace, where the original must be of this terminal.
    fn original_key(&self) -> Result<Option<LegKey>, Refusal> {
        if self.row.kind == Kind::CashTopUpConfirmation {
            // It has the trace of what it confirms.
            let leg = Leg {
                mti: Mti::FINANCIAL_REQUEST,
                ..self.leg
            };
            return Ok(Some(leg_key(&self.origin, &leg)));
        }
        let Some(row) = self.row.points_at.and_then(KindRow::of_kind) else {
            return Ok(None);
        };
        let Some(original) = self.message.digits(61) else {
            return Ok(None);
        };
        let original = PosF61::parse(&original).map_err(|_| Refusal::Form { number: 61 })?;
        if original.trace == 0 {
            return Err(Refusal::Form { number: 61 });
        }
        // A batch ends with its totals, so a later one undoes nothing of it. The card keeps no batches,
        // and needs none: whether this is the original's is in the key that it compares.
        if original.batch != self.leg.batch {
            return Err(Refusal::OriginalOfOtherBatch);
        }
        let leg = Leg {
            batch: original.batch,
            trace: original.trace,
            mti: row.mti,
        };
        Ok(Some(leg_key(&self.origin, &leg)))
    }

    fn parked(&self, place: Place, number: &CardNumber) -> Result<Parked, Refusal> {
        let message = self.message;
        let slip = Slip {
            prefix: message.prefix().answer(),
            mti: message.mti().response().ok_or(Refusal::NotSupported)?,
            pan: match number.source {
                CardNumberSource::Keyed => Some(number.pan.clone()),
                CardNumberSource::Track => None,
            },
            processing_code: fixed(message, 3)?,
            amount: amount_of(message)?,
            trace: self.leg.trace,
            condition_code: fixed(message, 25)?,
            custom: self.custom,
        };
        Ok(Parked {
            place,
            repeat: Repeat::Pos(slip),
            sampled: None,
        })
    }
}

/// Terminal and merchant as the message names them.
pub(crate) fn place_of(message: &Message<'_>, acquirer: ParticipantId) -> Result<Place, Refusal> {
    let terminal = message.text(41).and_then(|text| text.try_into().ok());
    let merchant = message.text(42).and_then(|text| text.try_into().ok());
    Ok(Place {
        acquirer: AcquirerId(*acquirer.padded()),
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

fn fixed<const SIZE: usize>(message: &Message<'_>, number: u8) -> Result<[u8; SIZE], Refusal> {
    let digits = message.digits(number).ok_or(Refusal::Missing { number })?;
    digits
        .as_bytes()
        .try_into()
        .map_err(|_| Refusal::Form { number })
}
