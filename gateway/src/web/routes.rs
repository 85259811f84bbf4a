//! The routes of plugins: a table that changes while requests are served, and what answers them as a trait.

use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use hashbrown::HashMap;
use http::{HeaderMap, Method};
use parking_lot::Mutex;

use super::Response;
use crate::identity::Principal;

/// A route as its plugin declares it.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The method.
    pub method: Method,
    /// The path, as `/agents/{id}`; a slash at its end means nothing.
    pub path: String,
    /// The plugin's own number for it.
    pub index: u32,
    /// What a principal needs for it; see [`Spec::scope`].
    pub scope: Option<Arc<str>>,
}

impl Spec {
    /// The scope that holds for a route: the one it declares; `publish` where it declares none and changes
    /// something; none where the configuration opens it.
    pub fn scope(method: &Method, declared: Option<&str>, open: bool) -> Option<Arc<str>> {
        match declared {
            _ if open => None,
            Some(scope) => Some(scope.into()),
            None => (!method.is_safe()).then(|| "publish".into()),
        }
    }
}

/// A request for a plugin, with its whole body.
#[derive(Clone, Debug)]
pub struct PluginRequest {
    /// The route's number, as the plugin declared it.
    pub index: u32,
    /// `HEAD` comes as the `GET` that it is answered like.
    pub method: Method,
    /// The path as it was asked for.
    pub path: String,
    /// The query, without `?`; empty where there is none.
    pub query: String,
    /// What stands for the route's `{name}`s, percent-decoded.
    pub params: Vec<(Arc<str>, String)>,
    /// The request's headers.
    pub headers: HeaderMap,
    /// Its body, bounded.
    pub body: Bytes,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// The id of the request, for logs.
    pub request_id: String,
    /// The client's address.
    pub address: String,
}

/// Why a plugin does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What waits for it fills its queue.
    #[error("the plugin '{0}' is busy; try again")]
    Busy(Arc<str>),
    /// It is stopped, or it failed.
    #[error("the plugin '{0}' is not available")]
    Unavailable(Arc<str>),
    /// It did not answer within the route's time.
    #[error("the plugin '{0}' did not answer in time")]
    TimedOut(Arc<str>),
    /// It gave the answer up, or answered what is no answer.
    #[error("the plugin '{0}' failed to answer")]
    Failed(Arc<str>),
}

/// A plugin's answer to come. Dropped when the client is gone: the request is cancelled then.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

/// Answers the requests of a plugin's routes.
pub trait Serve: Send + Sync {
    /// Hands the request over; never blocks.
    fn serve(&self, request: PluginRequest) -> Answering;
}

/// The names of a pattern's parameters, in order.
type Names = Box<[Arc<str>]>;

/// One method of a path.
#[derive(Clone)]
pub struct Target {
    /// The plugin.
    pub plugin: Arc<str>,
    /// The plugin's own number for the route.
    pub index: u32,
    /// What a principal needs.
    pub scope: Option<Arc<str>>,
    /// Who answers.
    pub serve: Arc<dyn Serve>,
    names: Names,
}

/// A route that was found for a request.
pub struct Route {
    /// Where it leads.
    pub target: Target,
    /// What stands for its `{name}`s, as in the request.
    pub params: Vec<(Arc<str>, String)>,
}

/// What a path of the plugins is.
pub enum Found {
    /// A route.
    Route(Route),
    /// The path has other methods.
    Methods(Vec<Method>),
    /// Nothing.
    Nothing,
}

/// Two that want one route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// A path that the gateway itself serves.
    #[error("plugin '{plugin}': the route '{path}' is the gateway's own")]
    Core {
        /// Who wants it.
        plugin: Arc<str>,
        /// The path.
        path: String,
    },
    /// A path where clients connect.
    #[error("plugin '{plugin}': the route '{method} {path}' is at the path of the endpoint '{endpoint}'")]
    Endpoint {
        /// Who wants it.
        plugin: Arc<str>,
        /// The method.
        method: Method,
        /// The path.
        path: String,
        /// The endpoint's, as it is configured.
        endpoint: String,
    },
    /// Another plugin has the route.
    #[error("plugins '{plugin}' and '{other}' both declare the route '{method} {path}'")]
    Plugins {
        /// Who wants it.
        plugin: Arc<str>,
        /// Who has it.
        other: Arc<str>,
        /// The method.
        method: Method,
        /// The path.
        path: String,
    },
    /// The path is no pattern, or cannot stand beside another.
    #[error("plugin '{plugin}': the route '{path}': {reason}")]
    Pattern {
        /// Who wants it.
        plugin: Arc<str>,
        /// The path.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// The routes of all plugins. Looked up without a lock; each change makes the table anew.
pub struct Routes {
    table: ArcSwap<Table>,
    declared: Mutex<Vec<Declared>>,
    /// Whether the gateway itself serves a path, given without its closing slash.
    core: Box<dyn Fn(&str) -> bool + Send + Sync>,
    /// Paths where clients connect, which are looked for before any route.
    endpoints: Vec<String>,
}

#[derive(Clone)]
struct Declared {
    plugin: Arc<str>,
    specs: Vec<Spec>,
    serve: Arc<dyn Serve>,
}

#[derive(Default)]
struct Table {
    paths: matchit::Router<usize>,
    /// The same by the text of the pattern, parameters numbered.
    known: HashMap<String, usize>,
    /// The methods of each path.
    methods: Vec<Vec<(Method, Target)>>,
}

impl Routes {
    /// No routes. `core` says which paths are the gateway's own.
    pub fn new(core: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        let endpoints = Vec::new();
        Self { table: ArcSwap::default(), declared: Mutex::default(), core: Box::new(core), endpoints }
    }

    /// With the paths of the endpoints, which no route may have.
    #[must_use]
    pub fn beside(self, endpoints: impl IntoIterator<Item = String>) -> Self {
        Self { endpoints: endpoints.into_iter().collect(), ..self }
    }

    /// Adds a plugin's routes, or puts them in the place of those that it has.
    ///
    /// # Errors
    /// [`Clash`]; nothing has changed then.
    pub fn declare(&self, plugin: &str, specs: Vec<Spec>, serve: Arc<dyn Serve>) -> Result<(), Clash> {
        let plugin: Arc<str> = plugin.into();
        specs.iter().try_for_each(|spec| self.check_free(&plugin, spec))?;
        let mut declared = self.declared.lock();
        let mut next = declared.clone();
        next.retain(|d| d.plugin != plugin);
        next.push(Declared { plugin, specs, serve });
        self.table.store(Arc::new(Table::new(&next)?));
        *declared = next;
        Ok(())
    }

    /// Whether a path is neither the API's nor an endpoint's.
    fn check_free(&self, plugin: &Arc<str>, spec: &Spec) -> Result<(), Clash> {
        let (plugin, method, path) = (Arc::clone(plugin), spec.method.clone(), spec.path.clone());
        if (self.core)(trim(&path)) {
            return Err(Clash::Core { plugin, path });
        }
        match self.endpoints.iter().find(|endpoint| trim(endpoint) == trim(&path)) {
            Some(endpoint) => Err(Clash::Endpoint { plugin, method, path, endpoint: endpoint.clone() }),
            None => Ok(()),
        }
    }

    /// Takes a plugin's routes away.
    pub fn withdraw(&self, plugin: &str) {
        let mut declared = self.declared.lock();
        declared.retain(|d| *d.plugin != *plugin);
        // Fewer routes cannot clash.
        if let Ok(table) = Table::new(&declared) {
            self.table.store(Arc::new(table));
        }
    }

    /// What `path` is; `HEAD` finds `GET`.
    pub fn find(&self, method: &Method, path: &str) -> Found {
        let table = self.table.load();
        let Ok(found) = table.paths.at(trim(path)) else { return Found::Nothing };
        let methods = &table.methods[*found.value];
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let Some((_, target)) = methods.iter().find(|(method, _)| method == wanted) else {
            return Found::Methods(methods.iter().map(|(method, _)| method.clone()).collect());
        };
        let values = found.params.iter().map(|(_, value)| value.to_owned());
        let params = target.names.iter().cloned().zip(values).collect();
        Found::Route(Route { target: target.clone(), params })
    }
}

impl Table {
    fn new(declared: &[Declared]) -> Result<Self, Clash> {
        let mut table = Self::default();
        for Declared { plugin, specs, serve } in declared {
            for spec in specs {
                table.add(plugin, spec, serve)?;
            }
        }
        Ok(table)
    }

    fn add(&mut self, plugin: &Arc<str>, spec: &Spec, serve: &Arc<dyn Serve>) -> Result<(), Clash> {
        let pattern =
            |reason: String| Clash::Pattern { plugin: Arc::clone(plugin), path: spec.path.clone(), reason };
        let (path, names) = unnamed(&spec.path).map_err(|reason| pattern(reason.into()))?;
        let index = match self.known.get(&path) {
            Some(index) => *index,
            None => {
                let index = self.methods.len();
                self.paths.insert(path.clone(), index).map_err(|error| pattern(error.to_string()))?;
                self.known.insert(path, index);
                self.methods.push(Vec::new());
                index
            }
        };
        let methods = &mut self.methods[index];
        if let Some((_, other)) = methods.iter().find(|(method, _)| *method == spec.method) {
            return Err(Clash::Plugins {
                plugin: Arc::clone(plugin),
                other: Arc::clone(&other.plugin),
                method: spec.method.clone(),
                path: spec.path.clone(),
            });
        }
        let target = Target {
            plugin: Arc::clone(plugin),
            index: spec.index,
            scope: spec.scope.clone(),
            serve: Arc::clone(serve),
            names,
        };
        methods.push((spec.method.clone(), target));
        Ok(())
    }
}

/// A path without its closing slash: with and without, it is the same one.
pub fn trim(path: &str) -> &str {
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(shorter) => shorter,
    }
}

/// A pattern with its parameters numbered, so that plugins may name them as they like, and their names.
fn unnamed(path: &str) -> Result<(String, Names), &'static str> {
    let Some(segments) = trim(path).strip_prefix('/') else { return Err("a path starts with '/'") };
    let mut names: Vec<Arc<str>> = Vec::new();
    let mut pattern = String::new();
    for segment in segments.split('/') {
        pattern.push('/');
        match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some("") => return Err("a parameter has no name"),
            Some(name) if name.contains(['{', '}', '*']) => {
                return Err("a parameter is a plain name in braces");
            }
            Some(name) if names.iter().any(|known| **known == *name) => {
                return Err("a parameter comes twice");
            }
            Some(name) => {
                pattern.push_str(&format!("{{p{}}}", names.len()));
                names.push(name.into());
            }
            None if segment.contains(['{', '}']) => return Err("a parameter is a whole segment"),
            None => pattern.push_str(segment),
        }
    }
    Ok((pattern, names.into()))
}

#[cfg(test)]
mod tests;
