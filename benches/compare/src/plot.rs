//! Pictures, as SVG: lines over a row of cases, and bars.

use std::fmt::Write;

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 480.0;
/// Where the frame is: left, right, top, bottom. Names stand to the right of it.
const FRAME: (f64, f64, f64, f64) = (80.0, 620.0, 50.0, 420.0);
/// Told apart by people of all kinds of sight together with the marks.
const COLOURS: [&str; 12] = [
    "#777777", "#d62728", "#ff7f0e", "#1f77b4", "#17a0b8", "#2ca02c", "#8fbf3f", "#9467bd", "#8c564b",
    "#e377c2", "#bcaa22", "#222222",
];
/// Of bars: one that is shorter than the axis has no length.
const MOST_DECADES: i32 = 4;
const MARKS: [&str; 4] = ["●", "■", "▲", "◆"];

/// A line or a bar.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Its colour and mark, by number.
    pub style: usize,
    /// Whether it is the one that the picture is about.
    pub strong: bool,
    /// Its values, each over the number of its case; those that are not above zero are left out, as no decade has them.
    pub values: Vec<(usize, f64)>,
}

/// A picture whose vertical axis goes by decades.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What stands above.
    pub title: String,
    /// What stands below the horizontal axis.
    pub across: String,
    /// What stands beside the vertical axis, with the unit.
    pub up: String,
    /// What stands below each case, and where it is, in any unit.
    pub cases: Vec<(f64, String)>,
    /// In the order of their styles.
    pub series: Vec<Series>,
}

/// The decades that values lie in: the powers of ten below and above them.
fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
    for value in values.filter(|value| *value > 0.0) {
        (low, high) = (low.min(value), high.max(value));
    }
    if high == 0.0 {
        return (0, 1);
    }
    let low = low.log10().floor() as i32;
    (low, (high.log10().ceil() as i32).max(low + 1))
}

/// A number without more digits than it needs.
fn short(value: f64) -> String {
    match value {
        10.0.. => format!("{value:.0}"),
        1.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn text(out: &mut String, at: (f64, f64), style: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(out, r#"<text x="{:.1}" y="{:.1}" {style}>{words}</text>"#, at.0, at.1);
}

fn line(out: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let (x1, y1, x2, y2) = (from.0, from.1, to.0, to.1);
    let _ = writeln!(
        out,
        r#"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="{colour}" stroke-width="1"/>"#
    );
}

fn head(title: &str) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    text(&mut out, (FRAME.0, 28.0), r#"font-size="16" font-weight="bold""#, title);
    out
}

impl Plot {
    /// The picture with a line for each of the series.
    pub fn lines(&self) -> String {
        let mut out = head(&self.title);
        let span = decades(self.series.iter().flat_map(|series| series.values.iter().map(|value| value.1)));
        let y = |value: f64| {
            let share = (value.log10() - f64::from(span.0)) / f64::from(span.1 - span.0);
            FRAME.3 - share * (FRAME.3 - FRAME.2)
        };
        self.grid(&mut out, span, y);
        for series in &self.series {
            let places: Vec<_> = series.values.iter().filter(|value| value.1 > 0.0).collect();
            let points: Vec<_> = places.iter().map(|value| (self.x(value.0), y(value.1))).collect();
            series.draw(&mut out, &points);
        }
        self.legend(&mut out, y);
        out + "</svg>\n"
    }

    /// Where a case is.
    fn x(&self, case: usize) -> f64 {
        let first = self.cases.first().map_or(0.0, |case| case.0);
        let last = self.cases.last().map_or(0.0, |case| case.0);
        let width = if last > first { last - first } else { 1.0 };
        FRAME.0 + 30.0 + (self.cases[case].0 - first) / width * (FRAME.1 - FRAME.0 - 60.0)
    }

    fn grid(&self, out: &mut String, span: (i32, i32), y: impl Fn(f64) -> f64) {
        for decade in span.0..=span.1 {
            let value = 10_f64.powi(decade);
            line(out, (FRAME.0, y(value)), (FRAME.1, y(value)), "#bbbbbb");
            text(out, (FRAME.0 - 8.0, y(value) + 4.0), r#"text-anchor="end""#, &value.to_string());
            for step in (2..10).filter(|_| decade < span.1) {
                let between = y(value * f64::from(step));
                line(out, (FRAME.0, between), (FRAME.1, between), "#eeeeee");
            }
        }
        for (number, (_, label)) in self.cases.iter().enumerate() {
            line(out, (self.x(number), FRAME.3), (self.x(number), FRAME.3 + 5.0), "#333333");
            text(out, (self.x(number), FRAME.3 + 20.0), r#"text-anchor="middle""#, label);
        }
        line(out, (FRAME.0, FRAME.3), (FRAME.1, FRAME.3), "#333333");
        line(out, (FRAME.0, FRAME.2), (FRAME.0, FRAME.3), "#333333");
        let middle = f64::midpoint(FRAME.0, FRAME.1);
        text(out, (middle, FRAME.3 + 44.0), r#"text-anchor="middle""#, &self.across);
        let middle = f64::midpoint(FRAME.2, FRAME.3);
        let turned = format!(r#"text-anchor="middle" transform="rotate(-90 20 {middle})""#);
        text(out, (20.0, middle), &turned, &self.up);
    }

    /// Names to the right, from the top in the order of the last values, each as near to its line as the others let it be.
    fn legend(&self, out: &mut String, y: impl Fn(f64) -> f64) {
        let end = |series: &&Series| {
            series.values.last().map_or(f64::MAX, |value| y(value.1.max(f64::MIN_POSITIVE)))
        };
        let mut order: Vec<_> = self.series.iter().collect();
        order.sort_by(|one, other| end(one).total_cmp(&end(other)));
        let step = 20.0;
        let room = FRAME.3 - step * (order.len().saturating_sub(1)) as f64;
        let mut next = FRAME.2;
        for (number, series) in order.into_iter().enumerate() {
            // Below the one before, and not so low that those after it would not fit.
            let at = end(&series).clamp(next, next.max(room + step * number as f64));
            let value =
                series.values.last().map_or_else(String::new, |value| format!("  {}", short(value.1)));
            let style = format!(r#"fill="{}"{}"#, series.colour(), series.weight());
            text(
                out,
                (FRAME.1 + 12.0, at + 4.0),
                &style,
                &format!("{} {}{value}", series.mark(), series.name),
            );
            next = at + step;
        }
    }

    /// The picture with a bar for each of the series, of the first value; the axis goes by decades from left to right.
    pub fn bars(&self) -> String {
        let mut out = head(&self.title);
        let values = || self.series.iter().filter_map(|series| Some((series, series.values.first()?.1)));
        let (low, high) = decades(values().map(|(_, value)| value));
        let span = (low.max(high - MOST_DECADES), high);
        let left = 280.0;
        let x = |value: f64| {
            let share = (value.log10() - f64::from(span.0)) / f64::from(span.1 - span.0);
            left + share.max(0.0) * (WIDTH - 100.0 - left)
        };
        for decade in span.0..=span.1 {
            let value = 10_f64.powi(decade);
            line(&mut out, (x(value), FRAME.2), (x(value), FRAME.3), "#bbbbbb");
            text(&mut out, (x(value), FRAME.3 + 18.0), r#"text-anchor="middle""#, &value.to_string());
        }
        let step = (FRAME.3 - FRAME.2) / values().count().max(1) as f64;
        for (number, (series, value)) in values().enumerate() {
            let top = FRAME.2 + step * number as f64;
            let width = if value > 0.0 { x(value) - left } else { 0.0 };
            let (height, middle) = (step * 0.7, top + step * 0.35 + 4.5);
            let colour = series.colour();
            let _ = writeln!(
                out,
                r#"<rect x="{left}" y="{top:.1}" width="{width:.1}" height="{height:.1}" fill="{colour}"/>"#
            );
            let style = format!(r#"text-anchor="end"{}"#, series.weight());
            text(&mut out, (left - 8.0, middle), &style, &series.name);
            text(&mut out, (left + width + 6.0, middle), "", &short(value));
        }
        text(
            &mut out,
            (f64::midpoint(left, WIDTH - 100.0), FRAME.3 + 44.0),
            r#"text-anchor="middle""#,
            &self.up,
        );
        out + "</svg>\n"
    }
}

impl Series {
    fn colour(&self) -> &'static str {
        COLOURS[self.style % COLOURS.len()]
    }

    fn mark(&self) -> &'static str {
        MARKS[self.style % MARKS.len()]
    }

    fn weight(&self) -> &'static str {
        if self.strong { r#" font-weight="bold""# } else { "" }
    }

    fn draw(&self, out: &mut String, points: &[(f64, f64)]) {
        let colour = self.colour();
        let width = if self.strong { 3.5 } else { 1.5 };
        let path: Vec<String> = points.iter().map(|point| format!("{:.1},{:.1}", point.0, point.1)).collect();
        let path = path.join(" ");
        let _ = writeln!(
            out,
            r#"<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>"#
        );
        for point in points {
            let style = format!(r#"text-anchor="middle" fill="{colour}""#);
            text(out, (point.0, point.1 + 4.5), &style, self.mark());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Plot, Series, decades};

    #[test]
    fn the_decades_take_all_values_in() {
        assert_eq!(decades([0.2, 15.0, 0.0].into_iter()), (-1, 2));
        assert_eq!(decades([1.0, 1.0].into_iter()), (0, 1));
        assert_eq!(decades([].into_iter()), (0, 1));
    }

    #[test]
    fn names_are_text_and_what_has_no_decade_is_left_out() {
        let series = |name: &str, values: &[(usize, f64)]| Series {
            name: name.to_owned(),
            style: 0,
            strong: true,
            values: values.to_vec(),
        };
        let plot = Plot {
            title: "a < b".to_owned(),
            across: String::new(),
            up: String::new(),
            cases: vec![(0.0, "1".to_owned()), (1.0, "2".to_owned())],
            series: vec![series("x & y", &[(0, 1.0), (1, 10.0)]), series("none", &[(0, 0.0)])],
        };
        for picture in [plot.lines(), plot.bars()] {
            assert!(
                picture.contains("a &lt; b") && picture.contains("x &amp; y") && !picture.contains("NaN"),
                "{picture}"
            );
        }
        assert!(plot.lines().contains(r#"points="110.0,420.0 590.0,50.0""#));
    }
}
