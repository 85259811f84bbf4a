//! What form of an answer a request wants (RFC 9110, 12.5.1).

/// Whether an event stream rather than JSON: by the header `Accept`, in which a form's own name comes before what stands for several,
/// and the form of the greater `q` wins; 0 rules it out. Whoever does not say, or takes neither, gets JSON; of equals the one that is named first.
pub(crate) fn wants_events(accept: &str) -> bool {
    let (events, json) =
        (preference(accept, "text", "event-stream"), preference(accept, "application", "json"));
    match (events, json) {
        (Some(events), Some(json)) => {
            events.quality > json.quality || (events.quality == json.quality && events.comes_before(json))
        }
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// How much a form is wanted, where it is.
#[derive(Clone, Copy, Debug)]
struct Preference {
    /// Thousandths, from 1.
    quality: u16,
    /// By its own name, and not by what stands for several.
    is_named: bool,
    /// Its place in the list.
    place: usize,
}

impl Preference {
    fn comes_before(self, other: Self) -> bool {
        self.is_named && (!other.is_named || self.place < other.place)
    }
}

/// None: it is not wanted, or not spoken of.
fn preference(accept: &str, kind: &str, form: &str) -> Option<Preference> {
    let ranges = accept.split(',').enumerate().filter_map(|(place, range)| {
        let mut parts = range.split(';').map(str::trim);
        let (range_kind, range_form) = parts.next()?.split_once('/')?;
        let fits = |range: &str, name: &str| {
            if range == "*" { Some(0) } else { range.eq_ignore_ascii_case(name).then_some(1) }
        };
        let closeness = fits(range_kind, kind)? + fits(range_form, form)?;
        let quality = parts.find_map(quality).unwrap_or(1000);
        Some((closeness, Preference { quality, is_named: closeness == 2, place }))
    });
    // Of several that are as close, the first.
    let closest = ranges.reduce(|best, range| if range.0 > best.0 { range } else { best });
    closest.map(|(_, preference)| preference).filter(|preference| preference.quality > 0)
}

/// The weight, in thousandths, where the parameter is one; what cannot be read is as good as none.
fn quality(parameter: &str) -> Option<u16> {
    let (name, value) = parameter.split_once('=')?;
    let value: f32 = name.trim().eq_ignore_ascii_case("q").then(|| value.trim().parse().ok())??;
    (0.0..=1.0).contains(&value).then(|| (value * 1000.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_that_is_wanted_more_is_given() {
        for (accept, events) in [
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("text/html", false),
            ("text/*", true),
            ("text/event-stream", true),
            ("Text/Event-Stream; charset=utf-8", true),
            ("text/event-stream, */*", true),
            ("text/event-stream, application/json", true),
            ("application/json, text/event-stream", false),
            ("application/json;q=1, text/event-stream;q=0.1", false),
            ("application/json;q=0.1, text/event-stream;q=1", true),
            ("application/json; q=0.5 , text/event-stream ; Q=0.501", true),
            ("text/event-stream;q=0", false),
            ("text/event-stream;q=0.0, */*", false),
            ("text/event-stream;q=0.5, */*", false),
            ("text/event-stream;q=0.5, */*;q=0.1", true),
            ("application/json;q=0, text/event-stream;q=0.1", true),
            ("application/json;q=0, */*", true),
            ("text/event-stream;q=x", true),
            ("text/event-stream;q=7", true),
            (",;,/;q=,text/event-stream", true),
        ] {
            assert_eq!(wants_events(accept), events, "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(accept in "\\PC{0,60}|([a-z*]{0,4}/[a-z*]{0,4}(;q=[0-9.]{0,4})?,?){0,4}") {
            let _either = wants_events(&accept);
        }
    }
}
