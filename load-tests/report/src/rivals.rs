//! The report that sets the switch beside PostgreSQL.

use crate::Pages;
use crate::goals::Hundredths;
use crate::measured::{Comparison, Latency, Rival, RivalName, Round};
use crate::plot::{self, Dots, Panel, Row, Series};
use crate::table;

pub(crate) fn pages(comparison: &Comparison, plot_name: &str) -> Pages {
    let machine = &comparison.machine;
    let day = machine.at.split(' ').next().unwrap_or_default();
    let rounds = &comparison.rounds;
    let yardsticks: Vec<_> = rounds.iter().map(|round| round.y1).collect();
    let rivals = rounds.iter().flat_map(|round| &round.rivals);
    let cpus: Vec<_> = rivals.map(|rival| rival.cpu).collect();
    let mut report = format!(
        "# The switch beside PostgreSQL, {day}\n\nWritten by `load-tests/postgres-run` at {} UTC, commit {}. Method, \
         and what each of the two leaves out: `load-tests/README.md`.\n\n{}\n\n## Machine\n{}",
        machine.at,
        machine.commit,
        table::noise(&yardsticks, &cpus),
        table::machine(machine, yardsticks.first().copied())
    );
    report.push_str(&format!(
        "- switch, PostgreSQL, its peer, load generator and yardsticks share the processors; {} cards, {} s each\n\
         - PostgreSQL {}; {}\n",
        comparison.cards,
        comparison.seconds,
        comparison.postgres_version,
        comparison.settings.join(", ")
    ));
    for pool in &comparison.pools {
        report.push_str(&format!("- {pool}\n"));
    }
    measured(&mut report, rounds);
    report.push_str(&format!("\n![Rates and latencies of all]({plot_name})\n"));
    Pages {
        report,
        plot: plot::svg(
            &format!("floatswitch beside PostgreSQL, {day}: {}", machine.model),
            &[rates(rounds), latencies(rounds)],
        ),
    }
}

fn measured(report: &mut String, rounds: &[Round]) {
    report.push_str(
        "\n## Measured\nLatencies in microseconds. Answers: approved/answered/requested. Processor time in processors: \
         of the switch, or of PostgreSQL with its peer; of the load generator; and microseconds of the first for each \
         payment.\n\n\
         | in flight | system | /s | p50 | p99 | max | answers | cpu | load cpu | cpu us each |\n\
         |---|---|---|---|---|---|---|---|---|---|\n",
    );
    for round in rounds {
        let in_flight = round.connections * round.in_flight;
        for rival in &round.rivals {
            report.push_str(&rival_line(in_flight, rival));
        }
        for (name, yardstick) in [("Y1", round.y1), ("Y2", round.y2)] {
            let Latency { p50, p99, max } = yardstick.latency_us;
            let rate = yardstick.per_second;
            report.push_str(&format!(
                "| {in_flight} | {name} | {rate} | {p50} | {p99} | {max} | | | | |\n"
            ));
        }
    }
    report.push('\n');
    for round in rounds {
        report.push_str(&ratio_line(round));
    }
}

fn rival_line(in_flight: u64, rival: &Rival) -> String {
    let (load, cpu) = (&rival.load, rival.cpu);
    let Latency { p50, p99, max } = load.latency_us;
    // Hundredths of a processor are 10,000 us a second.
    let each = Hundredths::ratio(cpu.server.saturating_mul(10_000), load.per_second);
    format!(
        "| {in_flight} | **{}** | {} | {p50} | {p99} | {max} | {} | {} | {} | {each} |\n",
        series(rival.name).name(),
        load.per_second,
        table::answers(load),
        Hundredths(cpu.server),
        Hundredths(cpu.load),
    )
}

fn ratio_line(round: &Round) -> String {
    let ours = round.rate_of(RivalName::Switch).unwrap_or(0);
    let by = |name| {
        round
            .rate_of(name)
            .map(|rate| Hundredths::ratio(ours, rate).to_string())
    };
    let told: Vec<String> = [
        (RivalName::Postgres, "PostgreSQL's"),
        (RivalName::PostgresGathered, "PostgreSQL's when it gathers"),
    ]
    .into_iter()
    .filter_map(|(name, whose)| Some(format!("{} x {whose}", by(name)?)))
    .collect();
    format!(
        "- at {} in flight the switch's rate is {}\n",
        round.connections * round.in_flight,
        told.join(", ")
    )
}

const fn series(name: RivalName) -> Series {
    match name {
        RivalName::Switch => Series::Switch,
        RivalName::Postgres => Series::Postgres,
        RivalName::PostgresGathered => Series::PostgresGathered,
    }
}

fn label(round: &Round) -> String {
    format!("{} in flight", round.connections * round.in_flight)
}

fn rates(rounds: &[Round]) -> Panel {
    let rows = rounds.iter().map(|round| {
        let rivals = round.rivals.iter();
        let mut dots: Vec<_> = rivals
            .map(|rival| Dots {
                series: series(rival.name),
                values: vec![rival.load.per_second],
            })
            .collect();
        dots.push(Dots {
            series: Series::Y2,
            values: vec![round.y2.per_second],
        });
        let label = label(round);
        Row { label, dots }
    });
    Panel {
        title: "Payments a second".to_owned(),
        rows: rows.collect(),
    }
}

fn latencies(rounds: &[Round]) -> Panel {
    let range = |series, Latency { p50, p99, max }| Dots {
        series,
        values: vec![p50, p99, max],
    };
    let rows = rounds.iter().map(|round| {
        let rivals = round.rivals.iter();
        let mut dots: Vec<_> = rivals
            .map(|rival| range(series(rival.name), rival.load.latency_us))
            .collect();
        dots.push(range(Series::Y1, round.y1.latency_us));
        let label = label(round);
        Row { label, dots }
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
    fn all_systems_are_told_with_their_cost() {
        let Pages { report, plot } = pages(&sample::comparison(), "a.svg");
        for said in [
            "PostgreSQL 15.9; shared_buffers = 2GB",
            "| 16 | **floatswitch** | 4000 | 200 | 5000 | 20000 | 990/1000/1000 | 1.10 | 0.60 | 275.00 |",
            "- at 16 in flight the switch's rate is 1.00 x PostgreSQL's, 1.00 x PostgreSQL's when it gathers",
        ] {
            assert!(report.contains(said), "{said} in\n{report}");
        }
        assert!(plot.contains("PostgreSQL, gathered") && plot.contains("16 in flight"));
    }
}
