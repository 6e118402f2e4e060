/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    Gate,
    Reader,
    Clerk,
    Admin,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Record entries.
    Create,
    /// Read sheets and metrics.
    Read,
    /// Void and correct entries.
    Amend,
    /// Manage tokens.
    Administer,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Gate, Self::Reader, Self::Clerk, Self::Admin];

    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gate => "gate",
            Self::Reader => "reader",
            Self::Clerk => "clerk",
            Self::Admin => "admin",
        }
    }

    pub fn may(self, permission: Permission) -> bool {
        match self {
            Self::Gate => permission == Permission::Create,
            Self::Reader => permission == Permission::Read,
            Self::Clerk => permission != Permission::Administer,
            Self::Admin => true,
        }
    }
}

impl Permission {
    /// The roles that have it.
    pub fn roles(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |role| role.may(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_do_what_the_contract_grants_it() {
        use Permission::{Administer, Amend, Create, Read};
        for (role, granted) in [
            (Role::Gate, &[Create][..]),
            (Role::Reader, &[Read]),
            (Role::Clerk, &[Create, Read, Amend]),
            (Role::Admin, &[Create, Read, Amend, Administer]),
        ] {
            for permission in [Create, Read, Amend, Administer] {
                assert_eq!(role.may(permission), granted.contains(&permission), "{role:?}");
            }
        }
        assert_eq!(Administer.roles().collect::<Vec<_>>(), [Role::Admin]);
    }

    #[test]
    fn a_role_survives_writing_and_parsing() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        for other in ["", "Gate", "owner", " gate"] {
            assert_eq!(Role::parse(other), None, "{other:?}");
        }
    }
}
