//! The body of the fuzz target `pkt`: any text is read as a script, or refused with a place that lies in the text.

use syndic_lab::pkt::Script;

/// Reads `data` as a script.
pub(crate) fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let lines = u32::try_from(text.split('\n').count()).expect("a short text");
    match Script::parse("fuzz.pkt", &text) {
        Ok(script) => {
            for event in &script.events {
                assert!(
                    (1..=lines).contains(&event.line),
                    "an event at line {} of {lines}",
                    event.line
                );
            }
        }
        Err(error) => {
            assert!(
                (1..=lines).contains(&error.line),
                "an error at line {} of {lines}",
                error.line
            );
            assert!(error.column >= 1 && !error.message.is_empty());
        }
    }
}
