//! A KEK in a PKCS #11 device: SoftHSM, driven by the real commands.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use carnet_tests::gateway::{ALLOW_ALL_MASKED, Gateway, Setup, TOKEN, binary};
use carnet_tests::upstream::Upstream;
use carnet_tests::wire::Caller;
use serde_json::json;

const LIMIT: std::time::Duration = std::time::Duration::from_secs(30);

/// A token of SoftHSM with a PIN, in the folder of the test. `None` where SoftHSM is not installed.
fn token(setup: &Setup) -> Result<Option<std::path::PathBuf>> {
    let module = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/pkcs11/libsofthsm2.so"];
    let Some(module) = module.iter().map(std::path::PathBuf::from).find(|m| m.is_file()) else {
        eprintln!("skipped: SoftHSM is not installed (apt-get install softhsm2)");
        return Ok(None);
    };
    let tokens = setup.path().join("tokens");
    fs::create_dir_all(&tokens)?;
    let conf = format!("directories.tokendir = {}\nobjectstore.backend = file\n", tokens.display());
    fs::write(setup.path().join("softhsm2.conf"), conf)?;
    let words = ["--init-token", "--free", "--label", "carnet", "--so-pin", "12345678", "--pin", "1234"];
    let mut init = Command::new("softhsm2-util");
    let run = init.args(words).env("SOFTHSM2_CONF", setup.path().join("softhsm2.conf")).output()?;
    ensure!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    Ok(Some(module))
}

#[test]
fn a_kek_in_a_device_and_recordings_stay_readable() -> Result<()> {
    let upstream = Upstream::echo()?;
    let setup = Setup::with_token(&upstream.server("light"), ALLOW_ALL_MASKED)?;
    let Some(module) = token(&setup)? else { return Ok(()) };
    let run = |words: &[&str], pin: &str| -> Result<std::process::Output> {
        let mut command = Command::new(binary()?);
        command.current_dir(setup.path()).args(words);
        command.env("SOFTHSM2_CONF", setup.path().join("softhsm2.conf")).env("HSM_PIN", pin);
        Ok(command.output()?)
    };
    let start = |config: &str| -> Result<Gateway> {
        let mut command = Command::new(binary()?);
        command.current_dir(setup.path()).args(["serve", "--config", config]);
        command.env("SOFTHSM2_CONF", setup.path().join("softhsm2.conf")).env("HSM_PIN", "1234");
        Gateway::start(command)
    };
    let call = |gateway: &Gateway, id: u64| -> Result<()> {
        let reply =
            Caller::new(gateway.base(), "light", TOKEN)?.call(id, "echo", &json!({"text": "hello"}))?;
        ensure!(reply.json().get("result").is_some(), "{reply:?}");
        Ok(())
    };
    // First under the key beside the log, then under one that is made in the device and never leaves it.
    let gateway = start("carnet.yaml")?;
    call(&gateway, 1)?;
    let config = fs::read_to_string(setup.config())?;
    let hsm = format!("hsm: {{ module: {}, token: carnet, key: kek, pin: env:HSM_PIN }}", module.display());
    fs::write(setup.path().join("hsm.yaml"), format!("{config}evidence: {{ {hsm} }}\n"))?;
    let data = fs::read(setup.data().join("keys/data"))?;
    let rotate = ["keys", "rotate", "--to-config", "hsm.yaml", "--config", "carnet.yaml"];
    ensure!(!run(&rotate, "1234")?.status.success(), "there is no such key yet");
    let done = run(&[&rotate[..], &["--make"]].concat(), "1234")?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    ensure!(!setup.data().join("keys/kek").exists(), "the old KEK is gone");
    drop(gateway);
    let after = fs::read(setup.data().join("keys/data"))?;
    ensure!(after.len() >= data.len(), "keys are not rewritten");
    let mut gateway = start("hsm.yaml")?;
    call(&gateway, 2)?;
    gateway.process.terminate(LIMIT)?;
    let verify = |config: &str, pin: &str| run(&["verify", "data", "--config", config], pin);
    let said = verify("hsm.yaml", "1234")?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    ensure!(said.status.success() && text.contains("0 slots without key"), "{text}");
    // Neither without the PIN nor with the key that was beside the log; and no error shows a PIN.
    let wrong = verify("hsm.yaml", "9876")?;
    let shown = String::from_utf8_lossy(&wrong.stderr).into_owned();
    ensure!(wrong.status.code() == Some(2) && !shown.contains("9876"), "{shown}");
    ensure!(verify("carnet.yaml", "1234")?.status.code() == Some(2), "the old configuration");
    // And back out of the device, to a reference of the environment.
    let key = "0123456789abcdef".repeat(4);
    fs::write(setup.path().join("env.yaml"), format!("{config}evidence: {{ kek: env:HSM_PIN }}\n"))?;
    fs::write(setup.path().join("file"), &key)?;
    let back = run(&["keys", "rotate", "--to", "file:file", "--config", "hsm.yaml"], "1234")?;
    ensure!(back.status.success(), "{}", String::from_utf8_lossy(&back.stderr));
    let said = verify("env.yaml", &key)?;
    ensure!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    Ok(())
}
