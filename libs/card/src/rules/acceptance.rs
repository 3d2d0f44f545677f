//! Where and how cards of a programme are good: company group, merchant category, channel.

use crate::command::{Channel, Facts};
use crate::outcome::DeclineReason;
use crate::programme::{Acceptance, Programme};

pub(crate) fn check(programme: &Programme, facts: &Facts) -> Result<(), DeclineReason> {
    match programme.acceptance {
        Acceptance::Everywhere => {}
        Acceptance::Group(group) if group == facts.merchant_group => {}
        Acceptance::Group(_) => return Err(DeclineReason::NotAcceptedHere),
    }
    let mcc = facts.merchant_category;
    let accepted = &programme.accepted_categories;
    if programme.blocked_categories.contains(&mcc)
        || (!accepted.is_empty() && !accepted.contains(&mcc))
    {
        return Err(DeclineReason::CategoryBlocked);
    }
    // Prepaid cards are not for shops on the internet, but for those that the register names.
    if facts.channel == Channel::Online && !facts.online_allowed {
        return Err(DeclineReason::ChannelBlocked);
    }
    check_channel(programme, facts.channel)
}

/// What holds for top-ups too.
pub(crate) const fn check_channel(
    programme: &Programme,
    channel: Channel,
) -> Result<(), DeclineReason> {
    if programme.blocked_channels.contains(channel) {
        return Err(DeclineReason::ChannelBlocked);
    }
    Ok(())
}
