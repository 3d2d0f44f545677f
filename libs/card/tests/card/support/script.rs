//! Scripts: one command or event a line, with what must come of it.
//!
//! ```text
//! card registered 1000.00
//! purchase 123.45 as p1 -> approved available 876.55
//! wait 20m
//! void 123.45 as v1 of p1 -> approved posted 1000.00 available 876.55
//! ```

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::support::World;
use crate::support::ask::{Ask, Named, channel};
use crate::support::expectation::{check_decision, check_figures};
use crate::support::world::{DAY_MS, MINUTE_MS};
use crate::support::yuan;
use card::{Acceptance, CardKind, Day, Decision, Offered, Timestamp};

/// Plays a script in a world of its own; a failure names its line.
#[expect(clippy::print_stderr, reason = "tells which line of the script failed")]
pub(crate) fn check(script: &str) -> World {
    let mut stage = Stage::new();
    for (index, line) in script.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let played = catch_unwind(AssertUnwindSafe(|| stage.play(line)));
        if let Err(panic) = played {
            eprintln!("line {} of the script: {line}", index + 1);
            resume_unwind(panic);
        }
    }
    stage.world
}

/// A world, and the names that a script gave to its requests.
pub(crate) struct Stage {
    pub(crate) world: World,
    names: BTreeMap<String, Named>,
    exchange: u64,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            world: World::new(),
            names: BTreeMap::new(),
            exchange: 0,
        }
    }

    /// Plays one line.
    pub(crate) fn play(&mut self, line: &str) {
        if let Some((asked, expected)) = line.split_once("->") {
            return self.ask(asked.trim(), expected.trim());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["card", kind, balance, ref options @ ..] => self.issue(kind, balance, options),
            ["programme", ref options @ ..] => self.set_options(options),
            ["wait", time] => self.world.now = self.world.now.plus_ms(duration_ms(time)),
            ["clock", date, time] => self.world.now = local(date, time),
            ["cut"] => self.world.day = Day(self.world.day.0 + 1),
            ["freeze"] => self.world.frozen_through = Day(self.world.day.0 - 1),
            ["offset", number] => self.world.next_offset = number.parse().unwrap(),
            ["fill", count] => self.fill(count.parse().unwrap()),
            ["now", ref figures @ ..] => check_figures(&self.world, figures),
            _ => panic!("cannot read `{line}`"),
        }
    }

    fn ask(&mut self, asked: &str, expected: &str) {
        let decision = self.submit(asked);
        if matches!(decision.kind, card::Kind::BalanceInquiry) {
            assert_eq!(decision.written, None, "CARD-6: an inquiry writes nothing");
            return self.check_inquiry(&decision, expected);
        }
        check_decision(&self.world, &decision, expected);
    }

    /// Asks what a line's left side says.
    pub(crate) fn submit(&mut self, asked: &str) -> Decision {
        self.exchange += 1;
        let find = |name: &str| self.names.get(name).cloned();
        let ask = Ask::parse(asked, &find);
        let command = ask.command(&find, self.exchange);
        let decision = self.world.submit(&command);
        assert_eq!(
            decision.reply.reply_to, command.reply_to,
            "the answer goes to who asked"
        );
        if decision.written.is_some() {
            let named = Named {
                trace: ask.trace,
                reply: Some(decision.reply),
            };
            self.names.insert(ask.name.to_owned(), named);
        }
        decision
    }

    fn check_inquiry(&self, decision: &Decision, expected: &str) {
        let told = decision
            .reply
            .available
            .map(|amount| format!("told {amount}"));
        match told {
            Some(told) => assert_eq!(told, expected),
            None => assert_eq!(
                format!("{:?}", decision.outcome),
                format!("Declined({expected})")
            ),
        }
    }

    /// `card registered|anonymous BALANCE [option value]...`
    fn issue(&mut self, kind: &str, balance: &str, options: &[&str]) {
        self.world.programme().kind = match kind {
            "registered" => CardKind::Registered,
            "anonymous" => CardKind::Anonymous,
            _ => panic!("`{kind}`: registered or anonymous"),
        };
        let (expiry, options): (Vec<&[&str]>, Vec<&[&str]>) =
            options.chunks(2).partition(|pair| pair[0] == "expiry");
        self.set_options(&options.concat());
        let expiry = expiry.first().map_or("0", |pair| pair[1]);
        let line = format!("issue {balance} as sale by transfer expiry {expiry}");
        self.ask(&line, &format!("approved posted {balance}"));
    }

    fn set_options(&mut self, options: &[&str]) {
        let programme = self.world.programme();
        for pair in options.chunks(2) {
            let [option, value] = pair else {
                panic!("`{pair:?}` needs a value")
            };
            match *option {
                "cap" => programme.balance_cap = yuan(value),
                "ratio" => programme.completion_ratio_percent = value.parse().unwrap(),
                "group" => programme.acceptance = Acceptance::Group(value.parse().unwrap()),
                "preauth" => programme.preauth = offered(value),
                "reload" => programme.reloadable = offered(value),
                "tip" => programme.tip_ratio_percent = value.parse().unwrap(),
                "loss-days" => programme.temporary_loss_ms = value.parse::<i64>().unwrap() * DAY_MS,
                "per-transaction" => programme.limits.transaction = Some(yuan(value)),
                "per-day" => programme.limits.day_amount = Some(yuan(value)),
                "times-a-day" => programme.limits.day_count = Some(value.parse().unwrap()),
                "per-month" => programme.limits.month_amount = Some(yuan(value)),
                "times-a-month" => programme.limits.month_count = Some(value.parse().unwrap()),
                "agents-per-day" => programme.limits.agent_top_up_day = Some(yuan(value)),
                "only-mcc" => programme.accepted_categories = categories(value),
                "not-mcc" => programme.blocked_categories = categories(value),
                "not-channel" => {
                    let blocked = programme.blocked_channels;
                    programme.blocked_channels = blocked.with(channel(value));
                }
                _ => panic!("unknown option `{option}`"),
            }
        }
    }

    /// Declined refunds of nothing: they fill the ring and move no money.
    fn fill(&mut self, count: u32) {
        for _ in 0..count {
            let line = format!("refund 0.00 as filler{}", self.exchange);
            self.ask(&line, "declined InvalidAmount");
        }
    }
}

fn categories(list: &str) -> Vec<u16> {
    list.split(',').map(|mcc| mcc.parse().unwrap()).collect()
}

fn offered(text: &str) -> Offered {
    match text {
        "yes" => Offered::Yes,
        "no" => Offered::No,
        _ => panic!("`{text}`: yes or no"),
    }
}

fn duration_ms(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => MINUTE_MS,
        "h" => 60 * MINUTE_MS,
        "d" => DAY_MS,
        _ => panic!("`{text}`: s, m, h or d"),
    };
    number.parse::<i64>().unwrap() * unit_ms
}

/// A moment on the wall in Beijing: `2024-02-29 23:59:59`.
fn local(date: &str, time: &str) -> Timestamp {
    let mut date = date.splitn(3, '-').map(|part| part.parse::<u16>().unwrap());
    let mut next = || date.next().unwrap();
    let (year, month, day) = (next(), next(), next());
    let narrow = |value| u8::try_from(value).unwrap();
    let day = card::calendar::day_of_date(year, narrow(month), narrow(day)).unwrap();
    let seconds = time
        .split(':')
        .fold(0, |sum, part| sum * 60 + part.parse::<i64>().unwrap());
    Timestamp(i64::from(day.0) * DAY_MS + (seconds - 8 * 3_600) * 1_000)
}
