//! The report on the embedded switch.

use crate::Pages;
use crate::goals::{Hundredths, goals};
use crate::measured::{Embedded, Latency, Part, Parts};
use crate::plot::{self, Dots, Panel, Row, Series};
use crate::table;

pub(crate) fn pages(embedded: &Embedded, plot_name: &str) -> Pages {
    let machine = &embedded.machine;
    let day = machine.at.split(' ').next().unwrap_or_default();
    let loads = embedded.parts.loads();
    let yardsticks: Vec<_> = loads.iter().map(|(.., part)| part.y1).collect();
    let cpus: Vec<_> = loads.iter().map(|(.., part)| part.cpu).collect();
    let mut report = format!(
        "# Embedded switch, {day}\n\nWritten by `load-tests/run` at {} UTC, commit {}. Method: `load-tests/README.md`.\n\n{}\n\n",
        machine.at,
        machine.commit,
        table::noise(&yardsticks, &cpus)
    );
    report.push_str(&format!(
        "## Machine\n{}",
        table::machine(machine, yardsticks.first().copied())
    ));
    report.push_str(&format!(
        "- switch, load generator and yardsticks share the processors; {} cards, {} s each\n\n",
        embedded.cards, embedded.seconds
    ));
    report.push_str("## Goals\n");
    for goal in goals(embedded) {
        report.push_str(&format!("- {goal}\n"));
    }
    loads_table(&mut report, &loads);
    others(&mut report, &embedded.parts);
    report.push_str(&format!(
        "\n![Rates and latencies beside the yardsticks]({plot_name})\n"
    ));
    Pages {
        report,
        plot: plot::svg(
            &format!("Embedded switch, {day}: {}", machine.model),
            &[rates(&loads), latencies(&loads)],
        ),
    }
}

type Loads = [(&'static str, &'static str, Part)];

fn loads_table(report: &mut String, loads: &Loads) {
    report.push_str(
        "\n## Measured\nLatencies in microseconds. Answers: approved/answered/requested. Processor time of switch and \
         load in processors.\n\n\
         | # | connections x in flight | switch /s | p50 | p99 | max | answers | records per sync | switch cpu | \
         load cpu | Y1 p50 | Y1 p99 | Y1 max | Y2 /s | Y2 p99 |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for (name, shape, part) in loads {
        let shape = match *shape {
            "" => String::new(),
            shape => format!(", {shape}"),
        };
        let Latency { p50, p99, max } = part.load.latency_us;
        let y1 = part.y1.latency_us;
        let y2 = part.y2.map_or("| |".to_owned(), |y2| {
            format!("| {} | {} |", y2.per_second, y2.latency_us.p99)
        });
        report.push_str(&format!("| {name} | {} x {}{shape} | {} | {p50} | {p99} | {max} | {} | {} | {} | {} | {} | {} | {} {y2}\n",
            part.connections,
            part.in_flight,
            part.load.per_second,
            table::answers(&part.load),
            part.records_per_sync,
            Hundredths(part.cpu.server),
            Hundredths(part.cpu.load),
            y1.p50,
            y1.p99,
            y1.max));
    }
}

fn others(report: &mut String, parts: &Parts) {
    report.push_str("\n## Memory, disk, recovery\n");
    if let Some(memory) = parts.e7 {
        let each = |kib: u64, count| Hundredths::ratio(kib.saturating_sub(memory.idle_kib), count);
        report.push_str(&format!("- a live card that has never paid: {} KiB ({} live, RSS {} to {} KiB); after all loads above: {} KiB \
             ({} live, RSS {} KiB)\n",
            each(memory.live_kib, memory.live),
            memory.live,
            memory.idle_kib,
            memory.live_kib,
            each(memory.paid_kib, memory.paid),
            memory.paid,
            memory.paid_kib));
    }
    if let Some(cold) = parts.e9 {
        let idle = Hundredths::ratio(cold.idle_kib.saturating_mul(1_024), cold.cards);
        let issued = match cold.issue_ms {
            0 => "issued by an earlier run".to_owned(),
            ms => format!("issued in {} s", ms / 1_000),
        };
        let cache = if cold.was_dropped {
            "with the system's cache emptied before"
        } else {
            "with what the system's cache held"
        };
        report.push_str(&format!("- {} cards on disk: {issued}, {} MiB, ready to serve in {} ms; the whole process then takes {} KiB, \
             {idle} bytes for each idle card; {} cards read from disk, {cache}\n",
            cold.cards, cold.disk_mib, cold.ready_ms, cold.idle_kib, cold.loads));
    }
    if let Some(recovery) = parts.recovery {
        report.push_str(&format!("- {} commands since the last checkpoint, killed with -9: folded again in {} ms, ready after {} ms (p50 \
             of Y1 {} us)\n",
            recovery.commands, recovery.ms, recovery.ready_ms, recovery.y1.latency_us.p50));
    }
}

fn rates(loads: &Loads) -> Panel {
    let rows = loads.iter().filter_map(|(name, _, part)| {
        let y2 = part.y2?;
        let label = format!("{name}: {} x {}", part.connections, part.in_flight);
        let dots = vec![
            one(Series::Switch, part.load.per_second),
            one(Series::Y2, y2.per_second),
        ];
        Some(Row { label, dots })
    });
    Panel {
        title: "Payments a second".to_owned(),
        rows: rows.collect(),
    }
}

fn latencies(loads: &Loads) -> Panel {
    let rows = loads.iter().map(|(name, _, part)| {
        let mut dots = vec![
            range(Series::Switch, part.load.latency_us),
            range(Series::Y1, part.y1.latency_us),
        ];
        dots.extend(part.y2.map(|y2| range(Series::Y2, y2.latency_us)));
        let label = format!("{name}: {} x {}", part.connections, part.in_flight);
        Row { label, dots }
    });
    Panel {
        title: "Latency in microseconds: p50, p99, worst".to_owned(),
        rows: rows.collect(),
    }
}

fn one(series: Series, value: u64) -> Dots {
    let values = vec![value];
    Dots { series, values }
}

fn range(series: Series, latency: Latency) -> Dots {
    let Latency { p50, p99, max } = latency;
    let values = vec![p50, p99, max];
    Dots { series, values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measured::Parts;
    use crate::sample;

    #[test]
    fn everything_measured_is_told() {
        let Pages { report, plot } = pages(&sample::embedded(), "a.svg");
        for said in [
            "# Embedded switch, 2026-11-24",
            "Quiet: ",
            "- E3 rate / Y2 rate",
            "| E5 | 16 x 16, zipf 1.1 | 100000 | 200 | 5000 | 20000 | 990/1000/1000 | 27 | 1.10 | 0.60 | 90 |",
            "10.00 KiB",
            "20.48 bytes for each idle card",
            "folded again in 3000 ms",
            "(a.svg)",
        ] {
            assert!(report.contains(said), "{said} in\n{report}");
        }
        assert!(plot.contains("E9 zipf: 16 x 16"));
    }

    #[test]
    fn a_report_of_nothing_is_a_report() {
        let mut embedded = sample::embedded();
        embedded.parts = Parts::default();
        let Pages { report, plot } = pages(&embedded, "a.svg");
        assert!(report.contains("## Goals"));
        assert!(plot.starts_with("<svg"));
    }
}
