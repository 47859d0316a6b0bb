//! What would come back, as far as the server can tell: before approvers are asked, a tool of the server that counts, or the tool
//! itself with an argument that makes it only try, is called in the caller's name (`servers.NAME.dry_run`). It is a call like any
//! other: decided by the policies, masked, recorded. One that fails, or takes too long, changes nothing but what approvers see.

use carnet_approvals::Inert;
use carnet_config::{DryRun, DryRunWay};
use carnet_gate::{Estimate, Waiting};
use carnet_json::Edits;
use carnet_mcp::Message;
use carnet_model::Action;
use tokio::sync::oneshot;

use crate::downstream::post::Task;

impl Task {
    /// Adds to what approvers see of a call what a dry run says.
    pub(super) async fn estimated(&self, waiting: &mut Waiting) {
        let runtime = &self.arrived.runtime;
        let Some((rule, message)) = self.dry_run(waiting) else { return };
        let tool = message.target().text().map(|t| t.to_string()).unwrap_or_default();
        let (said, hears) = oneshot::channel();
        // In a task of its own: what is too late is recorded all the same.
        if !self.apart(tool, message, said) {
            return;
        }
        let limit = runtime.config.approvals.estimate;
        let estimate = match tokio::time::timeout(limit, hears).await {
            Ok(Ok(Some(estimate))) => estimate,
            Ok(_) => Estimate { text: "not known: the dry run failed".to_owned(), classes: Vec::new() },
            Err(_) => {
                Estimate { text: "not known: the dry run took too long".to_owned(), classes: Vec::new() }
            }
        };
        tracing::debug!(tool = %rule.tool, "a dry run was asked");
        for class in estimate.classes {
            // Who may approve, and where it may be told, depends on these too.
            if waiting.held.classes.iter().all(|known| **known != *class) {
                waiting.view.classes.push(Inert::new(&class));
                waiting.held.classes.push(class.as_str().into());
            }
        }
        waiting.view.estimate = Some(Inert::lines(&estimate.text));
    }

    /// The rule for a call that is about to wait, and the call that it makes of it. `None` for one that waits already.
    fn dry_run(&self, waiting: &Waiting) -> Option<(DryRun, Message)> {
        let message = &waiting.message;
        if message.action() != Action::TOOLS_CALL || waiting.result.is_some() {
            return None;
        }
        let waits = self.gateway.holds.by_key(&waiting.key);
        if waits.is_some_and(|entry| entry.held().ending().is_none()) {
            return None;
        }
        let session = &self.open.gate;
        let server = self.arrived.runtime.servers.get(&*session.server.name)?;
        let name = message.target().text()?.to_string();
        let rule = server.config.dry_run.iter().find(|rule| rule.tool == name)?.clone();
        let asked = match &rule.way {
            DryRunWay::With(tool) => tool.as_str(),
            DryRunWay::Argument(_) => name.as_str(),
        };
        // A tool that its definition does not call read-only is called by the operator's word alone.
        if !(rule.read_only || session.tools.get(asked).is_some_and(|facts| facts.read_only)) {
            return None;
        }
        let message = rewritten(message, &rule.way)?;
        Some((rule, message))
    }

    /// Walks a call that nobody reads the answer of, and says what came of it. `false` when there is no way to the server.
    fn apart(&self, tool: String, message: Message, said: oneshot::Sender<Option<Estimate>>) -> bool {
        let Some(beside) = self.beside(self.arrived.runtime.clone(), &message) else { return false };
        tokio::spawn(async move {
            let mut outbox = beside.outbox();
            let at = beside.at();
            let walked = Box::pin(carnet_gate::walk(at, message, None, &mut outbox)).await;
            let answer = walked.ok().and_then(|_| outbox.inner().kept.take());
            let estimate = answer.and_then(|(bytes, _)| carnet_gate::estimate(at, &tool, bytes));
            // Whoever asked may have stopped waiting.
            let _ = said.send(estimate);
        });
        true
    }
}

/// The same call of another tool, or with an argument that makes it only try; under an id of the gateway's own.
fn rewritten(message: &Message, way: &DryRunWay) -> Option<Message> {
    let params = message.params()?;
    let mut edits = Edits::new();
    match way {
        DryRunWay::With(tool) => {
            edits.replace(params.get("name")?.span(), carnet_json::quote(tool).as_bytes());
        }
        DryRunWay::Argument(name) => {
            let arguments = params.get("arguments")?;
            match arguments.get(name) {
                Some(there) => edits.replace(there.span(), b"true"),
                None => {
                    let rest = arguments.raw_str().trim_start().strip_prefix('{')?;
                    let comma = if rest.trim_start().starts_with('}') { "" } else { "," };
                    let text = format!("{{{}:true{comma}{rest}", carnet_json::quote(name));
                    edits.replace(arguments.span(), text.as_bytes());
                }
            }
        }
    }
    let mut id = [0; 16];
    crate::record::entropy(&mut id);
    let id = format!("\"carnet-dry-run-{}\"", carnet_approvals::Id(id));
    message.edited(&edits).ok()?.with_id(id.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_is_the_same_but_for_what_makes_it_try() {
        let way = |name: &str| DryRunWay::Argument(name.to_owned());
        let cases = [
            (r#"{"to":"x"}"#, way("dryRun"), r#"{"name":"export","arguments":{"dryRun":true,"to":"x"}}"#),
            (r#"{ }"#, way("dry"), r#"{"name":"export","arguments":{"dry":true }}"#),
            (r#"{"dry":false,"n":1}"#, way("dry"), r#"{"name":"export","arguments":{"dry":true,"n":1}}"#),
            (r#"{"n":1}"#, DryRunWay::With("count".to_owned()), r#"{"name":"count","arguments":{"n":1}}"#),
        ];
        for (arguments, way, expected) in cases {
            let text = format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"export","arguments":{arguments}}}}}"#
            );
            let message = Message::parse_one(text.into_bytes(), &carnet_json::Limits::default()).unwrap();
            let tried = rewritten(&message, &way).unwrap();
            assert_eq!(tried.params().unwrap().raw_str(), expected);
            assert!(tried.id_raw().is_some_and(|id| id.starts_with(b"\"carnet-dry-run-")));
        }
    }
}
