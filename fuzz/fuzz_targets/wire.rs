//! Whatever decodes as a frame encodes to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::{ClientFrame, HostFrame};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = HostFrame::decode(bytes) {
        assert_eq!(frame.to_vec(), bytes);
    }
    if let Ok(frame) = ClientFrame::decode(bytes) {
        assert_eq!(frame.to_vec(), bytes);
    }
});
