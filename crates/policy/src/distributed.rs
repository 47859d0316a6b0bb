//! Policies that somebody else than the cell's own operator wrote: they may forbid, and nothing else.

use cedar_policy::Effect;

/// Whether a text is nothing but `forbid` policies: such a text can take away, never give. False for what cannot be read.
#[must_use]
pub fn only_forbids(text: &str) -> bool {
    text.parse::<cedar_policy::PolicySet>().is_ok_and(|set| {
        set.templates().next().is_none() && set.policies().all(|policy| policy.effect() == Effect::Forbid)
    })
}

#[cfg(test)]
mod tests {
    use super::only_forbids;

    #[test]
    fn a_permit_among_them_is_seen() {
        let forbid = r#"@id("a") forbid (principal, action, resource);"#;
        assert!(only_forbids(""));
        assert!(only_forbids(forbid));
        assert!(!only_forbids(&format!("{forbid} permit (principal, action, resource);")));
        assert!(!only_forbids("forbid (principal == ?principal, action, resource);"));
        assert!(!only_forbids("forbid"));
    }
}
