use super::{Passage, Role, Text, TokenName};

/// Who sent a request: the token that it came with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub name: TokenName,
    pub role: Role,
    /// The gate that a token of role `gate` is bound to, if it is bound to one.
    pub gate: Option<Text>,
}

/// The passage names another gate than the one that its token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateMismatch {
    pub bound_to: Text,
}

impl Caller {
    /// The admin whose token is a setting.
    pub fn env_admin() -> Self {
        Self { name: TokenName::env(), role: Role::Admin, gate: None }
    }

    /// Whether it speaks for one gate.
    pub fn is_bound(&self) -> bool {
        self.gate.is_some()
    }

    /// Fills the gate in where the passage names none.
    pub fn bind(&self, mut passage: Passage) -> Result<Passage, GateMismatch> {
        self.check_gate(passage.gate.as_ref())?;
        passage.gate = passage.gate.or_else(|| self.gate.clone());
        Ok(passage)
    }

    /// Refuses another gate than the one that the token is bound to. None is not another one.
    pub fn check_gate(&self, named: Option<&Text>) -> Result<(), GateMismatch> {
        match (&self.gate, named) {
            (Some(bound), Some(named)) if bound != named => {
                Err(GateMismatch { bound_to: bound.clone() })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::parse_submission;

    fn bound(token: Option<&str>, body: Option<&str>) -> Result<Option<String>, GateMismatch> {
        let caller = Caller {
            name: TokenName::parse("a").unwrap(),
            role: Role::Gate,
            gate: token.map(|gate| Text::parse(gate).unwrap()),
        };
        let body = serde_json::json!({"firstname": "a", "lastname": "b", "gate": body});
        let now = "2019-06-24T12:00:00Z".parse().unwrap();
        let passage = parse_submission(body.to_string().as_bytes(), &[], now).unwrap();
        caller.bind(passage).map(|passage| passage.gate.map(|gate| gate.to_string()))
    }

    #[test]
    fn a_bound_token_fills_its_gate_in_and_refuses_another() {
        assert_eq!(bound(Some("A"), None), Ok(Some("A".into())));
        assert_eq!(bound(Some("A"), Some(" A ")), Ok(Some("A".into())));
        assert!(bound(Some("A"), Some("a")).is_err());
        assert_eq!(bound(None, None), Ok(None));
        assert_eq!(bound(None, Some("B")), Ok(Some("B".into())));
    }
}
