//! Where approvers act: page, login, channels.

use std::sync::Arc;

use super::{Resolver, seconds};
use crate::resolved::{
    ChannelConfig, ChannelKind, ChatPerson, EmailConfig, IdentityConfig, LoginConfig, MailSecurity, Occasion,
    PageConfig, SlackConfig,
};
use crate::scalar;
use crate::view::View;

const PLAIN: &str = "whoever can read along could see what is held: use https";

impl Resolver<'_, '_> {
    pub(super) fn page(&mut self, view: View<'_>, identity: &IdentityConfig) -> Option<PageConfig> {
        let path = view.get("page");
        let login = view.get("login");
        let Some(text) = path.text() else {
            if login.given() {
                let help = Some("give the page a path, such as `page: /approvals`".to_owned());
                self.report.error(login.at(), "`login` is for a page, and there is none", help);
            }
            return None;
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "/-_".contains(c);
        let good = text.len() > 1
            && text.starts_with('/')
            && !text.ends_with('/')
            && !text.contains("//")
            && text.chars().all(plain);
        let taken = ["/mcp", "/healthz", "/readyz", "/.well-known"];
        if !good || taken.iter().any(|t| text == *t || text.starts_with(&format!("{t}/"))) {
            let help = Some("a path such as /approvals, without a slash at its end".to_owned());
            self.report.error(path.at(), "this cannot be the page's path", help);
        }
        Some(PageConfig { path: text.into(), login: self.login(login, identity) })
    }

    fn login(&mut self, view: View<'_>, identity: &IdentityConfig) -> Option<LoginConfig> {
        let issuer = view.get("issuer").shared()?;
        if !identity.issuers.iter().any(|i| i.issuer == issuer) {
            let help = Some("name one of `identity.issuers`".to_owned());
            self.report.error(view.get("issuer").at(), "nothing is known of this issuer's tokens", help);
        }
        Some(LoginConfig {
            issuer,
            client_id: view.get("client_id").shared()?,
            client_secret: self.secret(view.get("client_secret")),
            scopes: view.get("scopes").texts(),
            fresh: view.get("fresh").duration(seconds(300)),
            acr: view.get("acr").texts(),
        })
    }

    pub(super) fn channels(&mut self, view: View<'_>, identity: &IdentityConfig) -> Vec<ChannelConfig> {
        let one = |(name, _, item): (&str, _, View<'_>)| self.channel(name, item, identity);
        view.pairs().filter_map(one).collect()
    }

    fn channel(&mut self, name: &str, view: View<'_>, identity: &IdentityConfig) -> Option<ChannelConfig> {
        let kinds = ["slack", "teams", "email", "webhook", "pagerduty"];
        let given: Vec<&str> = kinds.into_iter().filter(|k| view.get(k).given()).collect();
        let [kind] = given.as_slice() else {
            let help = Some(format!("give it one of: {}", kinds.join(", ")));
            self.report.error(view.at(), "a channel is exactly one thing", help);
            return None;
        };
        let table = view.get(kind);
        let (all, loud) = (
            Occasion::ALL.to_vec(),
            vec![Occasion::Escalated, Occasion::Decided, Occasion::BreakGlass, Occasion::Overdue],
        );
        let on: Vec<Occasion> = view.get("on").items().filter_map(|v| Occasion::by_word(v.text()?)).collect();
        let kind = match *kind {
            "slack" => ChannelKind::Slack(self.slack(table, identity)?),
            "teams" => ChannelKind::Teams { url: self.secret(table.get("url"))? },
            "email" => ChannelKind::Email(self.email(table)?),
            "webhook" => {
                self.no_plaintext(table.get("url"), false, PLAIN);
                let secret = self.secret(table.get("secret"))?;
                ChannelKind::Webhook { url: table.get("url").string()?, secret }
            }
            _ => {
                self.no_plaintext(table.get("url"), false, PLAIN);
                let url = table.get("url").string();
                let url = url.unwrap_or_else(|| "https://events.pagerduty.com/v2/enqueue".to_owned());
                let routing_key = self.secret(table.get("routing_key"))?;
                ChannelKind::PagerDuty { url, routing_key }
            }
        };
        let default = if matches!(kind, ChannelKind::PagerDuty { .. }) { loud } else { all };
        let on = if view.get("on").given() { on } else { default };
        Some(ChannelConfig { name: name.into(), region: view.get("region").region()?, on, kind })
    }

    fn slack(&mut self, view: View<'_>, identity: &IdentityConfig) -> Option<SlackConfig> {
        self.no_plaintext(view.get("api"), false, PLAIN);
        let only = match identity.issuers.as_slice() {
            [issuer] => Some(issuer.issuer.clone()),
            _ => None,
        };
        let mut people: Vec<ChatPerson> = Vec::new();
        for item in view.get("people").items() {
            let issuer = item.get("issuer").shared().or_else(|| only.clone());
            let (Some(user), Some(subject)) = (item.get("user").shared(), item.get("subject").shared())
            else {
                continue;
            };
            let Some(issuer) = issuer else {
                let help = Some("there is not exactly one issuer: name it".to_owned());
                self.report.error(item.at(), "at which provider is this person?", help);
                continue;
            };
            if people.iter().any(|p| p.user == user) {
                self.report.error(item.at(), "this account is here twice: it is one person's", None);
            }
            people.push(ChatPerson { user, issuer, subject, groups: sorted(item.get("groups").texts()) });
        }
        let api = view.get("api").text().unwrap_or("https://slack.com/api");
        Some(SlackConfig {
            api: api.trim_end_matches('/').to_owned(),
            token: self.secret(view.get("token"))?,
            signing_secret: self.secret(view.get("signing_secret"))?,
            channel: view.get("channel").shared()?,
            people,
        })
    }

    fn email(&mut self, view: View<'_>) -> Option<EmailConfig> {
        let server = view.get("server");
        let text = server.text()?;
        let (host, port) = text.rsplit_once(':').unwrap_or((text, ""));
        let port = port.parse::<u16>().ok().filter(|p| *p > 0);
        let Some(port) = port.filter(|_| !host.is_empty()) else {
            let help = Some("such as smtp.example.eu:465".to_owned());
            self.report.error(server.at(), "a mail server is HOST:PORT", help);
            return None;
        };
        let security = match view.get("security").text() {
            Some("starttls") => MailSecurity::StartTls,
            Some("plain") => MailSecurity::Plain,
            _ => MailSecurity::Tls,
        };
        if security == MailSecurity::Plain && !scalar::loopback_host(host) {
            let help = Some("use tls or starttls".to_owned());
            self.report.error(view.get("security").at(), "plain SMTP beyond loopback", help);
        }
        if view.get("username").given() != view.get("password").given() {
            self.report.error(view.at(), "`username` and `password` belong together", None);
        }
        Some(EmailConfig {
            host: host.trim_matches(['[', ']']).to_owned(),
            port,
            security,
            username: view.get("username").shared(),
            password: self.secret(view.get("password")),
            from: view.get("from").shared()?,
            to: view.get("to").texts(),
        })
    }
}

fn sorted(mut groups: Vec<Arc<str>>) -> Vec<Arc<str>> {
    groups.sort();
    groups.dedup();
    groups
}
