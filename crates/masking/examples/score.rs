//! Scores the detector on a labelled set: lines of `{"text", "entities": [{"type","start","end"}]}` with offsets in code
//! points. `cargo run --release -p carnet-masking --example score -- FILE [TYPE]`; with a type, misses and false hits of
//! it are printed with their text, so use it only on made-up data.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use carnet_masking::Detector;

fn main() {
    let file = std::env::args().nth(1).unwrap();
    let show = std::env::args().nth(2);
    let detector = Detector::default();
    let mut table: BTreeMap<String, [u32; 3]> = BTreeMap::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let v: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = v["text"].as_str().unwrap();
        let offsets: Vec<usize> = text.char_indices().map(|(i, _)| i).chain([text.len()]).collect();
        let gold: Vec<(String, usize, usize)> = v["entities"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| {
                let at = |k: &str| offsets[e[k].as_u64().unwrap() as usize];
                (e["type"].as_str().unwrap().to_owned(), at("start"), at("end"))
            })
            .collect();
        let found = detector.scan(text).unwrap();
        let meets = |a: usize, b: usize, s: usize, e: usize| a < e && s < b;
        for (kind, s, e) in &gold {
            let hit = found
                .iter()
                .any(|f| same(kind, f.kind) && meets(f.span.start as usize, f.span.end as usize, *s, *e));
            table.entry(kind.clone()).or_default()[if hit { 0 } else { 1 }] += 1;
            if !hit && show.as_deref() == Some(kind) {
                println!("MISS {:?} in {text:?}", &text[*s..*e]);
            }
        }
        for f in &found {
            let (a, b) = (f.span.start as usize, f.span.end as usize);
            if !gold.iter().any(|(k, s, e)| same(k, f.kind) && meets(a, b, *s, *e)) {
                table.entry(f.kind.to_owned()).or_default()[2] += 1;
                if show.as_deref() == Some(f.kind) {
                    println!("FALSE {:?} in {text:?}", &text[a..b]);
                }
            }
        }
    }
    println!("{:26} {:>5} {:>5} {:>5}  prec  rec", "type", "hit", "miss", "false");
    for (kind, [hit, miss, wrong]) in table {
        let part = |n: u32, of: u32| if of == 0 { 0.0 } else { f64::from(n) / f64::from(of) };
        println!(
            "{kind:26} {hit:5} {miss:5} {wrong:5}  {:.3} {:.3}",
            part(hit, hit + wrong),
            part(hit, hit + miss)
        );
    }
}

/// Types that the sets name differently.
fn same(gold: &str, ours: &str) -> bool {
    gold == ours
        || matches!(
            (gold, ours),
            ("ADDRESS" | "STREET_ADDRESS", "STREET_ADDRESS" | "POSTAL_CODE")
                | ("US_DRIVER_LICENSE", "DRIVING_LICENCE")
                | ("US_BANK_NUMBER", "BANK_ACCOUNT")
        )
}
