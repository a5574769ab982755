//! The screen as characters.

use super::ansi::put;
use super::view::{Sample, View, Watched};
use super::{detail, frame};
use crate::trace::mtr::Column;
use crate::trace::row;
use netdiag_trace::result::Hop;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

/// The columns of figures, and in which order they go where there is no room.
const COLUMNS: [Column; 8] = [
    Column::Loss,
    Column::Sent,
    Column::Last,
    Column::Mean,
    Column::Best,
    Column::Worst,
    Column::Deviation,
    Column::JitterMean,
];
const FIRST_TO_GO: [Column; 6] = [
    Column::JitterMean,
    Column::Deviation,
    Column::Best,
    Column::Worst,
    Column::Last,
    Column::Sent,
];
/// Where what is told of a hop begins.
const INDENT: usize = 5;
/// Room for the host, at least and at most.
const HOST: (usize, usize) = (15, 40);
/// A strip that is shorter tells nothing.
const STRIP: usize = 8;
/// What stands for the shortest to the longest round trip of a hop, and for a loss.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LOST: char = '×';
/// From so much room for the host on it is said in words that a hop only limits its answers.
const ROOM_FOR_LABEL: usize = 30;
/// From this loss on a row is marked, in per cent.
const MARKED: f64 = 1.0;

/// Where things stand in a line.
struct Layout {
    host: usize,
    columns: Vec<Column>,
    strip: usize,
}

impl Layout {
    fn new(width: usize, finds_mtu: bool) -> Self {
        let mut columns = COLUMNS.to_vec();
        columns.extend(finds_mtu.then_some(Column::Mtu));
        let taken = |columns: &[Column]| columns.iter().map(|it| it.width() + 2).sum::<usize>();
        let mut gone = FIRST_TO_GO.iter();
        while 5 + HOST.0 + taken(&columns) > width {
            let Some(column) = gone.next() else { break };
            columns.retain(|known| known != column);
        }
        let rest = width.saturating_sub(5 + taken(&columns));
        let strip = rest.saturating_sub(HOST.0 + 2 + STRIP);
        let host = (rest.saturating_sub(2 + STRIP)).min(HOST.1).max(rest.min(HOST.0));
        let strip = if strip == 0 { 0 } else { rest.saturating_sub(host + 2) };
        let host = if strip == 0 { rest } else { host };
        Self { host, columns, strip }
    }
}

/// Draws all.
pub(super) fn draw(view: &mut View, screen: &mut Buffer) {
    let (width, height) = (usize::from(screen.area.width), screen.area.height);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let dim = Style::new().add_modifier(Modifier::DIM);
    put(screen, 0, 0, &frame::title(view), bold);
    let mut y = 1;
    if view.targets.len() > 1 {
        put(screen, 0, y, &frame::targets(view, width), Style::new());
        y += 1;
    }
    let bottom = height.saturating_sub(1);
    let below = match view.is_help {
        true => {
            let help = frame::help(width);
            for (line, text) in (y + 1..bottom).zip(help.lines()) {
                put(screen, 0, line, text, Style::new());
            }
            0
        }
        false => rows(view, screen, y + 1),
    };
    put(screen, 0, bottom, &frame::keys(width, below), dim);
}

/// The hops, from the one on that lets the chosen one be seen with all that is told of it; how many there
/// was no room for below.
fn rows(view: &View, screen: &mut Buffer, top: u16) -> usize {
    let (width, height) = (usize::from(screen.area.width), screen.area.height);
    let finds_mtu = view.shown().is_some_and(|watched| watched.finds_mtu);
    let layout = Layout::new(width, finds_mtu);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let titles = layout.columns.iter().map(|it| (it.width(), it.title().to_owned()));
    let head = line(&layout, "hop", "host", titles);
    let strip = if layout.strip > 0 { "  history" } else { "" };
    put(screen, 0, top, &format!("{head}{strip}"), bold);
    let Some(watched) = view.shown() else { return 0 };
    let (mut y, bottom) = (top + 1, height.saturating_sub(1));
    let hops = view.hops();
    let chosen = hops.iter().position(|hop| view.cursor == Some(hop.ttl));
    let told = chosen.and_then(|place| hops.get(place)).filter(|_| view.is_expanded);
    let told = told.map_or_else(Vec::new, |hop| detail::lines(hop, width.saturating_sub(INDENT)));
    let room = usize::from(bottom.saturating_sub(y));
    let skipped =
        chosen.map_or(0, |place| (place + 1 + told.len()).saturating_sub(room).min(place));
    for (place, hop) in hops.iter().enumerate().skip(skipped) {
        if y >= bottom {
            return hops.len() - place;
        }
        let is_chosen = chosen == Some(place);
        let cells = layout.columns.iter().map(|it| (it.width(), it.text(hop)));
        let text = line(&layout, &hop.ttl.to_string(), &host(view, hop, layout.host), cells);
        put(screen, 0, y, &text, style(view, hop, is_chosen));
        draw_strip(view, screen, watched, hop, (&layout, y));
        y += 1;
        for text in told.iter().filter(|_| is_chosen) {
            if y < bottom {
                put(screen, INDENT, y, text, Style::new());
            }
            y += 1;
        }
    }
    0
}

fn line(
    layout: &Layout,
    hop: &str,
    host: &str,
    cells: impl Iterator<Item = (usize, String)>,
) -> String {
    let room = layout.host;
    let host: String = host.chars().take(room).collect();
    let mut line = format!("{hop:>3}  {host:<room$}");
    for (width, cell) in cells {
        line.push_str(&format!("  {cell:>width$}"));
    }
    line
}

/// Who answers at a hop, how many others, and whether what is lost there is only a limit of answers.
fn host(view: &View, hop: &Hop, room: usize) -> String {
    let who = row::by_answers(hop);
    let Some((main, others)) = who.split_first() else { return row::nobody(hop).to_owned() };
    let address = main.address.to_string();
    let name = main.hostname.as_ref().filter(|_| !view.is_numeric);
    let name = name.map_or(address, |name| name.escaped().to_string());
    let mark = main.mark.as_ref().map(|mark| format!(" {mark}")).unwrap_or_default();
    let system = main.asn.map(|number| format!(" AS{number}")).unwrap_or_default();
    let host = match others.len() {
        0 => format!("{name}{system}{mark}"),
        more => format!("{name}{system}{mark} +{more}"),
    };
    let label = match hop.loss_is_forwarding {
        Some(false) if room >= ROOM_FOR_LABEL => " rate-limited?",
        Some(false) => " lim?",
        _ => return host,
    };
    host.chars().take(room.saturating_sub(label.len())).chain(label.chars()).collect()
}

fn style(view: &View, hop: &Hop, is_chosen: bool) -> Style {
    let style = match is_chosen {
        true => Style::new().add_modifier(Modifier::REVERSED),
        false => Style::new(),
    };
    // The loss of a hop that goes no further is none of the path.
    let is_lossy = hop.link_loss_percent.is_some_and(|loss| loss > MARKED);
    match view.color {
        true if is_lossy => style.fg(Color::Red),
        true if hop.received == 0 => style.add_modifier(Modifier::DIM),
        _ => style,
    }
}

fn draw_strip(
    view: &View,
    screen: &mut Buffer,
    watched: &Watched,
    hop: &Hop,
    place: (&Layout, u16),
) {
    let (layout, y) = place;
    if layout.strip == 0 {
        return;
    }
    let samples: Vec<Sample> = watched.strip(hop.ttl, layout.strip).collect();
    let times = || samples.iter().flatten().copied();
    let (least, most) = (times().fold(f64::MAX, f64::min), times().fold(0.0, f64::max));
    let width = usize::from(screen.area.width);
    let start = width.saturating_sub(samples.len());
    for (x, sample) in (start..width).zip(&samples) {
        let (bar, color) = match sample {
            None => (LOST, Color::Red),
            Some(time) => (bar(*time, least, most), Color::Green),
        };
        let style = if view.color { Style::new().fg(color) } else { Style::new() };
        let x = u16::try_from(x).unwrap_or(u16::MAX);
        screen.set_stringn(x, y, bar.encode_utf8(&mut [0; 4]), 1, style);
    }
}

/// The bar for a round trip between the shortest and the longest; even times are low, so that the noise
/// of a quiet path looks quiet.
fn bar(time: f64, least: f64, most: f64) -> char {
    let span = (most - least).max(least / 4.0).max(0.1);
    let place = ((time - least) / span * (BARS.len() - 1) as f64).round();
    BARS.get(place.max(0.0) as usize).copied().unwrap_or('█')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_in_their_order_and_host_and_loss_stay() {
        let wide = Layout::new(120, false);
        assert_eq!((wide.columns.len(), wide.columns.first()), (8, Some(&Column::Loss)));
        assert!(wide.strip >= STRIP, "{}", wide.strip);
        let all = |layout: &Layout| {
            let columns = layout.columns.iter().map(|it| it.width() + 2).sum::<usize>();
            let strip = if layout.strip > 0 { layout.strip + 2 } else { 0 };
            5 + layout.host + columns + strip
        };
        for (width, finds_mtu) in (0..300).flat_map(|width| [(width, false), (width, true)]) {
            let layout = Layout::new(width, finds_mtu);
            assert!(layout.columns.starts_with(&[Column::Loss]), "{width}");
            assert_eq!(layout.columns.contains(&Column::Mtu), finds_mtu, "{width}");
            let least = if finds_mtu { 47 } else { 40 };
            assert!(all(&layout) <= width.max(least), "{width}: {}", all(&layout));
        }
        assert!(!Layout::new(60, false).columns.contains(&Column::JitterMean));
    }

    #[test]
    fn bars_rise_from_the_shortest_to_the_longest() {
        assert_eq!((bar(10.0, 10.0, 20.0), bar(20.0, 10.0, 20.0)), ('▁', '█'));
        assert_eq!(bar(10.1, 10.0, 10.1), '▁', "noise");
    }
}
