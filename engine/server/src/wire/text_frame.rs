//! Text frames as they go over a socket.

use std::{cell::Cell, fmt};

use tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Data, OpCode},
};

/// Bytes of the longest header: RFC 6455, section 5.2, unmasked.
const HEADER: usize = 10;
/// Bytes that are reserved for an answer; most fit.
pub(super) const USUAL: usize = 4096;
/// Bytes of the largest buffer that is kept for the next frame.
const KEPT: usize = 64 * 1024;

thread_local! {
    /// The buffer of the frame that this thread was done with last: still in the processor's cache when the next one is
    /// written.
    static SPARE: Cell<String> = const { Cell::new(String::new()) };
}

/// A frame, or what is left of it.
pub(crate) struct TextFrame {
    /// Room for a header, of which the end is used, and the text.
    bytes: Vec<u8>,
    at: usize,
}

impl TextFrame {
    /// Writes a frame.
    pub(crate) fn write(write: impl FnOnce(&mut String)) -> Self {
        let mut text = SPARE.take();
        text.reserve(USUAL);
        text.push_str("\0\0\0\0\0\0\0\0\0\0");
        write(&mut text);
        let mut bytes = text.into_bytes();
        let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
        let length = (bytes.len() - HEADER) as u64;
        let at = HEADER - header.len(length);
        let written = header.format(length, &mut &mut bytes[at..HEADER]);
        debug_assert!(written.is_ok(), "the header has its room");
        Self { bytes, at }
    }

    /// What is left to send.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Notes that so many bytes are sent.
    pub(crate) fn advance(&mut self, count: usize) {
        self.at += count;
    }
}

impl From<String> for TextFrame {
    fn from(text: String) -> Self {
        Self::write(|out| out.push_str(&text))
    }
}

impl Drop for TextFrame {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        if bytes.capacity() <= KEPT {
            bytes.clear();
            SPARE.set(String::from_utf8(bytes).unwrap_or_default());
        }
    }
}

impl fmt::Debug for TextFrame {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(self.rest()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use tungstenite::protocol::{Role, WebSocket};

    use super::*;

    #[test]
    fn a_client_reads_what_is_written() {
        for length in [0, 1, 125, 126, 65_535, 65_536, 200_000] {
            let text = "x".repeat(length);
            let mut frame = TextFrame::from(text.clone());
            let mut client = WebSocket::from_raw_socket(Cursor::new(frame.rest().to_vec()), Role::Client, None);
            assert_eq!(client.read().expect("a message").into_text().expect("a text"), text);
            let whole = frame.rest().len();
            frame.advance(1);
            assert_eq!(frame.rest().len(), whole - 1);
        }
    }
}
