//! Entities: the names and facts of principals, servers and regions as Cedar sees them.
//!
//! Values are made directly, not from parsed expressions, and ancestors are given complete, so that nothing
//! is computed on the path of a call.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use carnet_model::{Action, ClassSet, HeldCall, Region, Resource};
use cedar_policy_core::ast::{Eid, Entity, EntityType, EntityUID, PartialValue, Value};

/// The entity types of the schema, parsed once.
pub(crate) struct Types {
    pub(crate) action: EntityType,
    pub(crate) user: EntityType,
    pub(crate) workload: EntityType,
    pub(crate) group: EntityType,
    pub(crate) region: EntityType,
    pub(crate) server: EntityType,
    pub(crate) tool: EntityType,
    resource: EntityType,
    prompt: EntityType,
    class: EntityType,
    held: EntityType,
    evidence: EntityType,
    pub(crate) arguments: EntityType,
    pub(crate) numbers: EntityType,
}

pub(crate) static TYPES: LazyLock<Types> = LazyLock::new(|| Types {
    action: entity_type("Action"),
    user: entity_type("User"),
    workload: entity_type("Workload"),
    group: entity_type("Group"),
    region: entity_type("Region"),
    server: entity_type("Server"),
    tool: entity_type("Tool"),
    resource: entity_type("Resource"),
    prompt: entity_type("Prompt"),
    class: entity_type("DataClass"),
    held: entity_type("HeldCall"),
    evidence: entity_type("Evidence"),
    arguments: entity_type("Arguments"),
    numbers: entity_type("Numbers"),
});

#[expect(clippy::expect_used, reason = "only the constant names above are given, and a test loads them")]
fn entity_type(name: &str) -> EntityType {
    name.parse().expect("a plain type name")
}

/// `type::"id"`.
pub(crate) fn uid(ty: &EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(ty.clone(), Eid::new(id), None)
}

/// `Action::"tools/call"`.
pub(crate) fn action_uid(action: Action) -> EntityUID {
    uid(&TYPES.action, action.as_str())
}

/// `Region::"de"`.
pub(crate) fn region_uid(region: &Region) -> EntityUID {
    uid(&TYPES.region, region.as_str())
}

/// Attributes under construction.
pub(crate) type Attrs = Vec<(&'static str, Value)>;

/// An entity with these attributes, and these direct parents as its only ancestors.
pub(crate) fn entity(uid: EntityUID, attrs: Attrs, parents: HashSet<EntityUID>) -> Arc<Entity> {
    let attrs = attrs.into_iter().map(|(k, v)| (k.into(), PartialValue::Value(v)));
    Arc::new(Entity::new_with_attr_partial_value(uid, attrs, HashSet::new(), parents, []))
}

/// An entity that carries tags only.
pub(crate) fn tagged(uid: EntityUID, tags: impl IntoIterator<Item = (String, Value)>) -> Arc<Entity> {
    let tags = tags.into_iter().map(|(k, v)| (k.into(), PartialValue::Value(v)));
    Arc::new(Entity::new_with_attr_partial_value(uid, [], HashSet::new(), HashSet::new(), tags))
}

/// A set of strings as a value.
pub(crate) fn string_set<'a>(items: impl IntoIterator<Item = &'a str>) -> Value {
    Value::set(items.into_iter().map(Value::from), None)
}

/// What the configuration says of a server, for policies to see.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// The server's name.
    pub name: Arc<str>,
    /// Where it runs.
    pub region: Region,
    /// Labels, such as `prod`.
    pub labels: Vec<Arc<str>>,
    /// The classes of data that it is said to give out; `None`: nobody says.
    pub classes: Option<ClassSet>,
}

/// A server of the configuration.
struct Known {
    region: Region,
    classes: Option<ClassSet>,
    entity: Arc<Entity>,
}

/// The facts of a snapshot: its servers, regions and classes, ready for evaluation.
pub(crate) struct Facts {
    servers: HashMap<Arc<str>, Known>,
    regions: HashMap<EntityUID, Arc<Entity>>,
    classes: BTreeMap<usize, Arc<str>>,
    pub(crate) cell: Region,
}

impl Facts {
    pub(crate) fn new(options: &crate::Options) -> Facts {
        let servers = options.servers.iter().map(|s| {
            let known = Known { region: s.region.clone(), classes: s.classes, entity: server_entity(s) };
            (s.name.clone(), known)
        });
        let regions = options.zones.iter().map(|(inner, _)| {
            let uid = region_uid(inner);
            (uid.clone(), entity(uid, Attrs::new(), zones_of(inner, &options.zones)))
        });
        let classes = (0u8..).zip(&options.custom_classes);
        Facts {
            servers: servers.collect(),
            regions: regions.collect(),
            classes: classes.map(|(n, name)| (96 + usize::from(n), name.clone())).collect(),
            cell: options.cell_region.clone(),
        }
    }

    /// Where a server runs; unknown if the configuration does not say.
    pub(crate) fn server_region(&self, server: &str) -> Region {
        self.servers.get(server).map_or_else(Region::unknown, |s| s.region.clone())
    }

    /// The classes that a server is said to give out, where the configuration says.
    pub(crate) fn declared(&self, server: &str) -> Option<ClassSet> {
        self.servers.get(server)?.classes
    }

    /// The server's entity, made up with nothing known if the configuration has none of this name.
    pub(crate) fn server(&self, name: &Arc<str>) -> Arc<Entity> {
        self.servers.get(name).map_or_else(
            || {
                server_entity(&ServerFacts {
                    name: name.clone(),
                    region: Region::unknown(),
                    labels: Vec::new(),
                    classes: None,
                })
            },
            |s| s.entity.clone(),
        )
    }

    /// The region's entity, if it is in any zone.
    pub(crate) fn region(&self, uid: &EntityUID) -> Option<Arc<Entity>> {
        self.regions.get(uid).cloned().or_else(|| self.subdivision(uid))
    }

    /// A subdivision after ISO 3166-2 (`us-ca`) that is not listed lies where its country does.
    fn subdivision(&self, uid: &EntityUID) -> Option<Arc<Entity>> {
        let (code, rest) = <Eid as AsRef<str>>::as_ref(uid.eid()).split_once('-')?;
        let part = (1..=3).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        if code.len() != 2 || !part || uid.entity_type() != &TYPES.region {
            return None;
        }
        let country = self.regions.get(&region_uid(&Region::new(code)))?;
        let around = country.ancestors().cloned().chain([country.uid().clone()]).collect();
        Some(entity(uid.clone(), Attrs::new(), around))
    }

    /// An entity that a policy names in so many words, where the snapshot knows facts of it.
    pub(crate) fn literal(&self, uid: &EntityUID) -> Option<Arc<Entity>> {
        if uid.entity_type() == &TYPES.server {
            return self.servers.get::<str>(uid.eid().as_ref()).map(|s| s.entity.clone());
        }
        self.region(uid)
    }

    /// The resource as policies name it.
    pub(crate) fn resource_uid(&self, resource: &Resource) -> EntityUID {
        match resource {
            Resource::Server(name) => uid(&TYPES.server, name),
            Resource::Tool { .. } => uid(&TYPES.tool, &resource.id()),
            Resource::Resource { .. } => uid(&TYPES.resource, &resource.id()),
            Resource::Prompt { .. } => uid(&TYPES.prompt, &resource.id()),
            Resource::Class(class) => {
                uid(&TYPES.class, self.classes.get(&class.index()).map_or(class.name(), AsRef::as_ref))
            }
            Resource::Held(held) => uid(&TYPES.held, &held.on.id()),
            Resource::Evidence => uid(&TYPES.evidence, "log"),
        }
    }

    /// The resource's entity and its server's.
    pub(crate) fn resource(&self, resource: &Resource) -> Vec<Arc<Entity>> {
        let own = |key, text: &str, server: &Arc<str>| {
            let server = self.server(server);
            let attrs = vec![("server", Value::from(server.uid().clone())), (key, Value::from(text))];
            vec![entity(self.resource_uid(resource), attrs, HashSet::from([server.uid().clone()])), server]
        };
        match resource {
            Resource::Server(name) => vec![self.server(name)],
            Resource::Tool { server, name } | Resource::Prompt { server, name } => own("name", name, server),
            Resource::Resource { server, uri } => own("uri", uri, server),
            Resource::Held(held) => self.held(resource, held),
            Resource::Class(_) | Resource::Evidence => {
                vec![entity(self.resource_uid(resource), Attrs::new(), HashSet::new())]
            }
        }
    }
}

impl Facts {
    /// A held call, within what it is on, within its server.
    fn held(&self, resource: &Resource, held: &HeldCall) -> Vec<Arc<Entity>> {
        let mut all = self.resource(&held.on);
        let texts = |key: &'static str, text: &str| (key, Value::from(text));
        let mut attrs = vec![
            texts("method", &held.method),
            texts("hold", &held.hold),
            texts("requester", &held.requester),
            ("classes", string_set(held.classes.iter().map(AsRef::as_ref))),
            ("escalated", Value::from(held.escalated)),
            ("result", Value::from(held.result)),
        ];
        let mut within = HashSet::from([self.resource_uid(&held.on)]);
        if let Some(server) = held.on.server() {
            let server = uid(&TYPES.server, server);
            attrs.push(("server", Value::from(server.clone())));
            within.insert(server);
        }
        all.push(entity(self.resource_uid(resource), attrs, within));
        all
    }
}

fn server_entity(facts: &ServerFacts) -> Arc<Entity> {
    let attrs = vec![
        ("region", Value::from(region_uid(&facts.region))),
        ("labels", string_set(facts.labels.iter().map(AsRef::as_ref))),
    ];
    entity(uid(&TYPES.server, &facts.name), attrs, HashSet::new())
}

/// Every zone that holds the region, directly or through other zones; a circle ends.
fn zones_of(region: &Region, zones: &[(Region, Vec<Region>)]) -> HashSet<EntityUID> {
    let (mut found, mut open) = (HashSet::new(), vec![region]);
    while let Some(inner) = open.pop() {
        for outer in zones.iter().filter(|(r, _)| r == inner).flat_map(|(_, outer)| outer) {
            if outer != region && found.insert(region_uid(outer)) {
                open.push(outer);
            }
        }
    }
    found
}
