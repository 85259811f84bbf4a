//! The layers, laid over each other.

use std::fs;
use std::path::Path;

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};

use super::file::{Format, Parsed};
use super::finding::{Finding, Findings, Severity};
use super::given::{BadGiven, Given};
use super::key::Key;
use super::trail::{Place, Trail};
use super::{Config, Sources, dialects, extract};

/// All that was given, not yet read into its types.
pub(super) struct Layers {
    settings: Dict,
    given: Vec<(Key, Given)>,
    bad: Vec<(Key, String)>,
    /// Where each setting comes from.
    pub(super) trail: Trail,
}

impl Layers {
    /// Reads the sources and lays them over the built-in defaults.
    ///
    /// # Errors
    /// What could not be read at all: then nothing else can be said about the settings.
    pub(super) fn read(sources: &Sources) -> Result<Self, Vec<Finding>> {
        let (given, bad): (Vec<_>, Vec<_>) = given(sources).into_iter().partition(Result::is_ok);
        let mut findings: Vec<_> = bad.into_iter().filter_map(Result::err).map(Finding::from).collect();
        let file = sources.file.as_deref().map_or(Ok(Parsed::default()), read_file);
        let file = file.map_err(|unreadable| findings.splice(..0, unreadable)).ok();
        let Some(file) = file.filter(|_| findings.is_empty()) else { return Err(findings) };

        let trail = Trail { file: sources.file.clone().map(|path| (path, file.lines)), given: Vec::new() };
        let figment = Figment::from(Serialized::defaults(Config::default())).merge(Layer(file.settings));
        let mut settings = figment.data().map_err(|error| vec![built_in(error.to_string())])?;
        let mut settings = Value::from(settings.remove(&Profile::Default).unwrap_or_default());
        let mut layers = Self { settings: Dict::new(), given: Vec::new(), bad: Vec::new(), trail };
        for given in given.into_iter().flatten() {
            layers.lay(given, &mut settings);
        }
        dialects::lay_under(&mut settings);
        layers.settings = settings.into_dict().unwrap_or_default();
        Ok(layers)
    }

    /// Reads the settings into their types. What cannot be read is found wrong, and its default stands in.
    pub(super) fn config(&self, findings: &mut Findings<'_>) -> Config {
        for (key, message) in &self.bad {
            findings.error(key.clone(), message);
        }
        extract::extract(self.settings.clone(), &self.given, findings)
    }

    fn lay(&mut self, given: Given, settings: &mut Value) {
        match given.lay_over(settings) {
            Ok(key) => {
                self.trail.given.push((key.clone(), given.name().to_owned()));
                self.given.push((key, given));
            }
            Err((key, message)) => {
                self.trail.given.push((key.clone(), given.name().to_owned()));
                self.bad.push((key, message));
            }
        }
    }
}

/// All that is given over the file, in order.
fn given(sources: &Sources) -> Vec<Result<Given, BadGiven>> {
    let mut variables: Vec<_> = sources.variables.iter().collect();
    variables.sort(); // whatever order the system has them in, the same settings win
    let variables = variables.into_iter().filter_map(|(name, raw)| Given::variable(name, raw));
    let set = sources.set.iter().map(|text| Given::set(text));
    let listen =
        sources.listen.as_deref().map(|address| Given::option("--listen", "listener.0.address", address));
    let data = sources.data.as_deref().map(|dir| Given::option("--data", "data.dir", &dir.to_string_lossy()));
    variables.chain(set).chain(listen.into_iter().chain(data).map(Ok)).collect()
}

/// Reads the file.
fn read_file(path: &Path) -> Result<Parsed, Vec<Finding>> {
    let wrong = |line, message| Finding {
        severity: Severity::Error,
        key: Key::default(),
        place: Place::File { path: path.to_owned(), line },
        message,
    };
    let text =
        fs::read_to_string(path).map_err(|error| vec![wrong(None, format!("cannot be read: {error}"))])?;
    let parsed = Format::of(path).parse(&text);
    parsed.map_err(|errors| errors.into_iter().map(|error| wrong(error.line, error.message)).collect())
}

fn built_in(message: String) -> Finding {
    Finding { severity: Severity::Error, key: Key::default(), place: Place::BuiltIn, message }
}

impl From<BadGiven> for Finding {
    fn from(bad: BadGiven) -> Self {
        let place = Place::Given(bad.name);
        Self { severity: Severity::Error, key: Key::default(), place, message: bad.message }
    }
}

/// The file's settings as a layer of figment's.
struct Layer(Dict);

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named("configuration file")
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(Profile::Default.collect(self.0.clone()))
    }
}
