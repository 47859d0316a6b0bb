//! Sinks and what is declared of the processing: what is read, and what is refused.

use super::read;
use crate::{Sink, SinkFormat, SinkTarget, render};

fn text(sinks: &str) -> String {
    format!("version: 1\ncell: {{ region: de }}\nsinks:\n  one: {sinks}\n")
}

fn sink(sinks: &str) -> Sink {
    match read(&text(sinks)) {
        Ok(loaded) => loaded.config.sinks.into_iter().next().unwrap(),
        Err(found) => panic!("{}", render(&found)),
    }
}

#[test]
fn a_sink_is_of_one_kind_and_has_a_form() {
    let syslog = sink("{ syslog: \"tls://[2001:db8::1]:6514\", region: de, when_down: block }");
    let target = SinkTarget::Syslog { host: "2001:db8::1".into(), port: 6514, tls: true };
    assert_eq!((syslog.target, syslog.format, syslog.blocks), (target, SinkFormat::Cef, true));
    let file = sink("{ file: ./x.jsonl, region: de }");
    assert_eq!((file.format, file.blocks), (SinkFormat::Json, false));
    let http = sink("{ url: \"https://lake.example.eu/x\", format: otlp, region: us-east-1 }");
    assert_eq!(
        (http.target, http.region.as_str()),
        (SinkTarget::Http("https://lake.example.eu/x".into()), "us-east-1")
    );
}

#[test]
fn what_a_sink_cannot_be() {
    for (sink, why) in [
        ("{ region: de }", "exactly one kind"),
        ("{ file: ./x, url: \"https://a.example\", region: de }", "exactly one kind"),
        ("{ file: ./x }", "region"),
        ("{ file: ./x, format: otlp, region: de }", "`otlp` belongs to sinks with `url`"),
        ("{ file: ./x, region: de, headers: { a: env:X } }", "`headers` belongs to sinks with `url`"),
        ("{ syslog: \"udp://127.0.0.1:514\", region: de }", "no syslog receiver"),
        ("{ syslog: \"tcp://127.0.0.1\", region: de }", "no syslog receiver"),
        ("{ syslog: \"tcp://siem.example.eu:514\", region: de }", "without TLS beyond loopback"),
        ("{ url: \"http://siem.example.eu\", region: de }", "plain HTTP beyond loopback"),
    ] {
        let found = read(&text(sink)).expect_err(sink);
        assert!(render(&found).contains(why), "{sink}: {}", render(&found));
    }
    assert!(read(&text("{ syslog: \"tcp://10.0.0.1:514\", allow_plaintext: true, region: de }")).is_ok());
}

#[test]
fn an_activity_uses_servers_that_there_are() {
    let text = |server: &str| {
        format!(
            "version: 1\ncell: {{ region: de }}\nservers: {{ crm: {{ url: https://crm.example }} }}\nprocessing:\n  activities:\n    \
             - {{ name: care, servers: [{server}], countries: [de, eu-west-2] }}\n"
        )
    };
    let config = read(&text("crm")).unwrap().config;
    assert_eq!(config.processing.unwrap().activities[0].countries, ["de", "eu-west-2"]);
    let found = read(&text("erp")).expect_err("no such server");
    assert!(render(&found).contains("there is no such server"), "{}", render(&found));
}
