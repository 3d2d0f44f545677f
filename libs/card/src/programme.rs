//! The rules of a card product, as immutable data. They change only by a barrier in the log that
//! names a whole bundle by its hash (LOG-5).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::codec::{CodecError, Reader, Writer};
use crate::command::Channel;
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

/// Bounds of what a holder spends, none where there is no bound. Days and months are local, at the
/// fixed UTC offset of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most of one transaction.
    pub transaction: Option<Amount>,
    /// The most of a day.
    pub day_amount: Option<Amount>,
    /// How often in a day.
    pub day_count: Option<u32>,
    /// The most of a month.
    pub month_amount: Option<Amount>,
    /// How often in a month.
    pub month_count: Option<u32>,
    /// The most cash that machines and agents may load in a day.
    pub agent_top_up_day: Option<Amount>,
}

impl Limits {
    /// No bound at all.
    pub const NONE: Self = Self {
        transaction: None,
        day_amount: None,
        day_count: None,
        month_amount: None,
        month_count: None,
        agent_top_up_day: None,
    };
}

/// A set of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channels(u8);

impl Channels {
    /// No channel.
    pub const NONE: Self = Self(0);

    const ALL_BITS: u8 = 0b11_1111;

    /// The set with one more.
    #[must_use]
    pub const fn with(self, channel: Channel) -> Self {
        Self(self.0 | Self::bit(channel))
    }

    /// Whether a channel is in it.
    #[must_use]
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & Self::bit(channel) != 0
    }

    const fn bit(channel: Channel) -> u8 {
        1 << channel.number()
    }
}

/// Categories that a programme may list.
pub const CATEGORIES_MAX: usize = 64;

/// A card product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Programme {
    /// Registered or anonymous.
    pub kind: CardKind,
    /// Where its cards are good.
    pub acceptance: Acceptance,
    /// The most that a card may hold. Loads over it are refused; refunds are not (CARD-5).
    pub balance_cap: Amount,
    /// What a holder may spend at once, in a day and in a month.
    pub limits: Limits,
    /// Merchant categories (MCC) where alone its cards are good; empty = all.
    pub accepted_categories: Vec<u16>,
    /// Merchant categories (MCC) where its cards are not good.
    pub blocked_categories: Vec<u16>,
    /// Channels where its cards are not good.
    pub blocked_channels: Channels,
    /// How much a tip may be, in percent of the sale.
    pub tip_ratio_percent: u16,
    /// How long a temporary loss report holds.
    pub temporary_loss_ms: i64,
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
const FORMAT: u8 = 2;

/// How long a temporary loss report holds where a bundle does not say it: the five days of the trade.
const FORMAT_1_TEMPORARY_LOSS_MS: i64 = 5 * 86_400_000;

/// The format before: without limits, categories, channels, tips and temporary loss.
const FORMAT_1: u8 = 1;

impl Rules {
    /// Canonical bytes; the bundle's name is their hash.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = Writer(&mut bytes);
        // What format 1 can say is said in it, so that an old bundle keeps its name.
        let format = match self.programmes.values().all(Programme::is_of_format_1) {
            true => FORMAT_1,
            false => FORMAT,
        };
        writer.u8(format);
        writer.bytes(&self.utc_offset_minutes.to_le_bytes());
        writer.varint(self.programmes.len() as u64);
        for (id, programme) in &self.programmes {
            writer.u16(id.0);
            programme.encode(&mut writer);
            if format != FORMAT_1 {
                programme.encode_bounds(&mut writer);
            }
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
        if format != FORMAT && format != FORMAT_1 {
            return Err(CodecError::Format(format));
        }
        let utc_offset_minutes = i16::from_le_bytes(reader.array("utc offset")?);
        let count: u16 = reader.small("programme count")?;
        let mut programmes = BTreeMap::new();
        for _ in 0..count {
            let id = ProgrammeId(reader.u16("programme")?);
            let mut programme = Programme::decode(&mut reader)?;
            if format != FORMAT_1 {
                programme.decode_bounds(&mut reader)?;
            }
            programmes.insert(id, programme);
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
    /// A registered card without bounds, for tests and examples; no settings begin with it.
    #[must_use]
    pub fn example() -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            kind: CardKind::Registered,
            acceptance: Acceptance::Everywhere,
            balance_cap: Amount::from_minor(500_000).unwrap_or_default(),
            limits: Limits::NONE,
            accepted_categories: Vec::new(),
            blocked_categories: Vec::new(),
            blocked_channels: Channels::NONE,
            tip_ratio_percent: 20,
            temporary_loss_ms: FORMAT_1_TEMPORARY_LOSS_MS,
            reloadable: Offered::Yes,
            preauth: Offered::Yes,
            hold_lifetime_ms: DAY_MS.saturating_mul(30),
            completion_ratio_percent: 100,
            reversal_window_ms: 600_000,
            refund_window_ms: DAY_MS.saturating_mul(180),
            refund_repeat_ms: 300_000,
            key_retention_ms: DAY_MS.saturating_mul(8),
        }
    }

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

    fn is_of_format_1(&self) -> bool {
        self.limits == Limits::NONE
            && self.accepted_categories.is_empty()
            && self.blocked_categories.is_empty()
            && self.blocked_channels == Channels::NONE
            && self.tip_ratio_percent == 0
            && self.temporary_loss_ms == FORMAT_1_TEMPORARY_LOSS_MS
    }

    fn encode_bounds(&self, writer: &mut Writer<'_>) {
        let limits = &self.limits;
        let sum = |amount: Option<Amount>| amount.map(Amount::minor);
        let count = |count: Option<u32>| count.map(u64::from);
        for bound in [
            sum(limits.transaction),
            sum(limits.day_amount),
            count(limits.day_count),
            sum(limits.month_amount),
            count(limits.month_count),
            sum(limits.agent_top_up_day),
        ] {
            writer.u8(u8::from(bound.is_some()));
            writer.varint(bound.unwrap_or_default());
        }
        encode_categories(&self.accepted_categories, writer);
        encode_categories(&self.blocked_categories, writer);
        writer.u8(self.blocked_channels.0);
        writer.u16(self.tip_ratio_percent);
        writer.i64(self.temporary_loss_ms);
    }

    fn decode_bounds(&mut self, reader: &mut Reader<'_>) -> Result<(), CodecError> {
        self.limits = Limits {
            transaction: read_sum(reader)?,
            day_amount: read_sum(reader)?,
            day_count: read_count(reader)?,
            month_amount: read_sum(reader)?,
            month_count: read_count(reader)?,
            agent_top_up_day: read_sum(reader)?,
        };
        self.accepted_categories = decode_categories(reader)?;
        self.blocked_categories = decode_categories(reader)?;
        let channels = reader.u8("channels")?;
        if channels & !Channels::ALL_BITS != 0 {
            return Err(CodecError::Range("channels"));
        }
        self.blocked_channels = Channels(channels);
        self.tip_ratio_percent = reader.u16("tip ratio")?;
        self.temporary_loss_ms = reader.i64("temporary loss")?;
        Ok(())
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
            limits: Limits::NONE,
            accepted_categories: Vec::new(),
            blocked_categories: Vec::new(),
            blocked_channels: Channels::NONE,
            tip_ratio_percent: 0,
            temporary_loss_ms: FORMAT_1_TEMPORARY_LOSS_MS,
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

fn read_bound(reader: &mut Reader<'_>) -> Result<Option<u64>, CodecError> {
    let is_bound = reader.u8("limit")?;
    let bound = reader.varint("limit")?;
    match (is_bound, bound) {
        (0, 0) => Ok(None),
        (1, bound) => Ok(Some(bound)),
        _ => Err(CodecError::Range("limit")),
    }
}

fn read_sum(reader: &mut Reader<'_>) -> Result<Option<Amount>, CodecError> {
    read_bound(reader)?
        .map(Amount::from_minor)
        .transpose()
        .map_err(|_| CodecError::Range("limit"))
}

fn read_count(reader: &mut Reader<'_>) -> Result<Option<u32>, CodecError> {
    read_bound(reader)?
        .map(u32::try_from)
        .transpose()
        .map_err(|_| CodecError::Range("limit"))
}

fn encode_categories(categories: &[u16], writer: &mut Writer<'_>) {
    writer.varint(categories.len() as u64);
    categories.iter().for_each(|mcc| writer.u16(*mcc));
}

fn decode_categories(reader: &mut Reader<'_>) -> Result<Vec<u16>, CodecError> {
    let count: usize = reader.small("category count")?;
    if count > CATEGORIES_MAX {
        return Err(CodecError::Range("category count"));
    }
    (0..count).map(|_| reader.u16("category")).collect()
}
