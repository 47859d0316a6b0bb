//! Why a message is withheld: the name in evidence, and the sentence for who waits for it.

/// Why a message is withheld. No content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Withheld {
    /// It cannot be inspected in full.
    Uninspectable,
    /// It cannot be rewritten safely.
    Unmaskable,
    /// The masked result would not satisfy the tool's `outputSchema`.
    Schema,
    /// The server asks the caller for something that no policy permits it to ask.
    Input,
    /// A stand-in in it may not be used here.
    Restore,
    /// What it hides could not be kept.
    Vault,
    /// What it gives out could not be counted or remembered.
    Unremembered,
    /// An analyzer that has to see it did not, or may not.
    Analyzer,
    /// A policy keeps back what has a class found in it.
    Blocked,
    /// A policy lets such a thing go only once it is approved.
    Held,
}

impl Withheld {
    /// The name in evidence.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Withheld::Uninspectable => "uninspectable",
            Withheld::Unmaskable => "unmaskable",
            Withheld::Schema => "output-schema",
            Withheld::Input => "input-denied",
            Withheld::Restore => "restore-denied",
            Withheld::Vault => "vault-failed",
            Withheld::Unremembered => "not-remembered",
            Withheld::Analyzer => "not-analyzed",
            Withheld::Blocked => "blocked",
            Withheld::Held => "held",
        }
    }

    /// The sentence for the caller and the record.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Withheld::Uninspectable => "the content cannot be inspected in full",
            Withheld::Unmaskable => "the content cannot be masked safely",
            Withheld::Schema => "the masked result would not satisfy the tool's outputSchema",
            Withheld::Input => "the server asks for input that no policy permits it to ask for",
            Withheld::Restore => "a token in it stands for a value that may not be used here",
            Withheld::Vault => "the values that it hides could not be kept for their return",
            Withheld::Unremembered => "what it gives out could not be counted",
            Withheld::Analyzer => "an analyzer that has to see the content did not answer, or may not get it",
            Withheld::Blocked => "a policy keeps back content with data of this kind",
            Withheld::Held => "a policy lets content with data of this kind go only once it is approved",
        }
    }
}
