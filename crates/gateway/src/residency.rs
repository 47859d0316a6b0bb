//! What a configuration says of places, made ready, and what is refused of it: ways out of the gateway beside its callers
//! and servers that lead where the policies do not let go what they would carry.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use carnet_approvals::View;
use carnet_config::{Attestation, Config, Endpoint, Gets, Positions};
use carnet_gate::{Crossing, Places, Recipient, Recipients, ResidencyRules};
use carnet_model::{AuthMethod, ClassSet, DataClass, Identity, IdentityKind, Principal, Region};
use carnet_policy::{Context, Direction, Flow, PolicySet, PrincipalKey};
use carnet_residency::{Jurisdictions, Known, Place, attest};

use crate::load::{Runtime, unix_now};

/// Issuer of the gateway itself, where it is the one who sends.
const CELL: &str = "carnet:cell";

/// The table of a configuration with its own zones, and the table's text.
///
/// # Errors
/// What cannot be read, or used.
pub fn table(config: &Config) -> Result<(Jurisdictions, String), Vec<String>> {
    let residency = &config.residency;
    let text = match &residency.table {
        None => Jurisdictions::built_in_text().to_owned(),
        Some(path) => {
            std::fs::read_to_string(path).map_err(|e| vec![format!("{}: {}", path.display(), e.kind())])?
        }
    };
    let at = residency.table.as_ref().map_or_else(String::new, |path| format!("{}: ", path.display()));
    let table = Jurisdictions::parse(&text).map_err(|e| vec![format!("{at}{e}")])?;
    let table = table.with_zones(&residency.zones).map_err(|e| vec![format!("residency.zones: {e}")])?;
    Ok((table, text))
}

/// The rules of a configuration.
#[must_use]
pub fn rules(config: &Config, table: &Jurisdictions, cell_known: Known) -> ResidencyRules {
    let all: Vec<Recipient> = config.endpoints().into_iter().map(recipient).collect();
    ResidencyRules {
        enforce: config.residency.enforce,
        declared: config.residency.mechanisms.clone(),
        models: config.residency.models.clone(),
        cell_known,
        recipients: Recipients::new(&all, table, &config.cell.region),
    }
}

/// An endpoint as decisions and records know it. Analyzers and channels are asked about where they are used, and what usage
/// tells names nobody: the start looks at that.
fn recipient(endpoint: Endpoint) -> Recipient {
    let Endpoint { at, region, gets } = endpoint;
    let asked = matches!(gets, Gets::Records | Gets::Content);
    Recipient { at, region, known: Known::Asserted, gets: gets.word(), asked }
}

/// Where the cell is, and how that is known.
///
/// # Errors
/// When what attests it cannot be read, does not fit, or says something else than the configuration.
pub fn cell(config: &Config, table: &Jurisdictions) -> Result<Place, String> {
    let asserted = Place::asserted(config.cell.region.clone());
    let Some(attestation) = &config.cell.attestation else { return Ok(asserted) };
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|e| format!("cell.attestation: {}: {}", path.display(), e.kind()))
    };
    let now = i64::try_from(unix_now()).unwrap_or(i64::MAX);
    let attested = match attestation {
        Attestation::Amazon { document, signature, key } => {
            attest::amazon(read(document)?.as_bytes(), &read(signature)?, &read(key)?)
        }
        Attestation::Google { document, keys, audience } => {
            attest::google(&read(document)?, &read(keys)?, audience, now)
        }
        Attestation::Azure { document, roots, nonce } => {
            attest::azure(&read(document)?, &read(roots)?, nonce.as_deref(), now)
        }
    };
    let attested = attested.map_err(|e| format!("cell.attestation: {e}"))?;
    let (said, signed) = (asserted.region.clone(), attested.region.clone());
    match table.settle(&[asserted, attested]) {
        place if place.known == Known::Attested => Ok(place),
        _ => Err(format!("cell.region: the configuration says {said}, the attestation {signed}")),
    }
}

/// What a start is refused for.
#[must_use]
pub fn refused(
    config: &Config,
    positions: &Positions,
    table: &Jurisdictions,
    policies: &PolicySet,
) -> Vec<String> {
    let mut errors = misnamed(config, table);
    if config.residency.enforce {
        errors.extend(unknown(config, table));
        for endpoint in config.endpoints() {
            errors.extend(closed(config, table, policies, &endpoint));
        }
    }
    let place = |key: &str| positions.find(key);
    errors
        .into_iter()
        .map(|e| format!("{}: {}: {}\n  = help: {}", place(&e.key), e.at, e.what, e.help))
        .collect()
}

/// One mistake.
struct Refused {
    /// The key that it stands at.
    key: String,
    /// What it is about.
    at: String,
    what: String,
    help: &'static str,
}

const STATE: &str = "state where it is: a country (de), or a cloud region (eu-west-2)";
const NAME: &str =
    "name a country (de), a cloud region (eu-west-2) or a zone; `residency.zones` makes zones of one's own";
const MOVE: &str =
    "put it where the policies let this go, leave it out, or permit `transfer` of these classes to there";

/// Places of grounds and models that are none: what they are meant for would never be found.
fn misnamed(config: &Config, table: &Jurisdictions) -> Vec<Refused> {
    let mut places: Vec<(String, &Region)> = Vec::new();
    for (n, mechanism) in config.residency.mechanisms.iter().enumerate() {
        places.push((format!("residency.mechanisms[{n}].to"), &mechanism.to));
        places.extend(mechanism.from.as_ref().map(|from| (format!("residency.mechanisms[{n}].from"), from)));
    }
    places
        .extend(config.residency.models.iter().map(|(agent, at)| (format!("residency.models.{agent}"), at)));
    let known = |at: &(String, &Region)| table.is_known(at.1);
    places.iter().filter(|at| !known(at)).map(|(at, region)| nowhere(at, at, region)).collect()
}

fn nowhere(key: &str, at: &str, region: &Region) -> Refused {
    let what = format!("`{region}` is no country, zone or region that the table knows");
    Refused { key: key.to_owned(), at: at.to_owned(), what, help: NAME }
}

/// Places of the cell and of servers that nobody states, or that the table does not know.
fn unknown(config: &Config, table: &Jurisdictions) -> Vec<Refused> {
    let mut places = vec![("cell.region".to_owned(), &config.cell.region)];
    for server in &config.servers {
        places.push((format!("servers.{}.region", server.name), &server.region));
        places.extend(server.origin.as_ref().map(|o| (format!("servers.{}.origin", server.name), o)));
    }
    let missing = places.iter().filter(|(_, region)| !table.is_known(region));
    let refused = |(at, region): &(String, &Region)| match region.as_str() {
        "unknown" => Refused {
            key: at.clone(),
            at: at.clone(),
            what: "nobody says where it is, and residency is enforced".to_owned(),
            help: STATE,
        },
        _ => nowhere(at, at, region),
    };
    missing.map(refused).collect()
}

/// The classes of data that an endpoint would get whatever passes.
fn gets(config: &Config, gets: Gets) -> Vec<DataClass> {
    let mut all: Vec<DataClass> = gets.classes().iter().collect();
    if matches!(gets, Gets::Content | Gets::Keys) {
        all.extend(config.masking.names.own().map(|(class, _)| class));
    }
    all
}

/// Why an endpoint may not be where it is.
fn closed(config: &Config, table: &Jurisdictions, policies: &PolicySet, to: &Endpoint) -> Option<Refused> {
    let at = &to.at;
    let key = if at == "evidence.witness" { format!("{at}.regions") } else { format!("{at}.region") };
    let Some(region) = &to.region else {
        let what = "nobody says where it is (`region`), and residency is enforced".to_owned();
        return Some(Refused { key, at: at.clone(), what, help: STATE });
    };
    if !table.is_known(region) {
        return Some(nowhere(&key, at, region));
    }
    let mut denied: BTreeSet<DataClass> = BTreeSet::new();
    let me =
        Identity { kind: IdentityKind::Workload, issuer: CELL.into(), subject: config.cell.name.clone() };
    let mut principal = Principal::new(me, AuthMethod::Local);
    principal.region = Some(config.cell.region.clone());
    let principal = PrincipalKey::new(&principal);
    // What it gets is about every server's data.
    let own: (Arc<str>, &Region) = (config.cell.name.clone(), &config.cell.region);
    let servers = config.servers.iter().map(|s| (s.name.clone(), s.origin.as_ref().unwrap_or(&s.region)));
    for (server, origin) in servers.chain([own]) {
        let cell = &config.cell.region;
        let places = Places { from: cell, to: region, origin, model: None, cell };
        let now = i64::try_from(unix_now()).unwrap_or(i64::MAX);
        let crossing = Crossing::find(table, &config.residency.mechanisms, places, &server, now);
        if crossing.stays {
            continue;
        }
        let context = Context {
            direction: Direction::Out,
            now,
            crossing: Some(crossing.facts(&[])),
            ..Context::default()
        };
        let flow = Flow { server: &server, tool: None, direction: Direction::Out };
        let classes: ClassSet = gets(config, to.gets).into_iter().collect();
        let allowed = policies.transfer(&principal, flow, crossing.route(), classes, &context);
        denied.extend(classes.difference(allowed.classes).iter());
    }
    if denied.is_empty() {
        return None;
    }
    let classes: Vec<&str> = denied.iter().map(|c| config.masking.names.name(*c)).collect();
    let what = format!(
        "no policy lets {} go from {} to {region}, which it would get",
        classes.join(", "),
        config.cell.region
    );
    Some(Refused { key, at: at.clone(), what, help: MOVE })
}

/// Whether what approvers see of a held call may go to a place: the classes of data in it, though masked, are what the policies are
/// asked about.
pub(crate) fn may_be_seen(runtime: &Runtime, who: &PrincipalKey, to: &Region, view: &View, at: i64) -> bool {
    let from = &runtime.gate.cell_region;
    if runtime.gate.jurisdictions.same_place(from, to) {
        return true;
    }
    let mut classes = ClassSet::EMPTY;
    for name in &view.classes {
        let Some(class) = runtime.config.masking.names.by_name(name.as_str()) else { return false };
        classes.insert(class);
    }
    if view.requester.as_str().contains('@') {
        classes.insert(DataClass::EMAIL);
    }
    let server = Arc::<str>::from(view.server.as_str());
    let tool = view.tool.as_ref().map(|t| Arc::<str>::from(t.as_str()));
    let flow = Flow { server: &server, tool: tool.as_ref(), direction: Direction::Out };
    let facts = runtime.servers.get(&server).map(|s| &s.facts);
    let origin = facts.map_or(from, |f| f.origin.as_ref().unwrap_or(&f.region));
    let places = Places { from, to, origin, model: None, cell: from };
    let rules = &runtime.gate.residency;
    let crossing = Crossing::find(&runtime.gate.jurisdictions, &rules.declared, places, &server, at);
    if rules.enforce && crossing.unknown {
        return false;
    }
    let categories = facts.map_or(&[][..], |f| &f.categories);
    let context = Context {
        now: at,
        direction: Direction::Out,
        crossing: Some(crossing.facts(categories)),
        ..Context::default()
    };
    let allowed = runtime.gate.policies.transfer(who, flow, crossing.route(), classes, &context);
    allowed.stop.is_none() && allowed.classes == classes
}
