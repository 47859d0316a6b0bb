//! One held call as an approver sees it, and the list of all. Everything that comes from a call, a tool or a person is
//! [`Inert`](carnet_approvals::Inert) and escaped; it stands in elements of its own, so that nothing in it can pass for a
//! word of the gateway's.

use carnet_approvals::{Assurance, Choice, Inert, View};
use serde_json::Value;

use super::html::{Html, span, time};

/// What the page knows of who looks at it.
pub(crate) struct Viewer<'a> {
    /// Path of the page.
    pub(crate) base: &'a str,
    /// The token of their forms.
    pub(crate) csrf: &'a str,
    /// What they may vote with, besides a passkey.
    pub(crate) assurance: Assurance,
    /// What to ask their authenticator; `None` where they have no passkey.
    pub(crate) request: Option<Value>,
    /// They may see the arguments as they are.
    pub(crate) may_unmask: bool,
    /// The arguments as they are, where they have just asked for them.
    pub(crate) unmasked: Option<Inert>,
    /// Now, Unix seconds.
    pub(crate) now: i64,
}

/// The list.
pub(crate) fn list(views: &[View], base: &str, now: i64) -> Html {
    let mut html = Html::default();
    let overdue = views.iter().filter(|v| v.overdue).count();
    if overdue > 0 {
        html.raw("<p class=\"box no\"><b>").number(overdue as i128);
        html.raw("</b> emergency releases have not been reviewed in time. <a href=\"").text(base);
        html.raw("/reviews\">Review them</a></p>");
    }
    html.raw("<h1>Calls that wait</h1>");
    let waiting: Vec<&View> = views.iter().filter(|v| v.state == "pending").collect();
    let rest: Vec<&View> = views.iter().filter(|v| v.state != "pending").collect();
    if waiting.is_empty() {
        html.raw("<p>Nothing waits.</p>");
    } else {
        html.add(&rows(&waiting, base, now));
    }
    if !rest.is_empty() {
        html.raw("<h2>Lately</h2>").add(&rows(&rest, base, now));
    }
    html
}

fn rows(views: &[&View], base: &str, now: i64) -> Html {
    let mut html = Html::default();
    html.raw("<table><thead><tr><th>What</th><th>Who</th><th>Needs</th><th>State</th></tr></thead><tbody>");
    for view in views {
        html.raw("<tr><td><a href=\"").text(base).raw("/c/").text(&view.id.to_string()).raw("\">");
        html.inert(view.tool.as_ref().unwrap_or(&view.method)).raw("</a><br><small>").inert(&view.server);
        html.raw("</small></td><td><span class=\"said\">").inert(&view.requester).raw("</span>");
        if let Some(agent) = &view.agent {
            html.raw("<br><small>through <span class=\"said\">").inert(agent).raw("</span></small>");
        }
        html.raw("</td><td>").add(&needs(view)).raw("</td><td>").add(&state(view));
        if view.state == "pending" {
            html.raw("<br><small>").text(&span(view.until - now)).raw(" left</small>");
        }
        html.raw("</td></tr>");
    }
    html.raw("</tbody></table>");
    html
}

fn needs(view: &View) -> Html {
    let mut html = Html::default();
    for (n, part) in view.parts.iter().enumerate() {
        if n > 0 {
            html.raw("<br>");
        }
        html.inert(&part.name).raw(" ").number(part.approved).raw("/").number(part.quorum);
        html.raw(if part.open { "" } else { " <small>(later)</small>" });
    }
    html
}

fn state(view: &View) -> Html {
    let mut html = Html::default();
    html.raw(match view.state.as_str() {
        "pending" => "<span class=\"mark warn\">",
        "approved" | "consumed" => "<span class=\"mark ok\">",
        _ => "<span class=\"mark no\">",
    });
    html.text(&view.state).raw("</span>");
    if view.escalated && view.state == "pending" {
        html.raw(" <span class=\"mark no\">escalated</span>");
    }
    if view.overdue {
        html.raw(" <span class=\"mark no\">review overdue</span>");
    }
    html
}

/// One call.
pub(crate) fn call(view: &View, viewer: &Viewer<'_>) -> Html {
    let mut html = Html::default();
    html.raw("<h1><span class=\"said\">").inert(view.tool.as_ref().unwrap_or(&view.method));
    html.raw("</span> at ").inert(&view.server).raw(" ").add(&state(view)).raw("</h1>");
    if let Some(by) = &view.ended_by {
        html.raw("<p>It ended: <span class=\"said\">").inert(by).raw("</span></p>");
    }
    if view.kind == "result" {
        html.raw("<p class=\"box warn\">This call has run. Its <b>result</b> is withheld and is what you release.</p>");
    }
    if view.definition_changed == Some(true) {
        html.raw("<p class=\"box no\"><b>The tool is not what it was.</b> Its definition changed since it was first seen.</p>");
    }
    html.add(&facts(view, viewer.now)).add(&arguments(view)).add(&unmasking(view, viewer));
    html.add(&why(view)).add(&votes(view));
    match view.state.as_str() {
        "pending" => {
            html.add(&vote_form(view, viewer));
        }
        "approved" => {
            html.raw("<h2>Take it back</h2>").add(&reason_form(
                view,
                viewer,
                "revoke",
                "Revoke the approval",
            ));
        }
        _ => {}
    }
    if view.review_until.is_some() {
        html.raw("<h2>Review</h2><p>This was lifted in an emergency. Somebody else must say what they think of it.</p>");
        html.add(&reason_form(view, viewer, "review", "I have reviewed it"));
    }
    html
}

fn facts(view: &View, now: i64) -> Html {
    let mut html = Html::default();
    html.raw("<dl><dt>Asked by</dt><dd class=\"said\">").inert(&view.requester).raw("</dd>");
    if let Some(agent) = &view.agent {
        html.raw("<dt>Through the agent</dt><dd class=\"said\">").inert(agent).raw("</dd>");
    }
    for agent in &view.behind {
        html.raw("<dt>Behind it</dt><dd class=\"said\">").inert(agent).raw("</dd>");
    }
    html.raw("<dt>Asked</dt><dd>").text(&time(view.asked_at)).raw("; they asked for this tool ");
    html.number(i128::from(view.asked_before)).raw(" times before</dd>");
    html.raw("<dt>Ends</dt><dd>").text(&time(view.until)).raw(" (");
    html.text(&span(view.until - now)).raw("); silence denies it</dd>");
    html.raw("<dt>Processed in</dt><dd>").inert(&view.jurisdictions.processing);
    html.raw("</dd><dt>Goes to</dt><dd>").inert(&view.jurisdictions.recipient);
    html.raw("</dd><dt>Recorded in</dt><dd>").inert(&view.jurisdictions.storage).raw("</dd>");
    html.raw("<dt>The tool’s definition</dt><dd>");
    html.raw(match view.definition_changed {
        Some(true) => "<span class=\"no\">changed</span> since it was first seen",
        Some(false) => "unchanged since it was first seen",
        None => "not known",
    });
    html.raw("</dd>");
    if let Some(estimate) = &view.estimate {
        html.raw("<dt>Would return</dt><dd class=\"said\">").inert(estimate).raw("</dd>");
    }
    html.raw("<dt>Needs</dt><dd>").add(&parts(view)).raw("</dd>");
    html.raw("<dt>Digest</dt><dd><code>").text(&view.digest.to_string()).raw("</code></dd></dl>");
    if let Some(description) = &view.description {
        html.raw("<h2>What the server says the tool does</h2><div class=\"quote\">")
            .inert(description)
            .raw("</div>");
    }
    html
}

fn parts(view: &View) -> Html {
    let mut html = Html::default();
    for part in &view.parts {
        html.raw("<div><b>").inert(&part.name).raw("</b>: ").number(part.approved).raw(" of ");
        html.number(part.quorum).raw(match part.assurance {
            Assurance::Chat => "",
            Assurance::Token => ", not from a chat",
            Assurance::Login => ", after a fresh login",
            Assurance::Passkey => ", with a passkey",
        });
        html.raw(if part.open { "</div>" } else { " <small>(a later stage)</small></div>" });
    }
    html
}

fn arguments(view: &View) -> Html {
    let mut html = Html::default();
    html.raw("<h2>Arguments</h2><pre>").inert(&view.arguments).raw("</pre><p>");
    if view.masked == 0 {
        html.raw("Nothing in them is masked.");
    } else {
        html.raw("<b>").number(i128::from(view.masked)).raw("</b> values in them are masked: ");
        for (n, class) in view.classes.iter().enumerate() {
            html.raw(if n > 0 { ", " } else { "" }).inert(class);
        }
        html.raw(".");
    }
    html.raw("</p>");
    if !view.labels.is_empty() {
        html.raw("<p>Before this, who asks had read: ");
        for (n, label) in view.labels.iter().enumerate() {
            html.raw(if n > 0 { ", " } else { "" }).inert(label);
        }
        html.raw(".</p>");
    }
    html
}

/// What is masked, for who may see it: first a form, then once what it asked for.
fn unmasking(view: &View, viewer: &Viewer<'_>) -> Html {
    let mut html = Html::default();
    if let Some(arguments) = &viewer.unmasked {
        html.raw(
            "<div class=\"box no\"><b>Unmasked.</b> It is recorded that you see this. It goes in a minute.",
        );
        html.raw("<pre>").inert(arguments).raw("</pre></div>");
    } else if viewer.may_unmask {
        html.raw("<details><summary>Unmask the arguments</summary><p>Who looks, and why, is recorded.</p>");
        html.add(&reason_form(view, viewer, "unmask", "Unmask")).raw("</details>");
    }
    html
}

fn why(view: &View) -> Html {
    let mut html = Html::default();
    html.raw("<h2>Why it waits</h2>");
    for why in &view.why {
        html.raw("<p>Policy <b>").inert(&why.policy).raw("</b> asks for the approval <b>").inert(&why.hold);
        html.raw("</b>");
        if let Some(reason) = &why.reason {
            html.raw(": <span class=\"said\">").inert(reason).raw("</span>");
        }
        html.raw("</p><details><summary>Its text</summary><pre>").inert(&why.text).raw("</pre></details>");
    }
    html
}

fn votes(view: &View) -> Html {
    let mut html = Html::default();
    if view.votes.is_empty() {
        return html;
    }
    html.raw("<h2>Votes</h2><table><tbody>");
    for vote in &view.votes {
        html.raw("<tr><td>").raw(match vote.choice {
            Choice::Approve => "<span class=\"ok\">approved</span>",
            Choice::Deny => "<span class=\"no\">denied</span>",
        });
        html.raw("</td><td class=\"said\">").inert(&vote.voter);
        if let Some(other) = &vote.for_account {
            html.raw("<br><small>for <span class=\"said\">").inert(other).raw("</span></small>");
        }
        html.raw("</td><td class=\"said\">").inert(&vote.reason).raw("</td><td>").text(&time(vote.at));
        html.raw("<br><small>").inert(&vote.channel).raw(", ").text(vote.assurance.word());
        if let Some(place) = &vote.place {
            html.raw(", from ").inert(place);
        }
        html.raw("</small></td></tr>");
    }
    html.raw("</tbody></table>");
    html
}

/// The form. What the viewer cannot do now is said, and how they could.
fn vote_form(view: &View, viewer: &Viewer<'_>) -> Html {
    let needed = view.parts.iter().filter(|p| p.open).map(|p| p.assurance).max().unwrap_or(Assurance::Chat);
    let mut html = Html::default();
    html.raw("<h2>Your vote</h2>").add(&how(view, viewer, needed));
    html.raw("<form method=\"post\" action=\"").text(viewer.base).raw("/c/").text(&view.id.to_string());
    html.raw("/vote\"");
    if let Some(request) = &viewer.request {
        html.raw(" data-passkey=\"get\" data-options=\"").json(request).raw("\"");
    }
    html.raw(">").add(&hidden(view, viewer));
    html.raw("<label for=\"reason\">Reason</label>");
    html.raw("<textarea id=\"reason\" name=\"reason\" rows=\"2\" maxlength=\"2000\" required></textarea>");
    html.add(&grant(view));
    html.raw("<details><summary>Vote for somebody who delegated to you</summary>");
    html.raw("<label>Their subject <input type=\"text\" name=\"delegate_of\"></label></details>");
    if viewer.request.is_some() {
        html.raw(
            "<button class=\"ok\" name=\"choice\" value=\"approve\" data-ask>Approve with a passkey</button>",
        );
    }
    if viewer.assurance >= needed {
        html.raw("<button class=\"ok\" name=\"choice\" value=\"approve\">Approve</button>");
    }
    html.raw("<button class=\"no\" name=\"choice\" value=\"deny\">Deny</button>");
    if view.break_glass {
        html.raw("<button class=\"no\" name=\"choice\" value=\"break-glass\">Emergency: lift it now, to be reviewed</button>");
    }
    html.raw("<p data-say class=\"no\" role=\"status\"></p></form>");
    html
}

fn how(view: &View, viewer: &Viewer<'_>, needed: Assurance) -> Html {
    let mut html = Html::default();
    if viewer.assurance >= needed {
        return html;
    }
    match needed {
        Assurance::Passkey if viewer.request.is_none() => {
            html.raw("<p class=\"box warn\">This needs a passkey, and you have none here. <a href=\"");
            html.text(viewer.base).raw("/keys\">Register one</a>.</p>");
        }
        Assurance::Passkey => {}
        _ => {
            html.raw("<p class=\"box warn\">This needs a fresh login. <a href=\"").text(viewer.base);
            html.raw("/login?fresh=1&amp;next=")
                .text(&format!("/c/{}", view.id))
                .raw("\">Sign in again</a>.</p>");
        }
    }
    html
}

/// What every form of a call carries: the token of the visit, and the digest that was shown.
fn hidden(view: &View, viewer: &Viewer<'_>) -> Html {
    let mut html = Html::default();
    html.raw("<input type=\"hidden\" name=\"csrf\" value=\"").text(viewer.csrf).raw("\">");
    html.raw("<input type=\"hidden\" name=\"digest\" value=\"").text(&view.digest.to_string()).raw("\">");
    html.raw("<input type=\"hidden\" name=\"passkey.choice\"><input type=\"hidden\" name=\"passkey.id\">");
    html.raw("<input type=\"hidden\" name=\"passkey.client_data\">");
    html.raw("<input type=\"hidden\" name=\"passkey.authenticator_data\">");
    html.raw("<input type=\"hidden\" name=\"passkey.signature\"><input type=\"hidden\" name=\"passkey.user_handle\">");
    html
}

fn grant(view: &View) -> Html {
    let mut html = Html::default();
    let Some(seconds) = view.grants else { return html };
    html.raw("<details><summary>Also permit calls like it for a while</summary>");
    html.raw("<p>Calls of the same requester, agent and tool whose arguments differ only where you say.</p>");
    html.raw("<label for=\"minutes\">Minutes, at most ").number(i128::from(seconds / 60)).raw("</label>");
    html.raw("<input id=\"minutes\" type=\"number\" name=\"minutes\" min=\"1\" max=\"");
    html.number(i128::from(seconds / 60)).raw("\"><label for=\"uses\">Calls</label>");
    html.raw("<input id=\"uses\" type=\"number\" name=\"uses\" min=\"1\" max=\"100\">");
    for place in &view.places {
        html.raw("<label class=\"line\"><input type=\"checkbox\" name=\"free.")
            .inert(place)
            .raw("\"> <code>");
        html.inert(place).raw("</code> may differ</label>");
    }
    html.raw("</details>");
    html
}

fn reason_form(view: &View, viewer: &Viewer<'_>, act: &'static str, label: &'static str) -> Html {
    let mut html = Html::default();
    html.raw("<form method=\"post\" action=\"").text(viewer.base).raw("/c/").text(&view.id.to_string());
    html.raw("/").raw(act).raw("\">").add(&hidden(view, viewer));
    html.raw(
        "<label>Reason <textarea name=\"reason\" rows=\"2\" maxlength=\"2000\" required></textarea></label>",
    );
    html.raw("<button>").raw(label).raw("</button></form>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::sample;

    fn viewer(assurance: Assurance, passkey: bool) -> Viewer<'static> {
        let request = passkey.then(|| serde_json::json!({ "challenge": "x\"><script>" }));
        let unmasked = Some(Inert::lines("{}"));
        Viewer { base: "/approvals", csrf: "token", assurance, request, may_unmask: true, unmasked, now: 0 }
    }

    /// Markup as it stands, without the texts in it.
    fn tags(html: &str) -> Vec<String> {
        html.split('<').skip(1).map(|t| t.split('>').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn nothing_from_outside_forges_the_page() {
        let plain = call(&sample::view("plain"), &viewer(Assurance::Login, true)).finish();
        let forgeries = [
            "</pre><form action=https://evil.example><button>Approve</button></form>",
            "\" autofocus onfocus=\"alert(1)",
            "'><img src=x onerror=alert(1)>",
            "\u{202e}evorppa ot kcilC",
            "\u{1b}[2J\u{1b}[H approved by dpo",
            "a\r\nSet-Cookie: x=1\r\n\r\n<h1>Approved</h1>",
            "&lt;script&gt;",
            "{{constructor.constructor('alert(1)')()}}",
        ];
        for forgery in forgeries {
            let html = call(&sample::view(forgery), &viewer(Assurance::Login, true)).finish();
            let (own, others): (Vec<_>, Vec<_>) = (tags(&plain), tags(&html));
            let names = |tags: &[String]| -> Vec<String> {
                tags.iter().map(|t| t.split_whitespace().next().unwrap_or_default().to_owned()).collect()
            };
            assert_eq!(names(&own), names(&others), "other elements with {forgery:?}");
            for tag in &others {
                let outside: String = tag.split('"').step_by(2).collect();
                let handlers = outside.split_whitespace().filter(|a| a.starts_with("on"));
                assert_eq!(handlers.count(), 0, "{tag}");
            }
            assert!(!html.contains(['\u{202e}', '\u{1b}', '\r']), "{forgery:?}");
        }
        for forgery in forgeries {
            let html = list(&[sample::view(forgery)], "/approvals", 0).finish();
            assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("<h1>Approved"));
        }
    }

    #[test]
    fn what_does_not_count_is_not_offered() {
        let offers = |needed: Assurance, has: Assurance, passkey: bool| {
            let mut view = sample::view("x");
            view.parts[0].assurance = needed;
            let html = call(&view, &viewer(has, passkey)).finish();
            (html.contains("data-ask"), html.contains(">Approve</button>"), html.contains("fresh=1"))
        };
        assert_eq!(offers(Assurance::Chat, Assurance::Token, false), (false, true, false));
        assert_eq!(offers(Assurance::Login, Assurance::Token, false), (false, false, true));
        assert_eq!(offers(Assurance::Login, Assurance::Login, false), (false, true, false));
        assert_eq!(offers(Assurance::Passkey, Assurance::Login, false), (false, false, false));
        assert_eq!(offers(Assurance::Passkey, Assurance::Login, true), (true, false, false));
    }

    #[test]
    fn an_approver_sees_what_the_decision_needs() {
        let html = call(&sample::view("plain"), &viewer(Assurance::Login, false)).finish();
        for part in [
            "ada",
            "agent-7",
            "export_customers",
            "crm",
            "3</b> values in them are masked",
            "email, iban",
            "Its definition changed",
            "bulk-needs-dpo",
            "in DE",
            "in US",
            "7 times before",
            "about 4 rows",
            "0 of 2",
            "What the server says the tool does",
        ] {
            let part = part.strip_prefix("in ").map_or(part.to_owned(), |place| format!("<dd>{place}"));
            assert!(html.contains(&part), "{part}\n{html}");
        }
    }
}
