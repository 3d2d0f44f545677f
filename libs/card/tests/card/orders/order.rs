//! One order as a line of text, so that a failing one can be played alone.

use crate::orders::flow::Flow;
use crate::orders::twist::{Moment, Twist, Wrong};
use crate::orders::walk::{Calendar, Step};

/// `FLOW CALENDAR EVENT EVENT EVENT~TWIST`...
pub(crate) fn written(
    flow: &Flow,
    calendar: Calendar,
    steps: impl Iterator<Item = Step>,
) -> String {
    let steps = steps.map(|(event, twist)| match twist {
        Twist::None => format!(" {}", flow.events[event].name),
        Twist::Wrong(_) | Twist::Late(_) => format!(" {}~{}", flow.events[event].name, word(twist)),
    });
    format!(
        "{} {}{}",
        flow.name,
        calendar.name,
        steps.collect::<String>()
    )
}

/// Reads the events of a line.
pub(crate) fn read<'a>(flow: &Flow, words: impl Iterator<Item = &'a str>) -> Vec<Step> {
    words.map(|step| read_step(flow, step)).collect()
}

fn read_step(flow: &Flow, step: &str) -> Step {
    let (name, twist) = step.split_once('~').unwrap_or((step, "None"));
    let event = flow.events.iter().position(|event| event.name == name);
    let event = event.unwrap_or_else(|| panic!("`{name}` is no event of {}", flow.name));
    let wrong = Wrong::ALL.into_iter().map(Twist::Wrong);
    let late = flow
        .moments
        .iter()
        .copied()
        .chain([Moment::Midnight])
        .map(Twist::Late);
    let twist = [Twist::None]
        .into_iter()
        .chain(wrong)
        .chain(late)
        .find(|known| word(*known) == twist)
        .unwrap_or_else(|| panic!("nothing is called `{twist}` in {}", flow.name));
    (event, twist)
}

fn word(twist: Twist) -> String {
    match twist {
        Twist::None => "None".to_owned(),
        Twist::Wrong(wrong) => format!("{wrong:?}"),
        Twist::Late(Moment::Seconds(seconds)) => format!("{seconds}s"),
        Twist::Late(moment) => format!("{moment:?}"),
    }
}
