//! What the law says of a card product. A programme that breaks a rule is refused with its name.

use crate::programme::{Programme, ProgrammeKind};
use crate::validate::Findings;

const PREPAID_MEASURES: &str =
    "Measures for prepaid cards of payment institutions (PBoC announcement 2012 No. 12)";
const SINGLE_PURPOSE_MEASURES: &str =
    "Measures for single-purpose commercial prepaid cards (MOFCOM order 2012 No. 9)";
const CAP_REGISTERED_FEN: u64 = 500_000;
const CAP_ANONYMOUS_FEN: u64 = 100_000;
const VALIDITY_MONTHS_MIN: u16 = 36;
const AGENT_TOP_UP_DAY_FEN: u64 = 20_000;
/// Cash at a counter, cash at a machine, a bank's own goods, quasi cash, money orders.
const CASH_MCCS: [&str; 5] = ["6010", "6011", "6012", "6051", "4829"];
/// Commuter transport, passenger railways, taxis, bus lines, transport, bridges and tolls, parking.
const TRANSIT_MCCS: [&str; 7] = ["4111", "4112", "4121", "4131", "4789", "4784", "7523"];

/// Checks one programme.
pub(crate) fn check(index: usize, programme: &Programme, findings: &mut Findings) {
    check_kind(index, programme, findings);
    check_loss(index, programme, findings);
    check_cash(index, programme, findings);
    if programme.transit_only {
        return check_transit(index, programme, findings);
    }
    check_caps(index, programme, findings);
    check_agents(index, programme, findings);
}

fn check_kind(index: usize, programme: &Programme, findings: &mut Findings) {
    let (group, validity) = (
        format!("programmes[{index}].group"),
        format!("programmes[{index}].validity_months"),
    );
    match programme.kind {
        ProgrammeKind::Registered => {
            if programme.validity_months.is_some() {
                let advice = format!(
                    "is set; remove it, registered cards do not expire: {PREPAID_MEASURES}"
                );
                findings.add(validity, advice);
            }
        }
        ProgrammeKind::Anonymous => {
            if programme.validity_months.is_none() {
                findings.add(
                    validity,
                    format!("is missing; write at least {VALIDITY_MONTHS_MIN} for anonymous cards"),
                );
            }
        }
        ProgrammeKind::SinglePurpose => {
            if programme.group.is_none() {
                findings.add(
                    group,
                    "is missing; write the company group whose merchants take these cards",
                );
            }
            return;
        }
    }
    if programme.group.is_some() {
        findings.add(
            group,
            "is set; remove it, only single-purpose cards are bound to a group",
        );
    }
}

/// Rules "cap of registered cards", "cap of anonymous cards" and "validity of anonymous cards".
fn check_caps(index: usize, programme: &Programme, findings: &mut Findings) {
    let (cap_most_fen, holder, law) = match (programme.kind, programme.validity_months) {
        (ProgrammeKind::Registered, _) => (CAP_REGISTERED_FEN, "registered", PREPAID_MEASURES),
        (ProgrammeKind::Anonymous, _) => (CAP_ANONYMOUS_FEN, "anonymous", PREPAID_MEASURES),
        (ProgrammeKind::SinglePurpose, None) => {
            (CAP_REGISTERED_FEN, "registered", SINGLE_PURPOSE_MEASURES)
        }
        (ProgrammeKind::SinglePurpose, Some(_)) => {
            (CAP_ANONYMOUS_FEN, "anonymous", SINGLE_PURPOSE_MEASURES)
        }
    };
    let cap_fen = programme.balance_cap_fen.get();
    if cap_fen > cap_most_fen {
        let advice =
            format!("is {cap_fen}; write at most {cap_most_fen}, the cap of {holder} cards: {law}");
        findings.add(format!("programmes[{index}].balance_cap_fen"), advice);
    }
    let months = programme.validity_months.map(|months| months.get());
    if let Some(months) = months.filter(|months| *months < VALIDITY_MONTHS_MIN) {
        let advice = format!("is {months}; write at least {VALIDITY_MONTHS_MIN}: {law}");
        findings.add(format!("programmes[{index}].validity_months"), advice);
    }
}

/// Rule "cards without a name are not reported lost": nobody can prove to be their holder.
fn check_loss(index: usize, programme: &Programme, findings: &mut Findings) {
    let key = format!("programmes[{index}].temporary_loss_days");
    let is_anonymous = match programme.kind {
        ProgrammeKind::Registered => false,
        ProgrammeKind::Anonymous => true,
        ProgrammeKind::SinglePurpose => programme.validity_months.is_some(),
    };
    match (is_anonymous, programme.temporary_loss_days) {
        (true, Some(_)) => findings.add(
            key,
            format!("is set; remove it, anonymous cards are not reported lost: {PREPAID_MEASURES}"),
        ),
        (false, None) => {
            findings.add(
                key,
                "is missing; write 1 to 30 for cards with a named holder",
            );
        }
        (true, None) | (false, Some(_)) => {}
    }
}

/// Rule "prepaid cards give no cash": nor do they buy money orders or other prepaid cards.
fn check_cash(index: usize, programme: &Programme, findings: &mut Findings) {
    let is_blocked = |mcc: &&&str| {
        programme
            .blocked_mccs
            .iter()
            .any(|one| one.as_str() == **mcc)
    };
    let missing: Vec<&str> = (CASH_MCCS.iter())
        .filter(|mcc| !is_blocked(mcc))
        .copied()
        .collect();
    if !missing.is_empty() {
        let advice = format!(
            "lacks {}; add it, prepaid cards give no cash: {}",
            missing.join(", "),
            law_of(programme)
        );
        findings.add(format!("programmes[{index}].blocked_mccs"), advice);
    }
}

/// Rule "cash top-ups by machines and agents"; single-purpose cards are not bound by it.
fn check_agents(index: usize, programme: &Programme, findings: &mut Findings) {
    let most = programme.agent_top_up_day_max_fen.get();
    let is_bound = programme.kind != ProgrammeKind::SinglePurpose;
    if is_bound && most > AGENT_TOP_UP_DAY_FEN {
        let advice = format!(
            "is {most}; write at most {AGENT_TOP_UP_DAY_FEN}, what machines and agents may load a day: \
             {PREPAID_MEASURES}"
        );
        findings.add(
            format!("programmes[{index}].agent_top_up_day_max_fen"),
            advice,
        );
    }
}

/// Rule "tickets for local transport": outside the measures only if they are good for nothing else.
fn check_transit(index: usize, programme: &Programme, findings: &mut Findings) {
    let key = format!("programmes[{index}].accepted_mccs");
    if programme.accepted_mccs.is_empty() {
        let advice = format!(
            "is empty; write some of {}, or `transit_only = false`: a ticket is good for transport only",
            TRANSIT_MCCS.join(", ")
        );
        return findings.add(key, advice);
    }
    let other = (programme.accepted_mccs.iter()).find(|mcc| !TRANSIT_MCCS.contains(&mcc.as_str()));
    if let Some(other) = other {
        let advice = format!(
            "has {}; remove it, or write `transit_only = false`: a ticket is good for transport only",
            other.as_str()
        );
        findings.add(key, advice);
    }
}

fn law_of(programme: &Programme) -> &'static str {
    match programme.kind {
        ProgrammeKind::Registered | ProgrammeKind::Anonymous => PREPAID_MEASURES,
        ProgrammeKind::SinglePurpose => SINGLE_PURPOSE_MEASURES,
    }
}
