//! Keys as users and the files of BIND write them.

use crate::message::presented;
use crate::question::DomainName;
use domain::base::Name;
use domain::dep::octseq::Array;
use domain::tsig::{Algorithm, Key};
use domain::utils::base64;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The algorithm where none is named.
const USUAL: &str = "hmac-sha256";

/// A secret with its name, which is never shown.
#[derive(Clone)]
pub struct TsigKey(Arc<Key>);

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TsigKey({} {})", self.algorithm(), self.name())
    }
}

impl TsigKey {
    /// `[ALGORITHM:]NAME:SECRET`, the secret in base 64, as dig has it behind `-y`; without an algorithm
    /// it is `hmac-sha256`.
    ///
    /// # Errors
    /// What is wrong with it, without a word of the secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(secret), None, None) => Self::of(USUAL, name, secret),
            (Some(algorithm), Some(name), Some(secret), None) => Self::of(algorithm, name, secret),
            _ => Err("a key is [HMAC:]NAME:SECRET, the secret in base64".to_owned()),
        }
    }

    /// The first `key` of a file of BIND: `key "NAME" { algorithm HMAC; secret "BASE64"; };`.
    ///
    /// # Errors
    /// What is wrong with it, likewise.
    pub fn parse_file(text: &str) -> Result<Self, String> {
        let words = words(text);
        let mut rest = words.iter().map(String::as_str).skip_while(|word| *word != "key").skip(1);
        let (Some(name), Some("{")) = (rest.next(), rest.next()) else {
            return Err("no `key \"NAME\" { algorithm HMAC; secret \"BASE64\"; };`".to_owned());
        };
        let (mut algorithm, mut secret) = (USUAL, None);
        while let Some(word) = rest.next().filter(|word| *word != "}") {
            match word {
                "algorithm" => algorithm = rest.next().unwrap_or_default(),
                "secret" => secret = rest.next(),
                _ => {}
            }
        }
        Self::of(algorithm, name, secret.ok_or("the key has no secret")?)
    }

    fn of(algorithm: &str, name: &str, secret: &str) -> Result<Self, String> {
        const KNOWN: &str = "hmac-sha1, hmac-sha256, hmac-sha384 and hmac-sha512 are";
        let algorithm = Algorithm::from_str(algorithm.to_ascii_lowercase().trim_end_matches('.'))
            .map_err(|_| format!("its algorithm is not known here: {KNOWN}"))?;
        let name = DomainName::parse(name).map_err(|why| format!("the name of the key: {why}"))?;
        let octets = Array::<255>::try_from(name.wire()).ok();
        let name = octets.and_then(|octets| Name::from_octets(octets).ok());
        let name = name.ok_or("the name of the key is none")?;
        let secret: Vec<u8> =
            base64::decode(secret).map_err(|_| "the secret of the key is not base64".to_owned())?;
        if secret.is_empty() {
            return Err("the key has an empty secret".to_owned());
        }
        let key = Key::new(algorithm, &secret, name, None, None).map_err(|why| why.to_string())?;
        Ok(Self(Arc::new(key)))
    }

    /// Its name, with the last dot.
    #[must_use]
    pub fn name(&self) -> String {
        presented(self.0.name()).into_string()
    }

    /// Its algorithm, as files have it.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self.0.algorithm() {
            Algorithm::Sha1 => "hmac-sha1",
            Algorithm::Sha256 => "hmac-sha256",
            Algorithm::Sha384 => "hmac-sha384",
            Algorithm::Sha512 => "hmac-sha512",
        }
    }

    pub(super) fn shared(&self) -> Arc<Key> {
        Arc::clone(&self.0)
    }
}

/// The words of a file of BIND, with braces as words, without quotes, semicolons and comments.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let length = letter.len_utf8();
        let behind = |end: &str| rest.find(end).map_or(rest.len(), |at| at + end.len());
        let skipped = match letter {
            '#' => behind("\n"),
            '/' if rest.starts_with("//") => behind("\n"),
            '/' if rest.starts_with("/*") => behind("*/"),
            '"' => {
                let inside =
                    rest.get(1..).unwrap_or_default().split('"').next().unwrap_or_default();
                words.extend([inside.to_owned(), String::new()]);
                (inside.len() + 2).min(rest.len())
            }
            '{' | '}' => {
                words.extend([letter.to_string(), String::new()]);
                length
            }
            _ if letter == ';' || letter.is_whitespace() => {
                words.push(String::new());
                length
            }
            _ => {
                if let Some(word) = words.last_mut() {
                    word.push(letter);
                }
                length
            }
        };
        rest = rest.get(skipped..).unwrap_or_default();
    }
    words.retain(|word| !word.is_empty());
    words
}
