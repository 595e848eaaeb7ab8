//! `longrein token create`, `longrein token list` and `longrein token revoke NAME`.

use crate::args::{Json, TokenCommand, TokenCreate, TokenRevoke};
use crate::duration;
use crate::hosts;
use crate::problem::{Doing as _, Outcome};
use crate::table;
use session::message::{Granted, Method, Token};
use std::process::ExitCode;

/// Does one of them.
pub async fn run(command: TokenCommand) -> Outcome {
    match command {
        TokenCommand::Create(args) => create(args).await,
        TokenCommand::List(args) => list(&args).await,
        TokenCommand::Revoke(args) => revoke(args).await,
    }
}

/// The secret alone goes to standard output, so that a script can take it.
async fn create(args: TokenCreate) -> Outcome {
    let route = hosts::route(&hosts::paths()?, None).await?;
    let name = match args.name {
        Some(name) => name,
        None => new_name()?,
    };
    let method = Method::TokenCreate { name, scopes: args.scopes, ttl: args.ttl };
    let Granted { secret, token } = hosts::ask(&route, method).await?;
    if args.json {
        let mut value = serde_json::json!(token);
        value["secret"] = secret.0.into();
        say!("{value}");
        return Ok(ExitCode::SUCCESS);
    }
    note!(
        "The token {} may {} for {}. It is shown this once:",
        token.name,
        scopes(&token),
        duration::show(args.ttl.into())
    );
    say!("{}", secret.0);
    Ok(ExitCode::SUCCESS)
}

fn new_name() -> Result<String, session::message::Failure> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).doing("get random bytes")?;
    Ok(format!("token-{:08x}", u32::from_be_bytes(bytes)))
}

fn scopes(token: &Token) -> String {
    token.scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(",")
}

async fn list(args: &Json) -> Outcome {
    let route = hosts::route(&hosts::paths()?, None).await?;
    let tokens: Vec<Token> = hosts::ask(&route, Method::TokenList {}).await?;
    if args.json {
        say!("{}", serde_json::json!(tokens));
        return Ok(ExitCode::SUCCESS);
    }
    if tokens.is_empty() {
        say!("There are no tokens. `longrein token create` makes one.");
        return Ok(ExitCode::SUCCESS);
    }
    let now = table::now_ms();
    let row = |token: &Token| {
        let left = if token.expires_at <= now {
            "expired".to_owned()
        } else {
            duration::show(duration::left(token.expires_at, now))
        };
        let used = token.used_at.map_or_else(|| "never".to_owned(), |at| table::ago(at, now));
        vec![token.name.clone(), scopes(token), table::ago(token.created_at, now), left, used]
    };
    let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
    table::print(&["NAME", "SCOPES", "MADE", "LEFT", "USED"], &rows);
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: TokenRevoke) -> Outcome {
    let route = hosts::route(&hosts::paths()?, None).await?;
    let _: serde_json::Value = hosts::ask(&route, Method::TokenRevoke { name: args.name.clone() }).await?;
    if args.json {
        say!("{}", serde_json::json!({ "revoked": args.name }));
    } else {
        say!("The token {} is revoked.", args.name);
    }
    Ok(ExitCode::SUCCESS)
}
