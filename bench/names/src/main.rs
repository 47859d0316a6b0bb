//! Trains the tagger of the light tier: a structured averaged perceptron over the features that the gateway itself computes.
//!
//! `names train OUT PREPARED NAME...` writes the model; `names score MODEL FILE...` prints precision, recall and F1.
#![allow(dead_code)]

#[path = "../../../crates/masking/src/names/features.rs"]
mod features;
#[path = "../../../crates/masking/src/names/lists.rs"]
mod lists;
#[path = "../../../crates/masking/src/names/tagger.rs"]
mod tagger;
#[path = "../../../crates/masking/src/names/tokens.rs"]
mod tokens;

use features::{MOST, ROWS};
use tagger::{Model, TAGS, Work};

struct Sentence {
    text: String,
    tokens: Vec<tokens::Token>,
    gold: Vec<u8>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

fn read(path: &str) -> Vec<Vec<(String, u8)>> {
    let mut out = Vec::new();
    let mut now = Vec::new();
    for line in std::fs::read_to_string(path).expect(path).lines() {
        let Some((word, tag)) = line.split_once('\t') else {
            if !now.is_empty() {
                out.push(std::mem::take(&mut now));
            }
            continue;
        };
        let kind = match tag.get(2..) {
            Some("PER") => 1,
            Some("LOC") => 3,
            Some("ORG") => 5,
            _ => 0,
        };
        now.push((word.to_owned(), if kind > 0 && tag.starts_with('I') { kind + 1 } else { kind }));
    }
    out
}

/// Words joined as people write them, cut anew by the gateway's own code.
fn sentence(words: &[(String, u8)]) -> Sentence {
    let mut text = String::new();
    let mut spans: Vec<(usize, usize, u8)> = Vec::new();
    let mut open = false;
    for (i, (word, tag)) in words.iter().enumerate() {
        let close =
            matches!(word.as_str(), "," | "." | "!" | "?" | ":" | ";" | ")" | "]" | "%" | "..." | "''")
                || word.starts_with('\'') && word.len() < 4
                || word == "n't"
                || word == "’s";
        let joined = i > 0 && words[i - 1].0 == "@";
        if !text.is_empty() && !close && !open && !joined {
            text.push(' ');
        }
        open = matches!(word.as_str(), "(" | "[" | "$" | "``" | "#" | "“");
        let start = text.len();
        text.push_str(word);
        match spans.last_mut() {
            Some(last) if *tag > 0 && tag % 2 == 0 && last.2 + 1 == *tag => last.1 = text.len(),
            _ if *tag > 0 => spans.push((start, text.len(), if tag % 2 == 0 { tag - 1 } else { *tag })),
            _ => {}
        }
    }
    let mut tokens = Vec::new();
    tokens::cut(&text, &mut tokens);
    let gold = tokens
        .iter()
        .map(|t| {
            let (s, e) = (t.start as usize, t.end as usize);
            spans.iter().find(|x| x.0 < e && s < x.1).map_or(0, |x| if s <= x.0 { x.2 } else { x.2 + 1 })
        })
        .collect();
    Sentence { text, tokens, gold }
}

/// The same sentence with other people in it, so that contexts are learnt and not names.
fn renamed(
    words: &[(String, u8)],
    first: &[String],
    last: &[String],
    random: &mut Random,
) -> Vec<(String, u8)> {
    let mut out = words.to_vec();
    let mut i = 0;
    while i < out.len() {
        if out[i].1 != 1 {
            i += 1;
            continue;
        }
        let mut end = i + 1;
        while end < out.len() && out[end].1 == 2 {
            end += 1;
        }
        let plain = |w: &str| {
            w.chars().next().is_some_and(char::is_uppercase) && w.chars().count() > 2 && !w.contains('.')
        };
        let all = (i..end).all(|k| plain(&out[k].0));
        if all && end - i <= 3 {
            for k in i..end {
                let given = k + 1 < end || (end - i == 1 && random.below(3) > 0);
                let from = if given { first } else { last };
                let name = &from[random.below(from.len())];
                if !name.contains(' ') {
                    out[k].0.clone_from(name);
                }
            }
        }
        i = end;
    }
    if random.below(40) == 0 {
        for w in &mut out {
            w.0 = w.0.to_lowercase();
        }
    }
    out
}

struct Trainer {
    weights: Vec<[f32; TAGS]>,
    totals: Vec<[f32; TAGS]>,
    moves: [[f32; TAGS]; TAGS + 1],
    move_totals: [[f32; TAGS]; TAGS + 1],
    step: f32,
}

impl Trainer {
    fn learn(&mut self, s: &Sentence, filters: &[u8], random: &mut Random) {
        let words: Vec<_> = s.tokens.iter().map(|t| features::word(&s.text, t, filters)).collect();
        let mut rows = Vec::new();
        let mut scores = Vec::new();
        for at in 0..words.len() {
            let mut r = [0; MOST];
            let n = features::rows(&words, at, &mut r);
            // Drop some features of words at random, so that none is relied on.
            let r: Vec<u32> = r[..n]
                .iter()
                .enumerate()
                .filter(|(k, _)| *k != 1 || random.below(4) > 0)
                .map(|x| *x.1)
                .collect();
            let mut sum = [0f32; TAGS];
            for row in &r {
                for (s, w) in sum.iter_mut().zip(&self.weights[*row as usize]) {
                    *s += w;
                }
            }
            // A wrong tag has to be beaten by a margin.
            for (t, x) in sum.iter_mut().enumerate() {
                if t as u8 != s.gold[at] {
                    *x += 1.5;
                }
            }
            scores.push(sum.map(|x| (x * 256.0) as i32));
            rows.push(r);
        }
        let moves = self.moves.map(|r| r.map(|x| (x * 256.0) as i32));
        let (mut back, mut tags) = (Vec::new(), Vec::new());
        tagger::best(&scores, &moves, &mut back, &mut tags);
        self.step += 1.0;
        if tags == s.gold {
            return;
        }
        for at in 0..tags.len() {
            let (got, want) = (tags[at] as usize, s.gold[at] as usize);
            if got != want {
                for row in &rows[at] {
                    self.add(*row as usize, want, 1.0);
                    self.add(*row as usize, got, -1.0);
                }
            }
            let before = |t: &[u8]| if at == 0 { TAGS } else { t[at - 1] as usize };
            let (a, b) = (before(&s.gold), before(&tags));
            if (a, want) != (b, got) {
                self.moves[a][want] += 1.0;
                self.move_totals[a][want] += self.step;
                self.moves[b][got] -= 1.0;
                self.move_totals[b][got] -= self.step;
            }
        }
    }

    fn add(&mut self, row: usize, tag: usize, by: f32) {
        self.weights[row][tag] += by;
        self.totals[row][tag] += by * self.step;
    }

    /// The mean over all steps as the weights.
    fn settled(&self) -> Trainer {
        let mean = |w: &[f32; TAGS], t: &[f32; TAGS]| std::array::from_fn(|i| w[i] - t[i] / self.step);
        Trainer {
            weights: self.weights.iter().zip(&self.totals).map(|(w, t)| mean(w, t)).collect(),
            totals: vec![[0.0; TAGS]; ROWS],
            moves: std::array::from_fn(|k| mean(&self.moves[k], &self.move_totals[k])),
            move_totals: [[0.0; TAGS]; TAGS + 1],
            step: 1.0,
        }
    }

    fn plus(mut self, other: &Trainer) -> Trainer {
        let add = |a: &mut [f32; TAGS], b: &[f32; TAGS]| a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
        self.weights.iter_mut().zip(&other.weights).for_each(|(a, b)| add(a, b));
        self.moves.iter_mut().zip(&other.moves).for_each(|(a, b)| add(a, b));
        self
    }

    fn model(&self, filters: &[u8]) -> Vec<u8> {
        let mean = |w: f32, t: f32| w - t / self.step;
        let all: Vec<[f32; TAGS]> = self
            .weights
            .iter()
            .zip(&self.totals)
            .map(|(w, t)| std::array::from_fn(|i| mean(w[i], t[i])))
            .collect();
        let mut sizes: Vec<f32> = all.iter().flatten().map(|x| x.abs()).filter(|x| *x > 0.0).collect();
        sizes.sort_by(f32::total_cmp);
        let top = sizes[sizes.len() * 9995 / 10000];
        let scale = 127.0 / top;
        println!(
            "scale {scale}, features in use {}",
            all.iter().filter(|r| r.iter().any(|x| x.abs() * scale > 0.5)).count()
        );
        let mut out = filters.to_vec();
        for (row, totals) in self.moves.iter().zip(&self.move_totals) {
            for (w, t) in row.iter().zip(totals) {
                out.extend(((mean(*w, *t) * scale).clamp(-32000.0, 32000.0) as i16).to_le_bytes());
            }
        }
        for row in &all {
            out.extend(row.map(|x| (x * scale).round().clamp(-127.0, 127.0) as i8 as u8));
        }
        assert_eq!(out.len(), tagger::SIZE);
        out
    }
}

fn filters(prepared: &str) -> Vec<u8> {
    let mut out = vec![0u8; lists::SIZE];
    for (n, name) in ["first", "last", "place"].iter().enumerate() {
        for line in names(prepared, name) {
            for word in line.split(' ').filter(|w| w.chars().count() > 1) {
                let small = name == &"place" && word.chars().next().is_some_and(char::is_lowercase);
                if !small {
                    lists::bits(lists::hash(word))
                        .for_each(|b| out[n * lists::BITS / 8 + b / 8] |= 1 << (b % 8));
                }
            }
        }
        let set =
            out[n * lists::BITS / 8..(n + 1) * lists::BITS / 8].iter().map(|b| b.count_ones()).sum::<u32>();
        println!("{name}: {:.1} % of bits", f64::from(set) * 100.0 / lists::BITS as f64);
    }
    out
}

fn names(prepared: &str, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(format!("{prepared}/{name}.txt")).expect(name);
    text.lines().map(str::to_owned).collect()
}

fn once(
    raw: &[Vec<(String, u8)>],
    filters: &[u8],
    first: &[String],
    last: &[String],
    rounds: usize,
    mut random: Random,
) -> Trainer {
    let zero = [0f32; TAGS];
    let mut t = Trainer {
        weights: vec![zero; ROWS],
        totals: vec![zero; ROWS],
        moves: [zero; TAGS + 1],
        move_totals: [zero; TAGS + 1],
        step: 1.0,
    };
    let mut order: Vec<usize> = (0..raw.len()).collect();
    for _ in 0..rounds {
        for i in (1..order.len()).rev() {
            order.swap(i, random.below(i + 1));
        }
        for i in &order {
            let s = if random.below(2) == 0 {
                sentence(&raw[*i])
            } else {
                sentence(&renamed(&raw[*i], first, last, &mut random))
            };
            t.learn(&s, filters, &mut random);
        }
    }
    t
}

fn train(out: &str, prepared: &str, sets: &[String]) {
    let filters = filters(prepared);
    let (first, last) = (names(prepared, "first"), names(prepared, "last"));
    let raw: Vec<_> =
        sets.iter().flat_map(|s| read(&format!("{prepared}/{s}.tsv"))).filter(|s| s.len() < 200).collect();
    println!("{} sentences", raw.len());
    let rounds = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(6);
    let runs: u64 = std::env::var("RUNS").ok().and_then(|r| r.parse().ok()).unwrap_or(1);
    // Runs in another order see other names; their mean is steadier than one of them.
    let mut mean: Option<Trainer> = None;
    for run in 0..runs {
        let t = once(&raw, &filters, &first, &last, rounds, Random(0x2545_f491_4f6c_dd1d ^ run << 20));
        mean = Some(mean.map_or_else(|| t.settled(), |m| m.plus(&t.settled())));
    }
    let t = mean.expect("a run");
    std::fs::write(out, t.model(&filters)).expect("written");
}

fn spans(tags: &[u8]) -> Vec<(usize, usize, u8)> {
    let mut out: Vec<(usize, usize, u8)> = Vec::new();
    for (i, t) in tags.iter().enumerate() {
        match out.last_mut() {
            Some(l) if *t > 0 && t % 2 == 0 && l.1 == i && l.2 + 1 == *t => l.1 = i + 1,
            _ if *t > 0 => out.push((i, i + 1, if t % 2 == 0 { t - 1 } else { *t })),
            _ => {}
        }
    }
    out
}

fn score(model: &str, files: &[String]) {
    let bytes = std::fs::read(model).expect("model");
    let model = Model::new(&bytes);
    let shy = std::env::var("SHY").ok().and_then(|r| r.parse().ok()).unwrap_or(0);
    let mut work = Work::default();
    for file in files {
        let mut n = [[0f64; 4]; 3];
        for raw in read(file) {
            let s = sentence(&raw);
            model.tag(&s.text, &s.tokens, shy, &mut work);
            let (gold, got) = (spans(&s.gold), spans(&work.tags));
            for (k, n) in n.iter_mut().enumerate() {
                let of = |l: &[(usize, usize, u8)]| {
                    l.iter().copied().filter(|x| x.2 == 2 * k as u8 + 1).collect::<Vec<_>>()
                };
                let (gold, got) = (of(&gold), of(&got));
                n[0] += gold.iter().filter(|g| got.contains(g)).count() as f64;
                n[1] += gold.iter().filter(|g| got.iter().any(|x| x.0 < g.1 && g.0 < x.1)).count() as f64;
                n[2] += gold.len() as f64;
                n[3] += got.len() as f64;
            }
        }
        print!("{:12}", file.rsplit('/').next().unwrap_or_default());
        for (name, n) in ["PER", "LOC", "ORG"].iter().zip(n) {
            let (p, r) = (n[0] / n[3].max(1.0), n[0] / n[2].max(1.0));
            let (op, or) = (n[1] / n[3].max(1.0), n[1] / n[2].max(1.0));
            print!(
                "  {name} {:5} p {p:.3} r {r:.3} f {:.3} overlap {:.3}",
                n[2],
                2.0 * p * r / (p + r).max(0.001),
                2.0 * op * or / (op + or).max(0.001)
            );
        }
        println!();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.first().map(String::as_str) {
        Some("train") => train(&args[1], &args[2], &args[3..]),
        Some("score") => score(&args[1], &args[2..]),
        _ => eprintln!("names train OUT PREPARED NAME... | names score MODEL FILE..."),
    }
}
