//! Which network may lead the settlement days.

use std::path::Path;

use settings::{Settings, example};

const BY_HAND: (&str, &str) = ("cut_at = \"23:00\"\n# So", "cut_at = \"manual\"\n# So");

fn refusal(changes: &[(&str, &str)]) -> Option<String> {
    let mut text = example().replace("freeze_after_minutes = 120\n", "");
    for (good, other) in changes {
        assert!(text.contains(good), "{good}");
        text = text.replacen(good, other, 1);
    }
    let parsed = Settings::parse(&text, Path::new("switch.toml"));
    parsed.err().map(|error| error.to_string())
}

#[test]
fn one_network_leads_days_that_no_clock_cuts() {
    let leads = ("# leads_days = true", "leads_days = true");
    assert_eq!(refusal(&[BY_HAND, leads]), None);
    let told = refusal(&[leads]).unwrap();
    assert!(
        told.contains("`acquirers[0].leads_days` is true while"),
        "{told}"
    );
}

#[test]
fn a_second_one_is_refused() {
    let (_, acquirer) = example().split_once("[[acquirers]]").unwrap();
    let (acquirer, _) = acquirer.split_once("# A single terminal").unwrap();
    let second = format!("[[acquirers]]{acquirer}").replace("# leads_days", "leads_days");
    let second = second
        .replace("69980290", "69980299")
        .replace(":8583", ":8599");
    let two = format!("{second}\n{second}");
    let two = two
        .replacen("69980299", "69980298", 1)
        .replacen(":8599", ":8598", 1);
    let told = refusal(&[BY_HAND, ("[[acquirers]]", &format!("{two}\n[[acquirers]]"))]);
    let told = told.unwrap();
    assert!(
        told.contains("`acquirers[1].leads_days` is true for a second"),
        "{told}"
    );
}
