//! The services of a file: what each `[[service]]` has, and what it cannot have.

use std::ops::Range;

use clap::ValueEnum;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Key, Reading, is_section};
use crate::settings::choices::Service;
use crate::settings::row::Scope;
use crate::settings::{self, ROWS, Setting};

/// What a service stands under, and what only a service has.
pub(super) const SERVICE: &str = "service";
const KIND: &str = "kind";
const LABEL: &str = "label";

/// How many services one process may have: as many as an operator can still look at on one screen.
const SERVICES_MAX: usize = 16;

/// How long a label may be.
const LABEL_MAX: usize = 32;

impl Reading<'_> {
    /// All `[[service]]`.
    pub(super) fn services(&mut self, (key, value): Key<'_, '_>) {
        let DeValue::Array(all) = value.get_ref() else {
            let hint = "write [[service]], in two pairs of brackets, for each";
            return self.wrong_with_hint(key.span(), "services are a list of tables", hint);
        };
        let of_all = std::mem::take(&mut self.part);
        self.below = "service.";
        for (number, service) in all.iter().enumerate() {
            match service.get_ref() {
                _ if number >= SERVICES_MAX => {
                    self.wrong(service.span(), format!("there may be {SERVICES_MAX} services"));
                    break;
                }
                DeValue::Table(table) => self.service(service.span(), table),
                _ => {
                    let hint = "write [[service]], and its keys below it";
                    self.wrong_with_hint(service.span(), "a service is a table", hint);
                }
            }
        }
        self.part = of_all;
        self.below = "";
    }

    /// One of them.
    fn service(&mut self, span: Range<usize>, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            // A key in quotes may have a dot of its own.
            let index = settings::index(key.get_ref()).filter(|_| !key.get_ref().contains('.'));
            match key.get_ref().as_ref() {
                KIND => self.kind(&span, value),
                LABEL => self.label(value),
                name if name != SERVICE => self.service_value(name, index, (key, value)),
                _ => self.unknown(SERVICE, (key, value)),
            }
        }
        if !table.iter().any(|(key, _)| key.get_ref() == KIND) {
            self.wrong_with_hint(
                span,
                "this service has no kind",
                format!("for instance: {KIND} = \"echo\""),
            );
        }
        let part = std::mem::take(&mut self.part);
        if let Some((_, kind)) = part.is {
            for found in part.found.iter().filter(|found| !ROWS[found.index].is_of(kind, 0)) {
                let what = format!("{} is for a chat, and this is {}", ROWS[found.index].path, kind.name());
                self.wrong(found.spot.span.clone(), what);
            }
        }
        self.apart.services.push(part);
    }

    fn kind(&mut self, span: &Range<usize>, value: &Spanned<DeValue<'_>>) {
        let kinds = Service::value_variants();
        match value.get_ref().as_str().and_then(|typed| kinds.iter().find(|kind| kind.name() == typed)) {
            Some(kind) => self.part.is = Some((self.spot(span.clone()), *kind)),
            None => {
                let names: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
                self.wrong(value.span(), format!("{KIND}: expected one of {}, in quotes", names.join(", ")));
            }
        }
    }

    fn label(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref().as_str() {
            Some(label) if is_label(label) => {
                self.part.label = Some((self.spot(value.span()), label.to_owned()));
            }
            _ => {
                let what =
                    format!("{LABEL}: expected small letters, digits and hyphens, {LABEL_MAX} at most");
                self.wrong_with_hint(value.span(), what, format!("for instance: {LABEL} = \"echo-tls\""));
            }
        }
    }

    /// A key of a service, if services have it.
    fn service_value(&mut self, name: &str, index: Option<usize>, (key, value): Key<'_, '_>) {
        let is_process = |row: &Setting| row.scope == Scope::Process;
        let below = ROWS.iter().filter(|row| row.key().0 == Some(name));
        let of_process = match index {
            Some(index) => is_process(&ROWS[index]),
            None => below.clone().count() > 0 && below.clone().all(is_process),
        };
        if of_process {
            let hint = "write it above the first [[service]]";
            return self.wrong_with_hint(key.span(), format!("{name} is for the whole process"), hint);
        }
        match (index, value.get_ref()) {
            (Some(index), _) => self.value(index, value),
            (None, DeValue::Table(inner)) if is_section(name) => self.table(name, inner),
            (None, _) if is_section(name) => {
                let hint = format!("write [{SERVICE}.{name}], and its keys below it");
                self.wrong_with_hint(value.span(), format!("{name} is a section, not a value"), hint);
            }
            (None, _) => self.unknown(name, (key, value)),
        }
    }
}

/// What a service is called: for people to type, and for a label of metrics.
fn is_label(label: &str) -> bool {
    let letters =
        label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    letters && (1..=LABEL_MAX).contains(&label.len())
}
