//! How long partitions are without an owner when a processor leaves or is killed, by group protocol.
//!
//! `cargo run --release -p command-log-kafka --example handover -- [RUNS [FIRST]]`. Starts a broker of its own for every
//! setting, and members as child processes (`member` as first argument). Times are seen from outside: from the
//! signal until the survivors said that they have all partitions again.

#![expect(
    clippy::print_stdout,
    reason = "the figures are the product of this program"
)]

use std::collections::HashMap;
use std::error::Error;
use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use command_log_kafka::{
    GroupProtocol, KafkaSettings, Membership, MembershipEvent, MembershipOptions, TopicNames,
    TopicPlan, create_or_verify,
};
use test_servers::{KafkaCluster, KafkaOptions};

const PATIENCE: Duration = Duration::from_secs(60);

/// One row of the table.
#[derive(Clone)]
struct Setting {
    protocol: &'static str,
    session: Duration,
    heartbeat: Duration,
    is_static: bool,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "member") {
        return member(&arguments[1..]).await;
    }
    let runs = arguments.first().map_or(Ok(5), |runs| runs.parse())?;
    println!("| protocol | session ms | heartbeat ms | static | partitions | leave ms | kill ms |");
    println!("|---|---|---|---|---|---|---|");
    let first = arguments.get(1).map_or(Ok(0), |first| first.parse())?;
    for setting in settings().into_iter().skip(first) {
        let cluster = start(&setting)?;
        for partitions in [16, 256] {
            measure(&cluster, &setting, partitions, runs).await?;
        }
    }
    Ok(())
}

fn settings() -> Vec<Setting> {
    let ms = Duration::from_millis;
    let of = |protocol, session, heartbeat, is_static| Setting {
        protocol,
        session: ms(session),
        heartbeat: ms(heartbeat),
        is_static,
    };
    vec![
        of("classic", 6000, 500, false),
        of("classic", 3000, 500, false),
        of("classic", 3000, 250, false),
        of("classic", 3000, 500, true),
        of("consumer", 6000, 1000, false),
        of("consumer", 3000, 1000, false),
        of("consumer", 3000, 500, false),
        of("consumer", 3000, 500, true),
    ]
}

fn start(setting: &Setting) -> Result<KafkaCluster, Box<dyn Error>> {
    Ok(KafkaCluster::start(KafkaOptions {
        group_session_timeout: setting.session,
        group_heartbeat_interval: setting.heartbeat,
        ..KafkaOptions::default()
    })?)
}

async fn measure(
    cluster: &KafkaCluster,
    setting: &Setting,
    partitions: u16,
    runs: usize,
) -> Result<(), Box<dyn Error>> {
    let (mut leaves, mut kills) = (Vec::new(), Vec::new());
    for run in 0..runs {
        let prefix = format!("r{run}p{partitions}.");
        let settings = KafkaSettings::new(&cluster.bootstrap(), "handover")?;
        let plan = TopicPlan {
            partition_count: partitions,
            reply_partition_count: 1,
            replication_factor: 1,
            ..TopicPlan::new(TopicNames::new(&prefix)?)
        };
        create_or_verify(&settings, &plan, None, PATIENCE).await?;
        let mut group = Group::start(
            &cluster.bootstrap(),
            &prefix,
            setting,
            usize::from(partitions),
        )?;
        leaves.push(group.lose_one(Way::Leave)?);
        group.settle_with_new_member()?;
        kills.push(group.lose_one(Way::Kill)?);
    }
    let Setting {
        protocol,
        session,
        heartbeat,
        is_static,
    } = setting;
    let (session, heartbeat) = (session.as_millis(), heartbeat.as_millis());
    let (leaves, kills) = (span(&mut leaves), span(&mut kills));
    println!(
        "| {protocol} | {session} | {heartbeat} | {is_static} | {partitions} | {leaves} | {kills} |"
    );
    Ok(())
}

/// Least, middle and most.
fn span(times: &mut [Duration]) -> String {
    times.sort();
    let ms = |index: usize| times[index].as_millis();
    format!(
        "{} / {} / {}",
        ms(0),
        ms(times.len() / 2),
        ms(times.len() - 1)
    )
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Leave,
    Kill,
}

/// Three members, each a process; what they say arrives in one channel.
struct Group {
    bootstrap: String,
    prefix: String,
    setting: Setting,
    partitions: usize,
    members: Vec<(usize, Child, ChildStdin)>,
    started: usize,
    /// By member.
    held: HashMap<usize, usize>,
    /// Who said it, how many it holds, and when that was heard.
    said: Receiver<(usize, usize, Instant)>,
    sayers: Sender<(usize, usize, Instant)>,
}

impl Group {
    fn start(
        bootstrap: &str,
        prefix: &str,
        setting: &Setting,
        partitions: usize,
    ) -> Result<Self, Box<dyn Error>> {
        let (sayers, said) = channel();
        let mut group = Self {
            bootstrap: bootstrap.to_owned(),
            prefix: prefix.to_owned(),
            setting: setting.clone(),
            partitions,
            members: Vec::new(),
            started: 0,
            held: HashMap::new(),
            said,
            sayers,
        };
        for _ in 0..3 {
            group.add()?;
        }
        group.settle()?;
        Ok(group)
    }

    fn add(&mut self) -> Result<(), Box<dyn Error>> {
        let name = self.started;
        self.started += 1;
        let Setting {
            protocol,
            session,
            heartbeat,
            is_static,
        } = &self.setting;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["member", &self.bootstrap, &self.prefix, protocol])
            .args([
                session.as_millis().to_string(),
                heartbeat.as_millis().to_string(),
            ])
            .arg(if *is_static {
                format!("member{name}")
            } else {
                String::new()
            })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let input = child.stdin.take().ok_or("no input")?;
        let sayers = self.sayers.clone();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let Ok(held) = line.parse() else { continue };
                if sayers.send((name, held, Instant::now())).is_err() {
                    return;
                }
            }
        });
        self.members.push((name, child, input));
        Ok(())
    }

    /// Waits until these members together hold everything, each its share, and nothing moves for a while.
    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        self.wait_for_all(self.partitions / (self.members.len() + 1))?;
        while let Ok((name, held, _)) = self.said.recv_timeout(Duration::from_secs(1)) {
            self.held.insert(name, held);
        }
        Ok(())
    }

    fn settle_with_new_member(&mut self) -> Result<(), Box<dyn Error>> {
        self.add()?;
        self.settle()
    }

    /// Until all living members hold at least `share` and all together everything; tells when that was.
    fn wait_for_all(&mut self, share: usize) -> Result<Instant, Box<dyn Error>> {
        loop {
            let (name, count, at) = self.said.recv_timeout(PATIENCE)?;
            self.held.insert(name, count);
            let living = self
                .members
                .iter()
                .map(|(name, _, _)| self.held.get(name).copied());
            let held: Vec<_> = living.map(Option::unwrap_or_default).collect();
            if held.iter().sum::<usize>() == self.partitions
                && held.iter().all(|held| *held >= share)
            {
                return Ok(at);
            }
        }
    }

    fn lose_one(&mut self, way: Way) -> Result<Duration, Box<dyn Error>> {
        let (_, mut child, input) = self.members.remove(0);
        let started = Instant::now();
        match way {
            // Its input ends: it leaves.
            Way::Leave => drop(input),
            Way::Kill => child.kill()?,
        }
        let done = self.wait_for_all(1)?;
        child.wait()?;
        Ok(done - started)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for (_, mut child, _) in self.members.drain(..) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Says after each event how many partitions it holds; leaves when its input ends.
async fn member(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [bootstrap, prefix, protocol, session, heartbeat, instance] = arguments else {
        return Err("not enough arguments".into());
    };
    let settings = KafkaSettings::new(bootstrap, "member")?;
    let protocol = match protocol.as_str() {
        "classic" => GroupProtocol::Classic {
            session_timeout: Duration::from_millis(session.parse()?),
            heartbeat: Duration::from_millis(heartbeat.parse()?),
        },
        _ => GroupProtocol::Consumer,
    };
    let options = MembershipOptions {
        protocol,
        instance_id: (!instance.is_empty()).then(|| instance.clone()),
        ..MembershipOptions::default()
    };
    let (membership, mut events) =
        Membership::join(&settings, &TopicNames::new(prefix)?, &options)?;
    let input_ends = tokio::task::spawn_blocking(|| std::io::stdin().lines().count());
    let leaves = async {
        drop(input_ends.await);
        membership.leave().await;
    };
    let tells = async {
        let mut held = 0;
        while let Some(event) = events.recv().await {
            match event {
                MembershipEvent::Assigned(partitions) => held += partitions.len(),
                MembershipEvent::Revoked(revocation) => held -= revocation.partitions.len(),
                MembershipEvent::Lost(partitions) => held -= partitions.len(),
                MembershipEvent::Failed(_) => break,
            }
            println!("{held}");
            if std::io::stdout().flush().is_err() {
                break;
            }
        }
    };
    tokio::join!(leaves, tells);
    Ok(())
}
