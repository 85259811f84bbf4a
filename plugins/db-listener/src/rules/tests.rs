//! What rules promise.

use std::rc::Rc;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, from_value, json};

use super::*;
use crate::change::{Cell, Change, Kind, Shape};
use crate::source::{Table, TableColumn, Told, Untold, Values};

const COLUMNS: [&str; 4] = ["id", "estado", "prioridad", "blob"];

fn settings(rules: Value) -> Settings {
    from_value(json!({"source": {"url": "x"}, "rule": rules})).unwrap()
}

fn error(rules: Value) -> String {
    Rules::read(&settings(rules)).unwrap_err().to_string()
}

fn row(values: [Value; 4]) -> Option<Vec<Cell>> {
    Some(values.map(Cell::Is).to_vec())
}

fn change(kind: Kind, old: Option<Vec<Cell>>, new: Option<Vec<Cell>>) -> Change {
    let table = TableName { schema: "public".into(), table: "tareas".into() };
    let shape = Arc::new(Shape { table, columns: COLUMNS.map(String::from).to_vec() });
    Change { kind, shape, new, old, origin: "0/1/1".into(), time: 7 }
}

fn update(from: &str, to: &str) -> Change {
    let of = |estado: &str| row([json!(1), json!(estado), json!(4), json!("b")]);
    change(Kind::Update, of(from), of(to))
}

/// The data of a change's events.
fn events(rules: Value, change: &Change) -> Vec<Option<Value>> {
    let rules = Rc::new(Rules::read(&settings(rules)).unwrap());
    let (mut made, mut missing) = (Vec::new(), Vec::new());
    Plans::new(rules, "test".into()).apply(change, &mut made, &mut missing);
    assert!(missing.is_empty(), "{missing:?}");
    made.into_iter().map(|made| made.map(|made| serde_json::from_slice(&made.data).unwrap())).collect()
}

fn holds(when: &str, change: &Change) -> bool {
    !events(json!([{"table": "tareas", "event": "e", "when": when}]), change).is_empty()
}

#[test]
fn the_first_rule_that_holds_wins_unless_it_goes_on() {
    let rules = json!([
        {"table": "tareas", "on": "update", "when": "changed(estado)", "event": "a", "continue": true, "data": 1},
        {"table": "tareas", "on": ["insert", "update"], "event": "b", "data": 2},
        {"table": "tareas", "event": "c", "data": 3},
        {"table": "others", "event": "d", "data": 4},
    ]);
    let names = |change| events(rules.clone(), &change).into_iter().map(|e| e.unwrap()).collect::<Vec<_>>();
    assert_eq!(names(update("x", "y")), [json!(1), json!(2)]);
    assert_eq!(names(update("x", "x")), [json!(2)]);
    assert_eq!(
        names(change(Kind::Delete, row([json!(1), json!("x"), json!(4), json!(null)]), None)),
        [json!(3)]
    );
}

#[test]
fn one_placeholder_keeps_the_columns_type_and_more_are_text() {
    let data = json!({
        "id": "{id}", "row": "{*}", "text": "{id}-{estado}", "old": "{old.estado}", "braces": "{{{id}}}", "plain": "x",
        "list": ["{prioridad}", 1, null, true],
    });
    let rules = json!([{"table": "tareas", "event": "e", "data": data, "omit": ["blob"]}]);
    let made = events(rules, &update("a", "b")).remove(0).unwrap();
    let row = json!({"id": 1, "estado": "b", "prioridad": 4});
    let expected = json!({
        "id": 1, "row": row, "text": "1-b", "old": "a", "braces": "{1}", "plain": "x", "list": [4, 1, null, true],
    });
    assert_eq!(made, expected);
}

#[test]
fn what_is_not_known_is_left_out_or_found_in_the_old_row() {
    let known = [json!(1), json!("a"), json!(4), json!("large")].map(Cell::Is).to_vec();
    let mut unchanged = known.clone();
    unchanged[3] = Cell::Unknown;
    let rules = json!([{"table": "tareas", "event": "e", "data": {"row": "{*}", "blob": "{blob}", "at": ["{blob}"]}}]);
    let data =
        |old| events(rules.clone(), &change(Kind::Update, old, Some(unchanged.clone()))).remove(0).unwrap();
    let row = json!({"id": 1, "estado": "a", "prioridad": 4});
    assert_eq!(data(None), json!({"row": row, "at": [null]}));
    assert_eq!(data(Some(known))["row"]["blob"], "large");
}

#[test]
fn predicates_compare_as_one_expects() {
    let change = update("en_curso", "finalizada");
    for (when, expected) in [
        ("changed(estado)", true),
        ("changed(prioridad)", false),
        ("not changed(prioridad) and estado == 'finalizada'", true),
        (r#"estado in ["a", "finalizada"]"#, true),
        (r#"old.estado == "finalizada""#, false),
        ("prioridad >= 4 and prioridad < 4.5", true),
        ("prioridad == '4'", false),
        ("estado == null or id != null", true),
        ("not (estado == null or id == 1)", false),
        ("`blob` > \"a\" and id > -1e3", true),
        ("id == 2 or id == 1 and estado == 'x'", false),
    ] {
        assert_eq!(holds(when, &change), expected, "{when}");
    }
    // Without an old row nothing of it is known, so nothing that asks for it holds, nor its contrary.
    let blind = Change { old: None, ..change };
    for when in ["changed(estado)", "not changed(estado)", "old.id == 1", "old.id != 1"] {
        assert!(!holds(when, &blind), "{when}");
    }
    assert!(holds("old.id == 1 or id == 1", &blind));
}

#[test]
fn a_row_without_a_room_is_told_to_nobody_rather_than_to_all() {
    let rules = |room: Value| json!([{"table": "tareas", "event": "e", "room": room}]);
    let change = change(Kind::Insert, None, row([json!(1), json!(null), json!(4), json!("b")]));
    assert!(events(rules(json!("user:{estado}")), &change)[0].is_none());
    assert!(events(rules(json!(["user:{estado}", "task:{id}"])), &change)[0].is_some());
}

#[test]
fn mistakes_are_said_with_rule_place_and_what_is_expected() {
    let rule = |more: Value| {
        let mut rule = json!({"table": "tareas", "event": "moved"});
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([{"table": "t", "event": "x"}, rule])
    };
    for (more, expected) in [
        (
            json!({"when": "estado = 'x'"}),
            "rule.1 (moved): when: at character 8: '=' compares nothing: write '=='",
        ),
        (json!({"when": "changed(estado"}), "rule.1 (moved): when: at character 15: ')' is expected"),
        (
            json!({"when": "ñandú == 'x' und"}),
            "rule.1 (moved): when: at character 14: 'and', 'or' or the end is expected",
        ),
        (json!({"when": "estado in ['a' 'b']"}), "at character 16: ',' is expected"),
        (json!({"room": "user:{id"}), "rule.1 (moved): room: at character 6: '{' without its '}'"),
        (
            json!({"data": {"a": {"b": "x{*}"}}}),
            "rule.1 (moved): data: a.b: at character 2: the row stands alone",
        ),
        (
            json!({"when": "estado in []"}),
            "rule.1 (moved): when: at character 12: nothing is in an empty list",
        ),
        (
            json!({"event": "connected"}),
            "rule.1 (connected): event: 'connected' is an event of the gateway's own",
        ),
        (json!({"when": "(".repeat(40)}), "more than 32 deep"),
    ] {
        let said = error(rule(more));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn columns_and_tables_that_are_not_there_are_named_with_the_nearest() {
    let rules = json!([
        {"table": "tareas", "event": "e", "when": "changed(estdo)", "key": "{id}"},
        {"table": "tarea", "event": "f"},
    ]);
    let rules = Rules::read(&settings(rules)).unwrap();
    let name = TableName { schema: "public".into(), table: "tareas".into() };
    let column = |name: &str| TableColumn::new(name.into(), Values::Any);
    let table =
        |tells_old_rows| Table { tells_old_rows, ..Table::new(name.clone(), COLUMNS.map(column).to_vec()) };
    let wrong = rules.check(&[table(true)]);
    assert_eq!(wrong[0], "rule.0 (e): table 'public.tareas': there is no column 'estdo', but 'estado'");
    assert_eq!(wrong[1], "rule.1 (f): there is no table 'public.tarea', but 'public.tareas'");
    assert!(rules.check(&[table(false)])[1].contains("it asks for the old row"));
}

#[test]
fn a_table_that_was_meant_is_one_that_can_be_listened_to_and_first_one_that_differs_by_case() {
    let rules = Rules::read(&settings(json!([{"table": "A", "event": "e"}]))).unwrap();
    let table = |name: &str, told| {
        let name = TableName { schema: "public".into(), table: name.into() };
        Table::named(name, told)
    };
    let view = || table("A1", Told::Nothing("is a view".into()));
    let said = |tables: &[Table]| rules.check(tables).join("; ");
    assert_eq!(
        said(&[view(), table("B", Told::All), table("a", Told::All)]),
        "rule.0 (e): there is no table 'public.A', but 'public.a'"
    );
    assert_eq!(said(&[view()]), "rule.0 (e): there is no table 'public.A'");
}

#[test]
fn all_rules_that_are_wrong_are_named() {
    let rules = json!([
        {"table": "tareas", "event": "e", "when": "id ="}, {"table": "tareas", "event": "f"},
        {"table": "tareas", "event": "connected"},
        {"table": "tareas", "event": "g", "on": "truncate", "data": {"was": "{old.*}"}},
        {"table": "tareas", "event": "h", "on": "truncate", "key": "{old.id}"},
    ]);
    let said = Rules::read(&settings(rules)).unwrap_err().to_string();
    for expected in [
        "rule.0 (e): when: ",
        "rule.2 (connected): event: ",
        "rule.3 (g): data: {old.*} is",
        "rule.4 (h): key: {old.id} is",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    assert!(!said.contains("rule.1"), "{said}");
}

fn said(rule: Value) -> String {
    let mut whole = json!({"table": "tareas", "event": "e"});
    whole.as_object_mut().unwrap().extend(rule.as_object().unwrap().clone());
    Rules::read(&settings(json!([whole]))).map_or_else(|error| error.to_string(), |_| "well".into())
}

#[test]
fn a_rule_that_can_never_hold_is_told_with_what_to_write() {
    for (rule, expected) in [
        (
            json!({"on": "insert", "when": "changed(estado) or old.id == 1"}),
            "rule.0 (e): when: it never holds for insert: an insert has no old row, and changed() is of updates: write on = \"update\"",
        ),
        (
            json!({"on": ["delete", "truncate"], "when": "changed(id)"}),
            "for delete, truncate: changed() is of updates",
        ),
        (
            json!({"on": "truncate", "when": "id != 1"}),
            "when: it never holds for truncate: a truncation tells no rows",
        ),
        (
            json!({"when": "id < null and estado == 'x'"}),
            "when: it never holds: nothing is less or greater than null",
        ),
        (json!({"on": "truncate", "key": "{id}"}), "key: {id} is never known: a truncation tells no rows"),
        (json!({"on": "truncate", "room": ["all", "a:{id}"]}), "room: {id} is never known"),
        (
            json!({"on": "insert", "data": {"was": "{old.id}"}}),
            "data: {old.id} is never known: an insert has no old row; write {id}",
        ),
        (json!({"on": "insert", "data": ["{old.*}"]}), "data: {old.*} is never known"),
    ] {
        let said = said(rule);
        assert!(said.contains(expected), "{said}");
    }
    for rule in [
        json!({"on": "insert", "when": "not changed(estado)"}),
        json!({"on": ["insert", "update"], "when": "changed(estado)", "key": "{old.id}"}),
        json!({"on": "truncate", "data": {"all": "gone"}}),
        json!({"on": ["insert", "truncate"], "key": "{id}"}),
        json!({"when": "id <= null"}),
        json!({"omit": ["id"], "key": "{id}", "when": "id == 1"}),
    ] {
        assert_eq!(said(rule.clone()), "well", "{rule}");
    }
}

#[test]
fn kinds_of_changes_that_a_source_never_tells_are_refused() {
    let said = |kind: &str, on: &str| {
        let rule = json!([{"table": "t", "event": "e", "on": on}]);
        let settings = from_value(json!({"source": {"url": "x", "kind": kind}, "rule": rule})).unwrap();
        Rules::read(&settings).map_or_else(|error| error.to_string(), |_| "well".into())
    };
    assert!(
        said("notify", "update")
            .contains("rule.0 (e): on: a notification is an insert, never a update: write \"insert\"")
    );
    assert!(said("sqlite", "truncate").contains("on: SQLite has no truncate"));
    assert_eq!((said("notify", "any"), said("mariadb", "truncate")), ("well".into(), "well".into()));
}

#[test]
fn what_a_table_is_and_holds_is_held_against_the_rules() {
    let name = TableName { schema: "public".into(), table: "tareas".into() };
    let column = |name: &str, values| TableColumn::new(name.into(), values);
    let columns = vec![column("id", Values::Number), column("estado", Values::Text)];
    let table =
        Table { hidden: vec![("total".into(), "is generated".into())], ..Table::new(name.clone(), columns) };
    let wrong = |rule: Value, table: &Table| {
        let rules = Rules::read(&settings(json!([rule]))).unwrap();
        rules.check(std::slice::from_ref(table)).join("; ")
    };
    let when = |when: &str| json!({"table": "tareas", "event": "e", "when": when});
    assert_eq!(
        wrong(when("not (id == 1 and estado in ['a', 5])"), &table),
        "rule.0 (e): when: table 'public.tareas': the column 'estado' holds text, and is compared with 5: write \"5\""
    );
    assert_eq!(wrong(when("id in [1, null] and estado != 'a'"), &table), "");
    assert!(wrong(when("total == 1"), &table).contains("the column 'total' is generated"));
    let keyless = Table {
        untold: vec![Untold { kinds: vec![Kind::Update, Kind::Delete], why: "no key".into() }],
        ..table.clone()
    };
    let on = |on: Value| json!({"table": "tareas", "event": "e", "on": on});
    assert!(
        wrong(on(json!(["insert", "delete"])), &keyless)
            .starts_with("rule.0 (e): on: of table 'public.tareas' updates")
    );
    assert_eq!(
        (wrong(on(json!("any")), &keyless), wrong(on(json!("insert")), &keyless)),
        (String::new(), String::new())
    );
    let remarks = |on_: Value| {
        let rules = Rules::read(&settings(json!([on(on_)]))).unwrap();
        rules.remarks(std::slice::from_ref(&keyless)).join("; ")
    };
    assert_eq!(
        remarks(json!("any")),
        "rule.0 (e): of table 'public.tareas' updates and deletes are not told: no key"
    );
    assert_eq!(remarks(json!("insert")), "");
    let view = Table::named(name.clone(), Told::Nothing("is a view".into()));
    assert_eq!(wrong(on(json!("any")), &view), "rule.0 (e): table: 'public.tareas' is a view");
    let unseen = Table::named(name, Told::Unseen("or GRANT".into()));
    assert_eq!(wrong(on(json!("any")), &unseen), "rule.0 (e): there is no table 'public.tareas'; or GRANT");
}

#[test]
fn all_digits_of_json_are_told() {
    let change = |blob: &str| {
        let row =
            |blob| Some(vec![Cell::Is(json!(1)), Cell::Is(json!("x")), Cell::Is(json!(4)), Cell::json(blob)]);
        change(Kind::Update, row("{\"n\": 12345678901234567890.25}"), row(blob))
    };
    let made = |rule: Value, change: &Change| {
        let rules = Rc::new(Rules::read(&settings(json!([rule]))).unwrap());
        let (mut made, mut missing) = (Vec::new(), Vec::new());
        Plans::new(rules, "test".into()).apply(change, &mut made, &mut missing);
        made.pop().flatten().map(|made| String::from_utf8(made.data.to_vec()).unwrap())
    };
    let data = json!({"row": "{*}", "blob": "{blob}", "text": "-{blob}"});
    let rule = json!({"table": "tareas", "event": "e", "when": "changed(blob)", "data": data, "omit": ["id", "estado", "prioridad"]});
    let exact = "{\"n\":12345678901234567890.26}";
    assert_eq!(
        made(rule.clone(), &change(exact)).unwrap(),
        format!("{{\"blob\":{exact},\"row\":{{\"blob\":{exact}}},\"text\":{}}}", json!(format!("-{exact}")))
    );
    assert_eq!(made(rule, &change("{\"n\":12345678901234567890.25}")), None, "only spaces are others");
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        (-1000i32..1000).prop_map(|n| json!(f64::from(n) / 8.0)),
    ]
}

fn predicate() -> impl Strategy<Value = Predicate<Column>> {
    let name = prop_oneof!["[a-z_]{1,6}", "\\PC{1,6}", Just("and".to_owned()), Just("old".to_owned())];
    let column = |row| move |name: String| Column { row, name };
    let current = name.clone().prop_map(column(row::Row::Current));
    let any_column = prop_oneof![current.clone(), name.prop_map(column(row::Row::Old))];
    let sign = prop::sample::select(predicate::Sign::ALL.map(|(_, sign)| sign).to_vec());
    let leaf = prop_oneof![
        current.prop_map(Predicate::Changed),
        (any_column.clone(), sign, literal())
            .prop_map(|(column, sign, value)| Predicate::Compare(column, sign, value)),
        (any_column, prop::collection::vec(literal(), 1..4))
            .prop_map(|(column, values)| Predicate::In(column, values)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Predicate::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Predicate::Or),
            inner.prop_map(|inner| Predicate::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn a_predicate_that_is_written_reads_as_itself(predicate in predicate()) {
        let text = predicate.to_string();
        prop_assume!(text.len() <= text::LONGEST);
        prop_assert_eq!(Predicate::parse(&text), Ok(predicate), "{}", text);
    }

    #[test]
    fn no_text_brings_the_readers_down(text in "(\\PC|[ (){}\"'`=!<>]|and |changed\\(|old\\.){0,40}") {
        let _ = Predicate::parse(&text);
        if let Ok(template) = data::columns(&text) {
            let written = template.map(&mut |column| format!("{}{}", if column.row == row::Row::Old { "old." } else { "" }, column.name));
            prop_assert_eq!(data::columns(&written.to_string()), Ok(template));
        }
    }
}
