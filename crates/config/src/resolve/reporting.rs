//! What is declared of the processing, and sinks.

use std::sync::Arc;

use super::Resolver;
use crate::resolved::{Activity, Processing, ServerConfig, Sink, SinkFormat, SinkTarget};
use crate::scalar;
use crate::view::View;

impl Resolver<'_, '_> {
    /// What is declared. An activity that names no server of this configuration is a mistake.
    pub(super) fn processing(&mut self, view: View<'_>, servers: &[ServerConfig]) -> Option<Processing> {
        if !view.given() {
            return None;
        }
        for activity in view.get("activities").items() {
            for server in activity.get("servers").items() {
                let known = server.text().is_none_or(|name| servers.iter().any(|s| &*s.name == name));
                if !known {
                    self.report.error(server.at(), "there is no such server", None);
                }
            }
        }
        Some(Processing {
            is_processor: view.get("role").text() == Some("processor"),
            organisation: view.get("organisation").string(),
            contact: view.get("contact").string(),
            representative: view.get("representative").string(),
            officer: view.get("officer").string(),
            authority: view.get("authority").string(),
            measures: view.get("measures").strings(),
            activities: view.get("activities").items().filter_map(activity).collect(),
        })
    }

    pub(super) fn sinks(&mut self, view: View<'_>) -> Vec<Sink> {
        view.pairs().filter_map(|(name, _, sink)| self.sink(name, sink)).collect()
    }

    fn sink(&mut self, name: &str, view: View<'_>) -> Option<Sink> {
        let kinds = ["file", "syslog", "url"].map(|key| view.get(key));
        if kinds.iter().filter(|k| k.given()).count() != 1 {
            let help = Some("one of: file, syslog, url".to_owned());
            self.report.error(view.at(), "a sink has exactly one kind", help);
            return None;
        }
        let target = self.target(view)?;
        let format = self.sink_format(view, &target);
        let is_http = matches!(target, SinkTarget::Http(_));
        for key in ["headers"].into_iter().filter(|key| !is_http && view.get(key).given()) {
            self.report.error(view.key_at(key), format!("`{key}` belongs to sinks with `url`"), None);
        }
        let mut headers = std::collections::BTreeMap::new();
        for (name, _, value) in view.get("headers").pairs() {
            if let Some(reference) = self.secret(value) {
                headers.insert(name.to_ascii_lowercase(), reference);
            }
        }
        Some(Sink {
            name: Arc::from(name),
            target,
            format,
            region: view.get("region").region()?,
            headers,
            ca: view.get("ca").path(self.source.folder),
            blocks: view.get("when_down").text() == Some("block"),
        })
    }

    fn target(&mut self, view: View<'_>) -> Option<SinkTarget> {
        let allowed = view.get("allow_plaintext").flag();
        let help = "use TLS, or allow it by `allow_plaintext: true`";
        if view.get("file").given() {
            return view.get("file").path(self.source.folder).map(SinkTarget::File);
        }
        if view.get("url").given() {
            self.no_plaintext(view.get("url"), allowed, help);
            return view.get("url").string().map(SinkTarget::Http);
        }
        let syslog = view.get("syslog");
        let text = syslog.text()?;
        let parts = text.split_once("://").and_then(|(scheme, rest)| {
            let (host, port) = rest.rsplit_once(':')?;
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let tls = match scheme {
                "tls" => true,
                "tcp" => false,
                _ => return None,
            };
            Some((host, port.parse::<u16>().ok()?, tls)).filter(|(host, ..)| !host.is_empty())
        });
        let Some((host, port, tls)) = parts else {
            let help = Some("tls://siem.example.eu:6514, or tcp://127.0.0.1:514".to_owned());
            self.report.error(syslog.at(), "this is no syslog receiver", help);
            return None;
        };
        if !tls && !scalar::loopback_host(host) && !allowed {
            self.report.error(syslog.at(), "syslog without TLS beyond loopback", Some(help.to_owned()));
        }
        Some(SinkTarget::Syslog { host: host.to_owned(), port, tls })
    }

    fn sink_format(&mut self, view: View<'_>, target: &SinkTarget) -> SinkFormat {
        let format = match view.get("format").text() {
            Some("ocsf") => SinkFormat::Ocsf,
            Some("ecs") => SinkFormat::Ecs,
            Some("cef") => SinkFormat::Cef,
            Some("otlp") => SinkFormat::Otlp,
            Some(_) => SinkFormat::Json,
            None if matches!(target, SinkTarget::Syslog { .. }) => SinkFormat::Cef,
            None => SinkFormat::Json,
        };
        if format == SinkFormat::Otlp && !matches!(target, SinkTarget::Http(_)) {
            self.report.error(view.get("format").at(), "`otlp` belongs to sinks with `url`", None);
        }
        format
    }
}

fn activity(view: View<'_>) -> Option<Activity> {
    Some(Activity {
        name: view.get("name").string()?,
        servers: view.get("servers").strings(),
        purposes: view.get("purposes").strings(),
        legal_basis: view.get("legal_basis").string(),
        subjects: view.get("subjects").strings(),
        classes: view.get("classes").strings(),
        recipients: view.get("recipients").strings(),
        countries: view
            .get("countries")
            .items()
            .filter_map(|v| Some(v.region()?.as_str().to_owned()))
            .collect(),
        mechanism: view.get("mechanism").string(),
        keep: view.get("keep").string(),
        clients: view.get("clients").strings(),
    })
}
