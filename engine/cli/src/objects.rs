//! Object stores in which records are kept: S3, Google Cloud Storage and Azure, with the feature `cloud`.

use std::path::{Path, PathBuf};
#[cfg(feature = "cloud")]
use std::sync::Arc;
use std::sync::OnceLock;

use casebook_records::Store;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a name may hold in a path as it is.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

static JOURNAL: OnceLock<PathBuf> = OnceLock::new();

/// Decides by the command line where the logs of object stores are; before any store is opened.
pub(crate) fn keep_logs_in(folder: &Path) {
    // Nothing has asked for it yet.
    let _ = JOURNAL.set(folder.to_path_buf());
}

/// The address of an object store, such as `s3://bucket/prefix`, if a path is one.
pub(crate) fn address(path: &Path) -> Option<&str> {
    let text = path.to_str()?;
    let (scheme, _) = text.split_once("://")?;
    let is_scheme = scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_scheme.then_some(text)
}

/// Opens the store of an address, with the logs that this machine keeps for it.
///
/// # Errors
///
/// When the address or what the environment says about it is wrong, or the object store does not answer.
pub(crate) fn open(address: &str) -> Result<Store, String> {
    let address = address.trim_end_matches('/');
    let folder = JOURNAL.get().cloned().unwrap_or_default();
    let journal = folder.join(utf8_percent_encode(address, KEPT).to_string());
    remote(address, &journal)
}

/// Names the one implementation of TLS that this binary has: with the feature `cloud`, no HTTP client brings its own.
#[cfg(feature = "cloud")]
pub(crate) fn provide_tls() {
    // It may be named already.
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
}

#[cfg(not(feature = "cloud"))]
fn remote(address: &str, _journal: &Path) -> Result<Store, String> {
    Err(format!(
        "`{address}` is an object store, which this build cannot reach: use a published binary, or install it with `cargo \\
         install --path engine/cli --features cloud`"
    ))
}

#[cfg(feature = "cloud")]
fn remote(address: &str, journal: &Path) -> Result<Store, String> {
    use casebook_records::Objects as _;

    let bucket = cloud::Bucket::open(address).map_err(|problem| format!("`{address}`: {problem}"))?;
    // A wrong name or key is found before anything is played; logs are never there.
    bucket.list("wal").map_err(|error| format!("`{address}` cannot be read: {error}"))?;
    Ok(Store::remote(address, Arc::new(bucket), journal))
}

#[cfg(feature = "cloud")]
mod cloud {
    use std::{future::Future, io, sync::LazyLock, thread, time::Duration};

    use casebook_records::{Object, Objects};
    use futures_util::TryStreamExt as _;
    use object_store::{
        ObjectStore, ObjectStoreExt as _, ObjectStoreScheme, RetryConfig, aws::AmazonS3Builder,
        azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, path::Path as Name,
    };
    use tokio::runtime::Runtime;
    use url::Url;

    /// How often a request is made again, and for how long.
    const RETRIES: (usize, Duration) = (4, Duration::from_secs(30));

    static RUNTIME: LazyLock<io::Result<Runtime>> =
        LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build());

    /// A bucket, or a folder of it.
    #[derive(Debug)]
    pub(super) struct Bucket {
        store: Box<dyn ObjectStore>,
        prefix: Name,
    }

    impl Bucket {
        /// A bucket by its address; keys and more are in the environment, as the clouds' own tools have them.
        pub(super) fn open(address: &str) -> Result<Self, String> {
            super::provide_tls();
            let url = Url::parse(address).map_err(|error| error.to_string())?;
            let retry = RetryConfig { max_retries: RETRIES.0, retry_timeout: RETRIES.1, ..RetryConfig::default() };
            let known = "expected `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`, or a folder";
            let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| known.to_owned())?;
            let store: Result<Box<dyn ObjectStore>, _> = match scheme {
                ObjectStoreScheme::AmazonS3 => {
                    let builder = AmazonS3Builder::from_env().with_url(address).with_retry(retry);
                    // Not every object store that speaks S3 has it.
                    let builder = builder.with_disable_bulk_delete(true);
                    builder.build().map(|store| Box::new(store) as _)
                }
                ObjectStoreScheme::GoogleCloudStorage => {
                    let builder = GoogleCloudStorageBuilder::from_env().with_url(address).with_retry(retry);
                    builder.build().map(|store| Box::new(store) as _)
                }
                ObjectStoreScheme::MicrosoftAzure => {
                    let builder = MicrosoftAzureBuilder::from_env().with_url(address).with_retry(retry);
                    builder.build().map(|store| Box::new(store) as _)
                }
                _ => return Err(known.to_owned()),
            };
            Ok(Self { store: store.map_err(|error| error.to_string())?, prefix })
        }

        /// The whole name of an object; what is encoded in it stays as it is.
        fn name(&self, below: &str) -> io::Result<Name> {
            let whole = if self.prefix.is_root() { below.to_owned() } else { format!("{}/{below}", self.prefix) };
            Name::parse(whole).map_err(io::Error::other)
        }
    }

    impl Objects for Bucket {
        fn list(&self, folder: &str) -> io::Result<Vec<Object>> {
            let folder = self.name(folder)?;
            let listed = wait(async { Ok(self.store.list(Some(&folder)).try_collect::<Vec<_>>().await?) })?;
            let objects = listed.into_iter().filter_map(|object| {
                let below = object.location.prefix_match(&self.prefix)?;
                let name = below.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/");
                Some(Object { name, size: object.size, modified: Some(object.last_modified.into()) })
            });
            Ok(objects.collect())
        }

        fn get(&self, name: &str) -> io::Result<Vec<u8>> {
            let name = self.name(name)?;
            wait(async { Ok(self.store.get(&name).await?.bytes().await?.to_vec()) })
        }

        fn put(&self, name: &str, bytes: Vec<u8>) -> io::Result<()> {
            let name = self.name(name)?;
            wait(async { Ok(self.store.put(&name, bytes.into()).await.map(drop)?) })
        }

        fn remove(&self, name: &str) -> io::Result<()> {
            let name = self.name(name)?;
            wait(async { Ok(self.store.delete(&name).await?) })
        }
    }

    /// Waits for a request, also on a thread that serves sockets.
    fn wait<T: Send>(request: impl Future<Output = io::Result<T>> + Send) -> io::Result<T> {
        let runtime = RUNTIME.as_ref().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        thread::scope(|scope| scope.spawn(|| runtime.block_on(request)).join())
            .unwrap_or_else(|_| Err(io::Error::other("the request failed")))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn objects_are_found_under_the_names_they_were_given() {
            for prefix in ["", "a/b"] {
                let store = Box::new(object_store::memory::InMemory::new());
                let bucket = Bucket { store, prefix: Name::from(prefix) };
                let name = "episodes/environment=a%2Fb%20c/day=2026-01-05/part-1.parquet";
                bucket.put(name, vec![1, 2]).expect("written");
                bucket.put("steps/else", vec![3]).expect("written");
                let listed = bucket.list("episodes").expect("listed");
                assert_eq!(listed.iter().map(|object| (&*object.name, object.size)).collect::<Vec<_>>(), [(name, 2)]);
                assert_eq!(bucket.get(name).expect("read"), [1, 2]);
                bucket.remove(name).expect("removed");
                assert_eq!(bucket.get(name).expect_err("it is gone").kind(), io::ErrorKind::NotFound);
                assert!(bucket.list("episodes").expect("listed").is_empty());
            }
        }
    }
}
