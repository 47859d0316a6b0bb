//! What a server asks or tells by itself, perhaps while it answers a call: decide, mask out, record.

use carnet_mcp::{Kind, Message};
use carnet_policy::Direction;

use crate::decide::{self, Brought, Subject};
use crate::mask::{Around, Withholding, mask};
use crate::permitted::{Permitted, Recorded};
use crate::record::{self, Content, Facts, Said};
use crate::refused;
use crate::reply::Delivery;
use crate::session::Question;
use crate::shell::Shell;
use crate::subjects::About;
use crate::turns::Coming;
use crate::walk::Walk;
use crate::withheld::Withheld;
impl<S: Shell> Walk<'_, S> {
    /// A request or notification of the server, perhaps while it answers a call: decide, mask out, record.
    pub(crate) async fn asked_by_server(
        &self,
        call: Option<&About>,
        coming: Coming,
    ) -> Option<Recorded<Delivery>> {
        let Coming { message, event_id, seams } = coming;
        let subject = Subject::of(&message, self.session, Direction::Out);
        let (id, asks) = (message.id_key(), message.kind() == Kind::Request);
        let now = self.shell.now();
        let ahead = self.ahead(&subject, &message).await;
        let brought = Brought { classes: &ahead.classes, labels: self.labels, ..Brought::default() };
        let decided =
            decide::decide(self.snapshot, self.session, self.caller, &subject, message, now, brought);
        let permitted = match decided {
            Ok(permitted) => permitted,
            Err(denied) => {
                let said = Said { decision: "deny", verdict: Some(&denied.verdict), error: None };
                self.refuse_server(&subject, &denied.message, said, &refused::denial(&denied.verdict)).await;
                return None;
            }
        };
        let verdict = permitted.verdict().clone();
        // What stands around its pieces is not known to the look ahead.
        let looked = ahead.looked.filter(|_| seams.is_empty());
        let looked = self.looked(looked, &subject, permitted.get()).await;
        let around = Around { seams: &seams, looked: &looked, ..self.around(&subject, None) };
        let mut deposits = Vec::new();
        let masked = permitted.try_map(|message| {
            let mut masked = mask(&around, message)?;
            if let Some(call) = call {
                masked = masked.answering(call);
            }
            deposits = std::mem::take(&mut masked.deposits);
            Ok::<_, Box<Withholding>>(masked)
        });
        self.alert(match &masked {
            Ok(masked) => &masked.get().drift,
            Err(withheld) => &withheld.drift,
        });
        let masked = match masked {
            Ok(masked) => masked,
            Err(withheld) => {
                let said = Said {
                    decision: "withhold",
                    verdict: Some(&verdict),
                    error: Some(withheld.reason.name()),
                };
                self.refuse_server(&subject, &withheld.message, said, withheld.reason.reason()).await;
                return None;
            }
        };
        self.shell.masked(&masked.get().report, self.snapshot.detector.classes());
        if self.kept(deposits, &masked.get().sealed_for()).await.is_err() {
            let why = Withheld::Vault;
            let said = Said { decision: "withhold", verdict: Some(&verdict), error: Some(why.name()) };
            self.refuse_server(&subject, &masked.get().message, said, why.reason()).await;
            return None;
        }
        if self.remembered(&subject, masked.get(), None).await.is_err() {
            let why = Withheld::Unremembered;
            let said = Said { decision: "withhold", verdict: Some(&verdict), error: Some(why.name()) };
            self.refuse_server(&subject, &masked.get().message, said, why.reason()).await;
            return None;
        }
        let about = masked.get().sealed_for();
        let facts = Facts { brought, ..self.facts(&subject) };
        let recorded = record::decision(self.shell, facts, masked, !asks).await.ok()?;
        if let (true, Some(id)) = (asks, id) {
            let decision = recorded.receipt().index;
            let resource = subject.resource.clone();
            let question = Question { decision, action: subject.action, resource, verdict, about };
            if let Err(question) = self.session.ask(id, question) {
                self.unanswerable(&subject, question, recorded).await;
                return None;
            }
        }
        Some(recorded.map(|permitted| Delivery::message(permitted.into_inner().into_bytes(), event_id)))
    }

    /// A server's question under an id that is open already, or one too many: its answer could not be told from
    /// another's. It ends here, and the server is told.
    pub(crate) async fn unanswerable(
        &self,
        subject: &Subject,
        question: Question,
        asked: Recorded<Permitted<Message>>,
    ) {
        let said =
            Said { decision: "refuse", verdict: Some(&question.verdict), error: Some("too-many-questions") };
        let asked = asked.into_inner();
        let facts = self.facts(subject);
        let content = Content::Unread(asked.get().bytes().len());
        let recorded = record::outcome(self.shell, facts, question.decision, said, content, ()).await;
        let answer = refused::answer_for_server(asked.get(), "too many questions are open, or this id is");
        if let (Ok(recorded), Some(answer)) = (recorded, answer) {
            let answer = asked.map(|_| answer);
            let _ = self.shell.forward(recorded.map(|()| answer)).await;
        }
    }

    /// Records that a server's message goes no further and, if it was a request, tells the server so.
    pub(crate) async fn refuse_server(
        &self,
        subject: &Subject,
        message: &Message,
        said: Said<'_>,
        text: &str,
    ) {
        let verdict = said.verdict.cloned();
        let size = message.bytes().len();
        let recorded =
            record::stopped(self.shell, self.facts(subject), said, Content::Unread(size), ()).await;
        let (Ok(recorded), Some(verdict), Kind::Request) = (recorded, verdict, message.kind()) else {
            return;
        };
        let Some(answer) = refused::answer_for_server(message, text) else { return };
        let answer = Permitted::new(answer, verdict);
        let _ = self.shell.forward(recorded.map(|()| answer)).await;
    }
}
