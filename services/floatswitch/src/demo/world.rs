//! The little world of the demo: settings, shops, cards, on a temporary folder.

use std::path::{Path, PathBuf};

use super::request::Place;
use super::served::Served;
use super::servers::Servers;
use crate::books::{self, Books, Work};
use crate::card_issue::{self, IssueArgs};
use crate::cluster;
use crate::config;
use crate::engine::Opening;
use crate::exit::Failure;
use money::Amount;
use pan::Pan;
use settings::Settings;

/// Credit of a void clears after this time. Real programmes take minutes; the demo waits for it.
pub(super) const REVERSAL_WINDOW_SECONDS: u32 = 2;

pub(super) const TILL_1: Place = Place {
    terminal: "70000001",
    merchant: SUPERMARKET,
};
pub(super) const TILL_2: Place = Place {
    terminal: "70000002",
    merchant: SUPERMARKET,
};
pub(super) const BOOKSHOP_TILL: Place = Place {
    terminal: "70000003",
    merchant: "898999959420001",
};
/// Asks for balances only, so that the story can show them.
pub(super) const DESK: Place = Place {
    terminal: "70000009",
    merchant: SUPERMARKET,
};
/// In nobody's register.
pub(super) const STRANGER: Place = Place {
    terminal: "79999999",
    merchant: SUPERMARKET,
};

const SUPERMARKET: &str = "898999954110001";

/// Serial numbers of the story's cards; those of the load generator start at 1.
const FIRST_SERIAL: u64 = 9_001;

/// Cards that `--stay` puts on the books for `sim pos`.
pub(super) const SIM_CARD_COUNT: u64 = 1_000;
pub(super) const SIM_CARD_FEN: u64 = 50_000;

/// A card of the story.
#[derive(Debug, Clone)]
pub(super) struct Card {
    /// Its name in the story.
    pub(super) label: &'static str,
    pub(super) pan: Pan,
    pub(super) programme: Kind,
    /// What it is sold with.
    pub(super) sold_fen: u64,
}

/// The three programmes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Registered,
    Anonymous,
    SinglePurpose,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Registered, Self::Anonymous, Self::SinglePurpose];

    /// Its number in the settings.
    pub(super) const fn number(self) -> u16 {
        match self {
            Self::Registered => 1,
            Self::Anonymous => 2,
            Self::SinglePurpose => 3,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Anonymous => "anonymous",
            Self::SinglePurpose => "single-purpose",
        }
    }

    /// What its cards may and may not, in a few words.
    pub(super) const fn rule(self) -> &'static str {
        match self {
            Self::Registered => "holder known, up to 5000.00, holds allowed",
            Self::Anonymous => "holder unknown, up to 1000.00, no holds",
            Self::SinglePurpose => "only good in shops of one company group",
        }
    }

    const fn bin_and_length(self) -> (&'static str, usize) {
        match self {
            Self::Registered => ("629999", 16),
            Self::Anonymous => ("629999", 19),
            Self::SinglePurpose => ("958000", 16),
        }
    }
}

/// The story's cards.
#[derive(Debug)]
pub(super) struct Cards {
    /// Pays, is voided and refunded.
    pub(super) shopper: Card,
    /// Stays at a hotel.
    pub(super) guest: Card,
    /// Whose terminal loses every answer.
    pub(super) unlucky: Card,
    /// Meets the awkward moments.
    pub(super) awkward: Card,
    /// Has one yuan left.
    pub(super) last_yuan: Card,
    /// Pays while the switch is killed.
    pub(super) survivor: Card,
    pub(super) gift: Card,
    pub(super) supermarket: Card,
}

impl Cards {
    pub(super) fn new() -> Result<Self, Failure> {
        let mut serial = FIRST_SERIAL;
        let mut card = |label, programme: Kind, sold_fen| {
            let (bin, length) = programme.bin_and_length();
            let pan = Pan::from_bin_and_serial(bin, serial, length).map_err(Failure::usage)?;
            serial += 1;
            Ok::<_, Failure>(Card {
                label,
                pan,
                programme,
                sold_fen,
            })
        };
        Ok(Self {
            shopper: card("R1", Kind::Registered, 500_00)?,
            guest: card("R2", Kind::Registered, 1_000_00)?,
            unlucky: card("R3", Kind::Registered, 500_00)?,
            awkward: card("R4", Kind::Registered, 200_00)?,
            last_yuan: card("R5", Kind::Registered, 1_00)?,
            survivor: card("R6", Kind::Registered, 100_00)?,
            gift: card("A1", Kind::Anonymous, 900_00)?,
            supermarket: card("S1", Kind::SinglePurpose, 300_00)?,
        })
    }

    pub(super) fn all(&self) -> [&Card; 8] {
        [
            &self.shopper,
            &self.guest,
            &self.unlucky,
            &self.awkward,
            &self.last_yuan,
            &self.survivor,
            &self.gift,
            &self.supermarket,
        ]
    }

    /// Serial numbers follow the order of [`Cards::all`].
    fn serials(&self) -> impl Iterator<Item = (u64, &Card)> {
        (FIRST_SERIAL..).zip(self.all())
    }
}

/// Whether cards for the load generator are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SimCards {
    None,
    Issued,
}

/// A folder with settings and cards, ready to be served.
#[derive(Debug)]
pub(super) struct World {
    pub(super) config: PathBuf,
    pub(super) settings: Settings,
    pub(super) cards: Cards,
    pub(super) log_file: PathBuf,
}

impl World {
    /// Writes the settings into the folder and puts the cards on the books.
    pub(super) async fn make(
        folder: &Path,
        sim_cards: SimCards,
        servers: &Servers,
    ) -> Result<Self, Failure> {
        let config = folder.join("switch.toml");
        let text = settings_text(&folder.join("data")) + &servers.settings_text()?;
        std::fs::write(&config, text).map_err(|error| {
            Failure::cannot_start(format!("write {}: {error}", config.display()))
        })?;
        let settings = config::load(&config)?;
        let world = Self {
            config,
            settings,
            cards: Cards::new()?,
            log_file: folder.join("switch.log"),
        };
        let issue = IssueAll {
            world: &world,
            sim_cards,
        };
        if world.settings.cluster.is_none() {
            books::work_on(&world.settings, Opening::CreateIfNew, issue).await?;
            return Ok(world);
        }
        // In a cluster a processor must run before anything is decided.
        cluster::prepare(&world.settings).await?;
        let served = Served::start(&world).await?;
        books::work_on(&world.settings, Opening::CreateIfNew, issue).await?;
        served.stop().await?;
        Ok(world)
    }

    /// Leaves nothing on servers that are not ours.
    pub(super) async fn remove(&self) -> Result<(), Failure> {
        match &self.settings.cluster {
            Some(_) => cluster::remove(&self.settings).await,
            None => Ok(()),
        }
    }
}

/// Puts the cards of the story on the books.
struct IssueAll<'a> {
    world: &'a World,
    sim_cards: SimCards,
}

impl Work for IssueAll<'_> {
    type Done = ();

    async fn on<B: Books>(self, books: &B) -> Result<(), Failure> {
        let World {
            config,
            settings,
            cards,
            ..
        } = self.world;
        for (serial, card) in cards.serials() {
            let args = issue_args(config, card.programme, (serial, 1), card.sold_fen)?;
            card_issue::issue(books, settings, &args).await?;
        }
        if self.sim_cards == SimCards::Issued {
            let args = issue_args(config, Kind::Registered, (1, SIM_CARD_COUNT), SIM_CARD_FEN)?;
            card_issue::issue(books, settings, &args).await?;
        }
        Ok(())
    }
}

fn issue_args(
    config: &Path,
    programme: Kind,
    (from, count): (u64, u64),
    fen: u64,
) -> Result<IssueArgs, Failure> {
    Ok(IssueArgs {
        config: config.to_owned(),
        programme: programme.number(),
        count,
        from,
        balance: Amount::from_minor(fen).map_err(Failure::usage)?,
    })
}

impl World {
    /// Writes the addresses that the first start was given into the settings, so that later
    /// starts, and other commands, use them.
    pub(super) fn keep_addresses(&mut self, acquirer: &str, metrics: &str) -> Result<(), Failure> {
        let any = "\"127.0.0.1:0\"";
        let text = std::fs::read_to_string(&self.config).map_err(Failure::cannot_start)?;
        let text = text
            .replace(
                &format!("metrics_listen = {any}"),
                &format!("metrics_listen = \"{metrics}\""),
            )
            .replace(
                &format!("\nlisten = {any}"),
                &format!("\nlisten = \"{acquirer}\""),
            );
        std::fs::write(&self.config, text).map_err(Failure::cannot_start)?;
        self.settings = config::load(&self.config)?;
        Ok(())
    }
}

const SIZES: &str = r#"metrics_listen = "127.0.0.1:0"
log_format = "text"
log_level = "error"

[log]
segment_size_mib = 4
partition_count = 8

[processor]
workers = 2
credits_per_partition = 256
live_cards_max = 10000
idle_card_seconds = 60
checkpoint_interval_seconds = 30
checkpoint_commands_max = 1000000

[day]
utc_offset_minutes = 480
cut_at = "23:00"
"#;

/// As `floatswitch init` writes it, with a demo's sizes, free ports, and one more shop.
fn settings_text(data_dir: &Path) -> String {
    let data_dir = toml::Value::String(data_dir.to_string_lossy().into_owned());
    let programmes: String = Kind::ALL.into_iter().map(programme_text).collect();
    format!(
        r#"data_dir = {data_dir}
{SIZES}
[[acquirers]]
id = "69980290"
name = "Demo acquirer"
listen = "127.0.0.1:0"
dialect = "pos"
connections_max = 256
in_flight_max = 1024
frame_size_max = 4096
idle_timeout_seconds = 3600
read_timeout_seconds = 10
reply_timeout_milliseconds = 15000
require_sign_on = true
mac = "unchecked"
pin = "unchecked"

[[acquirers.terminals]]
terminal_from = "70000001"
terminal_to = "70000002"
merchant = "{SUPERMARKET}"
[[acquirers.terminals]]
terminal = "{desk}"
merchant = "{SUPERMARKET}"
[[acquirers.terminals]]
terminal = "{bookshop_terminal}"
merchant = "{bookshop}"
[[acquirers.terminals]]
terminal_from = "71000000"
terminal_to = "71009999"
merchant = "{SUPERMARKET}"

[[merchants]]
id = "{SUPERMARKET}"
name = "Riverside supermarket"
mcc = "5411"
group = 1
online_allowed = false
fee_rate_ppm = 3800
fee_fixed_fen = 0
fee_min_fen = 0
fee_max_fen = 2600

[[merchants]]
id = "{bookshop}"
name = "Corner bookshop"
mcc = "5942"
online_allowed = false
fee_rate_ppm = 6000
fee_fixed_fen = 0
fee_min_fen = 0
fee_max_fen = 2600
{programmes}"#,
        desk = DESK.terminal,
        bookshop = BOOKSHOP_TILL.merchant,
        bookshop_terminal = BOOKSHOP_TILL.terminal,
    )
}

fn programme_text(kind: Kind) -> String {
    let (bin, length) = kind.bin_and_length();
    let (settings_kind, cap_fen, ratio, own) = match kind {
        Kind::Registered => (
            "registered",
            500_000,
            115,
            "preauth_allowed = true\ntemporary_loss_days = 5",
        ),
        Kind::Anonymous => (
            "anonymous",
            100_000,
            100,
            "preauth_allowed = false\nvalidity_months = 36",
        ),
        Kind::SinglePurpose => (
            "single-purpose",
            500_000,
            100,
            "preauth_allowed = false\ntemporary_loss_days = 5\ngroup = 1",
        ),
    };
    format!(
        r#"
[[programmes]]
number = {number}
name = "Demo {name} card"
kind = "{settings_kind}"
bins = ["{bin}"]
pan_length = {length}
balance_cap_fen = {cap_fen}
transaction_max_fen = 0
day_max_fen = 0
day_count_max = 0
month_max_fen = 0
month_count_max = 0
agent_top_up_day_max_fen = 20000
accepted_mccs = []
blocked_mccs = ["6010", "6011", "6012", "6051", "4829"]
blocked_channels = []
transit_only = false
tip_ratio_percent = 20
reloadable = true
{own}
hold_lifetime_days = 30
completion_ratio_percent = {ratio}
reversal_window_seconds = {REVERSAL_WINDOW_SECONDS}
refund_window_days = 180
key_retention_days = 8
"#,
        number = kind.number(),
        name = kind.name(),
    )
}
