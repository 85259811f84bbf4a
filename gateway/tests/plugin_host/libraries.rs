//! What is not a plugin is refused with the reason, and the others still load.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};
use tidegate::plugin::{Library, PluginError};

use super::house::{House, built, compile, hostile, instance};

fn odd(folder: &Path, name: &str, defines: &[&str]) -> std::path::PathBuf {
    compile(folder, name, "odd.c", defines)
}

#[tokio::test]
async fn what_is_no_plugin_is_refused_with_its_file_and_reason_and_the_others_load() {
    let folder = tempfile::tempdir().unwrap();
    let junk = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path
    };
    let manifest = |json: &str| format!("MANIFEST=\"{}\"", json.replace('"', "\\\""));
    let cases = [
        ("empty", junk("empty.so", b""), "no ELF shared library"),
        ("text", junk("text.so", b"not a library\n"), "no ELF shared library"),
        ("cut", junk("cut.so", &fs::read(built("hostile")).unwrap()[..4096]), "cut short"),
        ("symbol", odd(folder.path(), "symbol", &["NO_SYMBOL"]), "tidegate_plugin"),
        ("major", odd(folder.path(), "major", &["MAJOR=2"]), "plugin ABI 2.7, this side has 1.2"),
        ("struct", odd(folder.path(), "struct", &["SIZE=48"]), "its struct has 48 bytes"),
        ("null", odd(folder.path(), "null", &["NO_DESTROY"]), "`destroy` is null"),
        ("json", odd(folder.path(), "json", &[&manifest("{")]), "does not read"),
        ("form", odd(folder.path(), "form", &[&manifest("{\"manifest\":9,\"name\":\"x\"}")]), "version 9"),
        (
            "needs",
            odd(
                folder.path(),
                "needs",
                &[&manifest("{\"manifest\":1,\"name\":\"x\",\"needs\":[\"tidegate.magic/1\"]}")],
            ),
            "'tidegate.magic/1'",
        ),
    ];
    let mut settings: Vec<_> = cases.iter().map(|(name, path, _)| instance(name, path, json!({}))).collect();
    settings.push(instance("whole", odd(folder.path(), "whole", &[]), json!({})));
    let house = House::start(settings).await;
    for (name, path, reason) in cases {
        let (state, error) = house.state(name);
        assert_eq!(state, "failed", "{name}");
        assert!(error.starts_with(&path.display().to_string()) && error.contains(reason), "{name}: {error}");
    }
    // A minor that is newer than ours is welcome.
    assert_eq!((house.state("whole").0, &*house.info("whole").abi), ("started", "1.7"));
}

#[test]
fn a_file_or_folder_that_others_can_write_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd(folder.path(), "odd", &[]);
    let refused = || Library::load(&path, None).unwrap_err().to_string();
    fs::set_permissions(&path, Permissions::from_mode(0o757)).unwrap();
    assert!(refused().contains("writable by others"), "{}", refused());
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o757)).unwrap();
    assert!(refused().contains("writable by others"), "{}", refused());
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    Library::load(&path, None).unwrap();
}

#[test]
fn a_pinned_file_is_the_one_that_was_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let path = odd(folder.path(), "odd", &[]);
    let zeros = "0".repeat(64);
    let error = Library::load(&path, Some(&zeros)).unwrap_err().to_string();
    let found = error.split("SHA-256 is ").nth(1).unwrap().split(',').next().unwrap().to_owned();
    assert!(error.contains(&zeros), "{error}");
    Library::load(&path, Some(&found.to_uppercase())).unwrap();
}

#[test]
fn a_file_that_is_replaced_is_loaded_anew_and_the_old_code_stays() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = |version: u32| {
        format!(
            "MANIFEST=\"{{\\\"manifest\\\":1,\\\"name\\\":\\\"odd\\\",\\\"version\\\":\\\"{version}\\\"}}\""
        )
    };
    let path = odd(folder.path(), "odd", &[&manifest(1)]);
    let old = Library::load(&path, None).unwrap();
    odd(folder.path(), "odd", &[&manifest(2)]);
    let new = Library::load(&path, None).unwrap();
    assert_eq!((old.manifest.version.as_str(), new.manifest.version.as_str()), ("1", "2"));
    assert_ne!(old.table as *const _, new.table as *const _);
}

#[tokio::test]
async fn a_library_that_is_not_there_ends_the_start_and_names_where_it_was_looked_for() {
    let missing = instance("gone", "/nowhere/libtidegate_gone.so", json!({}));
    let error = House::try_start(vec![missing]).await.map(drop).unwrap_err();
    assert!(matches!(error, PluginError::Missing { .. }));
    assert!(error.to_string().contains("/nowhere/libtidegate_gone.so"), "{error}");
}

#[tokio::test]
async fn two_that_want_the_same_end_the_start_and_are_both_named() {
    let error = House::try_start(vec![hostile("one", "none", "behave"), hostile("two", "none", "behave")]);
    let error = error.await.map(drop).unwrap_err().to_string();
    assert!(error.contains("'one'") && error.contains("'two'") && error.contains("/hostile"), "{error}");
}

#[tokio::test]
async fn a_plugin_that_wants_what_is_the_gateways_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let start = async |manifest: Value| {
        let define = format!("MANIFEST=\"{}\"", manifest.to_string().replace('"', "\\\""));
        let path = odd(folder.path(), "core", &[&define]);
        let house = House::try_start(vec![instance("core", path, json!({}))]).await;
        house.map(|house| house.state("core").1)
    };
    // It has no hooks for what it declares, which is found first and is its own fault alone.
    let error = start(json!({"manifest": 1, "name": "core", "calls": [{"name": "ping"}]})).await.unwrap();
    assert!(error.contains("tidegate.calls/1"), "{error}");
    let echo = instance("echo", built("echo"), json!({"calls": ["ping"]}));
    let error = House::try_start(vec![echo]).await.map(drop).unwrap_err().to_string();
    assert!(error.contains("'ping'") && error.contains("'echo'"), "{error}");
}

#[tokio::test]
async fn settings_that_do_not_fit_the_schema_are_named() {
    let house =
        House::start(vec![instance("echo", built("echo"), json!({"calls": [""], "colour": 1}))]).await;
    let (state, error) = house.state("echo");
    assert_eq!(state, "failed");
    assert!(error.contains("calls.0") && error.contains("colour"), "{error}");
}
