//! What waits for a person's decision.

use crate::auth::Caller;
use crate::input::Body;
use crate::problem::Problem;
use crate::view;
use axum::Json;
use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use session::id::ApprovalId;
use session::message::{self, ApprovalState, Decision, Method, Summary};
use utoipa::{IntoParams, ToSchema};

/// Bytes of a request that the list has with it.
const SHORT: u32 = 16 * 1024;

/// An approval's id in a path.
pub(crate) struct Id(ApprovalId);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.ok().and_then(|Path(id)| id.parse().ok()).map(Self).ok_or_else(missing)
    }
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such approval", "GET /api/approvals lists them")
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Also the last ones that are over.
    #[serde(default)]
    all: bool,
}

/// Approvals.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Approvals {
    /// The soonest to expire first.
    approvals: Vec<view::Approval>,
}

/// Lists what waits for a decision, in all sessions.
#[utoipa::path(get, operation_id = "list_approvals", path = "/api/approvals", tag = "approvals", security(("bearer" = ["read"]), ("basic" = ["read"])), params(Which),
    responses((status = 200, body = Approvals), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn list(
    mut caller: Caller,
    crate::input::Asked(Which { all }): crate::input::Asked<Which>,
) -> Result<Json<Approvals>, Problem> {
    let sessions = caller.connection.sessions().await?;
    let mut found: Vec<_> =
        sessions.iter().flat_map(|of| of.approvals.iter().map(move |one| (of, one))).collect();
    found.retain(|(_, approval)| all || approval.state == ApprovalState::Pending);
    found.sort_by_key(|(_, approval)| (approval.state != ApprovalState::Pending, approval.expires_at));
    let mut approvals = Vec::with_capacity(found.len());
    for (of, approval) in found {
        let mut view = view::Approval::new(of, approval);
        if approval.state == ApprovalState::Pending && approval.length <= SHORT {
            // It may be over by now, and its request gone.
            view.request = request(&mut caller, of, approval).await.ok();
        }
        approvals.push(view);
    }
    Ok(Json(Approvals { approvals }))
}

/// All of what one asks.
#[utoipa::path(get, operation_id = "one_approval", path = "/api/approvals/{id}", tag = "approvals", security(("bearer" = ["read"]), ("basic" = ["read"])),
    params(("id" = String, Path, description = "The approval's id")),
    responses((status = 200, body = view::Approval), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn one(mut caller: Caller, Id(id): Id) -> Result<Json<view::Approval>, Problem> {
    let (of, approval) = find(&mut caller, &id).await?;
    let mut view = view::Approval::new(&of, &approval);
    view.request = Some(request(&mut caller, &of, &approval).await?);
    Ok(Json(view))
}

async fn find(caller: &mut Caller, id: &ApprovalId) -> Result<(Summary, message::Approval), Problem> {
    let sessions = caller.connection.sessions().await?;
    let found = sessions.into_iter().find_map(|of| {
        let approval = of.approvals.iter().find(|approval| approval.id == *id).cloned()?;
        Some((of, approval))
    });
    found.ok_or_else(missing)
}

async fn request(
    caller: &mut Caller,
    of: &Summary,
    approval: &message::Approval,
) -> Result<serde_json::Value, Problem> {
    let bytes = caller.connection.request(&of.id, approval).await?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("the request cannot be read: {error}"),
            "deny it",
        )
    })
}

/// What is decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    /// Allow it, or not.
    decision: Verdict,
    /// The digest of the request that was looked at.
    digest: String,
    /// Of a denial: why, for whoever asked. Of a plan: what is to be different.
    #[serde(default)]
    reason: Option<String>,
    /// One of the request's choices, where it has some.
    #[serde(default)]
    choice: Option<String>,
    /// A text, where the request takes one.
    #[serde(default)]
    text: Option<String>,
    /// The word that a dangerous one wants.
    #[serde(default)]
    word: Option<String>,
    /// For each of the request's questions the choices taken, or a text.
    #[serde(default)]
    answers: Vec<Vec<String>>,
    /// And whatever is of the request's scope until the session ends.
    #[serde(default)]
    for_session: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Allow,
    Deny,
}

/// What was decided.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decided {
    /// Which approval.
    id: String,
    /// What was decided.
    decision: Verdict,
}

/// Decides an approval. The first valid decision counts; every later one is told so with status 409.
#[utoipa::path(post, path = "/api/approvals/{id}", tag = "approvals", security(("bearer" = ["decide"]), ("basic" = ["decide"])),
    params(("id" = String, Path, description = "The approval's id")), request_body = Decide,
    responses((status = 200, body = Decided), (status = "default", body = Problem, content_type = "application/problem+json")))]
pub(crate) async fn decide(
    mut caller: Caller,
    Id(id): Id,
    Body(decide): Body<Decide>,
) -> Result<Json<Decided>, Problem> {
    let Decide { decision: verdict, digest, reason, choice, text, word, answers, for_session } = decide;
    let decision = match verdict {
        Verdict::Allow if reason.is_some() => {
            return Err(Problem::invalid(
                "only a denial has a reason",
                "send `text`, where the request takes one",
            ));
        }
        Verdict::Allow => Decision::Allow { choice, text, word, answers, for_session },
        Verdict::Deny if choice.is_some() || word.is_some() || !answers.is_empty() || for_session => {
            return Err(Problem::invalid("a denial has a reason and nothing else", "leave out the rest"));
        }
        Verdict::Deny => Decision::Deny { text: reason.or(text) },
    };
    let (of, _) = find(&mut caller, &id).await?;
    let method = Method::ApprovalDecide { session: of.id, approval: id.clone(), digest, decision };
    let _: serde_json::Value = caller.call(method).await?;
    Ok(Json(Decided { id: id.to_string(), decision: verdict }))
}
