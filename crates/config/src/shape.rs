//! The words in which the file format is written down once: [`Table`] and [`Kind`]. The check of a file and the
//! JSON Schema for editors are both made from them.

/// A mapping with known keys.
pub(crate) struct Table {
    /// What a value of it is called in messages, such as `a listener`.
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [Key],
}

/// One key of a table.
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// One line for editors.
    pub(crate) about: &'static str,
}

/// What a value must be.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// The format's version: `1`.
    Version,
    /// Any text that is not empty.
    Text,
    /// `[a-z0-9-]+`.
    Name,
    /// `true` or `false`.
    Flag,
    /// A positive whole number.
    Count,
    /// `ADDRESS:PORT`.
    Address,
    /// An absolute `http` or `https` URL without credentials.
    Url,
    /// `https://host`, no path.
    Origin,
    /// A host name, port optional.
    Host,
    /// A path, relative to the file's folder.
    Path,
    /// `4MiB`.
    Size,
    /// `30s`.
    Duration,
    /// `100/s burst 200`.
    Rate,
    /// `env:NAME` or `file:PATH`.
    Secret,
    /// A reference or `value:TEXT`.
    EnvValue,
    /// `de`, `us-ca`, `eu-west-2`.
    Region,
    /// 64 hexadecimal digits.
    Sha256,
    /// `2027-01-01T00:00:00Z`.
    Time,
    /// `realm_access.roles`, or a list of names.
    Claim,
    /// A header field's name.
    HeaderName,
    /// An environment variable's name.
    Variable,
    /// One of these.
    Words(&'static [&'static str]),
    /// A sequence.
    List(&'static Kind),
    /// A mapping with keys of the user's own: kind of key, kind of value.
    Map(&'static Kind, &'static Kind),
    /// A mapping with known keys.
    Table(&'static Table),
    /// The name of a data class, built-in or of one's own.
    Class,
    /// `3.5`.
    Decimal,
    /// Anything JSON can say.
    Any,
}

/// A key that may be left out.
pub(crate) const fn key(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: false, about }
}

/// A key that must be given.
pub(crate) const fn need(name: &'static str, kind: Kind, about: &'static str) -> Key {
    Key { name, kind, required: true, about }
}
