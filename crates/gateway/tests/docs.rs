//! The page for operators names every metric.

#[test]
fn the_page_names_every_metric() {
    let page = include_str!("../../../docs/operations.md");
    let source = include_str!("../src/metrics.rs");
    let mut found = 0;
    for registered in source.split(".register(").skip(1) {
        let name = registered.split('"').nth(1).unwrap();
        let named = [format!("`carnet_{name}`"), format!("`carnet_{name}_total`")];
        assert!(named.iter().any(|n| page.contains(n)), "{name}");
        found += 1;
    }
    assert!(found >= 12);
}
