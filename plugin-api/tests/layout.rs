//! Size and offsets of every struct are those of this version of the ABI, and those of the versions before, in Rust and, as the C compiler sees them, in the header.
#![allow(clippy::unwrap_used, reason = "tests say what they expect by panicking, their helpers too")]

use std::fmt::Write as _;
use std::mem::offset_of;

use tidegate_plugin::abi::*;

/// A struct: its name in the header, its size, and its fields with their offsets.
type Layout = (&'static str, usize, Vec<(&'static str, usize)>);

macro_rules! layout {
    ($c:literal, $rust:ty, { $($field:ident $(as $c_field:literal)?),* }) => {
        ($c, size_of::<$rust>(), vec![$((
            { let _name = stringify!($field); $(let _name = $c_field;)? _name },
            offset_of!($rust, $field),
        )),*])
    };
}

fn layouts() -> Vec<Layout> {
    vec![
        layout!("tg_str", Str, { ptr, len }),
        layout!("tg_buf", Buf, { ptr, len, owner, release }),
        layout!("tg_pair", Pair, { name, value }),
        layout!("tg_cursor", Cursor, { epoch, offset }),
        layout!("tg_principal", Principal, { user, roles, roles_len, permissions, permissions_len }),
        layout!("tg_event", Event, {
            targets, targets_len, kind as "type", source, key, id, tags, tags_len, data, time, origin
        }),
        layout!("tg_host", Host, { abi_major, abi_minor, size, context, product, version, extension, stopped }),
        layout!("tg_plugin", Plugin, {
            abi_major, abi_minor, size, manifest, create, start, stop, destroy, extension
        }),
        layout!("tg_declare", Declare, { declare }),
        layout!("tg_http_request", HttpRequest, {
            request, route, reserved, method, path, query, params, params_len, headers, headers_len, principal,
            request_id, address, timeout_ms, body
        }),
        layout!("tg_http", Http, { request, cancelled }),
        layout!("tg_call", Call, {
            request, call, flags, name, session, connection_id, room, principal, timeout_ms, data
        }),
        layout!("tg_calls", Calls, { call, cancelled }),
        layout!("tg_followed", Followed, {
            room, kind as "type", source, key, id, tags, tags_len, time, cursor, data
        }),
        layout!("tg_gap", Gap, { room, count, after, until }),
        layout!("tg_follow", Follow, { event, gap }),
        layout!("tg_session_event", SessionEvent, {
            kind, code, session, connection_id, endpoint, room, reason, principal, time
        }),
        layout!("tg_watch", Watch, { select, session }),
        layout!("tg_flow", Flow, { resume, committed }),
        layout!("tg_health", Health, { check }),
        layout!("tg_checkpoint", Checkpoint, { pause, unpause, restore }),
        layout!("tg_command", Command, {
            command, reserved, name, arguments, arguments_len, context, print, interrupted
        }),
        layout!("tg_commands", Commands, { run }),
        layout!("tg_publish", Publish, { publish }),
        layout!("tg_refusal", Refusal, { last }),
        layout!("tg_reply", Reply, { respond, head, chunk, finish, fail }),
        layout!("tg_sessions", Sessions, { send, join, leave, close, find, of_user, info }),
        layout!("tg_store_op", StoreOp, { kind, expect, plugin, key, after, value, revision, ttl_ms, limit }),
        layout!("tg_store_entry", StoreEntry, { key, value, revision }),
        layout!("tg_store_result", StoreResult, { status, more, revision, entries, entries_len, owner, release }),
        layout!("tg_store", Store, { run }),
        layout!("tg_grant", Grant, { lease, number, valid_ms }),
        layout!("tg_lease", Leases, { acquire, renew, release }),
        layout!("tg_log", Log, { enabled, write, panicked }),
        layout!("tg_metric_spec", MetricSpec, {
            kind, reserved, name, help, labels, labels_len, per_unit, buckets, buckets_len
        }),
        layout!("tg_metrics", Metrics, { open, record }),
        layout!("tg_now", Now, { time, monotonic_ns }),
        layout!("tg_clock", Clock, { now }),
    ]
}

/// The layouts as text, a line for each struct.
fn text() -> String {
    layouts().into_iter().fold(String::new(), |mut text, (name, size, fields)| {
        let fields: Vec<_> = fields.iter().map(|(field, at)| format!("{field}@{at}")).collect();
        writeln!(text, "{name} {size}: {}", fields.join(" ")).unwrap();
        text
    })
}

#[test]
fn every_struct_has_the_layout_of_abi_1_2() {
    assert_eq!(text(), include_str!("../abi/1.2/layout.txt"));
}

#[test]
fn no_struct_of_an_older_version_has_changed() {
    let now = text();
    for before in [include_str!("../abi/1.0/layout.txt"), include_str!("../abi/1.1/layout.txt")] {
        for line in before.lines() {
            assert!(now.lines().any(|other| other == line), "{line}");
        }
    }
}

#[test]
fn the_statuses_have_their_fixed_values() {
    let statuses = [
        Status::OK,
        Status::BUSY,
        Status::DENIED,
        Status::INVALID,
        Status::NOT_FOUND,
        Status::CONFLICT,
        Status::TIMEOUT,
        Status::CLOSED,
        Status::UNSUPPORTED,
        Status::INTERNAL,
    ];
    for (value, status) in (0..).zip(statuses) {
        assert_eq!(status.0, value);
        assert!(HEADER.contains(&format!("TG_{}", status.name().unwrap())));
    }
    assert_eq!(Status(10).name(), None);
    assert_eq!(Status(-1).to_string(), "unknown status -1");
}

const HEADER: &str = include_str!("../include/tidegate_plugin.h");

#[test]
fn the_header_has_no_struct_that_is_not_pinned_here() {
    let pinned: Vec<_> = layouts().into_iter().map(|(name, ..)| name).collect();
    for line in HEADER.lines() {
        let rest = line.strip_prefix("typedef struct ").or_else(|| line.strip_prefix("struct "));
        if let Some(name) = rest.filter(|rest| rest.ends_with('{')).and_then(|rest| rest.split(' ').next()) {
            assert!(pinned.contains(&name), "{name} is not pinned");
        }
    }
}

#[cfg(not(miri))]
mod compiled {
    use super::*;
    use std::process::Command;

    const RULES: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

    /// Compiles a text against the header. A compiler that is missing fails the test: the ABI's promise cannot be checked.
    fn compile(compiler: &str, standard: &str, extension: &str, source: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(format!("check.{extension}"));
        std::fs::write(&file, source).unwrap();
        let include = concat!("-I", env!("CARGO_MANIFEST_DIR"), "/include");
        let output = Command::new(compiler)
            .args([standard, include, "-fsyntax-only"])
            .args(RULES)
            .arg(&file)
            .output()
            .unwrap_or_else(|e| panic!("`{compiler}` cannot be run ({e}): install a C and C++ compiler"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Every size, offset, status and constant as assertions.
    fn assertions(keyword: &str) -> String {
        let mut source = String::from("#include \"tidegate_plugin.h\"\n");
        for (name, size, fields) in layouts() {
            writeln!(source, "{keyword}(sizeof({name}) == {size}, \"{name}\");").unwrap();
            for (field, at) in fields {
                writeln!(source, "{keyword}(offsetof({name}, {field}) == {at}, \"{name}.{field}\");")
                    .unwrap();
            }
        }
        for value in 0..10 {
            let name = Status(value).name().unwrap();
            writeln!(source, "{keyword}(TG_{name} == {value}, \"TG_{name}\");").unwrap();
        }
        let constants = [
            ("TG_ABI_MAJOR", MAJOR),
            ("TG_ABI_MINOR", MINOR),
            ("TG_CALL_STREAMS", CALL_STREAMS),
            ("TG_WATCH_OPEN", WATCH_OPEN),
            ("TG_WATCH_JOIN", WATCH_JOIN),
            ("TG_WATCH_LEAVE", WATCH_LEAVE),
            ("TG_WATCH_CLOSE", WATCH_CLOSE),
            ("TG_STORE_GET", STORE_GET),
            ("TG_STORE_PUT", STORE_PUT),
            ("TG_STORE_DELETE", STORE_DELETE),
            ("TG_STORE_LIST", STORE_LIST),
            ("TG_EXPECT_ANY", EXPECT_ANY),
            ("TG_EXPECT_ABSENT", EXPECT_ABSENT),
            ("TG_EXPECT_REVISION", EXPECT_REVISION),
            ("TG_LOG_TRACE", LOG_TRACE),
            ("TG_LOG_ERROR", LOG_ERROR),
            ("TG_METRIC_COUNTER", METRIC_COUNTER),
            ("TG_METRIC_GAUGE", METRIC_GAUGE),
            ("TG_METRIC_HISTOGRAM", METRIC_HISTOGRAM),
        ];
        for (name, value) in constants {
            writeln!(source, "{keyword}({name} == {value}, \"{name}\");").unwrap();
        }
        source.push_str("int main(void) { return tg_str_eq(tg_text(\"a\"), tg_text(\"b\")); }\n");
        source
    }

    #[test]
    fn a_c11_compiler_sees_the_same_layout_without_a_warning() {
        compile("cc", "-std=c11", "c", &assertions("_Static_assert"));
    }

    #[test]
    fn a_cpp17_compiler_sees_the_same_layout_without_a_warning() {
        compile("c++", "-std=c++17", "cpp", &assertions("static_assert"));
    }
}

#[test]
fn the_extensions_have_the_ids_of_the_header() {
    let ids = [
        ext::DECLARE,
        ext::HTTP,
        ext::CALLS,
        ext::FOLLOW,
        ext::WATCH,
        ext::FLOW,
        ext::HEALTH,
        ext::CHECKPOINT,
        ext::COMMANDS,
    ];
    for id in ids.iter().chain(&ext::HOST) {
        assert!(HEADER.contains(&format!("\"{id}\"")), "{id}");
    }
    assert_eq!(HEADER.matches("#define TG_EXT_").count(), 18);
}

#[test]
fn the_header_is_the_one_that_was_kept_for_abi_1_2() {
    assert_eq!((MAJOR, MINOR), (1, 2), "a new version keeps the old header and adds its own folder");
    assert!(
        HEADER == include_str!("../abi/1.2/tidegate_plugin.h"),
        "ABI 1.2 does not change: add an extension"
    );
}

/// Another text but for the lines that differ from version to version.
fn without_versions(header: &str) -> Vec<&str> {
    let versioned =
        |line: &&str| line.contains("plugin ABI, version") || line.contains("define TG_ABI_MINOR");
    header.lines().filter(|line| !versioned(line)).collect()
}

#[test]
fn a_new_header_holds_every_line_of_the_old_one_in_order() {
    let mut now = without_versions(HEADER).into_iter();
    for line in without_versions(include_str!("../abi/1.0/tidegate_plugin.h")) {
        assert!(now.any(|other| other == line), "{line}");
    }
}
