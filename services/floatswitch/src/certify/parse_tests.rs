//! The script reader: what it understands, and how it tells mistakes.

use super::*;

const HEAD: &str = "certify \"A test\"\nterminal till id 70000001 merchant 898999954110001 batch 7\n\
    card A programme 1 bin 629999 serial 900001 balance 1000.00\n";

fn steps(text: &str) -> Vec<Step> {
    parse(&format!("{HEAD}{text}"), Round(0)).unwrap().steps
}

fn exchange(text: &str) -> Exchange {
    let Some(Act::Exchange(exchange)) = steps(text).pop().map(|step| step.act) else {
        panic!("no message: {text}");
    };
    exchange
}

#[test]
fn a_message_with_everything() {
    let exchange = exchange(
        "till sends purchase A 123.45 as p1 -> 00\n\
         till sends refund A 20.00 of p1 as r1 with 22=012 without 35 -> 00|64 38 !54 37=same 39=00 # why",
    );
    assert_eq!(exchange.message, "refund");
    assert_eq!(exchange.amount, Some(parse_yuan("20.00").unwrap()));
    assert_eq!(exchange.of.as_deref(), Some("p1"));
    assert_eq!(exchange.with, [(22, "012".to_owned())]);
    assert_eq!(exchange.without, [35]);
    let wanted = vec![
        Wanted::Present(38),
        Wanted::Absent(54),
        Wanted::Same(37),
        Wanted::Value(39, "00".to_owned()),
    ];
    let codes = vec!["00".to_owned(), "64".to_owned()];
    assert_eq!(exchange.expect, Expect::Answer(codes, wanted));
}

#[test]
fn answers_may_be_lost_and_messages_go_together() {
    assert_eq!(
        exchange("till sends purchase A 1.00 -> lost").expect,
        Expect::Lost
    );
    let steps = steps(
        "parallel\n till sends top-up A 1.00 -> any\n till sends top-up A 2.00 -> any\nend -> 00 61\n\
         ledger A 3.00\nwait 200ms",
    );
    let [parallel, books, wait] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    let Act::Parallel(exchanges, Some(codes)) = &parallel.act else {
        panic!("{parallel:?}");
    };
    assert_eq!((exchanges.len(), codes.len()), (2, 2));
    assert!(matches!(books.act, Act::Books { expected: 300, .. }));
    assert!(matches!(wait.act, Act::Wait(wait) if wait.as_millis() == 200));
}

#[test]
fn mistakes_are_told_with_their_line() {
    for (text, line, said) in [
        ("tilt sends purchase A 1.00 -> 00", 4, "PLACE sends MESSAGE"),
        (
            "till sends purchase B 1.00 -> 00",
            4,
            "`B` is neither a card",
        ),
        ("till sends void A 1.00 of p9 -> 00", 4, "as p9"),
        ("\ntill sends purchase A 1.00 ->", 5, "what must come back"),
        ("end", 4, "closes nothing"),
        ("parallel", 4, "has no `end`"),
        ("available A 1.00", 4, "at PLACE"),
        ("card B programme 1", 4, "serial N balance"),
        ("terminal x id 7 merchant 8", 4, "8 characters"),
        ("wait 2", 4, "2s"),
        ("certify \"again\"", 4, "a second `certify`"),
    ] {
        let error = parse(&format!("{HEAD}{text}"), Round(0)).unwrap_err();
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(error.to_string().contains(said), "{text}: {error}");
    }
    let untitled = "terminal t id 70000001 merchant 898999954110001";
    assert!(parse(untitled, Round(0)).is_err());
}
