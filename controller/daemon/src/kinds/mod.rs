//! Our kinds as the API server serves them: names, schemas, columns and admission, and the agents that are there unasked.
//!
//! One file a kind for its columns; [`admission`](self::admit) is the same for all. What the kinds mean is in
//! `jackin_api::kinds`, their rules in `jackin_api::validate`, the machinery in `jackin_apiserver`. Nothing here knows of Docker.

mod admission;
mod agent;
mod builtin;
mod cells;
mod image;
mod instance;
mod role;
mod schema;
mod workspace;

pub use admission::admit;
pub use builtin::{BuiltinError, builtin_agents, ensure_builtin};
pub use jackin_apiserver::human_duration;
pub use schema::custom_resource_definitions;

use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use jackin_apiserver::{Admission, Column, FieldError, KindDefinition};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

type Admit = fn(Admission<'_>) -> Result<(), Vec<FieldError>>;

/// The five kinds, in the order in which clients list them.
pub fn definitions() -> Vec<KindDefinition> {
    vec![
        definition(schema::structural(Role::crd()), role::columns(), admit::<Role>),
        definition(schema::structural(Agent::crd()), agent::columns(), admit::<Agent>),
        definition(schema::structural(Workspace::crd()), workspace::columns(), admit::<Workspace>),
        definition(schema::structural(Instance::crd()), instance::columns(), admit::<Instance>),
        definition(schema::structural(Image::crd()), image::columns(), admit::<Image>),
    ]
}

fn definition(crd: CustomResourceDefinition, columns: Vec<Column>, admit: Admit) -> KindDefinition {
    let names = crd.spec.names;
    let version = crd.spec.versions.into_iter().next();
    let (version, schema) = version.map_or_else(Default::default, |version| (version.name, version.schema));
    let schema = schema.and_then(|validation| validation.open_api_v3_schema);
    KindDefinition {
        group: crd.spec.group,
        version,
        singular: names.singular.unwrap_or_else(|| names.kind.to_lowercase()),
        kind: names.kind,
        plural: names.plural,
        short_names: names.short_names.unwrap_or_default(),
        categories: names.categories.unwrap_or_default(),
        namespaced: crd.spec.scope == "Namespaced",
        schema: serde_json::to_value(schema).unwrap_or(Value::Null),
        columns,
        admit,
    }
}
