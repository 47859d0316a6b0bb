//! The tagger: a linear model over hashed features with transitions between tags, and the best path through a text. Also
//! compiled into the trainer.

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
        let mut sum = [0i32; TAGS];
        for row in rows {
            let at = *row as usize * TAGS;
            let Some(row) = self.weights.get(at..at + TAGS) else { continue };
            for (s, w) in sum.iter_mut().zip(row) {
                *s += i32::from(*w as i8);
            }
        }
        sum
    }

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
        let mut moves = [[0; TAGS]; TAGS + 1];
        for (from, row) in moves.iter_mut().enumerate() {
            for (to, w) in row.iter_mut().enumerate() {
                *w = self.step(from, to);
            }
        }
        best(&work.scores, &moves, &mut work.back, &mut work.tags);
    }
}

/// Buffers of the tagger.
#[derive(Default)]
pub(crate) struct Work {
    words: Vec<Word>,
    scores: Vec<[i32; TAGS]>,
    back: Vec<[u8; TAGS]>,
    pub(crate) tags: Vec<u8>,
}

/// The best path (Viterbi).
pub(crate) fn best(
    scores: &[[i32; TAGS]],
    moves: &[[i32; TAGS]; TAGS + 1],
    back: &mut Vec<[u8; TAGS]>,
    tags: &mut Vec<u8>,
) {
    back.clear();
    tags.clear();
    let (Some(first), Some(begin)) = (scores.first(), moves.last()) else { return };
    let mut sums = [i32::MIN / 2; TAGS];
    for (to, ((sum, score), step)) in sums.iter_mut().zip(first).zip(begin).enumerate() {
        if may(0, to) {
            *sum = score + step;
        }
    }
    for score in scores.iter().skip(1) {
        let mut next = [i32::MIN / 2; TAGS];
        let mut from = [0u8; TAGS];
        for (to, ((next, from), score)) in next.iter_mut().zip(&mut from).zip(score).enumerate() {
            for (f, (sum, row)) in sums.iter().zip(moves).enumerate().filter(|(f, _)| may(*f, to)) {
                let total = sum.saturating_add(row.get(to).copied().unwrap_or(0) + score);
                if total > *next {
                    (*next, *from) = (total, f as u8);
                }
            }
        }
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
