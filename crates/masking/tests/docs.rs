//! The page names every class of data there is.

use carnet_model::DataClass;

#[test]
fn the_page_names_every_class() {
    let page = include_str!("../../../docs/masking.md");
    for class in DataClass::BUILT_IN {
        assert!(page.contains(&format!("`{class}`")), "{class}");
    }
}
