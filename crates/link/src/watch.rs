//! Descriptors watched for as little as is needed.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Watches a non-blocking descriptor for `interest` alone. To wait for something else on the same file, watch a
/// duplicate of it for as long as the wait lasts.
pub fn watch<T: AsRawFd + Into<OwnedFd>>(descriptor: T, interest: Interest) -> io::Result<AsyncFd<T>> {
    #[expect(
        deprecated,
        reason = "its successor is unsafe, and asks for what anything that is an OwnedFd keeps to"
    )]
    AsyncFd::with_interest(descriptor, interest)
}
