//! Masking: classes of one's own, rules with their examples, what is allowed and what is not looked for.

use std::collections::BTreeMap;

use carnet_masking::{
    Allow, AllowSpec, DEFAULT_THRESHOLD, Detector, DetectorOptions, Findings, MAX_RULES, Rule, RuleSpec,
    Validator,
};
use carnet_model::{ClassNames, DataClass, Region, Transform};

use super::{LONGEST_KEPT, Resolver, seconds};
use crate::resolved::{AllowEntry, Disabled, FingerprintFile, MaskingConfig, ServerMasking, VaultConfig};
use crate::view::View;
use crate::{scalar, suggest};

impl Resolver<'_, '_> {
    pub(super) fn masking(&mut self, view: View<'_>) -> MaskingConfig {
        let action = |v: View<'_>| v.text().and_then(Transform::by_name);
        let names = self.own_classes(view.get("rules"));
        let classes = self.transforms(view.get("classes"), &names);
        let default = action(view.get("default")).unwrap_or_default();
        let inward = view.get("in");
        // A default of its own replaces what is said for classes in general, too.
        let own = action(inward.get("default"));
        let mut classes_in = if own.is_some() { BTreeMap::new() } else { classes.clone() };
        classes_in.extend(self.transforms(inward.get("classes"), &names));
        MaskingConfig {
            default,
            classes,
            default_in: own.unwrap_or(default),
            classes_in,
            countries: self.countries(view.get("countries")),
            rules: self.rules(view.get("rules"), &names),
            allow: self.allow(view.get("allow"), &names),
            disable: self.disable(view.get("disable"), &names),
            fingerprints: self.fingerprints(view.get("fingerprints")),
            vault: self.vault(view.get("vault")),
            binary: self.binary(view.get("binary")),
            analyzers: self.analyzers(view.get("analyzers")),
            names_in_text: view.get("names").text() != Some("keys"),
            names,
        }
    }

    /// Transforms by class.
    fn transforms(&mut self, view: View<'_>, names: &ClassNames) -> BTreeMap<DataClass, Transform> {
        let mut classes = BTreeMap::new();
        for (name, at, v) in view.pairs() {
            let action = v.text().and_then(Transform::by_name);
            if let (Some(class), Some(action)) = (self.class_at(name, at, names), action) {
                classes.insert(class, action);
            }
        }
        classes
    }

    fn vault(&mut self, view: View<'_>) -> VaultConfig {
        let keep = view.get("keep").duration(seconds(24 * 60 * 60));
        if keep > LONGEST_KEPT {
            let help = Some("90d at most: what is kept longer is a copy of the data, not a vault".to_owned());
            self.report.error(view.get("keep").at(), "values are kept too long", help);
        }
        VaultConfig { keep, entries: view.get("entries").count(1_000_000) }
    }

    pub(super) fn server_masking(&mut self, view: View<'_>, names: &ClassNames) -> ServerMasking {
        let countries = view.get("countries");
        ServerMasking {
            countries: countries.given().then(|| self.countries(countries)),
            disable: self.disable(view.get("disable"), names),
            allow: self.allow(view.get("allow"), names),
        }
    }

    fn countries(&mut self, view: View<'_>) -> Vec<Region> {
        for item in view.items() {
            if item.text().is_some_and(|t| t.len() != 2) {
                let help = Some("two letters, such as `de`".to_owned());
                self.report.error(item.at(), "this is not a country code", help);
            }
        }
        view.items().filter_map(|v| v.region()).collect()
    }

    /// The classes that rules define: those that are not built in, each once.
    fn own_classes(&mut self, rules: View<'_>) -> ClassNames {
        let mut own: Vec<String> = Vec::new();
        for rule in rules.items() {
            let Some(name) = class_of(rule) else { continue };
            if DataClass::by_name(&name).is_some() || own.contains(&name) {
                continue;
            }
            let said = rule.get("class").given();
            if !ClassNames::acceptable(&name) && said {
                // The check of `class` says so.
            } else if !ClassNames::acceptable(&name) {
                let help = Some("write `class:` with small letters, digits and `_`".to_owned());
                self.report.error(
                    rule.get("name").at(),
                    format!("`{name}` cannot be the name of a class"),
                    help,
                );
            } else if DataClass::custom(u8::try_from(own.len()).unwrap_or(u8::MAX)).is_none() {
                self.report.error(rule.get("name").at(), "more than 32 classes of one's own", None);
            } else {
                own.push(name);
            }
        }
        ClassNames::new(own.iter().map(String::as_str))
    }

    pub(super) fn class_at(
        &mut self,
        name: &str,
        at: crate::yaml::Place,
        names: &ClassNames,
    ) -> Option<DataClass> {
        let class = names.by_name(name);
        if class.is_none() && ClassNames::acceptable(name) {
            let all = names.all();
            let known: Vec<&str> = all.iter().map(|c| names.name(c)).collect();
            self.report.error(at, format!("`{name}` is not a data class"), suggest::help(name, &known));
        }
        class
    }

    fn rules(&mut self, view: View<'_>, names: &ClassNames) -> Vec<RuleSpec> {
        let mut specs: Vec<RuleSpec> = Vec::new();
        let mut compiled = Vec::new();
        for item in view.items() {
            let Some(spec) = spec(item, names) else { continue };
            if specs.iter().any(|s| s.name == spec.name) {
                self.report.error(item.get("name").at(), "two rules have this name", None);
            }
            match Rule::new(&spec) {
                Ok(rule) => compiled.push(rule),
                Err(e) => {
                    let at =
                        if spec.pattern.is_some() { item.get("pattern").at() } else { item.get("name").at() };
                    self.report.error(at, e.to_string(), e.help().map(str::to_owned));
                }
            }
            specs.push(spec);
        }
        if specs.len() > MAX_RULES {
            self.report.error(view.at(), format!("more than {MAX_RULES} rules"), None);
        }
        if compiled.len() == specs.len() && view.items().any(|i| i.get("examples").given()) {
            self.examples(view, compiled);
        }
        specs
    }

    /// Tries the examples of every rule as the gateway would: the text of each, or the document that it is.
    fn examples(&mut self, view: View<'_>, rules: Vec<Rule>) {
        let detector = Detector::new(&DetectorOptions { rules, ..DetectorOptions::default() });
        for item in view.items() {
            let Some(name) = item.get("name").text() else { continue };
            let examples = item.get("examples");
            for (key, wanted) in [("match", true), ("no_match", false)] {
                for example in examples.get(key).items() {
                    let Some(text) = example.text() else { continue };
                    let mut found = Findings::new();
                    let read = detector.find_text(text, &mut found);
                    let hit = found.iter().any(|f| f.rule == name);
                    if read.is_err() || hit != wanted {
                        let does = if hit { "finds something" } else { "finds nothing" };
                        let help = Some(
                            "matches need the check digits, entropy, key or words that the rule asks for"
                                .into(),
                        );
                        self.report.error(
                            example.at(),
                            format!("the rule `{name}` {does} here"),
                            help.filter(|_| !hit),
                        );
                    }
                }
            }
        }
    }

    fn allow(&mut self, view: View<'_>, names: &ClassNames) -> Vec<AllowEntry> {
        let mut entries = Vec::new();
        for item in view.items() {
            let classes = item.get("classes");
            let spec = AllowSpec {
                values: item.get("values").strings(),
                pattern: item.get("pattern").string(),
                classes: classes.items().filter_map(|c| self.class_at(c.text()?, c.at(), names)).collect(),
            };
            if spec.values.is_empty() && spec.pattern.is_none() {
                self.report.error(item.at(), "an entry of allow needs `values` or `pattern`", None);
            }
            if let Err(e) = Allow::new(&spec) {
                self.report.error(item.get("pattern").at(), e.to_string(), e.help().map(str::to_owned));
            }
            let Some(reason) = item.get("reason").shared() else { continue };
            entries.push(AllowEntry { spec, reason });
        }
        entries
    }

    fn fingerprints(&mut self, view: View<'_>) -> Vec<FingerprintFile> {
        let folder = self.source.folder;
        let mut files = Vec::new();
        for item in view.items() {
            let threshold = item.get("threshold");
            let percent = threshold.text().and_then(scalar::digits::<u32>).unwrap_or(DEFAULT_THRESHOLD);
            if !(1..=100).contains(&percent) {
                self.report.error(threshold.at(), "the threshold is a share in percent, 1 to 100", None);
            }
            let key = self.secret(item.get("key"));
            let (Some(name), Some(file), Some(key)) =
                (item.get("name").shared(), item.get("file").path(folder), key)
            else {
                continue;
            };
            files.push(FingerprintFile { name, file, key, threshold: percent });
        }
        files
    }

    fn disable(&mut self, view: View<'_>, names: &ClassNames) -> Disabled {
        let mut disabled = Disabled::default();
        for item in view.items() {
            let Some(text) = item.text() else { continue };
            let upper = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
            if text.bytes().all(upper) {
                let mut known: Vec<&str> = carnet_masking::recognisers().iter().map(|r| r.kind).collect();
                known.dedup();
                if !known.contains(&text) {
                    let help =
                        suggest::nearest(text, known.iter().copied()).map(|n| format!("did you mean `{n}`?"));
                    let all = || Some("`carnet scan --list` names them all".to_owned());
                    self.report.error(item.at(), format!("`{text}` is not a type"), help.or_else(all));
                }
                disabled.types.push(text.to_owned());
            } else if let Some(class) = names.by_name(text) {
                disabled.classes.insert(class);
            } else {
                let all = names.all();
                let known: Vec<&str> = all.iter().map(|c| names.name(c)).collect();
                let message = format!("`{text}` is neither a data class nor a type such as `DE_TAX_ID`");
                self.report.error(item.at(), message, suggest::help(text, &known));
            }
        }
        disabled
    }
}

/// The name of a rule's class: as given, or its own name.
fn class_of(rule: View<'_>) -> Option<String> {
    rule.get("class").string().or_else(|| rule.get("name").text().map(|n| n.replace('-', "_")))
}

fn spec(item: View<'_>, names: &ClassNames) -> Option<RuleSpec> {
    let class_name = class_of(item)?;
    Some(RuleSpec {
        name: item.get("name").string()?,
        class: names.by_name(&class_name)?,
        class_name,
        pattern: item.get("pattern").string(),
        ignore_case: item.get("ignore_case").flag(),
        validator: item.get("validator").text().and_then(Validator::by_name),
        entropy: item.get("entropy").text().and_then(scalar::centi).unwrap_or(0),
        keys: item.get("keys").strings(),
        context: item.get("context").strings(),
        without: item.get("without").strings(),
    })
}
