//! The page: routes, the visit of a browser, the token of its forms, login and logout, and what a vote needs.

use carnet_approvals::{Account, Assurance, Choice, Digest, Id, Proof, Terms, Unmasked};
use http::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN, REFRESH, SET_COOKIE};
use http::{Method, Response, StatusCode};

use super::board::Refusal;
use super::call::{self, Viewer};
use super::form::{Form, encode};
use super::html::Html;
use super::login::Login;
use super::passkeys::Answer;
use super::visits::{Visit, cookie};
use super::{Asked, manage, see};
use crate::body::{self, Reply};

/// The browser's own half of a login lives so long, seconds.
const LOGIN: u32 = 600;
/// What was unmasked stays on the screen so long, seconds.
const UNMASKED: u32 = 60;

/// What the page is asked for.
pub(super) async fn answer(asked: &Asked<'_>) -> Response<Reply> {
    if asked.login.is_none() {
        return body::text(StatusCode::NOT_FOUND, "nobody can sign in here: only the API is served\n");
    }
    let path = asked.path().to_owned();
    let get = matches!(asked.head.method, Method::GET | Method::HEAD);
    match path.as_str() {
        "/login" if get => return begin(asked).await,
        "/login/return" if get => return finish(asked).await,
        _ => {}
    }
    let visit = cookie(&asked.head.headers, visit_cookie(asked)).and_then(|name| {
        let visit = asked.gateway.approvers.visits.find(name, asked.now)?;
        Some((name.to_owned(), visit))
    });
    let Some((name, visit)) = visit else {
        if get {
            return see(&format!("{}/login?next={}", asked.base, encode(&path)));
        }
        return failure(
            asked,
            None,
            StatusCode::FORBIDDEN,
            "You are not signed in any more. Nothing was done.",
        );
    };
    let Ok(caller) = asked.seen(&visit.caller) else {
        return failure(asked, None, StatusCode::FORBIDDEN, &Refusal::Elsewhere.to_string());
    };
    let visit = Visit { caller, ..visit };
    let visitor = Visitor { asked, visit, name };
    let done = if get { visitor.get(&path).await } else { visitor.post(&path).await };
    done.unwrap_or_else(|refusal| visitor.refused(&refusal))
}

/// `__Host-` where there is TLS: then no other host can have set it.
fn visit_cookie(asked: &Asked<'_>) -> &'static str {
    if asked.site().origin.starts_with("https:") { "__Host-carnet" } else { "carnet" }
}

fn login_cookie(asked: &Asked<'_>) -> &'static str {
    if asked.site().origin.starts_with("https:") { "__Host-carnet-login" } else { "carnet-login" }
}

/// `Lax`: a link in a mail finds who is signed in, a form of another page does not.
fn set_cookie(asked: &Asked<'_>, name: &str, value: &str, seconds: u32) -> Option<HeaderValue> {
    let secure = if asked.site().origin.starts_with("https:") { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    HeaderValue::from_str(&text).ok()
}

fn with_cookie(mut response: Response<Reply>, cookie: Option<HeaderValue>) -> Response<Reply> {
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

fn login<'a>(asked: &'a Asked<'_>, back: &'a str) -> Option<Login<'a>> {
    Some(Login {
        config: asked.login?,
        identities: &asked.runtime.identities,
        outbound: &asked.gateway.approvers.outbound,
        back,
    })
}

fn back(asked: &Asked<'_>) -> String {
    format!("{}{}/login/return", asked.site().origin, asked.base)
}

async fn begin(asked: &Asked<'_>) -> Response<Reply> {
    let site = asked.site();
    let host = asked.head.headers.get(HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let own = site.origin.split_once("//").map_or("", |(_, host)| host);
    let uri = asked.head.uri.path_and_query().map_or("/", |p| p.as_str());
    if !host.is_empty() && !host.eq_ignore_ascii_case(own) {
        // Cookies and passkeys belong to one host: the one that the provider sends people back to.
        return see(&format!("{}{uri}", site.origin));
    }
    let query = asked.query();
    // A path of ours, whatever the link says.
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_".contains(c);
    let next = Some(query.get("next"))
        .filter(|n| n.starts_with('/') && !n.starts_with("//") && n.chars().all(plain));
    let next = format!("{}{}", asked.base, next.unwrap_or_default());
    let back = back(asked);
    let Some(login) = login(asked, &back) else { return body::empty(StatusCode::NOT_FOUND) };
    let begun =
        login.begin(&asked.gateway.approvers.visits, next, query.get("fresh") == "1", asked.now).await;
    match begun {
        Ok((to, browser)) => with_cookie(see(&to), set_cookie(asked, login_cookie(asked), &browser, LOGIN)),
        Err(error) => {
            tracing::warn!(%error, "nobody can sign in at the page");
            failure(asked, None, StatusCode::BAD_GATEWAY, &format!("Signing in is not possible: {error}."))
        }
    }
}

async fn finish(asked: &Asked<'_>) -> Response<Reply> {
    let back = back(asked);
    let Some(login) = login(asked, &back) else { return body::empty(StatusCode::NOT_FOUND) };
    let browser = cookie(&asked.head.headers, login_cookie(asked)).unwrap_or_default();
    let visits = &asked.gateway.approvers.visits;
    let opened = match login.finish(visits, &asked.query(), browser, asked.now).await {
        Ok((visit, next)) => visits.open(visit, asked.now).map(|name| (name, next)),
        Err(error) => {
            tracing::info!(%error, "a login at the page failed");
            return failure(asked, None, StatusCode::FORBIDDEN, &format!("You are not signed in: {error}."));
        }
    };
    let Some((name, next)) = opened else {
        return failure(asked, None, StatusCode::SERVICE_UNAVAILABLE, "Too many people are signed in.");
    };
    // Whoever was signed in before in this browser is not any more.
    if let Some(old) = cookie(&asked.head.headers, visit_cookie(asked)) {
        visits.close(old);
    }
    let response = with_cookie(see(&next), set_cookie(asked, visit_cookie(asked), &name, 8 * 3600));
    with_cookie(response, set_cookie(asked, login_cookie(asked), "", 0))
}

/// Somebody who is signed in.
pub(super) struct Visitor<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) visit: Visit,
    /// The value of their cookie.
    pub(super) name: String,
}

impl Visitor<'_> {
    pub(super) fn account(&self) -> Account {
        Account::of(&self.visit.caller.principal.identity)
    }

    /// What they may vote with, besides a passkey.
    pub(super) fn assurance(&self) -> Assurance {
        let fresh = self.asked.login.map_or(0, |l| i64::try_from(l.fresh.as_secs()).unwrap_or(0));
        let young = self.asked.now.saturating_sub(self.visit.auth_time) <= fresh;
        if young && self.visit.strong { Assurance::Login } else { Assurance::Token }
    }

    async fn get(&self, path: &str) -> Result<Response<Reply>, Refusal> {
        let board = self.asked.board();
        let base = self.asked.base;
        match path {
            "" | "/" => {
                let views = board.list(&self.visit.caller).await?;
                Ok(self.page("Approvals", &call::list(&views, base, self.asked.now)))
            }
            "/keys" => Ok(self.page("Passkeys", &manage::keys(self))),
            "/grants" => Ok(self.page("Grants", &manage::grants(self, &board.grants(&self.visit.caller)))),
            "/reviews" => {
                let views = board.list(&self.visit.caller).await?;
                let open: Vec<_> = views.into_iter().filter(|v| v.review_until.is_some()).collect();
                Ok(self.page("Reviews", &manage::reviews(&open, base, self.asked.now)))
            }
            "/messages" => {
                let dead = board.dead_letters(&self.visit.caller).await?;
                Ok(self.page("Messages", &manage::messages(self, &dead)))
            }
            _ => {
                let id: Id =
                    path.strip_prefix("/c/").and_then(|id| id.parse().ok()).ok_or(Refusal::Unknown)?;
                self.call(id, None).await
            }
        }
    }

    /// The page of one call, with its arguments as they are where they were just asked for.
    async fn call(&self, id: Id, unmasked: Option<Unmasked>) -> Result<Response<Reply>, Refusal> {
        let board = self.asked.board();
        let view = board.show(&self.visit.caller, id).await?;
        let (site, passkeys) = (self.asked.site(), &self.asked.gateway.approvers.passkeys);
        let account = self.account();
        let has = !passkeys.of(&account).is_empty();
        let viewer = Viewer {
            base: self.asked.base,
            csrf: &self.visit.csrf,
            assurance: self.assurance(),
            request: has.then(|| passkeys.request(&site, &account, &view.digest)),
            may_unmask: unmasked.is_none() && view.masked > 0 && board.may_unmask(&self.visit.caller, id),
            unmasked: unmasked.map(|u| u.arguments),
            now: self.asked.now,
        };
        Ok(self.page("One call", &call::call(&view, &viewer)))
    }

    /// Shows what is masked once, in the answer to a form: no link leads there, and it goes from the screen by itself.
    async fn unmask(&self, id: Id, reason: &str) -> Result<Response<Reply>, Refusal> {
        let unmasked = self.asked.board().unmask(&self.visit.caller, id, reason, "page").await?;
        let mut response = self.call(id, Some(unmasked)).await?;
        let away = format!("{UNMASKED}; url={}/c/{id}", self.asked.base);
        let away = HeaderValue::from_str(&away).map_err(|_| Refusal::Unknown)?;
        response.headers_mut().insert(REFRESH, away);
        Ok(response)
    }

    async fn post(&self, path: &str) -> Result<Response<Reply>, Refusal> {
        if self.asked.head.method != Method::POST {
            return Ok(body::empty(StatusCode::METHOD_NOT_ALLOWED));
        }
        let form = self.form()?;
        let board = self.asked.board();
        let (caller, reason) = (&self.visit.caller, form.get("reason").trim());
        match path {
            "/logout" => {
                self.asked.gateway.approvers.visits.close(&self.name);
                return Ok(failure(self.asked, None, StatusCode::OK, "You are signed out."));
            }
            "/keys" => return manage::add_key(self, &form).await,
            "/keys/remove" => return manage::remove_key(self, &form).await,
            "/grants/revoke" => {
                let id = form.get("id").parse().map_err(|_| Refusal::Unknown)?;
                board.revoke_grant(caller, id, reason).await?;
                return Ok(see(&format!("{}/grants", self.asked.base)));
            }
            "/delegations" => {
                manage::delegate(self, &form).await?;
                return Ok(see(&format!("{}/grants", self.asked.base)));
            }
            "/messages/retry" => {
                let number = form.get("number").parse().map_err(|_| Refusal::Unknown)?;
                board.revive(caller, number).await?;
                return Ok(see(&format!("{}/messages", self.asked.base)));
            }
            _ => {}
        }
        let (id, act) = path.strip_prefix("/c/").and_then(|p| p.split_once('/')).ok_or(Refusal::Unknown)?;
        let id: Id = id.parse().map_err(|_| Refusal::Unknown)?;
        match act {
            "vote" => self.vote(id, &form).await?,
            "revoke" => board.revoke(caller, id, reason).await?,
            "review" => board.review(caller, id, reason).await?,
            "unmask" => return self.unmask(id, reason).await,
            _ => return Err(Refusal::Unknown),
        }
        Ok(see(&format!("{}/c/{id}", self.asked.base)))
    }

    /// The form of a POST, if a page of ours sent it.
    fn form(&self) -> Result<Form, Refusal> {
        let headers = &self.asked.head.headers;
        let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
        let site = self.asked.site().origin;
        let kind = text(CONTENT_TYPE.as_str()).unwrap_or_default();
        let same = text(ORIGIN.as_str()).is_none_or(|origin| origin == site)
            && text("sec-fetch-site").is_none_or(|site| site == "same-origin");
        if !same || !kind.starts_with("application/x-www-form-urlencoded") {
            return Err(Refusal::Forged);
        }
        let form = std::str::from_utf8(&self.asked.body).ok().and_then(Form::parse).ok_or(Refusal::Forged)?;
        let (sent, own) = (form.get("csrf").as_bytes(), self.visit.csrf.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(sent, own).map_err(|_| Refusal::Forged)?;
        Ok(form)
    }

    async fn vote(&self, id: Id, form: &Form) -> Result<(), Refusal> {
        let digest: Digest = form.get("digest").parse().map_err(|_| Refusal::Unknown)?;
        let choice =
            if form.get("choice").is_empty() { form.get("passkey.choice") } else { form.get("choice") };
        let reason = form.get("reason").trim();
        let choice = match choice {
            "approve" => Choice::Approve,
            "deny" => Choice::Deny,
            "break-glass" => return self.asked.board().break_glass(&self.visit.caller, id, reason).await,
            _ => return Err(Refusal::Unknown),
        };
        let mut proof = Proof::Login { auth_time: self.visit.auth_time, acr: self.visit.acr.clone() };
        let (answer, mut assurance) = (Answer(form), self.assurance());
        if assurance < Assurance::Login {
            proof = Proof::Token { method: self.visit.caller.principal.method.as_str().to_owned() };
        }
        if answer.is_some() {
            proof = self.asked.board().signed(&self.account(), &digest, &answer).await?;
            assurance = Assurance::Passkey;
        }
        let grant = terms(form);
        let of = form.get("delegate_of").trim();
        let for_account = (!of.is_empty()).then(|| Account { subject: of.to_owned(), ..self.account() });
        let ballot = super::board::Ballot {
            id,
            digest,
            choice,
            reason,
            channel: "page",
            assurance,
            proof,
            grant,
            for_account,
        };
        self.asked.board().vote(&self.visit.caller, ballot).await
    }

    /// A whole page.
    pub(super) fn page(&self, title: &'static str, content: &Html) -> Response<Reply> {
        page(self.asked, Some(self), StatusCode::OK, title, content)
    }

    fn refused(&self, refusal: &Refusal) -> Response<Reply> {
        let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        failure(self.asked, Some(self), status, &format!("{refusal}."))
    }
}

/// What a form offers for calls like it.
fn terms(form: &Form) -> Option<Terms> {
    let minutes: u64 = form.get("minutes").parse().ok()?;
    let uses: u32 = form.get("uses").parse().ok()?;
    let free = form.starting("free.").map(str::to_owned).collect();
    Some(Terms { seconds: minutes.checked_mul(60)?, uses, free })
}

fn failure(
    asked: &Asked<'_>,
    visitor: Option<&Visitor<'_>>,
    status: StatusCode,
    text: &str,
) -> Response<Reply> {
    let mut html = Html::default();
    html.raw("<h1>")
        .text(text)
        .raw("</h1><p><a href=\"")
        .text(asked.base)
        .raw("\">To the calls that wait</a></p>");
    page(asked, visitor, status, "Approvals", &html)
}

fn page(
    asked: &Asked<'_>,
    visitor: Option<&Visitor<'_>>,
    status: StatusCode,
    title: &'static str,
    content: &Html,
) -> Response<Reply> {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>").raw(title);
    html.raw(" · Carnet</title><link rel=\"stylesheet\" href=\"").text(asked.base).raw("/style.css\">");
    html.raw("<script src=\"")
        .text(asked.base)
        .raw("/passkey.js\" defer></script></head><body><header><b>Carnet</b>");
    if let Some(visitor) = visitor {
        for (path, label) in [
            ("", "Calls"),
            ("/grants", "Grants"),
            ("/reviews", "Reviews"),
            ("/keys", "Passkeys"),
            ("/messages", "Messages"),
        ] {
            html.raw("<a href=\"").text(asked.base).raw(path).raw("\">").raw(label).raw("</a>");
        }
        html.raw("<span class=\"said\">").text(&visitor.visit.caller.principal.identity.subject);
        html.raw("</span><form method=\"post\" action=\"").text(asked.base).raw("/logout\">");
        html.raw("<input type=\"hidden\" name=\"csrf\" value=\"").text(&visitor.visit.csrf);
        html.raw("\"><button>Sign out</button></form>");
    }
    html.raw("</header><main>").add(content).raw("</main></body></html>");
    body::typed(status, HeaderValue::from_static("text/html; charset=utf-8"), html.finish())
}
