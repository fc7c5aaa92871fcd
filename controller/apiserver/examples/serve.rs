//! Serves one toy kind on a loopback port, for trying clients: `cargo run --example serve -- 127.0.0.1:8080`.

use jackin_apiserver::{ApiServer, BuildInfo, KindDefinition, Store};
use serde_json::json;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let toy = KindDefinition {
        group: "toys.example".to_owned(),
        version: "v1".to_owned(),
        kind: "Toy".to_owned(),
        plural: "toys".to_owned(),
        singular: "toy".to_owned(),
        short_names: Vec::new(),
        categories: vec!["all".to_owned()],
        namespaced: true,
        schema: json!({
            "type": "object",
            "description": "Something to play with.",
            "properties": {
                "spec": {
                    "type": "object",
                    "description": "What it should be.",
                    "properties": {"color": {"type": "string", "description": "Its color."}},
                },
                "status": {"type": "object", "description": "What it is.", "x-kubernetes-preserve-unknown-fields": true},
            },
        }),
        columns: Vec::new(),
        admit: |_| Ok(()),
    };
    let build = BuildInfo { version: env!("CARGO_PKG_VERSION").to_owned(), git: "unknown".to_owned() };
    let server = ApiServer::new(Store::in_memory(), vec![toy], build);
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    axum::serve(tokio::net::TcpListener::bind(address).await?, server.router()).await
}
