//! The short tour with a server of the user's own: what it offers to whom, and that the log holds.

use anyhow::{Context as _, ensure};

use super::evidence;
use super::personas::{AGENT, ANALYST};
use super::show::{Show, Tone, clean};
use super::tour::proof;
use super::world::World;

/// More tools than this are counted.
const SHOWN: usize = 30;

/// Plays it.
pub(super) async fn play(show: &Show, world: &World) -> anyhow::Result<()> {
    show.line(&show.paint(Tone::Head, "Carnet demo with a server of your own"));
    show.pair("through Carnet", None, &world.url());
    show.pair("sign-in", None, world.issuer.url());
    show.pair("log", None, &world.data.display().to_string());

    show.step(1, "Who may use what");
    show.text("Everything that sounds like writing is kept from the agent. That is the demo's guess by name; write your own policy.");
    show.gap();
    let up = world
        .greeting_client(ANALYST)
        .await
        .context("your server does not come up: try its command by itself")?;
    let ana = up.tools().await?;
    let bot = world.greeting_client(AGENT).await?.tools().await?;
    let quiet = Some(Tone::Quiet);
    show.row(&[("tool", 36, quiet), ("Ana, analyst", 14, quiet), ("agent for Ana", 14, quiet)]);
    for tool in ana.iter().take(SHOWN) {
        let (text, tone) = if bot.contains(tool) { ("listed", Tone::Good) } else { ("-", Tone::Bad) };
        show.row(&[(&clean(tool), 36, None), ("listed", 14, Some(Tone::Good)), (text, 14, Some(tone))]);
    }
    if ana.len() > SHOWN {
        show.text(&format!("and {} more", ana.len() - SHOWN));
    }
    ensure!(!ana.is_empty(), "the server offers no tools");
    ensure!(bot.iter().all(|tool| ana.contains(tool)), "the agent is shown a tool that Ana is not");

    show.step(2, "What was written");
    show.gap();
    let records = evidence::records(&world.data)?;
    proof::table(show, &records);
    proof::verified(show, world, 3, records.len()).await
}
