//! Panels of lines above each other, over one axis, as an SVG picture. It brings its own background and asks for no font, so
//! it looks the same on a light page and on a dark one.

use std::fmt::Write;

use super::scale::Scale;

/// One line, in each panel of one picture the same colour.
pub struct Line {
    /// As the legend names it.
    pub name: String,
    /// Broken, for those who are not of the house.
    pub is_broken: bool,
    /// Where it goes, from left to right.
    pub points: Vec<(f64, f64)>,
}

/// Lines over the picture's axis.
pub struct Panel {
    /// What goes up, with its unit.
    pub title: &'static str,
    /// How it goes up.
    pub scale: Scale,
    /// How a mark is told.
    pub label: fn(f64) -> String,
    /// The lines; those of other panels are in the same order.
    pub lines: Vec<Line>,
}

/// The axis that all panels share.
pub struct Axis {
    /// What goes to the right, with its unit.
    pub title: &'static str,
    /// How it goes.
    pub scale: Scale,
    /// How a mark is told.
    pub label: fn(f64) -> String,
}

/// Distinct for those too who see fewer colours (Okabe and Ito, 2008), with black and brown after them.
const COLOURS: [&str; 8] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#8c6d46"];

const WIDTH: f64 = 800.0;
/// Left of the panels: their marks and titles.
const LEFT: f64 = 96.0;
/// Right of them: the legend.
const RIGHT: f64 = 150.0;
/// Above each panel.
const ABOVE: f64 = 24.0;
const PANEL: f64 = 250.0;
/// Below the last: the axis's marks and title.
const BELOW: f64 = 52.0;
/// Between two names of the legend.
const LEGEND: f64 = 24.0;

/// Draws it.
pub fn draw(axis: &Axis, panels: &[Panel]) -> String {
    let height = panels.len() as f64 * (ABOVE + PANEL) + BELOW;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#222222\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let bottom = (index + 1) as f64 * (ABOVE + PANEL);
        draw_grid(&mut svg, axis, panel, bottom);
        for (line, colour) in panel.lines.iter().zip(COLOURS.iter().cycle()) {
            draw_line(&mut svg, axis, panel.scale, line, bottom, colour);
        }
    }
    let bottom = height - BELOW;
    for mark in axis.scale.marks() {
        text(&mut svg, across(axis, mark), bottom + 18.0, "middle", &(axis.label)(mark));
    }
    text(&mut svg, f64::midpoint(LEFT, WIDTH - RIGHT), bottom + 40.0, "middle", axis.title);
    if let Some(first) = panels.first() {
        draw_legend(&mut svg, &first.lines);
    }
    svg + "</svg>\n"
}

fn across(axis: &Axis, value: f64) -> f64 {
    LEFT + axis.scale.place(value) * (WIDTH - RIGHT - LEFT)
}

/// A panel's frame, with a thin line at each mark.
fn draw_grid(svg: &mut String, axis: &Axis, panel: &Panel, bottom: f64) {
    let (right, top) = (WIDTH - RIGHT, bottom - PANEL);
    for mark in panel.scale.marks() {
        let at = bottom - panel.scale.place(mark) * PANEL;
        stroke(svg, (LEFT, at), (right, at), "#dddddd");
        text(svg, LEFT - 8.0, at + 4.0, "end", &(panel.label)(mark));
    }
    for mark in axis.scale.marks() {
        let at = across(axis, mark);
        stroke(svg, (at, top), (at, bottom), "#dddddd");
    }
    stroke(svg, (LEFT, bottom), (right, bottom), "#222222");
    stroke(svg, (LEFT, top), (LEFT, bottom), "#222222");
    let middle = f64::midpoint(top, bottom);
    let title = escaped(panel.title);
    let _ = writeln!(
        svg,
        "<text x=\"16\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {middle})\">{title}</text>"
    );
}

fn draw_line(svg: &mut String, axis: &Axis, scale: Scale, line: &Line, bottom: f64, colour: &str) {
    let places = line.points.iter().map(|(x, y)| (across(axis, *x), bottom - scale.place(*y) * PANEL));
    let places: Vec<(f64, f64)> = places.collect();
    let path: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let (path, broken) = (path.join(" "), broken(line));
    let _ = writeln!(
        svg,
        "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{broken}/>"
    );
    for (x, y) in places {
        dot(svg, x, y, colour);
    }
}

fn broken(line: &Line) -> &'static str {
    if line.is_broken { " stroke-dasharray=\"6 4\"" } else { "" }
}

fn draw_legend(svg: &mut String, lines: &[Line]) {
    let left = WIDTH - RIGHT + 16.0;
    for (index, (line, colour)) in lines.iter().zip(COLOURS.iter().cycle()).enumerate() {
        let at = ABOVE + 8.0 + index as f64 * LEGEND;
        let (right, broken) = (left + 30.0, broken(line));
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at}H{right}\" stroke=\"{colour}\" stroke-width=\"2\"{broken}/>"
        );
        dot(svg, left + 15.0, at, colour);
        text(svg, right + 8.0, at + 4.0, "start", &line.name);
    }
}

fn dot(svg: &mut String, x: f64, y: f64, colour: &str) {
    let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
}

fn stroke(svg: &mut String, from: (f64, f64), to: (f64, f64), colour: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ = writeln!(svg, "<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" stroke=\"{colour}\"/>");
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>");
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::sheet::number;
    use super::*;

    fn picture() -> String {
        let line = |name: &str, is_broken, points: &[(f64, f64)]| Line {
            name: String::from(name),
            is_broken,
            points: points.to_vec(),
        };
        let lines = || {
            vec![line("a <b> & c", false, &[(1.0, 5.0), (100.0, 10.0)]), line("one", true, &[(10.0, 0.0)])]
        };
        let panel = |title, scale| Panel { title, scale, label: number, lines: lines() };
        let panels = [
            panel("first, s", Scale::Linear { step: 5.0, steps: 2 }),
            panel("second, s", Scale::Linear { step: 10.0, steps: 2 }),
        ];
        draw(&Axis { title: "clients", scale: Scale::Log { least: 0, most: 2 }, label: number }, &panels)
    }

    /// Every tag is closed in its order, every attribute is quoted, and text has no bare sign.
    fn is_well_formed(xml: &str) -> bool {
        let mut open = Vec::new();
        let mut pieces = xml.split('<');
        let mut sound = pieces.next() == Some("");
        for piece in pieces {
            let Some((tag, words)) = piece.split_once('>') else { return false };
            let name = tag.split([' ', '/']).find(|name| !name.is_empty()).unwrap_or_default();
            match (tag.starts_with('/'), tag.ends_with('/')) {
                (true, _) => sound &= open.pop() == Some(name),
                (false, true) => {}
                (false, false) => open.push(name),
            }
            sound &=
                tag.matches('"').count() % 2 == 0 && tag.matches('=').count() == tag.matches("=\"").count();
            let entities = ["&amp;", "&lt;", "&gt;"].map(|entity| words.matches(entity).count());
            sound &= !words.contains('>') && words.matches('&').count() == entities.iter().sum::<usize>();
        }
        sound && open.is_empty()
    }

    #[test]
    fn what_is_not_well_formed_is_noticed() {
        assert!(is_well_formed("<a b=\"1\"><c/>&amp;</a>\n"));
        for wrong in
            ["<a>", "<a></b>", "</a>", "x<a></a>", "<a b=1></a>", "<a b=\"1></a>", "<a>&</a>", "<a>></a>"]
        {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }

    #[test]
    fn the_picture_is_well_formed_and_has_its_own_background() {
        let svg = picture();
        assert!(is_well_formed(&svg), "{svg}");
        assert!(
            svg.lines().nth(1).unwrap().starts_with("<rect width=\"800\" height=\"600\" fill=\"#ffffff\""),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        assert_eq!(svg.matches("a &lt;b&gt; &amp; c").count(), 1, "the legend names a line once");
    }

    #[test]
    fn a_value_is_drawn_where_its_panel_has_it() {
        let svg = picture();
        // The first panel goes up from 274 to 24 and the second from 548; both go across from 96 to 650.
        for points in ["96.0,149.0 650.0,24.0", "96.0,485.5 650.0,423.0", "373.0,274.0", "373.0,548.0"] {
            assert_eq!(
                svg.matches(&format!("<polyline points=\"{points}\"")).count(),
                1,
                "{points} in {svg}"
            );
        }
    }
}
