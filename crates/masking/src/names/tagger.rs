//! The tagger: a linear model over hashed features with transitions between tags, and the best path through a text. Also
//! compiled into the trainer.

use std::ops::Range;

use super::features::{self, MOST, ROWS, Word};
use super::lists;
use super::tokens::Token;

/// Outside, then beginning and inside of a person, a place and an organisation.
pub(crate) const TAGS: usize = 7;
/// Bytes of the model: lists, transitions, weights.
#[allow(dead_code, reason = "the trainer checks what it writes")]
pub(crate) const SIZE: usize = lists::SIZE + (TAGS + 1) * TAGS * 2 + ROWS * TAGS;

/// Whether `to` may follow `from`: the inside only what it is inside of.
pub(crate) fn may(from: usize, to: usize) -> bool {
    to == 0 || to % 2 == 1 || from == to || from + 1 == to
}

/// A model in the bytes it is stored in.
#[derive(Clone, Copy)]
pub(crate) struct Model<'a> {
    pub(crate) lists: &'a [u8],
    moves: &'a [u8],
    weights: &'a [u8],
}

impl<'a> Model<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Model<'a> {
        let (lists, rest) = bytes.split_at_checked(lists::SIZE).unwrap_or_default();
        let (moves, weights) = rest.split_at_checked((TAGS + 1) * TAGS * 2).unwrap_or_default();
        Model { lists, moves, weights }
    }

    /// The weight of going from one tag to another; from `TAGS` at the beginning.
    fn step(&self, from: usize, to: usize) -> i32 {
        let at = (from * TAGS + to) * 2;
        self.moves
            .get(at..at + 2)
            .and_then(|b| b.try_into().ok())
            .map_or(0, |b| i32::from(i16::from_le_bytes(b)))
    }

    fn score(&self, rows: &[u32]) -> [i32; TAGS] {
        // Eight bytes of each row are added at once; the eighth is the next row's and is left out in the end.
        let mut sum = [0i16; TAGS + 1];
        for row in rows {
            let rest = self.weights.get(*row as usize * TAGS..).unwrap_or_default();
            if let Some(row) = rest.first_chunk::<{ TAGS + 1 }>() {
                sum.iter_mut().zip(row).for_each(|(s, w)| *s += i16::from(*w as i8));
            } else {
                sum.iter_mut().zip(rest).for_each(|(s, w)| *s += i16::from(*w as i8));
            }
        }
        let mut out = [0; TAGS];
        out.iter_mut().zip(sum).for_each(|(o, s)| *o = i32::from(s));
        out
    }

    #[allow(dead_code, reason = "the trainer looks at every word")]
    /// The best tags. `shy` is added to the weight of no name, for what has to be sure.
    pub(crate) fn tag(&self, text: &str, tokens: &[Token], shy: i32, work: &mut Work) {
        work.words.clear();
        work.words.extend(tokens.iter().map(|t| features::word(text, t, self.lists)));
        work.scores.clear();
        let mut rows = [0; MOST];
        for at in 0..tokens.len() {
            let n = features::rows(&work.words, at, &mut rows);
            let mut score = self.score(rows.get(..n).unwrap_or_default());
            let [outside, ..] = &mut score;
            *outside += shy;
            work.scores.push(score);
        }
        let moves = work.moves.get_or_insert_with(|| self.moves());
        best(&work.scores, moves, &mut work.back, &mut work.tags);
    }

    /// As [`Model::tag`], but a name is only looked for around the words that `near` gives; all others are none.
    #[allow(dead_code, reason = "the trainer looks at every word")]
    pub(crate) fn tag_near(&self, text: &str, tokens: &[Token], near: &[Near], shy: i32, work: &mut Work) {
        let moves = *work.moves.get_or_insert_with(|| self.moves());
        work.all.clear();
        work.all.resize(tokens.len(), 0);
        work.words.clear();
        work.words.resize(tokens.len(), Word::default());
        work.read.clear();
        work.read.resize(tokens.len(), false);
        let mut at = 0;
        while let Some(skip) = near.get(at..).and_then(|rest| rest.iter().position(|n| *n != Near::Not)) {
            let from = at + skip;
            let len = near.get(from..).unwrap_or_default().iter().take_while(|n| **n != Near::Not).count();
            at = from + len;
            self.tag_run(text, tokens, (from..at, near), shy, &moves, work);
        }
        std::mem::swap(&mut work.tags, &mut work.all);
    }

    /// Tags the words of a run, outside of which no name is. First those that a name would be of: where no name weighs
    /// more for any of them, the words around them are none either.
    fn tag_run(
        &self,
        text: &str,
        tokens: &[Token],
        (run, near): (Range<usize>, &[Near]),
        shy: i32,
        moves: &[[i32; TAGS]; TAGS + 1],
        work: &mut Work,
    ) {
        work.scores.clear();
        work.scores.resize(run.len(), [0; TAGS]);
        let mut worth = false;
        for part in [Near::Anchor, Near::Beside] {
            for at in run.clone().filter(|at| near.get(*at) == Some(&part)) {
                let score = self.weigh(text, tokens, at, shy, work);
                let [outside, names @ ..] = &score;
                worth |= names.iter().any(|n| n > outside);
                if let Some(slot) = work.scores.get_mut(at - run.start) {
                    *slot = score;
                }
            }
            if !worth {
                return;
            }
        }
        let begin = if run.start == 0 { moves.last() } else { moves.first() };
        // A word behind the run that is no name.
        if let (true, Some(last)) = (run.end < tokens.len(), work.scores.last_mut()) {
            last.iter_mut().zip(moves).for_each(|(s, row)| *s += row.first().copied().unwrap_or(0));
        }
        best_from(&work.scores, begin, moves, &mut work.back, &mut work.tags);
        for (tag, found) in work.all.iter_mut().skip(run.start).zip(&work.tags) {
            *tag = *found;
        }
    }

    /// What each tag weighs for the word at `at`.
    fn weigh(&self, text: &str, tokens: &[Token], at: usize, shy: i32, work: &mut Work) -> [i32; TAGS] {
        // The features of a word are those of two neighbours on each side too.
        for i in at.saturating_sub(2)..tokens.len().min(at + 3) {
            if let (Some(word), Some(token), Some(read @ false)) =
                (work.words.get_mut(i), tokens.get(i), work.read.get_mut(i))
            {
                *word = features::word(text, token, self.lists);
                *read = true;
            }
        }
        let context = features::context(&work.words, at);
        work.known.resize(KNOWN, (0, [0; TAGS]));
        let slot = work.known.get_mut((context >> 40) as usize % KNOWN);
        let mut score = match slot {
            Some((key, score)) if *key == context => *score,
            slot => {
                let mut rows = [0; MOST];
                let n = features::rows(&work.words, at, &mut rows);
                let score = self.score(rows.get(..n).unwrap_or_default());
                if let Some(slot) = slot {
                    *slot = (context, score);
                }
                score
            }
        };
        let [outside, ..] = &mut score;
        *outside += shy;
        score
    }

    fn moves(&self) -> [[i32; TAGS]; TAGS + 1] {
        let mut moves = [[0; TAGS]; TAGS + 1];
        for (from, row) in moves.iter_mut().enumerate() {
            for (to, w) in row.iter_mut().enumerate() {
                *w = self.step(from, to);
            }
        }
        moves
    }
}

/// Where a word stands to a word that may be a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Near {
    /// Far from any.
    Not,
    Beside,
    /// It may be a name.
    Anchor,
}

/// Buffers of the tagger.
#[derive(Default)]
pub(crate) struct Work {
    words: Vec<Word>,
    scores: Vec<[i32; TAGS]>,
    back: Vec<[u8; TAGS]>,
    /// The model's transitions, read once.
    moves: Option<[[i32; TAGS]; TAGS + 1]>,
    pub(crate) tags: Vec<u8>,
    /// Tags of the sentence while its runs are tagged.
    all: Vec<u8>,
    /// Whose features are known.
    read: Vec<bool>,
    /// What words between their neighbours weighed: texts are looked at again when something was found in them, and the
    /// same phrases come again.
    known: Vec<(u64, [i32; TAGS])>,
}

/// So many are kept.
const KNOWN: usize = 1 << 10;

#[allow(dead_code, reason = "the trainer looks at every word")]
/// The best path (Viterbi).
pub(crate) fn best(
    scores: &[[i32; TAGS]],
    moves: &[[i32; TAGS]; TAGS + 1],
    back: &mut Vec<[u8; TAGS]>,
    tags: &mut Vec<u8>,
) {
    best_from(scores, moves.last(), moves, back, tags);
}

/// The best path behind a tag, or the beginning, with these transitions.
fn best_from(
    scores: &[[i32; TAGS]],
    begin: Option<&[i32; TAGS]>,
    moves: &[[i32; TAGS]; TAGS + 1],
    back: &mut Vec<[u8; TAGS]>,
    tags: &mut Vec<u8>,
) {
    back.clear();
    tags.clear();
    let (Some(first), Some(begin)) = (scores.first(), begin) else { return };
    let mut sums = [i32::MIN / 2; TAGS];
    for (to, ((sum, score), step)) in sums.iter_mut().zip(first).zip(begin).enumerate() {
        if may(0, to) {
            *sum = score + step;
        }
    }
    // What may not follow weighs so little that it never does.
    let mut allowed = [[i32::MIN / 2; TAGS]; TAGS];
    for (from, (row, all)) in allowed.iter_mut().zip(moves).enumerate() {
        for (_, (w, step)) in row.iter_mut().zip(all).enumerate().filter(|(to, _)| may(from, *to)) {
            *w = *step;
        }
    }
    for score in scores.iter().skip(1) {
        let mut next = [i32::MIN / 2; TAGS];
        let mut from = [0u8; TAGS];
        for (f, (sum, row)) in sums.iter().zip(&allowed).enumerate() {
            for ((next, from), step) in next.iter_mut().zip(&mut from).zip(row) {
                let total = sum.saturating_add(*step);
                let better = total > *next;
                *next = if better { total } else { *next };
                *from = if better { f as u8 } else { *from };
            }
        }
        next.iter_mut().zip(score).for_each(|(n, s)| *n = n.saturating_add(*s));
        back.push(from);
        sums = next;
    }
    let mut at = sums.iter().enumerate().max_by_key(|(_, s)| **s).map_or(0, |(t, _)| t) as u8;
    tags.push(at);
    for from in back.iter().rev() {
        at = from.get(usize::from(at)).copied().unwrap_or(0);
        tags.push(at);
    }
    tags.reverse();
}
