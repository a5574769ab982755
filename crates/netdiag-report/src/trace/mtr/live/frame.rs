//! What stands around the rows: what is measured, the targets, the keys.

use super::view::View;
use crate::fold::fold;
use crate::trace::row;

/// Those that end it and that tell of the others come first: the rest may have no room.
const KEYS: [&str; 8] =
    ["q end", "h help", "p pause", "r reset", "n names", "s sort", "e expand", "Tab target"];
const HELP: [&str; 10] = [
    "q          end, and show the table",
    "p          pause, and go on",
    "r          begin the figures anew",
    "n          addresses or names",
    "up, down   another hop; page up, page down: ten further",
    "e, Enter   tell all of the hop, or no more",
    "Tab        another target",
    "L D R S N B A W V G J M X I  sort by loss, lost, received, sent, newest, best, average, worst, \
     deviation, geometric mean, jitter, its mean, its largest, interarrival jitter (RFC 3550); once more: \
     the other way round",
    "s          sort by the next of them",
    "o          in the order of the path",
];

pub(super) fn title(view: &View) -> String {
    let Some(watched) = view.shown() else { return "mtr".to_owned() };
    let figures = watched.figures.as_ref();
    let cycle = figures.map_or(0, |figures| figures.cycle);
    let paused = figures.is_some_and(|figures| figures.paused);
    let earlier = figures.map_or(0, |figures| figures.epochs);
    // What is cut off where there is no room is not that it stands still.
    let paused = if paused { "PAUSED, " } else { "" };
    let mut title = format!(
        "{paused}mtr to {}, {}, cycle {cycle}, every {} s",
        watched.title,
        watched.sent,
        watched.interval.as_secs_f64()
    );
    if earlier > 0 {
        title.push_str(&format!(", path changed {earlier} times"));
    }
    if let Some((column, is_rising)) = view.sort {
        let way = if is_rising { "up" } else { "down" };
        title.push_str(&format!(", by {} {way}", column.title()));
    }
    title
}

/// The targets in a line, the one that is shown in brackets; where there is no room for all of them,
/// from the one on with which that is seen.
pub(super) fn targets(view: &View, width: usize) -> String {
    let each = view.targets.iter().enumerate().map(|(place, watched)| {
        let last = watched.figures.as_ref().filter(|figures| figures.reached);
        let loss = last.and_then(|figures| figures.hops.last()).map(row::loss);
        let text = format!("{} {}", watched.title, loss.unwrap_or_else(|| "-".to_owned()));
        if place == view.target { format!("[{text}]") } else { format!(" {text} ") }
    });
    let each: Vec<String> = each.collect();
    let mut shown = each.get(..=view.target).unwrap_or(&each);
    while let [_, rest @ ..] = shown
        && !rest.is_empty()
        && shown.iter().map(|text| text.len() + 1).sum::<usize>() > width + 1
    {
        shown = rest;
    }
    let first = (view.target + 1).saturating_sub(shown.len());
    each.get(first..).unwrap_or(&each).join(" ")
}

/// What the keys do, as many of them as there is room for, behind how many hops there is none for.
pub(super) fn keys(width: usize, below: usize) -> String {
    let mut line = match below {
        0 => String::new(),
        below => format!("{below} more: down"),
    };
    for key in KEYS {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.len() + gap.len() + key.len() > width {
            break;
        }
        line.push_str(gap);
        line.push_str(key);
    }
    line
}

/// What every key does.
pub(super) fn help(width: usize) -> String {
    HELP.map(|line| fold(line, Some(width))).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_cut_and_no_line_of_help_is_wider_than_the_screen() {
        assert_eq!(keys(18, 0), "q end  h help");
        assert_eq!(
            keys(80, 12),
            "12 more: down  q end  h help  p pause  r reset  n names  s sort  e expand"
        );
        for width in 30..100 {
            assert!(keys(width, 0).len() <= width && keys(width, 0).starts_with("q end  h help"));
            assert!(help(width).lines().all(|line| line.chars().count() <= width), "{width}");
        }
        assert!(help(80).contains("its largest"));
    }
}
