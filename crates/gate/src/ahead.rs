//! look ahead: what policies ask about a message's content before it is decided. It is looked through once: what was found goes
//! on to masking with what was looked at.

use std::sync::Arc;

use carnet_mcp::Message;

use crate::decide::Subject;
use crate::hold;
use crate::look::Looked;
use crate::mask::{self, Around};
use crate::shell::Shell;
use crate::tally::{Counters, Short};
use crate::walk::Walk;

/// See the module. Nothing, where no policy asks.
#[derive(Default)]
pub(crate) struct Ahead {
    /// What was looked at and found; `None` where that is still to be done.
    pub looked: Option<Looked>,
    /// Classes of data in the message, by name.
    pub classes: Vec<Arc<str>>,
    /// Persons whom it asks for.
    pub asked: Vec<Short>,
    /// What was given out until now.
    pub counters: Counters,
}

impl<S: Shell> Walk<'_, S> {
    /// Looks through a message whose content decides.
    pub(crate) async fn ahead(&self, subject: &Subject, message: &Message) -> Ahead {
        let policies = &self.snapshot.policies;
        let counts = policies.counts() && hold::can_wait(message, subject.direction);
        if !counts && !policies.inspects() {
            return Ahead::default();
        }
        let mut looked = self.look(subject, None, message).await;
        let mut ahead = Ahead::default();
        let scanned = {
            let around = Around { looked: &looked, ..self.around(subject, None) };
            let scanned = mask::scan(&around, message);
            if policies.inspects() {
                let names = self.snapshot.detector.classes();
                let classes = mask::classes(&around, message, &scanned.found);
                ahead.classes = classes.iter().map(|class| names.name(class).into()).collect();
                ahead.classes.sort_unstable();
            }
            if counts {
                let (asked, over) = mask::persons(&around, message, &scanned.found);
                ahead.counters = self.counted_before(&asked, over);
                ahead.asked = asked;
            }
            scanned
        };
        looked.scanned = Some(scanned);
        ahead.looked = Some(looked);
        ahead
    }

    /// What was looked at already, or is now.
    pub(crate) async fn looked(
        &self,
        looked: Option<Looked>,
        subject: &Subject,
        message: &Message,
    ) -> Looked {
        match looked {
            Some(looked) => looked,
            None => self.look(subject, None, message).await,
        }
    }

    /// The counters that a call is decided with which asks for these persons.
    fn counted_before(&self, asked: &[Short], over: usize) -> Counters {
        let (now, window) = (self.shell.now().seconds, self.snapshot.approvals.window);
        let mut counters = self.session.tallies.counters(now, window, asked);
        let number = i64::try_from(asked.len().saturating_add(over)).unwrap_or(i64::MAX);
        counters.push(("asked_subjects".into(), number));
        counters
    }
}
