//! `floatswitch cluster drain`: asks a process to hand over and end, and waits until it has.

use std::io::Write as _;
use std::time::{Duration, Instant};

use super::args::DrainArgs;
use super::place::Place;
use crate::config;
use crate::exit::{DONE, Failure};
use card_store_scylla::Members;

/// How long the process may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Runs the command.
pub(super) async fn run(args: DrainArgs) -> Result<u8, Failure> {
    let settings = config::load(&args.config)?;
    let cluster = super::cluster_of(&settings)?;
    let place = Place::open(&settings, cluster, "drain").await?;
    let members = Members::open(place.cql.clone())
        .await
        .map_err(Failure::start_error)?;
    let known = names(&members).await?;
    if !known.contains(&args.member) {
        let known = known.join(", ");
        return Err(Failure::usage(format!(
            "no member {}: there are {known}",
            args.member
        )));
    }
    let asked = Instant::now();
    members
        .request_drain(&args.member)
        .await
        .map_err(Failure::start_error)?;
    while names(&members).await?.contains(&args.member) {
        if asked.elapsed() > PATIENCE {
            return Err(Failure::cannot_start(format!(
                "{} was told, and is still there after {} s: look at its log lines",
                args.member,
                PATIENCE.as_secs()
            )));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    let ms = asked.elapsed().as_millis();
    writeln!(
        std::io::stdout().lock(),
        "{} drained and ended in {ms} ms",
        args.member
    )?;
    Ok(DONE)
}

async fn names(members: &Members) -> Result<Vec<String>, Failure> {
    let list = members.list().await.map_err(Failure::start_error)?;
    Ok(list.into_iter().map(|member| member.name).collect())
}
