//! The rules of a card product, as immutable data. They change only by a barrier in the log that
//! names a whole bundle by its hash (LOG-5).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::codec::{CodecError, Reader, Writer};
use crate::ids::ProgrammeId;
use ledger::Account;
use money::Amount;

/// Whether the holder is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CardKind {
    /// Sold to a named holder: may be reported lost, has no expiry, higher cap.
    Registered,
    /// Sold to nobody in particular.
    Anonymous,
}

impl CardKind {
    /// The control account of its balances.
    #[must_use]
    pub const fn account(self) -> Account {
        match self {
            Self::Registered => Account::RegisteredCards,
            Self::Anonymous => Account::AnonymousCards,
        }
    }
}

/// Where cards of a programme are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// Multi-purpose: at every merchant.
    Everywhere,
    /// Single-purpose: only at merchants of this company group.
    Group(u32),
}

/// Whether something is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// A card product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Programme {
    /// Registered or anonymous.
    pub kind: CardKind,
    /// Where its cards are good.
    pub acceptance: Acceptance,
    /// The most that a card may hold. Loads over it are refused; refunds are not (CARD-5).
    pub balance_cap: Amount,
    /// Whether a card may be loaded again after its sale.
    pub reloadable: Offered,
    /// Whether holds may be placed.
    pub preauth: Offered,
    /// How long an open hold lives.
    pub hold_lifetime_ms: i64,
    /// How much of the hold a completion may capture, in percent (CARD-4).
    pub completion_ratio_percent: u16,
    /// How long a void may still be reversed; until then its credit cannot be spent (CARD-1).
    pub reversal_window_ms: i64,
    /// How long after a purchase it may be refunded.
    pub refund_window_ms: i64,
    /// The same refund asked again within this time is the operator's repeat, answered 94.
    pub refund_repeat_ms: i64,
    /// The age within which an equal key makes a duplicate (CARD-2).
    pub key_retention_ms: i64,
}

/// All that decisions depend on besides card, command, time and day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The calendar of expiry months and local days: minutes east of UTC, without summer time.
    pub utc_offset_minutes: i16,
    /// The card products.
    pub programmes: BTreeMap<ProgrammeId, Programme>,
}

/// The format of [`Rules::encode`].
const FORMAT: u8 = 1;

impl Rules {
    /// Canonical bytes; the bundle's name is their hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer(&mut bytes);
        writer.u8(FORMAT);
        writer.bytes(&self.utc_offset_minutes.to_le_bytes());
        writer.varint(self.programmes.len() as u64);
        for (id, programme) in &self.programmes {
            writer.u16(id.0);
            programme.encode(&mut writer);
        }
        bytes
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`CodecError`] when the bytes are not a bundle of a known format.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader(bytes);
        let format = reader.u8("rules format")?;
        if format != FORMAT {
            return Err(CodecError::Format(format));
        }
        let utc_offset_minutes = i16::from_le_bytes(reader.array("utc offset")?);
        let count: u16 = reader.small("programme count")?;
        let mut programmes = BTreeMap::new();
        for _ in 0..count {
            let id = ProgrammeId(reader.u16("programme")?);
            programmes.insert(id, Programme::decode(&mut reader)?);
        }
        reader.finish()?;
        Ok(Self {
            utc_offset_minutes,
            programmes,
        })
    }

    /// SHA-256 of the canonical bytes.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.encode()).into()
    }
}

impl Programme {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.u8(match self.kind {
            CardKind::Registered => 1,
            CardKind::Anonymous => 2,
        });
        match self.acceptance {
            Acceptance::Everywhere => writer.u8(1),
            Acceptance::Group(group) => {
                writer.u8(2);
                writer.u32(group);
            }
        }
        writer.u64(self.balance_cap.minor());
        writer.u8(offered(self.reloadable));
        writer.u8(offered(self.preauth));
        writer.i64(self.hold_lifetime_ms);
        writer.u16(self.completion_ratio_percent);
        writer.i64(self.reversal_window_ms);
        writer.i64(self.refund_window_ms);
        writer.i64(self.refund_repeat_ms);
        writer.i64(self.key_retention_ms);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        Ok(Self {
            kind: match reader.u8("card kind")? {
                1 => CardKind::Registered,
                2 => CardKind::Anonymous,
                _ => return Err(CodecError::Range("card kind")),
            },
            acceptance: match reader.u8("acceptance")? {
                1 => Acceptance::Everywhere,
                2 => Acceptance::Group(reader.u32("company group")?),
                _ => return Err(CodecError::Range("acceptance")),
            },
            balance_cap: Amount::from_minor(reader.u64("balance cap")?)
                .map_err(|_| CodecError::Range("balance cap"))?,
            reloadable: read_offered(reader)?,
            preauth: read_offered(reader)?,
            hold_lifetime_ms: reader.i64("hold lifetime")?,
            completion_ratio_percent: reader.u16("completion ratio")?,
            reversal_window_ms: reader.i64("reversal window")?,
            refund_window_ms: reader.i64("refund window")?,
            refund_repeat_ms: reader.i64("refund repeat")?,
            key_retention_ms: reader.i64("key retention")?,
        })
    }
}

const fn offered(offered: Offered) -> u8 {
    match offered {
        Offered::Yes => 1,
        Offered::No => 0,
    }
}

fn read_offered(reader: &mut Reader<'_>) -> Result<Offered, CodecError> {
    match reader.u8("flag")? {
        0 => Ok(Offered::No),
        1 => Ok(Offered::Yes),
        _ => Err(CodecError::Range("flag")),
    }
}
