#![allow(dead_code, reason = "these types only describe what is read and written elsewhere")]

use std::collections::BTreeMap;

use utoipa::ToSchema;

use super::strings::{Expiry, Moment, OptionalText, Role, Text, TokenName, Utc, optional_moment};

/// What is asked of a new token.
#[derive(ToSchema)]
#[schema(example = json!({"name": "north-gate", "role": "gate", "gate": "North"}))]
pub(crate) struct NewToken {
    /// Unique for ever. `env` is taken.
    name: TokenName,
    role: Role,
    /// Binds the token to a gate. Only for the role `gate`.
    gate: Option<Text>,
    /// Must be in the future. Without it the token does not expire.
    expires_at: Option<Expiry>,
}

/// The same as a form of a page.
#[derive(ToSchema)]
pub(crate) struct NewTokenForm {
    name: TokenName,
    role: Role,
    #[schema(required = false)]
    gate: OptionalText,
    #[schema(required = false, schema_with = optional_moment)]
    expires_at: Moment,
    /// Other members are ignored.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// A token, without its secret.
#[derive(ToSchema)]
#[schema(example = json!({
    "name": "north-gate", "role": "gate", "gate": "North", "created_at": "2019-06-24T01:12:21.123456Z",
    "created_by": "env", "expires_at": null, "revoked_at": null, "last_seen_at": null,
}))]
pub(crate) struct Token {
    name: TokenName,
    role: Role,
    #[schema(required = true)]
    gate: Option<Text>,
    created_at: Utc,
    /// The token that made it; null if the command line did.
    #[schema(required = true)]
    created_by: Option<TokenName>,
    #[schema(required = true)]
    expires_at: Option<Utc>,
    #[schema(required = true)]
    revoked_at: Option<Utc>,
    /// Right to a minute.
    #[schema(required = true)]
    last_seen_at: Option<Utc>,
}

/// All tokens by name, revoked ones too.
#[derive(ToSchema)]
pub(crate) struct Tokens {
    tokens: Vec<Token>,
}

/// A new token.
#[derive(ToSchema)]
pub(crate) struct TokenWithSecret {
    #[schema(inline)]
    #[serde(flatten)]
    description: Token,
    /// The secret to send. It is never shown again.
    #[schema(pattern = "^rollcall_[A-Za-z0-9_-]{43}$")]
    token: String,
}

/// What a browser signs in with.
#[derive(ToSchema)]
#[schema(example = json!({"token": "rollcall_..."}))]
pub(crate) struct SignIn {
    token: String,
    /// The page to go to then, for a form. Only a path of this service counts.
    next: Option<String>,
}

/// The same as a form of a page.
#[derive(ToSchema)]
pub(crate) struct SignInForm {
    token: String,
    #[schema(required = false)]
    next: String,
    /// Other members are ignored.
    #[serde(flatten)]
    others: BTreeMap<String, String>,
}

/// Who has signed in.
#[derive(ToSchema)]
#[schema(example = json!({"name": "front-desk", "role": "clerk"}))]
pub(crate) struct SignedIn {
    name: TokenName,
    role: Role,
}
