use proptest::prelude::*;

use super::plan::Plan;

const WORLD: &str = r#"title = "t"

[[host]]
name = "a"
addresses = ["10.0.0.1"]

[[host]]
name = "b"
addresses = ["10.0.0.2"]

[[link]]
between = ["a", "b"]
"#;

fn error(text: &str) -> String {
    match Plan::read(text) {
        Ok(_) => panic!("this was read:\n{text}"),
        Err(error) => error.to_string(),
    }
}

/// Each row: what is wrong, what is replaced in a world that works, and by what.
#[test]
fn what_is_wrong_is_said_with_its_place_and_an_example() {
    let step = |step: &str| format!("{WORLD}\n[[step]]\n{step}\n");
    let rows = [
        ("unknown key on top", WORLD.replace("title", "titel")),
        (
            "unknown key in a host",
            WORLD.replace("name = \"b\"", "name = \"b\"\nadress = 3"),
        ),
        ("no TOML", WORLD.replace("[[link]]", "[[link]")),
        ("an address that is none", WORLD.replace("10.0.0.2", "10.0.0.2222")),
        ("an address twice", WORLD.replace("10.0.0.2", "10.0.0.1")),
        ("a name twice", WORLD.replace("name = \"b\"", "name = \"a\"")),
        ("a link to nobody", WORLD.replace("[\"a\", \"b\"]", "[\"a\", \"c\"]")),
        ("a link to itself", WORLD.replace("[\"a\", \"b\"]", "[\"a\", \"a\"]")),
        ("an impairment that is none", format!("{WORLD}impair = \"lost=2%\"\n")),
        (
            "a fault that is none",
            format!("{WORLD}\n[[fault]]\nfrom = \"a\"\ndo = \"burn\"\n"),
        ),
        (
            "flags that are none",
            format!("{WORLD}\n[[fault]]\nfrom = \"a\"\nflags = \"SYN\"\ndo = \"drop\"\n"),
        ),
        ("a step of nobody", step("do = \"close\"")),
        ("a step that does nothing", step("host = \"a\"")),
        (
            "a step that does two things",
            step("host = \"a\"\ndo = \"close\"\nread = \"nothing\""),
        ),
        ("a call that there is not", step("host = \"a\"\ndo = \"open\"")),
        (
            "a moment that is none",
            step("host = \"a\"\nat = \"noon\"\ndo = \"close\""),
        ),
        (
            "a state that is none",
            step("host = \"a\"\nexpect = { state = \"OPEN\" }"),
        ),
        (
            "an unknown condition",
            step("host = \"a\"\nexpect = { stat = \"LISTEN\" }"),
        ),
        (
            "a count that is none",
            step("host = \"a\"\nexpect = { embryos = \"few\" }"),
        ),
        (
            "a target that is none",
            step("host = \"a\"\nconnect = { to = \"c:80\" }"),
        ),
        (
            "an address of another host",
            step("host = \"a\"\nlisten = { port = 1, address = \"10.0.0.2\" }"),
        ),
        (
            "a number that is none",
            step("host = \"a\"\ninject = { flags = \"R\", seq = \"nxt+1\" }"),
        ),
        (
            "both bytes and text",
            step("host = \"a\"\nsend = { bytes = 1, text = \"x\" }"),
        ),
        (
            "no second host",
            "title = \"t\"\n[[host]]\nname = \"a\"\naddresses = [\"10.0.0.1\"]\n".to_owned(),
        ),
    ];
    let told: Vec<String> = rows
        .iter()
        .map(|(what, text)| format!("## {what}\n{}\n", error(text)))
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn place_counts_lines_and_characters() {
    let text = WORLD
        .replace("name = \"b\"", "name = \"\u{e9}\", x = 1")
        .replace("\", x", "\"\nx");
    let error = Plan::read(&text).unwrap_err();
    assert_eq!(error.line_and_column(), Some((9, 1)));
    assert!(error.message().contains("unknown field `x`"), "{}", error.message());
    assert!(error.example().contains("[[host]]"));
}

#[test]
fn the_smallest_world_has_defaults() {
    let plan = Plan::read(WORLD).unwrap();
    assert_eq!((plan.hosts.len(), plan.directions.len(), plan.steps.len()), (2, 2, 0));
    assert_eq!(plan.hosts[0].config.mtu, stack::Config::default().mtu);
    assert_eq!(plan.until, stack::Duration::from_secs(3600));
}

proptest! {
    /// Whatever is done to a text, it is read or refused, and a refusal can be shown.
    #[test]
    fn damaged_text_is_read_or_refused(
        which in 0..crate::scenario::scenarios().len(),
        at in 0.0..1.0_f64,
        cut in 0..40_usize,
        put in "[\\[\\]{}=\",.0-9a-z\u{e9}\n ]{0,12}",
    ) {
        let text = crate::scenario::scenarios()[which].toml;
        let start = text.floor_char_boundary((text.len() as f64 * at) as usize);
        let end = text.ceil_char_boundary((start + cut).min(text.len()));
        let damaged = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Err(error) = Plan::read(&damaged) {
            prop_assert!(error.to_string().contains("this would work"));
        }
    }
}

/// The reference for users.
const REFERENCE: &str = include_str!("../../../../docs/lab.md");

#[test]
fn the_world_in_the_reference_can_be_read() {
    let world = REFERENCE
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    Plan::read(world).unwrap_or_else(|error| panic!("{error}"));
}

/// A refusal of an unknown key names the keys that there are: each of them stands in the reference.
#[test]
fn every_key_is_in_the_reference() {
    let step = |inner: &str| format!("{WORLD}\n[[step]]\nhost = \"a\"\n{inner}\n");
    let tables = [
        format!("x = 1\n{WORLD}"),
        WORLD.replace("name = \"b\"", "name = \"b\"\nx = 1"),
        WORLD.replace("name = \"b\"", "name = \"b\"\nconnection = { x = 1 }"),
        WORLD.replace("name = \"b\"", "name = \"b\"\nconnection = { keep_alive = { x = 1 } }"),
        WORLD.replace("name = \"b\"", "name = \"b\"\nlimits = { x = 1 }"),
        format!("{WORLD}x = 1\n"),
        format!("{WORLD}\n[[fault]]\nx = 1\n"),
        step("x = 1"),
        step("do = \"x\""),
        step("listen = { x = 1 }"),
        step("connect = { x = 1 }"),
        step("send = { x = 1 }"),
        step("wait = { x = 1 }"),
        step("expect = { x = 1 }"),
        step("expect = { ended = \"x\" }"),
        step("expect = { sent = [{ x = 1 }] }"),
        step("inject = { x = 1 }"),
        step("inject = { flags = \"R\", timestamps = \"x\" }"),
        step("replay = { x = 1 }"),
    ];
    for text in tables {
        let error = Plan::read(&text).unwrap_err();
        let (_, known) = error
            .message()
            .split_once("expected")
            .unwrap_or_else(|| panic!("{error}"));
        let keys: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{error}");
        for key in keys {
            let is_told = REFERENCE
                .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-'))
                .any(|word| word == key);
            assert!(is_told, "`{key}` is not in docs/lab.md: {error}");
        }
    }
}
