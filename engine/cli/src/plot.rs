//! Plots as SVG: small, self-contained, and readable without colours.

use std::fmt::Write as _;

/// Colours that people with any sight can distinguish, after M. Okabe and K. Ito.
const COLORS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#444444"];
/// How lines are broken, so that no colour is needed.
const DASHES: [&str; 4] = ["none", "7 3", "2 3", "8 3 2 3"];
/// The size of the area of a panel in which lines are drawn.
const AREA: (f64, f64) = (440.0, 200.0);
/// The room left of, above, right of and below it.
const ROOM: (f64, f64, f64, f64) = (44.0, 30.0, 170.0, 44.0);

/// A diagram of lines between 0 and 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Panel {
    /// What it shows.
    pub(crate) title: String,
    /// What is below the axis.
    pub(crate) axis: String,
    /// The places on the axis.
    pub(crate) places: Vec<String>,
    /// The lines: a name, and a value for each place that has one.
    pub(crate) lines: Vec<(String, Vec<Option<f64>>)>,
    /// Whether a place is marked.
    pub(crate) marked: Vec<bool>,
}

/// Draws panels below each other; a document of its own.
pub(crate) fn panels(panels: &[Panel]) -> String {
    let (width, height) = (ROOM.0 + AREA.0 + ROOM.2, ROOM.1 + AREA.1 + ROOM.3);
    #[expect(clippy::cast_precision_loss, reason = "some panels")]
    let whole = height * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {whole}\" width=\"{width}\" height=\"{whole}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"{width}\" height=\"{whole}\" fill=\"#fff\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "some panels")]
        let top = height * at as f64;
        let _ = writeln!(out, "<g transform=\"translate({},{})\">", ROOM.0, top + ROOM.1);
        panel.draw(&mut out);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

impl Panel {
    fn draw(&self, out: &mut String) {
        let (width, height) = AREA;
        let y = |value: f64| height * (1.0 - value.clamp(0.0, 1.0));
        let _ = writeln!(out, "<text y=\"-12\" font-weight=\"bold\">{}</text>", escape(&self.title));
        let half = self.step() / 2.0;
        for (at, _) in self.marked.iter().enumerate().filter(|(_, is_marked)| **is_marked) {
            let (left, right) = ((self.x(at) - half).max(0.0), (self.x(at) + half).min(width));
            let wide = right - left;
            let _ = writeln!(out, "<rect x=\"{left:.1}\" width=\"{wide:.1}\" height=\"{height}\" fill=\"#e3f3e6\"/>");
        }
        for tenth in [0, 2, 4, 6, 8, 10] {
            let value = f64::from(tenth) / 10.0;
            let _ = writeln!(
                out,
                "<line x2=\"{width}\" y1=\"{0:.1}\" y2=\"{0:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"-6\" y=\"{1:.1}\" text-anchor=\"end\">{value}</text>",
                y(value),
                y(value) + 4.0
            );
        }
        // As many names of places as there is room for.
        let every = self.places.len().div_ceil(10).max(1);
        for (at, place) in self.places.iter().enumerate().step_by(every) {
            let (x, below) = (self.x(at), height + 15.0);
            let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", escape(place));
        }
        let (middle, below) = (width / 2.0, height + 32.0);
        let _ =
            writeln!(out, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", escape(&self.axis));
        for (number, (name, values)) in self.lines.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let dash = DASHES[number / COLORS.len() % DASHES.len()];
            let known = values.iter().enumerate().filter_map(|(at, value)| Some((self.x(at), y((*value)?))));
            let points: Vec<String> = known.clone().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                out,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"/>",
                points.join(" ")
            );
            known.for_each(|(x, y)| {
                let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{color}\"/>");
            });
            #[expect(clippy::cast_precision_loss, reason = "some lines")]
            let down = 6.0 + 15.0 * number as f64;
            let (left, right) = (width + 12.0, width + 34.0);
            let _ = writeln!(
                out,
                "<line x1=\"{left}\" x2=\"{right}\" y1=\"{down}\" y2=\"{down}\" stroke=\"{color}\" stroke-width=\"2\" \
                 stroke-dasharray=\"{dash}\"/><text x=\"{}\" y=\"{}\">{}</text>",
                right + 5.0,
                down + 4.0,
                escape(name)
            );
        }
    }

    /// What is between two places.
    fn step(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some places")]
        let places = self.places.len().max(1) as f64;
        AREA.0 / places
    }

    fn x(&self, at: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "some places")]
        let at = at as f64;
        self.step() * (at + 0.5)
    }
}

/// A text as SVG and HTML take it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_has_its_lines_marks_and_names() {
        let panel = Panel {
            title: "a < b".into(),
            axis: "weight".into(),
            places: vec!["0.1".into(), "0.2".into()],
            lines: vec![("one".into(), vec![Some(0.0), Some(1.0)]), ("other".into(), vec![None, Some(0.5)])],
            marked: vec![false, true],
        };
        let svg = panels(&[panel]);
        for part in
            ["a &lt; b", ">weight<", ">0.2<", "points=\"110.0,200.0 330.0,0.0\"", "points=\"330.0,100.0\"", "#e3f3e6"]
        {
            assert!(svg.contains(part), "{part} is not in\n{svg}");
        }
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
    }
}
