//! The lines that connect real clients to the demo. Each can be pasted as it is.

use std::path::Path;

use serde_json::json;

use super::personas::{self, ANALYST};
use super::show::{Show, Tone};
use super::world::World;

/// Prints them.
pub(super) fn print(show: &Show, world: &World) -> anyhow::Result<()> {
    let (url, name) = (world.url(), world.name);
    let token = quoted(&world.token_file(ANALYST));
    show.gap();
    show.line(&show.paint(Tone::Head, "Connect"));
    show.text("Clients that can sign in open a page where you choose a persona. It stays up until Ctrl-C.");
    let each = |title: &str, lines: &[String]| {
        show.gap();
        show.line(&format!("   {}", show.paint(Tone::Quiet, title)));
        lines.iter().for_each(|line| show.line(line));
    };
    each("Claude Code, then /mcp to sign in", &[format!("claude mcp add --transport http {name} {url}")]);
    let vscode = json!({ "name": name, "type": "http", "url": url });
    each("VS Code", &["code --add-mcp \\".to_owned(), format!("  '{vscode}'")]);
    let cursor = json!({ "mcpServers": { name: { "url": url } } });
    each("Cursor, in ~/.cursor/mcp.json", &[cursor.to_string()]);
    each(
        "MCP Inspector, as the analyst",
        &[
            "npx -y @modelcontextprotocol/inspector@latest --cli \\".to_owned(),
            format!("  --transport http {url} --method tools/list \\"),
            format!("  --header \"Authorization: Bearer $(cat {token})\""),
        ],
    );
    each("curl, as the analyst", &curl(&url, &token, world.sample.is_some()));
    show.gap();
    show.text("Tokens, good for twelve hours:");
    for persona in personas::ALL {
        show.line(&format!("   {:<32} {}", persona.title, world.token_file(persona).display()));
    }
    let carnet = std::env::args().next().unwrap_or_else(|| "carnet".to_owned());
    each(
        "The log, from another terminal",
        &[
            format!("{carnet} sessions list --data {}", quoted(&world.data)),
            format!("{carnet} verify {}", quoted(&world.data)),
        ],
    );
    if world.sample.is_some() {
        let tampered = quoted(&world.data.join("tampered"));
        each("The tampered copy, which fails", &[format!("{carnet} verify {tampered}")]);
    }
    if !world.kept {
        show.gap();
        show.text("The folder is removed at the end; with --data DIR it stays.");
    }
    Ok(())
}

fn curl(url: &str, token: &str, sample: bool) -> Vec<String> {
    let params =
        if sample { json!({ "name": "get_customer", "arguments": { "id": "C-1001" } }) } else { json!({}) };
    let method = if sample { "tools/call" } else { "tools/list" };
    vec![
        format!("curl -s {url} \\"),
        format!("  -H \"Authorization: Bearer $(cat {token})\" \\"),
        "  -H 'Content-Type: application/json' \\".to_owned(),
        "  -H 'Accept: application/json, text/event-stream' \\".to_owned(),
        format!(r#"  -d '{{"jsonrpc":"2.0","id":1,"method":"{method}","params":"#),
        format!("      {params}}}'"),
    ]
}

/// A path for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    if plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
