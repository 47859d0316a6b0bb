//! Names that their place tells: behind the closing of a letter, and in front of an address in a mail's header.

use carnet_model::DataClass;

use super::tokens::Token;
use crate::scan::Hit;

/// Last words of letters.
const CLOSINGS: &[&str] = &[
    "thanks",
    "thank",
    "regards",
    "sincerely",
    "cheers",
    "best",
    "yours",
    "cordialement",
    "merci",
    "bisous",
    "grüße",
    "grüßen",
    "gruß",
    "danke",
    "saludos",
    "gracias",
    "atentamente",
    "saluti",
    "grazie",
    "cordialmente",
    "obrigado",
    "obrigada",
    "cumprimentos",
    "groeten",
    "groet",
    "bedankt",
    "pozdrawiam",
    "dziękuję",
    "hälsningar",
    "tack",
    "hilsen",
    "hilsner",
    "mvh",
    "tak",
    "takk",
    "terveisin",
    "kiitos",
    "pozdravem",
    "děkuji",
    "pozdravom",
    "pozdrav",
    "üdvözlettel",
    "köszönöm",
    "mulțumesc",
    "pagarbiai",
    "lugupidamisega",
];

/// Headers of mails that name people.
const HEADERS: &[&str] = &[
    "from", "to", "cc", "bcc", "von", "an", "de", "para", "à", "da", "van", "aan", "från", "fra", "til",
    "od", "do", "sender",
];

/// Looks at the beginning of a sentence.
pub(super) fn scan(text: &str, tokens: &[Token], out: &mut Vec<Hit>) {
    let word = |t: &Token| text.get(t.start as usize..t.end as usize).unwrap_or_default();
    let same = |entry: &&str, word: &str| word.chars().flat_map(char::to_lowercase).eq(entry.chars());
    let is = |list: &[&str], t: &Token| word(t).len() < 24 && list.iter().any(|entry| same(entry, word(t)));
    let name = |t: &&Token| {
        let mut chars = word(t).chars();
        chars.next().is_some_and(char::is_uppercase)
            && chars.all(|c| c.is_alphabetic() || matches!(c, '.' | '-' | '\'' | '’'))
    };
    let lead = tokens.iter().take(5).position(|t| matches!(word(t), "," | ":"));
    let Some((head, tail)) = lead.and_then(|n| tokens.split_at_checked(n)) else { return };
    let [sign, tail @ ..] = tail else { return };
    let run = tail.iter().take_while(name).count();
    let Some((names, rest)) = tail.split_at_checked(run).filter(|_| (1..=4).contains(&run)) else { return };
    let closing =
        word(sign) == "," && head.iter().any(|t| is(CLOSINGS, t)) && rest.iter().all(|t| word(t) == ".");
    let header = word(sign) == ":"
        && matches!(head, [one] if is(HEADERS, one))
        && rest.first().is_some_and(|t| word(t) == "<");
    if let (Some(a), Some(b)) = (names.first(), names.last())
        && (closing || header)
        && b.end - a.start > 1
    {
        out.push(Hit {
            start: a.start,
            end: b.end,
            class: DataClass::PERSON,
            kind: "PERSON",
            rule: "name_by_place",
            score: 75,
        });
    }
}
