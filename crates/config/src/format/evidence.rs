//! Keys of the evidence: how long it is kept, who attests it, where it is streamed to, what reports declare.

use crate::shape::Kind::{
    Class, Duration, Flag, HeaderName, List, Map, Name, Path, Region, Secret, Size, Table as T, Text, Url,
    Words,
};
use crate::shape::{Table, key, need};

pub(crate) const RETENTION_PRESETS: &[&str] = &["ai-act", "pci", "hipaa"];

pub(crate) static EVIDENCE: Table = Table {
    name: "evidence",
    keys: &[
        key(
            "kek",
            Secret,
            "Key that encrypts the cell's keys. Default: one is made beside the data (for a trial).",
        ),
        key("hsm", T(&HSM), "A key in a PKCS #11 device, instead of kek."),
        key("heartbeat", Duration, "A heartbeat record at least this often. Default: 60s"),
        key(
            "checkpoint",
            Duration,
            "A signed checkpoint at most this long after a record, 1s at most. Default: 1s",
        ),
        key("segment", Size, "Size of a segment file. Default: 64MiB"),
        key(
            "subjects",
            T(&SUBJECTS),
            "Whom recordings are about, beside what servers.NAME.subjects points at.",
        ),
        key("retention", T(&RETENTION), "How long evidence is kept."),
        key("backup_horizon", Duration, "How long a backup of the key store may be restored. Default: 30d"),
        key("witness", T(&WITNESS), "Who else signs checkpoints. Default: nobody."),
        key("timestamp", T(&TIMESTAMP), "Who states the time of checkpoints (RFC 3161). Default: nobody."),
    ],
};

pub(crate) static HSM: Table = Table {
    name: "hsm",
    keys: &[
        need("module", Path, "The device's PKCS #11 library."),
        need("token", Text, "Label of the token."),
        need("key", Text, "Label of the AES key in it."),
        need("pin", Secret, "PIN of the user."),
        key("region", Region, "Where the device is. Default: the cell's"),
    ],
};

pub(crate) static WITNESS: Table = Table {
    name: "witness",
    keys: &[
        need("policy", Path, "A file in the form of C2SP tlog-policy, with the URLs of the witnesses."),
        key("every", Duration, "How often a checkpoint is submitted. Default: 60s"),
        key("regions", List(&Region), "Where the witnesses are, all of them."),
        key("ca", Path, "PEM roots for https. Default: the system's."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

pub(crate) static TIMESTAMP: Table = Table {
    name: "timestamp",
    keys: &[
        need("url", Url, "Address of the time stamp authority."),
        key("every", Duration, "How often a checkpoint is stamped. Default: 1h"),
        key("region", Region, "Where it is."),
        key("ca", Path, "PEM roots for https. Default: the system's."),
        key("allow_plaintext", Flag, "Allow http:// to a host that is not loopback. Default: false"),
    ],
};

pub(crate) static SUBJECTS: Table = Table {
    name: "subjects",
    keys: &[key(
        "detected",
        List(&Class),
        "Classes whose values name a person. Default: email, phone, iban and the national, tax, health and passport numbers.",
    )],
};

pub(crate) static RETENTION: Table = Table {
    name: "retention",
    keys: &[
        key("preset", Words(RETENTION_PRESETS), "ai-act: 183 days; pci: 366 days; hipaa: 2192 days."),
        key("keep", Duration, "How long instead of a preset. Default: for ever"),
        key("acts", Duration, "How long records of what operators did are kept at least."),
        key("approvals", Duration, "How long records of approvals are kept at least."),
    ],
};

pub(crate) static PROCESSING: Table = Table {
    name: "processing",
    keys: &[
        key("role", Words(&["controller", "processor"]), "Default: controller"),
        key("organisation", Text, "Name of the organisation."),
        key("contact", Text, "How it is reached."),
        key("representative", Text, "Its representative in the Union (Art. 27)."),
        key("officer", Text, "Its data protection officer."),
        key("authority", Text, "The supervisory authority that it notifies."),
        key("measures", List(&Text), "Technical and organisational measures."),
        key("activities", List(&T(&ACTIVITY)), "Processing activities. Default: one for each server."),
    ],
};

pub(crate) static ACTIVITY: Table = Table {
    name: "an activity",
    keys: &[
        need("name", Text, "Its name."),
        need("servers", List(&Name), "Servers that it uses."),
        key("purposes", List(&Text), "Purposes."),
        key("legal_basis", Text, "Legal basis."),
        key("subjects", List(&Text), "Categories of data subjects."),
        key("classes", List(&Class), "Categories of personal data."),
        key("recipients", List(&Text), "Categories of recipients."),
        key("countries", List(&Region), "Where data is processed, kept or received."),
        key("mechanism", Text, "What transfers to third countries rest on."),
        key("keep", Text, "How long data is kept, in words."),
        key("clients", List(&Text), "Controllers on whose behalf it is done."),
    ],
};

pub(crate) static SINK: Table = Table {
    name: "a sink",
    keys: &[
        key("file", Path, "A file that is appended to. One of file, syslog, url."),
        key("syslog", Text, "A syslog receiver (RFC 5424): tls://HOST:PORT, or tcp://HOST:PORT."),
        key("url", Url, "Where batches are posted to."),
        key(
            "format",
            Words(&["json", "ocsf", "ecs", "cef", "otlp"]),
            "Default: cef for syslog, else json; otlp for url only.",
        ),
        need("region", Region, "Where the receiver is. Policies decide what may go there."),
        key("headers", Map(&HeaderName, &Secret), "Extra headers, as env:NAME or file:PATH."),
        key("ca", Path, "PEM roots to trust instead of the system's."),
        key("allow_plaintext", Flag, "Allow a connection without TLS beyond loopback. Default: false"),
        key(
            "when_down",
            Words(&["wait", "block"]),
            "block: calls are refused while it is down. Default: wait",
        ),
    ],
};
