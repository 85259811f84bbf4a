use super::*;

#[test]
fn numbers_are_read_as_by_the_parser_or_not_at_all() {
    for number in [
        "0",
        "-0",
        "7",
        "-7",
        "4294967296",
        "18446744073709551615",
        "18446744073709551616",
        "-9223372036854775807",
        "-9223372036854775808",
        "0.1",
        "-0.0",
        "1.5",
        "0.93",
        "99.5",
        "123456.7890123",
        "1234567.8901234",
        "12345678.90123456",
        "0.1234567890123456",
        "1e3",
        "1.5e-3",
        "1E999",
        "100000000000000000000",
    ] {
        if let Some(read) = read(number) {
            assert_eq!(serde_json::from_str::<Number>(number).unwrap(), read, "{number}");
        }
    }
    assert!(["7", "-7", "1763750000123", "0.93", "-99.5"].iter().all(|number| read(number).is_some()));
    assert!(["-0", "1e3", "0.1234567890123456"].iter().all(|number| read(number).is_none()));
}
