//! Measures how long clusters of one and three nodes take to start, and a killed node to come back.

use std::error::Error;
use std::io::{self, Write as _};
use std::time::Instant;

use test_servers::{
    CassandraCluster, CassandraOptions, Cluster, KafkaCluster, KafkaOptions, Size, Software,
};

fn main() -> Result<(), Box<dyn Error>> {
    for size in [Size::One, Size::Three] {
        let kafka = || {
            KafkaCluster::start(KafkaOptions {
                brokers: size,
                ..KafkaOptions::default()
            })
        };
        let cassandra = || {
            CassandraCluster::start(CassandraOptions {
                nodes: size,
                ..CassandraOptions::default()
            })
        };
        let label = format!("{size:?}");
        measure_restart(&timed(&format!("start kafka {label}"), kafka)?)?;
        measure_restart(&timed(&format!("start cassandra {label}"), cassandra)?)?;
    }
    Ok(())
}

fn measure_restart<S: Software>(cluster: &Cluster<S>) -> Result<(), Box<dyn Error>> {
    timed("  kill 1", || cluster.kill(1))?;
    timed("  restart 1", || cluster.restart(1))?;
    timed("  stop 1", || cluster.stop(1))?;
    timed("  restart 1", || cluster.restart(1))
}

fn timed<T, E: Error + 'static>(
    what: &str,
    run: impl FnOnce() -> Result<T, E>,
) -> Result<T, Box<dyn Error>> {
    let started_at = Instant::now();
    let done = run()?;
    writeln!(
        io::stdout(),
        "{what}: {} ms",
        started_at.elapsed().as_millis()
    )?;
    Ok(done)
}
