//! The files of a new plugin: templates, and the names that go into them.

use std::path::Path;

/// A file of a plugin: its path in the folder, and its text.
type File = (&'static str, &'static str);

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../../assets/plugin-new/", $path))
    };
}

const RUST: [File; 7] = [
    (".gitignore", template!("rust/gitignore")),
    ("Cargo.toml", template!("rust/Cargo.toml.in")),
    ("README.md", template!("rust/README.md")),
    ("plugin.json", template!("plugin.json")),
    ("src/lib.rs", template!("rust/lib.rs")),
    ("tests/plugin.rs", template!("rust/test.rs")),
    ("tidegate.toml", template!("rust/tidegate.toml")),
];

const C: [File; 9] = [
    (".gitignore", template!("c/gitignore")),
    ("Makefile", template!("c/Makefile")),
    ("README.md", template!("c/README.md")),
    ("json.h", template!("c/json.h")),
    ("plugin.c", template!("c/plugin.c")),
    ("plugin.json", template!("plugin.json")),
    ("test.c", template!("c/test.c")),
    ("tidegate.toml", template!("c/tidegate.toml")),
    ("tidegate_plugin.h", include_str!("../../../../../plugin-api/include/tidegate_plugin.h")),
];

/// What a plugin is called where.
pub(super) struct Names<'a> {
    /// In the manifest and the configuration.
    name: &'a str,
    /// Where '-' cannot stand: in event types, calls, and the library's file.
    word: String,
}

impl<'a> Names<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        Self { name, word: name.replace('-', "_") }
    }

    fn fill(&self, files: &[File], api: &str) -> Vec<(&'static str, String)> {
        let fill = |text: &str| {
            let text = text.replace("{{name}}", self.name).replace("{{word}}", &self.word);
            text.replace("{{crate}}", &format!("tidegate_{}", self.word)).replace("{{api}}", api)
        };
        files.iter().map(|(path, text)| (*path, fill(text))).collect()
    }
}

/// A crate that depends on the one at `api`.
pub(super) fn rust(names: &Names<'_>, api: &Path) -> Vec<(&'static str, String)> {
    names.fill(&RUST, &toml::Value::from(api.display().to_string()).to_string())
}

/// A folder with a Makefile.
pub(super) fn c(names: &Names<'_>) -> Vec<(&'static str, String)> {
    names.fill(&C, "")
}
