//! The words of a sentence around which a name may stand: names are written with capitals. The tagger looks there and at
//! nothing else, which is most of what it would cost.

use super::tagger::Near;
use super::tokens::Token;

/// Words on both sides of a capital that may belong to the name: `University of the Arts`.
const REACH: usize = 3;

/// So far from a mask the words weigh what they weighed without it.
const SIGHT: usize = 6;

/// Marks the words that may belong to a name; says whether there is any. With `again`, all has been looked at before, and
/// only what stands beside a mask may have changed.
pub(super) fn mark(text: &str, tokens: &[Token], again: bool, near: &mut Vec<Near>) -> bool {
    near.clear();
    near.resize(tokens.len(), Near::Not);
    let mut any = false;
    let mask = |t: &Token| t.first == b'[';
    for at in 0..tokens.len() {
        let beside = || tokens.iter().skip(at.saturating_sub(SIGHT)).take(2 * SIGHT + 1).any(mask);
        if anchor(text, tokens, at) && (!again || beside()) {
            any = true;
            let from = at.saturating_sub(REACH);
            for (n, near) in near.iter_mut().enumerate().skip(from).take(at + REACH + 1 - from) {
                if n == at {
                    *near = Near::Anchor;
                } else if *near == Near::Not {
                    *near = Near::Beside;
                }
            }
        }
    }
    any
}

/// Whether a word has a capital, and is not a common word that only begins a sentence.
fn anchor(text: &str, tokens: &[Token], at: usize) -> bool {
    let word = |at: usize| {
        tokens.get(at).and_then(|t| text.get(t.start as usize..t.end as usize)).unwrap_or_default()
    };
    let Some(token) = tokens.get(at).filter(|t| t.first.is_ascii_alphabetic() || !t.first.is_ascii()) else {
        return false;
    };
    let head = text.as_bytes().get(token.start as usize..token.end as usize).unwrap_or_default();
    // Nearly all words are of small letters, and their first bytes tell.
    if token.first.is_ascii_lowercase() && !head.iter().take(4).any(u8::is_ascii_uppercase) {
        return false;
    }
    let this = word(at);
    if !capital(this) {
        return false;
    }
    let begins =
        at.checked_sub(1).is_none_or(|before| !word(before).bytes().any(|b| b.is_ascii_alphanumeric()));
    !(begins && common(this) && !capital(word(at + 1)))
}

/// A common word that begins sentences.
pub(super) fn common(word: &str) -> bool {
    COMMON.binary_search(&word).is_ok()
}

fn capital(word: &str) -> bool {
    match word.as_bytes().first() {
        Some(b) if b.is_ascii() => {
            // `iPhone`: one in a hundred words, and the second letter tells most of them.
            b.is_ascii_uppercase()
                || b.is_ascii_lowercase() && word.bytes().take(4).any(|b| b.is_ascii_uppercase())
        }
        Some(_) => word.chars().any(|c| !c.is_ascii() && !c.is_lowercase() || c.is_uppercase()),
        None => false,
    }
}

/// Common words that begin sentences and are no names, in order.
#[rustfmt::skip]
static COMMON: &[&str] = &[
    "A", "About", "After", "All", "Alle", "Also", "Although", "Am", "An", "And", "Any", "Are", "As", "At", "Auf", "Aus",
    "Because", "Before", "Bei", "Bitte", "Both", "But", "By", "Can", "Ce", "Cette", "Click", "Con", "Could", "Da", "Dans", "Das",
    "De", "Den", "Der", "Des", "Die", "Diese", "Dit", "Do", "Does", "Due", "During", "Each", "Ein", "Eine", "El", "En", "Er", "Es", "Every", "For",
    "From", "Für", "Get", "Had", "Has", "Have", "He", "Her", "Here", "Het", "His", "How", "However", "I", "Ich", "If", "Il",
    "Im", "In", "Is", "It", "Its", "Je", "L", "La", "Las", "Le", "Les", "Los", "Make", "Many", "May", "Mit", "More", "Most", "My", "Nach", "New",
    "No", "Not", "Note", "Nous", "Now", "Of", "On", "Once", "One", "Only", "Or", "Other", "Our", "Para", "Please", "Por", "Pour", "Return",
    "Returns", "See", "Set", "She", "Should", "Sie", "Since", "So", "Some", "Such", "Thank", "Thanks", "That", "The", "Their", "Then",
    "There", "These", "They", "This", "Those", "To", "Two", "Um", "Un", "Und", "Une", "Until", "Use", "Used", "Von", "Vous", "Was",
    "We", "Were", "What", "When", "Where", "Which", "While", "Who", "Why", "Will", "Wir", "With", "Would", "You", "Your", "Zu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_words_are_in_order() {
        assert!(COMMON.is_sorted());
    }
}
