//! The keys that speak of places: what attests the cell's, zones of one's own, grounds, where models run.

use crate::shape::Kind::{Count, Flag, List, Map, Name, Path, Region, Table as T, Text, Time, Words};
use crate::shape::{Table, key, need};

pub(crate) const MECHANISMS: &[&str] = &["adequacy", "scc", "bcr", "art49"];

pub(crate) const PROVIDERS: &[&str] = &["amazon", "google", "azure"];
pub(crate) const ON_CONFLICT: &[&str] = &["refuse", "alarm"];

pub(crate) static ATTESTATION: Table = Table {
    name: "an attestation",
    keys: &[
        key("provider", Words(PROVIDERS), "Whose cloud it is. Default: amazon"),
        need(
            "document",
            Path,
            "What the metadata service gave: identity document, identity token or attested document.",
        ),
        key("signature", Path, "Of amazon: its RSA signature in base64, as the metadata service gives it."),
        key("key", Path, "Of amazon: PEM public key of Amazon's certificate for the region."),
        key("keys", Path, "Of google: Google's key set (JWKS)."),
        key("audience", Text, "Of google: whom the token was made for. Default: cell.origin"),
        key("roots", Path, "Of azure: PEM certificates of who may issue the certificate of its signature."),
        key("nonce", Text, "Of azure: what the document was asked for with. Default: any"),
    ],
};

static ADDRESSES: Table = Table {
    name: "addresses",
    keys: &[
        need(
            "file",
            Path,
            "Lines of RANGE COUNTRY, or what the regional registries publish (delegated-*-extended).",
        ),
        key(
            "on_conflict",
            Words(ON_CONFLICT),
            "What becomes of a caller or server whose address is in another country than is said. Default: refuse",
        ),
    ],
};

pub(crate) static RESIDENCY: Table = Table {
    name: "residency",
    keys: &[
        key(
            "enforce",
            Flag,
            "Refuse unknown places: at the start for what is configured, for callers in each message. Default: false",
        ),
        key("table", Path, "A table of jurisdictions in place of the one that is built in."),
        key("zones", Map(&Name, &List(&Region)), "Zones of one's own: countries, regions, zones before it."),
        key("mechanisms", List(&T(&MECHANISM)), "Grounds on which data may go, for policies to ask for."),
        key("models", Map(&Text, &Region), "Where the models of agents run, by the agent's subject."),
        key("addresses", T(&ADDRESSES), "In which countries addresses are, to compare with what is said."),
    ],
};

static MECHANISM: Table = Table {
    name: "a mechanism",
    keys: &[
        need("kind", Words(MECHANISMS), "What it is; adequacy: the recipient is under the framework named."),
        key("framework", Name, "Of adequacy: the framework that the decision asks for, such as dpf."),
        key("module", Count, "Of scc: the module, 1 to 4."),
        key("ground", Words(carnet_residency::Ground::WORDS), "Of art49: the situation."),
        need("reference", Text, "Where it is written, for the record."),
        key("from", Region, "From where. Default: anywhere."),
        need("to", Region, "To where."),
        key("servers", List(&Name), "With which servers. Default: all."),
        key("until", Time, "Last day. Default: none."),
    ],
};
