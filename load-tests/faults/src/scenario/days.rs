//! A settlement day that ends while terminals pay and processors die.

use std::time::Instant;

use serde_json::Value;

use super::{Effort, RETURN_LIMIT, stand};
use crate::error::{FaultError, demand};
use crate::facts::Facts;
use crate::member::Role;
use crate::rig::Rig;

const NAMES: [&str; 2] = ["p1", "p2"];
const OFFICE: &str = "o1";
/// A card that pays beside the others, and is reported lost.
const LOST: u64 = 1;

/// The day is cut and frozen through the endpoint, a loss is reported there, a processor is killed; the
/// float at the cut is asked for before, after, and once all is quiet, from card store and endpoint.
pub(super) fn cut(rig: &mut Rig, effort: &Effort, facts: &mut Facts) -> Result<(), FaultError> {
    stand(rig, &NAMES, &["a1"])?;
    rig.start(OFFICE, Role::Operations)?;
    let mut load = rig.load(&effort.load())?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    let began = Instant::now();
    let day = rig.told(OFFICE, &["day", "cut"])?;
    facts.time("a cut, until every partition has kept it", began.elapsed());
    nobody_lags(&day)?;
    let frozen = rig.told("switch", &["day", "freeze"])?; // By log and store, without the endpoint.
    nobody_lags(&frozen)?;
    let at_cut = rig.told(OFFICE, &["float"])?;
    demand(at_cut["cut_number"] == day["cut_number"], || {
        format!("the last float is of another cut: {at_cut} {day}")
    })?;
    let card = rig.show_card(LOST)?["card"].clone();
    let card = card.as_str().unwrap_or_default();
    let lost = rig.told(OFFICE, &["card", "loss", card, "--form", "formal"])?;
    facts.note("a loss report in effect after, in ms", &lost["effect_ms"]);
    rig.member("p1")?.kill()?;
    load.wait_decided(effort.second(), RETURN_LIMIT)?;
    rig.start("p1", Role::Processor)?;
    rig.wait_settled(&NAMES)?;
    rig.finish(load, facts)?;
    facts.check = rig.check()?;
    let began = Instant::now();
    let later = rig.told("switch", &["float"])?;
    facts.time("the float, from the card store alone", began.elapsed());
    demand(later == at_cut, || {
        format!("the past has changed: {at_cut} is now {later}")
    })?;
    let verified = rig.told("switch", &["float", "--verify"])?;
    demand(verified["verified"]["clean"] == true, || {
        format!("the float at the cut is not what lies there: {verified}")
    })
}

fn nobody_lags(day: &Value) -> Result<(), FaultError> {
    let lagging = day["lagging"].as_array().map(Vec::len);
    demand(lagging == Some(0), || {
        format!("partitions lag behind: {day}")
    })
}
