//! The report that sets the switch beside PostgreSQL.

use crate::Pages;
use crate::goals::Hundredths;
use crate::measured::{Comparison, Cpu, Latency, Load, Rival};
use crate::plot::{self, Dots, Panel, Row, Series};
use crate::table;

pub(crate) fn pages(comparison: &Comparison, plot_name: &str) -> Pages {
    let machine = &comparison.machine;
    let day = machine.at.split(' ').next().unwrap_or_default();
    let runs = &comparison.runs;
    let yardsticks: Vec<_> = runs.iter().map(|run| run.y1).collect();
    let cpus: Vec<_> = runs
        .iter()
        .flat_map(|run| [run.cpu_of_switch, run.cpu_of_postgres])
        .collect();
    let mut report = format!(
        "# The switch beside PostgreSQL, {day}\n\nWritten by `load-tests/postgres-run` at {} UTC, commit {}. Method, and \
         what each of the two leaves out: `load-tests/README.md`.\n\n{}\n\n",
        machine.at,
        machine.commit,
        table::noise(&yardsticks, &cpus)
    );
    report.push_str(&format!(
        "## Machine\n{}",
        table::machine(machine, yardsticks.first().copied())
    ));
    report.push_str(&format!("- switch, PostgreSQL, its peer, load generator and yardsticks share the processors; {} cards, {} s each\n\
         - PostgreSQL {}, {} sessions; {}\n",
        comparison.cards,
        comparison.seconds,
        comparison.postgres_version,
        comparison.sessions,
        comparison.settings.join(", ")));
    measured(&mut report, runs);
    report.push_str(&format!("\n![Rates and latencies of both]({plot_name})\n"));
    Pages {
        report,
        plot: plot::svg(
            &format!("floatswitch beside PostgreSQL, {day}: {}", machine.model),
            &[rates(runs), latencies(runs)],
        ),
    }
}

fn measured(report: &mut String, runs: &[Rival]) {
    report.push_str(
        "\n## Measured\nLatencies in microseconds. Answers: approved/answered/requested. Processor time in processors: of the \
         switch, of PostgreSQL with its peer, of the load generator.\n\n\
         | in flight | system | /s | p50 | p99 | max | answers | cpu | load cpu | us of cpu a payment |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for run in runs {
        system(report, run, "switch", (&run.switch, run.cpu_of_switch));
        system(
            report,
            run,
            "PostgreSQL",
            (&run.postgres, run.cpu_of_postgres),
        );
        for (name, yardstick) in [("Y1", run.y1), ("Y2", run.y2)] {
            let Latency { p50, p99, max } = yardstick.latency_us;
            let rate = yardstick.per_second;
            report.push_str(&format!(
                "| | {name} | {rate} | {p50} | {p99} | {max} | | | | |\n"
            ));
        }
    }
    report.push_str("\nThe switch's rate by PostgreSQL's:");
    for run in runs {
        let ratio = Hundredths::ratio(run.switch.per_second, run.postgres.per_second);
        report.push_str(&format!(
            " {ratio} at {} in flight;",
            run.connections * run.in_flight
        ));
    }
    report.pop();
    report.push_str(".\n");
}

fn system(report: &mut String, run: &Rival, name: &str, (load, cpu): (&Load, Cpu)) {
    let Latency { p50, p99, max } = load.latency_us;
    // Hundredths of a processor are 10,000 us a second.
    let each = Hundredths::ratio(cpu.server.saturating_mul(10_000), load.per_second);
    report.push_str(&format!(
        "| {} | **{name}** | {} | {p50} | {p99} | {max} | {} | {} | {} | {each} |\n",
        run.connections * run.in_flight,
        load.per_second,
        table::answers(load),
        Hundredths(cpu.server),
        Hundredths(cpu.load)
    ));
}

fn label(run: &Rival) -> String {
    format!("{} in flight", run.connections * run.in_flight)
}

fn rates(runs: &[Rival]) -> Panel {
    let rows = runs.iter().map(|run| Row {
        label: label(run),
        dots: [
            (Series::Switch, run.switch.per_second),
            (Series::Rival, run.postgres.per_second),
            (Series::Y2, run.y2.per_second),
        ]
        .into_iter()
        .map(|(series, value)| Dots {
            series,
            values: vec![value],
        })
        .collect(),
    });
    Panel {
        title: "Payments a second".to_owned(),
        rows: rows.collect(),
    }
}

fn latencies(runs: &[Rival]) -> Panel {
    let rows = runs.iter().map(|run| Row {
        label: label(run),
        dots: [
            (Series::Switch, run.switch.latency_us),
            (Series::Rival, run.postgres.latency_us),
            (Series::Y1, run.y1.latency_us),
        ]
        .into_iter()
        .map(|(series, Latency { p50, p99, max })| Dots {
            series,
            values: vec![p50, p99, max],
        })
        .collect(),
    });
    Panel {
        title: "Latency in microseconds: p50, p99, worst".to_owned(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn both_systems_are_told_with_their_cost() {
        let Pages { report, plot } = pages(&sample::comparison(), "a.svg");
        for said in [
            "PostgreSQL 15.9, 16 sessions; shared_buffers = 2GB",
            "| 16 | **switch** | 4000 | 200 | 5000 | 20000 | 990/1000/1000 | 1.10 | 0.60 | 275.00 |",
            "1.00 at 16 in flight.",
        ] {
            assert!(report.contains(said), "{said} in\n{report}");
        }
        assert!(plot.contains("PostgreSQL") && plot.contains("16 in flight"));
    }
}
