//! The other pages: passkeys, grants and delegations, reviews that are due, messages that could not be sent.

use carnet_approvals::{Account, Assurance, Inert, View};
use http::Response;

use super::board::Refusal;
use super::form::Form;
use super::html::{Html, span, time};
use super::passkeys::{Answer, Kept};
use super::people::Visitor;
use super::see;
use crate::body::Reply;
use crate::channels::Letter;
use crate::hold::GrantView;
use crate::record::entropy;

fn csrf(visitor: &Visitor<'_>) -> Html {
    let mut html = Html::default();
    html.raw("<input type=\"hidden\" name=\"csrf\" value=\"").text(&visitor.visit.csrf).raw("\">");
    html
}

/// A form with one button.
fn button(
    visitor: &Visitor<'_>,
    path: &'static str,
    field: (&'static str, &str),
    label: &'static str,
) -> Html {
    let mut html = Html::default();
    html.raw("<form method=\"post\" action=\"").text(visitor.asked.base).raw(path).raw("\">");
    html.add(&csrf(visitor)).raw("<input type=\"hidden\" name=\"").raw(field.0).raw("\" value=\"");
    html.text(field.1).raw("\"><button>").raw(label).raw("</button></form>");
    html
}

/// Somebody's passkeys. Each time it is shown there is a new challenge for the next one.
pub(super) fn keys(visitor: &Visitor<'_>) -> Html {
    let passkeys = &visitor.asked.gateway.approvers.passkeys;
    let account = visitor.account();
    let known = passkeys.of(&account);
    let mut html = Html::default();
    html.raw("<h1>Your passkeys</h1>");
    if known.is_empty() {
        html.raw("<p>There are none.</p>");
    } else {
        html.raw("<table><thead><tr><th>Name</th><th>Registered</th><th></th></tr></thead><tbody>");
        for key in &known {
            html.raw("<tr><td class=\"said\">").text(&key.name);
            html.raw(if key.synced { " <small>(synced)</small>" } else { "" });
            html.raw("</td><td>").text(&time(key.added)).raw("</td><td>");
            html.add(&button(visitor, "/keys/remove", ("credential", &key.credential), "Remove"));
            html.raw("</td></tr>");
        }
        html.raw("</tbody></table>");
    }
    html.raw("<h2>Another one</h2>");
    if visitor.assurance() < Assurance::Login {
        html.raw("<p class=\"box warn\">This needs a fresh login. <a href=\"").text(visitor.asked.base);
        html.raw("/login?fresh=1&amp;next=/keys\">Sign in again</a>.</p>");
        return html;
    }
    let mut challenge = [0; 32];
    entropy(&mut challenge);
    visitor.asked.gateway.approvers.visits.challenge(&visitor.name, challenge);
    let options = passkeys.creation(&visitor.asked.site(), &account, &challenge);
    html.raw("<form method=\"post\" action=\"").text(visitor.asked.base);
    html.raw("/keys\" data-passkey=\"create\" data-options=\"").json(&options).raw("\">").add(&csrf(visitor));
    html.raw("<label for=\"name\">What you call it</label>");
    html.raw("<input id=\"name\" type=\"text\" name=\"passkey.name\" maxlength=\"60\" required>");
    html.raw("<input type=\"hidden\" name=\"passkey.client_data\"><input type=\"hidden\" name=\"passkey.attestation\">");
    html.raw(
        "<button class=\"ok\" data-ask>Register</button><p data-say class=\"no\" role=\"status\"></p></form>",
    );
    html
}

/// Registers a passkey: for who has just signed in.
pub(super) async fn add_key(visitor: &Visitor<'_>, form: &Form) -> Result<Response<Reply>, Refusal> {
    if visitor.assurance() < Assurance::Login {
        return Err(Refusal::NotFresh);
    }
    let asked = visitor.asked;
    let challenge = visitor.visit.challenge;
    // A challenge is good for one answer.
    asked.gateway.approvers.visits.challenge(&visitor.name, [0; 32]);
    if challenge == [0; 32] {
        return Err(Refusal::Forged);
    }
    let passkeys = &asked.gateway.approvers.passkeys;
    let kept = passkeys.registered(&asked.site(), &visitor.account(), &challenge, &Answer(form))?;
    asked.board().add_key(&visitor.visit.caller, Kept { added: asked.now, ..kept }).await?;
    Ok(see(&format!("{}/keys", asked.base)))
}

/// Forgets a passkey.
pub(super) async fn remove_key(visitor: &Visitor<'_>, form: &Form) -> Result<Response<Reply>, Refusal> {
    let asked = visitor.asked;
    let known = asked.gateway.approvers.passkeys.of(&visitor.account());
    let key = known.into_iter().find(|k| k.credential == form.get("credential")).ok_or(Refusal::Unknown)?;
    asked.board().remove_key(&visitor.visit.caller, key).await?;
    Ok(see(&format!("{}/keys", asked.base)))
}

/// Grants, and a form to let somebody else vote.
pub(super) fn grants(visitor: &Visitor<'_>, grants: &[GrantView]) -> Html {
    let now = visitor.asked.now;
    let mut html = Html::default();
    html.raw("<h1>Grants</h1><p>Calls that need not be asked about again, for a while.</p>");
    if !grants.iter().any(|g| g.alive) {
        html.raw("<p>There are none.</p>");
    }
    for grant in grants.iter().filter(|g| g.alive) {
        html.raw("<div class=\"box\"><p><b class=\"said\">")
            .inert(&grant.call)
            .raw("</b> for <span class=\"said\">");
        html.inert(&grant.actor).raw("</span>");
        if let Some(agent) = &grant.agent {
            html.raw(" through <span class=\"said\">").inert(agent).raw("</span>");
        }
        html.raw("</p><p>Used ").number(grant.used).raw(" of ").number(grant.uses).raw(" times, ");
        html.text(&span(grant.until - now)).raw(" left. May differ: ");
        for (n, place) in grant.free.iter().enumerate() {
            html.raw(if n > 0 { ", " } else { "" }).inert(place);
        }
        html.raw(if grant.free.is_empty() { "nothing</p>" } else { "</p>" });
        html.raw("<form method=\"post\" action=\"").text(visitor.asked.base).raw("/grants/revoke\">");
        html.add(&csrf(visitor)).raw("<input type=\"hidden\" name=\"id\" value=\"");
        html.text(&grant.id.to_string())
            .raw("\"><label>Reason <input type=\"text\" name=\"reason\" required></label>");
        html.raw("<button>Take it back</button></form></div>");
    }
    html.raw("<h1>Let somebody vote for you</h1><p>For at most 14 days. They cannot pass it on.</p>");
    html.raw("<form method=\"post\" action=\"")
        .text(visitor.asked.base)
        .raw("/delegations\">")
        .add(&csrf(visitor));
    html.raw("<label for=\"to\">Their subject at your provider</label><input id=\"to\" type=\"text\" name=\"to\" required>");
    html.raw("<label for=\"hours\">Hours</label>");
    html.raw("<input id=\"hours\" type=\"number\" name=\"hours\" min=\"1\" max=\"336\" required>");
    html.raw("<label for=\"reason\">Reason</label><textarea id=\"reason\" name=\"reason\" rows=\"2\" required></textarea>");
    html.raw("<button>Delegate</button></form>");
    html
}

/// Lets somebody vote for the visitor.
pub(super) async fn delegate(visitor: &Visitor<'_>, form: &Form) -> Result<(), Refusal> {
    let hours: u64 =
        form.get("hours").parse().ok().filter(|h| (1..=336).contains(h)).ok_or(Refusal::Unknown)?;
    let to = Account { subject: form.get("to").trim().to_owned(), ..visitor.account() };
    let (board, reason) = (visitor.asked.board(), form.get("reason").trim());
    board.delegate(&visitor.visit.caller, to, hours * 3600, reason).await?;
    Ok(())
}

/// Emergencies that somebody else must look at.
pub(super) fn reviews(open: &[View], base: &str, now: i64) -> Html {
    let mut html = Html::default();
    html.raw("<h1>Emergency releases to review</h1>");
    if open.is_empty() {
        html.raw("<p>There are none.</p>");
    }
    for view in open {
        html.raw(if view.overdue { "<div class=\"box no\">" } else { "<div class=\"box warn\">" });
        html.raw("<a href=\"").text(base).raw("/c/").text(&view.id.to_string()).raw("\">");
        html.inert(view.tool.as_ref().unwrap_or(&view.method)).raw("</a> at ").inert(&view.server);
        html.raw(" for <span class=\"said\">").inert(&view.requester).raw("</span>: ");
        let left = view.review_until.unwrap_or(now) - now;
        html.text(&if left > 0 {
            format!("{} left", span(left))
        } else {
            format!("overdue by {}", span(-left))
        });
        html.raw("</div>");
    }
    html
}

/// Messages that could not be sent.
pub(super) fn messages(visitor: &Visitor<'_>, dead: &[(u64, Letter)]) -> Html {
    let mut html = Html::default();
    html.raw("<h1>Messages that could not be sent</h1>");
    if dead.is_empty() {
        html.raw("<p>There are none.</p>");
        return html;
    }
    html.raw("<table><thead><tr><th>Channel</th><th>What</th><th>Why not</th><th></th></tr></thead><tbody>");
    for (number, letter) in dead {
        html.raw("<tr><td>").text(&letter.channel).raw("</td><td>").text(&letter.notice.occasion);
        html.raw("<br><small>").text(&time(letter.notice.at)).raw("</small></td><td>");
        html.inert(&Inert::new(letter.error.as_deref().unwrap_or_default())).raw("<br><small>tried ");
        html.number(letter.tries).raw(" times</small></td><td>");
        html.add(&button(visitor, "/messages/retry", ("number", &number.to_string()), "Send again"));
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table>");
    html
}
