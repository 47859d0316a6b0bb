//! Names of disclosures. The value under each is JSON; `docs/evidence-format.md` has the shapes.
//!
//! Masked arguments and results are no disclosures: they are the frames, in the second sealed slot.

macro_rules! fields {
    ($($(#[$doc:meta])* $konst:ident = $name:literal;)*) => {
        $($(#[$doc])* pub const $konst: &str = $name;)*

        /// Every name that `carnet/1` has. Another name is allowed if it begins with `x_`.
        pub const ALL: &[&str] = &[$($name,)*];
    };
}

fields! {
    /// Who acts: `{kind, issuer, subject, groups, authenticated}`.
    ACTOR = "actor";
    /// What acts for them: `{kind, issuer, subject}`.
    AGENT = "agent";
    /// Name of the server.
    SERVER = "server";
    /// Method of the protocol.
    METHOD = "method";
    /// Name of the tool, resource or prompt.
    TOOL = "tool";
    /// SHA-256 of the definition of the tool, base64url.
    TOOL_FINGERPRINT = "tool_fingerprint";
    /// Keyed MAC of the raw arguments, base64url.
    ARGUMENTS_MAC = "arguments_mac";
    /// Keyed MAC of the raw result, base64url.
    RESULT_MAC = "result_mac";
    /// SHA-256 of the masked message in slot `f`, base64url. It binds the recording to the leaf in packages.
    FRAME = "frame";
    /// How many disclosures the slot has, this one included.
    COUNT = "count";
    /// Decision of the gate: `permit`, `deny`, `hold`, `withhold`, `refuse`.
    DECISION = "decision";
    /// Ids of the policies that decided.
    POLICIES = "policies";
    /// Why, in words.
    REASONS = "reasons";
    /// What was masked: class to count.
    MASKING = "masking";
    /// Where it was masked: list of `{at, class, rule, transform}`.
    PLACES = "places";
    /// Reference of an approval.
    APPROVAL = "approval";
    /// Purpose of the processing.
    PURPOSE = "purpose";
    /// Legal basis.
    LEGAL_BASIS = "legal_basis";
    /// Classes of data seen.
    DATA_CLASSES = "data_classes";
    /// Categories of data subjects.
    SUBJECT_CATEGORIES = "subject_categories";
    /// Where the data lived and went: `{known, processing, recipient, storage}`.
    RESIDENCY = "residency";
    /// Trace id (W3C).
    TRACE = "trace";
    /// Exact time, Unix microseconds.
    TIME = "time";
    /// Bytes of the message as it came.
    SIZES = "sizes";
    /// Status of the upstream: HTTP status, JSON-RPC error code, `isError`.
    UPSTREAM_STATUS = "upstream_status";
    /// Time spent, microseconds: `{gateway?, upstream?}`.
    TIMING = "timing";
    /// Revision of the protocol.
    PROTOCOL = "protocol";
    /// Transport downstream and upstream.
    TRANSPORT = "transport";
    /// `Mcp-Session-Id` of older revisions, as a keyed MAC.
    MCP_SESSION = "mcp_session";
    /// JSON-RPC id of the message.
    MESSAGE_ID = "message_id";
    /// Direction: `to_server` or `to_client`.
    DIRECTION = "direction";
    /// Names of labels that the session carries.
    LABELS = "labels";
    /// What went wrong: name of the error, never its content.
    ERROR = "error";
    /// The front that a call came through: `{assertion, key, name}`.
    FRONT = "front";
    /// Address of the peer, where configured to be kept.
    PEER = "peer";
    /// Detail of an administrative record.
    DETAIL = "detail";
}
