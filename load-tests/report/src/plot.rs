//! Draws dots and ranges on logarithmic axes, as an SVG that needs nothing else.
#![expect(
    clippy::float_arithmetic,
    clippy::disallowed_types,
    reason = "places in a picture; no money"
)]

const WIDTH: f64 = 920.0;
const LABELS: f64 = 190.0;
const MARGIN: f64 = 30.0;
const LINE: f64 = 17.0;
const ROW_GAP: f64 = 9.0;
const HEAD: f64 = 46.0;

/// Who a dot is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Series {
    Switch,
    Postgres,
    PostgresGathered,
    Y1,
    Y2,
}

impl Series {
    const ALL: [Self; 5] = [
        Self::Switch,
        Self::Postgres,
        Self::PostgresGathered,
        Self::Y1,
        Self::Y2,
    ];

    const fn color(self) -> &'static str {
        match self {
            Self::Switch => "#0b62a8",
            Self::Postgres => "#c2571a",
            Self::PostgresGathered => "#d9a441",
            Self::Y1 => "#8a8a8a",
            Self::Y2 => "#5f9e6e",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Switch => "floatswitch",
            Self::Postgres => "PostgreSQL",
            Self::PostgresGathered => "PostgreSQL, gathered",
            Self::Y1 => "Y1, the disk alone",
            Self::Y2 => "Y2, no ISO 8583 and no rules",
        }
    }
}

/// Values of one series in a row, joined by a line: the first is a filled dot.
#[derive(Debug, Clone)]
pub(crate) struct Dots {
    pub(crate) series: Series,
    pub(crate) values: Vec<u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) dots: Vec<Dots>,
}

#[derive(Debug, Clone)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) rows: Vec<Row>,
}

/// The panels below each other. One without a row is left out.
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let panels: Vec<_> = panels
        .iter()
        .filter(|panel| !panel.rows.is_empty())
        .collect();
    let mut body = String::new();
    let mut top = 64.0;
    for panel in &panels {
        top = draw_panel(&mut body, panel, top);
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" \
         height=\"{top}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    text(
        &mut svg,
        (MARGIN, 26.0),
        "start",
        &format!(
            "<tspan font-size=\"15\" font-weight=\"bold\">{}</tspan>",
            escaped(title)
        ),
    );
    draw_legend(&mut svg, &panels);
    svg + &body + "</svg>\n"
}

fn draw_legend(svg: &mut String, panels: &[&Panel]) {
    let mut x = MARGIN;
    for series in Series::ALL {
        let is_used = panels
            .iter()
            .flat_map(|panel| &panel.rows)
            .flat_map(|row| &row.dots);
        if is_used.into_iter().any(|dots| dots.series == series) {
            dot(svg, (x + 4.0, 44.0), series, Fill::Full);
            text(svg, (x + 14.0, 48.0), "start", series.name());
            x += 30.0 + 7.0 * f64::from(u32::try_from(series.name().len()).unwrap_or(0));
        }
    }
}

/// Returns where the next panel begins.
fn draw_panel(svg: &mut String, panel: &Panel, top: f64) -> f64 {
    let axis = Axis::over(panel);
    let first = top + HEAD;
    let height: f64 = panel.rows.iter().map(row_height).sum();
    text(
        svg,
        (MARGIN, top + 16.0),
        "start",
        &format!(
            "<tspan font-weight=\"bold\">{}</tspan>",
            escaped(&panel.title)
        ),
    );
    for power in axis.from..=axis.to {
        let x = axis.x(10f64.powi(power));
        line(svg, (x, first - 8.0), (x, first + height), "#dddddd");
        text(svg, (x, first - 12.0), "middle", &power_name(power));
    }
    let mut y = first;
    for row in &panel.rows {
        let middle = y + (row_height(row) - ROW_GAP) / 2.0;
        text(
            svg,
            (LABELS - 10.0, middle + 4.0),
            "end",
            &escaped(&row.label),
        );
        for (index, dots) in row.dots.iter().enumerate() {
            let index = f64::from(u32::try_from(index).unwrap_or(0));
            draw_dots(svg, dots, &axis, y + LINE * (index + 0.5));
        }
        y += row_height(row);
    }
    first + height + 24.0
}

fn draw_dots(svg: &mut String, dots: &Dots, axis: &Axis, y: f64) {
    let places: Vec<f64> = dots
        .values
        .iter()
        .map(|value| axis.x(value_of(*value)))
        .collect();
    if let (Some(first), Some(last)) = (places.first(), places.last()) {
        line(svg, (*first, y), (*last, y), dots.series.color());
    }
    for (index, (x, value)) in places.iter().zip(&dots.values).enumerate() {
        let fill = if index == 0 { Fill::Full } else { Fill::Ring };
        svg.push_str(&format!(
            "<g><title>{}: {value}</title>",
            dots.series.name()
        ));
        dot(svg, (*x, y), dots.series, fill);
        svg.push_str("</g>\n");
    }
}

fn row_height(row: &Row) -> f64 {
    LINE * f64::from(u32::try_from(row.dots.len()).unwrap_or(1)) + ROW_GAP
}

/// Whole powers of ten around all values.
struct Axis {
    from: i32,
    to: i32,
}

impl Axis {
    fn over(panel: &Panel) -> Self {
        let dots = panel.rows.iter().flat_map(|row| &row.dots);
        let values: Vec<f64> = dots
            .flat_map(|dots| &dots.values)
            .map(|value| value_of(*value).log10())
            .collect();
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let from = whole(low.min(high).floor());
        let to = whole(high.ceil()).max(from + 1);
        Self { from, to }
    }

    fn x(&self, value: f64) -> f64 {
        let span = f64::from(self.to - self.from);
        let place = (value.log10() - f64::from(self.from)) / span;
        LABELS + place * (WIDTH - LABELS - MARGIN)
    }
}

/// A count as the axis takes it: what is 0 stands at 1.
#[expect(
    clippy::cast_precision_loss,
    reason = "a picture has less precision still"
)]
fn value_of(count: u64) -> f64 {
    count.max(1) as f64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a power of ten of a 64-bit number is below 20"
)]
fn whole(power: f64) -> i32 {
    power as i32
}

/// 1, 10, 100, 1k, 10k and so on.
fn power_name(power: i32) -> String {
    let zeros = "0".repeat(usize::try_from(power.rem_euclid(3)).unwrap_or(0));
    let unit = match power.div_euclid(3) {
        0 => "",
        1 => "k",
        2 => "M",
        3 => "G",
        _ => "?",
    };
    format!("1{zeros}{unit}")
}

#[derive(Clone, Copy)]
enum Fill {
    Full,
    Ring,
}

fn dot(svg: &mut String, (x, y): (f64, f64), series: Series, fill: Fill) {
    let color = series.color();
    let inside = match fill {
        Fill::Full => color,
        Fill::Ring => "#ffffff",
    };
    svg.push_str(&format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{inside}\" stroke=\"{color}\" stroke-width=\"1.6\"/>"));
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), color: &str) {
    svg.push_str(&format!(
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{color}\"/>\n",
        from.0, from.1, to.0, to.1
    ));
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, inner: &str) {
    svg.push_str(&format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#222222\">{inner}</text>\n"
    ));
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(values: &[u64]) -> Panel {
        let dots = Dots {
            series: Series::Switch,
            values: values.to_vec(),
        };
        Panel {
            title: "a < b".to_owned(),
            rows: vec![Row {
                label: "E1".to_owned(),
                dots: vec![dots],
            }],
        }
    }

    #[test]
    fn larger_values_stand_further_right() {
        let axis = Axis::over(&panel(&[87, 362, 15_183]));
        assert_eq!((axis.from, axis.to), (1, 5));
        assert!(axis.x(87.0) < axis.x(362.0) && axis.x(362.0) < axis.x(15_183.0));
        assert!(axis.x(87.0) > LABELS && axis.x(15_183.0) < WIDTH);
    }

    #[test]
    fn any_values_make_a_picture() {
        for values in [&[][..], &[0], &[1], &[10], &[u64::MAX]] {
            let picture = svg("a title", &[panel(values)]);
            assert!(picture.ends_with("</svg>\n"));
            assert!(
                !picture.contains("NaN") && !picture.contains("inf"),
                "{picture}"
            );
        }
    }

    #[test]
    fn text_is_escaped_and_only_what_is_there_is_in_the_legend() {
        let picture = svg("x & y", &[panel(&[5])]);
        assert!(picture.contains("x &amp; y") && picture.contains("a &lt; b"));
        assert!(picture.contains("floatswitch") && !picture.contains("PostgreSQL"));
    }

    #[test]
    fn powers_are_named() {
        let names: Vec<String> = (0..7).map(power_name).collect();
        assert_eq!(names, ["1", "10", "100", "1k", "10k", "100k", "1M"]);
    }
}
