use std::io::{self, Write};

use clap::{Args, Subcommand};
use serde_json::json;

use super::console::{eprint_line, print_line};
use super::failure::Failure;
use crate::domain::{Clock, InvalidSubmission, IssuedToken, Stamp, Token, TokenName, TokenRequest};
use crate::http::TokenList;
use crate::store::Store;

#[derive(Args)]
pub(super) struct Options {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a token and print it, once: the store has only its hash
    Create(Create),
    /// List all tokens, revoked and expired ones too
    List {
        /// As GET /admin/tokens answers it
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token for good; services refuse it within 5 seconds
    Revoke {
        /// The token's name
        name: String,
    },
}

#[derive(Args)]
struct Create {
    /// A name that no token had before: a to z, 0 to 9, '.', '_' and '-'
    name: String,
    /// What it is for: gate, reader, clerk or admin
    #[arg(long)]
    role: String,
    /// The gate that it is bound to; only for the role gate
    #[arg(long)]
    gate: Option<String>,
    /// When it expires, such as 2027-01-31T18:00:00+08:00
    #[arg(long, value_name = "RFC3339")]
    expires: Option<String>,
}

/// Manages the tokens in `store`.
pub(super) fn token(store: &dyn Store, options: Options) -> Result<(), Failure> {
    match options.action {
        Action::Create(options) => create(store, options),
        Action::List { json } => list(store, json),
        Action::Revoke { name } => revoke(store, &name),
    }
}

fn create(store: &dyn Store, options: Create) -> Result<(), Failure> {
    let Create { name, role, gate, expires } = options;
    let body = json!({"name": name, "role": role, "gate": gate, "expires_at": expires});
    let now = Clock::system().now();
    let request = TokenRequest::parse(body.to_string().as_bytes(), now).map_err(|e| invalid(&e))?;
    let taken = || Failure::new(format!("there is or was a token with the name {name}"));
    if request.name.is_reserved() {
        return Err(taken());
    }
    let token = IssuedToken::new(request, now, None);
    let secret = Token::generate().map_err(|error| Failure::of("cannot make a token", &error))?;
    if !store.create_token(&secret.hash(), &token)? {
        return Err(taken());
    }
    // Unlike other output, this cannot be had again.
    writeln!(io::stdout(), "{}", secret.reveal()).map_err(|error| {
        Failure::of("the token is made but cannot be printed: revoke it and make another", &error)
    })?;
    eprint_line(&format!("made the token {name} with the role {role}; it is not shown again"));
    Ok(())
}

fn invalid(error: &InvalidSubmission) -> Failure {
    Failure::new(match error {
        InvalidSubmission::Json(error) => error.to_string(),
        InvalidSubmission::Fields(errors) => {
            let option = |field: &str| match field {
                "name" => "NAME".to_owned(),
                "expires_at" => "--expires".to_owned(),
                field => format!("--{field}"),
            };
            let errors = errors.iter().map(|e| format!("{} {}", option(e.field), e.message));
            errors.collect::<Vec<_>>().join("; ")
        }
    })
}

fn list(store: &dyn Store, json: bool) -> Result<(), Failure> {
    let mut tokens: Vec<_> = store.tokens()?.into_iter().map(|(_, token)| token).collect();
    tokens.sort_by(|one, other| one.name.cmp(&other.name));
    if json {
        let list = serde_json::to_string(&TokenList::new(&tokens))
            .map_err(|error| Failure::of("cannot write JSON", &error))?;
        print_line(&list);
        return Ok(());
    }
    let now = Clock::system().now();
    for token in &tokens {
        let state = match token.revoked_at {
            Some(_) => "revoked",
            None if token.is_valid(now) => "valid",
            None => "expired",
        };
        let gate = token.gate.as_deref().map_or_else(String::new, |gate| format!("  gate {gate}"));
        let seen = token
            .last_seen_at
            .map_or_else(|| "never used".to_owned(), |at| format!("used {:?}", Stamp::utc(at)));
        print_line(&format!("{}  {}  {state}  {seen}{gate}", &*token.name, token.role.as_str()));
    }
    Ok(())
}

fn revoke(store: &dyn Store, name: &str) -> Result<(), Failure> {
    let unknown = || Failure::new(format!("there is no token with the name {name}"));
    let parsed = TokenName::parse(name).map_err(|_| unknown())?;
    match store.revoke_token(&parsed, Clock::system().now())? {
        true => {
            eprint_line(&format!("revoked the token {name}"));
            Ok(())
        }
        false => Err(unknown()),
    }
}
