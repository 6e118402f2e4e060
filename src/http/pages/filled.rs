use crate::domain::FieldError;
use crate::http::wire::fields_of_form;

/// What the fields of a form hold, and what is wrong with them.
#[derive(Default)]
pub(super) struct Filled {
    values: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Filled {
    pub(super) fn with<const N: usize>(values: [(&str, &str); N]) -> Self {
        let values = values.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Self { values, errors: Vec::new() }
    }

    /// The fields of the form that was sent as `body`; `None` if it is no form.
    pub(super) fn sent(body: &[u8], errors: Vec<FieldError>) -> Option<Self> {
        let is_json = body.starts_with(b"{");
        let fields = fields_of_form(body).filter(|_| !is_json)?;
        let owned = fields.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned()));
        Some(Self { values: owned.collect(), errors })
    }

    pub(super) fn replace(&mut self, name: &str, value: String) {
        self.values.retain(|(held, _)| held != name);
        self.values.push((name.to_owned(), value));
    }

    pub(super) fn value(&self, name: &str) -> &str {
        let found = self.values.iter().find(|(held, _)| held == name);
        found.map_or("", |(_, value)| value)
    }

    pub(super) fn holds(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    pub(super) fn has_error(&self, name: &str) -> bool {
        self.error(name).is_some()
    }

    /// What is expected of the field, if its value is not that.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.iter().find(|error| error.field == name).map(|error| &*error.message)
    }

    /// Whether the page begins at this field.
    pub(super) fn is_first_error(&self, name: &str) -> bool {
        self.errors.first().is_some_and(|error| error.field == name)
    }
}
