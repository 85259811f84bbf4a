//! Settings of the plugin host, and of each plugin.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The plugins to load: `directory`, and a table `[plugins.<name>]` for each instance.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "Plugins")]
pub struct Config {
    /// Where the libraries are; empty: beside the program, then `./plugins`.
    pub directory: PathBuf,
    /// The instances by name.
    #[serde(flatten)]
    pub instances: BTreeMap<String, Instance>,
}

/// A configured instance of a plugin. What is not named here is the plugin's own setting.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(default)]
pub struct Instance {
    /// Whether it is loaded.
    pub enabled: bool,
    /// The plugin that it is an instance of; left out: the table's name. A library may be configured more than once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin: Option<String>,
    /// The library; a relative path starts at `plugins.directory`. Left out: `libtidegate_<plugin>.so` there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathBuf>,
    /// The SHA-256 that the library must have, in hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Routes that need no scope though they change something, as `"POST /path"`.
    pub open: Vec<String>,
    /// Which of its events are held against the schemas of their types.
    pub validate: Validate,
    /// The plugin's own settings, which it gets as they are and judges itself.
    #[serde(flatten)]
    pub settings: Map<String, Value>,
}

/// Which events of a plugin are held against the schemas of their types. That they are JSON is always checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// All of them.
    #[default]
    Always,
    /// Of each type the first sixty-four after a start, then one in sixty-four.
    Sample,
    /// None.
    Off,
}

impl Default for Instance {
    fn default() -> Self {
        Self {
            enabled: true,
            plugin: None,
            path: None,
            sha256: None,
            open: Vec::new(),
            validate: Validate::Always,
            settings: Map::new(),
        }
    }
}

impl Config {
    /// Where the library of the instance `name` may be; the first of these that is there is the one.
    pub fn candidates(&self, name: &str, instance: &Instance) -> Vec<PathBuf> {
        let plugin = instance.plugin.as_deref().unwrap_or(name).replace('-', "_");
        let file = instance.path.clone().unwrap_or_else(|| format!("libtidegate_{plugin}.so").into());
        if !self.directory.as_os_str().is_empty() {
            return vec![self.directory.join(file)];
        }
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(Path::parent).map(|dir| dir.join(&file));
        beside.into_iter().chain([Path::new("./plugins").join(&file)]).collect()
    }
}

// Read by hand, because serde's `flatten` loses the place of an error, and operators are told where it is.

impl<'de> Deserialize<'de> for Config {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tables;

        impl<'de> Visitor<'de> for Tables {
            type Value = Config;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`directory` and a table for each plugin")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Config, A::Error> {
                let mut config = Config::default();
                while let Some(key) = map.next_key::<String>()? {
                    if key == "directory" {
                        config.directory = map.next_value()?;
                    } else {
                        config.instances.insert(key, map.next_value()?);
                    }
                }
                Ok(config)
            }
        }

        deserializer.deserialize_map(Tables)
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Settings;

        impl<'de> Visitor<'de> for Settings {
            type Value = Instance;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table with a plugin's settings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Instance, A::Error> {
                let mut instance = Instance::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "enabled" => instance.enabled = map.next_value()?,
                        "plugin" => instance.plugin = Some(map.next_value()?),
                        "path" => instance.path = Some(map.next_value()?),
                        "sha256" => instance.sha256 = Some(map.next_value()?),
                        "open" => instance.open = map.next_value()?,
                        "validate" => instance.validate = map.next_value()?,
                        _ => drop(instance.settings.insert(key, map.next_value()?)),
                    }
                }
                Ok(instance)
            }
        }

        deserializer.deserialize_map(Settings)
    }
}
