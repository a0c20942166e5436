//! From where the settings come, and which value wins: a default gives way to what the file has for all services, that to what it has for one, the file to a
//! variable, a variable to a flag.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use super::file::{self, Apart, Part};
use super::mistake::{Mistake, Mistakes};
use super::origin::Origin;
use super::place::{self, Variables};
use super::plan::{Config, Plan};
use super::relay;
use crate::settings::choices::Service;
use crate::settings::flags::Given;
use crate::settings::{Kind, ROWS, Setting};

/// From where everything is read, as often as it is.
#[derive(Clone)]
pub struct Sources {
    /// Which service was asked for; else those of the file, or the chat where that has none.
    pub service: Option<Service>,
    /// What was typed.
    pub given: Given,
    /// What the environment has.
    pub variables: Arc<Variables>,
    /// How many descriptors this process may have.
    pub descriptors: u64,
}

impl Sources {
    /// Of this process.
    pub fn of_process(service: Option<Service>, given: Given, descriptors: u64) -> Sources {
        Sources { service, given, variables: Arc::new(|name| std::env::var_os(name)), descriptors }
    }

    /// For a server in this process: a worker goes by what its first process does.
    pub fn load_here(&self) -> Result<Plan, Mistakes> {
        let told = throng_server::told_as_worker().and_then(|told| relay::read(&told));
        told.map_or_else(|| self.load(), |config| Ok(Plan::of(config)))
    }
}

impl Sources {
    /// Reads everything, or says all that is wrong with it.
    pub fn load(&self) -> Result<Plan, Mistakes> {
        let path = place::find(self.given.config.as_ref(), &*self.variables)?;
        let apart = path.as_deref().map_or_else(
            || Ok(Apart::default()),
            |path| file::read(path).map(|source| file::take_apart(&source)),
        )?;
        let Apart { all, services, mut mistakes } = apart;
        let mut done = Vec::new();
        for part in self.chosen(&services, &mut mistakes) {
            let mut layers = Layers::new(part, self.service);
            layers.config.file.clone_from(&path);
            layers.file(&all, part, services.len());
            ROWS.iter().enumerate().for_each(|(index, row)| layers.variable(index, row, &*self.variables));
            for (index, values) in &self.given.values {
                layers.given(*index, values, Origin::Flag(ROWS[*index].flag()));
            }
            done.push(layers);
        }
        mistakes.extend(done.iter_mut().flat_map(|layers| std::mem::take(&mut layers.mistakes)));
        let (configs, wrong): (Vec<_>, Vec<_>) =
            done.into_iter().map(|layers| (layers.config, layers.wrong)).unzip();
        let plan = Plan::of_all(configs);
        if let Some(plan) = &plan {
            mistakes.extend(plan.misfits(self.descriptors, |at, path| wrong[at].contains(path)));
        }
        // What is for all of several services is wrong once.
        let mut told = Vec::with_capacity(mistakes.len());
        mistakes.into_iter().for_each(|mistake| {
            if !told.contains(&mistake) {
                told.push(mistake);
            }
        });
        Mistakes::none_or(told)?;
        Ok(plan.expect("where no service is left that is a mistake"))
    }

    /// The services that are meant: those of the file, of them those of the kind that was asked for; or one without a part.
    fn chosen<'a>(&self, services: &'a [Part], mistakes: &mut Vec<Mistake>) -> Vec<Option<&'a Part>> {
        if services.is_empty() {
            return vec![None];
        }
        let known: Vec<_> = services.iter().filter(|part| part.is.is_some()).collect();
        let is_meant = |part: &&Part| self.service.is_none_or(|asked| part.kind() == Some(asked));
        let chosen: Vec<_> = known.iter().copied().filter(is_meant).map(Some).collect();
        if let (true, false, Some(asked)) = (chosen.is_empty(), known.is_empty(), self.service) {
            let there: Vec<_> = known.iter().filter_map(|part| part.name()).collect();
            let what = format!("the configuration file has no {} among its services", asked.name());
            let hint = format!("it has {}; all of them: throng serve", there.join(", "));
            mistakes.push(Mistake::whole(what).hint(hint));
        }
        chosen
    }
}

impl Part {
    fn kind(&self) -> Option<Service> {
        self.is.as_ref().map(|(_, kind)| *kind)
    }

    /// What it is called.
    fn name(&self) -> Option<&str> {
        let own = self.label.as_ref().map(|(_, label)| label.as_str());
        own.or_else(|| self.kind().map(Service::name))
    }
}

/// One service, on its way.
struct Layers {
    config: Config,
    /// Rows about which there is a mistake already.
    wrong: BTreeSet<&'static str>,
    mistakes: Vec<Mistake>,
}

impl Layers {
    fn new(part: Option<&Part>, asked: Option<Service>) -> Layers {
        let kind = part.and_then(Part::kind).or(asked).unwrap_or(Service::Chat);
        let mut config = Config::of(kind);
        if let Some((part, name)) = part.and_then(|part| Some((part, part.name()?))) {
            name.clone_into(&mut config.label);
            let at = part.label.as_ref().map(|(spot, _)| spot).or(part.is.as_ref().map(|(spot, _)| spot));
            config.spot = at.cloned();
        }
        Layers { config, wrong: BTreeSet::new(), mistakes: Vec::new() }
    }

    /// What stands in the file, for all `services` of it and for this one.
    fn file(&mut self, all: &Part, own: Option<&Part>, services: usize) {
        for part in std::iter::once(all).chain(own) {
            self.wrong.extend(&part.wrong);
            for found in &part.found {
                let row = &ROWS[found.index];
                let origin = Origin::File(found.spot.clone());
                if row.path == LISTEN && services > 0 && std::ptr::eq(part, all) {
                    let what = "where a server listens is said by each of its services";
                    let hint = "write it below [[service]]";
                    self.mistakes.push(Mistake::of(origin, what).hint(hint));
                    self.wrong.insert(LISTEN);
                    continue;
                }
                self.set(found.index, &found.text, origin);
            }
        }
    }

    fn set(&mut self, index: usize, text: &str, origin: Origin) {
        let row = &ROWS[index];
        match (row.set)(&mut self.config.settings, text) {
            Ok(()) => self.config.origins[index] = origin,
            Err(why) => {
                self.wrong.insert(row.path);
                self.mistakes.push(Mistake::of(origin, format!("{text:?}: {why}")));
            }
        }
    }

    /// Values as they were typed; those of a list follow each other.
    fn given(&mut self, index: usize, values: &[OsString], origin: Origin) {
        let row = &ROWS[index];
        let values: Option<Vec<&str>> = values.iter().map(|value| value.to_str()).collect();
        let Some(values) = values else {
            self.wrong.insert(row.path);
            return self.mistakes.push(Mistake::of(origin, "this is not UTF-8"));
        };
        match (row.kind, &values[..]) {
            (Kind::List(_), several) => self.set(index, &several.join(","), origin),
            (_, [.., value]) => self.set(index, value, origin),
            (_, []) => {}
        }
    }

    /// By its name, or by the one that it had before.
    fn variable(&mut self, index: usize, row: &Setting, variables: &Variables) {
        let name = row.variable();
        let old = row.old_variable.and_then(|old| Some((old.to_owned(), variables(old)?)));
        match (variables(&name), old) {
            (Some(value), Some((old, other))) if value != other => {
                self.wrong.insert(row.path);
                let what = format!("it says something else than ${old}, which is its old name");
                self.mistakes.push(Mistake::of(Origin::Variable(name), what).hint(format!("unset {old}")));
            }
            (Some(value), _) => self.given(index, &[value], Origin::Variable(name)),
            (None, Some((old, value))) => self.given(index, &[value], Origin::Variable(old)),
            (None, None) => {}
        }
    }
}

/// The one setting that no two services can have in common.
const LISTEN: &str = "listen";
