//! The API: JSON for programs and commands, who bring a token as they do for MCP. What it takes and gives is in
//! `openapi.json`, which is served too; errors are problem documents (RFC 9457).

use std::sync::Arc;

use carnet_approvals::{Account, Assurance, Choice, Id, Proof, Terms};
use carnet_gate::Caller;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Asked;
use super::board::{Ballot, Refusal};
use super::passkeys::Answer;
use crate::body::{self, Reply};

/// The description of the API (OpenAPI 3.1).
pub(super) const DOCUMENT: &str = include_str!("openapi.json");

/// A vote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vote {
    choice: Choice,
    reason: String,
    digest: carnet_approvals::Digest,
    grant: Option<Terms>,
    /// Whose vote it is, where somebody delegated theirs.
    delegate_of: Option<Account>,
    /// What an authenticator signed over the digest.
    passkey: Option<Value>,
}

/// Why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reason {
    reason: String,
}

/// Who may vote for the caller, and for how long.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delegate {
    to: Account,
    seconds: u64,
    reason: String,
}

/// Answers a request below `v1`.
pub(super) async fn answer(asked: &Asked<'_>) -> Response<Reply> {
    let path = asked.path().strip_prefix("/v1").unwrap_or_default();
    if path == "/openapi.json" && asked.head.method == Method::GET {
        return body::json(StatusCode::OK, DOCUMENT);
    }
    let done = async {
        let caller = caller(asked).await?;
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        match asked.head.method {
            Method::GET => get(asked, &caller, &steps).await,
            Method::POST => post(asked, &caller, &steps).await,
            _ => Err(Refusal::Unknown),
        }
    };
    match done.await {
        Ok(value) => body::json(StatusCode::OK, format!("{value}\n")),
        Err(refusal) => problem(&refusal),
    }
}

fn problem(refusal: &Refusal) -> Response<Reply> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text =
        json!({ "title": refusal.word(), "status": refusal.status(), "detail": format!("{refusal}.") });
    let mut response = body::json(status, format!("{text}\n"));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(http::header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

/// Whose token it is. Nobody votes without one, whoever may call without.
async fn caller(asked: &Asked<'_>) -> Result<Arc<Caller>, Refusal> {
    if !asked.head.headers.contains_key(http::header::AUTHORIZATION) {
        return Err(Refusal::NotSignedIn);
    }
    let identified = asked.runtime.identities.identify(&asked.head.headers, asked.now).await;
    let identified = identified.map_err(|error| {
        asked.gateway.metrics.unauthenticated(error.rule());
        Refusal::NotSignedIn
    })?;
    asked.seen(&identified)
}

async fn get(asked: &Asked<'_>, caller: &Caller, steps: &[&str]) -> Result<Value, Refusal> {
    let board = asked.board();
    match steps {
        ["approvals"] => {
            let state = asked.query().get("state").to_owned();
            let mut views = board.list(caller).await?;
            views.retain(|v| state.is_empty() || v.state == state);
            Ok(json!({ "approvals": views }))
        }
        ["approvals", id] => Ok(json!(board.show(caller, name(id)?).await?)),
        ["grants"] => Ok(json!({ "grants": board.grants(caller) })),
        ["messages"] => {
            let dead = board.dead_letters(caller).await?;
            let dead = dead.into_iter().map(|(number, letter)| {
                json!({
                    "number": number, "channel": letter.channel, "occasion": letter.notice.occasion,
                    "approval": letter.notice.id, "tries": letter.tries, "error": letter.error,
                })
            });
            Ok(json!({ "messages": dead.collect::<Vec<_>>() }))
        }
        _ => Err(Refusal::Unknown),
    }
}

async fn post(asked: &Asked<'_>, caller: &Caller, steps: &[&str]) -> Result<Value, Refusal> {
    let kind = asked.head.headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(Refusal::Rule("The request is no JSON".to_owned()));
    }
    let board = asked.board();
    match steps {
        ["approvals", id, "votes"] => {
            let id = name(id)?;
            vote(asked, caller, id, read(asked)?).await?;
            Ok(json!(board.show(caller, id).await?))
        }
        ["approvals", id, "unmask"] => {
            let (id, Reason { reason }) = (name(id)?, read(asked)?);
            Ok(json!(board.unmask(caller, id, reason.trim(), "api").await?))
        }
        ["approvals", id, act] => {
            let (id, Reason { reason }) = (name(id)?, read(asked)?);
            match *act {
                "revoke" => board.revoke(caller, id, reason.trim()).await?,
                "break-glass" => board.break_glass(caller, id, reason.trim()).await?,
                "review" => board.review(caller, id, reason.trim()).await?,
                _ => return Err(Refusal::Unknown),
            }
            Ok(json!(board.show(caller, id).await?))
        }
        ["grants", id, "revoke"] => {
            let Reason { reason } = read(asked)?;
            board.revoke_grant(caller, name(id)?, reason.trim()).await?;
            Ok(json!({}))
        }
        ["delegations"] => {
            let Delegate { to, seconds, reason } = read(asked)?;
            Ok(json!({ "id": board.delegate(caller, to, seconds, reason.trim()).await? }))
        }
        ["messages", number, "retry"] => {
            let number = number.parse().map_err(|_| Refusal::Unknown)?;
            board.revive(caller, number).await?;
            Ok(json!({}))
        }
        _ => Err(Refusal::Unknown),
    }
}

async fn vote(asked: &Asked<'_>, caller: &Caller, id: Id, vote: Vote) -> Result<(), Refusal> {
    let account = Account::of(&caller.principal.identity);
    let mut assurance = Assurance::Token;
    let mut proof = Proof::Token { method: caller.principal.method.as_str().to_owned() };
    if let Some(passkey) = &vote.passkey {
        proof = asked.board().signed(&account, &vote.digest, &Answer(passkey)).await?;
        assurance = Assurance::Passkey;
    }
    let ballot = Ballot {
        id,
        digest: vote.digest,
        choice: vote.choice,
        reason: vote.reason.trim(),
        channel: "api",
        assurance,
        proof,
        grant: vote.grant,
        for_account: vote.delegate_of,
    };
    asked.board().vote(caller, ballot).await
}

fn name(text: &str) -> Result<Id, Refusal> {
    text.parse().map_err(|_| Refusal::Unknown)
}

/// The body. It is read strictly: a member that comes twice or is not known is a mistake.
fn read<T: serde::de::DeserializeOwned>(asked: &Asked<'_>) -> Result<T, Refusal> {
    let wrong = || Refusal::Rule("The request is not as the description has it".to_owned());
    let limits = carnet_json::Limits { bytes: asked.body.len(), depth: 16 };
    carnet_json::Tape::parse(&asked.body, &limits).map_err(|_| wrong())?;
    serde_json::from_slice(&asked.body).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::sample;

    #[test]
    fn what_is_given_is_as_the_description_says() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let given = serde_json::to_value(sample::view("plain")).unwrap();
        let schema =
            json!({ "$ref": "#/components/schemas/Approval", "components": document["components"].clone() });
        let validator = jsonschema::validator_for(&schema).unwrap();
        let mistakes: Vec<String> = validator.iter_errors(&given).map(|e| e.to_string()).collect();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let described = &document["components"]["schemas"];
        for (name, value) in [
            ("Approval", &given),
            ("Part", &given["parts"][0]),
            ("Cast", &given["votes"][0]),
            ("Why", &given["why"][0]),
        ] {
            let properties = described[name]["properties"].as_object().unwrap();
            let undescribed: Vec<_> =
                value.as_object().unwrap().keys().filter(|k| !properties.contains_key(*k)).collect();
            assert!(undescribed.is_empty(), "{name}: {undescribed:?}");
        }
        let problems = &described["Problem"]["properties"]["title"]["enum"];
        let all = [
            Refusal::Unknown,
            Refusal::NotPermitted,
            Refusal::Forged,
            Refusal::NotSignedIn,
            Refusal::NotFresh,
            Refusal::Passkey(carnet_webauthn::WebauthnError::Key),
            Refusal::Rule(String::new()),
            Refusal::Store,
        ];
        for refusal in all {
            assert!(problems.as_array().unwrap().contains(&json!(refusal.word())), "{refusal:?}");
        }
    }
}
