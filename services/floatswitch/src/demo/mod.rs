//! `floatswitch demo`: the first contact. A whole story on a temporary folder, over real TCP.
//!
//! Settings and cards are made, the switch runs as a process of its own, terminals play the story
//! in `story.rs` against it, it is killed and reopened in the middle (`crash.rs`), and at the end
//! the books must be what the receipts say. Every answer is compared with what it must be.
//!
//! Not here: load and measurements, which are `sim pos`.
#![expect(
    clippy::inconsistent_digit_grouping,
    reason = "the story writes fen as yuan: 120_00 is 120.00"
)]

mod crash;
mod proof;
mod receipt;
mod request;
mod scene;
mod served;
mod servers;
mod stage;
mod story;
mod terminal;
mod world;

use std::time::Instant;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::exit::{DONE, FOUND_WRONG, Failure};
use scene::Scene;
use served::Served;
use servers::Servers;
use stage::{Stage, Tone, yuan};
use world::{Kind, SIM_CARD_COUNT, SimCards, World};

/// What to play.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArgs {
    /// Keeps the switch up after the story, and tells how to reach it.
    #[arg(long)]
    stay: bool,
    #[command(flatten)]
    servers: Servers,
}

/// Plays the demo.
pub(crate) async fn run(args: DemoArgs) -> Result<u8, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("floatswitch-demo-")
        .tempdir()
        .map_err(|error| Failure::cannot_start(format!("make a temporary folder: {error}")))?;
    let mut stop = Stop::listen()?;
    let sim_cards = if args.stay {
        SimCards::Issued
    } else {
        SimCards::None
    };
    let mut world = World::make(folder.path(), sim_cards, &args.servers).await?;
    let performed = perform(&mut world, &mut stop, (&args, sim_cards)).await;
    // However it ended: servers that are not ours keep nothing of it.
    world.remove().await?;
    performed
}

async fn perform(
    world: &mut World,
    stop: &mut Stop,
    (args, sim_cards): (&DemoArgs, SimCards),
) -> Result<u8, Failure> {
    let started_at = Instant::now();
    let mut stage = Stage::new();
    stage.say(Tone::Bold, "floatswitch demo")?;
    // Stopped early, the switch is dropped and ends, and the folder goes.
    tokio::select! {
        played = play(&mut stage, world, sim_cards) => {
            played.map_err(|failure| served::with_log(&failure, world))?;
        }
        () = stop.told() => return Err(Failure::cannot_start("stopped before the story's end")),
    }
    let code = conclude(&mut stage, started_at)?;
    if args.stay {
        stay(&mut stage, world, stop).await?;
    } else {
        next_steps(&mut stage)?;
    }
    Ok(code)
}

/// Ctrl-C and SIGTERM.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

async fn play(stage: &mut Stage, world: &mut World, sim_cards: SimCards) -> Result<(), Failure> {
    let served = Served::start(world).await?;
    world.keep_addresses(&served.address()?.to_string(), served.metrics_address())?;
    let world = &*world;
    introduce(stage, world, &served)?;
    let mut scene = Scene::new(stage, &world.cards);
    tell(&mut scene, world, served).await?;
    proof::money_check(&mut scene, world, sim_cards).await
}

/// The story from opening to closing.
async fn tell(scene: &mut Scene<'_>, world: &World, served: Served) -> Result<(), Failure> {
    let cards = &world.cards;
    scene.dial(served.address()?).await?;
    story::the_shop_opens(scene, cards).await?;
    story::a_day_at_the_supermarket(scene, cards).await?;
    story::a_night_at_the_hotel(scene, cards).await?;
    story::reversals(scene, cards).await?;
    story::rules_of_the_cards(scene, cards).await?;
    story::awkward_moments(scene, cards).await?;
    let served = crash::kill_and_reopen(scene, served, world).await?;
    story::the_shop_closes(scene, cards).await?;
    served.stop().await
}

fn introduce(stage: &mut Stage, world: &World, served: &Served) -> Result<(), Failure> {
    let address = served.address()?;
    let kept = match &world.settings.cluster {
        None => format!(
            "Its log and cards are in {}.",
            world.settings.data_dir.display()
        ),
        Some(cluster) => format!(
            "Its log is in Kafka, topics {}card.*; its cards are in keyspace {}.",
            cluster.topic_prefix.as_str(),
            cluster.keyspace.as_str(),
        ),
    };
    stage.say(
        Tone::Plain,
        &format!(
            "A switch for prepaid cards runs as process {} and listens on {address}.\n{kept}",
            served.pid()
        ),
    )?;
    stage.say(
        Tone::Refused,
        "MAC, PIN and chip data are NOT checked: this link believes whoever reaches it.",
    )?;
    stage.say(Tone::Plain, "")?;
    for kind in Kind::ALL {
        let cards = world.cards.all().into_iter();
        let cards = cards.filter(|card| card.programme == kind);
        let cards: Vec<String> = cards
            .map(|card| format!("{} {}", card.label, yuan(card.sold_fen)))
            .collect();
        let text = format!("  {:<15} {}", kind.name(), kind.rule());
        stage.say(Tone::Plain, &text)?;
        stage.say(
            Tone::Dim,
            &format!("  {:<15} cards {}", "", cards.join(", ")),
        )?;
    }
    Ok(())
}

fn conclude(stage: &mut Stage, started_at: Instant) -> Result<u8, Failure> {
    let took = started_at.elapsed();
    let seconds = format!("{}.{}", took.as_secs(), took.subsec_millis() / 100);
    let count = stage.step_count;
    stage.say(Tone::Plain, "")?;
    match stage.wrong_count {
        0 => {
            let text = format!("{count} exchanges, each as it must be, in {seconds} s.");
            stage.say(Tone::Good, &text)?;
            Ok(DONE)
        }
        wrong => {
            let text = format!("{wrong} things are WRONG in {count} exchanges, see above.");
            stage.say(Tone::Bad, &text)?;
            Ok(FOUND_WRONG)
        }
    }
}

fn next_steps(stage: &mut Stage) -> Result<(), Failure> {
    let program = program();
    let width = program.len() + " demo --stay".len();
    stage.say(Tone::Plain, "")?;
    stage.say(Tone::Plain, "Next:")?;
    for (arguments, about) in [
        ("demo --stay", "the same, and the switch stays up for you"),
        ("init", "writes the settings of a switch of your own"),
        ("--help", "all commands"),
    ] {
        let command = format!("{program} {arguments}");
        stage.say(Tone::Plain, &format!("  {command:<width$}  {about}"))?;
    }
    Ok(())
}

/// Serves until the demo is stopped.
async fn stay(stage: &mut Stage, world: &World, stop: &mut Stop) -> Result<(), Failure> {
    let mut served = Served::start(world).await?;
    let program = program();
    let (address, metrics) = (served.address()?, &served.said.metrics);
    let config = world.config.display();
    let lines = [
        String::new(),
        "The switch stays up until Ctrl-C; its folder goes with it.".to_owned(),
        format!("  terminals dial  {address}, POS dialect"),
        format!("  metrics         {metrics}"),
        format!("  settings        {config}"),
        "Try, in another terminal:".to_owned(),
        format!("  {program} sim pos --connect {address} --cards {SIM_CARD_COUNT}"),
        format!("  {program} doctor --config {config}"),
        "The next run of sim pos needs --batch 2: its terminals count from 1 again.".to_owned(),
    ];
    for line in lines {
        stage.say(Tone::Plain, &line)?;
    }
    tokio::select! {
        biased; // Ctrl-C reaches the switch too.
        () = stop.told() => served.stop().await,
        ended = served.ended() => ended,
    }
}

/// This program as it was called.
fn program() -> String {
    let program = std::env::args().next();
    program.unwrap_or_else(|| "floatswitch".to_owned())
}
