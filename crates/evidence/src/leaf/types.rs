//! The closed list of leaf types, their names on the wire and what each may state in `x`.

macro_rules! leaf_types {
    ($($(#[$doc:meta])* $variant:ident $name:literal [$($key:literal)*];)*) => {
        /// What a leaf records, member `ty`. The list is closed in `carnet/1`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum LeafType { $($(#[$doc])* $variant,)* }

        impl LeafType {
            /// Every type, in the order of the specification.
            pub const ALL: &'static [LeafType] = &[$(LeafType::$variant,)*];

            /// The name on the wire.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(LeafType::$variant => $name,)* }
            }

            /// The keys that this type may have in `x`.
            #[must_use]
            pub fn ext_keys(self) -> &'static [&'static str] {
                match self { $(LeafType::$variant => &[$($key,)*],)* }
            }

            /// The type of this name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<LeafType> {
                match name { $($name => Some(LeafType::$variant),)* _ => None }
            }
        }
    };
}

leaf_types! {
    /// A log begins.
    CellGenesis "cell.genesis" ["key" "region" "region_known"];
    /// A run of the gateway begins.
    GwStart "gw.start" ["every" "version"];
    /// A run ends in order.
    GwStop "gw.stop" ["why"];
    /// Nothing was recorded for a while, and it is known.
    Gap "gap" ["from" "to" "why"];
    /// The run is alive.
    Heartbeat "heartbeat" ["every"];
    /// A gateway session begins.
    SessionOpen "session.open" [];
    /// A gateway session ends.
    SessionClose "session.close" ["calls" "leaves" "why"];
    /// A message was decided; durable before it is forwarded.
    CallDecision "call.decision" [];
    /// What came of it; durable before the reply is delivered.
    CallOutcome "call.outcome" [];
    /// A decision will never have an outcome.
    CallOrphan "call.orphan" ["why"];
    /// A call is held and approval is asked.
    ApprovalRequest "approval.request" ["quorum" "until" "why"];
    /// An approver voted.
    ApprovalVote "approval.vote" ["grant" "why"];
    /// An approval was used.
    ApprovalConsume "approval.consume" ["why"];
    /// An approval or request ran out.
    ApprovalExpire "approval.expire" ["why"];
    /// Emergency access began.
    BreakglassOpen "breakglass.open" ["why"];
    /// Emergency access was reviewed.
    BreakglassReview "breakglass.review" ["why"];
    /// A policy set came into force, or was refused.
    PolicyActivate "policy.activate" ["hash" "result"];
    /// A configuration came into force, or was refused.
    ConfigChange "config.change" ["hash" "result"];
    /// Somebody read evidence or administered.
    AdminRead "admin.read" ["why"];
    /// A key was made; its reference is in `kr`.
    KeyCreate "key.create" ["why"];
    /// A key was destroyed; its reference is in `kr`.
    KeyDestroy "key.destroy" ["why"];
    /// Erasure was asked for.
    ErasureRequest "erasure.request" ["why"];
    /// Erasure is complete, backups included.
    ErasureDone "erasure.done" ["why"];
    /// A legal hold was set.
    HoldSet "hold.set" ["why"];
    /// A legal hold was released.
    HoldRelease "hold.release" ["why"];
    /// The data of a person may not be shown (Art. 18).
    RestrictSet "restrict.set" ["why"];
    /// It may be shown again.
    RestrictRelease "restrict.release" ["why"];
    /// A package was exported.
    ExportMade "export.made" ["hash" "why"];
    /// A period was closed.
    PeriodClose "period.close" ["from" "to"];
    /// A prefix of the log was pruned.
    RetentionPrune "retention.prune" ["to" "why"];
    /// The witnesses changed.
    WitnessChange "witness.change" ["hash" "why"];
    /// A time stamp or other anchor.
    Anchor "anchor" ["hash" "to" "why"];
}

impl LeafType {
    /// Whether `of` must stand in it.
    #[must_use]
    pub fn answers(self) -> bool {
        matches!(self, LeafType::CallOutcome | LeafType::CallOrphan)
    }
}
