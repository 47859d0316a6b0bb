//! `fixture-server [--http ADDRESS]`: the fixture MCP server, on standard input and output unless given an address
//! (port 0 asks the system for one; the URL is printed).

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] | ["--stdio"] => carnet_tests::fixture::serve_stdio().await,
        ["--http", address] => carnet_tests::fixture::serve_http(address).await,
        _ => anyhow::bail!("usage: fixture-server [--stdio | --http ADDRESS]"),
    }
}
