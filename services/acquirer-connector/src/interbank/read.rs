//! From an institution's message to an [`Ask`].

use crate::ask::{Act, Ask, CardNumber, Checks, Kind, Reference, Reversible, Shop};
use crate::ask::{amount_of, channel_of, check_currency, entry_of};
use crate::interbank::kinds::{Codes, KindRow, Service};
use crate::interbank::leg::NetworkLeg;
use crate::keys::Origin;
use crate::listener::Listener;
use crate::pos::read::place_of;
use crate::refusal::Refusal;
use crate::repeat::{Parked, Repeat};
use crate::settings::DayReconciliation;
use crate::speech::Tongue;
use card::{Counterparty, EntryMode, FeeTerms, Place};
use iso8583::{Message, MtiClass, MtiFunction};

/// Data element 128.
const MAC: u8 = 128;
/// The function code of a reversal of the whole amount, in the 1993 version.
const WHOLE_REVERSAL: &[u8] = b"400";

impl Listener {
    /// Reads a request of an institution.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub(crate) fn read_interbank(
        &self,
        message: &Message<'_>,
        tongue: Tongue,
    ) -> Result<(Ask, Parked), Refusal> {
        if !self.institution.permits_payments() {
            return Err(Refusal::InstitutionSignedOff);
        }
        let place = place_of(message, self.settings.acquirer)?;
        let shop = self.shop_of(message, place, tongue)?;
        let business = Business::of(message, tongue)?;
        check_currency(message)?;
        let leg = NetworkLeg::of(message, tongue)?;
        let number = CardNumber::of(message)?;
        let ask = Ask {
            kind: business.kind,
            act: business.act,
            reversible: business.reversible,
            origin: Origin {
                participant: self.settings.acquirer,
                merchant: place.merchant,
                terminal: place.terminal,
            },
            key: leg.key(self.settings.acquirer),
            amount: amount_of(message)?,
            reference: self.reference_of(message, tongue)?,
            number,
            shop,
            channel: channel_of(message),
            entry: match tongue {
                Tongue::Cups | Tongue::Iso87 => entry_of(message),
                Tongue::Iso93 => entry_of_1993(message),
            },
            checks: Checks::of(message, MAC),
        };
        let parked = Parked {
            place: Place {
                trace: leg.trace,
                batch: match self.settings.day_reconciliation {
                    DayReconciliation::Offered => Place::WHOLE_DAYS,
                    DayReconciliation::NotOffered => 0,
                },
                ..place
            },
            repeat: Repeat::Interbank(self.answering.copies(message, tongue)?),
            sampled: None,
        };
        Ok((ask, parked))
    }

    /// Terms of a merchant. An institution brings its own merchants; one that is in our register
    /// too must be what the register says.
    fn shop_of(
        &self,
        message: &Message<'_>,
        place: Place,
        tongue: Tongue,
    ) -> Result<Shop, Refusal> {
        let number = category_element(tongue);
        let category = message.number(number).map(u16::try_from).transpose();
        let category = category.map_err(|_| Refusal::Form { number })?;
        let Some(merchant) = self.shared.directory.register.merchant(place.merchant) else {
            return Ok(Shop {
                group: 0,
                category: category.unwrap_or(0),
                fee: FeeTerms::default(),
                counterparty: Counterparty::Network,
                online_allowed: false,
            });
        };
        if category.is_some_and(|category| category != merchant.category) {
            return Err(Refusal::OtherCategory);
        }
        Ok(Shop {
            group: merchant.group,
            category: merchant.category,
            fee: FeeTerms::default(), // It settles with its own acquirer.
            counterparty: Counterparty::Network,
            online_allowed: merchant.online_allowed,
        })
    }

    /// How the message points at its original. The retrieval reference is the sender's own here,
    /// so it names nothing in our log.
    fn reference_of(&self, message: &Message<'_>, tongue: Tongue) -> Result<Reference, Refusal> {
        let original = NetworkLeg::of_original(message, tongue)?;
        Ok(Reference {
            key: original.map(|leg| leg.key(self.settings.acquirer)),
            retrieval: None,
            approval: message.text(38).and_then(|text| text.try_into().ok()),
        })
    }
}

/// What is asked, by the tables.
struct Business {
    kind: Kind,
    act: Act,
    reversible: Reversible,
}

impl Business {
    fn of(message: &Message<'_>, tongue: Tongue) -> Result<Self, Refusal> {
        let processing_code = message.digits(3).ok_or(Refusal::Missing { number: 3 })?;
        let condition = message.digits(condition_element(tongue));
        let codes = Codes {
            processing_code: &processing_code,
            condition: condition.as_deref().unwrap_or_default(),
        };
        if is_reversal(message) {
            return Self::undone(message, tongue, &codes);
        }
        let row = KindRow::find(tongue, message.mti(), &codes).ok_or(Refusal::NotSupported)?;
        let Service::Offered(kind, reversible) = row.service else {
            return Err(Refusal::Forbidden);
        };
        let required = row.required.iter().map(|number| match number {
            90 => tongue.original(),
            other => *other,
        });
        if let Some(number) = required.into_iter().find(|number| !message.has(*number)) {
            return Err(Refusal::Missing { number });
        }
        Ok(Self {
            kind,
            act: Act::Do,
            reversible,
        })
    }

    fn undone(message: &Message<'_>, tongue: Tongue, codes: &Codes<'_>) -> Result<Self, Refusal> {
        let is_whole = tongue != Tongue::Iso93 || codes.condition == WHOLE_REVERSAL;
        if !is_whole {
            return Err(Refusal::NotSupported);
        }
        if !message.has(4) {
            return Err(Refusal::Missing { number: 4 });
        }
        let number = tongue.original();
        let original =
            NetworkLeg::of_original(message, tongue)?.ok_or(Refusal::Missing { number })?;
        let row = KindRow::find_undone(tongue, original.mti, codes.processing_code)
            .ok_or(Refusal::NotSupported)?;
        match row.service {
            Service::Offered(kind, Reversible::Yes) => Ok(Self {
                kind,
                act: Act::Undo,
                reversible: Reversible::No,
            }),
            Service::Offered(_, Reversible::No) => Err(Refusal::NotReversible),
            Service::Forbidden => Err(Refusal::NotSupported),
        }
    }
}

/// Data element 18 tells the merchant's category, 26 in the 1993 version.
const fn category_element(tongue: Tongue) -> u8 {
    match tongue {
        Tongue::Cups | Tongue::Iso87 => 18,
        Tongue::Iso93 => 26,
    }
}

/// How the card was read: the seventh of the twelve positions of data element 22.
fn entry_of_1993(message: &Message<'_>) -> EntryMode {
    let text = message.text(22);
    match text.and_then(|text| text.get(6)) {
        Some(b'1' | b'6') => EntryMode::Manual,
        Some(b'2') => EntryMode::Stripe,
        Some(b'3') => EntryMode::Code,
        Some(b'5') => EntryMode::Chip,
        Some(b'A' | b'M') => EntryMode::Contactless,
        Some(_) | None => EntryMode::Unknown,
    }
}

const fn condition_element(tongue: Tongue) -> u8 {
    match tongue {
        Tongue::Cups | Tongue::Iso87 => 25,
        Tongue::Iso93 => 24,
    }
}

/// A 0420 of the interbank network, a 0400 or 0420 of others.
fn is_reversal(message: &Message<'_>) -> bool {
    let mti = message.mti();
    mti.class() == MtiClass::Reversal
        && matches!(mti.function(), MtiFunction::Request | MtiFunction::Advice)
}
