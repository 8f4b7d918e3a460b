//! `GET /openapi.json`: the API's description.

use axum::{Json, extract::State, routing::get};
use serde_json::{Value, json};

use super::{
    request::Environment,
    table::{self, Endpoint},
};
use crate::{
    app::Shared,
    error::Problem,
    principals::Surface,
    wire::openapi::{self, Operation},
};

pub(super) fn endpoint() -> Endpoint {
    Endpoint::of_environment("/openapi.json", get(document)).on(Surface::Known).described(Operation {
        method: "get",
        id: "openapi",
        summary: "Describe the API",
        parameters: &[],
        request: None,
        response: |_| json!({ "type": "object" }),
        errors: &[],
    })
}

async fn document(State(app): State<Shared>, environment: Environment) -> Result<Json<Value>, Problem> {
    let pack = environment.pack(&app)?;
    let lines = table::lines(app.config.mode, !environment.in_path);
    let guarded = !app.config.tokens.is_empty();
    if environment.in_path {
        let base = format!("/envs/{}", pack.name());
        return Ok(Json(openapi::document(&lines, &pack, (&base, &[pack.name()]), guarded)));
    }
    let catalog = app.live.catalog();
    let names: Vec<&str> = catalog.packs().iter().map(|pack| pack.name()).collect();
    Ok(Json(openapi::document(&lines, &pack, ("", &names), guarded)))
}
