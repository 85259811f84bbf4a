//! Which moments of sessions an instance asks for.

use serde::Deserialize;

use crate::hub::moments::{Kinds, Wanted};

/// What `select` gives.
#[derive(Deserialize)]
struct Asked {
    kinds: Vec<String>,
    rooms: Option<Vec<String>>,
    endpoints: Option<Vec<String>>,
}

/// Reads it; none where it asks for nothing.
pub(super) fn read(json: &[u8]) -> Result<Option<Wanted>, String> {
    let asked: Asked = serde_json::from_slice(json).map_err(|error| format!("select: {error}"))?;
    if asked.kinds.is_empty() {
        return Ok(None);
    }
    let kinds = asked.kinds.iter().try_fold(Kinds::default(), |kinds, name| {
        let kind = Kinds::named(name);
        kind.map(|kind| kinds.and(kind)).ok_or_else(|| format!("select: there is no kind '{name}'"))
    })?;
    Ok(Some(Wanted { kinds, rooms: asked.rooms, endpoints: asked.endpoints }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_and_what_is_no_kind_is_named() {
        assert_eq!(read(br#"{"kinds": []}"#).unwrap().map(|wanted| wanted.kinds), None);
        let wanted = read(br#"{"kinds": ["open", "leave"], "rooms": ["a*"]}"#).unwrap().unwrap();
        assert_eq!(wanted.kinds, Kinds::OPEN.and(Kinds::LEAVE));
        assert_eq!((wanted.rooms, wanted.endpoints), (Some(vec!["a*".to_owned()]), None));
        assert_eq!(read(br#"{"kinds": ["enter"]}"#).unwrap_err(), "select: there is no kind 'enter'");
        assert!(read(b"[").unwrap_err().starts_with("select: "));
    }
}
