//! A line's left side as a command: what is asked, where, and how it points at its original.

use sha2::{Digest as _, Sha256};

use crate::support::world::PROGRAMME;
use crate::support::yuan;
use card::{
    Adjusted, CardId, Channel, CheckFact, Command, CompletionForm, Counterparty, CreditSource,
    Facts, FeeTerms, Fingerprint, LegKey, LossForm, MerchantId, OriginalRef, Place, ReplaceReason,
    Reply, ReplyTo, Request, TerminalId, Version,
};

/// What a name in a script stands for.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    /// What numbers the request at its terminal: two names may share it.
    pub(crate) trace: String,
    /// Its last answer that was written.
    pub(crate) reply: Option<Reply>,
}

/// Looks a name up.
pub(crate) type Names<'a> = &'a dyn Fn(&str) -> Option<Named>;

/// Which parts of a reference a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    Rrn,
    Key,
    Code,
}

/// A request, word by word.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    verb: &'a str,
    pub(crate) name: &'a str,
    /// What numbers it at its terminal; its name if nothing else is said.
    pub(crate) trace: String,
    amount: &'a str,
    of: Option<&'a str>,
    only: Only,
    rrn: Option<&'a str>,
    code: Option<&'a str>,
    terminal: &'a str,
    merchant: &'a str,
    medium: u8,
    new_medium: u8,
    expiry: u16,
    source: CreditSource,
    facts: Facts,
}

impl<'a> Ask<'a> {
    /// Reads `verb [amount] as NAME [of NAME] [modifier value]...`.
    pub(crate) fn parse(line: &'a str, names: Names<'_>) -> Self {
        let mut words = line.split_whitespace().peekable();
        let verb = words.next().expect("a verb");
        let amount = words.next_if(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let mut ask = Self {
            verb,
            name: "",
            trace: String::new(),
            amount: amount.unwrap_or("0.00"),
            of: None,
            only: if matches!(verb, "reverse" | "confirm") {
                Only::Key
            } else {
                Only::All
            },
            rrn: None,
            code: None,
            terminal: "t1",
            merchant: "m1",
            medium: 0,
            new_medium: 0,
            expiry: 0,
            source: CreditSource::Cash,
            facts: Facts {
                register_version: 7,
                ..Facts::default()
            },
        };
        ask.facts.fee.rate_ppm = 6_000;
        while let Some(modifier) = words.next() {
            let value = words
                .next()
                .unwrap_or_else(|| panic!("`{modifier}` needs a value"));
            ask.modify(modifier, value, names);
        }
        if ask.trace.is_empty() {
            let known = names(ask.name).map(|named| named.trace);
            ask.trace = known.unwrap_or_else(|| ask.name.to_owned());
        }
        ask
    }

    fn modify(&mut self, modifier: &str, value: &'a str, names: Names<'_>) {
        let number = || -> u32 {
            value
                .parse()
                .unwrap_or_else(|_| panic!("`{value}`: a number"))
        };
        match modifier {
            "as" => self.name = value,
            "of" => self.of = Some(value),
            "key" => {
                let known = names(value).map(|named| named.trace);
                self.trace = known.unwrap_or_else(|| value.to_owned());
            }
            "only" => self.only = only(value),
            "rrn" => self.rrn = Some(value),
            "code" => self.code = Some(value),
            "at" => self.terminal = value,
            "merchant" => self.merchant = value,
            "medium" => self.medium = value.parse().unwrap(),
            "expiry" => self.expiry = value.parse().unwrap(),
            "by" => self.source = source(value),
            "group" => self.facts.merchant_group = number(),
            "mcc" => self.facts.merchant_category = value.parse().unwrap(),
            "channel" => self.facts.channel = channel(value),
            "shop" => self.facts.online_allowed = value == "online",
            "to" => self.facts.counterparty = counterparty(value),
            "number" => self.new_medium = value.parse().unwrap(),
            "pin" => self.facts.pin = check_fact(value),
            "chip" => self.facts.cryptogram = check_fact(value),
            "fee" => self.facts.fee = fee(value),
            _ => panic!("unknown modifier `{modifier}`"),
        }
    }

    /// The command, as an edge would make it.
    pub(crate) fn command(&self, names: Names<'_>, exchange: u64) -> Command {
        let request = self.request(names);
        Command {
            card: CardId::new(1, [9; 14]),
            medium: self.medium,
            key: self.key(&self.trace),
            fingerprint: self.fingerprint(&request),
            place: Place {
                acquirer: card::AcquirerId::NOBODY,
                merchant: MerchantId(padded(self.merchant)),
                terminal: TerminalId(padded(self.terminal)),
                batch: 1,
                trace: u32::try_from(exchange).unwrap(),
            },
            request,
            facts: self.facts,
            reply_to: ReplyTo {
                partition: 0,
                incarnation: 1,
                exchange,
            },
        }
    }

    fn request(&self, names: Names<'_>) -> Request {
        let amount = yuan(self.amount);
        let original = self.original(names);
        match self.verb {
            "balance" => Request::BalanceInquiry,
            "purchase" => Request::Purchase { amount },
            "void" => Request::Void { amount, original },
            "refund" => Request::Refund { amount, original },
            "preauth" => Request::PreAuth { amount },
            "void-preauth" => Request::PreAuthVoid { amount, original },
            "complete" => Request::Completion {
                amount,
                original,
                form: CompletionForm::Request,
            },
            "advise" => Request::Completion {
                amount,
                original,
                form: CompletionForm::Advice,
            },
            "void-completion" => Request::CompletionVoid { amount, original },
            "reverse" => Request::Reversal { amount, original },
            "topup" => Request::DirectCredit {
                amount,
                source: self.source,
            },
            "issue" => Request::Issue {
                programme: PROGRAMME,
                expiry: self.expiry,
                amount,
                source: self.source,
            },
            "lose" => Request::ReportLoss {
                form: LossForm::Formal,
            },
            "phone-loss" => Request::ReportLoss {
                form: LossForm::Temporary,
            },
            "find" => Request::LiftLoss,
            "check" => Request::AccountCheck,
            "settle" => Request::OfflineSale { amount, original },
            "adjust" => Request::Adjust {
                amount,
                original,
                what: Adjusted::Sale,
            },
            "tip" => Request::Adjust {
                amount,
                original,
                what: Adjusted::Tip,
            },
            "confirm" => Request::CreditConfirm {
                amount,
                source: self.source,
                original,
            },
            "replace-lost" => Request::Replace {
                medium: self.new_medium,
                reason: ReplaceReason::Lost,
            },
            "replace-damaged" => Request::Replace {
                medium: self.new_medium,
                reason: ReplaceReason::Damaged,
            },
            verb => panic!("unknown verb `{verb}`"),
        }
    }

    /// The key is built from the original's trace and this request's own terminal, as an edge does.
    fn original(&self, names: Names<'_>) -> OriginalRef {
        let Some(of) = self.of else {
            return OriginalRef::default();
        };
        let named = names(of);
        let trace = named.as_ref().map_or(of, |named| &named.trace);
        let reply = |name: &str| names(name).and_then(|named| named.reply);
        let mut offset = reply(self.rrn.unwrap_or(of)).map(|reply| reply.position.offset);
        let approval = match self.code {
            Some("zeros") => Some(Version(0)),
            // What is no code at all makes an edge name a record that is not there.
            Some("garbled") => {
                offset = Some(u64::MAX);
                None
            }
            other => reply(other.unwrap_or(of)).and_then(|reply| reply.version),
        };
        let all = OriginalRef {
            key: Some(self.key(trace)),
            offset,
            approval,
        };
        match self.only {
            Only::All => all,
            Only::Rrn => OriginalRef {
                offset,
                ..OriginalRef::default()
            },
            Only::Key => OriginalRef {
                key: all.key,
                ..OriginalRef::default()
            },
            Only::Code => OriginalRef {
                approval,
                ..OriginalRef::default()
            },
        }
    }

    fn key(&self, trace: &str) -> LegKey {
        let place = format!("{}/{}/{trace}", self.merchant, self.terminal);
        LegKey(*Sha256::digest(place).first_chunk().unwrap())
    }

    /// Kind, amount, medium, merchant, terminal, original; never facts.
    fn fingerprint(&self, request: &Request) -> Fingerprint {
        let content = format!(
            "{request:?}/{}/{}/{}",
            self.medium, self.merchant, self.terminal
        )
        .replace(" { form: Formal }", ""); // As the golden cards have it.
        Fingerprint(u64::from_be_bytes(
            *Sha256::digest(content).first_chunk().unwrap(),
        ))
    }
}

fn only(text: &str) -> Only {
    match text {
        "all" => Only::All,
        "rrn" => Only::Rrn,
        "key" => Only::Key,
        "code" => Only::Code,
        _ => panic!("`{text}`: all, rrn, key or code"),
    }
}

fn source(text: &str) -> CreditSource {
    match text {
        "cash" => CreditSource::Cash,
        "transfer" => CreditSource::Transfer,
        "credit-card" => CreditSource::CreditCard,
        _ => panic!("`{text}`: cash, transfer or credit-card"),
    }
}

pub(crate) fn channel(text: &str) -> Channel {
    match text {
        "attended" => Channel::Attended,
        "self-service" => Channel::SelfService,
        "online" => Channel::Online,
        "mail" => Channel::MailOrPhone,
        "agent" => Channel::Agent,
        "back-office" => Channel::BackOffice,
        _ => panic!("`{text}`: a channel"),
    }
}

fn counterparty(text: &str) -> Counterparty {
    match text {
        "merchant" => Counterparty::Merchant,
        "network" => Counterparty::Network,
        _ => panic!("`{text}`: merchant or network"),
    }
}

fn check_fact(text: &str) -> CheckFact {
    match text {
        "right" => CheckFact::Passed,
        "wrong" => CheckFact::Failed,
        "absent" => CheckFact::Absent,
        _ => panic!("`{text}`: right, wrong or absent"),
    }
}

/// Reads `ppm`, `ppm+fixed`, `ppm+fixed/min/max`, the last three in fen.
fn fee(text: &str) -> FeeTerms {
    let mut parts = text
        .split(['+', '/'])
        .map(|part| part.parse().expect("a number"));
    FeeTerms {
        rate_ppm: parts.next().unwrap_or(0),
        fixed_minor: parts.next().unwrap_or(0),
        min_minor: parts.next().unwrap_or(0),
        max_minor: parts.next().unwrap_or(0),
    }
}

fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [b' '; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}
