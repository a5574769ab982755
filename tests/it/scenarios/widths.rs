//! Tables of paths in terminals that are narrow.

use crate::support::world;

/// In a narrow terminal figures and notes have lines of their own; commands that are to be copied stay
/// whole.
#[test]
fn no_line_of_a_path_is_wider_than_the_terminal() {
    for (scenario, arguments) in [
        ("trace-path", "trace --names b.example"),
        ("trace-path", "trace fd09:2::2"),
        ("trace-path", "trace --asn-file trace-asn --names 10.9.2.2"),
        ("mtu-path", "trace --mtu fd09:3::2"),
        ("mtu-path", "mtr -r --mtu -c 3 fd09:3::2"),
        ("trace-path", "mtr -r -c 3 -i 0.2 fd09:2::2"),
        ("trace-path", "mtr -r -c 3 -i 0.2 10.9.2.2 10.9.3.2"),
        ("trace-limits", "mtr -r -c 30 -i 0.1 -o LDRSNBAWVGJMXIKO 10.9.3.2"),
        ("trace-limits", "mtr -r -c 30 -i 0.1 --pathping 10.9.3.2"),
        ("mtu-path", "mtu 10.9.3.2"),
        ("mtu-hole", "mtu fd09:2::2"),
        ("mtu-path", "mtr --mtu -o ULS -c 3 -i 0.5 10.9.3.2"),
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        for width in [40, 60, 80] {
            let ran = world::run_at_width(scenario, &words, width);
            let is_kept = |line: &&str| line.trim_start().starts_with("-> ") || line.contains('`');
            let wide = ran.out.lines().filter(|line| line.chars().count() > width.into());
            let wide: Vec<&str> = wide.filter(|line| !is_kept(line)).collect();
            assert!(wide.is_empty(), "{arguments} at {width}: {wide:#?}\n{}", ran.out);
        }
    }
    // All that was asked for is shown.
    let words = "mtr -r -c 3 -i 0.1 -o LDRSNBAWVGJMXIKO 10.9.3.2".split(' ').collect::<Vec<_>>();
    let ran = world::run_at_width("trace-limits", &words, 40);
    for title in ["loss", "lost", "rcvd", "stdev", "gmean", "maxipdv", "rfc3550", "node"] {
        assert!(ran.out.contains(title), "{title}: {}", ran.out);
    }
}
