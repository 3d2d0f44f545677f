//! `floatswitch cluster skip`: OWN-5, four eyes.

use std::io::Write as _;

use super::args::SkipArgs;
use super::place::Place;
use crate::config;
use crate::engine::now;
use crate::exit::{DONE, Failure};
use card_store_scylla::{Ownership, Skip, Skips};

/// Runs the command.
pub(super) async fn run(args: SkipArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let cluster = super::cluster_of(&settings)?;
    let place = Place::open(&settings, cluster, "skip").await?;
    let ownership = Ownership::open(place.cql.clone()).await;
    let ownership = ownership.map_err(Failure::start_error)?;
    let owner = ownership.owner(args.partition).await;
    let owner = owner
        .map_err(Failure::start_error)?
        .ok_or_else(|| Failure::refused(format!("partition {} was never owned", args.partition)))?;
    let skips = Skips::open(place.cql.clone(), ownership).await;
    let skips = skips.map_err(Failure::start_error)?;
    let skip = Skip {
        stopped: owner.assignment,
        at: now(),
        offset: args.offset,
        reason: args.reason,
        asked_by: args.asked_by,
        approved_by: args.approved_by,
    };
    skips.add(&skip).await.map_err(Failure::refused)?;
    writeln!(
        std::io::stdout().lock(),
        "partition {} passes over offset {} within seconds; the record stays in the log",
        args.partition,
        skip.offset
    )?;
    Ok(DONE)
}
