//! The demo's policies: for the sample server, and for a server of one's own.

/// For the sample server.
pub(super) const CRM: &[(&str, &str)] = &[
    ("demo/crm.cedar", include_str!("policies/crm.cedar")),
    ("demo/data.cedar", include_str!("policies/data.cedar")),
];

/// For a server that the user puts behind the demo.
pub(super) const OWN: &[(&str, &str)] = &[
    ("demo/own.cedar", include_str!("policies/own.cedar")),
    ("demo/data.cedar", include_str!("policies/data.cedar")),
];

#[cfg(test)]
mod tests;
