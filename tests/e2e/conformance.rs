//! The conformance suites give through the gateway exactly what they give directly.

use anyhow::Result;
use carnet_tests::gateway::{ALLOW_ALL, Setup, TOKEN};
use carnet_tests::peers;
use carnet_tests::suite::{SUITES, Suite};

/// Runs one suite both ways.
fn same_through_the_gateway(suite: Suite) -> Result<()> {
    let fixture = peers::fixture()?;
    let setup =
        Setup::with_token(&format!("  fixture:\n    url: {}\n    region: de\n", fixture.ready), ALLOW_ALL)?;
    let gateway = setup.start()?;
    let direct = suite.run(&fixture.ready, None)?;
    let through = suite.run(&gateway.url("fixture"), Some(TOKEN))?;
    let checks = through.changed_checks(&direct);
    assert!(checks.is_empty(), "{suite:?}:\n{}", checks.join("\n"));
    assert_eq!(through.score(), (suite.all, 0), "{suite:?}: {:?}", through.failures());
    let bodies = through.changed_bodies(&direct);
    assert!(bodies.is_empty(), "{suite:?}:\n{}", bodies.join("\n"));
    Ok(())
}

#[test]
fn the_stable_suite_gives_the_same_through_the_gateway() -> Result<()> {
    same_through_the_gateway(SUITES[0])
}

#[test]
fn revision_2025_11_25_gives_the_same_through_the_gateway() -> Result<()> {
    same_through_the_gateway(SUITES[1])
}

#[test]
fn revision_2026_07_28_gives_the_same_through_the_gateway() -> Result<()> {
    same_through_the_gateway(SUITES[2])
}

#[test]
fn the_whole_alpha_suite_gives_the_same_through_the_gateway() -> Result<()> {
    same_through_the_gateway(SUITES[3])
}
