//! The API's own description, as `OpenAPI` and as a page for people.

use crate::problem::Problem;
use crate::{approvals, chat, events, sessions};
use axum::Json;
use axum::response::Html;
use serde_json::Value;
use std::fmt::Write as _;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

/// All of it.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Longrein",
        description = "Sessions, conversations and approvals of the coding agents on this machine. Every request below /api but \
            its description needs a token that `longrein token create` made, as `Authorization: Bearer TOKEN` or as the \
            password of HTTP Basic. Problems come as application/problem+json (RFC 9457)."
    ),
    paths(
        health,
        sessions::list, sessions::create, sessions::one, sessions::prompt, sessions::input, sessions::interrupt,
        sessions::stop, sessions::restart, sessions::export, events::events,
        chat::chat, chat::reset,
        approvals::list, approvals::one, approvals::decide,
    ),
    components(schemas(Problem, sessions::Format)),
    modifiers(&Security),
)]
struct Description;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for (name, scheme) in [("bearer", HttpAuthScheme::Bearer), ("basic", HttpAuthScheme::Basic)] {
            components.add_security_scheme(name, SecurityScheme::Http(Http::new(scheme)));
        }
    }
}

/// Whether the daemon answers.
#[expect(dead_code, reason = "the relay, which the daemon has with it, answers this")]
#[utoipa::path(get, path = "/health", tag = "health", responses((status = 200, description = "`ok`", content_type = "text/plain")))]
fn health() {}

fn description() -> Value {
    serde_json::to_value(Description::openapi()).unwrap_or_default()
}

/// For programs.
pub(crate) async fn openapi() -> Json<Value> {
    Json(description())
}

/// For people, without a script or anything from elsewhere.
pub(crate) async fn page() -> Html<String> {
    Html(rendered(&description()))
}

fn rendered(description: &Value) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Longrein API</title><h1>Longrein API</h1>",
    );
    let info = &description["info"];
    // Writing to a string does not fail.
    let _ = write!(page, "<p>Version {}. {}", text(&info["version"]), text(&info["description"]));
    page.push_str("<p>The same for programs: <a href=\"/api/openapi.json\">/api/openapi.json</a>");
    for (path, methods) in members(&description["paths"]) {
        for (method, operation) in members(methods) {
            operation_of(&mut page, description, &method.to_uppercase(), path, operation);
        }
    }
    page
}

fn operation_of(page: &mut String, description: &Value, method: &str, path: &str, operation: &Value) {
    let _ = write!(page, "<hr><h2><code>{method} {}</code></h2>", escaped(path));
    let _ = write!(page, "<p>{} {}", text(&operation["summary"]), text(&operation["description"]));
    let scopes = operation["security"][0]["bearer"].as_array().cloned().unwrap_or_default();
    for scope in scopes {
        let _ = write!(page, "<p>Needs the scope <code>{}</code>.", text(&scope));
    }
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<h3>Parameters</h3><dl>");
        for one in parameters {
            let (name, place, about) = (text(&one["name"]), text(&one["in"]), text(&one["description"]));
            let _ = write!(page, "<dt><code>{name}</code> ({place})<dd>{about}");
        }
        page.push_str("</dl>");
    }
    for (media, body) in members(&operation["requestBody"]["content"]) {
        let _ = write!(page, "<h3>Body: {}</h3>", escaped(media));
        schema(page, description, &body["schema"]);
    }
    for (status, response) in members(&operation["responses"]) {
        if status == "default" {
            continue;
        }
        let _ = write!(page, "<h3>Answer {}</h3><p>{}", escaped(status), text(&response["description"]));
        for (media, body) in members(&response["content"]) {
            let _ = write!(page, "<p>{}:", escaped(media));
            schema(page, description, &body["schema"]);
        }
    }
}

/// The members of an object, and what each means.
fn schema(page: &mut String, description: &Value, schema: &Value) {
    let name = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let found = name.map_or(schema, |name| &description["components"]["schemas"][name]);
    let required: Vec<_> =
        found["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    page.push_str("<dl>");
    for (name, property) in members(&found["properties"]) {
        let needed = if required.contains(&name) { "" } else { ", may be absent" };
        let _ =
            write!(page, "<dt><code>{}</code>{needed}<dd>{}", escaped(name), text(&property["description"]));
    }
    page.push_str("</dl>");
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described_with_its_scope_and_its_problems() {
        let all = description();
        let mut count = 0;
        for (path, methods) in members(&all["paths"]) {
            for (method, operation) in members(methods) {
                count += 1;
                assert!(
                    operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
                    "{method} {path}"
                );
                if path != "/health" {
                    let scope = operation["security"][0]["bearer"][0].as_str();
                    assert!(
                        scope.is_some_and(|scope| scope.parse::<session::scope::Scope>().is_ok()),
                        "{method} {path}"
                    );
                    let problem = &operation["responses"]["default"]["content"]["application/problem+json"];
                    assert!(problem["schema"].is_object(), "{method} {path}");
                }
            }
        }
        assert_eq!(count, 16);
    }

    /// Every `$ref` below this.
    fn refs<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str));
                members.values().for_each(|value| refs(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }

    #[test]
    fn the_description_is_one_that_programs_can_be_made_from() {
        let all = description();
        let mut found = Vec::new();
        refs(&all, &mut found);
        assert!(!found.is_empty());
        for path in found {
            let there = path.strip_prefix('#').and_then(|path| all.pointer(path));
            assert!(there.is_some(), "{path} leads nowhere");
        }
        let (mut ids, mut count) = (std::collections::HashSet::new(), 0);
        for (path, methods) in members(&all["paths"]) {
            for (method, operation) in members(methods) {
                let id = operation["operationId"].as_str();
                assert!(id.is_some_and(|id| ids.insert(id.to_owned())), "{method} {path}: {id:?}");
                for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    let name = parameter["name"].as_str().unwrap();
                    let place = if path.contains(&format!("{{{name}}}")) {
                        "path"
                    } else if name.starts_with(char::is_uppercase) {
                        "header"
                    } else {
                        "query"
                    };
                    assert_eq!(parameter["in"], place, "{method} {path}: {name}");
                    assert!(parameter["schema"].is_object(), "{method} {path}: {name}");
                    let needed = place == "path" || name == "conv_id";
                    assert_eq!(parameter["required"], needed, "{method} {path}: {name}");
                    count += 1;
                }
                let named = path.matches('{').count();
                let parameters = operation["parameters"].as_array().map_or(0, Vec::len);
                assert!(parameters >= named, "{method} {path}: its path has {named}");
            }
        }
        assert!(count > 10, "{count}");
    }

    #[test]
    fn the_page_for_people_has_everything_and_runs_nothing() {
        let page = rendered(&description());
        for part in
            ["POST /api/chat", "conv_id", "/api/sessions/{id}/events", "Last-Event-ID", "decide", "digest"]
        {
            assert!(page.contains(part), "{part}");
        }
        assert!(!page.contains("<script") && !page.contains("http://") && !page.contains("https://"));
    }
}
