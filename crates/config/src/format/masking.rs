//! Keys of masking: what is found, and what becomes of it.

use crate::shape::Kind::{
    Class, Count, Decimal, Duration, Flag, List, Map, Name, Path, Region, Secret, Size, Table as T, Text,
    Url, Words,
};
use crate::shape::{Table, key, need};

pub(crate) const TRANSFORMS: &[&str] = carnet_model::Transform::WORDS;

pub(crate) const NAMES: &[&str] = &["keys", "light"];

pub(crate) const BINARY_ACTIONS: &[&str] = &["pass", "strip", "inspect", "withhold"];

pub(crate) const ON_FAILURE: &[&str] = &["withhold", "pass"];

pub(crate) const VALIDATORS: &[&str] = &[
    "luhn",
    "verhoeff",
    "damm",
    "mod97",
    "iban",
    "mod11",
    "mod11-weights-2-7",
    "mod11-2",
    "mod11-10",
    "mod37-36",
    "gs1",
];

pub(crate) static MASKING: Table = Table {
    name: "masking",
    keys: &[
        key("rules", List(&T(&RULE)), "Recognisers of one's own."),
        key("fingerprints", List(&T(&FINGERPRINTS)), "One's own code and documents: class proprietary."),
        key("allow", List(&T(&ALLOW)), "Values that are never masked."),
        key("disable", List(&Text), "Classes (mac_address) or types (DE_TAX_ID) that are not looked for."),
        key("default", Words(TRANSFORMS), "For classes not named. Default: redact"),
        key("classes", Map(&Class, &Words(TRANSFORMS)), "By data class."),
        key(
            "countries",
            List(&Region),
            "Countries whose national numbers are masked on their check digits alone; others need a key or word too.",
        ),
        key(
            "names",
            Words(NAMES),
            "Names of people, places and organisations: under keys only, or in running text too. Default: light",
        ),
        key("vault", T(&VAULT), "What is kept of values that may come back."),
        key("in", T(&MASKING_IN), "What replaces values on their way to servers, where it differs."),
        key(
            "binary",
            List(&T(&BINARY)),
            "Binary content: the first rule that speaks of its type and size holds.",
        ),
        key("analyzers", List(&T(&ANALYZER)), "Who else is asked about free text."),
    ],
};

pub(crate) static MASKING_IN: Table = Table {
    name: "masking on the way in",
    keys: &[
        key("default", Words(TRANSFORMS), "For classes not named. Default: masking.default"),
        key(
            "classes",
            Map(&Class, &Words(TRANSFORMS)),
            "By data class. Default: masking.classes, unless `default` is given",
        ),
    ],
};

pub(crate) static BINARY: Table = Table {
    name: "a rule for binary content",
    keys: &[
        need("types", List(&Text), "Media types of what it really is, such as image/png or image/*."),
        key("size", Size, "The largest that the rule speaks of. Default: 16MiB"),
        need(
            "action",
            Words(BINARY_ACTIONS),
            "pass, strip (metadata), inspect (the text of documents), withhold.",
        ),
        key(
            "pictures",
            Flag,
            "Inspected documents may hold pictures, which are not looked into. Default: false",
        ),
    ],
};

pub(crate) static ANALYZER: Table = Table {
    name: "an analyzer",
    keys: &[
        need("name", Name, "Its name in messages."),
        need("url", Url, "Where it is; /analyze is put behind it."),
        need("region", Region, "Where data is there: it goes only where `transfer` permits."),
        key("language", Text, "The language that it is asked in. Default: en"),
        key("classes", List(&Class), "What it is asked for. Default: person, location, organisation"),
        key("least", Count, "The least score that counts, in percent. Default: 50"),
        key("timeout", Duration, "How long one text may take. Default: 500ms"),
        key("cache", Count, "Answers remembered, by a keyed hash of the text. Default: 10000"),
        key("on_failure", Words(ON_FAILURE), "Without its answer: withhold or pass. Default: withhold"),
        key("allow_plaintext", Flag, "Allow http:// beyond loopback. Default: false"),
    ],
};

pub(crate) static VAULT: Table = Table {
    name: "the vault",
    keys: &[
        key("keep", Duration, "How long a stand-in can become its value again, at most 90d. Default: 24h"),
        key("entries", Count, "Most values kept at once. Default: 1000000"),
    ],
};

pub(crate) static SERVER_MASKING: Table = Table {
    name: "masking of a server",
    keys: &[
        key("countries", List(&Region), "In place of masking.countries."),
        key("disable", List(&Text), "Classes or types not looked for, besides masking.disable."),
        key("allow", List(&T(&ALLOW)), "Values never masked, besides masking.allow."),
    ],
};

pub(crate) static RULE: Table = Table {
    name: "a masking rule",
    keys: &[
        need("name", Name, "Its name in records and reports."),
        key("class", Class, "Class of what it finds, of one's own or built in. Default: its name with `_`."),
        key("pattern", Text, "What to look for: a regular expression with a greatest length."),
        key("ignore_case", Flag, "Small and capital letters are the same. Default: false"),
        key("validator", Words(VALIDATORS), "Check digits that a match must have."),
        key("entropy", Decimal, "Least entropy of a match, in bits for each character, such as 3.5."),
        key("keys", List(&Text), "Names of fields whose value it is, or may be where there is a pattern."),
        key("context", List(&Text), "Words near the value; one of them, or one of the keys, must be there."),
        key("without", List(&Text), "Words near the value; none of them may be there."),
        key("examples", T(&EXAMPLES), "Texts that `carnet check` tries."),
    ],
};

pub(crate) static FINGERPRINTS: Table = Table {
    name: "fingerprints",
    keys: &[
        need("name", Name, "What they were made from, for records."),
        need("file", Path, "The file that `carnet fingerprint` wrote."),
        need("key", Secret, "The key that it was written with, as file:PATH or env:NAME."),
        key("threshold", Count, "Share of a stretch of text, in percent, that must be in it. Default: 50"),
    ],
};

pub(crate) static EXAMPLES: Table = Table {
    name: "examples",
    keys: &[
        key("match", List(&Text), "Texts, or JSON documents, in which the rule must find something."),
        key("no_match", List(&Text), "Texts, or JSON documents, in which it must find nothing."),
    ],
};

pub(crate) static ALLOW: Table = Table {
    name: "an entry of allow",
    keys: &[
        key("values", List(&Text), "Whole values; case does not matter."),
        key("pattern", Text, "A regular expression for whole values; case does not matter."),
        key("classes", List(&Class), "Only where found as these classes. Default: all."),
        need("reason", Text, "Why they may be seen by everybody."),
    ],
};
