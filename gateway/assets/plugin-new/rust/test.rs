//! The plugin in a miniature gateway, through the same table of functions as in the real one.

use serde_json::json;
use tidegate_plugin::testing::TestHost;

use {{crate}}::Greeter;

#[test]
fn it_greets_counts_and_tells_the_room() {
    let config = json!({ "greeting": "Good day", "room": "hall" });
    let host = TestHost::of::<Greeter>().config(config).start().unwrap();
    for (name, answer) in [("Ada", "Good day, Ada!"), ("Bob", "Good day, Bob!")] {
        let said = host.call("{{word}}_greet", &json!({ "name": name }));
        assert_eq!(said.data, answer);
    }
    let event = &host.events()[1];
    assert_eq!(event.kind, "{{word}}_greeted");
    assert_eq!(event.rooms, ["hall"]);
    assert_eq!(event.data, json!({ "name": "Bob", "count": 2 }));
    let answer = host.http("GET", "/{{name}}/count", "");
    assert_eq!(answer.json(), json!({ "count": 2 }));
    host.stop();
}

#[test]
fn an_event_that_does_not_fit_its_schema_is_an_error_that_names_the_field() {
    let host = TestHost::of::<Greeter>().start().unwrap();
    // The real gateway refuses this request already, by the schema of the call.
    let answer = host.call("{{word}}_greet", &json!({ "name": "" }));
    let expected = "event '{{word}}_greeted': name: ";
    assert!(answer.message.contains(expected), "{answer:?}");
    assert!(!answer.success);
    host.stop();
}
