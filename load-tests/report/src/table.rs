//! What every report says of its machine, and whether its numbers can be believed.

use crate::goals::Hundredths;
use crate::measured::{Cpu, Load, Machine, Yardstick};

/// Y1's p50 over this is a busy neighbour: a sync of 0.1 ms becomes one of 4 ms and back.
const Y1_NOISY_US: u64 = 1_000;
/// Of one processor, in hundredths.
const OTHERS_NOISY: u64 = 20;

/// Whether anything else was going on.
pub(crate) fn noise(yardsticks: &[Yardstick], cpus: &[Cpu]) -> String {
    let y1 = yardsticks
        .iter()
        .map(|y1| y1.latency_us.p50)
        .max()
        .unwrap_or(0);
    let others = cpus.iter().map(|cpu| cpu.other).max().unwrap_or(0);
    let stolen = cpus.iter().map(|cpu| cpu.stolen).max().unwrap_or(0);
    let facts = format!(
        "the p50 of Y1 reached {y1} us, other programs took up to {}, and the host up to {}, of one processor",
        Hundredths(others),
        Hundredths(stolen)
    );
    if y1 > Y1_NOISY_US || others > OTHERS_NOISY || stolen > OTHERS_NOISY {
        format!("**Noisy**: {facts}. Compare ratios only, and run again.")
    } else {
        format!("Quiet: {facts}.")
    }
}

pub(crate) fn machine(machine: &Machine, y1: Option<Yardstick>) -> String {
    let Machine {
        processors,
        model,
        memory_gib,
        kernel,
        file_system,
        load_average,
        ..
    } = machine;
    let disk = y1.map(|y1| {
        let latency = y1.latency_us;
        format!(
            ", fdatasync of 256 bytes: p50 {} us, p99 {} us",
            latency.p50, latency.p99
        )
    });
    format!(
        "- {processors} processors: {model}\n\
         - {memory_gib} GiB of memory, kernel {kernel}, load average at the end {load_average}\n\
         - {file_system} file system{}\n",
        disk.unwrap_or_default()
    )
}

/// Approved of answered of requested.
pub(crate) fn answers(load: &Load) -> String {
    let unsent = match load.unsent {
        0 => String::new(),
        unsent => format!(", {unsent} unsent"),
    };
    format!(
        "{}/{}/{}{unsent}",
        load.approved, load.answered, load.requests
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_slow_disk_or_a_busy_machine_is_noisy() {
        let part = sample::part(1, 1);
        assert!(noise(&[part.y1], &[part.cpu]).starts_with("Quiet"));
        let mut slow = part.y1;
        slow.latency_us.p50 = 1_001;
        assert!(noise(&[part.y1, slow], &[part.cpu]).starts_with("**Noisy**"));
        for busy in [
            Cpu {
                other: 21,
                ..part.cpu
            },
            Cpu {
                stolen: 21,
                ..part.cpu
            },
        ] {
            assert!(noise(&[part.y1], &[busy]).starts_with("**Noisy**"));
        }
    }
}
