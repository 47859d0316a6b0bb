//! Notes, checkpoints, disclosures, segments and sealing, against published vectors and against damage.

mod disclosure;
pub(crate) mod log;
mod note;
#[cfg(feature = "seal")]
mod seal;
mod segment;

/// The page that a second verifier is written from knows every name that this one uses.
#[test]
fn the_format_page_names_everything() {
    let page = include_str!("../../../../docs/evidence-format.md");
    let types = crate::LeafType::ALL.iter().map(|t| t.as_str());
    let keys = crate::LeafType::ALL.iter().flat_map(|t| t.ext_keys()).copied();
    let faults = crate::verify::Fault::ALL.iter().map(|f| f.as_str());
    let fields = crate::field::ALL.iter().copied();
    for name in types.chain(keys).chain(faults).chain(fields) {
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
}

/// The page for auditors explains every fault and every step.
#[test]
fn the_auditors_page_explains_every_fault() {
    let page = include_str!("../../../../docs/auditors.md");
    let faults = crate::verify::Fault::ALL.iter().map(|f| f.as_str());
    let report =
        crate::verify::verify(&log::sample().files(250), &crate::verify::Options::new(None, None)).unwrap();
    for name in faults.chain(report.steps.iter().map(|s| s.name)) {
        assert!(page.contains(&format!("`{name}`")), "{name} is not on the page");
    }
}
