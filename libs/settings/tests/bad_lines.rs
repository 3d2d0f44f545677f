//! Each mistake an operator can make in the settings file, with the exact text that tells how to mend it.

use std::path::Path;

use settings::{Settings, cluster_example, example};

const MEASURES: &str =
    "Measures for prepaid cards of payment institutions (PBoC announcement 2012 No. 12)";
const SINGLE_MEASURES: &str =
    "Measures for single-purpose commercial prepaid cards (MOFCOM order 2012 No. 9)";

/// Replaces the first `good` after the line `anchor` and compares the error.
#[track_caller]
fn check(anchor: &str, good: &str, bad: &str, expected: &str) {
    let from = example()
        .find(anchor)
        .expect("the anchor is in the example");
    let at = from
        + example()[from..]
            .find(good)
            .expect("the good text follows the anchor");
    let text = format!("{}{bad}{}", &example()[..at], &example()[at + good.len()..]);
    let error =
        Settings::parse(&text, Path::new("switch.toml")).expect_err("the bad text is refused");
    let found = error.to_string();
    let (_, message) = found.split_once(": ").expect("a place and a message");
    assert_eq!(message, expected);
}

#[test]
fn the_example_of_a_cluster_loads_and_holds_together() {
    let text = format!("{}{}", example(), cluster_example());
    let settings = Settings::parse(&text, Path::new("example.toml")).unwrap();
    let cluster = settings.cluster.unwrap();
    assert_eq!(cluster.keyspace.as_str(), "floatswitch");
    let refused = |from: &str, to: &str, advice: &str| {
        let error = Settings::parse(&text.replace(from, to), Path::new("x.toml")).unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
    };
    refused(
        "keyspace = \"floatswitch\"",
        "keyspace = \"Float;\"",
        "lower case",
    );
    refused("{ dc1 = 1 }", "{ \"dc1': 3\" = 1 }", "data centre");
    refused("{ dc1 = 1 }", "{}", "copies");
    refused("[\"127.0.0.1:9092\"]", "[]", "at least one broker");
    refused("topic_prefix = \"\"", "topic_prefix = \"a/b\"", "dashes");
    refused(
        "static_membership",
        "cql_user = \"switch\"\nstatic_membership",
        "write both or none",
    );
}

#[test]
fn the_example_loads_and_holds_together() {
    let settings = Settings::parse(example(), Path::new("example.toml")).unwrap();
    assert_eq!(settings.log.partition_count.get(), 256);
    let settings::CutAt::At(cut_at) = settings.day.cut_at else {
        panic!("the example cuts by the clock");
    };
    assert_eq!(cut_at.minutes(), 23 * 60);
    assert_eq!(settings.day.utc_offset_minutes.get(), 480);
    let terminals: Vec<String> = settings.acquirers[0]
        .terminals
        .iter()
        .flat_map(|one| one.ids())
        .collect();
    assert_eq!(terminals.len(), 10_001);
    assert_eq!(terminals[0], "70000001");
    assert_eq!(terminals[10_000], "71009999");
}

#[test]
fn unknown_and_missing_keys() {
    let table = [
        (
            "[log]",
            "segment_size_mib",
            "segment_size",
            "unknown key `log.segment_size`; did you mean `segment_size_mib`?",
        ),
        (
            "[log]",
            "partition_count",
            "partitons_count",
            "unknown key `log.partitons_count`; did you mean `partition_count`?",
        ),
        (
            "data_dir",
            "data_dir",
            "datadir",
            "unknown key `datadir`; did you mean `data_dir`?",
        ),
        (
            "[[acquirers]]",
            "idle_timeout_seconds",
            "idle_timeout_ms",
            "unknown key `acquirers[0].idle_timeout_ms`; did you mean `idle_timeout_seconds`?",
        ),
        (
            "[day]",
            "cut_at",
            "holiday_calendar",
            "unknown key `day.holiday_calendar`; the keys here are utc_offset_minutes, cut_at, freeze_after_minutes",
        ),
        (
            "[day]",
            "cut_at = \"23:00\"",
            "",
            "`day.cut_at` is missing; add it, the file of `floatswitch init` shows every key",
        ),
        (
            "kind = \"anonymous\"",
            "balance_cap_fen = 100000",
            "",
            "`programmes[1].balance_cap_fen` is missing; add it, the file of `floatswitch init` shows every key",
        ),
        (
            "data_dir",
            "log_level = \"info\"",
            "",
            "`log_level` is missing; add it, the file of `floatswitch init` shows every key",
        ),
    ];
    for (anchor, good, bad, expected) in table {
        check(anchor, good, bad, expected);
    }
}

#[test]
fn wrong_numbers() {
    let table = [
        (
            "partition_count = 256",
            "256",
            "0",
            "`log.partition_count` is integer `0`; write a whole number from 1 to 4096",
        ),
        (
            "partition_count = 256",
            "256",
            "\"256\"",
            "`log.partition_count` is string \"256\"; write a whole number from 1 to 4096",
        ),
        (
            "segment_size_mib",
            "256",
            "-1",
            "`log.segment_size_mib` is integer `-1`; write a whole number from 1 to 4096",
        ),
        (
            "idle_timeout_seconds",
            "300",
            "\"5m\"",
            "`acquirers[0].idle_timeout_seconds` is string \"5m\"; write a whole number from 5 to 86400",
        ),
        (
            "reply_timeout_milliseconds",
            "15000",
            "60000",
            "`acquirers[0].reply_timeout_milliseconds` is integer `60000`; write a whole number from 100 to 50000",
        ),
        (
            "utc_offset_minutes",
            "480",
            "8.0",
            "`day.utc_offset_minutes` is floating point `8.0`; write a whole number from -720 to 840",
        ),
        (
            "hold_lifetime_days",
            "30",
            "31",
            "`programmes[0].hold_lifetime_days` is integer `31`; write a whole number from 1 to 30",
        ),
        (
            "completion_ratio_percent",
            "115",
            "116",
            "`programmes[0].completion_ratio_percent` is integer `116`; write a whole number from 100 to 115",
        ),
        (
            "key_retention_days",
            "8",
            "7",
            "`programmes[0].key_retention_days` is integer `7`; write a whole number from 8 to 400",
        ),
        (
            "fee_rate_ppm = 3800",
            "3800",
            "0.38",
            "`merchants[0].fee_rate_ppm` is floating point `0.38`; write a whole number from 0 to 1000000",
        ),
    ];
    for (anchor, good, bad, expected) in table {
        check(anchor, good, bad, expected);
    }
}

#[test]
fn wrong_texts() {
    let table = [
        (
            "cut_at = ",
            "\"23:00\"",
            "\"24:00\"",
            "`day.cut_at` is string \"24:00\"; write a time of day such as \"23:00\", or \"manual\"",
        ),
        (
            "metrics_listen",
            "\"127.0.0.1:9464\"",
            "\"9464\"",
            "`metrics_listen` is string \"9464\"; write HOST:PORT in quotes, such as \"127.0.0.1:8583\"",
        ),
        (
            "[[acquirers]]",
            "\"69980290\"",
            "69980290",
            "`acquirers[0].id` is integer `69980290`; write 1 to 11 digits in quotes",
        ),
        (
            "[[merchants]]",
            "\"5411\"",
            "5411",
            "`merchants[0].mcc` is integer `5411`; write exactly 4 digits in quotes",
        ),
        (
            "[[merchants]]",
            "\"898999954110001\"",
            "\"8989999\"",
            "`merchants[0].id` is string \"8989999\"; write exactly 15 printable ASCII characters in quotes",
        ),
        (
            "[[programmes]]",
            "[\"629999\"]",
            "[\"62999X\"]",
            "`programmes[0].bins[0]` is string \"62999X\"; write 1 to 12 digits in quotes",
        ),
        (
            "[[programmes]]",
            "\"Registered card\"",
            "\"\"",
            "`programmes[0].name` is string \"\"; write a name of 1 to 64 characters in quotes",
        ),
    ];
    for (anchor, good, bad, expected) in table {
        check(anchor, good, bad, expected);
    }
}

#[test]
fn wrong_choices() {
    let table = [
        (
            "log_format",
            "= \"text\"",
            "= \"xml\"",
            "`log_format` is `xml`; write `text` or `json`",
        ),
        (
            "log_level",
            "= \"info\"",
            "= \"trace\"",
            "`log_level` is `trace`; write one of `error`, `warn`, `info`, `debug`",
        ),
        (
            "[[acquirers]]",
            "mac = \"unchecked\"",
            "mac = \"none\"",
            "`acquirers[0].mac` is `none`; write `unchecked`",
        ),
        (
            "[[acquirers]]",
            "dialect = \"pos\"",
            "dialect = \"\"",
            "`acquirers[0].dialect` is string \"\"; write a built-in dialect such as \"pos\", or the path of a dialect file",
        ),
        (
            "[[acquirers]]",
            "require_sign_on = false",
            "require_sign_on = \"no\"",
            "`acquirers[0].require_sign_on` is string \"no\"; write a boolean",
        ),
        (
            "[[programmes]]",
            "kind = \"registered\"",
            "kind = \"gift\"",
            "`programmes[0].kind` is `gift`; write one of `registered`, `anonymous`, `single-purpose`",
        ),
    ];
    for (anchor, good, bad, expected) in table {
        check(anchor, good, bad, expected);
    }
}

#[test]
fn keys_that_do_not_fit_each_other() {
    let table = [
        (
            "data_dir",
            "\"floatswitch-data\"",
            "\"\"",
            "`data_dir` is empty; write the folder that holds the log and the cards",
        ),
        (
            "listen",
            "127.0.0.1:8583",
            "127.0.0.1:9464",
            "`acquirers[0].listen` is 127.0.0.1:9464, which is taken already; write another",
        ),
        (
            "live_cards_max = ",
            "100000",
            "100",
            "`processor.live_cards_max` is 100, less than `credits_per_partition`; write at least 256",
        ),
        (
            "read_timeout_seconds",
            "10",
            "60\n# ",
            "`acquirers[0].read_timeout_seconds` is 60; write less than `idle_timeout_seconds`, which is 30",
        ),
        (
            "reply_timeout_milliseconds",
            "15000",
            "30000",
            "`acquirers[0].reply_timeout_milliseconds` is 30000; write less than 30000, or a link that waits for an answer is closed as idle",
        ),
        (
            "fee_max_fen = 2600",
            "2600",
            "10\nfee_min_fen = 20\n",
            "`merchants[0].fee_max_fen` is 10, below `fee_min_fen`; write at least 20",
        ),
        (
            "reversal_window_seconds = ",
            "120",
            "700000",
            "`programmes[0].reversal_window_seconds` is 700000; write at most 691200, the time of `key_retention_days`",
        ),
        (
            "number = 2",
            "2",
            "1",
            "`programmes[1].number` is 1, which is taken already; write another",
        ),
    ];
    for (anchor, good, bad, expected) in table {
        check_with_short_idle(anchor, good, bad, expected);
    }
}

/// As [`check`], for keys whose opposite must change too; the last mention of a key in `bad` counts.
#[track_caller]
fn check_with_short_idle(anchor: &str, good: &str, bad: &str, expected: &str) {
    let from = example()
        .find(anchor)
        .expect("the anchor is in the example");
    let at = from
        + example()[from..]
            .find(good)
            .expect("the good text follows the anchor");
    let mut text = format!("{}{bad}{}", &example()[..at], &example()[at + good.len()..]);
    if expected.contains("idle") {
        text = text.replace("idle_timeout_seconds = 300", "idle_timeout_seconds = 30");
    }
    if bad.contains("fee_min_fen") {
        text = text.replacen("fee_min_fen = 0\n", "", 1);
    }
    let error =
        Settings::parse(&text, Path::new("switch.toml")).expect_err("the bad text is refused");
    let found = error.to_string();
    let (_, message) = found.split_once(": ").expect("a place and a message");
    assert_eq!(message, expected);
}

#[test]
fn terminals_and_merchants() {
    let unknown = "`acquirers[0].terminals[0].merchant` is 898999954110009, which no [[merchants]] table has as its id; add that merchant";
    check("terminal = ", "898999954110001", "898999954110009", unknown);
    let twice = "`acquirers[0].terminals[1]` names terminal 71000005, which `acquirers[0].terminals[0]` has already; a terminal has one merchant";
    check("terminal = ", "70000001", "71000005", twice);
    let either = "`acquirers[0].terminals[1]` is not clear; write either `terminal`, or both `terminal_from` and `terminal_to`";
    check(
        "terminal_from = ",
        "terminal_from = \"71000000\"",
        "",
        either,
    );
    let swapped =
        "`acquirers[0].terminals[1]` ends at 71009999, below its start 72000000; swap the two";
    check("terminal_from = ", "71000000", "72000000", swapped);
    let many = "`acquirers[0].terminals[1]` names 10009999 terminals; write at most 100000";
    check("terminal_to = ", "71009999", "81009998", many);
    let empty = "`acquirers[0].terminals[0].terminal` is string \"7000001\"; write exactly 8 printable ASCII characters in quotes";
    check("terminal = ", "70000001", "7000001", empty);
}

#[test]
fn programmes_under_the_law() {
    let table = [
        ("balance_cap_fen = 500000", "500000", "500001", format!("`programmes[0].balance_cap_fen` is 500001; write at most 500000, the cap of registered cards: {MEASURES}")),
        ("balance_cap_fen = 100000", "100000", "100001", format!("`programmes[1].balance_cap_fen` is 100001; write at most 100000, the cap of anonymous cards: {MEASURES}")),
        ("validity_months = 36", "36", "35", format!("`programmes[1].validity_months` is 35; write at least 36: {MEASURES}")),
        ("validity_months = 36", "validity_months = 36", "", "`programmes[1].validity_months` is missing; write at least 36 for anonymous cards".to_owned()),
        ("kind = \"registered\"", "kind = \"registered\"", "kind = \"registered\"\nvalidity_months = 36", format!("`programmes[0].validity_months` is set; remove it, registered cards do not expire: {MEASURES}")),
        ("kind = \"registered\"", "kind = \"registered\"", "kind = \"registered\"\ngroup = 1", "`programmes[0].group` is set; remove it, only single-purpose cards are bound to a group".to_owned()),
        ("kind = \"single-purpose\"", "group = 1", "", "`programmes[2].group` is missing; write the company group whose merchants take these cards".to_owned()),
        ("kind = \"single-purpose\"", "group = 1", "group = 2", "`programmes[2].group` is 2, which no [[merchants]] table has as its group; the card would work nowhere".to_owned()),
        ("kind = \"single-purpose\"", "temporary_loss_days = 5", "validity_months = 36", format!("`programmes[2].balance_cap_fen` is 500000; write at most 100000, the cap of anonymous cards: {SINGLE_MEASURES}")),
        ("kind = \"anonymous\"", "tip_ratio_percent = 20", "tip_ratio_percent = 20\ntemporary_loss_days = 5", format!("`programmes[1].temporary_loss_days` is set; remove it, anonymous cards are not reported lost: {MEASURES}")),
        ("kind = \"registered\"", "temporary_loss_days = 5", "", "`programmes[0].temporary_loss_days` is missing; write 1 to 30 for cards with a named holder".to_owned()),
        ("kind = \"anonymous\"", "\"6011\", ", "", format!("`programmes[1].blocked_mccs` lacks 6011; add it, prepaid cards give no cash: {MEASURES}")),
        ("kind = \"single-purpose\"", "[\"6010\", \"6011\", \"6012\", \"6051\", \"4829\"]", "[]", format!("`programmes[2].blocked_mccs` lacks 6010, 6011, 6012, 6051, 4829; add it, prepaid cards give no cash: {SINGLE_MEASURES}")),
        ("kind = \"registered\"", "agent_top_up_day_max_fen = 20000", "agent_top_up_day_max_fen = 20001", format!("`programmes[0].agent_top_up_day_max_fen` is 20001; write at most 20000, what machines and agents may load a day: {MEASURES}")),
        ("kind = \"registered\"", "transit_only = false", "transit_only = true", "`programmes[0].accepted_mccs` is empty; write some of 4111, 4112, 4121, 4131, 4789, 4784, 7523, or `transit_only = false`: a ticket is good for transport only".to_owned()),
    ];
    for (anchor, good, bad, expected) in table {
        check(anchor, good, bad, &expected);
    }
}

#[test]
fn card_numbers_that_two_programmes_claim() {
    let same = "`programmes[1].bins` has 629999, which overlaps 629999 of `programmes[0]` for card numbers of 16 digits; a card number belongs to one programme";
    check("pan_length = 19", "19", "16", same);
    let nested = "`programmes[2].bins` has 62999901, which overlaps 629999 of `programmes[0]` for card numbers of 16 digits; a card number belongs to one programme";
    check("bins = [\"958000\"]", "958000", "62999901", nested);
    let none = "`programmes[2].bins` is empty; write at least one, such as [\"629999\"]";
    check("bins = [\"958000\"]", "\"958000\"", "", none);
}

#[test]
fn every_finding_is_told_at_once_in_the_order_of_the_file() {
    let text = example()
        .replace("live_cards_max = 100000", "live_cards_max = 1")
        .replace("number = 2", "number = 1");
    let error = Settings::parse(&text, Path::new("switch.toml"))
        .unwrap_err()
        .to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("processor.live_cards_max"));
    assert!(lines[1].contains("programmes[1].number"));
}

#[test]
fn files_on_disk_and_files_that_are_no_settings() {
    let error = Settings::load(Path::new("no/such/file.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read the settings file no/such/file.toml: "),
        "{error}"
    );
    assert!(
        error.ends_with("name another with --config, or write one with `floatswitch init`"),
        "{error}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("switch.toml");
    std::fs::write(&file, example()).unwrap();
    assert!(Settings::load(&file).is_ok());
    let error = Settings::parse("data_dir = ", Path::new("switch.toml"))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("switch.toml:1: cannot be read as TOML: "),
        "{error}"
    );
}

#[test]
fn errors_name_the_file_and_the_line() {
    let table = [
        ("partition_count = 256", "partition_count = 0"),
        ("segment_size_mib = 256", "segment_size = 256"),
        ("terminal_to = \"71009999\"", "terminal_to = \"7100\""),
        ("live_cards_max = 100000", "live_cards_max = 1"),
        ("validity_months = 36", "validity_months = 35"),
        ("listen = \"127.0.0.1:8583\"", "listen = \"127.0.0.1:9464\""),
    ];
    for (good, bad) in table {
        let text = example().replacen(good, bad, 1);
        let line = text
            .lines()
            .position(|line| line == bad)
            .expect("the bad line")
            + 1;
        let error = Settings::parse(&text, Path::new("etc/switch.toml"))
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with(&format!("etc/switch.toml:{line}: ")),
            "{bad}: {error}"
        );
    }
}
