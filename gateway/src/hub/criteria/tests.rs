//! What criteria mean, row by row.

mod properties;

use std::time::Instant;

use super::*;
use crate::frame::{Cursor, Epoch, Event, EventType, Posted, RoomId, Tags, Timestamp};
use crate::metrics::Metrics;

fn parse(text: &str) -> Criterion {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn error(text: &str) -> String {
    text.parse::<Criterion>().expect_err(text).to_string()
}

fn posted(room: &str, key: Option<&str>, data: impl AsRef<[u8]>) -> Arc<Posted> {
    let event = Event {
        key: key.map(Into::into),
        ..Event::new(
            EventType { number: 0, name: "alert_triggered".into() },
            data.as_ref().to_vec().into(),
            "client".into(),
            Timestamp(0),
        )
    };
    let room = RoomId { number: 1, name: room.into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    Arc::new(Posted::new(event, room, cursor, false, Instant::now()))
}

/// The same with tags of its publisher's.
fn tagged(tags: &[(&str, &str)], data: &str) -> Arc<Posted> {
    let event = Event {
        tags: Tags::new(tags.iter().copied()),
        ..Event::new(
            EventType { number: 0, name: "alert_triggered".into() },
            data.to_owned().into(),
            "plugin".into(),
            Timestamp(0),
        )
    };
    let room = RoomId { number: 1, name: "r".into(), class: 0 };
    let cursor = Cursor { epoch: Epoch(1), offset: 1 };
    Arc::new(Posted::new(event, room, cursor, false, Instant::now()))
}

#[test]
fn tags_that_a_publisher_gives_stand_in_the_place_of_those_in_data() {
    for (criterion, tags, data, passes) in [
        ("tags.env == \"live\"", &[("env", "live")][..], "{}", true),
        ("tags.env == \"live\"", &[("env", "test"), ("by", "me")], r#"{"tags":{"env":"live"}}"#, false),
        ("exists(tags.env)", &[("by", "me")], r#"{"tags":{"env":"live"}}"#, false),
        ("tags.by == \"me\" and data.n == 1", &[("by", "me")], r#"{"n":1}"#, true),
        ("tags.by == \"me\"", &[("by", "me")], "5", true),
        ("data.n == 1", &[("n", "2")], r#"{"n":1}"#, true),
    ] {
        let mut criteria = criteria();
        let number = criteria.hold(&Arc::new(criterion.parse().unwrap()));
        let judged = criteria.judge(number, 1, &[tagged(tags, data)], &mut Readings::default());
        assert_eq!(judged == 1, passes, "{criterion} {tags:?} {data}");
    }
}

fn criteria() -> Criteria {
    Criteria::new(Arc::clone(Metrics::new(1).shard(0)))
}

fn passes(criterion: &str, posted: Arc<Posted>) -> bool {
    let mut criteria = criteria();
    let number = criteria.hold(&Arc::new(parse(criterion)));
    let mask = criteria.judge(number, 1, &[posted], &mut Readings::default());
    criteria.release(number);
    mask == 1
}

#[test]
fn a_criterion_has_one_normal_form() {
    for (text, normal) in [
        ("data.a==1", "data.a == 1"),
        ("\tdata.a\n<=\r1e3 ", "data.a <= 1e3"),
        ("data[\"a\"] == 1", "data.a == 1"),
        ("data[ \"a b\" ][ 007 ].c-d_9 == 1", "data[\"a b\"][7].c-d_9 == 1"),
        ("data.größe == \"\\u00e9\\/\"", "data.größe == \"é/\""),
        ("data[\"1st\"] == 1 and data[\"-\"] == 1", "data[\"1st\"] == 1 and data[\"-\"] == 1"),
        ("tags.x != null", "tags.x != null"),
        ("data.tags.x != null", "tags.x != null"),
        ("data[\"tags\"][0] > \"a\"", "tags[0] > \"a\""),
        ("exists ( tags )", "exists(tags)"),
        ("data.tags_x == 1", "data.tags_x == 1"),
        ("source in[ \"a\" , -1.50,true ]", "source in [\"a\",-1.50,true]"),
        ("key not  in []", "key not in []"),
        ("((room == \"a\"))", "room == \"a\""),
        ("key==1or(key==2)and(key==3)", "key == 1 or key == 2 and key == 3"),
        ("(key==1 or key==2)and key==3", "(key == 1 or key == 2) and key == 3"),
        ("key==1 or (key==2 or (key==3))", "key == 1 or key == 2 or key == 3"),
        ("key==1 and (key==2 and key==3)", "key == 1 and key == 2 and key == 3"),
        ("not(key==1)", "not key == 1"),
        ("not(not(key==1 and key==2))", "not not (key == 1 and key == 2)"),
        ("not exists(data.in) and data.not == true", "not exists(data.in) and data.not == true"),
        ("data.and == 1 and data.or == 2", "data.and == 1 and data.or == 2"),
    ] {
        assert_eq!(parse(text).to_string(), normal, "{text}");
        assert_eq!(parse(normal).to_string(), normal);
        assert_eq!(parse(normal), parse(text));
    }
}

#[test]
fn what_is_no_criterion_is_told_with_its_place() {
    let fields = "event_type, source, key, room, data and tags";
    let operators = "expected ==, !=, <, <=, >, >=, in or not in";
    let values = "expected a string, a number, true, false or null";
    for (text, what) in [
        (" ", format!("expected a field: {fields} at character 2")),
        ("data.a", format!("{operators} at character 7")),
        ("data.a =", format!("{operators} at character 8")),
        ("data.a = 1", format!("{operators} at character 8")),
        ("data.a ==", format!("{values} at character 10")),
        ("data.a == yes", format!("{values} at character 11")),
        ("data.a == nullable", format!("{values} at character 11")),
        ("data.a == data.b", format!("{values} at character 11")),
        ("data.a == [1]", format!("{values} at character 11")),
        ("data.a == 'x'", "strings stand in double quotes at character 11".into()),
        ("data.é == \"", "not a string as JSON writes it at character 11".into()),
        ("data.a == \"\\x\"", "not a string as JSON writes it at character 11".into()),
        ("data.a == 01", "not a number as JSON writes it at character 11".into()),
        ("data.a == 1-2", "not a number as JSON writes it at character 11".into()),
        ("data.a < true", "< compares with a number or a string at character 10".into()),
        ("data.a >= null", ">= compares with a number or a string at character 11".into()),
        ("severity == 1", format!("unknown field `severity`; there are {fields} at character 1")),
        ("== 1", format!("expected a field: {fields} at character 1")),
        (
            "data. == 1",
            "expected a name; other names than words are written [\"name\"] at character 6".into(),
        ),
        (
            "data.1 == 1",
            "expected a name; other names than words are written [\"name\"] at character 6".into(),
        ),
        (
            "data[-1] == 1",
            "expected a name in double quotes, or a whole number below 4294967296 at character 6".into(),
        ),
        (
            "data[4294967296] == 1",
            "expected a name in double quotes, or a whole number below 4294967296 at character 6".into(),
        ),
        ("data[0 == 1", "expected `]` at character 8".into()),
        ("room.a == 1", "room has no parts at character 5".into()),
        ("room[0] == 1", "room has no parts at character 5".into()),
        ("data.a in 1", "expected `[` at character 11".into()),
        ("data.a in [1 2]", "expected `,` or `]` at character 14".into()),
        ("data.a in [1,]", format!("{values} at character 14")),
        ("data.a not 1", "expected `in` at character 12".into()),
        ("exists data.a", "expected `(` at character 8".into()),
        ("exists(data.a", "expected `)` at character 14".into()),
        ("(data.a == 1", "expected `)` at character 13".into()),
        ("data.a == 1)", "expected `and`, `or` or the end at character 12".into()),
        ("data.a == 1 && data.b == 1", "expected `and`, `or` or the end at character 13".into()),
        ("data.a == 1 and", format!("expected a field: {fields} at character 16")),
        ("data.a == 1 And data.b == 2", "expected `and`, `or` or the end at character 13".into()),
    ] {
        assert_eq!(error(text), what, "{text}");
    }
}

#[test]
fn everything_is_bounded() {
    let term = "key == 1";
    let joined = |count: usize| vec![term; count].join(" or ");
    parse(&joined(100));
    assert_eq!(error(&joined(101)), "more than 100 comparisons at character 1201");
    let nested = |depth: usize| "(not ".repeat(depth / 2) + term + &")".repeat(depth / 2);
    parse(&nested(16));
    assert_eq!(error(&nested(18)), "nested deeper than 16 levels at character 42");
    assert_eq!(
        error(&format!("{}key == 1", "not ".repeat(300))),
        "nested deeper than 16 levels at character 68"
    );
    let list = |count: usize| format!("key in [{}]", vec!["1"; count].join(","));
    parse(&list(100));
    assert_eq!(error(&list(101)), "more than 100 values in a list at character 209");
    let long = |count: usize| format!("key == \"{}\"", "é".repeat(count));
    parse(&long(995));
    assert_eq!(error(&long(996)), "longer than 2000 bytes at character 1005");
    let path = |count: usize| format!("exists(data{})", ".a".repeat(count));
    parse(&path(64));
    assert_eq!(error(&path(65)), "more than 64 parts in a path at character 140");
    let name = "x".repeat(1000);
    assert!(error(&format!("{name} == 1")).len() < 300, "no more is repeated than an error may repeat");
    // Within the bound as it is sent, beyond it with the spaces of the normal form.
    let tight = format!("key in[{}]", vec!["1"; 50].join(","));
    let tight = format!("{}or key==\"{}\"", vec![tight; 15].join("or "), "x".repeat(330));
    assert!(tight.len() <= 2000, "{}", tight.len());
    assert!(error(&tight).starts_with("longer than 2000 bytes in its normal form"), "{}", error(&tight));
}

/// By criterion: data that pass, and data that do not.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

const ROWS: &[Row] = &[
    (
        "data.a == 1",
        &[r#"{"a":1}"#, r#"{"a":1.0}"#, r#"{ "b": [1, "}"], "a" : 10e-1 }"#],
        &[
            "{}",
            r#"{"a":"1"}"#,
            r#"{"a":true}"#,
            r#"{"a":[1]}"#,
            r#"{"a":null}"#,
            r#"{"b":{"a":1}}"#,
            "[]",
            "1",
            "null",
        ],
    ),
    (
        "data.a != 1",
        &["{}", r#"{"a":"1"}"#, r#"{"a":2}"#, r#"{"a":null}"#, "null"],
        &[r#"{"a":1}"#, r#"{"a":1e0}"#],
    ),
    (
        "data.a < 10.5",
        &[r#"{"a":10}"#, r#"{"a":-1e9}"#, r#"{"a":10.499999999999999999999}"#],
        &[r#"{"a":10.5}"#, r#"{"a":"1"}"#, "{}", r#"{"a":null}"#, r#"{"a":false}"#],
    ),
    ("data.a <= 10.5", &[r#"{"a":10.50}"#, r#"{"a":10}"#], &[r#"{"a":10.500000000000000000001}"#, "{}"]),
    (
        "data.a > 9007199254740992",
        &[r#"{"a":9007199254740993}"#, r#"{"a":1e100}"#],
        &[r#"{"a":9007199254740992}"#, r#"{"a":"9007199254740993"}"#],
    ),
    (
        "data.a >= 18446744073709551616",
        &[r#"{"a":18446744073709551616}"#],
        &[r#"{"a":18446744073709551615}"#],
    ),
    (
        "data.a == \"é\\\"\"",
        &["{\"a\":\"é\\\"\"}", r#"{"a":"\u00e9\u0022"}"#, r#"{"\u0061":"é\""}"#],
        &[r#"{"a":"é"}"#, r#"{"a":"\ud800"}"#],
    ),
    (
        "data.a < \"b\"",
        &[r#"{"a":"a"}"#, r#"{"a":""}"#, r#"{"a":"azzz"}"#, r#"{"a":"B"}"#],
        &[r#"{"a":"b"}"#, r#"{"a":"é"}"#, r#"{"a":1}"#],
    ),
    ("data.a >= \"b\"", &[r#"{"a":"b"}"#, r#"{"a":"ba"}"#], &[r#"{"a":"a"}"#, "{}"]),
    ("data.a == true", &[r#"{"a":true}"#], &[r#"{"a":false}"#, r#"{"a":1}"#, r#"{"a":"true"}"#, "{}"]),
    ("data.a == null", &[r#"{"a":null}"#], &["{}", r#"{"a":0}"#, r#"{"a":false}"#]),
    ("data.a != null", &["{}", r#"{"a":0}"#, r#"{"a":{}}"#], &[r#"{"a":null}"#]),
    (
        "data.a in [1,\"x\",null]",
        &[r#"{"a":1}"#, r#"{"a":"x"}"#, r#"{"a":null}"#],
        &["{}", r#"{"a":"1"}"#, r#"{"a":[1]}"#],
    ),
    ("data.a not in [1,\"x\"]", &["{}", r#"{"a":2}"#, r#"{"a":null}"#], &[r#"{"a":1.0}"#, r#"{"a":"x"}"#]),
    ("data.a in []", &[], &["{}", r#"{"a":1}"#]),
    (
        "exists(data.a)",
        &[r#"{"a":null}"#, r#"{"a":{}}"#, r#"{"a":"\ud800"}"#],
        &["{}", r#"{"b":{"a":1}}"#, r#"["a"]"#, "\"a\""],
    ),
    ("exists(data)", &["null", "{}", "5"], &[]),
    ("data == \"x\"", &["\"x\""], &["{}", "\"y\""]),
    ("data[1] == 2", &["[1,2]", "[[1,2],2,3]", "[ {} , 2 ]"], &["[2]", "[]", "[2,1]", r#"{"1":2}"#]),
    (
        "data.a[0].b[2] == 1",
        &[r#"{"a":[{"b":[[],{},1]},7]}"#],
        &[r#"{"a":[{"b":[[],1]}]}"#, r#"{"a":{"b":[0,0,1]}}"#],
    ),
    ("data[\"a.b\"] == 1", &[r#"{"a.b":1}"#], &[r#"{"a":{"b":1}}"#]),
    ("tags.env == \"live\"", &[r#"{"tags":{"env":"live"}}"#], &[r#"{"env":"live"}"#, r#"{"tags":["env"]}"#]),
    // Of a name that is there twice the last counts, with what is in it.
    ("data.a == 1", &[r#"{"a":2,"a":1}"#], &[r#"{"a":1,"a":2}"#]),
    ("exists(data.a.b)", &[r#"{"a":1,"a":{"b":1}}"#], &[r#"{"a":{"b":1},"a":{}}"#]),
    (
        "data.a == 1 or data.b == 1 and data.c == 1",
        &[r#"{"a":1}"#, r#"{"b":1,"c":1}"#],
        &["{}", r#"{"b":1}"#, r#"{"c":1}"#],
    ),
    ("(data.a == 1 or data.b == 1) and data.c == 1", &[r#"{"a":1,"c":1}"#], &[r#"{"a":1}"#, r#"{"b":1}"#]),
    ("not data.a == 1 and data.b == 1", &[r#"{"b":1}"#], &["{}", r#"{"a":1,"b":1}"#]),
    ("not (data.a == 1 and data.b == 1)", &["{}", r#"{"a":1}"#], &[r#"{"a":1,"b":1}"#]),
    (
        "data.severity in [\"high\",\"critical\"] and not exists(data.muted) or data.price < 10.5",
        &[r#"{"severity":"high"}"#, r#"{"severity":"low","price":10.4}"#, r#"{"muted":1,"price":0}"#],
        &[r#"{"severity":"high","muted":null}"#, r#"{"severity":"low"}"#, r#"{"price":"1"}"#],
    ),
];

#[test]
fn each_operator_holds_for_what_it_says_and_nothing_else() {
    for (criterion, pass, fail) in ROWS {
        for data in *pass {
            assert!(passes(criterion, posted("r", None, data)), "{criterion} passes {data}");
        }
        for data in *fail {
            assert!(!passes(criterion, posted("r", None, data)), "{criterion} does not pass {data}");
        }
    }
}

#[test]
fn other_fields_are_those_of_the_events_frame() {
    for criterion in [
        "event_type == \"alert_triggered\" and source == \"client\"",
        "room == \"prices:eu\" and key == \"k\"",
        "room >= \"prices:\" and room < \"prices;\"",
        "exists(key) and exists(room) and exists(source)",
    ] {
        assert!(passes(criterion, posted("prices:eu", Some("k"), "{}")), "{criterion}");
    }
    for criterion in ["not exists(key) and key != \"k\"", "exists(room) and room == null"] {
        assert!(passes(criterion, posted("", None, "{}")), "{criterion}");
    }
}

/// However many criteria there are and however they come and go, each finds what it would find alone; and data are
/// read once, whoever asks.
#[test]
fn criteria_of_a_shard_share_what_is_read() {
    let metrics = Metrics::new(1);
    let counters = metrics.shard(0);
    let mut criteria = Criteria::new(Arc::clone(counters));
    let batch: Vec<_> = ROWS.iter().flat_map(|(_, pass, fail)| pass.iter().chain(*fail)).take(64).collect();
    let batch: Vec<_> = batch.into_iter().map(|data| posted("r", None, data)).collect();
    let mut readings = Readings::default();
    let held: Vec<_> = ROWS.iter().map(|(text, ..)| criteria.hold(&Arc::new(parse(text)))).collect();
    for _ in 0..3 {
        for (number, (text, ..)) in held.iter().zip(ROWS) {
            let mask = criteria.judge(*number, u64::MAX, &batch, &mut readings);
            for (bit, posted) in batch.iter().enumerate() {
                assert_eq!(mask >> bit & 1 == 1, passes(text, Arc::clone(posted)), "{text}: {bit}");
            }
        }
    }
    let distinct = held.iter().collect::<std::collections::HashSet<_>>().len();
    assert_eq!(counters.criteria_evaluated.get(), (distinct * 64) as u64);
    assert_eq!(counters.criteria_read.get(), 64);
    // One that comes while the batch is walked asks for what nobody has asked for before.
    let late = criteria.hold(&Arc::new(parse("exists(data.severity) or exists(data.late)")));
    assert_eq!(criteria.judge(late, 1, &batch, &mut readings), 0);
    assert_eq!(counters.criteria_read.get(), 65);
    held.into_iter().chain([late]).for_each(|number| criteria.release(number));
    // Another one gets its numbers, and not its verdicts.
    let other = criteria.hold(&Arc::new(parse("exists(data.other) or exists(data)")));
    assert_eq!(criteria.judge(other, 1, &batch, &mut readings), 1);
}

#[test]
fn what_no_criterion_reads_is_not_read() {
    let metrics = Metrics::new(1);
    let mut criteria = Criteria::new(Arc::clone(metrics.shard(0)));
    let number = criteria.hold(&Arc::new(parse("event_type == \"other\" and data.a == 1 or exists(key)")));
    assert_eq!(criteria.judge(number, 1, &[posted("r", None, "{}")], &mut Readings::default()), 0);
    assert_eq!(metrics.shard(0).criteria_read.get(), 0);
    assert_eq!(metrics.shard(0).criteria_evaluated.get(), 1);
}
