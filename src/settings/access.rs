use std::net::IpAddr;

use super::variable::{InvalidSetting, Variables, one_of, secret};
use crate::domain::{Access, TokenHash};

/// Who may do what, as far as it was set.
#[derive(Debug)]
pub struct AccessSettings {
    access: Option<Access>,
    /// The hash of the token of the admin named `env`. The token itself is not kept.
    pub admin_token: Option<TokenHash>,
}

impl AccessSettings {
    pub(super) fn read(v: &Variables) -> Result<Self, InvalidSetting> {
        let access = one_of(
            "ROLLCALL_ACCESS",
            &v.rollcall_access,
            &[("open", Access::Open), ("token", Access::Token)],
            "open or token",
        )?;
        let admin_token = secret(
            "ROLLCALL_ADMIN_TOKEN",
            &v.rollcall_admin_token,
            |token| token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_graphic()),
            "32 or more visible ASCII characters",
        )?;
        let admin_token = admin_token.map(|token| TokenHash::of(token.as_bytes()));
        Ok(Self { access, admin_token })
    }

    /// The access of a service that listens on `address`. Unset, it is open on a loopback address,
    /// and nothing elsewhere: nobody should open a service to a network without saying so.
    pub fn of_service(&self, address: IpAddr) -> Result<Access, InvalidSetting> {
        match self.access {
            Some(access) => Ok(access),
            None if address.to_canonical().is_loopback() => Ok(Access::Open),
            None => Err(InvalidSetting::new(
                "ROLLCALL_ACCESS",
                format!("is not set, and {address} is not a loopback address"),
                "open (everybody may do everything) or token (requests need a token)",
            )),
        }
    }
}
