//! The host, met by plugins that mean well and by those that do not.

mod bytes;
mod guests;
mod hostile;
mod shipped;
