//! Structural schemas: what a Kubernetes API server takes as the schema of a custom resource.

use jackin_api::kinds::{Agent, Image, Instance, Role, Workspace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;

/// The five kinds as a Kubernetes API server installs them.
pub fn custom_resource_definitions() -> Vec<CustomResourceDefinition> {
    [Role::crd(), Agent::crd(), Workspace::crd(), Instance::crd(), Image::crd()].into_iter().map(structural).collect()
}

/// The definition with what structural schemas forbid left out.
///
/// `additionalProperties: false` beside `properties` is refused by Kubernetes, which prunes or reports unknown fields by itself.
/// The root's description is generated from the struct's name, so the kind's own is put in its place.
pub(super) fn structural(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        if let Some(schema) = version.schema.as_mut().and_then(|validation| validation.open_api_v3_schema.as_mut()) {
            clean(schema);
            describe_root(schema, &crd.spec.names.kind);
        }
    }
    crd
}

fn describe_root(schema: &mut JSONSchemaProps, kind: &str) {
    let Some(properties) = &mut schema.properties else {
        return;
    };
    for (name, text) in [
        ("spec", format!("What the {kind} should be.")),
        ("status", format!("What was observed of the {kind}. Written by the controller.")),
    ] {
        if let Some(property) = properties.get_mut(name) {
            property.description = Some(text);
        }
    }
}

fn clean(schema: &mut JSONSchemaProps) {
    if matches!(schema.additional_properties, Some(JSONSchemaPropsOrBool::Bool(false))) {
        schema.additional_properties = None;
    }
    if let Some(JSONSchemaPropsOrBool::Schema(inner)) = &mut schema.additional_properties {
        clean(inner);
    }
    if let Some(JSONSchemaPropsOrArray::Schema(inner)) = &mut schema.items {
        clean(inner);
    }
    for property in schema.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        clean(property);
    }
}
