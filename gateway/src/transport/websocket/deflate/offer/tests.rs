use proptest::prelude::*;

use super::*;

const BOTH: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

/// What is agreed on where the client sends these values of the header.
fn agreed(values: &[&str]) -> Result<Option<Agreed>, Malformed> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(SEC_WEBSOCKET_EXTENSIONS, HeaderValue::from_str(value).unwrap());
    }
    agree(&headers)
}

/// The answer and the window, or nothing.
fn answer(value: &str) -> Option<(String, Window)> {
    let agreed = agreed(&[value]).unwrap_or_else(|error| panic!("{value}: {error}"))?;
    Some((agreed.answer.to_str().unwrap().to_owned(), agreed.window))
}

#[test]
fn both_sides_begin_each_message_anew_whatever_is_offered() {
    for offer in [
        "permessage-deflate",
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate;client_no_context_takeover",
        "Permessage-Deflate ; Client_Max_Window_Bits",
        "permessage-deflate; client_max_window_bits=8",
        "permessage-deflate; client_max_window_bits=\"15\"; server_no_context_takeover",
    ] {
        assert_eq!(answer(offer), Some((BOTH.to_owned(), Window::Whole)), "{offer}");
    }
}

#[test]
fn a_clients_smaller_window_is_kept_to() {
    for bits in 8..=15 {
        let window = if bits == 15 { Window::Whole } else { Window::Smallest };
        let expected = Some((format!("{BOTH}; server_max_window_bits={bits}"), window));
        assert_eq!(answer(&format!("permessage-deflate; server_max_window_bits={bits}")), expected);
        assert_eq!(answer(&format!("permessage-deflate;server_max_window_bits = \"{bits}\"")), expected);
        assert_eq!(answer(&format!("permessage-deflate;server_max_window_bits=\"\\{bits}\"")), expected);
    }
}

#[test]
fn an_offer_with_anything_unknown_wrong_or_doubled_is_declined() {
    for parameters in [
        "unknown",
        "unknown=1",
        "server_no_context_takeover=1",
        "server_no_context_takeover=\"true\"",
        "client_no_context_takeover=0",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=08",
        "server_max_window_bits=+9",
        "server_max_window_bits=0x9",
        "server_max_window_bits=999999999999",
        "client_max_window_bits=7",
        "client_max_window_bits=x",
        "server_no_context_takeover; server_no_context_takeover",
        "client_max_window_bits; client_max_window_bits=9",
        "server_max_window_bits=9; server_max_window_bits=9",
        "server_max_window_bits=77; server_max_window_bits=9",
    ] {
        assert_eq!(answer(&format!("permessage-deflate; {parameters}")), None, "{parameters}");
        let then = format!("permessage-deflate; {parameters}, permessage-deflate");
        assert_eq!(answer(&then), Some((BOTH.to_owned(), Window::Whole)), "{then}");
    }
}

#[test]
fn the_first_offer_that_will_do_is_taken_wherever_it_stands() {
    let small = Some((format!("{BOTH}; server_max_window_bits=10"), Window::Smallest));
    let offer = "x-webkit-deflate-frame, permessage-bzip2; level=9,permessage-deflate; server_max_window_bits=10, permessage-deflate";
    assert_eq!(answer(offer), small);
    let agreed =
        agreed(&["foo; bar=\"baz\"", ", ,", "permessage-deflate; server_max_window_bits=10"]).unwrap();
    assert_eq!(agreed.unwrap().window, Window::Smallest);
    for none in ["", " , ", "permessage-deflates", "deflate", "permessage-bzip2"] {
        assert_eq!(answer(none), None, "{none}");
    }
    assert_eq!(agree(&HeaderMap::new()), Ok(None));
}

#[test]
fn what_is_no_list_of_extensions_is_refused() {
    for value in [
        ";",
        "permessage-deflate;",
        "permessage-deflate; =1",
        "permessage-deflate; server_max_window_bits=",
        "permessage-deflate; server_max_window_bits=\"9",
        "permessage-deflate; server_max_window_bits=\"\"",
        "permessage-deflate; server_max_window_bits=\"9 \"",
        "permessage-deflate; server_max_window_bits=\"9\\\"",
        "permessage-deflate server_no_context_takeover",
        "permessage-deflate, (",
        "=",
    ] {
        assert_eq!(agreed(&[value]), Err(Malformed), "{value}");
    }
    assert_eq!(agreed(&["permessage-deflate", "@"]), Err(Malformed), "whichever line it is in");
}

proptest! {
    #[test]
    fn whatever_is_offered_is_judged_and_what_is_answered_was_asked_for(
        value in r#"((permessage-deflate|x)( ?; ?(server|client)_(no_context_takeover|max_window_bits)( ?= ?"?[0-9]{1,2}"?)?){0,4}[,;" =x]{0,2}){0,4}"#,
    ) {
        let Ok(Some(Agreed { answer, .. })) = agreed(&[&value]) else { return Ok(()) };
        let answer = answer.to_str().unwrap();
        let asked: String = value.split([' ', '"', '\\']).collect();
        for parameter in answer.split("; ").skip(3) {
            prop_assert!(asked.contains(parameter), "{} for {}", answer, value);
        }
    }

    #[test]
    fn no_bytes_break_it(value in proptest::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            let headers = HeaderMap::from_iter([(SEC_WEBSOCKET_EXTENSIONS, value)]);
            let _either_way = agree(&headers);
        }
    }
}
