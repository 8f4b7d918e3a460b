//! The host, met by plugins that mean well and by those that do not.

mod bytes;
#[cfg(target_os = "linux")]
mod children;
mod guests;
mod hostile;
mod shipped;
mod templates;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
mod textsim;
