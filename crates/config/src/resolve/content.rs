//! `masking.binary` and `masking.analyzers`.

use std::time::Duration;

use carnet_model::{ClassSet, DataClass};

use super::Resolver;
use crate::resolved::{AnalyzerConfig, BinaryAction, BinaryRule};
use crate::scalar;
use crate::view::View;

/// What an analyzer is asked for where the configuration does not say.
const ANALYZED: [DataClass; 3] = [DataClass::PERSON, DataClass::LOCATION, DataClass::ORGANISATION];

impl Resolver<'_, '_> {
    pub(super) fn binary(&mut self, view: View<'_>) -> Vec<BinaryRule> {
        let mut rules = Vec::new();
        for item in view.items() {
            let types: Vec<String> =
                item.get("types").strings().iter().map(|t| t.to_ascii_lowercase()).collect();
            for (given, text) in item.get("types").items().zip(&types) {
                let parts: Vec<&str> = text.split('/').collect();
                if parts.len() != 2 || parts.iter().any(|p| p.is_empty()) {
                    let help = Some("`image/png`, or `image/*`".to_owned());
                    self.report.error(given.at(), "this is no media type", help);
                }
            }
            let action = match item.get("action").text() {
                Some("pass") => BinaryAction::Pass,
                Some("strip") => BinaryAction::Strip,
                Some("inspect") => BinaryAction::Inspect,
                _ => BinaryAction::Withhold,
            };
            let size = usize::try_from(item.get("size").size(16 << 20)).unwrap_or(usize::MAX);
            rules.push(BinaryRule { types, size, action, pictures: item.get("pictures").flag() });
        }
        rules
    }

    pub(super) fn analyzers(&mut self, view: View<'_>) -> Vec<AnalyzerConfig> {
        let mut analyzers: Vec<AnalyzerConfig> = Vec::new();
        for item in view.items() {
            let allow_plaintext = item.get("allow_plaintext").flag();
            let help = "use https, or allow it by `allow_plaintext: true`";
            self.no_plaintext(item.get("url"), allow_plaintext, help);
            let named: ClassSet =
                item.get("classes").items().filter_map(|c| DataClass::by_name(c.text()?)).collect();
            let least = item.get("least");
            let percent = least.text().and_then(scalar::digits::<u8>).unwrap_or(50);
            if percent > 100 {
                self.report.error(least.at(), "the least score is in percent, 0 to 100", None);
            }
            let (Some(name), Some(url), Some(region)) =
                (item.get("name").shared(), item.get("url").string(), item.get("region").region())
            else {
                continue;
            };
            if analyzers.iter().any(|a| a.name == name) {
                self.report.error(item.get("name").at(), "two analyzers have this name", None);
            }
            analyzers.push(AnalyzerConfig {
                name,
                url,
                region,
                language: item.get("language").shared().unwrap_or_else(|| "en".into()),
                classes: if named.is_empty() { ANALYZED.into_iter().collect() } else { named },
                least: percent,
                timeout: item.get("timeout").duration(Duration::from_millis(500)),
                cache: item.get("cache").count(10_000),
                withhold: item.get("on_failure").text() != Some("pass"),
                allow_plaintext,
            });
        }
        analyzers
    }
}
