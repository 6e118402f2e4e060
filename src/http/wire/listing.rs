use super::form::Form;
use super::query::Query;
use crate::domain::{Entry, Filter, Search};

/// Which entries a request wants, and in which form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Listing {
    /// The store applies it.
    pub(crate) filter: Filter,
    search: Option<Search>,
    /// Whether voided and replaced entries are wanted too, each with its amendment.
    pub(crate) includes_amended: bool,
    pub(crate) form: Form,
}

impl Listing {
    /// Reads the parameters `gate`, `direction`, `person_ref`, `q` and `include`.
    pub(crate) fn of(query: &mut Query<'_>, form: Form) -> Self {
        Self {
            filter: query.filter(),
            search: query.search(),
            includes_amended: query.includes_amended(),
            form,
        }
    }

    /// Whether the search lets the entry through.
    pub(crate) fn shows(&self, entry: &Entry) -> bool {
        self.search.as_ref().is_none_or(|search| search.matches(entry))
    }
}
