//! What is judged, in a line.

use super::{Programs, Setup};

impl Setup {
    /// What stands in the files, for the head of a screen.
    #[must_use]
    pub fn heading(&self) -> String {
        let path = self.path("resolv.conf");
        let kind = match (&self.link, &self.resolv) {
            (Some(link), Ok(_)) => format!("link to {}", link.escaped()),
            (Some(link), Err(_)) => format!("link to {}, broken", link.escaped()),
            (None, Ok(_)) => "regular file".to_owned(),
            (None, Err(_)) => "not there".to_owned(),
        };
        let nsswitch = match &self.nsswitch {
            Ok(nsswitch) => format!("nsswitch \"hosts: {}\"", nsswitch.text.escaped()),
            Err(_) => "nsswitch without hosts (files, dns)".to_owned(),
        };
        let search: Vec<String> =
            self.search().iter().map(|domain| domain.escaped().to_string()).collect();
        let search = match search.is_empty() {
            true => "no search list".to_owned(),
            false => format!("search {}", search.join(" ")),
        };
        let options = self.options();
        let where_ = if self.etc == "/etc" { "this machine" } else { "files" };
        format!(
            "dns --check on {where_}: {path} ({kind}), {nsswitch}, {search}, ndots {}, timeout {} s x {}",
            options.ndots, options.timeout_s, options.attempts
        )
    }

    /// What one line of the hosts file, or the look-up of programs, says where it has no address.
    #[must_use]
    pub fn unsaid(&self, step: &str) -> String {
        match step {
            "hosts" => match &self.hosts {
                Ok(_) => "no entry".to_owned(),
                Err(why) => why.clone(),
            },
            "getaddrinfo" => match &self.programs {
                Programs::NotMeasured(why) => why.clone(),
                Programs::NotFound(_) => "programs are given no address".to_owned(),
                Programs::TimedOut(after) => {
                    format!("nothing within {:.0} s", after.as_secs_f64())
                }
                Programs::Found { .. } => String::new(),
            },
            _ => String::new(),
        }
    }
}
