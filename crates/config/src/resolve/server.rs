//! The upstreams: how each is reached, with which credentials, within which limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use carnet_model::{ClassNames, ClassSet, Region};

use super::{Resolver, seconds};
use crate::resolved::{
    Cell, ClientAuth, Credentials, DryRun, DryRunWay, EnvValue, HttpUpstream, Limits, OAuthClient,
    ServerConfig, ServerLimits, StdioUpstream, SubjectConfig, Timeouts, Transport, UpstreamTls,
};
use crate::scalar;
use crate::view::View;
use crate::yaml::Place;

const HTTP_ONLY: &[&str] = &["transport", "allow_plaintext", "credentials", "tls", "idle_connections"];
const STDIO_ONLY: &[&str] = &["environment", "inherit", "directory"];
/// Header names that Carnet itself sets, or that are about the connection.
const OWN_HEADERS: &[&str] = &[
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "accept",
    "mcp-session-id",
];

impl Resolver<'_, '_> {
    pub(super) fn servers(
        &mut self,
        view: View<'_>,
        cell: &Cell,
        limits: &Limits,
        names: &ClassNames,
    ) -> Vec<ServerConfig> {
        if view.pairs().next().is_none() && !self.report.has_errors() {
            self.report.warn(view.at(), "no servers: there is nothing to call", None);
        }
        view.pairs().filter_map(|(name, at, v)| self.server(name, at, v, (cell, limits, names))).collect()
    }

    fn server(
        &mut self,
        name: &str,
        at: Place,
        view: View<'_>,
        (cell, limits, names): (&Cell, &Limits, &ClassNames),
    ) -> Option<ServerConfig> {
        let (url, command) = (view.get("url").given(), view.get("command").given());
        let help = Some("`url` for a server over HTTP, `command` for a stdio server".to_owned());
        match (url, command) {
            (true, true) => self.report.error(view.key_at("command"), "both `url` and `command`", help),
            (false, false) => self.report.error(at, format!("`{name}` needs `url` or `command`"), help),
            _ => self.only_for(view, command),
        }
        let transport =
            if command { Transport::Stdio(self.stdio(view)) } else { Transport::Http(self.http(view)?) };
        let here = || if command { cell.region.clone() } else { Region::unknown() };
        let times = view.get("timeouts");
        Some(ServerConfig {
            name: name.into(),
            transport,
            region: view.get("region").region().unwrap_or_else(here),
            origin: view.get("origin").region(),
            classes: self.classes(view.get("classes"), names),
            data_countries: self.data_countries(view.get("data_countries")),
            subject_categories: view.get("subject_categories").texts(),
            purpose: view.get("purpose").shared(),
            legal_basis: view.get("legal_basis").shared(),
            labels: view.get("labels").texts(),
            tool_labels: view.get("tool_labels").items().flat_map(tool_labels).collect(),
            subjects: view.get("subjects").items().filter_map(|v| self.subject(v)).collect(),
            dry_run: view.get("dry_run").items().filter_map(|v| self.dry_run(v)).collect(),
            retention: view.get("retention").given().then(|| view.get("retention").duration(seconds(0))),
            timeouts: Timeouts {
                connect: times.get("connect").duration(seconds(10)),
                request: times.get("request").duration(limits.request_timeout),
                stream_idle: times.get("stream_idle").duration(limits.stream_idle),
            },
            masking: self.server_masking(view.get("masking"), names),
            limits: server_limits(view, limits),
        })
    }

    fn classes(&mut self, view: View<'_>, names: &ClassNames) -> Option<ClassSet> {
        let class = |item: View<'_>| self.class_at(item.text()?, item.at(), names);
        let classes: ClassSet = view.items().filter_map(class).collect();
        view.given().then_some(classes)
    }

    fn data_countries(&mut self, view: View<'_>) -> Option<Vec<Region>> {
        view.given().then(|| view.items().filter_map(|v| v.region()).collect())
    }

    /// `$.arguments.NAME...`, `$.params.NAME...` or `$.result.NAME...`.
    fn subject(&mut self, view: View<'_>) -> Option<SubjectConfig> {
        let at = view.get("at");
        let mut path: Vec<String> =
            at.text()?.strip_prefix("$.").unwrap_or_default().split('.').map(str::to_owned).collect();
        let known = matches!(path.first().map(String::as_str), Some("arguments" | "params" | "result"));
        if !known || path.len() < 2 || path.iter().any(|name| name.is_empty() || name.contains(['[', '*'])) {
            let help =
                "such as $.arguments.customer_id, $.params.uri or $.result.structuredContent.customer.id";
            self.report.error(at.at(), "not a place in a message", Some(help.to_owned()));
            return None;
        }
        if path.first().is_some_and(|root| root == "arguments") {
            path.insert(0, "params".to_owned());
        }
        let tools = view.get("tools").texts().iter().map(|t| t.to_string()).collect();
        Some(SubjectConfig { path, kind: view.get("kind").text().unwrap_or("ref").to_owned(), tools })
    }

    fn dry_run(&mut self, view: View<'_>) -> Option<DryRun> {
        let tool = view.get("tool").text()?.to_owned();
        let (with, argument) = (view.get("with").text(), view.get("argument").text());
        let way = match (with, argument) {
            (Some(with), None) => DryRunWay::With(with.to_owned()),
            (None, Some(argument)) => DryRunWay::Argument(argument.to_owned()),
            _ => {
                let help =
                    Some("`with` for a tool that counts, `argument` for one that can only try".to_owned());
                self.report.error(view.at(), "a dry run needs `with` or `argument`", help);
                return None;
            }
        };
        let read_only = view.get("read_only").flag();
        if matches!(way, DryRunWay::Argument(_)) && !read_only {
            let help = Some("say `read_only: true` if it changes nothing with this argument".to_owned());
            self.report.error(view.at(), "a tool that is called to try must change nothing", help);
        }
        Some(DryRun { tool, way, read_only })
    }

    /// Refuses keys that mean nothing for the transport chosen.
    fn only_for(&mut self, view: View<'_>, command: bool) {
        let (foreign, kind) = if command { (HTTP_ONLY, "url") } else { (STDIO_ONLY, "command") };
        for (key, at, _) in view.pairs().filter(|(key, ..)| foreign.contains(key)) {
            self.report.error(at, format!("`{key}` belongs to servers with `{kind}`"), None);
        }
    }

    fn http(&mut self, view: View<'_>) -> Option<HttpUpstream> {
        let allow = view.get("allow_plaintext").flag();
        self.no_plaintext(view.get("url"), allow, "use https, or allow it by `allow_plaintext: true`");
        Some(HttpUpstream {
            legacy_sse: view.get("transport").text() == Some("http+sse"),
            allow_plaintext: allow,
            credentials: self.credentials(view.get("credentials")),
            tls: self.upstream_tls(view.get("tls")),
            idle_connections: view.get("idle_connections").count(32),
            url: view.get("url").string()?,
        })
    }

    fn upstream_tls(&mut self, view: View<'_>) -> UpstreamTls {
        let folder = self.source.folder;
        let tls = UpstreamTls {
            ca: view.get("ca").path(folder),
            certificate: view.get("certificate").path(folder),
            key: self.secret(view.get("key")),
        };
        if view.get("certificate").given() != view.get("key").given() {
            self.report.error(view.at(), "`certificate` and `key` belong together", None);
        }
        tls
    }

    fn credentials(&mut self, view: View<'_>) -> Credentials {
        if view.given()
            && view.entries().len() != 1
            && view.node().is_some_and(|n| n.value.kind() == "a mapping")
        {
            let help = Some("one of: bearer, header, oauth".to_owned());
            self.report.error(view.at(), "`credentials` takes exactly one kind", help);
        }
        let (bearer, header, oauth) = (view.get("bearer"), view.get("header"), view.get("oauth"));
        if bearer.given() {
            self.secret(bearer).map_or(Credentials::None, Credentials::Bearer)
        } else if header.given() {
            self.header(header).unwrap_or(Credentials::None)
        } else if oauth.given() {
            self.oauth(oauth).map_or(Credentials::None, |o| Credentials::OAuth(Box::new(o)))
        } else {
            Credentials::None
        }
    }

    fn header(&mut self, view: View<'_>) -> Option<Credentials> {
        let name = view.get("name").text()?.to_ascii_lowercase();
        if OWN_HEADERS.contains(&name.as_str()) {
            self.report.error(
                view.get("name").at(),
                format!("the header `{name}` cannot carry credentials"),
                None,
            );
        }
        Some(Credentials::Header { name, value: self.secret(view.get("value"))? })
    }

    fn oauth(&mut self, view: View<'_>) -> Option<OAuthClient> {
        self.no_plaintext(view.get("token_url"), false, "the client secret would be readable: use https");
        Some(OAuthClient {
            token_url: view.get("token_url").string()?,
            client_id: view.get("client_id").string()?,
            client_secret: self.secret(view.get("client_secret"))?,
            scope: view.get("scope").string(),
            resource: view.get("resource").string(),
            audience: view.get("audience").string(),
            auth: if view.get("auth").text() == Some("post") { ClientAuth::Post } else { ClientAuth::Basic },
            region: view.get("region").region(),
        })
    }

    fn stdio(&mut self, view: View<'_>) -> StdioUpstream {
        let command = view.get("command");
        if command.given() && command.items().next().is_none() {
            self.report.error(command.at(), "`command` is empty", Some("program, then arguments".into()));
        }
        let mut environment = BTreeMap::new();
        for (name, _, value) in view.get("environment").pairs() {
            let Some(text) = value.text() else { continue };
            match scalar::env_value(text, self.source.folder) {
                Some(EnvValue::Plain(plain)) => environment.insert(name.to_owned(), EnvValue::Plain(plain)),
                Some(EnvValue::Secret(_)) => {
                    self.secret(value).and_then(|r| environment.insert(name.to_owned(), EnvValue::Secret(r)))
                }
                None => None,
            };
        }
        let inherit = view.get("inherit");
        let default = || vec!["PATH".to_owned(), "HOME".to_owned()];
        StdioUpstream {
            command: command.strings(),
            environment,
            inherit: if inherit.given() { inherit.strings() } else { default() },
            directory: view.get("directory").path(self.source.folder),
        }
    }
}

/// Each tool with its labels.
fn tool_labels(view: View<'_>) -> Vec<(String, Vec<Arc<str>>)> {
    let labels = view.get("labels").texts();
    view.get("tools").texts().iter().map(|tool| (tool.to_string(), labels.clone())).collect()
}

fn server_limits(view: View<'_>, general: &Limits) -> ServerLimits {
    let (limits, rate) = (view.get("limits"), view.get("rate"));
    ServerLimits {
        response_body: limits.get("response_body").size(general.response_body),
        concurrency: limits.get("concurrency").count(64),
        per_principal: rate.get("per_principal").rate(),
        tools: rate
            .get("tools")
            .pairs()
            .filter_map(|(name, _, v)| Some((name.to_owned(), v.rate()?)))
            .collect(),
    }
}
