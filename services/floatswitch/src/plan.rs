//! From the settings file to what each part is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::dialect;
use crate::exit::Failure;
use acquirer_connector::{
    BatchSettlement, ConnectorSettings, CutOver, DayReconciliation, ListenerSettings,
};
use card::{
    Acceptance, CardKind, Channel, Channels, Day, FeeTerms, Limits, Offered, Programme,
    ProgrammeId, Rules, Timestamp,
};
use card_processor::ProcessorSettings;
use iso8583::{Dialect, Speaks};
use link::SignOn;
use money::Amount;
use registry::{
    Merchant, Participant, ParticipantId, Register, Terminal, merchant_id, terminal_id,
};
use settings::{ClockTime, ProgrammeKind, Settings};
use telemetry::Tracer;

const DAY_MS: i64 = 86_400_000;

/// The same refund asked again within this time is the operator's repeat.
const REFUND_REPEAT_MS: i64 = 5 * 60 * 1_000;

/// The bounds of the card processor.
pub(crate) fn processor(settings: &Settings) -> ProcessorSettings {
    let processor = &settings.processor;
    let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    ProcessorSettings {
        worker_count: processor.workers.get(),
        credits_per_partition: processor.credits_per_partition.get(),
        live_cards_max: count(processor.live_cards_max.get().into()),
        idle_card: Duration::from_secs(processor.idle_card_seconds.get().into()),
        checkpoint_interval: Duration::from_secs(
            processor.checkpoint_interval_seconds.get().into(),
        ),
        dirty_cards_max: count(processor.checkpoint_commands_max.get()),
    }
}

/// The rules bundle.
pub(crate) fn rules(settings: &Settings) -> Result<Rules, Failure> {
    let mut programmes = BTreeMap::new();
    for programme in &settings.programmes {
        programmes.insert(ProgrammeId(programme.number.get()), rules_of(programme)?);
    }
    Ok(Rules {
        utc_offset_minutes: settings.day.utc_offset_minutes.get(),
        programmes,
    })
}

/// Whether a programme's cards are sold to named holders.
pub(crate) fn card_kind(programme: &settings::Programme) -> CardKind {
    match (programme.kind, programme.validity_months) {
        (ProgrammeKind::Registered, _) | (ProgrammeKind::SinglePurpose, None) => {
            CardKind::Registered
        }
        (ProgrammeKind::Anonymous, _) | (ProgrammeKind::SinglePurpose, Some(_)) => {
            CardKind::Anonymous
        }
    }
}

fn rules_of(programme: &settings::Programme) -> Result<Programme, Failure> {
    let days = |count: i64| count.saturating_mul(DAY_MS);
    let offered = |yes: bool| if yes { Offered::Yes } else { Offered::No };
    Ok(Programme {
        kind: card_kind(programme),
        acceptance: match (programme.kind, &programme.group) {
            (ProgrammeKind::SinglePurpose, Some(group)) => Acceptance::Group(group.get()),
            (ProgrammeKind::SinglePurpose, None) => {
                return Err(Failure::usage("a single-purpose programme needs `group`"));
            }
            (ProgrammeKind::Registered | ProgrammeKind::Anonymous, _) => Acceptance::Everywhere,
        },
        balance_cap: fen(programme.balance_cap_fen.get())?,
        limits: limits_of(programme)?,
        accepted_categories: categories(&programme.accepted_mccs)?,
        blocked_categories: categories(&programme.blocked_mccs)?,
        blocked_channels: (programme.blocked_channels.iter())
            .fold(Channels::NONE, |set, channel| {
                set.with(channel_of(*channel))
            }),
        tip_ratio_percent: programme.tip_ratio_percent.get().into(),
        // An anonymous card cannot be reported lost at all.
        temporary_loss_ms: days(
            (programme.temporary_loss_days).map_or(0, |days| days.get().into()),
        ),
        reloadable: offered(programme.reloadable),
        preauth: offered(programme.preauth_allowed),
        hold_lifetime_ms: days(programme.hold_lifetime_days.get().into()),
        completion_ratio_percent: programme.completion_ratio_percent.get().into(),
        reversal_window_ms: i64::from(programme.reversal_window_seconds.get()) * 1_000,
        refund_window_ms: days(programme.refund_window_days.get().into()),
        refund_repeat_ms: REFUND_REPEAT_MS,
        key_retention_ms: days(programme.key_retention_days.get().into()),
    })
}

fn limits_of(programme: &settings::Programme) -> Result<Limits, Failure> {
    let sum = |minor: u64| match minor {
        0 => Ok(None),
        minor => fen(minor).map(Some),
    };
    let count = |count: u32| (count != 0).then_some(count);
    Ok(Limits {
        transaction: sum(programme.transaction_max_fen.get())?,
        day_amount: sum(programme.day_max_fen.get())?,
        day_count: count(programme.day_count_max.get()),
        month_amount: sum(programme.month_max_fen.get())?,
        month_count: count(programme.month_count_max.get()),
        agent_top_up_day: Some(fen(programme.agent_top_up_day_max_fen.get())?),
    })
}

fn fen(minor: u64) -> Result<Amount, Failure> {
    Amount::from_minor(minor).map_err(Failure::usage)
}

/// In the order of their numbers, so that a list means the same rules however it is written.
fn categories(mccs: &[settings::Digits<4, 4>]) -> Result<Vec<u16>, Failure> {
    let mut categories = mccs
        .iter()
        .map(|mcc| mcc.as_str().parse().map_err(Failure::usage))
        .collect::<Result<Vec<u16>, _>>()?;
    categories.sort_unstable();
    categories.dedup();
    Ok(categories)
}

const fn channel_of(channel: settings::Channel) -> Channel {
    match channel {
        settings::Channel::Attended => Channel::Attended,
        settings::Channel::SelfService => Channel::SelfService,
        settings::Channel::Online => Channel::Online,
        settings::Channel::MailOrPhone => Channel::MailOrPhone,
        settings::Channel::Agent => Channel::Agent,
    }
}

/// Acquirers, merchants and terminals.
pub(crate) fn register(settings: &Settings) -> Result<Arc<Register>, Failure> {
    let mut participants = Vec::new();
    let mut terminals = Vec::new();
    for acquirer in &settings.acquirers {
        let id = participant(acquirer.id.as_str())?;
        participants.push(Participant {
            id,
            name: acquirer.name.as_str().to_owned(),
        });
        for entry in &acquirer.terminals {
            let merchant = merchant_id(entry.merchant()).map_err(Failure::usage)?;
            for terminal in entry.ids() {
                let terminal = terminal_id(&terminal).map_err(Failure::usage)?;
                terminals.push(Terminal::single(id, terminal, merchant));
            }
        }
    }
    let merchants = settings
        .merchants
        .iter()
        .map(merchant)
        .collect::<Result<_, _>>()?;
    Register::new(participants, merchants, terminals)
        .map(Arc::new)
        .map_err(Failure::usage)
}

fn merchant(merchant: &settings::Merchant) -> Result<Merchant, Failure> {
    let minor = |fen: u64| u32::try_from(fen).map_err(|_| Failure::usage("fee is out of range"));
    Ok(Merchant {
        id: merchant_id(merchant.id.as_str()).map_err(Failure::usage)?,
        name: merchant.name.as_str().to_owned(),
        category: merchant.mcc.as_str().parse().map_err(Failure::usage)?,
        group: merchant.group.as_ref().map_or(0, |group| group.get()),
        online_allowed: merchant.online_allowed,
        fee: FeeTerms {
            rate_ppm: merchant.fee_rate_ppm.get(),
            fixed_minor: minor(merchant.fee_fixed_fen.get())?,
            min_minor: minor(merchant.fee_min_fen.get())?,
            max_minor: minor(merchant.fee_max_fen.get())?,
        },
    })
}

/// The links.
pub(crate) fn connector(
    settings: &Settings,
    tracer: &Tracer,
) -> Result<ConnectorSettings, Failure> {
    let listeners = settings
        .acquirers
        .iter()
        .map(|acquirer| listener(settings, acquirer))
        .collect::<Result<Vec<_>, _>>()?;
    let issuer = match listeners.first() {
        Some(first) => first.acquirer,
        None => return Err(Failure::usage("name at least one [[acquirers]]")),
    };
    let utc_offset_minutes = settings.day.utc_offset_minutes.get();
    Ok(ConnectorSettings {
        reply_partition: 0,
        tracer: tracer.clone(),
        issuer,
        utc_offset_minutes,
        listeners,
    })
}

fn listener(
    settings: &Settings,
    acquirer: &settings::Acquirer,
) -> Result<ListenerSettings, Failure> {
    let count = |value: u32| usize::try_from(value).unwrap_or(usize::MAX);
    let seconds = |value: u32| Duration::from_secs(value.into());
    let dialect = dialect::of_acquirer(settings, acquirer)?;
    Ok(ListenerSettings {
        acquirer: participant(acquirer.id.as_str())?,
        name: acquirer.name.as_str().to_owned(),
        listen: acquirer.listen.resolve().map_err(Failure::cannot_start)?,
        dialect,
        connections_max: count(acquirer.connections_max.get()),
        in_flight_max: count(acquirer.in_flight_max.get()),
        frame_size_max: count(acquirer.frame_size_max.get()),
        idle_timeout: seconds(acquirer.idle_timeout_seconds.get()),
        read_timeout: seconds(acquirer.read_timeout_seconds.get()),
        reply_timeout: Duration::from_millis(acquirer.reply_timeout_milliseconds.get().into()),
        batch_settlement: match acquirer.batch_settlement {
            true => BatchSettlement::Offered,
            false => BatchSettlement::NotOffered,
        },
        day_reconciliation: day_reconciliation(acquirer, dialect)?,
        cut_over: match acquirer.leads_days {
            true => CutOver::OpensDay,
            false => CutOver::IsNoted,
        },
        terminal_parameters: Arc::from(acquirer.parameter_text().into_bytes()),
        sign_on: match acquirer.require_sign_on {
            true => SignOn::Required,
            false => SignOn::Optional,
        },
    })
}

/// Only ISO 8583:1987 and 1993 have the data elements: terminals settle batches, and the interbank
/// network reconciles by files.
fn day_reconciliation(
    acquirer: &settings::Acquirer,
    dialect: &Dialect,
) -> Result<DayReconciliation, Failure> {
    match (acquirer.day_reconciliation, dialect.speaks()) {
        (false, _) => Ok(DayReconciliation::NotOffered),
        (true, Speaks::Iso87 | Speaks::Iso93) => Ok(DayReconciliation::Offered),
        (true, Speaks::Pos | Speaks::Cups) => Err(Failure::usage(format!(
            "acquirer {} has day_reconciliation, which the dialect {} has no data elements for: leave it away",
            acquirer.id.as_str(),
            dialect.name()
        ))),
    }
}

fn participant(id: &str) -> Result<ParticipantId, Failure> {
    ParticipantId::parse(id).map_err(Failure::usage)
}

/// The settlement day that is open at a moment: the network's day begins at the cut of the evening
/// before.
pub(crate) fn open_day(settings: &Settings, cut_at: ClockTime, now: Timestamp) -> Day {
    let until_midnight = DAY_MS - i64::from(cut_at.minutes()) * 60_000;
    day_at(settings, now.0 + until_midnight % DAY_MS)
}

/// The date on the wall at a moment.
pub(crate) fn calendar_day(settings: &Settings, now: Timestamp) -> Day {
    day_at(settings, now.0)
}

fn day_at(settings: &Settings, moment_ms: i64) -> Day {
    let offset = i64::from(settings.day.utc_offset_minutes.get()) * 60_000;
    let days = (moment_ms + offset).div_euclid(DAY_MS);
    Day(u16::try_from(days).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The rules' name when this is replaced in the example's first programme.
    fn name(good: &str, other: &str) -> [u8; 32] {
        let from = settings::example().find("[[programmes]]").unwrap();
        let (head, programmes) = settings::example().split_at(from);
        assert!(programmes.contains(good), "{good}");
        let text = head.to_owned() + &programmes.replacen(good, other, 1);
        let settings = Settings::parse(&text, Path::new("switch.toml")).unwrap();
        rules(&settings).unwrap().hash()
    }

    /// LOG-5: another name makes the next start write a barrier.
    #[test]
    fn every_rule_of_a_programme_is_in_the_bundles_name() {
        let now = name("", "");
        for (good, other) in [
            ("balance_cap_fen = 500000", "balance_cap_fen = 400000"),
            ("transaction_max_fen = 0", "transaction_max_fen = 1"),
            ("day_max_fen = 0", "day_max_fen = 1"),
            ("day_count_max = 0", "day_count_max = 1"),
            ("month_max_fen = 0", "month_max_fen = 1"),
            ("month_count_max = 0", "month_count_max = 1"),
            (
                "agent_top_up_day_max_fen = 20000",
                "agent_top_up_day_max_fen = 0",
            ),
            ("accepted_mccs = []", "accepted_mccs = [\"5411\"]"),
            ("\"4829\"]", "\"4829\", \"7995\"]"),
            ("blocked_channels = []", "blocked_channels = [\"online\"]"),
            ("tip_ratio_percent = 20", "tip_ratio_percent = 0"),
            ("temporary_loss_days = 5", "temporary_loss_days = 3"),
            ("reloadable = true", "reloadable = false"),
            ("preauth_allowed = true", "preauth_allowed = false"),
        ] {
            assert_ne!(name(good, other), now, "{other}");
        }
    }

    /// A list means the same in whichever order it is written, and a name for people means nothing.
    #[test]
    fn what_is_no_rule_is_not_in_the_bundles_name() {
        let now = name("", "");
        let other_order = "[\"6011\", \"6010\", \"6010\", ";
        assert_eq!(name("[\"6010\", \"6011\", ", other_order), now);
        assert_eq!(name("\"Registered card\"", "\"Card\""), now);
    }
}
