//! `throng config check`: all that is wrong with a configuration, told as a server would tell it.

use super::command::{Check, print};
use super::deep;
use super::mistake::Mistakes;
use super::origin::Origin;
use super::plan::Plan;
use super::sources::Sources;
use crate::banner::shown;
use crate::fault::Fault;
use crate::screen;
use crate::settings::flags::{CONFIG_VARIABLE, Given};
use crate::settings::{self, ROWS};

/// Looks at everything. What is only worth a thought is told beside, and is no mistake.
pub fn check(asked: &Check) -> Result<u8, Fault> {
    let descriptors = throng_server::raise_descriptors();
    let given = Given::file(asked.file.as_ref().map(|path| path.clone().into_os_string()));
    let plan = Sources::of_process(asked.service, given, descriptors).load()?;
    unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()))
        .iter()
        .for_each(|warning| screen::tell_stderr(warning));
    if asked.deep {
        let found = deep::look(&plan);
        found.warnings.iter().for_each(|warning| screen::tell_stderr(&format!("warning: {warning}")));
        Mistakes::none_or(found.mistakes)?;
    }
    print(&format!("{}\n", good(&plan)))
}

fn good(plan: &Plan) -> String {
    let is_set = |is: fn(&Origin) -> bool| {
        let each = plan.services().iter().flat_map(move |config| ROWS.iter().map(|row| config.origin(row)));
        let found: Vec<_> = each.filter(|origin| is(origin)).collect();
        // What is for all services stands there once.
        (0..found.len()).filter(|at| !found[..*at].contains(&found[*at])).count()
    };
    let set = |count: usize| if count == 1 { "1 setting".to_owned() } else { format!("{count} settings") };
    let of_file = set(is_set(|origin| matches!(origin, Origin::File(_))));
    let services = match plan.is_several() {
        true => format!(" of {} services: {}", plan.services().len(), plan.labels()),
        false => String::new(),
    };
    let from_file = match &plan.services()[0].file {
        Some(path) => format!("{}: nothing is wrong, {of_file}{services}", shown(path)),
        None => "no configuration file: everything has its default".to_owned(),
    };
    match is_set(|origin| matches!(origin, Origin::Variable(_))) {
        0 => from_file,
        more => format!("{from_file}; {} by variables", set(more)),
    }
}

/// Variables that look as if they were of a setting, and are not.
fn unknown_variables(names: impl Iterator<Item = String>) -> Vec<String> {
    let is_known = |name: &str| {
        let of = |row: &settings::Setting| row.variable() == name || row.old_variable == Some(name);
        name == CONFIG_VARIABLE || ROWS.iter().any(of)
    };
    let unknown = names.filter(|name| {
        let path = name.strip_prefix("THRONG_").filter(|path| path.contains("__"));
        path.is_some() && !is_known(name)
    });
    let told = unknown.map(|name| {
        let path = name.trim_start_matches("THRONG_").replace("__", ".").to_lowercase();
        let near = settings::nearest(&path).and_then(settings::find);
        let hint = near.map_or_else(String::new, |row| format!("; did you mean {}?", row.variable()));
        format!("warning: {} is no setting's{hint}", throng_wire::printable::printable(&name))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_is_no_settings_is_told() {
        let names =
            ["THRONG_LIMTS__CLIENTS", "THRONG_LIMITS__CLIENTS", "THRONG_CONFIG", "THRONG_TLS_CERT", "HOME"];
        let told = unknown_variables(names.map(str::to_owned).into_iter());
        assert_eq!(
            told,
            ["warning: THRONG_LIMTS__CLIENTS is no setting's; did you mean THRONG_LIMITS__CLIENTS?"]
        );
    }
}
